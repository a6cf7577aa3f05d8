//! The floor: just the system calls that the default bundle (as `runc spec` prints it, no terminal, busybox rootfs) needs.
//!
//! Comes in: `floor create|start|delete|run|exec ID [ARGV…]` with the bundle as working directory (ARGV stands for
//! `process.args`, `/bin/true` if absent). Goes out: a container like any runtime's, its pid in `/run/floor/ID/pid`.
//! It parses nothing, checks nothing, reports an errno and cleans up nothing that failed: it is the yardstick, the
//! least time three processes can take, and never a runtime. Where a real runtime must look before it acts (which masked
//! paths are directories, which cgroup hierarchies exist) the floor looks too.

mod cgroup;
mod devices;
mod inside;
mod kernel;

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::{env, fs};

use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

const ROOT: &str = "/run/floor";

fn main() -> io::Result<()> {
    let mut words = env::args().skip(1);
    let (Some(operation), Some(id)) = (words.next(), words.next()) else {
        return Err(io::Error::other("floor create|start|delete|run|exec ID [ARGV…]"));
    };
    let mut args: Vec<CString> = words.map(CString::new).collect::<Result<_, _>>()?;
    if args.is_empty() {
        args.push(c"/bin/true".into());
    }
    match operation.as_str() {
        "create" => create(&id, &args),
        "start" => start(&id),
        "delete" => delete(&id),
        "run" => run(&id, &args),
        "exec" => exec(&id, &args),
        other => Err(io::Error::other(format!("no operation {other}"))),
    }
}

/// Leaves a process that waits at a unix socket for `start`.
fn create(id: &str, args: &[CString]) -> io::Result<()> {
    let directory = claim(id)?;
    let cgroups = cgroup::create(id)?;
    let gate = UnixListener::bind(format!("{directory}/start"))?;
    let (mut ready, tell) = io::pipe()?;
    let Some(pid) = kernel::clone3(inside::NAMESPACES, cgroups.unified())? else {
        cgroups.join()?;
        inside::build(id, &cgroups)?;
        (&tell).write_all(b"r")?;
        let _start = gate.accept()?;
        return inside::execute(args);
    };
    drop(tell);
    ready.read_exact(&mut [0])?;
    fs::write(format!("{directory}/pid"), pid.to_string())
}

/// Opens the gate; end of file means the program is executed.
fn start(id: &str) -> io::Result<()> {
    let mut gate = UnixStream::connect(format!("{ROOT}/{id}/start"))?;
    gate.read(&mut [0]).map(drop)
}

/// Removes what `create` made, once the process is gone.
fn delete(id: &str) -> io::Result<()> {
    cgroup::remove(id)?;
    let directory = format!("{ROOT}/{id}");
    fs::remove_file(format!("{directory}/start"))?;
    fs::remove_file(format!("{directory}/pid"))?;
    fs::remove_dir(directory)
}

/// All three in one process: no gate to wait at.
fn run(id: &str, args: &[CString]) -> io::Result<()> {
    let directory = claim(id)?;
    let cgroups = cgroup::create(id)?;
    let Some(pid) = kernel::clone3(inside::NAMESPACES, cgroups.unified())? else {
        cgroups.join()?;
        inside::build(id, &cgroups)?;
        return inside::execute(args);
    };
    // Another command may ask for the container's status while it runs.
    fs::write(format!("{directory}/pid"), pid.to_string())?;
    waited(pid)?;
    cgroup::remove(id)?;
    fs::remove_file(format!("{directory}/pid"))?;
    fs::remove_dir(directory)
}

/// A second process in a running container.
fn exec(id: &str, args: &[CString]) -> io::Result<()> {
    let pid = fs::read_to_string(format!("{ROOT}/{id}/pid"))?;
    let pid = pid.parse().ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let container = pidfd_open(pid, PidfdFlags::empty())?;
    let cgroups = cgroup::open(id)?;
    let kinds = ThreadNameSpaceType::PROCESS_ID
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::MOUNT;
    move_into_thread_name_spaces(std::os::fd::AsFd::as_fd(&container), kinds)?;
    let Some(child) = kernel::clone3(0, cgroups.unified())? else {
        cgroups.join()?;
        return inside::execute(args);
    };
    waited(child)
}

/// The container's directory, and config.json read once: no runtime can do without either.
fn claim(id: &str) -> io::Result<String> {
    fs::read("config.json")?;
    let directory = format!("{ROOT}/{id}");
    fs::create_dir_all(ROOT)?;
    fs::create_dir(&directory)?;
    Ok(directory)
}

fn waited(pid: i32) -> io::Result<()> {
    match waitpid(Pid::from_raw(pid), WaitOptions::empty())? {
        Some((_, status)) if status.exit_status() == Some(0) => Ok(()),
        other => Err(io::Error::other(format!("{other:?}"))),
    }
}
