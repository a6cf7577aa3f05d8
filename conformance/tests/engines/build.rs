//! Images: built from a Dockerfile by both builders, pushed to a registry on loopback, pulled again.

use std::fs;

use conformance::{Outcome, eventually, needs};

use super::docker::{CALLS, command, daemon, docker, run};
use super::image::TINY;

const DOCKERFILE: &str = "\
FROM tiny AS make
ARG WORD=nothing
RUN echo \"built with $WORD as $(id -un)\" >/product && chmod 640 /product
FROM tiny
COPY --from=make --chown=web:staff /product /home/web/product
USER web
WORKDIR /home/web
ENV SHIPPED=yes
HEALTHCHECK NONE
ENTRYPOINT [\"cat\"]
CMD [\"product\"]
";

fn build(buildkit: &str, tag: &str) -> Outcome {
    let daemon = daemon();
    let dir = daemon.dir.join(tag);
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("Dockerfile"), DOCKERFILE).expect("a Dockerfile");
    let mut call = command(daemon.dir.clone(), ["build", "-t", tag, "--build-arg", "WORD=care", tag]);
    call.env("DOCKER_BUILDKIT", buildkit);
    daemon.call(call)
}

fn product_is_right(tag: &str) {
    run([tag]).prints("built with care as root");
    run(["--entrypoint", "stat", tag, "-c", "%U:%G %a", "product"]).prints("web:staff 640");
    run(["--entrypoint", "sh", tag, "-c", "echo $SHIPPED $PWD $(id -un)"]).prints("yes /home/web web");
}

#[conformance::test]
fn the_classic_builder_builds_in_stages() {
    build("0", "classic").succeeds();
    product_is_right("classic");
}

#[conformance::test]
fn buildkit_builds_in_stages() {
    build("1", "buildkit").succeeds();
    let calls = fs::read_to_string(daemon().dir.join(CALLS)).expect("BuildKit calls the runtime as runc");
    assert!(calls.lines().any(|call| call.contains(" run --bundle ")), "{calls}");
    product_is_right("buildkit");
}

#[conformance::test]
fn a_step_that_fails_fails_the_build() {
    let daemon = daemon();
    let dir = daemon.dir.join("broken");
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("Dockerfile"), "FROM tiny\nRUN exit 7\n").expect("a Dockerfile");
    for buildkit in ["0", "1"] {
        let mut call = command(daemon.dir.clone(), ["build", "-t", "broken", "broken"]);
        call.env("DOCKER_BUILDKIT", buildkit);
        let failed = daemon.call(call).fails();
        assert!(failed.stderr.contains('7') || failed.stdout.contains('7'), "{}", failed.stderr);
    }
}

#[conformance::test]
fn an_image_goes_through_a_registry() {
    needs::path("/usr/bin/docker-registry");
    let daemon = daemon();
    let config = daemon.dir.join("registry.yml");
    let store = daemon.dir.join("registry");
    let text = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:5000'}}\n",
        store.display()
    );
    fs::write(&config, text).expect("a configuration");
    // On the daemon's loopback.
    let mut registry = daemon.inside(["docker-registry", "serve"]);
    registry.arg(&config);
    let log = fs::File::create(daemon.dir.join("registry.log")).expect("a log");
    registry.stdin(std::process::Stdio::null()).stderr(log.try_clone().expect("a log")).stdout(log);
    let mut registry = registry.spawn().expect("docker-registry");
    let name = "127.0.0.1:5000/tiny:1";
    docker(["tag", TINY, name]).succeeds();
    let pushed = eventually(|| docker(["push", name]).code == 0);
    docker(["rmi", name]).succeeds();
    let pulled = docker(["pull", name]);
    let ran = run([name, "echo", "pulled"]);
    registry.kill().expect("kill");
    registry.wait().expect("wait");
    assert!(pushed, "push");
    pulled.succeeds();
    ran.prints("pulled");
}
