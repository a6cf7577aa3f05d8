//! Runs the container of a bundle and prints how it ended: `run /var/lib/bundles/hello`.

#![allow(clippy::print_stdout, reason = "an example for a terminal")]

use orlop::{Launch, Runtime};

fn main() -> orlop::Result<()> {
    let bundle = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let id = format!("example-{}", std::process::id());
    let (container, process) = Runtime::open("/run/orlop")?.run(&id, bundle.as_ref(), &Launch::default())?;
    let exit = process.wait()?;
    container.delete(false)?;
    println!("exit status {}", exit.status());
    Ok(())
}
