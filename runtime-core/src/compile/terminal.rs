//! The terminal: a pty of the container's own devpts, sent to whoever asked for it (config.md, "Process", `terminal`).

use orlop_plan::{Slot, Step};

use super::plan::{Open, Origin, Plan};
use super::rootfs::local;
use super::{Request, Terminal};
use crate::error::{Op, Pointer};
use crate::spec::Process;

/// Opens the pty and sends it off; the process's side of it.
pub(crate) fn open(process: &Process<'_>, request: &Request<'_>, root: Slot, plan: &mut Plan) -> Option<Slot> {
    let origin =
        Origin::new(Op::Console).field(&process.at.key("terminal")).hint("a terminal needs a devpts mount at /dev/pts");
    let socket = match request.terminal {
        Terminal::None => return None,
        Terminal::ConsoleSocket => plan.open(Open::Console, &origin),
        Terminal::Caller => plan.open(Open::Terminal, &origin),
    };
    // The kernel itself gives the peer, so no name in the container's /dev/pts is trusted (CVE-2025-52565).
    plan.push(Step::OpenPty { root, path: c"dev/pts/ptmx", terminal: local::TERMINAL, peer: local::PEER }, &origin);
    if let Some((rows, columns)) = process.console_size {
        let size = Origin::new(Op::Console).field(&process.at.key("consoleSize"));
        plan.push(Step::WindowSize { fd: local::PEER, rows, columns }, &size);
    }
    plan.push(Step::SendFd { socket, fd: local::TERMINAL, name: c"/dev/ptmx" }, &origin);
    plan.push(Step::Close { slot: local::TERMINAL }, &origin);
    Some(local::PEER)
}

/// Shows the process's side of the pty as `/dev/console`.
pub(crate) fn show_console(peer: Slot, root: Slot, plan: &mut Plan) {
    let origin = Origin::new(Op::Console).field(&Pointer::new("/process/terminal")).path("/dev/console");
    plan.push(Step::CloneTree { of: peer, recursive: false, to: local::MOUNT }, &origin);
    plan.push(Step::Attach { mount: local::MOUNT, root, path: c"dev/console", create: 2 }, &origin);
}

/// Makes the pty the process's standard streams and its session's terminal.
pub(crate) fn adopt(peer: Slot, process: &Process<'_>, plan: &mut Plan) {
    let origin = Origin::new(Op::Console).field(&process.at.key("terminal"));
    plan.push(Step::Fchown { fd: peer, uid: process.user.uid, gid: u32::MAX }, &origin);
    plan.push(Step::Stdio { fd: peer }, &origin);
    plan.push(Step::ControllingTerminal {}, &origin);
}
