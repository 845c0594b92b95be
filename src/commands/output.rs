//! Paths, numbers and lines as a person reads them in a terminal, and paths as JSON can carry them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

/// A path on one line: control characters and bytes that are not UTF-8 are shown as escapes, all else as it is.
pub fn display_path(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() {
                shown.extend(c.escape_default());
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// A path as a person in this folder would type it, on one line: relative where it lies below the folder.
pub fn display_from_here(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    display_path(here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path))
}

/// A path as JSON can carry it: one that is not UTF-8 also as its bytes in hexadecimal, since the string is a lossy
/// form of it.
#[derive(Serialize)]
pub struct JsonPath<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl<'a> From<&'a Path> for JsonPath<'a> {
    fn from(path: &'a Path) -> Self {
        let name: &OsStr = path.as_os_str();
        let hex = || name.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path: name.to_string_lossy(), path_hex: name.to_str().is_none().then(hex) }
    }
}

/// A ranking as JSON: `[{"genre": ..., "share": ...}]`, the best `limit` of it.
pub fn ranking_json(ranking: &[(String, f32)], limit: usize) -> Value {
    let entries = ranking.iter().take(limit);
    entries.map(|(genre, share)| serde_json::json!({"genre": genre, "share": round(*share)})).collect()
}

/// Why a file is unsure, where its confidence does not say so already.
pub fn telling(reason: Option<&str>) -> Option<&str> {
    reason.filter(|reason| !reason.starts_with("less sure"))
}

/// A share or confidence with four digits: what lies behind is noise, and a float32's 0.8100000023841858 is ugly.
pub fn round(share: f32) -> f64 {
    (f64::from(share) * 1e4).round() / 1e4
}

/// A duration as a person says it: "0.8 s", "12 s", "3 min 20 s", "2 h 5 min".
pub fn display_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Where a file is written until it is whole: beside its place, its name with an ending more.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// Writes a file beside its place and moves it there when it is whole.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let unfinished = unfinished(path);
    std::fs::write(&unfinished, bytes).with_context(|| display_path(&unfinished))?;
    std::fs::rename(&unfinished, path).with_context(|| display_path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_newline_stays_on_one_line() {
        assert_eq!(display_path(Path::new("/m/a\nb\u{1b}[2J.mp3")), "/m/a\\nb\\u{1b}[2J.mp3");
        assert_eq!(display_path(Path::new(OsStr::from_bytes(b"/m/\xff\xc3\xa4.mp3"))), "/m/\\xffä.mp3");
    }

    #[test]
    fn json_carries_the_bytes_of_a_name_that_is_not_utf_8() {
        let json = |path| serde_json::to_string(&JsonPath::from(path)).unwrap();
        assert_eq!(json(Path::new(OsStr::from_bytes(b"/\xff"))), "{\"path\":\"/\u{fffd}\",\"path_hex\":\"2fff\"}");
        assert_eq!(json(Path::new("/ä")), r#"{"path":"/ä"}"#);
    }

    #[test]
    fn durations_read_like_speech() {
        let shown = |s| display_duration(Duration::from_secs_f64(s));
        assert_eq!(
            [shown(0.84), shown(42.9), shown(200.0), shown(7500.0)],
            ["0.8 s", "42 s", "3 min 20 s", "2 h 5 min"]
        );
    }
}
