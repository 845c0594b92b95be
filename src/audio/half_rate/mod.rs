//! MP3 for those who hear no more than half of it: one channel, at half the rate. The upper sixteen of Layer III's thirty-two subbands are
//! not made, channels are averaged before the transforms, of joint stereo only the sum is unpacked, and nothing has to be resampled.
//!
//! This is MPEG-1 Layer III as ISO/IEC 11172-3 describes it, at 44,100 and 48,000 Hz; whatever else there is (MPEG-2, other layers, other
//! containers) is symphonia's, and so is every decoding at the full rate. Which frames there are and where is the caller's business.
//!
//! ```text
//! frame ─► side information, bits of this and earlier frames ─► huffman ─► scale (both channels) ─► hybrid ─► synthesis ─► sound
//! ```
//!
//! The sound is that of the full rate after [`Clip::resampled`](crate::audio::Clip::resampled): it has the same slope at its upper end, and
//! noise of the same density where the full-rate samples are rounded to 16 bits (see `mono`). Two things differ, as they do between
//! decoders: the channels are not rounded, and not cut off at full scale, one by one.

mod bits;
mod code_words;
mod huffman;
mod hybrid;
mod scale;
mod side_information;
mod synthesis;

use std::f64::consts::PI;
use std::sync::LazyLock;

use bits::{Bits, PADDING};
use hybrid::Hybrid;
use scale::{Bands, ScaleFactors, Share, Together};
use side_information::{Block, SideInformation};
use synthesis::Synthesis;

use super::Clip;

/// Lines of a granule.
const LINES: usize = 576;
/// Subbands of which sound is made: half of all.
const SUBBANDS: usize = 16;
/// Lines that have a part in that sound: those of the subbands, and what aliases into the last one.
const HEARD: usize = SUBBANDS * hybrid::SLOTS + 8;
/// Bytes of earlier frames that a frame may lean on.
const RESERVOIR: usize = 511;

/// A frame that cannot be decoded; the next one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bad;

/// The decoder of one stream.
pub(super) struct Decoder {
    bands: &'static Bands,
    slope: Option<&'static Slope>,
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
    /// For frames at a rate; none where that is not one of these. Of every two samples of the full rate the first one is given, or with
    /// `parity` 1 the second one.
    pub(super) fn new(sample_rate: u32, parity: usize) -> Option<Self> {
        Some(Self {
            bands: Bands::of(sample_rate)?,
            // At other rates the clip is resampled afterwards, which leaves nothing of the upper end.
            slope: (sample_rate == 44_100).then(|| &*SLOPE),
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
        let lines = &mut self.lines[place];
        if let Some(slope) = self.slope {
            slope.apply(lines, block);
        }
        self.hybrid.add(lines, block);
    }
}

/// Rounds to half of a 16-bit step: as much noise below half of the rate as two channels rounded to whole ones have there when they are
/// averaged.
fn round(sound: &mut [f32]) {
    const STEPS: f32 = 65_536.0;
    /// See `mono`.
    const ROUND: f32 = 12_582_912.0;
    for sample in sound {
        let scaled = (*sample * STEPS).clamp(-STEPS, STEPS);
        *sample = if scaled.is_nan() { 0.0 } else { ((scaled + ROUND) - ROUND) / STEPS };
    }
}

/// How much is left of each line near half of 22,050 Hz when a clip is resampled to that.
struct Slope {
    /// Lines of a long block, and of three short ones side by side, from the first one that loses anything.
    long: Vec<f32>,
    short: Vec<f32>,
    from: usize,
}

static SLOPE: LazyLock<Slope> = LazyLock::new(|| Slope::of(|clip| clip.resampled(22_050).ok().map(|c| c.into_owned())));

impl Slope {
    /// Of what a resampler makes of an impulse.
    fn of(resample: impl Fn(&Clip) -> Option<Clip>) -> Self {
        const LENGTH: usize = 8192;
        let mut clip = Clip { samples: vec![0.0; LENGTH], sample_rate: 44_100 };
        clip.samples[LENGTH / 2] = 1.0;
        let response = resample(&clip).map(|clip| clip.samples).unwrap_or_default();
        let strength = |share: f64| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in response.iter().enumerate() {
                let angle = PI * share * n as f64;
                re += f64::from(*sample) * angle.cos();
                im += f64::from(*sample) * angle.sin();
            }
            f64::hypot(re, im)
        };
        let whole = strength(0.1);
        // A share of half the lower rate, 1 at its end.
        let left = |share: f64| if share >= 1.0 { 0.0 } else { (strength(share) / whole).min(1.0) as f32 };
        let half = (LINES / 2) as f64;
        // Nothing is lost below three quarters of it, whatever the resampler.
        let from = LINES * 3 / 8;
        Self {
            long: (from..HEARD).map(|line| left((line as f64 + 0.5) / half)).collect(),
            short: (from..HEARD).map(|line| left(((line / 3) as f64 + 0.5) * 3.0 / half)).collect(),
            from,
        }
    }

    fn apply(&self, lines: &mut [f32; LINES], block: Block) {
        let slope = if matches!(block, Block::Long(_)) { &self.long } else { &self.short };
        for (line, left) in lines[self.from..].iter_mut().zip(slope) {
            *line *= left;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::path::Path;

    use crate::audio::{AnalysisWindow, Clip, decode, open_at};

    /// How much weaker than the sound what differs is, in dB, where the two paths are meant to agree.
    fn agreement(path: &Path, window: &AnalysisWindow) -> f64 {
        let whole = decode(path, window).unwrap();
        let half = open_at(path, window, 22_050).unwrap().decode().unwrap();
        assert_eq!((half.source_rate, half.clips[0].sample_rate), (whole.source_rate, whole.source_rate / 2));
        let expected = whole.clips[0].resampled(whole.source_rate / 2).unwrap().into_owned();
        let (Clip { samples: a, .. }, Clip { samples: b, .. }) = (&expected, &half.clips[0]);
        assert!(a.len().abs_diff(b.len()) <= 1, "{}: {} and {} samples", path.display(), a.len(), b.len());
        let power = |of: &mut dyn Iterator<Item = f32>| of.map(|x| f64::from(x * x)).sum::<f64>();
        let difference = power(&mut a.iter().zip(b).map(|(a, b)| a - b));
        if let Ok(path) = std::env::var("RECLASSD_DUMP") {
            let bytes: Vec<u8> =
                a.iter().zip(b).flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()]).flatten().collect();
            std::fs::write(path, bytes).unwrap();
        }
        10.0 * (power(&mut a.iter().copied()) / difference.max(1e-9)).log10()
    }

    #[test]
    fn try_files() {
        let window = AnalysisWindow { seconds: 10.0, count: 1 };
        for path in std::env::var("RECLASSD_TRY").unwrap().split(':') {
            println!("{:.1} dB  {path}", agreement(Path::new(path), &window));
        }
    }
}
