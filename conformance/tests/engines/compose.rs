//! `docker compose`: two services and a volume.

use std::fs;
use std::path::Path;
use std::process::Command;

use conformance::{Outcome, eventually, needs};

use super::docker::{daemon, docker};

const FILE: &str = r#"
version: "3"
services:
  web:
    image: tiny
    command: sh -c "httpd -f -p 80 -h /data"
    volumes: ["data:/data:ro"]
    depends_on: [writer]
  writer:
    image: tiny
    command: sh -c "echo composed >/data/index.html; sleep 1000"
    volumes: ["data:/data"]
volumes:
  data: {}
"#;

const PROGRAM: &str = "/usr/bin/docker-compose";
const PLUGIN: &str = "/usr/libexec/docker/cli-plugins/docker-compose";

fn compose(words: &[&str]) -> Outcome {
    let daemon = daemon();
    let dir = daemon.dir.join("composed");
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("docker-compose.yml"), FILE).expect("a compose file");
    // A plugin of the client since its version 2.
    let mut call = Command::new(if Path::new(PROGRAM).exists() { PROGRAM } else { "/usr/bin/docker" });
    if call.get_program() != PROGRAM {
        call.arg("compose");
    }
    call.env("DOCKER_HOST", format!("unix://{}/docker.sock", daemon.dir.display()));
    call.env("HOME", &daemon.dir).current_dir(&dir).args(words);
    daemon.call(call)
}

#[conformance::test]
fn two_services_share_a_volume_and_a_network() {
    needs::path(if Path::new(PLUGIN).exists() { PLUGIN } else { PROGRAM });
    compose(&["up", "-d"]).succeeds();
    let answered = eventually(|| {
        compose(&["exec", "-T", "writer", "timeout", "3", "wget", "-qO-", "http://web/"]).stdout.trim() == "composed"
    });
    let seen = compose(&["ps"]).stdout;
    compose(&["stop", "-t", "1"]).succeeds();
    compose(&["down", "-v"]).succeeds();
    assert!(answered, "{seen}");
    docker(["volume", "ls", "-q", "--filter", "name=composed"]).prints("");
}
