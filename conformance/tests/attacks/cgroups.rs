//! A container that may write its own cgroups.

use conformance::{Bundle, json};

/// Deeper than any path reaches (`PATH_MAX`): what can be named no more could be removed no more, nor its processes be found.
#[conformance::test]
fn cgroups_out_of_reach_of_any_path_go_with_the_container() {
    let nest = "cd /sys/fs/cgroup/memory 2>/dev/null || cd /sys/fs/cgroup
        name=$(printf '%0200d' 0); i=0
        while [ $((i += 1)) -le 30 ]; do mkdir $name && cd -P $name || exit 1; done 2>&1
        echo nested; exec sleep 1000";
    let mut bundle = Bundle::sh(nest).namespace("cgroup");
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    mounts.iter_mut().find(|mount| mount["type"] == "cgroup").unwrap()["options"] = json!(["rw"]);
    let container = bundle.start();
    container.eventually_prints("nested");
    container.call("ps").succeeds();
    container.delete();
}
