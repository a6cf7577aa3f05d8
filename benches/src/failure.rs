//! Why a measurement could not be taken: one line for a person.

use std::fmt;

/// What was attempted, and what came of it.
#[derive(Debug)]
pub struct Failure(String);

/// A measurement, or why there is none.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure in our own words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Adds what was being done to whatever error came of it.
pub trait During<T> {
    /// `read /x: No such file or directory`
    fn during(self, deed: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> During<T> for std::result::Result<T, E> {
    fn during(self, deed: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Failure(format!("{deed}: {error}")))
    }
}
