//! Ogg pages (RFC 3533, 6): header, lacing values, checksum, and a walk over a file that holds them.
//!
//! The walk holds one window of the file in memory, and steps over bytes that are no page as decoders do.

use std::io;
use std::ops::Range;

use super::super::source::{CHUNK, Source};

/// Length of a page header without its lacing values.
pub(super) const HEADER: usize = 27;
/// Where a page header tells how many segments the page holds.
pub(super) const SEGMENTS: usize = 26;
/// Segments that a page holds at the most, each of up to 255 bytes.
pub(super) const MAX_SEGMENTS: usize = 255;

pub(super) const CONTINUED: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const LAST: u8 = 4;

/// After so many things that only looked like pages, no further page is looked for behind bytes that are none: each
/// costs a checksum, and a hostile file could be full of them.
const MAX_FALSE_STARTS: u32 = 4096;

const CAPTURE: &[u8] = b"OggS\0";
const SEQUENCE: Range<usize> = 18..22;
const CHECKSUM: Range<usize> = 22..26;

/// A whole page as its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'b>(&'b [u8]);

impl<'b> Page<'b> {
    pub(super) fn flags(self) -> u8 {
        self.0[5]
    }

    pub(super) fn serial(self) -> u32 {
        number(self.0, 14..18)
    }

    pub(super) fn sequence(self) -> u32 {
        number(self.0, SEQUENCE)
    }

    pub(super) fn lacing(self) -> &'b [u8] {
        &self.0[HEADER..HEADER + usize::from(self.0[SEGMENTS])]
    }

    pub(super) fn body(self) -> &'b [u8] {
        &self.0[HEADER + usize::from(self.0[SEGMENTS])..]
    }

    pub(super) fn checksum_holds(self) -> bool {
        error(self.0) == 0
    }
}

/// What lies at one place of a file: a page, or bytes that are none, such as a page that the file ends in.
#[derive(Debug)]
pub(super) struct Unit<'b> {
    pub(super) range: Range<u64>,
    pub(super) bytes: &'b [u8],
    is_page: bool,
}

impl<'b> Unit<'b> {
    pub(super) fn page(&self) -> Option<Page<'b>> {
        self.is_page.then_some(Page(self.bytes))
    }
}

/// A walk over the pages of a range.
pub(super) struct Pages<'s> {
    source: &'s dyn Source,
    window: Vec<u8>,
    window_start: u64,
    at: u64,
    end: u64,
    /// The last unit was no page.
    is_lost: bool,
    false_starts: u32,
}

impl<'s> Pages<'s> {
    pub(super) fn new(source: &'s dyn Source, range: Range<u64>) -> Self {
        Self {
            source,
            window: Vec::new(),
            window_start: range.start,
            at: range.start,
            end: range.end,
            is_lost: false,
            false_starts: 0,
        }
    }

    /// The next page or stretch of other bytes. None at the end of the range.
    pub(super) fn next(&mut self) -> io::Result<Option<Unit<'_>>> {
        let page = if self.is_lost && !self.page_starts(0)? { None } else { self.page_length(0)? };
        self.is_lost = page.is_none();
        let length = page.map_or_else(|| self.other_length(), Ok)?;
        if length == 0 {
            return Ok(None);
        }
        let start = (self.at - self.window_start) as usize;
        let range = self.at..self.at + length as u64;
        self.at = range.end;
        let bytes = &self.window[start..start + length];
        Ok(Some(Unit { range, bytes, is_page: !self.is_lost }))
    }

    /// Up to `length` bytes from here on; fewer only at the end of the range.
    fn ahead(&mut self, length: usize) -> io::Result<&[u8]> {
        let length = (self.end - self.at).min(length as u64) as usize;
        let start = (self.at - self.window_start) as usize;
        if start + length > self.window.len() {
            let size = (self.end - self.at).min(CHUNK as u64) as usize;
            self.window.resize(size, 0);
            self.source.read_exact_at(&mut self.window, self.at)?;
            self.window_start = self.at;
        }
        let start = (self.at - self.window_start) as usize;
        Ok(&self.window[start..start + length])
    }

    /// Length of the page that starts `skip` bytes ahead; none where there is no whole page.
    fn page_length(&mut self, skip: usize) -> io::Result<Option<usize>> {
        let head = self.ahead(skip + HEADER + MAX_SEGMENTS)?;
        let Some(head) = head.get(skip..).filter(|head| head.starts_with(CAPTURE)) else { return Ok(None) };
        let segments = head.get(SEGMENTS).map(|&count| HEADER..HEADER + usize::from(count));
        let Some(lacing) = segments.and_then(|segments| head.get(segments)) else { return Ok(None) };
        let length = HEADER + lacing.len() + lacing.iter().map(|&lace| usize::from(lace)).sum::<usize>();
        Ok((self.ahead(skip + length)?.len() == skip + length).then_some(length))
    }

    /// Whether a page starts `skip` bytes ahead, behind bytes that are none: its checksum has to be right.
    fn page_starts(&mut self, skip: usize) -> io::Result<bool> {
        if self.false_starts == MAX_FALSE_STARTS {
            return Ok(false);
        }
        let Some(length) = self.page_length(skip)? else { return Ok(false) };
        let holds = error(&self.ahead(skip + length)?[skip..]) == 0;
        self.false_starts += u32::from(!holds);
        Ok(holds)
    }

    /// Length of the bytes up to the next page, or of as many of them as the window shows.
    fn other_length(&mut self) -> io::Result<usize> {
        let mut length = 1;
        loop {
            let ahead = self.ahead(CHUNK / 2)?;
            if ahead.len() <= length {
                return Ok(ahead.len());
            }
            let found = ahead[length..].windows(CAPTURE.len()).position(|bytes| bytes == CAPTURE);
            match found {
                Some(distance) => length += distance,
                // A capture pattern may start in the last bytes, unless the range ends there.
                None if ahead.len() < CHUNK / 2 => return Ok(ahead.len()),
                None => return Ok(ahead.len() - CAPTURE.len()),
            }
            if length > CHUNK / 4 || self.page_starts(length)? {
                return Ok(length);
            }
            length += 1;
        }
    }
}

/// The bytes of a page. `lacing` has at most [`MAX_SEGMENTS`] values and `body` is as long as they say.
pub(super) fn render(flags: u8, granule: i64, serial: u32, sequence: u32, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = Vec::with_capacity(HEADER + lacing.len() + body.len());
    page.extend_from_slice(CAPTURE);
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.push(lacing.len() as u8);
    page.extend_from_slice(lacing);
    page.extend_from_slice(body);
    let checksum = checksum(&page);
    page[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    page
}

/// Gives a page another number. A checksum that was wrong stays wrong by as much: a damaged page is not made to look
/// sound.
pub(super) fn set_sequence(page: &mut [u8], sequence: u32) {
    let error = error(page);
    page[SEQUENCE].copy_from_slice(&sequence.to_le_bytes());
    let stored = checksum(page) ^ error;
    page[CHECKSUM].copy_from_slice(&stored.to_le_bytes());
}

/// A page with its number relative to `base` and its checksum replaced by how wrong that is: what a page still is after
/// it was renumbered.
pub(super) fn normalised(page: &mut [u8], base: u32) {
    let (error, sequence) = (error(page), number(page, SEQUENCE).wrapping_sub(base));
    page[SEQUENCE].copy_from_slice(&sequence.to_le_bytes());
    page[CHECKSUM].copy_from_slice(&error.to_le_bytes());
}

/// Difference between the stored checksum and the right one; 0 where it is right.
fn error(page: &[u8]) -> u32 {
    number(page, CHECKSUM) ^ checksum(page)
}

fn number(bytes: &[u8], range: Range<usize>) -> u32 {
    bytes[range].iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

/// CRC-32 with the polynomial 0x04c11db7, not reflected, from zero (RFC 3533, 6), with the checksum's own bytes as
/// zeros.
fn checksum(page: &[u8]) -> u32 {
    let crc = crc(0, &page[..CHECKSUM.start]);
    crc_of_zeros_then(crc, &page[CHECKSUM.end..])
}

fn crc_of_zeros_then(crc_before: u32, rest: &[u8]) -> u32 {
    crc(crc(crc_before, &[0; 4]), rest)
}

/// Four bytes at a time: `TABLES[k]` is what a byte does that `k` more bytes follow.
fn crc(start: u32, bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let table = |k: usize, byte: u32| TABLES[k][(byte & 0xff) as usize];
    let crc = words.iter().fold(start, |crc, &word| {
        let mixed = crc ^ u32::from_be_bytes(word);
        table(3, mixed >> 24) ^ table(2, mixed >> 16) ^ table(1, mixed >> 8) ^ table(0, mixed)
    });
    rest.iter().fold(crc, |crc, &byte| crc << 8 ^ table(0, crc >> 24 ^ u32::from(byte)))
}

static TABLES: [[u32; 256]; 4] = tables();

const fn tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut k = 1;
    while k < 4 {
        let mut byte = 0;
        while byte < 256 {
            let previous = tables[k - 1][byte];
            tables[k][byte] = previous << 8 ^ tables[0][(previous >> 24) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // Bit by bit, as the standard describes it.
        let slow = |bytes: &[u8]| {
            bytes.iter().fold(0u32, |crc, &byte| {
                (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| (crc << 1) ^ ((crc >> 31) * 0x04c1_1db7))
            })
        };
        let bytes: Vec<u8> = (0..1000u32).map(|n| ((n * n) >> 3) as u8).collect();
        for length in [0, 1, 3, 4, 5, 27, 999, 1000] {
            assert_eq!(crc(0, &bytes[..length]), slow(&bytes[..length]));
        }
        assert_eq!(crc(0, b"123456789"), 0x89a1_897f, "the check value of this CRC");
    }

    #[test]
    fn a_damaged_page_stays_damaged_when_it_is_renumbered() {
        let mut page = render(0, 7, 1, 5, &[3], b"abc");
        let sound = page.clone();
        set_sequence(&mut page, 9);
        assert_eq!(page, render(0, 7, 1, 9, &[3], b"abc"));
        let mut damaged = sound;
        damaged[30] ^= 1;
        let wrong = error(&damaged);
        set_sequence(&mut damaged, 9);
        assert_eq!(error(&damaged), wrong);
        assert_ne!(wrong, 0);
    }

    #[test]
    fn bytes_between_pages_are_stepped_over_whatever_they_look_like() {
        let page = |number| render(0, 0, 1, number, &[255, 45], &[number as u8; 300]);
        let mut file = page(0);
        file.extend(b"OggOggS\0\xff junk");
        file.extend(vec![b'O'; 3 * CHUNK]);
        file.extend(page(1));
        file.extend(page(2));
        file.extend(&page(3)[..200]);
        let mut pages = Pages::new(&file, 0..file.len() as u64);
        let (mut found, mut covered) = (Vec::new(), 0);
        while let Some(unit) = pages.next().unwrap() {
            let range = unit.range.clone();
            assert_eq!(range.start, covered);
            assert_eq!(unit.bytes, &file[range.start as usize..range.end as usize]);
            covered = range.end;
            if let Some(page) = unit.page() {
                found.push(page.sequence());
            }
        }
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(covered, file.len() as u64);
    }
}
