//! `linux.seccomp`: which system calls the process may make (config-linux.md, "Seccomp").

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Str;
use super::json::{self, Object};
use super::text::{self, Text};
use crate::error::{Error, Pointer, Result};

/// The architectures of config-linux.md, "Seccomp".
pub const ARCHITECTURES: [&str; 23] = [
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
];

/// The actions; ERRNO and TRACE with the number they have where none is given.
pub(crate) const ACTIONS: [(&str, SeccompAction); 9] = [
    ("SCMP_ACT_ALLOW", SeccompAction::Allow),
    ("SCMP_ACT_ERRNO", SeccompAction::Errno(EPERM)),
    ("SCMP_ACT_KILL", SeccompAction::KillThread),
    ("SCMP_ACT_KILL_PROCESS", SeccompAction::KillProcess),
    ("SCMP_ACT_KILL_THREAD", SeccompAction::KillThread),
    ("SCMP_ACT_LOG", SeccompAction::Log),
    ("SCMP_ACT_NOTIFY", SeccompAction::Notify),
    ("SCMP_ACT_TRACE", SeccompAction::Trace(EPERM)),
    ("SCMP_ACT_TRAP", SeccompAction::Trap),
];

const EPERM: u16 = libc::EPERM.unsigned_abs() as u16;

/// The comparisons.
pub(crate) const OPERATORS: [(&str, SeccompOperator); 7] = [
    ("SCMP_CMP_EQ", SeccompOperator::Equal),
    ("SCMP_CMP_GE", SeccompOperator::GreaterOrEqual),
    ("SCMP_CMP_GT", SeccompOperator::Greater),
    ("SCMP_CMP_LE", SeccompOperator::LessOrEqual),
    ("SCMP_CMP_LT", SeccompOperator::Less),
    ("SCMP_CMP_MASKED_EQ", SeccompOperator::MaskedEqual),
    ("SCMP_CMP_NE", SeccompOperator::NotEqual),
];

/// The flags of a filter, and their bits in `linux/seccomp.h`.
pub(crate) const FLAGS: [(&str, u32); 4] = [
    ("SECCOMP_FILTER_FLAG_LOG", 1 << 1),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1 << 2),
    ("SECCOMP_FILTER_FLAG_TSYNC", 1 << 0),
    // Only together with a listener (seccomp(2)).
    ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", WAIT_KILLABLE_RECV),
];

/// The entry of a table.
fn known<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Seccomp<'c> {
    /// The whole object as it stands in `config.json`: the key of the cache of compiled filters.
    pub source: &'c str,
    /// `defaultAction`, `defaultErrnoRet` in it.
    pub default: SeccompAction,
    /// `architectures` as the specification spells them (`SCMP_ARCH_X86_64`); empty means the native one.
    pub architectures: Vec<Str<'c>>,
    /// `SECCOMP_FILTER_FLAG_*` of `seccomp(2)`.
    pub flags: u32,
    /// `syscalls`, in order.
    pub calls: Vec<SeccompCall<'c>>,
    /// `listenerPath`: the socket of who answers for [`SeccompAction::Notify`]; relative to the bundle.
    pub listener_path: Option<Str<'c>>,
    /// `listenerMetadata`: handed over with the listener.
    pub listener_metadata: Option<Str<'c>>,
}

impl Seccomp<'_> {
    /// Whether somebody outside answers for some system calls.
    #[must_use]
    pub fn notifies(&self) -> bool {
        self.calls.iter().any(|call| call.action == SeccompAction::Notify)
    }
}

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeccompAction {
    /// `SCMP_ACT_ALLOW`
    Allow,
    /// `SCMP_ACT_LOG`
    Log,
    /// `SCMP_ACT_ERRNO` with the errno, EPERM where none is given.
    Errno(u16),
    /// `SCMP_ACT_TRACE` with the message, EPERM where none is given.
    Trace(u16),
    /// `SCMP_ACT_TRAP`
    Trap,
    /// `SCMP_ACT_KILL`, `SCMP_ACT_KILL_THREAD`
    KillThread,
    /// `SCMP_ACT_KILL_PROCESS`
    KillProcess,
    /// `SCMP_ACT_NOTIFY`: whoever has the listener answers (seccomp_unotify(2)).
    Notify,
}

/// One entry of `syscalls`.
#[derive(Clone, Debug, PartialEq)]
pub struct SeccompCall<'c> {
    /// Where it stands.
    pub at: Pointer,
    /// Names, at least one.
    pub names: Vec<Str<'c>>,
    /// What happens.
    pub action: SeccompAction,
    /// Conditions, all of which must hold.
    pub args: Vec<SeccompArg>,
}

/// A condition on one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeccompArg {
    /// 0 to 5.
    pub index: u32,
    /// What it is compared with.
    pub value: u64,
    /// The second operand of [`SeccompOperator::MaskedEqual`].
    pub value_two: u64,
    /// How.
    pub operator: SeccompOperator,
}

/// The comparisons of `seccomp_rule_add(3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeccompOperator {
    /// `SCMP_CMP_NE`
    NotEqual,
    /// `SCMP_CMP_LT`
    Less,
    /// `SCMP_CMP_LE`
    LessOrEqual,
    /// `SCMP_CMP_EQ`
    Equal,
    /// `SCMP_CMP_GE`
    GreaterOrEqual,
    /// `SCMP_CMP_GT`
    Greater,
    /// `SCMP_CMP_MASKED_EQ`
    MaskedEqual,
}

/// `seccomp` as it stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSeccomp<'c> {
    #[serde(borrow)]
    default_action: Option<Text<'c>>,
    default_errno_ret: Option<u32>,
    #[serde(borrow)]
    architectures: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    flags: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    syscalls: Option<Vec<Object<RawCall<'c>>>>,
    #[serde(borrow)]
    listener_path: Option<Text<'c>>,
    #[serde(borrow)]
    listener_metadata: Option<Text<'c>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCall<'c> {
    #[serde(borrow)]
    names: Option<Vec<Text<'c>>>,
    #[serde(borrow)]
    action: Option<Text<'c>>,
    errno_ret: Option<u32>,
    #[serde(borrow)]
    args: Option<Vec<Object<RawArg<'c>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawArg<'c> {
    index: Option<u32>,
    value: Option<u64>,
    value_two: Option<u64>,
    #[serde(borrow)]
    op: Option<Text<'c>>,
}

/// Reads and checks the object whose text is `source`.
pub(super) fn read(source: &RawValue) -> Result<Seccomp<'_>> {
    let at = Pointer::new("/linux/seccomp");
    let source = source.get();
    let raw: RawSeccomp<'_> = json::read(source.as_bytes(), &at)?;
    let profile = Seccomp {
        source,
        default: action(raw.default_action, raw.default_errno_ret, &at, ("defaultAction", "defaultErrnoRet"))?,
        architectures: architectures(raw.architectures, &at)?,
        flags: flags(raw.flags, &at)?,
        calls: text::each(raw.syscalls, at.key("syscalls")).map(|(at, raw)| call(raw, at)).collect::<Result<_>>()?,
        listener_path: text::some(raw.listener_path),
        listener_metadata: text::some(raw.listener_metadata),
    };
    check_listener(&profile, &at)?;
    Ok(profile)
}

/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV` of `linux/seccomp.h`.
const WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// A path without a rule that notifies is passed over: it is "used when" there is one. A profile may be one of many.
fn check_listener(profile: &Seccomp<'_>, at: &Pointer) -> Result<()> {
    let refuse = |key: &str, message: &str| Err(Error::config(at.key(key), message.to_owned()));
    if profile.default == SeccompAction::Notify {
        return refuse("defaultAction", "SCMP_ACT_NOTIFY cannot be the default action");
    }
    if profile.listener_path.is_none() && profile.listener_metadata.is_some() {
        return refuse("listenerMetadata", "`listenerMetadata` needs a `listenerPath`");
    }
    if !profile.notifies() {
        return match profile.flags & WAIT_KILLABLE_RECV {
            0 => Ok(()),
            _ => refuse("flags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY"),
        };
    }
    if profile.listener_path.is_none() {
        return refuse("listenerPath", "SCMP_ACT_NOTIFY needs a `listenerPath`");
    }
    check_sendmsg(profile, at)
}

/// Init sends the listener with this call: notified, it would wait for an answer of somebody who has not got the listener yet.
fn check_sendmsg(profile: &Seccomp<'_>, at: &Pointer) -> Result<()> {
    let mut allowed = None;
    for call in &profile.calls {
        let Some(index) = call.names.iter().position(|name| name == "sendmsg") else { continue };
        if call.action == SeccompAction::Notify {
            let message = "SCMP_ACT_NOTIFY cannot be used for sendmsg: the listener itself is sent with it";
            return Err(Error::config(call.at.key("names").index(index), message));
        }
        allowed = Some(allowed == Some(true) || passes(call.action));
    }
    match allowed.unwrap_or(passes(profile.default)) {
        true => Ok(()),
        false => Err(Error::config(
            at.key("syscalls"),
            "a profile that notifies must allow sendmsg: the listener is sent with it",
        )),
    }
}

fn passes(action: SeccompAction) -> bool {
    matches!(action, SeccompAction::Allow | SeccompAction::Log)
}

fn action(name: Option<Text<'_>>, errno: Option<u32>, at: &Pointer, keys: (&str, &str)) -> Result<SeccompAction> {
    let (key, errno_key) = keys;
    let Some(name) = text::some(name) else {
        return Err(Error::config(at.key(key), format!("seccomp needs `{key}`"))
            .hint("write SCMP_ACT_ERRNO, SCMP_ACT_ALLOW or another action of the OCI specification"));
    };
    // The kernel cuts an errno at MAX_ERRNO and a message for the tracer at 16 bits (seccomp(2)).
    let number = |errno: u32, most: u16| match u16::try_from(errno) {
        Ok(number) if number <= most => Ok(number),
        _ => Err(Error::config(at.key(errno_key), format!("`{errno_key}` is above {most}"))),
    };
    let Some(action) = known(&ACTIONS, &name) else {
        return Err(Error::config(at.key(key), format!("unknown seccomp action `{name}`")).hint(
            "the actions are SCMP_ACT_ALLOW, ERRNO, KILL, KILL_PROCESS, KILL_THREAD, LOG, NOTIFY, TRACE and TRAP",
        ));
    };
    // "When the action doesn't support an errno, the runtime MUST print an error and fail."
    match (errno, action) {
        (None, action) => Ok(action),
        (Some(errno), SeccompAction::Errno(_)) => Ok(SeccompAction::Errno(number(errno, 4095)?)),
        (Some(errno), SeccompAction::Trace(_)) => Ok(SeccompAction::Trace(number(errno, u16::MAX)?)),
        (Some(_), _) => Err(Error::config(at.key(errno_key), format!("{name} takes no errno"))),
    }
}

fn architectures<'c>(names: Option<Vec<Text<'c>>>, at: &Pointer) -> Result<Vec<Str<'c>>> {
    let names = text::list(names);
    match names.iter().enumerate().find(|(_, name)| !ARCHITECTURES.contains(&&***name)) {
        None => Ok(names),
        Some((index, name)) => {
            Err(Error::config(at.key("architectures").index(index), format!("unknown seccomp architecture `{name}`")))
        }
    }
}

fn flags(names: Option<Vec<Text<'_>>>, at: &Pointer) -> Result<u32> {
    let mut flags = 0;
    for (index, Text(name)) in names.unwrap_or_default().into_iter().enumerate() {
        let place = || at.key("flags").index(index);
        flags |=
            known(&FLAGS, &name).ok_or_else(|| Error::config(place(), format!("unknown seccomp flag `{name}`")))?;
    }
    Ok(flags)
}

fn call(call: RawCall<'_>, at: Pointer) -> Result<SeccompCall<'_>> {
    let names = text::list(call.names);
    if names.is_empty() {
        return Err(Error::config(at.key("names"), "a seccomp rule needs the name of a system call"));
    }
    let action = action(call.action, call.errno_ret, &at, ("action", "errnoRet"))?;
    let args = match call.args {
        None => Vec::new(),
        args => text::each(args, at.key("args")).map(|(at, raw)| arg(&raw, &at)).collect::<Result<_>>()?,
    };
    Ok(SeccompCall { at, names, action, args })
}

fn arg(arg: &RawArg<'_>, at: &Pointer) -> Result<SeccompArg> {
    let (Some(index), Some(value), Some(Text(op))) = (arg.index, arg.value, &arg.op) else {
        return Err(Error::config(at.clone(), "a condition needs `index`, `value` and `op`"));
    };
    if index > 5 {
        return Err(Error::config(at.key("index"), format!("system calls have no argument {index}"))
            .hint("the arguments are 0 to 5"));
    }
    let operator =
        known(&OPERATORS, op).ok_or_else(|| Error::config(at.key("op"), format!("unknown seccomp operator `{op}`")))?;
    Ok(SeccompArg { index, value, value_two: arg.value_two.unwrap_or_default(), operator })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(json: &str) -> Seccomp<'_> {
        let source: &RawValue = serde_json::from_str(json).unwrap();
        read(source).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_action_has_its_name() {
        let cases = [
            ("SCMP_ACT_ALLOW", SeccompAction::Allow),
            ("SCMP_ACT_LOG", SeccompAction::Log),
            ("SCMP_ACT_ERRNO", SeccompAction::Errno(1)),
            ("SCMP_ACT_TRACE", SeccompAction::Trace(1)),
            ("SCMP_ACT_TRAP", SeccompAction::Trap),
            ("SCMP_ACT_KILL", SeccompAction::KillThread),
            ("SCMP_ACT_KILL_THREAD", SeccompAction::KillThread),
            ("SCMP_ACT_KILL_PROCESS", SeccompAction::KillProcess),
        ];
        for (name, action) in cases {
            assert_eq!(profile(&format!(r#"{{"defaultAction":"{name}"}}"#)).default, action);
        }
    }

    #[test]
    fn a_rule_is_read_with_its_conditions() {
        let json = r#"{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "flags": ["SECCOMP_FILTER_FLAG_LOG"],
            "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args":
                [{"index": 0, "value": 2114060288, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"}]}] }"#;
        let profile = profile(json);
        assert_eq!((profile.default, profile.flags, profile.source), (SeccompAction::Errno(38), 2, json));
        let call = &profile.calls[0];
        assert_eq!((call.at.as_str(), &*call.names[0]), ("/linux/seccomp/syscalls/0", "clone"));
        let operator = SeccompOperator::MaskedEqual;
        assert_eq!(call.args, [SeccompArg { index: 0, value: 0x7e02_0000, value_two: 7, operator }]);
    }
}
