//! Ogg: pages become packets, granule positions become frames, and the links of a chained file become one stretch of
//! sound.
//!
//! A granule position is where the sound behind a page's last packet is, so positions are anchored at ends of pages:
//! after a seek, one page is decoded only to find out where one is (and to let the decoder settle).

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_VORBIS};

use crate::audio::error::Fault;
use crate::audio::opus;
use crate::audio::payload::ogg::{Link, Page, Stream, links, next_page};
use crate::audio::source::Source;

use super::decoder::{Decoded, Decoder};
use super::{Codec, Format, Track};

/// Seconds that are decoded and dropped before the wanted frame, at least. Opus asks for 0.08; pages last up to one
/// second.
const RUN_IN: i64 = 1;

/// The longest packet that is put together from pages.
const LONGEST_PACKET: usize = 4 << 20;

/// One link and where its frames are among those of the file.
struct Part {
    link: Link,
    /// Granule position of the first frame that the decoder yields.
    origin: i64,
    /// Granule position of the first frame to hear.
    first: i64,
    /// Frames of the links before this one.
    before: u64,
    frames: u64,
}

pub(super) struct OggTrack {
    source: Source,
    parts: Vec<Part>,
    format: Format,
    reader: Reader,
    /// The part that is being read.
    part: usize,
}

/// Reads one link from some page on.
struct Reader {
    decoder: Decoder,
    serial: u32,
    /// Where the next page is sought, and where the link ends.
    position: u64,
    end: u64,
    page: Option<Page>,
    /// Segments of the page that are used up, and where the next one begins.
    segment: usize,
    at: u64,
    /// A packet as far as it was put together; `None` while the rest of a packet is skipped whose beginning is missing.
    packet: Option<Vec<u8>>,
    /// Granule position of the next frame that the decoder yields.
    granule: i64,
}

/// What one packet gave.
struct Step {
    start: i64,
    /// Whether the packet was the last one of a page that says where it ends.
    anchored: bool,
    last_page: bool,
}

impl Reader {
    fn new(link: &Link) -> Result<Self, Fault> {
        Ok(Self {
            decoder: decoder(&link.stream)?.0,
            serial: link.serial,
            position: link.pages.start,
            end: link.pages.end,
            page: None,
            segment: 0,
            at: 0,
            packet: Some(Vec::new()),
            granule: 0,
        })
    }

    /// Starts over at the page at `position`.
    fn restart(&mut self, position: u64) {
        self.decoder.reset();
        (self.position, self.page, self.packet) = (position, None, Some(Vec::new()));
    }

    /// Decodes the next packet; `None` at the end of the link.
    fn step(&mut self, source: &mut Source, mono: &mut Vec<f32>) -> Result<Option<Step>, Fault> {
        loop {
            let Some(page) = self.page.as_ref().filter(|page| self.segment < page.lacing.len()) else {
                if !self.turn_page(source)? {
                    return Ok(None);
                }
                continue;
            };
            let length = page.lacing[self.segment];
            let bytes = source.peek(self.at, usize::from(length))?;
            if let Some(packet) = &mut self.packet {
                if packet.len() > LONGEST_PACKET {
                    self.packet = None;
                } else {
                    packet.extend_from_slice(bytes);
                }
            }
            self.segment += 1;
            self.at += u64::from(length);
            if length == 255 {
                continue;
            }
            let rest_completes_none = page.lacing[self.segment..].iter().all(|&length| length == 255);
            let anchored = rest_completes_none && page.granule >= 0;
            let (anchor, last_page) = (page.granule, page.last);
            let Some(mut packet) = self.packet.replace(Vec::new()) else { continue };
            let start = self.granule;
            let before = mono.len();
            if let Decoded::End = self.decoder.decode(&packet, 0, mono)? {
                return Ok(None);
            }
            packet.clear();
            self.packet = Some(packet);
            self.granule += (mono.len() - before) as i64;
            // The last page says where the sound is to be cut; every other one says where it is.
            if anchored && !last_page {
                self.granule = anchor;
            }
            return Ok(Some(Step { start, anchored, last_page }));
        }
    }

    /// Turns to the next page of the stream.
    fn turn_page(&mut self, source: &mut Source) -> Result<bool, Fault> {
        while let Some(page) = next_page(source, self.position..self.end)? {
            self.position = page.end();
            if page.serial != self.serial {
                continue;
            }
            // The rest of a packet without its beginning, or a beginning without its rest: damage, or a place that was
            // sought.
            if page.continued != self.packet.as_ref().is_none_or(|packet| !packet.is_empty()) {
                self.packet = if page.continued { None } else { Some(Vec::new()) };
            }
            (self.segment, self.at) = (0, page.body().start);
            self.page = Some(page);
            return Ok(true);
        }
        Ok(false)
    }
}

/// The decoder of a stream, its codec, and for Opus the frames to drop at the start.
fn decoder(stream: &Stream) -> Result<(Decoder, Codec, i64), Fault> {
    let symphonia = |codec, extra: &[u8]| {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec).with_extra_data(extra.into());
        Decoder::symphonia(&parameters)
    };
    match stream {
        Stream::Vorbis(headers) => Ok((symphonia(CODEC_ID_VORBIS, headers)?, Codec::Vorbis, 0)),
        Stream::Flac(info) => Ok((symphonia(CODEC_ID_FLAC, info)?, Codec::Flac, 0)),
        Stream::Opus(head) => {
            let head = opus::Head::parse(head)?;
            let pre_skip = i64::from(head.pre_skip);
            Ok((Decoder::Opus(opus::Decoder::new(head)?), Codec::Opus, pre_skip))
        }
    }
}

/// Sample rate in Hz and number of channels of a stream, from its header.
fn shape(stream: &Stream) -> Result<(u32, u16), Fault> {
    match stream {
        Stream::Vorbis(head) => match head.get(11..16) {
            Some(&[channels, a, b, c, d]) => Ok((u32::from_le_bytes([a, b, c, d]), u16::from(channels))),
            _ => Err(Fault::damaged("its Vorbis header is cut short")),
        },
        Stream::Opus(head) => Ok((opus::RATE, opus::Head::parse(head)?.channels)),
        Stream::Flac(info) => match info.get(10..13) {
            Some(&[a, b, c]) => {
                Ok((u32::from(a) << 12 | u32::from(b) << 4 | u32::from(c) >> 4, u16::from(c >> 1 & 7) + 1))
            }
            _ => Err(Fault::damaged("its FLAC header is cut short")),
        },
    }
}

impl OggTrack {
    /// Opens the file whose first page is at `start`.
    pub(super) fn open(mut source: Source, start: u64) -> Result<Self, Fault> {
        let mut parts: Vec<Part> = Vec::new();
        let mut format = None;
        let mut total = 0;
        for link in links(&mut source, start)? {
            let (sample_rate, channels) = shape(&link.stream)?;
            // Symphonia undoes the coupling of channels in the wrong order, which only shows where a channel is coupled
            // twice.
            if channels > 2 && matches!(link.stream, Stream::Vorbis(_)) {
                return Err(Fault::unsupported("Vorbis with more than two channels"));
            }
            let (_, codec, pre_skip) = decoder(&link.stream)?;
            let known = format.get_or_insert(Format { codec, sample_rate, channels, total: 1 });
            // A clip has one rate: a link of another one is left out.
            if known.sample_rate != sample_rate {
                continue;
            }
            let origin = origin(&mut source, &link)?;
            let first = origin.max(0).saturating_add(pre_skip);
            let frames = u64::try_from(link.last_granule.saturating_sub(first)).unwrap_or(0);
            if frames > 0 {
                parts.push(Part { link, origin, first, before: total, frames });
                total = total.saturating_add(frames);
            }
        }
        let (Some(mut format), Some(part)) = (format, parts.first()) else {
            return Err(Fault::Empty("its sound has no samples"));
        };
        format.total = total;
        let mut reader = Reader::new(&part.link)?;
        reader.granule = part.origin;
        Ok(Self { source, parts, format: format.checked()?, reader, part: 0 })
    }

    fn enter(&mut self, part: usize) -> Result<(), Fault> {
        self.part = part;
        self.reader = Reader::new(&self.parts[part].link)?;
        self.reader.granule = self.parts[part].origin;
        Ok(())
    }

    /// The last page whose end is at or before the granule position `target`, by bisection.
    fn page_before(&mut self, target: i64) -> Result<Option<u64>, Fault> {
        const CLOSE: u64 = 32 * 1024;
        let link = &self.parts[self.part].link;
        let (serial, end) = (link.serial, link.pages.end);
        let (mut low, mut high) = (link.pages.start, end);
        let mut best = None;
        // The last page of the lower part may reach beyond the upper end.
        while low.saturating_add(CLOSE) < high {
            let middle = low + (high - low) / 2;
            match anchor(&mut self.source, middle, high, serial)? {
                Some(page) if page.granule <= target => (low, best) = (page.end(), Some(page.at)),
                _ => high = middle,
            }
        }
        while let Some(page) = anchor(&mut self.source, low, end, serial)?.filter(|page| page.granule <= target) {
            (low, best) = (page.end(), Some(page.at));
        }
        Ok(best)
    }
}

/// The first page of the stream in `start..end` that says where it ends.
fn anchor(source: &mut Source, start: u64, end: u64, serial: u32) -> Result<Option<Page>, Fault> {
    let mut position = start;
    while let Some(page) = next_page(source, position..end)? {
        if page.serial == serial && page.granule >= 0 {
            return Ok(Some(page));
        }
        position = page.end();
    }
    Ok(None)
}

/// The granule position of the first frame that the decoder yields: that of the first page less what the page holds. It
/// is positive in a recording that joins a broadcast, and negative where the encoder wants its first frames dropped.
fn origin(source: &mut Source, link: &Link) -> Result<i64, Fault> {
    let mut reader = Reader::new(link)?;
    let mut sound = Vec::new();
    while let Some(step) = reader.step(source, &mut sound)? {
        if step.last_page {
            break;
        }
        if step.anchored {
            return Ok(reader.granule - sound.len() as i64);
        }
    }
    Ok(0)
}

impl Track for OggTrack {
    fn format(&self) -> &Format {
        &self.format
    }

    fn seek(&mut self, frame: u64) -> Result<(), Fault> {
        let index = self.parts.partition_point(|part| part.before <= frame).saturating_sub(1);
        self.enter(index)?;
        let part = &self.parts[index];
        let wanted = part.first.saturating_add_unsigned(frame - part.before);
        let target = wanted - RUN_IN * i64::from(self.format.sample_rate);
        if target <= part.origin {
            return Ok(());
        }
        if let Some(position) = self.page_before(target)? {
            self.reader.restart(position);
            let mut dropped = Vec::new();
            while let Some(step) = self.reader.step(&mut self.source, &mut dropped)? {
                // Anchored once some packet was decoded: the first one only primes the decoder.
                if step.anchored && !dropped.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault> {
        loop {
            let part = &self.parts[self.part];
            if let Some(step) = self.reader.step(&mut self.source, mono)? {
                let local = step.start.saturating_sub(part.first);
                // What lies behind the end of a link is padding.
                let over = local.saturating_add(mono.len() as i64).saturating_sub_unsigned(part.frames).max(0) as usize;
                mono.truncate(mono.len().saturating_sub(over));
                return Ok(Some(local.saturating_add_unsigned(part.before)));
            }
            if self.part + 1 == self.parts.len() {
                return Ok(None);
            }
            self.enter(self.part + 1)?;
        }
    }
}
