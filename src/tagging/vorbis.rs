//! A block of Vorbis comments (the Vorbis I specification, 5): a vendor string and `NAME=value` entries, all kept as
//! raw bytes.
//!
//! Entries that are no UTF-8, have no `=`, repeat each other or are empty are other people's business and are copied as
//! they are.

use std::borrow::Cow;
use std::ops::Range;

use super::editor::{Edited, Fact, Holding, Piece, Revision, Scope, Slot};
use super::error::Refusal;
use super::id3v2::Insertion;
use super::plan::{TagField, Wish};
use super::readers::{Name, Said, Voice};

const WHAT: &str = "Vorbis comments";
const SCOPE: Scope = Scope::VorbisComments;
/// Entries have one form only.
const FORM: &str = "";

/// A comment block as verbatim bytes and the places of its entries in them.
#[derive(Debug)]
pub(crate) struct VorbisComments {
    raw: Vec<u8>,
    vendor: Range<usize>,
    entries: Vec<Entry>,
    /// Where the bytes behind the last entry start; Ogg has a framing bit there, Opus may have more.
    end: usize,
}

#[derive(Debug)]
struct Entry {
    range: Range<usize>,
    field: Option<TagField>,
}

impl VorbisComments {
    /// An empty block, for a file that has none.
    pub(crate) fn empty() -> Self {
        let vendor = concat!("reclassd ", env!("CARGO_PKG_VERSION"));
        let mut raw = (vendor.len() as u32).to_le_bytes().to_vec();
        raw.extend_from_slice(vendor.as_bytes());
        raw.extend_from_slice(&[0; 4]);
        Self { vendor: 4..4 + vendor.len(), entries: Vec::new(), end: raw.len(), raw }
    }

    /// Takes a block apart.
    pub(crate) fn parse(raw: Vec<u8>) -> Result<Self, Refusal> {
        let mut at = 0;
        let vendor = string(&raw, &mut at)?;
        let count = number(&raw, &mut at)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let range = string(&raw, &mut at)?;
            let field = recognise(&raw[range.clone()]);
            entries.push(Entry { range, field });
        }
        Ok(Self { raw, vendor, entries, end: at })
    }

    /// Cuts off the bytes behind the last entry, for a container that has its own idea of them.
    pub(crate) fn split_off_rest(&mut self) -> Vec<u8> {
        self.raw.split_off(self.end)
    }

    fn value(&self, entry: &Entry) -> String {
        let bytes = &self.raw[entry.range.clone()];
        let value = bytes.iter().position(|&byte| byte == b'=').map_or(&bytes[..0], |at| &bytes[at + 1..]);
        String::from_utf8_lossy(value).into_owned()
    }

    fn name(&self, entry: &Entry) -> Cow<'_, str> {
        let name = self.raw[entry.range.clone()].split(|&byte| byte == b'=').next();
        String::from_utf8_lossy(name.unwrap_or_default())
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.field == Some(field))
    }

    pub(crate) fn holdings(&self) -> Vec<Holding> {
        let holding = |field| {
            let values: Vec<String> = self.of(field).map(|(_, entry)| self.value(entry)).collect();
            let (_, first) = self.of(field).next()?;
            Some(Holding { scope: SCOPE, field, name: self.name(first).into_owned(), values, joined: false })
        };
        TagField::ALL.into_iter().filter_map(holding).collect()
    }

    /// The comments as readers take them.
    pub(crate) fn voice(&self) -> Voice {
        let said = |entry: &Entry| Said { name: self.spoken_name(entry), value: self.value(entry) };
        // A picture is none of the texts, and an empty value is none.
        let is_text = |entry: &Entry| {
            !self.value(entry).is_empty() && !self.name(entry).eq_ignore_ascii_case("METADATA_BLOCK_PICTURE")
        };
        let has_text = self.entries.iter().any(is_text);
        let said = self.entries.iter().map(said).filter(|said| !said.value.is_empty()).collect();
        Voice { scope: SCOPE, said, is_in_place: true, has_text, is_empty: !has_text }
    }

    fn spoken_name(&self, entry: &Entry) -> Name {
        let name = self.name(entry).to_ascii_uppercase();
        let common = Name::COMMON.into_iter().find(|common| common_name(common) == Some(name.as_str()));
        match entry.field {
            Some(TagField::Genre) => Name::Genre,
            Some(field) if field.is_heard() => Name::Heard(field),
            Some(_) => Name::Own,
            None => common.unwrap_or(Name::Other(SCOPE, name)),
        }
    }

    pub(crate) fn describe(&self, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        facts.push(Fact { scope: SCOPE, name: "vendor string", value: self.raw[self.vendor.clone()].to_vec() });
        facts.push(Fact { scope: SCOPE, name: "bytes behind the last comment", value: self.raw[self.end..].to_vec() });
        pieces.extend(self.entries.iter().map(|entry| {
            let bytes = &self.raw[entry.range.clone()];
            Piece { scope: SCOPE, name: self.name(entry).into_owned(), field: entry.field, digest: blake3::hash(bytes) }
        }));
    }

    /// The block with the wish fulfilled; none where it is so already.
    pub(crate) fn edit(&self, wish: &Wish, insertion: Insertion<'_>) -> Result<Option<Edited>, Refusal> {
        let mut revision = Revision::new(SCOPE, FORM, self.entries.len());
        let targets = wish.targets(SCOPE, FORM);
        let may_insert = insertion != Insertion::Forbidden || targets.had_them;
        let name = |field: TagField| field.plain_name().unwrap_or("GENRE");
        let stored = |(index, entry): (usize, &Entry)| (index, self.raw[entry.range.clone()].to_vec());
        let raw = targets.raw.iter();
        revision.put_back(
            raw.map(|(field, before)| (name(*field).to_owned(), self.of(*field).map(stored).collect(), *before)),
        );
        let foreign = self.entries.iter().enumerate().filter(|(_, entry)| entry.field.is_none());
        let foreign = foreign
            .map(|(index, entry)| (index, self.name(entry).into_owned(), self.raw[entry.range.clone()].to_vec()));
        revision.take_back(&targets.carried, foreign);
        for said in self.voice().lacks(insertion.carried()) {
            if let Some(name) = common_name(&said.name) {
                revision.replace(name, Vec::new(), vec![format!("{name}={}", said.value).into_bytes()]);
            }
        }
        for (field, values) in targets.values {
            let present: Vec<String> = self.of(field).map(|(_, entry)| self.value(entry)).collect();
            if present == values || present.is_empty() && !may_insert {
                continue;
            }
            let new = values.iter().map(|value| format!("{}={value}", name(field)).into_bytes()).collect();
            revision.replace(name(field), self.of(field).map(stored).collect(), new);
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let too_large = |_| Refusal::TooLarge { what: WHAT, limit: u64::from(u32::MAX) };
        let mut block = self.raw[..self.vendor.end].to_vec();
        block.extend(u32::try_from(revision.slots.len()).map_err(too_large)?.to_le_bytes());
        for slot in &revision.slots {
            let entry = match slot {
                Slot::Kept(index) => &self.raw[self.entries[*index].range.clone()],
                Slot::New(entry) => entry.as_slice(),
            };
            block.extend(u32::try_from(entry.len()).map_err(too_large)?.to_le_bytes());
            block.extend_from_slice(entry);
        }
        block.extend_from_slice(&self.raw[self.end..]);
        Ok(Some(Edited { bytes: block, changes: revision.changes, is_empty: revision.slots.is_empty() }))
    }
}

/// What the comments call a field that every kind of tag has.
fn common_name(name: &Name) -> Option<&'static str> {
    match name {
        Name::Title => Some("TITLE"),
        Name::Artist => Some("ARTIST"),
        Name::Album => Some("ALBUM"),
        Name::Date => Some("DATE"),
        Name::Track => Some("TRACKNUMBER"),
        Name::Comment => Some("COMMENT"),
        Name::Genre => Some("GENRE"),
        Name::Program | Name::Own | Name::Heard(_) | Name::Other(..) => None,
    }
}

/// The field that an entry belongs to: names are compared without regard to ASCII case.
fn recognise(entry: &[u8]) -> Option<TagField> {
    let name = &entry[..entry.iter().position(|&byte| byte == b'=')?];
    if name.eq_ignore_ascii_case(b"GENRE") {
        return Some(TagField::Genre);
    }
    std::str::from_utf8(name).ok().and_then(TagField::of_plain_name)
}

fn number(raw: &[u8], at: &mut usize) -> Result<u32, Refusal> {
    let bytes = raw[*at..].first_chunk().ok_or(Refusal::Truncated { what: WHAT })?;
    *at += 4;
    Ok(u32::from_le_bytes(*bytes))
}

fn string(raw: &[u8], at: &mut usize) -> Result<Range<usize>, Refusal> {
    let length = number(raw, at)? as usize;
    let start = *at;
    let end = start.checked_add(length).filter(|&end| end <= raw.len()).ok_or(Refusal::Truncated { what: WHAT })?;
    *at = end;
    Ok(start..end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(entries: &[Vec<u8>], tail: &[u8]) -> Vec<u8> {
        let mut raw = b"\x03\0\0\0abc".to_vec();
        raw.extend((entries.len() as u32).to_le_bytes());
        for entry in entries {
            raw.extend((entry.len() as u32).to_le_bytes());
            raw.extend(entry);
        }
        raw.extend(tail);
        raw
    }

    fn entry() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..12),
            "(?i)(genre|reclassd_genre|reclassd_model|title)=[a-z]{0,3}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn random_comments_are_edited_as_the_model_says(
            entries in proptest::collection::vec(entry(), 0..12),
            tail in proptest::collection::vec(any::<u8>(), 0..3),
            genres in proptest::collection::vec("[A-Z][a-z]{1,4}", 0..3),
        ) {
            let raw = block(&entries, &tail);
            let comments = VorbisComments::parse(raw.clone()).unwrap();
            let wish = Wish::Set(vec![(TagField::Genre, genres.clone())]);
            let is_genre = |entry: &Vec<u8>| entry.len() > 5 && entry[..6].eq_ignore_ascii_case(b"GENRE=");
            let place = entries.iter().position(is_genre).unwrap_or(entries.len());
            let mut model: Vec<Vec<u8>> = entries.iter().filter(|entry| !is_genre(entry)).cloned().collect();
            let place = place.min(model.len());
            model.splice(place..place, genres.iter().map(|genre| format!("GENRE={genre}").into_bytes()));
            match comments.edit(&wish, Insertion::Allowed).unwrap() {
                Some(Edited { bytes: edited, changes, .. }) => {
                    prop_assert!(!changes.is_empty());
                    prop_assert_eq!(&edited, &block(&model, &tail));
                    prop_assert!(VorbisComments::parse(edited).unwrap().edit(&wish, Insertion::Allowed).unwrap().is_none());
                }
                None => {
                    let present: Vec<_> = entries.iter().filter(|e| is_genre(e)).map(|e| e[6..].to_vec()).collect();
                    let wanted: Vec<_> = genres.iter().map(|genre| genre.clone().into_bytes()).collect();
                    prop_assert_eq!(present, wanted);
                }
            }
        }

        #[test]
        fn hostile_blocks_are_refused_not_believed(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = VorbisComments::parse(raw);
        }
    }
}
