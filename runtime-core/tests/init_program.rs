//! The program itself: its dialogue, its end, its hooks, and who it becomes. Needs root and /bin/busybox.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test stops where it fails

mod init_process;

use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use init_process::{Init, block, memfd};
use orlop::init_image::INIT;
use orlop_plan::{Bytes, Report, Slot, Step, Texts};
use rustix::fs::MemfdFlags;

const NO_ENV: Texts<'static> = Texts::from_block(b"");
const BUSYBOX: Step<'static> = Step::Lookup { candidates: Texts::from_block(b"/nowhere/busybox\0/bin/busybox\0") };

fn shell(script: &str) -> Vec<u8> {
    block(&["sh", "-c", script])
}

/// Carries out `steps`, then runs a shell; what it printed.
fn shell_after(fds: &[i32], steps: &[Step<'_>], script: &str) -> String {
    let args = shell(script);
    let exec = Step::Exec { args: Texts::from_block(&args), env: NO_ENV };
    let (report, end) = Init::run(fds, &[&[BUSYBOX], steps, &[exec]].concat());
    assert_eq!((report, end.status), (None, Some(0)), "{}", end.output);
    end.output
}

#[test]
fn the_program_is_small() {
    assert!(INIT.len() < 32 * 1024, "{} bytes", INIT.len());
    assert!(INIT.starts_with(b"\x7fELF"));
}

#[test]
fn init_waits_at_a_barrier_and_reports_the_step_that_fails() {
    let init = Init::start(&[], &[Step::Barrier {}, Step::Setsid {}, Step::Chdir { path: c"/nowhere" }]);
    assert_eq!(init.report(), Some(Report { step: 0, errno: 0 }));
    init.answer();
    assert_eq!(init.report(), Some(Report { step: 2, errno: libc::ENOENT }));
    assert_eq!(init.end().status, Some(1));
}

#[test]
fn init_dies_with_its_parent() {
    let mut init = Init::start(&[], &[Step::Barrier {}, Step::Chdir { path: c"/nowhere" }]);
    assert_eq!(init.report(), Some(Report { step: 0, errno: 0 }));
    init.hang_up();
    assert_eq!(init.end().status, Some(1));
}

#[test]
fn what_is_no_plan_is_reported_as_a_whole() {
    let not_a_plan = Report { step: Report::NO_STEP, errno: libc::EINVAL };
    for bytes in [b"".as_slice(), b"orl\x01", b"orl\x01\xff\0\0\0\0\0\0\0\0\0", b"orl\x02\x0e\0\0\0\xff\xff\0\0\0\0"] {
        let init = Init::start_with(|_| bytes.to_vec());
        assert_eq!(init.report(), Some(not_a_plan), "{bytes:?}");
        assert_eq!(init.end().status, Some(1));
    }
}

#[test]
fn the_gate_opens_for_the_first_connection_and_exec_closes_it() {
    let address = SocketAddr::from_abstract_name(format!("orlop-test-gate-{}", std::process::id())).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
    let args = block(&["echo", "hello"]);
    let exec = Step::Exec { args: Texts::from_block(&args), env: NO_ENV };
    let init = Init::start(&[listener.as_raw_fd()], &[BUSYBOX, Step::Gate { listener: Slot::given(1) }, exec]);
    drop(listener);
    assert_eq!(init.report(), Some(Report { step: 1, errno: 0 }));
    assert!(resident_kib(init.child.id()) <= 64, "{} KiB", resident_kib(init.child.id()));
    assert_eq!(init.report(), None, "the old dialogue is over");
    let mut start = UnixStream::connect_addr(&address).unwrap();
    let mut told = Vec::new();
    std::io::Read::read_to_end(&mut start, &mut told).unwrap();
    assert!(told.is_empty(), "end of file is success: {told:?}");
    let end = init.end();
    assert_eq!((end.status, end.output.as_str()), (Some(0), "hello\n"));
    assert!(UnixStream::connect_addr(&address).is_err(), "nobody listens any more");
}

#[test]
fn a_step_after_the_gate_fails_to_the_one_who_started() {
    let address = SocketAddr::from_abstract_name(format!("orlop-test-late-{}", std::process::id())).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
    let exec = Step::Exec { args: NO_ENV, env: NO_ENV };
    let init = Init::start(&[listener.as_raw_fd()], &[Step::Gate { listener: Slot::given(1) }, exec]);
    assert_eq!(init.report(), Some(Report { step: 0, errno: 0 }));
    let mut start = UnixStream::connect_addr(&address).unwrap();
    let mut told = Vec::new();
    std::io::Read::read_to_end(&mut start, &mut told).unwrap();
    assert_eq!(Report::decode(&told), Some(Report { step: 1, errno: libc::ENOENT }), "nothing was looked up");
    assert_eq!(init.end().status, Some(1));
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A hook whose state is in given slot 1.
fn hook<'p>(path: &'p std::ffi::CStr, args: &'p [u8], timeout: u64) -> Step<'p> {
    let env = Texts::from_block(b"A=b\0");
    Step::Hook { path, args: Texts::from_block(args), env, timeout, state: Slot::given(1), output: Slot::NONE }
}

#[test]
fn hooks_read_the_state_and_their_failure_is_reported() {
    let state = memfd("state", MemfdFlags::empty(), b"{\"id\":\"web\"}");
    let args = shell("read state; echo $0 $state $A; ls /proc/self/fd | wc -l");
    let sh = c"/bin/busybox";
    let twice = [hook(sh, &args, 0), hook(sh, &args, 5000)];
    let (report, end) = Init::run(&[state.as_raw_fd()], &twice);
    assert_eq!((report, end.status), (None, Some(0)));
    assert_eq!(end.output, "sh {\"id\":\"web\"} b\n4\n".repeat(2), "stdin, stdout, stderr and the directory itself");

    let fails = |path, script: &str, timeout| {
        let args = shell(script);
        let (report, end) = Init::run(&[state.as_raw_fd()], &[hook(path, &args, timeout)]);
        assert_eq!(end.status, Some(1));
        report.unwrap().errno
    };
    assert_eq!(fails(sh, "exit 3", 0), -3);
    assert_eq!(fails(sh, "kill -9 $$", 5000), -(256 + 9));
    assert_eq!(fails(c"/nowhere", "", 0), libc::ENOENT);
    assert_eq!(fails(c"/etc/passwd", "", 0), libc::EACCES);
    let began = Instant::now();
    assert_eq!(fails(sh, "exec sleep 20", 100), libc::ETIMEDOUT);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn signals_are_as_they_were_at_birth() {
    let args = block(&["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]); // a shell would change them again
    let exec = Step::Exec { args: Texts::from_block(&args), env: NO_ENV };
    let (_, inherited) = Init::run(&[], &[BUSYBOX, exec]);
    assert!(!inherited.output.contains("SigIgn:\t0000000000000000"), "the test itself: {inherited:?}");
    let (_, reset) = Init::run(&[], &[BUSYBOX, Step::ResetSignals {}, exec]);
    assert_eq!(reset.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

#[test]
fn limits_umask_and_names_are_set() {
    let steps = [
        Step::Unshare { flags: libc::CLONE_NEWUTS.cast_unsigned() },
        Step::Sethostname { name: c"web" },
        Step::Setdomainname { name: c"example" },
        Step::Setrlimit { resource: libc::RLIMIT_NOFILE, soft: 100, hard: 200 },
        Step::Umask { mask: 0o27 },
        Step::JoinKeyring { name: c"_ses.test" },
        Step::Setsid {},
    ];
    let script = "hostname; cat /proc/sys/kernel/domainname; ulimit -n; ulimit -Hn; umask";
    assert_eq!(shell_after(&[], &steps, script), "web\nexample\n100\n200\n0027\n");
}

#[test]
fn identity_and_capabilities_are_what_the_plan_says() {
    const CHOWN_AND_KILL: u64 = 1 | 1 << 5;
    let gids = [7u32, 8].map(u32::to_ne_bytes).concat();
    let steps = [
        Step::DropBounding { drop: !CHOWN_AND_KILL & ((1 << 41) - 1) },
        Step::Prctl { option: libc::PR_SET_KEEPCAPS.cast_unsigned(), value: 1 },
        Step::Setgroups { gids: Bytes(&gids) },
        Step::Setgid { gid: 1234 },
        Step::Setuid { uid: 5678 },
        Step::Capset { effective: CHOWN_AND_KILL, permitted: CHOWN_AND_KILL, inheritable: 1 },
        Step::RaiseAmbient { raise: 1 },
        Step::Prctl { option: libc::PR_SET_NO_NEW_PRIVS.cast_unsigned(), value: 1 },
    ];
    let status = shell_after(&[], &steps, "exec grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status");
    let expected = [
        ("Uid", "5678\t5678\t5678\t5678"),
        ("Gid", "1234\t1234\t1234\t1234"),
        ("Groups", "7 8 "),
        ("CapInh", "0000000000000001"),
        ("CapPrm", "0000000000000001"),
        ("CapEff", "0000000000000001"),
        ("CapBnd", "0000000000000021"),
        ("CapAmb", "0000000000000001"),
        ("NoNewPrivs", "1"),
    ];
    let expected: String = expected.iter().map(|(key, value)| format!("{key}:\t{value}\n")).collect();
    assert_eq!(status, expected);
}

#[test]
fn a_seccomp_filter_holds() {
    let errno_for_chdir = [
        (0x20u16, 0u8, 0u8, 0u32),                             // load the number of the call
        (0x15, 0, 1, u32::try_from(libc::SYS_chdir).unwrap()), // chdir?
        (0x06, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EXDEV.cast_unsigned()),
        (0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter: Vec<u8> = errno_for_chdir
        .iter()
        .flat_map(|(code, yes, no, k)| {
            [code.to_ne_bytes().to_vec(), vec![*yes, *no], k.to_ne_bytes().to_vec()].concat()
        })
        .collect();
    let steps = [Step::Seccomp { flags: 0, filter: Bytes(&filter) }];
    assert_eq!(shell_after(&[], &steps, "cd /tmp 2>/dev/null && echo works || echo refused"), "refused\n");
    let (report, _) = Init::run(&[], &[Step::Seccomp { flags: 0, filter: Bytes(&[0; 9]) }]);
    assert_eq!(report, Some(Report { step: 0, errno: libc::EINVAL }));
}

#[test]
fn descriptors_stay_behind() {
    let steps = [
        Step::OpenHost { path: c"/etc", to: Slot::local(0) },
        Step::CloseOthers { first: 3, gate: Slot::NONE, input: Slot::NONE, output: Slot::NONE },
    ];
    assert_eq!(shell_after(&[], &steps, "ls /proc/self/fd"), "0\n1\n2\n3\n", "3 is ls's own");
}

#[test]
fn namespaces_are_left_and_joined() {
    let ours = std::fs::File::open("/proc/self/ns/uts").unwrap();
    rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::empty()).unwrap();
    let uts = libc::CLONE_NEWUTS.cast_unsigned();
    let leave = [Step::Unshare { flags: uts }, Step::Sethostname { name: c"elsewhere" }];
    let back = Step::Setns { ns: Slot::given(1), flags: uts };
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(shell_after(&[], &leave, "hostname"), "elsewhere\n");
    let joined = [&leave[..], &[back, Step::Close { slot: Slot::local(9) }]].concat();
    let (report, _) = Init::run(&[ours.as_raw_fd()], &joined);
    assert_eq!(report, Some(Report { step: 3, errno: libc::EBADF }), "all but the last step went well");
    assert_eq!(shell_after(&[ours.as_raw_fd()], &joined[..3], "hostname"), here);
}

#[test]
fn init_moves_itself_into_a_cgroup() {
    let hierarchy = std::path::Path::new("/sys/fs/cgroup/pids");
    if !hierarchy.join("tasks").exists() {
        println!("skipped: no pids hierarchy of cgroup v1 at {}", hierarchy.display());
        return;
    }
    let name = format!("orlop-init-test-{}", std::process::id());
    let cgroup = hierarchy.join(&name);
    std::fs::create_dir(&cgroup).unwrap();
    let tasks = std::fs::File::options().write(true).open(cgroup.join("tasks")).unwrap();
    rustix::io::fcntl_setfd(&tasks, rustix::io::FdFlags::empty()).unwrap();
    let join = [Step::JoinCgroup { tasks: Slot::given(1) }];
    let cgroups = shell_after(&[tasks.as_raw_fd()], &join, "cat /proc/self/cgroup");
    std::fs::remove_dir(&cgroup).unwrap();
    assert!(cgroups.lines().any(|line| line.ends_with(&format!(":pids:/{name}"))), "{cgroups}");
}
