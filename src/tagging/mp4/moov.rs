//! The `moov` atom: the way to the list of tags, the free space along it, and the tables that tell where the audio
//! lies.

use std::ops::Range;

use super::super::error::Refusal;
use super::atoms::{self, Atom, HEADER, WHAT};
use super::ilst::Ilst;
use super::places;
use super::tracks::{Table, Tracks};

/// The atom as verbatim bytes, header included, and what was found in it.
#[derive(Debug)]
pub(super) struct Moov {
    pub(super) raw: Vec<u8>,
    pub(super) children: Vec<Atom<usize>>,
    /// `moov` itself, `udta`, `meta`, as far as they exist.
    pub(super) chain: Vec<Container>,
    /// The list, if there is one.
    pub(super) ilst: Option<(Range<usize>, Ilst)>,
    pub(super) tracks: Tracks,
    /// An atom that is on no list, and may tell places in the file.
    pub(super) stranger: Option<String>,
}

/// An atom on the way to the list, and what is in it.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) atom: Atom<usize>,
    pub(super) children: Vec<Atom<usize>>,
    /// Where its last child ends; zeros may follow, as QuickTime wrote them.
    pub(super) children_end: usize,
}

impl Moov {
    pub(super) fn parse(raw: Vec<u8>) -> Result<Self, Refusal> {
        let unsupported = |why| Refusal::Unsupported { what: "MP4", why };
        let (kind, body, _) = atoms::header(&raw)?;
        let moov = Container::parse(&raw, Atom { kind, range: 0..raw.len(), body }, body)?;
        let mut found = Self {
            children: moov.children.clone(),
            chain: Vec::new(),
            ilst: None,
            tracks: Tracks::default(),
            stranger: places::stranger(b"moov", &moov.children, |atom| atoms::long_name(&raw, atom)),
            raw: Vec::new(),
        };
        for atom in &moov.children {
            match &atom.kind {
                b"cmov" => return Err(unsupported("its moov atom is compressed")),
                b"trak" => found.tracks.add(&raw, atom)?,
                b"meta" => check_meta(&raw, atom)?,
                _ => {}
            }
        }
        found.stranger = found.stranger.or_else(|| found.tracks.stranger.take());
        found.find_list(&raw, moov)?;
        found.raw = raw;
        Ok(found)
    }

    /// Follows `moov/udta/meta/ilst` as far as it goes.
    fn find_list(&mut self, raw: &[u8], moov: Container) -> Result<(), Refusal> {
        let damaged = |why| Refusal::Damaged { what: "MP4 metadata", why };
        let mut udta = Vec::new();
        for atom in moov.named(b"udta") {
            udta.push(Container::parse(raw, atom.clone(), atom.body)?);
        }
        self.chain.push(moov);
        let has_meta = |udta: &Container| udta.named(b"meta").next().is_some();
        if udta.iter().filter(|udta| has_meta(udta)).count() > 1 {
            return Err(damaged("it stands in several udta atoms, and readers differ on which counts"));
        }
        let place = udta.iter().position(has_meta).unwrap_or(0);
        if place >= udta.len() {
            return Ok(());
        }
        let udta = udta.swap_remove(place);
        let metas: Vec<Atom<usize>> = udta.named(b"meta").cloned().collect();
        self.chain.push(udta);
        let meta = match &metas[..] {
            [] => return Ok(()),
            [meta] => meta.clone(),
            _ => return Err(damaged("there are several meta atoms, and readers differ on which counts")),
        };
        check_meta(raw, &meta)?;
        let start = meta_children(raw, &meta);
        let meta = Container::parse(raw, meta, start)?;
        if let Some(handler) = meta.named(b"hdlr").next()
            && raw.get(handler.body + 8..handler.body + 12) != Some(b"mdir")
        {
            return Err(Refusal::Unsupported { what: "MP4 metadata", why: "it is not in iTunes' form (mdir)" });
        }
        let lists: Vec<Atom<usize>> = meta.named(b"ilst").cloned().collect();
        self.chain.push(meta);
        match &lists[..] {
            [] => {}
            [list] => self.ilst = Some((list.range.clone(), Ilst::parse(raw[list.body..list.range.end].to_vec())?)),
            _ => return Err(damaged("there are several ilst atoms, and readers differ on which counts")),
        }
        Ok(())
    }

    /// The tables in a part of the atom. They were found in the order of their places.
    fn tables_in(&self, range: &Range<usize>) -> &[Table] {
        let first_behind = |place: usize| self.tracks.tables.partition_point(|table| table.entries.start < place);
        &self.tracks.tables[first_behind(range.start)..first_behind(range.end)]
    }

    /// The chunk offsets of a part of the atom, in their order.
    pub(super) fn offsets(&self, within: &Range<usize>) -> impl Iterator<Item = u64> {
        self.tables_in(within).iter().flat_map(|table| {
            let entries = self.raw[table.entries.clone()].chunks_exact(table.width());
            entries.map(|entry| entry.iter().fold(0, |offset, &byte| offset << 8 | u64::from(byte)))
        })
    }

    /// A part of the atom with zeros for the chunk offsets.
    pub(super) fn without_offsets(&self, range: &Range<usize>) -> Vec<u8> {
        let mut bytes = self.raw[range.clone()].to_vec();
        for table in self.tables_in(range) {
            bytes[table.entries.start - range.start..table.entries.end - range.start].fill(0);
        }
        bytes
    }

    /// Adds `shift` to every chunk offset at or behind `from`.
    pub(super) fn shift_offsets(&mut self, from: u64, shift: i64) -> Result<(), Refusal> {
        for table in &self.tracks.tables {
            for entry in self.raw[table.entries.clone()].chunks_exact_mut(table.width()) {
                let offset = entry.iter().fold(0, |offset: u64, &byte| offset << 8 | u64::from(byte));
                if offset < from {
                    continue;
                }
                let limit = if table.is_wide { u64::MAX } else { u64::from(u32::MAX) };
                let moved = offset.checked_add_signed(shift).filter(|&moved| moved <= limit);
                let moved = moved.ok_or(Refusal::TooLarge { what: "offset of a chunk", limit })?.to_be_bytes();
                entry.copy_from_slice(&moved[8 - entry.len()..]);
            }
        }
        Ok(())
    }
}

pub(super) const TELLS_PLACES: &str = "a meta atom tells places in the file (iloc)";

/// Refuses metadata that tells places in the file, and such that is not made of atoms.
pub(super) fn check_meta(raw: &[u8], meta: &Atom<usize>) -> Result<(), Refusal> {
    let (children, _) = atoms::walk(raw, meta_children(raw, meta)..meta.range.end)?;
    if children.iter().any(|child| child.kind == *b"iloc") {
        return Err(Refusal::Unsupported { what: "MP4", why: TELLS_PLACES });
    }
    Ok(())
}

/// Whether metadata of which nothing else matters tells places in the file.
pub(super) fn tells_places(raw: &[u8], meta: &Atom<usize>) -> bool {
    matches!(check_meta(raw, meta), Err(Refusal::Unsupported { .. }))
}

/// Where the children of a `meta` start: behind four bytes of version and flags, which QuickTime does not have.
fn meta_children(raw: &[u8], meta: &Atom<usize>) -> usize {
    let is_quicktime = raw.get(meta.body + 4..meta.body + 8) == Some(b"hdlr");
    if is_quicktime { meta.body } else { (meta.body + 4).min(meta.range.end) }
}

impl Container {
    fn parse(raw: &[u8], atom: Atom<usize>, start: usize) -> Result<Self, Refusal> {
        let (children, children_end) = atoms::walk(raw, start..atom.range.end)?;
        if raw[children_end..atom.range.end].iter().any(|&byte| byte != 0) {
            return Err(Refusal::Damaged { what: WHAT, why: "bytes that are none follow the last one" });
        }
        Ok(Self { atom, children, children_end })
    }

    pub(super) fn named(&self, kind: &[u8; 4]) -> impl Iterator<Item = &Atom<usize>> {
        self.children.iter().filter(move |child| child.kind == *kind)
    }
}

/// A change in one place of the atom.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) bytes: Vec<u8>,
    /// How many of the chain's atoms hold the place, and grow with it.
    pub(super) depth: usize,
}

impl Change {
    /// By how much the atom grows.
    pub(super) fn growth(&self) -> i64 {
        self.bytes.len() as i64 - (self.range.end - self.range.start) as i64
    }
}

impl Moov {
    /// The atom with changes, which do not overlap.
    pub(super) fn with(&self, mut changes: Vec<Change>) -> Result<Vec<u8>, Refusal> {
        let mut raw = self.raw.clone();
        for (depth, container) in self.chain.iter().enumerate() {
            let growth: i64 = changes.iter().filter(|change| change.depth > depth).map(Change::growth).sum();
            let range = &container.atom.range;
            let size = ((range.end - range.start) as u64).saturating_add_signed(growth);
            let header = &mut raw[range.start..container.atom.body];
            match header[..4] {
                // Up to the end of the file.
                [0, 0, 0, 0] => {}
                [0, 0, 0, 1] => header[HEADER..].copy_from_slice(&size.to_be_bytes()),
                _ => {
                    let too_large = |_| Refusal::TooLarge { what: WHAT, limit: u64::from(u32::MAX) };
                    header[..4].copy_from_slice(&u32::try_from(size).map_err(too_large)?.to_be_bytes());
                }
            }
        }
        changes.sort_by_key(|change| (change.range.start, change.range.end));
        for change in changes.into_iter().rev() {
            raw.splice(change.range, change.bytes);
        }
        Ok(raw)
    }
}
