//! Tests of the editor of ASF files on files that are built here: what is written, what stays, what is refused.
#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{full_wish, genres_wish, refusal, taken_back, try_edit};
use super::super::fixtures::{asf, asf_content, asf_extension, asf_library, asf_object};
use super::*;

fn edited(file: &[u8], genres: &[&str]) -> (Vec<u8>, Patch) {
    try_edit(AsfFile::parse, file, &genres_wish(genres), EditOptions::default()).unwrap()
}

fn header_length(file: &[u8]) -> usize {
    u64::from_le_bytes(file[16..24].try_into().unwrap()) as usize
}

/// What every edited file has to fulfil.
fn check(before: &[u8], after: &[u8]) {
    assert_eq!(before[header_length(before)..], after[header_length(after)..], "what lies behind the header");
    let told = u64::from_le_bytes(after[30 + 24 + 16..30 + 24 + 24].try_into().unwrap());
    assert_eq!(told, after.len() as u64, "the length that it tells");
    let moved = after.len() - before.len();
    assert_eq!(moved % 4096, 0, "the sound moves by whole blocks, or not at all: {moved}");
}

fn genres(file: &[u8]) -> Vec<String> {
    AsfFile::parse(&file.to_vec()).unwrap().values(TagField::Genre)
}

fn padding(length: usize) -> Vec<u8> {
    asf_object("padding", &vec![0; length])
}

#[test]
fn a_file_without_attributes_gets_them_and_is_itself_again_after_an_undo() {
    for objects in [
        vec![],
        vec![asf_object("content description", &[0; 10])],
        vec![padding(3000)],
        vec![asf_extension(&padding(3000))],
        vec![asf_extension(&[]), padding(7)],
    ] {
        let before = asf(&objects);
        let (after, patch) = edited(&before, &["Rock", "Pop"]);
        check(&before, &after);
        assert_eq!(genres(&after), ["Rock", "Pop"]);
        assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
    }
}

#[test]
fn padding_takes_up_the_difference_wherever_it_stands() {
    let content = asf_content(&[("WM/Genre", 0, "Old"), ("WM/AlbumTitle", 0, "Album")]);
    for objects in [vec![content.clone(), padding(400)], vec![asf_extension(&padding(400)), content.clone()]] {
        let before = asf(&objects);
        for genre in ["A much longer genre than the old one", "X"] {
            let (after, patch) = edited(&before, &[genre]);
            check(&before, &after);
            assert_eq!(after.len(), before.len(), "the sound stays");
            assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
        }
    }
    // Too little of it grows, and what is no free space is left alone.
    for pad in [padding(3), asf_object("padding", b"something else stands here")] {
        let before = asf(&[content.clone(), pad]);
        let (after, patch) = edited(&before, &["A much longer genre than the old one"]);
        check(&before, &after);
        assert!(after.len() > before.len());
        assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
    }
}

#[test]
fn attributes_of_others_keep_their_place_and_bytes() {
    let before = asf(&[asf_content(&[
        ("WM/AlbumTitle", 0, "Album"),
        ("WM/Genre", 0, "Old"),
        ("WM/Genre", 0, "Other"),
        ("WM/GenreID", 0, "(17)"),
        ("IsVBR", 2, "\u{1}\0\0\0"),
    ])]);
    let (after, _) = edited(&before, &["New"]);
    let names: Vec<String> =
        AsfFile::parse(&after).unwrap().attributes.into_iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, ["WM/AlbumTitle", "WM/Genre", "WM/GenreID", "IsVBR", "RECLASSD_GENRE"]);
}

#[test]
fn further_genres_in_the_metadata_library_follow() {
    let library =
        asf_library(&[("WM/Lyrics_Synchronised", 0, "la"), ("WM/Genre", 0, "Second"), ("WM/Genre", 2, "of a stream")]);
    for content in [asf_content(&[("WM/Genre", 0, "First")]), asf_content(&[])] {
        let before = asf(&[asf_extension(&[library.clone(), padding(50)].concat()), content]);
        let old = genres(&before);
        assert_eq!(old.last().unwrap(), "Second");
        let (after, patch) = edited(&before, &["New"]);
        check(&before, &after);
        assert_eq!(genres(&after), ["New"]);
        assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
        // What is so already stays as it is.
        let same = Wish::Set(vec![(TagField::Genre, old)]);
        let (after, patch) = try_edit(AsfFile::parse, &before, &same, EditOptions::default()).unwrap();
        assert!(patch.is_empty() && after == before);
    }
}

#[test]
fn all_of_our_fields_are_written_and_removed() {
    let before = asf(&[asf_content(&[("WM/Genre", 0, "Old")])]);
    let (after, _) = try_edit(AsfFile::parse, &before, &full_wish(&["Rock"]), EditOptions::default()).unwrap();
    let fields: Vec<TagField> = AsfFile::parse(&after).unwrap().holdings().into_iter().map(|held| held.field).collect();
    assert_eq!(fields, TagField::ALL[..4]);
    let none = Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec());
    let (cleared, _) = try_edit(AsfFile::parse, &after, &none, EditOptions::default()).unwrap();
    assert_eq!(cleared.len(), after.len(), "the room that they took is padding");
    assert!(AsfFile::parse(&cleared).unwrap().holdings().is_empty());
}

#[test]
fn a_length_that_was_wrong_stays_as_it_was() {
    let mut before = asf(&[]);
    before[70..78].copy_from_slice(&12_345u64.to_le_bytes());
    let (after, _) = edited(&before, &["Rock"]);
    assert_eq!(after[70..78], before[70..78]);
}

#[test]
fn a_wrong_length_that_would_become_true_by_chance_stays_wrong_and_comes_back() {
    let mut before = asf(&[]);
    let (longer, _) = edited(&before, &["Rock"]);
    before[30 + 24 + 16..30 + 24 + 24].copy_from_slice(&(longer.len() as u64).to_le_bytes());
    let (after, patch) = edited(&before, &["Rock"]);
    assert_eq!(after.len(), longer.len() + 4096);
    assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
}

#[test]
fn what_cannot_be_kept_true_is_refused_with_the_reason() {
    let content = asf_content(&[("WM/Genre", 0, "Old")]);
    let whole = asf(std::slice::from_ref(&content));
    let header = header_length(&whole);
    let with = |at: usize, byte: u8| {
        let mut file = whole.clone();
        file[at] ^= byte;
        file
    };
    let empty = [&whole[..header], &asf_object("data", &[0; 26])].concat();
    for (file, words) in [
        (asf(&[asf_object("encryption", b"x")]), "protected"),
        (asf(&[content.clone(), content.clone()]), "twice"),
        (asf(&[asf_extension(&[asf_library(&[]), asf_library(&[])].concat())]), "several metadata libraries"),
        (asf(&[asf_object("extended content", b"\x02\0")]), "does not fit its list"),
        (asf(&[asf_object("extended content", b"\0\0x")]), "bytes follow the last descriptor"),
        (asf(&[asf_object("extension", &[0; 20])]), "its extension contradicts itself"),
        (with(24, 1), "as many objects"),
        (with(30 + 16, 0x80), "an object does not fit"),
        (with(header, 1), "no data follow it"),
        (whole[..header + 90].to_vec(), "truncated"),
        (whole[..header - 1].to_vec(), "truncated"),
        (empty, "no sound"),
        // The type of its only stream.
        (with(30 + 104 + 24, 1), "no stream of sound"),
    ] {
        let reason = refusal(AsfFile::parse(&file));
        assert!(reason.contains(words), "{words}: {reason}");
    }
    let file = asf(&[asf_content(&[("WM/Genre", 3, "1234")])]);
    let edit = AsfFile::parse(&file).unwrap().edit(&file, &genres_wish(&["Rock"]), EditOptions::default());
    assert!(refusal(edit).contains("not stored as text"));
    let long = "x".repeat(40_000);
    let edit = AsfFile::parse(&whole).unwrap().edit(&whole, &genres_wish(&[&long]), EditOptions::default());
    assert!(refusal(edit).contains("larger than"));
}

proptest! {
    #[test]
    fn random_attributes_are_edited_as_the_model_says(
        others in proptest::collection::vec(("[A-Z][a-z]{2,8}", 0u16..6, "[a-z]{0,20}"), 0..6),
        old in proptest::collection::vec("[A-Z][a-z]{1,9}", 0..3),
        genre in "[A-Z][a-z]{1,30}",
        pad in proptest::option::of(0usize..200),
    ) {
        let mut attributes: Vec<(&str, u16, &str)> = others.iter().map(|(name, kind, value)| (&**name, *kind, &**value)).collect();
        let place = attributes.len() / 2;
        attributes.splice(place..place, old.iter().map(|genre| ("WM/Genre", 0, &**genre)));
        let before = asf(&[vec![asf_content(&attributes)], pad.map(padding).into_iter().collect()].concat());
        let (after, patch) = edited(&before, &[&genre]);
        check(&before, &after);
        prop_assert_eq!(genres(&after), std::slice::from_ref(&genre));
        prop_assert_eq!(taken_back(AsfFile::parse, &before, &after, &patch), before);
    }

    #[test]
    fn hostile_bytes_are_refused_not_believed(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let library = asf_library(&[("WM/Genre", 0, "Second")]);
        let content = asf_content(&[("WM/Genre", 0, "Old"), ("X", 1, "binary")]);
        let mut file = asf(&[asf_extension(&[library, padding(9)].concat()), content, padding(40)]);
        let at = at.index(header_length(&file) + 80);
        file[at] = byte;
        if let Ok(parsed) = AsfFile::parse(&file) {
            let _ = parsed.edit(&file, &genres_wish(&["Pop"]), EditOptions::default());
            let _ = parsed.layout(&file);
        }
    }
}
