//! Other people's readers see what was written, and everything else as it was: lofty always, mutagen where it is
//! installed.

#![allow(clippy::unwrap_used)] // a test may panic

use std::fs;
use std::path::Path;
use std::process::Command;

use common::journal::NoJournal;
use lofty::config::ParseOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::prelude::ItemKey;
use lofty::probe::Probe;
use lofty::tag::Tag;
use reclassd::tagging::{Decision, FileStamp, Suggestion, TagPolicy, WriteOptions, Written, decide, read, write};

mod common;
#[path = "../src/tagging/fixtures.rs"]
mod fixtures;
use fixtures::{
    aiff, ape_item, ape_tag, atom, comments, data_atom, flac, frame, freeform, id3v1, id3v2, mp4, mp4_meta,
    mpeg_frames, ogg_lay_out, ogg_page, text, wav, wavpack_blocks,
};

/// Files without a genre; each has a title and an artist where it has a tag.
fn library() -> Vec<(&'static str, Vec<u8>)> {
    let frames = |version: u8| {
        let picture = frame(version, "APIC", [0, 0], b"\0image/png\0\x03\0\x89PNG\xff\xe0\xff\0");
        let user = frame(version, "TXXX", [0, 0], b"\0DUP\0one");
        let twin = frame(version, "TXXX", [0, 0], b"\0DUP\0two");
        [text(version, "TIT2", "Title"), text(version, "TPE1", "Artist"), user, twin, picture].concat()
    };
    let title: [&[u8]; 4] = [b"TITLE=Title", b"ARTIST=Artist", b"CUSTOM=1", b"CUSTOM=1"];
    vec![
        ("2.3 padded.mp3", [id3v2(3, 0, &frames(3), 1000), mpeg_frames(40)].concat()),
        ("2.3 growing.mp3", [id3v2(3, 0, &frames(3), 0), mpeg_frames(40), id3v1(12)].concat()),
        ("2.3 unsynchronised.mp3", [id3v2(3, 0x80, &frames(3), 700), mpeg_frames(40)].concat()),
        ("2.4 padded.mp3", [id3v2(4, 0, &frames(4), 1000), mpeg_frames(40)].concat()),
        (
            "2.4 unknown.mp3",
            [id3v2(4, 0, &[frames(4), text(4, "TCON", "Unknown")].concat(), 9), mpeg_frames(40)].concat(),
        ),
        ("no tag.mp3", mpeg_frames(40)),
        ("padded.flac", flac(&[comments(&title), (1, vec![0; 900])])),
        ("growing.flac", flac(&[comments(&title)])),
        ("no comments.flac", flac(&[])),
        ("short headers.ogg", vorbis(&title, 255)),
        ("small pages.ogg", vorbis(&title, 2)),
        ("short headers.opus", opus(&title, &[])),
        ("padded.opus", opus(&title, &[0; 600])),
        ("page more.opus", opus(&[&title[..], &[&[b"FILL=".to_vec(), vec![b'x'; 64_800]].concat()]].concat(), &[])),
        ("no tag.wav", wav(&[], &SOUND, &[])),
        ("tag.wav", wav(&[], &SOUND, &[("id3 ", &id3v2(3, 0, &frames(3), 40))])),
        ("upper case.wav", wav(&[("ID3 ", &id3v2(4, 0, &frames(4), 0))], &SOUND, &[])),
        ("no tag.aiff", aiff(&[], &SOUND, &[])),
        ("tag.aiff", aiff(&[], &SOUND, &[("ID3 ", &id3v2(4, 0, &frames(4), 1001))])),
        ("no tag.wv", wavpack_blocks()),
        (
            "tag.wv",
            [wavpack_blocks(), ape_tag(&[ape_item("Title", b"Title", 0), ape_item("Artist", b"Artist", 0)]), id3v1(12)]
                .concat(),
        ),
        ("no tag.m4a", mp4(&[], true, false)),
        ("moov first.m4a", mp4(&m4a_tags(0), true, false)),
        ("moov last.m4a", mp4(&m4a_tags(0), false, true)),
        ("padded.m4a", mp4(&m4a_tags(900), true, true)),
    ]
}

const SOUND: [u8; 801] = [3; 801];

fn m4a_tags(padding: usize) -> Vec<u8> {
    let item = |kind, value: &[u8]| atom(kind, &data_atom(1, value));
    let items = [item(b"\xa9nam", b"Title"), item(b"\xa9ART", b"Artist"), freeform("CUSTOM", &["1", "1"])].concat();
    let list = atom(b"ilst", &items);
    let free = if padding > 0 { atom(b"free", &vec![0; padding]) } else { Vec::new() };
    atom(b"udta", &mp4_meta(&[list, free].concat()))
}

fn vorbis(entries: &[&[u8]], segments: usize) -> Vec<u8> {
    // Version, channels, rate, bit rates, block sizes, framing bit.
    let rate = 44_100u32.to_le_bytes();
    let first = [&b"\x01vorbis\0\0\0\0\x02"[..], &rate, &[0; 4], &[0, 0xfa, 0, 0], &[0; 4], &[0xb8, 1]].concat();
    let headers = [[b"\x03vorbis".to_vec(), comments(entries).1, vec![1]].concat(), b"\x05vorbis setup".to_vec()];
    ogg(&first, &headers, segments)
}

fn opus(entries: &[&[u8]], padding: &[u8]) -> Vec<u8> {
    let first = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";
    ogg(first, &[[b"OpusTags".to_vec(), comments(entries).1, padding.to_vec()].concat()], 255)
}

fn ogg(first: &[u8], headers: &[Vec<u8>], segments: usize) -> Vec<u8> {
    let mut file = ogg_page(2, 0, 5, 0, &[first.len() as u8], first);
    let pages = ogg_lay_out(5, 1, headers, segments);
    file.extend(pages.concat());
    for number in 1..=20u32 {
        let (flags, page) = (if number == 20 { 4 } else { 0 }, number + pages.len() as u32);
        // 20 ms of silence in Opus.
        file.extend(ogg_page(flags, i64::from(number) * 960, 5, page, &[3], b"\xfc\xff\xfe"));
    }
    file
}

fn scan(path: &Path, genres: &[&str]) -> Option<Written> {
    let suggestion = Suggestion {
        genres: genres.iter().map(|&genre| genre.to_owned()).collect(),
        confidence: 0.871,
        model: "reclassd-test 1".to_owned(),
        sure: true,
    };
    match decide(&read(path).unwrap(), &suggestion, &TagPolicy::default(), None, &|a, b| a == b) {
        Decision::Write(plan) => Some(write(path, &plan, &WriteOptions::default(), &NoJournal).unwrap()),
        Decision::Keep(_) | Decision::Unsure => None,
    }
}

/// Every tag of a file as lofty reads it, and how long it plays.
fn lofty_reads(path: &Path) -> (Tag, u128) {
    let options = ParseOptions::new();
    let file = Probe::open(path).unwrap().options(options).guess_file_type().unwrap().read().unwrap();
    (file.primary_tag().unwrap().clone(), file.properties().duration().as_millis())
}

#[test]
fn lofty_reads_the_genre_and_every_other_field() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in library() {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(scan(&path, &["Free-Folk", "Blues"]), Some(Written::Changed(_))), "{name}");
        let (tag, duration) = lofty_reads(&path);
        let genres: Vec<&str> = tag.get_strings(ItemKey::Genre).flat_map(|value| value.split(['/', '\0'])).collect();
        assert_eq!(genres, ["Free-Folk", "Blues"], "{name}");
        if !name.starts_with("no ") {
            assert_eq!(tag.get_string(ItemKey::TrackTitle), Some("Title"), "{name}");
            assert_eq!(tag.get_string(ItemKey::TrackArtist), Some("Artist"), "{name}");
        }
        assert!(duration > 0, "{name}");
    }
}

#[test]
fn a_second_scan_writes_nothing_and_a_genre_of_ours_follows_a_better_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in library() {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        scan(&path, &["Free-Folk"]);
        let stamp = FileStamp::of(&path).unwrap();
        assert_eq!(scan(&path, &["Free-Folk"]), None, "{name}");
        assert_eq!(FileStamp::of(&path).unwrap(), stamp);
        assert!(matches!(scan(&path, &["Blues"]), Some(Written::Changed(_))), "{name}");
        let state = read(&path).unwrap();
        assert_eq!(state.genres, ["Blues"]);
        assert!(state.genre_is_ours());
        assert_eq!(state.own.confidence.as_deref(), Some("0.87"));
        assert_eq!(state.own.model.as_deref(), Some("reclassd-test 1"));
    }
}

const MUTAGEN: &str = r#"
import mutagen, sys
for path in sys.argv[1:]:
    file = mutagen.File(path)
    tags = file.tags
    if path.endswith((".mp3", ".wav", ".aiff")):
        print("genre", "|".join(g for t in tags["TCON"].text for g in str(t).split("/")), file.info.length > 0)
        own = {key: "|".join(tags["TXXX:RECLASSD_" + key].text) for key in ("GENRE", "CONFIDENCE", "MODEL")}
        own["GENRE"] = own["GENRE"].replace("/", "|")
        print("own", own["GENRE"], own["CONFIDENCE"], own["MODEL"])
        print("foreign", sorted(k for k in tags if not k.startswith(("TCON", "TXXX:RECLASSD"))))
    elif path.endswith(".m4a"):
        print("genre", "|".join(tags["\xa9gen"]), file.info.length > 0)
        own = ["|".join(str(v, "utf-8") for v in tags["----:com.apple.iTunes:RECLASSD_" + key]) for key in ("GENRE", "CONFIDENCE", "MODEL")]
        print("own", *own)
        print("foreign", [(k, len(tags[k])) for k in tags if not k.startswith(("\xa9gen", "----:com.apple.iTunes:RECLASSD"))])
    elif path.endswith(".wv"):
        print("genre", "|".join(tags["Genre"]), file.info.length > 0)
        print("own", "|".join(tags["reclassd_genre"]), tags["reclassd_confidence"][0], tags["reclassd_model"][0])
        print("foreign", [(k, str(tags[k])) for k in tags if not k.lower().startswith(("genre", "reclassd"))])
    else:
        print("genre", "|".join(tags["genre"]), file.info.length > 0)
        print("own", "|".join(tags["reclassd_genre"]), tags["reclassd_confidence"][0], tags["reclassd_model"][0])
        print("foreign", [(k, v) for k, v in tags if not k.lower().startswith(("genre", "reclassd", "fill"))])
"#;

#[test]
fn mutagen_reads_the_genre_and_our_fields() {
    let python = std::env::var("RECLASSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import mutagen"]).output().is_ok_and(|out| out.status.success());
    if !found {
        common::skipped("mutagen_reads_the_genre_and_our_fields", &format!("{python} has no mutagen"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in library() {
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        scan(&path, &["Free-Folk", "Blues"]);
        let out = Command::new(&python).args(["-c", MUTAGEN]).arg(&path).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "genre Free-Folk|Blues True", "{name}");
        assert_eq!(lines[1], "own Free-Folk|Blues 0.87 reclassd-test 1", "{name}");
        let foreign = match name {
            name if name.starts_with("no ") => "foreign []",
            name if name.ends_with(".wv") => "foreign [('Title', 'Title'), ('Artist', 'Artist')]",
            name if name.ends_with(".m4a") => "foreign [('©nam', 1), ('©ART', 1), ('----:com.apple.iTunes:CUSTOM', 2)]",
            name if [".mp3", ".wav", ".aiff"].iter().any(|end| name.ends_with(end)) => {
                "foreign ['APIC:', 'TIT2', 'TPE1', 'TXXX:DUP']"
            }
            _ => "foreign [('TITLE', 'Title'), ('ARTIST', 'Artist'), ('CUSTOM', '1'), ('CUSTOM', '1')]",
        };
        assert_eq!(lines[2], foreign, "{name}");
    }
}
