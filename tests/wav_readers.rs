//! What other people's readers see of a WAV or AIFF before a write and after it: nothing less, and the genre wherever
//! they can.

#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::journal::NoJournal;
use reclassd::tagging::{TagField, TagPlan, WriteOptions, Written, read, write};

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;
use fixtures::{aiff, chunk, id3v2, text, wav};

const SOUND: [u8; 1600] = [3; 1600];

/// The readers, in the order in which the script asks them.
const READERS: [&str; 6] = ["ffprobe", "exiftool", "mediainfo", "mutagen", "taglib", "tinytag"];

/// Prints a line for each reader that is there, field and value: the fields that everybody knows, and how long it
/// plays.
const SCRIPT: &str = r#"
import importlib.util, json, shutil, subprocess, sys

def ask(*command):
    return json.loads(subprocess.run(command, capture_output=True).stdout or "{}")

def ffprobe(path):
    found = ask("ffprobe", "-v", "quiet", "-show_format", "-of", "json", path).get("format", {})
    yield "length", round(float(found["duration"]), 1)
    yield from found.get("tags", {}).items()

def exiftool(path):
    names = {"Product": "album"}
    for group, fields in ask("exiftool", "-j", "-g1", path)[0].items():
        if group in ("RIFF", "AIFF") or group.startswith("ID3"):
            yield from ((names.get(name, name), value) for name, value in fields.items())

def mediainfo(path):
    names = {"Track": "title", "Performer": "artist", "IART": "artist"}
    found = ask("mediainfo", "--Output=JSON", path)["media"]["track"]
    yield "length", round(float(found[1]["Duration"]), 1)
    yield from ((names.get(name, name), value) for name, value in found[0].items())

def mutagen(path):
    import mutagen
    names = {"TIT2": "title", "TPE1": "artist", "TALB": "album", "TCON": "genre"}
    found = mutagen.File(path)
    yield "length", round(found.info.length, 1)
    yield from ((names[key], str(value)) for key, value in (found.tags or {}).items() if key in names)

def taglib(path):
    import taglib
    with taglib.File(path) as found:
        yield from ((name, value) for name, values in found.tags.items() for value in values)

def tinytag(path):
    import tinytag
    found = tinytag.TinyTag.get(path)
    yield "length", round(found.duration or 0, 1)
    for name, values in found.as_dict().items():
        yield from ((name, value) for value in values) if isinstance(values, list) else [(name, values)]

KNOWN = {"title", "artist", "album", "genre", "encoding", "software", "length"}
for reader in (ffprobe, exiftool, mediainfo, mutagen, taglib, tinytag):
    name = reader.__name__
    if importlib.util.find_spec(name) if name in ("mutagen", "taglib", "tinytag") else shutil.which(name):
        print(name, "is", "there", sep="\t")
        for field, value in reader(sys.argv[1]):
            if field.lower() in KNOWN:
                print(name, field.lower(), value, sep="\t")
"#;

type Seen = BTreeSet<(String, String, String)>;

/// What the readers see; none where there is no Python.
fn seen(path: &Path) -> Option<Seen> {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let out = Command::new(python).args(["-c", SCRIPT]).arg(path).output().ok()?;
    assert!(out.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let line = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        Some((parts.next()?, parts.next()?, parts.next()?))
    };
    Some(text.lines().filter_map(line).collect())
}

fn list(items: &[(&str, &[u8])]) -> Vec<u8> {
    [b"INFO".to_vec(), items.iter().flat_map(|(name, text)| chunk(name, text, false)).collect()].concat()
}

/// Names, files, and the readers that cannot see the genre.
fn library() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let frames = [text(3, "TIT2", "Title"), text(3, "TPE1", "Artist"), text(3, "TALB", "Album")].concat();
    let (tag, program) = (id3v2(3, 0, &frames, 0), list(&[("ISFT", b"Lavf59.27.100\0")]));
    let full = list(&[("INAM", b"Title\0"), ("IART", b"Artist\0"), ("IPRD", b"Album\0"), ("ISFT", b"Lavf59.27.100\0")]);
    let bare = wav(&[], &SOUND, &[]);
    let sized = |file: &[u8], at: usize, size: u32| {
        let mut file = file.to_vec();
        file[at..at + 4].copy_from_slice(&size.to_le_bytes());
        file
    };
    let mut unpadded = wav(&[], &SOUND[1..], &[]);
    unpadded.pop();
    vec![
        ("no tag.wav", bare.clone(), &[]),
        ("no tag.aiff", aiff(&[], &SOUND, &[]), &[]),
        ("of ffmpeg.wav", wav(&[("LIST", &program)], &SOUND, &[]), &[]),
        ("list.wav", wav(&[("LIST", &full)], &SOUND, &[]), &["mutagen"]),
        ("list at the end.wav", wav(&[], &SOUND, &[("LIST", &full)]), &["mutagen"]),
        ("list and empty tag.wav", wav(&[("LIST", &full)], &SOUND, &[("id3 ", &id3v2(4, 0, &[], 9))]), &["mutagen"]),
        ("list and tag.wav", wav(&[("LIST", &full)], &SOUND, &[("id3 ", &tag)]), &[]),
        ("program and tag.wav", wav(&[("LIST", &program)], &SOUND, &[("id3 ", &tag)]), &[]),
        ("empty list and tag.wav", wav(&[("LIST", b"INFO")], &SOUND, &[("id3 ", &tag)]), &[]),
        ("tag behind.wav", [&bare[..], &chunk("id3 ", &tag, false)].concat(), &[]),
        ("tag behind.aiff", [aiff(&[], &SOUND, &[]), chunk("ID3 ", &tag, true)].concat(), &[]),
        ("list behind.wav", [&bare[..], &chunk("LIST", &full, false)].concat(), &["mutagen"]),
        ("8 short.wav", sized(&bare, 4, bare.len() as u32 - 16), &[]),
        ("no pad byte.wav", unpadded, &[]),
    ]
}

fn tag(path: &Path) {
    let state = read(path).unwrap();
    let genre = vec!["Zydeco".to_owned()];
    let plan = TagPlan::new(&state, [(TagField::Genre, genre.clone()), (TagField::OwnGenre, genre)]);
    assert!(matches!(write(path, &plan, &WriteOptions::default(), &NoJournal).unwrap(), Written::Changed(_)));
}

#[test]
fn no_reader_sees_less_of_a_wav_or_aiff_than_before_and_all_that_can_see_the_genre() {
    let test = "no_reader_sees_less_of_a_wav_or_aiff_than_before_and_all_that_can_see_the_genre";
    let folder = tempfile::tempdir().unwrap();
    let mut missing = BTreeSet::new();
    for (name, bytes, blind) in library() {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let Some(before) = seen(&path) else { return common::skipped(test, "there is no Python") };
        tag(&path);
        let after = seen(&path).unwrap();
        let lost: Vec<_> = before.difference(&after).collect();
        assert!(lost.is_empty(), "{name}: {lost:?} is gone");
        for reader in READERS {
            let has = |field: &str, value: &str| after.contains(&(reader.into(), field.into(), value.into()));
            if has("is", "there") {
                assert_eq!(has("genre", "Zydeco"), !blind.contains(&reader), "{reader} of {name}");
            } else {
                missing.insert(reader);
            }
        }
    }
    if !missing.is_empty() {
        common::skipped(test, &format!("without {}", Vec::from_iter(missing).join(", ")));
    }
}
