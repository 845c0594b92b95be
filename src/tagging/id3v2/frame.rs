//! One frame: where it lies, what it is called, and, for the few that are ours, what it says.

use std::borrow::Cow;
use std::ops::Range;

use super::super::genre_text;
use super::super::plan::TagField;
use super::text::Encoding;
use super::{Id3v2, Version, synchsafe, unsync};
use crate::tagging::error::Refusal;

/// A frame of a tag.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its place in the tag's bytes, header included.
    pub(super) range: Range<usize>,
    /// Set for the frames that we may write.
    pub(super) field: Option<TagField>,
}

/// What the second flag byte says about the bytes behind the frame's header.
struct Format {
    compressed: bool,
    encrypted: bool,
    grouped: bool,
    unsynchronised: bool,
    length_indicated: bool,
}

impl Format {
    fn of(version: Version, flags: u8) -> Self {
        let has = |bit: u8| flags & bit != 0;
        match version {
            Version::V22 => Self {
                compressed: false,
                encrypted: false,
                grouped: false,
                unsynchronised: false,
                length_indicated: false,
            },
            Version::V23 => Self {
                compressed: has(0x80),
                encrypted: has(0x40),
                grouped: has(0x20),
                unsynchronised: false,
                length_indicated: false,
            },
            Version::V24 => Self {
                compressed: has(0x08),
                encrypted: has(0x04),
                grouped: has(0x40),
                unsynchronised: has(0x02),
                length_indicated: has(0x01),
            },
        }
    }
}

impl Frame {
    /// The frame that starts at `start`; none where the bytes are no frame that fits the tag.
    pub(super) fn at(tag: &Id3v2, start: usize, plain_sizes: bool) -> Option<Self> {
        let version = tag.version;
        let skip = |from: usize, count: usize| {
            if tag.body_is_unsynchronised() {
                unsync::skip(&tag.raw, from, tag.body_end, count)
            } else {
                from.checked_add(count).filter(|&end| end <= tag.body_end)
            }
        };
        let body = skip(start, version.frame_header_length())?;
        let head = tag.plain(start..body);
        let (id, rest) = head.split_at(version.id_length());
        // Writers of 2.3 have put 2.2's three-letter names there, with a space or a zero behind them.
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let fourth = |byte: &u8| is_letter(byte) || matches!(byte, b' ' | 0);
        if !id[..3].iter().all(is_letter) || !id[3..].iter().all(fourth) {
            return None;
        }
        let size = &rest[..version.id_length()];
        let size = if plain_sizes {
            size.iter().fold(0usize, |value, &byte| value << 8 | usize::from(byte))
        } else {
            synchsafe(size)?
        };
        let mut frame = Self { range: start..skip(body, size)?, field: None };
        frame.field = frame.recognise(tag);
        Some(frame)
    }

    /// The frame with unsynchronisation of the whole tag undone: header, flags and content.
    pub(super) fn plain<'t>(&self, tag: &'t Id3v2) -> Cow<'t, [u8]> {
        tag.plain(self.range.clone())
    }

    /// Its name alone.
    pub(super) fn id_text(&self, tag: &Id3v2) -> String {
        Self::id(&self.plain(tag), tag).into_owned()
    }

    fn id<'p>(plain: &'p [u8], tag: &Id3v2) -> Cow<'p, str> {
        String::from_utf8_lossy(&plain[..tag.version.id_length()])
    }

    fn recognise(&self, tag: &Id3v2) -> Option<TagField> {
        let plain = self.plain(tag);
        let id = Self::id(&plain, tag);
        if id != tag.version.user_text_id() {
            return tag.version.field_of(&id);
        }
        let (description, _) = self.user_text(tag)?;
        TagField::of_plain_name(&description)
    }

    /// The frame's name, with the description that tells a user text from its siblings.
    pub(super) fn name(&self, tag: &Id3v2) -> String {
        let plain = self.plain(tag);
        let id = Self::id(&plain, tag);
        match self.field.and_then(TagField::plain_name).filter(|_| id == tag.version.user_text_id()) {
            Some(name) => format!("{id}:{name}"),
            None => id.into_owned(),
        }
    }

    /// The payload with the format flags undone; none where it is compressed, encrypted or cut short.
    fn content(&self, tag: &Id3v2) -> Option<Vec<u8>> {
        let plain = self.plain(tag);
        let head = tag.version.frame_header_length();
        let format = Format::of(tag.version, if head == 10 { plain[9] } else { 0 });
        if format.compressed || format.encrypted {
            return None;
        }
        let extra = usize::from(format.grouped) + if format.length_indicated { 4 } else { 0 };
        let data = plain.get(head + extra..)?;
        // In 2.4 the flag of the tag says that every frame has it.
        let unsynchronised =
            format.unsynchronised || tag.version == Version::V24 && tag.flags & super::UNSYNCHRONISED != 0;
        Some(if unsynchronised { unsync::undo(data).into_owned() } else { data.to_vec() })
    }

    /// The strings of a text frame.
    pub(super) fn strings(&self, tag: &Id3v2) -> Option<Vec<String>> {
        let content = self.content(tag)?;
        let (&encoding, data) = content.split_first()?;
        Some(Encoding::of(encoding).strings(data))
    }

    /// Description and values of a user text.
    pub(super) fn user_text(&self, tag: &Id3v2) -> Option<(String, Vec<String>)> {
        let content = self.content(tag)?;
        let (&encoding, data) = content.split_first()?;
        let encoding = Encoding::of(encoding);
        let (description, values) = encoding.split(data);
        let description = encoding.strings(description).into_iter().next().unwrap_or_default();
        Some((description, values.map(|values| encoding.strings(values)).unwrap_or_default()))
    }

    /// Description and text of a comment.
    pub(super) fn comment(&self, tag: &Id3v2) -> Option<(String, String)> {
        let content = self.content(tag)?;
        let (&encoding, data) = content.split_first()?;
        let (_language, data) = data.split_at_checked(3)?;
        let encoding = Encoding::of(encoding);
        let (description, text) = encoding.split(data);
        let first = |data: &[u8]| encoding.strings(data).into_iter().next().unwrap_or_default();
        Some((first(description), text.map(first).unwrap_or_default()))
    }

    /// What one of our frames says. A genre that cannot be read is somebody's genre all the same.
    pub(super) fn values(&self, tag: &Id3v2) -> Vec<String> {
        let slashes = tag.version != Version::V24;
        match self.field {
            Some(TagField::Genre) => match self.strings(tag) {
                Some(strings) => genre_text::genres(&strings, slashes),
                None if self.plain(tag).len() == tag.version.frame_header_length() => Vec::new(),
                None => vec!["(unreadable)".to_owned()],
            },
            Some(TagField::OwnGenre) => {
                let (_, values) = self.user_text(tag).unwrap_or_default();
                if slashes {
                    values.iter().flat_map(|value| value.split('/')).map(str::to_owned).collect()
                } else {
                    values
                }
            }
            Some(TagField::OwnConfidence | TagField::OwnModel | TagField::OwnCluster) => {
                self.user_text(tag).map(|(_, values)| values).unwrap_or_default()
            }
            // What cannot be read (compressed, encrypted) says something all the same.
            Some(TagField::Bpm | TagField::Key | TagField::Mood) => {
                let is_user_text = self.id_text(tag) == tag.version.user_text_id();
                let strings =
                    if is_user_text { self.user_text(tag).map(|(_, values)| values) } else { self.strings(tag) };
                strings.unwrap_or_else(|| vec!["(unreadable)".to_owned()])
            }
            None => Vec::new(),
        }
    }

    /// What a successor of this frame keeps of it: the byte of status flags, the group if there is one, the encoding.
    pub(super) fn inheritance(&self, tag: &Id3v2) -> Result<Inheritance, Refusal> {
        let plain = self.plain(tag);
        let head = tag.version.frame_header_length();
        if head == 6 {
            let encoding = plain.get(head).map(|&byte| Encoding::of(byte));
            return Ok(Inheritance { status: 0, group: None, encoding });
        }
        let format = Format::of(tag.version, plain[9]);
        if format.encrypted {
            return Err(Refusal::Unsupported { what: "genre frame", why: "it is encrypted" });
        }
        let group = format.grouped.then(|| plain.get(head + if format.compressed && !tag.is_v24() { 4 } else { 0 }));
        let encoding = self.content(tag).and_then(|content| content.first().map(|&byte| Encoding::of(byte)));
        Ok(Inheritance { status: plain[8], group: group.flatten().copied(), encoding })
    }
}

/// What a rewritten frame takes over from the one that it replaces.
#[derive(Default)]
pub(super) struct Inheritance {
    pub(super) status: u8,
    pub(super) group: Option<u8>,
    pub(super) encoding: Option<Encoding>,
}

impl Id3v2 {
    /// Bytes of the tag with the unsynchronisation of the whole body undone.
    pub(super) fn plain(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        let stored = &self.raw[range];
        if self.body_is_unsynchronised() { unsync::undo(stored) } else { Cow::Borrowed(stored) }
    }

    pub(super) fn is_v24(&self) -> bool {
        self.version == Version::V24
    }
}

/// What one text frame says, by its bytes in plain form and the form of the tag that they stood in; of a user text what
/// stands behind its description. None where its flags say that the bytes are no plain text.
pub(crate) fn strings_of_frame(frame: &[u8], form: &str) -> Option<Vec<String>> {
    let (id, head) = if form.starts_with("ID3v2.2") { (3, 6) } else { (4, 10) };
    if head == 10 && *frame.get(9)? != 0 {
        return None;
    }
    let is_user_text = frame.get(..id)?.starts_with(b"TXX");
    let strings = super::text::decode(frame.get(head..)?);
    Some(strings.into_iter().skip(usize::from(is_user_text)).collect())
}
