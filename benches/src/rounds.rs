//! Times, taken in rounds: every runtime does every operation once per round, in an order that rotates.
//!
//! What slows the machine for a while slows neighbours in a round alike, so ratios are taken within rounds.

use std::collections::BTreeMap;
use std::fs;

use crate::bundle::Bundles;
use crate::call::{PATIENCE, Process, reap_strays, timed};
use crate::failure::{Failure, Result};
use crate::figures::{Figures, Operation};
use crate::place::Place;
use crate::runtime::Runtime;

/// Rounds that nobody counts: page cache, slab caches and the CPU's frequency settle.
const WARM_UP: usize = 5;

/// One runtime with a container that runs throughout, for `exec`.
#[derive(Debug)]
pub struct Contestant<'place> {
    runtime: Runtime,
    sleeper: Sleeper<'place>,
}

/// A running container, killed and deleted when dropped.
#[derive(Debug)]
struct Sleeper<'place> {
    place: &'place Place,
    runtime: Runtime,
    id: String,
    process: Process,
}

impl<'place> Contestant<'place> {
    /// Fails if the runtime cannot do each operation once: then it takes no part, and the failure says why.
    pub fn admit(place: &'place Place, bundles: &Bundles, runtime: &Runtime) -> Result<Self> {
        let sleeper = Sleeper::begin(place, bundles, runtime)?;
        let contestant = Self { runtime: runtime.clone(), sleeper };
        contestant.life(place, bundles)?;
        contestant.run(place, bundles)?;
        contestant.exec(place)?;
        Ok(contestant)
    }

    /// create, start, wait, delete: milliseconds of each and of the whole.
    fn life(&self, place: &Place, bundles: &Bundles) -> Result<[(Operation, f64); 5]> {
        life(place, bundles, &self.runtime)
    }

    fn run(&self, place: &Place, bundles: &Bundles) -> Result<f64> {
        let id = place.new_id();
        timed(&mut self.runtime.run(&id, &bundles.default_bundle()), &place.log(), PATIENCE)
    }

    fn exec(&self, place: &Place) -> Result<f64> {
        timed(&mut self.runtime.exec(&self.sleeper.id), &place.log(), PATIENCE)
    }
}

/// A whole life of the default bundle.
pub fn life(place: &Place, bundles: &Bundles, runtime: &Runtime) -> Result<[(Operation, f64); 5]> {
    let id = place.new_id();
    let log = place.log();
    let begin = std::time::Instant::now();
    let create = timed(&mut runtime.create(&id, &bundles.default_bundle()), &log, PATIENCE)?;
    let process = Process::in_file(&runtime.pid_file(&id))?;
    let start = timed(&mut runtime.start(&id), &log, PATIENCE)?;
    match process.reap(PATIENCE)? {
        None | Some(0) => {}
        Some(status) => return Err(Failure::new(format!("{}: /bin/true ended with {status}", runtime.name))),
    }
    let delete = timed(&mut runtime.delete(&id), &log, PATIENCE)?;
    let whole = begin.elapsed().as_secs_f64() * 1e3;
    Ok([
        (Operation::CreateStartDelete, create + start + delete),
        (Operation::WholeLife, whole),
        (Operation::Create, create),
        (Operation::Start, start),
        (Operation::Delete, delete),
    ])
}

/// All rounds; the samples of round n of each runtime stand at the same place.
pub fn race(
    place: &Place,
    bundles: &Bundles,
    contestants: &[Contestant<'_>],
    rounds: usize,
    figures: &mut [Figures],
) -> Result<()> {
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    for round in 0..WARM_UP + rounds {
        order.rotate_left(1.min(contestants.len()));
        let mut samples: BTreeMap<usize, Vec<(Operation, f64)>> = BTreeMap::new();
        for kind in [Operation::CreateStartDelete, Operation::Run, Operation::Exec] {
            for &number in &order {
                let Some(contestant) = contestants.get(number) else { continue };
                place.go_on()?;
                let taken = samples.entry(number).or_default();
                match kind {
                    Operation::Run => taken.push((kind, contestant.run(place, bundles)?)),
                    Operation::Exec => taken.push((kind, contestant.exec(place)?)),
                    _ => taken.extend(contestant.life(place, bundles)?),
                }
                reap_strays();
            }
        }
        if round >= WARM_UP {
            for (number, taken) in samples {
                let Some(own) = figures.get_mut(number) else { continue };
                taken.into_iter().for_each(|(operation, sample)| own.times.entry(operation).or_default().push(sample));
            }
        }
    }
    Ok(())
}

impl<'place> Sleeper<'place> {
    fn begin(place: &'place Place, bundles: &Bundles, runtime: &Runtime) -> Result<Self> {
        let id = place.new_id();
        let mut create = runtime.create(&id, &bundles.sleeping());
        if runtime.is_floor() {
            create.current_dir(bundles.default_bundle()).args(["/bin/sleep", "1000000"]);
        }
        timed(&mut create, &place.log(), PATIENCE)?;
        let process = Process::in_file(&runtime.pid_file(&id))?;
        let sleeper = Self { place, runtime: runtime.clone(), id, process };
        timed(&mut runtime.start(&sleeper.id), &place.log(), PATIENCE)?;
        Ok(sleeper)
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.process.kill();
        // What fails here is swept with the place.
        drop(self.process.reap(PATIENCE));
        drop(timed(&mut self.runtime.delete_forced(&self.id), &self.place.log(), PATIENCE));
        drop(fs::remove_file(self.runtime.pid_file(&self.id)));
    }
}
