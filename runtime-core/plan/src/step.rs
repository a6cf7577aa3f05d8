//! The steps, in one table: what each does, what it is made of, and its number in an encoded plan.

use core::ffi::CStr;

use crate::word::{Bytes, Malformed, Reader, Slot, Texts, Word};

macro_rules! steps {
    ($(
        $(#[$doc:meta])*
        $number:literal $name:ident $text:literal { $( $field:ident: $word:ty ),* $(,)? }
    )+) => {
        /// One thing that init does.
        #[allow(missing_docs)] // a step's own comment says what its fields are
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step<'p> { $( $(#[$doc])* $name { $( $field: $word ),* } ),+ }

        impl<'p> Step<'p> {
            /// The name of the step, as people read it in a printed plan.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $( Step::$name { .. } => $text ),+ }
            }
        }

        impl<'p> Word<'p> for Step<'p> {
            fn read(from: &mut Reader<'p>) -> Result<Self, Malformed> {
                match u8::read(from)? {
                    $( $number => Ok(Step::$name { $( $field: <$word as Word<'p>>::read(from)? ),* }), )+
                    _ => Err(Malformed),
                }
            }

            fn write(&self, out: &mut impl Extend<u8>) {
                match self {
                    $( Step::$name { $( $field ),* } => { let number: u8 = $number; number.write(out); $( $field.write(out); )* } )+
                }
            }
        }
    };
}

steps! {
    // Processes, cgroups and namespaces.

    /// Writes `0`, the calling thread, to a `tasks` file of cgroup v1: the kernel takes no global lock for that.
    1 JoinCgroup "join-cgroup" { tasks: Slot }
    /// `setns(2)`; `flags` are the kinds (`CLONE_NEW*`), several with a pidfd.
    2 Setns "setns" { ns: Slot, flags: u32 }
    /// `unshare(2)`.
    3 Unshare "unshare" { flags: u32 }
    /// Enters the namespace of kind `flags` that the magic link at `path` below `procfs`, a verified one, leads to.
    11 EnterNamespace "enter-namespace" { procfs: Slot, path: &'p CStr, flags: u32 }
    /// Tells the parent, waits for its byte. End of file from the parent ends init.
    4 Barrier "barrier" {}
    /// `prctl(2)` with one value.
    5 Prctl "prctl" { option: u32, value: u64 }
    /// Every signal back to its default action, none blocked.
    6 ResetSignals "reset-signals" {}
    /// `setsid(2)`.
    7 Setsid "setsid" {}
    /// `umask(2)`.
    8 Umask "umask" { mask: u32 }
    /// `setgroups(2)` with none. Accepts EPERM: for a user namespace that forbids it, in which the process has every privilege.
    10 DropGroups "drop-groups" {}
    /// `keyctl(2)` `KEYCTL_JOIN_SESSION_KEYRING` with this name. Accepts ENOSYS (kernel without keys) and EDQUOT's kin not.
    9 JoinKeyring "join-keyring" { name: &'p CStr }

    // Mounts. `root` is the container's root, or a mount below it; `path` is resolved beneath it as if it were `/`
    // (`openat2(2)` with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS).

    /// Opens a directory or file of the host as `O_PATH`, in this mount namespace and before the root is entered.
    20 OpenHost "open-host" { path: &'p CStr, to: Slot }
    /// Opens `path` beneath `root` with these `open(2)` flags (`O_CLOEXEC` is added).
    21 Open "open" { root: Slot, path: &'p CStr, flags: u32, to: Slot }
    /// `fsopen(2)`.
    22 Fsopen "fsopen" { fstype: &'p CStr, to: Slot }
    /// `fsconfig(2)` `FSCONFIG_SET_STRING`.
    23 FsconfigString "fsconfig" { fs: Slot, key: &'p CStr, value: &'p CStr }
    /// `fsconfig(2)` `FSCONFIG_SET_FLAG`.
    24 FsconfigFlag "fsconfig-flag" { fs: Slot, key: &'p CStr }
    /// `FSCONFIG_CMD_CREATE`, then `fsmount(2)` with these `MOUNT_ATTR_*`; the context `fs` is closed.
    25 Fsmount "fsmount" { fs: Slot, attributes: u32, to: Slot }
    /// `fspick(2)` of the filesystem of the mount `of`.
    40 Fspick "fspick" { of: Slot, to: Slot }
    /// `FSCONFIG_CMD_RECONFIGURE`; the context `fs` is closed.
    41 Reconfigure "reconfigure" { fs: Slot }
    /// `open_tree(2)` with `OPEN_TREE_CLONE` of what is behind `of`.
    26 CloneTree "clone-tree" { of: Slot, recursive: bool, to: Slot }
    /// `mount_setattr(2)`; `propagation` is an `MS_*` flag or 0, `userns` the namespace of an id-mapped mount or none.
    27 MountSetattr "mount-setattr" { mount: Slot, recursive: bool, set: u64, clear: u64, propagation: u64, userns: Slot }
    /// `move_mount(2)` of `mount` to `path` beneath `root`. Where `path` is missing, makes it and its parents:
    /// a directory (`create` 1, mode 0755), an empty file (`create` 2), a directory on whose path no symlink may lie
    /// (`create` 3), or fails (`create` 0).
    28 Attach "move-mount" { mount: Slot, root: Slot, path: &'p CStr, create: u8 }
    /// `move_mount(2)` of `mount` onto what is behind `on`.
    29 AttachOn "move-mount-on" { mount: Slot, on: Slot }
    /// Compares two directories: EXDEV where they are not one.
    46 SameDirectory "same-directory" { one: Slot, other: Slot }
    /// Makes the directory `path` beneath `root`, and its parents with mode 0755; one that exists stays as it is.
    30 MakeDir "mkdir" { root: Slot, path: &'p CStr, mode: u32 }
    /// `mknodat(2)` beneath `root`, with missing parents; `fchownat(2)` unless `uid` and `gid` are both 0. Accepts EEXIST of
    /// the same node.
    31 Mknod "mknod" { root: Slot, path: &'p CStr, mode: u32, device: u64, uid: u32, gid: u32 }
    /// `symlinkat(2)` beneath `root`. Accepts EEXIST.
    32 Symlink "symlink" { root: Slot, path: &'p CStr, target: &'p CStr }
    /// Covers `path` beneath `root`: a directory with a clone of the mount `dir`, anything else with a clone of `file`.
    /// Accepts ENOENT and ENOTDIR: there is nothing to hide. The first directory takes `dir` itself, which is not yet attached.
    33 Mask "mask" { root: Slot, path: &'p CStr, file: Slot, dir: Slot }
    /// Covers `path` beneath `root` with a read-only clone of itself and of all below it. Accepts ENOENT.
    34 Protect "read-only" { root: Slot, path: &'p CStr }
    /// `fchdir(2)` to `root`, `pivot_root(".", ".")`, detaches the old root, `chdir("/")`.
    35 PivotRoot "pivot-root" { root: Slot }
    /// `fchdir(2)` to `root`, `chroot(".")`, for roots that cannot be pivoted (`--no-pivot`).
    36 Chroot "chroot" { root: Slot }
    /// Copies the tree that `path` beneath `root` shows now into the mount `to`, not yet attached (`tmpcopyup`).
    37 CopyUp "copy-up" { root: Slot, path: &'p CStr, to: Slot }
    /// Gives the root of the mount `to`, not yet attached, the mode of the directory at `path` beneath `root`, if there is one.
    39 TakeMode "take-mode" { root: Slot, path: &'p CStr, to: Slot }
    /// Opens the root of the mount at `path` beneath `root`, through no symlink. Where no mount is: EINVAL.
    43 OpenMount "open-mount" { root: Slot, path: &'p CStr, to: Slot }
    /// Detaches the mount whose root is behind `mount`, and all below it (`umount2(2)`, MNT_DETACH), through the verified `procfs`.
    44 Unmount "unmount" { mount: Slot, procfs: Slot }
    /// Closes a local slot.
    38 Close "close" { slot: Slot }

    // Files of a verified procfs, names, limits.

    /// Opens `path` below `dir` for writing (no magic links, no way out, no other mount) and writes `value` once.
    50 WriteFile "write" { dir: Slot, path: &'p CStr, value: Bytes<'p> }
    /// `sethostname(2)`.
    51 Sethostname "sethostname" { name: &'p CStr }
    /// `setdomainname(2)`.
    52 Setdomainname "setdomainname" { name: &'p CStr }
    /// `prlimit64(2)` on itself.
    53 Setrlimit "setrlimit" { resource: u32, soft: u64, hard: u64 }

    // Labels of security modules.

    /// `fsetxattr(2)` of the root directory of `mount`; the value is without its NUL.
    45 Setxattr "setxattr" { mount: Slot, name: &'p CStr, value: &'p CStr }

    // The terminal and other descriptors.

    /// Opens the pty multiplexer at `path` beneath `root`, unlocks the new pty and opens its peer (`TIOCGPTPEER`).
    60 OpenPty "open-pty" { root: Slot, path: &'p CStr, terminal: Slot, peer: Slot }
    /// Sends `fd` over the socket with `name` as the message (`SCM_RIGHTS`).
    61 SendFd "send-fd" { socket: Slot, fd: Slot, name: &'p CStr }
    /// `TIOCSWINSZ`.
    62 WindowSize "window-size" { fd: Slot, rows: u16, columns: u16 }
    /// Puts `fd` in the place of standard input, output and error.
    63 Stdio "stdio" { fd: Slot }
    /// `TIOCSCTTY` on standard input: the session's terminal.
    64 ControllingTerminal "controlling-terminal" {}
    /// `fchown(2)`; an id of `u32::MAX` stays as it is.
    65 Fchown "fchown" { fd: Slot, uid: u32, gid: u32 }
    /// The same for standard stream 0, 1 or 2. Accepts EPERM, EROFS and EINVAL: not every stream has an owner.
    66 ChownStream "chown-stream" { stream: u32, uid: u32 }
    /// Closes every descriptor from `first` on but the dialogue, the gate and what the last hooks read and write, which become
    /// close-on-exec (`close_range(2)`). Every local slot is empty afterwards.
    67 CloseOthers "close-others" { first: u32, gate: Slot, input: Slot, output: Slot }
    /// Puts the null device at `path` beneath `root` in the place of a standard stream. Accepts that there is none.
    70 NullStream "null-stream" { root: Slot, path: &'p CStr, stream: u32 }
    /// Brings the loopback interface of this network namespace up (`netdevice(7)`, SIOCSIFFLAGS).
    68 LoopbackUp "loopback-up" {}

    // Who the process is and what it may do.

    /// `setgroups(2)`; 32-bit ids in the machine's byte order.
    80 Setgroups "setgroups" { gids: Bytes<'p> }
    /// `setresgid(2)`, all three.
    81 Setgid "setresgid" { gid: u32 }
    /// `setresuid(2)`, all three.
    82 Setuid "setresuid" { uid: u32 }
    /// `PR_CAPBSET_DROP` for each bit, upwards, until the kernel knows no more (EINVAL).
    83 DropBounding "drop-bounding" { drop: u64 }
    /// `capset(2)`.
    84 Capset "capset" { effective: u64, permitted: u64, inheritable: u64 }
    /// `PR_CAP_AMBIENT_RAISE` for each bit.
    85 RaiseAmbient "raise-ambient" { raise: u64 }
    /// `seccomp(2)` `SECCOMP_SET_MODE_FILTER`; `filter` is an array of `struct sock_filter`.
    86 Seccomp "seccomp" { flags: u32, filter: Bytes<'p> }

    // The program.

    /// `chdir(2)`, then asks where that is: outside the root is ENOENT (CVE-2024-21626).
    100 Chdir "chdir" { path: &'p CStr }
    /// Makes the directory and its parents, mode 0755, in the root that has been entered. Accepts EEXIST.
    101 MakeCwd "mkdir-cwd" { path: &'p CStr }
    /// Finds the first of `candidates` that is a file and may be executed; remembered for [`Step::Exec`].
    /// Fails with the last answer that is not ENOENT or ENOTDIR, else with ENOENT.
    102 Lookup "look-up" { candidates: Texts<'p> }
    /// Runs a program in these namespaces with `state` as its standard input, and waits, at most `timeout` milliseconds
    /// (0: without limit). Its standard output and error are `output`, or init's where that is no slot.
    103 Hook "hook" { path: &'p CStr, args: Texts<'p>, env: Texts<'p>, timeout: u64, state: Slot, output: Slot }
    /// Reports ready; then waits for a connection on the listening socket, over which the dialogue goes on. Both old sockets
    /// are closed. A parent that is gone by then ends init.
    104 Gate "gate" { listener: Slot }
    /// `execve(2)` of what [`Step::Lookup`] found.
    105 Exec "exec" { args: Texts<'p>, env: Texts<'p> }
    /// Reads the byte that came with the connection at [`Step::Gate`]: who sent it learns if init ends before this (ECONNRESET).
    106 HearStart "hear-start" {}
    /// As [`Step::Chdir`]; what answers EACCES or EPERM is left to [`Step::ChdirLeft`].
    107 TryChdir "try-chdir" { path: &'p CStr }
    /// As [`Step::Chdir`], to what [`Step::TryChdir`] has left.
    108 ChdirLeft "chdir-left" {}

    // How the kernel treats the process.

    /// `sched_setattr(2)` on itself; `nice` is an `i32` in two's complement.
    110 Scheduler "scheduler" {
        policy: u32, nice: u32, priority: u32, flags: u64, runtime: u64, deadline: u64, period: u64,
    }
    /// `ioprio_set(2)` on itself: the class in the upper bits, the priority in it in the lower 13.
    111 IoPriority "io-priority" { class: u32, priority: u32 }
    /// `personality(2)`.
    112 Personality "personality" { domain: u32 }
    /// `set_mempolicy(2)`; `nodes` is a mask in whole words of eight bytes, or empty for none.
    114 MemoryPolicy "memory-policy" { mode: u32, nodes: Bytes<'p> }
    /// `sched_setaffinity(2)` on itself; a mask of any length: the kernel passes over processors it cannot have.
    113 Affinity "affinity" { processors: Bytes<'p> }

    // Seccomp with a listener.

    /// As [`Step::Seccomp`] with `SECCOMP_FILTER_FLAG_NEW_LISTENER`: the listener goes to `to` (seccomp_unotify(2)).
    120 SeccompListener "seccomp-listener" { flags: u32, filter: Bytes<'p>, to: Slot }
}
