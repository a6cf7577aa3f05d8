//! What one container of Docker's does to the host and its neighbour: nothing. And what is said about the one that went too far:
//! by Docker, by the kernel inside, and by the runtime's own `state`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use conformance::{Runtime, Value, eventually};

use super::daemon::runtime_path;
use super::docker::{Running, daemon, docker, run};
use super::image::TINY;

/// A neighbour that answers, a host that starts programs, and another container that starts.
fn answers(neighbour: &Running) -> bool {
    let host = Command::new("true").status().is_ok_and(|status| status.success());
    host && neighbour.exec(["echo", "here"]).stdout.trim() == "here" && run([TINY, "true"]).code == 0
}

/// What the runtime says of a container of Docker's, which tells it where to keep its state.
fn state(container: &Running) -> Value {
    let daemon = daemon();
    let id = container.inspect("{{.Id}}");
    let places = [daemon.dir.join("exec").to_string_lossy().into_owned(), "/run".to_owned()];
    let find = ["find", &places[0], &places[1], "-type", "d", "-path", "*/runtime-*", "-name", &id];
    let found = daemon.call(daemon.inside(find)).stdout;
    let root = Path::new(found.lines().next().unwrap_or_default()).parent().expect("a directory");
    let mut call = daemon.inside([runtime_path(&daemon.dir).to_string_lossy().as_ref(), "--root"]);
    call.arg(root).args(["state", &id]);
    let text = daemon.call(call).succeeds().stdout;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// What the kernel counts of a container: the number after a word in a file of its cgroup.
fn counted(container: &Running, files: [&str; 2], word: &str) -> u64 {
    let name = format!("{}/{}", daemon().name(), container.inspect("{{.Id}}"));
    let (controller, file) = files[0].split_once('/').expect("a controller and a file");
    let root = Path::new("/sys/fs/cgroup");
    let places = [root.join(controller).join(&name).join(file), root.join(&name).join(files[1])];
    let text = places.iter().find_map(|place| fs::read_to_string(place).ok()).expect("the file of a controller");
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(key, _)| *key == word).and_then(|(_, number)| number.parse().ok()).expect("a number")
}

#[conformance::test]
fn a_fork_bomb_stays_inside() {
    let neighbour = Running::new("beside-bomb", [TINY, "sleep", "1000"]);
    let bomb = Running::new(
        "bomb",
        ["--pids-limit", "40", TINY, "sh", "-c", "(f() { f | f & }; while :; do f; sleep 0.1; done); exec sleep 1000"],
    );
    assert!(eventually(|| docker(["logs", "bomb"]).stderr.contains("can't fork")), "the limit says nothing");
    assert!(answers(&neighbour), "the neighbour does not answer");
    assert_eq!(bomb.inspect("{{.HostConfig.PidsLimit}} {{.State.Status}}"), "40 running");
    assert!(counted(&bomb, ["pids/pids.events", "pids.events"], "max") > 0, "the kernel counts nothing");
    if Runtime::is_orlop() {
        assert!(state(&bomb)["pidsRefused"].as_u64() > Some(0), "{}", state(&bomb));
    }
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
    // Docker is told of it beside the exit, and not always before.
    let told = || hog.inspect("{{.State.OOMKilled}} {{.State.ExitCode}}");
    assert!(eventually(|| told() == "true 137"), "{}", told());
    let soon = (std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs() + 1).to_string();
    let words = ["events", "--since", "0", "--until", &soon, "--filter", "container=hog", "--format", "{{.Action}}"];
    let events = docker(words);
    assert!(events.stdout.lines().any(|line| line == "oom"), "{}", events.stdout);
    assert!(answers(&neighbour), "the neighbour does not answer");
}

#[conformance::test]
fn a_hog_among_others_is_killed_alone_and_counted() {
    let script = "tail -c 100m /dev/zero; echo status $?; sleep 1000";
    let hog = Running::new("hog-child", ["-m", "16m", "--memory-swap", "16m", TINY, "sh", "-c", script]);
    assert!(eventually(|| docker(["logs", "hog-child"]).stdout.contains("status 137")), "its child is not killed");
    assert_eq!(hog.inspect("{{.State.Status}}"), "running");
    assert_eq!(counted(&hog, ["memory/memory.oom_control", "memory.events"], "oom_kill"), 1);
    if Runtime::is_orlop() {
        assert_eq!(state(&hog)["oomKills"], 1, "{}", state(&hog));
    }
}

#[conformance::test]
fn a_program_that_may_not_fork_says_so() {
    let script = "for n in $(seq 60); do sleep 1000 & done; sleep 1000";
    let many = Running::new("many-children", ["--pids-limit", "20", TINY, "sh", "-c", script]);
    docker(["wait", "many-children"]).prints("2");
    let logs = docker(["logs", "many-children"]);
    assert!(logs.stderr.contains("can't fork"), "{}", logs.stderr);
    drop(many);
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
