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
        genres.map(|item| Holding { scope, field: TagField::Genre, values: self.values(item), joined: true }).collect()
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
        let Some(values) = wish.values(TagField::Genre) else { return Ok(None) };
        let old: Vec<(usize, &Chunk)> =
            self.items.iter().enumerate().filter(|(_, item)| Self::is_genre(item)).collect();
        if old.is_empty() {
            return Ok(None);
        }
        let joined = values.join("/");
        // With a blank beside a slash, say, it would read back as another value.
        if joined.contains('\0') || !same_values(&split(&joined), values) {
            return Err(Refusal::Value { what: WHAT, value: joined });
        }
        if let [(_, only)] = old[..]
            && !values.is_empty()
            && self.text(only) == joined
        {
            return Ok(None);
        }
        let new = if values.is_empty() { Vec::new() } else { vec![[joined.as_bytes(), b"\0"].concat()] };
        let too_large = || Refusal::TooLarge { what: WHAT, limit: LIMIT };
        let render = |text: &Vec<u8>| {
            let mut item = chunks::render(GENRE, text, Order::Little)?;
            item.truncate(HEADER as usize + text.len());
            Some(item)
        };
        let new = new.iter().map(|text| render(text).ok_or_else(too_large)).collect::<Result<_, _>>()?;
        let mut revision = Revision::new(scope, self.items.len());
        let old = old.into_iter().map(|(index, item)| (index, self.bytes(item).to_vec())).collect();
        revision.replace("IGNR", old, new);
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
        Ok(Some(Edited { bytes, changes: revision.changes }))
    }
}
