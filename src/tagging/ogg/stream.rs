//! What a change of the number of header pages does to the pages behind them: each gets another number and checksum.
//!
//! One pass over the stream with one window in memory, however long the stream is. A chained stream's further links,
//! other streams' pages and bytes that are no page pass through as they are.

use std::io;
use std::ops::Range;

use super::super::source::{CHUNK, Source};
use super::page::{self, FIRST, Page, Pages};

/// Which pages are those of the stream that carries our comments.
#[derive(Debug, Clone, Copy)]
struct Link {
    serial: u32,
    /// A further link of a chain has begun.
    ended: bool,
}

impl Link {
    /// Whether a page behind the headers belongs to the stream. To be asked for every page in its order.
    fn owns(&mut self, page: Page<'_>) -> bool {
        self.ended |= page.flags() & FIRST != 0;
        !self.ended && page.serial() == self.serial
    }
}

/// Gives the pages of one stream in a part of the file other numbers.
#[derive(Debug)]
pub(crate) struct Renumbering {
    /// From the first page behind the headers on.
    pub(crate) range: Range<u64>,
    pub(super) serial: u32,
    /// What is added to each number, modulo 2³².
    pub(super) shift: u32,
}

impl Renumbering {
    /// Hands the range on in pieces of about [`CHUNK`] bytes, as it is to be in the edited file: as long as before.
    pub(crate) fn pass(&self, source: &dyn Source, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut link = Link { serial: self.serial, ended: false };
        let mut pages = Pages::new(source, self.range.clone());
        let mut pending = Vec::new();
        while let Some(unit) = pages.next()? {
            if pending.len() + unit.bytes.len() > CHUNK {
                each(&pending)?;
                pending.clear();
            }
            let start = pending.len();
            pending.extend_from_slice(unit.bytes);
            if let Some(page) = unit.page()
                && link.owns(page)
            {
                page::set_sequence(&mut pending[start..], page.sequence().wrapping_add(self.shift));
            }
        }
        each(&pending)
    }
}

/// The hash of all that a write has to leave alone in `range`: every byte of it except `headers`, which are places in
/// ascending order, but numbers and checksums of the stream's own pages behind `base` only as far as they are right.
pub(super) fn digest(
    source: &dyn Source,
    range: Range<u64>,
    headers: &[Range<u64>],
    serial: u32,
    base: u32,
) -> io::Result<blake3::Hash> {
    let mut link = Link { serial, ended: false };
    let mut pages = Pages::new(source, range);
    let mut hasher = blake3::Hasher::new();
    let headers_end = headers.last().map_or(0, |header| header.end);
    let mut scratch = Vec::new();
    while let Some(unit) = pages.next()? {
        if headers.binary_search_by_key(&unit.range.start, |header| header.start).is_ok() {
            continue;
        }
        if let Some(page) = unit.page()
            && unit.range.start >= headers_end
            && link.owns(page)
        {
            scratch.clear();
            scratch.extend_from_slice(unit.bytes);
            page::normalised(&mut scratch, base);
            hasher.update(&scratch);
        } else {
            hasher.update(unit.bytes);
        }
    }
    Ok(hasher.finalize())
}
