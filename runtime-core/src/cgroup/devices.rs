//! Device rules → what is allowed, as a set without order (config-linux.md, "Allowed Device list"). Pure.
//!
//! The last rule that matches decides, for reading, writing and making a node each on its own. From that meaning both the list
//! of cgroup v1 and the program of cgroup v2 are computed.

use super::plan::{Plan, Write};
use super::{device_list, device_program};
use crate::error::{Error, Pointer, Result};
use crate::spec::{DeviceKind, DeviceRule, Resources};

/// Make a node: a bit of [`Entry::access`], as in linux/bpf.h.
pub(super) const MKNOD: u8 = 1;
/// Read.
pub(super) const READ: u8 = 2;
/// Write.
pub(super) const WRITE: u8 = 4;
/// Everything.
pub(super) const ALL: u8 = MKNOD | READ | WRITE;

/// A set of devices: one, all of a major or of a minor number, or all of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Character or block.
    pub(super) kind: DeviceKind,
    /// `None`: every number.
    pub(super) major: Option<u32>,
    /// `None`: every number.
    pub(super) minor: Option<u32>,
}

/// What may be done with the devices of a pattern that are in no narrower one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which devices.
    pub(super) pattern: Pattern,
    /// Bits of [`ALL`].
    pub(super) access: u8,
    /// Those of them that rules about just this pattern decided.
    pub(super) own: u8,
    /// Those of them that rules of the configuration decided, not those of every container.
    pub(super) listed: u8,
    /// The last rule that made a difference to them.
    pub(super) field: Pointer,
}

/// The device rules of a new cgroup, or other ones, all anew, for one that is there: on v1 it can open no device for the few
/// microseconds that the writes take.
pub(super) fn install(resources: &Resources<'_>, plan: &mut Plan) -> Result<()> {
    let mut rules = resources.devices.clone();
    rules.extend(defaults());
    let entries = meaning(&rules);
    // No user namespace may install rules, and in none can a device be made: rules that deny nothing more are not missed there.
    // Nor are they where all is allowed, and less is by the cgroups above.
    let all = entries.iter().all(|entry| entry.access == ALL);
    plan.denied = resources.devices.iter().find(|rule| !rule.allow && !all).map(|rule| rule.at.clone());
    if let Some(dir) = plan.dirs.iter().position(|dir| !dir.unified && dir.has("devices")) {
        let field = resources.at.key("devices");
        for (file, value) in device_list::writes(&entries)? {
            let write =
                Write::of(file, value).hint("the cgroup above allows fewer devices: is this inside a container?");
            let write = if plan.denied.is_some() { write } else { write.optional() };
            plan.writes.push(Write { dir, field: field.clone(), ..write });
        }
        return Ok(());
    }
    match plan.dirs.iter().find(|dir| dir.unified) {
        Some(_) => plan.devices = Some(device_program::compile(&entries)),
        None if resources.devices.is_empty() => {}
        None => {
            let message = "this machine has neither cgroup v2 nor the controller \"devices\"";
            return Err(Error::unsupported(resources.at.key("devices"), message));
        }
    }
    Ok(())
}

/// What every container may use: any node may be made, and these may be opened ("Default Devices", terminals and tunnels).
fn defaults() -> Vec<DeviceRule> {
    let rule = |kind, major, minor, access: u8| DeviceRule {
        at: Pointer::default(),
        allow: true,
        kind: Some(kind),
        major,
        minor,
        read: access & READ != 0,
        write: access & WRITE != 0,
        mknod: access & MKNOD != 0,
    };
    let mut rules = vec![rule(DeviceKind::Char, None, None, MKNOD), rule(DeviceKind::Block, None, None, MKNOD)];
    // null, zero, full, random, urandom; tty, ptmx; every pts; tun, without which many a VPN fails (runc took it out in 1.2.0, and
    // back in 1.2.4).
    let opened = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (10, 200)];
    rules.extend(opened.map(|(major, minor)| rule(DeviceKind::Char, Some(major), Some(minor), ALL)));
    rules.push(rule(DeviceKind::Char, Some(136), None, ALL));
    rules
}

/// One entry for each pattern of the rules and each intersection of two, the wide before the narrow: every device is
/// decided by the narrowest pattern it is in.
pub(super) fn meaning(rules: &[DeviceRule]) -> Vec<Entry> {
    let mut patterns = Vec::new();
    for kind in [DeviceKind::Char, DeviceKind::Block] {
        add(&mut patterns, Pattern { kind, major: None, minor: None });
        for rule in rules.iter().filter(|rule| applies(rule, kind)) {
            add(&mut patterns, Pattern { kind, major: rule.major, minor: rule.minor });
        }
    }
    close(&mut patterns);
    patterns.sort_by_key(|pattern| u8::from(pattern.major.is_some()) + u8::from(pattern.minor.is_some()));
    patterns.into_iter().map(|pattern| decide(pattern, rules)).collect()
}

fn add(patterns: &mut Vec<Pattern>, pattern: Pattern) {
    if !patterns.contains(&pattern) {
        patterns.push(pattern);
    }
}

/// Only `major:*` and `*:minor` meet in something new: one device, which meets nothing further.
fn close(patterns: &mut Vec<Pattern>) {
    for a in patterns.clone() {
        for b in patterns.clone() {
            let (Some(_), None, None, Some(_)) = (a.major, a.minor, b.major, b.minor) else { continue };
            if a.kind == b.kind {
                add(patterns, Pattern { minor: b.minor, ..a });
            }
        }
    }
}

fn decide(pattern: Pattern, rules: &[DeviceRule]) -> Entry {
    let (mut access, mut own, mut listed) = (0, 0, 0);
    let mut field = Pointer::default();
    for rule in rules.iter().filter(|rule| applies(rule, pattern.kind)) {
        let about = Pattern { kind: pattern.kind, major: rule.major, minor: rule.minor };
        if !about.covers(pattern) {
            continue;
        }
        let bits = bits(rule);
        let decided = if rule.allow { access | bits } else { access & !bits };
        own = if about == pattern { own | bits } else { own & !(access ^ decided) };
        let made = if about == pattern { bits } else { access ^ decided };
        listed = if rule.at == Pointer::default() { listed & !made } else { listed | made };
        if made != 0 {
            field = rule.at.clone();
        }
        access = decided;
    }
    Entry { pattern, access, own, listed, field }
}

impl Pattern {
    /// Whether every device of `other` is one of these.
    pub(super) fn covers(self, other: Self) -> bool {
        self.kind == other.kind
            && (self.major.is_none() || self.major == other.major)
            && (self.minor.is_none() || self.minor == other.minor)
    }
}

fn applies(rule: &DeviceRule, kind: DeviceKind) -> bool {
    rule.kind.is_none_or(|wanted| wanted == kind)
}

fn bits(rule: &DeviceRule) -> u8 {
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    bit(rule.mknod, MKNOD) | bit(rule.read, READ) | bit(rule.write, WRITE)
}
