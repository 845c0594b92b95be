//! The shape that every container's editor has: take apart, say what is there, and turn a wish into a patch.
//!
//! An editor is one file. It parses a [`Source`] into its own structure, lists everything that a write must not change
//! as a [`Layout`], lists the genre and our own fields as [`Holding`]s, and answers a [`Wish`] with a [`Patch`]. It
//! never opens, writes or renames anything: `write/` does that for all of them, and checks each with its own layout.
//! A new container is a new file that implements [`Editor`], and a line in [`open`].

use std::fmt;
use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::apetagged::ApeTagged;
use super::asf::AsfFile;
use super::container::Container;
use super::dsd::{DsdiffFile, DsfFile};
use super::error::{Problem, Refusal};
use super::flac::FlacFile;
use super::id3v2;
use super::iff::IffFile;
use super::journal::{FieldChange, Room};
use super::matroska::MatroskaFile;
use super::mp3::Mp3File;
use super::mp4::Mp4File;
use super::ogg::{OggFile, Renumbering};
use super::plan::{TagField, Wish};
use super::readers::Voice;
use super::restore::RawField;
use super::source::Source;
use super::state::same_values;
use crate::formats::{Class, Kind};

/// One of the tags of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scope {
    /// An ID3v2 tag; several are counted from 1, from the start of the file to its end.
    Id3v2(u8),
    /// An APEv2 tag at the end; several are counted from 1, from the start of the file to its end.
    Apev2(u8),
    /// The Vorbis comments.
    VorbisComments,
    /// The ID3v1 tag, which is read and never written.
    Id3v1,
    /// Lyrics3 and the like: copied, never looked into.
    Opaque,
    /// The metadata blocks of a FLAC file.
    FlacBlocks,
    /// A `LIST/INFO` chunk of a WAVE file; several are counted from 1.
    RiffInfo(u8),
    /// The chunks of a WAV or AIFF file.
    Chunks,
    /// The list of tags of an MP4 file.
    Ilst,
    /// The atoms of an MP4 file.
    Atoms,
    /// The header packets of an Ogg stream other than its comments.
    OggHeaders,
    /// The attributes of an ASF file.
    AsfAttributes,
    /// The objects in the header of an ASF file.
    AsfObjects,
    /// A tag of a Matroska file; several are counted from 1.
    MatroskaTag(u16),
    /// A tag of the album in a Matroska file, which is read and never written; counted with the others.
    AlbumTag(u16),
    /// The elements of a Matroska file.
    Elements,
}

impl Scope {
    /// Whether it is ever written: what only the others of its kind hear is read all the same.
    pub(crate) fn is_written(self) -> bool {
        !matches!(self, Self::Id3v1 | Self::AlbumTag(_))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id3v2(1) => f.write_str("ID3v2 tag"),
            Self::Id3v2(number) => write!(f, "ID3v2 tag #{number}"),
            Self::Apev2(1) => f.write_str("APEv2 tag"),
            Self::Apev2(number) => write!(f, "APEv2 tag #{number}"),
            Self::VorbisComments => f.write_str("Vorbis comments"),
            Self::Id3v1 => f.write_str("ID3v1 tag"),
            Self::Opaque => f.write_str("bytes behind the audio"),
            Self::FlacBlocks => f.write_str("FLAC metadata blocks"),
            Self::RiffInfo(1) => f.write_str("LIST/INFO chunk"),
            Self::RiffInfo(number) => write!(f, "LIST/INFO chunk #{number}"),
            Self::Chunks => f.write_str("chunks"),
            Self::Ilst => f.write_str("MP4 tags"),
            Self::Atoms => f.write_str("MP4 atoms"),
            Self::OggHeaders => f.write_str("Ogg headers"),
            Self::AsfAttributes => f.write_str("ASF attributes"),
            Self::AsfObjects => f.write_str("ASF header"),
            Self::MatroskaTag(1) => f.write_str("Matroska tag"),
            Self::MatroskaTag(number) => write!(f, "Matroska tag #{number}"),
            Self::AlbumTag(number) => write!(f, "Matroska tag #{number}, of the album"),
            Self::Elements => f.write_str("Matroska elements"),
        }
    }
}

/// A parsed file that can be edited.
pub(crate) trait Editor {
    fn container(&self) -> Container;

    /// The genre and our own fields, the tag that players read first in front.
    fn holdings(&self) -> Vec<Holding>;

    /// Whether the tag that receives what the file lacks can hold our own fields. Where it cannot, the journal alone
    /// knows ours.
    fn holds_own_fields(&self) -> bool {
        true
    }

    /// The tags as readers take them, in file order, for [`readers`](super::readers). None where the container has one
    /// kind of tag that anybody reads.
    fn voices(&self) -> Vec<Voice> {
        Vec::new()
    }

    /// All that a write has to leave alone.
    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem>;

    /// The hash of the audio, the same before and after an edit. Where the container has something in between that an
    /// edit may change, such as the numbers of pages, the editor leaves that out.
    fn audio_digest(&self, source: &dyn Source, layout: &Layout) -> io::Result<blake3::Hash> {
        source.digest(&layout.audio)
    }

    /// How the file becomes what `wish` asks for. A patch without changes means that it is so already.
    fn edit(&self, source: &dyn Source, wish: &Wish, options: EditOptions) -> Result<Patch, Problem>;
}

/// Recognises the container and takes it apart.
pub(crate) fn open(source: &dyn Source) -> Result<Box<dyn Editor>, Problem> {
    let (container, start) = Container::seen(source)?;
    if container != Container::Mp3 && container.is_written() && start != id3v2::end_of_leading_tags(source)? {
        let why = "an APE tag stands there, where no reader of this container looks";
        return Err(Refusal::Unsupported { what: "start of the file", why }.into());
    }
    match container {
        Container::Mp3 => Ok(Box::new(Mp3File::parse(source)?)),
        Container::Flac => Ok(Box::new(FlacFile::parse(source)?)),
        Container::OggVorbis | Container::Opus | Container::OggFlac | Container::Speex => {
            Ok(Box::new(OggFile::parse(source)?))
        }
        container @ (Container::Aac | Container::TrueAudio) => Ok(Box::new(Mp3File::parse_as(source, container)?)),
        container @ (Container::WavPack
        | Container::MonkeysAudio
        | Container::Musepack
        | Container::Tak
        | Container::OptimFrog) => Ok(Box::new(ApeTagged::parse(source, container)?)),
        Container::Mp4 => Ok(Box::new(Mp4File::parse(source)?)),
        Container::Asf => Ok(Box::new(AsfFile::parse(source)?)),
        Container::Dsf => Ok(Box::new(DsfFile::parse(source)?)),
        Container::Dsdiff => Ok(Box::new(DsdiffFile::parse(source)?)),
        Container::Wav | Container::Aiff => Ok(Box::new(IffFile::parse(source)?)),
        Container::Matroska => Ok(Box::new(MatroskaFile::parse(source)?)),
        Container::Foreign(Kind::Ogg) => {
            Err(Refusal::Unsupported { what: "Ogg", why: "no stream in it is of a known kind of sound" }.into())
        }
        Container::Foreign(kind) if matches!(kind.class(), Class::Film | Class::NoSound) => {
            Err(Refusal::NotAudio(kind).into())
        }
        other => Err(Refusal::NotWrittenYet(other).into()),
    }
}

/// The ID3v2 version of a tag where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Id3Version {
    /// ID3v2.3: for players that know nothing newer; several values are joined with `/`.
    #[serde(rename = "2.3")]
    V23,
    /// ID3v2.4: several values stand apart.
    #[default]
    #[serde(rename = "2.4")]
    V24,
}

/// How several genres stand in ID3v2.3, which knows one string a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Id3Values {
    /// As one string, joined with `/`: every reader shows all of them, as one.
    #[default]
    Slash,
    /// As strings of their own, as in ID3v2.4: some readers show several, the others the first alone.
    Nul,
}

/// What an editor may choose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EditOptions {
    pub(crate) new_id3: Id3Version,
    pub(crate) v23_values: Id3Values,
}

/// A field that is ours or the genre, with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) scope: Scope,
    pub(crate) field: TagField,
    /// The field's name as the tag spells it.
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
    /// The tag can only hold one string: its values were split from one, and are compared as one.
    pub(crate) joined: bool,
}

impl Holding {
    /// Whether it holds these values, as far as its tag can tell them apart.
    pub(crate) fn says(&self, values: &[String]) -> bool {
        self.values == values || self.joined && same_values(&self.values, values)
    }
}

/// What a file holds, for comparison with its edited copy.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Properties of the tags that stay: version, flags, vendor string.
    pub(crate) facts: Vec<Fact>,
    /// Every field, block and foreign tag, in file order.
    pub(crate) pieces: Vec<Piece>,
    /// Where the audio lies, unless the editor has a way of its own to hash it.
    pub(crate) audio: Vec<Range<u64>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) scope: Scope,
    pub(crate) name: &'static str,
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    /// Set for the fields that we may write.
    pub(crate) field: Option<TagField>,
    pub(crate) digest: blake3::Hash,
}

/// The edited file as differences from the original.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// In file order, not overlapping.
    pub(crate) splices: Vec<Splice>,
    /// Pages that get other numbers while they are copied. No splice reaches into them.
    pub(crate) renumbering: Option<Renumbering>,
    pub(crate) changes: Vec<FieldChange>,
    pub(crate) created: Vec<Scope>,
    /// Tags that are gone afterwards: a write of ours had made them.
    pub(crate) removed: Vec<Scope>,
    /// The room of the tags before the edit, where the editor can bring it back.
    pub(crate) room: Option<Room>,
}

/// `range` of the original becomes `bytes`.
#[derive(Debug)]
pub(crate) struct Splice {
    pub(crate) range: Range<u64>,
    pub(crate) bytes: Vec<u8>,
}

impl Patch {
    /// An edited tag in the place of the old one; or nothing in its place, where it `goes`.
    pub(crate) fn put(&mut self, scope: Scope, range: Range<u64>, edited: Edited, goes: bool) {
        self.removed.extend(goes.then_some(scope));
        self.splices.push(Splice { range, bytes: if goes { Vec::new() } else { edited.bytes } });
        self.changes.extend(edited.changes);
    }

    /// Takes in the patch of other tags of the same file.
    pub(crate) fn append(&mut self, other: Self) {
        self.splices.extend(other.splices);
        self.changes.extend(other.changes);
        self.created.extend(other.created);
        self.removed.extend(other.removed);
    }

    /// A tag that was not there, made at that place.
    pub(crate) fn make(&mut self, scope: Scope, at: u64, tag: Edited) {
        self.created.push(scope);
        self.changes.extend(tag.changes);
        self.splices.push(Splice { range: at..at, bytes: tag.bytes });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Length of the edited file.
    pub(crate) fn new_len(&self, old_len: u64) -> u64 {
        self.splices
            .iter()
            .fold(old_len, |len, splice| len + splice.bytes.len() as u64 - (splice.range.end - splice.range.start))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn apply(&self, original: &[u8]) -> Vec<u8> {
        let mut original = original.to_vec();
        if let Some(renumbering) = &self.renumbering {
            let mut renumbered = Vec::new();
            let keep = |bytes: &[u8]| {
                renumbered.extend_from_slice(bytes);
                Ok(())
            };
            renumbering.pass(&original, keep).expect("bytes in memory can be read");
            original.splice(renumbering.range.start as usize..renumbering.range.end as usize, renumbered);
        }
        let (mut out, mut position) = (Vec::new(), 0);
        for splice in &self.splices {
            out.extend_from_slice(&original[position..splice.range.start as usize]);
            out.extend_from_slice(&splice.bytes);
            position = splice.range.end as usize;
        }
        out.extend_from_slice(&original[position..]);
        out
    }
}

/// A tag or block after an edit, whole, and what changed in it.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) bytes: Vec<u8>,
    pub(crate) changes: Vec<FieldChange>,
    /// No field is left in it.
    pub(crate) is_empty: bool,
}

/// An ordered list of fields while it is edited: kept ones by their number in the original, new ones as bytes.
pub(crate) struct Revision {
    scope: Scope,
    form: &'static str,
    pub(crate) slots: Vec<Slot>,
    pub(crate) changes: Vec<FieldChange>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Kept(usize),
    New(Vec<u8>),
}

impl Revision {
    /// All of `count` fields, kept. `form` tells how the tag stores them: the bytes of a field mean the same wherever
    /// it is equal.
    pub(crate) fn new(scope: Scope, form: &'static str, count: usize) -> Self {
        Self { scope, form, slots: (0..count).map(Slot::Kept).collect(), changes: Vec::new() }
    }

    /// Puts the fields `new` where the first of the fields `old` (number and bytes, ascending) stands, and removes
    /// those; without old ones the new ones go to the end.
    pub(crate) fn replace(&mut self, name: &str, old: Vec<(usize, Vec<u8>)>, new: Vec<Vec<u8>>) {
        let place = self.remove(&old).unwrap_or(self.slots.len());
        self.put(place, name, old, new);
    }

    /// Puts the fields `new` at `place` among those that are there now; there were none of that name.
    pub(crate) fn insert(&mut self, place: usize, name: &str, new: Vec<Vec<u8>>) {
        self.put(place, name, Vec::new(), new);
    }

    fn put(&mut self, place: usize, name: &str, old: Vec<(usize, Vec<u8>)>, new: Vec<Vec<u8>>) {
        self.slots.splice(place..place, new.iter().cloned().map(Slot::New));
        self.note(name, old, (place..).zip(new));
    }

    /// Brings fields back to where they stood among all the fields of the tag. Each of `fields` has a name, what the
    /// tag holds of it now (as in [`replace`](Self::replace)), and what it held.
    pub(crate) fn put_back<'w>(
        &mut self,
        fields: impl IntoIterator<Item = (String, Vec<(usize, Vec<u8>)>, &'w [RawField])>,
    ) {
        let mut returning: Vec<&RawField> = Vec::new();
        for (name, now, before) in fields {
            if now.iter().map(|(_, bytes)| bytes).eq(before.iter().map(|field| &field.bytes)) {
                continue;
            }
            self.remove(&now);
            returning.extend(before);
            self.note(&name, now, before.iter().map(|field| (field.position, field.bytes.clone())));
        }
        returning.sort_by_key(|field| field.position);
        for field in returning {
            // Others may have taken fields away meanwhile.
            let place = field.position.min(self.slots.len());
            self.slots.insert(place, Slot::New(field.bytes.clone()));
        }
    }

    /// Takes fields out that had been carried over. `stored` are the foreign fields of the tag: number, name and bytes.
    pub(crate) fn take_back(&mut self, carried: &[&[u8]], stored: impl Iterator<Item = (usize, String, Vec<u8>)>) {
        let mut carried = carried.to_vec();
        if carried.is_empty() {
            return;
        }
        for (number, name, bytes) in stored {
            if let Some(place) = carried.iter().position(|known| *known == bytes) {
                carried.swap_remove(place);
                self.replace(&name, vec![(number, bytes)], Vec::new());
            }
        }
    }

    /// Takes the numbered fields out, and answers where the first of them stood.
    fn remove(&mut self, old: &[(usize, Vec<u8>)]) -> Option<usize> {
        let known = |number: &usize| old.binary_search_by_key(number, |(known, _)| *known).is_ok();
        let is_old = |slot: &Slot| matches!(slot, Slot::Kept(number) if known(number));
        let place = self.slots.iter().position(is_old);
        self.slots.retain(|slot| !is_old(slot));
        place
    }

    fn note(&mut self, name: &str, old: Vec<(usize, Vec<u8>)>, new: impl IntoIterator<Item = (usize, Vec<u8>)>) {
        let (mut old, mut new) = (old.into_iter(), new.into_iter());
        loop {
            let (before, after) = (old.next(), new.next());
            let position = match (&before, &after) {
                (Some((number, _)), _) | (None, Some((number, _))) => *number,
                (None, None) => break,
            };
            self.changes.push(FieldChange {
                scope: self.scope,
                form: self.form.to_owned(),
                name: name.to_owned(),
                position,
                old: before.map(|(_, bytes)| bytes),
                new: after.map(|(_, bytes)| bytes),
            });
        }
    }
}

/// Shift by which the audio moves when it has to: whole file-system blocks, so that file systems that share blocks
/// between copies can go on sharing the audio.
pub(crate) const SHIFT: usize = 4096;

/// Padding that is left, at the least, when a tag has to grow anyway.
pub(crate) const ROOM: usize = 1024;

/// Length of the padding when `old` bytes become `new` bytes and padding.
pub(crate) fn fresh_padding(old: usize, new: usize) -> usize {
    let wanted = (new + ROOM).saturating_sub(old);
    old + wanted.next_multiple_of(SHIFT) - new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_replaced_where_the_first_one_stood() {
        let mut revision = Revision::new(Scope::VorbisComments, "", 4);
        revision.replace("X", vec![(1, vec![1]), (3, vec![3])], vec![vec![9]]);
        assert_eq!(revision.slots, [Slot::Kept(0), Slot::New(vec![9]), Slot::Kept(2)]);
        let summary: Vec<_> = revision.changes.iter().map(|c| (c.position, c.old.clone(), c.new.clone())).collect();
        assert_eq!(summary, [(1, Some(vec![1]), Some(vec![9])), (3, Some(vec![3]), None)]);
    }

    #[test]
    fn fields_come_back_to_where_they_stood() {
        let mut revision = Revision::new(Scope::VorbisComments, "", 5);
        let raw = |position, byte| RawField { position, bytes: vec![byte] };
        let (genre, own) = ([raw(1, 1), raw(3, 3)], []);
        // Now: a genre at 1, three foreign fields, one of ours at the end. Then: genres at 1 and 3.
        revision.put_back([
            ("GENRE".to_owned(), vec![(1, vec![9])], &genre[..]),
            ("OURS".to_owned(), vec![(4, vec![8])], &own[..]),
        ]);
        let new = |byte| Slot::New(vec![byte]);
        assert_eq!(revision.slots, [Slot::Kept(0), new(1), Slot::Kept(2), new(3), Slot::Kept(3)]);
        assert_eq!(revision.changes.len(), 3);
    }

    #[test]
    fn a_field_that_is_as_it_was_does_not_move() {
        let mut revision = Revision::new(Scope::VorbisComments, "", 3);
        let before = [RawField { position: 0, bytes: vec![7] }];
        revision.put_back([("GENRE".to_owned(), vec![(2, vec![7])], &before[..])]);
        assert_eq!(revision.slots, [Slot::Kept(0), Slot::Kept(1), Slot::Kept(2)]);
        assert!(revision.changes.is_empty());
    }

    #[test]
    fn new_fields_go_to_the_end() {
        let mut revision = Revision::new(Scope::VorbisComments, "", 1);
        revision.replace("X", vec![], vec![vec![7], vec![8]]);
        assert_eq!(revision.slots, [Slot::Kept(0), Slot::New(vec![7]), Slot::New(vec![8])]);
        assert_eq!(revision.changes.iter().map(|c| c.position).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn growing_moves_the_audio_by_whole_blocks_and_leaves_room() {
        for (old, new) in [(0, 200), (300, 301), (5000, 9000), (3976, 4000), (0, 4096)] {
            let padding = fresh_padding(old, new);
            assert_eq!((new + padding - old) % SHIFT, 0);
            assert!((ROOM..ROOM + SHIFT).contains(&padding), "{old} -> {new}: {padding}");
        }
    }
}
