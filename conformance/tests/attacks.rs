//! Attacks: what each known hole of the field let a container do, tried again. The host must come out untouched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod attacks {
    mod cgroups;
    mod descriptors;
    mod exe;
    mod exec;
    mod image;
    mod live_mounts;
    mod locks;
    mod races;
    mod symlinks;
    mod trap;
}
