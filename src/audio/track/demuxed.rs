//! What symphonia's demuxers read: FLAC, WAV, AIFF, CAF, MP4, Matroska and ADTS. Where the container is simple, the demuxer is shown a
//! minimal file (the description of the sound, then the sound) instead of the real one: comments, pictures and seek tables are then
//! neither parsed nor able to mislead it.

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
use crate::audio::payload::riff::Chunked;
use crate::audio::payload::{flac, mp4};
use crate::audio::source::{Section, Source};

use super::decoder::{Decoded, Decoder};
use super::{Codec, Format, MOST_CHANNELS, Track};

/// Part of a second that is decoded and dropped before the wanted frame of a lossy stream, whose packets overlap.
const RUN_IN_PARTS: u64 = 4;

/// `WAVE_FORMAT_MPEG` and `WAVE_FORMAT_MPEGLAYER3`.
const MPEG_IN_WAVE: [u16; 2] = [0x0050, 0x0055];

/// Opens the demuxer at the start of the sound.
type Opener = Box<dyn Fn() -> Result<Box<dyn FormatReader>, Fault> + Send>;

pub(super) struct DemuxedTrack {
    reader: Box<dyn FormatReader>,
    /// Opens it again: the one way back to the start that no demuxer gets wrong.
    opener: Opener,
    decoder: Decoder,
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
#[derive(Default)]
struct Known {
    delay: u64,
    total: Option<u64>,
}

/// An opener of the demuxer that `make` makes, over the same bytes every time.
fn opener<R: FormatReader + 'static>(
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
    DemuxedTrack::open(opener, Known { total: layout.total, ..Known::default() })
}

pub(super) fn adts(source: &Source, range: Range<u64>) -> Result<DemuxedTrack, Fault> {
    let opener = opener(source.section(Vec::new(), range), readers::AdtsReader::try_new);
    let track = DemuxedTrack::open(opener, Known::default())?;
    // Bare frames do not say whether their upper half is missing; no one encodes plain AAC at these rates.
    if track.format.sample_rate <= 24_000 {
        return Err(he_aac());
    }
    Ok(track)
}

pub(super) fn holds_mpeg(wave: &Chunked) -> bool {
    matches!(wave.description[..], [a, b, ..] if MPEG_IN_WAVE.contains(&u16::from_le_bytes([a, b])))
}

pub(super) fn wave(source: &Source, wave: Chunked) -> Result<DemuxedTrack, Fault> {
    check_shape(&wave.description, 2, 14, u16::from_le_bytes)?;
    let length = wave.data.end - wave.data.start;
    let mut head = b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec();
    chunk_body(&mut head, &wave.description, u32::to_le_bytes);
    head.extend(b"data");
    head.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    // Symphonia counts the frames of a chunk of known length; longer ones are counted here.
    let block = match wave.description.get(12..14) {
        Some(&[low, high]) => u64::from(u16::from_le_bytes([low, high])),
        _ => return Err(Fault::damaged("the description of its sound is cut short")),
    };
    let total = (length >= u64::from(u32::MAX)).then(|| length / block.max(1));
    let opener = opener(source.section(head, wave.data), readers::WavReader::try_new);
    DemuxedTrack::open(opener, Known { total, ..Known::default() })
}

pub(super) fn aiff(source: &Source, aiff: Chunked) -> Result<DemuxedTrack, Fault> {
    check_shape(&aiff.description, 0, 6, u16::from_be_bytes)?;
    let length = aiff.data.end - aiff.data.start;
    let mut sound = b"SSND".to_vec();
    sound.extend(u32::try_from(length + 8).unwrap_or(u32::MAX).to_be_bytes());
    sound.extend([0; 8]);
    let mut body = aiff.form.to_vec();
    body.extend(b"COMM");
    chunk_body(&mut body, &aiff.description, u32::to_be_bytes);
    body.extend(sound);
    let mut head = b"FORM".to_vec();
    head.extend(u32::try_from(body.len() as u64 + length).unwrap_or(u32::MAX).to_be_bytes());
    head.extend(body);
    let opener = opener(source.section(head, aiff.data), readers::AiffReader::try_new);
    DemuxedTrack::open(opener, Known::default())
}

/// Refuses numbers of channels and of bits that the demuxer would multiply out of range; they stand at these places.
fn check_shape(description: &[u8], channels: usize, bits: usize, order: fn([u8; 2]) -> u16) -> Result<(), Fault> {
    let field = |at: usize| match description.get(at..at + 2) {
        Some(&[a, b]) => Ok(order([a, b])),
        _ => Err(Fault::damaged("the description of its sound is cut short")),
    };
    let (channels, bits) = (field(channels)?, field(bits)?);
    if !(1..=MOST_CHANNELS).contains(&channels) || bits > 64 {
        return Err(Fault::damaged(format!("it declares {channels} channels of {bits} bits")));
    }
    Ok(())
}

/// Appends a chunk's length and contents, padded to an even length.
fn chunk_body(head: &mut Vec<u8>, body: &[u8], order: fn(u32) -> [u8; 4]) {
    head.extend(order(body.len() as u32));
    head.extend(body);
    head.extend(&[0][..body.len() % 2]);
}

pub(super) fn caf(source: &Source, start: u64) -> Result<DemuxedTrack, Fault> {
    let section = source.section(Vec::new(), start..source.len());
    DemuxedTrack::open(opener(section, readers::CafReader::try_new), Known::default())
}

pub(super) fn matroska(source: &Source, start: u64) -> Result<DemuxedTrack, Fault> {
    let section = source.section(Vec::new(), start..source.len());
    DemuxedTrack::open(opener(section, readers::MkvReader::try_new), Known::default())
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
        timescale if timescale == rate || timescale == 0 => ticks,
        timescale => (u128::from(ticks) * u128::from(rate) / u128::from(timescale)) as u64,
    };
    DemuxedTrack::open(opener, Known { delay: frames(delay), total: total.map(frames) })
}

fn he_aac() -> Fault {
    Fault::unsupported("HE-AAC (AAC with spectral band replication)")
}

/// Refuses what would be decoded wrongly or not at all, with its name.
fn refuse_codec(track: &mp4::Track) -> Result<(), Fault> {
    let what = match &track.codec {
        b"drms" | b"enca" | b"p608" => {
            return Err(Fault::Unsupported {
                what: "protected (DRM) sound".into(),
                advice: "only a copy without protection can be classified",
            });
        }
        b"mp4a" => match track.audio_config {
            None => return Ok(()),
            Some(config) if config.spectral_replication => return Err(he_aac()),
            // The description may announce the full rate while the configuration tells of the core only.
            Some(config)
                if config.object_type == 2
                    && (track.sample_rate == 2 * config.sample_rate || track.timescale == 2 * config.sample_rate) =>
            {
                return Err(he_aac());
            }
            Some(config) if config.channels > 2 || config.channels == 0 => "AAC with more than two channels",
            Some(config) => match config.object_type {
                2 | 34 => return Ok(()),
                1 => "AAC Main",
                3 => "AAC SSR",
                4 => "AAC LTP",
                23 | 39 => "low-delay AAC",
                42 => "xHE-AAC",
                _ => "this kind of MPEG-4 sound",
            },
        },
        b"ac-3" => "Dolby Digital (AC-3)",
        b"ec-3" => "Dolby Digital Plus",
        b"ac-4" => "Dolby AC-4",
        b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" => "DTS",
        b"samr" | b"sawb" => "AMR",
        b"mha1" | b"mhm1" => "MPEG-H",
        _ => return Ok(()),
    };
    Err(Fault::unsupported(what))
}

/// The codec of symphonia's number, or the name of one that is not decoded.
fn codec(number: symphonia::core::codecs::audio::AudioCodecId) -> Result<Codec, Fault> {
    match number {
        id::CODEC_ID_MP3 => Ok(Codec::Mp3),
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 => Ok(Codec::Mp2),
        id::CODEC_ID_FLAC => Ok(Codec::Flac),
        id::CODEC_ID_VORBIS => Ok(Codec::Vorbis),
        id::CODEC_ID_OPUS => Ok(Codec::Opus),
        id::CODEC_ID_AAC => Ok(Codec::Aac),
        id::CODEC_ID_ALAC => Ok(Codec::Alac),
        id::CODEC_ID_ADPCM_MS | id::CODEC_ID_ADPCM_IMA_WAV | id::CODEC_ID_ADPCM_IMA_QT => Ok(Codec::Adpcm),
        id::CODEC_ID_AC3 => Err(Fault::unsupported("Dolby Digital (AC-3)")),
        id::CODEC_ID_EAC3 => Err(Fault::unsupported("Dolby Digital Plus")),
        id::CODEC_ID_DCA => Err(Fault::unsupported("DTS")),
        id::CODEC_ID_SPEEX => Err(Fault::unsupported("Speex")),
        id::CODEC_ID_WAVPACK => Err(Fault::unsupported("WavPack")),
        _ => Ok(Codec::Pcm),
    }
}

impl DemuxedTrack {
    fn open(opener: Opener, known: Known) -> Result<Self, Fault> {
        let reader = opener()?;
        let track = reader.default_track(TrackType::Audio).or_else(|| reader.first_track(TrackType::Audio));
        let track = track.ok_or(Fault::NotAudio("there is no track of sound in it"))?.clone();
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(Fault::unsupported("this kind of sound"));
        };
        let codec = codec(parameters.codec)?;
        let (decoder, sample_rate, channels, pre_skip) = match codec {
            Codec::Opus => {
                let head = opus_head(parameters)?;
                let (channels, pre_skip) = (head.channels, u64::from(head.pre_skip));
                (Decoder::Opus(opus::Decoder::new(head)?), opus::RATE, channels, pre_skip)
            }
            _ => {
                let decoder = Decoder::symphonia(parameters)?;
                let settled = match &decoder {
                    Decoder::Symphonia(decoder) => decoder.codec_params(),
                    Decoder::Opus(_) => parameters,
                };
                let sample_rate = settled.sample_rate.or(parameters.sample_rate).unwrap_or(0);
                if codec == Codec::Aac && parameters.sample_rate.is_some_and(|declared| declared == 2 * sample_rate) {
                    return Err(he_aac());
                }
                let channels = settled.channels.as_ref().or(parameters.channels.as_ref()).map_or(0, |c| c.count());
                if codec == Codec::Vorbis && channels > 2 {
                    return Err(Fault::unsupported("Vorbis with more than two channels"));
                }
                (decoder, sample_rate, u16::try_from(channels).unwrap_or(u16::MAX), 0)
            }
        };
        let time_base = track.time_base.or(TimeBase::try_from_recip(sample_rate));
        let time_base = time_base.ok_or_else(|| Fault::damaged("it has no clock"))?;
        let delay = if codec == Codec::Opus { pre_skip.max(known.delay) } else { known.delay };
        let mut this = Self {
            reader,
            opener,
            decoder,
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

    /// The next packet of the track; `None` at the end, and where the container stops making sense: whether enough of the sound was
    /// there is judged by whoever wanted it.
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

/// The Opus header as Matroska keeps it (whole) or MP4 (its own layout).
fn opus_head(parameters: &AudioCodecParameters) -> Result<opus::Head, Fault> {
    let bytes = parameters.extra_data.as_deref().unwrap_or_default();
    if bytes.starts_with(b"OpusHead") { opus::Head::parse(bytes) } else { opus::Head::from_mp4(bytes) }
}

impl Track for DemuxedTrack {
    fn format(&self) -> &Format {
        &self.format
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
            // A second track that is shorter, or an index that is broken: go through the packets from the start instead.
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
        // Coarse clocks (Matroska's counts milliseconds) tell roughly where a packet is; between them frames are counted.
        let tolerance = i64::from(self.format.sample_rate) / 20;
        let start = match self.next {
            Some(next) if stamped.abs_diff(next) <= tolerance as u64 => next,
            _ => stamped,
        };
        let before = mono.len();
        match self.decoder.decode(&packet.data, mono)? {
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
