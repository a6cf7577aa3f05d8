//! What one container does to the host and its neighbour: nothing. And what is said about the one that went too far.

use std::time::Duration;

use conformance::eventually;

use super::docker::{Running, docker, run};
use super::image::TINY;

/// A neighbour that answers, and the proof that it does.
fn answers(neighbour: &Running) -> bool {
    neighbour.exec(["echo", "here"]).stdout.trim() == "here" && run([TINY, "true"]).code == 0
}

#[conformance::test]
fn a_fork_bomb_stays_inside() {
    let neighbour = Running::new("beside-bomb", [TINY, "sleep", "1000"]);
    let bomb = Running::new(
        "bomb",
        ["--pids-limit", "40", TINY, "sh", "-c", "f() { f | f & }; while :; do f; sleep 0.1; done"],
    );
    assert!(eventually(|| docker(["logs", "bomb"]).stderr.contains("can't fork")), "the limit says nothing");
    assert!(answers(&neighbour), "the neighbour does not answer");
    let count = bomb.inspect("{{.State.Running}}");
    assert!(["true", "false"].contains(&count.as_str()));
    docker(["kill", "bomb"]);
    assert!(eventually(|| bomb.inspect("{{.State.Running}}") == "false"), "it cannot be killed");
}

#[conformance::test]
fn a_memory_hog_is_killed_and_says_why() {
    let neighbour = Running::new("beside-hog", [TINY, "sleep", "1000"]);
    let hog = Running::new(
        "hog",
        ["-m", "16m", "--memory-swap", "16m", TINY, "sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=256M"],
    );
    docker(["wait", "hog"]).prints("137");
    assert_eq!(hog.inspect("{{.State.OOMKilled}} {{.State.ExitCode}}"), "true 137");
    let soon = (std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs() + 1).to_string();
    let words = ["events", "--since", "0", "--until", &soon, "--filter", "container=hog", "--format", "{{.Action}}"];
    let events = docker(words);
    assert!(events.stdout.lines().any(|line| line == "oom"), "{}", events.stdout);
    assert!(answers(&neighbour), "the neighbour does not answer");
}

#[conformance::test]
fn a_busy_loop_takes_its_share_and_no_more() {
    let neighbour = Running::new("beside-loop", [TINY, "sleep", "1000"]);
    let busy = Running::new("busy", ["--cpus", "0.2", TINY, "sh", "-c", "while :; do :; done"]);
    let read =
        "cat /sys/fs/cgroup/cpuacct/cpuacct.usage /sys/fs/cgroup/cpu.stat 2>/dev/null | head -1 | awk '{print $NF}'";
    let used = || busy.exec(["sh", "-c", read]).stdout.trim().parse::<f64>().expect("a number");
    let throttled =
        "cat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null | awk '/nr_throttled/ {print $2}'";
    let before = used();
    std::thread::sleep(Duration::from_secs(1));
    assert!(used() > before, "it does not run at all");
    assert!(eventually(|| busy
        .exec(["sh", "-c", throttled])
        .stdout
        .trim()
        .parse::<u32>()
        .is_ok_and(|times| times > 0)));
    assert!(answers(&neighbour), "the neighbour does not answer");
}
