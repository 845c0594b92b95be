//! Free space on the way to the list of tags and right behind `moov`: what takes up the difference when the list
//! changes, and how it was before a write.

use std::ops::Range;

use super::super::editor::{Splice, fresh_padding};
use super::super::error::{Problem, Refusal};
use super::super::journal::{Room, Space};
use super::super::source::Source;
use super::atoms::{self, Atom, HEADER};
use super::moov::Change;
use super::{HANDLER, LIMIT, META, Mp4File, UDTA};

/// The level of free space right behind `moov`; that of what the atoms of the chain hold is one more than their place
/// in it.
const BEHIND: u8 = 0;
/// How many levels there are where there is a list.
const ALL_LEVELS: u8 = META as u8 + 2;

/// A list in its place, and where the difference in length goes.
pub(super) struct Arrangement {
    /// Of `moov`.
    pub(super) changes: Vec<Change>,
    /// Of the free space behind it.
    pub(super) behind: Option<Splice>,
}

impl Arrangement {
    fn within(changes: Vec<Change>) -> Self {
        Self { changes, behind: None }
    }

    /// By how much what follows moves.
    pub(super) fn shift(&self) -> i64 {
        let behind = self.behind.as_ref();
        let behind = behind.map_or(0, |it| it.bytes.len() as i64 - (it.range.end - it.range.start) as i64);
        self.changes.iter().map(Change::growth).sum::<i64>() + behind
    }
}

/// The other name of free space.
const SKIP: &[u8; 4] = b"skip";

/// Whether an atom is free space, by its name.
pub(super) fn is_free(kind: &[u8; 4]) -> bool {
    kind == b"free" || kind == SKIP
}

/// Free space as the journal keeps it.
fn remembered(level: u8, place: u32, length: u64, kind: &[u8; 4]) -> Space {
    let name = if kind == SKIP { "skip".to_owned() } else { String::new() };
    Space { name, ..Space::new(level, place, length) }
}

/// The atom that it was.
fn atom_of(space: &Space) -> Vec<u8> {
    let name = if space.name.is_empty() { b"free" } else { SKIP };
    atoms::space(name, space.length as usize)
}

impl Mp4File {
    /// Whether an atom of `moov` is free space that may be used: what holds something is none.
    fn is_usable(&self, atom: &Atom<usize>) -> bool {
        is_free(&atom.kind)
            && atom.body - atom.range.start == HEADER
            && self.moov.raw[atom.body..atom.range.end].iter().all(|&byte| byte == 0)
    }

    /// The free atoms that may be used: along the way to the list, the nearest first, and how many atoms of the way
    /// hold them.
    fn free_space(&self) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        for (depth, container) in self.moov.chain.iter().enumerate().rev() {
            let usable = container.children.iter().filter(|atom| self.is_usable(atom));
            found.extend(usable.map(|atom| (atom.range.clone(), depth + 1)));
        }
        found
    }

    /// A free atom right behind `moov`, which can take up the difference as well.
    pub(super) fn free_behind(&self, source: &dyn Source) -> Result<Option<Range<u64>>, Problem> {
        let Some(atom) = self.atoms.get(self.moov_at + 1) else { return Ok(None) };
        let is_usable = is_free(&atom.kind) && atom.body - atom.range.start == HEADER as u64;
        // One without a size reaches to the end of the file.
        let has_size = is_usable && source.window(atom.range.start, 4)? != [0; 4];
        if !has_size || atom.range.end - atom.range.start > LIMIT || !source.is_zero(atom.body..atom.range.end)? {
            return Ok(None);
        }
        // Whatever a chunk offset points at is no free space.
        let is_named = self.moov.offsets(&(0..self.moov.raw.len())).any(|offset| atom.range.contains(&offset));
        if is_named || self.fragments.name_one_in(&atom.range) {
            return Ok(None);
        }
        Ok(Some(atom.range.clone()))
    }

    /// The free space as it is, which the journal keeps.
    pub(super) fn room(&self, behind: Option<&Range<u64>>) -> Room {
        let mut spaces = Vec::new();
        for (depth, container) in self.moov.chain.iter().enumerate() {
            let usable = container.children.iter().enumerate().filter(|(_, atom)| self.is_usable(atom));
            spaces.extend(
                usable.map(|(place, atom)| {
                    remembered(depth as u8 + 1, place as u32, atom.range.len() as u64, &atom.kind)
                }),
            );
        }
        let kind = self.atoms.get(self.moov_at + 1).map_or(*b"free", |atom| atom.kind);
        spaces.extend(behind.map(|range| remembered(BEHIND, 0, range.end - range.start, &kind)));
        Room {
            levels: (self.moov.chain.len() + usize::from(self.moov.ilst.is_some())) as u8,
            spaces,
            parts: Vec::new(),
        }
    }

    /// Brings a list into the file.
    pub(super) fn arrange(
        &self,
        source: &dyn Source,
        mut change: Change,
        behind: Option<Range<u64>>,
    ) -> Result<Arrangement, Problem> {
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
            return Ok(Arrangement::within(vec![change]));
        }
        let place = (change.range.clone(), growth);
        let stays = |parts: &[(Range<usize>, i64)]| self.stranger.is_none() || !self.displaces(parts);
        let usable = |(range, _): &&(Range<usize>, usize)| {
            fits(range.len()) && stays(&[place.clone(), (range.clone(), -growth)])
        };
        if let Some((range, depth)) = free.iter().find(usable).cloned() {
            let bytes = resized(range.len(), growth);
            return Ok(Arrangement::within(vec![change, Change { range, bytes, depth }]));
        }
        if growth <= -(HEADER as i64) {
            change.bytes.extend(atoms::free(-growth as usize));
            return Ok(Arrangement::within(vec![change]));
        }
        let stays = stays(&[place]);
        if let Some(range) = behind.filter(|range| stays && fits((range.end - range.start) as usize)) {
            let bytes = resized((range.end - range.start) as usize, growth);
            return Ok(Arrangement { changes: vec![change], behind: Some(Splice { range, bytes }) });
        }
        if stays && self.moov_range().end == source.len() {
            return Ok(Arrangement::within(vec![change]));
        }
        if let Some(what) = &self.stranger {
            return Err(Refusal::MayTellPlaces { what: what.clone() }.into());
        }
        // The audio has to move: by whole file-system blocks, and with room for the next time.
        let (old, new) = (change.range.len(), change.bytes.len());
        Ok(match free.first().cloned() {
            Some((range, depth)) => {
                let (old, new) = (old + range.len(), new + HEADER);
                let bytes = atoms::free(HEADER + fresh_padding(old, new));
                Arrangement::within(vec![change, Change { range, bytes, depth }])
            }
            None => {
                let padding = fresh_padding(old, new + HEADER);
                change.bytes.extend(atoms::free(HEADER + padding));
                Arrangement::within(vec![change])
            }
        })
    }

    /// Whether some atom of `moov` beside the list would get another place if these parts of it grew by so much.
    fn displaces(&self, parts: &[(Range<usize>, i64)]) -> bool {
        let list = self.moov.ilst.as_ref().map(|(range, _)| range);
        let children = self.moov.chain.iter().flat_map(|container| &container.children);
        let mut staying = children.filter(|atom| !self.is_usable(atom) && Some(&atom.range) != list);
        staying.any(|atom| {
            let before = parts.iter().filter(|(range, _)| range.end <= atom.range.start);
            before.map(|(_, growth)| growth).sum::<i64>() != 0
        })
    }

    /// Brings a list into the file and the free space back to what it was, so that the file has the length that it had.
    /// None where that cannot be: others have been at the file since. An empty list goes where there was none, with
    /// what was made around it.
    pub(super) fn arrange_as_before(
        &self,
        list: &[u8],
        room: &Room,
        behind: Option<Range<u64>>,
        lengths: (u64, u64),
    ) -> Option<Arrangement> {
        let (length, length_before) = lengths;
        let (range, _) = self.moov.ilst.as_ref()?;
        let mut changes = Vec::new();
        // The outermost atom that goes.
        let gone = match room.levels {
            ALL_LEVELS => {
                let bytes = atoms::render(b"ilst", list);
                changes.push(Change { range: range.clone(), bytes, depth: META + 1 });
                None
            }
            levels if (1..ALL_LEVELS).contains(&levels) && list.is_empty() => {
                let depth = usize::from(levels);
                let gone = if depth > META { range } else { &self.moov.chain[depth].atom.range };
                if (depth..=META).any(|depth| !self.is_ours(depth)) {
                    return None;
                }
                changes.push(Change { range: gone.clone(), bytes: Vec::new(), depth });
                Some(gone)
            }
            _ => return None,
        };
        // From the inside out: where an atom and what holds it end in one place, what comes into the inner one comes
        // first.
        for (depth, container) in self.moov.chain.iter().enumerate().take(usize::from(room.levels)).rev() {
            let mut spaces = room.spaces.iter().filter(|space| usize::from(space.level) == depth + 1).peekable();
            let depth = depth + 1;
            let free = |space: &Space| (HEADER as u64..=LIMIT).contains(&space.length).then(|| atom_of(space));
            let mut place = 0;
            for child in &container.children {
                if self.is_usable(child) {
                    changes.push(Change { range: child.range.clone(), bytes: Vec::new(), depth });
                    continue;
                }
                if Some(&child.range) == gone {
                    continue;
                }
                let at = child.range.start;
                while let Some(space) = spaces.next_if(|space| space.place <= place) {
                    changes.push(Change { range: at..at, bytes: free(space)?, depth });
                    place += 1;
                }
                place += 1;
            }
            let at = container.children_end;
            for space in spaces {
                changes.push(Change { range: at..at, bytes: free(space)?, depth });
            }
        }
        let end = self.moov_range().end;
        let space = room.spaces.iter().find(|space| space.level == BEHIND).filter(|space| space.length <= LIMIT);
        let behind = space.map(|space| Splice { range: behind.unwrap_or(end..end), bytes: atom_of(space) });
        let arrangement = Arrangement { changes, behind };
        (length.checked_add_signed(arrangement.shift()) == Some(length_before)).then_some(arrangement)
    }

    /// Whether an atom of the chain is as we make it, with nothing in it but what we made.
    fn is_ours(&self, depth: usize) -> bool {
        let raw = &self.moov.raw;
        let Some(container) = self.moov.chain.get(depth) else { return false };
        let next = if depth == META {
            self.moov.ilst.as_ref().map(|(range, _)| range)
        } else {
            self.moov.chain.get(depth + 1).map(|next| &next.atom.range)
        };
        let is_ours = |child: &Atom<usize>| {
            self.is_usable(child) || Some(&child.range) == next || depth == META && raw[child.range.clone()] == *HANDLER
        };
        let first = container.children.first().map_or(container.children_end, |child| child.range.start);
        let head: &[u8] = if depth == UDTA { b"" } else { &[0; 4] };
        container.children.iter().all(is_ours)
            && raw[container.atom.body..first] == *head
            && container.children_end == container.atom.range.end
    }
}
