//! The default devices as rules: text for cgroup v1, an eBPF program for v2.
//!
//! `linux.resources.devices` of the default bundle denies all; what every container gets remains (runtime specification,
//! "Default Devices"), and any node may be made, but not opened.

use super::kernel::Instruction;

/// Written to `devices.allow` one by one, after `a` to `devices.deny`.
pub(crate) const ALLOWED: [&str; 10] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

/// The same character devices as numbers; the minor is free where there is none.
const CHARACTER: [(i32, Option<i32>); 8] =
    [(1, Some(3)), (1, Some(5)), (1, Some(7)), (1, Some(8)), (1, Some(9)), (5, Some(0)), (5, Some(2)), (136, None)];

const ALLOW: [Instruction; 2] = [Instruction(0xb7, 0, 0, 1), Instruction(0x95, 0, 0, 0)];
const DENY: [Instruction; 2] = [Instruction(0xb7, 0, 0, 0), Instruction(0x95, 0, 0, 0)];

/// For `BPF_PROG_TYPE_CGROUP_DEVICE`, whose argument is `struct bpf_cgroup_dev_ctx { access_type, major, minor }`.
pub(crate) fn program() -> Vec<Instruction> {
    let mut program = vec![
        Instruction(0x61, 0x12, 0, 0), // r2 = access << 16 | type
        Instruction(0x61, 0x14, 4, 0), // r4 = major
        Instruction(0x61, 0x15, 8, 0), // r5 = minor
        Instruction(0xbf, 0x23, 0, 0), // r3 = r2
        Instruction(0x54, 2, 0, 0xffff),
        Instruction(0x74, 3, 0, 16),
        Instruction(0x55, 3, 2, 1), // unless BPF_DEVCG_ACC_MKNOD alone
    ];
    program.extend(ALLOW);
    program.push(Instruction(0x15, 2, 2, 2)); // if BPF_DEVCG_DEV_CHAR
    program.extend(DENY);
    for (major, minor) in CHARACTER {
        program.push(Instruction(0x55, 4, if minor.is_some() { 3 } else { 2 }, major));
        program.extend(minor.map(|minor| Instruction(0x55, 5, 2, minor)));
        program.extend(ALLOW);
    }
    program.extend(DENY);
    program
}
