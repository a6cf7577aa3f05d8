//! What outlives a container: named volumes and directories of the host.

use std::fs;

use super::docker::{daemon, docker, run};
use super::image::TINY;

#[conformance::test]
fn a_named_volume_outlives_its_container() {
    docker(["volume", "create", "kept"]).succeeds();
    run(["-v", "kept:/data", TINY, "sh", "-c", "echo precious >/data/file"]).succeeds();
    run(["-v", "kept:/data:ro", TINY, "cat", "/data/file"]).prints("precious");
    run(["-v", "kept:/data:ro", TINY, "touch", "/data/other"]).exits(1).says("read-only file system");
    docker(["volume", "rm", "kept"]).succeeds();
}

#[conformance::test]
fn a_directory_of_the_host_is_shared() {
    let dir = daemon().dir.join("shared");
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("in"), "from the host").expect("a file");
    let bind = format!("{}:/shared", dir.display());
    run(["-v", &bind, TINY, "sh", "-c", "cat /shared/in; echo back >/shared/out"]).prints("from the host");
    assert_eq!(fs::read_to_string(dir.join("out")).expect("a file the container wrote"), "back\n");
    let read_only = format!("type=bind,source={},target=/shared,readonly", dir.display());
    run(["--mount", &read_only, TINY, "touch", "/shared/x"]).exits(1).says("read-only file system");
}

#[conformance::test]
fn two_containers_share_a_volume() {
    docker(["volume", "create", "both"]).succeeds();
    let writer =
        super::docker::Running::new("writer", ["-v", "both:/data", TINY, "sh", "-c", "echo $$ >/data/pid; sleep 1000"]);
    let seen = || run(["--volumes-from", "writer", TINY, "cat", "/data/pid"]).stdout;
    assert!(conformance::eventually(|| seen().trim() == "1"));
    drop(writer);
    docker(["volume", "rm", "both"]).succeeds();
}

#[conformance::test]
fn a_tmpfs_is_the_containers_own() {
    run([
        "--tmpfs",
        "/scratch:size=2m,mode=1770",
        TINY,
        "sh",
        "-c",
        "stat -c %a /scratch; df -k /scratch | tail -1 | awk '{print $2}'",
    ])
    .prints("1770\n2048");
}
