//! What was typed.

use std::path::PathBuf;

use benches::failure::{During, Failure, Result};
use lexopt::prelude::{Long, Short, ValueExt};

pub(crate) const HELP: &str = "bench [--rounds N] [--only NAME]… [--out DIR] [--scale] [--check]

  --rounds N   interleaved rounds that count (60)
  --only NAME  measure only this runtime; may be repeated: --only orlop --only crun
  --out DIR    where latest.md and latest.svg go (benches/results)
  --scale      also with 20 and 1000 mounts added to the host
  --check      exit 1 and name each budget of budgets.toml that does not hold";

/// What is wanted of this program.
pub(crate) enum Asked {
    Bench(Options),
    Help,
}

pub(crate) struct Options {
    pub(crate) rounds: usize,
    only: Vec<String>,
    pub(crate) out: PathBuf,
    pub(crate) scale: bool,
    pub(crate) check: bool,
}

impl Options {
    pub(crate) fn parse() -> Result<Asked> {
        read(lexopt::Parser::from_env()).during("options")
    }

    /// Whether `--only` leaves this runtime in.
    pub(crate) fn wants(&self, runtime: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == runtime)
    }
}

fn read(mut parser: lexopt::Parser) -> std::result::Result<Asked, lexopt::Error> {
    let out = concat!(env!("CARGO_MANIFEST_DIR"), "/results").into();
    let mut options = Options { rounds: 60, only: Vec::new(), out, scale: false, check: false };
    while let Some(word) = parser.next()? {
        match word {
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("out") => options.out = parser.value()?.into(),
            Long("scale") => options.scale = true,
            Long("check") => options.check = true,
            Long("help") | Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    if options.rounds == 0 {
        return Err(Failure::new("--rounds must be at least 1").to_string().into());
    }
    Ok(Asked::Bench(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> std::result::Result<Asked, lexopt::Error> {
        read(lexopt::Parser::from_args(words))
    }

    #[test]
    fn only_leaves_the_others_out() {
        let Ok(Asked::Bench(options)) = parsed(&["--only", "crun", "--only=floor", "--rounds", "3"]) else {
            panic!("not options")
        };
        assert!(options.wants("crun") && options.wants("floor") && !options.wants("runc"));
        assert_eq!(options.rounds, 3);
    }

    #[test]
    fn no_rounds_and_unknown_words_are_refused() {
        assert!(parsed(&["--rounds", "0"]).is_err());
        assert!(parsed(&["--round", "1"]).is_err());
        assert!(parsed(&["crun"]).is_err());
    }
}
