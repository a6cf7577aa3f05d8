//! `restore`: files of a checkpoint → a running container, by CRIU.

use orlop::{Launch, Restore};

use super::checkpoint::{criu, images, program};
use super::{bundle, launch, runtime};
use crate::args::{Call, flags};
use crate::foreground::{self, Signals, Streams};
use crate::report::{DONE, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    if call.on(&flags::RESTORE_NO_PIVOT) {
        return Err(call.wrong("--no-pivot is of no effect: CRIU enters the root in its own way".into()));
    }
    let (runtime, bundle, images, program) = (runtime(call)?, bundle(call)?, images(call)?, program());
    let detached = call.on(&flags::DETACH);
    let restore = Restore {
        criu: criu(call, &images, program.as_deref())?,
        launch: launch(call)?,
        lsm_profile: call.text(&flags::LSM_PROFILE)?.filter(|text| !text.is_empty()),
        lsm_mount_context: call.text(&flags::LSM_MOUNT_CONTEXT)?.filter(|text| !text.is_empty()),
        tcp_close: call.on(&flags::TCP_CLOSE),
        detached,
    };
    if detached {
        runtime.restore(call.id()?, &bundle, &restore)?;
        return Ok(DONE);
    }
    // Before the launch, so that no signal and no orphan is missed.
    let signals = Signals::block()?;
    if !call.on(&flags::NO_SUBREAPER) {
        foreground::adopt_orphans()?;
    }
    // A job of the shell goes on with the caller's terminal.
    let mut streams = if restore.criu.shell_job { Streams::default() } else { Streams::open()? };
    let restore = Restore { launch: Launch { stdio: streams.stdio(), ..restore.launch }, ..restore };
    let (container, mut process) = runtime.restore(call.id()?, &bundle, &restore)?;
    let ended = foreground::attend(&mut process, &signals, &mut streams, &|_process, signal| {
        container.kill(signal, false).map_err(|error| error.to_string())
    });
    let deleted = container.delete(true);
    // What went wrong first is what is reported.
    let status = ended?;
    deleted?;
    streams.finish(&signals)?;
    Ok(status)
}
