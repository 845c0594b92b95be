//! Tags of every version and shape, edited and read back by a walker that shares nothing with the parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, full_wish as wish};
use super::super::editor::{EditOptions, Editor, Patch, Scope};
use super::super::fixtures::{ape_item, ape_tag, frame, id3v1, id3v2, mpeg_frames, text, unsynchronised};
use super::super::mp3::Mp3File;
use super::super::plan::{TagField, Wish};
use super::Insertion::Allowed;
use super::*;
use crate::tagging::{Id3Values, Id3Version};

/// Edits a whole file, checks the result as a write does, and answers the new bytes.
fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    edited_with(file, wish, EditOptions::default()).unwrap().0
}

fn edited_with(file: &[u8], wish: &Wish, options: EditOptions) -> Result<(Vec<u8>, Patch), Problem> {
    edit_check::try_edit(Mp3File::parse, file, wish, options)
}

fn refusal(file: &[u8], wish: &Wish) -> String {
    edit_check::refusal(edited_with(file, wish, EditOptions::default()))
}

/// The frames of the first tag of a file: id, flags, body, with the unsynchronisation of the whole tag undone.
fn walk(file: &[u8]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let size = file[6..10].iter().fold(0usize, |value, &byte| value << 7 | usize::from(byte));
    let mut body = file[10..10 + size].to_vec();
    let version = file[3];
    if version < 4 && file[5] & 0x80 != 0 {
        let mut plain = Vec::new();
        let mut after_ff = false;
        for byte in body {
            if !(after_ff && byte == 0) {
                plain.push(byte);
            }
            after_ff = byte == 0xff;
        }
        body = plain;
    }
    if version > 2 && file[5] & 0x40 != 0 {
        let size = u32::from_be_bytes(body[..4].try_into().unwrap()) as usize;
        body.drain(..if version == 3 { size + 4 } else { size });
    }
    let (mut frames, mut at) = (Vec::new(), 0);
    let (id, head) = if version == 2 { (3, 6) } else { (4, 10) };
    while body.get(at).is_some_and(|&byte| byte != 0) {
        let shift = if version == 4 { 7 } else { 8 };
        let length = body[at + id..at + 2 * id].iter().fold(0usize, |value, &byte| value << shift | usize::from(byte));
        frames.push((
            String::from_utf8(body[at..at + id].to_vec()).unwrap(),
            body[at + 2 * id..at + head].to_vec(),
            body[at + head..at + head + length].to_vec(),
        ));
        at += head + length;
    }
    assert!(body[at..].iter().all(|&byte| byte == 0), "garbage behind the last frame");
    frames
}

fn genre_body(file: &[u8]) -> Vec<u8> {
    walk(file).into_iter().find(|(id, ..)| id.starts_with("TCO")).unwrap().2
}

fn file(tag: Vec<u8>) -> Vec<u8> {
    [tag, mpeg_frames(3)].concat()
}

fn read_genres(file: &[u8]) -> Vec<String> {
    let source = file.to_vec();
    let holdings = Mp3File::parse(&source).unwrap().holdings();
    holdings.into_iter().filter(|h| h.field == TagField::Genre).flat_map(|h| h.values).collect()
}

#[test]
fn padding_is_used_so_that_the_audio_stays_in_its_place() {
    for version in [2, 3, 4] {
        let title = if version == 2 { "TT2" } else { "TIT2" };
        let before = file(id3v2(version, 0, &text(version, title, "Title"), 400));
        let after = edited(&before, &wish(&["Rock", "Pop"]));
        assert_eq!(after.len(), before.len());
        assert_eq!(after[410 + 16..], before[410 + 16..]);
    }
}

#[test]
fn a_tag_that_has_to_grow_moves_the_audio_by_whole_blocks_and_leaves_room() {
    let before = file(id3v2(3, 0, &text(3, "TIT2", "Title"), 10));
    let after = edited(&before, &wish(&["Rock"]));
    assert_eq!((after.len() - before.len()) % 4096, 0);
    assert!(after.len() > before.len());
    let again = edited(&after, &wish(&["A much longer genre than before"]));
    assert_eq!(again.len(), after.len(), "the room is used by the next write");
}

#[test]
fn padding_that_is_exactly_enough_or_one_byte_short() {
    for version in [3, 4] {
        let title = text(version, "TIT2", "Title");
        let roomy = edited(&file(id3v2(version, 0, &title, 2000)), &wish(&["Rock"]));
        let needed: usize = walk(&roomy).iter().map(|(_, _, body)| 10 + body.len()).sum::<usize>() - title.len();
        let exact = file(id3v2(version, 0, &title, needed));
        assert_eq!(edited(&exact, &wish(&["Rock"])).len(), exact.len());
        let short = file(id3v2(version, 0, &title, needed - 1));
        assert_eq!(edited(&short, &wish(&["Rock"])).len(), short.len() + 4096);
    }
}

#[test]
fn several_genres_are_joined_in_2_3_and_stand_apart_in_2_4() {
    let before = |version| file(id3v2(version, 0, &[], 500));
    assert_eq!(genre_body(&edited(&before(3), &wish(&["Rock", "Pop"]))), b"\0Rock/Pop");
    assert_eq!(genre_body(&edited(&before(4), &wish(&["Rock", "Pop"]))), b"\0Rock\0Pop");
    assert_eq!(genre_body(&edited(&before(2), &wish(&["Rock", "Pop"]))), b"\0Rock/Pop");
}

#[test]
fn text_that_needs_more_than_latin_1_is_utf_16_in_2_3_and_utf_8_in_2_4() {
    let before = |version| file(id3v2(version, 0, &[], 500));
    assert_eq!(genre_body(&edited(&before(3), &wish(&["Šlágr"])))[..3], [1, 0xff, 0xfe]);
    assert_eq!(genre_body(&edited(&before(4), &wish(&["Šlágr"]))), "\u{3}Šlágr".as_bytes());
}

#[test]
fn the_version_is_never_changed() {
    for version in [2, 3, 4] {
        let after = edited(&file(id3v2(version, 0, &[], 500)), &wish(&["Rock"]));
        assert_eq!(after[3], version);
    }
}

#[test]
fn a_file_without_a_tag_gets_one_of_the_wanted_version() {
    for (id3, byte) in [(Id3Version::V24, 4), (Id3Version::V23, 3)] {
        let before = [mpeg_frames(3), id3v1(255)].concat();
        let options = EditOptions { new_id3: id3, ..EditOptions::default() };
        let (after, patch) = edited_with(&before, &wish(&["Šlágr"]), options).unwrap();
        assert_eq!(after[3], byte);
        assert_eq!(after.len() - before.len(), 4096);
        assert!(after.ends_with(&before), "the file itself follows the tag, ID3v1 included");
        assert_eq!(patch.created, [Scope::Id3v2(1)]);
    }
}

#[test]
fn a_genre_is_replaced_where_it_stood_and_repeated_ones_go() {
    let body = [text(3, "TIT2", "a"), text(3, "TCON", "(12)"), text(3, "TPE1", "b"), text(3, "TCON", "")].concat();
    let after = edited(&file(id3v2(3, 0, &body, 500)), &wish(&["Rock"]));
    let ids: Vec<String> = walk(&after).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["TIT2", "TCON", "TPE1", "TXXX", "TXXX", "TXXX"]);
}

#[test]
fn frames_with_flags_are_copied_as_they_lie() {
    // Compressed, encrypted, grouped, length-indicated, unsynchronised: none of it is looked into.
    let cases: [(u8, [u8; 2]); 9] = [
        (3, [0x60, 0x80]),
        (3, [0, 0x40]),
        (3, [0, 0x20]),
        (4, [0x70, 0x09]),
        (4, [0, 0x04]),
        (4, [0, 0x40]),
        (4, [0, 0x01]),
        (4, [0, 0x03]),
        (4, [0, 0xff]),
    ];
    for (version, flags) in cases {
        let strange = b"\0\0\0\x09anything\xff\xe0\xff\0at all";
        let body = [frame(version, "TXXX", flags, strange), text(version, "TCON", "Rock")].concat();
        let after = edited(&file(id3v2(version, 0, &body, 500)), &wish(&["Pop"]));
        assert_eq!(walk(&after)[0], ("TXXX".to_owned(), flags.to_vec(), strange.to_vec()));
    }
}

#[test]
fn a_rewritten_genre_keeps_its_status_flags_and_its_group() {
    for (version, flags, group) in [(3, [0xe0, 0x20], 0x20), (4, [0x70, 0x40], 0x40)] {
        let body = frame(version, "TCON", flags, b"\x90\0Rock");
        let after = edited(&file(id3v2(version, 0, &body, 500)), &wish(&["Pop"]));
        assert_eq!(walk(&after)[0], ("TCON".to_owned(), vec![flags[0], group], b"\x90\0Pop".to_vec()));
    }
}

#[test]
fn a_genre_that_cannot_be_read_is_somebodys_genre() {
    let body = frame(3, "TCON", [0, 0x80], b"\0\0\0\x05compressed");
    assert_eq!(read_genres(&file(id3v2(3, 0, &body, 500))), ["(unreadable)"]);
}

#[test]
fn unsynchronised_tags_are_edited_in_their_own_coding() {
    for version in [2, 3] {
        let (title, binary) = if version == 2 { ("TT2", "UFI") } else { ("TIT2", "PRIV") };
        for padding in [0, 1, 500] {
            let body = [
                text(version, title, "x"),
                frame(version, binary, [0, 0], b"o\0\xff\xe0\xff\0\xff\xfb\xff"),
                frame(version, binary, [0, 0], b"ends with \xff"),
            ]
            .concat();
            let before = file(id3v2(version, 0x80, &body, padding));
            let after = edited(&before, &wish(&["Šlágr"]));
            assert_eq!(walk(&after)[..3], walk(&before)[..3]);
            let tag = &after[10..after.len() - mpeg_frames(3).len()];
            assert!(!tag.windows(2).any(|pair| pair[0] == 0xff && pair[1] >= 0xe0), "a false sync");
        }
    }
}

#[test]
fn unsynchronised_2_4_tags_get_frames_that_need_none() {
    let picture = frame(4, "APIC", [0, 3], &[&synchsafe_bytes(6)[..], &unsynchronised(b"\xff\xe0\xff\0ab")].concat());
    let before = file(id3v2(4, 0x80, &picture, 600));
    let after = edited(&before, &wish(&["Šlágr ÿ", "Pop"]));
    assert_eq!(after[5], 0x80);
    assert_eq!(walk(&after)[0], walk(&before)[0]);
    assert!(walk(&after)[1..].iter().all(|(_, _, body)| !body.contains(&0xff)));
}

fn synchsafe_bytes(value: usize) -> [u8; 4] {
    to_synchsafe(value)
}

#[test]
fn frame_sizes_that_itunes_wrote_plain_stay_plain() {
    let mut picture = b"APIC".to_vec();
    picture.extend(300u32.to_be_bytes());
    picture.extend([0, 0]);
    picture.extend([7; 300]);
    let before = file(id3v2(4, 0, &[picture.clone(), text(4, "TCON", "Rock")].concat(), 600));
    let long = "x".repeat(200);
    let after = edited(&before, &wish(&[&long]));
    assert_eq!(after[10..10 + picture.len()], picture);
    let tcon = 10 + picture.len();
    assert_eq!(after[tcon..tcon + 8], *b"TCON\0\0\0\xc9");
}

#[test]
fn a_plain_size_that_only_the_old_genre_had_goes_with_it() {
    let genre = [&b"TCON\0\0\0\xc9\0\0\0"[..], &[b'x'; 200]].concat();
    let title = text(4, "TIT2", "Title");
    let after = edited(&file(id3v2(4, 0, &[title.clone(), genre].concat(), 100)), &wish(&["Rock"]));
    assert_eq!(after[10..10 + title.len()], title);
    assert_eq!(genre_body(&after), b"\0Rock");
}

#[test]
fn the_extended_header_follows_the_edit() {
    let crc32 = |bytes: &[u8]| {
        !bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        })
    };
    let frames = text(3, "TIT2", "Title");
    for padding in [0u32, 100, 700] {
        let mut body =
            [&10u32.to_be_bytes()[..], &[0x80, 0], &padding.to_be_bytes(), &crc32(&frames).to_be_bytes()].concat();
        body.extend(&frames);
        for flags in [0x40, 0xc0] {
            let before = file(id3v2(3, flags, &body, padding as usize));
            let after = edited(&before, &wish(&["Rock"]));
            assert_eq!(after[5], flags);
        }
        let mut damaged = file(id3v2(3, 0x40, &body, padding as usize));
        damaged[10 + 14 + 12] ^= 1;
        assert!(refusal(&damaged, &wish(&["Rock"])).contains("CRC"), "a CRC that is wrong is not made right");
    }
    let body = [&[0, 0, 0, 6, 1, 0][..], &text(4, "TIT2", "Title")].concat();
    edited(&file(id3v2(4, 0x40, &body, 300)), &wish(&["Rock"]));
}

#[test]
fn a_restricted_tag_is_not_written_beyond_its_restrictions() {
    // At most 32 frames and 4 KB, texts of at most 30 characters.
    let body = [&[0, 0, 0, 8, 1, 0x10, 1, 0b1111_1000][..], &text(4, "TIT2", "Title")].concat();
    let before = file(id3v2(4, 0x40, &body, 300));
    edited(&before, &wish(&["Rock"]));
    assert!(refusal(&before, &wish(&[&"long-".repeat(7)])).contains("restricts"));
}

#[test]
fn a_footer_is_renewed_and_never_gets_padding_in_front() {
    let tag = id3v2(4, 0x10, &text(4, "TIT2", "Title"), 0);
    let after = edited(&file(tag.clone()), &wish(&["Rock"]));
    let size = after[6..10].iter().fold(0usize, |value, &byte| value << 7 | usize::from(byte));
    assert_eq!(after[10 + size..13 + size], *b"3DI");
    assert_eq!(after[13 + size..20 + size], after[3..10]);
    assert_ne!(after[9 + size], 0, "no padding");
    // The same tag behind the audio is edited there.
    let behind = [mpeg_frames(3), tag, id3v1(255)].concat();
    let after = edited(&behind, &wish(&["Rock"]));
    assert!(after.starts_with(&mpeg_frames(3)));
    assert!(after.ends_with(&id3v1(255)));
}

#[test]
fn stacked_tags_and_an_ape_tag_never_contradict_the_first_tag() {
    let ape =
        ape_tag(&[ape_item("Title", b"T", 0), ape_item("GENRE", b"Old\0Older", 0), ape_item("bin", b"\0\xff", 2)]);
    let second = [text(4, "TIT2", "b"), text(4, "TCON", "Old")].concat();
    let before =
        [id3v2(3, 0, &text(3, "TIT2", "a"), 300), id3v2(4, 0, &second, 0), mpeg_frames(3), ape, id3v1(17)].concat();
    assert_eq!(read_genres(&before), ["Old", "Old", "Older", "Rock"]);
    let after = edited(&before, &wish(&["Pop"]));
    assert_eq!(read_genres(&after), ["Pop", "Pop", "Pop", "Rock"], "ID3v1 stays as it is");
    assert!(after.ends_with(&id3v1(17)));
}

#[test]
fn a_tag_at_the_end_is_found_whatever_letters_the_audio_in_front_of_it_holds() {
    let appended = |genre| id3v2(4, 0x10, &text(4, "TCON", genre), 0);
    for letters in [&b"TAG"[..], b"TAG+", b"APETAGEX"] {
        // With 32 bytes to the end of the audio they would be the footer of a damaged tag.
        for distance in (letters.len()..240).filter(|&distance| distance != 32) {
            let mut audio = mpeg_frames(1);
            let at = audio.len() - distance;
            audio[at..at + letters.len()].copy_from_slice(letters);
            let only_genre = Wish::Set(vec![(TagField::Genre, vec!["Longer than before".to_owned()])]);
            let before = [&audio[..], &appended("Old")].concat();
            assert_eq!(edited(&before, &only_genre), [audio, appended("Longer than before")].concat());
        }
    }
}

#[test]
fn what_is_not_understood_is_refused_with_the_reason() {
    let title = text(4, "TIT2", "Title");
    let mut garbage = title.clone();
    garbage.extend(b"\x01garbage");
    let mut footer = id3v2(4, 0x10, &title, 0);
    let at = footer.len() - 1;
    footer[at] ^= 1;
    let mut cut = id3v2(4, 0, &title, 0);
    cut[9] += 100;
    let cases: [(Vec<u8>, &str); 7] = [
        (file(id3v2(4, 0, &garbage, 0)), "no frame"),
        (file(id3v2(2, 0x40, &[], 10)), "compressed"),
        (file(id3v2(5, 0, &[], 10)), "version"),
        (file(id3v2(3, 0x01, &[], 10)), "flags"),
        (file(footer), "footer"),
        (cut, "truncated"),
        ([&[b'I', b'D', b'3', 4, 0, 0, 0xff, 0, 0, 0][..], &mpeg_frames(2)].concat(), "size"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes, &wish(&["Rock"]));
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
}

#[test]
fn values_that_would_read_back_as_something_else_are_refused() {
    let before = file(id3v2(4, 0, &[], 500));
    for value in ["RX", "with\0zero", "\u{feff}mark"] {
        assert!(refusal(&before, &wish(&[value])).contains("cannot be stored"), "{value}");
    }
    let quoted = file(id3v2(3, 0, &text(3, "TCON", "((17)"), 500));
    assert_eq!(read_genres(&quoted), ["(17)"], "what others wrote is read as it is meant");
}

#[test]
fn a_genre_that_a_reader_would_take_for_another_one_or_for_none_is_refused() {
    // By ffmpeg, which takes a number at the start for one of ID3v1's; by TagLib, which drops parentheses and other
    // numbers.
    let cases = [
        ("8-Bit", "ffmpeg would show \"Jazz\""),
        ("17", "ffmpeg would show \"Rock\""),
        ("80s", "ffmpeg would show \"Folk\""),
        ("(live)", "TagLib would show what follows"),
        ("(17) Rock", "TagLib"),
        ("1977", "TagLib would show nothing"),
    ];
    for version in [2, 3, 4] {
        let before = file(id3v2(version, 0, &[], 500));
        for (value, reason) in cases {
            assert!(refusal(&before, &wish(&[value])).contains(reason), "{value} in 2.{version}");
        }
    }
    let listed = EditOptions { v23_values: Id3Values::Nul, ..EditOptions::default() };
    let later = edited_with(&file(id3v2(3, 0, &[], 500)), &wish(&["Rock", "(live)"]), listed);
    assert!(edit_check::refusal(later).contains("\"(live)\""));
    // In one string with others behind them they stand as they are, and so does a number that is on no list, with a
    // word.
    for (values, body) in [(&["Rock", "(live)"][..], &b"\0Rock/(live)"[..]), (&["1977 Rock"], b"\x001977 Rock")] {
        assert_eq!(genre_body(&edited(&file(id3v2(3, 0, &[], 500)), &wish(values))), body);
    }
}

#[test]
fn what_somebody_else_calls_a_genre_stays_beside_ours() {
    for (theirs, body) in [("80s", &b"\x0080s\0Rock"[..]), ("(live)", b"\0(live)\0Rock")] {
        let before = file(id3v2(4, 0, &text(4, "TCON", theirs), 500));
        assert_eq!(genre_body(&edited(&before, &wish(&[theirs, "Rock"]))), body);
    }
    let before = file(id3v2(3, 0, &text(3, "TCON", "((live)"), 500));
    assert_eq!(genre_body(&edited(&before, &wish(&["(live)", "Rock"]))), b"\0((live)/Rock");
}

#[test]
fn several_genres_of_2_3_are_a_list_where_the_owner_wants_one() {
    let options = EditOptions { v23_values: Id3Values::Nul, ..EditOptions::default() };
    let body = |version, genres: &[&str]| {
        genre_body(&edited_with(&file(id3v2(version, 0, &[], 500)), &wish(genres), options).unwrap().0)
    };
    assert_eq!(body(3, &["Rock", "Pop"]), b"\0Rock\0Pop");
    assert_eq!(body(3, &["R&B/Soul", "Pop"]), b"\0R&B/Soul\0Pop");
    assert_eq!(body(3, &["Š", "P"]), b"\x01\xff\xfe\x60\x01\0\0\xff\xfeP\0");
    assert_eq!(body(2, &["Rock", "Pop"]), b"\0Rock/Pop", "2.2 has no such list");
    // A tag that says it in the other form is left alone.
    let joined = file(id3v2(3, 0, &text(3, "TCON", "Rock/Pop"), 500));
    let genres = Wish::Set(vec![(TagField::Genre, vec!["Rock".to_owned(), "Pop".to_owned()])]);
    assert!(edited_with(&joined, &genres, options).unwrap().1.is_empty());
}

#[test]
fn an_ape_genre_that_is_no_text_is_left_alone() {
    let before = [mpeg_frames(3), ape_tag(&[ape_item("Genre", b"http://example.org", 4)])].concat();
    assert!(refusal(&before, &wish(&["Rock"])).contains("not stored as text"));
}

/// A random frame: foreign, a genre, or one of ours.
fn any_frame(version: u8) -> impl Strategy<Value = Vec<u8>> {
    let ids: &[&str] = if version == 2 { &["TT2", "PIC", "XYZ"] } else { &["TIT2", "APIC", "abcd", "XYZ1"] };
    let bytes = prop_oneof![Just(0xffu8), Just(0u8), Just(0xe0), any::<u8>()];
    let foreign = (proptest::sample::select(ids), any::<[u8; 2]>(), proptest::collection::vec(bytes, 0..40))
        .prop_map(move |(id, flags, body)| frame(version, id, flags, &body));
    let (tcon, txxx) = if version == 2 { ("TCO", "TXX") } else { ("TCON", "TXXX") };
    let genre = "[(A-Za-z0-9/)]{0,9}".prop_map(move |value| text(version, tcon, &value));
    let own = "(RECLASSD|reclassd|ReClassd)_(genre|GENRE|Model|confidence|other)"
        .prop_map(move |name| text(version, txxx, &format!("{name}\0v")));
    prop_oneof![3 => foreign, 1 => genre, 1 => own]
}

proptest! {
    #[test]
    fn random_tags_are_edited_as_the_model_says(
        (version, frames) in (2u8..=4).prop_flat_map(|version| {
            (Just(version), proptest::collection::vec(any_frame(version), 0..8))
        }),
        unsync in any::<bool>(),
        padding in prop_oneof![Just(0usize), 1..60usize, Just(700)],
        genres in proptest::collection::vec("[A-Z][a-zß☃]{2,8}", 0..3),
    ) {
        let flags = if unsync { 0x80 } else { 0 };
        let before = file(id3v2(version, flags, &frames.concat(), padding));
        let source = before.clone();
        // Sizes of 2.4 frames are read as plain where the tag cannot be walked otherwise; random bytes may be neither.
        prop_assume!(Mp3File::parse(&source).is_ok());
        let genres: Vec<&str> = genres.iter().map(String::as_str).collect();
        let after = edited(&before, &wish(&genres));
        prop_assert_eq!(&after[3..6], &before[3..6]);
        let ours = |(id, _, body): &(String, Vec<u8>, Vec<u8>)| {
            let name = String::from_utf8_lossy(body.get(1..).unwrap_or_default()).to_lowercase();
            id.starts_with("TCO") || id.starts_with("TXX") && !name.starts_with("reclassd_other")
        };
        let foreign = |bytes: &[u8]| walk(bytes).into_iter().filter(|frame| !ours(frame)).collect::<Vec<_>>();
        prop_assert_eq!(foreign(&after), foreign(&before));
        let expected = if genres.is_empty() { 2 } else { 4 };
        prop_assert_eq!(walk(&after).iter().filter(|frame| ours(frame)).count(), expected);
    }

    #[test]
    fn hostile_tags_are_refused_not_believed(
        flags in any::<u8>(),
        version in 2u8..=4,
        body in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), Just(b'T'), any::<u8>()], 0..80),
    ) {
        let tag = id3v2(version, flags & 0x6f, &body, 0);
        let source = file(tag);
        if let Ok(parsed) = Mp3File::parse(&source) {
            let _ = parsed.edit(&source, &wish(&["Rock"]), EditOptions::default());
        }
    }
}

#[test]
fn a_removed_genre_leaves_no_frame() {
    let body = [text(4, "TCON", "Rock"), text(4, "TIT2", "Title")].concat();
    let tag = Id3v2::parse(id3v2(4, 0, &body, 20)).unwrap();
    let wish = Wish::Set(vec![(TagField::Genre, Vec::new())]);
    let edited = tag.edit(Scope::Id3v2(1), &wish, Allowed, EditOptions::default()).unwrap().unwrap();
    assert_eq!(walk(&edited.bytes).len(), 1);
    assert_eq!(edited.bytes.len(), tag.raw.len());
}
