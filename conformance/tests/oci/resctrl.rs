//! `linux.intelRdt`: the group of a container in resctrl. Only a processor that divides its cache or bandwidth has it.

use std::fs;
use std::path::{Path, PathBuf};

use conformance::{Bundle, json, needs};

const ROOT: &str = "/sys/fs/resctrl";

fn resctrl() {
    needs::path("/sys/fs/resctrl/schemata");
}

/// Whether the first process is among the tasks of a group.
fn holds(group: &Path, pid: i32) -> bool {
    let tasks = fs::read_to_string(group.join("tasks")).unwrap_or_default();
    tasks.lines().any(|task| task == pid.to_string())
}

/// The lines of a group, without the blanks with which the kernel aligns them.
fn schemata(group: &Path) -> Vec<String> {
    let text = fs::read_to_string(group.join("schemata")).unwrap();
    text.lines().map(|line| line.replace(' ', "")).collect()
}

/// A line that the whole machine has now, so any group may have it.
fn whole() -> String {
    schemata(Path::new(ROOT)).remove(0)
}

/// The machine's line of a resource, `L3` or `MB`, with less in each domain: what no new group has unasked.
fn less(resource: &str, smaller: impl Fn(&str) -> String) -> String {
    resctrl();
    needs::path(&format!("{ROOT}/info/{resource}"));
    let line = schemata(Path::new(ROOT)).into_iter().find_map(|line| Some(line.strip_prefix(resource)?.to_owned()));
    let line = line.expect("what is in info is in schemata");
    let domains = line.trim_start_matches(':').split(';').map(|domain| domain.split_once('=').expect("ID=VALUE"));
    let smaller: Vec<String> = domains.map(|(id, value)| format!("{id}={}", smaller(value))).collect();
    format!("{resource}:{}", smaller.join(";"))
}

/// A container that has this line in the group of its own.
fn is_given(field: &str, line: String) {
    let container = Bundle::new().set(field, line.clone()).start();
    let group = Path::new(ROOT).join(container.id());
    assert!(holds(&group, container.process().pid));
    assert!(schemata(&group).contains(&line), "{line}: {:?}", schemata(&group));
    container.delete();
}

/// Not what a field does, so it covers none: without the hardware no field is passed over.
#[conformance::test]
fn without_resctrl_its_absence_is_named() {
    needs::no_path("/sys/fs/resctrl/schemata");
    let asked = [
        json!({}),
        json!({"closID": "gold"}),
        json!({"l3CacheSchema": "L3:0=f"}),
        json!({"memBwSchema": "MB:0=20"}),
        json!({"schemata": ["L3:0=f"]}),
        json!({"enableMonitoring": true}),
    ];
    for rdt in asked {
        Bundle::new().set("/linux/intelRdt", rdt).refused().names("/linux/intelRdt").says("resctrl");
    }
}

#[conformance::test]
fn a_share_of_the_cache_that_cannot_be_had_leaves_limits_as_they_were() {
    needs::no_path("/sys/fs/resctrl/schemata");
    let container = Bundle::new().set("/linux/resources/pids/limit", 50).start();
    container.call_with(&["update", "--pids-limit", "60", "--l3-cache-schema", "L3:0=f"], &[]).fails();
    assert_eq!(container.settled().cgroup_value("pids.max"), "50");
}

#[conformance::test(covers = ["/linux/intelRdt/schemata"])]
fn a_container_has_a_group_of_its_own_while_it_lives() {
    resctrl();
    let container = Bundle::new().set("/linux/intelRdt/schemata", json!([whole()])).start();
    let group = Path::new(ROOT).join(container.id());
    assert!(holds(&group, container.process().pid));
    assert!(schemata(&group).contains(&whole()));
    let inside = container.exec(["sh", "-c", "sleep 100 & echo $!"]).succeeds();
    assert!(!inside.stdout.is_empty());
    assert!(fs::read_to_string(group.join("tasks")).unwrap().lines().count() >= 2, "exec is in it, too");
    container.delete();
    assert!(!group.exists());
}

#[conformance::test(covers = ["/linux/intelRdt/l3CacheSchema"])]
fn the_cache_is_divided() {
    // The kernel wants an unbroken row of bits, and shows each mask as wide as the whole.
    let shorter = |mask: &str| u64::from_str_radix(mask, 16).expect("a mask") >> 1;
    let line = less("L3", |mask| format!("{:0width$x}", shorter(mask), width = mask.len()));
    is_given("/linux/intelRdt/l3CacheSchema", line);
}

#[conformance::test(covers = ["/linux/intelRdt/memBwSchema"])]
fn the_bandwidth_is_limited() {
    // Per cent on some processors, a rate on others: one step less.
    let step = || fs::read_to_string(format!("{ROOT}/info/MB/bandwidth_gran")).unwrap().trim().parse::<u64>().unwrap();
    let line = less("MB", |share| (share.parse::<u64>().expect("a share") - step()).to_string());
    is_given("/linux/intelRdt/memBwSchema", line);
}

#[conformance::test(covers = ["/linux/intelRdt/closID"])]
fn a_named_group_is_shared_and_stays() {
    resctrl();
    let bundle = Bundle::new();
    let group = Group::make(&bundle.id);
    let container = bundle.set("/linux/intelRdt", json!({"closID": group.name()})).start();
    assert!(holds(&group.0, container.process().pid));
    container.delete();
    assert!(group.0.exists());
}

#[conformance::test(covers = ["/linux/intelRdt/{closID,enableMonitoring}"])]
fn counters_are_made_and_removed() {
    resctrl();
    needs::path("/sys/fs/resctrl/mon_groups");
    let container = Bundle::new().set("/linux/intelRdt", json!({"closID": "/", "enableMonitoring": true})).start();
    let counters = Path::new(ROOT).join("mon_groups").join(container.id());
    assert!(holds(&counters, container.process().pid));
    container.delete();
    assert!(!counters.exists());
}

#[conformance::test]
fn a_group_that_is_not_there_or_otherwise_is_refused() {
    resctrl();
    let bundle = Bundle::new().set("/linux/intelRdt", json!({"closID": "nonesuch"}));
    bundle.refused().names("/linux/intelRdt/closID");
    let bundle = Bundle::new().set("/linux/intelRdt", json!({"closID": "/", "schemata": ["L3:99=1"]}));
    bundle.refused().names("/linux/intelRdt/schemata/0");
}

/// A group of the test.
struct Group(PathBuf);

impl Group {
    fn make(id: &str) -> Self {
        let path = Path::new(ROOT).join(format!("shared{}", id.rsplit('-').next().unwrap()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn name(&self) -> String {
        self.0.file_name().unwrap().to_string_lossy().into_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}
