//! One container of one runtime → what can be seen of it.
//!
//! In: a runtime's name and a bundle. Out: lines by key, without what differs from run to run: ids, numbers of devices and
//! mounts, the bundle's own path. A script inside says what only it can see; everything else is read from outside.

use std::fs;

use conformance::console::Console;
use conformance::observe::Process;
use conformance::{Bundle, Runtime, Value, eventually};

use super::differences::Seen;
use super::host_side;

/// What the script says last.
const END: &str = "the-probe-ends";

/// Sysctls that are looked at whether or not the configuration sets them.
const SYSCTLS: [&str; 4] =
    ["kernel/msgmax", "kernel/shm_rmid_forced", "net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range"];

/// Creates the container, starts it, looks, and deletes it.
pub(crate) fn observe(runtime: &str, mut bundle: Bundle) -> Seen {
    let named = Runtime::named(runtime, bundle.path());
    let scope = bundle.config["linux"]["cgroupsPath"].as_str().is_some_and(|path| path.contains(':'));
    bundle.runtime = if scope { named.with("--systemd-cgroup") } else { named };
    let script = script(&bundle.config, &bundle.id);
    bundle = bundle.args(["/bin/sh", "-c", &script]);
    bundle.write();
    let mut seen = Seen::new();
    if let Err(stage) = look(&bundle, &mut seen) {
        seen.insert("container".to_owned(), stage.to_owned());
        if std::env::var_os("ORACLE_ONLY").is_some() {
            eprintln!("{runtime}: {stage}: {}", seen.remove("why").unwrap_or_default());
        }
        seen.remove("why");
    }
    bundle.runtime.call(["delete", "--force", &bundle.id]);
    if !seen.contains_key("container") {
        host_side::left(&bundle.rootfs(), &mut seen);
    }
    let clean = |text: &str| text.replace(&*bundle.path().to_string_lossy(), "BUNDLE").replace(&bundle.id, "ID");
    seen.iter().map(|(key, value)| (clean(key), clean(value))).collect()
}

fn look(bundle: &Bundle, seen: &mut Seen) -> Result<(), &'static str> {
    let dir = bundle.path().to_string_lossy();
    let console = (bundle.config["process"]["terminal"] == true).then(|| Console::of(bundle));
    let socket = console.as_ref().map(|console| console.path.to_string_lossy().into_owned());
    let mut words = vec!["create", "--bundle", &dir];
    words.extend(socket.iter().flat_map(|socket| ["--console-socket", socket.as_str()]));
    words.push(&bundle.id);
    let created = bundle.runtime.call(words);
    if created.code != 0 {
        seen.insert("why".to_owned(), created.stderr);
        return Err("is refused");
    }
    let mut terminal = console.map(|console| console.receive());
    let started = bundle.runtime.call(["start", &bundle.id]);
    if started.code != 0 {
        seen.insert("why".to_owned(), started.stderr);
        return Err("does not start");
    }
    let said = match &mut terminal {
        Some(terminal) => terminal.shows(END),
        // A container with few processor shares waits for others.
        None => {
            (0..3).any(|_| eventually(|| created.output().contains(END)));
            created.output()
        }
    };
    if !said.contains(END) {
        seen.insert("why".to_owned(), said);
        return Err("says nothing");
    }
    inside(&said, seen);
    let process = process(bundle);
    // A shell blocks signals while it forks, and one with a small quota may be stopped there.
    eventually(|| process.status("SigBlk").is_some_and(|mask| mask.bytes().all(|digit| digit == b'0')));
    host_side::all(process, &bundle.config, seen);
    Ok(())
}

fn process(bundle: &Bundle) -> Process {
    let state = bundle.runtime.call(["state", &bundle.id]).succeeds().stdout;
    let state: Value = state.parse().expect("a state");
    Process::new(i32::try_from(state["pid"].as_i64().unwrap_or_default()).expect("a pid"))
}

/// Lines `key = value`; what is no such line belongs to the one before it.
fn inside(said: &str, seen: &mut Seen) {
    let mut last = None;
    for line in said.lines().map(str::trim_end).take_while(|line| !line.contains(END)) {
        match (line.strip_prefix("inside.").and_then(|line| line.split_once(" = ")), &last) {
            (Some((key, value)), _) => {
                let key = format!("inside.{key}");
                seen.insert(key.clone(), value.to_owned());
                last = Some(key);
            }
            (None, Some(key)) => seen.entry(key.clone()).or_default().push_str(&format!("; {line}")),
            (None, None) => {
                seen.insert("inside.first-words".to_owned(), line.to_owned());
            }
        }
    }
}

/// What the program in the container does. Busybox by its path: the shape's `PATH` is its own.
fn script(config: &Value, id: &str) -> String {
    let mut lines = vec![
        "b=/bin/busybox".to_owned(),
        r#"say() { echo "inside.$1 = $2"; }"#.to_owned(),
        r#"say hostname "$($b hostname)""#.to_owned(),
        r#"say domainname "$($b cat /proc/sys/kernel/domainname 2>&1)""#.to_owned(),
        r#"say id "$($b id)""#.to_owned(),
        r#"say tty "$($b tty)""#.to_owned(),
        r#"[ ! -t 0 ] || say stty "$($b stty -a)""#.to_owned(),
        // Other keys of this user are there as well, whoever made them.
        format!(r#"say keyring "$($b grep -o '_ses.{id}' /proc/keys 2>&1)""#),
        r#"say cgroup "$($b cut -d: -f2- /proc/self/cgroup 2>&1)""#.to_owned(),
        r#"say interfaces "$($b ip -o link 2>&1 | $b sed 's/^[0-9]*: //; s/@if[0-9]*//')""#.to_owned(),
        r#"say descriptors "$($b ls /proc/self/fd 2>&1 | $b tr '\n' ' ')""#.to_owned(),
        r#"say pid "$($b cut -d' ' -f1 /proc/self/stat 2>/dev/null | $b sed 's/...*/large/')""#.to_owned(),
    ];
    let set = config["linux"]["sysctl"].as_object().into_iter().flatten().map(|(name, _)| name.replace('.', "/"));
    let names = SYSCTLS.iter().map(|name| (*name).to_owned()).chain(set);
    lines.extend(names.map(|name| format!(r#"say sysctl.{name} "$($b cat /proc/sys/{name} 2>&1)""#)));
    for kind in ["maskedPaths", "readonlyPaths"] {
        let paths = config["linux"][kind].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.extend(paths.map(|path| {
            format!(
                r#"p='{path}'; say "{kind}.$p" "$(if [ -d $p ]; then $b ls -A $p | $b wc -l; elif [ -e $p ]; then $b head -c 9 $p | $b wc -c; else echo none; fi 2>&1) $([ -w $p ] && echo writable)""#
            )
        }));
    }
    lines.push(format!("echo {END}; while :; do $b sleep 1000; done"));
    lines.join("\n")
}

/// What is at a path, without its content.
pub(crate) fn shape_of(path: &std::path::Path) -> Option<String> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let meta = fs::symlink_metadata(path).ok()?;
    let owner = format!("{:o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
    let device = || format!("{}:{}", nix::sys::stat::major(meta.rdev()), nix::sys::stat::minor(meta.rdev()));
    let kind = meta.file_type();
    Some(match () {
        () if kind.is_symlink() => format!("-> {}", fs::read_link(path).ok()?.display()),
        () if kind.is_char_device() => format!("c {} {owner}", device()),
        () if kind.is_block_device() => format!("b {} {owner}", device()),
        () if kind.is_fifo() => format!("p {owner}"),
        () if kind.is_socket() => format!("s {owner}"),
        () if kind.is_dir() => format!("d {owner}"),
        () => format!("f {owner}"),
    })
}
