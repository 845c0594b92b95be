//! Ogg files of every shape, edited and read back by a walker that shares nothing with the parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, full_wish as wish};
use super::super::editor::Patch;
use super::super::fixtures::{comments, id3v1, ogg_lay_out, ogg_page, ogg_pages};
use super::super::plan::TagField;
use super::*;

fn try_edit(file: &[u8], wish: &Wish) -> Result<(Vec<u8>, Patch), Problem> {
    edit_check::try_edit(OggFile::parse, file, wish, EditOptions::default())
}

fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    try_edit(file, wish).unwrap().0
}

fn refusal(file: &[u8]) -> String {
    edit_check::refusal(try_edit(file, &wish(&["Rock"])))
}

/// A comment packet of Vorbis with `behind` behind the framing bit.
fn vorbis_comments(entries: &[&[u8]], behind: &[u8]) -> Vec<u8> {
    [b"\x03vorbis".to_vec(), comments(entries).1, vec![1], behind.to_vec()].concat()
}

fn opus_comments(entries: &[&[u8]], behind: &[u8]) -> Vec<u8> {
    [b"OpusTags".to_vec(), comments(entries).1, behind.to_vec()].concat()
}

const VORBIS_HEAD: &[u8] = b"\x01vorbis and what follows";
const OPUS_HEAD: &[u8] = b"OpusHead and what follows";

/// A whole stream: its first header, the others on pages of up to `segments` segments, and audio.
fn stream(serial: u32, first: &[u8], headers: &[Vec<u8>], segments: usize, first_number: u32) -> Vec<u8> {
    let mut file = ogg_page(2, 0, serial, first_number, &[first.len() as u8], first);
    let pages = ogg_lay_out(serial, first_number.wrapping_add(1), headers, segments);
    let next = first_number.wrapping_add(1 + pages.len() as u32);
    file.extend(pages.concat());
    file.extend(audio(serial, next, 20));
    file
}

/// Pages of audio: packets of 300 bytes that run from page to page.
fn audio(serial: u32, first_number: u32, count: u32) -> Vec<u8> {
    let page = |n: u32| {
        let flags = if n > 0 { 1 } else { 0 } | if n + 1 == count { 4 } else { 0 };
        let body: Vec<u8> = (0..45 + 255 + 255u32).map(|k| (k * n + 17) as u8).collect();
        let lacing: &[u8] = if n == 0 { &[255, 45, 255] } else { &[45, 255, 255] };
        let body = &body[..lacing.iter().map(|&lace| usize::from(lace)).sum()];
        ogg_page(flags, i64::from(n) * 960, serial, first_number.wrapping_add(n), lacing, body)
    };
    (0..count).flat_map(page).collect()
}

fn vorbis(entries: &[&[u8]], behind: &[u8], segments: usize) -> Vec<u8> {
    let setup = [b"\x05vorbis".to_vec(), (0..3000u32).map(|n| ((n * 31) >> 2) as u8).collect()].concat();
    stream(7, VORBIS_HEAD, &[vorbis_comments(entries, behind), setup], segments, 0)
}

fn opus(entries: &[&[u8]], behind: &[u8], segments: usize) -> Vec<u8> {
    stream(9, OPUS_HEAD, &[opus_comments(entries, behind)], segments, 0)
}

/// A comment that fills the packet up to `segments` segments of which the last has `last` bytes.
fn filler(make: impl Fn(&[&[u8]]) -> Vec<u8>, segments: usize, last: usize) -> Vec<u8> {
    let mut entry = b"FILL=".to_vec();
    let missing = (segments - 1) * 255 + last - make(&[&entry]).len();
    entry.resize(entry.len() + missing, b'x');
    entry
}

/// What the pages of one stream say, besides their numbers: packets, and flags, granule and lacing of the audio pages.
fn walk(file: &[u8], serial: u32) -> (Vec<Vec<u8>>, Vec<u32>) {
    let (mut packets, mut open, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for page in ogg_pages(file).iter().filter(|page| page.serial == serial) {
        numbers.push(page.sequence);
        assert_eq!(page.flags & 1 != 0, !open.is_empty(), "the 'continued' flag of page {}", page.sequence);
        let mut body = page.body.as_slice();
        for &lace in &page.lacing {
            open.extend_from_slice(&body[..usize::from(lace)]);
            body = &body[usize::from(lace)..];
            if lace < 255 {
                packets.push(std::mem::take(&mut open));
            }
        }
        let ends = page.lacing.iter().any(|&lace| lace < 255);
        if page.granule <= 0 {
            assert!(ends || page.granule == -1, "a page on which no packet ends has no position");
        }
    }
    (packets, numbers)
}

fn is_consecutive(numbers: &[u32]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1))
}

#[test]
fn the_comments_change_and_every_other_packet_stays() {
    let odd: [&[u8]; 5] = [b"TITLE=T", b"no equals sign", b"", b"genre=Old", b"LATIN=\xe4\xff"];
    for segments in [255, 30, 3, 1] {
        let before = vorbis(&odd, b"", segments);
        let after = edited(&before, &wish(&["Rock", "Pop"]));
        let ((old, _), (new, numbers)) = (walk(&before, 7), walk(&after, 7));
        let expected: [&[u8]; 9] = [
            b"TITLE=T",
            b"no equals sign",
            b"",
            b"GENRE=Rock",
            b"GENRE=Pop",
            b"LATIN=\xe4\xff",
            b"RECLASSD_GENRE=Rock",
            b"RECLASSD_GENRE=Pop",
            b"RECLASSD_CONFIDENCE=0.87",
        ];
        let expected = [&expected[..], &[b"RECLASSD_MODEL=reclassd 0.1.0"]].concat();
        assert_eq!(new[1], vorbis_comments(&expected, b""));
        assert_eq!((&new[0], &new[2..]), (&old[0], &old[2..]));
        assert!(is_consecutive(&numbers));
    }
}

#[test]
fn the_number_of_header_pages_stays_where_that_is_possible_so_that_no_audio_page_changes() {
    for file in [vorbis(&[b"TITLE=T"], b"", 255), vorbis(&[b"TITLE=T"], b"", 9), opus(&[b"TITLE=T"], b"", 255)] {
        let (after, patch) = try_edit(&file, &wish(&["Rock"])).unwrap();
        assert!(patch.renumbering.is_none());
        let audio = file.len() - audio(1, 0, 20).len();
        assert!(after.ends_with(&file[audio..]), "the audio pages are the same bytes");
    }
}

#[test]
fn a_page_more_renumbers_the_pages_behind_and_nothing_else() {
    let fill = filler(|entries| opus_comments(entries, b""), 255, 200);
    let before = opus(&[&fill], b"", 255);
    let (after, patch) = try_edit(&before, &wish(&["Rock"])).unwrap();
    assert_eq!(patch.renumbering.as_ref().unwrap().shift, 1);
    assert!(is_consecutive(&walk(&after, 9).1));
    let (old, new) = (ogg_pages(&before), ogg_pages(&after));
    assert_eq!(new.len(), old.len() + 1);
    for (old, new) in old[2..].iter().zip(&new[3..]) {
        assert_eq!((old.flags, old.granule, &old.lacing, &old.body), (new.flags, new.granule, &new.lacing, &new.body));
    }
    // And back: a page less.
    let none = Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec());
    let (back, _) = try_edit(&after, &none).unwrap();
    assert_eq!(walk(&back, 9).0, walk(&before, 9).0);
}

#[test]
fn packets_that_end_exactly_with_a_segment_or_a_page() {
    for (segments, last) in [(20, 0), (20, 254), (255, 0), (256, 0), (254, 100), (510, 1), (511, 0)] {
        let fill = filler(|entries| opus_comments(entries, b""), segments, last);
        let after = edited(&opus(&[&fill], b"", 255), &wish(&["Rock"]));
        assert!(is_consecutive(&walk(&after, 9).1));
        // The other way round: what is written ends there.
        let fields: [&[u8]; 4] =
            [b"GENRE=Rock", b"RECLASSD_GENRE=Rock", b"RECLASSD_CONFIDENCE=0.87", b"RECLASSD_MODEL=reclassd 0.1.0"];
        let all = |entries: &[&[u8]]| opus_comments(&[entries, &fields[..]].concat(), b"");
        let fill = filler(all, segments, last);
        let after = edited(&opus(&[&fill], b"", 255), &wish(&["Rock"]));
        assert_eq!(walk(&after, 9).0[1], all(&[&fill]));
    }
}

#[test]
fn numbers_that_wrap_around_go_on_wrapping() {
    let fill = filler(|entries| opus_comments(entries, b""), 255, 200);
    let before = stream(9, OPUS_HEAD, &[opus_comments(&[&fill], b"")], 255, u32::MAX - 5);
    let after = edited(&before, &wish(&["Rock"]));
    let (_, numbers) = walk(&after, 9);
    assert!(is_consecutive(&numbers) && numbers[0] == u32::MAX - 5 && numbers.contains(&0));
}

#[test]
fn padding_is_used_and_kept_so_that_nothing_moves() {
    for file in [vorbis(&[b"TITLE=T"], &[0; 400], 255), opus(&[b"TITLE=T"], &[0; 400], 255)] {
        let after = edited(&file, &wish(&["Rock"]));
        assert_eq!(after.len(), file.len());
        let shorter = edited(&after, &wish(&["X"]));
        assert_eq!(shorter.len(), file.len());
    }
}

#[test]
fn binary_data_behind_the_comments_is_copied() {
    for behind in [&b"\x01binary\0\0\0"[..], b"\x03keep me", b"\x02discardable", b"\0\0\0x"] {
        let after = edited(&opus(&[b"TITLE=T"], behind, 255), &wish(&["Rock"]));
        assert!(walk(&after, 9).0[1].ends_with(behind));
        let after = edited(&vorbis(&[b"TITLE=T"], behind, 255), &wish(&["Rock"]));
        assert!(walk(&after, 7).0[1].ends_with(&[b"\x01", behind].concat()));
    }
}

#[test]
fn further_links_of_a_chain_are_copied_as_they_are() {
    let fill = filler(|entries| opus_comments(entries, b""), 255, 200);
    let first = opus(&[&fill], b"", 255);
    // The same serial again, which is forbidden and happens.
    let second = opus(&[b"TITLE=Two", b"GENRE=Jazz"], b"", 255);
    let third = vorbis(&[b"GENRE=Blues"], b"", 255);
    let before = [first, second.clone(), third.clone()].concat();
    let after = edited(&before, &wish(&["Rock"]));
    assert!(after.ends_with(&[second, third].concat()));
}

#[test]
fn other_streams_beside_ours_and_bytes_between_pages_are_copied_as_they_are() {
    let fill = filler(|entries| opus_comments(entries, b""), 255, 200);
    let ours = opus(&[&fill], b"", 255);
    let pages: Vec<&[u8]> = {
        let mut rest = ours.as_slice();
        ogg_pages(&ours).iter().map(|page| rest.split_off(..page.length).unwrap()).collect()
    };
    let other = |number: u32, flags| ogg_page(flags, 5, 77, number, &[9], b"skeleton!");
    let mut before = other(0, 2);
    before.extend(pages[0]);
    before.extend(other(1, 0));
    for (number, page) in pages[1..].iter().enumerate() {
        before.extend(*page);
        before.extend(other(2 + number as u32, 0));
        if number == 3 {
            before.extend(b"some junk");
        }
    }
    let after = edited(&before, &wish(&["Rock"]));
    let others = |file: &[u8]| ogg_pages(file).into_iter().filter(|page| page.serial == 77).collect::<Vec<_>>();
    assert_eq!(others(&after), others(&before));
    assert!(is_consecutive(&walk(&after, 9).1));
    assert_eq!(walk(&after, 9).0[2..], walk(&before, 9).0[2..]);
}

#[test]
fn flac_and_speex_in_ogg_are_written_too() {
    let (_, body) = comments(&[b"TITLE=T"]);
    let block = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    let flac = stream(3, b"\x7fFLAC\x01\0\0\x02fLaC", &[block(4, &body), block(0x81, &[0; 40])], 255, 0);
    let after = edited(&flac, &wish(&["Rock"]));
    let (packets, _) = walk(&after, 3);
    assert_eq!(packets[1].len() - 4, u32::from_be_bytes([0, packets[1][1], packets[1][2], packets[1][3]]) as usize);
    assert_eq!(packets[2..], walk(&flac, 3).0[2..]);

    let mut head = b"Speex   ".to_vec();
    head.resize(80, 0);
    head[68] = 1;
    let speex = stream(4, &head, &[body, b"further header".to_vec()], 255, 0);
    let after = edited(&speex, &wish(&["Rock"]));
    assert_eq!(walk(&after, 4).0[2..], walk(&speex, 4).0[2..]);
}

/// Pages of frames of FLAC, one on each.
fn frames(serial: u32, first_number: u32) -> Vec<u8> {
    let page = |n: u32| {
        let body = [&[0xff, 0xf8, 0xc9, 0x18][..], &[n as u8; 90]].concat();
        ogg_page(if n == 4 { 4 } else { 0 }, i64::from(n + 1) * 4096, serial, first_number + n, &[94], &body)
    };
    (0..5).flat_map(page).collect()
}

#[test]
fn comments_of_flac_in_ogg_are_found_whatever_their_place_and_whatever_is_marked_as_the_last_block() {
    let block = |kind: u8, body: &[u8]| [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat();
    let body = comments(&[b"TITLE=T"]).1;
    let (title, last_title, other) = (block(4, &body), block(0x84, &body), block(2, &[7; 30]));
    let last_other = block(0x81, &[0; 40]);
    // How many headers are declared, and the headers.
    let cases = [
        // No block is marked as the last one.
        (1, vec![title.clone()]),
        (0, vec![title.clone()]),
        (2, vec![title.clone(), other.clone()]),
        // The comments are marked, and are not.
        (2, vec![last_title.clone(), other.clone()]),
        // Fewer or more than there are.
        (1, vec![title.clone(), last_other.clone()]),
        (9, vec![title.clone(), last_other.clone()]),
        // Not the first block.
        (2, vec![other.clone(), last_title.clone()]),
        (3, vec![other.clone(), title.clone(), last_other.clone()]),
        (1, vec![last_title]),
    ];
    for (declared, headers) in cases {
        let first = [&b"\x7fFLAC\x01\0\0"[..], &[declared], b"fLaC"].concat();
        for segments in [255, 1] {
            let mut file = ogg_page(2, 0, 3, 0, &[first.len() as u8], &first);
            let pages = ogg_lay_out(3, 1, &headers, segments);
            let next = 1 + pages.len() as u32;
            file.extend(pages.concat());
            let sound = frames(3, next);
            file.extend(&sound);
            let after = edited(&file, &wish(&["Rock"]));
            assert!(after.ends_with(&sound), "the sound stays on its pages");
            let (old, new) = (walk(&file, 3).0, walk(&after, 3).0);
            let place = headers.iter().position(|packet| packet[0] & 0x7f == 4).unwrap() + 1;
            assert_eq!(new[place][0], old[place][0], "the mark stays");
            let length = u32::from_be_bytes([0, new[place][1], new[place][2], new[place][3]]) as usize;
            assert_eq!(new[place].len() - 4, length);
            for (number, (old, new)) in old.iter().zip(&new).enumerate() {
                assert!(number == place || old == new, "packet {number} stays");
            }
            assert!(OggFile::parse(&after).unwrap().holdings().iter().any(|held| held.values == ["Rock"]));
        }
    }
    let first = b"\x7fFLAC\x01\0\0\x01fLaC";
    let headed = |headers: &[Vec<u8>]| {
        let pages = ogg_lay_out(3, 1, headers, 255);
        let head = ogg_page(2, 0, 3, 0, &[first.len() as u8], first);
        [head, pages.concat(), frames(3, 1 + pages.len() as u32)].concat()
    };
    assert!(refusal(&headed(&[other.clone(), last_other.clone()])).contains("no metadata block"));
    assert!(refusal(&headed(&[title.clone(), title.clone()])).contains("several"));
    assert!(refusal(&headed(&[title, vec![0xff, 0xf8, 1]])).contains("audio starts"));
}

#[test]
fn a_damaged_or_cut_page_of_audio_stays_as_it_is() {
    let fill = filler(|entries| opus_comments(entries, b""), 255, 200);
    let mut before = opus(&[&fill], b"", 255);
    let at = before.len() - 1500;
    before[at] ^= 0x40;
    before.truncate(before.len() - 100);
    edited(&before, &wish(&["Rock"]));
    edited(&[before, id3v1(17)].concat(), &wish(&["Rock"]));
}

#[test]
fn what_is_damaged_or_ambiguous_is_refused_with_the_reason() {
    let good = vorbis(&[b"TITLE=T"], b"", 255);
    let head = ogg_page(2, 0, 7, 0, &[VORBIS_HEAD.len() as u8], VORBIS_HEAD);
    let comment_page = ogg_lay_out(7, 1, &[vorbis_comments(&[b"A=b"], b"")], 255).concat();
    let damaged = {
        let mut bytes = good.clone();
        bytes[head.len() + 100] ^= 1;
        bytes
    };
    let setup = vec![5; 30];
    let shared = ogg_lay_out(7, 1, &[vorbis_comments(&[], b""), setup.clone(), b"audio".to_vec()], 255).concat();
    let no_frame_bit = [b"\x03vorbis".to_vec(), comments(&[]).1].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (damaged, "checksum"),
        (good[..200].to_vec(), "truncated"),
        ([head.clone(), b"junk".to_vec(), comment_page.clone()].concat(), "between them"),
        ([head.clone(), comment_page.clone()].concat(), "truncated"),
        (
            [head.clone(), ogg_lay_out(7, 2, &[vorbis_comments(&[], b""), setup.clone()], 255).concat()].concat(),
            "missing",
        ),
        ([head.clone(), shared].concat(), "audio starts"),
        (stream(7, VORBIS_HEAD, &[no_frame_bit, setup.clone()], 255, 0), "framing bit"),
        (stream(7, VORBIS_HEAD, &[b"\x04other".to_vec(), setup.clone()], 255, 0), "second packet"),
        (stream(7, VORBIS_HEAD, &[b"\x03vorbis\xff\xff\xff\xffx".to_vec(), setup], 255, 0), "truncated"),
        (stream(7, b"unknown", &[vec![1]], 255, 0), "known codec"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
}

proptest! {
    #[test]
    fn random_streams_are_edited_as_the_model_says(
        sizes in proptest::collection::vec(prop_oneof![0usize..40, 200usize..600, Just(65_000usize)], 0..4),
        behind in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..300),
        segments in prop_oneof![Just(255usize), 1usize..20],
        genre in "[A-Za-z]{1,300}",
        is_opus in any::<bool>(),
    ) {
        let entries: Vec<Vec<u8>> = sizes.iter().map(|&size| [b"X=".to_vec(), vec![b'y'; size]].concat()).collect();
        let mut entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        entries.push(b"genre=Between");
        let (before, serial) = if is_opus { (opus(&entries, &behind, segments), 9) } else { (vorbis(&entries, &behind, segments), 7) };
        let after = edited(&before, &wish(&[&genre]));
        let shorter = edited(&after, &wish(&[&genre[..genre.len().div_ceil(2)]]));
        let without = edited(&shorter, &Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec()));
        for file in [&after, &shorter, &without] {
            let ((old, _), (new, numbers)) = (walk(&before, serial), walk(file, serial));
            prop_assert!(is_consecutive(&numbers));
            prop_assert_eq!((&old[0], &old[2..]), (&new[0], &new[2..]));
        }
    }

    #[test]
    fn hostile_pages_are_refused_not_believed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut source = vorbis(&[b"TITLE=T"], b"", 5);
        let at = at.index(source.len());
        source[at] = byte;
        source.truncate(cut.index(source.len()) + 1);
        if let Ok(parsed) = OggFile::parse(&source) {
            let _ = parsed.edit(&source, &wish(&["Rock"]), EditOptions::default());
            let layout = parsed.layout(&source).unwrap();
            let _ = parsed.audio_digest(&source, &layout);
        }
    }
}
