//! A `LIST` chunk of type `INFO`: short strings about a WAVE file, of which `IGNR` is the genre.
//!
//! Where it has a genre, that follows; it never receives one. Several values are joined with `/`, since there is one string.

use std::ops::Range;

use super::super::editor::{Edited, Fact, Holding, Piece, Revision, Scope, Slot};
use super::super::error::{Problem, Refusal};
use super::super::plan::{TagField, Wish};
use super::super::source::Source;
use super::super::state::same_values;
use super::chunks::{self, BigSizes, Chunk, HEADER, Order};

const WHAT: &str = "LIST/INFO chunk";
pub(super) const TYPE: &[u8; 4] = b"INFO";
const GENRE: [u8; 4] = *b"IGNR";
const NAME: &str = "IGNR";
/// Items have one form only.
const FORM: &str = "";
/// Largest list that is looked into, in bytes: it is held in memory.
pub(super) const LIMIT: u64 = 32 << 20;

/// A list as verbatim bytes, without the chunk's own header, and the places of its items in them.
#[derive(Debug)]
pub(super) struct InfoList {
    raw: Vec<u8>,
    items: Vec<Chunk>,
}

fn place(range: &Range<u64>) -> Range<usize> {
    // The list is in memory.
    range.start as usize..range.end as usize
}

fn split(text: &str) -> Vec<String> {
    text.split('/').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

impl InfoList {
    /// Takes the body of the chunk apart.
    pub(super) fn parse(raw: Vec<u8>) -> Result<Self, Problem> {
        let source: &dyn Source = &raw;
        let items = chunks::walk(source, TYPE.len() as u64..source.len(), Order::Little, &BigSizes::default())?;
        Ok(Self { raw, items })
    }

    fn is_genre(item: &Chunk) -> bool {
        item.id == GENRE
    }

    fn text(&self, item: &Chunk) -> String {
        let bytes = &self.raw[place(&item.body)];
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        // No encoding is told. What is no UTF-8 is taken for Latin-1.
        std::str::from_utf8(text).map_or_else(|_| text.iter().map(|&byte| char::from(byte)).collect(), str::to_owned)
    }

    fn values(&self, item: &Chunk) -> Vec<String> {
        split(&self.text(item))
    }

    pub(super) fn holdings(&self, scope: Scope) -> Vec<Holding> {
        let genres = self.items.iter().filter(|item| Self::is_genre(item));
        let holding = |item| Holding {
            scope,
            field: TagField::Genre,
            name: NAME.to_owned(),
            values: self.values(item),
            joined: true,
        };
        genres.map(holding).collect()
    }

    /// An item's header and body.
    fn bytes(&self, item: &Chunk) -> &[u8] {
        &self.raw[place(&(item.start()..item.body.end))]
    }

    pub(super) fn describe(&self, scope: Scope, before: usize, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        facts.push(Fact { scope, name: "place among the chunks", value: before.to_be_bytes().to_vec() });
        pieces.extend(self.items.iter().map(|item| Piece {
            scope,
            name: String::from_utf8_lossy(&item.id).into_owned(),
            field: Self::is_genre(item).then_some(TagField::Genre),
            digest: blake3::hash(self.bytes(item)),
        }));
    }

    /// The body with the genre brought into line with the wish; none where it is so already or there is none.
    pub(super) fn edit(&self, scope: Scope, wish: &Wish) -> Result<Option<Edited>, Refusal> {
        let genres = || self.items.iter().enumerate().filter(|(_, item)| Self::is_genre(item));
        let old: Vec<(usize, Vec<u8>)> = genres().map(|(index, item)| (index, self.bytes(item).to_vec())).collect();
        let mut revision = Revision::new(scope, FORM, self.items.len());
        let targets = wish.targets(scope, FORM);
        // The list holds no other field of ours.
        for (_, before) in targets.raw {
            revision.put_back([(NAME.to_owned(), old.clone(), before)]);
        }
        let genre = targets.values.iter().find(|(field, _)| *field == TagField::Genre);
        if let Some((_, values)) = genre.filter(|_| !old.is_empty()) {
            let new = if values.is_empty() { Vec::new() } else { vec![item(values)?] };
            let says = |item: &Chunk| !values.is_empty() && self.text(item) == values.join("/");
            if !(old.len() == 1 && genres().all(|(_, item)| says(item))) {
                revision.replace(NAME, old, new);
            }
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let mut bytes = TYPE.to_vec();
        for slot in &revision.slots {
            // The last item may lack its pad byte, and may no longer be the last one.
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            match slot {
                Slot::Kept(index) => {
                    let item = &self.items[*index];
                    bytes.extend_from_slice(&self.raw[place(&(item.start()..item.end))]);
                }
                Slot::New(item) => {
                    bytes.extend_from_slice(item);
                    bytes.resize(bytes.len().next_multiple_of(2), 0);
                }
            }
        }
        if bytes.len() as u64 > LIMIT {
            return Err(too_large());
        }
        Ok(Some(Edited { bytes, changes: revision.changes, is_empty: false }))
    }
}

/// A genre, header and body.
fn item(values: &[String]) -> Result<Vec<u8>, Refusal> {
    let joined = values.join("/");
    // With a blank beside a slash, say, it would read back as another value.
    if joined.contains('\0') || !same_values(&split(&joined), values) {
        return Err(Refusal::Value { what: WHAT, value: joined });
    }
    let text = [joined.as_bytes(), b"\0"].concat();
    let mut item = chunks::render(GENRE, &text, Order::Little).ok_or_else(too_large)?;
    // The pad byte is no part of it.
    item.truncate(HEADER as usize + text.len());
    Ok(item)
}

fn too_large() -> Refusal {
    Refusal::TooLarge { what: WHAT, limit: LIMIT }
}
