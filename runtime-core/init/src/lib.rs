//! Init: carries out a launch plan inside the container, and decides nothing.
//!
//! In: the bytes of a plan, the descriptors it names, and a socket to the parent. Out: reports on that socket; in the end
//! `execve(2)` of the user's program. Must not: open a path that is not in the plan, read the environment or a
//! configuration, do one step differently because of another, allocate. Specification: runtime.md, "Lifecycle"; what each
//! step does stands at [`orlop_plan::Step`].
#![cfg_attr(not(test), no_std)]

mod dialogue;
#[cfg(test)]
#[allow(unsafe_code)] // named in STYLE.md; otherwise a part of the program
mod mem;
mod state;
mod steps;
pub mod sys;
#[cfg(test)]
mod test_root;
mod trace;

use orlop_plan::{Malformed, Plan, Report, Slot, Step};

use dialogue::Dialogue;
use state::State;
use steps::{files, gate, hook, identity, mounts, paths, process, terminal};
use sys::{Errno, OwnedFd};

/// Carries out a plan, step by step. Ends early at the first step that fails; the parent has been told then.
///
/// # Errors
/// What the parent was told.
pub fn run(plan: &[u8], dialogue: OwnedFd) -> Result<(), Report> {
    let mut state = match Plan::read(plan) {
        Ok(plan) => State::new(plan, Dialogue::new(dialogue)),
        Err(Malformed) => {
            return Err(Dialogue::new(dialogue).fail(Report { step: Report::NO_STEP, errno: Errno::INVAL.0 }));
        }
    };
    carry_out_all(&mut state).map_err(|Errno(errno)| state.dialogue.fail(Report { step: state.step, errno }))
}

fn carry_out_all(state: &mut State<'_>) -> sys::Result<()> {
    state.trace.stamp(0);
    for step in state.plan.steps {
        carry_out(step.map_err(|Malformed| Errno::INVAL)?, state)?;
        state.step += 1;
        state.trace.stamp(state.step);
    }
    Ok(())
}

fn carry_out<'p>(step: Step<'p>, state: &mut State<'p>) -> sys::Result<()> {
    match step {
        Step::JoinCgroup { tasks } => process::join_cgroup(state.fd(tasks)?),
        Step::Setns { ns, flags } => sys::setns(state.fd(ns)?, flags),
        Step::EnterNamespace { procfs, path, flags } => files::enter_namespace(state.fd(procfs)?, path, flags),
        Step::Unshare { flags } => sys::unshare(flags),
        Step::Barrier {} => gate::barrier(state),
        Step::Prctl { option, value } => sys::prctl(option, [value, 0]),
        Step::ResetSignals {} => process::reset_signals(),
        Step::Setsid {} => sys::setsid(),
        Step::Umask { mask } => sys::umask(mask),
        Step::JoinKeyring { name } => process::join_keyring(name),

        Step::OpenHost { path, to } => state.fill(to, sys::openat(sys::Fd::CWD, path, sys::O_PATH)?),
        Step::Open { root, path, flags, to } => state.fill(to, paths::resolve(state.fd(root)?, path, flags)?),
        Step::Fsopen { fstype, to } => state.fill(to, sys::fsopen(fstype)?),
        Step::FsconfigString { fs, key, value } => sys::fsconfig_string(state.fd(fs)?, key, value),
        Step::FsconfigFlag { fs, key } => sys::fsconfig_flag(state.fd(fs)?, key),
        Step::Fspick { of, to } => state.fill(to, sys::fspick(state.fd(of)?)?),
        Step::Reconfigure { fs } => sys::fsconfig_reconfigure(state.take(fs)?.fd()),
        Step::Fsmount { fs, attributes, to } => mounts::fsmount(state, fs, attributes, to),
        Step::CloneTree { of, recursive, to } => state.fill(to, sys::clone_tree(state.fd(of)?, recursive)?),
        Step::MountSetattr { mount, recursive, set, clear, propagation, userns } => {
            let attr = sys::MountAttr { set, clear, propagation, userns_fd: mounts::userns(state, userns)? };
            sys::mount_setattr(state.fd(mount)?, recursive, &attr)
        }
        Step::Attach { mount, root, path, create } => mounts::attach(state.fd(mount)?, state.fd(root)?, path, create),
        Step::SameDirectory { one, other } => paths::same(state.fd(one)?, state.fd(other)?),
        Step::AttachOn { mount, on } => sys::move_mount_on(state.fd(mount)?, state.fd(on)?),
        Step::MakeDir { root, path, mode } => paths::make_dir(state.fd(root)?, path, mode),
        Step::Mknod { root, path, mode, device, uid, gid } => {
            files::mknod(state.fd(root)?, path, mode, device, (uid, gid))
        }
        Step::Symlink { root, path, target } => files::symlink(state.fd(root)?, path, target),
        Step::Mask { root, path, file, dir } => mounts::mask(state, root, path, file, dir),
        Step::Protect { root, path } => mounts::protect(state.fd(root)?, path),
        Step::PivotRoot { root } => mounts::pivot_root(state.fd(root)?),
        Step::Chroot { root } => mounts::chroot(state.fd(root)?),
        Step::TakeMode { root, path, to } => steps::mounts::take_mode(state.fd(root)?, path, state.fd(to)?),
        Step::CopyUp { root, path, to } => steps::copy_up::copy_up(state.fd(root)?, path, state.fd(to)?),
        Step::OpenMount { root, path, to } => state.fill(to, mounts::open_mount(state.fd(root)?, path)?),
        Step::Unmount { mount, procfs } => mounts::unmount(state.fd(mount)?, state.fd(procfs)?),
        Step::Close { slot } => state.take(slot).map(drop),

        Step::WriteFile { dir, path, value } => files::write(state.fd(dir)?, path, value.0),
        Step::Sethostname { name } => sys::sethostname(name.to_bytes()),
        Step::Setdomainname { name } => sys::setdomainname(name.to_bytes()),
        Step::Setrlimit { resource, soft, hard } => sys::setrlimit(resource, soft, hard),

        Step::Setxattr { mount, name, value } => mounts::setxattr(state.fd(mount)?, name, value),

        Step::OpenPty { root, path, terminal, peer } => terminal::open_pty(state, root, path, terminal, peer),
        Step::SendFd { socket, fd, name } => sys::send_fd(state.fd(socket)?, name.to_bytes(), state.fd(fd)?),
        Step::WindowSize { fd, rows, columns } => sys::set_window_size(state.fd(fd)?, rows, columns),
        Step::Stdio { fd } => terminal::stdio(state.fd(fd)?),
        Step::ControllingTerminal {} => sys::set_controlling_terminal(sys::Fd(0)),
        Step::Fchown { fd, uid, gid } => sys::fchown(state.fd(fd)?, uid, gid),
        Step::ChownStream { stream, uid } => terminal::chown_stream(stream, uid),
        Step::NullStream { root, path, stream } => terminal::null_stream(state.fd(root)?, path, stream),
        Step::CloseOthers { first, gate, input, output } => state.close_others(first, [gate, input, output]),
        Step::LoopbackUp {} => sys::loopback_up(),

        Step::Setgroups { gids } => sys::setgroups(gids.0),
        Step::DropGroups {} => identity::drop_groups(),
        Step::Setgid { gid } => sys::setresgid(gid),
        Step::Setuid { uid } => sys::setresuid(uid),
        Step::DropBounding { drop } => identity::drop_bounding(drop),
        Step::Capset { effective, permitted, inheritable } => sys::capset(effective, permitted, inheritable),
        Step::RaiseAmbient { raise } => identity::raise_ambient(raise),
        Step::Seccomp { flags, filter } => sys::seccomp(flags, filter.0),

        Step::Chdir { path } => process::chdir(path),
        Step::TryChdir { path } => process::try_chdir(path).map(|left| state.cwd = left),
        Step::ChdirLeft {} => state.cwd.map_or(Ok(()), process::chdir),
        Step::MakeCwd { path } => paths::make_cwd(path),
        Step::Lookup { candidates } => process::look_up(candidates).map(|found| state.program = found),
        Step::Hook { path, args, env, timeout, state: input, output } => {
            let output = if output == Slot::NONE { None } else { Some(state.fd(output)?) };
            hook::run(hook::Hook { path, args, env, timeout, input: state.fd(input)?, output })
        }
        Step::Gate { listener } => gate::wait_at(state, listener),
        Step::HearStart {} => gate::hear_start(state),
        Step::Exec { args, env } => sys::execve(state.program, args.iter(), env.iter()),

        Step::Scheduler { policy, nice, priority, flags, runtime, deadline, period } => {
            sys::sched_setattr(policy, nice, priority, flags, [runtime, deadline, period])
        }
        Step::IoPriority { class, priority } => sys::ioprio_set(class, priority),
        Step::Personality { domain } => sys::personality(domain),
        Step::MemoryPolicy { mode, nodes } => sys::set_mempolicy(mode, nodes.0),
        Step::Affinity { processors } => sys::sched_setaffinity(processors.0),
        Step::SeccompListener { flags, filter, to } => state.fill(to, sys::seccomp_listener(flags, filter.0)?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd as StdFd};
    use std::os::unix::net::UnixStream;
    use std::{io::Read, vec::Vec};

    use orlop_plan::{Slot, Texts, Word};

    use super::*;
    use crate::test_root::TestRoot;

    /// Runs steps in this process; what the parent would read, and what init's exit status says.
    fn run_here(plan: &[u8]) -> (Vec<u8>, Result<(), Report>) {
        let (mut parent, init) = UnixStream::pair().unwrap();
        let end = run(plan, OwnedFd::new(sys::Fd(StdFd::from(init).into_raw_fd())));
        let mut told = Vec::new();
        parent.read_to_end(&mut told).unwrap();
        (told, end)
    }

    fn plan(fds: &[i32], steps: &[Step<'_>]) -> Vec<u8> {
        let (mut encoded, mut plan) = (Vec::new(), Vec::new());
        steps.iter().for_each(|step| step.write(&mut encoded));
        Plan::write(fds, Slot::NONE, &encoded, &mut plan);
        plan
    }

    /// Slot 0 is the dialogue; none of the plans here names it.
    const ROOT: Slot = Slot::given(1);

    #[test]
    fn steps_run_in_order_and_the_first_that_fails_is_reported() {
        let root = TestRoot::new("order");
        let steps = [
            Step::MakeDir { root: ROOT, path: c"/a", mode: 0o700 },
            Step::Open { root: ROOT, path: c"/a", flags: sys::O_PATH, to: Slot::local(3) },
            Step::MakeDir { root: Slot::local(3), path: c"b", mode: 0o700 },
            Step::Open { root: ROOT, path: c"/a/c", flags: sys::O_PATH, to: Slot::local(3) },
            Step::MakeDir { root: ROOT, path: c"/never", mode: 0o700 },
        ];
        let (told, end) = run_here(&plan(&[-1, root.fd.as_raw_fd()], &steps));
        let report = Report { step: 3, errno: Errno::NOENT.0 };
        assert_eq!((told.as_slice(), end), (report.encode().as_slice(), Err(report)));
        assert!(root.path.join("a/b").is_dir() && !root.path.join("never").exists());
    }

    #[test]
    fn a_plan_cut_anywhere_ends_with_a_report() {
        let root = TestRoot::new("cut");
        let steps = [
            Step::MakeDir { root: ROOT, path: c"/a/b", mode: 0o700 },
            Step::Symlink { root: ROOT, path: c"/l", target: c"a" },
            Step::Open { root: ROOT, path: c"/l/b", flags: sys::O_PATH, to: Slot::local(0) },
            Step::Lookup { candidates: Texts::from_block(b"/nowhere\0/bin/sh\0") },
            Step::Close { slot: Slot::local(0) },
        ];
        let whole = plan(&[-1, root.fd.as_raw_fd()], &steps);
        assert_eq!(run_here(&whole), (Vec::new(), Ok(())));
        for len in 0..whole.len() {
            let report = Report { step: Report::NO_STEP, errno: Errno::INVAL.0 };
            assert_eq!(run_here(&whole[..len]), (report.encode().to_vec(), Err(report)), "{len}");
        }
        let header = plan(&[-1, root.fd.as_raw_fd()], &[]).len();
        for len in header + 1..whole.len() {
            let mut cut = Vec::new();
            Plan::write(&[-1, root.fd.as_raw_fd()], Slot::NONE, &whole[header..len], &mut cut);
            let (told, end) = run_here(&cut);
            match end {
                Ok(()) => assert!(told.is_empty(), "cut between two steps: {len}"),
                Err(report) => assert_eq!((report.errno, told), (Errno::INVAL.0, report.encode().to_vec()), "{len}"),
            }
        }
    }

    #[test]
    fn slots_that_hold_nothing_are_ebadf() {
        for slot in [Slot::given(9), Slot::local(0), Slot::local(63), Slot::local(64), Slot::local(0x7ffe), Slot::NONE]
        {
            let (_, end) = run_here(&plan(&[-1], &[Step::MakeDir { root: slot, path: c"/a", mode: 0o700 }]));
            assert_eq!(end, Err(Report { step: 0, errno: Errno::BADF.0 }), "{slot:?}");
        }
    }

    #[test]
    fn the_trace_has_a_time_before_the_first_step_and_after_each() {
        let root = TestRoot::new("trace");
        let times = std::fs::File::options().read(true).write(true).create_new(true).open(root.path.join("t")).unwrap();
        times.set_len(5 * 8).unwrap();
        let mut steps = Vec::new();
        for _ in 0..3 {
            Step::MakeDir { root: ROOT, path: c"/a", mode: 0o700 }.write(&mut steps);
        }
        let mut traced = Vec::new();
        Plan::write(&[-1, root.fd.as_raw_fd(), times.as_raw_fd()], Slot::given(2), &steps, &mut traced);
        assert_eq!(run_here(&traced).1, Ok(()));
        let bytes = std::fs::read(root.path.join("t")).unwrap();
        let times: Vec<u64> = bytes.chunks(8).map(|time| u64::from_ne_bytes(time.try_into().unwrap())).collect();
        assert!(times[0] > 0 && times[..4].is_sorted() && times[4] == 0, "{times:?}");
    }
}
