# Two commands for a newcomer: `make run` and `make test`. Debian 12 or later, root, Rust (rustup).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help deps build run test check conformance conformance-oci test-vm engines engines-vm bench aarch64 coverage clean

ARCH := $(shell uname -m)
MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null)
SECCOMP := target/libseccomp
# What a machine skips is on its list: conformance/expected/skips-*.txt.
HOST = cgroup-v$(shell stat -f -c %T /sys/fs/cgroup | grep -q cgroup2 && echo 2 || echo 1)
# The directory holds libseccomp.a and nothing else: beside it glibc's libc.a would shadow musl's.
export LIBSECCOMP_LINK_TYPE := static
export LIBSECCOMP_LIB_PATH := $(CURDIR)/$(SECCOMP)

# musl starts several times as fast in a virtual machine (.cargo/config.toml says why); glibc does where rustup has no musl target.
MUSL := $(ARCH)-unknown-linux-musl
RELEASE_TARGET = $(shell rustc --print target-libdir --target $(MUSL) 2>/dev/null | xargs -r -I{} sh -c 'test -d {} && echo $(MUSL) || echo $(ARCH)-unknown-linux-gnu')
RELEASE_FLAGS = $(if $(findstring gnu,$(RELEASE_TARGET)),RUSTFLAGS="-C target-feature=+crt-static",)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run          build, make a bundle, run a container from it
## make test         what CI runs: check, aarch64, build, conformance as root, coverage, test-vm
## make check        the quick one: format, lints, unit, golden and doc tests; no root
## make build        release binaries in target/bin
## make bench        Orlop beside the runtimes that are here (runc, crun, youki) and the floor
## make conformance  the black-box suite; RUNTIME=runc|crun runs it on another runtime, or on youki where that is installed
## make conformance-oci  the validation programs of runtime-tools, where Debian's packages of it can be had; RUNTIME= as above
## make test-vm      the same in a virtual machine, as root and as a user; RUNTIME=… and FILTER='a test' as above
## make coverage     which test observes which field of the specification; fails while one has none
## make engines      Docker, Podman, containerd and conmon with runc and with Orlop, side by side (installs them)
## make engines-vm   the same with newer ones, in the virtual machine

deps: target/.deps

# A missing tool is installed with apt where that can be done, else named in one line.
target/.deps: Makefile
	@mkdir -p target
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs"; exit 1; }
	@missing=(); \
	need() { command -v "$$1" >/dev/null || missing+=("$$2"); }; \
	need gcc gcc; need pkg-config pkg-config; need busybox busybox-static; need jq jq; need strace strace; \
	need runc runc; need crun crun; need ps procps; need newuidmap uidmap; need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu; \
	file -L "$$(command -v busybox)" 2>/dev/null | grep -q dynamically && missing+=(busybox-static); \
	ls /usr/lib/*/libseccomp.a >/dev/null 2>&1 || missing+=(libseccomp-dev); \
	ls /usr/lib/*/libc.a >/dev/null 2>&1 || missing+=(libc6-dev); \
	if [ "$${#missing[@]}" != 0 ]; then \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "missing: $${missing[*]} — run: apt-get install $${missing[*]}"; exit 1; }; \
	  echo "installing $${missing[*]}"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}"; } >target/apt.log 2>&1 \
	    || { tail -5 target/apt.log; echo "could not install: apt-get install $${missing[*]}"; exit 1; }; \
	fi
	@if command -v rustup >/dev/null && ! rustup target list --installed | grep -qx $(MUSL); then \
	  timeout 300 rustup target add $(MUSL) >target/rustup.log 2>&1 || echo "no $(MUSL) for this toolchain: the release binaries use glibc"; fi
	@command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest
	@touch $@

$(SECCOMP)/libseccomp.a: target/.deps
	@mkdir -p $(SECCOMP)
	@cp "$$(ls /usr/lib/$$(gcc -print-multiarch)/libseccomp.a)" $@

build: target/.deps $(SECCOMP)/libseccomp.a
	$(RELEASE_FLAGS) cargo build --release --target $(RELEASE_TARGET) -p orlop-cli -p benches
	@mkdir -p target/bin
	@for name in orlop bench floor; do install -m 755 target/$(RELEASE_TARGET)/release/$$name target/bin/$$name; done

run: build
	@sh .ci/demo target/bin/orlop

check: target/.deps $(SECCOMP)/libseccomp.a
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo nextest run --workspace --exclude conformance
	cargo test --doc -q -p orlop
	cargo nextest run -p conformance --test tidy
	if command -v cargo-deny >/dev/null; then cargo deny check bans licenses sources; fi

test: check aarch64 build conformance coverage test-vm

# Runs no container: every test says what it covers.
coverage: target/.deps $(SECCOMP)/libseccomp.a
	@cargo run -q -p conformance --bin coverage

# A test that lacks something says so and passes; one that is skipped unexpectedly fails the run. The list is Orlop's: what a
# test needs may be a newer runc or crun.
conformance: target/.deps $(SECCOMP)/libseccomp.a
	@rm -f target/verdicts; status=0; export RUNTIME="$${RUNTIME:-orlop}" CONFORMANCE_VERDICTS=$(CURDIR)/target/verdicts; \
	cargo nextest run --color never -p conformance -E 'not binary(engines)' --no-fail-fast 2>&1 | tee target/conformance.log || status=1; \
	known=conformance/expected/skips-$(HOST).txt; \
	[ $$RUNTIME != orlop ] || [ ! -f $$known ] || diff $$known <(grep ^SKIP target/verdicts | LC_ALL=C sort -u) || { echo "skipped otherwise than $$known says"; status=1; }; \
	counts=$$(conformance/counts target/verdicts target/conformance.log) || status=1; \
	echo "$$(PATH=$(CURDIR)/target/bin:$$PATH $$RUNTIME --version | head -n 1), $(HOST): $$counts"; exit $$status

# The same suite on pure cgroup v2 with systemd, as root and as a user, in a machine that is built once (conformance/vm/machine).
test-vm: build
	conformance/vm/suite $(FILTER)

ENGINES := docker.io docker-compose docker-registry containerd podman conmon catatonit netavark aardvark-dns iptables uidmap

# The engines, from Debian's packages. None of them is left running.
target/.deps-engines: target/.deps
	@missing=(); for package in $(ENGINES); do dpkg -s $$package >/dev/null 2>&1 || missing+=($$package); done; \
	if [ "$${#missing[@]}" != 0 ]; then \
	  echo "installing $${missing[*]}"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$${missing[@]}"; } >target/apt-engines.log 2>&1 \
	    || { tail -5 target/apt-engines.log; echo "could not install: apt-get install $${missing[*]}"; exit 1; }; \
	fi
	@touch $@

engines: target/.deps-engines build
	@binary=$$(cargo test -q -p conformance --test engines --no-run --message-format json | jq -r 'select(.target.name == "engines") | .executable'); \
	cd conformance && bash tests/engines/table.sh "$$binary" expected/skips-engines-$(HOST).txt $${RUNTIMES:-runc orlop} -- $(FILTER)

# The same with the engines of the virtual machine: newer ones, on cgroup v2 with systemd and CRIU. Slow where it is emulated.
engines-vm: build
	ROUNDS=engines RUNTIME="$${RUNTIMES:-runc orlop}" LIMIT="$${LIMIT:-7200}" conformance/vm/suite $(FILTER)

OCI := target/oci-validation
$(OCI)/work/runtimetest: conformance/validation/build conformance/validation/tap-go/tap.go
	@sh conformance/validation/build $(OCI) || [ $$? = 3 ]

# Where they cannot be built, the line above has said why.
conformance-oci: $(OCI)/work/runtimetest target/.deps $(SECCOMP)/libseccomp.a
	@if [ -e $(OCI)/work/runtimetest ]; then RUNTIME="$${RUNTIME:-orlop}" cargo run -q -p conformance --bin oci-validation -- $(OCI); fi

aarch64: target/.deps
	@if rustup target list --installed 2>/dev/null | grep -qx aarch64-unknown-linux-gnu || timeout 300 rustup target add aarch64-unknown-linux-gnu >/dev/null 2>&1; \
	then sh runtime-core/init/build-aarch64.sh target/aarch64-init && cargo check -q -p orlop --target aarch64-unknown-linux-gnu && echo "aarch64: init is linked, the library compiles"; \
	else echo "aarch64: no such target for this toolchain; only x86_64 is built"; fi

bench: build
	target/bin/bench $(BENCH)

clean:
	cargo clean
