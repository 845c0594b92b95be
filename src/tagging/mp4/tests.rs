//! MPEG-4 files with every arrangement of atoms, edited and read back by a walker that shares nothing with the parser.

#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::super::edit_check::{self, genres_wish as wish};
use super::super::fixtures::{Mp4, atom, data_atom, freeform, mp4, mp4_audio, mp4_fragmented, mp4_meta};
use super::super::plan::TagField;
use super::*;

fn try_edit(file: &[u8], wish: &Wish) -> Result<Vec<u8>, Problem> {
    Ok(edit_check::try_edit(Mp4File::parse, file, wish, EditOptions::default())?.0)
}

fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
    try_edit(file, wish).unwrap()
}

fn refusal(file: &[u8]) -> String {
    edit_check::refusal(try_edit(file, &wish(&["Rock"])))
}

/// The atoms in `bytes`: kind, place of the body.
fn walk(bytes: &[u8], range: Range<usize>) -> Vec<(String, Range<usize>)> {
    let (mut atoms, mut at) = (Vec::new(), range.start);
    while at + 8 <= range.end {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (head, size) = match size {
            0 => break,
            1 => (16, u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize),
            size => (8, size),
        };
        let kind = bytes[at + 4..at + 8].iter().map(|&byte| char::from(byte)).collect();
        assert!(at + size <= range.end);
        atoms.push((kind, at + head..at + size));
        at += size;
    }
    atoms
}

/// The body of the atom at the end of a path.
fn find(bytes: &[u8], path: &[&str]) -> Option<Range<usize>> {
    path.iter().try_fold(0..bytes.len(), |range, kind| {
        let found = walk(bytes, range).into_iter().find(|(name, _)| name == kind)?.1;
        Some(if *kind == "meta" { found.start + 4..found.end } else { found })
    })
}

/// The bytes that the chunk offsets point at, 10 from each.
fn chunks(file: &[u8]) -> Vec<Vec<u8>> {
    let stbl = find(file, &["moov", "trak", "mdia", "minf", "stbl"]).unwrap();
    let (kind, table) = walk(file, stbl).into_iter().find(|(kind, _)| kind == "stco" || kind == "co64").unwrap();
    let width = if kind == "co64" { 8 } else { 4 };
    let offset = |entry: &[u8]| entry.iter().fold(0, |offset, &byte| offset << 8 | usize::from(byte));
    file[table.start + 8..table.end]
        .chunks(width)
        .map(|entry| file[offset(entry)..offset(entry) + 10].to_vec())
        .collect()
}

fn list(file: &[u8]) -> Vec<u8> {
    file[find(file, &["moov", "udta", "meta", "ilst"]).unwrap()].to_vec()
}

fn named(name: &[u8; 4], text: &str) -> Vec<u8> {
    atom(name, &data_atom(1, text.as_bytes()))
}

fn written(genre: &str) -> Vec<u8> {
    [named(b"\xa9gen", genre), freeform("RECLASSD_GENRE", &[genre])].concat()
}

fn title() -> Vec<u8> {
    named(b"\xa9nam", "Title")
}

/// `udta` with a list.
fn tagged(items: &[u8], free: Option<usize>) -> Vec<u8> {
    let free = free.map(|length| atom(b"free", &vec![0; length])).unwrap_or_default();
    atom(b"udta", &mp4_meta(&[atom(b"ilst", items), free].concat()))
}

#[test]
fn the_list_is_edited_and_the_chunks_are_found_wherever_moov_stands() {
    for moov_first in [true, false] {
        for wide in [true, false] {
            for free in [None, Some(0), Some(100), Some(2000)] {
                let file = mp4(&tagged(&title(), free), moov_first, wide);
                let after = edited(&file, &wish(&["Rock"]));
                assert_eq!(list(&after), [title(), written("Rock")].concat());
                assert_eq!(chunks(&after), chunks(&file));
                if free == Some(2000) {
                    assert_eq!(after.len(), file.len(), "there is room enough");
                } else if moov_first {
                    assert_eq!((after.len() - file.len()) % 4096, 0);
                    let again = edited(&after, &wish(&["Something longer than before"]));
                    assert_eq!(again.len(), after.len(), "the room is used by the next write");
                }
            }
        }
    }
}

#[test]
fn free_space_that_is_exactly_enough_or_a_few_bytes_short() {
    let grown = written("Rock").len();
    for (length, stays) in [(grown, true), (grown - 8, true), (grown + 1, true), (grown - 1, false), (grown - 9, false)]
    {
        let file = mp4(&tagged(&title(), Some(length)), true, false);
        let after = edited(&file, &wish(&["Rock"]));
        assert_eq!(after.len() == file.len(), stays, "{length} of {grown}");
        assert_eq!(chunks(&after), chunks(&file));
    }
}

#[test]
fn what_is_missing_around_the_list_is_made() {
    let cases = [
        vec![],
        atom(b"udta", b""),
        atom(b"udta", &[0; 4]),
        atom(b"udta", &atom(b"name", b"kept")),
        atom(b"udta", &[atom(b"name", b"kept"), vec![0; 4]].concat()),
        atom(b"udta", &mp4_meta(b"")),
        atom(b"udta", &mp4_meta(&atom(b"free", &[0; 30]))),
        tagged(b"", None),
    ];
    for udta in cases {
        for moov_first in [true, false] {
            let file = mp4(&udta, moov_first, false);
            let after = edited(&file, &wish(&["Rock"]));
            assert_eq!(list(&after), written("Rock"));
            assert_eq!(chunks(&after), chunks(&file));
            assert_eq!(after.windows(4).any(|bytes| bytes == b"kept"), udta.windows(4).any(|bytes| bytes == b"kept"));
        }
    }
}

#[test]
fn several_genres_are_several_values_of_one_item_and_the_number_goes() {
    let number = atom(b"gnre", &data_atom(0, &[0, 18]));
    let file = mp4(&tagged(&[title(), number.clone()].concat(), None), true, false);
    let genres = |file: &Vec<u8>| {
        let holdings = Mp4File::parse(file).unwrap().holdings();
        holdings.into_iter().find(|holding| holding.field == TagField::Genre).unwrap().values
    };
    assert_eq!(genres(&file), ["Rock"]);
    let values = [data_atom(1, b"Rock"), data_atom(1, b"Pop")].concat();
    let own = freeform("RECLASSD_GENRE", &["Rock", "Pop"]);
    for items in [
        [title(), number.clone()].concat(),
        [title(), named(b"\xa9gen", "Jazz"), number.clone()].concat(),
        [title(), number, named(b"\xa9gen", "Rock")].concat(),
    ] {
        let after = edited(&mp4(&tagged(&items, None), true, false), &wish(&["Rock", "Pop"]));
        assert_eq!(list(&after), [title(), atom(b"\xa9gen", &values), own.clone()].concat());
        assert_eq!(genres(&after), ["Rock", "Pop"]);
    }
    let utf16 = atom(b"\xa9gen", &data_atom(2, b"\0J\0a\0z\0z"));
    assert_eq!(genres(&mp4(&tagged(&utf16, None), true, false)), ["Jazz"]);
}

#[test]
fn every_other_item_and_atom_is_copied_as_it_is() {
    let foreign = [
        atom(b"hdvd", &data_atom(21, &[2])),
        freeform("iTunNORM", &[" 0000", "twice"]),
        freeform("iTunNORM", &["again"]),
        atom(b"----", b"broken"),
        atom(b"covr", &[data_atom(13, b"\xff\xd8jpeg"), data_atom(14, b"\x89PNG")].concat()),
    ]
    .concat();
    let items = [foreign.clone(), named(b"\xa9gen", "Old"), title()].concat();
    let after = edited(&mp4(&tagged(&items, Some(300)), true, false), &wish(&["New"]));
    let expected = [foreign, named(b"\xa9gen", "New"), title(), freeform("RECLASSD_GENRE", &["New"])].concat();
    assert_eq!(list(&after), expected);
}

#[test]
fn free_space_behind_moov_is_used_and_free_space_that_holds_something_is_not() {
    let with = |free: Vec<u8>| Mp4 { udta: tagged(&title(), None), behind_moov: free, ..Mp4::default() }.build();
    let file = with(atom(b"free", &[0; 900]));
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!((after.len(), chunks(&after)), (file.len(), chunks(&file)));
    let mut secret = vec![0; 900];
    secret[450] = 7;
    let file = with(atom(b"free", &secret));
    let after = edited(&file, &wish(&["Rock"]));
    assert!(after.windows(908).any(|bytes| bytes == atom(b"free", &secret)));
    assert_eq!(chunks(&after), chunks(&file));
}

#[test]
fn a_last_mdat_without_a_size_stays_without_one() {
    let mut file = mp4(&tagged(&title(), None), true, false);
    let at = find(&file, &["mdat"]).unwrap().start - 8;
    file[at..at + 4].fill(0);
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!(chunks(&after), chunks(&file));
    assert!(after.ends_with(&[&[0; 4][..], b"mdat", &mp4_audio()].concat()));
}

#[test]
fn what_is_damaged_or_ambiguous_is_refused_with_the_reason() {
    let good = mp4(&tagged(&title(), None), true, false);
    let with = |udta: Vec<u8>| mp4(&udta, true, false);
    let double = atom(b"udta", &[mp4_meta(&atom(b"ilst", b"")), mp4_meta(b"")].concat());
    let not_itunes = {
        let mut file = good.clone();
        let at = file.windows(4).position(|bytes| bytes == b"mdir").unwrap();
        file[at..at + 4].copy_from_slice(b"mdta");
        file
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        ([atom(b"moof", b""), good.clone()].concat(), "stand in front"),
        ([good.clone(), atom(b"moof", &atom(b"traf", &atom(b"tfhd", &[0, 0, 0, 1, 0])))].concat(), "cut off"),
        ([good.clone(), atom(b"mfra", &atom(b"tfra", &[0; 9]))].concat(), "cut off"),
        ([good.clone(), atom(b"moof", &atom(b"traf", &atom(b"senc", &[0; 9])))].concat(), "encrypted"),
        (with([tagged(&title(), None), tagged(&title(), None)].concat()), "several udta"),
        (with(double), "several meta"),
        (with(atom(b"udta", &mp4_meta(&[atom(b"ilst", b""), atom(b"ilst", b"")].concat()))), "several ilst"),
        (with(atom(b"udta", &mp4_meta(&atom(b"iloc", b"")))), "iloc"),
        (not_itunes, "mdir"),
        ([good.clone(), good.clone()].concat(), "one moov"),
        (good[..good.len() - 5].to_vec(), "truncated"),
        ([good.clone(), b"\0\0\0\x02free".to_vec()].concat(), "impossible"),
        ([good, vec![1, 2, 3]].concat(), "follow the last one"),
        (with(tagged(b"\0\0\0\x50\xa9gen", None)), "longer than"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
}

/// Where the fragments stand, and where the file says that they do: by their base offsets and by the index.
fn told(file: &[u8]) -> [Vec<usize>; 3] {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte));
    let top = walk(file, 0..file.len());
    let fragments = top.iter().filter(|(kind, _)| kind == "styp").map(|(_, body)| body.start - 8).collect();
    let mut bases = Vec::new();
    for (_, moof) in top.iter().filter(|(kind, _)| kind == "moof") {
        let traf = walk(file, moof.clone()).into_iter().find(|(kind, _)| kind == "traf").unwrap().1;
        let header = walk(file, traf).into_iter().find(|(kind, _)| kind == "tfhd").unwrap().1;
        bases.extend((header.len() == 16).then(|| number(&file[header.start + 8..header.end])));
    }
    let mfra = top.iter().find(|(kind, _)| kind == "mfra").unwrap().1.clone();
    let table = file[walk(file, mfra)[0].1.clone()].to_vec();
    let width = if table[0] == 0 { 4 } else { 8 };
    let entries = table[16..].chunks(2 * width + 6).map(|entry| number(&entry[width..2 * width])).collect();
    [fragments, bases, entries]
}

#[test]
fn what_tells_where_fragments_lie_follows_them() {
    for (wide, has_base) in [(true, true), (false, true), (true, false)] {
        for (moov_first, free) in [(true, None), (true, Some(2000)), (false, None)] {
            let mvex = atom(b"mvex", &atom(b"trex", &[0; 24]));
            let file = Mp4 { udta: tagged(&title(), free), moov_first, in_moov: mvex, ..Mp4::default() };
            let file = mp4_fragmented(&file, wide, |start| has_base.then_some(start));
            let after = edited(&file, &wish(&["Rock"]));
            assert_eq!(list(&after), [title(), written("Rock")].concat());
            let [fragments, bases, entries] = told(&after);
            assert_eq!(entries, fragments);
            assert_eq!(bases, if has_base { fragments } else { Vec::new() });
            assert_eq!(chunks(&after), chunks(&file));
            assert_eq!(after.len() == file.len(), free.is_some());
        }
    }
}

#[test]
fn fragments_whose_places_count_from_the_start_of_the_file_are_written_into_free_space_alone() {
    let file = |free| {
        let file = Mp4 { udta: tagged(&title(), free), ..Mp4::default() };
        mp4_fragmented(&file, true, |_| Some(0))
    };
    assert!(refusal(&file(None)).contains("count from the start"));
    let full = file(Some(2000));
    assert_eq!(edited(&full, &wish(&["Rock"])).len(), full.len());
}

/// A file of which only the start is held: what follows is zeros.
struct Hollow {
    start: Vec<u8>,
    length: u64,
}

impl Source for Hollow {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        for (place, byte) in (offset as usize..).zip(buffer) {
            *byte = self.start.get(place).copied().unwrap_or(0);
        }
        Ok(())
    }
}

#[test]
fn an_offset_that_would_not_fit_any_more_is_refused() {
    let mut start = mp4(&tagged(&title(), None), true, false);
    let table = find(&start, &["moov", "trak", "mdia", "minf", "stbl", "stco"]).unwrap();
    start[table.start + 16..table.start + 20].copy_from_slice(&0xffff_ff00u32.to_be_bytes());
    // The media data lasts to the end of the file.
    let at = start.len() - mp4_audio().len() - 8;
    start[at..at + 4].fill(0);
    let file = Hollow { start, length: u64::from(u32::MAX) };
    let parsed = Mp4File::parse(&file).unwrap();
    let reason = edit_check::refusal(parsed.edit(&file, &wish(&["Rock"]), EditOptions::default()));
    assert!(reason.contains("offset of a chunk"), "{reason}");
}

#[test]
fn a_chunk_that_does_not_lie_in_the_media_data_is_refused() {
    let file = [mp4(&tagged(&title(), None), false, false), atom(b"free", &[0; 300])].concat();
    let table = find(&file, &["moov", "trak", "mdia", "minf", "stbl", "stco"]).unwrap();
    let (media, end) = (find(&file, &["mdat"]).unwrap(), file.len() as u32);
    // In front of the media data, behind it, in the last byte of the free space, right behind the file, and far from
    // it.
    for offset in [0, media.start as u32 - 1, media.end as u32 + 1, end - 1, end, end + 5000] {
        let mut file = file.clone();
        file[table.start + 16..table.start + 20].copy_from_slice(&offset.to_be_bytes());
        assert!(refusal(&file).contains("where no media data"), "{offset}");
    }
    // The end of the media data is where an empty chunk may lie.
    let mut file = file.clone();
    file[table.start + 16..table.start + 20].copy_from_slice(&(media.end as u32).to_be_bytes());
    assert_eq!(list(&edited(&file, &wish(&["Rock"]))), [title(), written("Rock")].concat());
}

#[test]
fn films_without_sound_pictures_and_raw_files_are_refused() {
    let file = |change: fn(&mut Mp4)| {
        let mut file = Mp4 { udta: tagged(&title(), Some(2000)), ..Mp4::default() };
        change(&mut file);
        file.build()
    };
    let cases: [(Vec<u8>, &str); 8] = [
        (file(|it| it.handler = *b"vide"), "no track of sound"),
        (file(|it| it.handler = *b"pict"), "no track of sound"),
        (file(|it| it.mapped = false), "what is in the chunks"),
        (file(|it| it.brands = b"avis\0\0\0\0avifmsf1iso8".to_vec()), "picture"),
        (file(|it| it.brands = b"heic\0\0\0\0mif1heic".to_vec()), "picture"),
        (file(|it| it.brands = b"crx \0\0\0\x01crx isom".to_vec()), "raw"),
        (file(|it| it.brands = b"isom\0\0\0\x01isomcrx ".to_vec()), "raw"),
        (file(|it| it.data = b"\0\0\0\0file:///elsewhere".to_vec()), "in another file"),
    ];
    for (bytes, word) in cases {
        let reason = refusal(&bytes);
        assert!(reason.contains(word), "{reason:?} does not speak of {word:?}");
    }
    let empty = {
        let mut file = file(|_| {});
        let table = find(&file, &["moov", "trak", "mdia", "minf", "stbl", "stco"]).unwrap();
        file[table.start + 4..table.start + 8].fill(0);
        file
    };
    assert!(refusal(&empty).contains("sound is empty"));
    // A reference that names nothing is one to this file.
    edited(&file(|it| it.data = vec![0; 4]), &wish(&["Rock"]));
}

#[test]
fn where_an_unknown_part_may_tell_places_only_free_space_is_written() {
    let vendor = || atom(b"uuid", &[&[0x85; 16][..], &[1; 40]].concat());
    type Change = fn(&mut Mp4, Vec<u8>);
    let strange: [(Change, &str); 5] = [
        (|it, part| it.in_moov = part, "atom moov/uuid 8585"),
        (|it, part| it.front = part, "atom uuid 8585"),
        (|it, part| it.back = part, "atom uuid 8585"),
        (|it, part| it.in_tables = [atom(b"xtab", &[1; 12]), part].concat(), "atom stbl/xtab"),
        (|it, _| it.brands = b"caqv\0\0\0\0isom".to_vec(), "brand caqv"),
    ];
    for (change, name) in strange {
        let file = |udta, moov_first| {
            let mut file = Mp4 { udta, moov_first, ..Mp4::default() };
            change(&mut file, vendor());
            file
        };
        // No room, and room that holds something.
        let reason = refusal(&file(tagged(&title(), None), true).build());
        assert!(reason.contains("would have to move") && reason.contains(name), "{reason}");
        refusal(&Mp4 { behind_moov: atom(b"free", &[7; 900]), ..file(tagged(&title(), None), true) }.build());
        // Room in the tags, and behind them.
        for free in [
            file(tagged(&title(), Some(900)), true),
            file(tagged(&title(), Some(900)), false),
            Mp4 { behind_moov: atom(b"free", &[0; 900]), ..file(tagged(&title(), None), true) },
        ] {
            let before = free.build();
            let after = edited(&before, &wish(&["Rock"]));
            assert_eq!(after.len(), before.len(), "{name}");
            assert_eq!(list(&after), [title(), written("Rock")].concat());
            let at = |file: &[u8]| file.windows(16).position(|bytes| bytes == [0x85; 16]);
            assert_eq!(at(&after), at(&before), "{name}: it stays where it is");
        }
        // At the end of the file there is all the room in the world, unless something else would move.
        let last = Mp4 { back: Vec::new(), ..file(tagged(&title(), None), false) };
        assert_eq!(list(&edited(&last.build(), &wish(&["Rock"]))), [title(), written("Rock")].concat());
    }
    let behind = Mp4 { udta: [tagged(&title(), None), vendor()].concat(), moov_first: false, ..Mp4::default() };
    assert!(refusal(&behind.build()).contains("would have to move"));
}

#[test]
fn parts_that_tell_no_places_let_the_audio_move() {
    const XMP: [u8; 16] = 0xbe7a_cfcb_97a9_42e8_9c71_9994_91e3_afac_u128.to_be_bytes();
    let xmp = atom(b"uuid", &[&XMP[..], b"<x:xmpmeta/>"].concat());
    for (front, in_moov, back) in [
        (xmp.clone(), Vec::new(), Vec::new()),
        (Vec::new(), xmp.clone(), Vec::new()),
        (Vec::new(), Vec::new(), xmp.clone()),
        (atom(b"wide", b""), atom(b"iods", &[0; 13]), atom(b"skip", &[3; 9])),
    ] {
        let file = Mp4 { udta: tagged(&title(), None), front, in_moov, back, ..Mp4::default() }.build();
        let after = edited(&file, &wish(&["Rock"]));
        assert_eq!((after.len() - file.len()) % 4096, 0);
        assert_eq!(chunks(&after), chunks(&file));
    }
}

#[test]
fn an_undo_brings_the_layout_back_unless_others_changed_the_file() {
    use super::super::journal::JournalEntry;
    use super::super::restore::Restoration;
    let undo = |entry: &JournalEntry, file: &Vec<u8>| {
        let wish = Wish::Restore(Restoration::new(&[entry], |_, _| true));
        let undo = Mp4File::parse(file).unwrap().edit(file, &wish, EditOptions::default()).unwrap();
        undo.apply(file)
    };
    for file in [
        mp4(b"", true, false),
        mp4(&tagged(&title(), None), true, true),
        mp4(&tagged(&title(), None), false, false),
        mp4(&[atom(b"free", &[0; 20]), tagged(&title(), Some(3)), atom(b"free", &[0; 60])].concat(), true, false),
        Mp4 { udta: tagged(b"", None), behind_moov: atom(b"free", &[0; 900]), ..Mp4::default() }.build(),
        // By the other name, before and behind the usual one.
        mp4(&[tagged(&title(), None), atom(b"skip", b""), atom(b"free", &[0; 3])].concat(), false, false),
        mp4(&[atom(b"skip", &[0; 900]), tagged(&title(), Some(3))].concat(), true, false),
        Mp4 { udta: tagged(b"", None), behind_moov: atom(b"skip", &[0; 900]), ..Mp4::default() }.build(),
        // Space at the end of everything, of which the outermost is used up: the list grows by as much.
        mp4(&[tagged(b"", Some(3)), atom(b"free", &vec![0; written("Rock").len() - 8])].concat(), true, false),
    ] {
        let parsed = Mp4File::parse(&file).unwrap();
        let patch = parsed.edit(&file, &wish(&["Rock"]), EditOptions::default()).unwrap();
        let entry = JournalEntry::for_test(&parsed, &patch, file.len() as u64);
        let written = patch.apply(&file);
        assert_eq!(undo(&entry, &written), file, "byte for byte");
        // As an older version remembered it: the space stays free.
        let old = JournalEntry { room_before: None, ..entry.clone() };
        let undone = undo(&old, &written);
        assert_eq!((chunks(&undone), undone.len()), (chunks(&file), written.len()));
        // Somebody else put something in.
        let titled = [written, atom(b"free", &[9; 50])].concat();
        let undone = undo(&entry, &titled);
        assert_eq!(chunks(&undone), chunks(&file));
        assert!(undone.ends_with(&atom(b"free", &[9; 50])));
    }
}

proptest! {
    #[test]
    fn random_lists_are_edited_as_the_model_says(
        others in proptest::collection::vec(
            (proptest::sample::select(vec![*b"\xa9nam", *b"trkn", *b"covr", *b"free", *b"cpil"]),
             proptest::collection::vec(any::<u8>(), 0..40)),
            0..6,
        ),
        place in any::<prop::sample::Index>(),
        has_genre in any::<bool>(),
        free in proptest::option::of(0usize..600),
        moov_first in any::<bool>(),
        wide in any::<bool>(),
        genre in "[A-Za-z]{1,60}",
    ) {
        let mut items: Vec<Vec<u8>> = others.iter().map(|(kind, body)| atom(kind, body)).collect();
        let mut model = items.clone();
        let at = place.index(items.len() + 1);
        if has_genre {
            items.insert(at, named(b"\xa9gen", "Something in between"));
            model.insert(at, named(b"\xa9gen", &genre));
        } else {
            model.push(named(b"\xa9gen", &genre));
        }
        model.push(freeform("RECLASSD_GENRE", &[&genre]));
        let before = mp4(&tagged(&items.concat(), free), moov_first, wide);
        let after = edited(&before, &wish(&[&genre]));
        prop_assert_eq!(list(&after), model.concat());
        let shorter = edited(&after, &wish(&[&genre[..genre.len().div_ceil(2)]]));
        let without = edited(&shorter, &Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec()));
        for file in [&after, &shorter, &without] {
            prop_assert_eq!(chunks(file), chunks(&before));
            if moov_first {
                prop_assert!((file.len() as i64 - before.len() as i64) % 4096 == 0 || file.len() < before.len());
            }
        }
    }

    #[test]
    fn hostile_atoms_are_refused_not_believed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut source = mp4(&tagged(&[title(), written("Old")].concat(), Some(40)), false, true);
        let at = at.index(source.len());
        source[at] = byte;
        source.truncate(cut.index(source.len()) + 1);
        if let Ok(parsed) = Mp4File::parse(&source) {
            let _ = parsed.edit(&source, &wish(&["Rock"]), EditOptions::default());
            let _ = parsed.layout(&source);
        }
    }
}
