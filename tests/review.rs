//! `reclassd review` for scripts: filters, `accept`, `set`, `reject`, and that nothing but what waits is ever meant by
//! a folder.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use rusqlite::Connection;

const UNSURE: &str = "[tags]\nmin_confidence = 1.0\n";

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 4.0), 22_050, &[vorbis_comment(comments)])
}

/// Three songs that wait, and one that has a genre of somebody's.
fn library() -> Library {
    let library = Library::with_config(UNSURE);
    library.put("A/1.flac", &song(1, &[]));
    library.put("A/2.flac", &song(2, &[]));
    library.put("A/theirs.flac", &song(3, &["GENRE=Krautrock"]));
    library.put("B/3.flac", &song(4, &[]));
    library.scan(&[]).expect_code(0);
    library
}

fn names(run: &Run) -> Vec<String> {
    let path = |object: &serde_json::Value| object["path"].as_str().unwrap().to_owned();
    let name = |path: String| Path::new(&path).file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = run.objects().iter().map(path).map(name).collect();
    names.sort();
    names
}

fn waiting(library: &Library, arguments: &[&str]) -> Vec<String> {
    names(&Run::of(library.command("review").arg("--json").args(arguments)).expect_code(0))
}

fn genre(library: &Library, name: &str) -> serde_json::Value {
    let path = library.music().join(name);
    library.run("tag", &["--show", "--json", path.to_str().unwrap()]).expect_code(0).objects()[0]["genre"].clone()
}

#[test]
fn filters_say_which_files_a_review_is_of() {
    let library = library();
    assert_eq!(waiting(&library, &[]), ["1", "2", "3"]);
    assert_eq!(waiting(&library, &["--path", "music/A"]), ["1", "2"]);
    assert_eq!(waiting(&library, &["--path", "music/B/3.flac"]), ["3"]);
    assert_eq!(waiting(&library, &["--above", "0"]), ["1", "2", "3", "theirs"], "every analysed file");
    assert_eq!(waiting(&library, &["--above", "1"]).len() + waiting(&library, &["--below", "1"]).len(), 4);
    assert!(waiting(&library, &["--tagged"]).is_empty() && waiting(&library, &["--not-music"]).is_empty());
    assert_eq!(waiting(&library, &["--added-since", "1h"]).len(), 3);
    assert!(waiting(&library, &["--added-since", "2100-01-01"]).is_empty());
    let first = library.run("review", &["--json", "--sort", "path"]).objects()[0].clone();
    let guess = first["genre"].as_str().unwrap();
    assert!(waiting(&library, &["--genre", &guess.to_uppercase()]).contains(&"1".to_owned()));
    assert!(waiting(&library, &["--genre", "Zeuhl"]).is_empty());
    let differing = waiting(&library, &["--disagree"]);
    let noted = library.run("review", &["--json"]).objects();
    let noted = noted.iter().filter(|object| object["models_differ"] == true).count();
    assert_eq!(differing.len(), noted);
    let all = |arguments: &[&str]| {
        let run = Run::of(library.command("review").args(["--json", "--sort"]).args(arguments)).expect_code(0);
        run.objects().iter().map(|object| object["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for order in ["worth", "confidence", "path", "date"] {
        let (forwards, mut backwards) = (all(&[order]), all(&[order, "--reverse"]));
        backwards.reverse();
        assert_eq!(forwards, backwards, "{order}");
    }
    for wrong in [&["--above", "7"][..], &["--tagged", "--not-music"], &["--added-since", "soon"], &["--sort", "luck"]]
    {
        library.run("review", wrong).expect_code(2);
    }
}

#[test]
fn a_guess_is_accepted_by_a_script_as_a_scan_would_have_written_it() {
    let library = library();
    let before = library.contents();
    let dry = library.run("review", &["accept", "--dry-run", "music/A"]).expect_code(0);
    assert!(
        dry.stdout.contains("would accept") && dry.stdout.contains("2 would be accepted, 0 failed"),
        "{}",
        dry.stdout
    );
    assert_eq!(library.contents(), before);
    assert_eq!(waiting(&library, &[]).len(), 3, "and nothing was decided");
    let run = library.run("review", &["accept", "--json", "music/A"]).expect_code(0);
    assert_eq!(names(&run), ["1", "2"], "of a folder, what waits");
    for object in run.objects() {
        assert_eq!((object["action"].as_str(), object["genre_before"].as_array().unwrap().len()), (Some("written"), 0));
        assert_eq!(
            genre(
                &library,
                Path::new(object["path"].as_str().unwrap()).strip_prefix(library.music()).unwrap().to_str().unwrap()
            ),
            object["genre"]
        );
    }
    assert_eq!(genre(&library, "A/theirs.flac"), serde_json::json!(["Krautrock"]));
    assert_eq!(waiting(&library, &[]), ["3"]);
    let database = Connection::open(library.database()).unwrap();
    let surfaces: i64 = database
        .query_row("SELECT count(*) FROM correction WHERE surface = 'command' AND kind = 'accepted'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(surfaces, 2);
    // As with every write.
    library.run("undo", &["music/A/1.flac"]).expect_code(0);
    assert_eq!(before[&library.music().join("A/1.flac")], library.contents()[&library.music().join("A/1.flac")]);
}

#[test]
fn genres_are_set_by_a_script_also_where_nothing_waits() {
    let library = library();
    let run =
        library.run("review", &["set", "Zeuhl", "Free Jazz", "--", "music/A/theirs.flac", "music/B"]).expect_code(0);
    assert!(
        run.stdout.contains("Krautrock → \"Zeuhl\" + \"Free Jazz\"") && run.stdout.contains("2 set, 0 failed"),
        "{}",
        run.stdout
    );
    assert_eq!(genre(&library, "B/3.flac"), serde_json::json!(["Zeuhl", "Free Jazz"]));
    let filtered =
        library.run("review", &["set", "Folk", "--above", "0", "--path", "music/A", "--json"]).expect_code(0);
    assert_eq!(names(&filtered), ["1", "2"], "what was decided is not decided again by a filter");
    library.run("review", &["set", "Folk"]).expect_code(2);
    library.run("review", &["set", "", "--", "music/A/1.flac"]).expect_code(2);
    library.run("review", &["accept"]).expect_code(2);
    library.run("review", &["accept", "nowhere.flac"]).expect_code(2);
}

#[test]
fn what_is_rejected_is_left_alone_for_good_and_a_genre_of_ours_is_taken_back() {
    let mut library = library();
    let untouched = library.contents();
    let run = library.run("review", &["reject", "music/A/1.flac"]).expect_code(0);
    assert!(run.stdout.contains("left alone") && run.stdout.contains("1 left alone, 0 failed"), "{}", run.stdout);
    // From now on anything is sure enough.
    library.set_config("[tags]\nmin_confidence = 0.0\n");
    let scan = library.scan(&[]).expect_code(0);
    assert_eq!((scan.field("1.flac", "status"), scan.field("2.flac", "status")), ("kept".into(), "tagged".into()));
    assert_eq!(waiting(&library, &["--tagged"]), ["2", "3"]);
    let run = library.run("review", &["reject", "--tagged", "--path", "music/A", "--json"]).expect_code(0);
    assert_eq!(names(&run), ["2"]);
    library.scan(&["--force"]).expect_code(0);
    let left = library.contents();
    for name in ["A/1.flac", "A/2.flac"] {
        assert_eq!(untouched[&library.music().join(name)], left[&library.music().join(name)], "{name}");
    }
}

#[test]
fn a_file_that_was_never_analysed_has_no_guess_and_can_still_be_set() {
    let library = library();
    library.put("new.flac", &song(9, &[]));
    let run = library.run("review", &["accept", "music/new.flac"]).expect_code(1);
    assert!(run.stdout.contains("it was not analysed, or sounds like no music"), "{}", run.stdout);
    library.run("review", &["set", "Jazz", "--", "music/new.flac"]).expect_code(0);
    assert_eq!(genre(&library, "new.flac"), serde_json::json!(["Jazz"]));
}
