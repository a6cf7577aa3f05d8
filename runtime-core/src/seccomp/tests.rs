//! What compiled profiles decide, asked of the machine in [`super::bpf`].

use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD};
use libc::{SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_TRAP};
use libseccomp::{ScmpArch, ScmpSyscall};
use serde_json::Value;

use super::bpf::{Call, is_valid, run};
use super::{Filter, compile};
use crate::error::{Kind, Pointer};
use crate::spec::{Seccomp, SeccompAction, SeccompArg, SeccompCall, SeccompOperator, Str};

pub(super) const DOCKER: &str = include_str!("../../tests/corpus-seccomp/docker.json");

const X86_64: u32 = 0xc000_003e;
const X86: u32 = 0x4000_0003;
const X32: u32 = 1 << 30;
const EPERM: u32 = SECCOMP_RET_ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

pub(super) fn profile(default: SeccompAction, calls: Vec<SeccompCall<'static>>) -> Seccomp<'static> {
    let architectures = Vec::new();
    Seccomp { source: "", default, architectures, flags: 0, calls, listener_path: None, listener_metadata: None }
}

pub(super) fn rule(names: &[&'static str], action: SeccompAction, args: Vec<SeccompArg>) -> SeccompCall<'static> {
    let at = Pointer::new("/linux/seccomp/syscalls/0");
    SeccompCall { at, names: names.iter().map(|name| Str::Borrowed(*name)).collect(), action, args }
}

fn arg(index: u32, operator: SeccompOperator, value: u64, value_two: u64) -> SeccompArg {
    SeccompArg { index, value, value_two, operator }
}

fn number(name: &str, arch: ScmpArch) -> i32 {
    ScmpSyscall::from_name_by_arch(name, arch).map_or(-1, ScmpSyscall::as_raw_syscall)
}

fn decide(filter: &Filter, arch: u32, number: u32, first: u64) -> u32 {
    run(&filter.bytes, &Call { arch, number, args: [first, 0, 0, 0, 0, 0] })
}

fn native(filter: &Filter, name: &str, args: [u64; 6]) -> u32 {
    run(&filter.bytes, &Call { arch: X86_64, number: number(name, ScmpArch::X8664) as u32, args })
}

/// The little that the corpus needs of a parser.
pub(super) fn docker() -> Seccomp<'static> {
    let document: &Value = Box::leak(Box::new(serde_json::from_str(DOCKER).unwrap()));
    let text = |value: &'static Value| value.as_str().unwrap();
    let list = |value: &'static Value| value.as_array().map_or(&[][..], Vec::as_slice);
    let action = |value: &'static Value| match text(&value["action"]) {
        "SCMP_ACT_ALLOW" => SeccompAction::Allow,
        _ => SeccompAction::Errno(value["errnoRet"].as_u64().unwrap() as u16),
    };
    let one = |value: &'static Value| SeccompArg {
        index: value["index"].as_u64().unwrap() as u32,
        value: value["value"].as_u64().unwrap(),
        value_two: value["valueTwo"].as_u64().unwrap_or(0),
        operator: match text(&value["op"]) {
            "SCMP_CMP_NE" => SeccompOperator::NotEqual,
            "SCMP_CMP_EQ" => SeccompOperator::Equal,
            _ => SeccompOperator::MaskedEqual,
        },
    };
    let calls = list(&document["syscalls"]).iter().enumerate().map(|(index, call)| SeccompCall {
        at: Pointer::new("/linux/seccomp/syscalls").index(index),
        names: list(&call["names"]).iter().map(|name| Str::Borrowed(text(name))).collect(),
        action: action(call),
        args: list(&call["args"]).iter().map(one).collect(),
    });
    let architectures = list(&document["architectures"]).iter().map(|name| Str::Borrowed(text(name))).collect();
    Seccomp { source: DOCKER, architectures, ..profile(SeccompAction::Errno(1), calls.collect()) }
}

#[test]
fn dockers_profile_decides_every_number_of_every_architecture() {
    let profile = docker();
    let filter = compile(&profile).unwrap();
    assert!(is_valid(&filter.bytes));
    let allowed = &profile.calls[0].names;
    assert!(allowed.len() > 300);
    for (audit, arch, bit) in [(X86_64, ScmpArch::X8664, 0), (X86_64, ScmpArch::X32, X32), (X86, ScmpArch::X86, 0)] {
        let newest =
            profile.calls.iter().flat_map(|call| &call.names).map(|name| number(name, arch)).max().unwrap() as u32;
        for raw in (0..700).map(|raw| raw | bit) {
            let name = ScmpSyscall::from_raw_syscall(raw as i32).get_name_by_arch(arch).unwrap_or_default();
            let expected = match name.as_str() {
                _ if raw > newest => ENOSYS,
                "clone3" => ENOSYS,
                // Of the arguments that these accept, 8 is one.
                "socket" | "personality" | "clone" | "chroot" => SECCOMP_RET_ALLOW,
                name if allowed.iter().any(|allowed| allowed == name) => SECCOMP_RET_ALLOW,
                _ => EPERM,
            };
            assert_eq!(decide(&filter, audit, raw, 8), expected, "{name} {raw:#x} of {arch:?}");
        }
    }
}

#[test]
fn dockers_profile_looks_at_arguments() {
    let filter = compile(&docker()).unwrap();
    let ask = |name, first| native(&filter, name, [first, 0, 0, 0, 0, 0]);
    assert_eq!(ask("socket", 40), EPERM);
    assert_eq!(ask("socket", 1), SECCOMP_RET_ALLOW);
    assert_eq!(ask("personality", 0xffff_ffff), SECCOMP_RET_ALLOW);
    assert_eq!(ask("personality", 0x40000), EPERM);
    assert_eq!(ask("clone", 17), SECCOMP_RET_ALLOW);
    assert_eq!(ask("clone", 0x1000_0000 | 17), EPERM);
    assert_eq!(decide(&filter, 0xc000_00b7, 0, 0), SECCOMP_RET_KILL_THREAD, "an architecture that is not listed");
}

#[test]
fn every_action_is_what_the_kernel_calls_it() {
    let trace = SeccompAction::Trace(7);
    for (action, answer) in [
        (SeccompAction::Allow, SECCOMP_RET_ALLOW),
        (SeccompAction::Log, SECCOMP_RET_LOG),
        (SeccompAction::Errno(4094), SECCOMP_RET_ERRNO | 4094),
        (trace, SECCOMP_RET_TRACE | 7),
        (SeccompAction::Trap, SECCOMP_RET_TRAP),
        (SeccompAction::KillThread, SECCOMP_RET_KILL_THREAD),
        (SeccompAction::KillProcess, SECCOMP_RET_KILL_PROCESS),
    ] {
        let other = if action == trace { SeccompAction::Allow } else { trace };
        let as_rule = compile(&profile(other, vec![rule(&["mkdir"], action, vec![])]));
        let as_rule = as_rule.unwrap_or_else(|error| panic!("{action:?}: {error}"));
        assert_eq!(native(&as_rule, "mkdir", [0; 6]), answer, "{action:?} as a rule");
        let as_default = compile(&profile(action, vec![rule(&["openat2"], other, vec![])])).unwrap();
        assert_eq!(native(&as_default, "mkdir", [0; 6]), answer, "{action:?} as the default");
    }
}

type Holds = fn(u64, u64) -> bool;

/// The second operand of [`SeccompOperator::MaskedEqual`] is the value under the mask 0x1_0000_00f0.
const OPERATORS: [(SeccompOperator, Holds); 7] = [
    (SeccompOperator::NotEqual, |a, b| a != b),
    (SeccompOperator::Less, |a, b| a < b),
    (SeccompOperator::LessOrEqual, |a, b| a <= b),
    (SeccompOperator::Equal, |a, b| a == b),
    (SeccompOperator::GreaterOrEqual, |a, b| a >= b),
    (SeccompOperator::Greater, |a, b| a > b),
    (SeccompOperator::MaskedEqual, |a, b| a & MASK == b & MASK),
];
const MASK: u64 = 0x1_0000_00f0;
const VALUES: [u64; 8] = [0, 1, 0xff, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_00ff, u64::MAX - 1, u64::MAX];

fn compare(index: u32, operator: SeccompOperator, value: u64) -> SeccompArg {
    match operator {
        SeccompOperator::MaskedEqual => arg(index, operator, MASK, value & MASK),
        _ => arg(index, operator, value, 0),
    }
}

#[test]
fn every_operator_compares_all_64_bits_unsigned() {
    for (operator, holds) in OPERATORS {
        for (index, value) in [0, 5].into_iter().flat_map(|index| VALUES.map(|value| (index, value))) {
            let conditions = vec![compare(index, operator, value)];
            let filter =
                compile(&profile(SeccompAction::Allow, vec![rule(&["ioctl"], SeccompAction::Trap, conditions)]));
            let filter = filter.unwrap();
            for sample in VALUES {
                let mut args = [0x5555; 6];
                args[index as usize] = sample;
                let expected = if holds(sample, value) { SECCOMP_RET_TRAP } else { SECCOMP_RET_ALLOW };
                assert_eq!(native(&filter, "ioctl", args), expected, "{sample:#x} {operator:?} {value:#x}");
            }
        }
    }
}

/// Numbers from a fixed seed (Knuth's MMIX constants): the same profiles in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn profiles_of_any_size_decide_as_their_rules_say() {
    let actions = [(SeccompAction::Allow, SECCOMP_RET_ALLOW), (SeccompAction::Trap, SECCOMP_RET_TRAP)];
    let name = |number| ScmpSyscall::from_raw_syscall(number).get_name_by_arch(ScmpArch::X8664);
    let names = (0..330).filter_map(|number| Some(&*name(number).ok()?.leak())).collect::<Vec<_>>();
    let mut dice = Dice(42);
    for size in [1, 2, 5, 31, 32, 33, 40, 100, 200, 300] {
        // One rule at most for a system call, so that there is no doubt which decides.
        let mut chosen = names.clone();
        while chosen.len() > size {
            chosen.swap_remove(dice.roll(chosen.len()));
        }
        let mut rules = Vec::new();
        for name in chosen {
            let mut conditions: Vec<(u32, usize, u64)> = Vec::new();
            for index in 0..6 {
                if dice.roll(6) == 0 {
                    conditions.push((index, dice.roll(7), VALUES[dice.roll(8)]));
                }
            }
            rules.push((name, actions[dice.roll(2)], conditions));
        }
        let calls = rules.iter().map(|(name, (action, _), conditions)| {
            rule(
                &[name],
                *action,
                conditions.iter().map(|(i, at, value)| compare(*i, OPERATORS[*at].0, *value)).collect(),
            )
        });
        let filter = compile(&profile(SeccompAction::Log, calls.collect())).unwrap();
        assert!(is_valid(&filter.bytes));
        for name in &names {
            for _ in 0..20 {
                let args = [(); 6].map(|()| VALUES[dice.roll(8)]);
                let matching = rules.iter().find(|(ruled, _, conditions)| {
                    ruled == name && conditions.iter().all(|(i, at, value)| OPERATORS[*at].1(args[*i as usize], *value))
                });
                let expected = matching.map_or(SECCOMP_RET_LOG, |(_, (_, answer), _)| *answer);
                assert_eq!(native(&filter, name, args), expected, "{name} {args:#x?} of {size}: {matching:?}");
            }
        }
    }
}

#[test]
fn of_rules_that_contradict_each_other_the_first_counts() {
    let calls =
        vec![rule(&["mkdir"], SeccompAction::Allow, vec![]), rule(&["read", "mkdir"], SeccompAction::Trap, vec![])];
    let filter = compile(&profile(SeccompAction::Errno(1), calls)).unwrap();
    assert_eq!(native(&filter, "mkdir", [0; 6]), SECCOMP_RET_ALLOW);
    assert_eq!(native(&filter, "read", [0; 6]), SECCOMP_RET_TRAP);
}

#[test]
fn what_libseccomp_refuses_is_named() {
    // MAX_ERRNO itself is no errno to libseccomp.
    let calls = vec![rule(&["read", "mkdir"], SeccompAction::Errno(4095), vec![])];
    let error = compile(&profile(SeccompAction::Allow, calls)).unwrap_err();
    assert_eq!(error.pointer().unwrap().as_str(), "/linux/seccomp/syscalls/0/names/0");
    assert!(error.to_string().contains("rule for read"), "{error}");
}

#[test]
fn conditions_on_several_arguments_all_hold_and_on_one_argument_any() {
    let is = |index, value| arg(index, SeccompOperator::Equal, value, 0);
    let compiled =
        |args| compile(&profile(SeccompAction::Allow, vec![rule(&["ioctl"], SeccompAction::Trap, args)])).unwrap();
    let all = compiled(vec![is(0, 3), is(1, 4)]);
    assert_eq!(native(&all, "ioctl", [3, 4, 0, 0, 0, 0]), SECCOMP_RET_TRAP);
    assert_eq!(native(&all, "ioctl", [3, 5, 0, 0, 0, 0]), SECCOMP_RET_ALLOW);
    let any = compiled(vec![is(0, 3), is(0, 4), is(1, 9)]);
    for args in [[3, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0], [0, 9, 0, 0, 0, 0]] {
        assert_eq!(native(&any, "ioctl", args), SECCOMP_RET_TRAP);
    }
    assert_eq!(native(&any, "ioctl", [5, 0, 0, 0, 0, 0]), SECCOMP_RET_ALLOW);
}

#[test]
fn an_unknown_name_is_passed_over_with_a_warning_that_says_where_unless_it_is_to_be_allowed() {
    let filter = compile(&profile(
        SeccompAction::Errno(1),
        vec![
            rule(&["mkdir", "make_tea"], SeccompAction::Allow, vec![]),
            rule(&["rmdir", "make_coffee", "arm_fadvise64_64"], SeccompAction::Trap, vec![]),
        ],
    ))
    .unwrap();
    let fields = filter.warnings.iter().map(|warning| warning.field.as_str()).collect::<Vec<_>>();
    assert_eq!(fields, ["/linux/seccomp/syscalls/0/names/1"]);
    assert!(filter.warnings[0].message.contains("make_coffee"));
    assert_eq!(native(&filter, "mkdir", [0; 6]), SECCOMP_RET_ALLOW);
}

#[test]
fn numbers_above_the_newest_name_are_enosys_unless_the_default_lets_them_through() {
    let with = |default| compile(&profile(default, vec![rule(&["openat2"], SeccompAction::Log, vec![])])).unwrap();
    let (newest, x32) = (number("openat2", ScmpArch::X8664) as u32, X32 | 1000);
    for default in
        [SeccompAction::Errno(13), SeccompAction::KillProcess, SeccompAction::KillThread, SeccompAction::Trap]
    {
        let filter = with(default);
        assert_eq!(decide(&filter, X86_64, newest + 1, 0), ENOSYS, "{default:?}");
        assert_eq!(decide(&filter, X86_64, X32 - 1, 0), ENOSYS, "{default:?}");
        assert_ne!(decide(&filter, X86_64, newest - 1, 0), ENOSYS, "{default:?}");
        assert_eq!(decide(&filter, X86_64, newest, 0), SECCOMP_RET_LOG);
        assert_eq!(decide(&filter, X86_64, x32, 0), SECCOMP_RET_KILL_THREAD, "x32 is not listed: libseccomp kills");
        assert_eq!(decide(&filter, X86, 1000, 0), SECCOMP_RET_KILL_THREAD, "x86 is not listed");
    }
    for (default, answer) in [
        (SeccompAction::Allow, SECCOMP_RET_ALLOW),
        (SeccompAction::Trace(9), SECCOMP_RET_TRACE | 9),
        (SeccompAction::Errno(libc::ENOSYS as u16), ENOSYS),
    ] {
        assert_eq!(decide(&with(default), X86_64, newest + 1, 0), answer);
    }
}

#[test]
fn a_name_counts_as_known_even_where_its_rule_repeats_the_default() {
    let calls =
        vec![rule(&["read"], SeccompAction::Allow, vec![]), rule(&["openat2"], SeccompAction::Errno(1), vec![])];
    let filter = compile(&profile(SeccompAction::Errno(1), calls)).unwrap();
    assert_eq!(native(&filter, "openat2", [0; 6]), EPERM);
    assert_eq!(native(&filter, "faccessat2", [0; 6]), ENOSYS);
}

#[test]
fn a_profile_without_rules_is_its_default() {
    for default in [SeccompAction::Allow, SeccompAction::Errno(1)] {
        let filter = compile(&profile(default, vec![])).unwrap();
        let answer = if default == SeccompAction::Allow { SECCOMP_RET_ALLOW } else { EPERM };
        assert!(is_valid(&filter.bytes));
        assert_eq!(native(&filter, "read", [0; 6]), answer);
        assert_eq!(decide(&filter, X86_64, 5000, 0), answer);
    }
}

#[test]
fn rules_may_repeat() {
    let twice = || rule(&["mkdir", "mkdir"], SeccompAction::Allow, vec![]);
    let filter = compile(&profile(SeccompAction::Errno(1), vec![twice(), twice()])).unwrap();
    assert_eq!(native(&filter, "mkdir", [0; 6]), SECCOMP_RET_ALLOW);
}

#[test]
fn a_wrong_architecture_is_named() {
    for (name, kind) in [("SCMP_ARCH_VAX", Kind::Config), ("SCMP_ARCH_S390X", Kind::Unsupported)] {
        let mut profile = profile(SeccompAction::Allow, vec![]);
        profile.architectures = vec![Str::Borrowed("SCMP_ARCH_X86_64"), Str::Borrowed(name)];
        let error = compile(&profile).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.pointer().unwrap().as_str(), "/linux/seccomp/architectures/1");
    }
}

#[test]
fn flags_go_through() {
    let flags = 1 | 2 | 4 | 32;
    assert_eq!(compile(&Seccomp { flags, ..profile(SeccompAction::Allow, vec![]) }).unwrap().flags, flags);
}

#[test]
fn a_call_can_be_left_to_a_listener() {
    let calls =
        vec![rule(&["mkdir"], SeccompAction::Notify, vec![]), rule(&["read", "sendmsg"], SeccompAction::Allow, vec![])];
    let filter = compile(&profile(SeccompAction::Errno(1), calls)).unwrap();
    assert!(is_valid(&filter.bytes));
    let notified = libc::SECCOMP_RET_USER_NOTIF;
    assert_eq!(native(&filter, "mkdir", [0; 6]), notified);
    assert_eq!(native(&filter, "sendmsg", [0; 6]), SECCOMP_RET_ALLOW);
    assert_eq!(native(&filter, "getpid", [0; 6]), EPERM, "older than mkdir's rule is not ENOSYS");
    assert_eq!(native(&filter, "clone3", [0; 6]), ENOSYS, "younger than every name of the profile");
}
