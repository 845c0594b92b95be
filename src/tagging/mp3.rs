//! MP3, and AAC (ADTS) and True Audio, whose tags stand in the same places: ID3v2 in front (several, if need be) or at
//! the end, ID3v1, Lyrics3 and APEv2 behind, and frames between them that nobody touches.
//!
//! The first ID3v2 tag speaks for the file and receives the fields; a new one is made where there is none (of APEv2 in
//! AAC), with what ID3v1 says carried over. Where it would hide an APEv2 tag, that one receives them. Further ID3v2 tags and an APEv2
//! tag only have the fields changed that they hold, so that no reader finds the old genre there. ID3v1 stays as it is:
//! it can say no more than a number.

use std::ops::Range;

use super::apev2::Apev2;
use super::container::Container;
use super::editor::{EditOptions, Editor, Holding, Layout, Patch, Piece, Scope};
use super::error::{Problem, Refusal};
use super::home::{self, Draft, Home};
use super::id3v2::{self, Id3v2};
use super::plan::{TagField, Wish};
use super::readers::Voice;
use super::source::Source;
use super::tail::{Tail, TailTag};

const FIRST_ID3V2: Scope = Scope::Id3v2(1);
const FIRST_APEV2: Scope = Scope::Apev2(1);

/// The tags around a stream of audio, however many there are. FLAC has some of them too.
#[derive(Debug)]
pub(crate) struct OuterTags {
    front: Vec<(Range<u64>, Id3v2)>,
    tail: Vec<(Range<u64>, TailTag)>,
    /// What lies between them.
    pub(crate) inner: Range<u64>,
}

impl OuterTags {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let front = id3v2::leading_tags(source)?;
        let start = front.last().map_or(0, |(range, _)| range.end);
        // No tag that is edited here: it stays with the sound. Nor does a part of it count as a tag behind the sound.
        let sound = Apev2::end_in_front(source, start)?.unwrap_or(start);
        let Tail { tags, start: end } = Tail::parse(source, sound)?;
        // A tag alone would stand in front and behind.
        if sound == end {
            return Err(
                Refusal::Unsupported { what: "file", why: "there are tags in it, and no sound between them" }.into()
            );
        }
        Ok(Self { front, tail: tags, inner: start..end })
    }

    /// The ID3v2 tags, in front and behind, each with its number.
    fn id3v2(&self) -> impl Iterator<Item = (Scope, &Range<u64>, &Id3v2)> {
        let behind = self.tail.iter().filter_map(|(range, tag)| match tag {
            TailTag::Id3v2(tag) => Some((range, tag)),
            _ => None,
        });
        let all = self.front.iter().map(|(range, tag)| (range, tag)).chain(behind);
        // There are at most 16 in front, and those behind are as many as the numbers allow.
        (1..=u8::MAX).zip(all).map(|(number, (range, tag))| (Scope::Id3v2(number), range, tag))
    }

    pub(crate) fn apev2(&self) -> impl Iterator<Item = (Scope, &Range<u64>, &Apev2)> {
        let tags = self.tail.iter().filter_map(|(range, tag)| match tag {
            TailTag::Apev2(tag) => Some((range, tag)),
            _ => None,
        });
        (1..=u8::MAX).zip(tags).map(|(number, (range, tag))| (Scope::Apev2(number), range, tag))
    }

    pub(crate) fn holdings(&self) -> Vec<Holding> {
        let mut holdings: Vec<Holding> = self.id3v2().flat_map(|(scope, _, tag)| tag.holdings(scope)).collect();
        holdings.extend(self.apev2().flat_map(|(scope, _, tag)| tag.holdings(scope)));
        let v1 = self.tail.iter().filter_map(|(_, tag)| tag.id3v1_genre());
        holdings.extend(v1.map(|name| Holding {
            scope: Scope::Id3v1,
            field: TagField::Genre,
            name: "genre".to_owned(),
            values: vec![name.to_owned()],
            joined: true,
        }));
        holdings
    }

    pub(crate) fn describe(&self, source: &dyn Source, layout: &mut Layout) -> Result<(), Problem> {
        for (scope, _, tag) in self.id3v2() {
            tag.describe(scope, &mut layout.facts, &mut layout.pieces);
        }
        let mut apev2 = 0;
        for (range, tag) in &self.tail {
            let (scope, name) = match tag {
                TailTag::Apev2(tag) => {
                    apev2 += 1;
                    tag.describe(Scope::Apev2(apev2), &mut layout.facts, &mut layout.pieces);
                    continue;
                }
                TailTag::Id3v2(_) => continue,
                TailTag::Id3v1(_) => (Scope::Id3v1, "ID3v1"),
                TailTag::Opaque => (Scope::Opaque, "opaque tag"),
            };
            let digest = source.digest(std::slice::from_ref(range))?;
            layout.pieces.push(Piece { scope, name: name.to_owned(), field: None, digest });
        }
        Ok(())
    }

    /// All of them as readers take them, in file order.
    pub(crate) fn voices(&self) -> Vec<Voice> {
        let id3v2 = self.id3v2().enumerate();
        let mut voices: Vec<Voice> =
            id3v2.map(|(index, (scope, _, tag))| tag.voice(scope, self.leads(index))).collect();
        voices.extend(self.apev2().map(|(scope, _, tag)| tag.voice(scope)));
        voices.extend(self.id3v1());
        voices
    }

    fn id3v1(&self) -> impl Iterator<Item = Voice> {
        self.tail.iter().filter_map(|(_, tag)| tag.id3v1_voice())
    }

    /// Whether the ID3v2 tag of that index stands in front of the audio.
    fn leads(&self, index: usize) -> bool {
        index < self.front.len()
    }

    /// The edit of a file that has no tags but these.
    pub(crate) fn settle(&self, container: Container, wish: &Wish, options: EditOptions) -> Result<Patch, Problem> {
        home::find(container, &self.voices(), wish, |wish, home| {
            let mut patch = Patch::default();
            let voices = self.edit(wish, home, options, &mut patch)?;
            patch.splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
            Ok(Draft { patch, voices })
        })
    }

    /// Brings the tags into line with the wish, and adds what is missing to the one that is its home, which is made if
    /// it is not there. Answers the tags as they are then.
    pub(crate) fn edit(
        &self,
        wish: &Wish,
        home: Home<'_>,
        options: EditOptions,
        patch: &mut Patch,
    ) -> Result<Vec<Voice>, Problem> {
        let mut voices = Vec::new();
        if home.scope == FIRST_ID3V2
            && self.id3v2().next().is_none()
            && let Some(tag) = id3v2::new_tag(options, FIRST_ID3V2, wish, home.insertion(FIRST_ID3V2))?
        {
            voices.push(Id3v2::parse(tag.bytes.clone())?.voice(FIRST_ID3V2, true));
            patch.make(FIRST_ID3V2, 0, tag);
        }
        let count = self.id3v2().count();
        for (index, (scope, range, tag)) in self.id3v2().enumerate() {
            let Some(edited) = tag.edit(scope, wish, home.insertion(scope), options)? else {
                voices.push(tag.voice(scope, self.leads(index)));
                continue;
            };
            // Others would get other numbers.
            let goes = edited.is_empty && wish.removes_if_empty(scope) && count == 1;
            if !goes {
                voices.push(Id3v2::parse(edited.bytes.clone())?.voice(scope, self.leads(index)));
            }
            patch.put(scope, range.clone(), edited, goes);
        }
        let count = self.apev2().count();
        for (scope, range, tag) in self.apev2() {
            let Some(edited) = tag.edit(scope, wish, home.insertion(scope))? else {
                voices.push(tag.voice(scope));
                continue;
            };
            let goes = edited.is_empty && wish.removes_if_empty(scope) && count == 1;
            if !goes {
                voices.push(Apev2::of_bytes(&edited.bytes)?.voice(scope));
            }
            patch.put(scope, range.clone(), edited, goes);
        }
        if home.scope == FIRST_APEV2
            && count == 0
            && let Some(tag) = Apev2::new_tag(wish, home.insertion(FIRST_APEV2))?
        {
            voices.push(Apev2::of_bytes(&tag.bytes)?.voice(FIRST_APEV2));
            patch.make(FIRST_APEV2, self.inner.end, tag);
        }
        voices.extend(self.id3v1());
        Ok(voices)
    }
}

/// An MP3 file, or one with tags in the same places, taken apart.
#[derive(Debug)]
pub(crate) struct Mp3File {
    container: Container,
    tags: OuterTags,
}

impl Mp3File {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        Self::parse_as(source, Container::Mp3)
    }

    /// A container that has no tags but those that an MP3 may have.
    pub(crate) fn parse_as(source: &dyn Source, container: Container) -> Result<Self, Problem> {
        Ok(Self { container, tags: OuterTags::parse(source)? })
    }
}

impl Editor for Mp3File {
    fn container(&self) -> Container {
        self.container
    }

    fn holdings(&self) -> Vec<Holding> {
        self.tags.holdings()
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
    use super::super::editor;
    use super::super::fixtures::{adts_frames, ape_item, ape_tag, id3v1, id3v2, text, true_audio};
    use super::*;

    fn edited(file: &[u8]) -> Vec<u8> {
        let container = Container::of(&file.to_vec()).unwrap();
        assert!(matches!(container, Container::Aac | Container::TrueAudio), "{container}");
        let parse = match container {
            Container::Aac => |source: &dyn Source| Mp3File::parse_as(source, Container::Aac),
            _ => |source: &dyn Source| Mp3File::parse_as(source, Container::TrueAudio),
        };
        let after = try_edit(parse, file, &genres_wish(&["Rock"]), EditOptions::default()).unwrap().0;
        assert_eq!(editor::open(&after).unwrap().container(), container, "it is the same kind of file");
        after
    }

    fn genres(file: &[u8]) -> Vec<(Scope, Vec<String>)> {
        let file = editor::open(&file.to_vec()).unwrap();
        let held = file.holdings().into_iter().filter(|held| held.field == TagField::Genre);
        held.map(|held| (held.scope, held.values)).collect()
    }

    fn rock(scope: Scope) -> Vec<(Scope, Vec<String>)> {
        vec![(scope, vec!["Rock".to_owned()])]
    }

    #[test]
    fn true_audio_without_a_tag_gets_one_in_front_and_bare_aac_one_behind() {
        let after = edited(&true_audio());
        assert!(after.starts_with(b"ID3\x04") && after.ends_with(&true_audio()));
        assert_eq!((after.len() - true_audio().len()) % 4096, 0, "the sound moves by whole blocks");
        assert_eq!(genres(&after), rock(FIRST_ID3V2));
        // mutagen no longer opens AAC with anything in front.
        let after = edited(&adts_frames(40));
        assert!(after.starts_with(&adts_frames(40)));
        assert_eq!(genres(&after), rock(FIRST_APEV2));
    }

    #[test]
    fn where_an_apev2_tag_is_all_there_is_it_receives_the_genre() {
        let tag = ape_tag(&[ape_item("Title", b"T", 0)]);
        for sound in [adts_frames(40), true_audio()] {
            for tail in [Vec::new(), id3v1(17)] {
                let after = edited(&[sound.clone(), tag.clone(), tail].concat());
                assert!(after.starts_with(&sound));
                assert_eq!(genres(&after)[..1], rock(FIRST_APEV2));
            }
        }
    }

    #[test]
    fn every_tag_that_holds_a_genre_follows() {
        for sound in [adts_frames(40), true_audio()] {
            let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 50);
            let tail = ape_tag(&[ape_item("Genre", b"Old", 0)]);
            let after = edited(&[lead, sound, tail].concat());
            assert_eq!(genres(&after), [rock(FIRST_ID3V2), rock(FIRST_APEV2)].concat());
        }
    }

    #[test]
    fn what_id3v1_alone_says_comes_along() {
        for sound in [adts_frames(40), true_audio()] {
            let after = edited(&[sound.clone(), id3v1(17)].concat());
            let titles = [text(4, "TIT2", "Old title"), ape_item("Title", b"Old title", 0)];
            let has = |title: &Vec<u8>| after.windows(title.len()).any(|bytes| bytes == title);
            assert!(titles.iter().any(has), "TagLib would no longer see it");
            assert!(after.windows(sound.len()).any(|bytes| bytes == sound) && after.ends_with(&id3v1(17)));
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_not_believed(at in any::<prop::sample::Index>(), byte in any::<u8>(), aac in any::<bool>()) {
            let sound = if aac { adts_frames(9) } else { true_audio() };
            let lead = id3v2(3, 0, &text(3, "TCON", "Old"), 20);
            let mut file = [lead, sound, ape_tag(&[ape_item("Genre", b"Old", 0)]), id3v1(9)].concat();
            let at = at.index(file.len());
            file[at] = byte;
            if let Ok(parsed) = editor::open(&file) {
                let _ = parsed.edit(&file, &genres_wish(&["Pop"]), EditOptions::default());
                let _ = parsed.layout(&file);
            }
        }
    }
}
