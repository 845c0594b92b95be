//! WAV and AIFF files with every arrangement of chunks, edited and read back by a walker that shares nothing with the
//! parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, genres_wish as wish};
use super::super::fixtures::{aiff, chunk, id3v2, rf64, text, wav};
use super::super::plan::TagField;
use super::*;

fn try_edit(file: &[u8], wish: &Wish) -> Result<Vec<u8>, Problem> {
    Ok(edit_check::try_edit(IffFile::parse, file, wish, EditOptions::default())?.0)
}

fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    try_edit(file, wish).unwrap()
}

fn refusal(file: &[u8]) -> String {
    edit_check::refusal(try_edit(file, &wish(&["Rock"])))
}

/// The file after the edit was taken back.
fn undone(file: &[u8], wish: &Wish) -> Vec<u8> {
    let (_, patch) = edit_check::try_edit(IffFile::parse, file, wish, EditOptions::default()).unwrap();
    edit_check::undone(IffFile::parse, file, &patch)
}

type Chunks = Vec<(String, Vec<u8>)>;

mod lists;
mod wrong_sizes;

/// The chunks of a whole form, whose sizes and pad bytes have to be right.
fn walk(file: &[u8]) -> Chunks {
    let is_big = file.starts_with(b"FORM");
    let number = |at: usize| {
        let bytes = [file[at], file[at + 1], file[at + 2], file[at + 3]];
        (if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }) as usize
    };
    let long = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    let is_rf64 = file.starts_with(b"RF64");
    assert_eq!(if is_rf64 { long(20) } else { number(4) } + 8, file.len());
    let (mut chunks, mut at) = (Vec::new(), 12);
    while at < file.len() {
        let name = String::from_utf8(file[at..at + 4].to_vec()).unwrap();
        let size = if is_rf64 && name == "data" { long(28) } else { number(at + 4) };
        chunks.push((name, file[at + 8..at + 8 + size].to_vec()));
        at += 8 + size.next_multiple_of(2);
    }
    assert_eq!(at, file.len(), "the last chunk has its pad byte");
    chunks
}

fn foreign(file: &[u8]) -> Chunks {
    let is_foreign = |(name, body): &(String, Vec<u8>)| {
        !name.eq_ignore_ascii_case("id3 ") && !body.starts_with(b"INFO") && name != "ds64"
    };
    walk(file).into_iter().filter(is_foreign).collect()
}

fn info(items: &[(&str, &[u8])]) -> (&'static str, Vec<u8>) {
    let items = items.iter().flat_map(|(name, text)| chunk(name, text, false));
    ("LIST", b"INFO".iter().copied().chain(items).collect())
}

fn tag(padding: usize) -> (&'static str, Vec<u8>) {
    ("id3 ", id3v2(3, 0, &text(3, "TIT2", "Title"), padding))
}

const SOUND: [u8; 21] = [7; 21];

#[test]
fn a_file_without_a_tag_gets_a_chunk_at_the_end_and_the_audio_stays_in_its_place() {
    for sound in [&SOUND[..], &SOUND[..20]] {
        for (file, name) in
            [(wav(&[], sound, &[]), "id3 "), (aiff(&[], sound, &[]), "ID3 "), (rf64(sound, &[]), "id3 ")]
        {
            let after = edited(&file, &wish(&["Rock", "Pop"]));
            assert_eq!(after[40..file.len()], file[40..]);
            let chunks = walk(&after);
            assert_eq!(chunks.last().unwrap().0, name);
            assert_eq!(foreign(&after), foreign(&file));
            // There is room for the next time.
            assert_eq!(edited(&after, &wish(&["Something longer than before"])).len(), after.len());
        }
    }
}

#[test]
fn the_tag_in_the_chunk_keeps_version_name_and_place_whatever_the_case() {
    for name in ["id3 ", "ID3 "] {
        for body in [tag(0).1, tag(1).1, tag(500).1, [tag(0).1, vec![0; 3]].concat()] {
            let file = wav(&[(name, &body)], &SOUND, &[("bext", b"odd")]);
            let after = edited(&file, &wish(&["Rock"]));
            let chunks = walk(&after);
            assert_eq!(chunks[1].0, name);
            assert_eq!(chunks[1].1[..5], *b"ID3\x03\0");
            assert_eq!(foreign(&after), foreign(&file));
            assert!(undone(&file, &wish(&["Rock"])) == file, "every byte is what it was");
        }
    }
}

#[test]
fn a_second_tag_only_must_not_contradict_the_first() {
    let second = id3v2(3, 0, &[text(3, "TCON", "Old"), text(3, "TIT2", "x")].concat(), 30);
    let file = wav(&[("id3 ", &tag(300).1)], &SOUND, &[("ID3 ", &second)]);
    let after = edited(&file, &wish(&["New"]));
    assert!(!after.windows(3).any(|bytes| bytes == b"Old"));
}

#[test]
fn a_first_tag_without_frames_does_not_begin_to_hide_a_list_where_a_second_one_speaks() {
    let second = id3v2(3, 0, &[text(3, "TCON", "Old"), text(3, "TIT2", "x")].concat(), 30);
    let list = info(&[("INAM", b"Title\0"), ("IGNR", b"Old\0")]).1;
    let file = wav(&[("id3 ", &id3v2(3, 0, &[], 40)), ("LIST", &list)], &SOUND, &[("ID3 ", &second)]);
    let after = edited(&file, &edit_check::full_wish(&["New"]));
    assert_eq!(walk(&after)[1].1, id3v2(3, 0, &[], 40), "it stays empty");
    assert!(!after.windows(3).any(|bytes| bytes == b"Old"));
    assert_eq!(undone(&file, &wish(&["New"])), file);
}

#[test]
fn bytes_behind_the_form_are_copied() {
    let form = wav(&[], &SOUND, &[]);
    let after = edited(&[&form[..], b"\0behind"].concat(), &wish(&["Rock"]));
    assert!(after.ends_with(b"\0behind"));
    walk(&after[..after.len() - 7]);
}

#[test]
fn the_sizes_of_rf64_follow_in_the_ds64_chunk() {
    let file = rf64(&SOUND, &[("LIST", &info(&[("IGNR", b"Old")]).1)]);
    let after = edited(&file, &wish(&["New and longer"]));
    assert_eq!(after[4..8], [0xff; 4]);
    assert_eq!(after[28..48], file[28..48], "the other sizes stay");
    assert_eq!(foreign(&after), foreign(&file));
}

#[test]
fn what_is_damaged_or_ambiguous_is_refused_with_the_reason() {
    let good = wav(&[], &SOUND, &[]);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (good[..good.len() - 4].to_vec(), "truncated"),
        (with(4, &[0xff, 0xff, 0, 0]), "truncated"),
        (with(40, &[0xff; 4]), "truncated"),
        (with(36, b"sate"), "no chunk of audio"),
        (with(36, b"\0\0\0\0"), "no text"),
        (wav(&[("id3 ", b"")], &SOUND, &[]), "whole ID3v2 tag"),
        (wav(&[("id3 ", &tag(9).1[..20])], &SOUND, &[]), "whole ID3v2 tag"),
        ([tag(0).1, good.clone()].concat(), "in front of it"),
        (wav(&[("LIST", b"INFOIGNR\xff\0\0\0")], &SOUND, &[]), "longer than the list"),
        (wav(&[("LIST", b"INFOIGNR")], &SOUND, &[]), "no item"),
        ([&b"RF64"[..], &good[4..]].concat(), "ds64"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
}

proptest! {
    #[test]
    fn random_chunks_are_edited_as_the_model_says(
        others in proptest::collection::vec(("[a-ce-z]{4}", proptest::collection::vec(any::<u8>(), 0..30)), 0..5),
        place in any::<prop::sample::Index>(),
        tag_padding in proptest::option::of(0usize..400),
        old in proptest::option::of("[A-Za-z]{0,9}"),
        genre in "[A-Z]?[a-z]{1,39}",
        sound in proptest::collection::vec(any::<u8>(), 2..40),
        is_aiff in any::<bool>(),
    ) {
        let mut chunks = others;
        if let Some(padding) = tag_padding {
            chunks.insert(place.index(chunks.len() + 1), ("ID3 ".to_owned(), tag(padding).1));
        }
        if let Some(old) = old.filter(|_| !is_aiff) {
            let list = info(&[("INAM", b"x"), ("IGNR", old.as_bytes()), ("IART", b"yy")]).1;
            chunks.insert(place.index(chunks.len() + 1), ("LIST".to_owned(), list));
        }
        let at = place.index(chunks.len() + 1);
        let all: Vec<(&str, &[u8])> = chunks.iter().map(|(name, body)| (name.as_str(), body.as_slice())).collect();
        let make = if is_aiff { aiff } else { wav };
        let before = make(&all[..at], &sound, &all[at..]);
        let after = edited(&before, &wish(&[&genre]));
        let shorter = edited(&after, &wish(&[&genre[..genre.len().div_ceil(2)]]));
        let without = edited(&shorter, &Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec()));
        for file in [&after, &shorter, &without] {
            prop_assert_eq!(foreign(file), foreign(&before));
        }
    }

    #[test]
    fn hostile_chunks_are_refused_not_believed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
        is_rf64 in any::<bool>(),
    ) {
        let list = info(&[("IGNR", b"Old")]).1;
        let chunks: [(&str, &[u8]); 2] = [("LIST", &list), ("id3 ", &tag(20).1)];
        let mut source = if is_rf64 { rf64(&SOUND, &chunks) } else { wav(&[], &SOUND, &chunks) };
        let at = at.index(source.len());
        source[at] = byte;
        source.truncate(cut.index(source.len()) + 1);
        if let Ok(parsed) = IffFile::parse(&source) {
            let _ = parsed.edit(&source, &wish(&["Rock"]), EditOptions::default());
            let _ = parsed.layout(&source);
        }
    }
}
