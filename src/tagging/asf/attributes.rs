//! The attributes of an ASF file: descriptors with a name, a type and a value, in the extended content description and
//! in the metadata library.
//!
//! Several values of a name may all stand in the former; TagLib and mutagen put the first one there and the others
//! into the latter. So both are one tag here: its fields are the descriptors of the one
//! and then those of the other. What is written goes into the extended content description.

use std::ops::Range;

use super::super::error::Refusal;
use super::super::plan::TagField;

const WHAT: &str = "ASF attributes";
/// The type of a value that is text.
const TEXT: u16 = 0;

/// Which list a descriptor stands in. In a journal its number stands in front of the descriptor's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    ExtendedContent = 0,
    Library = 1,
}

/// A descriptor.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    /// Its list, and its bytes as they lie there.
    stored: Vec<u8>,
    pub(super) name: String,
    pub(super) field: Option<TagField>,
    /// None where it is no text.
    pub(super) value: Option<String>,
}

/// The descriptors of one list, of which `raw` is the body.
pub(super) fn parse(raw: &[u8], list: List) -> Result<Vec<Attribute>, Refusal> {
    let damaged = |why| Refusal::Damaged { what: WHAT, why };
    let cut = || damaged("a descriptor does not fit its list");
    let (count, mut rest) = raw.split_first_chunk().ok_or_else(cut)?;
    let mut attributes = Vec::new();
    for _ in 0..u16::from_le_bytes(*count) {
        let (attribute, length) = Attribute::at(rest, list).ok_or_else(cut)?;
        attributes.push(attribute);
        rest = &rest[length..];
    }
    if rest.is_empty() { Ok(attributes) } else { Err(damaged("bytes follow the last descriptor")) }
}

/// The body of a list with these descriptors, each as [`Attribute::stored`].
pub(super) fn render<'a>(stored: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Refusal> {
    let (mut body, mut count) = (vec![0; 2], 0usize);
    for stored in stored {
        body.extend_from_slice(&stored[1..]);
        count += 1;
    }
    let count = u16::try_from(count).map_err(|_| Refusal::TooLarge { what: WHAT, limit: u64::from(u16::MAX) })?;
    body[..2].copy_from_slice(&count.to_le_bytes());
    Ok(body)
}

/// What the field is called where it is new.
pub(super) fn name_of(field: TagField) -> &'static str {
    match field {
        TagField::Bpm => "WM/BeatsPerMinute",
        TagField::Key => "WM/InitialKey",
        TagField::Mood => "WM/Mood",
        other => other.own_name().unwrap_or("WM/Genre"),
    }
}

/// The bytes of a new text in the extended content description.
pub(super) fn new_text(name: &str, value: &str) -> Result<Vec<u8>, Refusal> {
    if value.contains('\0') {
        return Err(Refusal::Value { what: WHAT, value: value.to_owned() });
    }
    let mut stored = vec![List::ExtendedContent as u8];
    for (bytes, kind) in [(utf16(name), None), (utf16(value), Some(TEXT))] {
        let too_large = |_| Refusal::TooLarge { what: WHAT, limit: u64::from(u16::MAX) };
        stored.extend(kind.iter().flat_map(|kind| kind.to_le_bytes()));
        stored.extend(u16::try_from(bytes.len()).map_err(too_large)?.to_le_bytes());
        stored.extend(bytes);
    }
    Ok(stored)
}

fn field_of(name: &str) -> Option<TagField> {
    TagField::ALL.into_iter().find(|field| name_of(*field).eq_ignore_ascii_case(name))
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned()
}

impl Attribute {
    /// The descriptor at the start of `raw`, and its length.
    fn at(raw: &[u8], list: List) -> Option<(Self, usize)> {
        let length = |at: usize| number(raw, at).map(usize::from);
        let (name, kind, value, of_a_stream): (Range<usize>, u16, Range<usize>, bool) = match list {
            List::ExtendedContent => {
                let name = 2..2 + length(0)?;
                let value = name.end + 4..name.end + 4 + length(name.end + 2)?;
                (name.clone(), number(raw, name.end)?, value, false)
            }
            List::Library => {
                let name = 12..12 + length(4)?;
                let size = u32::from_le_bytes(raw.get(8..12)?.try_into().ok()?) as usize;
                let value = name.end..name.end.checked_add(size)?;
                (name, number(raw, 6)?, value, number(raw, 2)? != 0)
            }
        };
        let name = text(raw.get(name)?);
        let end = value.end;
        let value = (kind == TEXT).then_some(text(raw.get(value)?));
        let field = field_of(&name).filter(|_| !of_a_stream);
        let stored = [&[list as u8], &raw[..end]].concat();
        Some((Self { stored, name, field, value }, end))
    }

    pub(super) fn stored(&self) -> &[u8] {
        &self.stored
    }
}

/// The list to which stored bytes belong.
pub(super) fn list_of(stored: &[u8]) -> Option<List> {
    [List::ExtendedContent, List::Library].into_iter().find(|list| stored.first() == Some(&(*list as u8)))
}

/// What a stored descriptor says, for a person to read.
pub(crate) fn values_of_attribute(stored: &[u8]) -> Option<Vec<String>> {
    let (attribute, _) = Attribute::at(stored.get(1..)?, list_of(stored)?)?;
    attribute.value.map(|value| vec![value])
}
