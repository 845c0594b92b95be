//! What a real library throws at a scan: each ends in a clear line (what, where, why, what to do), and nothing is lost.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};

fn song(seed: u32) -> Vec<u8> {
    flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(&[])])
}

/// Scans, and checks that this one file got this status with these words in its reason, and that it is untouched.
#[track_caller]
fn expect_untouched(library: &Library, name: &str, code: i32, status: &str, words: &[&str]) {
    let before = library.contents();
    let run = library.scan(&[]).expect_code(code);
    assert_eq!(run.field(name, "status"), status);
    let reason = run.field(name, "reason");
    for word in words {
        assert!(reason.contains(word), "{word} is missing in: {reason}");
    }
    let path = library.music().join(name);
    assert_eq!(library.contents().get(&path), before.get(&path));
}

#[test]
fn an_empty_file_is_skipped() {
    let library = Library::new();
    library.put("empty.mp3", b"");
    expect_untouched(&library, "empty.mp3", 0, "skipped", &["empty"]);
}

#[test]
fn text_renamed_to_mp3_is_skipped() {
    let library = Library::new();
    library.put("notes.mp3", "These are the notes of the meeting.\n".repeat(200).as_bytes());
    expect_untouched(&library, "notes.mp3", 0, "skipped", &[]);
}

#[test]
fn a_half_copied_file_is_skipped_and_taken_once_it_is_whole() {
    let library = Library::new();
    let whole = song(1);
    library.put("song.flac", &whole[..whole.len() / 2]);
    expect_untouched(&library, "song.flac", 0, "skipped", &[]);
    library.put("song.flac", &whole);
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "status"), "tagged");
}

#[test]
fn a_skipped_file_is_not_tried_again_until_it_changes() {
    let library = Library::new();
    library.put("notes.mp3", "text ".repeat(500).as_bytes());
    library.scan(&[]).expect_code(0);
    let again = library.scan(&[]).expect_code(0);
    assert_eq!(
        (again.field("notes.mp3", "status"), again.field("notes.mp3", "action")),
        ("skipped".into(), "unchanged".into())
    );
    assert_ne!(again.field("notes.mp3", "reason"), "null");
}

#[test]
fn one_bad_file_does_not_keep_the_others_from_their_genre() {
    let library = Library::new();
    library.put("a.mp3", b"\xff\xfb\x90\x00 not much of an MP3");
    library.put("b.flac", &song(1));
    library.put("c.wv", b"wvpk and then nothing of use");
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.objects().len(), 3);
    assert_eq!(run.field("b.flac", "status"), "tagged");
    assert!(run.field("c.wv", "reason").contains("WavPack"));
}

#[test]
fn names_that_are_not_utf_8_or_hold_a_newline_are_tagged_and_shown_on_one_line() {
    let library = Library::new();
    library.put(OsStr::from_bytes(b"\xff\xfe.flac"), &song(1));
    library.put("two\nlines.flac", &song(2));
    let json = library.scan(&["--dry-run"]).expect_code(0);
    assert_eq!(json.objects().len(), 2);
    assert!(
        json.objects()
            .iter()
            .any(|object| object["path_hex"].as_str().is_some_and(|hex| hex.ends_with("fffe2e666c6163")))
    );
    let run = library.run("scan", &[library.music().to_str().unwrap()]).expect_code(0);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("tagged")).count(), 2, "{}", run.stdout);
    assert!(run.stdout.contains("two\\nlines.flac") && run.stdout.contains("\\xff\\xfe.flac"), "{}", run.stdout);
}

#[test]
fn a_link_loop_is_named_and_the_rest_is_scanned() {
    let library = Library::new();
    library.put("a/song.flac", &song(1));
    symlink(library.music(), library.music().join("a/loop")).unwrap();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "tagged");
    assert_eq!(run.field("a/loop", "status"), "skipped");
    assert!(run.field("a/loop", "reason").contains("leads back"));
}

#[test]
fn a_link_to_a_song_stays_a_link_and_the_song_is_tagged_once() {
    let library = Library::new();
    let song = library.put("store/song.flac", &song(1));
    let link = library.music().join("link.flac");
    symlink(&song, &link).unwrap();
    library.scan(&["--jobs", "1"]).expect_code(0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let tagged = std::fs::read(&song).unwrap();
    assert_eq!(
        tagged.windows(6).filter(|window| window == b"GENRE=").count(),
        2,
        "GENRE and RECLASSD_GENRE, once each"
    );
}

#[test]
fn a_read_only_file_is_refused_with_a_way_out() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let run = library.scan(&[]).expect_code(1);
    assert_eq!(run.field("song.flac", "status"), "failed");
    let reason = run.field("song.flac", "reason");
    assert!(reason.contains("read-only") && reason.contains("chmod"), "{reason}");
    assert!(run.object("song.flac")["genre"].is_string(), "it is analysed all the same");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        library.scan(&[]).expect_code(0).field("song.flac", "action"),
        "written",
        "once it may be written, it is"
    );
}

#[test]
fn a_file_with_two_names_is_left_alone_and_said_so() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1));
    std::fs::hard_link(&path, library.root().join("seeding.flac")).unwrap();
    expect_untouched(&library, "song.flac", 0, "skipped", &["hard link"]);
    // As long as nothing changes, a seeding library costs the next scan nothing.
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "unchanged");
    std::fs::remove_file(library.root().join("seeding.flac")).unwrap();
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn an_unreadable_folder_fails_and_the_rest_is_scanned() {
    let library = Library::new();
    library.put("song.flac", &song(1));
    library.put("private/secret.flac", &song(2));
    let private = library.music().join("private");
    let mut command = library.command("scan");
    command.arg("--json").arg(library.music());
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        // Root may read anything: the scan runs as nobody, who gets the library for its own.
        const NOBODY: u32 = 65_534;
        for entry in walkdir::WalkDir::new(library.root()) {
            std::os::unix::fs::chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command.uid(NOBODY).gid(NOBODY);
        let mut probe = Command::new(env!("CARGO_BIN_EXE_reclassd"));
        if !probe.arg("--version").uid(NOBODY).gid(NOBODY).output().is_ok_and(|output| output.status.success()) {
            common::skipped(
                "an_unreadable_folder_fails_and_the_rest_is_scanned",
                "nobody may not run the program here",
            );
            return;
        }
    }
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o000)).unwrap();
    let run = Run::of(&mut command);
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = run.expect_code(1);
    assert_eq!(run.field("song.flac", "status"), "tagged");
    assert_eq!(run.field("private", "status"), "failed");
    assert!(run.field("private", "reason").contains("permission denied"));
}

#[test]
fn a_disk_that_fills_up_during_a_write_costs_nothing() {
    let library = Library::new();
    let samples = tune(1, 44_100, 24.0);
    // No padding: a new genre makes the file longer, and the whole of it, 2 MB, is written anew.
    let path = library.put("song.flac", &flac(&samples, 44_100, &[vorbis_comment(&[])]));
    let before = library.contents();
    let scan = library.command("scan");
    // Files may grow to 1 MiB (2048 blocks): the database fits, the copy of the song does not. The ignored signal is
    // inherited, so that the write gets an error as it does on a full disk.
    let mut command = Command::new("sh");
    command.env_clear().envs(scan.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" scan --json \"$1\""]);
    command.arg(env!("CARGO_BIN_EXE_reclassd")).arg(library.music());
    let run = Run::of(&mut command).expect_code(1);
    let report = run.object("song.flac");
    assert_eq!(report["status"], "failed", "{report}");
    assert!(report["genre"].is_string());
    assert_eq!(library.contents(), before, "the old file, and no temporary one");
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "action"), "written");
    assert_ne!(std::fs::read(&path).unwrap(), before[&path]);
}

#[test]
fn a_locked_database_stops_the_scan_with_a_clear_line_and_touches_no_file() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\n[database]\nbusy_timeout_seconds = 1\n");
    library.put("song.flac", &song(1));
    library.scan(&["--dry-run"]).expect_code(0);
    let before = library.contents();
    let other = rusqlite::Connection::open(library.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = library.scan(&[]).expect_code(1);
    assert!(run.stderr.contains("locked") && run.stderr.contains("reclassd.db"), "{}", run.stderr);
    assert_eq!(library.contents(), before);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn a_database_that_is_something_else_is_left_alone() {
    let library = Library::new();
    library.put("song.flac", &song(1));
    let other = library.root().join("notes.db");
    std::fs::write(&other, "not a database ".repeat(100)).unwrap();
    let run = library.scan(&["--database", other.to_str().unwrap()]).expect_code(2);
    assert!(run.stderr.contains("notes.db"), "{}", run.stderr);
    assert_eq!(std::fs::read(&other).unwrap(), "not a database ".repeat(100).as_bytes());
}

#[test]
fn a_stopped_scan_leaves_whole_files_and_goes_on_where_it_was() {
    let library = Library::new();
    for seed in 0..24 {
        library.put(format!("{seed:02}.flac"), &song(seed));
    }
    let mut child = library
        .command("scan")
        .args(["--json", "--jobs", "1"])
        .arg(library.music())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The first report is there: the scan is in the midst of its work.
    let mut first = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut first).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stdout, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The last line is the sum.
    let done = 1 + rest.lines().filter(|line| line.contains("\"path\"")).count();
    assert!(done < 24, "the scan was done before the signal came");
    assert!(library.contents().keys().all(|path| path.extension() == Some(OsStr::new("flac"))), "no temporary file");
    let run = library.scan(&[]).expect_code(0);
    let unchanged = run.objects().iter().filter(|object| object["action"] == "unchanged").count();
    assert!(unchanged >= done && unchanged < 24, "{unchanged} of {done}");
    assert!(run.objects().iter().all(|object| object["status"] == "tagged"));
}
