//! What six readers see of a file before and after a write: nothing is gone, and the genre is where `docs/tags.md`
//! says.

#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::journal::NoJournal;
use reclassd::tagging::{Id3Values, Id3Version, TagField, TagPlan, WriteOptions, Written, read, write};
use serde_json::Value;

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;
#[path = "../src/tagging/mixtures.rs"]
mod mixtures;
use fixtures::{
    adts_frames, aiff, atom, comments, data_atom, dsdiff, dsf, flac, id3v2, mp4, mp4_meta, mpeg_frames, ogg_lay_out,
    ogg_page, optim_frog, tak, text, true_audio, wav,
};

const READERS: [&str; 6] = ["ffprobe", "taglib", "mutagen", "exiftool", "mediainfo", "tinytag"];

/// What the readers that are installed here see of files, by `readers.py`, and a word about those that are not.
fn ask(test: &str, paths: &[PathBuf]) -> Vec<Value> {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let Ok(out) = Command::new(&python).arg(script).args(paths).output() else {
        common::skipped(test, &format!("there is no {python}"));
        return Vec::new();
    };
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    for absent in answer["absent"].as_array().unwrap() {
        common::skipped(test, &format!("{} is not installed", absent.as_str().unwrap()));
    }
    answer["files"].take().as_array().unwrap().clone()
}

/// Files that are gone when it is dropped.
struct Folder {
    _folder: tempfile::TempDir,
}

impl Folder {
    fn with(files: &[(String, Vec<u8>)]) -> (Self, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let put = |(name, bytes): &(String, Vec<u8>)| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let paths = files.iter().map(put).collect();
        (Self { _folder: folder }, paths)
    }
}

fn set(path: &Path, genres: &[&str], options: &WriteOptions<'_>) {
    let genres: Vec<String> = genres.iter().map(|&genre| genre.to_owned()).collect();
    let plan = TagPlan::new(&read(path).unwrap(), [(TagField::Genre, genres.clone()), (TagField::OwnGenre, genres)]);
    let written = write(path, &plan, options, &NoJournal).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(written, Written::Changed(_)), "{}", path.display());
}

#[test]
fn no_reader_sees_less_of_a_file_after_a_write() {
    let files = [mixtures::mixtures(), mixtures::forms()].concat();
    let (_folder, paths) = Folder::with(&files);
    let test = "no_reader_sees_less_of_a_file_after_a_write";
    let before = ask(test, &paths);
    for path in &paths {
        set(path, &["Zydeco"], &WriteOptions::default());
    }
    let (mut compared, mut lost) = (0, Vec::new());
    for (((name, _), before), after) in files.iter().zip(&before).zip(ask(test, &paths)) {
        for (reader, seen) in before.as_object().unwrap() {
            let Some(seen) = seen.as_object() else { continue };
            for (field, values) in seen.iter().filter(|(field, _)| !["genre", "own"].contains(&field.as_str())) {
                let now = after[reader][field].as_array();
                // MediaInfo fills up each field by an order of its own, and where several tags contradict each other it
                // may come to show another one. It shows fields without a meaning to it from one tag only.
                let is_odd = reader == "mediainfo";
                if is_odd && (field == "other" || now.is_some_and(|now| !now.is_empty())) {
                    continue;
                }
                for value in values.as_array().unwrap() {
                    compared += 1;
                    if !now.is_some_and(|now| now.contains(value)) {
                        lost.push(format!("{name}: {reader} no longer sees the {field} {value}, but {now:?}"));
                    }
                }
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    assert!(before.is_empty() || compared > 500, "{compared} values were compared");
}

const SOUND: [u8; 801] = [3; 801];

fn opus(entries: &[&[u8]]) -> Vec<u8> {
    let first = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";
    ogg(first, &[[b"OpusTags".to_vec(), comments(entries).1].concat()])
}

fn ogg(first: &[u8], headers: &[Vec<u8>]) -> Vec<u8> {
    let pages = ogg_lay_out(5, 1, headers, 255);
    let mut file = [ogg_page(2, 0, 5, 0, &[first.len() as u8], first), pages.concat()].concat();
    for number in 1..=20u32 {
        let (flags, page) = (if number == 20 { 4 } else { 0 }, number + pages.len() as u32);
        file.extend(ogg_page(flags, i64::from(number) * 960, 5, page, &[3], b"\xfc\xff\xfe"));
    }
    file
}

/// The rows of the table "who sees our genre", each with a file of that kind.
fn kinds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mixed: BTreeMap<String, Vec<u8>> = [mixtures::mixtures(), mixtures::forms()].concat().into_iter().collect();
    let of = |label: &'static str, name: &str| (label, name.to_owned(), mixed[name].clone());
    let is = |label: &'static str, extension: &str, bytes: Vec<u8>| (label, format!("{label}.{extension}"), bytes);
    let title = atom(b"\xa9nam", &data_atom(1, b"Title"));
    let m4a = mp4(&atom(b"udta", &mp4_meta(&atom(b"ilst", &title))), true, false);
    let entries: &[&[u8]] = &[b"TITLE=Title"];
    vec![
        is("MP3, ID3v2.4 or no tag", "mp3", mpeg_frames(40)),
        is("MP3, ID3v2.3", "mp3", [id3v2(3, 0, &text(3, "TIT2", "Title"), 400), mpeg_frames(40)].concat()),
        of("MP3, ID3v1 alone", "ID3v2 none, APEv2 none, ID3v1.mp3"),
        of("MP3, APEv2 alone", "ID3v2 none, APEv2 texts.mp3"),
        of("MP3, APEv2 and ID3v1", "ID3v2 none, APEv2 texts, ID3v1.mp3"),
        is("AAC", "aac", adts_frames(40)),
        of("AAC, ID3v1 alone", "ID3v2 none, APEv2 none, ID3v1.aac"),
        of("AAC, APEv2 alone", "ID3v2 none, APEv2 texts.aac"),
        is("True Audio", "tta", true_audio()),
        of("True Audio, ID3v1 alone", "ID3v2 none, APEv2 none, ID3v1.tta"),
        of("True Audio, APEv2 alone", "ID3v2 none, APEv2 texts.tta"),
        is("TAK", "tak", tak()),
        is("OptimFROG", "ofr", optim_frog()),
        is("DSF", "dsf", dsf(&[])),
        is("DSDIFF", "dff", dsdiff(&[], &[])),
        is("WMA", "wma", include_bytes!("fixtures/refused.wma").to_vec()),
        is("FLAC", "flac", flac(&[comments(entries)])),
        of("FLAC, ID3v2 alone", "ID3v2 texts, comments none.flac"),
        is("Opus", "opus", opus(entries)),
        is("M4A", "m4a", m4a),
        is("WAV without texts", "wav", wav(&[], &SOUND, &[])),
        of("WAV, LIST/INFO alone", "texts, no ID3.wav"),
        of("WAV, LIST/INFO and ID3", "texts, ID3.wav"),
        of("WAV, bext", "a description, no ID3.wav"),
        is("AIFF", "aiff", aiff(&[], &SOUND, &[])),
        of("WavPack", "ID3v2 none, APEv2 texts.wv"),
        of("WavPack, ID3v1", "ID3v2 none, APEv2 none, ID3v1.wv"),
        of("WavPack, ID3v2 alone", "ID3v2 texts, APEv2 none.wv"),
        of("Musepack", "ID3v2 none, APEv2 texts.mpc"),
        of("Musepack, ID3v1", "ID3v2 none, APEv2 none, ID3v1.mpc"),
        of("Monkey's Audio", "ID3v2 none, APEv2 texts.ape"),
        of("Monkey's Audio, ID3v1", "ID3v2 none, APEv2 none, ID3v1.ape"),
    ]
}

/// The cell of a reader that shows this: both genres apart, as one value, the first alone, none, or not even the file.
fn cell(shown: &Value) -> &'static str {
    let Some(genres) = shown["genre"].as_array() else { return "cannot read it" };
    // What exiftool calls the number 255 of ID3v1.
    let mut genres: Vec<&str> = genres.iter().filter_map(Value::as_str).filter(|genre| *genre != "None").collect();
    // It also shows what several tags say, in an order of its own.
    genres.sort_unstable();
    genres.dedup();
    match genres[..] {
        [] => "nothing",
        ["Blues", "Zydeco"] => "both",
        ["Zydeco"] => "the first",
        ["Blues"] => "the last",
        ["Zydeco/Blues" | "Zydeco / Blues" | "Zydeco;Blues" | "Zydeco, Blues"] => "both, as one",
        ["ZydecoBlues"] => "both, run together",
        _ => "another",
    }
}

/// The rows of a table in `docs/tags.md` whose first line begins like that, by their first column.
fn documented(heading: &str) -> BTreeMap<String, Vec<String>> {
    let docs = include_str!("../docs/tags.md");
    let rows =
        docs.lines().skip_while(|line| !line.starts_with(heading)).skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.map(|row| (cells(row)[0].clone(), cells(row)[1..].to_vec())).collect()
}

/// Compares what the readers show with a table of the documentation.
fn compare(test: &str, heading: &str, rows: &[&str], paths: &[PathBuf]) {
    let documented = documented(heading);
    let shown = ask(test, paths);
    let mut faults = Vec::new();
    for (row, shown) in rows.iter().zip(&shown) {
        let cells =
            READERS.map(
                |reader| if shown[reader].is_null() && shown.get(reader).is_none() { "" } else { cell(&shown[reader]) },
            );
        let right = documented.get(*row);
        let agrees =
            |right: &Vec<String>| right.iter().zip(cells).all(|(right, cell)| cell.is_empty() || right == cell);
        if !right.is_some_and(agrees) {
            faults.push(format!("| {row} | {} |", cells.join(" | ")));
        }
    }
    assert!(faults.is_empty(), "docs/tags.md should say\n{heading}\n{}", faults.join("\n"));
}

#[test]
fn the_genre_is_seen_by_those_who_are_said_to_see_it() {
    let kinds = kinds();
    let files: Vec<_> = kinds.iter().map(|(_, name, bytes)| (name.clone(), bytes.clone())).collect();
    let (_folder, paths) = Folder::with(&files);
    for path in &paths {
        set(path, &["Zydeco", "Blues"], &WriteOptions::default());
    }
    let rows: Vec<&str> = kinds.iter().map(|(label, ..)| *label).collect();
    compare("the_genre_is_seen_by_those_who_are_said_to_see_it", "| our genre in |", &rows, &paths);
}

#[test]
fn several_genres_of_id3v2_3_are_shown_as_the_table_says() {
    let rows = ["`\"slash\"`", "`\"nul\"`"];
    let files = rows.map(|row| (format!("{}.mp3", row.replace(['`', '"'], "")), mpeg_frames(40)));
    let (_folder, paths) = Folder::with(&files);
    for (path, id3v23_values) in paths.iter().zip([Id3Values::Slash, Id3Values::Nul]) {
        let options =
            WriteOptions { id3_version_for_new_tags: Id3Version::V23, id3v23_values, ..WriteOptions::default() };
        set(path, &["Zydeco", "Blues"], &options);
    }
    compare("several_genres_of_id3v2_3_are_shown_as_the_table_says", "| `id3v23_values` |", &rows, &paths);
}

#[test]
fn every_genre_that_is_written_into_an_mp3_is_shown_by_every_reader() {
    let test = "every_genre_that_is_written_into_an_mp3_is_shown_by_every_reader";
    let names = [
        "(live)",
        "(9)",
        "((x)",
        "8-Bit",
        "80s",
        "1977",
        "17",
        "RX",
        "Live (Unplugged)",
        "R&B/Soul",
        "Drum & Bass",
        "Š",
    ];
    let (_folder, paths) =
        Folder::with(&names.map(|name| (format!("{}.mp3", name.replace('/', " ")), mpeg_frames(40))));
    let (mut written, mut expected) = (Vec::new(), Vec::new());
    for version in [Id3Version::V23, Id3Version::V24] {
        for (name, path) in names.iter().zip(&paths) {
            fs::write(path, mpeg_frames(40)).unwrap();
            let plan = TagPlan::new(&read(path).unwrap(), [(TagField::Genre, vec![(*name).to_owned()])]);
            let options = WriteOptions { id3_version_for_new_tags: version, ..WriteOptions::default() };
            // What one of them would misread is refused.
            if write(path, &plan, &options, &NoJournal).is_ok() {
                written.push(path.clone());
                expected.push(*name);
            }
        }
        for (shown, name) in ask(test, &written).iter().zip(&expected) {
            for (reader, shown) in shown.as_object().unwrap() {
                assert_eq!(shown["genre"], serde_json::json!([name]), "{name:?} to {reader}");
            }
        }
        assert_eq!(std::mem::take(&mut expected), ["Live (Unplugged)", "R&B/Soul", "Drum & Bass", "Š"]);
        written.clear();
    }
}
