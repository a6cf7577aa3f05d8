//! Every value of a config, one after the other, in the place of which stands what cannot be: refused with its field named, in one
//! line, and nothing left behind. `bad_input` has what each field cannot take for reasons of its own.

use conformance::{Bundle, Runtime, Value, json, leaks};

/// A config that says something of every section that needs nothing of the machine.
fn full() -> Bundle {
    let bundle = Bundle::new();
    if !Runtime::is_orlop() {
        // What a runtime does not know, it passes over.
        return bundle;
    }
    let hook = json!([{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 5}]);
    let hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    let bundle = hooks.iter().fold(bundle, |bundle, kind| bundle.set(&format!("/hooks/{kind}"), hook.clone()));
    let rule = json!({"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_EQ"});
    let call = json!({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [rule]});
    let seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"], "syscalls": [call]});
    let mapping = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    let mount = json!({"destination": "/m", "type": "bind", "source": "/tmp", "options": ["bind"], "uidMappings": mapping.clone(), "gidMappings": mapping});
    let device = json!([{"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 438, "uid": 1, "gid": 2}]);
    let limits = json!({
        "memory": {"limit": 99_000_000, "reservation": 9_000_000, "swap": 99_000_000, "swappiness": 5, "disableOOMKiller": false,
            "useHierarchy": true, "checkBeforeUpdate": false, "kernel": 0, "kernelTCP": 0},
        "cpu": {"shares": 512, "quota": 50_000, "period": 100_000, "burst": 0, "cpus": "0", "mems": "0", "idle": 0,
            "realtimeRuntime": 0, "realtimePeriod": 0},
        "blockIO": {"weight": 10, "leafWeight": 0, "throttleReadBpsDevice": [{"major": 7, "minor": 0, "rate": 5}]},
        "devices": [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}],
        "hugepageLimits": [{"pageSize": "2MB", "limit": 0}], "pids": {"limit": 50}, "unified": {"a.b": "1"},
        "network": {"classID": 1, "priorities": [{"name": "lo", "priority": 1}]}, "rdma": {"a": {"hcaHandles": 1}},
    });
    bundle
        .set("/process/user", json!({"uid": 0, "gid": 0, "umask": 18, "additionalGids": [5]}))
        .set(
            "/process/scheduler",
            json!({"policy": "SCHED_OTHER", "nice": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 0}),
        )
        .set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 4}))
        .set("/process/execCPUAffinity", json!({"initial": "0", "final": "0"}))
        .set("/process/oomScoreAdj", 100)
        .set("/annotations", json!({"a": "b"}))
        .set("/mounts/-", mount)
        .set("/linux/seccomp", seccomp)
        .set("/linux/resources", limits)
        .set("/linux/devices", device)
        .set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}))
        .set("/linux/timeOffsets", json!({"monotonic": {"secs": 1, "nanosecs": 2}}))
        .set("/linux/personality", json!({"domain": "LINUX", "flags": ["A"]}))
        .set("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}))
        .set("/linux/intelRdt", json!({"closID": "a", "schemata": ["L3:0=f"], "enableMonitoring": true}))
        .set("/linux/netDevices", json!({"eth0": {"name": "eth1"}}))
        .set("/linux/rootfsPropagation", "private")
}

/// What stands in the place of a value: nothing of its type, and of text what no system call can take.
fn impossible(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(_) => vec![json!("true"), json!(1)],
        Value::Number(_) => vec![json!("1"), json!(1.5), json!(1e40), json!([])],
        Value::String(_) => vec![json!(1), json!({}), json!("a\0b")],
        _ => vec![json!("x"), json!(5)],
    }
}

fn each<'v>(value: &'v Value, at: &str, all: &mut Vec<(String, &'v Value)>) {
    if !at.is_empty() {
        all.push((at.to_owned(), value));
    }
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            each(member, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all)
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| each(item, &format!("{at}/{index}"), all))
        }
        _ => {}
    }
}

#[conformance::test(covers = ["config.invalid-value", "error.no-effect"])]
fn what_a_field_cannot_be_is_refused_by_its_name() {
    let mut bundle = full();
    let right = bundle.config.clone();
    let mut all = Vec::new();
    each(&right, "", &mut all);
    assert!(all.len() > 100);
    for (field, value) in all {
        for wrong in impossible(value) {
            let nul = wrong.as_str().is_some_and(|text| text.contains('\0'));
            if nul && !Runtime::is_orlop() {
                continue;
            }
            bundle.config = right.clone();
            *bundle.config.pointer_mut(&field).unwrap() = wrong.clone();
            let path = bundle.write().path().to_string_lossy().into_owned();
            let outcome = bundle.runtime.call(["create", "--bundle", &path, &bundle.id]);
            assert_eq!(outcome.code, 1, "{field} = {wrong}: {}", outcome.stderr);
            outcome.names(&format!("[config.json {field}]"));
        }
    }
    leaks::nothing_left(&bundle);
    assert!(std::fs::read_dir(bundle.runtime.state()).unwrap().flatten().all(|entry| entry.file_name() == "@seccomp"));
}
