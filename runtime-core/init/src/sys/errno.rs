//! The kernel's answer when a call fails.

/// An errno; below 0 the status of a program that was run (see `orlop_plan::Report`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

pub type Result<T> = core::result::Result<T, Errno>;

impl Errno {
    pub const PERM: Self = Self(1);
    pub const NOENT: Self = Self(2);
    pub const INTR: Self = Self(4);
    pub const IO: Self = Self(5);
    pub const BADF: Self = Self(9);
    pub const AGAIN: Self = Self(11);
    pub const ACCES: Self = Self(13);
    pub const EXIST: Self = Self(17);
    pub const XDEV: Self = Self(18);
    pub const NOTDIR: Self = Self(20);
    pub const ISDIR: Self = Self(21);
    pub const INVAL: Self = Self(22);
    pub const NOTTY: Self = Self(25);
    pub const ROFS: Self = Self(30);
    pub const NAMETOOLONG: Self = Self(36);
    pub const NOSYS: Self = Self(38);
    pub const LOOP: Self = Self(40);
    pub const TIMEDOUT: Self = Self(110);
}
