//! Limits as a document of their own: what `update` is given, and what a container has once it was updated.
//!
//! Comes in: JSON in the shape of `linux.resources`. Goes out: [`Limits`], valid on their own, and laid over others. Decides which
//! values a change leaves alone; what they mean in a cgroup is decided where it is for `create`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Resources;
use crate::error::{Error, Kind, Op, Result};

/// Limits for a container that is there: a `resources` object (config-linux.md, "Control groups") with only what is to change.
///
/// ```
/// let limits = orlop::Limits::from_slice(br#"{"memory": {"limit": 67108864}, "pids": {"limit": 100}}"#).unwrap();
/// let error = orlop::Limits::from_slice(br#"{"pids": {"limit": -2}}"#).unwrap_err();
/// assert_eq!(error.to_string(), "check config: -2 is below -1 [resources/pids/limit]");
/// # drop(limits);
/// ```
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Limits(Map<String, Value>);

/// 0 is "not asked for" in what engines send, as it is in `config.json`.
const NOT_ASKED_FOR_AT_ZERO: [&str; 10] = [
    "memory/limit",
    "memory/reservation",
    "memory/swap",
    "cpu/shares",
    "cpu/quota",
    "cpu/period",
    "cpu/realtimePeriod",
    "cpu/realtimeRuntime",
    "blockIO/weight",
    "blockIO/leafWeight",
];

impl Limits {
    /// Reads a `resources` document.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        Resources::from_slice(bytes)?;
        read(bytes)
    }

    /// Those that a `config.json` sets; it was read before.
    pub(crate) fn of_config(bytes: &[u8]) -> Result<Self> {
        let mut config: Value = read(bytes)?;
        match config.pointer_mut("/linux/resources").map(Value::take) {
            Some(Value::Object(resources)) => Ok(Self(resources)),
            _ => Ok(Self::default()),
        }
    }

    /// These with what `change` gives instead. What it leaves out stays.
    #[must_use]
    pub(crate) fn changed_by(&self, change: &Self) -> Self {
        let mut changed = self.clone();
        lay_over(&mut changed.0, &change.0, "");
        // Unlimited memory within limited memory and swap is no limit at all: both are lifted, as in runc.
        let given = |key: &str| change.0.get("memory").and_then(|memory| memory.get(key)).and_then(Value::as_i64);
        if let (Some(-1), None | Some(0), Some(Value::Object(memory))) =
            (given("limit"), given("swap"), changed.0.get_mut("memory"))
        {
            memory.insert("swap".into(), (-1).into());
        }
        changed
    }

    /// Of these the sections that `change` touches: the kernel checks the values of one section against each other. Device rules
    /// are left out where they stay what they were in `before`: somebody else may have added to them since, a GPU's hook for one.
    #[must_use]
    pub(crate) fn touched_by(&self, change: &Self, before: &Self) -> Self {
        let same_devices = self.0.get("devices") == before.0.get("devices");
        let mut touched = self.clone();
        touched.0.retain(|section, _| change.0.contains_key(section) && !(section == "devices" && same_devices));
        touched
    }

    /// The document.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::new(Kind::System, Op::State).cause(error))
    }
}

/// The types other Rust programs describe limits with.
impl TryFrom<&oci_spec::runtime::LinuxResources> for Limits {
    type Error = Error;

    fn try_from(resources: &oci_spec::runtime::LinuxResources) -> Result<Self> {
        let bytes =
            serde_json::to_vec(resources).map_err(|error| Error::new(Kind::Config, Op::ReadConfig).cause(error))?;
        Self::from_slice(&bytes)
    }
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::new(Kind::Config, Op::ReadConfig).cause(error))
}

fn lay_over(old: &mut Map<String, Value>, new: &Map<String, Value>, at: &str) {
    for (key, value) in new {
        let place = if at.is_empty() { key.clone() } else { format!("{at}/{key}") };
        match (old.get_mut(key), value) {
            (_, Value::Null) => {}
            (_, Value::String(text)) if text.is_empty() => {}
            (_, Value::Number(zero)) if zero.as_i64() == Some(0) && NOT_ASKED_FOR_AT_ZERO.contains(&&*place) => {}
            (Some(Value::Object(old)), Value::Object(new)) => lay_over(old, new, &place),
            // The order of device rules is their meaning: a list of them is a whole.
            (Some(Value::Array(old)), Value::Array(new)) if place != "devices" => replace_namesakes(old, new),
            _ => drop(old.insert(key.clone(), value.clone())),
        }
    }
}

/// Entries of a list are of a device, a page size or an interface.
fn replace_namesakes(old: &mut Vec<Value>, new: &[Value]) {
    let name = |entry: &Value| ["major", "minor", "pageSize", "name"].map(|key| entry.get(key).cloned());
    for entry in new {
        match old.iter_mut().find(|known| name(known) == name(entry)) {
            Some(known) => *known = entry.clone(),
            None => old.push(entry.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Limits {
        Limits::from_slice(text.as_bytes()).unwrap()
    }

    fn changed(before: &str, change: &str) -> String {
        String::from_utf8(limits(before).changed_by(&limits(change)).bytes().unwrap()).unwrap()
    }

    #[test]
    fn what_is_left_out_stays() {
        let before = r#"{"cpu":{"period":50000,"quota":20000},"memory":{"limit":100,"swap":200}}"#;
        assert_eq!(changed(before, r#"{"cpu":{"period":10000}}"#), before.replace("50000", "10000"));
        assert_eq!(changed(before, "{}"), before);
        let nothing =
            r#"{"memory":{"limit":0,"swap":0},"cpu":{"shares":0,"quota":0,"period":0,"cpus":""},"pids":null}"#;
        assert_eq!(changed(before, nothing), before);
        assert_eq!(changed("{}", r#"{"pids":{"limit":7}}"#), r#"{"pids":{"limit":7}}"#);
    }

    #[test]
    fn without_a_memory_limit_there_is_none_for_swap() {
        let before = r#"{"memory":{"limit":100,"swap":200}}"#;
        assert_eq!(changed(before, r#"{"memory":{"limit":-1}}"#), r#"{"memory":{"limit":-1,"swap":-1}}"#);
    }

    #[test]
    fn entries_replace_their_namesakes() {
        let before = r#"{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":1}]}"#;
        assert_eq!(
            changed(before, r#"{"hugepageLimits":[{"pageSize":"1GB","limit":5}]}"#),
            r#"{"hugepageLimits":[{"limit":1,"pageSize":"2MB"},{"limit":5,"pageSize":"1GB"}]}"#
        );
    }

    #[test]
    fn only_sections_that_are_touched_are_written() {
        let before =
            limits(r#"{"cpu":{"shares":2},"memory":{"limit":100},"devices":[{"allow":false,"access":"rwm"}]}"#);
        let change = limits(r#"{"cpu":{"quota":7},"devices":[{"allow":false,"access":"rwm"}]}"#);
        let touched = before.changed_by(&change).touched_by(&change, &before);
        assert_eq!(String::from_utf8(touched.bytes().unwrap()).unwrap(), r#"{"cpu":{"quota":7,"shares":2}}"#);
    }

    #[test]
    fn limits_of_a_config_are_its_resources() {
        let config = br#"{"linux":{"resources":{"pids":{"limit":3}}}}"#;
        assert_eq!(Limits::of_config(config).unwrap(), limits(r#"{"pids":{"limit":3}}"#));
        assert_eq!(Limits::of_config(b"{}").unwrap(), Limits::default());
    }
}
