//! WavPack, Monkey's Audio, Musepack, TAK and OptimFROG: an APEv2 tag at the end, perhaps with an ID3v1 tag behind it or ID3v2 in
//! front.
//!
//! The APEv2 tag speaks for the file and receives the fields; a new one is made right behind the audio where there is
//! none, unless it would hide an ID3v2 tag in front: then that one receives them. What an ID3v1 tag says is carried
//! over where it is hidden. The streams themselves are never looked into: whatever lies between the tags is audio.

use super::container::Container;
use super::editor::{EditOptions, Editor, Holding, Layout, Patch, Scope};
use super::error::Problem;
use super::mp3::OuterTags;
use super::plan::Wish;
use super::readers::Voice;
use super::source::Source;

/// A file whose own tag is APEv2, taken apart.
#[derive(Debug)]
pub(crate) struct ApeTagged {
    container: Container,
    tags: OuterTags,
}

impl ApeTagged {
    pub(crate) fn parse(source: &dyn Source, container: Container) -> Result<Self, Problem> {
        Ok(Self { container, tags: OuterTags::parse(source)? })
    }
}

impl Editor for ApeTagged {
    fn container(&self) -> Container {
        self.container
    }

    fn holdings(&self) -> Vec<Holding> {
        let mut holdings = self.tags.holdings();
        holdings.sort_by_key(|holding| !matches!(holding.scope, Scope::Apev2(_)));
        holdings
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout { audio: vec![self.tags.inner.clone()], ..Layout::default() };
        self.tags.describe(source, &mut layout)?;
        Ok(layout)
    }

    fn voices(&self) -> Vec<Voice> {
        self.tags.voices()
    }

    fn edit(&self, _source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        self.tags.settle(self.container, wish, options)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use proptest::prelude::*;

    use super::super::edit_check::{genres_wish, try_edit};
    use super::super::error::Refusal;
    use super::super::fixtures::{ape_item, ape_tag, ape_tag_v1, id3v1, id3v2, optim_frog, tak, text};
    use super::super::plan::TagField;
    use super::*;

    fn audio() -> Vec<u8> {
        [b"wvpk".to_vec(), (0..500u32).map(|n| (n * 7) as u8).collect()].concat()
    }

    fn parse(source: &dyn Source) -> Result<ApeTagged, Problem> {
        ApeTagged::parse(source, Container::WavPack)
    }

    fn edited(file: &[u8], wish: &Wish) -> Vec<u8> {
        try_edit(parse, file, wish, EditOptions::default()).unwrap().0
    }

    fn own_items(genre: &[u8]) -> [Vec<u8>; 2] {
        [ape_item("Genre", genre, 0), ape_item("RECLASSD_GENRE", genre, 0)]
    }

    #[test]
    fn a_file_without_a_tag_gets_one_behind_the_audio_and_in_front_of_id3v1() {
        let expected = ape_tag(&own_items(b"Rock\0Pop"));
        assert_eq!(edited(&audio(), &genres_wish(&["Rock", "Pop"])), [audio(), expected.clone()].concat());
        // TagLib would no longer see what ID3v1 says.
        let with_v1 = [audio(), id3v1(17)].concat();
        let title = [ape_item("Title", b"Old title", 0)];
        let expected = ape_tag(&[&title[..], &own_items(b"Rock\0Pop")].concat());
        assert_eq!(edited(&with_v1, &genres_wish(&["Rock", "Pop"])), [audio(), expected, id3v1(17)].concat());
    }

    #[test]
    fn tak_and_optimfrog_are_tagged_as_wavpack_is() {
        for (sound, container) in [(tak(), Container::Tak), (optim_frog(), Container::OptimFrog)] {
            assert_eq!(Container::of(&sound).unwrap(), container);
            let parse = match container {
                Container::Tak => |source: &dyn Source| ApeTagged::parse(source, Container::Tak),
                _ => |source: &dyn Source| ApeTagged::parse(source, Container::OptimFrog),
            };
            let (wish, options) = (genres_wish(&["Rock", "Pop"]), EditOptions::default());
            let (after, _) = try_edit(parse, &sound, &wish, options).unwrap();
            assert_eq!(after, [sound.clone(), ape_tag(&own_items(b"Rock\0Pop"))].concat());
            let before = [sound.clone(), ape_tag(&[ape_item("Title", b"T", 0)]), id3v1(17)].concat();
            let (after, _) = try_edit(parse, &before, &wish, options).unwrap();
            let items = [&[ape_item("Title", b"T", 0)][..], &own_items(b"Rock\0Pop")].concat();
            assert_eq!(after, [sound, ape_tag(&items), id3v1(17)].concat());
        }
    }

    #[test]
    fn a_new_tag_stands_in_front_of_an_id3v2_tag_at_the_end() {
        let tail = |genre| id3v2(4, 0x10, &text(4, "TCON", genre), 0);
        let after = edited(&[audio(), tail("Old")].concat(), &genres_wish(&["New"]));
        assert_eq!(after, [audio(), ape_tag(&own_items(b"New")), tail("New")].concat());
    }

    #[test]
    fn other_items_are_copied_with_their_flags_and_ours_keep_their_place_and_spelling() {
        let cover = ape_item("Cover Art (Front)", b"a.png\0\x89PNG\xff\xff", 2);
        let link = ape_item("Related", b"http://x", 4);
        let before = [cover.clone(), ape_item("GENRE", b"Old", 1), link.clone(), ape_item("Title", b"T", 0)];
        let after = [
            cover,
            ape_item("GENRE", b"New", 1),
            link,
            ape_item("Title", b"T", 0),
            ape_item("RECLASSD_GENRE", b"New", 0),
        ];
        assert_eq!(
            edited(&[audio(), ape_tag(&before)].concat(), &genres_wish(&["New"])),
            [audio(), ape_tag(&after)].concat()
        );
    }

    #[test]
    fn an_id3v2_tag_in_front_follows_and_receives_nothing_new() {
        let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 50);
        let after = edited(&[lead.clone(), audio()].concat(), &genres_wish(&["New"]));
        assert_eq!(after.len(), lead.len() + audio().len() + ape_tag(&own_items(b"New")).len());
        assert!(!after.windows(3).any(|bytes| bytes == b"Old"));
        let holdings = ApeTagged::parse(&after, Container::WavPack).unwrap().holdings();
        assert_eq!(holdings[0].scope, Scope::Apev2(1), "the tag that speaks comes first");
    }

    #[test]
    fn audio_that_happens_to_hold_the_letters_tag_keeps_its_new_tag_wherever_they_stand() {
        let tag = ape_tag(&own_items(b"Rock"));
        for distance in 3..128 {
            let mut audio = audio();
            let at = audio.len() - distance;
            audio[at..at + 3].copy_from_slice(b"TAG");
            assert_eq!(edited(&audio, &genres_wish(&["Rock"])), [audio, tag.clone()].concat());
        }
    }

    #[test]
    fn a_new_tag_stands_behind_the_audio_and_never_inside_of_a_tag_in_front() {
        // "APETAGEX" holds "TAG", where an ID3v1 tag would begin.
        let front = ape_tag(&[ape_item("Title", &[b't'; 60], 0)]);
        for length in 1..130 {
            let before = [front.clone(), vec![7; length]].concat();
            let after = edited(&before, &genres_wish(&["Rock"]));
            assert_eq!(after, [before, ape_tag(&own_items(b"Rock"))].concat(), "{length} bytes of sound");
        }
    }

    #[test]
    fn a_tag_in_front_that_is_not_whole_is_refused_and_so_are_tags_without_sound() {
        let front = ape_tag(&[ape_item("Title", b"T", 0)]);
        let mut longer = front.clone();
        longer[12] += 1;
        for file in [[longer, audio()].concat(), front[..40].to_vec(), front.clone(), [front, id3v1(17)].concat()] {
            assert!(parse(&file).is_err());
        }
    }

    #[test]
    fn a_name_with_a_slash_in_a_tag_of_version_1_is_not_written_again_and_again() {
        let before = [audio(), ape_tag_v1(&[ape_item("Genre", b"Old", 0)])].concat();
        let after = edited(&before, &genres_wish(&["R&B/Soul"]));
        assert_eq!(after, [audio(), ape_tag_v1(&own_items(b"R&B/Soul"))].concat());
    }

    #[test]
    fn a_value_that_a_tag_of_version_1_would_take_for_another_is_refused() {
        let file = [audio(), ape_tag_v1(&[ape_item("Genre", b"Old", 0)])].concat();
        let parsed = ApeTagged::parse(&file, Container::WavPack).unwrap();
        for value in ["Rock/", "/Rock", "Rock//Pop", "J\u{e4}zz"] {
            let reason = parsed.edit(&file, &genres_wish(&[value]), EditOptions::default());
            assert!(matches!(reason, Err(Problem::Refused(Refusal::Value { .. }))), "{value}");
        }
    }

    #[test]
    fn a_genre_that_is_not_text_is_refused() {
        let file = [audio(), ape_tag(&[ape_item("Genre", b"\x01\x02", 2)])].concat();
        let parsed = ApeTagged::parse(&file, Container::WavPack).unwrap();
        assert!(matches!(
            parsed.edit(&file, &genres_wish(&["Rock"]), EditOptions::default()),
            Err(Problem::Refused(_))
        ));
    }

    proptest! {
        #[test]
        fn random_items_are_edited_as_the_model_says(
            others in proptest::collection::vec(
                ("[A-FH-Z][a-z]{2,8}", proptest::collection::vec(any::<u8>(), 0..20), 0u32..6),
                0..8,
            ),
            genre in "[A-Z][a-z]{1,30}",
            place in any::<prop::sample::Index>(),
            has_genre in any::<bool>(),
            has_v1 in any::<bool>(),
        ) {
            let mut items: Vec<Vec<u8>> = others.iter().map(|(key, value, flags)| ape_item(key, value, *flags)).collect();
            let mut model = items.clone();
            if has_genre {
                let at = place.index(items.len() + 1);
                items.insert(at, ape_item("genre", b"Before", 0));
                model.insert(at, ape_item("genre", genre.as_bytes(), 0));
            } else {
                model.push(ape_item("Genre", genre.as_bytes(), 0));
            }
            let tail = if has_v1 { id3v1(9) } else { Vec::new() };
            if has_v1 && items.is_empty() {
                // TagLib read ID3v1 while this tag was empty.
                model.insert(0, ape_item("Title", b"Old title", 0));
            }
            model.push(ape_item("RECLASSD_GENRE", genre.as_bytes(), 0));
            let before = [audio(), ape_tag(&items), tail.clone()].concat();
            let after = edited(&before, &genres_wish(&[&genre]));
            prop_assert_eq!(&after, &[audio(), ape_tag(&model), tail].concat());
            edited(&after, &Wish::Set(TagField::ALL.map(|field| (field, Vec::new())).to_vec()));
        }

        #[test]
        fn hostile_tags_are_refused_not_believed(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut file = [audio(), ape_tag(&own_items(b"Rock"))].concat();
            let at = at.index(file.len());
            file[at] = byte;
            if let Ok(parsed) = ApeTagged::parse(&file, Container::WavPack) {
                let _ = parsed.edit(&file, &genres_wish(&["Pop"]), EditOptions::default());
                let _ = parsed.layout(&file);
            }
        }
    }
}
