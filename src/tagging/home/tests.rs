//! Tags of several kinds in one file: where the genre goes, what comes along, and what an undo makes of it.

#![allow(clippy::unwrap_used)] // a test may panic

use super::super::apetagged::ApeTagged;
use super::super::edit_check::{genres_wish, refusal, try_edit};
use super::super::editor::{EditOptions, Editor, Id3Version, Patch};
use super::super::fixtures::{
    ape_item, ape_tag, comments, flac, flac_blocks, flac_frames, frame, id3v1, id3v1_full, id3v2, mpeg_frames,
    streaminfo, text, wavpack_blocks,
};
use super::super::flac::FlacFile;
use super::super::journal::JournalEntry;
use super::super::mp3::Mp3File;
use super::super::restore::Restoration;
use super::super::source::Source;
use super::*;

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

fn wavpack(source: &dyn Source) -> Result<ApeTagged, Problem> {
    ApeTagged::parse(source, Container::WavPack)
}

fn v23() -> EditOptions {
    EditOptions { new_id3: Id3Version::V23, ..EditOptions::default() }
}

/// The texts of the tag of that scope, but for our own fields.
fn says(editor: &dyn Editor, scope: Scope) -> Vec<(Name, String)> {
    let voices = editor.voices();
    let said = voices.into_iter().filter(|voice| voice.scope == scope).flat_map(|voice| voice.said);
    said.filter(|said| said.name != Name::Own).map(|said| (said.name, said.value)).collect()
}

fn full_and(genre: &str) -> Vec<(Name, String)> {
    let fields = [
        (Name::Title, "Title"),
        (Name::Artist, "Artist"),
        (Name::Album, "Album"),
        (Name::Date, "1999"),
        (Name::Comment, "Note"),
        (Name::Track, "7"),
        (Name::Genre, genre),
    ];
    fields.map(|(name, value)| (name, value.to_owned())).to_vec()
}

/// What the undo of `patch` makes of `file`.
fn undone<E: Editor>(
    parse: fn(&dyn Source) -> Result<E, Problem>,
    before: &Vec<u8>,
    patch: &Patch,
    file: &Vec<u8>,
) -> Vec<u8> {
    let entry = JournalEntry::for_test(&parse(before).unwrap(), patch, before.len() as u64);
    let wish = Wish::Restore(Restoration::new(&[&entry], |_, _| true));
    parse(file).unwrap().edit(file, &wish, EditOptions::default()).unwrap().apply(file)
}

#[test]
fn title_and_artist_of_an_mp3_with_id3v1_alone_are_seen_by_everybody_afterwards() {
    let before = [mpeg_frames(3), id3v1_full()].concat();
    for (options, ids) in [(v23(), ["TYER", "TRCK"]), (EditOptions::default(), ["TDRC", "TRCK"])] {
        let (after, patch) = try_edit(Mp3File::parse, &before, &genres_wish(&["Rock"]), options).unwrap();
        assert!(after.ends_with(&before), "ID3v1 stays as it is");
        assert_eq!(says(&Mp3File::parse(&after).unwrap(), Scope::Id3v2(1)), full_and("Rock"));
        for id in ids {
            assert!(after.windows(4).any(|bytes| bytes == id.as_bytes()), "{id}");
        }
        assert_eq!(undone(Mp3File::parse, &before, &patch, &after), before, "byte for byte");
    }
}

#[test]
fn the_genre_of_id3v1_stays_visible_where_only_our_own_fields_are_written() {
    let before = [mpeg_frames(3), id3v1(17)].concat();
    let wish = Wish::Set(vec![(TagField::OwnGenre, strings(&["Jazz"]))]);
    let (after, patch) = try_edit(Mp3File::parse, &before, &wish, EditOptions::default()).unwrap();
    let said = says(&Mp3File::parse(&after).unwrap(), Scope::Id3v2(1));
    assert_eq!(said, [(Name::Title, "Old title".to_owned()), (Name::Genre, "Rock".to_owned())]);
    assert_eq!(undone(Mp3File::parse, &before, &patch, &after), before);
}

#[test]
fn a_tag_that_holds_a_picture_alone_hides_id3v1_only_once_it_has_a_genre() {
    let picture = frame(3, "APIC", [0, 0], b"\0image/png\0\x03\0\x89PNG");
    let before = [id3v2(3, 0, &picture, 900), mpeg_frames(3), id3v1_full()].concat();
    let (after, patch) = try_edit(Mp3File::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    let said = says(&Mp3File::parse(&after).unwrap(), Scope::Id3v2(1));
    assert_eq!(said[1..], full_and("Rock"), "behind the picture");
    assert_eq!(undone(Mp3File::parse, &before, &patch, &after), before);
}

#[test]
fn a_tag_with_a_text_receives_the_genre_alone() {
    let before = [id3v2(3, 0, &text(3, "TIT2", "a"), 900), mpeg_frames(3), id3v1_full()].concat();
    let (after, _) = try_edit(Mp3File::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    let said = says(&Mp3File::parse(&after).unwrap(), Scope::Id3v2(1));
    assert_eq!(said, [(Name::Title, "a".to_owned()), (Name::Genre, "Rock".to_owned())]);
}

#[test]
fn an_mp3_with_apev2_alone_gets_its_genre_there_and_no_id3v2() {
    let title = ape_item("Title", b"T", 0);
    for behind in [Vec::new(), id3v1_full()] {
        let before = [mpeg_frames(3), ape_tag(std::slice::from_ref(&title)), behind.clone()].concat();
        let (after, patch) = try_edit(Mp3File::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
        let items = [title.clone(), ape_item("Genre", b"Rock", 0), ape_item("RECLASSD_GENRE", b"Rock", 0)];
        assert_eq!(after, [mpeg_frames(3), ape_tag(&items), behind].concat());
        assert_eq!(undone(Mp3File::parse, &before, &patch, &after), before);
    }
    // Nothing is hidden where it holds a genre alone: more readers see an ID3v2 tag.
    let before = [mpeg_frames(3), ape_tag(&[ape_item("Genre", b"Old", 0)])].concat();
    let (after, _) = try_edit(Mp3File::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    assert!(after.starts_with(b"ID3"));
}

#[test]
fn a_flac_whose_texts_stand_in_id3v2_gets_its_genre_there() {
    let lead = id3v2(3, 0, &text(3, "TIT2", "a"), 900);
    for stream in [flac(&[]), flac(&[comments(&[])]), flac(&[comments(&[b"METADATA_BLOCK_PICTURE=AAAA", b"TITLE="])])] {
        let before = [lead.clone(), stream.clone()].concat();
        let (after, _) = try_edit(FlacFile::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
        assert!(after.ends_with(&stream), "comments would hide the title from ffmpeg and TagLib");
        let said = says(&FlacFile::parse(&after).unwrap(), Scope::Id3v2(1));
        assert_eq!(said, [(Name::Title, "a".to_owned()), (Name::Genre, "Rock".to_owned())]);
    }
    let native = flac(&[comments(&[b"TITLE=b"])]);
    let (after, _) =
        try_edit(FlacFile::parse, &[lead.clone(), native].concat(), &genres_wish(&["Rock"]), v23()).unwrap();
    assert!(after.starts_with(&lead), "comments that say something speak for the file");
}

#[test]
fn a_flac_with_id3v1_alone_gets_comments_that_say_the_same() {
    let before = [flac(&[]), id3v1_full()].concat();
    let (after, patch) = try_edit(FlacFile::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    assert_eq!(says(&FlacFile::parse(&after).unwrap(), Scope::VorbisComments), full_and("Rock"));
    let back = undone(FlacFile::parse, &before, &patch, &after);
    assert!(FlacFile::parse(&back).unwrap().holdings().is_empty());
    assert!(says(&FlacFile::parse(&back).unwrap(), Scope::VorbisComments).is_empty());
}

#[test]
fn what_was_carried_over_stays_when_id3v1_has_gone_since() {
    let before = [flac_blocks(&[streaminfo(8)]), flac_frames(8), id3v1_full()].concat();
    let (after, patch) = try_edit(FlacFile::parse, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    let without_v1 = after[..after.len() - 128].to_vec();
    let back = undone(FlacFile::parse, &before, &patch, &without_v1);
    let said = says(&FlacFile::parse(&back).unwrap(), Scope::VorbisComments);
    assert_eq!(said, full_and("")[..6], "the only place where they stand");
}

#[test]
fn a_wavpack_file_whose_texts_stand_in_id3v2_gets_its_genre_there() {
    let lead = id3v2(3, 0, &text(3, "TIT2", "a"), 900);
    let cover = ape_tag(&[ape_item("Cover Art (Front)", b"a.png\0\x89PNG", 2)]);
    for stream in [wavpack_blocks(), [wavpack_blocks(), cover].concat()] {
        let before = [lead.clone(), stream.clone()].concat();
        let (after, _) = try_edit(wavpack, &before, &genres_wish(&["Rock"]), v23()).unwrap();
        assert!(after.ends_with(&stream));
        let said = says(&wavpack(&after).unwrap(), Scope::Id3v2(1));
        assert_eq!(said, [(Name::Title, "a".to_owned()), (Name::Genre, "Rock".to_owned())]);
    }
}

#[test]
fn a_wavpack_file_with_id3v1_gets_an_apev2_tag_that_says_the_same() {
    let before = [wavpack_blocks(), id3v1_full()].concat();
    let (after, patch) = try_edit(wavpack, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    assert_eq!(says(&wavpack(&after).unwrap(), Scope::Apev2(1)), full_and("Rock"));
    assert_eq!(undone(wavpack, &before, &patch, &after), before);
    // Also where ID3v2 stands in front, which nobody reads beside ID3v1.
    let before = [id3v2(3, 0, &text(3, "TIT2", "a"), 0), before].concat();
    let (after, _) = try_edit(wavpack, &before, &genres_wish(&["Rock"]), v23()).unwrap();
    assert_eq!(says(&wavpack(&after).unwrap(), Scope::Apev2(1)), full_and("Rock"));
}

#[test]
fn a_file_whose_tags_cannot_be_kept_visible_is_refused_with_the_reason() {
    // As if a new tag could only be made with other texts in it.
    let voices = |tags: &[(Scope, &str)]| -> Vec<Voice> {
        let said = |value: &str| vec![Said { name: Name::Title, value: value.to_owned() }];
        tags.iter().map(|(scope, value)| Voice::with(*scope, said(value))).collect()
    };
    let before = voices(&[(Scope::Id3v1, "Title")]);
    let hides = |_: &Wish, _: Home<'_>| {
        let voices = voices(&[(Scope::Id3v2(1), "Another"), (Scope::Id3v1, "Title")]);
        Ok(Draft { patch: Patch::default(), voices })
    };
    let reason = refusal(find(Container::Mp3, &before, &genres_wish(&["Rock"]), hides));
    assert!(reason.contains("ffmpeg would no longer see the title \"Title\""), "{reason}");
}
