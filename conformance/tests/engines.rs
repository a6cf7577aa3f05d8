//! Real engines with the runtime under test in runc's place: what people do with containers, through the programs they use.
//!
//! In: `RUNTIME`, and the engines of this machine (`make engines` installs them). Out: verdicts. Each engine is started
//! once for a test process, on sockets and directories of its own, in namespaces of its own; it ends with the process.
//! `make engines` runs this binary with runc and with Orlop and prints both columns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: a panic is a failed assertion"
)]

mod engines {
    mod alone;
    mod build;
    mod compose;
    mod conmon;
    mod containerd;
    mod daemon;
    mod docker;
    mod image;
    mod isolation;
    mod networks;
    mod options;
    mod podman;
    mod rootless;
    mod security;
    mod service;
    mod snippets;
    mod someone;
    mod systemd;
    mod volumes;
}
