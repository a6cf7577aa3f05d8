//! The log: `--log FILE --log-format text|json --debug`.
//!
//! The format is runc's. containerd reads the file after a failure and shows the *last* line whose level is `error`,
//! and several commands share one file: so it is appended to, each line in one write, and never truncated.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::report::{self, Failure};

static LOG: OnceLock<LogFile> = OnceLock::new();

struct LogFile {
    file: Option<File>,
    json: bool,
}

/// Opens the log for this command; the library's warnings go there too.
pub(crate) fn open(path: Option<&Path>, json: bool, debug: bool) -> Result<(), Failure> {
    let append = |path: &Path| {
        let file = OpenOptions::new().create(true).append(true).mode(0o644).open(path);
        file.map_err(|error| Failure::io("open log", path, &error))
    };
    let file = path.map(append).transpose()?;
    let log = LOG.get_or_init(|| LogFile { file, json });
    // It is the only logger, and there is only one command: setting it cannot fail.
    if log::set_logger(log).is_ok() {
        log::set_max_level(if debug { LevelFilter::Debug } else { LevelFilter::Warn });
    }
    Ok(())
}

/// Appends one line to the log file, if there is one.
pub(crate) fn write(level: Level, message: &str) {
    if let Some(log) = LOG.get() {
        log.append(level, message);
    }
}

impl LogFile {
    fn append(&self, level: Level, message: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let line = if self.json { json(level, message, now) } else { text(level, message, now) };
        if let Err(error) = file.write_all(line.as_bytes()) {
            report::complain(format_args!("orlop: write log: {error}"));
        }
    }
}

impl Log for LogFile {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match self.file {
            Some(_) => self.append(record.level(), &record.args().to_string()),
            None => report::complain(format_args!("orlop: {}: {}", name(record.level()), record.args())),
        }
    }

    fn flush(&self) {}
}

/// logrus' names of the levels.
fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

fn json(level: Level, message: &str, now: Duration) -> String {
    let message = serde_json::Value::from(message);
    format!("{{\"level\":\"{}\",\"msg\":{message},\"time\":\"{}\"}}\n", name(level), rfc3339(now))
}

fn text(level: Level, message: &str, now: Duration) -> String {
    let message = serde_json::Value::from(message);
    format!("time=\"{}\" level={} msg={message}\n", rfc3339(now), name(level))
}

/// A point in time, since 1970, as RFC 3339 in UTC.
fn rfc3339(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, day);
    let days_of = |year: u64| if is_leap(year) { 366 } else { 365 };
    while day >= days_of(year) {
        day -= days_of(year);
        year += 1;
    }
    let mut month = 1;
    let february = if is_leap(year) { 29 } else { 28 };
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z", day + 1, second % 60)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_795_194_536, "2026-11-20T17:08:56Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_line_is_one_line() {
        let now = Duration::from_secs(0);
        assert_eq!(
            json(Level::Error, "a \"b\"\nc", now),
            "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\nc\",\"time\":\"1970-01-01T00:00:00Z\"}\n"
        );
        assert_eq!(
            text(Level::Warn, "a \"b\"\nc", now),
            "time=\"1970-01-01T00:00:00Z\" level=warning msg=\"a \\\"b\\\"\\nc\"\n"
        );
    }

    #[test]
    fn the_log_is_appended_to() {
        let path = std::env::temp_dir().join(format!("orlop-log-{}", std::process::id()));
        std::fs::write(&path, "before\n").unwrap();
        let file = Some(OpenOptions::new().append(true).open(&path).unwrap());
        LogFile { file, json: true }.append(Level::Error, "x");
        let lines = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(lines.starts_with("before\n{\"level\":\"error\",\"msg\":\"x\""), "{lines}");
    }
}
