//! M4A and other MPEG-4 files: iTunes' list of tags in `moov/udta/meta/ilst`, made where it is missing.
//!
//! Free space along the way takes up the difference, so that the audio stays in its place. Where there is not enough, the
//! audio moves by whole file-system blocks and every chunk offset (`stco`, `co64`) behind it follows. Files whose audio is
//! found by other tables as well (fragments, `iloc`, `saio`) are refused.

mod atoms;
mod ilst;
mod moov;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::container::Container;
use super::editor::{EditOptions, Edited, Editor, Fact, Holding, Layout, Patch, Piece, Scope, Splice, fresh_padding};
use super::error::{Problem, Refusal};
use super::plan::Wish;
use super::source::Source;
use atoms::{Atom, HEADER, LONG_HEADER};
use ilst::{Ilst, SCOPE};
use moov::{Change, Moov};

/// Largest `moov` atom that is edited, in bytes: it is held in memory.
const LIMIT: u64 = 64 << 20;
/// More atoms than this beside each other are refused.
const MAX_ATOMS: usize = 1 << 16;
/// Largest `meta` atom beside `moov` that is looked into.
const META_LIMIT: u64 = 16 << 20;
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
}

impl Mp4File {
    pub(crate) fn parse(source: &dyn Source) -> Result<Self, Problem> {
        let damaged = |why| Refusal::Damaged { what: atoms::WHAT, why };
        let (mut atoms, mut at) = (Vec::new(), 0);
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
                b"moof" | b"styp" | b"sidx" | b"ssix" | b"mfra" => {
                    return Err(Refusal::Unsupported { what: "MP4", why: moov::FRAGMENTED }.into());
                }
                b"meta" => {
                    let raw = source.bytes(at..end, META_LIMIT, "meta atom")?;
                    let body = length;
                    moov::check_meta(&raw, &Atom { kind, range: 0..raw.len(), body })?;
                }
                _ => {}
            }
            atoms.push(Atom { kind, range: at..end, body: at + length as u64 });
            at = end;
        }
        let mut moovs = atoms.iter().enumerate().filter(|(_, atom)| atom.kind == *b"moov");
        let (Some((moov_at, place)), None) = (moovs.next(), moovs.next()) else {
            return Err(damaged("there has to be one moov atom").into());
        };
        let moov = Moov::parse(source.bytes(place.range.clone(), LIMIT, "moov atom")?)?;
        Ok(Self { moov_at, moov, atoms })
    }

    fn moov_range(&self) -> &Range<u64> {
        &self.atoms[self.moov_at].range
    }

    /// Where a chunk offset points: to which of the atoms that stay, which are given in their order, and how far behind its
    /// start. So it is the same before and after an edit.
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
        // Version and flags; a handler of metadata in iTunes' form.
        let handler = atoms::render(b"hdlr", b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
        let meta = atoms::render(b"meta", &[&[0; 4], &handler[..], &list].concat());
        if self.moov.chain.len() > UDTA {
            let at = end_of(UDTA);
            return Change { range: at..at, bytes: meta, depth: UDTA + 1 };
        }
        let at = end_of(0);
        Change { range: at..at, bytes: atoms::render(b"udta", &meta), depth: 1 }
    }

    /// The free atoms that may be used: along the way to the list, the nearest first, and how many atoms of the way hold them.
    fn free_space(&self) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        for (depth, container) in self.moov.chain.iter().enumerate().rev() {
            // Free space that holds something is no free space.
            let is_usable = |atom: &&Atom<usize>| {
                is_free(&atom.kind)
                    && atom.body - atom.range.start == HEADER
                    && self.moov.raw[atom.body..atom.range.end].iter().all(|&byte| byte == 0)
            };
            found.extend(container.children.iter().filter(is_usable).map(|atom| (atom.range.clone(), depth + 1)));
        }
        found
    }

    /// A free atom right behind `moov`, which can take up the difference as well.
    fn free_behind(&self, source: &dyn Source) -> Result<Option<Range<u64>>, Problem> {
        let Some(atom) = self.atoms.get(self.moov_at + 1) else { return Ok(None) };
        let is_usable = is_free(&atom.kind) && atom.body - atom.range.start == HEADER as u64;
        // One without a size reaches to the end of the file.
        let has_size = is_usable && source.window(atom.range.start, 4)? != [0; 4];
        if !has_size || atom.range.end - atom.range.start > LIMIT || !source.is_zero(atom.body..atom.range.end)? {
            return Ok(None);
        }
        // Whatever a chunk offset points at is no free space.
        if self.moov.offsets(&(0..self.moov.raw.len())).any(|offset| atom.range.contains(&offset)) {
            return Ok(None);
        }
        Ok(Some(atom.range.clone()))
    }

    /// Brings the list into the file: the changes of `moov`, and by how much the free space behind it shrinks.
    fn arrange(&self, source: &dyn Source, mut change: Change) -> Result<(Vec<Change>, Option<Splice>), Problem> {
        let growth = change.growth();
        let free = self.free_space();
        // What is left of a free atom has to be an atom, or nothing.
        let fits = |length: usize| {
            let left = length as i64 - growth;
            left == 0 || left >= HEADER as i64 && left <= LIMIT as i64
        };
        let resized = |length: usize, growth: i64| match length as i64 - growth {
            0 => Vec::new(),
            left => atoms::free(left as usize),
        };
        if growth == 0 {
            return Ok((vec![change], None));
        }
        if let Some((range, depth)) = free.iter().find(|(range, _)| fits(range.len())).cloned() {
            let bytes = resized(range.len(), growth);
            return Ok((vec![change, Change { range, bytes, depth }], None));
        }
        if growth <= -(HEADER as i64) {
            change.bytes.extend(atoms::free(-growth as usize));
            return Ok((vec![change], None));
        }
        let behind = self.free_behind(source)?;
        if let Some(range) = behind.filter(|range| fits((range.end - range.start) as usize)) {
            let bytes = resized((range.end - range.start) as usize, growth);
            return Ok((vec![change], Some(Splice { range, bytes })));
        }
        if self.moov_range().end == source.len() {
            return Ok((vec![change], None));
        }
        // The audio has to move: by whole file-system blocks, and with room for the next time.
        let (old, new) = (change.range.len(), change.bytes.len());
        match free.first().cloned() {
            Some((range, depth)) => {
                let (old, new) = (old + range.len(), new + HEADER);
                let bytes = atoms::free(HEADER + fresh_padding(old, new));
                Ok((vec![change, Change { range, bytes, depth }], None))
            }
            None => {
                let padding = fresh_padding(old, new + HEADER);
                change.bytes.extend(atoms::free(HEADER + padding));
                Ok((vec![change], None))
            }
        }
    }

    /// Everything in `moov` that a write has to leave alone.
    fn describe_moov(&self, layout: &mut Layout) {
        let moov = &self.moov;
        let stays = |atom: &&Atom<u64>| !is_free(&atom.kind) && atom.kind != *b"moov";
        let staying: Vec<&Atom<u64>> = self.atoms.iter().filter(stays).collect();
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

fn is_free(kind: &[u8; 4]) -> bool {
    kind == b"free" || kind == b"skip"
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
        let (changes, behind) = self.arrange(source, self.change(&bytes))?;
        let growth: i64 = changes.iter().map(Change::growth).sum();
        let place = self.moov_range().clone();
        let shift = if behind.is_some() { 0 } else { growth };
        let mut moov = Moov::parse(self.moov.raw.clone())?;
        moov.shift_offsets(place.end, shift)?;
        patch.splices.push(Splice { range: place, bytes: moov.with(changes)? });
        patch.splices.extend(behind);
        Ok(patch)
    }
}
