//! Builds `init` as a static program without libc; the library embeds its bytes from `OUT_DIR/init`.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)] // a build script stops the build and talks to cargo

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=plan/src");
    println!("cargo::rerun-if-changed=init/src");
    println!("cargo::rerun-if-changed=init/link.ld");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    build(&variable("TARGET"), &out);
}

fn build(target: &str, out: &Path) {
    let library = ["--crate-type=rlib"];
    rustc(target, out, "orlop_plan", "plan/src/lib.rs", &[], &library);
    rustc(target, out, "orlop_init", "init/src/lib.rs", &["orlop_plan"], &library);
    let linker = linker(target).map(|linker| format!("-Clinker={linker}"));
    let program = [
        "--crate-type=bin",
        "-Clto=fat",
        "-Cstrip=symbols",
        "-Crelocation-model=static",
        "-Clink-arg=-nostartfiles",
        "-Clink-arg=-nostdlib",
        "-Clink-arg=-static",
        "-Clink-arg=-Wl,--build-id=none,--no-eh-frame-hdr,-Tinit/link.ld",
    ];
    // A musl target would bring start files of its own.
    let bare = target.ends_with("-musl").then_some("-Clink-self-contained=no");
    let program: Vec<&str> = program.into_iter().chain(linker.as_deref()).chain(bare).collect();
    rustc(target, out, "init", "init/src/main.rs", &["orlop_plan", "orlop_init"], &program);
}

/// Compiles one crate to `out`.
fn rustc(target: &str, out: &Path, name: &str, source: &str, uses: &[&str], flags: &[&str]) {
    let mut command = Command::new(variable("RUSTC"));
    command.args(["--edition=2024", "--cap-lints=warn", "--target", target, "--crate-name", name]);
    command.args(["-Copt-level=s", "-Cpanic=abort", "-Ccodegen-units=1", "-Cembed-bitcode=yes", "-Cdebuginfo=0"]);
    command.args(["-Cforce-unwind-tables=no", "-Cforce-frame-pointers=no"]);
    command.args(flags).arg(source).arg("--out-dir").arg(out).arg("-L").arg(out);
    for library in uses {
        command.arg("--extern").arg(format!("{library}={}", out.join(format!("lib{library}.rlib")).display()));
    }
    assert!(command.status().expect("rustc runs").success(), "{source} is not built");
}

/// What links for `target`: what cargo was told, or Debian's cross compiler.
fn linker(target: &str) -> Option<String> {
    let foreign = target != variable("HOST") && target.starts_with("aarch64-");
    env::var("RUSTC_LINKER").ok().or_else(|| foreign.then(|| "aarch64-linux-gnu-gcc".to_owned()))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
