//! `linux.seccomp`: default action, errno, kill, comparison of arguments, unknown names.

use conformance::{Bundle, Value, json};

const MKDIR: [&str; 2] = ["mkdir", "mkdirat"];

fn filtered(script: &str, rules: Value) -> Bundle {
    Bundle::sh(script).writable().set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
}

#[conformance::test]
fn a_filter_is_installed() {
    let allow = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": MKDIR, "action": "SCMP_ACT_ERRNO"}]});
    let container = Bundle::new().set("/linux/seccomp", allow).start();
    assert_eq!(container.settled().status("Seccomp").unwrap(), "2");
}

#[conformance::test]
fn without_a_profile_there_is_no_filter() {
    assert_eq!(Bundle::new().start().settled().status("Seccomp").unwrap(), "0");
}

#[conformance::test(covers = [
    "/linux/seccomp/syscalls/*/names",
    "/linux/seccomp/syscalls/*/action=SCMP_ACT_ERRNO",
    "/linux/seccomp/defaultAction=SCMP_ACT_ALLOW",
])]
fn errno_is_eperm_by_default() {
    let outcome = filtered("mkdir /new", json!([{"names": MKDIR, "action": "SCMP_ACT_ERRNO"}])).run();
    outcome.fails().says("operation not permitted");
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/errnoRet"])]
fn errno_is_what_was_asked_for() {
    let rule = json!([{"names": MKDIR, "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]);
    filtered("mkdir /new", rule).run().fails().says("no space left on device");
}

#[conformance::test(covers = [
    "/linux/seccomp/defaultAction=SCMP_ACT_ERRNO",
    "/linux/seccomp/defaultErrnoRet",
    "/linux/seccomp/syscalls/*/action=SCMP_ACT_ALLOW",
])]
fn the_default_action_and_its_errno_hold_for_all_else() {
    // All that a shell needs is not worth listing: the list of what is denied is the complement of one rule.
    let profile = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [{
        "names": ALLOWED, "action": "SCMP_ACT_ALLOW"}]});
    let outcome = Bundle::sh("mkdir /new").writable().set("/linux/seccomp", profile).run();
    outcome.fails().says("function not implemented");
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_KILL"])]
fn kill_ends_the_process_by_sigsys() {
    let rule = json!([{"names": MKDIR, "action": "SCMP_ACT_KILL"}]);
    filtered("(mkdir /new); echo $?", rule).run().succeeds().prints("159");
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_KILL_PROCESS"])]
fn kill_process_ends_the_container() {
    let rule = json!([{"names": MKDIR, "action": "SCMP_ACT_KILL_PROCESS"}]);
    filtered("", rule).args(["mkdir", "/new"]).run().exits(159);
}

#[conformance::test(covers = [
    "/linux/seccomp/syscalls/*/args/*/{index,value}",
    "/linux/seccomp/syscalls/*/args/*/op=SCMP_CMP_EQ",
])]
fn arguments_are_compared() {
    // chmod(path, mode) or fchmodat(dir, path, mode), by the libc: only 0777 is denied.
    let equals = |index: u32| json!([{"index": index, "value": 0o777, "op": "SCMP_CMP_EQ"}]);
    let rules = json!([
        {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": equals(1)},
        {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "args": equals(2)},
    ]);
    let bundle = filtered("chmod 755 /tmp && echo fine; chmod 777 /tmp", rules);
    bundle.run().fails().prints("fine").says("operation not permitted");
}

#[conformance::test(covers = [
    "/linux/seccomp/syscalls/*/args/*/valueTwo",
    "/linux/seccomp/syscalls/*/args/*/op=SCMP_CMP_MASKED_EQ",
])]
fn a_masked_comparison_looks_at_its_bits() {
    let masked = |index: u32| json!([{"index": index, "value": 0o002, "valueTwo": 0o002, "op": "SCMP_CMP_MASKED_EQ"}]);
    let rules = json!([
        {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": masked(1)},
        {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "args": masked(2)},
    ]);
    let bundle = filtered("chmod 755 /tmp && echo fine; chmod 702 /tmp", rules);
    bundle.run().fails().prints("fine").says("operation not permitted");
}

#[conformance::test]
fn an_unknown_syscall_is_passed_over() {
    let rule = json!([{"names": ["syscall_of_tomorrow", "mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]);
    filtered("mkdir /new", rule).run().fails().says("operation not permitted");
}

#[conformance::test]
fn a_filter_does_not_set_no_new_privileges() {
    let rule = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": MKDIR, "action": "SCMP_ACT_ERRNO"}]});
    let container = Bundle::new().set("/linux/seccomp", rule).set("/process/noNewPrivileges", false).start();
    assert_eq!(container.settled().status("NoNewPrivs").unwrap(), "0");
    assert_eq!(container.settled().status("Seccomp").unwrap(), "2");
}

#[conformance::test]
fn exec_has_the_filter_too() {
    let rule = json!([{"names": MKDIR, "action": "SCMP_ACT_ERRNO"}]);
    filtered("sleep 1000", rule).start().sh("mkdir /new").fails().says("operation not permitted");
}

#[conformance::test]
fn an_invalid_action_is_refused() {
    let rule = json!([{"names": MKDIR, "action": "SCMP_ACT_SING"}]);
    filtered("true", rule).refused().names("/linux/seccomp/syscalls/0/action");
}

#[conformance::test]
fn an_invalid_default_action_is_refused() {
    Bundle::new()
        .set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_SING"}))
        .refused()
        .names("/linux/seccomp/defaultAction");
}

#[conformance::test]
fn an_invalid_operator_is_refused() {
    let rule =
        json!([{"names": MKDIR, "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_ISH"}]}]);
    filtered("true", rule).refused().names("/linux/seccomp/syscalls/0/args/0/op");
}

#[conformance::test]
fn an_invalid_architecture_is_refused() {
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_ABACUS"]});
    Bundle::new().set("/linux/seccomp", profile).refused().names("/linux/seccomp/architectures/0");
}

/// What busybox and the runtime's last steps need.
pub(super) const ALLOWED: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "capget",
    "capset",
    "chdir",
    "clone",
    "clone3",
    "close",
    "close_range",
    "connect",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "eventfd2",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat2",
    "fcntl",
    "fork",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getsockopt",
    "gettid",
    "getuid",
    "ioctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "munmap",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "pipe2",
    "poll",
    "ppoll",
    "prctl",
    "pread64",
    "prlimit64",
    "read",
    "readlink",
    "readlinkat",
    "recvmsg",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "select",
    "sendmsg",
    "set_robust_list",
    "set_tid_address",
    "setgid",
    "setgroups",
    "setresgid",
    "setresuid",
    "setuid",
    "sigaltstack",
    "stat",
    "statfs",
    "statx",
    "tgkill",
    "umask",
    "uname",
    "vfork",
    "wait4",
    "waitid",
    "write",
    "writev",
];

/// Whatever is refused, init ends, and says so at once.
#[conformance::test]
fn a_filter_that_refuses_even_an_exit_hangs_nobody() {
    let rule = json!([{"names": ["exit_group", "sendto", "sendmsg", "write"], "action": "SCMP_ACT_ERRNO"}]);
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rule});
    let bundle = Bundle::new().args(["/not/there"]).set("/process/noNewPrivileges", false);
    bundle.set("/linux/seccomp", profile).never_starts();
}
