//! `budgets.toml`: what Orlop may cost, and which of it a run has overspent.
//!
//! What could not be measured counts as overspent: a budget nobody looks at would hold for ever.

use serde::Deserialize;

use crate::failure::{During, Result};
use crate::figures::{Figures, Operation, Run};

/// Whose budgets these are.
pub const OWNER: &str = "orlop";

/// The file, one list per way to judge.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Times, as a part of another runtime's time in the same rounds.
    ratio: Vec<Ratio>,
    /// Numbers with a limit of their own.
    absolute: Vec<Absolute>,
    /// Numbers that must be lower than another runtime's.
    lower: Vec<Lower>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratio {
    operation: Operation,
    against: String,
    at_most: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Absolute {
    figure: Figure,
    at_most: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lower {
    figure: Figure,
    than: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Figure {
    WaitingKib,
    CreatePeakKib,
    LowestLimitKib,
    CreateSyscalls,
}

impl Budgets {
    /// Reads the text of budgets.toml.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).during("budgets.toml")
    }

    /// One line per budget that does not hold, with what was measured.
    pub fn missed(&self, run: &Run) -> Vec<String> {
        let Some(own) = run.of(OWNER) else {
            return vec![format!("{OWNER} was not measured: build it first (make build) or set ORLOP_BIN")];
        };
        let ratios = self.ratio.iter().filter_map(|budget| budget.missed(own, run));
        let absolutes = self.absolute.iter().filter_map(|budget| budget.missed(own));
        let lowers = self.lower.iter().filter_map(|budget| budget.missed(own, run));
        ratios.chain(absolutes).chain(lowers).collect()
    }
}

impl Ratio {
    fn missed(&self, own: &Figures, run: &Run) -> Option<String> {
        let what = format!("{} against {}", self.operation.title(), self.against);
        match run.of(&self.against).and_then(|base| own.ratio(base, self.operation)) {
            None => Some(format!("{what}: not measured")),
            Some(ratio) if ratio.median <= self.at_most => None,
            Some(ratio) => Some(format!("{what}: {:.2}, at most {}", ratio.median, self.at_most)),
        }
    }
}

impl Absolute {
    fn missed(&self, own: &Figures) -> Option<String> {
        match self.figure.of(own) {
            None => Some(format!("{}: not measured", self.figure.title())),
            Some(value) if value <= self.at_most => None,
            Some(value) => Some(format!("{}: {value}, at most {}", self.figure.title(), self.at_most)),
        }
    }
}

impl Lower {
    fn missed(&self, own: &Figures, run: &Run) -> Option<String> {
        let (title, than) = (self.figure.title(), &self.than);
        match (self.figure.of(own), run.of(than).and_then(|base| self.figure.of(base))) {
            (Some(value), Some(base)) if value < base => None,
            (Some(value), Some(base)) => Some(format!("{title}: {value}, not lower than {than}'s {base}")),
            _ => Some(format!("{title} against {than}: not measured")),
        }
    }
}

impl Figure {
    fn of(self, figures: &Figures) -> Option<u64> {
        match self {
            Self::WaitingKib => figures.waiting_kib,
            Self::CreatePeakKib => figures.create_peak_kib,
            Self::LowestLimitKib => figures.lowest_limit_kib,
            Self::CreateSyscalls => figures.create_syscalls,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::WaitingKib => "resident memory of a waiting container (KiB)",
            Self::CreatePeakKib => "resident peak of create (KiB)",
            Self::LowestLimitKib => "lowest memory.limit that starts (KiB)",
            Self::CreateSyscalls => "system calls of create",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../budgets.toml");

    fn figures(name: &str, milliseconds: f64, number: u64) -> Figures {
        Figures {
            name: name.to_owned(),
            times: Operation::ALL.map(|operation| (operation, vec![milliseconds])).into(),
            waiting_kib: Some(number),
            create_peak_kib: Some(number),
            lowest_limit_kib: Some(number),
            create_syscalls: Some(number),
            ..Figures::default()
        }
    }

    fn run(own: Figures) -> Run {
        Run { figures: vec![own, figures("crun", 20.0, 100), figures("floor", 4.0, 10)], ..Run::default() }
    }

    #[test]
    fn our_budgets_hold_for_what_they_ask() {
        assert_eq!(Budgets::parse(OURS).unwrap().missed(&run(figures("orlop", 8.0, 64))), [""; 0]);
    }

    #[test]
    fn each_missed_budget_is_named_with_its_value() {
        let missed = Budgets::parse(OURS).unwrap().missed(&run(figures("orlop", 10.0, 100)));
        assert!(missed.contains(&"create + start + delete against crun: 0.50, at most 0.4".to_owned()), "{missed:?}");
        assert!(missed.contains(&"create + start + delete against floor: 2.50, at most 2".to_owned()), "{missed:?}");
        assert!(missed.contains(&"system calls of create: 100, not lower than crun's 100".to_owned()), "{missed:?}");
        assert_eq!(missed.len(), 6);
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let budgets = Budgets::parse(OURS).unwrap();
        let alone = Run { figures: vec![figures("orlop", 1.0, 1)], ..Run::default() };
        assert_eq!(budgets.missed(&alone).len(), 5);
        assert_eq!(budgets.missed(&Run::default()).len(), 1);
    }

    #[test]
    fn a_misspelt_budget_is_an_error() {
        assert!(Budgets::parse("ratio = []\nabsolut = []\nlower = []").is_err());
    }
}
