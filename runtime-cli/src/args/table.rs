//! Every command and every flag: the one table behind parser, help, man page and completions.
//!
//! Names and letters are those of runc 1.5. A flag that cannot act yet stands here too, and its command says so.

use crate::commands;
use crate::report::Outcome;

use super::Call;

/// A flag, with or without a value.
#[derive(Debug)]
pub(crate) struct Flag {
    /// `--long`; one dash will do.
    pub(crate) long: &'static str,
    /// `-s`
    pub(crate) short: Option<char>,
    /// What its value is, in one word; a switch has none.
    pub(crate) value: Option<&'static str>,
    /// What it does, in one line.
    pub(crate) help: &'static str,
}

/// What may follow the flags.
#[derive(Debug)]
pub(crate) struct Operands {
    /// As shown in the usage.
    pub(crate) shown: &'static str,
    least: usize,
    most: Option<usize>,
}

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    /// What is typed.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// What else is to be said.
    pub(crate) about: &'static str,
    /// Its operands.
    pub(crate) operands: Operands,
    /// Whether the first operand ends the flags.
    pub(crate) in_order: bool,
    /// Its flags.
    pub(crate) flags: &'static [&'static Flag],
    /// What it does, in one function.
    pub(crate) run: fn(&Call) -> Outcome,
}

impl PartialEq for Flag {
    fn eq(&self, other: &Self) -> bool {
        self.long == other.long
    }
}

impl Flag {
    const fn switch(long: &'static str, short: Option<char>, help: &'static str) -> Self {
        Self { long, short, value: None, help }
    }

    const fn value(long: &'static str, short: Option<char>, value: &'static str, help: &'static str) -> Self {
        Self { long, short, value: Some(value), help }
    }

    /// Whether `name` is the flag's long or short name.
    pub(super) fn is_called(&self, name: &[u8]) -> bool {
        name == self.long.as_bytes() || self.short.is_some_and(|short| name == [short as u8])
    }
}

impl Operands {
    const NONE: Self = Self { shown: "", least: 0, most: Some(0) };
    const ID: Self = Self { shown: "<container-id>", least: 1, most: Some(1) };

    /// Whether there may be `count` of them.
    pub(super) fn check(&self, count: usize) -> Result<(), String> {
        let plural = |n| if n == 1 { "" } else { "s" };
        match (self.least, self.most) {
            (least, Some(most)) if least == most && count != least => {
                Err(format!("requires exactly {least} argument{}", plural(least)))
            }
            (least, _) if count < least => Err(format!("requires at least {least} argument{}", plural(least))),
            (_, Some(most)) if count > most => Err(format!("requires at most {most} argument{}", plural(most))),
            _ => Ok(()),
        }
    }
}

/// The flags before the command.
pub(crate) static GLOBALS: &[&Flag] = &[
    &flags::ROOT,
    &flags::LOG,
    &flags::LOG_FORMAT,
    &flags::DEBUG,
    &flags::SYSTEMD_CGROUP,
    &flags::CGROUP_MANAGER,
    &flags::ROOTLESS,
    &flags::HELP,
    &flags::VERSION,
];

/// Every flag by the name of its constant.
pub(crate) mod flags {
    use super::Flag;

    pub(crate) static ROOT: Flag =
        Flag::value("root", None, "DIR", "keep the state of containers in DIR (default /run/orlop)");
    pub(crate) static LOG: Flag = Flag::value("log", None, "FILE", "append errors and warnings to FILE");
    pub(crate) static LOG_FORMAT: Flag =
        Flag::value("log-format", None, "FORMAT", "write the log as text (default) or json");
    pub(crate) static DEBUG: Flag = Flag::switch("debug", None, "log what a developer wants to know");
    pub(crate) static SYSTEMD_CGROUP: Flag =
        Flag::switch("systemd-cgroup", None, "let systemd make the cgroups: cgroupsPath is slice:prefix:name");
    pub(crate) static CGROUP_MANAGER: Flag =
        Flag::value("cgroup-manager", None, "WHO", "who makes the cgroups: cgroupfs (default), systemd or disabled");
    pub(crate) static ROOTLESS: Flag = Flag::value(
        "rootless",
        None,
        "WHEN",
        "do without cgroups that may not be made: true, false or auto (default: unless root)",
    );
    pub(crate) static HELP: Flag = Flag::switch("help", Some('h'), "show this help");
    pub(crate) static VERSION: Flag = Flag::switch("version", Some('v'), "show the version");

    pub(crate) static BUNDLE: Flag =
        Flag::value("bundle", Some('b'), "DIR", "the bundle (default: the current directory)");
    pub(crate) static CONSOLE_SOCKET: Flag = Flag::value(
        "console-socket",
        None,
        "SOCKET",
        "send the master of the container's terminal to this unix socket",
    );
    pub(crate) static PIDFD_SOCKET: Flag =
        Flag::value("pidfd-socket", None, "SOCKET", "send a pidfd of the process to this unix socket");
    pub(crate) static PID_FILE: Flag = Flag::value("pid-file", None, "FILE", "write the process id to FILE");
    pub(crate) static NO_PIVOT: Flag =
        Flag::switch("no-pivot", None, "enter the root without pivot_root(2), as on a ramdisk");
    pub(crate) static RESTORE_NO_PIVOT: Flag =
        Flag::switch("no-pivot", None, "refused: CRIU enters the root in its own way");
    pub(crate) static NO_NEW_KEYRING: Flag = Flag::switch("no-new-keyring", None, "keep the caller's session keyring");
    pub(crate) static PRESERVE_FDS: Flag =
        Flag::value("preserve-fds", None, "N", "pass on N more file descriptors, from 3 (default 0)");
    pub(crate) static DETACH: Flag = Flag::switch("detach", Some('d'), "do not wait for the process");
    pub(crate) static KEEP: Flag = Flag::switch("keep", None, "do not delete the container when it has stopped");
    pub(crate) static NO_SUBREAPER: Flag =
        Flag::switch("no-subreaper", None, "do not adopt processes that outlive their parents");
    pub(crate) static RUN_TTY: Flag =
        Flag::switch("tty", Some('t'), "give the process a terminal even if config.json does not");
    pub(crate) static TRACE: Flag = Flag::value(
        "trace",
        None,
        "FILE",
        "write the time of each step to FILE as Chrome trace events, or draw it (-)",
    );
    pub(crate) static ALL: Flag = Flag::switch("all", Some('a'), "signal every process of the container");
    pub(crate) static FORCE: Flag = Flag::switch("force", Some('f'), "kill the container first if it runs");
    pub(crate) static CWD: Flag = Flag::value("cwd", None, "DIR", "the working directory in the container");
    pub(crate) static ENV: Flag =
        Flag::value("env", Some('e'), "NAME=VALUE", "set an environment variable (may be repeated)");
    pub(crate) static TTY: Flag = Flag::switch("tty", Some('t'), "give the process a terminal");
    pub(crate) static USER: Flag = Flag::value("user", Some('u'), "UID[:GID]", "the user, in numbers");
    pub(crate) static ADDITIONAL_GIDS: Flag =
        Flag::value("additional-gids", Some('g'), "GID", "one more group (may be repeated)");
    pub(crate) static PROCESS: Flag =
        Flag::value("process", Some('p'), "FILE", "read the process from this process.json");
    pub(crate) static PROCESS_LABEL: Flag =
        Flag::value("process-label", None, "LABEL", "the SELinux label of the process");
    pub(crate) static APPARMOR: Flag = Flag::value("apparmor", None, "PROFILE", "the AppArmor profile of the process");
    pub(crate) static NO_NEW_PRIVS: Flag =
        Flag::switch("no-new-privs", None, "never gain privileges through execve(2)");
    pub(crate) static CAP: Flag = Flag::value("cap", Some('c'), "CAP", "add a capability (may be repeated)");
    pub(crate) static CGROUP: Flag = Flag::value(
        "cgroup",
        None,
        "[CONTROLLER:]PATH",
        "start in this cgroup below the container's (may be repeated)",
    );
    pub(crate) static IGNORE_PAUSED: Flag =
        Flag::switch("ignore-paused", None, "also in a paused container; the process waits there");
    pub(crate) static LIST_FORMAT: Flag = Flag::value("format", Some('f'), "FORMAT", "table (default) or json");
    pub(crate) static QUIET: Flag = Flag::switch("quiet", Some('q'), "show nothing but the ids");
    pub(crate) static RESOURCES: Flag =
        Flag::value("resources", Some('r'), "FILE", "read what is to change from FILE, or from stdin (-), as JSON");
    pub(crate) static BLKIO_WEIGHT: Flag = Flag::value("blkio-weight", None, "N", "share of disk time, 10 to 1000");
    pub(crate) static CPU_PERIOD: Flag =
        Flag::value("cpu-period", None, "MICROSECONDS", "the period that --cpu-quota is of");
    pub(crate) static CPU_QUOTA: Flag =
        Flag::value("cpu-quota", None, "MICROSECONDS", "processor time in each period; -1 is no limit");
    pub(crate) static CPU_BURST: Flag =
        Flag::value("cpu-burst", None, "MICROSECONDS", "unused time that may be saved up for a burst");
    pub(crate) static CPU_SHARE: Flag =
        Flag::value("cpu-share", None, "N", "share of processor time among containers, 2 to 262144");
    pub(crate) static CPU_RT_PERIOD: Flag =
        Flag::value("cpu-rt-period", None, "MICROSECONDS", "the period that --cpu-rt-runtime is of (cgroup v1)");
    pub(crate) static CPU_RT_RUNTIME: Flag =
        Flag::value("cpu-rt-runtime", None, "MICROSECONDS", "real-time in each real-time period (cgroup v1)");
    pub(crate) static CPUSET_CPUS: Flag = Flag::value("cpuset-cpus", None, "LIST", "the processors to use: 0-3,7");
    pub(crate) static CPUSET_MEMS: Flag = Flag::value("cpuset-mems", None, "LIST", "the memory nodes to use");
    pub(crate) static CPU_IDLE: Flag =
        Flag::value("cpu-idle", None, "0|1", "1: run only where a processor is idle (SCHED_IDLE)");
    pub(crate) static KERNEL_MEMORY: Flag =
        Flag::value("kernel-memory", None, "BYTES", "refused: Linux has no such limit any more");
    pub(crate) static KERNEL_MEMORY_TCP: Flag =
        Flag::value("kernel-memory-tcp", None, "BYTES", "refused: the specification gave it up");
    pub(crate) static MEMORY: Flag =
        Flag::value("memory", None, "BYTES", "limit of memory: 512m, 1.5g; -1 is no limit");
    pub(crate) static MEMORY_RESERVATION: Flag =
        Flag::value("memory-reservation", None, "BYTES", "memory that is kept when it gets scarce");
    pub(crate) static MEMORY_SWAP: Flag =
        Flag::value("memory-swap", None, "BYTES", "limit of memory and swap together; -1 is no limit");
    pub(crate) static PIDS_LIMIT: Flag =
        Flag::value("pids-limit", None, "N", "how many processes and threads there may be; -1 is no limit");
    pub(crate) static L3_CACHE_SCHEMA: Flag =
        Flag::value("l3-cache-schema", None, "SCHEMA", "share of the L3 cache, Intel RDT");
    pub(crate) static MEM_BW_SCHEMA: Flag =
        Flag::value("mem-bw-schema", None, "SCHEMA", "share of memory bandwidth, Intel RDT");
    pub(crate) static INTERVAL: Flag =
        Flag::value("interval", None, "TIME", "how often the usage is shown: 5s (default), 500ms, 1m30s");
    pub(crate) static STATS: Flag = Flag::switch("stats", None, "show the usage once, now");
    pub(crate) static IMAGE_PATH: Flag =
        Flag::value("image-path", None, "DIR", "where the checkpoint lies (default: ./checkpoint)");
    pub(crate) static WORK_PATH: Flag =
        Flag::value("work-path", None, "DIR", "where CRIU logs and works (default: with the images)");
    pub(crate) static PARENT_PATH: Flag = Flag::value(
        "parent-path",
        None,
        "DIR",
        "the checkpoint before, seen from --image-path: write what has changed since",
    );
    pub(crate) static LEAVE_RUNNING: Flag = Flag::switch("leave-running", None, "go on after the checkpoint");
    pub(crate) static TCP_ESTABLISHED: Flag = Flag::switch("tcp-established", None, "keep established TCP connections");
    pub(crate) static TCP_SKIP_IN_FLIGHT: Flag =
        Flag::switch("tcp-skip-in-flight", None, "leave out TCP connections that are being made");
    pub(crate) static LINK_REMAP: Flag =
        Flag::switch("link-remap", None, "keep removed files that are open, by a link");
    pub(crate) static TCP_CLOSE: Flag =
        Flag::switch("tcp-close", None, "restore established TCP connections as closed");
    pub(crate) static EXT_UNIX_SK: Flag =
        Flag::switch("ext-unix-sk", None, "allow unix sockets whose other end is outside");
    pub(crate) static SHELL_JOB: Flag = Flag::switch("shell-job", None, "allow processes of the caller's session");
    pub(crate) static LAZY_PAGES: Flag =
        Flag::switch("lazy-pages", None, "move pages of memory when they are needed (userfaultfd)");
    pub(crate) static STATUS_FD: Flag =
        Flag::value("status-fd", None, "N", "write a zero byte to descriptor N once lazy pages can be had");
    pub(crate) static PAGE_SERVER: Flag =
        Flag::value("page-server", None, "ADDRESS:PORT", "send pages of memory to this page server");
    pub(crate) static FILE_LOCKS: Flag = Flag::switch("file-locks", None, "keep file locks");
    pub(crate) static PRE_DUMP: Flag =
        Flag::switch("pre-dump", None, "write memory only, for a checkpoint to come, and go on");
    pub(crate) static MANAGE_CGROUPS_MODE: Flag = Flag::value(
        "manage-cgroups-mode",
        None,
        "MODE",
        "what is kept of cgroups: soft (default), full, strict, ignore",
    );
    pub(crate) static EMPTY_NS: Flag =
        Flag::value("empty-ns", None, "KIND", "network: leave out what is in it (so it is without the flag, too)");
    pub(crate) static AUTO_DEDUP: Flag = Flag::switch("auto-dedup", None, "free in older images what newer ones have");
    pub(crate) static LSM_PROFILE: Flag =
        Flag::value("lsm-profile", None, "TYPE:NAME", "another profile: apparmor:NAME or selinux:LABEL");
    pub(crate) static LSM_MOUNT_CONTEXT: Flag =
        Flag::value("lsm-mount-context", None, "CONTEXT", "another SELinux context of the mounts");
    pub(crate) static SPEC_ROOTLESS: Flag =
        Flag::switch("rootless", None, "with a user namespace that maps root to the caller");
}

use flags::HELP;

/// Every command, in the order of the help.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "create",
        summary: "create a container from a bundle",
        about: "The bundle is a directory with a config.json and a root filesystem. The container is made and its process waits;\n\
                `start` lets it go.",
        operands: Operands::ID,
        in_order: false,
        flags: &[
            &flags::BUNDLE,
            &flags::CONSOLE_SOCKET,
            &flags::PIDFD_SOCKET,
            &flags::PID_FILE,
            &flags::NO_PIVOT,
            &flags::NO_NEW_KEYRING,
            &flags::PRESERVE_FDS,
            &HELP,
        ],
        run: commands::create::run,
    },
    Command {
        name: "start",
        summary: "start the process of a created container",
        about: "",
        operands: Operands::ID,
        in_order: false,
        flags: &[&HELP],
        run: commands::start::run,
    },
    Command {
        name: "run",
        summary: "create and start a container, and wait for it",
        about: "Signals are passed on to the process. The status is that of the process, or 128 and the number of the signal\n\
                that ended it.",
        operands: Operands::ID,
        in_order: false,
        flags: &[
            &flags::BUNDLE,
            &flags::CONSOLE_SOCKET,
            &flags::PIDFD_SOCKET,
            &flags::PID_FILE,
            &flags::DETACH,
            &flags::RUN_TTY,
            &flags::KEEP,
            &flags::NO_SUBREAPER,
            &flags::NO_PIVOT,
            &flags::NO_NEW_KEYRING,
            &flags::PRESERVE_FDS,
            &flags::TRACE,
            &HELP,
        ],
        run: commands::run::run,
    },
    Command {
        name: "exec",
        summary: "run a second process in a running container",
        about: "The process is the one in config.json, or in the file of --process, with what the flags change. The status is\n\
                that of the process, or 128 and the number of the signal that ended it, or 255 where it could not be started.",
        operands: Operands { shown: "<container-id> [command [argument...]]", least: 1, most: None },
        in_order: true,
        flags: &[
            &flags::CONSOLE_SOCKET,
            &flags::PIDFD_SOCKET,
            &flags::CWD,
            &flags::ENV,
            &flags::TTY,
            &flags::USER,
            &flags::ADDITIONAL_GIDS,
            &flags::PROCESS,
            &flags::DETACH,
            &flags::PID_FILE,
            &flags::PROCESS_LABEL,
            &flags::APPARMOR,
            &flags::NO_NEW_PRIVS,
            &flags::CAP,
            &flags::PRESERVE_FDS,
            &flags::CGROUP,
            &flags::IGNORE_PAUSED,
            &HELP,
        ],
        run: commands::exec::run,
    },
    Command {
        name: "kill",
        summary: "send a signal to a container",
        about: "The signal is a number or a name, with or without SIG: 9, KILL, SIGRTMIN+3. Without one it is TERM.",
        operands: Operands { shown: "<container-id> [signal]", least: 1, most: Some(2) },
        in_order: false,
        flags: &[&flags::ALL, &HELP],
        run: commands::kill::run,
    },
    Command {
        name: "delete",
        summary: "delete a stopped container",
        about: "",
        operands: Operands::ID,
        in_order: false,
        flags: &[&flags::FORCE, &HELP],
        run: commands::delete::run,
    },
    Command {
        name: "pause",
        summary: "freeze every process of a container",
        about: "",
        operands: Operands::ID,
        in_order: false,
        flags: &[&HELP],
        run: commands::pause::run,
    },
    Command {
        name: "resume",
        summary: "thaw a paused container",
        about: "",
        operands: Operands::ID,
        in_order: false,
        flags: &[&HELP],
        run: commands::resume::run,
    },
    Command {
        name: "update",
        summary: "change the limits of a container",
        about: "What is not given stays. A file is a resources object as in config.json, and stands alone.",
        operands: Operands::ID,
        in_order: false,
        flags: &[
            &flags::RESOURCES,
            &flags::BLKIO_WEIGHT,
            &flags::CPU_PERIOD,
            &flags::CPU_QUOTA,
            &flags::CPU_BURST,
            &flags::CPU_SHARE,
            &flags::CPU_RT_PERIOD,
            &flags::CPU_RT_RUNTIME,
            &flags::CPUSET_CPUS,
            &flags::CPUSET_MEMS,
            &flags::CPU_IDLE,
            &flags::MEMORY,
            &flags::MEMORY_RESERVATION,
            &flags::MEMORY_SWAP,
            &flags::KERNEL_MEMORY,
            &flags::KERNEL_MEMORY_TCP,
            &flags::PIDS_LIMIT,
            &flags::L3_CACHE_SCHEMA,
            &flags::MEM_BW_SCHEMA,
            &HELP,
        ],
        run: commands::update::run,
    },
    Command {
        name: "mounts",
        summary: "add mounts to a container that is there, or take them out",
        about: "The file, or stdin (-), is an array of mounts as in config.json; to take them out, of objects with their destination.\n\
                All of it happens or nothing.",
        operands: Operands { shown: "add|remove <container-id> <file>", least: 3, most: Some(3) },
        in_order: false,
        flags: &[&HELP],
        run: commands::mounts::run,
    },
    Command {
        name: "events",
        summary: "show what a container uses, and when it runs out of memory",
        about: "One JSON object a line, until the container ends: what it uses from time to time, and each time it ran out of\n\
                the memory it may use.",
        operands: Operands::ID,
        in_order: false,
        flags: &[&flags::INTERVAL, &flags::STATS, &HELP],
        run: commands::events::run,
    },
    Command {
        name: "checkpoint",
        summary: "write a running container to files",
        about: "The program criu does it. The container is deleted afterwards, unless it is to go on.",
        operands: Operands::ID,
        in_order: false,
        flags: &[
            &flags::IMAGE_PATH,
            &flags::WORK_PATH,
            &flags::PARENT_PATH,
            &flags::LEAVE_RUNNING,
            &flags::TCP_ESTABLISHED,
            &flags::TCP_SKIP_IN_FLIGHT,
            &flags::LINK_REMAP,
            &flags::EXT_UNIX_SK,
            &flags::SHELL_JOB,
            &flags::LAZY_PAGES,
            &flags::STATUS_FD,
            &flags::PAGE_SERVER,
            &flags::FILE_LOCKS,
            &flags::PRE_DUMP,
            &flags::MANAGE_CGROUPS_MODE,
            &flags::EMPTY_NS,
            &flags::AUTO_DEDUP,
            &HELP,
        ],
        run: commands::checkpoint::run,
    },
    Command {
        name: "restore",
        summary: "make a container of a checkpoint",
        about: "The program criu does it. The status is that of the process, as for run.",
        operands: Operands::ID,
        in_order: false,
        flags: &[
            &flags::CONSOLE_SOCKET,
            &flags::IMAGE_PATH,
            &flags::WORK_PATH,
            &flags::TCP_ESTABLISHED,
            &flags::TCP_CLOSE,
            &flags::EXT_UNIX_SK,
            &flags::SHELL_JOB,
            &flags::FILE_LOCKS,
            &flags::MANAGE_CGROUPS_MODE,
            &flags::BUNDLE,
            &flags::DETACH,
            &flags::PID_FILE,
            &flags::NO_SUBREAPER,
            &flags::RESTORE_NO_PIVOT,
            &flags::EMPTY_NS,
            &flags::AUTO_DEDUP,
            &flags::LAZY_PAGES,
            &flags::LSM_PROFILE,
            &flags::LSM_MOUNT_CONTEXT,
            &HELP,
        ],
        run: commands::restore::run,
    },
    Command {
        name: "state",
        summary: "show the state of a container, as JSON",
        about: "",
        operands: Operands::ID,
        in_order: false,
        flags: &[&HELP],
        run: commands::state::run,
    },
    Command {
        name: "list",
        summary: "list the containers",
        about: "",
        operands: Operands::NONE,
        in_order: false,
        flags: &[&flags::LIST_FORMAT, &flags::QUIET, &HELP],
        run: commands::list::run,
    },
    Command {
        name: "ps",
        summary: "show the processes of a container",
        about: "The options are those of ps(1); without any they are -ef.",
        operands: Operands { shown: "<container-id> [ps-option...]", least: 1, most: None },
        in_order: true,
        flags: &[&flags::LIST_FORMAT, &HELP],
        run: commands::ps::run,
    },
    Command {
        name: "spec",
        summary: "write a config.json to begin with",
        about: "",
        operands: Operands::NONE,
        in_order: false,
        flags: &[&flags::BUNDLE, &flags::SPEC_ROOTLESS, &HELP],
        run: commands::spec::run,
    },
    Command {
        name: "plan",
        summary: "show what would be done for a bundle",
        about: "Each step comes with the field of config.json that causes it. Nothing is done.",
        operands: Operands { shown: "[bundle]", least: 0, most: Some(1) },
        in_order: false,
        flags: &[&flags::BUNDLE, &HELP],
        run: commands::plan::run,
    },
    Command {
        name: "features",
        summary: "show what this runtime can do, as JSON",
        about: "The document is that of the OCI specification, features.md.",
        operands: Operands::NONE,
        in_order: false,
        flags: &[&HELP],
        run: commands::features::run,
    },
    Command {
        name: "completion",
        summary: "write completions for a shell",
        about: "For example: source <(orlop completion bash)",
        operands: Operands { shown: "bash|zsh|fish", least: 1, most: Some(1) },
        in_order: false,
        flags: &[&HELP],
        run: commands::documents::completion,
    },
    Command {
        name: "man",
        summary: "write the manual page",
        about: "For example: orlop man | man -l -",
        operands: Operands::NONE,
        in_order: false,
        flags: &[&HELP],
        run: commands::documents::man,
    },
    Command {
        name: "help",
        summary: "show help for all or one of the commands",
        about: "",
        operands: Operands { shown: "[command]", least: 0, most: Some(1) },
        in_order: false,
        flags: &[&HELP],
        run: commands::documents::help,
    },
    Command {
        name: "version",
        summary: "show the version",
        about: "",
        operands: Operands::NONE,
        in_order: false,
        flags: &[&HELP],
        run: commands::documents::version,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        for flags in COMMANDS.iter().map(|command| command.flags).chain([GLOBALS]) {
            for (index, flag) in flags.iter().enumerate() {
                for other in &flags[..index] {
                    assert_ne!(flag.long, other.long);
                    assert!(flag.short.is_none() || flag.short != other.short, "-{:?}", flag.short);
                }
            }
        }
        for (index, command) in COMMANDS.iter().enumerate() {
            assert!(COMMANDS[..index].iter().all(|other| other.name != command.name));
        }
    }

    #[test]
    fn every_command_has_help() {
        assert!(COMMANDS.iter().all(|command| command.flags.contains(&&flags::HELP)));
    }
}
