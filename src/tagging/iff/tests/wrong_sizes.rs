//! Forms whose sizes do not say where they end, while every chunk is whole, and files without sound.

use super::*;

fn number(file: &[u8], value: usize) -> [u8; 4] {
    let value = value as u32;
    if file.starts_with(b"FORM") { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// The file with another size of its form.
fn declaring(file: &[u8], size: usize) -> Vec<u8> {
    let mut file = file.to_vec();
    let size = number(&file, size);
    file[4..8].copy_from_slice(&size);
    file
}

fn big_tag() -> Vec<u8> {
    tag_with(0)
}

fn tag_with(padding: usize) -> Vec<u8> {
    id3v2(3, 0, &[text(3, "TIT2", "Title"), text(3, "TPE1", "Artist")].concat(), padding)
}

/// Edits, compares the foreign chunks with those of `whole`, and takes the edit back to the very bytes.
fn set_right(file: &[u8], whole: &[u8]) -> Vec<u8> {
    let wish = edit_check::full_wish(&["Rock"]);
    let (after, patch) = edit_check::try_edit(IffFile::parse, file, &wish, EditOptions::default()).unwrap();
    assert_eq!(foreign(&after), foreign(whole), "walked with sizes that have to be right");
    assert!(edit_check::undone(IffFile::parse, file, &patch) == file, "every byte is what it was");
    after
}

#[test]
fn a_tag_behind_a_size_that_was_never_raised_is_the_one_that_is_edited_and_title_and_artist_stay() {
    for (bare, name, make) in [
        (wav(&[], &SOUND, &[]), "id3 ", wav as fn(&[(&str, &[u8])], &[u8], &[(&str, &[u8])]) -> Vec<u8>),
        (aiff(&[], &SOUND, &[]), "ID3 ", aiff),
    ] {
        let big = bare.starts_with(b"FORM");
        for padding in [0, 500] {
            let whole = make(&[], &SOUND, &[(name, &tag_with(padding))]);
            let file = [&bare[..], &chunk(name, &tag_with(padding), big)].concat();
            let after = set_right(&file, &whole);
            assert_eq!(after.len() == file.len(), padding > 0);
            let tags: Chunks = walk(&after).into_iter().filter(|(name, _)| name.eq_ignore_ascii_case("id3 ")).collect();
            assert_eq!(tags.len(), 1, "no second tag");
            for text in ["Title", "Artist", "Rock"] {
                assert!(tags[0].1.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text}");
            }
        }
        // A chunk in between, and bytes that are no chunk behind.
        let file = [&bare[..], &chunk("JUNK", b"abc", big), &chunk(name, &big_tag(), big), b"\0\0behind"].concat();
        let after = edited(&file, &wish(&["Rock"]));
        assert!(after.ends_with(b"\0\0behind"));
        let chunks = walk(&after[..after.len() - 8]);
        assert_eq!(chunks.iter().filter(|(chunk, _)| chunk == name).count(), 1);
    }
}

#[test]
fn a_list_behind_a_size_that_was_never_raised_is_the_one_that_is_edited() {
    let list = info(&[("INAM", b"Title\0"), ("IART", b"Nobody\0")]).1;
    let file = [wav(&[], &SOUND, &[]), chunk("LIST", &list, false)].concat();
    let after = set_right(&file, &wav(&[], &SOUND, &[]));
    assert!(after.windows(4).any(|bytes| bytes == b"IGNR"));
    assert!(!after.windows(4).any(|bytes| bytes.eq_ignore_ascii_case(b"id3 ")));
}

#[test]
fn an_id3_chunk_behind_the_declared_end_that_is_cut_off_is_refused_by_name() {
    let tag = chunk("id3 ", &big_tag(), false);
    let file = [&wav(&[], &SOUND, &[])[..], &tag[..tag.len() - 20]].concat();
    assert!(refusal(&file).contains("an ID3 chunk stands behind the declared end of the file"), "{}", refusal(&file));
}

#[test]
fn another_form_behind_the_first_is_another_file() {
    let (first, second) = (wav(&[], &SOUND, &[]), wav(&[], &SOUND, &[("id3 ", &big_tag())]));
    let after = edited(&[&first[..], &second].concat(), &wish(&["Rock"]));
    assert!(after.ends_with(&second));
    assert_eq!(foreign(&after[..after.len() - second.len()]), foreign(&first));
}

#[test]
fn a_size_that_is_wrong_by_a_few_bytes_is_set_right_and_comes_back_with_an_undo() {
    for whole in [wav(&[], &SOUND, &[]), aiff(&[], &SOUND, &[]), wav(&[], &SOUND, &[("bext", b"odd")])] {
        let right = whole.len() - 8;
        for size in [right - 8, right - 4, right - 1, right + 1, right + 8, 0, 4] {
            set_right(&declaring(&whole, size), &whole);
        }
    }
    let list = info(&[("INAM", b"Title\0")]).1;
    let whole = wav(&[("LIST", &list)], &SOUND, &[]);
    for size in [whole.len() - 16, whole.len(), 0, u32::MAX as usize] {
        set_right(&declaring(&whole, size), &whole);
    }
}

#[test]
fn a_missing_pad_byte_is_made_up_for_and_is_missing_again_after_an_undo() {
    let list = info(&[("INAM", b"Title\0")]).1;
    for whole in [wav(&[], &SOUND, &[]), aiff(&[], &SOUND, &[]), wav(&[("LIST", &list)], &SOUND, &[])] {
        let cut = &whole[..whole.len() - 1];
        for size in [cut.len() - 8, cut.len() - 7, cut.len() - 16] {
            let file = declaring(cut, size);
            set_right(&file, &whole);
        }
    }
    // At the end of a list the same.
    let whole = wav(&[], &SOUND, &[("LIST", &[&b"INFO"[..], &chunk("INAM", b"x", false)[..9]].concat())]);
    let cut = &whole[..whole.len() - 1];
    set_right(&declaring(cut, cut.len() - 8), &whole);
}

#[test]
fn sound_from_a_pipe_gets_its_true_size_so_that_no_player_takes_the_tag_for_sound() {
    let list = info(&[("ISFT", b"Lavf\0"), ("INAM", b"T\0")]).1;
    let data = |file: &[u8]| file.windows(4).position(|bytes| bytes == b"data").unwrap() + 4;
    for whole in [wav(&[], &SOUND[..20], &[]), wav(&[("LIST", &list)], &SOUND[..20], &[]), wav(&[], &SOUND, &[])] {
        // ffmpeg, lame, SoX, a recorder that was switched off.
        let marks = [(u32::MAX, u32::MAX), (0x8000_0023, 0x7fff_ffff), (0x7fff_f024, 0x7fff_f000), (36, 0), (0, 0)];
        for (outer, size) in marks {
            let mut file = declaring(&whole[..whole.len() - whole.len() % 2], outer as usize);
            let at = data(&file);
            file[at..at + 4].copy_from_slice(&size.to_le_bytes());
            let wish = edit_check::full_wish(&["Rock"]);
            let (after, patch) = edit_check::try_edit(IffFile::parse, &file, &wish, EditOptions::default()).unwrap();
            let sound = walk(&after).into_iter().find(|(name, _)| name == "data").unwrap().1;
            assert_eq!(sound, file[at + 4..], "all that players hear, and no more");
            assert!(edit_check::undone(IffFile::parse, &file, &patch) == file, "every byte is what it was");
        }
    }
}

#[test]
fn the_sizes_of_rf64_from_a_pipe_are_filled_in_and_empty_again_after_an_undo() {
    for sound in [&SOUND[..], &SOUND[..20]] {
        let mut file = rf64(sound, &[]);
        file.truncate(80 + sound.len());
        file[20..44].fill(0);
        let (after, patch) =
            edit_check::try_edit(IffFile::parse, &file, &wish(&["Rock"]), EditOptions::default()).unwrap();
        let found = walk(&after).into_iter().find(|(name, _)| name == "data").unwrap().1;
        assert_eq!(found, sound);
        assert!(edit_check::undone(IffFile::parse, &file, &patch) == file, "every byte is what it was");
    }
}

#[test]
fn a_file_that_somebody_changed_meanwhile_keeps_right_sizes_after_an_undo() {
    let whole = wav(&[], &SOUND, &[]);
    let file = declaring(&whole, whole.len() - 16);
    let (after, patch) = edit_check::try_edit(IffFile::parse, &file, &wish(&["Rock"]), EditOptions::default()).unwrap();
    // Somebody added a chunk, and counted it.
    let more = [&after[..], &chunk("bext", b"more", false)].concat();
    let more = declaring(&more, more.len() - 8);
    let back = edit_check::taken_back(IffFile::parse, &file, &more, &patch);
    assert_eq!(walk(&back).last().unwrap().0, "bext");
    assert_eq!(foreign(&back)[..2], foreign(&whole)[..2]);
}

#[test]
fn a_file_without_sound_is_refused_before_anything_is_written() {
    let tag = big_tag();
    let list = info(&[("IART", b"Somebody\0")]).1;
    let mut no_frames = aiff(&[], &SOUND, &[]);
    no_frames[22..26].fill(0);
    for file in [
        wav(&[], b"", &[]),
        wav(&[], b"", &[("ID3 ", &tag), ("LIST", &list)]),
        [wav(&[], b"", &[]), chunk("id3 ", &tag, false)].concat(),
        aiff(&[], b"", &[]),
        aiff(&[], b"", &[("ID3 ", &tag)]),
        no_frames,
    ] {
        assert_eq!(refusal(&file), "there is no sound in it");
    }
}

#[test]
fn an_aiff_from_a_pipe_is_refused_with_what_is_wrong_with_it() {
    let whole = aiff(&[], &SOUND, &[]);
    let at = whole.windows(4).position(|bytes| bytes == b"SSND").unwrap() + 4;
    for size in [0u32, 0x7f00_0008] {
        let mut file = declaring(&whole, 0x7f00_0050);
        file[at..at + 4].copy_from_slice(&size.to_be_bytes());
        assert!(refusal(&file).contains("never filled in"), "{}", refusal(&file));
    }
}

#[test]
fn what_is_missing_is_called_so_and_what_is_not_is_not() {
    let whole = wav(&[], &[7; 400], &[("bext", b"description")]);
    assert!(refusal(&whole[..whole.len() - 30]).contains("truncated"));
    assert!(refusal(&whole[..200]).contains("truncated"));
    assert!(refusal(&declaring(&whole, whole.len() + 400)).contains("truncated"));
    let odd = [&declaring(&whole, whole.len() - 20)[..], b"\0\0 no chunk"].concat();
    assert!(refusal(&odd).contains("declared end lies inside a chunk"), "{}", refusal(&odd));
}

#[test]
fn a_second_chunk_of_sound_without_a_size_does_not_take_that_of_the_first() {
    // What is no chunk, so that the second one could reach to the end of the file.
    let more = [&b"data\0\0\0\0"[..], &[7; 400]].concat();
    for whole in [wav(&[], &SOUND[..20], &[]), rf64(&SOUND[..20], &[])] {
        let file = [whole.clone(), more.clone()].concat();
        let sizes = [whole.len() - 8, whole.len() + 92, file.len() - 9, 0];
        let declared = sizes.map(|size| {
            let mut file = if file.starts_with(b"RF64") { file.clone() } else { declaring(&file, size) };
            if file.starts_with(b"RF64") {
                file[20..28].copy_from_slice(&(size as u64).to_le_bytes());
            }
            file
        });
        for file in declared {
            // The judge wants a file that parses, with the same sound; what is refused is not touched.
            match edit_check::try_edit(IffFile::parse, &file, &edit_check::full_wish(&["Rock"]), EditOptions::default())
            {
                Ok((after, patch)) => {
                    assert!(after.windows(SOUND[..20].len()).any(|bytes| bytes == &SOUND[..20]));
                    assert!(edit_check::undone(IffFile::parse, &file, &patch) == file, "every byte is what it was");
                }
                Err(problem) => assert!(matches!(problem, Problem::Refused(_)), "{problem:?}"),
            }
        }
    }
}
