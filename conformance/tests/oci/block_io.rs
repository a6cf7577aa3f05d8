//! `linux.resources.blockIO`: weights and rates of devices, in either version's files.

use std::fs;
use std::path::Path;

use conformance::{Bundle, Container, Value, json, needs};

fn v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The controller, in the version that is here.
fn needs_controller() {
    if v2() { needs::cgroup_v2(&["io"]) } else { needs::cgroup_v1("blkio") }
}

/// A whole disk that requests really go through, by its numbers.
fn disk() -> (u32, u32) {
    let names = fs::read_dir("/sys/block").unwrap().flatten().map(|entry| entry.path());
    let mut real = names.filter(|path| path.join("device").exists() || path.ends_with("loop7"));
    let path = real.next().unwrap_or_else(|| {
        needs::path("/sys/block/loop7");
        unreachable!("it was not there")
    });
    numbers(&path)
}

fn numbers(path: &Path) -> (u32, u32) {
    let text = fs::read_to_string(path.join("dev")).unwrap();
    let (major, minor) = text.trim().split_once(':').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

fn limited(resources: Value) -> Container {
    Bundle::new().set("/linux/resources/blockIO", resources).start()
}

#[conformance::test(covers = ["/linux/resources/blockIO/{throttleReadBpsDevice,throttleWriteBpsDevice,throttleReadIOPSDevice,throttleWriteIOPSDevice}/*/{major,minor,rate}"])]
fn every_rate_of_a_device_is_limited() {
    needs_controller();
    let (major, minor) = disk();
    let rate = |rate: u64| json!([{"major": major, "minor": minor, "rate": rate}]);
    let container = limited(json!({
        "throttleReadBpsDevice": rate(1_048_576), "throttleWriteBpsDevice": rate(2_097_152),
        "throttleReadIOPSDevice": rate(300), "throttleWriteIOPSDevice": rate(400),
    }));
    let value = |file: &str| container.settled().cgroup_value(file);
    if v2() {
        let shown = format!("{major}:{minor} rbps=1048576 wbps=2097152 riops=300 wiops=400");
        assert_eq!(value("io.max"), shown);
        return;
    }
    for (file, rate) in [("read_bps", 1_048_576), ("write_bps", 2_097_152), ("read_iops", 300), ("write_iops", 400)] {
        assert_eq!(value(&format!("blkio.throttle.{file}_device")), format!("{major}:{minor} {rate}"), "{file}");
    }
}

/// The disk with BFQ as its scheduler, which alone has weights; afterwards it has its own again.
struct Fair {
    file: std::path::PathBuf,
    before: String,
    numbers: (u32, u32),
}

impl Fair {
    fn disk() -> Self {
        needs_controller();
        needs::path("/sys/block/loop7/queue/scheduler");
        let file = std::path::PathBuf::from("/sys/block/loop7/queue/scheduler");
        let all = fs::read_to_string(&file).unwrap();
        let before = all.split(['[', ']']).nth(1).unwrap().to_owned();
        if fs::write(&file, "bfq").is_err() {
            needs::path("/sys/module/bfq");
        }
        Self { file, before, numbers: numbers(Path::new("/sys/block/loop7")) }
    }
}

impl Drop for Fair {
    fn drop(&mut self) {
        fs::write(&self.file, &self.before).expect("the scheduler it had");
    }
}

/// What the first of these files that is there shows.
fn first_of(container: &Container, files: &[&str]) -> String {
    let directory = container.settled().cgroup(if v2() { "" } else { "blkio" });
    let mut texts = files.iter().filter_map(|file| fs::read_to_string(directory.join(file)).ok());
    texts.next().unwrap_or_else(|| panic!("none of {files:?} in {}", directory.display()))
}

#[conformance::test(covers = ["/linux/resources/blockIO/weight"])]
fn the_weight_of_the_container_is_set() {
    let _fair = Fair::disk();
    let container = limited(json!({"weight": 300}));
    let shown = first_of(&container, &["io.bfq.weight", "blkio.bfq.weight", "blkio.weight"]);
    assert!(shown.split_whitespace().any(|word| word == "300"), "{shown}");
}

#[conformance::test(covers = ["/linux/resources/blockIO/weightDevice/*/{major,minor,weight}"])]
fn the_weight_of_a_device_is_set() {
    let fair = Fair::disk();
    let (major, minor) = fair.numbers;
    let container = limited(json!({"weightDevice": [{"major": major, "minor": minor, "weight": 500}]}));
    let shown = first_of(&container, &["io.bfq.weight", "blkio.bfq.weight_device", "blkio.weight_device"]);
    assert!(shown.lines().any(|line| line == format!("{major}:{minor} 500")), "{shown}");
}

/// The weight of a leaf was CFQ's, which Linux 5.0 took out: a kernel of today has no file for it.
#[conformance::test(covers = ["/linux/resources/blockIO/leafWeight", "/linux/resources/blockIO/weightDevice/*/leafWeight"])]
fn the_weight_of_a_leaf_is_refused_where_no_kernel_has_it() {
    needs_controller();
    let (major, minor) = disk();
    let refused = |io: Value, field: &str| {
        Bundle::new().set("/linux/resources/blockIO", io).refused().names(&format!("/linux/resources/blockIO/{field}"));
    };
    refused(json!({"leafWeight": 300}), "leafWeight");
    let device = json!({"weightDevice": [{"major": major, "minor": minor, "leafWeight": 300}]});
    refused(device, "weightDevice/0/leafWeight");
}
