//! What the service tells: lines for people, JSON lines, fields in the journal.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use common::service::{PATIENCE, Service, eventually};
use common::sound::{flac, tune, vorbis_comment};
use common::{Library, not_allowed};
use serde_json::Value;

/// A library whose service settles files within a second and logs in a format.
fn library(format: &str) -> Library {
    Library::with_config(&format!(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nsettle_seconds = 1\n\
         [log]\nformat = \"{format}\"\n"
    ))
}

fn song() -> Vec<u8> {
    flac(&tune(1, 22_050, 2.0), 22_050, &[vorbis_comment(&[])])
}

fn start(library: &Library) -> Service {
    Service::start_with(library, |command| {
        command.env_remove("RECLASSD_LOG").arg(library.music());
    })
}

#[test]
fn json_lines_hold_a_file_s_end_as_fields_whatever_its_name() {
    let library = library("json");
    library.put("good \"quoted\"\n.flac", &song());
    library.put(OsStr::from_bytes(b"odd \xff.flac"), b"no music");
    let service = start(&library);
    service.settled("both files", |status| status["counts"]["seen"] == 2);
    let log = service.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |status: &str| lines.iter().find(|line| line["status"] == status).unwrap();
    let tagged = of("tagged");
    assert!(tagged["path"].as_str().unwrap().ends_with("good \"quoted\"\n.flac"), "{tagged}");
    assert_eq!((&tagged["level"], &tagged["action"]), (&"INFO".into(), &"written".into()));
    assert!(
        tagged["genre"].is_string() && tagged["elapsed_ms"].is_u64() && tagged["timestamp"].is_string(),
        "{tagged}"
    );
    let confidence = tagged["confidence"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&confidence), "{tagged}");
    assert!(tagged.get("path_hex").is_none(), "{tagged}");
    let odd = of("skipped");
    assert!(odd["path_hex"].as_str().unwrap().ends_with("6f646420ff2e666c6163"), "{odd}");
    assert!(odd["reason"].is_string() && odd.get("genre").is_none(), "{odd}");
}

#[test]
fn a_line_for_people_is_one_line_and_says_it_once() {
    let library = library("human");
    library.put("two\nlines.flac", &song());
    let service = start(&library);
    service.settled("the file", |status| status["counts"]["seen"] == 1);
    let log = service.log();
    let line = log.lines().find(|line| line.contains("tagged")).unwrap();
    assert!(line.contains("two\\nlines.flac: tagged ") && !line.contains('='), "{line}");
}

#[test]
fn the_service_tells_of_files_and_the_commands_keep_quiet_unless_asked() {
    let library = library("human");
    library.put("song.flac", &song());
    let music = library.music();
    let scan = |variables: &[(&str, &str)]| {
        let mut command = library.command("scan");
        common::Run::of(command.arg("--dry-run").arg(&music).envs(variables.iter().copied())).stderr
    };
    assert!(!scan(&[]).contains("database: "));
    assert!(scan(&[("RUST_LOG", "info")]).contains("database: "));
    assert!(!scan(&[("RUST_LOG", "info"), ("RECLASSD_LOG", "error")]).contains("database: "));
    let wrong = common::Run::of(library.command("scan").arg(&music).env("RUST_LOG", "reclassd=loud")).expect_code(2);
    assert!(wrong.stderr.contains("$RUST_LOG"), "{}", wrong.stderr);
}

#[test]
fn what_a_decoder_complains_of_is_told_to_who_asks_and_with_the_file_s_name() {
    let library = library("human");
    let mut hurt = fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/aac.m4a")).unwrap();
    let sound = hurt.windows(4).position(|mark| mark == b"mdat").unwrap();
    let end = hurt.len() - 3000;
    hurt[sound + 2000..end].iter_mut().step_by(97).for_each(|byte| *byte ^= 0x5a);
    library.put("hurt.m4a", &hurt);
    let music = library.music();
    let scan = |level: Option<&str>| {
        let mut command = library.command("scan");
        command.args(["--dry-run", "--force"]).arg(&music).env_remove("RUST_LOG").env_remove("RECLASSD_LOG");
        common::Run::of(command.envs(level.map(|level| ("RECLASSD_LOG", level)))).stderr
    };
    let quiet = scan(None);
    assert!(!quiet.contains("ERROR") && !quiet.contains("symphonia"), "{quiet}");
    let told = scan(Some("error"));
    let line =
        told.lines().find(|line| line.contains("symphonia")).unwrap_or_else(|| panic!("nothing of it in {told}"));
    assert!(line.contains("hurt.m4a"), "{line}");
}

/// Fields of a message in the journal's protocol: `NAME=value` lines, or a name, eight bytes of length and the value.
fn fields(mut message: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut fields = BTreeMap::new();
    while let Some(end) = message.iter().position(|&byte| byte == b'\n') {
        let (line, rest) = (&message[..end], &message[end + 1..]);
        let (name, value, rest) = match line.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&line[..equals], &line[equals + 1..], rest),
            None => {
                let len = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
                (line, &rest[8..8 + len], &rest[8 + len + 1..])
            }
        };
        fields.insert(String::from_utf8(name.to_vec()).unwrap(), value.to_vec());
        message = rest;
    }
    fields
}

/// How a command gets a folder of ours in the place of the journal's socket.
fn with_own_run() -> Option<Command> {
    for options in ["-m", "-rm"] {
        let tried = Command::new("unshare").args([options, "mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            let mut command = Command::new("unshare");
            command.args([options, "sh", "-c"]);
            command.arg(
                "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \
                 mount --bind \"$JOURNAL_FOLDER\" /run/systemd/journal && exec \"$0\" \"$@\"",
            );
            return Some(command);
        }
    }
    None
}

#[test]
fn in_the_journal_a_file_s_end_is_found_by_its_fields() {
    let Some(mut command) = with_own_run() else {
        return not_allowed("logging", "unshare cannot put another journal in the place of the system's");
    };
    let library = library("human");
    let song_path = library.put(OsStr::from_bytes(b"song \xff.flac"), &song());
    let folder = library.root().join("journal");
    fs::create_dir(&folder).unwrap();
    let journal = UnixDatagram::bind(folder.join("socket")).unwrap();
    journal.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    // Standard error is this file, and the variable says that it is the journal.
    let log = library.root().join("service.log");
    let log = fs::File::create(&log).and_then(|file| file.metadata()).unwrap();
    let inner = library.command("watch");
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("JOURNAL_STREAM", format!("{}:{}", log.dev(), log.ino())).env("JOURNAL_FOLDER", &folder);
    command.arg(inner.get_program()).arg("watch").arg(library.music()).current_dir(library.root());
    let service = Service::of(&library, &mut command);
    let mut buffer = vec![0; 1 << 20];
    let found = eventually("the file in the journal", || {
        let len = journal.recv(&mut buffer).ok()?;
        let fields = fields(&buffer[..len]);
        (fields.get("STATUS")? == b"tagged").then_some(fields)
    });
    let text = |name: &str| String::from_utf8_lossy(&found[name]).into_owned();
    assert_eq!(text("PATH"), song_path.to_string_lossy());
    assert!(text("PATH_HEX").ends_with("ff2e666c6163"));
    assert!(!text("GENRE").is_empty());
    assert!(text("CONFIDENCE").parse::<f64>().unwrap() <= 1.0);
    assert!(text("ELAPSED_MS").parse::<u64>().unwrap() < PATIENCE.as_millis() as u64);
    assert_eq!((text("PRIORITY").as_str(), text("SYSLOG_IDENTIFIER").as_str()), ("6", "reclassd"));
    assert!(text("MESSAGE").contains("tagged"));
    assert_eq!(service.log(), "", "what goes to the journal is not said twice");
}
