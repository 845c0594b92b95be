//! Ogg: pages, the links of a chained file, and where in them the header packets end and the sound begins.
//!
//! A tag writer may repaginate the headers, which renumbers every later page and changes its checksum; the bodies of
//! the pages behind the headers stay what they were. So bodies are what a payload consists of, and positions are
//! counted from the first of them.

use std::io;
use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

/// No page is longer than this: 27 + 255 bytes of header, 255 * 255 of body.
const LONGEST_PAGE: u64 = 65_307;

/// The longest setup header that is kept. Vorbis encoders write 3 to 8 KiB.
const LONGEST_SETUP: usize = 1 << 20;

/// The most pages that headers (with their pictures) may fill.
const MOST_HEADER_PAGES: usize = 10_000;

/// The most links of a chained file.
const MOST_LINKS: usize = 10_000;

/// A page's header. `lacing` holds the lengths of the segments in its body.
#[derive(Clone)]
pub(crate) struct Page {
    pub at: u64,
    pub continued: bool,
    first: bool,
    pub last: bool,
    /// The position of the sound behind the last packet that ends here; -1 if none does.
    pub granule: i64,
    pub serial: u32,
    pub lacing: Vec<u8>,
}

impl Page {
    pub(crate) fn body(&self) -> Range<u64> {
        let start = self.at + 27 + self.lacing.len() as u64;
        start..start + self.lacing.iter().map(|&length| u64::from(length)).sum::<u64>()
    }

    pub(crate) fn end(&self) -> u64 {
        self.body().end
    }

    /// Whether a packet ends in this page.
    fn completes_packet(&self) -> bool {
        self.lacing.iter().any(|&length| length < 255)
    }
}

/// The page at `position`, if one begins there.
pub(crate) fn page(source: &mut Source, position: u64) -> io::Result<Option<Page>> {
    let bytes = source.peek(position, 27 + 255)?;
    if bytes.len() < 27 || !bytes.starts_with(b"OggS\0") {
        return Ok(None);
    }
    let count = usize::from(bytes[26]);
    let Some(lacing) = bytes.get(27..27 + count) else { return Ok(None) };
    let mut granule = [0; 8];
    granule.copy_from_slice(&bytes[6..14]);
    Ok(Some(Page {
        at: position,
        continued: bytes[5] & 1 != 0,
        first: bytes[5] & 2 != 0,
        last: bytes[5] & 4 != 0,
        granule: i64::from_le_bytes(granule),
        serial: u32::from_le_bytes([bytes[14], bytes[15], bytes[16], bytes[17]]),
        lacing: lacing.to_vec(),
    }))
}

/// The first page that begins in the range.
pub(crate) fn next_page(source: &mut Source, range: Range<u64>) -> io::Result<Option<Page>> {
    const STEP: u64 = 8192;
    if range.is_empty() {
        return Ok(None);
    }
    if let Some(page) = page(source, range.start)? {
        return Ok(Some(page));
    }
    let mut position = range.start;
    while position < range.end {
        let count = (range.end - position).min(STEP);
        let bytes = source.peek(position, count as usize + 3)?;
        let marks = bytes.windows(4).enumerate().filter(|(_, mark)| mark == b"OggS");
        let marks: Vec<u64> = marks.map(|(offset, _)| position + offset as u64).collect();
        for at in marks {
            if let Some(page) = page(source, at)? {
                return Ok(Some(page));
            }
        }
        position += count;
    }
    Ok(None)
}

/// What a link carries, with what its decoder needs to begin.
#[derive(Clone)]
pub(crate) enum Stream {
    /// The identification and the setup header, one after the other.
    Vorbis(Vec<u8>),
    /// The identification header.
    Opus(Vec<u8>),
    /// STREAMINFO.
    Flac(Vec<u8>),
}

/// One link of a chained file; an ordinary file has one.
#[derive(Clone)]
pub(crate) struct Link {
    pub serial: u32,
    pub stream: Stream,
    /// From the first page of sound to the end of the last page.
    pub pages: Range<u64>,
    /// The granule position at the end.
    pub last_granule: i64,
}

/// The links of the file that begins at `start`, in order.
pub(crate) fn links(source: &mut Source, start: u64) -> Result<Vec<Link>, Fault> {
    let (last, end) = last_page(source, start)?;
    let mut links = vec![open_link(source, start, end)?];
    if links[0].serial != last.serial && !is_multiplexed(source, start, last.serial)? {
        // A chained file: only a walk through all of it finds where one link ends and the next begins.
        find_chained(source, &mut links, end)?;
    }
    for link in &mut links {
        link.last_granule = last_granule(source, link)?;
    }
    links.retain(|link| link.last_granule > 0);
    if links.is_empty() { Err(Fault::Empty("its sound has no samples")) } else { Ok(links) }
}

/// The bodies of all pages behind the first link's headers.
pub(super) fn bodies(source: &mut Source, start: u64) -> Result<Vec<Range<u64>>, Fault> {
    let pages = audio_pages(source, start)?;
    let mut bodies = Vec::new();
    let mut position = pages.start;
    while let Some(page) = next_page(source, position..pages.end)? {
        bodies.push(page.body());
        position = page.end();
    }
    Ok(bodies)
}

/// From the first page behind the first link's headers to the end of the last page, whatever the pages carry.
pub(crate) fn audio_pages(source: &mut Source, start: u64) -> Result<Range<u64>, Fault> {
    let (_, end) = last_page(source, start)?;
    Ok(open_link(source, start, end)?.pages)
}

/// The last complete page and where it ends. What follows it may be a foreign tag; the beginning of another page means
/// that the file was cut, unless the stream had said that it was over.
fn last_page(source: &mut Source, start: u64) -> Result<(Page, u64), Fault> {
    let mut position = source.len().saturating_sub(2 * LONGEST_PAGE).max(start);
    let mut last: Option<Page> = None;
    let mut cut = false;
    while let Some(page) = next_page(source, position..source.len())? {
        // Chance can write the mark into a body: a page counts when another, or the end, or something else follows its
        // full length.
        if page.end() > source.len() {
            cut = true;
            position = page.at + 1;
        } else {
            position = page.end();
            cut = false;
            last = Some(page);
        }
    }
    let last = last.ok_or_else(|| Fault::truncated("its end holds no sound"))?;
    if cut && !last.last {
        return Err(Fault::truncated("it ends in the middle of a page"));
    }
    let end = last.end();
    Ok((last, end))
}

/// Whether a stream of that serial begins beside the first one, before any sound.
fn is_multiplexed(source: &mut Source, start: u64, serial: u32) -> Result<bool, Fault> {
    let mut position = start;
    while let Some(page) = page(source, position)?.filter(|page| page.first) {
        if page.serial == serial {
            return Ok(true);
        }
        position = page.end();
    }
    Ok(false)
}

/// Reads the headers of the link that begins at `start`: which of its streams is sound, and where that begins.
fn open_link(source: &mut Source, start: u64, end: u64) -> Result<Link, Fault> {
    let mut position = start;
    let mut found: Option<(u32, Stream, usize)> = None;
    let mut refusal = None;
    // The streams of a link introduce themselves first, each on a page of its own.
    while let Some(page) = page(source, position)?.filter(|page| page.first) {
        if found.is_none() {
            match identify(&source.read(page.body())?) {
                Ok((stream, headers)) => found = Some((page.serial, stream, headers)),
                Err(fault) => refusal = refusal.or(Some(fault)),
            }
        }
        position = page.end();
    }
    let missing = || Fault::damaged("it does not begin with the first page of a stream");
    let (serial, mut stream, mut headers) = found.ok_or_else(|| refusal.unwrap_or_else(missing))?;
    if let Stream::Flac(_) = &stream {
        position = flac_sound(source, serial, position..end, headers)?;
        headers = 0;
    }
    let mut packet = Vec::new();
    for _ in 0..MOST_HEADER_PAGES {
        if headers == 0 {
            break;
        }
        let page =
            next_page(source, position..end)?.ok_or_else(|| Fault::truncated("it stops before the sound begins"))?;
        position = page.end();
        if page.serial != serial {
            continue;
        }
        let mut at = page.body().start;
        for &length in &page.lacing {
            // Only the last Vorbis header is needed; comments and the pictures in them are passed over.
            if headers == 1 && matches!(stream, Stream::Vorbis(_)) && packet.len() < LONGEST_SETUP {
                packet.extend_from_slice(source.peek(at, usize::from(length))?);
            }
            at += u64::from(length);
            if length < 255 && headers > 0 {
                headers -= 1;
            }
        }
    }
    if headers > 0 {
        return Err(Fault::damaged("its headers do not end"));
    }
    if position >= end {
        return Err(Fault::truncated("it stops before the sound begins"));
    }
    if let Stream::Vorbis(setup) = &mut stream {
        setup.append(&mut packet);
    }
    Ok(Link { serial, stream, pages: position..end, last_granule: 0 })
}

/// Where the headers of a stream of FLAC end. How many there are is told, and not always rightly: a packet that begins
/// as no metadata block does is sound.
fn flac_sound(source: &mut Source, serial: u32, range: Range<u64>, mut headers: usize) -> Result<u64, Fault> {
    let (mut position, mut end_of_headers) = (range.start, range.start);
    for _ in 0..MOST_HEADER_PAGES {
        let Some(page) = next_page(source, position..range.end)? else {
            return if headers == 0 {
                Ok(end_of_headers)
            } else {
                Err(Fault::truncated("it stops before the sound begins"))
            };
        };
        position = page.end();
        if page.serial != serial {
            continue;
        }
        let first = source.peek(page.body().start, 1)?.first().copied().filter(|_| !page.continued);
        let is_frame = first == Some(0xff);
        if is_frame || headers == 0 && first.is_none_or(|kind| kind & 0x7f > 6) {
            return Ok(end_of_headers);
        }
        headers = headers.saturating_sub(page.lacing.iter().filter(|&&length| length < 255).count());
        end_of_headers = page.end();
    }
    Err(Fault::damaged("its headers do not end"))
}

/// Which codec the first packet of a stream introduces, and how many headers follow it.
fn identify(packet: &[u8]) -> Result<(Stream, usize), Fault> {
    if packet.starts_with(b"\x01vorbis") {
        Ok((Stream::Vorbis(packet.to_vec()), 2))
    } else if packet.starts_with(b"OpusHead") {
        Ok((Stream::Opus(packet.to_vec()), 1))
    } else if packet.starts_with(b"\x7fFLAC") && packet.len() >= 51 {
        Ok((Stream::Flac(packet[17..51].to_vec()), usize::from(u16::from_be_bytes([packet[7], packet[8]])).max(1)))
    } else if packet.starts_with(b"Speex   ") {
        Err(Fault::unsupported("Speex"))
    } else if packet.starts_with(b"\x80theora") || packet.starts_with(b"BBCD") {
        Err(Fault::unsupported("video without a known kind of sound"))
    } else {
        Err(Fault::unsupported("this kind of stream in an Ogg file"))
    }
}

/// Walks all pages for the beginnings of further links and bounds every link.
fn find_chained(source: &mut Source, links: &mut Vec<Link>, end: u64) -> Result<(), Fault> {
    let mut position = links[0].pages.start;
    while let Some(page) = next_page(source, position..end)? {
        position = page.end();
        if !page.first {
            continue;
        }
        if let Some(link) = links.last_mut() {
            link.pages.end = page.at;
        }
        // A link without sound is passed over.
        if let Ok(link) = open_link(source, page.at, end) {
            position = link.pages.start;
            links.push(link);
        } else {
            while let Some(other) = self::page(source, position)?.filter(|page| page.first) {
                position = other.end();
            }
        }
        if links.len() > MOST_LINKS {
            return Err(Fault::damaged("it is chained of too many streams"));
        }
    }
    Ok(())
}

/// The last granule position of a link that belongs to its stream.
fn last_granule(source: &mut Source, link: &Link) -> Result<i64, Fault> {
    let mut reach = 2 * LONGEST_PAGE;
    loop {
        let start = link.pages.end.saturating_sub(reach).max(link.pages.start);
        let (mut position, mut last) = (start, None);
        while let Some(page) = next_page(source, position..link.pages.end)? {
            position = if page.end() > link.pages.end { page.at + 1 } else { page.end() };
            if page.serial == link.serial && page.completes_packet() && page.granule >= 0 {
                last = Some(page.granule);
            }
        }
        if last.is_some() || start == link.pages.start {
            return Ok(last.unwrap_or(0));
        }
        reach *= 4;
    }
}
