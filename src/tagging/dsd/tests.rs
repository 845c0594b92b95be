//! Tests of the editors of DSF and DSDIFF on files that are built here: places and lengths that follow, what is refused.
#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{genres_wish, refusal, taken_back, try_edit};
use super::super::editor::Editor;
use super::super::error::Problem;
use super::super::fixtures::{dsdiff, dsdiff_chunk, dsdiff_texts, dsf, id3v2, text};
use super::super::plan::TagField;
use super::super::source::Source;
use super::*;

fn edited<E: Editor>(parse: fn(&dyn Source) -> Result<E, Problem>, file: &[u8]) -> (Vec<u8>, Patch) {
    try_edit(parse, file, &genres_wish(&["Rock", "Pop"]), EditOptions::default()).unwrap()
}

fn number(file: &[u8], at: usize) -> usize {
    u64::from_le_bytes(file[at..at + 8].try_into().unwrap()) as usize
}

/// The length of the form, as it says and as its chunks fill it; answers their names.
fn names(file: &[u8]) -> Vec<String> {
    let big = |at: usize| u64::from_be_bytes(file[at..at + 8].try_into().unwrap()) as usize;
    assert_eq!(big(4) + 12, file.len());
    let (mut names, mut at) = (Vec::new(), 16);
    while at < file.len() {
        names.push(String::from_utf8(file[at..at + 4].to_vec()).unwrap());
        at += 12 + big(at + 4).next_multiple_of(2);
    }
    assert_eq!(at, file.len());
    names
}

fn genre_of(editor: &dyn Editor) -> Vec<String> {
    editor.holdings().into_iter().find(|held| held.field == TagField::Genre).unwrap().values
}

#[test]
fn a_dsf_without_a_tag_gets_one_at_its_end_and_is_itself_again_after_an_undo() {
    let before = dsf(&[]);
    let (after, patch) = edited(DsfFile::parse, &before);
    assert_eq!(number(&after, 12), after.len(), "the length that it declares");
    assert_eq!(number(&after, 20), before.len(), "the pointer");
    assert_eq!(after[28..before.len()], before[28..]);
    assert!(after[before.len()..].starts_with(b"ID3\x04"));
    assert_eq!(genre_of(&DsfFile::parse(&after).unwrap()), ["Rock", "Pop"]);
    assert_eq!(taken_back(DsfFile::parse, &before, &after, &patch), before);
}

#[test]
fn a_tag_of_a_dsf_grows_and_is_itself_again_after_an_undo() {
    let frames = [text(3, "TIT2", "Title"), text(3, "TCON", "Old")].concat();
    for padding in [0, 5, 400] {
        for behind in [&b""[..], b"\0\0\0"] {
            let tag = id3v2(3, 0, &frames, padding);
            let mut before = [dsf(&tag), behind.to_vec()].concat();
            let length = before.len() as u64;
            before[12..20].copy_from_slice(&length.to_le_bytes());
            let (after, patch) = edited(DsfFile::parse, &before);
            assert_eq!(number(&after, 12), after.len());
            assert_eq!(number(&after, 20), number(&before, 20));
            assert!(after.ends_with(behind));
            assert_eq!(taken_back(DsfFile::parse, &before, &after, &patch), before);
        }
    }
}

#[test]
fn what_a_dsf_cannot_keep_true_is_refused_with_the_reason() {
    let tag = id3v2(3, 0, &text(3, "TIT2", "Title"), 0);
    let with = |at: usize, value: usize| {
        let mut file = dsf(&tag);
        file[at..at + 8].copy_from_slice(&(value as u64).to_le_bytes());
        file
    };
    let whole = dsf(&tag);
    for (file, words) in [
        (whole[..whole.len() - 1].to_vec(), "truncated"),
        ([whole.clone(), vec![0]].concat(), "bytes follow the end"),
        (with(20, whole.len() - tag.len() + 1), "its pointer leads to no ID3v2 tag"),
        (with(20, 40), "its pointer leads to no ID3v2 tag"),
        (with(4, 29), "impossible length"),
        (with(32, 3), "shorter than its header"),
        (with(84, usize::MAX), "truncated"),
        (with(84, 12), "no sound"),
    ] {
        let reason = refusal(DsfFile::parse(&file));
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_dsdiff_without_a_tag_gets_a_chunk_at_its_end_and_is_itself_again_after_an_undo() {
    for back in [Vec::new(), vec![dsdiff_chunk("COMT", b"\0\0")], vec![dsdiff_chunk("MANF", b"odd")]] {
        let before = dsdiff(&[], &back);
        let (after, patch) = edited(DsdiffFile::parse, &before);
        assert_eq!(after[12..before.len()], before[12..], "nothing in front of the new chunk moves");
        assert_eq!(names(&after), [names(&before), vec!["ID3 ".to_owned()]].concat());
        assert_eq!(genre_of(&DsdiffFile::parse(&after).unwrap()), ["Rock", "Pop"]);
        assert_eq!(taken_back(DsdiffFile::parse, &before, &after, &patch), before);
    }
}

#[test]
fn an_id3_chunk_of_a_dsdiff_is_edited_wherever_it_stands() {
    let frames = [text(4, "TIT2", "Title"), text(4, "TCON", "Old")].concat();
    for behind in [&b""[..], b"behind the tag"] {
        let tag = dsdiff_chunk("ID3 ", &[&id3v2(4, 0, &frames, 3), behind].concat());
        for before in [
            dsdiff(&[], std::slice::from_ref(&tag)),
            dsdiff(std::slice::from_ref(&tag), &[]),
            dsdiff(&[], &[tag.clone(), dsdiff_chunk("MANF", b"odd")]),
        ] {
            let (after, patch) = edited(DsdiffFile::parse, &before);
            assert_eq!(names(&after), names(&before));
            assert_eq!(taken_back(DsdiffFile::parse, &before, &after, &patch), before);
        }
    }
}

#[test]
fn a_new_tag_of_a_dsdiff_repeats_the_title_and_the_artist_that_it_would_hide() {
    let before = dsdiff(&[], &[dsdiff_texts("One", "Two")]);
    let (after, patch) = edited(DsdiffFile::parse, &before);
    for frame in [text(4, "TIT2", "One"), text(4, "TPE1", "Two")] {
        assert!(after.windows(frame.len()).any(|bytes| bytes == frame));
    }
    assert_eq!(taken_back(DsdiffFile::parse, &before, &after, &patch), before);
}

#[test]
fn the_missing_pad_byte_of_a_last_chunk_is_written_in_front_of_the_new_one() {
    let mut before = dsdiff(&[], &[dsdiff_chunk("MANF", b"odd")]);
    before.pop();
    let length = before.len() as u64 - 12;
    before[4..12].copy_from_slice(&length.to_be_bytes());
    let (after, _) = edited(DsdiffFile::parse, &before);
    assert_eq!(names(&after).last().unwrap(), "ID3 ");
}

#[test]
fn what_a_dsdiff_cannot_keep_true_is_refused_with_the_reason() {
    let tag = dsdiff_chunk("ID3 ", &id3v2(4, 0, &text(4, "TIT2", "Title"), 0));
    let whole = dsdiff(&[], std::slice::from_ref(&tag));
    let index = dsdiff_chunk("DSTI", &[0; 12]);
    let properties = dsdiff_chunk("PROP", &[b"SND ".to_vec(), tag.clone()].concat());
    let silent = dsdiff_chunk("FRM8", &[b"DSD ".to_vec(), dsdiff_chunk("DSD ", b"")].concat());
    for (file, words) in [
        (whole[..whole.len() - 1].to_vec(), "truncated"),
        ([whole.clone(), tag.clone()].concat(), "bytes follow the end"),
        (dsdiff(&[], &[tag.clone(), tag.clone()]), "several ID3 chunks"),
        (dsdiff(&[], &[properties]), "among its properties"),
        (dsdiff(std::slice::from_ref(&tag), &[index]), "an index tells where"),
        (dsdiff(&[], &[dsdiff_chunk("ID3 ", b"nothing")]), "one whole ID3v2 tag"),
        (dsdiff_chunk("FRM8", b"DSD "), "no chunk of sound"),
        (silent, "no sound"),
    ] {
        let reason = refusal(DsdiffFile::parse(&file));
        assert!(reason.contains(words), "{reason}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_not_believed(at in any::<prop::sample::Index>(), byte in any::<u8>(), is_dsf in any::<bool>()) {
        let tag = id3v2(3, 0, &text(3, "TCON", "Old"), 20);
        let mut file = if is_dsf { dsf(&tag) } else { dsdiff(&[], &[dsdiff_texts("One", "Two"), dsdiff_chunk("ID3 ", &tag)]) };
        // The sound is as it is.
        let size = file.len();
        let at = at.index(400);
        let at = if at < 150 { at } else { size - (at - 149).min(size) };
        file[at] = byte;
        fn answer<E: Editor>(parsed: Result<E, Problem>, file: &Vec<u8>) {
            if let Ok(parsed) = parsed {
                let _ = parsed.edit(file, &genres_wish(&["Pop"]), EditOptions::default());
                let _ = parsed.layout(file);
            }
        }
        if is_dsf { answer(DsfFile::parse(&file), &file) } else { answer(DsdiffFile::parse(&file), &file) }
    }
}
