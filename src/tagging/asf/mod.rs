//! ASF (Windows Media Audio): attributes in the header, in front of the sound.
//!
//! Genre and our own fields are descriptors of the extended content description, several values as several
//! descriptors; the object is made where there is none. Padding in the header takes up the difference, or is made; what
//! tells how long header and file are follows. Everything else in the header, and all that lies behind it, is copied as
//! it is. Protected files are refused: what signs their header is not known.

mod attributes;
mod header;
#[cfg(test)]
mod tests;

pub(crate) use attributes::values_of_attribute;

use super::container::Container;
use super::editor::{
    EditOptions, Editor, Fact, Holding, Layout, Patch, Piece, Revision, SHIFT, Scope, Slot, Splice, fresh_padding,
};
use super::error::{Problem, Refusal};
use super::journal::{Room, Space};
use super::plan::{TagField, Wish};
use super::source::Source;
use attributes::{Attribute, List};
use header::{
    DATA, EXTENDED_CONTENT, FILE_PROPERTIES, HEAD, HEADER, HEADER_HEAD, Header, LIBRARY, Object, PROTECTION, SOUND,
    STREAM_PROPERTIES, WHAT,
};

/// Largest header that is edited, in bytes: it is held in memory.
const LIMIT: u64 = 64 << 20;
const SCOPE: Scope = Scope::AsfAttributes;
/// Attributes have one form only.
const FORM: &str = "";
/// Where the length of the file stands in the body of the file's properties.
const LENGTH_OF_FILE: std::ops::Range<usize> = 16..24;

/// An ASF file, taken apart.
#[derive(Debug)]
pub(crate) struct AsfFile {
    /// Length of the file.
    len: u64,
    header: Header,
    /// Those of the extended content description, and those of the metadata library.
    attributes: Vec<Attribute>,
}

impl AsfFile {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let unsupported = |why| Problem::from(Refusal::Unsupported { what: WHAT, why });
        let head = source.bytes(0..HEADER_HEAD as u64, HEADER_HEAD as u64, WHAT)?;
        if head[..16] != HEADER {
            return Err(unsupported("an ID3v2 tag stands in front of it, where no reader of this container looks"));
        }
        let length = head[16..HEAD].try_into().map_or(0, u64::from_le_bytes);
        let header = Header::parse(&source.bytes(0..length, LIMIT, WHAT)?)?;
        if header.objects.iter().any(|object| PROTECTION.contains(&object.guid)) {
            return Err(unsupported("the file is protected (DRM), and what signs its header is not known"));
        }
        let is_sound = |object: &Object| object.guid == STREAM_PROPERTIES && object.body.starts_with(&SOUND);
        if !header.objects.iter().any(is_sound) {
            return Err(unsupported("it has no stream of sound"));
        }
        check_data(source, length)?;
        let mut attributes = Vec::new();
        for (guid, list) in [(EXTENDED_CONTENT, List::ExtendedContent), (LIBRARY, List::Library)] {
            if let Some(object) = header.find(guid) {
                attributes.extend(attributes::parse(&object.body, list)?);
            }
        }
        Ok(Self { len: source.len(), header, attributes })
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Attribute)> {
        self.attributes.iter().enumerate().filter(move |(_, attribute)| attribute.field == Some(field))
    }

    fn values(&self, field: TagField) -> Vec<String> {
        self.of(field).filter_map(|(_, attribute)| attribute.value.clone()).collect()
    }

    /// Whether the header tells the true length of the file.
    fn tells_its_length(&self) -> bool {
        told_length(&self.header) == Some(self.len)
    }

    /// The list of attributes with the wish fulfilled.
    fn revised(&self, wish: &Wish) -> Result<Revision, Refusal> {
        let mut revision = Revision::new(SCOPE, FORM, self.attributes.len());
        let targets = wish.targets(SCOPE, FORM);
        let stored = |(index, attribute): (usize, &Attribute)| (index, attribute.stored().to_vec());
        let raw = targets.raw.iter();
        revision.put_back(raw.map(|(field, before)| {
            (attributes::name_of(*field).to_owned(), self.of(*field).map(stored).collect(), *before)
        }));
        for (field, values) in targets.values {
            if self.of(field).any(|(_, attribute)| attribute.value.is_none()) {
                return Err(Refusal::Unsupported {
                    what: WHAT,
                    why: "a field of ours or the genre is not stored as text",
                });
            }
            if self.values(field) == values {
                continue;
            }
            let name = self.of(field).next().map_or(attributes::name_of(field), |(_, first)| &first.name);
            let new = values.iter().map(|value| attributes::new_text(name, value)).collect::<Result<_, _>>()?;
            revision.replace(name, self.of(field).map(stored).collect(), new);
        }
        Ok(revision)
    }

    /// The header with these attributes, its padding as it was.
    fn with(&self, slots: &[Slot]) -> Result<Header, Refusal> {
        let stored = |slot: &'_ Slot| match slot {
            Slot::Kept(index) => self.attributes[*index].stored().to_vec(),
            Slot::New(bytes) => bytes.clone(),
        };
        let all: Vec<Vec<u8>> = slots.iter().map(stored).collect();
        let of = |list| all.iter().map(Vec::as_slice).filter(move |stored| attributes::list_of(stored) == Some(list));
        let mut header = self.header.clone();
        let body = attributes::render(of(List::ExtendedContent))?;
        match header.find_mut(EXTENDED_CONTENT) {
            Some(object) => object.body = body,
            None => header.objects.push(Object { guid: EXTENDED_CONTENT, body }),
        }
        let library = attributes::render(of(List::Library))?;
        match header.find_mut(LIBRARY) {
            Some(object) => object.body = library,
            None if of(List::Library).next().is_some() => {
                let why = "the metadata library, in which a field stood, has gone";
                return Err(Refusal::Unsupported { what: WHAT, why });
            }
            None => {}
        }
        Ok(header)
    }
}

/// Refuses a file whose header is not followed by sound.
fn check_data(source: &dyn Source, at: u64) -> Result<(), Problem> {
    let truncated = Refusal::Truncated { what: "ASF data" };
    let head = source.bytes(at..at.saturating_add(HEAD as u64), HEAD as u64, "ASF data")?;
    if head[..16] != DATA {
        return Err(Refusal::Damaged { what: WHAT, why: "no data follow it" }.into());
    }
    let length = head[16..].try_into().map_or(0, u64::from_le_bytes);
    let end = at.checked_add(length).filter(|&end| end <= source.len());
    end.ok_or(truncated)?;
    // A GUID, the number of packets and two bytes more stand in front of the packets.
    if length <= 50 { Err(Refusal::NoSound.into()) } else { Ok(()) }
}

/// The free space of a header.
fn room(header: &mut Header) -> Room {
    let mut spaces = Vec::new();
    for (level, list) in (0u8..).zip(header.lists()) {
        let free = list.iter().enumerate().filter(|(_, object)| object.is_free());
        spaces.extend(free.map(|(place, object)| Space::new(level, place as u32, object.len() as u64)));
    }
    Room { levels: 2, spaces, parts: Vec::new() }
}

/// Gives a header the free space that it had. Whether that can be.
fn put_back(header: &mut Header, room: &Room) -> bool {
    let mut levels = 0;
    for (level, list) in (0u8..).zip(header.lists()) {
        levels += 1;
        list.retain(|object| !object.is_free());
        for space in room.spaces.iter().filter(|space| space.level == level) {
            let (place, length) = (space.place as usize, usize::try_from(space.length).unwrap_or(usize::MAX));
            if place > list.len() || length < HEAD || length as u64 > LIMIT {
                return false;
            }
            list.insert(place, Object::padding(length));
        }
    }
    room.spaces.iter().all(|space| space.level < levels)
}

/// Makes a header as long as it was where that can be, else longer by whole blocks.
fn fill(header: &mut Header, old: usize) {
    let new = header.len();
    if new == old {
        return;
    }
    let free = header.lists().flatten().find(|object| object.is_free());
    match free {
        Some(free) => {
            let others = new - free.len();
            let length = old.checked_sub(others).filter(|&length| length >= HEAD);
            *free = Object::padding(length.unwrap_or_else(|| fresh_padding(old, others)));
        }
        None if new + HEAD <= old => header.objects.push(Object::padding(old - new)),
        None => header.objects.push(Object::padding(fresh_padding(old, new))),
    }
}

/// How long the file is, as its header tells.
fn told_length(header: &Header) -> Option<u64> {
    let bytes = header.find(FILE_PROPERTIES)?.body.get(LENGTH_OF_FILE)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Makes a header that has padding longer by another block.
fn lengthen(header: &mut Header) {
    if let Some(free) = header.lists().flatten().find(|object| object.is_free()) {
        *free = Object::padding(free.len() + SHIFT);
    }
}

impl Editor for AsfFile {
    fn container(&self) -> Container {
        Container::Asf
    }

    fn holdings(&self) -> Vec<Holding> {
        let holding = |field| {
            let name = self.of(field).next()?.1.name.clone();
            Some(Holding { scope: SCOPE, field, name, values: self.values(field), joined: false })
        };
        TagField::ALL.into_iter().filter_map(holding).collect()
    }

    fn layout(&self, _source: &dyn Source) -> Result<Layout, Problem> {
        let audio = self.header.len() as u64..self.len;
        let mut layout = Layout { audio: vec![audio], ..Layout::default() };
        if let Some((head, _)) = &self.header.extension {
            let (scope, value) = (Scope::AsfObjects, head.to_vec());
            layout.facts.push(Fact { scope, name: "start of the header's extension", value });
        }
        let inner = self.header.extension.iter().flat_map(|(_, inner)| inner);
        for object in self.header.objects.iter().chain(inner) {
            if object.is_free() || [EXTENDED_CONTENT, LIBRARY].contains(&object.guid) {
                continue;
            }
            let mut bytes = object.bytes();
            // It follows where it is true, and a wrong one may happen to become so.
            if object.guid == FILE_PROPERTIES
                && let Some(length) = bytes[HEAD..].get_mut(LENGTH_OF_FILE)
            {
                length.fill(0);
            }
            let name = if object.is_extension() { "extension" } else { "object of the header" };
            layout.pieces.push(Piece {
                scope: Scope::AsfObjects,
                name: name.to_owned(),
                field: None,
                digest: blake3::hash(&bytes),
            });
        }
        layout.pieces.extend(self.attributes.iter().map(|attribute| Piece {
            scope: SCOPE,
            name: attribute.name.clone(),
            field: attribute.field,
            digest: blake3::hash(attribute.stored()),
        }));
        Ok(layout)
    }

    fn edit(&self, _source: &dyn Source, wish: &Wish, _options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        let revision = self.revised(wish)?;
        if revision.changes.is_empty() {
            return Ok(patch);
        }
        let mut header = self.with(&revision.slots)?;
        patch.changes = revision.changes;
        if self.header.find(EXTENDED_CONTENT).is_none() {
            patch.created.push(SCOPE);
        }
        let is_empty = header.find(EXTENDED_CONTENT).is_some_and(|object| object.body == [0, 0]);
        if is_empty && wish.removes_if_empty(SCOPE) {
            header.objects.retain(|object| object.guid != EXTENDED_CONTENT);
        }
        let old = self.header.len();
        patch.room = Some(room(&mut self.header.clone()));
        let behind = self.len - old as u64;
        let restored = wish.room_before().and_then(|(room, length)| {
            let mut restored = header.clone();
            (put_back(&mut restored, room) && restored.len() as u64 + behind == length).then_some(restored)
        });
        match restored {
            Some(restored) => header = restored,
            None => {
                fill(&mut header, old);
                // A wrong length that became true by chance would be kept true from then on, and no undo could bring
                // the wrong one back.
                if !self.tells_its_length() && told_length(&header) == Some(header.len() as u64 + behind) {
                    lengthen(&mut header);
                }
            }
        }
        if header.len() as u64 > LIMIT {
            return Err(Refusal::TooLarge { what: WHAT, limit: LIMIT }.into());
        }
        let length = header.len() as u64 + behind;
        if self.tells_its_length()
            && let Some(told) = header.find_mut(FILE_PROPERTIES).and_then(|object| object.body.get_mut(LENGTH_OF_FILE))
        {
            told.copy_from_slice(&length.to_le_bytes());
        }
        patch.splices.push(Splice { range: 0..old as u64, bytes: header.bytes()? });
        Ok(patch)
    }
}
