//! Interfaces of the host → the container's network namespace (config-linux.md, "Network Devices").
//!
//! Comes in: names, and an init that waits in its namespace. Goes out: the interfaces there, up, with their permanent global
//! addresses. A launch that fails moves them back before init, and with it their namespace, is gone.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::compile::Plan;
use crate::error::{Error, Kind, Op, Result};
use crate::spec::NetDevice;
use crate::sys::netlink::{NLM_F_DUMP, Place, Request, attributes, number};

// linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const IFLA_IFNAME: u16 = 3;
const IFLA_NET_NS_FD: u16 = 28;
/// Linux 5.14.
const IFLA_NEW_IFINDEX: u16 = 49;
/// Linux 5.5: a list of `IFLA_ALT_IFNAME`.
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_RT_PRIORITY: u16 = 9;
const IFA_PROTO: u16 = 11;
const IFA_F_PERMANENT: u32 = 0x80;
/// `NODAD`, `HOMEADDRESS`, `MANAGETEMPADDR`, `NOPREFIXROUTE`, `MCAUTOJOIN`: what was asked for. The others are states.
const ASKED_FLAGS: u32 = 0x02 | 0x10 | 0x100 | 0x200 | 0x400;
const IFF_UP: u32 = 1;
/// Lengths of `struct ifinfomsg` and `struct ifaddrmsg`.
const LINK: usize = 16;
const ADDRESS: usize = 8;

/// Interfaces that were moved: back they go when this is dropped, until they are to stay.
#[derive(Debug)]
pub(super) struct Moved {
    home: Place,
    inside: Place,
    devices: Vec<Device>,
}

#[derive(Debug)]
struct Device {
    /// Its name on the host, whichever of its names it was asked for by.
    name: Vec<u8>,
    /// Its number on the host.
    index: u32,
    /// Its number in the container.
    inside: u32,
    was_up: bool,
    addresses: Vec<Address>,
}

#[derive(Debug)]
struct Link {
    name: Vec<u8>,
    /// Its alternative names (ip-link(8), "altname"): it is found by them, and they move with it.
    others: Vec<Vec<u8>>,
    index: u32,
    up: bool,
}

/// A permanent address of global scope.
#[derive(Debug)]
struct Address {
    family: u8,
    prefix: u8,
    attributes: Vec<(u16, Vec<u8>)>,
}

/// Moves what `plan` names into the namespace of `init`.
pub(super) fn move_all(plan: &Plan, init: BorrowedFd<'_>) -> Result<Moved> {
    let Some(first) = plan.net_devices.first() else { return Err(refused(Errno::EINVAL, None)) };
    let at = |errno| refused(errno, Some(first));
    let home = Place::here().map_err(at)?;
    let inside = Place::of(init, &home).map_err(at)?;
    if home.is(&inside).map_err(at)? {
        let message = "the container's network namespace is the runtime's own: an interface cannot be moved into it";
        return Err(Error::new(Kind::Config, Op::NetDevice).message(message).field(first.at.clone()).on(&first.host));
    }
    let mut moved = Moved { home, inside, devices: Vec::new() };
    plan.net_devices.iter().try_for_each(|device| moved.take(device))?;
    Ok(moved)
}

impl Moved {
    /// Leaves the interfaces where they are.
    pub(super) fn stay(mut self) {
        self.devices.clear();
    }

    fn take(&mut self, device: &NetDevice) -> Result<()> {
        let at = |errno| refused(errno, Some(device));
        let link = find(&self.home, &device.host).map_err(at)?;
        // The kernel would move it and then refuse the name; runc asks for that.
        if link.others.iter().any(|name| name == device.name.as_bytes()) {
            return Err(alternative(device, &link));
        }
        // Before anything else: an interface that goes down loses those of IPv6.
        let addresses = addresses(&self.home, link.index).map_err(at)?;
        let there = links(&self.inside).map_err(at)?;
        // The same here.
        if there.iter().any(|other| other.is_called(device.name.as_bytes())) {
            return Err(taken(device));
        }
        let inside = free_index(&there, link.index);
        self.devices.push(Device { name: link.name, index: link.index, inside, was_up: link.up, addresses });
        let to = self.inside.namespace();
        if let Err(errno) = self.home.tell(&moving(link.index, to, inside, device.name.as_bytes())) {
            // It may have been moved before its new name was refused.
            if is_without(&self.inside, inside) {
                self.devices.pop();
            }
            return Err(if errno == Errno::EEXIST { taken(device) } else { at(errno) });
        }
        match self.devices.last() {
            Some(moved) => settle(&self.inside, inside, &moved.addresses, true).map_err(at),
            None => Ok(()),
        }
    }

    fn give_back(&self, device: &Device) -> Result<(), Errno> {
        let to = self.home.namespace();
        let moved = self.inside.tell(&moving(device.inside, to, device.index, &device.name));
        // It may be home, and only its name refused: somebody has that by now.
        match moved.is_ok() || is_without(&self.inside, device.inside) {
            true => moved.and(settle(&self.home, device.index, &device.addresses, device.was_up)),
            false => moved,
        }
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        for device in self.devices.iter().rev() {
            if let Err(errno) = self.give_back(device) {
                let name = String::from_utf8_lossy(&device.name);
                log::error!("network device {name} could not be given back as it was: {errno}");
            }
        }
    }
}

/// Gives an interface its addresses, then sets it up. What is refused hinders nothing else.
fn settle(place: &Place, index: u32, addresses: &[Address], up: bool) -> Result<(), Errno> {
    let mut settled = Ok(());
    for address in addresses {
        let [a, b, c, d] = index.to_ne_bytes();
        let header = [address.family, address.prefix, 0, 0, a, b, c, d];
        let request = Request::new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header);
        let request = address.attributes.iter().fold(request, |request, (kind, value)| request.with(*kind, value));
        settled = settled.and(place.tell(&request));
    }
    match up {
        true => settled.and(place.tell(&Request::new(RTM_NEWLINK, 0, &link_header(index, IFF_UP)))),
        false => settled,
    }
}

/// One request moves and renames. Where the new name is a template the kernel completes it, so the interface is known by its
/// number afterwards.
fn moving(index: u32, to: BorrowedFd<'_>, new_index: u32, name: &[u8]) -> Request {
    let name = [name, &[0]].concat();
    Request::new(RTM_SETLINK, 0, &link_header(index, 0))
        .with(IFLA_NET_NS_FD, &to.as_raw_fd().to_ne_bytes())
        .with(IFLA_NEW_IFINDEX, &new_index.to_ne_bytes())
        .with(IFLA_IFNAME, &name)
}

/// `struct ifinfomsg` with these flags to be set.
fn link_header(index: u32, flags: u32) -> [u8; LINK] {
    let mut header = [0; LINK];
    let fields = [0, index, flags, flags];
    for (place, field) in header.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_ne_bytes());
    }
    header
}

fn find(place: &Place, name: &str) -> Result<Link, Errno> {
    let mut name = name.as_bytes().to_vec();
    name.push(0);
    let request = Request::new(RTM_GETLINK, 0, &link_header(0, 0)).with(IFLA_IFNAME, &name);
    place.ask(&request, link)?.pop().ok_or(Errno::ENODEV)
}

fn links(place: &Place) -> Result<Vec<Link>, Errno> {
    place.ask(&Request::new(RTM_GETLINK, NLM_F_DUMP, &link_header(0, 0)), link)
}

/// Whether nothing has this number there: not if that cannot be told.
fn is_without(place: &Place, index: u32) -> bool {
    links(place).is_ok_and(|links| links.iter().all(|link| link.index != index))
}

fn link(payload: &[u8]) -> Option<Link> {
    let index = u32::from_ne_bytes(number(payload, 4)?);
    let flags = u32::from_ne_bytes(number(payload, 8)?);
    let name = |value: &[u8]| value.strip_suffix(&[0]).unwrap_or(value).to_vec();
    let (_, own) = attributes(payload, LINK).find(|(kind, _)| *kind == IFLA_IFNAME)?;
    let lists = attributes(payload, LINK).filter(|(kind, _)| *kind == IFLA_PROP_LIST);
    let others = lists.flat_map(|(_, list)| attributes(list, 0)).filter(|(kind, _)| *kind == IFLA_ALT_IFNAME);
    let others = others.map(|(_, value)| name(value)).collect();
    Some(Link { name: name(own), others, index, up: flags & IFF_UP != 0 })
}

impl Link {
    fn is_called(&self, name: &[u8]) -> bool {
        self.name == name || self.others.iter().any(|other| other == name)
    }
}

/// Its own number, or one that nobody has there.
fn free_index(there: &[Link], wanted: u32) -> u32 {
    match there.iter().any(|link| link.index == wanted) {
        false => wanted,
        true => there.iter().map(|link| link.index).max().unwrap_or_default().saturating_add(1),
    }
}

fn addresses(place: &Place, index: u32) -> Result<Vec<Address>, Errno> {
    place.ask(&Request::new(RTM_GETADDR, NLM_F_DUMP, &[0; ADDRESS]), |payload| address(payload, index))
}

/// An address of this interface that is to be kept: "IFA_F_PERMANENT … of any family with global scope".
fn address(payload: &[u8], index: u32) -> Option<Address> {
    let [family, prefix, flags, scope] = number(payload, 0)?;
    let values = || attributes(payload, ADDRESS);
    let flags = values()
        .find(|(kind, _)| *kind == IFA_FLAGS)
        .and_then(|(_, value)| number(value, 0).map(u32::from_ne_bytes))
        .unwrap_or(flags.into());
    if u32::from_ne_bytes(number(payload, 4)?) != index || scope != 0 || flags & IFA_F_PERMANENT == 0 {
        return None;
    }
    // Not the label: it begins with the old name.
    let kept = [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY, IFA_PROTO];
    let kept = values().filter(|(kind, _)| kept.contains(kind)).map(|(kind, value)| (kind, value.to_vec()));
    let asked = (IFA_FLAGS, (flags & ASKED_FLAGS).to_ne_bytes().to_vec());
    Some(Address { family, prefix, attributes: kept.chain([asked]).collect() })
}

fn alternative(device: &NetDevice, link: &Link) -> Error {
    let name = String::from_utf8_lossy(&link.name);
    let message = format!("`{}` is an alternative name of `{name}`, and cannot become its only one", device.name);
    let error = Error::new(Kind::Config, Op::NetDevice).message(message).on(&device.host).field(device.at.clone());
    error.hint("name the interface as `ip link` does first, or give it another `name` in the container")
}

fn taken(device: &NetDevice) -> Error {
    let message = format!("the container's network namespace has a `{}` already", device.name);
    let error = Error::new(Kind::Exists, Op::NetDevice).message(message).on(&device.host).field(device.at.clone());
    error.hint("give it another `name` there; one that ends in %d is completed by the kernel")
}

fn refused(errno: Errno, device: Option<&NetDevice>) -> Error {
    let error = Error::system(Op::NetDevice, errno);
    let error = match device {
        Some(device) => error.on(&device.host).field(device.at.clone()),
        None => error,
    };
    match errno {
        Errno::ENODEV => {
            error.kind_is(Kind::NotFound).hint("there is no such interface where the runtime is: see `ip link`")
        }
        Errno::EPERM => error.hint("it needs CAP_NET_ADMIN and CAP_SYS_ADMIN over both network namespaces"),
        Errno::EINVAL => {
            error.kind_is(Kind::Unsupported).hint("the kernel ties some interfaces, such as lo, to their namespace")
        }
        _ => error,
    }
}
