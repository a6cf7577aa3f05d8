//! Tests of device rules: the meaning, the list of v1 and the program of v2 agree for any rules and any request.
//!
//! The yardstick knows rules only: for each kind of access the last one that matches. The list is judged by what the kernel does with
//! one (security/device_cgroup.c), the program by an interpreter of the instructions it may use.

use proptest::prelude::*;

use super::device_list;
use super::device_program::{Instruction, compile};
use super::devices::{ALL, MKNOD, READ, WRITE, meaning};
use crate::error::Pointer;
use crate::spec::{DeviceKind, DeviceRule};

#[derive(Clone, Copy, Debug)]
struct Request {
    kind: DeviceKind,
    major: u32,
    minor: u32,
    access: u8,
}

fn by_the_rules(rules: &[DeviceRule], request: Request) -> bool {
    [(MKNOD, 2), (READ, 0), (WRITE, 1)].into_iter().filter(|(bit, _)| request.access & bit != 0).all(|(_, index)| {
        let last = rules.iter().rev().find(|rule| {
            rule.kind.is_none_or(|kind| kind == request.kind)
                && rule.major.is_none_or(|major| major == request.major)
                && rule.minor.is_none_or(|minor| minor == request.minor)
                && [rule.read, rule.write, rule.mknod][index]
        });
        last.is_some_and(|rule| rule.allow)
    })
}

/// What the kernel answers with a list; every list begins with a default.
fn by_the_list(writes: &[(&str, String)], request: Request) -> bool {
    let mut default_allow = true;
    let mut exceptions: Vec<(String, u8)> = Vec::new();
    for (file, line) in writes {
        if line == "a" {
            default_allow = *file == "devices.allow";
            exceptions.clear();
            continue;
        }
        let (device, letters) = line.rsplit_once(' ').unwrap();
        assert_eq!(*file == "devices.deny", default_allow, "an exception to the default, never the removal of one");
        let bits = [('r', READ), ('w', WRITE), ('m', MKNOD)];
        let access = bits.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, bit)| bit).sum();
        assert!(exceptions.iter().all(|(known, _)| known != device), "{device} twice");
        exceptions.push((device.to_owned(), access));
    }
    let kind = if request.kind == DeviceKind::Block { "b" } else { "c" };
    let mut matching = exceptions.iter().filter(|(device, _)| {
        let (of_kind, numbers) = device.split_once(' ').unwrap();
        let (major, minor) = numbers.split_once(':').unwrap();
        of_kind == kind
            && (major == "*" || major == request.major.to_string())
            && (minor == "*" || minor == request.minor.to_string())
    });
    match default_allow {
        true => !matching.any(|(_, access)| access & request.access != 0),
        false => matching.any(|(_, access)| request.access & !access == 0),
    }
}

fn by_the_program(program: &[Instruction], request: Request) -> bool {
    let kind = if request.kind == DeviceKind::Block { 1 } else { 2 };
    let given = [u32::from(request.access) << 16 | kind, request.major, request.minor];
    let mut registers = [0_u64; 10];
    let mut at = 0_usize;
    loop {
        let step = program[at];
        at += 1;
        let (dst, imm) = (usize::from(step.dst), i64::from(step.imm).cast_unsigned());
        let jump = usize::try_from(step.off).unwrap();
        match step.code {
            0x61 => registers[dst] = given[jump / 4].into(),
            0xb7 => registers[dst] = imm,
            0xbf => registers[dst] = registers[usize::from(step.src)],
            0x57 => registers[dst] &= imm,
            0x77 => registers[dst] >>= imm,
            0x55 if registers[dst] != imm => at += jump,
            0x45 if registers[dst] & imm != 0 => at += jump,
            0x55 | 0x45 => {}
            0x95 => return registers[0] == 1,
            other => panic!("instruction {other:#x}"),
        }
    }
}

fn rule(allow: bool, kind: Option<DeviceKind>, major: Option<u32>, minor: Option<u32>, access: u8) -> DeviceRule {
    let (read, write, mknod) = (access & READ != 0, access & WRITE != 0, access & MKNOD != 0);
    DeviceRule { at: Pointer::new("/d/7"), allow, kind, major, minor, read, write, mknod }
}

fn kinds() -> impl Strategy<Value = DeviceKind> {
    prop_oneof![Just(DeviceKind::Char), Just(DeviceKind::Block)]
}

fn rules() -> impl Strategy<Value = Vec<DeviceRule>> {
    let number = || prop::option::of(0_u32..4);
    let one = (any::<bool>(), prop::option::of(kinds()), number(), number(), 1_u8..=ALL);
    let any_rule = one.prop_map(|(allow, kind, major, minor, access)| rule(allow, kind, major, minor, access));
    prop::collection::vec(any_rule, 0..10)
}

fn every_request() -> impl Iterator<Item = Request> {
    // 4 is in no rule: it stands for all numbers that are not named.
    let kinds = [DeviceKind::Char, DeviceKind::Block];
    let all = kinds.into_iter().flat_map(|kind| {
        (0..25 * u32::from(ALL)).map(move |n| {
            let access = u8::try_from(n / 25).unwrap() + 1;
            Request { kind, major: n % 5, minor: n / 5 % 5, access }
        })
    });
    // The kernel asks for the making of a node alone: vfs_mknod(), fs/namei.c.
    all.filter(|request| request.access & MKNOD == 0 || request.access == MKNOD)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_program_answers_as_the_rules(rules in rules()) {
        let program = compile(&meaning(&rules));
        for request in every_request() {
            prop_assert_eq!(by_the_program(&program, request), by_the_rules(&rules, request), "{:?}", request);
        }
    }

    #[test]
    fn the_list_answers_as_the_rules_or_is_refused(rules in rules()) {
        let Ok(writes) = device_list::writes(&meaning(&rules)) else { return Ok(()) };
        for request in every_request() {
            prop_assert_eq!(by_the_list(&writes, request), by_the_rules(&rules, request), "{:?} {:?}", request, writes);
        }
    }

    #[test]
    fn allowing_only_is_never_refused(rules in rules()) {
        let allowing: Vec<_> = rules.into_iter().map(|rule| DeviceRule { allow: true, ..rule }).collect();
        prop_assert!(device_list::writes(&meaning(&allowing)).is_ok());
    }
}

fn list(rules: &[DeviceRule]) -> Vec<String> {
    let writes = device_list::writes(&meaning(rules)).unwrap();
    writes.into_iter().map(|(file, line)| format!("{file} {line}")).collect()
}

#[test]
fn a_privileged_container_has_an_empty_list() {
    let all = [rule(false, None, None, None, ALL), rule(true, None, None, None, ALL)];
    assert_eq!(list(&all), ["devices.allow a"]);
}

#[test]
fn all_but_one_is_a_list_of_denials() {
    let rules = [rule(true, None, None, None, ALL), rule(false, Some(DeviceKind::Block), Some(8), Some(0), WRITE)];
    assert_eq!(list(&rules), ["devices.allow a", "devices.deny b 8:0 w"]);
}

#[test]
fn what_others_say_already_is_left_out() {
    let char = |major, minor, access| rule(true, Some(DeviceKind::Char), major, minor, access);
    let rules =
        [char(None, None, MKNOD), char(Some(1), None, READ), char(Some(1), Some(3), READ), char(None, Some(3), WRITE)];
    let expected = [
        "devices.deny a",
        "devices.allow c *:* m",
        "devices.allow c 1:* r",
        "devices.allow c *:3 w",
        "devices.allow c 1:3 rw",
    ];
    assert_eq!(list(&rules), expected);
}

#[test]
fn a_hole_is_refused_on_v1_and_named() {
    let rules = [
        rule(true, Some(DeviceKind::Char), Some(1), None, ALL),
        rule(false, Some(DeviceKind::Char), Some(1), Some(1), READ),
    ];
    let error = device_list::writes(&meaning(&rules)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "check config: cgroup v1 cannot keep a device apart from a wider rule about it: c 1:1 [config.json /d/7]"
    );
    let mem = Request { kind: DeviceKind::Char, major: 1, minor: 1, access: READ };
    assert!(!by_the_program(&compile(&meaning(&rules)), mem), "v2 can");
}
