//! MP3 for those who hear no more than half of it: one channel, at half the rate. The upper sixteen of Layer III's
//! thirty-two subbands are not made, channels are averaged before the transforms, of joint stereo only the sum is
//! unpacked, and nothing has to be resampled.
//!
//! This is MPEG-1 Layer III as ISO/IEC 11172-3 describes it, at 44,100 and 48,000 Hz; whatever else there is (MPEG-2,
//! other layers, other containers) is symphonia's, and so is every decoding at the full rate. Which frames there are
//! and where is the caller's business.
//!
//! ```text
//! frame ─► side information, bits of this and earlier frames ─► huffman ─► scale (both channels) ─► hybrid ─► synthesis ─► sound
//! ```
//!
//! The sound is that of the full rate after [`Clip::resampled`](crate::audio::Clip::resampled): it has the same slope
//! at its upper end (`slope`), and noise of the same density where the full-rate samples are rounded to 16 bits (see
//! `mono`). Two things differ, as they do between decoders: the channels are not rounded, and not cut off at full
//! scale, one by one.

mod bits;
mod code_words;
mod huffman;
mod hybrid;
mod scale;
mod side_information;
mod slope;
mod synthesis;

use std::ops::Range;

use bits::{Bits, PADDING};
use hybrid::Hybrid;
use scale::{Bands, ScaleFactors, Share, Together};
use side_information::{Block, SideInformation};
use synthesis::Synthesis;

use super::mono;

/// Lines of a granule.
const LINES: usize = 576;
/// Subbands of which sound is made: half of all.
const SUBBANDS: usize = 16;
/// Lines that have a part in that sound: those of the subbands, and what aliases into the last one.
const HEARD: usize = SUBBANDS * hybrid::SLOTS + 8;
/// Bytes of earlier frames that a frame may lean on.
const RESERVOIR: usize = 511;

/// Samples on either side of a clip that shape its ends.
pub(super) const MARGIN: u64 = slope::REACH as u64;

/// A frame that cannot be decoded; the next one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad;

/// The decoder of one stream.
pub(super) struct Decoder {
    bands: &'static Bands,
    parity: usize,
    /// The main data of earlier frames that this one may lean on, its own, and some zeros.
    data: Vec<u8>,
    hybrid: Hybrid,
    synthesis: Synthesis,
    /// The values of a channel's granule as they are unpacked, and the lines of both channels.
    values: Box<[f32; LINES]>,
    lines: Box<[[f32; LINES]; 2]>,
}

impl Decoder {
    /// For frames at a rate; none where that is not one of these. Of every two samples of the full rate the first one
    /// is given, or with `parity` 1 the second one.
    pub(super) fn new(sample_rate: u32, parity: usize) -> Option<Self> {
        Some(Self {
            bands: Bands::of(sample_rate)?,
            parity,
            data: Vec::with_capacity(4096),
            hybrid: Hybrid::new(),
            synthesis: Synthesis::new(parity),
            values: Box::new([0.0; LINES]),
            lines: Box::new([[0.0; LINES]; 2]),
        })
    }

    /// Forgets what was before.
    pub(super) fn reset(&mut self) {
        self.data.clear();
        self.hybrid = Hybrid::new();
        self.synthesis = Synthesis::new(self.parity);
    }

    /// Decodes a frame, which is whole, and appends its sound: 576 samples, and nothing of a bad frame.
    pub(super) fn decode(&mut self, frame: &[u8], sound: &mut Vec<f32>) -> Result<(), Bad> {
        let start = sound.len();
        let decoded = self.frame(frame, sound);
        match decoded {
            Ok(()) => round(&mut sound[start..]),
            Err(Bad) => sound.truncate(start),
        }
        decoded
    }

    fn frame(&mut self, frame: &[u8], sound: &mut Vec<f32>) -> Result<(), Bad> {
        let side = SideInformation::read(frame, &self.bands.long);
        let own = side.as_ref().ok().and_then(|side| frame.get(side.end..)).unwrap_or_default();
        let known = self.data.len();
        self.data.extend_from_slice(own);
        self.data.extend([0; PADDING]);
        let data = std::mem::take(&mut self.data);
        let decoded = side.and_then(|side| {
            let from = known.checked_sub(side.main_data_begin).ok_or(Bad)?;
            self.granules(&side, &data[from..], sound)
        });
        self.data = data;
        // What the next frames may lean on.
        self.data.truncate(known + own.len());
        let old = self.data.len().saturating_sub(RESERVOIR);
        self.data.drain(..old);
        decoded
    }

    fn granules(&mut self, side: &SideInformation, data: &[u8], sound: &mut Vec<f32>) -> Result<(), Bad> {
        let mut bits = Bits::new(data);
        let size = (data.len() - PADDING) * 8;
        let mut first = [ScaleFactors::default(); 2];
        for (number, granule) in side.granules.iter().enumerate() {
            self.lines.iter_mut().for_each(|lines| lines.fill(0.0));
            let mut factors = first;
            let mut together = None;
            // Of a sum and a difference the second one is unpacked first, if it says something of the first.
            let mut starts = [bits.at; 2];
            starts[1] += granule[0].length;
            let end = starts[1] + if side.channels == 2 { granule[1].length } else { 0 };
            if end > size {
                return Err(Bad);
            }
            let order: &[usize] = match (side.channels, side.joint.middle_side, side.joint.intensity) {
                (1, ..) | (_, true, false) => &[0],
                (_, true, true) => &[1, 0],
                (_, false, _) => &[0, 1],
            };
            for &channel in order {
                let packed = &granule[channel];
                bits.at = starts[channel];
                let known = (number == 1).then_some(&first[channel]);
                factors[channel] = ScaleFactors::read(&mut bits, packed, known, &side.shared[channel]);
                let is_difference = side.joint.middle_side && channel == 1;
                // Where the difference ends has to be known exactly.
                let limit = if is_difference { LINES } else { scale::enough(packed.block, self.bands, HEARD) };
                let end = starts[channel] + packed.length;
                let last = huffman::lines(&mut bits, end, packed, limit, &mut self.values)?;
                if is_difference {
                    together = Some(Together::new(&self.values, last, packed.block, factors[1], self.bands));
                    continue;
                }
                let share = match (side.channels, side.joint.middle_side, &together) {
                    (1, ..) => Share::All(1.0),
                    (_, true, Some(together)) => Share::Joined(together),
                    (_, true, None) => Share::All(std::f32::consts::FRAC_1_SQRT_2),
                    (_, false, _) => Share::All(0.5),
                };
                // Channels whose blocks are alike are one from here on.
                let place = usize::from(channel == 1 && granule[0].block != packed.block);
                let into = &mut self.lines[place];
                scale::add(&self.values, last, packed, &factors[channel], self.bands, share, into);
            }
            bits.at = end;
            first = factors;
            self.hybrid.begin();
            self.sound_of(0, granule[0].block);
            if order == [0, 1] && granule[0].block != granule[1].block {
                self.sound_of(1, granule[1].block);
            }
            self.synthesis.append(self.hybrid.granule(), sound);
        }
        Ok(())
    }

    fn sound_of(&mut self, place: usize, block: Block) {
        self.hybrid.add(&mut self.lines[place], block);
    }
}

/// Shapes a clip that is cut out of `sound` with its margins, as resampling shapes others; `sample_rate` is half of the
/// file's.
pub(super) fn finish(sound: &mut [f32], part: Range<usize>, sample_rate: u32) {
    // At other rates it is resampled yet.
    if sample_rate == 22_050 {
        slope::apply(sound, part);
    }
}

/// Rounds to half of a 16-bit step: as much noise below half of the rate as two channels rounded to whole ones have
/// there when they are averaged.
fn round(sound: &mut [f32]) {
    const STEPS: f32 = 65_536.0;
    for sample in sound {
        *sample = mono::rounded(*sample, STEPS, STEPS) / STEPS;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::{Path, PathBuf};

    use realfft::RealFftPlanner;

    use super::*;
    use crate::audio::{AnalysisWindow, Clip, decode, open_at};
    use crate::formats::mpeg::Header;

    const WHOLE: AnalysisWindow = AnalysisWindow { seconds: 600.0, count: 1 };

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    /// Sound up to where resamplers agree.
    fn power(sound: &[f32]) -> f64 {
        let mut samples = sound.to_vec();
        samples.truncate(samples.len() & !1);
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(samples.len());
        let mut spectrum = transform.make_output_vec();
        transform.process(&mut samples, &mut spectrum).unwrap();
        let agreed = spectrum.len() * 17 / 20;
        spectrum[..agreed].iter().map(|bin| f64::from(bin.norm_sqr())).sum()
    }

    /// By how many dB a clip is louder than its difference from another.
    fn agreement(expected: &[f32], heard: &[f32]) -> f64 {
        assert!(expected.len().abs_diff(heard.len()) <= 1, "{} and {} samples", expected.len(), heard.len());
        let difference: Vec<f32> = expected.iter().zip(heard).map(|(a, b)| a - b).collect();
        10.0 * (power(expected) / power(&difference).max(1e-12)).log10()
    }

    fn heard_twice(path: &Path, window: &AnalysisWindow) -> f64 {
        let whole = decode(path, window).unwrap();
        let half = open_at(path, window, 22_050).unwrap().decode().unwrap();
        assert_eq!((half.source_rate, half.clips[0].sample_rate), (whole.source_rate, whole.source_rate / 2));
        assert_eq!((half.channels, half.duration), (whole.channels, whole.duration));
        assert_eq!(half.clips.len(), whole.clips.len());
        let at_22_050 = |clip: &Clip| clip.resampled(22_050).unwrap().into_owned().samples;
        let both = whole.clips.iter().zip(&half.clips);
        both.map(|(whole, half)| agreement(&at_22_050(whole), &at_22_050(half))).fold(f64::INFINITY, f64::min)
    }

    /// The frames of a file without a tag in front.
    fn frames(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some(header) = bytes.get(at..at + 4).and_then(|four| Header::parse(four.try_into().unwrap())) {
            let end = at + header.length() as usize;
            frames.push(at..end);
            at = end;
        }
        assert!(frames.len() > 50);
        frames
    }

    #[test]
    fn an_mp3_sounds_at_half_its_rate_as_it_does_at_the_whole() {
        for name in ["cbr.mp3", "vbr.mp3", "bare.mp3", "bare-vbr.mp3", "mono48.mp3", "bursts.mp3"] {
            let decibels = heard_twice(&fixture(name), &WHOLE);
            assert!(decibels > 60.0, "{name}: {decibels:.1} dB");
        }
        // Windows that begin at an even sample: others lie half a sample apart.
        for (count, seconds) in [(1, 1.0), (3, 1.0), (1, 2.0)] {
            let window = AnalysisWindow { seconds, count };
            let decibels = heard_twice(&fixture("cbr.mp3"), &window);
            assert!(decibels > 50.0, "a part of it: {decibels:.1} dB");
        }
    }

    #[test]
    fn channels_are_averaged_however_they_are_joined() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(fixture("bursts.mp3")).unwrap();
        for joint in 0..4 {
            let mut bytes = bytes.clone();
            for frame in frames(&bytes).into_iter().skip(1) {
                bytes[frame.start + 3] = 0x40 | joint << 4 | bytes[frame.start + 3] & 15;
            }
            let path = folder.path().join("joint.mp3");
            std::fs::write(&path, &bytes).unwrap();
            let decibels = heard_twice(&path, &WHOLE);
            assert!(decibels > 55.0, "joined as {joint}: {decibels:.1} dB");
        }
    }

    #[test]
    fn no_frame_however_broken_stops_the_rest_and_each_good_one_is_of_one_length() {
        let bytes = std::fs::read(fixture("bursts.mp3")).unwrap();
        let frames = frames(&bytes);
        let (mut decoder, mut seed, mut bad) = (Decoder::new(44_100, 1).unwrap(), 7_u32, 0);
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        for round in 0..40 {
            for frame in &frames {
                let mut frame = bytes[frame.clone()].to_vec();
                for _ in 0..round % 8 {
                    let at = 2 + random(frame.len().min(60) - 2);
                    frame[at] ^= 1 << random(8);
                }
                if round % 5 == 4 {
                    frame.truncate(random(frame.len()));
                }
                let mut sound = Vec::new();
                match decoder.decode(&frame, &mut sound) {
                    Ok(()) => assert_eq!(sound.len(), LINES),
                    Err(Bad) => {
                        bad += 1;
                        assert!(sound.is_empty());
                    }
                }
                assert!(sound.iter().all(|sample| (-1.0..=1.0).contains(sample)));
            }
        }
        assert!(bad > 100, "{bad}: nothing was broken");
        decoder.reset();
        let mut sound = Vec::new();
        let good = frames.iter().filter(|frame| decoder.decode(&bytes[(*frame).clone()], &mut sound).is_ok()).count();
        assert!(good + 12 > frames.len(), "{good} of {}", frames.len());
    }

    #[test]
    fn what_is_not_mpeg_1_or_not_needed_at_half_the_rate_is_decoded_as_ever() {
        for (name, enough) in [("cbr.mp3", 22_051), ("mpeg2.mp3", 1), ("mpeg25.mp3", 1), ("layer2.mp2", 1)] {
            let whole = decode(&fixture(name), &WHOLE).unwrap();
            let other = open_at(&fixture(name), &WHOLE, enough).unwrap().decode().unwrap();
            assert_eq!(whole.clips, other.clips, "{name}");
        }
    }
}
