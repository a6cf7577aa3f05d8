//! Images made on the spot: a static busybox and three files. Nothing is pulled from anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The name of the image in every engine.
pub(super) const TINY: &str = "tiny";

const MAKE: &str = r#"
set -e
mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/proc" "$1/sys" "$1/dev" "$1/root" "$1/home/web"
cp "$(command -v busybox)" "$1/bin/busybox"
for name in $(busybox --list); do [ "$name" = busybox ] || ln -sf busybox "$1/bin/$name"; done
echo 'root:x:0:0:root:/root:/bin/sh
web:x:1000:1000:web:/home/web:/bin/sh' >"$1/etc/passwd"
echo 'root:x:0:
web:x:1000:
staff:x:50:web' >"$1/etc/group"
chmod 1777 "$1/tmp"
tar -C "$1" -c . >"$1.tar"
"#;

/// A tar of a root filesystem, made below `dir`.
pub(super) fn tar(dir: &Path) -> PathBuf {
    let root = dir.join("tiny-root");
    let made = Command::new("sh").args(["-c", MAKE, "-"]).arg(&root).status().expect("sh");
    assert!(made.success(), "no image could be made: is busybox-static there?");
    dir.join("tiny-root.tar")
}

const PACK: &str = r#"
set -e
cd "$1"
digest=$(sha256sum tiny-root.tar | cut -d' ' -f1)
architecture=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"tar"}]}' \
    "$architecture" "$digest" >config.json
echo '[{"Config":"config.json","RepoTags":["docker.io/library/tiny:latest"],"Layers":["tiny-root.tar"]}]' >manifest.json
tar -cf tiny.tar manifest.json config.json tiny-root.tar
"#;

/// The same as an archive with a manifest, as `docker save` writes it.
pub(super) fn archive(dir: &Path) -> PathBuf {
    tar(dir);
    let packed = Command::new("sh").args(["-c", PACK, "-"]).arg(dir).status().expect("sh");
    assert!(packed.success(), "no archive could be made");
    dir.join("tiny.tar")
}
