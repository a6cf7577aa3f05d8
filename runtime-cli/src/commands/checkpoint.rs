//! `checkpoint`: a running container → files, by CRIU.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use orlop::{Checkpoint, Criu};

use super::container;
use crate::args::{Call, flags};
use crate::report::{DONE, Failure, Outcome};

pub(crate) fn run(call: &Call) -> Outcome {
    let container = container(call)?;
    let (images, program) = (images(call)?, program());
    let status =
        call.text(&flags::STATUS_FD)?.filter(|text| *text != "-1").map(|text| status(call, text)).transpose()?;
    if status.is_some() && !call.on(&flags::LAZY_PAGES) {
        return Err(call.wrong("--status-fd is of no effect without --lazy-pages".into()));
    }
    if call.on(&flags::LAZY_PAGES) && call.on(&flags::PRE_DUMP) {
        return Err(call.wrong("--lazy-pages is of no effect with --pre-dump: that writes all pages".into()));
    }
    container.checkpoint(&Checkpoint {
        criu: criu(call, &images, program.as_deref())?,
        parent: call.path(&flags::PARENT_PATH),
        leave_running: call.on(&flags::LEAVE_RUNNING),
        pre_dump: call.on(&flags::PRE_DUMP),
        tcp_skip_in_flight: call.on(&flags::TCP_SKIP_IN_FLIGHT),
        link_remap: call.on(&flags::LINK_REMAP),
        page_server: call.text(&flags::PAGE_SERVER)?.map(|text| page_server(call, text)).transpose()?,
        status: status.as_ref().map(AsFd::as_fd),
    })?;
    Ok(DONE)
}

/// The flags that `restore` has too.
pub(super) fn criu<'c>(call: &'c Call, images: &'c Path, program: Option<&'c Path>) -> Result<Criu<'c>, Failure> {
    let namespaces = call.texts(&flags::EMPTY_NS)?;
    if let Some(other) = namespaces.iter().find(|name| **name != "network") {
        return Err(call.wrong(format!("namespace \"{other}\" is not supported")));
    }
    let mode = call.text(&flags::MANAGE_CGROUPS_MODE)?.filter(|text| !text.is_empty());
    Ok(Criu {
        images: Some(images),
        work: call.path(&flags::WORK_PATH),
        program,
        tcp_established: call.on(&flags::TCP_ESTABLISHED),
        external_unix_sockets: call.on(&flags::EXT_UNIX_SK),
        shell_job: call.on(&flags::SHELL_JOB),
        file_locks: call.on(&flags::FILE_LOCKS),
        cgroups: mode.map(str::parse).transpose()?,
        // As with runc, with or without the flag: the devices of a network are its engine's, who makes them again.
        empty_network: true,
        auto_dedup: call.on(&flags::AUTO_DEDUP),
        lazy_pages: call.on(&flags::LAZY_PAGES),
    })
}

/// `--image-path`; without it `checkpoint` in the current directory.
pub(super) fn images(call: &Call) -> Result<PathBuf, Failure> {
    let path = call.path(&flags::IMAGE_PATH).unwrap_or_else(|| Path::new("checkpoint"));
    std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))
}

/// `criu` on the caller's `PATH`.
pub(super) fn program() -> Option<PathBuf> {
    let places = std::env::var_os("PATH")?;
    std::env::split_paths(&places).map(|place| place.join("criu")).find(|path| path.is_absolute() && path.is_file())
}

/// The descriptor of this number, for writing.
fn status(call: &Call, text: &str) -> Result<File, Failure> {
    let number: u32 = text.parse().map_err(|_error| call.wrong(format!("invalid --status-fd argument {text}")))?;
    File::options()
        .write(true)
        .open(format!("/proc/self/fd/{number}"))
        .map_err(|error| call.wrong(format!("invalid --status-fd argument {number}: {}", error.kind())))
}

fn page_server<'c>(call: &Call, text: &'c str) -> Result<(&'c str, u16), Failure> {
    address(text).ok_or_else(|| call.wrong("Use --page-server ADDRESS:PORT to specify page server".into()))
}

/// `host:port`; an address with colons of its own stands in brackets.
fn address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, expected) in [
            ("10.0.0.1:27", Some(("10.0.0.1", 27))),
            ("[::1]:27", Some(("::1", 27))),
            ("::1:27", None),
            ("[::1:27", None),
            (":27", None),
            ("[]:27", None),
            ("host:0", None),
            ("host", None),
        ] {
            assert_eq!(address(text), expected, "{text}");
        }
    }
}
