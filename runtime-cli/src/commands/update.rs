//! `update`: other limits for a container, from flags or from a document.

use orlop::Limits;
use serde_json::{Map, Value};

use super::{container, document};
use crate::args::{Call, Flag, flags, size};
use crate::report::{DONE, Failure, Outcome};

/// How the value of a flag is written.
#[derive(Clone, Copy)]
enum Written {
    Number,
    Amount,
    List,
}
use Written::{Amount, List, Number};

/// Flags, and the field of `linux.resources` that each sets.
static FIELDS: &[(&Flag, Written, &str, &str)] = &[
    (&flags::BLKIO_WEIGHT, Number, "blockIO", "weight"),
    (&flags::CPU_PERIOD, Number, "cpu", "period"),
    (&flags::CPU_QUOTA, Number, "cpu", "quota"),
    (&flags::CPU_BURST, Number, "cpu", "burst"),
    (&flags::CPU_SHARE, Number, "cpu", "shares"),
    (&flags::CPU_RT_PERIOD, Number, "cpu", "realtimePeriod"),
    (&flags::CPU_RT_RUNTIME, Number, "cpu", "realtimeRuntime"),
    (&flags::CPU_IDLE, Number, "cpu", "idle"),
    (&flags::CPUSET_CPUS, List, "cpu", "cpus"),
    (&flags::CPUSET_MEMS, List, "cpu", "mems"),
    (&flags::MEMORY, Amount, "memory", "limit"),
    (&flags::MEMORY_RESERVATION, Amount, "memory", "reservation"),
    (&flags::MEMORY_SWAP, Amount, "memory", "swap"),
    (&flags::PIDS_LIMIT, Number, "pids", "limit"),
];

pub(crate) fn run(call: &Call) -> Outcome {
    let container = container(call)?;
    for flag in [&flags::KERNEL_MEMORY, &flags::KERNEL_MEMORY_TCP] {
        if call.text(flag)?.is_some_and(|text| !text.is_empty()) {
            return Err(call.wrong(format!("--{} is of no effect: no runtime sets this limit any more", flag.long)));
        }
    }
    let (cache, bandwidth) = (call.text(&flags::L3_CACHE_SCHEMA)?, call.text(&flags::MEM_BW_SCHEMA)?);
    let given = given(call)?;
    let document = match call.text(&flags::RESOURCES)? {
        None => Value::Object(given).to_string().into_bytes(),
        Some(_) if !given.is_empty() => {
            return Err(call.wrong("--resources stands alone: put all that is to change into the file".into()));
        }
        Some(name) => document(name)?,
    };
    container.update_with_cache(&Limits::from_slice(&document)?, cache, bandwidth)?;
    Ok(DONE)
}

/// What the flags ask for, as a `resources` object. An empty value asks for nothing, as in runc.
fn given(call: &Call) -> Result<Map<String, Value>, Failure> {
    let mut resources = Map::new();
    for &(flag, written, section, key) in FIELDS {
        let Some(text) = call.text(flag)?.filter(|text| !text.is_empty()) else { continue };
        let value = match written {
            List => Some(Value::from(text)),
            Amount if text != "-1" => size::bytes(text).map(Value::from),
            Amount | Number => text.parse::<i64>().ok().map(Value::from),
        };
        let value = value.ok_or_else(|| call.wrong(format!("invalid value for {}: \"{text}\"", flag.long)))?;
        let section = resources.entry(section).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(section) = section {
            section.insert(key.into(), value);
        }
    }
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use serde_json::json;

    use super::*;
    use crate::args;

    fn call(words: &str) -> Result<Call, Failure> {
        let (globals, rest) = args::globals(words.split(' ').map(OsString::from))?;
        args::command(globals, rest)
    }

    #[test]
    fn each_flag_sets_its_field() {
        let words = "update --blkio-weight 10 --cpu-period 20 --cpu-quota 30 --cpu-burst 40 --cpu-share 50 --cpu-rt-period 60 \
                     --cpu-rt-runtime 70 --cpu-idle 1 --cpuset-cpus 0-3 --cpuset-mems 1 --memory 1m --memory-reservation 2k \
                     --memory-swap -1 --pids-limit 80 c";
        let given = call(words).and_then(|call| given(&call)).map_err(|failure| failure.line()).unwrap();
        let asked = json!({
            "blockIO": {"weight": 10},
            "cpu": {
                "period": 20, "quota": 30, "burst": 40, "shares": 50, "realtimePeriod": 60, "realtimeRuntime": 70, "idle": 1,
                "cpus": "0-3", "mems": "1",
            },
            "memory": {"limit": 1 << 20, "reservation": 2 << 10, "swap": -1},
            "pids": {"limit": 80},
        });
        assert_eq!(Value::Object(given), asked);
        let fields = asked.as_object().unwrap().values().map(|section| section.as_object().unwrap().len());
        assert_eq!(FIELDS.len(), fields.sum::<usize>());
    }
}
