//! APEv2 tags (Monkey's Audio documentation, "APEv2"): items with flags, a key and a value, between two copies of a
//! header.
//!
//! In WavPack, Monkey's Audio and Musepack it speaks for the file; on an MP3 it does where an ID3v2 tag would hide it.
//! Elsewhere it is a second opinion: its genre is replaced where it has one and the file's genre changes, and never
//! added.

use std::ops::Range;

use super::editor::{Edited, Fact, Holding, Piece, Revision, Scope, Slot};
use super::error::{Problem, Refusal};
use super::id3v2::Insertion;
use super::plan::{TagField, Wish};
use super::readers::{Name, Said, Voice};
use super::source::Source;
use super::state::same_values;

pub(crate) const MAGIC: &[u8] = b"APETAGEX";

const WHAT: &str = "APEv2 tag";
/// Length of the header and of the footer.
const FRAME: usize = 32;
/// Largest tag that is looked into, in bytes: it is held in memory.
const LIMIT: u64 = 32 << 20;
/// Flags of the tag: there is a header; this is the header.
const HAS_HEADER: u32 = 1 << 31;
const IS_HEADER: u32 = 1 << 29;
/// Version 1 knew no UTF-8, no header, and no lists.
const V2: u32 = 2000;

/// A tag as verbatim bytes and the places of its items in them.
#[derive(Debug)]
pub(crate) struct Apev2 {
    raw: Vec<u8>,
    items: Vec<Item>,
    version: u32,
    flags: u32,
    has_header: bool,
}

#[derive(Debug)]
struct Item {
    range: Range<usize>,
    key: Range<usize>,
    field: Option<TagField>,
}

/// What APEv2 calls a field that every kind of tag has.
fn common_name(name: &Name) -> Option<&'static str> {
    match name {
        Name::Title => Some("Title"),
        Name::Artist => Some("Artist"),
        Name::Album => Some("Album"),
        Name::Date => Some("Year"),
        Name::Track => Some("Track"),
        Name::Comment => Some("Comment"),
        Name::Genre => Some("Genre"),
        Name::Program | Name::Own | Name::Heard(_) | Name::Other(..) => None,
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

impl Apev2 {
    /// Takes the tag whose footer ends at `end` apart; no byte in front of `start` belongs to it.
    pub(crate) fn parse(source: &dyn Source, start: u64, end: u64) -> Result<(Range<u64>, Self), Problem> {
        let damaged = |why| Refusal::Damaged { what: WHAT, why };
        let footer = source.bytes(end - FRAME as u64..end, LIMIT, WHAT)?;
        let number = |at| u32_at(&footer, at).ok_or(Refusal::Truncated { what: WHAT });
        let (version, size, count, flags) = (number(8)?, number(12)?, number(16)?, number(20)?);
        if version != 1000 && version != V2 {
            return Err(Refusal::Unsupported { what: WHAT, why: "its version is neither 1000 nor 2000" }.into());
        }
        let has_header = flags & HAS_HEADER != 0;
        let length = u64::from(size) + if has_header { FRAME as u64 } else { 0 };
        let first = end.checked_sub(length).filter(|&first| first >= start && size as usize >= FRAME);
        let first = first.ok_or(damaged("its size is impossible"))?;
        let raw = source.bytes(first..end, LIMIT, WHAT)?;
        if has_header {
            let same = raw[..8] == *MAGIC && raw[8..20] == footer[8..20] && raw[24..FRAME] == footer[24..];
            if !same || u32_at(&raw, 20) != Some(flags | IS_HEADER) {
                return Err(damaged("its header differs from its footer").into());
            }
        }
        let mut tag = Self { raw, items: Vec::new(), version, flags, has_header };
        let (mut at, items_end) = (tag.items_start(), tag.raw.len() - FRAME);
        for _ in 0..count {
            let item = tag.item(at, items_end).ok_or(damaged("an item does not fit it"))?;
            at = item.range.end;
            tag.items.push(item);
        }
        if at != items_end {
            return Err(damaged("bytes that are no item follow its last item").into());
        }
        Ok((first..end, tag))
    }

    /// Where the tag ends that stands at `start`, in front of the sound; none where no mark of one stands there. It has
    /// to be whole: what is only said to be a tag would be one or none by what follows, and so by the next write.
    pub(crate) fn end_in_front(source: &dyn Source, start: u64) -> Result<Option<u64>, Problem> {
        let header = source.window(start, FRAME)?;
        if !header.starts_with(MAGIC) {
            return Ok(None);
        }
        let damaged = Refusal::Damaged { what: "APEv2 tag in front", why: "it has no footer where its size says" };
        let size = u32_at(&header, 12).filter(|_| header.len() == FRAME).map(u64::from);
        let end = size.map(|size| start + FRAME as u64 + size).filter(|&end| end <= source.len());
        let Some(end) = end else { return Err(damaged.into()) };
        if source.window(end - FRAME as u64, MAGIC.len())? != MAGIC || Self::parse(source, start, end)?.0.start != start
        {
            return Err(damaged.into());
        }
        Ok(Some(end))
    }

    /// A tag that stands alone.
    pub(crate) fn of_bytes(bytes: &Vec<u8>) -> Result<Self, Problem> {
        Ok(Self::parse(bytes, 0, bytes.len() as u64)?.1)
    }

    fn items_start(&self) -> usize {
        if self.has_header { FRAME } else { 0 }
    }

    fn item(&self, at: usize, end: usize) -> Option<Item> {
        let size = u32_at(self.raw.get(..end)?, at)? as usize;
        let key_start = at + 8;
        let key = key_start..key_start + self.raw.get(key_start..end)?.iter().position(|&byte| byte == 0)?;
        let stop = key.end.checked_add(1)?.checked_add(size).filter(|&stop| stop <= end)?;
        let name = String::from_utf8_lossy(&self.raw[key.clone()]);
        let field =
            if name.eq_ignore_ascii_case("genre") { Some(TagField::Genre) } else { TagField::of_plain_name(&name) };
        Some(Item { range: at..stop, key, field })
    }

    fn key(&self, item: &Item) -> String {
        String::from_utf8_lossy(&self.raw[item.key.clone()]).into_owned()
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Item)> {
        self.items.iter().enumerate().filter(move |(_, item)| item.field == Some(field))
    }

    fn form(&self) -> &'static str {
        if self.version == V2 { "APEv2" } else { "APEv1" }
    }

    fn values(&self, item: &Item) -> Vec<String> {
        self.split(&String::from_utf8_lossy(&self.raw[item.key.end + 1..item.range.end]))
    }

    fn split(&self, value: &str) -> Vec<String> {
        // Version 1 knew no lists; where it holds one, its values are joined.
        let separator = if self.version == V2 { '\0' } else { '/' };
        value
            .split(separator)
            .map(|value| value.trim_matches('\0'))
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Whether two lists of values are the same, as far as this version can tell them apart.
    fn same(&self, a: &[String], b: &[String]) -> bool {
        a == b || self.version < V2 && same_values(a, b)
    }

    pub(crate) fn holdings(&self, scope: Scope) -> Vec<Holding> {
        let joined = self.version < V2;
        let holding = |item: &Item| {
            item.field.map(|field| Holding { scope, field, name: self.key(item), values: self.values(item), joined })
        };
        self.items.iter().filter_map(holding).collect()
    }

    /// The tag as readers take it.
    pub(crate) fn voice(&self, scope: Scope) -> Voice {
        let is_text = |item: &&Item| !self.is_binary(item) && item.range.end > item.key.end + 1;
        let said = |item: &Item| {
            let name = self.key(item);
            let common = Name::COMMON
                .into_iter()
                .find(|common| common_name(common).is_some_and(|known| known.eq_ignore_ascii_case(&name)));
            let name = match item.field {
                Some(TagField::Genre) => Name::Genre,
                Some(field) if field.is_heard() => Name::Heard(field),
                Some(_) => Name::Own,
                None => common.unwrap_or(Name::Other(scope, name)),
            };
            let value = if is_text(&item) { self.values(item).join("/") } else { String::new() };
            Said { name, value }
        };
        Voice {
            scope,
            said: self.items.iter().map(said).collect(),
            is_in_place: true,
            has_text: self.items.iter().any(|item| is_text(&item)),
            is_empty: self.items.is_empty(),
        }
    }

    /// Whether its value is no text. Version 1 knew texts only.
    fn is_binary(&self, item: &Item) -> bool {
        self.version == V2 && self.raw[item.range.start + 4] & 0b110 == 0b010
    }

    pub(crate) fn describe(&self, scope: Scope, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        let footer = &self.raw[self.raw.len() - FRAME..];
        let constant = [&footer[8..12], &footer[20..]].concat();
        facts.push(Fact { scope, name: "version and flags", value: constant });
        pieces.extend(self.items.iter().map(|item| Piece {
            scope,
            name: self.key(item),
            field: item.field,
            digest: blake3::hash(&self.raw[item.range.clone()]),
        }));
    }

    /// A tag of version 2 that holds nothing but the wish, with header and footer. None where there is nothing to hold.
    pub(crate) fn new_tag(wish: &Wish, insertion: Insertion<'_>) -> Result<Option<Edited>, Refusal> {
        let mut raw = Vec::new();
        for flags in [HAS_HEADER | IS_HEADER, HAS_HEADER] {
            raw.extend_from_slice(MAGIC);
            raw.extend([V2, FRAME as u32, 0, flags].iter().flat_map(|number| number.to_le_bytes()));
            raw.extend([0; 8]);
        }
        let empty = Self { raw, items: Vec::new(), version: V2, flags: HAS_HEADER, has_header: true };
        empty.edit(Scope::Apev2(1), wish, insertion)
    }

    /// The tag brought into line with the wish; none where it is so already.
    pub(crate) fn edit(&self, scope: Scope, wish: &Wish, insertion: Insertion<'_>) -> Result<Option<Edited>, Refusal> {
        let mut revision = Revision::new(scope, self.form(), self.items.len());
        let targets = wish.targets(scope, self.form());
        let name = |field: TagField| match self.of(field).next() {
            Some((_, item)) => self.key(item),
            None => field.plain_name().unwrap_or("Genre").to_owned(),
        };
        let stored = |(index, item): (usize, &Item)| (index, self.raw[item.range.clone()].to_vec());
        let raw = targets.raw.iter();
        revision.put_back(raw.map(|(field, before)| (name(*field), self.of(*field).map(stored).collect(), *before)));
        let foreign = self.items.iter().enumerate().filter(|(_, item)| item.field.is_none());
        let foreign = foreign.map(|(index, item)| (index, self.key(item), self.raw[item.range.clone()].to_vec()));
        revision.take_back(&targets.carried, foreign);
        for said in self.voice(scope).lacks(insertion.carried()) {
            if let Some(name) = common_name(&said.name) {
                let item = self.item_with(None, name, std::slice::from_ref(&said.value))?;
                revision.replace(name, Vec::new(), vec![item]);
            }
        }
        for (field, values) in targets.values {
            let may_insert = insertion != Insertion::Forbidden || targets.had_them;
            let old: Vec<(usize, &Item)> = self.of(field).collect();
            let first = old.first().map(|(_, item)| *item);
            match first {
                None if values.is_empty() || !may_insert => continue,
                Some(only) if old.len() == 1 && !values.is_empty() && self.same(&self.values(only), values) => continue,
                _ => {}
            }
            let key = name(field);
            let new = if values.is_empty() { Vec::new() } else { vec![self.item_with(first, &key, values)?] };
            revision.replace(&key, old.into_iter().map(stored).collect(), new);
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let mut items = Vec::new();
        for slot in &revision.slots {
            match slot {
                Slot::Kept(index) => items.extend_from_slice(&self.raw[self.items[*index].range.clone()]),
                Slot::New(item) => items.extend_from_slice(item),
            }
        }
        let size = u32::try_from(items.len() + FRAME).map_err(|_| Refusal::TooLarge { what: WHAT, limit: LIMIT })?;
        let mut footer = self.raw[self.raw.len() - FRAME..].to_vec();
        footer[12..16].copy_from_slice(&size.to_le_bytes());
        footer[16..20].copy_from_slice(&(revision.slots.len() as u32).to_le_bytes());
        let mut bytes = Vec::new();
        if self.has_header {
            bytes.extend_from_slice(&footer);
            bytes[20..24].copy_from_slice(&(self.flags | IS_HEADER).to_le_bytes());
        }
        bytes.extend(items);
        bytes.extend(footer);
        Ok(Some(Edited { bytes, changes: revision.changes, is_empty: revision.slots.is_empty() }))
    }

    /// An item with new values: that of `old` with its flags, or a text item.
    fn item_with(&self, old: Option<&Item>, key: &str, values: &[String]) -> Result<Vec<u8>, Refusal> {
        let separator = if self.version == V2 { "\0" } else { "/" };
        let value = values.join(separator);
        // With a slash at an end, say, it would read back as another value.
        let reads_back = self.same(&self.split(&value), values);
        if !reads_back || values.iter().any(|value| value.contains('\0')) || self.version < V2 && !value.is_ascii() {
            return Err(Refusal::Value { what: WHAT, value });
        }
        // Flags 1 and 2: the kind of value. A binary or external genre is nothing that we could replace.
        let flags = old.map_or(&[0; 4][..], |item| &self.raw[item.range.start + 4..item.range.start + 8]);
        if self.version == V2 && flags[0] & 0b110 != 0 {
            return Err(Refusal::Unsupported { what: WHAT, why: "its genre is not stored as text" });
        }
        let length = u32::try_from(value.len()).map_err(|_| Refusal::TooLarge { what: WHAT, limit: LIMIT })?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(flags);
        // A key that is no UTF-8 is none of ours: names were compared.
        bytes.extend_from_slice(key.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value.as_bytes());
        Ok(bytes)
    }
}
