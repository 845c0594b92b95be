//! ID3v2 tags, 2.2 to 2.4: taken apart into verbatim frames, and put together again with only the genre and our fields
//! changed.
//!
//! The standards are the informal ones of id3.org (id3v2-00, id3v2.3.0, id3v2.4.0-structure and -frames). A frame that
//! is not ours is never interpreted: its bytes are copied as they lie in the file, flags, compression, encryption and
//! unsynchronisation included. What cannot be walked from the first frame to the last is refused.

mod edit;
mod extended;
mod frame;
mod text;
mod unsync;
mod voice;

#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;

pub(crate) use edit::{Insertion, new_tag};
pub(crate) use frame::strings_of_frame;

use super::editor::{Fact, Holding, Piece, Scope};
use super::error::{Problem, Refusal};
use super::plan::TagField;
use super::readers::Name;
use super::source::Source;
use extended::ExtendedHeader;
use frame::Frame;

/// Largest tag that is edited, in bytes: it is held in memory.
pub(crate) const LIMIT: u64 = 32 << 20;
/// Largest size that a header can tell: 28 bits.
const MAX_SIZE: usize = (1 << 28) - 1;
/// Length of the header and of the footer.
const HEADER: usize = 10;
/// More leading tags than this are no accident of a tagger.
const MAX_STACKED: usize = 16;

const WHAT: &str = "ID3v2 tag";

/// The three versions in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V22,
    V23,
    V24,
}

impl Version {
    fn id_length(self) -> usize {
        if self == Self::V22 { 3 } else { 4 }
    }

    fn frame_header_length(self) -> usize {
        if self == Self::V22 { 6 } else { 10 }
    }

    fn genre_id(self) -> &'static str {
        if self == Self::V22 { "TCO" } else { "TCON" }
    }

    fn user_text_id(self) -> &'static str {
        if self == Self::V22 { "TXX" } else { "TXXX" }
    }

    /// Where a field stands: the frame, and the description of a user text. 2.4 alone has a frame for the mood; in
    /// older tags it is the user text that readers know.
    fn place_of(self, field: TagField) -> (&'static str, Option<&'static str>) {
        let v22 = self == Self::V22;
        match field {
            TagField::Genre => (self.genre_id(), None),
            TagField::Bpm => (if v22 { "TBP" } else { "TBPM" }, None),
            TagField::Key => (if v22 { "TKE" } else { "TKEY" }, None),
            TagField::Mood if self == Self::V24 => ("TMOO", None),
            _ => (self.user_text_id(), field.plain_name()),
        }
    }

    /// The field that a frame of this name is, if it is no user text. 2.4's frame for the mood is understood in 2.3
    /// too.
    fn field_of(self, id: &str) -> Option<TagField> {
        let is_its = |field: &TagField| self.place_of(*field) == (id, None);
        let mood = || (id == "TMOO").then_some(TagField::Mood);
        TagField::ALL.into_iter().find(is_its).or_else(mood)
    }

    fn comment_id(self) -> &'static str {
        if self == Self::V22 { "COM" } else { "COMM" }
    }

    /// What the version calls a field that every kind of tag has.
    fn common_id(self, name: &Name) -> Option<&'static str> {
        let (v22, later) = match name {
            Name::Title => ("TT2", "TIT2"),
            Name::Artist => ("TP1", "TPE1"),
            Name::Album => ("TAL", "TALB"),
            Name::Date => ("TYE", if self == Self::V24 { "TDRC" } else { "TYER" }),
            Name::Track => ("TRK", "TRCK"),
            Name::Comment => (self.comment_id(), self.comment_id()),
            Name::Genre => (self.genre_id(), self.genre_id()),
            Name::Program => ("TSS", "TSSE"),
            Name::Own | Name::Heard(_) | Name::Other(..) => return None,
        };
        Some(if self == Self::V22 { v22 } else { later })
    }
}

/// Flags of the tag header.
const UNSYNCHRONISED: u8 = 0x80;
/// In 2.2 the same bit means: compressed in a way that was never defined.
const EXTENDED: u8 = 0x40;
const FOOTER: u8 = 0x10;

/// The size in a header; none where a byte has its high bit set.
fn synchsafe(bytes: &[u8]) -> Option<usize> {
    bytes.iter().try_fold(0usize, |value, &byte| (byte < 0x80).then_some(value << 7 | usize::from(byte)))
}

fn to_synchsafe(value: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (value >> shift & 0x7f) as u8)
}

/// Length of the whole tag whose header starts at `offset`, footer included; none where there is no tag.
pub(crate) fn length_at(source: &dyn Source, offset: u64) -> io::Result<Option<u64>> {
    let head = source.window(offset, HEADER)?;
    let size = head.get(6..HEADER).filter(|_| head.starts_with(b"ID3")).and_then(synchsafe);
    let footer = head.get(3..6).is_some_and(|b| b[0] == 4 && b[2] & FOOTER != 0);
    Ok(size.map(|size| (HEADER + size + if footer { HEADER } else { 0 }) as u64))
}

/// The tag `raw`, cut to a length that it had before. None where what goes is no padding, or its header tells of it
/// elsewhere too.
pub(crate) fn cut_to(raw: &[u8], length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok().filter(|&length| length >= HEADER)?;
    let (stays, goes) = raw.split_at_checked(length)?;
    let is_plain = raw[5] & (EXTENDED | FOOTER) == 0;
    if !is_plain || goes.is_empty() || goes.iter().any(|&byte| byte != 0) {
        return None;
    }
    let mut tag = stays.to_vec();
    tag[6..HEADER].copy_from_slice(&to_synchsafe(length - HEADER));
    Id3v2::parse(tag.clone()).is_ok().then_some(tag)
}

/// Offset behind the last of the tags that stand in front of the audio.
pub(crate) fn end_of_leading_tags(source: &dyn Source) -> io::Result<u64> {
    let mut offset = 0;
    for _ in 0..MAX_STACKED {
        match length_at(source, offset)? {
            Some(length) => offset += length,
            None => break,
        }
    }
    Ok(offset)
}

/// The tags in front of the audio, each with its place in the file.
pub(crate) fn leading_tags(source: &dyn Source) -> Result<Vec<(Range<u64>, Id3v2)>, Problem> {
    let (mut tags, mut offset) = (Vec::new(), 0);
    while let Some(length) = length_at(source, offset)? {
        if tags.len() == MAX_STACKED {
            return Err(
                Refusal::Unsupported { what: WHAT, why: "more than 16 tags stand in front of the audio" }.into()
            );
        }
        let range = offset..offset + length;
        tags.push((range.clone(), Id3v2::parse(source.bytes(range, LIMIT, WHAT)?)?));
        offset += length;
    }
    // A header that starts like a tag and is none would become part of the audio, with a tag in front of it.
    if source.window(offset, 3)? == b"ID3" {
        return Err(Refusal::Damaged { what: WHAT, why: "its header holds an impossible size" }.into());
    }
    Ok(tags)
}

/// The start of the tag whose footer ends at `end`, if there is one.
pub(crate) fn start_of_appended_tag(source: &dyn Source, end: u64) -> io::Result<Option<u64>> {
    let Some(at) = end.checked_sub(HEADER as u64) else { return Ok(None) };
    let footer = source.window(at, HEADER)?;
    let size = footer.get(6..HEADER).filter(|_| footer.starts_with(b"3DI")).and_then(synchsafe);
    let Some(start) = size.and_then(|size| at.checked_sub((size + HEADER) as u64)) else { return Ok(None) };
    Ok((length_at(source, start)? == Some(end - start)).then_some(start))
}

/// One tag, as verbatim bytes and the places of its frames in them.
#[derive(Debug)]
pub(crate) struct Id3v2 {
    /// The whole tag, header and footer included, as it lies in the file.
    raw: Vec<u8>,
    version: Version,
    flags: u8,
    extended: Option<ExtendedHeader>,
    frames: Vec<Frame>,
    /// Where the zeros behind the last frame start; they reach to `body_end`.
    padding: usize,
    body_end: usize,
    /// A 2.4 tag whose frame sizes are plain numbers, as iTunes wrote them.
    plain_sizes: bool,
    /// Not in the file yet.
    is_new: bool,
}

impl Id3v2 {
    /// Takes `raw`, a whole tag, apart.
    pub(crate) fn parse(raw: Vec<u8>) -> Result<Self, Refusal> {
        let damaged = |why| Refusal::Damaged { what: WHAT, why };
        let unsupported = |why| Refusal::Unsupported { what: WHAT, why };
        let head: &[u8; HEADER] = raw.first_chunk().ok_or(Refusal::Truncated { what: WHAT })?;
        let (flags, size) = (head[5], synchsafe(&head[6..]).ok_or(damaged("its size is no synchsafe number"))?);
        let (version, known_flags) = match head[3] {
            2 => (Version::V22, 0x80),
            3 => (Version::V23, 0xe0),
            4 => (Version::V24, 0xf0),
            _ => return Err(unsupported("its version is none of 2.2, 2.3 and 2.4")),
        };
        if version == Version::V22 && flags & EXTENDED != 0 {
            return Err(unsupported("it is compressed, by a scheme that was never defined"));
        }
        if flags & !known_flags != 0 {
            return Err(unsupported("its header has flags that no standard defines"));
        }
        let footer = version == Version::V24 && flags & FOOTER != 0;
        let body_end = HEADER + size;
        if raw.len() != body_end + if footer { HEADER } else { 0 } {
            return Err(Refusal::Truncated { what: WHAT });
        }
        if footer && (raw[body_end..body_end + 3] != *b"3DI" || raw[body_end + 3..] != raw[3..HEADER]) {
            return Err(damaged("its footer differs from its header"));
        }
        let mut tag = Self {
            raw,
            version,
            flags,
            extended: None,
            frames: Vec::new(),
            padding: HEADER,
            body_end,
            plain_sizes: version != Version::V24,
            is_new: false,
        };
        if version != Version::V22 && flags & EXTENDED != 0 {
            tag.extended = Some(ExtendedHeader::parse(&tag)?);
        }
        tag.find_frames()?;
        if let Some(extended) = &tag.extended {
            extended.check(&tag)?;
        }
        Ok(tag)
    }

    /// Whether the whole body is unsynchronised, sizes of frames included.
    fn body_is_unsynchronised(&self) -> bool {
        self.version != Version::V24 && self.flags & UNSYNCHRONISED != 0
    }

    fn has_footer(&self) -> bool {
        self.version == Version::V24 && self.flags & FOOTER != 0
    }

    fn frames_start(&self) -> usize {
        self.extended.as_ref().map_or(HEADER, |extended| extended.end)
    }

    fn find_frames(&mut self) -> Result<(), Refusal> {
        let (frames, end) = self.walk(self.plain_sizes);
        let is_padding = |tag: &Self, end: usize| tag.raw[end..tag.body_end].iter().all(|&byte| byte == 0);
        if is_padding(self, end) {
            (self.frames, self.padding) = (frames, end);
            return Ok(());
        }
        if self.version == Version::V24 {
            let (frames, end) = self.walk(true);
            if is_padding(self, end) {
                (self.frames, self.padding, self.plain_sizes) = (frames, end, true);
                return Ok(());
            }
        }
        Err(Refusal::Damaged { what: WHAT, why: "bytes that are no frame follow its last frame" })
    }

    /// The frames up to the first byte that starts none, and its place.
    fn walk(&self, plain_sizes: bool) -> (Vec<Frame>, usize) {
        let (mut frames, mut position) = (Vec::new(), self.frames_start());
        while let Some(frame) = Frame::at(self, position, plain_sizes) {
            position = frame.range.end;
            frames.push(frame);
        }
        (frames, position)
    }

    /// Its length in bytes, header, padding and footer included.
    pub(crate) fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there is nothing in it but padding.
    pub(crate) fn has_no_frames(&self) -> bool {
        self.frames.is_empty()
    }

    /// The genre and our own fields. Fails where one of them is stored so that it cannot be read.
    pub(crate) fn holdings(&self, scope: Scope) -> Vec<Holding> {
        let joined = self.version != Version::V24;
        let holding = |frame: &Frame| {
            frame.field.map(|field| Holding {
                scope,
                field,
                name: frame.name(self),
                values: frame.values(self),
                joined,
            })
        };
        self.frames.iter().filter_map(holding).collect()
    }

    /// Whether a foreign frame of a 2.4 tag tells that its sizes are plain. Small sizes look the same in both codings,
    /// and a frame of ours may be the only large one.
    fn has_plain_sizes_for_good(&self) -> bool {
        let tells =
            |frame: &Frame| frame.field.is_none() && frame.range.len() >= self.version.frame_header_length() + 0x80;
        self.is_v24() && self.plain_sizes && self.frames.iter().any(tells)
    }

    /// Everything in the tag that a write has to leave alone.
    pub(crate) fn describe(&self, scope: Scope, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        facts.push(Fact { scope, name: "version and flags", value: self.raw[3..6].to_vec() });
        facts.push(Fact {
            scope,
            name: "coding of frame sizes",
            value: vec![u8::from(self.has_plain_sizes_for_good())],
        });
        if let Some(extended) = &self.extended {
            facts.push(Fact { scope, name: "extended header", value: extended.constant_part() });
        }
        pieces.extend(self.frames.iter().map(|frame| Piece {
            scope,
            name: frame.name(self),
            field: frame.field,
            digest: blake3::hash(&frame.plain(self)),
        }));
    }
}
