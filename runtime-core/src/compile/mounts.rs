//! `mounts` → steps: each filesystem is made detached, dressed, then moved into place by descriptor.
//!
//! Sources on the host are opened before anything of the container runs (`tree.rs`); destinations are resolved beneath the
//! root's descriptor (CVE-2021-30465, CVE-2024-45310).

use std::collections::BTreeSet;
use std::ffi::CStr;

use orlop_plan::{Slot, Step};

use super::plan::{Origin, Plan, below_root, c, in_bundle};
use super::rootfs::{inherit, local, propagate};
use super::{Request, cgroup_mount, id_map, labels, tree};
use crate::error::{Error, Op, Result};
use crate::host::{FileKind, Host};
use crate::spec::{Attributes, Mount, MountData, MountKind, Namespace, NamespaceKind, Spec};

pub(crate) const MOUNT_ATTR_RDONLY: u64 = 0x1;
pub(crate) const MOUNT_ATTR_NOSUID: u64 = 0x2;
pub(crate) const MOUNT_ATTR_NODEV: u64 = 0x4;
pub(crate) const MOUNT_ATTR_NOEXEC: u64 = 0x8;
const MOUNT_ATTR_NODIRATIME: u64 = 0x80;
const MOUNT_ATTR_NOSYMFOLLOW: u64 = 0x20_0000;
/// The atime modes are one field of the attributes: setting one clears the others.
const MOUNT_ATTR_ATIME: u64 = 0x70;
const O_PATH: u32 = 0o10_000_000;
pub(crate) const MS_REC: u64 = 0x4000;
pub(crate) const MS_UNBINDABLE: u64 = 1 << 17;
pub(crate) const MS_PRIVATE: u64 = 1 << 18;
pub(crate) const MS_SLAVE: u64 = 1 << 19;
pub(crate) const MS_SHARED: u64 = 1 << 20;

/// What the mounts left for the steps after them.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The container's root.
    pub(crate) root: Slot,
    /// `/dev`, where it is a new tmpfs: names in it can be made without a look-up.
    pub(crate) dev: Option<Slot>,
    /// Whether device nodes are wanted: not where `/dev` comes from the host.
    pub(crate) devices: bool,
    /// Whether there is a mount namespace whose root can be changed.
    pub(crate) pivots: bool,
    /// Mounts that stay writable until everything in them is in place.
    late: Vec<(Slot, Origin)>,
}

/// All mounts, in order.
pub(crate) fn all(spec: &Spec<'_>, host: &Host, request: &Request<'_>, root: Slot, plan: &mut Plan) -> Result<Layout> {
    labels::check_mounts(spec, host)?;
    let pivots = *spec.linux.namespaces.get(NamespaceKind::Mount) != Namespace::Host;
    let layout = Layout { root, dev: None, devices: true, pivots, late: Vec::new() };
    let mut mounts = Mounts { spec, host, request, layout, kept: 0, handed_to: None, plan };
    mounts.add_all()?;
    let layout = mounts.layout;
    mask(spec, layout.root, plan);
    Ok(layout)
}

/// All mounts, in a container that is there; each is handed over `socket` once it is attached.
pub(super) fn in_running(
    spec: &Spec<'_>,
    host: &Host,
    request: &Request<'_>,
    root: Slot,
    socket: Slot,
    plan: &mut Plan,
) -> Result<()> {
    labels::check_mounts(spec, host)?;
    let layout = Layout { root, dev: None, devices: false, pivots: true, late: Vec::new() };
    let mut mounts = Mounts { spec, host, request, layout, kept: 0, handed_to: Some(socket), plan };
    mounts.add_all()?;
    let layout = mounts.layout;
    layout.seal(plan);
    Ok(())
}

/// The mounts of one container, half way through.
pub(crate) struct Mounts<'m, 'c> {
    pub(crate) spec: &'m Spec<'c>,
    pub(crate) host: &'m Host,
    request: &'m Request<'m>,
    pub(crate) layout: Layout,
    /// How many mounts keep a slot of their own.
    kept: u16,
    /// Where each goes once it is attached, so that the parent can take it back.
    handed_to: Option<Slot>,
    pub(crate) plan: &'m mut Plan,
}

impl Mounts<'_, '_> {
    fn add_all(&mut self) -> Result<()> {
        let (spec, host) = (self.spec, self.host);
        for (index, mount) in spec.mounts.iter().enumerate() {
            self.add(mount, host.bind_sources.get(index).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    fn add(&mut self, mount: &Mount<'_>, source_kind: FileKind) -> Result<()> {
        let origin = Origin::new(Op::Mount).field(&mount.at).path(&mount.destination);
        if mount.destination == "/" {
            let message = "a mount on / would cover the root filesystem";
            return Err(
                Error::unsupported(mount.at.key("destination"), message).hint("name its directory in root.path")
            );
        }
        match &mount.kind {
            MountKind::Bind { source, recursive } => self.bind(mount, source, *recursive, source_kind, &origin),
            MountKind::Filesystem { fstype, .. } if fstype == "sysfs" && !self.may_have_new_sysfs() => {
                self.host_sysfs(mount, &origin);
                Ok(())
            }
            MountKind::Filesystem { fstype, source } => self.filesystem(mount, fstype, source.as_deref(), &origin),
            MountKind::Cgroup => cgroup_mount::add(mount, self, &origin),
            MountKind::Remount => self.again(mount, &origin.hint(AGAIN_HINT)),
        }
    }

    /// Changes what is mounted there: the attributes that are named, no others, and options of a filesystem that is new. As a new mount of
    /// its kind would, it becomes read-only last.
    fn again(&mut self, mount: &Mount<'_>, origin: &Origin) -> Result<()> {
        let waits = mount.attributes.set & MOUNT_ATTR_RDONLY != 0;
        let to = if waits { self.keep(mount)? } else { local::MOUNT };
        let path = below_root(&mount.destination);
        self.plan.push(Step::Open { root: self.layout.root, path: &path, flags: O_PATH, to }, origin);
        if !mount.data.is_empty() {
            self.plan.push(Step::Fspick { of: to, to: local::FS }, origin);
            mount.data.iter().for_each(|data| configure(mount, data, self.plan));
            let options = origin.clone().field(&mount.at.key("options")).hint("the filesystem does not change so");
            self.plan.push(Step::Reconfigure { fs: local::FS }, &options);
        }
        let Attributes { set, clear } = mount.attributes;
        set_attributes(to, false, Attributes { set: set & !MOUNT_ATTR_RDONLY, clear }, self.plan, origin);
        dress(to, mount, self.plan, origin);
        if waits {
            self.layout.late.push((to, origin.clone()));
        }
        Ok(())
    }

    fn bind(
        &mut self,
        mount: &Mount<'_>,
        source: &str,
        recursive: bool,
        kind: FileKind,
        origin: &Origin,
    ) -> Result<()> {
        self.layout.devices &= mount.destination != "/dev";
        let from = origin.clone().field(&mount.at.key("source")).path(source).hint(SOURCE_HINT);
        let path = in_bundle(&self.request.bundle, source)?;
        // The parent maps ids only of what it has opened; and where the container is there, only the parent has the host's paths.
        let there = self.handed_to.is_some();
        let open = if mount.id_map.is_some() || there { tree::open } else { tree::open_in_turn };
        let tree = open(path, recursive, local::MOUNT, self.spec, self.host, self.plan, &from);
        id_map::bind(tree, mount, self.spec, self.host, self.plan)?;
        inherit(self.spec, tree, self.plan, origin);
        // What the host forbids is locked in a user namespace.
        let attributes = if self.is_confined() { mount.attributes } else { without_the_sources(mount.attributes) };
        set_attributes(tree, false, attributes, self.plan, origin);
        dress(tree, mount, self.plan, origin);
        let create = match kind {
            FileKind::Directory => 1,
            FileKind::Other => 2,
        };
        self.attach(tree, &mount.destination, create, &origin.clone().field(&mount.at.key("destination")));
        Ok(())
    }

    /// Whether it is a user namespace's root who mounts.
    fn is_confined(&self) -> bool {
        *self.spec.linux.namespaces.get(NamespaceKind::User) != Namespace::Host || !self.host.caller.is_root()
    }

    /// A new sysfs shows a network namespace, and needs privilege over that.
    fn may_have_new_sysfs(&self) -> bool {
        let namespaces = &self.spec.linux.namespaces;
        match (namespaces.get(NamespaceKind::Network), namespaces.get(NamespaceKind::User)) {
            (Namespace::New, _) => true,
            (Namespace::Join(..), user) => *user != Namespace::New,
            (Namespace::Host, Namespace::Host) => self.host.caller.is_root(),
            (Namespace::Host, _) => false,
        }
    }

    /// The host's `/sys` in the place of a new one, as engines ask for themselves: with all below it, to which what is asked for
    /// holds as well.
    fn host_sysfs(&mut self, mount: &Mount<'_>, origin: &Origin) {
        // Where the container is there already, init would find the paths of its mounts, not the host's.
        let open = if self.handed_to.is_some() { tree::open } else { tree::open_in_turn };
        let tree = open(c("/sys"), true, local::MOUNT, self.spec, self.host, self.plan, origin);
        inherit(self.spec, tree, self.plan, origin);
        set_attributes(tree, true, mount.attributes, self.plan, origin);
        dress(tree, mount, self.plan, origin);
        self.attach(tree, &mount.destination, 3, &origin.clone().field(&mount.at.key("destination")).hint(LINK_HINT));
    }

    fn filesystem(&mut self, mount: &Mount<'_>, fstype: &str, source: Option<&str>, origin: &Origin) -> Result<()> {
        let new_dev = mount.destination == "/dev" && fstype == "tmpfs";
        // Mount points and devices are still made in these, so they become read-only last.
        let waits = mount.attributes.set & MOUNT_ATTR_RDONLY != 0 && (fstype == "tmpfs" || mount.destination == "/dev");
        let slot = match new_dev {
            _ if waits => self.keep(mount)?,
            true => local::DEV,
            false => local::MOUNT,
        };
        let at = origin.clone().field(&mount.at.key("type"));
        let hint = if self.is_confined() { confined_hint(fstype) } else { FSTYPE_HINT };
        self.plan.push(Step::Fsopen { fstype: &c(fstype), to: local::FS }, &at.hint(hint));
        if let Some(source) = source {
            let at = origin.clone().field(&mount.at.key("source"));
            self.plan.push(Step::FsconfigString { fs: local::FS, key: c"source", value: &c(source) }, &at);
        }
        for data in &mount.data {
            configure(mount, data, self.plan);
        }
        if labels::takes_option(fstype, mount) {
            labels::configure(self.spec, self.plan);
        }
        let read_only = if waits { MOUNT_ATTR_RDONLY } else { 0 };
        let attributes = u32::try_from(mount.attributes.set & !read_only).unwrap_or(u32::MAX);
        let made = if self.is_confined() { origin.clone().hint(hint) } else { origin.clone() };
        self.plan.push(Step::Fsmount { fs: local::FS, attributes, to: slot }, &made);
        // A tmpfs is open to all unless told otherwise: what lies under it tells.
        if fstype == "tmpfs" && mount.data.iter().all(|data| data.key != "mode") {
            let path = below_root(&mount.destination);
            self.plan.push(Step::TakeMode { root: self.layout.root, path: &path, to: slot }, origin);
        }
        labels::dress(slot, fstype, self.spec, self.plan);
        if let Some(index) = mount.copy_up {
            let at = origin.clone().field(&mount.at.key("options").index(index));
            let path = below_root(&mount.destination);
            self.plan.push(Step::CopyUp { root: self.layout.root, path: &path, to: slot }, &at);
        }
        id_map::filesystem(slot, mount, self.spec, self.plan);
        dress(slot, mount, self.plan, origin);
        let at = origin.clone().field(&mount.at.key("destination"));
        match fstype {
            // An image that has a link in their place would choose where the kernel's own files appear (CVE-2019-19921,
            // CVE-2023-27561).
            "proc" | "sysfs" => self.attach(slot, &mount.destination, 3, &at.hint(LINK_HINT)),
            _ => self.attach(slot, &mount.destination, 1, &at),
        }
        if new_dev {
            self.layout.dev = Some(slot);
            self.layout.devices = true;
        }
        if waits {
            self.layout.late.push((slot, origin.clone()));
        }
        Ok(())
    }

    /// A slot that no other mount takes.
    fn keep(&mut self, mount: &Mount<'_>) -> Result<Slot> {
        let number = local::KEPT + self.kept;
        if number >= local::LAST {
            return Err(Error::unsupported(mount.at.clone(), "too many read-only tmpfs mounts in one container"));
        }
        self.kept += 1;
        Ok(Slot::local(number))
    }

    /// Moves a mount to its place.
    pub(crate) fn attach(&mut self, slot: Slot, destination: &str, create: u8, origin: &Origin) {
        if destination == "/dev" {
            self.layout.dev = None;
        }
        let (root, path) = self.layout.place(destination);
        self.plan.push(Step::Attach { mount: slot, root, path: &c(path), create }, origin);
        if let Some(socket) = self.handed_to {
            self.plan.push(Step::SendFd { socket, fd: slot, name: c"mount" }, origin);
        }
    }
}

const SOURCE_HINT: &str = "the source of a bind mount must exist on the host";
const AGAIN_HINT: &str = "`remount` needs an earlier mount with this destination";
const LINK_HINT: &str = "proc and sysfs are mounted on directories only: the image must have no symlink there";
/// Why the root of a user namespace may not mount this (mount_namespaces(7), "Restrictions on mount namespaces").
fn confined_hint(fstype: &str) -> &'static str {
    match fstype {
        "proc" => {
            "in a user namespace a new proc needs a pid namespace of the container's own, and a host that hides nothing of its /proc"
        }
        "mqueue" => "in a user namespace a new mqueue needs an ipc namespace of the container's own",
        _ => "in a user namespace few filesystems can be mounted, such as tmpfs, proc, devpts, overlay and fuse",
    }
}

const FSTYPE_HINT: &str = "is the filesystem known to this kernel? see /proc/filesystems";

fn configure(mount: &Mount<'_>, data: &MountData<'_>, plan: &mut Plan) {
    let origin = Origin::new(Op::Mount)
        .field(&mount.at.key("options").index(data.index))
        .path(&mount.destination)
        .hint("the filesystem does not take this option or this value");
    let key = c(&data.key);
    match &data.value {
        // fsconfig(2) takes 255 bytes; overlayfs takes its layers one by one as well (Linux 6.7).
        Some(layers) if layers.len() > 255 && data.key == "lowerdir" => {
            for (kind, layer) in lower_layers(layers) {
                plan.push(Step::FsconfigString { fs: local::FS, key: kind, value: &c(&layer) }, &origin);
            }
        }
        Some(value) => {
            let value = c(labels::unquoted(&data.key, value));
            plan.push(Step::FsconfigString { fs: local::FS, key: &key, value: &value }, &origin);
        }
        None => plan.push(Step::FsconfigFlag { fs: local::FS, key: &key }, &origin),
    }
}

/// The layers of `lowerdir`, topmost first: a colon parts them, two begin a data-only layer, a backslash takes the meaning of
/// what follows it (Documentation/filesystems/overlayfs.rst).
fn lower_layers(layers: &str) -> Vec<(&'static CStr, String)> {
    let mut found = vec![(c"lowerdir+", String::new())];
    let mut letters = layers.chars();
    while let Some(letter) = letters.next() {
        let Some((kind, layer)) = found.last_mut() else { break };
        match letter {
            '\\' => layer.extend(letters.next()),
            ':' if layer.is_empty() => *kind = c"datadir+",
            ':' => found.push((c"lowerdir+", String::new())),
            other => layer.push(other),
        }
    }
    found
}

/// What any mount may ask for once it exists: recursive attributes and propagation.
pub(crate) fn dress(slot: Slot, mount: &Mount<'_>, plan: &mut Plan, origin: &Origin) {
    set_attributes(slot, true, mount.recursive, plan, origin);
    for flags in &mount.propagation {
        plan.push(propagate(slot, *flags), origin);
    }
}

/// A bind mount has the attributes of its source, unless an option names one: then those that none names are off. So mount(2)
/// has it, and whoever binds a directory that the host mounts `noexec` counts on either.
fn without_the_sources(attributes: Attributes) -> Attributes {
    let Attributes { set, mut clear } = attributes;
    if set == 0 && clear == 0 {
        return attributes;
    }
    if (set | clear) & (MOUNT_ATTR_ATIME | MOUNT_ATTR_NODIRATIME) != 0 {
        clear |= MOUNT_ATTR_ATIME | MOUNT_ATTR_NODIRATIME & !set;
    }
    let flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
    Attributes { set, clear: clear | flags & !set }
}

/// Sets and clears attributes, if there are any.
pub(crate) fn set_attributes(mount: Slot, recursive: bool, attributes: Attributes, plan: &mut Plan, origin: &Origin) {
    let Attributes { set, mut clear } = attributes;
    if set == 0 && clear == 0 {
        return;
    }
    if set & MOUNT_ATTR_ATIME != 0 {
        clear |= MOUNT_ATTR_ATIME;
    }
    plan.push(Step::MountSetattr { mount, recursive, set, clear, propagation: 0, userns: Slot::NONE }, origin);
}

impl Layout {
    /// Makes read-only what had to wait: nothing is made in these any more.
    pub(crate) fn seal(&self, plan: &mut Plan) {
        for (mount, origin) in &self.late {
            set_attributes(*mount, false, Attributes { set: MOUNT_ATTR_RDONLY, clear: 0 }, plan, origin);
        }
    }

    /// The nearest descriptor above `path`, and the rest of the path. Only a `/dev` that is new may stand in for the root: it
    /// holds no link that somebody else made.
    pub(crate) fn place<'p>(&self, path: &'p str) -> (Slot, &'p str) {
        match (self.dev, path.strip_prefix("/dev/")) {
            (Some(dev), Some(rest)) if !rest.contains('/') => (dev, rest),
            _ => (self.root, path.trim_start_matches('/')),
        }
    }
}

/// Masked and read-only paths. One empty mount serves all masked directories (CVE-2025-31133: the sources are the host's).
fn mask(spec: &Spec<'_>, root: Slot, plan: &mut Plan) {
    let linux = &spec.linux;
    if !linux.masked_paths.is_empty() {
        open_masks(spec, plan);
    }
    let mut seen = BTreeSet::new();
    for (index, path) in linux.readonly_paths.iter().enumerate() {
        let origin = Origin::new(Op::Mask).field(&crate::Pointer::new("/linux/readonlyPaths").index(index)).path(path);
        plan.push(Step::Protect { root, path: &below_root(path) }, &origin);
    }
    for (index, path) in linux.masked_paths.iter().enumerate().filter(|(_, path)| seen.insert(path.to_string())) {
        let origin = Origin::new(Op::Mask).field(&crate::Pointer::new("/linux/maskedPaths").index(index)).path(path);
        plan.push(Step::Mask { root, path: &below_root(path), file: local::NULL, dir: local::EMPTY }, &origin);
    }
}

fn open_masks(spec: &Spec<'_>, plan: &mut Plan) {
    let origin = Origin::new(Op::Mask).field(&crate::Pointer::new("/linux/maskedPaths"));
    plan.push(Step::OpenHost { path: c"/dev/null", to: local::NULL }, &origin);
    plan.push(Step::Fsopen { fstype: c"tmpfs", to: local::FS }, &origin);
    plan.push(Step::FsconfigString { fs: local::FS, key: c"nr_inodes", value: c"2" }, &origin);
    plan.push(Step::FsconfigFlag { fs: local::FS, key: c"ro" }, &origin);
    labels::configure(spec, plan);
    let safe = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    let attributes = u32::try_from(safe).unwrap_or_default();
    plan.push(Step::Fsmount { fs: local::FS, attributes, to: local::EMPTY }, &origin);
}

#[cfg(test)]
mod tests {
    use super::lower_layers;

    #[test]
    fn layers_are_parted_by_colons() {
        let layers = lower_layers(r"/a:/b\:c:/d::/data");
        let texts: Vec<_> = layers.iter().map(|(kind, layer)| (kind.to_str().unwrap(), layer.as_str())).collect();
        assert_eq!(texts, [("lowerdir+", "/a"), ("lowerdir+", "/b:c"), ("lowerdir+", "/d"), ("datadir+", "/data")]);
    }
}
