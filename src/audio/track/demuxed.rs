//! What symphonia's demuxers read: packets with positions, by a track that can be sought. Here are FLAC, MP4, Matroska
//! and ADTS, in [chunked](super::chunked) the formats made of chunks. FLAC is shown to the demuxer as a minimal file,
//! as those are.

use std::ops::Range;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSourceStream, ReadBytes};
use symphonia::core::units::{TimeBase, Timestamp};
use symphonia::default::formats as readers;

use crate::audio::error::Fault;
use crate::audio::opus;
use crate::audio::payload::{flac, mp4};
use crate::audio::source::{Section, Source};
use crate::formats::mpeg::Header;
use crate::formats::{Kind, Mark};

use super::decoder::{Decoded, Decoder};
use super::description::decoded;
use super::{Codec, Format, Track, mpeg};

/// Part of a second that is decoded and dropped before the wanted frame of a lossy stream, whose packets overlap.
const RUN_IN_PARTS: u64 = 4;

/// Opens the demuxer at the start of the sound.
pub(super) type Opener = Box<dyn Fn() -> symphonia::core::errors::Result<Box<dyn FormatReader>> + Send>;

pub(super) struct DemuxedTrack {
    reader: Box<dyn FormatReader>,
    /// Opens it again: the one way back to the start that no demuxer gets wrong.
    opener: Opener,
    decoder: Decoder,
    /// Of MPEG audio, a frame like those that the decoder was made for.
    mpeg: Option<Header>,
    format: Format,
    track: u32,
    time_base: TimeBase,
    /// Frames that the decoder yields before the first one to hear.
    delay: i64,
    /// The next frame, counted from the first one that the decoder yields; after a seek the next packet tells.
    next: Option<i64>,
    /// Packets that end before this frame are passed over undecoded: how a seek is done where the demuxer cannot.
    pass_until: i64,
}

/// What the caller knows better than the demuxer.
pub(super) struct Known {
    /// The kind of file that the sound is in.
    pub kind: Kind,
    pub delay: u64,
    pub total: Option<u64>,
}

impl Known {
    /// Nothing but the kind of file.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, delay: 0, total: None }
    }
}

/// An opener of the demuxer that `make` makes, over the same bytes every time.
pub(super) fn opener<R: FormatReader + 'static>(
    section: Section,
    make: fn(MediaSourceStream<'static>, FormatOptions) -> symphonia::core::errors::Result<R>,
) -> Opener {
    Box::new(move || {
        let stream = MediaSourceStream::new(Box::new(section.clone()), Default::default());
        Ok(Box::new(make(stream, FormatOptions::default())?))
    })
}

pub(super) fn flac(source: &Source, layout: flac::Layout) -> Result<DemuxedTrack, Fault> {
    let mut head = b"fLaC\x80\x00\x00\x22".to_vec();
    head.extend(layout.stream_info);
    let opener = opener(source.section(head, layout.frames), readers::FlacReader::try_new);
    DemuxedTrack::open(opener, Known { total: layout.total, ..Known::of(Kind::Flac) })
}

pub(super) fn adts(source: &Source, range: Range<u64>) -> Result<DemuxedTrack, Fault> {
    let opener = opener(source.section(Vec::new(), range), readers::AdtsReader::try_new);
    let track = DemuxedTrack::open(opener, Known::of(Kind::Adts))?;
    // Bare frames do not say whether their upper half is missing; no one encodes plain AAC at these rates.
    if track.format.sample_rate <= 24_000 {
        return Err(he_aac());
    }
    Ok(track)
}

pub(super) fn matroska(source: &Source, start: u64) -> Result<DemuxedTrack, Fault> {
    let section = source.section(Vec::new(), start..source.len());
    DemuxedTrack::open(opener(section, readers::MkvReader::try_new), Known::of(Kind::Matroska))
}

pub(super) fn mp4(source: &Source, start: u64, layout: &mp4::Layout) -> Result<DemuxedTrack, Fault> {
    let track = &layout.track;
    refuse_codec(track)?;
    let section = source.section(Vec::new(), start..source.len());
    // The demuxer goes back by the length of a box before it begins.
    let opener = opener(section, |mut stream, options| {
        stream.ignore_bytes(4)?;
        readers::IsoMp4Reader::try_new(stream, options)
    });
    let (delay, total) = track.edit();
    let rate = u64::from(track.audio_config.map_or(track.sample_rate, |config| config.sample_rate));
    let frames = |ticks: u64| match u64::from(track.timescale) {
        timescale if timescale == rate || timescale == 0 || rate == 0 => ticks,
        timescale => (u128::from(ticks) * u128::from(rate) / u128::from(timescale)) as u64,
    };
    DemuxedTrack::open(opener, Known { kind: Kind::Mp4, delay: frames(delay), total: total.map(frames) })
}

fn he_aac() -> Fault {
    Fault::unsupported("HE-AAC (AAC with spectral band replication)")
}

/// Refuses what would be decoded wrongly or not at all, with its name.
fn refuse_codec(track: &mp4::Track) -> Result<(), Fault> {
    // The demuxer takes the order of Intel for granted.
    if let b"in24" | b"in32" | b"fl32" | b"fl64" = &track.codec
        && !track.little_endian
    {
        return Err(Fault::unsupported("PCM with its bytes in the order of QuickTime"));
    }
    if &track.codec != b"mp4a" {
        return decoded(Kind::Mp4, Mark::Four(&track.codec)).map(|_| ());
    }
    let Some(config) = track.audio_config else { return Ok(()) };
    // The description may announce the full rate while the configuration tells of the core only.
    let doubled = [track.sample_rate, track.timescale].contains(&(2 * config.sample_rate));
    if config.spectral_replication || config.object_type == 2 && doubled {
        return Err(he_aac());
    }
    if config.object_type == 2 && !(1..=2).contains(&config.channels) {
        return Err(Fault::unsupported("AAC with more than two channels"));
    }
    decoded(Kind::Mp4, Mark::Object(config.object_type)).map(|_| ())
}

/// The codec of symphonia's number; one that is not decoded is refused by its name.
fn codec(number: symphonia::core::codecs::audio::AudioCodecId, kind: Kind) -> Result<Codec, Fault> {
    let mark = match number {
        id::CODEC_ID_MP3 => return Ok(Codec::Mp3),
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 => return Ok(Codec::Mp2),
        id::CODEC_ID_FLAC => return Ok(Codec::Flac),
        id::CODEC_ID_VORBIS => return Ok(Codec::Vorbis),
        id::CODEC_ID_OPUS => return Ok(Codec::Opus),
        id::CODEC_ID_AAC => return Ok(Codec::Aac),
        id::CODEC_ID_ALAC => return Ok(Codec::Alac),
        id::CODEC_ID_AC3 => "A_AC3",
        id::CODEC_ID_EAC3 => "A_EAC3",
        id::CODEC_ID_TRUEHD => "A_TRUEHD",
        id::CODEC_ID_DCA => "A_DTS",
        id::CODEC_ID_WAVPACK => "A_WAVPACK4",
        id::CODEC_ID_TTA => "A_TTA1",
        id::CODEC_ID_MUSEPACK => "A_MPC",
        id::CODEC_ID_COOK | id::CODEC_ID_SIPR | id::CODEC_ID_RALF => "A_REAL",
        _ => return Ok(Codec::Pcm),
    };
    // Matroska's names are the ones that all of these have.
    match decoded(Kind::Matroska, Mark::Text(mark)) {
        Err(Fault::Unsupported { what, advice }) => {
            let what = what.replace(Kind::Matroska.name(), kind.name());
            Err(Fault::Unsupported { what, advice })
        }
        Err(fault) => Err(fault),
        Ok(_) => Ok(Codec::Pcm),
    }
}

/// Why a demuxer or decoder did not take a header. They know less forms than there are, so that a header which they do
/// not understand is no proof of damage; those of FLAC and ADTS have one form.
fn not_taken(error: Error, kind: Kind) -> Fault {
    match error {
        Error::DecodeError(why) | Error::LimitError(why) if !matches!(kind, Kind::Flac | Kind::Adts) => {
            Fault::unsupported(format!("this form of {kind} ({why})"))
        }
        error => error.into(),
    }
}

/// What is settled about the sound of a track before its first packet is decoded.
struct Sound {
    decoder: Decoder,
    codec: Codec,
    sample_rate: u32,
    channels: u16,
    pre_skip: u64,
}

impl Sound {
    fn of(parameters: &AudioCodecParameters, kind: Kind, first: Option<Header>) -> Result<Self, Fault> {
        // A container may call every layer MP3, and need not tell rate and channels.
        if let Some(header) = first {
            let (sample_rate, channels) = (header.sample_rate, header.channels);
            return Ok(Self {
                decoder: mpeg::decoder(&header)?,
                codec: mpeg::codec(&header),
                sample_rate,
                channels,
                pre_skip: 0,
            });
        }
        let codec = codec(parameters.codec, kind)?;
        if codec == Codec::Opus {
            let head = opus_head(parameters)?;
            let (channels, pre_skip) = (head.channels, u64::from(head.pre_skip));
            let decoder = Decoder::Opus(opus::Decoder::new(head)?);
            return Ok(Self { decoder, codec, sample_rate: opus::RATE, channels, pre_skip });
        }
        let decoder = Decoder::symphonia(parameters).map_err(|error| not_taken(error, kind))?;
        let settled = decoder.parameters().unwrap_or(parameters);
        let sample_rate = settled.sample_rate.or(parameters.sample_rate).unwrap_or(0);
        if codec == Codec::Aac && parameters.sample_rate.is_some_and(|declared| declared == 2 * sample_rate) {
            return Err(he_aac());
        }
        let channels = settled.channels.as_ref().or(parameters.channels.as_ref()).map_or(0, |c| c.count());
        if codec == Codec::Vorbis && channels > 2 {
            return Err(Fault::unsupported("Vorbis with more than two channels"));
        }
        Ok(Self { decoder, codec, sample_rate, channels: u16::try_from(channels).unwrap_or(u16::MAX), pre_skip: 0 })
    }
}

/// The header of the first MPEG frame of a track, if its packets are whole frames.
fn first_header(reader: &mut dyn FormatReader, track: u32) -> Option<Header> {
    /// Packets that are looked at.
    const TRIED: usize = 64;
    for _ in 0..TRIED {
        let packet = reader.next_packet().ok()??;
        let header = packet.data.first_chunk::<4>().copied().and_then(Header::parse);
        if let Some(header) = header.filter(|_| packet.track_id == track) {
            return Some(header);
        }
    }
    None
}

impl DemuxedTrack {
    pub(super) fn open(opener: Opener, known: Known) -> Result<Self, Fault> {
        let mut reader = opener().map_err(|error| not_taken(error, known.kind))?;
        let track = reader.default_track(TrackType::Audio).or_else(|| reader.first_track(TrackType::Audio));
        let track = track.ok_or(Fault::NotAudio("there is no track of a known kind of sound in it"))?.clone();
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(Fault::unsupported(format!("this kind of sound in {}", known.kind)));
        };
        let first = if let id::CODEC_ID_MP1 | id::CODEC_ID_MP2 | id::CODEC_ID_MP3 = parameters.codec {
            let first = first_header(reader.as_mut(), track.id);
            reader = opener()?;
            let unusual = || Fault::unsupported(format!("this form of MPEG audio in {}", known.kind));
            Some(first.ok_or_else(unusual)?)
        } else {
            None
        };
        let Sound { decoder, codec, sample_rate, channels, pre_skip } = Sound::of(parameters, known.kind, first)?;
        let time_base = track.time_base.or(TimeBase::try_from_recip(sample_rate));
        let time_base = time_base.ok_or_else(|| Fault::damaged("it has no clock"))?;
        let delay = if codec == Codec::Opus { pre_skip.max(known.delay) } else { known.delay };
        let mut this = Self {
            reader,
            opener,
            decoder,
            mpeg: first,
            format: Format { codec, sample_rate, channels, total: 1 }.checked()?,
            track: track.id,
            time_base,
            delay: i64::try_from(delay).unwrap_or(0),
            next: Some(0),
            pass_until: i64::MIN,
        };
        let ticks = |duration: Option<symphonia::core::units::Duration>| duration.map(|d| d.get()).filter(|&d| d > 0);
        let media = *this.reader.media_info();
        let held = if let Some(frames) = track.num_frames.filter(|&frames| frames > 0 && codec != Codec::Opus) {
            Some(frames)
        } else if let Some(duration) = ticks(track.duration) {
            Some(scale(duration, this.time_base, sample_rate))
        } else {
            media.time_base.zip(ticks(media.duration)).map(|(base, duration)| scale(duration, base, sample_rate))
        };
        this.format.total = match (known.total, held) {
            (Some(total), _) => total,
            (None, Some(held)) => held.saturating_sub(delay),
            (None, None) => this.count()?.saturating_sub(delay),
        };
        this.format = this.format.checked()?;
        Ok(this)
    }

    /// Ticks of the track's clock as frames.
    fn frames(&self, ticks: i64) -> i64 {
        let frames = scale(ticks.unsigned_abs(), self.time_base, self.format.sample_rate);
        i64::try_from(frames).unwrap_or(i64::MAX) * ticks.signum()
    }

    /// Frames as ticks of the track's clock, rounded down.
    fn ticks(&self, frames: i64) -> i64 {
        let (numerator, denominator) = (i128::from(self.time_base.numer.get()), i128::from(self.time_base.denom.get()));
        let ticks = i128::from(frames) * denominator / (numerator * i128::from(self.format.sample_rate));
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// Counts the frames of a file that does not declare them, packet by packet, without decoding.
    fn count(&mut self) -> Result<u64, Fault> {
        let mut end = 0;
        while let Some(packet) = self.packet()? {
            end = end.max(self.frames(packet.pts.get().saturating_add_unsigned(packet.dur.get())));
        }
        self.reader = (self.opener)()?;
        Ok(end as u64)
    }

    fn decode_packet(&mut self, data: &[u8], frames: u64, mono: &mut Vec<f32>) -> Result<Decoded, Fault> {
        // The decoder of MPEG frames keeps to the number of channels that it began with.
        let header = data.first_chunk::<4>().copied().and_then(Header::parse);
        if let (Some(known), Some(header)) = (&self.mpeg, header)
            && header.continues(known)
            && header.channels != known.channels
        {
            self.decoder = mpeg::decoder(&header)?;
            self.mpeg = Some(header);
        }
        self.decoder.decode(data, frames, mono)
    }

    /// The next packet of the track; `None` at the end, and where the container stops making sense: whether enough of
    /// the sound was there is judged by whoever wanted it.
    fn packet(&mut self) -> Result<Option<symphonia::core::packet::Packet>, Fault> {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Err(Error::IoError(error)) if error.raw_os_error().is_some() => return Err(error.into()),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }
}

/// Ticks of a clock as frames.
fn scale(ticks: u64, base: TimeBase, sample_rate: u32) -> u64 {
    let numerator = u128::from(ticks) * u128::from(base.numer.get()) * u128::from(sample_rate);
    u64::try_from(numerator / u128::from(base.denom.get())).unwrap_or(u64::MAX)
}

/// The Opus header as Matroska keeps it (whole) or MP4 (its own layout, with its numbers the other way round). The
/// demuxer of MP4 puts the mark of the one before the other and leaves the numbers as they are; MP4's layout is of
/// version 0, which the whole header never was.
fn opus_head(parameters: &AudioCodecParameters) -> Result<opus::Head, Fault> {
    let bytes = parameters.extra_data.as_deref().unwrap_or_default();
    match bytes.strip_prefix(b"OpusHead") {
        Some(layout) if layout.first() == Some(&0) => opus::Head::from_mp4(layout),
        Some(_) => opus::Head::parse(bytes),
        None => opus::Head::from_mp4(bytes),
    }
}

impl Track for DemuxedTrack {
    fn format(&self) -> &Format {
        &self.format
    }

    fn cannot(&self) -> Option<&'static str> {
        self.decoder.cannot()
    }

    fn seek(&mut self, frame: u64) -> Result<(), Fault> {
        let run_in = match self.format.codec {
            Codec::Flac | Codec::Alac | Codec::Pcm => 0,
            _ => u64::from(self.format.sample_rate) / RUN_IN_PARTS,
        };
        let wanted =
            i64::try_from(frame).unwrap_or(i64::MAX).saturating_add(self.delay).saturating_sub_unsigned(run_in).max(0);
        self.decoder.reset();
        self.next = None;
        self.pass_until = i64::MIN;
        let ts = Timestamp::new(self.ticks(wanted));
        if self.reader.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: self.track }).is_err() {
            // A second track that is shorter, or an index that is broken: go through the packets from the start
            // instead.
            self.reader = (self.opener)()?;
            self.pass_until = wanted;
        }
        Ok(())
    }

    fn decode(&mut self, mono: &mut Vec<f32>) -> Result<Option<i64>, Fault> {
        let (packet, stamped) = loop {
            let Some(packet) = self.packet()? else { return Ok(None) };
            let stamped = self.frames(packet.pts.get());
            let length = self.frames(i64::try_from(packet.dur.get()).unwrap_or(i64::MAX));
            if stamped.saturating_add(length) > self.pass_until {
                break (packet, stamped);
            }
        };
        // Coarse clocks (Matroska's counts milliseconds) tell roughly where a packet is; between them frames are
        // counted.
        let tolerance = i64::from(self.format.sample_rate) / 20;
        let start = match self.next {
            Some(next) if stamped.abs_diff(next) <= tolerance as u64 => next,
            _ => stamped,
        };
        let before = mono.len();
        match self.decode_packet(&packet.data, packet.dur.get(), mono)? {
            Decoded::Sound(rate) if rate != self.format.sample_rate => {
                return Err(match self.format.codec {
                    Codec::Aac => he_aac(),
                    _ => Fault::damaged("its sound has another rate than it declares"),
                });
            }
            Decoded::Sound(_) => {
                self.next = Some(start.saturating_add((mono.len() - before) as i64));
            }
            Decoded::Bad => {
                let length = self.frames(i64::try_from(packet.dur.get()).unwrap_or(i64::MAX));
                self.next = Some(start.saturating_add(length));
            }
            Decoded::End => return Ok(None),
        }
        Ok(Some(start.saturating_sub(self.delay)))
    }
}
