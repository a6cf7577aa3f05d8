//! The command line of runc: every command, every flag with its letter and whether it has a value, the forms a flag may have, how many
//! operands there are, and the status and the stream that what is wrong is told on. Nothing is started: each call is refused, or helps.

use std::collections::BTreeSet;

use conformance::{Bundle, Outcome, Runtime, needs};

/// A command; its operands, least and most; its flags of runc 1.1; those that came later, or are ours.
struct Command {
    name: &'static str,
    operands: (usize, usize),
    /// Words as `-b,bundle=VALUE`: the value is one that can be read; a switch has none.
    flags: &'static str,
    newer: &'static str,
    ours: &'static str,
}

const ANY: usize = usize::MAX;

const GLOBALS: Command = Command {
    name: "",
    operands: (0, ANY),
    flags: "debug log=/dev/null log-format=json root=/tmp systemd-cgroup rootless=auto -h,help -v,version",
    newer: "",
    ours: "cgroup-manager=cgroupfs",
};

#[rustfmt::skip]
const COMMANDS: &[Command] = &[
    Command {
        name: "create", operands: (1, 1),
        flags: "-b,bundle=/x console-socket=/x pid-file=/x no-pivot no-new-keyring preserve-fds=1 -h,help",
        newer: "pidfd-socket=/x", ours: "",
    },
    Command {
        name: "run", operands: (1, 1),
        flags: "-b,bundle=/x console-socket=/x pid-file=/x no-pivot no-new-keyring preserve-fds=1 -d,detach keep no-subreaper -h,help",
        newer: "pidfd-socket=/x", ours: "-t,tty trace=/x",
    },
    Command { name: "start", operands: (1, 1), flags: "-h,help", newer: "", ours: "" },
    Command { name: "state", operands: (1, 1), flags: "-h,help", newer: "", ours: "" },
    Command { name: "kill", operands: (1, 2), flags: "-a,all -h,help", newer: "", ours: "" },
    Command { name: "delete", operands: (1, 1), flags: "-f,force -h,help", newer: "", ours: "" },
    Command {
        name: "exec", operands: (1, ANY),
        flags: "console-socket=/x cwd=/x -e,env=A=1 -t,tty -u,user=1 -g,additional-gids=1 -p,process=/x -d,detach pid-file=/x \
                process-label=x apparmor=x no-new-privs -c,cap=x preserve-fds=1 cgroup=x ignore-paused -h,help",
        newer: "pidfd-socket=/x", ours: "",
    },
    Command { name: "pause", operands: (1, 1), flags: "-h,help", newer: "", ours: "" },
    Command { name: "resume", operands: (1, 1), flags: "-h,help", newer: "", ours: "" },
    Command { name: "ps", operands: (1, ANY), flags: "-f,format=json -h,help", newer: "", ours: "" },
    Command { name: "list", operands: (0, 0), flags: "-f,format=json -q,quiet -h,help", newer: "", ours: "" },
    Command { name: "spec", operands: (0, 0), flags: "-b,bundle=/x rootless -h,help", newer: "", ours: "" },
    Command { name: "events", operands: (1, 1), flags: "interval=1s stats -h,help", newer: "", ours: "" },
    Command { name: "features", operands: (0, 0), flags: "-h,help", newer: "", ours: "" },
    Command {
        name: "update", operands: (1, 1),
        flags: "-r,resources=/x blkio-weight=10 cpu-period=1 cpu-quota=1 cpu-share=1 cpu-rt-period=1 cpu-rt-runtime=1 cpuset-cpus=0 \
                cpuset-mems=0 kernel-memory=1 kernel-memory-tcp=1 memory=1 memory-reservation=1 memory-swap=1 pids-limit=1 \
                l3-cache-schema=x mem-bw-schema=x -h,help",
        newer: "cpu-burst=1 cpu-idle=1", ours: "",
    },
    Command {
        name: "checkpoint", operands: (1, 1),
        flags: "image-path=/x work-path=/x parent-path=x leave-running tcp-established ext-unix-sk shell-job lazy-pages status-fd=5 \
                page-server=x file-locks pre-dump manage-cgroups-mode=soft empty-ns=network auto-dedup -h,help",
        newer: "tcp-skip-in-flight link-remap", ours: "",
    },
    Command {
        name: "restore", operands: (1, 1),
        flags: "console-socket=/x image-path=/x work-path=/x tcp-established ext-unix-sk shell-job file-locks manage-cgroups-mode=soft \
                -b,bundle=/x -d,detach pid-file=/x no-subreaper no-pivot empty-ns=network auto-dedup lazy-pages lsm-profile=x \
                lsm-mount-context=x -h,help",
        newer: "", ours: "tcp-close",
    },
];

/// A flag of the table.
#[derive(Clone, Copy)]
struct Flag {
    letter: Option<&'static str>,
    name: &'static str,
    value: Option<&'static str>,
}

fn flags(words: &'static str) -> impl Iterator<Item = Flag> {
    words.split_whitespace().map(|word| {
        let (names, value) = word.split_once('=').map_or((word, None), |(names, value)| (names, Some(value)));
        let (letter, name) = names.split_once(',').map_or((None, names), |(letter, name)| (Some(&letter[1..]), name));
        Flag { letter, name, value }
    })
}

fn call(runtime: &Runtime, command: &Command, words: &[&str]) -> Outcome {
    let name = (!command.name.is_empty()).then_some(command.name);
    runtime.call(name.into_iter().chain(words.iter().copied()))
}

/// The call is a mistake, and what is wrong is said on stderr; runc has the usage on stdout besides, Orlop nothing.
#[track_caller]
fn is_told(runtime: &Runtime, command: &Command, words: &[&str], told: &str) {
    let outcome = call(runtime, command, words).exits(1);
    assert!(outcome.stderr.contains(told), "{} {words:?}: {}", command.name, outcome.stderr);
    assert!(!Runtime::is_orlop() || outcome.stdout.is_empty(), "{} {words:?}: {}", command.name, outcome.stdout);
}

/// By every name it is known, takes a value in both forms or none, and ends nothing: the flag behind it is read.
fn is_there(runtime: &Runtime, command: &Command, flag: Flag) {
    let long = [format!("--{}", flag.name), format!("-{}", flag.name)];
    let names = long.into_iter().chain(flag.letter.map(|letter| format!("-{letter}")));
    let (nonesuch, defined) = ("--nonesuch", "flag provided but not defined: -nonesuch");
    for name in names {
        let bare = name.trim_start_matches('-');
        match flag.value {
            Some(value) => {
                is_told(runtime, command, &[&name], &format!("flag needs an argument: -{bare}"));
                is_told(runtime, command, &[&name, value, nonesuch], defined);
                is_told(runtime, command, &[&format!("{name}={value}"), nonesuch], defined);
            }
            None => {
                let boolean = format!("-{bare}");
                is_told(runtime, command, &[&format!("{name}=maybe")], &boolean);
                is_told(runtime, command, &[&format!("{name}=false"), nonesuch], defined);
                is_told(runtime, command, &[&name, nonesuch], defined);
            }
        }
    }
}

fn all() -> impl Iterator<Item = &'static Command> {
    std::iter::once(&GLOBALS).chain(COMMANDS)
}

fn are_there(words: impl Fn(&Command) -> &'static str) {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::new();
    for command in all() {
        flags(words(command)).for_each(|flag| is_there(&bundle.runtime, command, flag));
    }
}

#[conformance::test]
fn every_flag_of_runc_1_1_is_there_in_every_form() {
    are_there(|command| command.flags);
}

#[conformance::test]
fn every_flag_that_came_later_is_there_in_every_form() {
    are_there(|command| command.newer);
}

/// A flag that is new here is new in the table, too.
#[conformance::test]
fn help_shows_every_flag_and_no_other() {
    needs::runtime(&["orlop"]);
    let bundle = Bundle::new();
    let runtime = &bundle.runtime;
    for command in all() {
        let help = call(runtime, command, &["--help"]).succeeds();
        assert!(help.stderr.is_empty(), "{}", help.stderr);
        let shown: BTreeSet<String> = help.stdout.lines().filter_map(shown_flag).collect();
        let of = |words| {
            flags(words).map(|flag: Flag| match (flag.letter, flag.value) {
                (Some(letter), value) => {
                    format!("-{letter}, --{}{}", flag.name, if value.is_some() { " VALUE" } else { "" })
                }
                (None, value) => format!("--{}{}", flag.name, if value.is_some() { " VALUE" } else { "" }),
            })
        };
        let known: BTreeSet<String> = [command.flags, command.newer, command.ours].into_iter().flat_map(of).collect();
        assert_eq!(shown, known, "{}", command.name);
    }
}

/// `-b, --bundle VALUE` of a line of help.
fn shown_flag(line: &str) -> Option<String> {
    let line = line.strip_prefix("  ")?.trim_start();
    let names = line.starts_with('-').then(|| line.split("  ").next())??;
    let mut words = names.split(' ');
    let shown = match words.next()? {
        letter if letter.ends_with(',') => format!("{letter} {}", words.next()?),
        long => long.to_owned(),
    };
    Some(if words.next().is_some() { shown + " VALUE" } else { shown })
}

#[conformance::test]
fn every_command_helps_in_each_way_it_is_asked() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::new();
    let runtime = &bundle.runtime;
    for command in COMMANDS {
        let name = command.name;
        for words in [vec![name, "--help"], vec![name, "-help"], vec![name, "-h"], vec!["help", name], vec!["h", name]]
        {
            let help = runtime.call(&words).succeeds();
            assert!(help.stdout.contains(name) && help.stderr.is_empty(), "{words:?}: {help:?}");
        }
        let all = runtime.call(["--help"]).succeeds().stdout;
        assert!(all.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {all}");
    }
    for words in [&[] as &[&str], &["-h"], &["help"], &["h"]] {
        assert!(runtime.call(words).succeeds().stdout.contains("checkpoint"), "{words:?}");
    }
}

#[conformance::test]
fn too_few_and_too_many_operands_are_refused() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::new();
    let runtime = &bundle.runtime;
    for command in COMMANDS {
        let (least, most) = command.operands;
        if let Some(fewer) = least.checked_sub(1) {
            is_told(runtime, command, &["x"].repeat(fewer), "requires");
        }
        if most != ANY {
            is_told(runtime, command, &["x"].repeat(most + 1), "requires");
            // Behind `--` all are operands.
            is_told(runtime, command, &[&["--"][..], &["-x"].repeat(most + 1)].concat(), "requires");
        }
        is_told(runtime, command, &["--nonesuch"], "flag provided but not defined: -nonesuch");
        is_told(runtime, command, &["-nonesuch=1"], "flag provided but not defined: -nonesuch");
    }
}

#[conformance::test]
fn what_no_command_is_has_a_status_of_its_own() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::new();
    let runtime = &bundle.runtime;
    for words in [&["nonesuch"][..], &["help", "nonesuch"], &["creat", "--help"]] {
        let refused = runtime.call(words).exits(3).says("no help topic for");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
}

#[conformance::test]
fn a_value_that_is_none_of_its_kind_is_refused() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::new();
    let runtime = &bundle.runtime;
    for (words, told) in [
        (vec!["--log-format", "xml", "list"], "invalid log-format"),
        (vec!["--log", "/not/there/log", "list"], "/not/there/log"),
        (vec!["list", "--format", "xml"], "invalid format option"),
        (vec!["create", "--preserve-fds", "x", "c"], "for flag -preserve-fds"),
    ] {
        let refused = runtime.call(&words).exits(1);
        assert!(refused.stderr.contains(told), "{words:?}: {}", refused.stderr);
    }
}

/// Engines fill in what they have, which may be nothing: that is the default.
#[conformance::test]
fn an_empty_value_is_the_default() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::sh("pwd; exit 3");
    let directory = bundle.write().path().to_owned();
    let words = ["--log=", "run", "--bundle", "", "--pid-file=", "--console-socket", "", &bundle.id];
    let mut command = bundle.runtime.command(words);
    command.current_dir(directory);
    bundle.runtime.spawn(command).wait().exits(3).prints("/");
}

/// The default of each flag that has one and can be seen without it.
#[conformance::test]
fn the_defaults_are_runcs() {
    needs::runtime(&["orlop", "runc"]);
    let bundle = Bundle::sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
    let directory = bundle.write().path().to_owned();
    let runtime = &bundle.runtime;
    let table = runtime.call(["list"]).succeeds().stdout;
    assert_eq!(table, runtime.call(["list", "--format", "table"]).succeeds().stdout);
    assert!(table.starts_with("ID ") && table.contains("PID") && table.contains("OWNER"), "{table}");
    assert_eq!(runtime.call(["list", "--format", "json"]).succeeds().stdout.trim(), "null");
    // The log goes to stderr, as text; the bundle is the current directory; kill means TERM; only what has stopped is deleted.
    let create = |id: &str| {
        let mut create = runtime.command(["create", id]);
        create.current_dir(&directory);
        runtime.spawn(create).wait()
    };
    create(&bundle.id).succeeds();
    let refused = create(&bundle.id).exits(1);
    assert!(refused.stdout.is_empty() && !refused.stderr.starts_with('{'), "{refused:?}");
    let ps = runtime.call(["ps", &bundle.id]).succeeds().stdout;
    assert!(ps.starts_with("UID") && ps.contains("CMD"), "{ps}");
    runtime.call(["delete", "--force", &bundle.id]).succeeds();
    let container = bundle.start();
    container.eventually_prints("ready");
    container.call("delete").exits(1).says("not stopped");
    container.call("kill").succeeds();
    assert_eq!(container.wait(), 7);
    container.call("delete").succeeds();
}
