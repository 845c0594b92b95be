//! The tracks of a `moov` atom: whether one of them is sound, and the tables that tell where their chunks lie.

use std::ops::Range;

use super::super::error::Refusal;
use super::atoms::{self, Atom, WHAT};
use super::moov::{TELLS_PLACES, tells_places};
use super::places;

/// What was found in all tracks together.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    /// In the order of their places.
    pub(super) tables: Vec<Table>,
    /// An atom that is on no list, and may tell places in the file.
    pub(super) stranger: Option<String>,
    /// The sound of some track is encrypted.
    pub(super) is_encrypted: bool,
    has_sound_track: bool,
    has_sound: bool,
}

/// The entries of a table of chunk offsets.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) entries: Range<usize>,
    pub(super) is_wide: bool,
}

impl Table {
    pub(super) fn width(&self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }
}

/// What one track says.
#[derive(Default)]
struct Track {
    is_sound: bool,
    has_chunks: bool,
    /// Something tells which samples are in which chunk.
    has_map: bool,
    is_elsewhere: bool,
}

impl Tracks {
    /// Takes in one more `trak`, the next one behind those before.
    pub(super) fn add(&mut self, raw: &[u8], trak: &Atom<usize>) -> Result<(), Refusal> {
        let mut track = Track::default();
        for atom in self.children(raw, trak)? {
            match &atom.kind {
                b"mdia" => self.add_media(raw, &atom, &mut track)?,
                b"meta" if tells_places(raw, &atom) => {
                    return Err(Refusal::Unsupported { what: "MP4", why: TELLS_PLACES });
                }
                _ => {}
            }
        }
        if track.has_chunks && track.is_elsewhere {
            return Err(Refusal::Unsupported { what: "MP4", why: "its sound lies in another file" });
        }
        if track.has_chunks && !track.has_map {
            let why = "nothing tells what is in the chunks of a track (stsc)";
            return Err(Refusal::Damaged { what: WHAT, why });
        }
        self.has_sound_track |= track.is_sound;
        self.has_sound |= track.is_sound && track.has_chunks;
        Ok(())
    }

    /// Refuses a file without sound, which may lie in fragments.
    pub(super) fn check_sound(&self, has_fragments: bool) -> Result<(), Refusal> {
        let why = match (self.has_sound_track, self.has_sound) {
            (true, true) => return Ok(()),
            (true, false) if has_fragments => return Ok(()),
            (true, false) => "its track of sound is empty",
            (false, _) => "it has no track of sound: it is a silent film, or pictures",
        };
        Err(Refusal::Unsupported { what: "MP4", why })
    }

    fn add_media(&mut self, raw: &[u8], mdia: &Atom<usize>, track: &mut Track) -> Result<(), Refusal> {
        for atom in self.children(raw, mdia)? {
            match &atom.kind {
                // Version and flags, what a component is, and which.
                b"hdlr" => track.is_sound |= raw[..atom.range.end].get(atom.body + 8..atom.body + 12) == Some(b"soun"),
                b"minf" => {
                    for atom in self.children(raw, &atom)? {
                        match &atom.kind {
                            b"dinf" => track.is_elsewhere |= is_elsewhere(raw, &atom),
                            b"stbl" => self.add_tables(raw, &atom, track)?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add_tables(&mut self, raw: &[u8], stbl: &Atom<usize>, track: &mut Track) -> Result<(), Refusal> {
        for table in self.children(raw, stbl)? {
            let is_wide = match &table.kind {
                b"stco" => false,
                b"co64" => true,
                b"stsc" => {
                    track.has_map |= count(raw, &table) > 0;
                    continue;
                }
                // A version, a number of entries, the size and the kind of the first.
                b"stsd" => {
                    let kind = raw[..table.range.end].get(table.body + 12..table.body + 16);
                    self.is_encrypted |= matches!(kind, Some(b"enca" | b"encv"));
                    continue;
                }
                b"saio" => return Err(Refusal::Unsupported { what: "MP4", why: "its tracks are encrypted (saio)" }),
                _ => continue,
            };
            let (start, width) = (table.body + 8, if is_wide { 8 } else { 4 });
            let count = count(raw, &table);
            let end = count.checked_mul(width).and_then(|length| start.checked_add(length));
            let end = end.filter(|&end| count == 0 || end <= table.range.end);
            let end = end.ok_or(Refusal::Damaged { what: WHAT, why: "a table of chunk offsets is cut off" })?;
            if count > 0 {
                self.tables.push(Table { entries: start..end, is_wide });
                track.has_chunks = true;
            }
        }
        Ok(())
    }

    fn children(&mut self, raw: &[u8], atom: &Atom<usize>) -> Result<Vec<Atom<usize>>, Refusal> {
        let (children, _) = atoms::walk(raw, atom.body..atom.range.end)?;
        if self.stranger.is_none() {
            self.stranger = places::stranger(&atom.kind, &children, |child| atoms::long_name(raw, child));
        }
        Ok(children)
    }
}

/// The number of entries of a table, behind its version and flags.
fn count(raw: &[u8], table: &Atom<usize>) -> usize {
    let count = raw[..table.range.end].get(table.body + 4..table.body + 8);
    count.map_or(0, |bytes| bytes.iter().fold(0, |count, &byte| count << 8 | usize::from(byte)))
}

/// Whether a reference to data names another file: the flag that says "this file" is not set, and some place is named.
fn is_elsewhere(raw: &[u8], dinf: &Atom<usize>) -> bool {
    let walk = |range| atoms::walk(raw, range).map(|(atoms, _)| atoms).unwrap_or_default();
    let tables = walk(dinf.body..dinf.range.end).into_iter().filter(|atom| atom.kind == *b"dref");
    let references = tables.flat_map(|table| walk((table.body + 8).min(table.range.end)..table.range.end));
    references.into_iter().any(|reference| match &raw[reference.body..reference.range.end] {
        [_, _, _, flags, place @ ..] => flags & 1 == 0 && place.iter().any(|&byte| byte != 0),
        _ => false,
    })
}
