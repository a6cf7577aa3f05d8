//! The price of a busy host: the same container where the host's mount table is long.
//!
//! A new mount namespace copies every mount it leaves behind; nodes have hundreds to thousands.

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::bundle::Bundles;
use crate::call::reap_strays;
use crate::failure::{During, Result};
use crate::figures::{Figures, Operation};
use crate::place::Place;
use crate::rounds::life;
use crate::runtime::Runtime;

/// How many mounts are added.
pub const MOUNTS: [usize; 2] = [20, 1000];

const ROUNDS: usize = 20;

/// Fills [`Figures::scale`], in rounds like everything else.
pub fn measure(place: &Place, bundles: &Bundles, runtimes: &[Runtime], figures: &mut [Figures]) -> Result<()> {
    for count in MOUNTS {
        let crowd = Crowd::mount(place, count)?;
        for round in 0..ROUNDS {
            for step in 0..runtimes.len() {
                place.go_on()?;
                let number = (round + step) % runtimes.len();
                let (Some(runtime), Some(own)) = (runtimes.get(number), figures.get_mut(number)) else { continue };
                let times = life(place, bundles, runtime)?;
                let sum = times.iter().find(|(operation, _)| *operation == Operation::CreateStartDelete);
                own.scale.entry(count).or_default().extend(sum.map(|(_, sample)| sample));
                reap_strays();
            }
        }
        drop(crowd);
    }
    Ok(())
}

/// A tmpfs full of bind mounts, in our private mount namespace.
struct Crowd(std::path::PathBuf);

impl Crowd {
    fn mount(place: &Place, count: usize) -> Result<Self> {
        let top = place.directory.join("crowd");
        std::fs::create_dir_all(&top).during("mkdir crowd")?;
        mount(Some("tmpfs"), &top, Some("tmpfs"), MsFlags::empty(), None::<&str>).during("mount crowd")?;
        let crowd = Self(top);
        let source = crowd.0.join("source");
        std::fs::create_dir(&source).during("mkdir source")?;
        for number in 1..count {
            let target = crowd.0.join(number.to_string());
            std::fs::create_dir(&target).during("mkdir target")?;
            mount(Some(&source), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).during("bind")?;
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // Detaches the whole tree; if it fails, the namespace ends with this program.
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap_or_default();
    }
}
