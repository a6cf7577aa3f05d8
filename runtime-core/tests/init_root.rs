//! The root that init builds and enters: mounts, nodes, covers, the terminal. Needs root and /bin/busybox.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test stops where it fails

mod init_process;

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::{IoSliceMut, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use init_process::{End, Init, block};
use orlop_plan::{Bytes, Report, Slot, Step, Texts};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

const HOST_ROOT: Slot = Slot::local(0);
const BUNDLE: Slot = Slot::local(1);
const ROOT: Slot = Slot::local(2);
const FS: Slot = Slot::local(3);
const MOUNT: Slot = Slot::local(4);
const PROC: Slot = Slot::local(5);
const DEV: Slot = Slot::local(6);
const NULL: Slot = Slot::local(7);
const EMPTY: Slot = Slot::local(8);
const TERMINAL: Slot = Slot::local(9);
const PEER: Slot = Slot::local(10);

const DIRECTORY: u8 = 1;
const FILE: u8 = 2;

/// A root with busybox in it, and an outside that nothing may change.
struct Bundle {
    around: PathBuf,
    root: PathBuf,
    path: CString,
}

impl Bundle {
    fn new(name: &str) -> Self {
        let around = std::env::temp_dir().join(format!("orlop-root-{}-{name}", std::process::id()));
        let root = around.join("root");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir(around.join("outside")).unwrap();
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        let path = CString::new(root.to_str().unwrap()).unwrap();
        Self { around, root, path }
    }

    /// Enters a mount namespace, makes the bundle's root a mount, carries out `steps`, enters the root and runs a shell.
    fn run(&self, fds: &[i32], steps: &[Step<'_>], script: &str) -> (Option<Report>, End) {
        let args = block(&["sh", "-c", &format!("/bin/busybox --install -s /bin; {script}")]);
        let exec = Step::Exec { args: Texts::from_block(&args), env: Texts::from_block(b"PATH=/bin\0") };
        let end = [
            Step::PivotRoot { root: ROOT },
            Step::Lookup { candidates: Texts::from_block(b"/bin/busybox\0") },
            Step::CloseOthers { first: 3, gate: Slot::NONE, input: Slot::NONE, output: Slot::NONE },
            exec,
        ];
        Init::run(fds, &[&self.enter()[..], steps, &end].concat())
    }

    fn output(&self, steps: &[Step<'_>], script: &str) -> String {
        let (report, end) = self.run(&[], steps, script);
        assert_eq!((report, end.status), (None, Some(0)), "{}", end.output);
        end.output
    }

    fn enter(&self) -> [Step<'_>; 7] {
        [
            Step::Umask { mask: 0 },
            Step::Unshare { flags: (libc::CLONE_NEWNS | libc::CLONE_NEWUTS).cast_unsigned() },
            Step::OpenHost { path: c"/", to: HOST_ROOT },
            Step::MountSetattr {
                mount: HOST_ROOT,
                recursive: true,
                set: 0,
                clear: 0,
                propagation: libc::MS_PRIVATE,
                userns: Slot::NONE,
            },
            Step::OpenHost { path: &self.path, to: BUNDLE },
            Step::CloneTree { of: BUNDLE, recursive: true, to: ROOT },
            Step::AttachOn { mount: ROOT, on: BUNDLE },
        ]
    }

    fn outside(&self) -> PathBuf {
        self.around.join("outside")
    }

    fn outside_is_empty(&self) -> bool {
        let count = |path: &Path| fs::read_dir(path).unwrap().count();
        count(&self.outside()) == 0 && count(&self.around) == 2
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.around).unwrap();
    }
}

/// The steps that make a filesystem and attach it.
fn filesystem<'p>(fstype: &'p CStr, to: Slot, root: Slot, path: &'p CStr) -> [Step<'p>; 3] {
    [
        Step::Fsopen { fstype, to: FS },
        Step::Fsmount { fs: FS, attributes: 0, to },
        Step::Attach { mount: to, root, path, create: DIRECTORY },
    ]
}

#[test]
fn a_root_is_built_and_entered() {
    let bundle = Bundle::new("built");
    let dev = [
        Step::Fsopen { fstype: c"tmpfs", to: FS },
        Step::FsconfigString { fs: FS, key: c"mode", value: c"711" },
        Step::FsconfigString { fs: FS, key: c"size", value: c"64k" },
        Step::Fsmount { fs: FS, attributes: u32::try_from(libc::MOUNT_ATTR_NOSUID).unwrap(), to: DEV },
        Step::Attach { mount: DEV, root: ROOT, path: c"/dev", create: DIRECTORY },
        Step::Mknod { root: DEV, path: c"null", mode: 0o020_666, device: 0x103, uid: 3, gid: 4 },
        Step::Mknod { root: DEV, path: c"null", mode: 0o020_600, device: 0x103, uid: 0, gid: 0 },
        Step::Mknod { root: ROOT, path: c"/dev/net/tun", mode: 0o020_600, device: 0xac8, uid: 0, gid: 0 },
        Step::Symlink { root: DEV, path: c"fd", target: c"/proc/self/fd" },
        Step::Symlink { root: DEV, path: c"fd", target: c"/nowhere" },
        Step::MakeDir { root: DEV, path: c"shm/deep", mode: 0o700 },
    ];
    let read_only = [
        Step::Fsopen { fstype: c"tmpfs", to: FS },
        Step::FsconfigFlag { fs: FS, key: c"ro" },
        Step::Fsmount { fs: FS, attributes: 0, to: MOUNT },
        Step::Attach { mount: MOUNT, root: ROOT, path: c"/a/b/ro", create: DIRECTORY },
    ];
    let file = [
        Step::OpenHost { path: c"/etc/hostname", to: BUNDLE },
        Step::CloneTree { of: BUNDLE, recursive: false, to: MOUNT },
        Step::Attach { mount: MOUNT, root: ROOT, path: c"/etc/hostname", create: FILE },
        Step::Close { slot: MOUNT },
    ];
    let steps = [&filesystem(c"proc", PROC, ROOT, c"/proc")[..], &dev, &read_only, &file].concat();
    let script = "cut -d' ' -f2,3 /proc/mounts | tail -n+2; stat -c '%a %u %g %t:%T' /dev/null /dev/net/tun; \
                  readlink /dev/fd; stat -c %a /dev /dev/shm /dev/shm/deep; touch /a/b/ro/x 2>/dev/null || echo ro; \
                  cat /etc/hostname; pwd; ls -A /";
    let hostname = fs::read_to_string("/etc/hostname").unwrap();
    let expected = format!(
        "/proc proc\n/dev tmpfs\n/a/b/ro tmpfs\n/etc/hostname {}\n666 3 4 1:3\n600 0 0 a:c8\n/proc/self/fd\n711\n755\n700\n\
         ro\n{hostname}/\na\nbin\ndev\netc\nproc\n",
        filesystem_of("/etc/hostname"),
    );
    assert_eq!(bundle.output(&steps, script), expected);
    assert_eq!(fs::metadata(bundle.root.join("etc/hostname")).unwrap().len(), 0, "an empty file below the mount");
    assert!(bundle.outside_is_empty());
}

/// The type of the filesystem that a path of the host is on.
fn filesystem_of(path: &str) -> String {
    let df = std::process::Command::new("/bin/busybox").args(["df", "-T", path]).output().unwrap();
    let table = String::from_utf8(df.stdout).unwrap();
    table.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn mounts_follow_symlinks_only_inside() {
    let bundle = Bundle::new("symlinks");
    symlink(bundle.outside(), bundle.root.join("absolute")).unwrap();
    symlink("../../../outside", bundle.root.join("climb")).unwrap();
    symlink("climb/never", bundle.root.join("never")).unwrap();
    let tmpfs = |path| filesystem(c"tmpfs", MOUNT, ROOT, path);
    let proc = filesystem(c"proc", PROC, ROOT, c"/proc");
    let steps = [&proc[..], &tmpfs(c"/absolute"), &tmpfs(c"/climb/x"), &tmpfs(c"/never")].concat();
    let mounts = bundle.output(&steps, "cut -d' ' -f2 /proc/mounts | tail -n+3");
    assert_eq!(mounts, format!("{}\n/outside/x\n/outside/never\n", bundle.outside().display()));
    assert!(bundle.outside_is_empty());
}

#[test]
fn a_mount_that_may_not_be_made_room_for_fails() {
    let bundle = Bundle::new("room");
    fs::write(bundle.root.join("file"), "").unwrap();
    let [open, mount, _] = filesystem(c"tmpfs", MOUNT, ROOT, c"");
    for (path, create, errno) in [
        (c"/missing", 0, libc::ENOENT),
        (c"/file", DIRECTORY, libc::ENOTDIR),
        (c"/file/x", DIRECTORY, libc::ENOTDIR),
        (c"/bin", 9, libc::EINVAL),
    ] {
        let attach = Step::Attach { mount: MOUNT, root: ROOT, path, create };
        let (report, _) = bundle.run(&[], &[open, mount, attach], "");
        assert_eq!(report, Some(Report { step: 9, errno }), "{path:?}");
    }
}

#[test]
fn masked_paths_are_empty_and_read_only_paths_are_read_only() {
    let bundle = Bundle::new("masks");
    for dir in ["one", "two", "open/below"] {
        fs::create_dir_all(bundle.root.join(dir)).unwrap();
        fs::write(bundle.root.join(dir).join("secret"), "secret").unwrap();
    }
    fs::write(bundle.root.join("file"), "secret").unwrap();
    let mask = |path| Step::Mask { root: ROOT, path, file: NULL, dir: EMPTY };
    let covers = [
        Step::OpenHost { path: c"/dev/null", to: NULL },
        Step::Fsopen { fstype: c"tmpfs", to: FS },
        Step::FsconfigFlag { fs: FS, key: c"ro" },
        Step::Fsmount { fs: FS, attributes: 0, to: EMPTY },
    ];
    let masks = [c"/one", c"/two", c"/file", c"/missing", c"/file/below", c"/open/below/secret"].map(mask);
    let protect = [Step::Protect { root: ROOT, path: c"/open" }, Step::Protect { root: ROOT, path: c"/missing" }];
    let proc = filesystem(c"proc", PROC, ROOT, c"/proc");
    let below = filesystem(c"tmpfs", MOUNT, ROOT, c"/open/mount");
    let steps = [&covers[..], &proc, &below, &masks, &protect].concat();
    let script = "ls -A one two; cat file open/below/secret; touch one/x two/x open/x open/mount/x 2>&-; \
                  ls open open/mount; stat -c %t:%T file; grep -c ' /one \\| /two ' /proc/mounts";
    let expected = "one:\n\ntwo:\nopen:\nbelow\nmount\n\nopen/mount:\n1:3\n2\n";
    assert_eq!(bundle.output(&steps, script), expected);
    assert!(fs::read_to_string(bundle.root.join("one/secret")).is_ok());
}

#[test]
fn a_root_that_cannot_be_pivoted_is_entered_by_chroot() {
    let bundle = Bundle::new("chroot");
    let args = block(&["ls", "-A", "/", "/.."]);
    let steps = [
        Step::OpenHost { path: &bundle.path, to: ROOT },
        Step::Chroot { root: ROOT },
        Step::Lookup { candidates: Texts::from_block(b"/bin/busybox\0") },
        Step::Exec { args: Texts::from_block(&args), env: Texts::from_block(b"") },
    ];
    let (report, end) = Init::run(&[], &steps);
    assert_eq!((report, end.output.as_str()), (None, "/:\nbin\n\n/..:\nbin\n"));
}

/// CVE-2024-21626: a leaked descriptor of the host must not become the working directory.
#[test]
fn a_working_directory_outside_the_root_is_refused() {
    let bundle = Bundle::new("cwd");
    let host = File::open("/").unwrap();
    rustix::io::fcntl_setfd(&host, rustix::io::FdFlags::empty()).unwrap();
    let leaked = CString::new(format!("/proc/self/fd/{}", host.as_raw_fd())).unwrap();
    let proc = filesystem(c"proc", PROC, ROOT, c"/proc");
    let enter = [&bundle.enter()[..], &proc, &[Step::PivotRoot { root: ROOT }]].concat();
    let (report, _) = Init::run(&[], &[&enter[..], &[Step::Chdir { path: &leaked }]].concat());
    assert_eq!(report, Some(Report { step: u32::try_from(enter.len()).unwrap(), errno: libc::ENOENT }));
    let made =
        [Step::MakeCwd { path: c"/made/here" }, Step::MakeCwd { path: c"/made" }, Step::Chdir { path: c"/made/here" }];
    let (report, _) = Init::run(&[], &[&enter[..], &made].concat());
    assert_eq!((report, bundle.root.join("made/here").is_dir()), (None, true));
}

#[test]
fn a_tmpfs_takes_up_what_it_covers() {
    let bundle = Bundle::new("copy-up");
    fs::create_dir_all(bundle.root.join("var/log/app")).unwrap();
    fs::write(bundle.root.join("var/log/app/today"), "hello\n").unwrap();
    fs::set_permissions(bundle.root.join("var/log/app"), PermissionsExt::from_mode(0o750)).unwrap();
    let steps = [
        Step::Fsopen { fstype: c"tmpfs", to: FS },
        Step::Fsmount { fs: FS, attributes: 0, to: MOUNT },
        Step::CopyUp { root: ROOT, path: c"/var/log", to: MOUNT },
        Step::Attach { mount: MOUNT, root: ROOT, path: c"/var/log", create: DIRECTORY },
    ];
    let script =
        "cat /var/log/app/today; stat -c %a /var/log/app; echo more >>/var/log/app/today; stat -f -c %T /var/log";
    assert_eq!(bundle.output(&steps, script), "hello\n750\ntmpfs\n");
    assert_eq!(fs::read_to_string(bundle.root.join("var/log/app/today")).unwrap(), "hello\n");
}

#[test]
fn values_are_written_to_the_private_procfs_and_nowhere_else() {
    let bundle = Bundle::new("write");
    let proc = [Step::Fsopen { fstype: c"proc", to: FS }, Step::Fsmount { fs: FS, attributes: 0, to: PROC }];
    let write = |path, value| Step::WriteFile { dir: PROC, path, value: Bytes(value) };
    let attach = Step::Attach { mount: PROC, root: ROOT, path: c"/proc", create: DIRECTORY };
    let ours = write(c"sys/kernel/domainname", b"example");
    let steps = [&proc[..], &[ours, attach]].concat();
    assert_eq!(bundle.output(&steps, "cat /proc/sys/kernel/domainname"), "example\n");
    for (path, value, errno) in [
        (c"sys/kernel/missing", b"1".as_slice(), libc::ENOENT),
        (c"self/root/tmp", b"1", libc::ELOOP),
        (c"../etc/passwd", b"1", libc::EXDEV),
        (c"sys/kernel/random/boot_id", b"1", libc::EACCES),
        (c"sys/fs/nr_open", b"words", libc::EINVAL),
    ] {
        let (report, _) = bundle.run(&[], &[&proc[..], &[write(path, value)]].concat(), "");
        assert_eq!(report, Some(Report { step: 9, errno }), "{path:?}");
    }
}

#[test]
fn a_terminal_is_sent_out_and_controls_the_session() {
    let bundle = Bundle::new("terminal");
    let (console, theirs) = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
    let socket = Slot::given(1);
    let pty = [
        Step::OpenPty { root: ROOT, path: c"/dev/pts/ptmx", terminal: TERMINAL, peer: PEER },
        Step::WindowSize { fd: TERMINAL, rows: 12, columns: 34 },
        Step::SendFd { socket, fd: TERMINAL, name: c"/dev/pts/ptmx" },
        Step::Fchown { fd: PEER, uid: 55, gid: u32::MAX },
        Step::Setsid {},
        Step::Stdio { fd: PEER },
        Step::ControllingTerminal {},
        Step::ChownStream { stream: 0, uid: 77 },
    ];
    let steps = [&filesystem(c"devpts", MOUNT, ROOT, c"/dev/pts")[..], &pty].concat();
    let script = "stty size; stat -c %u /dev/pts/0; tty; echo to-the-terminal >/dev/tty";
    fs::create_dir_all(bundle.root.join("dev")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bundle.root.join("dev/tty"),
        rustix::fs::FileType::CharacterDevice,
        0o666.into(),
        rustix::fs::makedev(5, 0),
    )
    .unwrap();
    let (report, _) = bundle.run(&[theirs.as_raw_fd()], &steps, script);
    assert_eq!(report, None);
    let (name, terminal) = receive(&console);
    assert_eq!(name, "/dev/pts/ptmx");
    let mut output = Vec::new();
    // EIO is how a terminal says that nobody has its other end open.
    assert_eq!(File::from(terminal).read_to_end(&mut output).unwrap_err().raw_os_error(), Some(libc::EIO));
    let output = String::from_utf8(output).unwrap();
    assert_eq!(output, "12 34\r\n77\r\n/dev/pts/0\r\nto-the-terminal\r\n");
}

/// One message with one descriptor.
fn receive(socket: &UnixStream) -> (String, OwnedFd) {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut name = [0; 64];
    let message =
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut name)], &mut control, RecvFlags::empty()).unwrap();
    let mut messages = control.drain();
    let Some(RecvAncillaryMessage::ScmRights(mut fds)) = messages.next() else { panic!("no descriptor") };
    (String::from_utf8(name[..message.bytes].to_vec()).unwrap(), fds.next().unwrap())
}
