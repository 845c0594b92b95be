//! FLAC files with every arrangement of blocks, edited and read back by a walker that shares nothing with the parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, full_wish as wish};
use super::super::editor::{EditOptions, Editor, Patch};
use super::super::fixtures::{comments, flac, flac_blocks, flac_frames, id3v1, id3v2, streaminfo, text};
use super::super::plan::{TagField, Wish};
use super::*;

fn try_edit(file: &[u8], wish: &Wish) -> Result<(Vec<u8>, Patch), Problem> {
    edit_check::try_edit(FlacFile::parse, file, wish, EditOptions::default())
}

fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    try_edit(file, wish).unwrap().0
}

fn refusal(file: &[u8]) -> String {
    edit_check::refusal(try_edit(file, &wish(&["Rock"])))
}

/// The blocks of a file, and what follows them.
fn walk(file: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
    assert_eq!(file[..4], *b"fLaC");
    let (mut blocks, mut at) = (Vec::new(), 4);
    loop {
        let length = u32::from_be_bytes([0, file[at + 1], file[at + 2], file[at + 3]]) as usize;
        blocks.push((file[at] & 0x7f, file[at + 4..at + 4 + length].to_vec()));
        let last = file[at] & 0x80 != 0;
        at += 4 + length;
        if last {
            return (blocks, file[at..].to_vec());
        }
    }
}

fn kinds(file: &[u8]) -> Vec<u8> {
    walk(file).0.iter().map(|(kind, _)| *kind).collect()
}

fn padding(length: usize) -> (u8, Vec<u8>) {
    (PADDING, vec![0; length])
}

fn title() -> (u8, Vec<u8>) {
    comments(&[b"TITLE=Title"])
}

fn picture() -> (u8, Vec<u8>) {
    (6, (0..200).collect())
}

#[test]
fn padding_is_used_so_that_the_audio_stays_in_its_place() {
    // In front of the comments, right behind them, at the end, several.
    let cases = [
        vec![padding(500), title(), picture()],
        vec![title(), padding(500), picture()],
        vec![title(), picture(), padding(500)],
        vec![title(), padding(3), picture(), padding(500)],
        vec![picture(), padding(500), title()],
        vec![padding(500)],
    ];
    for blocks in cases {
        let before = flac(&blocks);
        let after = edited(&before, &wish(&["Rock", "Pop"]));
        assert_eq!(after.len(), before.len());
        let order = |file: &[u8]| kinds(file).into_iter().filter(|kind| *kind != VORBIS_COMMENT).collect::<Vec<_>>();
        assert_eq!(order(&after), order(&before), "the blocks keep their order");
    }
}

#[test]
fn padding_that_is_exactly_enough_or_a_few_bytes_short() {
    let grown = {
        let after = edited(&flac(&[title(), padding(500)]), &wish(&["Rock"]));
        walk(&after).0[1].1.len() - title().1.len()
    };
    // One byte too many, exactly enough with the block kept or gone, and too few.
    for (length, stays) in [(grown + 1, true), (grown, true), (grown - 4, true), (grown - 1, false), (grown - 5, false)]
    {
        let before = flac(&[title(), padding(length), picture()]);
        let after = edited(&before, &wish(&["Rock"]));
        assert_eq!(after.len() == before.len(), stays, "{length} of {grown}");
        assert_eq!((after.len() - before.len()) % 4096, 0);
    }
}

#[test]
fn a_file_without_padding_grows_by_whole_blocks_and_leaves_room() {
    for blocks in [vec![], vec![title()], vec![picture(), title()], vec![title(), picture()]] {
        let before = flac(&blocks);
        let after = edited(&before, &wish(&["Rock"]));
        assert_eq!((after.len() - before.len()) % 4096, 0);
        assert_eq!(kinds(&after).last(), Some(&PADDING));
        let again = edited(&after, &wish(&["Something longer than before"]));
        assert_eq!(again.len(), after.len(), "the room is used by the next write");
    }
}

#[test]
fn shrinking_comments_leave_padding_and_the_audio_in_its_place() {
    let long = "x".repeat(300);
    let genre = format!("GENRE={long}");
    for blocks in [vec![comments(&[genre.as_bytes()])], vec![comments(&[genre.as_bytes()]), padding(0), picture()]] {
        let before = flac(&blocks);
        let only_genre = Wish::Set(vec![(TagField::Genre, vec!["X".to_owned()])]);
        assert_eq!(edited(&before, &only_genre).len(), before.len());
    }
    // One byte less leaves no room for a block of padding.
    let before = flac(&[comments(&[b"GENRE=Rock"])]);
    let after = edited(&before, &Wish::Set(vec![(TagField::Genre, vec!["Pop".to_owned()])]));
    assert_eq!((after.len() - before.len()) % 4096, 0);
}

#[test]
fn padding_that_holds_something_is_no_padding() {
    let mut secret = vec![0; 500];
    secret[250] = 1;
    let after = edited(&flac(&[title(), (PADDING, secret.clone())]), &wish(&["Rock"]));
    assert!(walk(&after).0.contains(&(PADDING, secret)));
}

#[test]
fn every_other_block_and_comment_is_copied_as_it_is() {
    let odd: [&[u8]; 9] = [
        b"MiXeD=1",
        b"genre=Rock",
        b"MIXED=2",
        b"no equals sign",
        b"",
        b"=",
        b"LATIN=\xe4\xff",
        b"GeNrE=Pop",
        b"MiXeD=1",
    ];
    let application = (2u8, b"riffdata".to_vec());
    let unknown = (77u8, vec![0xff; 20]);
    let before = flac(&[application.clone(), unknown.clone(), comments(&odd), picture(), padding(1000)]);
    let after = edited(&before, &wish(&["Zydeco"]));
    let (blocks, audio) = walk(&after);
    assert_eq!(blocks[1..3], [application, unknown]);
    assert_eq!(blocks[4], picture());
    assert_eq!(audio, flac_frames(8));
    let expected: Vec<&[u8]> = [
        &odd[..1],
        &[b"GENRE=Zydeco"],
        &odd[2..7],
        &odd[8..],
        &[b"RECLASSD_GENRE=Zydeco", b"RECLASSD_CONFIDENCE=0.87", b"RECLASSD_MODEL=reclassd 0.1.0"],
    ]
    .concat();
    assert_eq!(blocks[3], comments(&expected));
}

#[test]
fn tags_around_the_stream_stay_and_never_contradict_it() {
    let lead = id3v2(3, 0, &[text(3, "TIT2", "a"), text(3, "TCON", "(17)")].concat(), 100);
    let before = [lead.clone(), flac(&[title(), padding(500)]), id3v1(17)].concat();
    let after = edited(&before, &wish(&["Pop"]));
    assert_eq!(after.len(), before.len());
    assert!(after.ends_with(&id3v1(17)));
    let genres: Vec<String> = FlacFile::parse(&after)
        .unwrap()
        .holdings()
        .into_iter()
        .filter(|h| h.field == TagField::Genre)
        .flat_map(|h| h.values)
        .collect();
    assert_eq!(genres, ["Pop", "Pop", "Rock"], "comments, ID3v2 and the ID3v1 that nobody writes");
    let without = [id3v2(3, 0, &text(3, "TIT2", "a"), 100), flac(&[title(), padding(500)])].concat();
    let after = edited(&without, &wish(&["Pop"]));
    assert_eq!(after[..120], without[..120], "nothing is added to a tag that does not speak for the file");
}

#[test]
fn what_is_damaged_or_ambiguous_is_refused_with_the_reason() {
    let good = flac(&[title(), padding(100)]);
    let no_last = {
        let mut bytes = good.clone();
        let at = 4 + 38 + 4 + title().1.len();
        bytes[at] &= 0x7f;
        bytes
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (flac(&[title(), title()]), "several blocks"),
        (good[..60].to_vec(), "truncated"),
        (good[..good.len() - flac_frames(8).len()].to_vec(), "no audio frame"),
        (no_last, "damaged"),
        ([flac_blocks(&[title(), streaminfo(8)]), flac_frames(8)].concat(), "STREAMINFO"),
        ([flac_blocks(&[streaminfo(8), streaminfo(8)]), flac_frames(8)].concat(), "STREAMINFO"),
        (flac(&[(VORBIS_COMMENT, b"\xff\xff\xff\xffx".to_vec())]), "truncated"),
        (flac(&[(VORBIS_COMMENT, b"\0\0\0\0\xff\xff\xff\xff".to_vec())]), "truncated"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
}

/// A picture of which the block's header tells another length.
fn picture_block(data: &[u8], declared: usize, last: u8) -> Vec<u8> {
    let number = |number: usize| (number as u32).to_be_bytes();
    let front =
        [&number(3)[..], &number(9), b"image/png", &number(5), b"Cover", &[0; 16], &number(data.len())].concat();
    [&[6 | last], &number(declared)[1..], &front, data].concat()
}

/// A file with a picture whose length is told wrongly, in front of or behind its comments.
fn oversized(data: &[u8], declared: usize, comments_first: bool) -> Vec<u8> {
    let title = flac_blocks(&[title()])[4..].to_vec();
    let mut title_last = title.clone();
    title_last[0] |= LAST;
    let mut plain = title;
    plain[0] &= !LAST;
    let start = {
        let mut start = flac_blocks(&[streaminfo(8)]);
        start[4] &= !LAST;
        start
    };
    let (picture, last) = (picture_block(data, declared, 0), picture_block(data, declared, LAST));
    let blocks = if comments_first { [plain, last] } else { [picture, title_last] };
    [start, blocks.concat(), flac_frames(8)].concat()
}

#[test]
fn a_cover_that_is_larger_than_its_length_field_can_say_stays_as_it_is() {
    // The length without its upper bits, one that is short for no reason, and one that would be another picture's.
    let large: Vec<u8> = (0..(1u32 << 24) + 300).map(|n| (n * 7) as u8).collect();
    let small: Vec<u8> = (0..3000u32).map(|n| (n * 7) as u8).collect();
    for (data, declared) in [(&large, 300 + 46), (&small, 700), (&small, 0), (&small, 3045)] {
        for comments_first in [true, false] {
            let file = oversized(data, declared, comments_first);
            let after = edited(&file, &wish(&["Rock"]));
            assert!(after.ends_with(&flac_frames(8)));
            if comments_first {
                // Readers that search the frames behind it would take padding there for part of it.
                assert!(after.ends_with(&[picture_block(data, declared, LAST), flac_frames(8)].concat()));
            }
            let block = |bytes: &[u8]| {
                let body = picture_block(data, declared, 0).split_off(1);
                bytes.windows(body.len()).any(|window| window == body)
            };
            assert!(block(&after), "{declared}: the picture and its length are what they were");
            assert!(FlacFile::parse(&after).unwrap().holdings().iter().any(|held| held.values == ["Rock"]));
        }
    }
}

#[test]
fn a_block_that_ends_nowhere_certain_is_refused_with_these_words() {
    let data = vec![7; 3000];
    let mut no_frame = oversized(&data, 700, true);
    let at = no_frame.len() - flac_frames(8).len();
    // The checksum of the header of the first frame.
    no_frame[at + 6] ^= 1;
    assert!(refusal(&no_frame).contains("larger than its length field"));
    // Comments that are longer than their block says.
    let mut long_comments = flac(&[title(), (6, vec![0; 40])]);
    let at = 4 + 38 + 3;
    assert_eq!(long_comments[at], title().1.len() as u8);
    long_comments[at] -= 6;
    assert!(refusal(&long_comments).contains("larger than its length field"));
}

#[test]
fn comments_beyond_the_size_of_a_block_are_refused() {
    let almost = vec![b'x'; MAX_BLOCK as usize - 40];
    assert!(refusal(&flac(&[comments(&[&almost])])).contains("larger than"));
}

proptest! {
    #[test]
    fn random_blocks_are_edited_as_the_model_says(
        others in proptest::collection::vec(
            prop_oneof![
                (0usize..80).prop_map(padding),
                (proptest::sample::select(&[2u8, 3, 5, 6, 99][..]), proptest::collection::vec(any::<u8>(), 0..30)),
            ],
            0..6,
        ),
        place in any::<prop::sample::Index>(),
        has_comments in any::<bool>(),
        genre in "[A-Za-z]{1,60}",
    ) {
        let mut blocks = others;
        if has_comments {
            let at = place.index(blocks.len() + 1);
            blocks.insert(at, comments(&[b"TITLE=x", b"genre=Something in between", b"A=b"]));
        }
        let before = flac(&blocks);
        let after = edited(&before, &wish(&[&genre]));
        let shorter = edited(&after, &wish(&[&genre[..genre.len().div_ceil(2)]]));
        let without = edited(&shorter, &Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec()));
        let foreign = |file: &[u8]| {
            let (blocks, audio) = walk(file);
            let is_foreign = |(kind, body): &(u8, Vec<u8>)| {
                *kind != VORBIS_COMMENT && (*kind != PADDING || body.iter().any(|&byte| byte != 0))
            };
            (blocks.into_iter().filter(is_foreign).collect::<Vec<_>>(), audio)
        };
        for file in [&after, &shorter, &without] {
            prop_assert_eq!(foreign(file), foreign(&before));
            prop_assert_eq!((file.len() as i64 - before.len() as i64) % 4096, 0);
        }
        // Unless the padding was used up to the last byte of its header, and less than a header comes free.
        if kinds(&after).contains(&PADDING) {
            prop_assert_eq!(shorter.len(), after.len(), "a shorter genre moves nothing");
        }
    }

    #[test]
    fn hostile_blocks_are_refused_not_believed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut source = flac(&[title(), picture(), padding(40)]);
        let at = at.index(source.len());
        source[at] = byte;
        source.truncate(cut.index(source.len()) + 1);
        if let Ok(parsed) = FlacFile::parse(&source) {
            let _ = parsed.edit(&source, &wish(&["Rock"]), EditOptions::default());
            let _ = parsed.layout(&source);
        }
    }
}
