//! ARCHITECTURE.md, held to the source: who may use whom, and what is absent.

use std::collections::BTreeSet;

use super::{dependencies_of, none, sources, workspace};

/// Parts of the library, and which others each may use. `runtime`, `container` and `process` put them together.
const MAY_USE: [(&str, &[&str]); 10] = [
    ("spec", &["error"]),
    ("seccomp", &["error", "spec"]),
    ("cgroup", &["error", "spec", "sys"]),
    ("resctrl", &["error", "spec", "sys"]),
    ("host", &["error", "spec", "seccomp", "cgroup", "resctrl", "sys"]),
    ("compile", &["error", "spec", "cgroup", "resctrl", "host"]),
    ("state", &["error", "spec", "compile", "cgroup", "resctrl", "root_mount", "sys"]),
    ("launch", &["error", "spec", "cgroup", "compile", "state", "sys", "init_image"]),
    (
        "criu",
        &["error", "spec", "cgroup", "host", "compile", "launch", "state", "sys", "container", "runtime", "process"],
    ),
    ("sys", &[]),
];

/// Files of tests only, which may do anything.
const TESTS_ONLY: [&str; 6] =
    ["golden.rs", "/tests.rs", "/test_root.rs", "device_properties.rs", "seccomp/bpf.rs", "/golden/"];

/// The code below `folder` that is part of a program: line by line, without comments and without tests.
fn code(folder: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, text) in sources("rs") {
        if !name.starts_with(folder) || TESTS_ONLY.iter().any(|end| name.contains(end)) {
            continue;
        }
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in (1..).zip(program.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            lines.push((format!("{name}:{number}"), code.to_owned()));
        }
    }
    assert!(!lines.is_empty(), "there is no source below {folder}");
    lines
}

/// Where one of `words` stands in the code below `folder`.
fn mentions(folder: &str, words: &[&str]) -> Vec<String> {
    let lines = code(folder).into_iter().filter(|(_, code)| words.iter().any(|word| code.contains(word)));
    lines.map(|(place, code)| format!("{place}: {}", code.trim())).collect()
}

#[test]
fn parts_of_the_library_use_each_other_one_way() {
    let mut found = Vec::new();
    for (part, allowed) in MAY_USE {
        for (place, code) in code(&format!("runtime-core/src/{part}/")) {
            let uses = code.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
            let used = uses.filter_map(|mut words| words.next());
            let modules = used.filter(|word| word.starts_with(|c: char| c.is_lowercase()) && *word != part);
            found.extend(modules.filter(|word| !allowed.contains(word)).map(|word| format!("{place}: {word}")));
        }
    }
    none(&found, "a part of the library uses one it must not know");
}

#[test]
fn compilation_and_specification_touch_nothing() {
    let touch = ["rustix::", "std::fs", "std::env", "std::net", "std::process", "std::thread", "std::os::", "File::"];
    let clocks = ["Instant", "SystemTime", "OnceLock", "static "];
    for folder in ["runtime-core/src/compile/", "runtime-core/src/spec/"] {
        let mut found = mentions(folder, &touch);
        found.extend(mentions(folder, &clocks).into_iter().filter(|line| !line.contains("'static ")));
        found.extend(mentions(folder, &["nix::"]).into_iter().filter(|line| !line.contains("nix::errno::Errno")));
        // Of libc the constants, and the arithmetic of device numbers.
        let calls = mentions(folder, &["libc::"]).into_iter().filter(|line| {
            let names = line.split("libc::").skip(1).filter(|name| name.starts_with(|c: char| c.is_lowercase()));
            names.filter(|name| !["major(", "minor(", "makedev("].iter().any(|known| name.starts_with(known))).count()
                > 0
        });
        found.extend(calls);
        none(&found, "compile and spec make no system call, read no clock and keep nothing");
    }
}

#[test]
fn init_knows_the_plan_and_nothing_else() {
    let built_in = |manifest| dependencies_of(manifest, |table| table == "dependencies");
    assert_eq!(built_in("runtime-core/plan/Cargo.toml"), BTreeSet::new());
    assert_eq!(built_in("runtime-core/init/Cargo.toml"), BTreeSet::from(["orlop-plan".to_owned()]));
    let words = ["std::", "alloc::", "extern crate", "Box<", "Vec<", "String::", "format!"];
    for folder in ["runtime-core/init/src/", "runtime-core/plan/src/"] {
        none(&mentions(folder, &words), "init and plan have neither std nor an allocator");
    }
    let oci = ["Spec", "config.json", "bundle", "serde"];
    none(&mentions("runtime-core/init/src/", &oci), "init knows no OCI");
}

#[test]
fn init_has_no_path_of_its_own() {
    // The root it is in, the directory it is in, a descriptor itself, and its name for ps(1).
    let known = ["c\"/\"", "c\".\"", "c\"..\"", "c\"\"", "c\"orlop-init\""];
    let found = code("runtime-core/init/src/").into_iter().filter(|(_, code)| {
        let texts = code.split(" c\"").skip(1).chain(code.split("(c\"").skip(1));
        texts
            .map(|rest| format!("c\"{}\"", rest.split('"').next().unwrap_or_default()))
            .any(|text| !known.contains(&&*text))
    });
    none(&found.map(|(place, code)| format!("{place}: {}", code.trim())).collect::<Vec<_>>(), "paths are the plan's");
}

#[test]
fn the_library_depends_on_no_environment_and_no_signal() {
    let words = ["env::var", "set_var", "current_dir", "sigaction", "signal::signal", "SIGCHLD", "SIGALRM", "set_hook"];
    none(&mentions("runtime-core/src/", &words), "an embedding program's environment and signals are its own");
    let spawn = mentions("runtime-core/src/launch/spawn.rs", &["exit_signal"]);
    assert!(spawn.iter().all(|line| line.ends_with("exit_signal: 0,")) && !spawn.is_empty(), "{spawn:?}");
    let threads = ["thread::spawn", "thread::Builder", "process::Command", "libc::fork", "unistd::fork"];
    none(
        &mentions("runtime-core/src/", &threads),
        "launch/spawn.rs alone starts processes, and nothing starts threads",
    );
}

#[test]
fn no_socket_is_abstract() {
    // An abstract name is seen by whoever shares the network namespace; a path has a directory with a mode.
    let found = mentions("runtime-core/src/", &["new_abstract", "from_abstract", "AF_INET", "AddressFamily::INET"]);
    none(&found, "sockets of ours have paths, or no name");
    let store = mentions("runtime-core/src/state/store.rs", &["mode(0o700)", "from_raw_mode(0o700)"]);
    assert_eq!(store.len(), 2, "state root and container directories are their owner's alone: {store:?}");
}

#[test]
fn the_annotations_that_decide_are_these() {
    // Each of these has a table; the properties of systemd are refused where they are not in theirs.
    let tables =
        ["runtime-core/src/spec/annotations.rs", "runtime-core/src/cgroup/systemd/", "runtime-core/src/criu/images.rs"];
    let elsewhere = |lines: Vec<String>| -> Vec<String> {
        lines.into_iter().filter(|line| !tables.iter().any(|table| line.starts_with(table))).collect()
    };
    for part in ["compile", "launch", "cgroup", "host", "seccomp", "sys"] {
        let found = mentions(&format!("runtime-core/src/{part}/"), &["annotations"]);
        none(&elsewhere(found), "annotations are read in these places");
    }
    let named = mentions("runtime-core/src/", &["\"run.oci.", "\"org.systemd.", "\"org.criu."]);
    none(&elsewhere(named.clone()), "these three name them all");
    let manual = std::fs::read_to_string(workspace().join("runtime-core/src/manual/compatibility.md")).unwrap();
    for line in named {
        let name = line.split('"').nth(1).unwrap_or_default();
        assert!(manual.contains(&format!("`{name}")), "the manual does not tell of {name}");
    }
    none(&mentions("runtime-cli/src/", &["annotation"]), "annotations are handed on, never read");
}

#[test]
fn nothing_writes_a_pid_to_a_cgroup() {
    // Reads, the list of files that a delegated cgroup hands over, the question who may write it, and the refusal of `unified` to.
    let known = ["create.rs", "control.rs", "delegate.rs", "permission.rs", "spec/resources.rs"];
    let found = mentions("runtime-core/src/", &["cgroup.procs", "cgroup.threads"]);
    let unknown: Vec<String> = found.into_iter().filter(|line| !known.iter().any(|file| line.contains(file))).collect();
    none(&unknown, "cgroup.procs is read or refused, never written");
    let reads = mentions("runtime-core/src/cgroup/c", &["cgroup.procs"]);
    assert!(reads.iter().all(|line| line.contains("file::read")), "{reads:?}");
    let tasks = mentions("runtime-core/src/", &["\"tasks\""]);
    // Those of resctrl take a pid without a wait.
    let known = |line: &String| line.contains("cgroup/control.rs") || line.contains("src/resctrl/");
    assert!(tasks.iter().all(known), "init alone writes to tasks: {tasks:?}");
}

#[test]
fn every_descriptor_is_made_close_on_exec() {
    let makers = ["RDONLY", "WRONLY", "RDWR", "OFlags::PATH", "OPEN_TREE_CLONE", "SocketType::", "memfd_create("];
    let closing = ["CLOEXEC", "use ", "\"orlop-init\", ", "MOUNT_ATTR_RDONLY", "const RDONLY"];
    let found = mentions("runtime-core/src/", &makers).into_iter();
    let found = found.filter(|line| !closing.iter().any(|word| line.contains(word)) && !line.contains("/spec/"));
    // `cgroup::file::open` adds it.
    none(
        &found.filter(|line| !line.contains("/cgroup/")).collect::<Vec<_>>(),
        "a descriptor that others could inherit",
    );
    let opener = mentions("runtime-core/src/cgroup/file.rs", &["OFlags::CLOEXEC"]);
    assert_eq!(opener.len(), 1, "cgroup::file::open is close-on-exec: {opener:?}");
    let image = mentions("runtime-core/src/launch/spawn.rs", &["MemfdFlags::CLOEXEC |"]);
    assert_eq!(image.len(), 1, "init's own image is close-on-exec: {image:?}");
    let mut leaky = Vec::new();
    for (name, text) in sources("rs").iter().filter(|(name, _)| name.starts_with("runtime-core/init/src/sys/")) {
        // A pidfd is close-on-exec by itself (pidfd_open(2)).
        let functions = text.split("\npub fn ").skip(1).filter(|body| body.contains("OwnedFd::from_answer"));
        let open = functions.filter(|body| !body.contains("CLOEXEC") && !body.contains("CLONE_PIDFD"));
        leaky.extend(open.map(|body| format!("{name}: {}", body.lines().next().unwrap_or_default())));
    }
    none(&leaky, "a descriptor of init that a program of the container could inherit");
}
