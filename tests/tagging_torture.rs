//! Tags that are hard to rewrite, judged by a referee that shares no code with this program.
//!
//! Runs where the corpus maker, the referee, Python with mutagen and the encoders are at hand, and says so where not.

#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::journal::NoJournal;
use reclassd::tagging::{Scope, TagError, TagField, TagPlan, WriteOptions, Written, read, write};

/// What the referee, who allows the genre and our fields alone, holds against the one file that has ID3v1 and no other
/// tag: what that says comes along into the new tag, so that no reader misses it. These lines and no others.
const CARRIED_OVER: &str = "\
DAMAGED: mp3/id3v1-only.mp3 [MPEG audio]
  added   ID3v2 #1 | TIT2: b'TIT2\\x00\\x00\\x00Old title'
  added   ID3v2 #1 | TPE1: b'TPE1\\x00\\x00\\x00Artist'
  added   ID3v2 #1 | TALB: b'TALB\\x00\\x00\\x00Album'
  added   ID3v2 #1 | TDRC: b'TDRC\\x00\\x00\\x001995'
  added   ID3v2 #1 | COMM::eng: b'COMM\\x00\\x00\\x00eng\\x00comment'
  added   ID3v2 #1 | TRCK: b'TRCK\\x00\\x00\\x003'
";

fn python() -> String {
    std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn tag(path: &Path, genres: &[&str], model: &str) -> Result<Written, TagError> {
    let state = read(path)?;
    let strings = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>();
    let fields = [
        (TagField::Genre, strings(genres)),
        (TagField::OwnGenre, strings(genres)),
        (TagField::OwnConfidence, strings(&["0.87"])),
        (TagField::OwnModel, strings(&[model])),
    ];
    write(path, &TagPlan::new(&state, fields), &WriteOptions::default(), &NoJournal)
}

#[test]
fn no_file_of_the_torture_corpus_is_damaged() {
    const TEST: &str = "no_file_of_the_torture_corpus_is_damaged";
    let Some(tools) = common::shared(TEST, "torture") else { return };
    let ready = Command::new(python()).args(["-c", "import mutagen"]).output().is_ok_and(|out| out.status.success());
    if !ready {
        common::skipped(TEST, &format!("{} has no mutagen", python()));
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (before, after) = (scratch.path().join("before"), scratch.path().join("after"));
    let made = Command::new(python()).arg(tools.join("make_torture.py")).arg(&before).output().unwrap();
    if !made.status.success() {
        common::skipped(TEST, &String::from_utf8_lossy(&made.stderr));
        return;
    }
    let mut written = 0;
    let mut by_folder: BTreeMap<std::ffi::OsString, u32> = BTreeMap::new();
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in files(&before) {
        let target = after.join(folder.file_name().unwrap());
        std::fs::create_dir_all(&target).unwrap();
        for file in files(&folder) {
            let copy = target.join(file.file_name().unwrap());
            std::fs::copy(&file, &copy).unwrap();
            match tag(&copy, &["Zydeco", "Free-Folk"], "reclassd 0.1.0") {
                Ok(Written::Changed(_)) => {
                    written += 1;
                    *by_folder.entry(folder.file_name().unwrap().to_owned()).or_default() += 1;
                    let state = read(&copy).unwrap();
                    assert_eq!(state.genres, ["Zydeco", "Free-Folk"], "{}", copy.display());
                    // A list that speaks for a WAV has no place for our own fields: there the journal knows.
                    let is_list = state.fields.iter().all(|held| matches!(held.scope, Scope::RiffInfo(_)));
                    assert!(state.genre_is_ours() || is_list, "{}", copy.display());
                    let again = tag(&copy, &["Zydeco", "Free-Folk"], "reclassd 0.1.0").unwrap();
                    assert_eq!(again, Written::Unchanged, "a second write has nothing to do: {}", copy.display());
                    // Shorter and longer: the same file has to survive both.
                    tag(&copy, &["X"], "r").unwrap();
                    tag(&copy, &["Zydeco", "Free-Folk", &"Long".repeat(40)], &"m".repeat(1000)).unwrap();
                    tag(&copy, &["Zydeco", "Free-Folk"], "reclassd 0.1.0").unwrap();
                }
                Ok(Written::Unchanged) => panic!("{}: nothing to change?", copy.display()),
                Err(TagError::Refused { reason, .. }) => {
                    let name = file.strip_prefix(&before).unwrap().display().to_string();
                    refused.entry(reason.to_string()).or_default().push(name);
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(files(&target).iter().all(|path| path.file_name().unwrap().as_encoded_bytes()[0] != b'.'), "leftovers");
    }
    println!("{written} written: {by_folder:?}");
    for (reason, names) in &refused {
        println!("{} refused: {reason}: {}", names.len(), names.join(" "));
    }
    let verdict =
        Command::new(python()).arg(tools.join("referee.py")).arg("--dir").args([&before, &after]).output().unwrap();
    let verdict = String::from_utf8_lossy(&verdict.stdout);
    println!("{verdict}");
    let others = verdict.replace(CARRIED_OVER, "");
    assert!(!others.contains("DAMAGED:") && verdict.contains(", 1 DAMAGED, 0 unparsed"), "{verdict}");
    assert!(written >= 200, "only {written} files were written");
}
