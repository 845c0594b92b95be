//! Matroska files with every arrangement of elements, edited and read back by a walker that shares nothing with the
//! parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, genres_wish as wish};
use super::super::fixtures::{MKV_TRACK, Mkv, ebml, ebml_void, mkv_tag, simple_tag, with_ebml_crc};
use super::super::journal::JournalEntry;
use super::super::plan::TagField;
use super::super::restore::Restoration;
use super::*;

const TAGS_ID: u32 = 0x1254_c367;

fn try_edit(file: &[u8], wish: &Wish) -> Result<Vec<u8>, Problem> {
    let (edited, patch) = edit_check::try_edit(MatroskaFile::parse, file, wish, EditOptions::default())?;
    assert_eq!(edit_check::undone(MatroskaFile::parse, file, &patch), file, "an undo brings every byte back");
    check_index(&edited);
    Ok(edited)
}

fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    try_edit(file, wish).unwrap()
}

fn refusal(file: &[u8]) -> String {
    edit_check::refusal(try_edit(file, &wish(&["Rock"])))
}

/// The elements in `bytes`: id, start, body.
fn walk(bytes: &[u8], range: std::ops::Range<usize>) -> Vec<(u32, usize, std::ops::Range<usize>)> {
    let (mut elements, mut at) = (Vec::new(), range.start);
    while at < range.end {
        let long = bytes[at].leading_zeros() as usize + 1;
        let id = bytes[at..at + long].iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        let wide = bytes[at + long].leading_zeros() as usize + 1;
        let size = bytes[at + long..at + long + wide].iter().fold(0u64, |size, &byte| size << 8 | u64::from(byte));
        let mask = (1u64 << (7 * wide)) - 1;
        let body = at + long + wide;
        let is_open = size & mask == mask;
        let end = if is_open { end_of_open(bytes, id, body..range.end) } else { body + (size & mask) as usize };
        assert!(end <= range.end, "an element is longer than what holds it");
        elements.push((id, at, body..end));
        at = end;
    }
    elements
}

/// Where an element without a length ends: a cluster before the next element whose id has four bytes.
fn end_of_open(bytes: &[u8], id: u32, range: std::ops::Range<usize>) -> usize {
    let mut at = range.start;
    while id == 0x1f43_b675 && at < range.end && bytes[at] >> 4 != 1 {
        let wide = bytes[at + 1].leading_zeros() as usize + 1;
        let size = bytes[at + 1..at + 1 + wide].iter().fold(0u64, |size, &byte| size << 8 | u64::from(byte));
        at += 1 + wide + (size & ((1 << (7 * wide)) - 1)) as usize;
    }
    if id == 0x1f43_b675 { at } else { range.end }
}

fn segment(file: &[u8]) -> std::ops::Range<usize> {
    walk(file, 0..file.len())[1].2.clone()
}

/// The bodies of the elements of the segment with that id.
fn bodies(file: &[u8], id: u32) -> Vec<Vec<u8>> {
    let all = walk(file, segment(file)).into_iter().filter(|(known, ..)| *known == id);
    all.map(|(_, _, body)| file[body].to_vec()).collect()
}

/// Every entry of the SeekHead names an element of its kind, and every checksum is right.
fn check_index(file: &[u8]) {
    let segment = segment(file);
    let elements = walk(file, segment.clone());
    for (_, _, body) in elements.iter().filter(|(id, ..)| matches!(*id, 0x114d_9b74 | TAGS_ID)) {
        let parts = walk(file, body.clone());
        if let Some((0xbf, _, crc)) = parts.first() {
            assert_eq!(with_ebml_crc(&file[crc.end..body.end]), file[body.clone()], "a checksum is wrong");
        }
        for (_, _, seek) in parts.iter().filter(|(id, ..)| *id == 0x4dbb) {
            let part = |wanted| {
                let (_, _, body) = walk(file, seek.clone()).into_iter().find(|(id, ..)| *id == wanted).unwrap();
                file[body].iter().fold(0usize, |number, &byte| number << 8 | usize::from(byte))
            };
            let found = elements.iter().find(|(_, start, _)| *start == segment.start + part(0x53ac));
            assert_eq!(found.map(|(id, ..)| *id as usize), Some(part(0x53ab)), "the index is wrong");
        }
    }
}

/// What the last Tag of the file says: the genre and our own field.
fn ours(genre: &str) -> Vec<u8> {
    mkv_tag(Some(30), &[simple_tag("GENRE", genre), simple_tag("RECLASSD_GENRE", genre)])
}

fn of_ffmpeg() -> Vec<u8> {
    mkv_tag(None, &[simple_tag("ARTIST", "A"), simple_tag("ENCODER", "Lavf")])
}

fn tags(tags: &[Vec<u8>]) -> Vec<u8> {
    ebml(TAGS_ID, &tags.concat())
}

fn with_tags(of: &[Vec<u8>]) -> Mkv {
    Mkv { front: vec![tags(of)], ..Mkv::default() }
}

fn genres(file: &[u8]) -> Vec<String> {
    let holdings = MatroskaFile::parse(&file.to_vec()).unwrap().holdings();
    holdings.into_iter().find(|held| held.field == TagField::Genre).map(|held| held.values).unwrap_or_default()
}

#[test]
fn a_file_without_tags_gets_them_at_its_end_and_the_index_tells_of_them() {
    let file = Mkv::default().build();
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!(bodies(&after, TAGS_ID), [ours("Rock")]);
    assert_eq!(genres(&after), ["Rock"]);
    assert!(after.ends_with(&tags(&[ours("Rock")])));
}

#[test]
fn tags_stay_in_their_place_where_unused_space_follows() {
    let long = "Something longer than before";
    let room = tags(&[of_ffmpeg(), ours(long)]).len() - tags(&[of_ffmpeg()]).len();
    for (space, stays) in [(room, true), (room + 1, true), (room + 2, true), (room + 300, true), (room / 2, false)] {
        let front = vec![tags(&[of_ffmpeg()]), ebml_void(space)];
        let file = Mkv { front, ..Mkv::default() }.build();
        let after = edited(&file, &wish(&[long]));
        assert_eq!(after.len() == file.len(), stays, "{space} of {room}");
        assert_eq!(bodies(&after, TAGS_ID), [[of_ffmpeg(), ours(long)].concat()]);
    }
}

#[test]
fn tags_at_the_end_grow_there() {
    let file = Mkv { back: vec![tags(&[of_ffmpeg()])], ..Mkv::default() }.build();
    let after = edited(&file, &wish(&["Rock"]));
    assert!(after.ends_with(&tags(&[of_ffmpeg(), ours("Rock")])));
    assert_eq!(after.len(), file.len() + ours("Rock").len());
    let again = edited(&after, &wish(&["Pop"]));
    assert_eq!(again.len(), after.len(), "what is left over stays as unused space");
}

#[test]
fn a_checksum_is_made_anew_where_one_stands() {
    let body = [of_ffmpeg(), mkv_tag(Some(30), &[simple_tag("TITLE", "T")])].concat();
    let front = vec![ebml(TAGS_ID, &with_ebml_crc(&body))];
    let file = Mkv { front, crc: true, ..Mkv::default() }.build();
    let after = edited(&file, &wish(&["Rock"]));
    let now = bodies(&after, TAGS_ID).concat();
    assert_eq!(now, with_ebml_crc(&now[6..]));
    let mut wrong = file.clone();
    let at = wrong.windows(4).position(|bytes| bytes == b"Lavf").unwrap();
    wrong[at] ^= 1;
    assert!(refusal(&wrong).contains("checksum"));
}

#[test]
fn the_genre_of_an_album_is_kept_apart() {
    let album = mkv_tag(Some(50), &[simple_tag("TITLE", "Album"), simple_tag("GENRE", "Pop")]);
    for of in [vec![album.clone()], vec![mkv_tag(Some(30), &[simple_tag("TITLE", "T")]), album.clone()]] {
        let file = with_tags(&of).build();
        assert_eq!(genres(&file), ["Pop"], "it is what players show");
        let after = edited(&file, &wish(&["Rock"]));
        let expected = [of.concat(), ours("Rock")].concat();
        assert_eq!(bodies(&after, TAGS_ID), [expected], "ours stands behind it, since the last one is shown");
        assert_eq!(genres(&after), ["Rock"]);
    }
}

#[test]
fn a_genre_that_stands_there_is_changed_where_it_stands_and_keeps_what_stands_beside_its_text() {
    let told = ebml(
        0x67c8,
        &[ebml(0x45a3, b"genre"), ebml(0x447a, b"eng"), ebml(0x4487, b"Old"), simple_tag("URL", "x")].concat(),
    );
    for level in [None, Some(30)] {
        let file =
            with_tags(&[mkv_tag(level, &[simple_tag("ARTIST", "A"), told.clone(), simple_tag("TITLE", "T")])]).build();
        assert_eq!(genres(&file), ["Old"]);
        let after = edited(&file, &wish(&["Rock", "Blues"]));
        let new = ebml(
            0x67c8,
            &[ebml(0x45a3, b"genre"), ebml(0x447a, b"eng"), ebml(0x4487, b"Rock"), simple_tag("URL", "x")].concat(),
        );
        let mut fields = vec![simple_tag("ARTIST", "A"), new, simple_tag("GENRE", "Blues"), simple_tag("TITLE", "T")];
        fields.extend(["Rock", "Blues"].map(|genre| simple_tag("RECLASSD_GENRE", genre)));
        assert_eq!(bodies(&after, TAGS_ID), [mkv_tag(level, &fields)]);
        assert_eq!(genres(&after), ["Rock", "Blues"]);
    }
}

#[test]
fn tags_of_chapters_covers_and_other_tracks_are_not_touched() {
    let target = |id, uid: &[u8]| {
        let targets = ebml(0x63c0, &ebml(id, uid));
        ebml(0x7373, &[targets, simple_tag("GENRE", "Theirs")].concat())
    };
    let others = [target(0x63c4, &[7]), target(0x63c6, &[8]), target(0x63c9, &[9]), target(0x63c5, &[1, 2, 3])];
    let file = with_tags(&others).build();
    assert!(genres(&file).is_empty());
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!(bodies(&after, TAGS_ID), [[others.concat(), ours("Rock")].concat()]);
    // The genre of the one track of sound is that of the file.
    let stream = target(0x63c5, &MKV_TRACK);
    assert_eq!(genres(&with_tags(std::slice::from_ref(&stream)).build()), ["Theirs"]);
    let two = Mkv { tracks: vec![2, 2], ..with_tags(&[stream]) };
    assert!(genres(&two.build()).is_empty(), "there are two tracks");
}

#[test]
fn where_there_is_no_index_tags_go_in_front_of_the_sound_or_nowhere() {
    for live in [false, true] {
        let mkv = |front| Mkv { seek: false, void: 0, live, front, ..Mkv::default() };
        let file = mkv(vec![ebml_void(300)]).build();
        let after = edited(&file, &wish(&["Rock"]));
        assert_eq!((after.len(), bodies(&after, TAGS_ID)), (file.len(), vec![ours("Rock")]));
        let file = mkv(vec![tags(&[of_ffmpeg()])]).build();
        let reason = refusal(&file);
        assert!(reason.contains(if live { "live recording" } else { "no room" }), "{reason}");
        let file = mkv(vec![tags(&[of_ffmpeg()]), ebml_void(200)]).build();
        assert_eq!(bodies(&edited(&file, &wish(&["Rock"])), TAGS_ID), [[of_ffmpeg(), ours("Rock")].concat()]);
    }
    // Where the index has no room, unused space in front of the sound is enough.
    let file =
        Mkv { void: 0, front: vec![tags(&[of_ffmpeg()]), ebml(0x1043_a770, b""), ebml_void(400)], ..Mkv::default() };
    edited(&file.build(), &wish(&["Rock"]));
}

#[test]
fn an_index_without_room_for_a_longer_place_is_no_reason_to_move_anything() {
    let file = Mkv { void: 0, ..Mkv::default() }.build();
    assert!(refusal(&file).contains("no room for tags"));
    // An entry that is there already takes the new place.
    let file = Mkv { void: 0, front: vec![tags(&[of_ffmpeg()])], ..Mkv::default() }.build();
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!(bodies(&after, TAGS_ID), [[of_ffmpeg(), ours("Rock")].concat()]);
}

#[test]
fn of_several_tags_elements_the_order_stays() {
    let file = Mkv {
        front: vec![tags(&[mkv_tag(Some(30), &[simple_tag("GENRE", "Old")])]), tags(&[of_ffmpeg()])],
        ..Mkv::default()
    };
    let after = edited(&file.build(), &wish(&["Something longer than before"]));
    let found = bodies(&after, TAGS_ID);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], of_ffmpeg());
}

#[test]
fn films_and_what_is_damaged_or_unknown_is_refused_with_the_reason() {
    let good = with_tags(&[of_ffmpeg()]).build();
    let film = |tracks: &[u8]| Mkv { tracks: tracks.to_vec(), ..Mkv::default() }.build();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (film(&[1, 2]), "film"),
        (film(&[0x11]), "no track of sound"),
        (Mkv { doc_type: "other", ..Mkv::default() }.build(), "another kind"),
        (good[..good.len() - 5].to_vec(), "truncated"),
        ([good.clone(), good.clone()].concat(), "follows its segment"),
        (Mkv { front: vec![with_ebml_crc(b"")], ..Mkv::default() }.build(), "checksum over all"),
        (Mkv { live: true, back: vec![tags(&[of_ffmpeg()])], ..Mkv::default() }.build(), "unknown length"),
        (Mkv { front: vec![ebml(TAGS_ID, b"\x73\x73\x85")], ..Mkv::default() }.build(), "longer than"),
        (Mkv { front: vec![ebml(TAGS_ID, &[0, 0])], ..Mkv::default() }.build(), "bytes that are none"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
    // Subtitles are the words of a song.
    edited(&film(&[2, 0x11]), &wish(&["Rock"]));
    let reason = edit_check::refusal(try_edit(&good, &wish(&["zero\0inside"])));
    assert!(reason.contains("cannot be stored"), "{reason}");
}

#[test]
fn several_writes_are_taken_back_at_once_byte_for_byte() {
    for front in [vec![], vec![tags(&[of_ffmpeg()])], vec![tags(&[of_ffmpeg()]), ebml_void(150)]] {
        let file = Mkv { front, ..Mkv::default() }.build();
        let mut now = file.clone();
        let mut entries = Vec::new();
        for genre in ["Rock", "Something longer than before, for which there is no room in the old place", "Pop"] {
            let before = MatroskaFile::parse(&now).unwrap();
            let patch = before.edit(&now, &wish(&[genre]), EditOptions::default()).unwrap();
            entries.insert(0, JournalEntry::for_test(&before, &patch, now.len() as u64));
            now = patch.apply(&now);
        }
        let wish = Wish::Restore(Restoration::new(&entries.iter().collect::<Vec<_>>(), |_, _| true));
        let undo = MatroskaFile::parse(&now).unwrap().edit(&now, &wish, EditOptions::default()).unwrap();
        assert!(undo.apply(&now) == file);
    }
}

#[test]
fn what_others_changed_since_stays_when_a_write_is_taken_back() {
    let file = with_tags(&[of_ffmpeg()]).build();
    let (after, patch) =
        edit_check::try_edit(MatroskaFile::parse, &file, &wish(&["Rock"]), EditOptions::default()).unwrap();
    // Somebody corrects the name of the artist.
    let mut now = after.clone();
    let at = now.windows(6).rposition(|bytes| bytes == b"ARTIST").unwrap() + 9;
    now[at] = b'B';
    let undone = edit_check::taken_back(MatroskaFile::parse, &file, &now, &patch);
    let expected = mkv_tag(None, &[simple_tag("ARTIST", "B"), simple_tag("ENCODER", "Lavf")]);
    assert_eq!(bodies(&undone, TAGS_ID), [expected]);
    check_index(&undone);
}

/// Every way in which tags, unused space and an index stand in files that people have.
#[test]
fn every_arrangement_with_an_index_is_written_and_without_one_there_has_to_be_room() {
    let album = mkv_tag(Some(50), &[simple_tag("TITLE", "Album"), simple_tag("GENRE", "Pop")]);
    let track = mkv_tag(Some(30), &[simple_tag("TITLE", "T"), simple_tag("GENRE", "Old"), simple_tag("MOOD", "Calm")]);
    let stream = ebml(0x7373, &[ebml(0x63c0, &ebml(0x63c5, &MKV_TRACK)), simple_tag("ENCODER", "x")].concat());
    let chapters = ebml(0x1043_a770, b"chapters");
    let fronts = [
        vec![],
        vec![tags(&[of_ffmpeg(), stream.clone()])],
        vec![tags(&[album.clone(), track.clone()])],
        vec![tags(&[track.clone(), album.clone()]), ebml_void(60), chapters.clone()],
        vec![ebml_void(500), chapters.clone(), tags(&[of_ffmpeg()])],
        vec![ebml(TAGS_ID, &with_ebml_crc(&[album.clone(), track.clone()].concat())), ebml_void(2)],
    ];
    let cues = ebml(0x1c53_bb6b, b"places");
    let backs =
        [vec![], vec![cues.clone()], vec![cues, tags(&[stream, track])], vec![tags(&[of_ffmpeg()]), ebml_void(300)]];
    let (mut written, mut refused) = (0, 0);
    for (front, back) in fronts.iter().flat_map(|front| backs.iter().map(move |back| (front.clone(), back.clone()))) {
        for (seek, void, crc) in
            [(true, 40, false), (true, 90, true), (true, 4000, false), (true, 60, true), (false, 0, false)]
        {
            let file = Mkv { front: front.clone(), back: back.clone(), seek, void, crc, ..Mkv::default() }.build();
            for genres in [&["Rock"][..], &["Something that is longer than all of the room that there was", "Blues"]] {
                match try_edit(&file, &wish(genres)) {
                    Ok(after) => {
                        assert_eq!(self::genres(&after), genres);
                        written += 1;
                    }
                    Err(Problem::Refused(reason)) => {
                        assert!(!seek && reason.to_string().contains("no room"), "{reason}");
                        refused += 1;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
    assert_eq!((written, refused), (213, 27));
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![Just("GENRE"), Just("genre"), Just("RECLASSD_GENRE"), Just("TITLE"), Just("INITIAL_KEY")];
    prop_oneof![
        4 => (name, "[a-zA-Z]{0,12}").prop_map(|(name, value)| simple_tag(name, &value)),
        1 => (2usize..40).prop_map(ebml_void),
        1 => proptest::collection::vec(any::<u8>(), 0..9).prop_map(|body| ebml(0x67c8, &body)),
    ]
}

fn tags_element() -> impl Strategy<Value = Vec<u8>> {
    let level = prop_oneof![Just(None), Just(Some(30)), Just(Some(50)), Just(Some(60))];
    let tag = (level, proptest::collection::vec(field(), 0..4)).prop_map(|(level, fields)| mkv_tag(level, &fields));
    (proptest::collection::vec(tag, 0..4), any::<bool>())
        .prop_map(|(tags, crc)| ebml(TAGS_ID, &if crc { with_ebml_crc(&tags.concat()) } else { tags.concat() }))
}

fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => tags_element(), 2 => (2usize..300).prop_map(ebml_void), 1 => Just(ebml(0x1043_a770, b"chapters"))]
}

proptest! {
    #[test]
    fn every_arrangement_is_edited_and_taken_back_or_refused(
        front in proptest::collection::vec(element(), 0..4),
        back in proptest::collection::vec(element(), 0..3),
        (seek, void, crc, live) in (any::<bool>(), prop_oneof![Just(0usize), 2usize..200], any::<bool>(), any::<bool>()),
        genres in proptest::collection::vec("[A-Z][a-z]{1,40}", 0..3),
    ) {
        let file = Mkv { front, back, seek, void, crc, live, ..Mkv::default() }.build();
        let genres: Vec<&str> = genres.iter().map(String::as_str).collect();
        let _ = try_edit(&file, &wish(&genres));
    }

    #[test]
    fn hostile_bytes_are_refused_not_believed(
        place in 0usize..400, bytes in proptest::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut file = with_tags(&[of_ffmpeg(), mkv_tag(Some(30), &[simple_tag("GENRE", "Old")])]).build();
        for (place, byte) in (place..).zip(bytes) {
            if let Some(known) = file.get_mut(place) {
                *known = byte;
            }
        }
        let _ = edit_check::try_edit(MatroskaFile::parse, &file, &wish(&["Rock"]), EditOptions::default());
    }
}
