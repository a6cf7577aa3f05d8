#!/bin/sh
# Builds init for aarch64 on any machine, with the build script of the library: build-aarch64.sh DIR leaves DIR/init.
# Needs `rustup target add aarch64-unknown-linux-gnu` and Debian's gcc-aarch64-linux-gnu.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
rustc --edition 2024 build.rs --out-dir "$out" --crate-name build_init
RUSTC=rustc HOST=$(rustc -vV | sed -n 's/^host: //p') TARGET=aarch64-unknown-linux-gnu OUT_DIR=$out "$out/build_init"
