//! Files of kinds that are no MP3, whatever they hold and whatever their names say: refused by their own names, and
//! never written.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use std::path::Path;

use common::Library;
use reclassd::audio::{identify, open};
use reclassd::tagging::{self, Container, TagError};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Frames of a real MP3, without a tag or a table in front.
fn frames() -> Vec<u8> {
    fixture("bare.mp3")
}

fn id3v2(body: &[u8]) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (body.len() >> shift & 0x7f) as u8);
    [&b"ID3\x03\0\0"[..], &size, body].concat()
}

fn be(number: usize) -> [u8; 4] {
    (number as u32).to_be_bytes()
}

/// A film: packs of a program stream, the frames of its sound in packets between them.
fn program_stream() -> Vec<u8> {
    let pack = b"\0\0\x01\xba\x21\0\x01\0\x01\x80\x03\xe9";
    let sound = frames();
    let packets = sound.chunks(1200).flat_map(|sound| {
        let length = ((sound.len() + 1) as u16).to_be_bytes();
        [&pack[..], &[0, 0, 1, 0xc0], &length, &[0x0f], sound].concat()
    });
    packets.collect()
}

/// Name, contents, and the words that both sides use.
fn kinds() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let sound = frames();
    let length = sound.len();
    let rifx = |format: &[u8], data: &[u8]| {
        let mut body = [b"WAVEfmt ", &be(format.len())[..], format, b"data", &be(data.len()), data].concat();
        body.resize(body.len().next_multiple_of(2), 0);
        [b"RIFX", &be(body.len())[..], &body].concat()
    };
    let mp3_format = [&[0, 0x55, 0, 2][..], &be(44_100), &be(10_000), &[0, 1, 0, 0]].concat();
    let pcm_format = [&[0, 1, 0, 1][..], &be(8000), &be(16_000), &[0, 2, 0, 16]].concat();
    let picture = [b"ILBMBMHD", &be(20)[..], &[0; 20], b"BODY", &be(length), &sound].concat();
    // Version 5 of ten bits, a block of one frame; the rest is as good as noise.
    let old_musepack = [&[0x01, 0x2f, 0, 0x28][..], &sound[..300], &sound[5..700]].concat();
    vec![
        ("sun.au.mp3", [b".snd", &be(24)[..], &be(length), &be(1), &be(44_100), &be(1), &sound].concat(), "Sun audio"),
        ("rifx-mp3.mp3", rifx(&mp3_format, &sound), "RIFX WAVE"),
        ("rifx-pcm.wav", rifx(&pcm_format, &vec![9; 9000]), "RIFX WAVE"),
        ("film.mp3", program_stream(), "a film (MPEG program stream)"),
        ("picture.aiff", [b"FORM", &be(picture.len())[..], &picture].concat(), "an IFF file without sound"),
        ("old.mp3", old_musepack, "Musepack SV4 to SV6"),
        ("short.mp3", [&b"ajkg\x02\xfb"[..], &sound].concat(), "Shorten"),
        ("video.mp3", [&b"FLV\x01\x04\0\0\0\x09\0\0\0\0"[..], &sound].concat(), "a film (Flash video)"),
        ("cover.mp3", [&b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..], &sound].concat(), "it is a picture"),
        ("words.mp3", b"words, not sound\n".repeat(900), "it is text"),
    ]
}

/// The name of the same file with a tag in front.
fn behind_a_tag(name: &str) -> String {
    name.replacen('.', " behind a tag.", 1)
}

#[test]
fn a_foreign_file_is_called_by_its_name_and_not_written() {
    let library = Library::with_config(
        "[tags]\nmin_confidence = 0.0\n[analysis]\nmin_seconds = 0.5\n[library]\nextensions = [\"mp3\", \"wav\", \"aiff\"]\n",
    );
    for (name, file, _) in kinds() {
        library.put(name, &file);
        library.put(behind_a_tag(name), &[id3v2(b"TIT2\0\0\0\x06\0\0\0title"), file].concat());
    }
    let before = library.contents();
    let scan = library.scan(&[]).expect_code(0);
    for (name, _, words) in kinds() {
        // What has no mark is not told apart behind a tag.
        let has_mark = !["old.mp3", "words.mp3"].contains(&name);
        let words_behind_a_tag = if has_mark { words } else { "begins with a tag" };
        for (name, words) in [(name.to_owned(), words), (behind_a_tag(name), words_behind_a_tag)] {
            let reason = scan.field(&name, "reason");
            assert_eq!(scan.field(&name, "status"), "skipped", "{name}: {reason}");
            assert!(reason.contains(words), "{name}: {reason}");
            let path = library.music().join(&name);
            let tag = library.run("tag", &["--genre", "Rock", path.to_str().unwrap()]);
            let said = format!("{}{}", tag.stdout, tag.stderr);
            assert!(said.contains(words), "{name}: {said}");
        }
    }
    assert_eq!(library.contents(), before);
}

#[test]
fn both_sides_take_a_file_for_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = fixtures
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension != "py"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.extend(kinds().into_iter().map(|(name, file, _)| (name.to_owned(), file)));
    let mut mp3s = 0;
    for (name, file) in files {
        for (form, file) in [
            ("plain", file.clone()),
            ("behind a tag", [id3v2(&[0; 700]), file.clone()].concat()),
            ("cut", file[..file.len() / 3].to_vec()),
            ("its end", file[file.len() / 2 + 1..].to_vec()),
        ] {
            let path = folder.path().join("x.mp3");
            std::fs::write(&path, &file).unwrap();
            let heard = identify(&path);
            let is_heard_as_mp3 = open(&path, &Default::default()).is_ok()
                && reclassd::audio::payload(&path).is_ok_and(|payload| payload.container.name() == "MPEG audio");
            let container = Container::detect(&path).unwrap();
            mp3s += u32::from(is_heard_as_mp3);
            assert!(!is_heard_as_mp3 || container == Container::Mp3, "{name}, {form}: heard, and to tags {container}");
            // Of an MP3 whose frames have no lengths nothing is heard; what is cut may be too short.
            if container == Container::Mp3 && name != "refused-free.mp3" {
                assert!(heard.is_ok(), "{name}, {form}: an MP3 to tags, and {heard:?}");
            }
            if let Err(TagError::Refused { reason, .. }) = tagging::read(&path) {
                assert!(reason.is_about_content(), "{name}, {form}: {reason}");
            }
        }
    }
    assert!(mp3s > 20, "{mp3s}");
}
