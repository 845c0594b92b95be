//! M4A and other MPEG-4 files: iTunes' list of tags in `moov/udta/meta/ilst`, made where it is missing.
//!
//! Free space along the way takes up the difference, so that the audio stays in its place. Where there is not enough,
//! the audio moves by whole file-system blocks and every chunk offset (`stco`, `co64`) behind it follows, and so does
//! what tells where fragments lie (`fragments.rs`). Files whose audio is found by other tables as well (`iloc`, `saio`)
//! are refused, and so are files without sound.
//! Where something that we do not know may tell places (`places.rs`), nothing moves. A write that is taken back gives
//! the free space back as it was (`room.rs`).

mod atoms;
mod fragments;
mod ilst;
mod moov;
mod places;
mod room;
mod tracks;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice};
use super::error::{Problem, Refusal};
use super::plan::Wish;
use super::source::Source;
use atoms::{Atom, HEADER, LONG_HEADER};
use fragments::Fragments;
pub(crate) use ilst::values_of_item;
use ilst::{Ilst, SCOPE};
use moov::{Change, Moov};
use room::is_free;

/// Largest `moov` atom that is edited, in bytes: it is held in memory.
const LIMIT: u64 = 64 << 20;
/// More atoms than this beside each other are refused.
const MAX_ATOMS: usize = 1 << 16;
/// Largest `meta` atom beside `moov` that is looked into.
const META_LIMIT: u64 = 16 << 20;
/// Longest `ftyp` atom whose brands are looked at.
const FTYP_LIMIT: u64 = 4096;
/// The handler of metadata in iTunes' form, as we make it.
const HANDLER: &[u8] = b"\0\0\0\x21hdlr\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0";
/// What the chain of atoms down to the list is called.
const UDTA: usize = 1;
const META: usize = 2;

/// An MPEG-4 file, taken apart.
#[derive(Debug)]
pub(crate) struct Mp4File {
    atoms: Vec<Atom<u64>>,
    /// The place of `moov` among them.
    moov_at: usize,
    moov: Moov,
    fragments: Fragments,
    /// Something that may tell places in the file: nothing but tags and free space may move.
    stranger: Option<String>,
}

impl Mp4File {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let damaged = |why| Refusal::Damaged { what: atoms::WHAT, why };
        let (mut atoms, mut at) = (Vec::new(), 0);
        let (mut stranger, mut fragments) = (None, Fragments::default());
        while at < source.len() {
            let head = source.window(at, LONG_HEADER)?;
            if head.len() < HEADER {
                return Err(damaged("bytes that are none follow the last one").into());
            }
            let (kind, length, size) = atoms::header(&head)?;
            let end = size.map_or(Some(source.len()), |size| at.checked_add(size));
            let end = end.filter(|&end| end <= source.len()).ok_or(Refusal::Truncated { what: "last MP4 atom" })?;
            if !kind.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == 0xa9) {
                return Err(damaged("the kind of one is no text").into());
            }
            if atoms.len() == MAX_ATOMS {
                return Err(Refusal::Unsupported { what: atoms::WHAT, why: "there are too many of them" }.into());
            }
            match &kind {
                b"ftyp" if end - at <= FTYP_LIMIT => {
                    let brands = source.bytes(at + length as u64..end, FTYP_LIMIT, "ftyp atom")?;
                    let brand = places::check_brands(&brands)?;
                    stranger = stranger.or(brand);
                }
                b"meta" => {
                    let raw = source.bytes(at..end, META_LIMIT, "meta atom")?;
                    let body = length;
                    moov::check_meta(&raw, &Atom { kind, range: 0..raw.len(), body })?;
                }
                _ => {}
            }
            let atom = Atom { kind, range: at..end, body: at + length as u64 };
            if Fragments::is_one(&kind) {
                let more = fragments.add(source, &atom)?;
                stranger = stranger.or(more);
            }
            if stranger.is_none() {
                let name = if kind == *b"uuid" { source.window(atom.body, 16)? } else { Vec::new() };
                let name = name.try_into().ok().filter(|_| atom.body + 16 <= end).map(u128::from_be_bytes);
                stranger = places::stranger(places::TOP, [&atom], |_| name);
            }
            atoms.push(atom);
            at = end;
        }
        let mut moovs = atoms.iter().enumerate().filter(|(_, atom)| atom.kind == *b"moov");
        let (Some((moov_at, place)), None) = (moovs.next(), moovs.next()) else {
            return Err(damaged("there has to be one moov atom").into());
        };
        let mut moov = Moov::parse(source.bytes(place.range.clone(), LIMIT, "moov atom")?)?;
        moov.tracks.check_sound(fragments.count > 0)?;
        let refused = |why| Refusal::Unsupported { what: "MP4", why };
        if fragments.start.is_some_and(|start| start < place.range.start) {
            return Err(refused("fragments stand in front of what describes them (moov)").into());
        }
        if fragments.count > 0 && moov.tracks.is_encrypted {
            return Err(refused(fragments::ENCRYPTED).into());
        }
        // The end of a chunk without bytes may be that of the media data.
        let media: Vec<&Atom<u64>> = atoms.iter().filter(|atom| atom.kind == *b"mdat").collect();
        let is_inside = |offset| {
            let behind = media.partition_point(|atom| atom.body <= offset);
            media[..behind].last().is_some_and(|atom| offset <= atom.range.end)
        };
        if !moov.offsets(&(0..moov.raw.len())).all(is_inside) {
            return Err(damaged("a chunk offset points where no media data (mdat) lies").into());
        }
        let counts_from_start = fragments.count_from_the_start(place.range.end);
        let strange_places = counts_from_start.then(|| "fragments, which count from the start of the file,".to_owned());
        let stranger = stranger.or_else(|| moov.stranger.take()).or(strange_places);
        Ok(Self { moov_at, moov, fragments, atoms, stranger })
    }

    fn moov_range(&self) -> &Range<u64> {
        &self.atoms[self.moov_at].range
    }

    /// The atoms that an edit leaves alone.
    fn staying(&self) -> Vec<&Atom<u64>> {
        self.atoms.iter().filter(|atom| !is_free(&atom.kind) && atom.kind != *b"moov").collect()
    }

    /// Where a chunk offset points: to which of the atoms that stay, which are given in their order, and how far behind
    /// its start. So it is the same before and after an edit.
    fn position(&self, staying: &[&Atom<u64>], offset: u64) -> (u64, u64) {
        let behind = staying.partition_point(|atom| atom.range.start <= offset);
        match staying[..behind].last().filter(|atom| atom.range.contains(&offset)) {
            Some(atom) => (behind as u64, offset - atom.range.start),
            // Of an empty track, or already wrong.
            None if offset < self.moov_range().end => (0, offset),
            // It moves with what stays behind `moov`, or with the end of the file.
            None => {
                let behind_moov = staying.partition_point(|atom| atom.range.start < self.moov_range().end);
                let end = self.atoms.last().map_or(0, |atom| atom.range.end);
                (0, offset.wrapping_sub(staying.get(behind_moov).map_or(end, |atom| atom.range.start)))
            }
        }
    }

    /// The list in place of the old one, or with the atoms that have to be around it.
    fn change(&self, list: &[u8]) -> Change {
        let list = atoms::render(b"ilst", list);
        if let Some((range, _)) = &self.moov.ilst {
            return Change { range: range.clone(), bytes: list, depth: META + 1 };
        }
        let end_of = |depth: usize| self.moov.chain[depth].children_end;
        if let Some(meta) = self.moov.chain.get(META) {
            // Behind the handler, where iTunes has it.
            let at = meta.named(b"hdlr").next().map_or(end_of(META), |handler| handler.range.end);
            return Change { range: at..at, bytes: list, depth: META + 1 };
        }
        // Version and flags, and the handler.
        let meta = atoms::render(b"meta", &[&[0; 4], HANDLER, &list].concat());
        if self.moov.chain.len() > UDTA {
            let at = end_of(UDTA);
            return Change { range: at..at, bytes: meta, depth: UDTA + 1 };
        }
        let at = end_of(0);
        Change { range: at..at, bytes: atoms::render(b"udta", &meta), depth: 1 }
    }

    /// Everything in `moov` that a write has to leave alone.
    fn describe_moov(&self, layout: &mut Layout) {
        let moov = &self.moov;
        let staying = self.staying();
        let chain: Vec<&Range<usize>> = moov.chain.iter().map(|container| &container.atom.range).collect();
        let mut piece = |path: &str, kind: &[u8; 4], bytes: &[u8], offsets: &[u8]| {
            let name = format!("{path}{}", String::from_utf8_lossy(kind));
            let mut hasher = blake3::Hasher::new();
            hasher.update(bytes).update(offsets);
            layout.pieces.push(Piece { scope: Scope::Atoms, name, field: None, digest: hasher.finalize() });
        };
        for child in &moov.children {
            if is_free(&child.kind) || chain.contains(&&child.range) {
                continue;
            }
            let positions = moov.offsets(&child.range).map(|offset| self.position(&staying, offset));
            let positions: Vec<u8> = positions.flat_map(|(a, b)| [a.to_be_bytes(), b.to_be_bytes()].concat()).collect();
            piece("moov/", &child.kind, &moov.without_offsets(&child.range), &positions);
        }
        for (depth, path) in [(UDTA, "moov/udta/"), (META, "moov/udta/meta/")] {
            let Some(container) = moov.chain.get(depth) else { break };
            for child in &container.children {
                let is_list = moov.ilst.as_ref().is_some_and(|(range, _)| *range == child.range);
                let is_handler = depth == META && child.kind == *b"hdlr";
                if is_free(&child.kind) || chain.contains(&&child.range) || is_list || is_handler {
                    continue;
                }
                piece(path, &child.kind, &moov.raw[child.range.clone()], &[]);
            }
        }
        let mut fact = |name, value: &[u8]| layout.facts.push(Fact { scope: SCOPE, name, value: value.to_vec() });
        if let Some(meta) = moov.chain.get(META) {
            let first = meta.children.first().map_or(meta.children_end, |child| child.range.start);
            fact("version and flags", &moov.raw[meta.atom.body..first]);
            if let Some(handler) = meta.named(b"hdlr").next() {
                fact("handler", &moov.raw[handler.range.clone()]);
            }
        }
        if let Some(udta) = moov.chain.get(UDTA) {
            fact("bytes at the end of udta", &moov.raw[udta.children_end..udta.atom.range.end]);
        }
        if let Some((_, list)) = &moov.ilst {
            list.describe(&mut layout.pieces);
        }
    }
}

impl Editor for Mp4File {
    fn container(&self) -> Container {
        Container::Mp4
    }

    fn holdings(&self) -> Vec<Holding> {
        self.moov.ilst.iter().flat_map(|(_, list)| list.holdings()).collect()
    }

    fn layout(&self, source: &dyn Source) -> Result<Layout, Problem> {
        let mut layout = Layout::default();
        for (number, atom) in self.atoms.iter().enumerate() {
            if number == self.moov_at {
                self.describe_moov(&mut layout);
                continue;
            }
            if Fragments::is_one(&atom.kind) {
                let staying = self.staying();
                let digest = self.fragments.digest(source, &atom.range, |place| self.position(&staying, place))?;
                let name = String::from_utf8_lossy(&atom.kind).into_owned();
                layout.pieces.push(Piece { scope: Scope::Atoms, name, field: None, digest });
                continue;
            }
            if is_free(&atom.kind) {
                continue;
            }
            let mut digested = atom.range.clone();
            if atom.kind == *b"mdat" {
                layout.audio.push(atom.body..atom.range.end);
                digested.end = atom.body;
            }
            let digest = source.digest(std::slice::from_ref(&digested))?;
            let name = String::from_utf8_lossy(&atom.kind).into_owned();
            layout.pieces.push(Piece { scope: Scope::Atoms, name, field: None, digest });
        }
        Ok(layout)
    }

    fn edit(&self, source: &dyn Source, wish: &Wish, _options: EditOptions) -> Result<Patch, Problem> {
        let mut patch = Patch::default();
        let empty = Ilst::default();
        let list = self.moov.ilst.as_ref().map_or(&empty, |(_, list)| list);
        let Some(Edited { bytes, changes, .. }) = list.edit(wish)? else { return Ok(patch) };
        patch.changes = changes;
        if self.moov.chain.len() <= META || self.moov.ilst.is_none() {
            patch.created.push(SCOPE);
        }
        let behind = self.free_behind(source)?;
        patch.room = Some(self.room(behind.as_ref()));
        let restored = wish.room_before().and_then(|(room, length)| {
            let arrangement = self.arrange_as_before(&bytes, room, behind.clone(), (source.len(), length))?;
            let goes = usize::from(room.levels) <= META + 1;
            Some((arrangement, goes))
        });
        let arrangement = match restored {
            Some((arrangement, goes)) => {
                patch.removed.extend(goes.then_some(SCOPE));
                arrangement
            }
            None => self.arrange(source, self.change(&bytes), behind)?,
        };
        let place = self.moov_range().clone();
        let mut moov = Moov::parse(self.moov.raw.clone())?;
        let shift = arrangement.shift();
        moov.shift_offsets(place.end, shift)?;
        let following = self.fragments.follow(place.end, shift)?;
        patch.splices.push(Splice { range: place, bytes: moov.with(arrangement.changes)? });
        patch.splices.extend(arrangement.behind);
        patch.splices.extend(following);
        Ok(patch)
    }
}
