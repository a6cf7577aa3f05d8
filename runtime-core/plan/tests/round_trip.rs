//! Properties of the encoding: what is written is read again, whatever the values; what is read from any bytes is written as it
//! was; nothing panics.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may end here")]

use std::collections::BTreeSet;
use std::ffi::CString;

use orlop_plan::{Bytes, Plan, Slot, Step, Steps, Texts, Word};
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};

/// Values for the fields of a step.
#[derive(Clone, Debug)]
struct Values {
    slots: [Slot; 3],
    texts: [CString; 3],
    numbers: [u64; 4],
    bytes: Vec<u8>,
    blocks: [Vec<u8>; 2],
    flag: bool,
}

type Make = for<'v> fn(&'v Values) -> Step<'v>;

/// Every step there is.
fn all() -> Vec<Make> {
    vec![
        |v| Step::JoinCgroup { tasks: v.slots[0] },
        |v| Step::Setns { ns: v.slots[0], flags: v.numbers[0] as u32 },
        |v| Step::EnterNamespace { procfs: v.slots[0], path: &v.texts[0], flags: v.numbers[0] as u32 },
        |v| Step::Unshare { flags: v.numbers[0] as u32 },
        |_| Step::Barrier {},
        |v| Step::Prctl { option: v.numbers[0] as u32, value: v.numbers[1] },
        |_| Step::ResetSignals {},
        |_| Step::Setsid {},
        |v| Step::Umask { mask: v.numbers[0] as u32 },
        |v| Step::JoinKeyring { name: &v.texts[0] },
        |v| Step::OpenHost { path: &v.texts[0], to: v.slots[0] },
        |v| Step::Open { root: v.slots[0], path: &v.texts[0], flags: v.numbers[0] as u32, to: v.slots[1] },
        |v| Step::Fsopen { fstype: &v.texts[0], to: v.slots[0] },
        |v| Step::FsconfigString { fs: v.slots[0], key: &v.texts[0], value: &v.texts[1] },
        |v| Step::FsconfigFlag { fs: v.slots[0], key: &v.texts[0] },
        |v| Step::Fsmount { fs: v.slots[0], attributes: v.numbers[0] as u32, to: v.slots[1] },
        |v| Step::CloneTree { of: v.slots[0], recursive: v.flag, to: v.slots[1] },
        |v| Step::MountSetattr {
            mount: v.slots[0],
            recursive: v.flag,
            set: v.numbers[0],
            clear: v.numbers[1],
            propagation: v.numbers[2],
            userns: v.slots[1],
        },
        |v| Step::Attach { mount: v.slots[0], root: v.slots[1], path: &v.texts[0], create: v.numbers[0] as u8 },
        |v| Step::AttachOn { mount: v.slots[0], on: v.slots[1] },
        |v| Step::MakeDir { root: v.slots[0], path: &v.texts[0], mode: v.numbers[0] as u32 },
        |v| Step::Mknod {
            root: v.slots[0],
            path: &v.texts[0],
            mode: v.numbers[0] as u32,
            device: v.numbers[1],
            uid: v.numbers[2] as u32,
            gid: v.numbers[3] as u32,
        },
        |v| Step::Symlink { root: v.slots[0], path: &v.texts[0], target: &v.texts[1] },
        |v| Step::Mask { root: v.slots[0], path: &v.texts[0], file: v.slots[1], dir: v.slots[2] },
        |v| Step::Protect { root: v.slots[0], path: &v.texts[0] },
        |v| Step::PivotRoot { root: v.slots[0] },
        |v| Step::Chroot { root: v.slots[0] },
        |v| Step::TakeMode { root: v.slots[0], path: &v.texts[0], to: v.slots[1] },
        |v| Step::CopyUp { root: v.slots[0], path: &v.texts[0], to: v.slots[1] },
        |v| Step::OpenMount { root: v.slots[0], path: &v.texts[0], to: v.slots[1] },
        |v| Step::Unmount { mount: v.slots[0], procfs: v.slots[1] },
        |v| Step::Close { slot: v.slots[0] },
        |v| Step::WriteFile { dir: v.slots[0], path: &v.texts[0], value: Bytes(&v.bytes) },
        |v| Step::Sethostname { name: &v.texts[0] },
        |v| Step::Setdomainname { name: &v.texts[0] },
        |v| Step::Setrlimit { resource: v.numbers[0] as u32, soft: v.numbers[1], hard: v.numbers[2] },
        |v| Step::OpenPty { root: v.slots[0], path: &v.texts[0], terminal: v.slots[1], peer: v.slots[2] },
        |v| Step::SendFd { socket: v.slots[0], fd: v.slots[1], name: &v.texts[0] },
        |v| Step::WindowSize { fd: v.slots[0], rows: v.numbers[0] as u16, columns: v.numbers[1] as u16 },
        |v| Step::Stdio { fd: v.slots[0] },
        |_| Step::ControllingTerminal {},
        |v| Step::Fchown { fd: v.slots[0], uid: v.numbers[0] as u32, gid: v.numbers[1] as u32 },
        |v| Step::ChownStream { stream: v.numbers[0] as u32, uid: v.numbers[1] as u32 },
        |v| Step::NullStream { root: v.slots[0], path: &v.texts[0], stream: v.numbers[0] as u32 },
        |v| Step::CloseOthers { first: v.numbers[0] as u32, gate: v.slots[0], input: v.slots[1], output: v.slots[0] },
        |_| Step::LoopbackUp {},
        |v| Step::Setgroups { gids: Bytes(&v.bytes) },
        |_| Step::DropGroups {},
        |v| Step::Setgid { gid: v.numbers[0] as u32 },
        |v| Step::Setuid { uid: v.numbers[0] as u32 },
        |v| Step::DropBounding { drop: v.numbers[0] },
        |v| Step::Capset { effective: v.numbers[0], permitted: v.numbers[1], inheritable: v.numbers[2] },
        |v| Step::RaiseAmbient { raise: v.numbers[0] },
        |v| Step::Seccomp { flags: v.numbers[0] as u32, filter: Bytes(&v.bytes) },
        |v| Step::SeccompListener { flags: v.numbers[0] as u32, filter: Bytes(&v.bytes), to: v.slots[0] },
        |v| Step::Chdir { path: &v.texts[0] },
        |v| Step::MakeCwd { path: &v.texts[0] },
        |v| Step::Lookup { candidates: Texts::from_block(&v.blocks[0]) },
        |v| Step::Hook {
            path: &v.texts[0],
            args: Texts::from_block(&v.blocks[0]),
            env: Texts::from_block(&v.blocks[1]),
            timeout: v.numbers[0],
            state: v.slots[0],
            output: v.slots[1],
        },
        |v| Step::Gate { listener: v.slots[0] },
        |v| Step::Exec { args: Texts::from_block(&v.blocks[0]), env: Texts::from_block(&v.blocks[1]) },
        |v| Step::Scheduler {
            policy: v.numbers[0] as u32,
            nice: v.numbers[1] as u32,
            priority: (v.numbers[0] >> 32) as u32,
            flags: v.numbers[1],
            runtime: v.numbers[2],
            deadline: v.numbers[3],
            period: v.numbers[0],
        },
        |v| Step::IoPriority { class: v.numbers[0] as u32, priority: v.numbers[1] as u32 },
        |v| Step::Setxattr { mount: v.slots[0], name: &v.texts[0], value: &v.texts[1] },
        |v| Step::Personality { domain: v.numbers[0] as u32 },
        |v| Step::MemoryPolicy { mode: v.numbers[0] as u32, nodes: Bytes(&v.bytes) },
        |v| Step::Affinity { processors: Bytes(&v.bytes) },
    ]
}

fn text() -> impl Strategy<Value = CString> {
    prop::collection::vec(1..=u8::MAX, 0..40).prop_map(|bytes| CString::new(bytes).unwrap())
}

fn slot() -> impl Strategy<Value = Slot> {
    (any::<u16>(), 0..3).prop_map(|(index, kind)| match kind {
        0 => Slot::given(index),
        1 => Slot::local(index),
        _ => Slot::NONE,
    })
}

fn block() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(text(), 0..5)
        .prop_map(|texts| texts.iter().flat_map(|text| text.as_bytes_with_nul().to_vec()).collect())
}

fn values() -> impl Strategy<Value = Values> {
    let numbers = prop::array::uniform4(any::<u64>());
    let bytes = prop::collection::vec(any::<u8>(), 0..64);
    let parts = ([slot(), slot(), slot()], [text(), text(), text()], numbers, bytes, [block(), block()], any::<bool>());
    parts.prop_map(|(slots, texts, numbers, bytes, blocks, flag)| Values { slots, texts, numbers, bytes, blocks, flag })
}

fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value)) {
    let config = Config { cases: 512, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(strategy, |value| {
        test(value);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

#[test]
fn every_step_is_read_as_it_was_written() {
    let steps = prop::collection::vec((prop::sample::select(all()), values()), 0..12);
    run(&(steps, prop::collection::vec(any::<i32>(), 0..9), slot()), |(steps, fds, trace)| {
        let steps: Vec<Step<'_>> = steps.iter().map(|(make, values)| make(values)).collect();
        let (mut encoded, mut plan) = (Vec::new(), Vec::new());
        steps.iter().for_each(|step| step.write(&mut encoded));
        Plan::write(&fds, trace, &encoded, &mut plan);
        let read = Plan::read(&plan).unwrap();
        assert_eq!(read.steps.map(Result::unwrap).collect::<Vec<_>>(), steps);
        assert_eq!(read.trace, trace);
        for (index, fd) in (0..).zip(&fds) {
            assert_eq!(read.fd(Slot::given(index)), Some(*fd));
        }
    });
}

#[test]
fn no_two_steps_share_a_number() {
    run(&values(), |values| {
        let mut first = Vec::new();
        for make in all() {
            let mut bytes = Vec::new();
            make(&values).write(&mut bytes);
            first.push(bytes[0]);
        }
        let tried: BTreeSet<u8> = first.iter().copied().collect();
        assert_eq!(tried.len(), first.len(), "two steps with one number");
    });
}

#[test]
fn any_bytes_that_are_steps_are_written_as_they_were() {
    let number = prop::sample::select(all());
    let bytes = (number, values(), prop::collection::vec(any::<(prop::sample::Index, u8)>(), 0..4));
    run(&bytes, |(make, values, changes)| {
        let mut bytes = Vec::new();
        make(&values).write(&mut bytes);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let (mut again, mut whole) = (Vec::new(), true);
        for step in Steps::new(&bytes) {
            match step {
                Ok(step) => step.write(&mut again),
                Err(_) => whole = false,
            }
        }
        assert!(bytes.starts_with(&again) && (!whole || again == bytes), "{bytes:?}");
    });
}
