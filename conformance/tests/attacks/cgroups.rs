//! A configuration may name any cgroup: what is in it already is none of the new container's.

use conformance::Bundle;

#[conformance::test]
fn a_cgroup_in_use_is_refused_and_nobody_in_it_is_harmed() {
    let path = format!("/oc-shared-{}", std::process::id());
    let neighbour = Bundle::new().set("/linux/cgroupsPath", path.clone()).start();
    neighbour.settled();
    // Without a pid namespace of its own, a container is cleaned up after by killing what its cgroup holds.
    let intruder = Bundle::new().without_namespace("pid").set("/linux/cgroupsPath", path);
    intruder.write();
    let bundle = intruder.path().to_string_lossy().into_owned();
    intruder.runtime.call(["create", "--bundle", &bundle, &intruder.id]).fails();
    neighbour.exec(["true"]).succeeds();
}
