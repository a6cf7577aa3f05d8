//! Fifty containers from the threads of a tokio program with a large heap. The program has no `init` argument, no handler of
//! SIGCHLD and no other process of its own; each container is started wherever the scheduler runs the task, and its end is
//! an event on its pidfd. Needs root and `/bin/busybox`.

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

mod bundle;

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bundle::Bundle;
use orlop::{Launch, Runtime};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const CONTAINERS: i32 = 50;
const HEAP: usize = 512 << 20;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let heap = vec![1_u8; HEAP];
    let bundle = Arc::new(Bundle::make()?);
    let runtime = Arc::new(Runtime::open(bundle.state())?);
    let began = Instant::now();
    let statuses =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_io().build()?.block_on(async {
            let one = |number| tokio::spawn(contain(runtime.clone(), bundle.clone(), number));
            let tasks: Vec<_> = (0..CONTAINERS).map(one).collect();
            let mut statuses = Vec::new();
            for task in tasks {
                statuses.push(task.await??);
            }
            Outcome::Ok(statuses)
        })?;
    assert_eq!(statuses, (0..CONTAINERS).collect::<Vec<_>>(), "each status is what that container was told");
    let (each, heap) = (began.elapsed() / CONTAINERS.unsigned_abs(), heap.len() >> 20);
    println!("{CONTAINERS} containers, every exit status right, {each:.1?} each, beside a heap of {heap} MiB");
    Ok(())
}

/// Runs a container that is told to exit with `number`; the status it ended with.
async fn contain(runtime: Arc<Runtime>, bundle: Arc<Bundle>, number: i32) -> Outcome<i32> {
    // A launch waits for files and for its process: that is for the threads which may be blocked.
    let launched = tokio::task::spawn_blocking(move || {
        let config = bundle.config(&format!("exit {number}"), None);
        let options = Launch { config: Some(&config), ..Launch::default() };
        runtime.run(&format!("embedded-{}-{number}", std::process::id()), bundle.path(), &options)
    });
    let (container, process) = launched.await??;
    // The new name is unsafe, for types whose descriptor changes; that of a borrowed pidfd does not.
    #[allow(deprecated, reason = "tokio has no safe name left for it")]
    let ended = AsyncFd::with_interest(process.pidfd(), Interest::READABLE)?;
    ended.readable().await?.retain_ready();
    drop(ended);
    let exit = process.wait()?;
    tokio::task::spawn_blocking(move || container.delete(false)).await??;
    Ok(exit.status())
}
