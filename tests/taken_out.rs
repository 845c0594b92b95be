//! What somebody takes out of a file stays out: a genre that another program deletes, a file that another program
//! restores. And the history of a file is about that file.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;

use std::fs;
use std::path::{Path, PathBuf};

use common::journal::NoJournal;
use common::service::{Service, eventually, files, quick_library};
use common::sound::{flac, tune, vorbis_comment};
use common::{Library, Run};
use reclassd::tagging::{self, TagField, TagPlan, WriteOptions};

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(comments)])
}

/// Another program, which sets the genre and knows nothing of us.
fn retag(path: &Path, genres: &[&str]) {
    let state = tagging::read(path).unwrap();
    let genres = genres.iter().map(|&genre| genre.to_owned()).collect();
    let plan = TagPlan::new(&state, [(TagField::Genre, genres)]);
    tagging::write(path, &plan, &WriteOptions::default(), &NoJournal).unwrap();
}

fn genre(path: &Path) -> Vec<String> {
    tagging::read(path).unwrap().genres
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A library with a file of each kind that scans write.
fn every_container() -> (Library, Vec<PathBuf>) {
    let library = Library::with_config(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nextensions = [\"mp3\", \"mp2\", \"flac\", \
         \"ogg\", \"opus\", \"aiff\", \"wav\", \"m4a\"]\n",
    );
    let fixture =
        |name: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap();
    let mut paths: Vec<PathBuf> = [
        "aac.m4a",
        "alac.m4a",
        "cbr.mp3",
        "vbr.mp3",
        "stereo.flac",
        "vorbis.ogg",
        "celt.opus",
        "flac.ogg",
        "plain.aiff",
        "layer2.mp2",
    ]
    .iter()
    .map(|name| library.put(name, &fixture(name)))
    .collect();
    for version in [2, 3, 4] {
        let title = fixtures::text(version, if version == 2 { "TT2" } else { "TIT2" }, "Title");
        let tagged = [fixtures::id3v2(version, 0, &title, 700), fixture("cbr.mp3")].concat();
        paths.push(library.put(format!("2.{version}.mp3"), &tagged));
    }
    paths.push(library.put("tune.wav", &common::sound::wav(&tune(3, 22_050, 4.0), 22_050)));
    (library, paths)
}

#[track_caller]
fn all_left_alone(run: &Run, words: &str) {
    for report in run.objects() {
        assert_eq!((report["status"].as_str(), report["action"].as_str()), (Some("kept"), Some("none")), "{report}");
        assert!(report["reason"].as_str().unwrap().contains(words), "{report}");
    }
}

#[test]
fn a_genre_that_another_program_deleted_stays_deleted_in_every_container() {
    let (library, paths) = every_container();
    let first = library.scan(&[]).expect_code(0);
    assert!(first.objects().iter().all(|report| report["action"] == "written"), "{}", first.stdout);
    paths.iter().for_each(|path| retag(path, &[]));
    let before = library.contents();
    let dry = library.scan(&["--dry-run"]).expect_code(0);
    all_left_alone(&dry, "was taken out of it");
    all_left_alone(&library.scan(&[]).expect_code(0), "the genre that reclassd wrote was taken out of it");
    all_left_alone(&library.scan(&["--force"]).expect_code(0), "what reclassd wrote was taken out of it");
    assert_eq!(library.contents(), before);
    let again = library.scan(&[]).expect_code(0);
    assert!(again.objects().iter().all(|report| report["action"] == "unchanged"), "{}", again.stdout);
    // Until it is handed back, one file or all.
    library.run("tag", &["--forget", text(&paths[0])]).expect_code(0);
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.objects().iter().filter(|report| report["action"] == "written").count(), 1, "{}", run.stdout);
    library.scan(&["--force-write"]).expect_code(0);
    assert!(paths.iter().all(|path| genre(path).len() == 1));
}

#[test]
fn a_file_that_another_program_restores_is_left_alone_in_every_container() {
    let (library, _) = every_container();
    let originals = library.contents();
    library.scan(&[]).expect_code(0);
    assert!(library.contents().iter().all(|(path, bytes)| originals[path] != *bytes));
    let restore = || originals.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    restore();
    all_left_alone(&library.scan(&[]).expect_code(0), "an older state of it is back");
    restore();
    all_left_alone(&library.scan(&["--force"]).expect_code(0), "is left alone");
    assert_eq!(library.contents(), originals);
    let run = library.scan(&["--force-write"]).expect_code(0);
    assert!(run.objects().iter().all(|report| report["action"] == "written"), "{}", run.stdout);
}

#[test]
fn what_is_left_alone_is_said_wherever_one_may_look() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    retag(&path, &[]);
    let explained = library.run("explain", &[text(&path)]).expect_code(0).stdout;
    assert!(explained.contains("was taken out of it"), "{explained}");
    library.scan(&[]).expect_code(0);
    let words = |subcommand: &str, arguments: &[&str], words: &str| {
        let run = library.run(subcommand, arguments).expect_code(0);
        assert!(run.stdout.contains(words), "{subcommand} {arguments:?}: {}", run.stdout);
    };
    words("review", &[], "1 file is left alone since a genre of reclassd's was taken out of it");
    words("review", &["--taken-out"], "was taken out of it");
    words("review", &["--taken-out", "--json"], "\"status\":\"kept\"");
    words("history", &[text(&path)], "taken out by somebody: no scan writes it");
    words("history", &["--json", text(&path)], "\"choice\":\"taken-out\"");
    words("tag", &["--show", text(&path)], "taken out by somebody");
    words("explain", &[text(&path)], "is left alone");
    words("tag", &["--forget", text(&path)], "1 forgotten");
    words("tag", &["--forget", text(&path)], "1 unchanged");
    words("explain", &[text(&path)], "writes ");
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
    words("review", &["--taken-out"], "nothing to review");
    // What is handed back once is not handed back for ever.
    retag(&path, &[]);
    all_left_alone(&library.scan(&[]).expect_code(0), "was taken out of it");
}

#[test]
fn a_file_that_nobody_scanned_since_is_handed_back_as_well() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    retag(&path, &[]);
    assert!(library.run("tag", &["--forget", text(&path)]).expect_code(0).stdout.contains("1 forgotten"));
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn a_genre_of_ours_that_comes_back_is_ours_again() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    let tagged = fs::read(&path).unwrap();
    retag(&path, &[]);
    library.scan(&[]).expect_code(0);
    fs::write(&path, &tagged).unwrap();
    assert_eq!(library.scan(&[]).expect_code(0).field("song.flac", "status"), "tagged");
    assert!(library.run("review", &["--taken-out"]).expect_code(0).stdout.contains("nothing to review"));
}

#[test]
fn under_replace_a_genre_that_somebody_put_in_place_of_ours_stays() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n");
    let original = song(1, &["GENRE=Zydeco"]);
    let path = library.put("song.flac", &original);
    library.scan(&[]).expect_code(0);
    assert_ne!(genre(&path), ["Zydeco"]);
    retag(&path, &["Bebop"]);
    let run = library.scan(&["--force"]).expect_code(0);
    assert!(run.field("song.flac", "reason").contains("somebody put in place of ours"), "{}", run.stdout);
    assert_eq!(genre(&path), ["Bebop"]);
    fs::write(&path, &original).unwrap();
    all_left_alone(&library.scan(&[]).expect_code(0), "an older state of it is back");
    assert_eq!(fs::read(&path).unwrap(), original);
    library.scan(&["--force-write"]).expect_code(0);
    assert_ne!(genre(&path), ["Zydeco"]);
}

#[test]
fn without_our_fields_the_journal_knows_what_is_ours_and_that_it_was_deleted() {
    let mut library = Library::with_config("[tags]\nmin_confidence = 0.0\nown_fields = \"never\"\n");
    let path = library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    let ours = genre(&path);
    assert!(tagging::read(&path).unwrap().own.genre.is_empty());
    let name = format!("names = {{ \"{}\" = \"Musique\" }}\n", ours[0]);
    library.set_config(&format!("[tags]\nmin_confidence = 0.0\nown_fields = \"never\"\n{name}"));
    library.scan(&[]).expect_code(0);
    assert_eq!(genre(&path), ["Musique"], "a genre of ours follows");
    retag(&path, &[]);
    all_left_alone(&library.scan(&[]).expect_code(0), "was taken out of it");
}

#[test]
fn what_the_owner_chose_and_another_program_deleted_is_not_replaced_by_a_scan() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    library.run("tag", &["--genre", "Zydeco", text(&path)]).expect_code(0);
    retag(&path, &[]);
    for arguments in [&[][..], &["--force"], &["--force-write"]] {
        let run = library.scan(arguments).expect_code(0);
        assert!(run.field("song.flac", "reason").contains("what its owner chose was taken out"), "{}", run.stdout);
    }
    assert!(genre(&path).is_empty());
}

#[test]
fn what_was_taken_back_by_undo_is_handed_back_by_a_wish_to_write_it() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    library.run("undo", &[text(&path)]).expect_code(0);
    let dry = library.scan(&["--force-write", "--dry-run"]).expect_code(0);
    assert_eq!(dry.field("song.flac", "action"), "would-write");
    assert_eq!(
        library.scan(&["--force"]).expect_code(0).field("song.flac", "status"),
        "kept",
        "a dry run hands nothing"
    );
    assert_eq!(library.scan(&["--force-write"]).expect_code(0).field("song.flac", "action"), "written");
}

#[test]
fn the_same_genre_is_written_three_times_a_day_at_the_most() {
    let library = Library::new();
    let path = library.put("song.flac", &song(1, &[]));
    for _ in 0..3 {
        assert_eq!(library.scan(&["--force-write"]).expect_code(0).field("song.flac", "action"), "written");
        retag(&path, &[]);
    }
    let run = library.scan(&["--force-write"]).expect_code(0);
    all_left_alone(&run, "several times within a day");
    assert!(genre(&path).is_empty());
    let writes = library.run("history", &["--json", text(&path)]).expect_code(0).objects().len();
    assert_eq!(writes, 3);
}

/// The lines of the service's log that warn of a file.
fn warnings(service: &Service, name: &str) -> usize {
    service.log().lines().filter(|line| line.contains("WARN") && line.contains(name)).count()
}

#[test]
fn a_program_that_restores_a_file_again_and_again_gets_one_write_and_one_warning() {
    let library = quick_library("");
    let original = song(1, &[]);
    let path = library.put("song.flac", &original);
    let mut service = Service::start(&library);
    eventually("the song to be tagged", || (genre(&path).len() == 1).then_some(()));
    service.settled("the song", |_| true);
    for round in 0..6 {
        if round == 3 {
            assert_eq!(service.stop().0, Some(0));
            service = Service::start(&library);
            service.settled("the start", |_| true);
        }
        let seen = || service.status().and_then(|status| status["counts"]["seen"].as_u64()).unwrap_or_default();
        let before = seen();
        let temporary = library.root().join("restored");
        fs::write(&temporary, &original).unwrap();
        fs::rename(&temporary, &path).unwrap();
        eventually("the restored file to be seen", || (seen() > before).then_some(()));
        service.settled("the restored file", |_| true);
        assert_eq!(fs::read(&path).unwrap(), original);
    }
    assert_eq!((service.logged(": tagged "), warnings(&service, "song.flac")), (1, 1), "{}", service.log());
    assert_eq!(library.run("history", &["--json", text(&path)]).expect_code(0).objects().len(), 1);
}

#[test]
fn a_program_that_deletes_and_restores_a_file_gets_three_writes_and_one_warning() {
    let library = quick_library("");
    let original = song(1, &[]);
    let path = library.put("song.flac", &original);
    // So that the root is never empty, which would pass for a disk that is not mounted.
    library.put("other.flac", &song(2, &["GENRE=Polka"]));
    let service = Service::start(&library);
    for round in 1..=5 {
        eventually("the song to be dealt with", || {
            let files = files(&library);
            let dealt_with = if round <= 3 { files["tagged"] == 1 } else { files["kept"] == 2 };
            (dealt_with && files["gone"] == 0).then_some(())
        });
        service.settled("the song", |_| true);
        fs::remove_file(&path).unwrap();
        eventually("the song to be gone", || (files(&library)["gone"] == 1).then_some(()));
        fs::write(&path, &original).unwrap();
    }
    service.settled("the end", |_| true);
    assert_eq!((service.logged(": tagged "), warnings(&service, "song.flac")), (3, 1), "{}", service.log());
}

#[test]
fn a_genre_that_is_deleted_beside_the_service_stays_deleted() {
    let library = quick_library("");
    let path = library.put("song.flac", &song(1, &[]));
    let service = Service::start(&library);
    eventually("the song to be tagged", || (genre(&path).len() == 1).then_some(()));
    service.settled("the song", |_| true);
    retag(&path, &[]);
    eventually("the song to be left alone", || (files(&library)["kept"] == 1).then_some(()));
    service.settled("the song", |_| true);
    assert!(genre(&path).is_empty());
    assert_eq!((service.logged(": tagged "), warnings(&service, "song.flac")), (1, 0), "{}", service.log());
}

fn history(library: &Library, path: &Path) -> Run {
    library.run("history", &[text(path)])
}

#[test]
fn the_history_of_a_deleted_file_stays_with_its_name_when_the_original_turns_up_elsewhere() {
    let library = Library::new();
    let original = song(1, &[]);
    let deleted = library.put("a/x.flac", &original);
    library.scan(&[]).expect_code(0);
    fs::remove_file(&deleted).unwrap();
    let other = library.put("b/other.flac", &original);
    assert_eq!(library.scan(&[]).expect_code(0).field("other.flac", "action"), "written", "a file of its own");
    assert_eq!(history(&library, &deleted).expect_code(0).stdout.lines().count(), 2, "its name and its write");
    let told = history(&library, &other).expect_code(0).stdout;
    assert_eq!(told.lines().count(), 2, "{told}");
    library.run("undo", &["--all", text(&other)]).expect_code(0);
    assert!(genre(&other).is_empty(), "its own write is taken back");
}

#[test]
fn a_copy_that_has_another_genre_inherits_no_write() {
    let library = Library::new();
    let deleted = library.put("a/x.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    fs::remove_file(&deleted).unwrap();
    let copy = library.put("b/copy.flac", &song(1, &["GENRE=Ambient"]));
    for _ in 0..2 {
        let told = history(&library, &copy).expect_code(0).stdout;
        assert!(told.contains("reclassd wrote nothing into it") && told.contains("a/x.flac"), "{told}");
        assert!(history(&library, &deleted).expect_code(0).stdout.contains("scan "));
        library.scan(&[]).expect_code(0);
    }
    let before = fs::read(&copy).unwrap();
    assert!(library.run("undo", &[text(&copy)]).expect_code(0).stdout.contains("1 with nothing to take back"));
    assert_eq!(fs::read(&copy).unwrap(), before);
}

#[test]
fn a_copy_that_is_older_than_the_deletion_has_its_own_history() {
    let library = Library::new();
    let deleted = library.put("a/x.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    let copy = library.music().join("copy.flac");
    fs::copy(&deleted, &copy).unwrap();
    library.scan(&[]).expect_code(0);
    fs::remove_file(&deleted).unwrap();
    library.scan(&["--force"]).expect_code(0);
    let told = history(&library, &copy).expect_code(0).stdout;
    assert!(told.contains("reclassd wrote nothing into it") && told.contains("a/x.flac"), "{told}");
    assert!(history(&library, &deleted).expect_code(0).stdout.contains("scan "));
}

#[test]
fn a_moved_file_takes_its_history_along_and_its_old_name_says_where_it_is() {
    let library = Library::new();
    let old = library.put("a/x.flac", &song(1, &[]));
    library.scan(&[]).expect_code(0);
    let new = library.music().join("y.flac");
    fs::rename(&old, &new).unwrap();
    assert!(history(&library, &new).expect_code(0).stdout.contains("a/x.flac"), "before a scan has seen it");
    library.scan(&[]).expect_code(0);
    let told = history(&library, &new).expect_code(0).stdout;
    assert!(told.contains("scan ") && told.contains("a/x.flac"), "{told}");
    let told = history(&library, &old).expect_code(1).stderr;
    assert!(told.contains("y.flac now"), "{told}");
}
