//! Figures → markdown: times, ratios, weights, scale.

use std::fmt::Write;

use crate::figures::{Figures, Operation, Run};
use crate::stats::Spread;

/// The runtimes that others are measured against.
const BASES: [&str; 2] = ["crun", "floor"];

/// The whole result as one markdown document.
pub fn markdown(run: &Run) -> String {
    let mut page = format!("# Results\n\n{}\n", run.circumstances);
    for figures in run.figures.iter().filter(|figures| !figures.version.is_empty()) {
        push(&mut page, format_args!("- {}: {}", figures.name, figures.version));
    }
    for note in &run.notes {
        push(&mut page, format_args!("- {note}"));
    }
    push(&mut page, format_args!("\n## Times\n\nMilliseconds: median (p10–p90)."));
    table(&mut page, "", &names(run), rows(run, |figures, operation| Some(milliseconds(figures.time(operation)?))));
    push(&mut page, format_args!("\n## Ratios\n\nOf two runtimes in the same round: median (p10–p90)."));
    ratios(&mut page, run);
    push(&mut page, format_args!("\n## Weight"));
    table(&mut page, "", &names(run), weights(run));
    if run.figures.iter().any(|figures| !figures.scale.is_empty()) {
        push(
            &mut page,
            format_args!("\n## Create + start + delete on a host with more mounts\n\nMilliseconds: median (p10–p90)."),
        );
        table(&mut page, "mounts added", &names(run), scale(run));
    }
    page
}

/// `1.23 (1.10–1.50)`
fn milliseconds(spread: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", spread.median, spread.p10, spread.p90)
}

fn names(run: &Run) -> Vec<String> {
    run.figures.iter().map(|figures| figures.name.clone()).collect()
}

fn rows(run: &Run, cell: impl Fn(&Figures, Operation) -> Option<String>) -> Vec<(String, Vec<Option<String>>)> {
    let row = |operation: Operation| {
        (operation.title().to_owned(), run.figures.iter().map(|figures| cell(figures, operation)).collect())
    };
    Operation::ALL.map(row).into()
}

/// One column per pair: `crun / floor` and so on.
fn ratios(page: &mut String, run: &Run) {
    let pairs: Vec<(&Figures, &Figures)> = BASES
        .into_iter()
        .filter_map(|base| run.of(base))
        .flat_map(|base| run.figures.iter().map(move |figures| (figures, base)))
        .filter(|(figures, base)| figures.name != base.name && figures.name != "floor")
        .collect();
    let heads: Vec<String> = pairs.iter().map(|(figures, base)| format!("{} / {}", figures.name, base.name)).collect();
    let row = |operation: Operation| {
        let cells = pairs.iter().map(|(figures, base)| figures.ratio(base, operation).map(milliseconds));
        (operation.title().to_owned(), cells.collect())
    };
    table(page, "", &heads, Operation::ALL.map(row).into());
}

fn weights(run: &Run) -> Vec<(String, Vec<Option<String>>)> {
    type Weight = fn(&Figures) -> Option<u64>;
    let kinds: [(&str, Weight); 5] = [
        ("resident memory of a created, waiting container, KiB", |figures| figures.waiting_kib),
        ("resident peak of `create`, KiB", |figures| figures.create_peak_kib),
        ("lowest `memory.limit` that starts, KiB", |figures| figures.lowest_limit_kib),
        ("binary on disk, KiB", |figures| figures.binary_kib),
        ("system calls of `create`, command and child", |figures| figures.create_syscalls),
    ];
    let row = |(title, weight): (&str, Weight)| {
        let cells = run.figures.iter().map(|figures| weight(figures).map(|value| value.to_string()));
        (title.to_owned(), cells.collect())
    };
    kinds.map(row).into()
}

fn scale(run: &Run) -> Vec<(String, Vec<Option<String>>)> {
    let cell = |figures: &Figures, mounts| Some(milliseconds(Spread::of(figures.scale.get(&mounts)?)?));
    let row = |mounts: usize| (mounts.to_string(), run.figures.iter().map(|figures| cell(figures, mounts)).collect());
    crate::scale::MOUNTS.map(row).into()
}

fn table(page: &mut String, corner: &str, heads: &[String], rows: Vec<(String, Vec<Option<String>>)>) {
    push(page, format_args!("\n| {corner} | {} |", heads.join(" | ")));
    push(page, format_args!("|---|{}", "--:|".repeat(heads.len())));
    for (title, cells) in rows {
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".to_owned())).collect();
        push(page, format_args!("| {title} | {} |", cells.join(" | ")));
    }
}

fn push(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    writeln!(page, "{line}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let figures = |name: &str, samples: [f64; 3]| Figures {
            name: name.to_owned(),
            times: [(Operation::Run, samples.to_vec())].into(),
            ..Figures::default()
        };
        Run {
            circumstances: "here".to_owned(),
            figures: vec![figures("crun", [20.0, 40.0, 20.0]), figures("floor", [5.0, 10.0, 5.0])],
            ..Run::default()
        }
    }

    #[test]
    fn a_row_has_a_cell_for_every_runtime() {
        let page = markdown(&run());
        assert!(page.contains("| run | 20.00 (20.00–36.00) | 5.00 (5.00–9.00) |"), "{page}");
        assert!(page.contains("| exec /bin/true | – | – |"), "{page}");
    }

    #[test]
    fn ratios_are_of_rounds() {
        assert!(markdown(&run()).contains("| run | 4.00 (4.00–4.00) |"));
    }
}
