//! `reclassd tag`, `undo` and `history` as an owner uses them, beside scans that must obey.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use fixtures::{
    adts_frames, aiff, ape_item, ape_tag, asf, comments, dsdiff, dsf, id3v2, mp4, mpeg_frames, optim_frog, tak, text,
    true_audio, wav, wavpack_blocks,
};
use serde_json::Value;

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(comments)])
}

fn show(library: &Library, path: &Path) -> Value {
    let run = library.run("tag", &["--show", "--json", path.to_str().unwrap()]).expect_code(0);
    run.objects().remove(0)
}

fn genre(library: &Library, path: &Path) -> Vec<String> {
    strings(&show(library, path)["genre"])
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn in_folder(library: &Library, subcommand: &str, arguments: &[&str]) -> Run {
    let music = library.music();
    Run::of(library.command(subcommand).args(arguments).arg(music))
}

/// A file of every kind that can be tagged by hand, decodable or not.
fn every_container(library: &Library) -> Vec<PathBuf> {
    let title = text(3, "TIT2", "Title");
    let ape = [wavpack_blocks(), ape_tag(&[ape_item("Title", b"T", 0)])].concat();
    vec![
        library.put("padded.mp3", &[id3v2(3, 0, &title, 900), mpeg_frames(40)].concat()),
        library.put("bare.mp3", &mpeg_frames(40)),
        library.put("both.mp3", &[mpeg_frames(40), ape_tag(&[ape_item("Genre", b"Old", 0)])].concat()),
        library.put("x.flac", &fixtures::flac(&[comments(&[b"TITLE=T", b"genre=Old"])])),
        library.put("x.wv", &ape),
        library.put("x.wav", &wav(&[], &[3; 801], &[])),
        library.put("x.aiff", &aiff(&[], &[3; 801], &[])),
        library.put("x.m4a", &mp4(&[], true, false)),
        library.put("x.aac", &adts_frames(40)),
        library.put("x.tta", &true_audio()),
        library.put("x.tak", &tak()),
        library.put("x.wma", &asf(&[])),
        library.put("x.dsf", &dsf(&[])),
        library.put("x.dff", &dsdiff(&[], &[])),
        library.put("x.ofr", &optim_frog()),
    ]
}

#[test]
fn a_genre_that_the_owner_chose_is_in_the_file_and_no_scan_touches_it() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n");
    let path = library.put("song.flac", &song(1, &["TITLE=One"]));
    library.scan(&[]).expect_code(0);
    assert_ne!(genre(&library, &path), ["Zydeco"]);
    let run = library.run("tag", &["--genre", "Zydeco", "--genre", "Blues", path.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("→ \"Zydeco\" + \"Blues\"") && run.stdout.contains("1 tagged"), "{}", run.stdout);
    let shown = show(&library, &path);
    assert_eq!(strings(&shown["genre"]), ["Zydeco", "Blues"]);
    assert_eq!(shown["owners_choice"], shown["genre"]);
    assert!(
        shown["fields"].as_array().unwrap().iter().all(|field| field["field"] == "GENRE"),
        "ours are gone: {shown}"
    );
    let before = library.contents();
    for arguments in [&[][..], &["--force"]] {
        let run = library.scan(arguments).expect_code(0);
        assert_eq!(run.field("song.flac", "status"), "kept");
        assert!(run.field("song.flac", "reason").contains("its owner chose"), "{}", run.stdout);
    }
    assert_eq!(library.contents(), before);
    // Until the owner says otherwise.
    let run = library.run("tag", &["--forget", path.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("1 forgotten"), "{}", run.stdout);
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn the_choice_goes_with_a_file_that_is_moved_and_not_to_another_in_its_place() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n");
    let path = library.put("song.flac", &song(1, &[]));
    library.run("tag", &["--genre", "Zydeco", path.to_str().unwrap()]).expect_code(0);
    let moved = library.music().join("Artist/song.flac");
    std::fs::create_dir(moved.parent().unwrap()).unwrap();
    std::fs::rename(&path, &moved).unwrap();
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "status"), "kept");
    assert_eq!(genre(&library, &moved), ["Zydeco"]);
    library.put("Artist/song.flac", &song(2, &["GENRE=Other people's"]));
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn every_container_is_tagged_and_taken_back_field_by_field() {
    let library = Library::new();
    let paths = every_container(&library);
    let before: Vec<Value> = paths.iter().map(|path| show(&library, path)).collect();
    let run = in_folder(&library, "tag", &["--genre", "Free-Folk", "--genre", "Blues"]).expect_code(0);
    assert!(run.stdout.contains(&format!("{} tagged", paths.len())), "{}", run.stdout);
    for path in &paths {
        assert_eq!(genre(&library, path), ["Free-Folk", "Blues"], "{}", path.display());
    }
    let again = in_folder(&library, "tag", &["--genre", "Free-Folk", "--genre", "Blues"]).expect_code(0);
    assert!(again.stdout.contains(&format!("0 tagged, {} unchanged, 0 failed", paths.len())), "{}", again.stdout);
    in_folder(&library, "undo", &[]).expect_code(0);
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(show(&library, path)["fields"], before["fields"], "{}", path.display());
    }
    // A file that had no tag at all is the very same file again.
    assert_eq!(std::fs::read(&paths[1]).unwrap(), mpeg_frames(40));
}

/// The MD5 of what ffmpeg plays of a file.
fn played(path: &Path) -> Option<Vec<u8>> {
    let mut command = Command::new("ffmpeg");
    let output = command.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:a", "-f", "md5", "-"]).output().ok()?;
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn what_is_not_analysed_is_tagged_sounds_the_same_and_is_the_same_file_after_the_undo() {
    let library = Library::new();
    let fixture =
        |name| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap();
    let kinds = [
        ("x.tta", fixture("refused.tta"), "TTA"),
        ("x.wma", fixture("refused.wma"), "Windows Media"),
        ("x.dsf", dsf(&[]), "DSF"),
        ("tagged.dsf", dsf(&id3v2(3, 0, &text(3, "TIT2", "Title"), 5)), "DSF"),
        ("x.dff", dsdiff(&[], &[]), "DSDIFF"),
    ];
    let paths: Vec<PathBuf> = kinds.iter().map(|(name, bytes, _)| library.put(name, bytes)).collect();
    let sound: Vec<_> = paths.iter().map(|path| played(path)).collect();
    if sound.contains(&None) {
        common::skipped("what_is_not_analysed_is_tagged_sounds_the_same", "there is no ffmpeg");
    }
    let before = library.contents();
    in_folder(&library, "tag", &["--genre", "Free-Folk", "--genre", "Blues"]).expect_code(0);
    for (path, sound) in paths.iter().zip(&sound) {
        assert_eq!(genre(&library, path), ["Free-Folk", "Blues"], "{}", path.display());
        assert_eq!(played(path), *sound, "{}", path.display());
    }
    let tagged = library.contents();
    let scan = library.scan(&[]).expect_code(0);
    for (name, _, words) in &kinds {
        assert_eq!(scan.field(name, "status"), "skipped");
        assert!(scan.field(name, "reason").contains(words), "{}", scan.field(name, "reason"));
    }
    assert_eq!(library.contents(), tagged, "a scan leaves them alone");
    in_folder(&library, "undo", &[]).expect_code(0);
    assert_eq!(library.contents(), before);
}

#[test]
fn a_dry_run_of_tag_or_undo_touches_nothing() {
    let library = Library::new();
    every_container(&library);
    let before = library.contents();
    let run = in_folder(&library, "tag", &["--genre", "Jazz", "--dry-run", "--json"]).expect_code(0);
    assert_eq!(run.objects().len(), before.len());
    assert!(run.objects().iter().all(|object| object["action"] == "would-write"), "{}", run.stdout);
    assert_eq!(library.contents(), before);
    in_folder(&library, "tag", &["--genre", "Jazz"]).expect_code(0);
    let tagged = library.contents();
    let run = library.run("undo", &["--all", "--dry-run", "--json"]).expect_code(0);
    assert!(run.objects().iter().all(|object| object["action"] == "would-write"), "{}", run.stdout);
    assert_eq!(run.objects().len(), before.len());
    assert_eq!(library.contents(), tagged);
}

#[test]
fn what_was_taken_back_does_not_come_again_by_itself() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &["TITLE=One"]));
    library.scan(&[]).expect_code(0);
    assert_eq!(genre(&library, &path).len(), 1);
    let run = library.run("undo", &["--all"]).expect_code(0);
    assert!(run.stdout.contains("1 undone"), "{}", run.stdout);
    let shown = show(&library, &path);
    assert_eq!((strings(&shown["genre"]).len(), shown["fields"].as_array().unwrap().len()), (0, 0));
    let before = library.contents();
    let run = library.scan(&["--force"]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "kept");
    assert!(run.field("song.flac", "reason").contains("owner took our genre back"), "{}", run.stdout);
    assert_eq!(library.contents(), before);
    library.run("tag", &["--forget", path.to_str().unwrap()]).expect_code(0);
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
    // And an owner's own choice that is taken back leaves what the scans had made of it.
    let ours = genre(&library, &path);
    library.run("tag", &["--genre", "Zydeco", path.to_str().unwrap()]).expect_code(0);
    library.run("undo", &[path.to_str().unwrap()]).expect_code(0);
    let shown = show(&library, &path);
    assert_eq!((strings(&shown["genre"]), &shown["genre_is_ours"]), (ours, &Value::Bool(true)));
    assert_eq!(
        library.scan(&["--force"]).expect_code(0).field("song.flac", "status"),
        "tagged",
        "it is the scans' again"
    );
}

#[test]
fn an_owner_who_takes_a_second_choice_back_keeps_the_first() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n");
    let path = library.put("song.flac", &song(1, &[]));
    for name in ["Zydeco", "Polka"] {
        library.run("tag", &["--genre", name, path.to_str().unwrap()]).expect_code(0);
    }
    library.run("undo", &[path.to_str().unwrap()]).expect_code(0);
    assert_eq!(library.scan(&["--force"]).expect_code(0).field("song.flac", "status"), "kept");
    assert_eq!(genre(&library, &path), ["Zydeco"]);
}

#[test]
fn another_recording_that_took_the_files_place_is_left_alone() {
    let library = Library::new();
    let path = library.put("01.flac", &song(1, &["GENRE=Old"]));
    library.run("tag", &["--genre", "Jazz", path.to_str().unwrap()]).expect_code(0);
    // A new rip under the same name, which its owner tagged elsewhere, by chance the same.
    let other = song(2, &["GENRE=Jazz"]);
    library.put("01.flac", &other);
    let run = library.run("undo", &["--all"]).expect_code(1);
    assert!(run.stdout.contains("holds other audio"), "{}", run.stdout);
    assert_eq!(std::fs::read(&path).unwrap(), other);
}

#[test]
fn a_moved_library_is_known_behind_the_link_in_its_place() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n");
    let path = library.put("Album/song.flac", &song(1, &[]));
    library.run("tag", &["--genre", "Zydeco", path.to_str().unwrap()]).expect_code(0);
    let (old, new) = (library.music().join("Album"), library.root().join("big disk"));
    std::fs::rename(&old, &new).unwrap();
    std::os::unix::fs::symlink(&new, &old).unwrap();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("song.flac", "status"), "kept", "{}", run.stdout);
    let run = library.run("undo", &[new.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("1 undone"), "{}", run.stdout);
}

#[test]
fn undo_goes_back_one_write_or_all_or_to_a_moment() {
    let library = Library::new();
    let path = library.put("x.flac", &fixtures::flac(&[comments(&[b"GENRE=Old"])]));
    let tag = |name: &str| library.run("tag", &["--genre", name, path.to_str().unwrap()]).expect_code(0);
    let undo = |arguments: &[&str]| library.run("undo", arguments).expect_code(0);
    for name in ["One", "Two", "Three"] {
        tag(name);
    }
    undo(&[path.to_str().unwrap()]);
    assert_eq!(genre(&library, &path), ["Two"]);
    undo(&[path.to_str().unwrap()]);
    assert_eq!(genre(&library, &path), ["One"]);
    tag("Four");
    undo(&["--all", path.to_str().unwrap()]);
    assert_eq!(genre(&library, &path), ["Old"]);
    assert!(undo(&[path.to_str().unwrap()]).stdout.contains("1 with nothing to take back"));
    tag("Five");
    undo(&["--since", "1h"]);
    assert_eq!(genre(&library, &path), ["Old"]);
    assert!(undo(&["--since", "2999-01-01"]).stdout.contains("0 undone"));
    let past = library.run("history", &["--json", path.to_str().unwrap()]).expect_code(0).objects();
    let told: Vec<(&str, &str)> =
        past.iter().map(|past| (past["cause"].as_str().unwrap(), past["state"].as_str().unwrap())).collect();
    let (undone, undo) = (("tag", "undone"), ("undo", "written"));
    assert_eq!(told, [undone, undone, undone, undo, undo, undone, undo, undone, undo]);
    let run = library.run("history", &[path.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("tag   Old → One  (taken back)"), "{}", run.stdout);
}

#[test]
fn a_genre_that_somebody_changed_since_stays_and_the_undo_says_so() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &["TITLE=One"]));
    library.scan(&[]).expect_code(0);
    // Another program writes its own genre and leaves our fields.
    let state = show(&library, &path);
    let ours = strings(&state["genre"])[0].clone();
    let theirs = song(1, &["TITLE=Two", "GENRE=Zydeco", &format!("RECLASSD_GENRE={ours}")]);
    std::fs::write(&path, theirs).unwrap();
    let run = library.run("undo", &[path.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("somebody wrote the genre Zydeco since: that stays"), "{}", run.stdout);
    let shown = show(&library, &path);
    assert_eq!(strings(&shown["genre"]), ["Zydeco"]);
    assert_eq!(shown["fields"].as_array().unwrap().len(), 1, "our own fields are gone: {shown}");
}

#[test]
fn a_file_that_was_moved_is_taken_back_where_it_is_now_and_one_that_is_gone_is_named() {
    let library = Library::new();
    let (song, ape) = (library.put("song.flac", &song(1, &[])), library.put("x.wv", &wavpack_blocks()));
    in_folder(&library, "tag", &["--genre", "Jazz"]).expect_code(0);
    for path in [&song, &ape] {
        let moved = library.root().join(path.file_name().unwrap());
        std::fs::rename(path, &moved).unwrap();
        let run = library.run("undo", &[moved.to_str().unwrap()]).expect_code(0);
        assert!(run.stdout.contains("1 undone"), "{}", run.stdout);
        assert!(genre(&library, &moved).is_empty());
        let told = library.run("history", &[moved.to_str().unwrap()]).expect_code(0).stdout;
        assert!(told.contains("taken back"), "its history came along: {told}");
    }
    // A whole folder, which the journal knows by its old name.
    let album = library.put("Album/song.flac", &crate::song(3, &[]));
    library.run("tag", &["--genre", "Jazz", album.to_str().unwrap()]).expect_code(0);
    let renamed = library.music().join("Album (1999)");
    std::fs::rename(album.parent().unwrap(), &renamed).unwrap();
    let run = library.run("undo", &[renamed.to_str().unwrap()]).expect_code(0);
    assert!(run.stdout.contains("1 undone"), "{}", run.stdout);
    let gone = library.put("gone.wv", &wavpack_blocks());
    library.run("tag", &["--genre", "Jazz", gone.to_str().unwrap()]).expect_code(0);
    std::fs::remove_file(&gone).unwrap();
    let run = library.run("undo", &["--all"]).expect_code(1);
    assert!(run.stdout.contains("is not there: deleted, moved"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_tagged_is_named_with_its_reason_and_the_rest_is_done() {
    let library = Library::new();
    let paths = every_container(&library);
    library.put("broken.flac", b"fLaC\0\0\0\x22");
    let run = in_folder(&library, "tag", &["--genre", "Jazz"]).expect_code(1);
    assert!(run.stdout.contains("broken.flac: not tagged: truncated"), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("{} tagged, 1 failed", paths.len())), "{}", run.stdout);
}

#[test]
fn wrong_use_is_answered_with_what_would_be_right() {
    let library = Library::new();
    let path = library.put("bare.mp3", &mpeg_frames(40));
    let path = path.to_str().unwrap();
    for (subcommand, arguments, words) in [
        ("tag", &["--genre", " ", path][..], "needs a name"),
        ("tag", &[path], "--genre"),
        ("tag", &["--genre", "Jazz", "/nowhere/x.mp3"], "/nowhere/x.mp3"),
        ("undo", &[], "--since TIME or --all"),
        ("undo", &["--since", "soon"], "is no moment"),
    ] {
        let run = library.run(subcommand, arguments).expect_code(2);
        assert!(run.stderr.contains(words), "{subcommand} {arguments:?}: {}", run.stderr);
    }
    let run = library.run("tag", &["--genre", "Pop/Rock", path]).expect_code(0);
    assert!(run.stderr.contains("take \"Pop/Rock\" apart"), "{}", run.stderr);
}

#[test]
fn mutagen_reads_what_tag_wrote_and_nothing_of_it_after_the_undo() {
    const TEST: &str = "mutagen_reads_what_tag_wrote_and_nothing_of_it_after_the_undo";
    const SCRIPT: &str = "import sys, mutagen\n\
        for path in sys.argv[1:]:\n    file = mutagen.File(path, easy=True)\n    tags = file.tags or {}\n\
        \x20   print('|'.join(next((list(map(str, tags[k])) for k in tags.keys() if k.lower() == 'genre'), [])))";
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let read = |paths: &[PathBuf]| {
        let output = Command::new(&python).args(["-c", SCRIPT]).args(paths).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    let library = Library::new();
    let paths = every_container(&library);
    // These have no "easy" view in mutagen; the readers' tests look at those.
    let paths: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| {
            !["wav", "aiff", "aac", "dsf", "dff", "wma"].contains(&path.extension().unwrap().to_str().unwrap())
        })
        .collect();
    if !Command::new(&python).args(["-c", "import mutagen"]).output().is_ok_and(|out| out.status.success()) {
        common::skipped(TEST, &format!("{python} has no mutagen"));
        return;
    }
    let before = read(&paths).unwrap();
    in_folder(&library, "tag", &["--genre", "Free-Folk", "--genre", "Blues"]).expect_code(0);
    let tagged = read(&paths).unwrap();
    for line in tagged.lines() {
        assert!(["Free-Folk|Blues", "Free-Folk/Blues"].contains(&line), "{tagged}");
    }
    library.run("undo", &["--all"]).expect_code(0);
    assert_eq!(read(&paths).unwrap(), before);
}
