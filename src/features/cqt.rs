//! The constant-Q transform of librosa 0.5.0: seven octaves of twelve semitones from C1, one sample rate an octave.
//!
//! librosa multiplies a Fourier transform of every frame with a sparse matrix. That product is linear in the frame and
//! the same for every frame and octave, so here it is folded into twelve complex kernels that are applied to the
//! samples themselves: the same numbers without a transform.

use rustfft::{FftPlanner, num_complex::Complex};

use super::decimate::Decimator;
use super::error::FeatureError;
use super::frame_matrix::FrameMatrix;
use super::spectral::HOP_LENGTH;
use super::stft::reflect;
use crate::simd::{mul_add, multiversion};

/// Semitones an octave.
pub(super) const BINS_PER_OCTAVE: usize = 12;
/// Octaves.
pub(super) const N_OCTAVES: usize = 7;
/// C1 in Hz: 440 * 2^((24 - 69) / 12).
const C1_HZ: f64 = 32.703_195_662_574_83;
/// The Hann window's equivalent noise bandwidth, as librosa's table has it.
const HANN_BANDWIDTH: f64 = 1.500_183_105_468_75;
/// Below this share of Nyquist a decimated signal is clean.
const RESAMPLER_ROLLOFF: f64 = 0.85;
/// The share of a filter's spectrum that is dropped as small.
const SPARSITY: f64 = 0.01;
/// Real columns of a kernel: twelve real parts, then twelve imaginary parts.
const COLUMNS: usize = 2 * BINS_PER_OCTAVE;
/// Frames projected together.
const GROUP: usize = 4;

/// The quality factor: centre frequency over bandwidth, one semitone.
fn quality() -> f64 {
    1.0 / (semitones(1.0) - 1.0)
}

/// The frequency ratio of a number of semitones.
fn semitones(n: f64) -> f64 {
    (n / 12.0).exp2()
}

/// How a sample rate is brought down to the top octave.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Plan {
    /// Halvings before anything else, done in one step.
    early_halvings: u32,
    /// Whether the top octave gets filters of its own because it lies too close to Nyquist for the decimated scheme
    /// (rates up to 9,711 Hz).
    separate_top: bool,
}

impl Plan {
    fn new(sample_rate: u32) -> Self {
        let nyquist = f64::from(sample_rate) / 2.0;
        let highest = C1_HZ * semitones((BINS_PER_OCTAVE * N_OCTAVES - 1) as f64);
        let cutoff = highest * (1.0 + 0.5 * HANN_BANDWIDTH / quality());
        let separate_top = cutoff >= RESAMPLER_ROLLOFF * nyquist;
        let halvings = (RESAMPLER_ROLLOFF * nyquist / cutoff).log2().ceil() - 2.0;
        // The hop of 512 can be halved nine times, six of which the octaves need.
        let early_halvings = if separate_top { 0 } else { halvings.clamp(0.0, 3.0) as u32 };
        Self { early_halvings, separate_top }
    }

    /// Octaves that share one set of filters, each but the first reached by a halving.
    fn shared_octaves(&self) -> usize {
        if self.separate_top { N_OCTAVES - 1 } else { N_OCTAVES }
    }

    /// Two samples must be left before the last halving.
    fn fewest_samples(&self) -> usize {
        (1 << (self.early_halvings as usize + self.shared_octaves() - 2)) + 1
    }
}

/// The transform and its buffers.
pub(super) struct ConstantQ {
    planner: FftPlanner<f64>,
    early: [Option<Decimator>; 3],
    halve: Decimator,
    signal: Vec<f32>,
    decimated: Vec<f32>,
    edge_frames: [Vec<f32>; GROUP],
}

impl ConstantQ {
    pub(super) fn new() -> Self {
        Self {
            planner: FftPlanner::new(),
            early: [None, None, None],
            // resample() scales by sqrt 2, the recursion over octaves by another sqrt 2.
            halve: Decimator::new(2, 2.0),
            signal: Vec::new(),
            decimated: Vec::new(),
            edge_frames: [const { Vec::new() }; GROUP],
        }
    }

    /// Whether a clip of this length and rate can be transformed at all; the tuning can still push a rate between 8,020
    /// and 8,487 Hz over the edge.
    pub(super) fn check(n_samples: usize, sample_rate: u32) -> Result<(), FeatureError> {
        let lowest_highest = C1_HZ * semitones((BINS_PER_OCTAVE * N_OCTAVES - 1) as f64 - 0.5);
        if !fits_below_nyquist(lowest_highest, f64::from(sample_rate)) {
            return Err(FeatureError::RateTooLow { sample_rate });
        }
        let needed = Plan::new(sample_rate).fewest_samples();
        if n_samples < needed {
            return Err(FeatureError::TooShort { samples: n_samples, needed });
        }
        Ok(())
    }

    /// 84 x T magnitudes, lowest semitone first. `tuning` in semitones moves the filters, not the choice of rates.
    ///
    /// T can be one less than that of the STFT: octaves whose length rounds up differently are cut to the shortest.
    pub(super) fn magnitudes(
        &mut self,
        samples: &[f32],
        sample_rate: u32,
        tuning: f64,
    ) -> Result<FrameMatrix, FeatureError> {
        Self::check(samples.len(), sample_rate)?;
        let plan = Plan::new(sample_rate);
        let rate = f64::from(sample_rate) / f64::from(1 << plan.early_halvings);
        let top_octave_hz = C1_HZ * semitones((BINS_PER_OCTAVE * (N_OCTAVES - 1)) as f64);
        let too_low = FeatureError::RateTooLow { sample_rate };

        let mut signal = std::mem::take(&mut self.signal);
        self.downsample_early(samples, plan.early_halvings, &mut signal);
        let mut hop = HOP_LENGTH >> plan.early_halvings;
        let n_frames = frame_count(signal.len(), hop, plan.shared_octaves());
        let mut cqt = FrameMatrix::new(BINS_PER_OCTAVE * N_OCTAVES, n_frames);
        let lengths = |octave: usize| {
            std::array::from_fn(|i| {
                let hz = C1_HZ * semitones(tuning + (octave * BINS_PER_OCTAVE + i) as f64);
                (1.0 / (quality() * rate / hz).sqrt()) as f32
            })
        };

        if plan.separate_top {
            let kernel = self.kernel(rate, top_octave_hz, tuning).ok_or_else(|| too_low.clone())?;
            self.respond(&signal, hop, &kernel, &lengths(N_OCTAVES - 1), &mut cqt, N_OCTAVES - 1);
        }
        let shared = plan.shared_octaves();
        let shared_top_hz = top_octave_hz / if plan.separate_top { 2.0 } else { 1.0 };
        let kernel = self.kernel(rate, shared_top_hz, tuning).ok_or(too_low)?;
        for octave in (0..shared).rev() {
            if octave + 1 < shared {
                self.halve.process(&signal, &mut self.decimated);
                std::mem::swap(&mut signal, &mut self.decimated);
                hop /= 2;
            }
            self.respond(&signal, hop, &kernel, &lengths(octave), &mut cqt, octave);
        }
        self.signal = signal;
        Ok(cqt)
    }

    fn downsample_early(&mut self, samples: &[f32], halvings: u32, signal: &mut Vec<f32>) {
        match halvings.checked_sub(1) {
            None => {
                signal.clear();
                signal.extend_from_slice(samples);
            }
            Some(slot) => {
                let factor = 1 << halvings;
                self.early[slot as usize]
                    .get_or_insert_with(|| Decimator::new(factor, (factor as f64).sqrt()))
                    .process(samples, signal);
            }
        }
    }

    /// The twelve filters of the octave from `lowest_hz` (untuned) as functions of the samples of a frame: one row a
    /// sample. `None` if the highest one does not fit below Nyquist.
    fn kernel(&mut self, rate: f64, lowest_hz: f64, tuning: f64) -> Option<Vec<[f32; COLUMNS]>> {
        let frequency = |i: usize| lowest_hz * semitones(tuning + i as f64);
        if !fits_below_nyquist(frequency(BINS_PER_OCTAVE - 1), rate) {
            return None;
        }
        let n = (quality() * rate / frequency(0)).log2().ceil().exp2() as usize;
        let forward = self.planner.plan_fft_forward(n);
        let inverse = self.planner.plan_fft_inverse(n);
        let mut kernel = vec![[0.0; COLUMNS]; n];
        for i in 0..BINS_PER_OCTAVE {
            let mut spectrum = filter(n, rate, frequency(i));
            forward.process(&mut spectrum);
            // Only the half up to Nyquist is ever used: the product is with a one-sided spectrum of the frame.
            spectrum[n / 2 + 1..].fill(Complex::ZERO);
            sparsify(&mut spectrum[..=n / 2]);
            // librosa's spectrum of the frame is the conjugate one, which makes this the inverse transform.
            inverse.process(&mut spectrum);
            for (row, value) in kernel.iter_mut().zip(&spectrum) {
                row[i] = value.re as f32;
                row[BINS_PER_OCTAVE + i] = value.im as f32;
            }
        }
        Some(kernel)
    }

    /// The magnitudes of one octave.
    fn respond(
        &mut self,
        signal: &[f32],
        hop: usize,
        kernel: &[[f32; COLUMNS]],
        scales: &[f32; BINS_PER_OCTAVE],
        cqt: &mut FrameMatrix,
        octave: usize,
    ) {
        let n = kernel.len();
        let n_frames = cqt.n_frames();
        for first in (0..n_frames).step_by(GROUP) {
            for (lane, edge) in self.edge_frames.iter_mut().enumerate() {
                let start = ((first + lane) * hop) as isize - (n / 2) as isize;
                if start < 0 || start as usize + n > signal.len() {
                    edge.clear();
                    edge.extend((start..start + n as isize).map(|i| signal[reflect(i, signal.len())]));
                }
            }
            let frames = std::array::from_fn(|lane| {
                let start = ((first + lane) * hop) as isize - (n / 2) as isize;
                let inside = usize::try_from(start).ok().and_then(|start| signal.get(start..start + n));
                inside.unwrap_or(&self.edge_frames[lane])
            });
            let magnitudes = project(kernel, scales, frames);
            let n_valid = GROUP.min(n_frames - first);
            for (i, values) in magnitudes.iter().enumerate() {
                cqt.row_mut(octave * BINS_PER_OCTAVE + i)[first..first + n_valid].copy_from_slice(&values[..n_valid]);
            }
        }
    }
}

/// Whether the pass-band of a filter does.
fn fits_below_nyquist(hz: f64, rate: f64) -> bool {
    hz * (1.0 + 0.5 * HANN_BANDWIDTH / quality()) <= rate / 2.0
}

/// Frames that all octaves have: halving rounds lengths up, so deeper octaves can have one more.
fn frame_count(mut n_samples: usize, mut hop: usize, octaves: usize) -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..octaves {
        fewest = fewest.min(1 + n_samples / hop);
        n_samples = n_samples.div_ceil(2);
        hop /= 2;
    }
    fewest
}

/// One filter in the time domain: a complex tone through a Hann window of `floor(length)` points, of unit L1 norm times
/// `length / n`, in the middle of `n` samples.
fn filter(n: usize, rate: f64, hz: f64) -> Vec<Complex<f64>> {
    let length = quality() * rate / hz;
    let ceil = length.ceil() as usize;
    // Where the length is not a whole number, the window is a point shorter than the tone and its last point is zero.
    let window = super::stft::hann(length.floor() as usize);
    let norm: f64 = window.iter().sum();
    let mut filter = vec![Complex::ZERO; n];
    for (m, (value, &w)) in filter[(n - ceil) / 2..].iter_mut().zip(&window).enumerate() {
        *value = Complex::from_polar(w / norm * length / n as f64, std::f64::consts::TAU * hz * m as f64 / rate);
    }
    filter
}

/// Drops the smallest bins that together hold less than [`SPARSITY`] of the sum of magnitudes.
fn sparsify(spectrum: &mut [Complex<f64>]) {
    let mut sorted: Vec<f64> = spectrum.iter().map(|x| x.norm()).collect();
    sorted.sort_by(f64::total_cmp);
    let total: f64 = sorted.iter().sum();
    let mut share = 0.0;
    let threshold = sorted.iter().copied().find(|magnitude| {
        share += magnitude / total;
        share >= SPARSITY
    });
    for bin in spectrum {
        if bin.norm() < threshold.unwrap_or(0.0) {
            *bin = Complex::ZERO;
        }
    }
}

multiversion! {
    /// Scaled magnitudes of the twelve filters in four frames.
    fn project(
        kernel: &[[f32; COLUMNS]],
        scales: &[f32; BINS_PER_OCTAVE],
        frames: [&[f32]; GROUP],
    ) -> [[f32; GROUP]; BINS_PER_OCTAVE] {
        let n = kernel.len();
        let frames = frames.map(|frame| &frame[..n]);
        let mut sums = [[0.0_f32; COLUMNS]; GROUP];
        for (m, row) in kernel.iter().enumerate() {
            for lane in 0..GROUP {
                let sample = frames[lane][m];
                for column in 0..COLUMNS {
                    sums[lane][column] = mul_add::<FMA>(sample, row[column], sums[lane][column]);
                }
            }
        }
        let mut magnitudes = [[0.0; GROUP]; BINS_PER_OCTAVE];
        for (i, magnitudes) in magnitudes.iter_mut().enumerate() {
            for (magnitude, sums) in magnitudes.iter_mut().zip(&sums) {
                // In double precision: next to digital silence only the filters' tails respond, with 1e-25 and less,
                // whose square single precision takes for zero. Normalisation makes whole chroma vectors of such
                // frames.
                let (re, im) = (f64::from(sums[i]), f64::from(sums[BINS_PER_OCTAVE + i]));
                *magnitude = (re * re + im * im).sqrt() as f32 * scales[i];
            }
        }
        magnitudes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_brought_near_22_khz() {
        let halvings = |rate| Plan::new(rate).early_halvings;
        assert_eq!([16000, 22050, 38000].map(halvings), [0, 0, 0]);
        assert_eq!([44100, 48000, 77000].map(halvings), [1, 1, 1]);
        assert_eq!([88200, 96000].map(halvings), [2, 2]);
        assert_eq!([176_400, 192_000, 384_000].map(halvings), [3, 3, 3]);
        assert!(Plan::new(9700).separate_top && !Plan::new(9712).separate_top);
    }

    #[test]
    fn a_note_lights_up_its_own_row() {
        for (rate, row) in [(44100, 45), (22050, 69), (96000, 20), (9000, 57)] {
            let hz = C1_HZ * semitones(f64::from(row));
            let samples: Vec<f32> =
                (0..rate).map(|i| (std::f64::consts::TAU * hz * f64::from(i) / f64::from(rate)).sin() as f32).collect();
            let cqt = ConstantQ::new().magnitudes(&samples, rate, 0.0).unwrap();
            assert_eq!(cqt.n_rows(), 84);
            let middle = cqt.n_frames() / 2;
            let loudest = (0..84).max_by(|&a, &b| cqt.row(a)[middle].total_cmp(&cqt.row(b)[middle]));
            assert_eq!(loudest, Some(row as usize), "{rate}");
        }
    }

    #[test]
    fn the_shortest_clip_works_and_a_shorter_one_says_so() {
        for rate in [9000, 22050, 44100, 192_000] {
            let needed = Plan::new(rate).fewest_samples();
            let mut cqt = ConstantQ::new();
            assert!(cqt.magnitudes(&vec![0.1; needed], rate, 0.1).is_ok(), "{rate}");
            let error = cqt.magnitudes(&vec![0.1; needed - 1], rate, 0.1).unwrap_err();
            assert_eq!(error, FeatureError::TooShort { samples: needed - 1, needed });
        }
    }

    #[test]
    fn telephone_rates_are_refused() {
        let error = ConstantQ::new().magnitudes(&[0.0; 8000], 8000, 0.0).unwrap_err();
        assert_eq!(error, FeatureError::RateTooLow { sample_rate: 8000 });
    }
}
