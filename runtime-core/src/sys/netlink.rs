//! Netlink: requests to the kernel's routing and their answers (netlink(7), rtnetlink(7)). As much of it as moving network
//! interfaces needs, and nothing that waits: the kernel has answered when `sendto(2)` returns.
//!
//! Comes in: a request of headers and attributes. Goes out: the answers, or the errno of the refusal. No answer is believed: what
//! does not fit its own lengths ends the reading.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, ThreadNameSpaceType};

// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP_INTR: u16 = 0x10;
/// All that there are, in the place of one.
pub(crate) const NLM_F_DUMP: u16 = 0x300;
/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// What the kernel fills at most at once (`netlink_dump`), doubled.
const BUFFER: usize = 64 * 1024;
/// How often a list that changed while it was read is read again.
const ATTEMPTS: usize = 16;

/// A network namespace: itself, and a socket whose questions are answered there.
#[derive(Debug)]
pub(crate) struct Place {
    namespace: OwnedFd,
    socket: OwnedFd,
}

impl Place {
    /// The one this thread is in.
    pub(crate) fn here() -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let namespace = rustix::fs::open(c"/proc/thread-self/ns/net", flags, Mode::empty()).map_err(errno)?;
        let (family, kind, flags) = (AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC);
        let socket = rustix::net::socket_with(family, kind, flags, None).map_err(errno)?;
        Ok(Self { namespace, socket })
    }

    /// The one of another process: this thread is in it for a moment (`setns(2)` with a pidfd, Linux 5.8).
    pub(crate) fn of(process: BorrowedFd<'_>, home: &Self) -> Result<Self, Errno> {
        rustix::thread::move_into_thread_name_spaces(process, ThreadNameSpaceType::NETWORK).map_err(errno)?;
        let there = Self::here();
        // The thread had the right to leave, and keeps what it came with: it has the right to return.
        if let Err(refused) = home.enter() {
            log::error!("this thread stays in another network namespace: {refused}");
        }
        there
    }

    /// The namespace, for a request that names it.
    pub(crate) fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Whether both are one namespace.
    pub(crate) fn is(&self, other: &Self) -> Result<bool, Errno> {
        let of = |place: &Self| rustix::fs::fstat(&place.namespace).map_err(errno);
        let (ours, theirs) = (of(self)?, of(other)?);
        Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
    }

    /// Sends a request; what `keep` makes of each answer.
    pub(crate) fn ask<T>(&self, request: &Request, keep: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, Errno> {
        for number in 0..ATTEMPTS {
            let sequence = u32::try_from(number + 1).unwrap_or(u32::MAX);
            rustix::net::send(&self.socket, &request.encode(sequence), SendFlags::empty()).map_err(errno)?;
            match self.answers(sequence, &keep) {
                Err(Errno::EINTR) => {}
                answered => return answered,
            }
        }
        Err(Errno::EBUSY)
    }

    /// Sends a request that has no answer but yes or no.
    pub(crate) fn tell(&self, request: &Request) -> Result<(), Errno> {
        self.ask(request, |_| None::<()>).map(drop)
    }

    fn enter(&self) -> Result<(), Errno> {
        rustix::thread::move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(errno)
    }

    /// EINTR: the list changed while it was read.
    fn answers<T>(&self, sequence: u32, keep: &impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, Errno> {
        let mut buffer = vec![0; BUFFER];
        let (mut kept, mut torn) = (Vec::new(), false);
        loop {
            let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
            let (_, len) = rustix::net::recv(&self.socket, buffer.as_mut_slice(), flags).map_err(errno)?;
            let received = buffer.get(..len).ok_or(Errno::EMSGSIZE)?;
            for message in messages(received).filter(|message| message.sequence == sequence) {
                torn |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => {
                        return match refusal(message.payload) {
                            Some(refused) => Err(refused),
                            None if torn => Err(Errno::EINTR),
                            None => Ok(kept),
                        };
                    }
                    _ => kept.extend(keep(message.payload)),
                }
            }
        }
    }
}

/// A request: its kind, the header of that kind, attributes.
#[derive(Debug)]
pub(crate) struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(kind: u16, flags: u16, header: &[u8]) -> Self {
        let answer = if flags & NLM_F_DUMP == NLM_F_DUMP { 0 } else { NLM_F_ACK };
        Self { kind, flags: flags | NLM_F_REQUEST | answer, body: header.to_vec() }
    }

    /// Adds an attribute (`struct rtattr`).
    pub(crate) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let len = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.body.extend_from_slice(&len.to_ne_bytes());
        self.body.extend_from_slice(&kind.to_ne_bytes());
        self.body.extend_from_slice(value);
        self.body.resize(aligned(self.body.len()), 0);
        self
    }

    fn encode(&self, sequence: u32) -> Vec<u8> {
        let len = u32::try_from(HEADER + self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend_from_slice(&len.to_ne_bytes());
        bytes.extend_from_slice(&self.kind.to_ne_bytes());
        bytes.extend_from_slice(&self.flags.to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The attributes behind a header of `header` bytes.
pub(crate) fn attributes(payload: &[u8], header: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = payload.get(aligned(header)..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(number(rest, 0)?));
        let kind = u16::from_ne_bytes(number(rest, 2)?);
        let value = rest.get(4..len)?;
        rest = rest.get(aligned(len)..).unwrap_or_default();
        // The two upper bits say how the value is laid out (`NLA_TYPE_MASK`).
        Some((kind & 0x3fff, value))
    })
}

/// The bytes of a number at `offset`.
pub(crate) fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

struct Message<'b> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'b [u8],
}

fn messages(mut rest: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let len = usize::try_from(u32::from_ne_bytes(number(rest, 0)?)).ok()?;
        let kind = u16::from_ne_bytes(number(rest, 4)?);
        let flags = u16::from_ne_bytes(number(rest, 6)?);
        let sequence = u32::from_ne_bytes(number(rest, 8)?);
        let payload = rest.get(HEADER..len)?;
        rest = rest.get(aligned(len)..).unwrap_or_default();
        Some(Message { kind, flags, sequence, payload })
    })
}

/// The errno in the last message: none for 0, and none for an end without a number.
fn refusal(payload: &[u8]) -> Option<Errno> {
    match number(payload, 0).map(i32::from_ne_bytes) {
        None | Some(0) => None,
        Some(code) => Some(Errno::from_raw(code.checked_neg().unwrap_or(libc::EIO))),
    }
}

fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    use super::*;

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_written(
            kind in 16_u16.., header in vec(any::<u8>(), 0..4), values in vec((0_u16..0x3fff, vec(any::<u8>(), 0..40)), 0..6),
            sequence in any::<u32>(),
        ) {
            let header: Vec<u8> = header.iter().flat_map(|byte| [*byte; 4]).collect();
            let request = values.iter().fold(Request::new(kind, 0, &header), |request, (kind, value)| request.with(*kind, value));
            let bytes = request.encode(sequence);
            let read: Vec<_> = messages(&bytes).collect();
            assert_eq!(read.len(), 1);
            assert_eq!((read[0].kind, read[0].sequence, read[0].flags), (kind, sequence, NLM_F_REQUEST | NLM_F_ACK));
            let found: Vec<_> = attributes(read[0].payload, header.len()).map(|(kind, value)| (kind, value.to_vec())).collect();
            assert_eq!(found, values);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in vec(any::<u8>(), 0..400), header in 0_usize..40) {
            let counted: usize = messages(&bytes).map(|message| {
                let inside: usize = attributes(message.payload, header).map(|(_, value)| value.len()).sum();
                assert!(inside <= message.payload.len());
                assert!(refusal(message.payload) != Some(Errno::from_raw(0)));
                HEADER + message.payload.len()
            }).sum();
            assert!(counted <= bytes.len());
        }
    }

    #[test]
    fn the_kernel_answers_and_refuses() {
        let here = Place::here().unwrap();
        let header = [0; 16];
        let all = here.ask(&Request::new(18, NLM_F_DUMP, &header), |link| Some(link.len())).unwrap();
        assert!(!all.is_empty(), "there is a loopback interface everywhere");
        let nobody = Request::new(18, 0, &header).with(3, b"nonesuch\0");
        assert_eq!(here.tell(&nobody), Err(Errno::ENODEV));
        assert!(here.is(&Place::here().unwrap()).unwrap());
    }
}
