//! Tracks that sound alike, and playlists, as a user sees them: a small library of synthesised sound is scanned once,
//! and everything else is asked of what the database remembers.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;
use std::sync::OnceLock;

use common::sound::{flac, tune, vorbis_comment, wav};
use common::{Library, Run};

const DESCRIBED: &str = "[tags]\nmin_confidence = 0.0\n[analysis]\ndescriptors = true\n";

/// Two tunes: the first as FLAC, as the same FLAC with other tags, and as WAV; the second twice in the same way.
fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Library::with_config(DESCRIBED);
        let tags =
            |artist: &str, title: &str| vorbis_comment(&[&format!("ARTIST={artist}"), &format!("TITLE={title}")]);
        let one = tune(1, 22_050, 6.0);
        library.put("one.flac", &flac(&one, 22_050, &[tags("Ana", "One")]));
        library.put("twins/one again.flac", &flac(&one, 22_050, &[tags("Ana", "One, again")]));
        library.put("twins/one.wav", &wav(&one, 22_050));
        library.put("two.flac", &flac(&tune(2, 22_050, 7.0), 22_050, &[tags("Bob", "Two")]));
        library.put("three.flac", &flac(&tune(9, 22_050, 8.0), 22_050, &[tags("Bob", "Three")]));
        library.scan(&["--dry-run"]).expect_code(0);
        library
    })
}

fn ask(library: &Library, command: &str, arguments: &[&str]) -> Run {
    library.run(command, arguments)
}

fn names(run: &Run) -> Vec<String> {
    let name = |path: &str| Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
    run.objects().iter().map(|object| name(object["path"].as_str().unwrap())).collect()
}

fn path(library: &Library, name: &str) -> String {
    library.music().join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_nearest_tracks_are_listed_without_copies_unless_copies_are_wanted() {
    let library = library();
    let one = path(library, "one.flac");
    let before = library.contents();
    let run = ask(library, "similar", &[&one, "--json"]).expect_code(0);
    let mut found = names(&run);
    let likeness: Vec<f64> = run.objects().iter().map(|object| object["likeness"].as_f64().unwrap()).collect();
    assert!(likeness.is_sorted_by(|a, b| a >= b) && likeness.iter().all(|x| (0.0..=1.0).contains(x)), "{likeness:?}");
    found.sort();
    assert_eq!(found, ["three.flac", "two.flac"], "neither itself nor the same sound in other files");
    let run = ask(library, "similar", &[&one, "--json", "--duplicates"]).expect_code(0);
    let found = names(&run);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found[..2].contains(&"one again.flac".to_owned()) && found[..2].contains(&"one.wav".to_owned()),
        "{found:?}"
    );
    let copies: Vec<bool> = run.objects().iter().map(|object| object["is_duplicate"].as_bool().unwrap()).collect();
    assert_eq!(copies, [true, true, false, false]);
    assert!(run.objects()[0]["likeness"].as_f64().unwrap() > 0.98);
    assert_eq!(ask(library, "similar", &[&one, "--json", "--limit", "1"]).expect_code(0).objects().len(), 1);
    let both = ask(library, "similar", &[&one, &path(library, "two.flac"), "--json"]).expect_code(0);
    assert_eq!(names(&both), ["three.flac"], "what lies between two is neither of them");
    assert_eq!(library.contents(), before, "no file of music is touched");
}

#[test]
fn a_file_that_the_database_does_not_know_is_listened_to_and_not_kept() {
    let library = library();
    let stranger = library.root().join("stranger.wav");
    std::fs::write(&stranger, wav(&tune(2, 22_050, 7.0), 22_050)).unwrap();
    let stranger = stranger.to_str().unwrap();
    let run = ask(library, "similar", &[stranger, "--json", "--duplicates"]).expect_code(0);
    assert_eq!(names(&run)[0], "two.flac");
    assert!(run.objects()[0]["is_duplicate"].as_bool().unwrap(), "the same recording in another encoding");
    assert!(run.stderr.contains("listened to"), "{}", run.stderr);
    assert_eq!(names(&ask(library, "similar", &[stranger, "--json", "--limit", "1"])).len(), 1);
    let database = rusqlite::Connection::open(library.database()).unwrap();
    let kept: i64 = database.query_row("SELECT count(*) FROM audio", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 4, "one recording a sound and an encoding, and the stranger none");
    let noise = library.root().join("noise.mp3");
    std::fs::write(&noise, b"no sound at all").unwrap();
    ask(library, "similar", &[noise.to_str().unwrap()]).expect_code(1);
    ask(library, "similar", &["/nowhere.mp3"]).expect_code(2);
}

#[test]
fn filters_leave_out_what_is_not_like_that() {
    let library = library();
    let one = path(library, "one.flac");
    let all = ask(library, "similar", &[&one, "--json"]).expect_code(0);
    let two = all.object("two.flac");
    let genre = two["genre"].as_str().unwrap();
    for object in ask(library, "similar", &[&one, "--json", "--genre", genre]).expect_code(0).objects() {
        assert_eq!(object["genre"].as_str(), Some(genre));
    }
    let none = ask(library, "similar", &[&one, "--json", "--bpm", "250..260"]).expect_code(0);
    assert!(none.objects().is_empty() && none.stderr.contains("descriptors"), "{}", none.stderr);
    if let Some(key) = two["descriptors"]["key"].as_str() {
        let found = ask(library, "similar", &[&one, "--json", "--key", key]).expect_code(0);
        assert!(names(&found).contains(&"two.flac".to_owned()));
        assert!(found.objects().iter().all(|object| object["descriptors"]["key"] == key));
    }
    for wrong in [["--bpm", "fast"], ["--key", "Q"], ["--limit", "0"]] {
        ask(library, "similar", &[&[one.as_str()], &wrong[..]].concat()).expect_code(2);
    }
}

#[test]
fn a_playlist_of_what_sounds_alike_leads_to_its_tracks() {
    let library = library();
    let lists = library.root().join("lists");
    std::fs::create_dir_all(&lists).unwrap();
    let list = lists.join("like one.m3u8");
    let one = path(library, "one.flac");
    let arguments = [one.as_str(), "--m3u8", list.to_str().unwrap()];
    ask(library, "similar", &arguments).expect_code(0);
    let text = std::fs::read_to_string(&list).unwrap();
    assert!(text.starts_with("#EXTM3U\n#RECLASSD:similar to "), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("../music/") && lists.join(line).exists(), "{line}");
    }
    assert!(text.contains(",Bob - Two\n"), "{text}");
    let again = ask(library, "similar", &arguments).expect_code(0);
    assert!(again.stderr.contains("unchanged"), "{}", again.stderr);
    std::fs::write(&list, "mine.mp3\n").unwrap();
    let refused = ask(library, "similar", &arguments).expect_code(2);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&list).unwrap(), "mine.mp3\n");
}

#[test]
fn the_atlas_may_be_deleted_or_damaged_and_is_made_again() {
    let library = Library::with_config(DESCRIBED);
    let one = library.put("one.flac", &flac(&tune(1, 22_050, 5.0), 22_050, &[]));
    let one = one.to_str().unwrap();
    let empty = ask(&library, "similar", &[one]).expect_code(2);
    assert!(empty.stderr.contains("no track was analysed yet"), "{}", empty.stderr);
    library.scan(&["--dry-run"]).expect_code(0);
    let alone = ask(&library, "similar", &[one]).expect_code(0);
    assert!(alone.stderr.contains("knows one recording"), "{}", alone.stderr);
    let atlas = library.database().with_file_name("reclassd.db.atlas");
    let whole = std::fs::read(&atlas).unwrap();
    library.put("two.flac", &flac(&tune(2, 22_050, 6.5), 22_050, &[]));
    library.scan(&["--dry-run"]).expect_code(0);
    let listed = || names(&ask(&library, "similar", &[one, "--json"]).expect_code(0));
    assert_eq!(listed(), ["two.flac"], "what was scanned since is there");
    for damaged in [&b"not an atlas"[..], b"", &whole[..whole.len() - 1], &whole[..40]] {
        std::fs::write(&atlas, damaged).unwrap();
        assert_eq!(listed(), ["two.flac"]);
    }
    std::fs::remove_file(&atlas).unwrap();
    assert_eq!(listed(), ["two.flac"]);
    std::fs::remove_file(library.music().join("two.flac")).unwrap();
    library.scan(&["--dry-run"]).expect_code(0);
    assert_eq!(listed(), [""; 0], "what is gone is not listed");
    // A database without what the models said.
    let database = rusqlite::Connection::open(library.database()).unwrap();
    database.execute_batch("DELETE FROM feature; DELETE FROM score").unwrap();
    std::fs::remove_file(&atlas).unwrap();
    let forgotten = ask(&library, "similar", &[one]).expect_code(2);
    assert!(forgotten.stderr.contains("scan --force"), "{}", forgotten.stderr);
}

#[test]
fn tracks_are_chosen_by_a_question_and_kept_in_a_playlist() {
    let library = library();
    let chosen = |question: &str| names(&ask(library, "playlist", &["--json", "--where", question]).expect_code(0));
    assert_eq!(chosen("artist = bob"), ["three.flac", "two.flac"], "by path");
    assert_eq!(chosen("title ~ again or path ~ '.wav'"), ["one again.flac", "one.wav"]);
    assert_eq!(chosen("duration > 6.2 and duration < 0:08"), ["two.flac"]);
    assert_eq!(chosen("").len(), 5);
    assert!(chosen("artist unknown").contains(&"one.wav".to_owned()));
    let ordered = ask(library, "playlist", &["--json", "--order", "-duration", "--limit", "2"]).expect_code(0);
    assert_eq!(names(&ordered), ["three.flac", "two.flac"]);
    let wrong = ask(library, "playlist", &["--where", "artist = Bob und title = Two"]).expect_code(2);
    assert!(wrong.stderr.contains("(character 14)"), "{}", wrong.stderr);
    let list = library.root().join("bob.m3u8");
    let arguments = ["--where", "artist = Bob", "-o", list.to_str().unwrap()];
    ask(library, "playlist", &arguments).expect_code(0);
    let text = std::fs::read_to_string(&list).unwrap();
    let expected = "#EXTM3U\n#RECLASSD:artist = Bob\n#EXTINF:8,Bob - Three\n./music/three.flac\n#EXTINF:7,Bob - Two\n./music/two.flac\n";
    assert_eq!(text, expected);
    assert!(ask(library, "playlist", &arguments).expect_code(0).stderr.contains("unchanged"));
    let fields = ask(library, "playlist", &["--fields"]).expect_code(0).stdout;
    for field in ["genre", "bpm", "key", "energy", "mood", "added"] {
        assert!(fields.lines().any(|line| line.starts_with(field)), "{fields}");
    }
}
