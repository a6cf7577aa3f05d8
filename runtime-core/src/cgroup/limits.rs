//! `linux.resources` → values for files: which hierarchy has the controller, and what is said when none has. Pure.
//!
//! The arithmetic is [`super::v1`]'s and [`super::v2`]'s. Values that are absent, and zeros that mean "not asked for" in runc and in what
//! engines send, write nothing.

use std::borrow::Cow;

use super::plan::{Enable, Missing, Plan, Write};
use super::{v1, v2};
use crate::error::{Error, Pointer, Result};
use crate::spec::Resources;

/// Adds every limit to the plan.
pub(super) fn all(resources: &Resources<'_>, plan: &mut Plan) -> Result<()> {
    let at = &resources.at;
    let mut memory = Values::new(plan, at.key("memory"), "memory", "memory");
    if memory.unified {
        v2::memory(&resources.memory, &mut memory)?
    } else {
        v1::memory(&resources.memory, &mut memory)?
    }
    let mut cpu = Values::new(plan, at.key("cpu"), "cpu", "cpu");
    if cpu.unified {
        v2::cpu(&resources.cpu, &mut cpu)?
    } else {
        v1::cpu(&resources.cpu, &mut cpu)?
    }
    cpuset(resources, &mut Values::new(plan, at.key("cpu"), "cpuset", "cpuset"))?;
    pids(resources, &mut Values::new(plan, at.key("pids"), "pids", "pids"))?;
    let mut io = Values::new(plan, at.key("blockIO"), "blkio", "io");
    if io.unified {
        v2::io(&resources.block_io, &mut io)?
    } else {
        v1::blkio(&resources.block_io, &mut io)?
    }
    hugetlb(resources, &mut Values::new(plan, at.clone(), "hugetlb", "hugetlb"))?;
    network(resources, plan)?;
    rdma(resources, &mut Values::new(plan, at.key("rdma"), "rdma", "rdma"))?;
    v2::unified(&resources.unified, plan)?;
    enable(plan);
    Ok(())
}

/// The values of one controller.
pub(super) struct Values<'p> {
    plan: &'p mut Plan,
    /// Where the controller acts: index in [`Plan::dirs`].
    dir: Option<usize>,
    /// Whether that is cgroup v2.
    pub(super) unified: bool,
    controller: &'static str,
    at: Pointer,
}

impl<'p> Values<'p> {
    fn new(plan: &'p mut Plan, at: Pointer, v1: &'static str, v2: &'static str) -> Self {
        let in_v1 = plan.dirs.iter().position(|dir| !dir.unified && dir.has(v1));
        let in_v2 = plan.dirs.iter().position(|dir| dir.unified && dir.has(v2));
        let unified = in_v1.is_none() && (in_v2.is_some() || plan.dirs.iter().all(|dir| dir.unified));
        Self { plan, dir: in_v1.or(in_v2), unified, controller: if unified { v2 } else { v1 }, at }
    }

    /// The pointer to a field of this object.
    pub(super) fn field(&self, key: &str) -> Pointer {
        self.at.key(key)
    }

    /// Plans a write for the field `key`.
    pub(super) fn put(&mut self, key: &str, write: Write) -> Result<()> {
        self.put_at(self.field(key), write)
    }

    /// Plans a write for a field elsewhere.
    pub(super) fn put_at(&mut self, field: Pointer, write: Write) -> Result<()> {
        let Some(dir) = self.dir else {
            let message = format!("this machine has no cgroup controller {:?}", self.controller);
            return Err(
                Error::unsupported(field, message).hint("see /proc/cgroups and cgroup.controllers for what is there")
            );
        };
        self.plan.writes.push(Write { dir, field, ..write });
        Ok(())
    }

    /// Plans a check that `limit` is not below what is used.
    pub(super) fn must_fit(&mut self, file: &'static str, limit: Option<i64>) {
        if let (Some(dir), Some(Ok(limit))) = (self.dir, limit.map(u64::try_from)) {
            self.plan.fits = Some(super::plan::Fits { dir, file, limit, field: self.field("limit") });
        }
    }
}

impl Write {
    /// A value for a file; where, and for which field, is added by [`Values::put`].
    pub(super) fn of(file: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        Self {
            dir: 0,
            file: file.into(),
            value: value.to_string(),
            field: Pointer::default(),
            missing: Missing::Refuse,
            hint: None,
            entangled: false,
        }
    }

    /// Nothing is lost where the kernel has no such file.
    pub(super) fn optional(self) -> Self {
        Self { missing: Missing::Skip, ..self }
    }

    /// Another file, and its value, where the kernel has not this one.
    pub(super) fn or(self, file: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        Self { missing: Missing::Use(file.into(), value.to_string()), ..self }
    }

    /// What a person can do when there is no such file, or it is not permitted.
    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// The kernel checks it against another value of the plan.
    pub(super) fn entangled(self) -> Self {
        Self { entangled: true, ..self }
    }
}

/// "max" on cgroup v2 and for `pids.max`: the specification writes −1.
pub(super) fn or_max(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

/// A value that was asked for: 0 was not.
pub(super) fn asked<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

fn cpuset(resources: &Resources<'_>, values: &mut Values<'_>) -> Result<()> {
    for (key, file, list) in
        [("cpus", "cpuset.cpus", &resources.cpu.cpus), ("mems", "cpuset.mems", &resources.cpu.mems)]
    {
        if let Some(list) = list.as_deref().filter(|list| !list.is_empty()) {
            values.put(key, Write::of(file, list))?;
        }
    }
    Ok(())
}

/// "limit: maximum number of tasks in the cgroup"; since 1.3 of the specification 0 is a limit.
fn pids(resources: &Resources<'_>, values: &mut Values<'_>) -> Result<()> {
    let Some(limit) = resources.pids_limit else { return Ok(()) };
    // On v2 the first process is born in the cgroup and counts: 0 would refuse it, and 1 leaves it alone just the same.
    let limit = if limit == 0 && values.unified { 1 } else { limit };
    values.put("limit", Write::of("pids.max", or_max(limit)))
}

/// The reservation is limited as well: a container that may reserve what it may not use would get SIGBUS.
fn hugetlb(resources: &Resources<'_>, values: &mut Values<'_>) -> Result<()> {
    let file = if values.unified { "max" } else { "limit_in_bytes" };
    for entry in &resources.hugepage_limits {
        let field = entry.at.clone();
        let limit = Write::of(format!("hugetlb.{}.{file}", entry.page_size), entry.limit);
        values.put_at(field.clone(), limit.hint("the sizes of this machine are in /sys/kernel/mm/hugepages"))?;
        let reserved = Write::of(format!("hugetlb.{}.rsvd.{file}", entry.page_size), entry.limit);
        values.put_at(field, reserved.optional())?;
    }
    Ok(())
}

/// Two controllers of cgroup v1; cgroup v2 has none in their place (cgroup-v2.rst, "Network": a packet filter finds the cgroup).
fn network(resources: &Resources<'_>, plan: &mut Plan) -> Result<()> {
    let at = resources.at.key("network");
    if let Some(class) = asked(resources.network.class_id) {
        Values::new(plan, at.clone(), "net_cls", "net_cls").put("classID", Write::of("net_cls.classid", class))?;
    }
    let mut values = Values::new(plan, at, "net_prio", "net_prio");
    for entry in &resources.network.priorities {
        let value = format!("{} {}", entry.interface, entry.priority);
        let write = Write::of("net_prio.ifpriomap", value).hint("interfaces are those of the runtime's own network");
        values.put_at(entry.at.clone(), write)?;
    }
    Ok(())
}

/// One file and one syntax on both versions (cgroup-v1/rdma.rst). What an entry leaves out stays without limit; 0 is one.
fn rdma(resources: &Resources<'_>, values: &mut Values<'_>) -> Result<()> {
    for entry in &resources.rdma {
        let limit = |key, value: Option<u32>| value.map(|value| format!(" {key}={value}")).unwrap_or_default();
        let (handles, objects) = (limit("hca_handle", entry.handles), limit("hca_object", entry.objects));
        let write = Write::of("rdma.max", format!("{}{handles}{objects}", entry.device));
        values.put_at(entry.at.clone(), write.hint("the adapters of this machine are in /sys/class/infiniband"))?;
    }
    Ok(())
}

/// What the v2 directory must be handed: every controller a value needs, and on a machine without cgroup v1 the others that count.
fn enable(plan: &mut Plan) {
    let Some((index, dir)) = plan.dirs.iter().enumerate().find(|(_, dir)| dir.unified) else { return };
    let alone = plan.dirs.len() == 1;
    for controller in &dir.controllers {
        let needs = |write: &&Write| {
            write.dir == index && write.file.split_once('.').is_some_and(|(prefix, _)| prefix == controller)
        };
        let field = plan.writes.iter().find(needs).map(|write| write.field.clone());
        let counts =
            matches!(controller.as_str(), "cpuset" | "cpu" | "io" | "memory" | "pids" | "hugetlb" | "rdma" | "misc");
        if field.is_some() || (alone && counts) {
            plan.enable.push(Enable { controller: controller.clone(), field });
        }
    }
}
