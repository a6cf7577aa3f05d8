//! Figures → SVG: one group of horizontal bars per operation, a bar per runtime, whiskers from p10 to p90.
//!
//! Written by hand; colours follow the reader's light or dark scheme.

use crate::figures::{Figures, Operation, Run};
use crate::stats::Spread;

/// What is drawn; the table has the rest.
const DRAWN: [Operation; 3] = [Operation::CreateStartDelete, Operation::Run, Operation::Exec];

const WIDTH: f64 = 720.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 96.0;
const TOP: f64 = 56.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
const TITLE: f64 = 26.0;
const GAP: f64 = 16.0;

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .head { font-size: 15px; font-weight: 600 } .title { font-weight: 600 }
  .small { font-size: 11px; fill: #57606a } .value { font-variant-numeric: tabular-nums }
  .bar { fill: #afb8c1 } .orlop { fill: #0969da } .floor { fill: #d8dee4 }
  .whisker { stroke: #57606a; stroke-width: 1.5; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #8b949e } .bar { fill: #6e7681 }
    .orlop { fill: #4493f8 } .floor { fill: #484f58 } .whisker { stroke: #c9d1d9 }
  }
";

/// The chart as a document of its own.
pub fn svg(run: &Run) -> String {
    let mut body = String::new();
    let mut top = TOP;
    for operation in DRAWN {
        let bars: Vec<(&Figures, Spread)> =
            run.figures.iter().filter_map(|figures| Some((figures, figures.time(operation)?))).collect();
        if !bars.is_empty() {
            top = group(&mut body, top, operation, &bars);
        }
    }
    let circumstances = escape(&run.circumstances);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\" \
         role=\"img\" aria-label=\"Time of container operations by runtime\">\n<style>{STYLE}</style>\n\
         <text class=\"head\" x=\"16\" y=\"24\">Milliseconds, less is better</text>\n\
         <text class=\"small\" x=\"16\" y=\"42\">median; whiskers p10–p90; {circumstances}</text>\n{body}</svg>\n"
    )
}

/// Draws one operation and returns where the next begins. Each group has its own scale, from 0.
fn group(body: &mut String, top: f64, operation: Operation, bars: &[(&Figures, Spread)]) -> f64 {
    let longest = bars.iter().map(|(_, spread)| spread.p90.max(spread.median)).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / longest;
    let title = escape(operation.title());
    body.push_str(&format!("<text class=\"title\" x=\"16\" y=\"{:.0}\">{title}</text>\n", top + 17.0));
    let mut y = top + TITLE;
    for (figures, spread) in bars {
        bar(body, y, figures, spread, scale);
        y += STEP;
    }
    y + GAP
}

fn bar(body: &mut String, y: f64, figures: &Figures, spread: &Spread, scale: f64) {
    let name = escape(&figures.name);
    let (text, middle) = (y + 12.5, y + BAR / 2.0);
    let width = spread.median * scale;
    let (low, high) = (LEFT + spread.p10 * scale, LEFT + spread.p90 * scale);
    let value = high.max(LEFT + width) + 8.0;
    body.push_str(&format!(
        "<text x=\"{:.0}\" y=\"{text:.1}\" text-anchor=\"end\">{name}</text>\
         <rect class=\"bar {name}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>\
         <path class=\"whisker\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v6M{high:.1} {:.1}v6\"/>\
         <text class=\"value\" x=\"{value:.1}\" y=\"{text:.1}\">{:.2}</text>\n",
        LEFT - 8.0,
        middle - 3.0,
        middle - 3.0,
        spread.median,
    ));
}

/// Text as XML wants it, in content and in attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out() {
        assert_eq!(escape("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
        let run = Run {
            figures: vec![Figures {
                name: "<x>".to_owned(),
                times: [(Operation::Run, vec![1.0])].into(),
                ..Figures::default()
            }],
            ..Run::default()
        };
        assert!(!svg(&run).contains("<x>"));
    }

    #[test]
    fn the_longest_whisker_ends_where_the_values_begin() {
        let figures = |name: &str, samples: &[f64]| Figures {
            name: name.to_owned(),
            times: [(Operation::Exec, samples.to_vec())].into(),
            ..Figures::default()
        };
        let run = Run { figures: vec![figures("crun", &[10.0]), figures("orlop", &[5.0])], ..Run::default() };
        let chart = svg(&run);
        assert!(chart.contains("class=\"bar crun\" x=\"96\" y=\"82.0\" width=\"528.0\""), "{chart}");
        assert!(chart.contains("class=\"bar orlop\" x=\"96\" y=\"104.0\" width=\"264.0\""), "{chart}");
    }
}
