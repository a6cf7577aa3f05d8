//! `bench`: measures every runtime that is here, prints the table, writes it and a chart, judges the budgets.

mod options;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, fs};

use benches::budgets::Budgets;
use benches::bundle::Bundles;
use benches::failure::{During, Failure, Result};
use benches::figures::{Figures, Run};
use benches::place::Place;
use benches::rounds::{self, Contestant};
use benches::runtime::Runtime;
use benches::{call, chart, memory, scale, syscalls, table};
use options::{Asked, Options};

const BUDGETS: &str = include_str!("../budgets.toml");

fn main() -> ExitCode {
    let outcome = match env::args_os().nth(1) {
        Some(first) if first == *memory::PEAK_OF => peak(env::args_os().skip(2)),
        _ => Options::parse().and_then(|asked| match asked {
            Asked::Bench(options) => bench(&options),
            Asked::Help => say(&mut io::stdout(), options::HELP).map(|()| ExitCode::SUCCESS),
        }),
    };
    outcome.unwrap_or_else(|failure| {
        say(&mut io::stderr(), &format!("bench: {failure}")).map_or(ExitCode::FAILURE, |()| ExitCode::FAILURE)
    })
}

/// A small process that says what its child weighed.
fn peak(words: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    say(&mut io::stdout(), &memory::peak_of(words)?.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn bench(options: &Options) -> Result<ExitCode> {
    let budgets = Budgets::parse(BUDGETS)?;
    let place = Place::enter()?;
    let outcome = measure(&place, options);
    place.go_on()?;
    let run = outcome?;
    drop(place);
    let page = table::markdown(&run);
    fs::create_dir_all(&options.out).during(options.out.display())?;
    fs::write(options.out.join("latest.md"), &page).during("write latest.md")?;
    fs::write(options.out.join("latest.svg"), chart::svg(&run)).during("write latest.svg")?;
    say(&mut io::stdout(), &page)?;
    let missed = if options.check { budgets.missed(&run) } else { Vec::new() };
    missed.iter().try_for_each(|budget| say(&mut io::stderr(), &format!("budget missed: {budget}")))?;
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(place: &Place, options: &Options) -> Result<Run> {
    let bundles = Bundles::make(&place.directory)?;
    let mut run = Run { circumstances: circumstances(options.rounds), ..Run::default() };
    let (mut runtimes, mut contestants) = (Vec::new(), Vec::new());
    for runtime in Runtime::present(&place.directory).into_iter().filter(|runtime| options.wants(runtime.name)) {
        match Contestant::admit(place, &bundles, &runtime) {
            Ok(contestant) => {
                run.figures.push(Figures {
                    name: runtime.name.to_owned(),
                    version: version(&runtime),
                    ..Figures::default()
                });
                contestants.push(contestant);
                runtimes.push(runtime);
            }
            Err(failure) => run.notes.push(format!("{} was left out: {failure}", runtime.name)),
        }
        place.go_on()?;
    }
    if runtimes.is_empty() {
        let why = run.notes.join("; ");
        return Err(Failure::new(format!("no runtime to measure: build orlop and floor, or install crun; {why}")));
    }
    rounds::race(place, &bundles, &contestants, options.rounds, &mut run.figures)?;
    drop(contestants);
    for (runtime, figures) in runtimes.iter().zip(&mut run.figures) {
        weigh(place, &bundles, runtime, figures, &mut run.notes)?;
    }
    if options.scale {
        scale::measure(place, &bundles, &runtimes, &mut run.figures)?;
    }
    Ok(run)
}

/// A figure that cannot be had becomes a note.
fn weigh(
    place: &Place,
    bundles: &Bundles,
    runtime: &Runtime,
    figures: &mut Figures,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut noted = |figure: &str, outcome: Result<u64>| {
        outcome.map_err(|failure| notes.push(format!("{}: no {figure}: {failure}", runtime.name))).ok()
    };
    figures.waiting_kib = noted("resident memory", memory::waiting(place, bundles, runtime));
    place.go_on()?;
    figures.create_peak_kib = noted("peak", memory::create_peak(place, bundles, runtime));
    place.go_on()?;
    figures.lowest_limit_kib = noted("lowest limit", memory::lowest_limit(place, bundles, runtime));
    place.go_on()?;
    figures.binary_kib = noted("binary size", memory::binary(runtime));
    let calls = syscalls::of_create(place, bundles, runtime).map(|calls| calls.total());
    figures.create_syscalls = noted("system calls", calls);
    place.go_on()
}

fn version(runtime: &Runtime) -> String {
    if runtime.is_floor() {
        return "only the system calls the bundle needs: the least it can cost".to_owned();
    }
    let output: Option<Vec<u8>> = runtime.version().output().ok().map(|output| output.stdout);
    call::reap_strays();
    let text = String::from_utf8_lossy(output.as_deref().unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

fn circumstances(rounds: usize) -> String {
    let system = rustix::system::uname();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let cgroup = if fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or(false) { "v2" } else { "v1" };
    let release = system.release().to_string_lossy();
    format!(
        "Linux {release}, {processors} processors, cgroup {cgroup}, {rounds} interleaved rounds, /bin/true of busybox"
    )
}

fn say(stream: &mut impl Write, text: &str) -> Result<()> {
    writeln!(stream, "{text}").during("write")
}
