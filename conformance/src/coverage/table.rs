//! The table: a row for each field, value and rule.
//!
//! In: the claims of the tests. Out: text. A row without a test that runs somewhere is empty, and counts as such; so does
//! a field of the schemas that no list has.

use std::collections::BTreeSet;
use std::fmt;

use super::{Claim, Machine, claims, failing, machines, names, schema};

/// How many tests of a row are printed by name.
const NAMED: usize = 3;

/// What is covered, and by whom.
#[derive(Debug)]
pub struct Table {
    machines: Vec<Machine>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    tests: Vec<String>,
}

impl Table {
    /// Of the tests that are built.
    pub fn of_the_tests() -> Self {
        Self::of(&claims(), machines())
    }

    fn of(claims: &[Claim], machines: Vec<Machine>) -> Self {
        let failing = failing();
        // A test that nobody can skip unseen: it runs where a list does not name it, or where no list is kept.
        let runs = |test: &str| machines.iter().any(|machine| machine.runs(test) != Some(false));
        let counts = |claim: &&Claim| !failing.contains(&claim.test) && runs(&claim.test);
        let claims: Vec<&Claim> = claims.iter().filter(counts).collect();
        let listed: Vec<String> = ["fields.txt", "values.txt", "rules.txt"].into_iter().flat_map(names).collect();
        let mut unlisted = schema::directory().map_or_else(BTreeSet::new, |directory| schema::fields(&directory));
        unlisted.retain(|field| !listed.contains(field));
        let rows = listed.into_iter().chain(unlisted).map(|name| {
            let tests = claims.iter().filter(|claim| claim.covers.contains(&name));
            Row { tests: tests.map(|claim| claim.test.clone()).collect(), name }
        });
        Self { rows: rows.collect(), machines }
    }

    /// The names that no test covers.
    pub fn empty(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.tests.is_empty()).map(|row| &*row.name).collect()
    }

    /// How many rows there are, and how many are empty.
    pub fn sum(&self) -> String {
        format!("{} fields, {} without a test", self.rows.len(), self.empty().len())
    }

    /// How many rows have tests, and no machine that is known to run one.
    fn unseen(&self) -> usize {
        let seen =
            |row: &Row| row.tests.iter().any(|test| self.machines.iter().any(|one| one.runs(test) == Some(true)));
        self.rows.iter().filter(|row| !row.tests.is_empty() && !seen(row)).count()
    }

    /// What the row of one machine's column says: whether one of the tests runs there.
    fn cell(machine: &Machine, row: &Row) -> &'static str {
        let runs: Vec<Option<bool>> = row.tests.iter().map(|test| machine.runs(test)).collect();
        match () {
            () if runs.is_empty() => "",
            () if runs.contains(&Some(true)) => "yes",
            () if runs.contains(&None) => "?",
            () => "-",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        write!(f, "{:width$}", "field or rule")?;
        self.machines.iter().try_for_each(|machine| write!(f, "  {}", machine.name))?;
        writeln!(f, "  tests")?;
        for row in &self.rows {
            write!(f, "{:width$}", row.name)?;
            for machine in &self.machines {
                write!(f, "  {:width$}", Self::cell(machine, row), width = machine.name.len())?;
            }
            let named = row.tests.iter().take(NAMED).map(|test| &**test).collect::<Vec<_>>().join(", ");
            let more = row.tests.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            writeln!(f, "  {}{more}", if named.is_empty() { "no test" } else { &*named })?;
        }
        match self.unseen() {
            0 => Ok(()),
            unseen => writeln!(f, "{unseen} of them have tests that none of the machines at hand can run"),
        }
    }
}
