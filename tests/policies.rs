//! What may be written where, as the configuration says it: policies, several genres, names, whitelists, folders.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use common::Library;
use common::sound::{flac, tune, vorbis_comment};

fn song(seed: u32, comments: &[&str]) -> Vec<u8> {
    flac(&tune(seed, 22_050, 6.0), 22_050, &[vorbis_comment(comments)])
}

/// A FLAC's comments of one name, read by lofty: a reader that shares no code with our writer.
fn values(path: &Path, name: &str) -> Vec<String> {
    use lofty::file::AudioFile;
    let mut file = std::fs::File::open(path).unwrap();
    let flac = lofty::flac::FlacFile::read_from(&mut file, lofty::config::ParseOptions::new()).unwrap();
    let Some(comments) = flac.vorbis_comments() else { return Vec::new() };
    let values = comments.items().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    values.map(|(_, value)| value.to_owned()).collect()
}

/// The genre that the models hear in a song, whatever they hear.
fn heard(seed: u32) -> String {
    let library = Library::new();
    library.put("song.flac", &song(seed, &[]));
    library.scan(&["--dry-run"]).expect_code(0).field("song.flac", "genre")
}

fn scanned(config: &str, comments: &[&str]) -> (Library, std::path::PathBuf, common::Run) {
    let library = Library::with_config(config);
    let path = library.put("song.flac", &song(1, comments));
    let run = library.scan(&[]).expect_code(0);
    (library, path, run)
}

#[test]
fn append_adds_ours_behind_somebodys_genre_once() {
    let (library, path, run) = scanned("[tags]\nmin_confidence = 0.0\npolicy = \"append\"\n", &["GENRE=Zydeco"]);
    let ours = heard(1);
    assert_eq!(run.field("song.flac", "status"), "tagged");
    assert_eq!(values(&path, "GENRE"), ["Zydeco", ours.as_str()]);
    assert_eq!(values(&path, "RECLASSD_GENRE"), [ours]);
    let before = library.contents();
    library.scan(&["--force"]).expect_code(0);
    assert_eq!(library.contents(), before, "a second time adds nothing");
}

#[test]
fn own_fields_only_never_touches_the_genre() {
    const CONFIG: &str = "[tags]\nmin_confidence = 0.0\npolicy = \"own-fields-only\"\n";
    for (comments, genre) in [(&["GENRE=Zydeco"][..], &["Zydeco"][..]), (&[], &[])] {
        let (library, path, run) = scanned(CONFIG, comments);
        assert_eq!(
            (run.field("song.flac", "status"), run.field("song.flac", "action")),
            ("kept".into(), "written".into())
        );
        assert!(run.field("song.flac", "reason").contains("only marked as"), "{}", run.stdout);
        assert_eq!(values(&path, "GENRE"), genre);
        assert_eq!(values(&path, "RECLASSD_GENRE"), [heard(1)]);
        let before = library.contents();
        library.scan(&["--force"]).expect_code(0);
        assert_eq!(library.contents(), before);
    }
}

#[test]
fn replace_leaves_the_owners_spelling_of_the_same_genre() {
    let theirs = heard(1).to_uppercase().replace('-', " ");
    let comment = format!("GENRE={theirs}");
    let (_library, path, run) = scanned("[tags]\nmin_confidence = 0.0\npolicy = \"replace\"\n", &[&comment]);
    assert_eq!(run.field("song.flac", "status"), "kept");
    assert_eq!(values(&path, "GENRE"), [theirs]);
}

#[test]
fn several_genres_are_several_values() {
    let config = "[tags]\nmin_confidence = 0.0\nmax_genres = 3\nmin_confidence_further = 0.0\n";
    let (_library, path, run) = scanned(config, &[]);
    let top: Vec<String> = run.object("song.flac")["top"].as_array().unwrap()[..3]
        .iter()
        .map(|entry| entry["genre"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(values(&path, "GENRE"), top);
    assert_eq!(values(&path, "RECLASSD_GENRE"), top);
    let (_library, path, _) =
        scanned("[tags]\nmin_confidence = 0.0\nmax_genres = 3\nmin_confidence_further = 1.0\n", &[]);
    assert_eq!(values(&path, "GENRE"), top[..1]);
}

#[test]
fn genres_are_written_by_the_owners_names_and_others_wait() {
    let ours = heard(1);
    let (_library, path, run) =
        scanned(&format!("[tags]\nmin_confidence = 0.0\nnames = {{ \"{ours}\" = \"Musique\" }}\n"), &[]);
    assert_eq!((values(&path, "GENRE"), run.field("song.flac", "genre")), (vec!["Musique".into()], "Musique".into()));
    let (_library, path, _) = scanned("[tags]\nmin_confidence = 0.0\ncasing = \"upper\"\n", &[]);
    assert_eq!(values(&path, "GENRE"), [ours.to_uppercase()]);
    let other = if ours == "Blues" { "Jazz" } else { "Blues" };
    let (library, path, run) = scanned(&format!("[tags]\nmin_confidence = 0.0\nwhitelist = [\"{other}\"]\n"), &[]);
    assert_eq!(run.field("song.flac", "status"), "unsure");
    assert!(run.field("song.flac", "reason").contains("not on the whitelist"), "{}", run.stdout);
    assert!(values(&path, "GENRE").is_empty());
    assert_eq!(library.run("review", &["--json"]).expect_code(0).objects().len(), 1);
}

#[test]
fn a_folder_has_rules_of_its_own() {
    let mut library = Library::with_config("");
    let music = library.music().canonicalize().unwrap();
    let folder =
        |name: &str, rules: &str| format!("[[tags.folders]]\npath = \"{}\"\n{rules}\n", music.join(name).display());
    let config = [
        "[tags]\nmin_confidence = 0.0\n".to_owned(),
        folder("Mine", "policy = \"replace\""),
        folder("Mine/Sacred", "policy = \"fill\"\nmin_confidence = 1.0"),
    ];
    library.set_config(&config.concat());
    let put = |name: &str, comments: &[&str]| library.put(name, &song(1, comments));
    let elsewhere = put("a.flac", &["GENRE=Zydeco"]);
    let mine = put("Mine/b.flac", &["GENRE=Zydeco"]);
    let sacred = put("Mine/Sacred/c.flac", &["GENRE=Zydeco"]);
    let unsure = put("Mine/Sacred/d.flac", &[]);
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(values(&elsewhere, "GENRE"), ["Zydeco"]);
    assert_eq!(values(&mine, "GENRE"), [heard(1)]);
    assert_eq!(values(&sacred, "GENRE"), ["Zydeco"]);
    assert_eq!((values(&unsure, "GENRE").len(), run.field("d.flac", "status")), (0, "unsure".to_owned()));
    // Another rule for one folder is applied by the next scan, to that folder.
    library.set_config(&[config[0].clone(), folder("Mine", "policy = \"append\"")].concat());
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("a.flac", "action"), "unchanged");
    assert_eq!(values(&sacred, "GENRE").len(), 2);
}

#[test]
fn mistakes_in_the_rules_are_named_with_their_line() {
    for (config, line, words) in [
        ("[tags]\npolicy = \"append\"\nown_fields = \"never\"\n", 3, "needs the own fields"),
        ("[tags]\nmax_genres = 0\n", 2, "between 1 and 5"),
        ("[tags]\nwhitelist = [\"Zeuhl\"]\n", 2, "Zeuhl"),
        ("[tags]\nnames = { Jazz = \"Jazz/Swing\" }\n", 2, "Jazz/Swing"),
        ("[[tags.folders]]\npath = \"Music\"\n", 1, "absolute"),
        ("[[tags.folders]]\npath = \"/m\"\npolici = \"fill\"\n", 3, "polici"),
        ("[[tags.folders]]\npath = \"/m\"\nmin_confidence = 2.0\n", 1, "between 0 and 1"),
        (
            "[[tags.folders]]\npath = \"/m\"\npolicy = \"append\"\n[[tags.folders]]\npath = \"/m/x\"\nown_fields = \"never\"\n",
            1,
            "needs the own fields",
        ),
    ] {
        let library = Library::with_config(config);
        let run = library.scan(&[]).expect_code(2);
        assert!(run.stderr.contains(words) && run.stderr.contains(&format!(":{line}:")), "{config}: {}", run.stderr);
    }
}

#[test]
fn linked_files_are_skipped_where_no_link_is_to_be_followed() {
    let library = Library::with_config("[tags]\nmin_confidence = 0.0\n[library]\nfollow_symlinks = false\n");
    let elsewhere = library.root().join("elsewhere.flac");
    std::fs::write(&elsewhere, song(1, &[])).unwrap();
    let link = library.music().join("link.flac");
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let run = library.scan(&[]).expect_code(0);
    assert_eq!(run.field("link.flac", "status"), "skipped");
    assert!(run.field("link.flac", "reason").contains("follow_symlinks"), "{}", run.stdout);
    let run = library.run("tag", &["--genre", "Jazz", link.to_str().unwrap()]).expect_code(1);
    assert!(run.stdout.contains("symbolic link"), "{}", run.stdout);
    assert!(values(&elsewhere, "GENRE").is_empty());
}
