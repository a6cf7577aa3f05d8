//! The host's device nodes, where they are shown to a container that can make none.

use rustix::fs::{FileType, stat};

use crate::spec::{DEFAULT_DEVICES, DeviceKind, Spec};

/// Those that are not what the configuration says: path, and what is there.
pub(super) fn others(spec: &Spec<'_>) -> Vec<(String, String)> {
    let devices = &spec.linux.devices;
    let default = DEFAULT_DEVICES
        .iter()
        .filter(|(path, ..)| !devices.iter().any(|device| device.path == *path))
        .map(|(path, major, minor)| (*path, shown('c', *major, *minor)));
    let asked = devices.iter().filter_map(|device| match device.kind {
        DeviceKind::Char => Some((&*device.path, shown('c', device.major, device.minor))),
        DeviceKind::Block => Some((&*device.path, shown('b', device.major, device.minor))),
        DeviceKind::Fifo => None,
    });
    let differs = |(path, wanted): (&str, String)| {
        let found = found(path);
        (found != wanted).then(|| (path.to_owned(), found))
    };
    default.chain(asked).filter_map(differs).collect()
}

fn found(path: &str) -> String {
    let Ok(found) = stat(path) else { return "nothing".to_owned() };
    let (major, minor) = (libc::major(found.st_rdev), libc::minor(found.st_rdev));
    match FileType::from_raw_mode(found.st_mode) {
        FileType::CharacterDevice => shown('c', major, minor),
        FileType::BlockDevice => shown('b', major, minor),
        _ => "no device".to_owned(),
    }
}

fn shown(kind: char, major: u32, minor: u32) -> String {
    format!("{kind} {major}:{minor}")
}
