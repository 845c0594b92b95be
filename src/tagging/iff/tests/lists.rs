//! `LIST/INFO` beside an ID3 tag, and alone.

use super::*;

/// The items of the list in `body`.
fn items(body: &[u8]) -> Chunks {
    assert!(body.starts_with(b"INFO"));
    let (mut items, mut at) = (Vec::new(), 4);
    while at < body.len() {
        let size = u32::from_le_bytes(body[at + 4..at + 8].try_into().unwrap()) as usize;
        items.push((String::from_utf8(body[at..at + 4].to_vec()).unwrap(), body[at + 8..at + 8 + size].to_vec()));
        at += 8 + size.next_multiple_of(2);
    }
    items
}

fn lists(file: &[u8]) -> Vec<Vec<u8>> {
    walk(file).into_iter().map(|(_, body)| body).filter(|body| body.starts_with(b"INFO")).collect()
}

fn has_id3(file: &[u8]) -> bool {
    walk(file).iter().any(|(name, _)| name.eq_ignore_ascii_case("id3 "))
}

fn item<'i>(items: &'i Chunks, name: &str) -> Option<&'i [u8]> {
    items.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_slice())
}

fn none() -> Wish {
    Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec())
}

#[test]
fn a_list_beside_an_id3_tag_says_the_same_genre_so_that_ffmpeg_shows_it() {
    let silent = info(&[("INAM", b"Title\0"), ("ISFT", b"odd")]).1;
    for body in [silent.clone(), info(&[("IGNR", b"Old\0"), ("INAM", b"Title\0"), ("IGNR", b"Twice")]).1] {
        let (front, back) = ([("LIST", &body[..])], [("id3 ", &tag(50).1[..])]);
        let file = wav(&front, &SOUND, &back);
        let after = edited(&file, &edit_check::full_wish(&["Zydeco", "Pop"]));
        let list = items(&lists(&after)[0]);
        assert_eq!(item(&list, "IGNR"), Some(&b"Zydeco/Pop\0"[..]));
        assert_eq!(item(&list, "INAM"), Some(&b"Title\0"[..]));
        assert_eq!(list.iter().filter(|(name, _)| name == "IGNR").count(), 1);
        assert_eq!(foreign(&after), foreign(&file));
        assert_eq!(undone(&file, &wish(&["Zydeco"])), file);
        assert_eq!(item(&items(&lists(&edited(&after, &none()))[0]), "IGNR"), None);
    }
}

#[test]
fn a_list_without_an_id3_tag_keeps_title_and_artist_in_every_reader_and_holds_the_genre_alone() {
    let body = info(&[("INAM", b"Title\0"), ("IART", b"Nobody\0"), ("ISFT", b"odd")]).1;
    // An ID3 tag without a frame hides nothing, and must not begin to.
    let empty = id3v2(4, 0, &[], 100);
    for back in [&[][..], &[("id3 ", &empty[..])], &[("bext", b"odd")]] {
        for file in [wav(&[("LIST", &body)], &SOUND, back), wav(&[], &SOUND, &[&[("LIST", &body[..])], back].concat())]
        {
            let wish = edit_check::full_wish(&["Rock", "Soul"]);
            let after = edited(&file, &wish);
            let list = items(&lists(&after)[0]);
            assert_eq!(list[0], ("IGNR".to_owned(), b"Rock/Soul\0".to_vec()));
            assert_eq!(list[1..], items(&body)[..], "and what was there");
            assert_eq!(has_id3(&after), back.first().is_some_and(|(name, _)| *name == "id3 "));
            assert_eq!(after.len(), file.len() + 18, "and nothing else");
            assert_eq!(undone(&file, &wish), file);
            assert_eq!(IffFile::parse(&after).unwrap().holdings()[0].values, ["Rock", "Soul"]);
            let other = edited(&after, &edit_check::full_wish(&["Jazz"]));
            assert_eq!(item(&items(&lists(&other)[0]), "IGNR"), Some(&b"Jazz\0"[..]));
            assert_eq!(foreign(&edited(&other, &none())), foreign(&file));
            assert_eq!(lists(&edited(&other, &none())), lists(&file));
            // Our own fields alone have no place.
            let own = Wish::Set(vec![(TagField::OwnGenre, vec!["Rock".to_owned()])]);
            assert_eq!(edited(&file, &own), file);
        }
    }
}

#[test]
fn a_list_that_names_only_the_program_that_wrote_it_does_not_keep_mutagen_from_the_genre() {
    let body = info(&[("ISFT", b"Lavf59.27.100\0")]).1;
    for (front, back) in [(vec![("LIST", &body[..])], vec![]), (vec![], vec![("LIST", &body[..])])] {
        let file = wav(&front, &SOUND, &back);
        let wish = edit_check::full_wish(&["Rock"]);
        let after = edited(&file, &wish);
        assert_eq!(item(&items(&lists(&after)[0]), "IGNR"), Some(&b"Rock\0"[..]), "for ffmpeg");
        let tag = walk(&after).pop().unwrap();
        assert_eq!(tag.0, "id3 ", "for mutagen");
        for text in ["TCON", "RECLASSD_MODEL", "TSSE\0\0\0\x0e\0\0\0Lavf59.27.100"] {
            assert!(tag.1.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text}");
        }
        assert_eq!(undone(&file, &wish), file);
        assert_eq!(edited(&file, &none()), file);
    }
    // Beside a title the list speaks.
    let file = wav(&[("LIST", &body), ("LIST", &info(&[("INAM", b"Title")]).1)], &SOUND, &[]);
    assert!(!has_id3(&edited(&file, &wish(&["Rock"]))));
}

#[test]
fn the_first_list_receives_the_genre_and_further_ones_only_follow() {
    let list = info(&[("INAM", b"Title\0"), ("IGNR", b"Old\0"), ("ISFT", b"x"), ("IGNR", b"Twice")]);
    let other = info(&[("IGNR", b"Third\0\0\0")]);
    let silent = info(&[("IART", b"Nobody\0")]);
    let all = [(silent.0, &silent.1[..]), (list.0, &list.1), ("LIST", b"adtl1234"), (other.0, &other.1)];
    for file in [wav(&all, &SOUND, &[]), wav(&[], &SOUND, &all)] {
        let after = edited(&file, &wish(&["Zydeco", "Pop"]));
        let found = lists(&after);
        assert_eq!(item(&items(&found[0]), "IGNR"), Some(&b"Zydeco/Pop\0"[..]), "TagLib knows the first list alone");
        assert_eq!(found[1], info(&[("INAM", b"Title\0"), ("IGNR", b"Zydeco/Pop\0"), ("ISFT", b"x")]).1);
        assert_eq!(found[2], info(&[("IGNR", b"Zydeco/Pop\0")]).1);
        assert_eq!(foreign(&after), foreign(&file));
        assert_eq!(undone(&file, &wish(&["Zydeco"])), file);
        assert!(!edited(&after, &none()).windows(4).any(|bytes| bytes == b"IGNR"));
    }
    let state = IffFile::parse(&wav(&all, &SOUND, &[])).unwrap().holdings();
    assert_eq!(state[0].values, ["Old"]);
}

#[test]
fn a_list_without_items_stays_so_since_the_first_one_would_hide_the_id3_tag_from_ffmpeg() {
    let file = wav(&[("LIST", b"INFO")], &SOUND, &[("id3 ", &tag(90).1)]);
    let after = edited(&file, &wish(&["Rock"]));
    assert_eq!(lists(&after), [b"INFO"]);
    let bare = edited(&wav(&[("LIST", b"INFO")], &SOUND, &[]), &wish(&["Rock"]));
    assert!(has_id3(&bare) && lists(&bare) == [b"INFO"]);
}

#[test]
fn an_item_without_its_pad_byte_comes_back_without_it() {
    let unpadded = |name: &str, text: &[u8]| [name.as_bytes(), &(text.len() as u32).to_le_bytes(), text].concat();
    let padded = chunk("INAM", b"Title", false);
    for (last, text) in [("ISFT", &b"odd"[..]), ("IGNR", b"Old")] {
        let body = [b"INFO", &padded[..], &unpadded(last, text)].concat();
        for file in [wav(&[("LIST", &body)], &SOUND, &[]), wav(&[], &SOUND, &[("LIST", &body), ("id3 ", &tag(9).1)])] {
            let after = edited(&file, &wish(&["Rock"]));
            assert_eq!(item(&items(&lists(&after)[0]), "INAM"), Some(&b"Title"[..]));
            assert_eq!(undone(&file, &wish(&["Rock"])), file);
        }
    }
}

#[test]
fn text_of_a_list_is_utf_8_and_read_as_latin_1_where_it_is_none() {
    let read = |text: &[u8]| {
        let file = wav(&[("LIST", &info(&[("IGNR", text)]).1)], &SOUND, &[]);
        IffFile::parse(&file).unwrap().holdings()[0].values.clone()
    };
    assert_eq!(read("Jäzz\0".as_bytes()), ["Jäzz"]);
    assert_eq!(read(b"J\xe4zz\0"), ["Jäzz"]);
    let after = edited(&wav(&[("LIST", &info(&[("INAM", b"x")]).1)], &SOUND, &[]), &wish(&["Jäzz ☃"]));
    assert_eq!(item(&items(&lists(&after)[0]), "IGNR"), Some("Jäzz ☃\0".as_bytes()));
}

#[test]
fn a_value_that_a_list_would_take_for_another_is_refused_or_stands_in_the_id3_tag_alone() {
    let list = |name: &str, text: &str| info(&[(name, text.as_bytes())]).1;
    for value in ["Rock/", "/Rock", "Rock//Pop", "Old-Time / Historic"] {
        for (name, old) in [("IGNR", "Old"), ("IGNR", value), ("INAM", "Title")] {
            let reason =
                edit_check::refusal(try_edit(&wav(&[("LIST", &list(name, old))], &SOUND, &[]), &wish(&[value])));
            assert!(reason.contains("LIST/INFO"), "{reason}");
        }
        let file = wav(&[("LIST", &list("INAM", "Title"))], &SOUND, &[("id3 ", &tag(300).1)]);
        if let Ok(after) = try_edit(&file, &Wish::Set(vec![(TagField::Genre, vec![value.to_owned()])])) {
            assert_eq!(item(&items(&lists(&after)[0]), "IGNR"), None, "{value}");
        }
    }
    edited(&wav(&[("LIST", &list("IGNR", "Old"))], &SOUND, &[]), &wish(&["R&B/Soul"]));
}
