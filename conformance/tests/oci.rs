//! What a container gets: one test per behaviour of the runtime specification.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod oci {
    mod block_io;
    mod capabilities;
    mod cgroup_v1;
    mod cgroup_v2;
    mod controllers;
    mod devices;
    mod hooks;
    mod labels;
    mod mapped_mounts;
    mod mount_options;
    mod mounts;
    mod names;
    mod namespaces;
    mod net_devices;
    mod network_limits;
    mod notify;
    mod paths;
    mod process;
    mod resctrl;
    mod root;
    mod rootless;
    mod scheduling;
    mod seccomp;
    mod seccomp_notify;
    mod seccomp_words;
    mod systemd;
    mod terminal;
}
