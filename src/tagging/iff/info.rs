//! A `LIST` chunk of type `INFO`: short strings about a WAVE file, each under a name of four characters, of which
//! `IGNR` is the genre.
//!
//! There is one string for each name, so several values are joined with `/`. The encoding is told nowhere; ffmpeg,
//! TagLib and tinytag take it for UTF-8, which is what is written. None of our own fields has a name here.

use std::ops::Range;

use super::super::editor::{Edited, Fact, Holding, Piece, Revision, Scope, Slot};
use super::super::error::{Problem, Refusal};
use super::super::plan::{TagField, Wish};
use super::super::readers::{Name, Said, Voice};
use super::super::source::Source;
use super::super::state::same_values;
use super::chunks::{self, BigSizes, Chunk, Next, Order};

const WHAT: &str = "LIST/INFO chunk";
const TYPE: &[u8; 4] = b"INFO";
const GENRE: &[u8; 4] = b"IGNR";
const NAME: &str = "IGNR";
/// Items have one form only.
const FORM: &str = "";
/// Largest list that is looked into, in bytes: it is held in memory.
pub(super) const LIMIT: u64 = 32 << 20;

/// Whether a list receives a genre that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receives {
    /// No: another list is read first.
    Nothing,
    /// If it can hold it, for readers that look no further where there is a list. An ID3 tag speaks for the file.
    WhatItCan,
    /// Yes: the list speaks for the file.
    TheGenre,
}

/// A list as verbatim bytes, without the chunk's own header, and the places of its items in them.
#[derive(Debug)]
pub(super) struct InfoList {
    raw: Vec<u8>,
    items: Vec<Chunk>,
}

/// Whether the chunk is such a list.
pub(super) fn is_info(source: &dyn Source, chunk: &Chunk) -> std::io::Result<bool> {
    let starts = || source.window(chunk.body.start, TYPE.len().min(chunk.len() as usize));
    Ok(chunk.is_named(b"LIST") && starts()? == TYPE)
}

fn place(range: &Range<u64>) -> Range<usize> {
    // The list is in memory.
    range.start as usize..range.end as usize
}

fn split(text: &str) -> Vec<String> {
    text.split('/').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

fn is_genre(item: &Chunk) -> bool {
    item.is_named(GENRE)
}

impl InfoList {
    /// Takes the body of the chunk apart.
    pub(super) fn parse(raw: Vec<u8>) -> Result<Self, Problem> {
        let damaged = |why| Problem::from(Refusal::Damaged { what: WHAT, why });
        let source: &dyn Source = &raw;
        let (mut items, mut at) = (Vec::new(), TYPE.len() as u64);
        loop {
            match chunks::next(source, at, source.len(), Order::Little, &BigSizes::default())? {
                Next::Chunk(_) if items.len() == chunks::MAX_CHUNKS => return Err(chunks::too_many().into()),
                Next::Chunk(item) => {
                    at = item.end;
                    items.push(item);
                }
                Next::End => break,
                Next::NoChunk(_) => return Err(damaged("bytes that are no item follow its last item")),
                Next::Cut(_) => return Err(damaged("its last item is longer than the list")),
            }
        }
        Ok(Self { raw, items })
    }

    /// Whether there is anything in it.
    pub(super) fn has_items(&self) -> bool {
        !self.items.is_empty()
    }

    fn text(&self, item: &Chunk) -> String {
        let bytes = &self.raw[place(&item.body)];
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        // What is no UTF-8 is taken for Latin-1, as older programs wrote it.
        std::str::from_utf8(text).map_or_else(|_| text.iter().map(|&byte| char::from(byte)).collect(), str::to_owned)
    }

    pub(super) fn holdings(&self, scope: Scope) -> Vec<Holding> {
        let genres = self.items.iter().filter(|item| is_genre(item));
        let holding = |item| Holding {
            scope,
            field: TagField::Genre,
            name: NAME.to_owned(),
            values: split(&self.text(item)),
            joined: true,
        };
        genres.map(holding).collect()
    }

    /// The list as readers take it. Items without a text say nothing, but are there.
    pub(super) fn voice(&self, scope: Scope) -> Voice {
        let said = |item: &Chunk| {
            let name = match &item.id {
                b"INAM" => Name::Title,
                b"IART" => Name::Artist,
                b"IPRD" => Name::Album,
                b"ICRD" => Name::Date,
                b"IPRT" => Name::Track,
                b"ICMT" => Name::Comment,
                b"ISFT" => Name::Program,
                GENRE => Name::Genre,
                other => Name::Other(scope, String::from_utf8_lossy(other).into_owned()),
            };
            Said { name, value: self.text(item) }
        };
        let said = self.items.iter().map(said).filter(|said| !said.value.is_empty()).collect();
        let has_text = self.has_items();
        Voice { scope, said, is_in_place: true, has_text, is_empty: !has_text }
    }

    /// An item's header and body, and its pad byte if it has one.
    fn bytes(&self, item: &Chunk) -> &[u8] {
        &self.raw[place(&(item.start()..item.end))]
    }

    pub(super) fn describe(&self, scope: Scope, before: usize, facts: &mut Vec<Fact>, pieces: &mut Vec<Piece>) {
        facts.push(Fact { scope, name: "place among the chunks", value: before.to_be_bytes().to_vec() });
        pieces.extend(self.items.iter().map(|item| Piece {
            scope,
            name: String::from_utf8_lossy(&item.id).into_owned(),
            field: is_genre(item).then_some(TagField::Genre),
            digest: blake3::hash(self.bytes(item)),
        }));
    }

    /// The body with the genre brought into line with the wish; none where it is so already.
    pub(super) fn edit(&self, scope: Scope, wish: &Wish, receives: Receives) -> Result<Option<Edited>, Refusal> {
        let genres = || self.items.iter().enumerate().filter(|(_, item)| is_genre(item));
        let old: Vec<(usize, Vec<u8>)> = genres().map(|(index, item)| (index, self.bytes(item).to_vec())).collect();
        let mut revision = Revision::new(scope, FORM, self.items.len());
        let targets = wish.targets(scope, FORM);
        // The list holds no other field of ours.
        for (_, before) in targets.raw {
            revision.put_back([(NAME.to_owned(), old.clone(), before)]);
        }
        let genre = targets.values.iter().find(|(field, _)| *field == TagField::Genre);
        if let Some((_, values)) = genre {
            let says = |item: &Chunk| !values.is_empty() && self.text(item) == values.join("/");
            let new = if values.is_empty() { Ok(Vec::new()) } else { item(values).map(|item| vec![item]) };
            let is_wanted = match receives {
                Receives::Nothing => false,
                // Else it stands in the ID3 tag alone.
                Receives::WhatItCan => new.is_ok(),
                Receives::TheGenre => true,
            };
            if !old.is_empty() {
                let new = new?;
                if !(old.len() == 1 && genres().all(|(_, item)| says(item))) {
                    revision.replace(NAME, old, new);
                }
            } else if is_wanted && !values.is_empty() {
                // In front, since the last item may lack its pad byte: so it comes out again without a trace.
                revision.insert(0, NAME, new?);
            }
        }
        if revision.changes.is_empty() {
            return Ok(None);
        }
        let bytes = self.assemble(revision.slots);
        if bytes.len() as u64 > LIMIT {
            return Err(too_large());
        }
        Ok(Some(Edited { bytes, changes: revision.changes, is_empty: false }))
    }

    fn assemble(&self, mut slots: Vec<Slot>) -> Vec<u8> {
        let stored = |slot: &Slot| match slot {
            Slot::Kept(index) => self.bytes(&self.items[*index]).to_vec(),
            Slot::New(item) => item.clone(),
        };
        // The one that lacks its pad byte can only be the last.
        if let Some(index) = slots.iter().position(|slot| stored(slot).len() % 2 == 1) {
            let unpadded = slots.remove(index);
            slots.push(unpadded);
        }
        let mut bytes = TYPE.to_vec();
        for slot in &slots {
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            bytes.extend(stored(slot));
        }
        bytes
    }
}

/// A genre as an item: header, body and pad byte.
fn item(values: &[String]) -> Result<Vec<u8>, Refusal> {
    let joined = values.join("/");
    // With a blank beside a slash, say, it would read back as another value.
    if joined.contains('\0') || !same_values(&split(&joined), values) {
        return Err(Refusal::Value { what: WHAT, value: joined });
    }
    let text = [joined.as_bytes(), b"\0"].concat();
    chunks::render(*GENRE, &text, Order::Little).ok_or_else(too_large)
}

fn too_large() -> Refusal {
    Refusal::TooLarge { what: WHAT, limit: LIMIT }
}
