//! No property of the specification is passed over in silence: a value that none of them takes is refused at each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end here")]

use orlop::spec::Spec;
use serde_json::{Value, json};

/// Every property of version 1.3 for Linux, but for those in [`IGNORED`]. `0` is the first element of an array.
const PROPERTIES: &str = "
    /ociVersion /root /root/path /root/readonly /hostname /domainname /annotations /annotations/a
    /mounts /mounts/0 /mounts/0/destination /mounts/0/type /mounts/0/source /mounts/0/options /mounts/0/options/0
    /mounts/0/uidMappings /mounts/0/uidMappings/0 /mounts/0/uidMappings/0/containerID
    /mounts/0/uidMappings/0/hostID /mounts/0/uidMappings/0/size /mounts/0/gidMappings /mounts/0/gidMappings/0
    /process /process/args /process/args/0 /process/env /process/env/0 /process/cwd /process/terminal
    /process/consoleSize /process/consoleSize/height /process/consoleSize/width
    /process/user /process/user/uid /process/user/gid /process/user/umask /process/user/additionalGids
    /process/capabilities /process/capabilities/bounding /process/capabilities/permitted
    /process/capabilities/effective /process/capabilities/inheritable /process/capabilities/ambient
    /process/rlimits /process/rlimits/0 /process/rlimits/0/type /process/rlimits/0/soft /process/rlimits/0/hard
    /process/noNewPrivileges /process/oomScoreAdj /process/apparmorProfile /process/selinuxLabel
    /process/scheduler /process/scheduler/policy /process/scheduler/nice /process/scheduler/priority
    /process/scheduler/flags /process/scheduler/flags/0 /process/scheduler/runtime /process/scheduler/deadline
    /process/scheduler/period
    /process/ioPriority /process/ioPriority/class /process/ioPriority/priority
    /process/execCPUAffinity
    /process/execCPUAffinity/initial /process/execCPUAffinity/final
    /hooks /hooks/prestart /hooks/createRuntime /hooks/createContainer /hooks/startContainer /hooks/poststart
    /hooks/poststop /hooks/poststop/0 /hooks/poststop/0/path /hooks/poststop/0/args /hooks/poststop/0/env
    /hooks/poststop/0/timeout
    /linux /linux/namespaces /linux/namespaces/0 /linux/namespaces/0/type /linux/namespaces/0/path
    /linux/uidMappings /linux/uidMappings/0 /linux/uidMappings/0/containerID /linux/uidMappings/0/hostID
    /linux/uidMappings/0/size /linux/gidMappings
    /linux/timeOffsets /linux/timeOffsets/monotonic /linux/timeOffsets/boottime /linux/timeOffsets/boottime/secs
    /linux/timeOffsets/boottime/nanosecs
    /linux/devices /linux/devices/0 /linux/devices/0/path /linux/devices/0/type /linux/devices/0/major
    /linux/devices/0/minor /linux/devices/0/fileMode /linux/devices/0/uid /linux/devices/0/gid
    /linux/netDevices /linux/netDevices/eth0 /linux/netDevices/eth0/name /linux/cgroupsPath /linux/sysctl /linux/sysctl/net.a /linux/rootfsPropagation
    /linux/maskedPaths /linux/maskedPaths/0 /linux/readonlyPaths /linux/readonlyPaths/0 /linux/mountLabel
    /linux/intelRdt /linux/intelRdt/closID /linux/intelRdt/l3CacheSchema /linux/intelRdt/memBwSchema
    /linux/intelRdt/schemata /linux/intelRdt/schemata/0 /linux/intelRdt/enableMonitoring /linux/memoryPolicy /linux/memoryPolicy/mode /linux/memoryPolicy/nodes
    /linux/memoryPolicy/flags /linux/memoryPolicy/flags/0
    /linux/personality /linux/personality/domain /linux/personality/flags /linux/personality/flags/0
    /linux/seccomp /linux/seccomp/defaultAction /linux/seccomp/defaultErrnoRet /linux/seccomp/architectures
    /linux/seccomp/architectures/0 /linux/seccomp/flags /linux/seccomp/flags/0 /linux/seccomp/listenerPath
    /linux/seccomp/listenerMetadata /linux/seccomp/syscalls /linux/seccomp/syscalls/0
    /linux/seccomp/syscalls/0/names /linux/seccomp/syscalls/0/action /linux/seccomp/syscalls/0/errnoRet
    /linux/seccomp/syscalls/0/args /linux/seccomp/syscalls/0/args/0 /linux/seccomp/syscalls/0/args/0/index
    /linux/seccomp/syscalls/0/args/0/value /linux/seccomp/syscalls/0/args/0/valueTwo
    /linux/seccomp/syscalls/0/args/0/op
    /linux/resources /linux/resources/devices /linux/resources/devices/0 /linux/resources/devices/0/allow
    /linux/resources/devices/0/type /linux/resources/devices/0/major /linux/resources/devices/0/minor
    /linux/resources/devices/0/access
    /linux/resources/memory /linux/resources/memory/limit /linux/resources/memory/reservation
    /linux/resources/memory/swap /linux/resources/memory/kernel /linux/resources/memory/kernelTCP
    /linux/resources/memory/swappiness /linux/resources/memory/disableOOMKiller
    /linux/resources/memory/useHierarchy /linux/resources/memory/checkBeforeUpdate
    /linux/resources/cpu /linux/resources/cpu/shares /linux/resources/cpu/quota /linux/resources/cpu/burst
    /linux/resources/cpu/period /linux/resources/cpu/realtimeRuntime /linux/resources/cpu/realtimePeriod
    /linux/resources/cpu/cpus /linux/resources/cpu/mems /linux/resources/cpu/idle
    /linux/resources/pids /linux/resources/pids/limit
    /linux/resources/blockIO /linux/resources/blockIO/weight /linux/resources/blockIO/leafWeight
    /linux/resources/blockIO/weightDevice /linux/resources/blockIO/weightDevice/0
    /linux/resources/blockIO/weightDevice/0/major /linux/resources/blockIO/weightDevice/0/minor
    /linux/resources/blockIO/weightDevice/0/weight /linux/resources/blockIO/weightDevice/0/leafWeight
    /linux/resources/blockIO/throttleReadBpsDevice /linux/resources/blockIO/throttleWriteBpsDevice
    /linux/resources/blockIO/throttleReadIOPSDevice /linux/resources/blockIO/throttleWriteIOPSDevice
    /linux/resources/blockIO/throttleReadBpsDevice/0/major /linux/resources/blockIO/throttleReadBpsDevice/0/minor
    /linux/resources/blockIO/throttleReadBpsDevice/0/rate
    /linux/resources/hugepageLimits /linux/resources/hugepageLimits/0
    /linux/resources/hugepageLimits/0/pageSize /linux/resources/hugepageLimits/0/limit
    /linux/resources/network /linux/resources/network/classID /linux/resources/network/priorities
    /linux/resources/network/priorities/0 /linux/resources/network/priorities/0/name
    /linux/resources/network/priorities/0/priority
    /linux/resources/rdma /linux/resources/rdma/mlx5_0 /linux/resources/rdma/mlx5_0/hcaHandles
    /linux/resources/rdma/mlx5_0/hcaObjects /linux/resources/unified /linux/resources/unified/memory.max
";

/// Properties of other platforms, and one that was never specified: "runtimes MUST ignore unknown properties".
const IGNORED: &str =
    "/windows /solaris /vm /zos /freebsd /process/commandLine /process/user/username /linux/frobnicate";

/// A config that is right; its missing objects and arrays are made by [`put`].
fn base() -> Value {
    json!({"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"args": ["sh"], "cwd": "/"}})
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for key in pointer.split('/').skip(1) {
        place = match key.parse::<usize>() {
            Ok(_) if place.is_null() => {
                *place = json!([null]);
                &mut place[0]
            }
            Ok(index) => &mut place[index],
            Err(_) => &mut place[key],
        };
    }
    *place = value;
}

#[test]
fn every_property_refuses_what_it_cannot_be() {
    for property in PROPERTIES.split_whitespace() {
        let mut config = base();
        put(&mut config, property, json!([[1]]));
        match Spec::from_slice(&serde_json::to_vec(&config).unwrap()) {
            Ok(_) => panic!("{property} is passed over in silence"),
            Err(error) => {
                let field = error.pointer().map(ToString::to_string).unwrap_or_default();
                assert!(field.starts_with(property), "{property}: {error}");
            }
        }
    }
}

#[test]
fn what_is_unknown_is_ignored() {
    for property in IGNORED.split_whitespace() {
        let mut config = base();
        put(&mut config, property, json!([[1]]));
        let bytes = serde_json::to_vec(&config).unwrap();
        let spec = Spec::from_slice(&bytes).unwrap();
        assert!(spec.warnings.is_empty(), "{property}");
    }
}
