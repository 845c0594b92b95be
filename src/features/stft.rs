//! Framing, padding and the short-time Fourier transform, up to the power spectrum.
//!
//! Frames are centred unless their [`Framing`] says otherwise: frame `t` covers samples `t * hop_length - n_fft / 2 ..`
//! and what lies outside the clip is padding.
//! The transform runs in double precision, because spectral contrast looks at the quietest bins of a frame, and above
//! a lossy encoder's low-pass those lie where single precision is only noise. The power is kept in single precision.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::simd::{LANES, Lanes, multiversion};

/// What stands outside the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// The clip mirrored at its end samples, which are not repeated (librosa 0.5.0).
    Reflect,
    /// Silence (librosa 0.10 and later).
    Zero,
}

/// The index inside a clip of `n` samples that reflection puts at position `i`, however far outside.
pub(super) fn reflect(i: isize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let period = 2 * (n as isize - 1);
    let j = i.rem_euclid(period) as usize;
    if j < n { j } else { period as usize - j }
}

/// The periodic Hann window, `0.5 - 0.5 cos(2 pi i / n)`.
pub(super) fn hann(n: usize) -> Vec<f64> {
    if n == 1 {
        return vec![1.0];
    }
    (0..n).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n as f64).cos()).collect()
}

/// Where frames lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Frame `t` is centred on sample `t * hop_length`, up to the last that is in the clip: `1 + n / hop_length` frames
    /// (librosa).
    Centred,
    /// Frame `t` is centred on sample `t * hop_length`, up to the last that reaches into the clip (Essentia's
    /// `FrameCutter`).
    CentredToTheEnd,
    /// Frame `t` begins at sample `t * hop_length`, as long as it lies in the clip (Kaldi's `snip_edges`, VGGish); one
    /// where none does.
    Whole,
    /// Frame `t` begins at sample `t * hop_length`, up to the first that reaches the end (Essentia's `FrameCutter` with
    /// `startFromZero`).
    FromTheStart,
}

impl Framing {
    /// How many frames of `length` samples there are in a clip of `n_samples`, which is not empty. At least one.
    pub(super) fn count(self, n_samples: usize, length: usize, hop_length: usize) -> usize {
        match self {
            Self::Centred => frame_count(n_samples, hop_length),
            Self::CentredToTheEnd => (n_samples + length.div_ceil(2)).div_ceil(hop_length),
            Self::Whole => 1 + n_samples.saturating_sub(length) / hop_length,
            Self::FromTheStart => 1 + n_samples.saturating_sub(length).div_ceil(hop_length),
        }
    }

    /// How far before its sample a frame begins.
    fn lead(self, length: usize) -> usize {
        match self {
            Self::Centred => length / 2,
            Self::CentredToTheEnd => length.div_ceil(2),
            Self::Whole | Self::FromTheStart => 0,
        }
    }
}

/// Frames of a centred transform of `n_samples`.
pub(super) fn frame_count(n_samples: usize, hop_length: usize) -> usize {
    1 + n_samples / hop_length
}

/// A planned transform with its window and its buffers.
pub(super) struct Stft {
    n_fft: usize,
    hop_length: usize,
    plan: Arc<dyn RealToComplex<f64>>,
    framing: Framing,
    /// At most `n_fft` long: the rest of a frame is zeros.
    window: Vec<f64>,
    preemphasis: Option<f64>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// Power of [`LANES`] frames, frame-major, each `row_stride` long.
    rows: Vec<f32>,
}

impl Stft {
    /// A transform of `n_fft` points (even) every `hop_length` samples through a periodic Hann window.
    pub(super) fn new(n_fft: usize, hop_length: usize) -> Self {
        Self::with_window(n_fft, hop_length, hann(n_fft), Framing::Centred)
    }

    /// A transform of `n_fft` points (even) every `hop_length` samples through a window of at most as many.
    pub(super) fn with_window(n_fft: usize, hop_length: usize, window: Vec<f64>, framing: Framing) -> Self {
        debug_assert!(window.len() <= n_fft);
        let plan = RealFftPlanner::new().plan_fft_forward(n_fft);
        Self {
            n_fft,
            hop_length,
            framing,
            window,
            preemphasis: None,
            frame: plan.make_input_vec(),
            spectrum: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            rows: vec![0.0; LANES * (n_fft / 2 + 1).next_multiple_of(LANES)],
            plan,
        }
    }

    /// Takes each frame's mean away and then, before the window, `coefficient` times the sample before (the first one's
    /// is itself), as Kaldi does.
    pub(super) fn emphasised(self, coefficient: f64) -> Self {
        Self { preemphasis: Some(coefficient), ..self }
    }

    /// How many frames a clip has.
    pub(super) fn n_frames(&self, n_samples: usize) -> usize {
        self.framing.count(n_samples, self.window.len(), self.hop_length)
    }

    pub(super) fn n_fft(&self) -> usize {
        self.n_fft
    }

    pub(super) fn hop_length(&self) -> usize {
        self.hop_length
    }

    /// `n_fft / 2 + 1`.
    pub(super) fn n_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// The frames of a clip whose window reaches outside of it: the only ones that the padding can change.
    pub(super) fn is_padded(&self, frame: usize, n_samples: usize) -> bool {
        let half = self.n_fft / 2;
        let centre = frame * self.hop_length;
        centre < half || centre + half > n_samples
    }

    /// The power spectra of frames `16 * tile ..` into `power` (one [`Lanes`] a bin). Lanes past the last frame are
    /// zero.
    pub(super) fn power_tile(&mut self, samples: &[f32], padding: Padding, tile: usize, power: &mut [Lanes]) {
        let n_frames = self.n_frames(samples.len());
        let stride = self.n_bins().next_multiple_of(LANES);
        for lane in 0..LANES {
            let frame = tile * LANES + lane;
            if frame < n_frames {
                self.transform(samples, padding, frame);
                power_row(&self.spectrum, &mut self.rows[lane * stride..][..self.n_fft / 2 + 1]);
            } else {
                self.rows[lane * stride..][..stride].fill(0.0);
            }
        }
        transpose(&self.rows, stride, power);
    }

    /// The power spectrum of one frame into one lane of a tile.
    pub(super) fn power_lane(
        &mut self,
        samples: &[f32],
        padding: Padding,
        frame: usize,
        lane: usize,
        power: &mut [Lanes],
    ) {
        self.transform(samples, padding, frame);
        let n_bins = self.n_bins();
        power_row(&self.spectrum, &mut self.rows[..n_bins]);
        for (bin, &value) in power.iter_mut().zip(&self.rows[..n_bins]) {
            bin.0[lane] = value;
        }
    }

    /// Windows one frame and transforms it into `self.spectrum`.
    fn transform(&mut self, samples: &[f32], padding: Padding, frame: usize) {
        let length = self.window.len();
        let start = (frame * self.hop_length) as isize - self.framing.lead(length) as isize;
        let inside = usize::try_from(start).ok().and_then(|start| samples.get(start..start + length));
        if let Some(inside) = inside.filter(|_| self.preemphasis.is_none()) {
            apply_window(inside, &self.window, &mut self.frame);
        } else {
            for (i, value) in self.frame[..length].iter_mut().enumerate() {
                let position = start + i as isize;
                let sample = match padding {
                    Padding::Reflect => samples[reflect(position, samples.len())],
                    Padding::Zero => {
                        usize::try_from(position).ok().and_then(|p| samples.get(p)).copied().unwrap_or(0.0)
                    }
                };
                *value = f64::from(sample);
            }
            if let Some(coefficient) = self.preemphasis {
                emphasise(&mut self.frame[..length], coefficient);
            }
            for (value, window) in self.frame.iter_mut().zip(&self.window) {
                *value *= window;
            }
        }
        // The transform leaves its own numbers where it found its input.
        self.frame[length..].fill(0.0);
        self.plan
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .expect("the plan made these buffers, so their lengths are right");
    }
}

/// Takes the mean away, then `coefficient` times the sample before.
fn emphasise(frame: &mut [f64], coefficient: f64) {
    let mean = frame.iter().sum::<f64>() / frame.len() as f64;
    frame.iter_mut().for_each(|sample| *sample -= mean);
    let mut before = frame[0];
    for sample in frame {
        let here = *sample;
        *sample -= coefficient * before;
        before = here;
    }
}

multiversion! {
    fn apply_window(samples: &[f32], window: &[f64], frame: &mut [f64]) {
        for ((value, &sample), &window) in frame.iter_mut().zip(samples).zip(window) {
            *value = window * f64::from(sample);
        }
    }
}

multiversion! {
    fn power_row(spectrum: &[Complex<f64>], row: &mut [f32]) {
        for (power, bin) in row.iter_mut().zip(spectrum) {
            *power = (bin.re * bin.re + bin.im * bin.im) as f32;
        }
    }
}

multiversion! {
    /// Frame-major rows become one [`Lanes`] a bin, block by block so that both sides stay in the nearest cache.
    fn transpose(rows: &[f32], stride: usize, tile: &mut [Lanes]) {
        for (block, bins) in tile.chunks_mut(LANES).enumerate() {
            let block: [&[f32; LANES]; LANES] = std::array::from_fn(|lane| {
                let row = &rows[lane * stride + block * LANES..];
                row.first_chunk().expect("rows are padded to whole blocks")
            });
            for (i, bin) in bins.iter_mut().enumerate() {
                for (value, row) in bin.0.iter_mut().zip(&block) {
                    *value = row[i];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framing_has_the_frames_that_its_namesake_cuts() {
        // 5 s at 16 kHz and a sample, frames of 400 every 160.
        let count = |framing: Framing| framing.count(80_001, 400, 160);
        assert_eq!(count(Framing::Centred), 501);
        assert_eq!(count(Framing::CentredToTheEnd), 502);
        assert_eq!(count(Framing::Whole), 498);
        assert_eq!(count(Framing::FromTheStart), 499);
        for framing in [Framing::Centred, Framing::CentredToTheEnd, Framing::Whole, Framing::FromTheStart] {
            assert!(framing.count(1, 400, 160) >= 1, "{framing:?}");
        }
    }

    #[test]
    fn emphasis_takes_the_level_and_most_of_a_slow_change_away() {
        let mut frame = [5.0, 7.0, 9.0];
        emphasise(&mut frame, 0.5);
        assert_eq!(frame, [-1.0, 1.0, 2.0]);
    }

    #[test]
    fn reflection_does_not_repeat_the_ends_and_goes_on_for_ever() {
        let positions: Vec<usize> = (-7..10).map(|i| reflect(i, 4)).collect();
        assert_eq!(positions, [1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3]);
        assert_eq!((-3..4).map(|i| reflect(i, 1)).collect::<Vec<_>>(), [0; 7]);
        assert_eq!((-3..4).map(|i| reflect(i, 2)).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn the_power_of_a_tile_is_that_of_a_direct_transform() {
        let samples: Vec<f32> = (0..3000).map(|i| ((i * i) % 97) as f32 / 97.0 - 0.5).collect();
        let (n_fft, hop_length) = (64, 48);
        let mut stft = Stft::new(n_fft, hop_length);
        let mut power = vec![Lanes::ZERO; stft.n_bins()];
        let window = hann(n_fft);
        for tile in [0, 1, 3] {
            stft.power_tile(&samples, Padding::Zero, tile, &mut power);
            for lane in [0, 5, 15] {
                let frame = tile * LANES + lane;
                for (bin, lanes) in power.iter().enumerate() {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (i, w) in window.iter().enumerate() {
                        let position = (frame * hop_length + i) as isize - 32;
                        let inside = frame < frame_count(samples.len(), hop_length);
                        let x = usize::try_from(position).ok().filter(|_| inside).and_then(|p| samples.get(p));
                        let angle = std::f64::consts::TAU * (bin * i) as f64 / n_fft as f64;
                        re += w * f64::from(*x.unwrap_or(&0.0)) * angle.cos();
                        im -= w * f64::from(*x.unwrap_or(&0.0)) * angle.sin();
                    }
                    assert!((f64::from(lanes.0[lane]) - (re * re + im * im)).abs() < 1e-5, "{frame} {bin}");
                }
            }
        }
    }
}
