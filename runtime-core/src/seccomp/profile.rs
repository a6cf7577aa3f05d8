//! The rules of a profile → libseccomp's program.
//!
//! Comes in: a [`Seccomp`]. Goes out: libseccomp's instructions, and a warning for each name it does not know. What runc does
//! with a profile that libseccomp would refuse, this does too: engines ship such profiles.

use std::io::Read;
use std::sync::OnceLock;

use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use rustix::fs::{MemfdFlags, memfd_create, seek};

use crate::error::{At, Error, Kind, Op, Pointer, Result};
use crate::spec::{Seccomp, SeccompAction, SeccompArg, SeccompCall, SeccompOperator, Warning};

/// From here on a binary tree is worth its instructions; libseccomp up to 2.5.4 gets one without any rule wrong.
const TREE_FROM: usize = 32;

/// The architectures of the filter: the native one, which libseccomp always has, and the ones the profile lists.
pub(super) fn architectures(profile: &Seccomp<'_>) -> Result<Vec<ScmpArch>> {
    let mut all = vec![ScmpArch::native()];
    for (index, name) in profile.architectures.iter().enumerate() {
        let arch = match name.parse::<ScmpArch>() {
            Ok(ScmpArch::Native) => ScmpArch::native(),
            Ok(arch) => arch,
            Err(_) => return Err(Error::config(architecture(index), format!("unknown architecture {name}"))),
        };
        if !all.contains(&arch) {
            all.push(arch);
        }
    }
    Ok(all)
}

/// libseccomp's program for `profile`, and what it passed over.
pub(super) fn program(profile: &Seccomp<'_>, architectures: &[ScmpArch]) -> Result<(Vec<u8>, Vec<Warning>)> {
    probe_once();
    let mut filter = ScmpFilterContext::new(action(profile.default)).map_err(failed)?;
    for arch in architectures {
        filter.add_arch(*arch).map_err(|cause| refused_architecture(profile, *arch, cause))?;
    }
    // It is on by default, and the container's noNewPrivileges is not the profile's to decide.
    filter.set_ctl_nnp(false).map_err(failed)?;
    if profile.calls.iter().map(|call| call.names.len()).sum::<usize>() > TREE_FROM {
        filter.set_ctl_optimize(2).map_err(failed)?;
    }
    let mut warnings = Vec::new();
    for call in &profile.calls {
        add(&mut filter, call, profile.default, &mut warnings)?;
    }
    Ok((export(&filter)?, warnings))
}

/// libseccomp finds out what the kernel can do on first use and keeps it in plain variables: not by two threads at once.
fn probe_once() {
    static LEVEL: OnceLock<u32> = OnceLock::new();
    LEVEL.get_or_init(libseccomp::get_api);
}

fn add(
    filter: &mut ScmpFilterContext,
    call: &SeccompCall<'_>,
    default: SeccompAction,
    warnings: &mut Vec<Warning>,
) -> Result<()> {
    for (index, name) in call.names.iter().enumerate() {
        let field = || call.at.key("names").index(index);
        // Of the native architecture, also for the others: libseccomp translates, and has negative numbers for the system
        // calls that only the others have.
        let Ok(number) = ScmpSyscall::from_name(name) else {
            // What is to be allowed stays under the default action, and every engine's profile has such names: engines
            // that read one line of the log want the error in it.
            if !matches!(call.action, SeccompAction::Allow) {
                let message = format!("system call {name} is unknown to libseccomp and passed over");
                warnings.push(Warning { field: field(), message });
            }
            continue;
        };
        // libseccomp refuses (EACCES) a rule that only repeats the default.
        if call.action == default {
            continue;
        }
        for conditions in alternatives(&call.args) {
            filter
                .add_rule_conditional(action(call.action), number, &conditions)
                .map_err(|cause| failed(cause).message(format!("rule for {name}")).field(field()))?;
        }
    }
    Ok(())
}

/// The rules, one of which must match, that stand for `args`.
///
/// libseccomp takes one condition per argument and rule. Where a profile has two on one argument, runc makes each condition
/// a rule of its own, so that *any* suffices where the specification wants all: profiles in use were written against that.
fn alternatives(args: &[SeccompArg]) -> Vec<Vec<ScmpArgCompare>> {
    let repeats =
        args.iter().enumerate().any(|(at, arg)| args.iter().skip(at + 1).any(|other| other.index == arg.index));
    if repeats {
        args.iter().map(|arg| vec![condition(arg)]).collect()
    } else {
        vec![args.iter().map(condition).collect()]
    }
}

fn condition(arg: &SeccompArg) -> ScmpArgCompare {
    let (operator, value) = match arg.operator {
        SeccompOperator::NotEqual => (ScmpCompareOp::NotEqual, arg.value),
        SeccompOperator::Less => (ScmpCompareOp::Less, arg.value),
        SeccompOperator::LessOrEqual => (ScmpCompareOp::LessOrEqual, arg.value),
        SeccompOperator::Equal => (ScmpCompareOp::Equal, arg.value),
        SeccompOperator::GreaterOrEqual => (ScmpCompareOp::GreaterEqual, arg.value),
        SeccompOperator::Greater => (ScmpCompareOp::Greater, arg.value),
        // `value` is the mask (config-linux.md, "valueTwo").
        SeccompOperator::MaskedEqual => (ScmpCompareOp::MaskedEqual(arg.value), arg.value_two),
    };
    ScmpArgCompare::new(arg.index, operator, value)
}

fn action(action: SeccompAction) -> ScmpAction {
    match action {
        SeccompAction::Allow => ScmpAction::Allow,
        SeccompAction::Log => ScmpAction::Log,
        SeccompAction::Errno(errno) => ScmpAction::Errno(errno.into()),
        SeccompAction::Trace(message) => ScmpAction::Trace(message),
        SeccompAction::Trap => ScmpAction::Trap,
        SeccompAction::KillThread => ScmpAction::KillThread,
        SeccompAction::KillProcess => ScmpAction::KillProcess,
        SeccompAction::Notify => ScmpAction::Notify,
    }
}

/// libseccomp before 2.6 writes its program to a file descriptor only.
fn export(filter: &ScmpFilterContext) -> Result<Vec<u8>> {
    let memory = memfd_create("seccomp", MemfdFlags::CLOEXEC).at(Op::CompileSeccomp)?;
    filter.export_bpf(&memory).map_err(failed)?;
    seek(&memory, rustix::fs::SeekFrom::Start(0)).at(Op::CompileSeccomp)?;
    let mut bytes = Vec::new();
    std::fs::File::from(memory).read_to_end(&mut bytes).at(Op::CompileSeccomp)?;
    Ok(bytes)
}

fn architecture(index: usize) -> Pointer {
    Pointer::new("/linux/seccomp/architectures").index(index)
}

/// Such as one of the other byte order: libseccomp mixes none.
fn refused_architecture(profile: &Seccomp<'_>, arch: ScmpArch, cause: SeccompError) -> Error {
    let error = failed(cause).kind_is(Kind::Unsupported).message("architecture not possible on this machine");
    match profile.architectures.iter().position(|name| name.parse().is_ok_and(|named: ScmpArch| named == arch)) {
        Some(index) => error.field(architecture(index)),
        None => error,
    }
}

fn failed(cause: SeccompError) -> Error {
    Error::new(Kind::System, Op::CompileSeccomp).cause(cause).field(Pointer::new("/linux/seccomp"))
}
