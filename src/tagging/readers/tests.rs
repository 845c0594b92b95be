//! The table against the readers themselves.

#![allow(clippy::unwrap_used)] // a test may panic

use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::super::editor;
use super::super::mixtures;
use super::*;

/// What the readers that are installed here say of files, by `tests/readers.py`; a word about those that are not.
fn ask(test: &str, paths: &[std::path::PathBuf]) -> Vec<serde_json::Value> {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let skipped = |why: &str| {
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
    };
    let Ok(out) = Command::new(&python).arg(script).args(paths).output() else {
        skipped(&format!("there is no {python}"));
        return Vec::new();
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut answer: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    for absent in answer["absent"].as_array().unwrap() {
        skipped(&format!("{} is not installed", absent.as_str().unwrap()));
    }
    answer["files"].take().as_array().unwrap().clone()
}

fn key(reader: Reader) -> &'static str {
    match reader {
        Ffmpeg => "ffprobe",
        TagLib => "taglib",
        Mutagen => "mutagen",
    }
}

#[test]
fn the_readers_believe_the_tags_that_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> = [mixtures::mixtures(), mixtures::forms()].concat();
    let path = |name: &String| folder.path().join(name);
    for (name, bytes) in &files {
        std::fs::write(path(name), bytes).unwrap();
    }
    let paths: Vec<_> = files.iter().map(|(name, _)| path(name)).collect();
    let shown = ask("the_readers_believe_the_tags_that_the_table_says", &paths);
    let mut compared = 0;
    for ((name, bytes), shown) in files.iter().zip(&shown) {
        let editor = editor::open(bytes).unwrap();
        let voices = editor.voices();
        for row in TABLE.iter().filter(|row| row.containers.contains(&editor.container())) {
            // What a reader cannot read at all it sees nothing of.
            let Some(fields) = shown[key(row.reader)].as_object() else { continue };
            for (field, common) in ["title", "artist", "album", "date", "track"].into_iter().zip(Name::COMMON) {
                let view = row.view(&voices).into_iter().filter(|said| said.name == common);
                let view: Vec<&str> = view.map(|said| said.value.as_str()).collect();
                assert_eq!(fields[field], serde_json::json!(view), "{name}: the {field}, to {}", row.reader);
                compared += 1;
            }
        }
    }
    assert!(shown.is_empty() || compared > 1000, "{compared} fields were compared");
}

/// The table as `docs/tags.md` shows it.
fn shown_table() -> String {
    let mut lines = vec!["| container | reader | where it looks |".to_owned(), "|---|---|---|".to_owned()];
    for row in &TABLE {
        let containers: Vec<String> = row.containers.iter().map(ToString::to_string).collect();
        let (places, rule) = match row.looks {
            First(places) => (places, ", else "),
            Merged(places) => (places, ", each field that is missing there: "),
        };
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        lines.push(format!("| {} | {} | {} |", containers.join(", "), row.reader, places.join(rule)));
    }
    lines.join("\n")
}

#[test]
fn the_documentation_shows_the_table() {
    let docs = include_str!("../../../docs/tags.md");
    assert!(docs.contains(&shown_table()), "docs/tags.md should hold\n\n{}", shown_table());
}

fn voice(scope: Scope, texts: &[(Name, &str)]) -> Voice {
    Voice::with(
        scope,
        texts.iter().map(|(name, value)| Said { name: name.clone(), value: (*value).to_owned() }).collect(),
    )
}

#[test]
fn a_genre_and_our_own_fields_may_go_and_nothing_else() {
    let before = [voice(Scope::Id3v2(1), &[(Name::Title, "a"), (Name::Genre, "Rock"), (Name::Own, "Rock")])];
    let without = |texts| loss(Container::Mp3, &before, &[voice(Scope::Id3v2(1), texts)]);
    assert_eq!(without(&[(Name::Title, "a")]), None);
    let lost = without(&[(Name::Genre, "Rock")]).unwrap();
    assert_eq!(lost.to_string(), "ffmpeg would no longer see the title \"a\"");
    assert_eq!(loss(Container::Mp4, &before, &[]), None, "no row");
}

#[test]
fn fields_that_only_one_kind_of_tag_has_count_as_well() {
    let replay_gain = || Name::Other(Scope::Apev2(1), "REPLAYGAIN_TRACK_GAIN".to_owned());
    let before = [voice(Scope::Apev2(1), &[(replay_gain(), "-3 dB")])];
    let after = [voice(Scope::Id3v2(1), &[(Name::Genre, "Rock")]), before[0].clone()];
    let lost = loss(Container::Mp3, &before, &after).unwrap();
    assert_eq!((lost.reader, lost.said.name), (Some(TagLib), replay_gain()));
}
