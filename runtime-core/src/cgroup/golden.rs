//! Tests of the whole way from resources to text: one machine with cgroup v1, one with v2, one with both.

use super::*;
use crate::error::Pointer;
use crate::spec::{
    BlockIo, Cpu, HugepageLimit, InterfacePriority, Memory, Network, RdmaLimit, Resources, Throttle, ThrottleKind,
    Unified as File, WeightDevice,
};

const AT: Pointer = Pointer::new("/linux/resources");

fn hierarchy(name: &str, own: &str) -> Hierarchy {
    let mount = format!("/sys/fs/cgroup/{}", name.trim_start_matches("name="));
    Hierarchy { controllers: name.split(',').map(str::to_owned).collect(), mount: mount.into(), own: own.into() }
}

fn v1() -> Layout {
    let names = ["cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "name=systemd"];
    Layout { v1: names.map(|name| hierarchy(name, "/")).to_vec(), v2: None }
}

fn unified(mount: &str, controllers: &str) -> Unified {
    let controllers = controllers.split_whitespace().map(str::to_owned).collect();
    Unified { mount: mount.into(), own: "/user.slice/shell.scope".into(), controllers, inside: false }
}

fn v2() -> Layout {
    Layout { v1: vec![], v2: Some(unified("/sys/fs/cgroup", "cpuset cpu io memory hugetlb pids")) }
}

fn hybrid() -> Layout {
    Layout { v2: Some(unified("/sys/fs/cgroup/unified", "hugetlb")), ..v1() }
}

fn none() -> Resources<'static> {
    Resources { at: AT, ..Resources::default() }
}

fn everything() -> Resources<'static> {
    let at = |list| AT.key("blockIO").key(list).index(0);
    let throttle = |kind, list| Throttle { at: at(list), kind, major: 8, minor: 0, rate: 1000 };
    Resources {
        memory: Memory {
            limit: Some(1 << 20),
            reservation: Some(1 << 19),
            swap: Some(3 << 20),
            check_before_update: true,
            ..Memory::default()
        },
        cpu: Cpu {
            shares: Some(2048),
            quota: Some(50_000),
            period: Some(100_000),
            burst: Some(10_000),
            cpus: Some("0-1".into()),
            mems: Some("0".into()),
            idle: Some(0),
            ..Cpu::default()
        },
        pids_limit: Some(0),
        block_io: BlockIo {
            weight: Some(500),
            weight_devices: vec![WeightDevice {
                at: at("weightDevice"),
                major: 8,
                minor: 0,
                weight: Some(10),
                leaf_weight: None,
            }],
            throttles: vec![
                throttle(ThrottleKind::ReadBps, "throttleReadBpsDevice"),
                throttle(ThrottleKind::WriteIops, "throttleWriteIOPSDevice"),
            ],
            ..BlockIo::default()
        },
        ..none()
    }
}

fn text(resources: &Resources<'_>, layout: &Layout) -> String {
    plan(resources, Some("/web"), "id", layout).unwrap().to_string()
}

fn message(resources: &Resources<'_>, layout: &Layout) -> String {
    plan(resources, Some("/web"), "id", layout).unwrap_err().to_string()
}

#[test]
fn everything_on_v1() {
    assert_eq!(
        text(&everything(), &v1()),
        "\
mkdir   /sys/fs/cgroup/cpu,cpuacct/web
mkdir   /sys/fs/cgroup/cpuset/web
mkdir   /sys/fs/cgroup/memory/web
mkdir   /sys/fs/cgroup/devices/web
mkdir   /sys/fs/cgroup/freezer/web
mkdir   /sys/fs/cgroup/blkio/web
mkdir   /sys/fs/cgroup/pids/web
mkdir   /sys/fs/cgroup/systemd/web
check   memory.usage_in_bytes <= 1048576  # /linux/resources/memory/limit
write   memory.limit_in_bytes 1048576  # /linux/resources/memory/limit
write   memory.memsw.limit_in_bytes 3145728  # /linux/resources/memory/swap
write   memory.soft_limit_in_bytes 524288  # /linux/resources/memory/reservation
write   cpu.shares 2048  # /linux/resources/cpu/shares
write   cpu.cfs_period_us 100000  # /linux/resources/cpu/period
write   cpu.cfs_quota_us 50000  # /linux/resources/cpu/quota
write   cpu.cfs_burst_us 10000  # /linux/resources/cpu/burst
write   cpu.idle 0  # /linux/resources/cpu/idle
write   cpuset.cpus 0-1  # /linux/resources/cpu/cpus
write   cpuset.mems 0  # /linux/resources/cpu/mems
write   pids.max 0  # /linux/resources/pids/limit
write   blkio.bfq.weight 500, or blkio.weight 500  # /linux/resources/blockIO/weight
write   blkio.bfq.weight_device 8:0 10, or blkio.weight_device 8:0 10  # /linux/resources/blockIO/weightDevice/0/weight
write   blkio.throttle.read_bps_device 8:0 1000  # /linux/resources/blockIO/throttleReadBpsDevice/0
write   blkio.throttle.write_iops_device 8:0 1000  # /linux/resources/blockIO/throttleWriteIOPSDevice/0
write   devices.deny a, if it can be  # /linux/resources/devices
write   devices.allow c *:* m, if it can be  # /linux/resources/devices
write   devices.allow b *:* m, if it can be  # /linux/resources/devices
write   devices.allow c 136:* rwm, if it can be  # /linux/resources/devices
write   devices.allow c 1:3 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 1:5 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 1:7 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 1:8 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 1:9 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 5:0 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 5:2 rwm, if it can be  # /linux/resources/devices
write   devices.allow c 10:200 rwm, if it can be  # /linux/resources/devices
"
    );
}

#[test]
fn everything_on_v2() {
    assert_eq!(
        text(&everything(), &v2()),
        "\
mkdir   /sys/fs/cgroup/web
enable  cpuset  # /linux/resources/cpu/cpus
enable  cpu  # /linux/resources/cpu/shares
enable  io  # /linux/resources/blockIO/weight
enable  memory  # /linux/resources/memory/swap
enable  hugetlb  # if it can be
enable  pids  # /linux/resources/pids/limit
check   memory.current <= 1048576  # /linux/resources/memory/limit
write   memory.swap.max 2097152  # /linux/resources/memory/swap
write   memory.max 1048576  # /linux/resources/memory/limit
write   memory.low 524288  # /linux/resources/memory/reservation
write   cpu.weight 174  # /linux/resources/cpu/shares
write   cpu.max 50000 100000  # /linux/resources/cpu/quota
write   cpu.max.burst 10000  # /linux/resources/cpu/burst
write   cpu.idle 0  # /linux/resources/cpu/idle
write   cpuset.cpus 0-1  # /linux/resources/cpu/cpus
write   cpuset.mems 0  # /linux/resources/cpu/mems
write   pids.max 1  # /linux/resources/pids/limit
write   io.bfq.weight 500, or io.weight 4950  # /linux/resources/blockIO/weight
write   io.bfq.weight 8:0 10, or io.weight 8:0 1  # /linux/resources/blockIO/weightDevice/0/weight
write   io.max 8:0 rbps=1000  # /linux/resources/blockIO/throttleReadBpsDevice/0
write   io.max 8:0 wiops=1000  # /linux/resources/blockIO/throttleWriteIOPSDevice/0
bpf     62 instructions
"
    );
}

#[test]
fn beside_v1_the_unified_hierarchy_takes_what_only_it_controls() {
    let limit = HugepageLimit { at: AT.key("hugepageLimits").index(0), page_size: "2MB".into(), limit: 4096 };
    let file = File { at: AT.key("unified").key("hugetlb.1GB.max"), file: "hugetlb.1GB.max".into(), value: "0".into() };
    let resources = Resources { hugepage_limits: vec![limit], unified: vec![file], ..none() };
    let plan = plan(&resources, Some("web"), "id", &hybrid()).unwrap();
    assert_eq!(plan.dirs.last().unwrap().path.to_str(), Some("/sys/fs/cgroup/unified/user.slice/shell.scope/web"));
    let text = plan.to_string();
    let found: Vec<_> = text.lines().filter(|line| line.contains("huge")).collect();
    assert_eq!(
        found,
        [
            "enable  hugetlb  # /linux/resources/hugepageLimits/0",
            "write   hugetlb.2MB.max 4096  # /linux/resources/hugepageLimits/0",
            "write   hugetlb.2MB.rsvd.max 4096, if it can be  # /linux/resources/hugepageLimits/0",
            "write   hugetlb.1GB.max 0  # /linux/resources/unified/hugetlb.1GB.max",
        ]
    );
    assert!(plan.devices.is_none(), "cgroup v1 has the list");
}

#[test]
fn a_path_is_absolute_or_below_ones_own() {
    let path = |path, layout: &Layout| plan(&none(), path, "id", layout).unwrap().dirs[0].path.display().to_string();
    let mut own = v1();
    own.v1[0].own = "/runner".into();
    assert_eq!(path(None, &own), "/sys/fs/cgroup/cpu,cpuacct/runner/id");
    assert_eq!(path(Some(""), &own), "/sys/fs/cgroup/cpu,cpuacct/runner/id");
    assert_eq!(path(Some("a/../b"), &own), "/sys/fs/cgroup/cpu,cpuacct/runner/b");
    assert_eq!(path(Some("/a//./b/"), &own), "/sys/fs/cgroup/cpu,cpuacct/a/b");
    assert_eq!(path(None, &v2()), "/sys/fs/cgroup/user.slice/id", "beside the shell, which has processes");
}

#[test]
fn a_path_stays_in_its_hierarchy() {
    let message = |path| plan(&none(), Some(path), "id", &v1()).unwrap_err().to_string();
    assert_eq!(
        message("a/../../b"),
        "check config: cgroup path \"a/../../b\" climbs out of its hierarchy [config.json /linux/cgroupsPath]"
    );
    let root = "check config: cgroup path \"/\" names the root of the hierarchy, which cannot be a container's \
        [config.json /linux/cgroupsPath]";
    assert_eq!(message("/"), root);
}

#[test]
fn a_limit_without_its_controller_is_refused_by_name() {
    let bare = Layout { v1: vec![hierarchy("devices", "/")], v2: None };
    let memory = Resources { memory: Memory { limit: Some(1), ..Memory::default() }, ..none() };
    let expected =
        "check config: this machine has no cgroup controller \"memory\" [config.json /linux/resources/memory/limit]";
    assert_eq!(message(&memory, &bare), expected);
    let few = Layout { v1: vec![], v2: Some(unified("/sys/fs/cgroup", "memory")) };
    let pids = Resources { pids_limit: Some(5), ..none() };
    let expected =
        "check config: this machine has no cgroup controller \"pids\" [config.json /linux/resources/pids/limit]";
    assert_eq!(message(&pids, &few), expected);
    let file = File { at: AT.key("unified").key("memory.high"), file: "memory.high".into(), value: "1".into() };
    let unified = Resources { unified: vec![file], ..none() };
    let expected = "check config: this machine has no cgroup v2 hierarchy that controls anything \
        [config.json /linux/resources/unified/memory.high]";
    assert_eq!(message(&unified, &v1()), expected);
    let expected =
        "check config: cgroup v2 has no controller \"memory\" here [config.json /linux/resources/unified/memory.high]";
    assert_eq!(message(&unified, &hybrid()), expected);
}

#[test]
fn what_v2_cannot_do_is_not_passed_over() {
    let memory = |memory| message(&Resources { memory, ..none() }, &v2());
    let only =
        |field: &str| format!("check config: cgroup v2 has no such control [config.json /linux/resources/{field}]");
    assert_eq!(memory(Memory { swappiness: Some(0), ..Memory::default() }), only("memory/swappiness"));
    assert_eq!(memory(Memory { disable_oom_killer: Some(true), ..Memory::default() }), only("memory/disableOOMKiller"));
    let cpu = Cpu { realtime_runtime: Some(5), ..Cpu::default() };
    assert_eq!(message(&Resources { cpu, ..none() }, &v2()), only("cpu/realtimeRuntime"));
    let idle = Memory { disable_oom_killer: Some(false), use_hierarchy: Some(true), ..Memory::default() };
    assert!(plan(&Resources { memory: idle, ..none() }, None, "id", &v2()).is_ok());
}

#[test]
fn zeros_of_engines_are_no_limits() {
    let memory = Memory { limit: Some(0), swap: Some(0), reservation: Some(0), ..Memory::default() };
    let cpu = Cpu { shares: Some(0), quota: Some(0), period: Some(0), realtime_period: Some(0), ..Cpu::default() };
    let zeros = Resources { memory, cpu, ..none() };
    for layout in [v1(), v2()] {
        assert_eq!(text(&zeros, &layout), text(&none(), &layout));
    }
}

#[test]
fn no_limit_lifts_swap_as_well() {
    let memory = Memory { limit: Some(-1), ..Memory::default() };
    let unlimited = Resources { memory, ..none() };
    let lines = |layout: &Layout| {
        let text = text(&unlimited, layout);
        text.lines().filter(|line| line.contains("resources/memory")).map(str::to_owned).collect::<Vec<_>>()
    };
    let at = "# /linux/resources/memory/limit";
    let v1_lines = ["write   memory.limit_in_bytes -1  ", "write   memory.memsw.limit_in_bytes -1, if it can be  "];
    assert_eq!(lines(&v1()), v1_lines.map(|line| format!("{line}{at}")));
    let v2_lines = ["enable  memory  ", "write   memory.swap.max max, if it can be  ", "write   memory.max max  "];
    assert_eq!(lines(&v2()), v2_lines.map(|line| format!("{line}{at}")));
}

fn networks() -> Resources<'static> {
    let priority = |index, interface: &'static str, priority| InterfacePriority {
        at: AT.key("network").key("priorities").index(index),
        interface: interface.into(),
        priority,
    };
    let priorities = vec![priority(0, "lo", 0), priority(1, "eth0", 5)];
    Resources { network: Network { class_id: Some(0x10_0001), priorities }, ..none() }
}

fn adapters() -> Resources<'static> {
    let limit = |device: &str, handles, objects| RdmaLimit {
        at: AT.key("rdma").key(device),
        device: device.to_owned(),
        handles,
        objects,
    };
    let rdma = vec![limit("mlx4_0", None, Some(0)), limit("mlx5_1", Some(3), Some(10_000))];
    Resources { rdma, ..none() }
}

#[test]
fn packets_are_marked_on_v1() {
    let mut layout = v1();
    layout.v1.push(hierarchy("net_cls,net_prio", "/"));
    let text = text(&networks(), &layout);
    let found: Vec<_> = text.lines().filter(|line| line.contains("net_") && line.starts_with("write")).collect();
    assert_eq!(
        found,
        [
            "write   net_cls.classid 1048577  # /linux/resources/network/classID",
            "write   net_prio.ifpriomap lo 0  # /linux/resources/network/priorities/0",
            "write   net_prio.ifpriomap eth0 5  # /linux/resources/network/priorities/1",
        ]
    );
}

#[test]
fn adapters_are_limited_on_v1_and_v2() {
    let mut old = v1();
    old.v1.push(hierarchy("rdma", "/"));
    let new = Layout { v1: vec![], v2: Some(unified("/sys/fs/cgroup", "cpu rdma")) };
    let writes = [
        "write   rdma.max mlx4_0 hca_object=0  # /linux/resources/rdma/mlx4_0",
        "write   rdma.max mlx5_1 hca_handle=3 hca_object=10000  # /linux/resources/rdma/mlx5_1",
    ];
    for layout in [old, new] {
        let text = text(&adapters(), &layout);
        assert_eq!(text.lines().filter(|line| line.contains("rdma.max")).collect::<Vec<_>>(), writes);
        let enabled = text.contains("enable  rdma  # /linux/resources/rdma/mlx4_0");
        assert_eq!(enabled, layout.v1.is_empty(), "{text}");
    }
}

#[test]
fn networks_and_adapters_without_their_controllers_are_refused_by_name() {
    for layout in [v1(), v2(), hybrid()] {
        let expected = |controller: &str, field: &str| {
            format!("check config: this machine has no cgroup controller {controller:?} [config.json {AT}/{field}]")
        };
        assert_eq!(message(&networks(), &layout), expected("net_cls", "network/classID"));
        let Network { priorities, .. } = networks().network;
        let unclassed = Resources { network: Network { class_id: Some(0), priorities }, ..none() };
        assert_eq!(message(&unclassed, &layout), expected("net_prio", "network/priorities/0"));
        assert_eq!(message(&adapters(), &layout), expected("rdma", "rdma/mlx4_0"));
    }
}
