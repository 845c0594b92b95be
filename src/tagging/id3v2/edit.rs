//! Putting a tag together again: foreign frames as they lie, our frames new, padding used up or made.

use super::super::editor::{EditOptions, Edited, Id3Values, Id3Version, Revision, Scope, Slot, fresh_padding};
use super::super::genre_text;
use super::super::plan::{TagField, Wish};
use super::super::readers::Said;
use super::super::state::same_values;
use super::frame::{Frame, Inheritance};
use super::{HEADER, Id3v2, MAX_SIZE, Version, WHAT, text, to_synchsafe, unsync};
use crate::tagging::error::Refusal;

/// Whether fields that the tag does not have are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion<'a> {
    /// Added: this is the tag that speaks for the file.
    Allowed,
    /// Added, and so is what another tag says, as far as this one has no such field: it would be hidden else.
    Carrying(&'a [Said]),
    /// Not added: another tag speaks for the file, and this one only must not contradict it.
    Forbidden,
}

impl<'a> Insertion<'a> {
    pub(crate) fn carried(self) -> &'a [Said] {
        match self {
            Self::Carrying(said) => said,
            Self::Allowed | Self::Forbidden => &[],
        }
    }
}

/// A tag of that version that holds nothing but the wish, with padding. None where there is nothing to hold.
pub(crate) fn new_tag(
    options: EditOptions,
    scope: Scope,
    wish: &Wish,
    insertion: Insertion<'_>,
) -> Result<Option<Edited>, Refusal> {
    let version_byte = match options.new_id3 {
        Id3Version::V23 => 3,
        Id3Version::V24 => 4,
    };
    let mut empty = Id3v2::parse(vec![b'I', b'D', b'3', version_byte, 0, 0, 0, 0, 0, 0])?;
    empty.is_new = true;
    empty.edit(scope, wish, insertion, options)
}

impl Id3v2 {
    /// The tag with the wish fulfilled; none where it is so already.
    pub(crate) fn edit(
        &self,
        scope: Scope,
        wish: &Wish,
        insertion: Insertion<'_>,
        options: EditOptions,
    ) -> Result<Option<Edited>, Refusal> {
        let mut revision = Revision::new(scope, self.form(), self.frames.len());
        let mut longest = 0;
        let targets = wish.targets(scope, self.form());
        let stored = |(index, frame): (usize, &Frame)| (index, frame.plain(self).into_owned());
        let raw = targets.raw.iter();
        revision
            .put_back(raw.map(|(field, before)| (self.name(*field), self.of(*field).map(stored).collect(), *before)));
        let foreign = self.frames.iter().enumerate().filter(|(_, frame)| frame.field.is_none());
        let foreign = foreign.map(|(index, frame)| (index, frame.name(self), frame.plain(self).into_owned()));
        revision.take_back(&targets.carried, foreign);
        for said in self.voice(scope, true).lacks(insertion.carried()) {
            if let Some(id) = self.version.common_id(&said.name) {
                longest = longest.max(said.value.chars().count());
                revision.replace(id, Vec::new(), vec![self.carried_frame(id, &said.value)?]);
            }
        }
        for (field, values) in targets.values {
            let old: Vec<(usize, &Frame)> = self.of(field).collect();
            let may_insert = insertion != Insertion::Forbidden || targets.had_them;
            if old.is_empty() && (values.is_empty() || !may_insert) {
                continue;
            }
            if let [(_, only)] = old[..]
                && !values.is_empty()
                && self.says(only, values)
            {
                continue;
            }
            longest = values.iter().map(|value| value.chars().count()).fold(longest, usize::max);
            let new = if values.is_empty() {
                Vec::new()
            } else {
                let inherited = old.first().map(|(_, frame)| frame.inheritance(self)).transpose()?;
                let stored = self.stored(field, values, options);
                if field == TagField::Genre && !targets.had_them {
                    // What somebody else wrote like that is not made worse.
                    let theirs: Vec<String> = old.iter().flat_map(|(_, frame)| frame.values(self)).collect();
                    genre_text::check_reading(&stored, &theirs, WHAT)?;
                }
                vec![self.frame(field, values, &stored, inherited.unwrap_or_default())?]
            };
            revision.replace(&self.name(field), old.into_iter().map(stored).collect(), new);
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let bytes = self.assemble(&revision.slots)?;
        let allows = |extended: &super::ExtendedHeader| extended.allows(revision.slots.len(), bytes.len(), longest);
        if !self.extended.as_ref().is_none_or(allows) {
            return Err(Refusal::Unsupported {
                what: WHAT,
                why: "its extended header restricts its size, and the new fields would exceed that",
            });
        }
        Ok(Some(Edited { bytes, changes: revision.changes, is_empty: revision.slots.is_empty() }))
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Frame)> {
        self.frames.iter().enumerate().filter(move |(_, frame)| frame.field == Some(field))
    }

    /// What decides how a frame in plain form is to be read.
    fn form(&self) -> &'static str {
        let unsynchronised = self.flags & super::UNSYNCHRONISED != 0;
        match self.version {
            Version::V22 => "ID3v2.2",
            Version::V23 => "ID3v2.3",
            Version::V24 if self.has_plain_sizes_for_good() && unsynchronised => "ID3v2.4, plain sizes, unsynchronised",
            Version::V24 if self.has_plain_sizes_for_good() => "ID3v2.4, plain sizes",
            Version::V24 if unsynchronised => "ID3v2.4, unsynchronised",
            Version::V24 => "ID3v2.4",
        }
    }

    fn name(&self, field: TagField) -> String {
        match self.version.place_of(field) {
            (id, Some(description)) => format!("{id}:{description}"),
            (id, None) => id.to_owned(),
        }
    }

    fn says(&self, frame: &Frame, values: &[String]) -> bool {
        self.same(&frame.values(self), values)
    }

    /// Whether two lists of values are the same in this version.
    fn same(&self, a: &[String], b: &[String]) -> bool {
        a == b || !self.is_v24() && same_values(a, b)
    }

    /// The strings of the frame that is to hold these values.
    fn stored(&self, field: TagField, values: &[String], options: EditOptions) -> Vec<String> {
        let is_apart = self.version == Version::V23 && options.v23_values == Id3Values::Nul;
        match field {
            _ if self.is_v24() => values.to_vec(),
            TagField::Genre if is_apart => values.iter().map(|value| genre_text::escaped(value)).collect(),
            // Readers take a reference at the start only.
            TagField::Genre => vec![genre_text::escaped(&values.join("/"))],
            _ => vec![values.join("/")],
        }
    }

    /// A frame in plain form: `values`, as the strings `joined`.
    fn frame(
        &self,
        field: TagField,
        values: &[String],
        joined: &[String],
        inherited: Inheritance,
    ) -> Result<Vec<u8>, Refusal> {
        let refused = |value: &str| Refusal::Value { what: WHAT, value: value.to_owned() };
        if let Some(value) = values.iter().find(|value| value.contains('\0')) {
            return Err(refused(value));
        }
        let mut strings: Vec<&str> = joined.iter().map(String::as_str).collect();
        if field == TagField::Genre {
            // A name such as "17" or "(9)" would be read as a number of the old list.
            let read = genre_text::genres(joined, !self.is_v24());
            if !self.same(&read, values) {
                return Err(refused(&joined.join("; ")));
            }
        }
        let (id, description) = self.version.place_of(field);
        strings.splice(0..0, description);
        let encoded = text::encode(&strings, self.version, inherited.encoding, self.holds_no_ff());
        if text::decode(&encoded) != strings {
            // A byte order mark at the start of a string is taken for what it is.
            return Err(refused(&joined.join("; ")));
        }
        let mut content: Vec<u8> = inherited.group.into_iter().collect();
        content.extend(encoded);
        self.frame_of(id, content, &inherited)
    }

    /// A frame of a text, or a comment without a description, that this tag does not have.
    fn carried_frame(&self, id: &str, value: &str) -> Result<Vec<u8>, Refusal> {
        let content = if id == self.version.comment_id() {
            let mut content = text::encode(&["", value], self.version, None, self.holds_no_ff());
            content.splice(1..1, *b"eng");
            content
        } else {
            text::encode(&[value], self.version, None, self.holds_no_ff())
        };
        self.frame_of(id, content, &Inheritance::default())
    }

    fn holds_no_ff(&self) -> bool {
        self.is_v24() && self.flags & super::UNSYNCHRONISED != 0
            || self.extended.as_ref().is_some_and(super::ExtendedHeader::forbids_utf16)
    }

    /// A frame in plain form around its content.
    fn frame_of(&self, id: &str, content: Vec<u8>, inherited: &Inheritance) -> Result<Vec<u8>, Refusal> {
        let mut frame = id.as_bytes().to_vec();
        let too_large = Refusal::TooLarge { what: "ID3v2 frame", limit: MAX_SIZE as u64 };
        match self.version {
            Version::V22 => {
                let size = u32::try_from(content.len()).ok().filter(|&size| size < 1 << 24).ok_or(too_large)?;
                frame.extend_from_slice(&size.to_be_bytes()[1..]);
            }
            _ => {
                if content.len() > MAX_SIZE {
                    return Err(too_large);
                }
                let plain = (content.len() as u32).to_be_bytes();
                frame.extend_from_slice(&if self.plain_sizes { plain } else { to_synchsafe(content.len()) });
                let grouped = match (inherited.group, self.version) {
                    (None, _) => 0,
                    (Some(_), Version::V24) => 0x40,
                    (Some(_), _) => 0x20,
                };
                frame.extend_from_slice(&[inherited.status, grouped]);
            }
        }
        frame.extend(content);
        Ok(frame)
    }

    /// The whole tag with these frames: as long as before where they fit, else longer by whole blocks.
    fn assemble(&self, slots: &[Slot]) -> Result<Vec<u8>, Refusal> {
        let (mut stored, mut plain) = (Vec::new(), Vec::new());
        for slot in slots {
            match slot {
                Slot::Kept(index) => {
                    let frame = &self.frames[*index];
                    stored.extend_from_slice(&self.raw[frame.range.clone()]);
                    plain.extend_from_slice(&frame.plain(self));
                }
                Slot::New(frame) if self.body_is_unsynchronised() => {
                    stored.extend(unsync::apply(frame));
                    plain.extend_from_slice(frame);
                }
                Slot::New(frame) => {
                    stored.extend_from_slice(frame);
                    plain.extend_from_slice(frame);
                }
            }
        }
        // A frame that ends with 0xFF needs no zero behind it while a frame follows, but does before padding or audio.
        if self.body_is_unsynchronised() && stored.last() == Some(&0xff) {
            stored.push(0);
        }
        let old_size = self.body_end - HEADER;
        let shortest = self.extended_header(&plain, 0).len() + stored.len();
        let size =
            if shortest <= old_size && (!self.has_footer() || self.padding < self.body_end || shortest == old_size) {
                old_size
            } else if self.has_footer() {
                // The standard allows no padding in front of a footer.
                shortest
            } else {
                // The header of a tag that was not there moves the audio as well.
                shortest + fresh_padding(old_size, shortest + if self.is_new { HEADER } else { 0 })
            };
        let extended = self.extended_header_for(&plain, size, stored.len())?;
        if size > MAX_SIZE {
            return Err(Refusal::TooLarge { what: WHAT, limit: MAX_SIZE as u64 });
        }
        let mut bytes = self.raw[..HEADER].to_vec();
        bytes[6..].copy_from_slice(&to_synchsafe(size));
        bytes.extend(extended);
        bytes.extend(stored);
        bytes.resize(HEADER + size, 0);
        if self.has_footer() {
            let mut footer = bytes[..HEADER].to_vec();
            footer[..3].copy_from_slice(b"3DI");
            bytes.extend(footer);
        }
        Ok(bytes)
    }

    /// The extended header as it is stored, for a body with that much padding.
    fn extended_header(&self, frames: &[u8], padding: usize) -> Vec<u8> {
        let Some(extended) = &self.extended else { return Vec::new() };
        let plain = extended.renewed(frames, padding);
        if self.body_is_unsynchronised() { unsync::apply(&plain) } else { plain }
    }

    /// The same for a body of `size` bytes. The header tells the padding, and where it is unsynchronised its own length
    /// depends on what it tells, so this looks for a length that agrees with itself.
    fn extended_header_for(&self, frames: &[u8], size: usize, stored: usize) -> Result<Vec<u8>, Refusal> {
        let mut length = self.extended_header(frames, 0).len();
        for _ in 0..8 {
            let Some(padding) = size.checked_sub(length + stored) else { break };
            let header = self.extended_header(frames, padding);
            if header.len() == length {
                return Ok(header);
            }
            length = header.len();
        }
        Err(Refusal::Unsupported { what: WHAT, why: "its unsynchronised extended header cannot be brought to an end" })
    }
}
