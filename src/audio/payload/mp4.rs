//! MP4 and its kin (M4A, M4B, MOV): the contents of every `mdat`, and what the movie header says about the first track
//! of sound: codec, protection, true rate, and the edit list, which tells how much of the encoder's delay to drop.

use std::ops::Range;

use crate::audio::error::Fault;
use crate::audio::source::Source;

/// The most boxes that are believed, at the top and in the movie header together. A fragmented file has two a few
/// seconds.
const MOST_BOXES: usize = 200_000;

/// The longest codec description that is read.
const LONGEST_ENTRY: u64 = 64 * 1024;

/// How deep the boxes of a track are nested: three in a sound file.
const DEEPEST: usize = 8;

/// An MP4 file.
pub(crate) struct Layout {
    /// The contents of every `mdat`.
    pub mdat: Vec<Range<u64>>,
    /// The first track of sound.
    pub track: Track,
}

/// What the movie header says about a track.
#[derive(Debug, Default, Clone)]
pub(crate) struct Track {
    /// Its number, as packets carry it.
    pub id: u32,
    /// `soun`, `vide`, ...
    handler: [u8; 4],
    /// The four characters that name the codec.
    pub codec: [u8; 4],
    /// Sample rate by the sample description, in Hz.
    pub sample_rate: u32,
    /// Ticks a second of the track's clock.
    pub timescale: u32,
    /// The first edit: its length in ticks of the movie's clock and where in the track it begins, in ticks of the
    /// track's.
    edit: Option<(u64, u64)>,
    /// AAC: the decoder's configuration.
    pub audio_config: Option<AudioConfig>,
    /// Ticks a second of the movie's clock.
    movie_timescale: u32,
    /// QuickTime's samples of several bytes: whether the lowest byte comes first.
    pub little_endian: bool,
}

/// AAC's AudioSpecificConfig (ISO 14496-3, 1.6.2.1), as far as it says which AAC it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AudioConfig {
    /// 2 is AAC-LC, 5 SBR (HE-AAC), 29 SBR with parametric stereo (HE-AAC v2), 42 xHE-AAC.
    pub object_type: u32,
    /// The core's sample rate in Hz.
    pub sample_rate: u32,
    pub channels: u32,
    /// Whether the extension at the end announces SBR.
    pub spectral_replication: bool,
}

impl Track {
    /// Samples (ticks of the track's clock) to drop at the start, and how many to keep, as far as the edit list says
    /// so.
    pub(crate) fn edit(&self) -> (u64, Option<u64>) {
        let Some((duration, start)) = self.edit else { return (0, None) };
        let ticks = u128::from(duration) * u128::from(self.timescale) / u128::from(self.movie_timescale.max(1));
        (start, u64::try_from(ticks).ok().filter(|&ticks| ticks > 0))
    }
}

struct Atom {
    kind: [u8; 4],
    body: Range<u64>,
}

/// Walks boxes and keeps count of them.
struct Walker<'a> {
    source: &'a mut Source,
    left: usize,
}

impl Walker<'_> {
    /// The box at `position`, which ends at `limit` at the latest; its declared end may lie beyond.
    fn next(&mut self, position: u64, limit: u64) -> Result<Option<Atom>, Fault> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Fault::damaged("it has too many parts"))?;
        let Some(header) = self.source.array::<8>(position)?.filter(|_| position + 8 <= limit) else { return Ok(None) };
        let kind = [header[4], header[5], header[6], header[7]];
        let (head, length) = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
            0 => (8, limit - position),
            1 => match self.source.array::<8>(position + 8)? {
                Some(length) => (16, u64::from_be_bytes(length)),
                None => return Ok(None),
            },
            length => (8, u64::from(length)),
        };
        if length < head {
            return Err(Fault::damaged("a part of it is shorter than its own header"));
        }
        Ok(Some(Atom { kind, body: position + head..position.saturating_add(length) }))
    }

    /// The boxes inside another, each checked to end there too.
    fn children(&mut self, body: Range<u64>) -> Result<Vec<Atom>, Fault> {
        let mut children = Vec::new();
        let mut position = body.start;
        while let Some(atom) = self.next(position, body.end)? {
            if atom.body.end > body.end {
                return Err(Fault::damaged("a part of it is longer than what holds it"));
            }
            position = atom.body.end;
            children.push(atom);
        }
        Ok(children)
    }

    fn bytes<const N: usize>(&mut self, atom: &Atom, offset: u64) -> Result<[u8; N], Fault> {
        let at = atom.body.start + offset;
        let bytes = self.source.array::<N>(at)?.filter(|_| at + N as u64 <= atom.body.end);
        bytes.ok_or_else(|| Fault::damaged("a part of its header is too short"))
    }

    fn u32(&mut self, atom: &Atom, offset: u64) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.bytes(atom, offset)?))
    }
}

impl Layout {
    /// Reads the layout of the file that begins at `start`.
    pub(crate) fn read(source: &mut Source, start: u64) -> Result<Self, Fault> {
        let end = source.len();
        let mut walker = Walker { source, left: MOST_BOXES };
        let (mut mdat, mut movie, mut missing, mut fragments) = (Vec::new(), None, None, 0);
        let mut position = start;
        while let Some(atom) = walker.next(position, end)? {
            if atom.body.end > end && matches!(&atom.kind, b"mdat" | b"moov" | b"moof") {
                // Kept for later: protection and codec are the better answer if the movie header is there.
                missing = Some((end.saturating_sub(atom.body.start), atom.body.end - atom.body.start));
            }
            position = atom.body.end;
            match &atom.kind {
                b"mdat" => mdat.push(atom.body.start..atom.body.end.min(end)),
                b"moov" if position <= end => movie = Some(atom),
                b"moof" => fragments += 1,
                _ => {}
            }
        }
        let track = movie.map(|movie| read_movie(&mut walker, &movie)).transpose()?;
        if missing.is_some() && fragments > 0 {
            // Nothing tells how many fragments should follow.
            return Err(Fault::truncated("it ends in the middle of a fragment"));
        }
        if let Some((present, declared)) = missing {
            super::riff::check_whole(present, declared)?;
        }
        let track = track.ok_or_else(|| Fault::truncated("its table of contents (moov) is missing"))?;
        mdat.retain(|extent| !extent.is_empty());
        if mdat.is_empty() {
            return Err(Fault::truncated("it stops before the sound begins"));
        }
        Ok(Self { mdat, track })
    }
}

/// The first track of sound of a movie header.
fn read_movie(walker: &mut Walker<'_>, movie: &Atom) -> Result<Track, Fault> {
    let mut movie_timescale = 0;
    let mut tracks = Vec::new();
    for atom in walker.children(movie.body.clone())? {
        match &atom.kind {
            b"mvhd" => {
                let version = walker.bytes::<1>(&atom, 0)?[0];
                movie_timescale = walker.u32(&atom, if version == 1 { 20 } else { 12 })?;
            }
            b"trak" => {
                let mut track = Track::default();
                read_track(walker, atom.body.clone(), &mut track, 0)?;
                tracks.push(track);
            }
            _ => {}
        }
    }
    let sound = tracks.into_iter().find(|track| &track.handler == b"soun");
    let mut track = sound.ok_or(Fault::NotAudio("it is a film or a picture without a track of sound"))?;
    track.movie_timescale = movie_timescale;
    Ok(track)
}

fn read_track(walker: &mut Walker<'_>, body: Range<u64>, track: &mut Track, depth: usize) -> Result<(), Fault> {
    if depth > DEEPEST {
        return Err(Fault::damaged("its parts are nested too deep"));
    }
    for atom in walker.children(body)? {
        match &atom.kind {
            b"mdia" | b"minf" | b"stbl" | b"edts" => read_track(walker, atom.body.clone(), track, depth + 1)?,
            b"tkhd" => {
                let version = walker.bytes::<1>(&atom, 0)?[0];
                track.id = walker.u32(&atom, if version == 1 { 20 } else { 12 })?;
            }
            b"mdhd" => {
                let version = walker.bytes::<1>(&atom, 0)?[0];
                track.timescale = walker.u32(&atom, if version == 1 { 20 } else { 12 })?;
            }
            b"hdlr" if track.handler == [0; 4] => track.handler = walker.bytes(&atom, 8)?,
            b"elst" => track.edit = read_edit(walker, &atom)?,
            b"stsd" => read_description(walker, &atom, track)?,
            _ => {}
        }
    }
    Ok(())
}

/// The first edit that shows something; an empty one (a pause) may stand before it.
fn read_edit(walker: &mut Walker<'_>, atom: &Atom) -> Result<Option<(u64, u64)>, Fault> {
    let version = walker.bytes::<1>(atom, 0)?[0];
    let count = walker.u32(atom, 4)?.min(8);
    for entry in 0..u64::from(count) {
        let (duration, start) = if version == 1 {
            let at = 8 + 20 * entry;
            (u64::from_be_bytes(walker.bytes(atom, at)?), i64::from_be_bytes(walker.bytes(atom, at + 8)?))
        } else {
            let at = 8 + 12 * entry;
            (u64::from(walker.u32(atom, at)?), i64::from(walker.u32(atom, at + 4)? as i32))
        };
        if let Ok(start) = u64::try_from(start) {
            return Ok(Some((duration, start)));
        }
    }
    Ok(None)
}

/// The sample description: the codec and, for AAC, which AAC.
fn read_description(walker: &mut Walker<'_>, atom: &Atom, track: &mut Track) -> Result<(), Fault> {
    let Some(entry) = walker.next(atom.body.start + 8, atom.body.end)? else { return Ok(()) };
    track.codec = entry.kind;
    if entry.body.end - entry.body.start < 28 || entry.body.end > atom.body.end {
        return Ok(());
    }
    track.sample_rate = walker.u32(&entry, 24)? >> 16;
    let bytes = walker.source.read(entry.body.start..entry.body.end.min(entry.body.start + LONGEST_ENTRY))?;
    if let Some(order) = bytes.windows(4).position(|mark| mark == b"enda") {
        track.little_endian = bytes.get(order + 4..order + 6) == Some(&[0, 1]);
    }
    // The configuration hides in nested descriptors whose headers have several lengths; its own tag is 5, behind tag 4
    // with 13 bytes.
    if let Some(esds) = bytes.windows(4).position(|mark| mark == b"esds") {
        track.audio_config = decoder_specific(bytes.get(esds + 8..).unwrap_or_default()).and_then(AudioConfig::parse);
    }
    Ok(())
}

/// The decoder specific information inside an ES descriptor (ISO 14496-1, 7.2.6).
fn decoder_specific(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let tag = *bytes.first()?;
        let (mut length, mut at) = (0usize, 1);
        loop {
            let byte = *bytes.get(at)?;
            (length, at) = (length << 7 | usize::from(byte & 0x7f), at + 1);
            if byte & 0x80 == 0 || at > 4 {
                break;
            }
        }
        let body = bytes.get(at..)?;
        match tag {
            // An ES descriptor: an id and flags that may announce further fields.
            3 => {
                let flags = *body.get(2)?;
                let url = if flags & 0x40 != 0 { 1 + usize::from(*body.get(3)?) } else { 0 };
                let skip = 3 + url + if flags & 0x80 != 0 { 2 } else { 0 } + if flags & 0x20 != 0 { 2 } else { 0 };
                bytes = body.get(skip..)?;
            }
            4 => bytes = body.get(13..)?,
            5 => return body.get(..length.min(body.len())),
            _ => bytes = body.get(length..)?,
        }
    }
}

impl AudioConfig {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes, at: 0 };
        let object_type = bits.object_type()?;
        let sample_rate = bits.sample_rate()?;
        let channels = bits.take(4)?;
        let mut spectral_replication = false;
        if matches!(object_type, 5 | 29) {
            spectral_replication = true;
            bits.sample_rate()?;
        } else if object_type == 2 {
            // The general configuration: frame length, core coder, extension; then, perhaps, the sync word of an
            // extension.
            bits.take(1)?;
            if bits.take(1)? == 1 {
                bits.take(14)?;
            }
            bits.take(1)?;
            if channels != 0 && bits.take(11) == Some(0x2b7) && bits.object_type() == Some(5) {
                spectral_replication = bits.take(1) == Some(1);
            }
        }
        Some(Self { object_type, sample_rate, channels, spectral_replication })
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let bit = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u32::from(bit))
        })
    }

    fn object_type(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            kind => Some(kind),
        }
    }

    fn sample_rate(&mut self) -> Option<u32> {
        const RATES: [u32; 13] =
            [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
        match self.take(4)? {
            15 => self.take(24),
            index => RATES.get(index as usize).copied(),
        }
    }
}
