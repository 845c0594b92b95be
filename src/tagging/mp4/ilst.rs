//! The `ilst` atom: iTunes' list of items, each with `data` atoms for its values.
//!
//! The genre is one `©gen` with a `data` a value; the old `gnre`, a number, goes when that is written. Our own fields
//! are freeform items, `----` with a `mean` and a `name`.

use std::ops::Range;

use super::super::editor::{Edited, Holding, Piece, Revision, Scope, Slot};
use super::super::error::Refusal;
use super::super::genre_text;
use super::super::plan::{TagField, Wish};
use super::atoms::{self, Atom};

pub(super) const SCOPE: Scope = Scope::Ilst;
/// Items have one form only.
const FORM: &str = "";
const WHAT: &str = "ilst";
/// Largest list, in bytes: it is held in memory.
const LIMIT: usize = 32 << 20;
const GENRE: [u8; 4] = *b"\xa9gen";
const GENRE_NUMBER: [u8; 4] = *b"gnre";
/// Beats a minute, a whole number.
const TEMPO: [u8; 4] = *b"tmpo";
const FREEFORM: [u8; 4] = *b"----";
const MEAN: &[u8] = b"com.apple.iTunes";
/// Types of `data`.
const UTF8: u32 = 1;
const UTF16: u32 = 2;
const INTEGER: u32 = 21;

/// The list as verbatim bytes, without its header, and the places of its items in them.
#[derive(Debug, Default)]
pub(super) struct Ilst {
    raw: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Item {
    kind: [u8; 4],
    range: Range<usize>,
    name: String,
    field: Option<TagField>,
    values: Vec<String>,
}

impl Ilst {
    /// Takes the body of the atom apart.
    pub(super) fn parse(raw: Vec<u8>) -> Result<Self, Refusal> {
        let (atoms, end) = atoms::walk(&raw, 0..raw.len())?;
        if end != raw.len() {
            return Err(Refusal::Damaged { what: WHAT, why: "bytes that are no item follow its last item" });
        }
        let items = atoms.iter().map(|atom| Item::parse(&raw, atom)).collect::<Result<_, _>>()?;
        Ok(Self { raw, items })
    }

    fn of(&self, field: TagField) -> impl Iterator<Item = (usize, &Item)> {
        self.items.iter().enumerate().filter(move |(_, item)| item.field == Some(field))
    }

    pub(super) fn holdings(&self) -> Vec<Holding> {
        let holding = |field| {
            // The number is what older players wrote besides the name, or instead of it.
            let named = self.of(field).any(|(_, item)| item.kind != GENRE_NUMBER);
            let items = self.of(field).filter(|(_, item)| !named || item.kind != GENRE_NUMBER);
            let values: Vec<String> = items.flat_map(|(_, item)| item.values.iter().cloned()).collect();
            let name = self.of(field).find(|(_, item)| !named || item.kind != GENRE_NUMBER)?.1.name.clone();
            (!values.is_empty()).then_some(Holding { scope: SCOPE, field, name, values, joined: false })
        };
        TagField::ALL.into_iter().filter_map(holding).collect()
    }

    pub(super) fn describe(&self, pieces: &mut Vec<Piece>) {
        pieces.extend(self.items.iter().map(|item| Piece {
            scope: SCOPE,
            name: item.name.clone(),
            field: item.field,
            digest: blake3::hash(&self.raw[item.range.clone()]),
        }));
    }

    /// The body with the wish fulfilled; none where it is so already.
    pub(super) fn edit(&self, wish: &Wish) -> Result<Option<Edited>, Refusal> {
        let mut revision = Revision::new(SCOPE, FORM, self.items.len());
        let targets = wish.targets(SCOPE, FORM);
        let stored = |(index, item): (usize, &Item)| (index, self.raw[item.range.clone()].to_vec());
        let raw = targets.raw.iter();
        revision.put_back(raw.map(|(field, before)| (name_of(*field), self.of(*field).map(stored).collect(), *before)));
        for (field, values) in targets.values {
            let old: Vec<(usize, &Item)> = self.of(field).collect();
            match old[..] {
                [] if values.is_empty() => continue,
                [(_, only)] if only.kind != GENRE_NUMBER && !values.is_empty() && only.values == values => continue,
                _ => {}
            }
            let new = if values.is_empty() { Vec::new() } else { vec![item(field, values)] };
            revision.replace(&name_of(field), old.into_iter().map(stored).collect(), new);
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for slot in &revision.slots {
            match slot {
                Slot::Kept(index) => bytes.extend_from_slice(&self.raw[self.items[*index].range.clone()]),
                Slot::New(item) => bytes.extend_from_slice(item),
            }
        }
        if bytes.len() > LIMIT {
            return Err(Refusal::TooLarge { what: WHAT, limit: LIMIT as u64 });
        }
        Ok(Some(Edited { bytes, changes: revision.changes, is_empty: revision.slots.is_empty() }))
    }
}

/// What one item of ours says, by its bytes alone.
pub(crate) fn values_of_item(bytes: &[u8]) -> Option<Vec<String>> {
    let values: Vec<String> =
        Ilst::parse(bytes.to_vec()).ok()?.items.into_iter().flat_map(|item| item.values).collect();
    (!values.is_empty()).then_some(values)
}

fn name_of(field: TagField) -> String {
    match freeform_name(field) {
        Some(name) => format!("----:com.apple.iTunes:{name}"),
        None if field == TagField::Bpm => "tmpo".to_owned(),
        None => "©gen".to_owned(),
    }
}

/// The name of a field in a freeform item; none where it has an item of its own.
fn freeform_name(field: TagField) -> Option<&'static str> {
    match field {
        TagField::Bpm => None,
        // As Traktor and Mixed In Key write it, and mutagen's and TagLib's tables have it.
        TagField::Key => Some("initialkey"),
        field => field.plain_name(),
    }
}

/// A whole item.
fn item(field: TagField, values: &[String]) -> Vec<u8> {
    // A type, a locale, and the text.
    let data = |value: &String| atoms::render(b"data", &[&UTF8.to_be_bytes()[..], &[0; 4], value.as_bytes()].concat());
    if field == TagField::Bpm {
        let number = values.first().and_then(|value| value.parse::<u16>().ok()).unwrap_or_default();
        let data = [&INTEGER.to_be_bytes()[..], &[0; 4], &number.to_be_bytes()].concat();
        return atoms::render(&TEMPO, &atoms::render(b"data", &data));
    }
    let data: Vec<u8> = values.iter().flat_map(data).collect();
    match freeform_name(field) {
        None => atoms::render(&GENRE, &data),
        Some(own) => {
            let text = |kind, text: &[u8]| atoms::render(kind, &[&[0; 4], text].concat());
            atoms::render(&FREEFORM, &[text(b"mean", MEAN), text(b"name", own.as_bytes()), data].concat())
        }
    }
}

impl Item {
    fn parse(raw: &[u8], atom: &Atom<usize>) -> Result<Self, Refusal> {
        let mut parsed = Self {
            kind: atom.kind,
            range: atom.range.clone(),
            name: String::from_utf8_lossy(&atom.kind).into_owned(),
            field: None,
            values: Vec::new(),
        };
        let is_genre = atom.kind == GENRE || atom.kind == GENRE_NUMBER;
        let is_tempo = atom.kind == TEMPO;
        if !is_genre && !is_tempo && atom.kind != FREEFORM {
            return Ok(parsed);
        }
        // What is inside a foreign item is its own business, even where it is damaged.
        let parts = match atoms::walk(raw, atom.body..atom.range.end) {
            Ok((parts, _)) => parts,
            Err(error) if is_genre => return Err(error),
            Err(_) => return Ok(parsed),
        };
        if is_genre {
            parsed.field = Some(TagField::Genre);
        } else if is_tempo {
            parsed.field = Some(TagField::Bpm);
        } else {
            let text = |kind: &[u8; 4]| {
                let part = parts.iter().find(|part| part.kind == *kind)?;
                raw.get(part.body + 4..part.range.end).map(String::from_utf8_lossy)
            };
            let (Some(mean), Some(name)) = (text(b"mean"), text(b"name")) else { return Ok(parsed) };
            parsed.name = format!("----:{mean}:{name}");
            if mean.as_bytes().eq_ignore_ascii_case(MEAN) {
                parsed.field = TagField::of_plain_name(&name);
            }
        }
        if parsed.field.is_some() {
            let data = parts.iter().filter(|part| part.kind == *b"data");
            parsed.values = data.filter_map(|part| value(atom.kind, &raw[part.body..part.range.end])).collect();
        }
        Ok(parsed)
    }
}

/// The text of a `data` atom in an item of that kind.
fn value(kind: [u8; 4], data: &[u8]) -> Option<String> {
    let (head, content) = data.split_at_checked(8)?;
    if kind == GENRE_NUMBER {
        // One more than the number of ID3v1.
        let [0, number] = *content else { return None };
        return genre_text::id3v1_name(number.checked_sub(1)?).map(str::to_owned);
    }
    if kind == TEMPO {
        let number = content.iter().try_fold(0_u64, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()));
        return Some(number.map_or_else(|| "(unreadable)".to_owned(), |number| number.to_string()));
    }
    if head[..4] == UTF16.to_be_bytes() {
        let (units, _) = content.as_chunks::<2>();
        return Some(units.iter().map(|&unit| u16::from_be_bytes(unit)).collect::<Vec<_>>())
            .map(|units| String::from_utf16_lossy(&units));
    }
    Some(String::from_utf8_lossy(content).into_owned())
}
