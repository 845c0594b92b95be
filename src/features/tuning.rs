//! How far a recording is tuned from A440, in fractions of a semitone.
//!
//! Spectral peaks are refined by a parabola through three bins, the louder half of them votes with its distance from
//! the nearest semitone, and the fullest hundredth of a semitone wins. librosa 0.5.0's histogram has 100 edges, hence
//! 99 bins: what lies in the last hundredth is dropped. All of this is kept, because the tuning turns the chroma
//! filters.

use super::spectral::{N_BINS, N_FFT};
use crate::simd::{LANES, Lanes, multiversion};

/// Only peaks from here on vote, in Hz.
const MIN_HZ: f64 = 150.0;
/// Only peaks below this vote, in Hz.
const MAX_HZ: f64 = 4000.0;
/// Peaks at most this share of their frame's maximum do not vote.
const THRESHOLD: f32 = 0.1;
/// A0, from which semitones are counted, in Hz.
const A0_HZ: f64 = 27.5;
/// Edges of the histogram, -0.50, -0.49 .. 0.49.
const N_EDGES: usize = 100;

/// The peaks of a clip, collected tile by tile.
#[derive(Default)]
pub(super) struct PitchPeaks {
    sample_rate: f64,
    first_bin: usize,
    end_bin: usize,
    peaks: Vec<Peak>,
    magnitudes: Vec<f64>,
    masks: Vec<u16>,
}

#[derive(Clone, Copy)]
struct Peak {
    hz: f64,
    magnitude: f64,
}

impl PitchPeaks {
    /// Forgets the last clip. `sample_rate` is the one that the bins are to be read at.
    pub(super) fn start(&mut self, sample_rate: f64) {
        self.sample_rate = sample_rate;
        self.peaks.clear();
        let hz = |bin: usize| bin as f64 * (sample_rate / N_FFT as f64);
        // The outermost bins have a neighbour on one side only and are never peaks.
        let feasible = |&bin: &usize| hz(bin) >= MIN_HZ && hz(bin) < MAX_HZ.min(sample_rate / 2.0);
        self.first_bin = (1..N_BINS - 1).find(feasible).unwrap_or(N_BINS - 1);
        self.end_bin = (self.first_bin..N_BINS - 1).find(|bin| !feasible(bin)).unwrap_or(N_BINS - 1);
    }

    /// Takes the spectra of one tile: magnitudes for the constant-Q transform, powers for `chroma_stft`.
    pub(super) fn add_tile(&mut self, spectra: &[Lanes]) {
        self.masks.resize(N_BINS, 0);
        mark_peaks(&spectra[..N_BINS], self.first_bin, self.end_bin, &mut self.masks);
        for bin in self.first_bin..self.end_bin {
            let mut mask = self.masks[bin];
            while mask != 0 {
                let lane = mask.trailing_zeros() as usize;
                mask &= mask - 1;
                let [below, at, above] = [bin - 1, bin, bin + 1].map(|k| f64::from(spectra[k].0[lane]));
                // The vertex of the parabola; a peak is higher than the bin below, so it does curve.
                let slope = 0.5 * (above - below);
                let shift = slope / (2.0 * at - above - below);
                self.peaks.push(Peak {
                    hz: (bin as f64 + shift) * self.sample_rate / N_FFT as f64,
                    magnitude: at + 0.5 * slope * shift,
                });
            }
        }
    }

    /// One of -0.50, -0.49 .. 0.48, in semitones; 0 for a clip without peaks.
    pub(super) fn tuning(&mut self) -> f64 {
        if self.peaks.is_empty() {
            return 0.0;
        }
        self.magnitudes.clear();
        self.magnitudes.extend(self.peaks.iter().map(|peak| peak.magnitude));
        let median = super::statistics::median(&mut self.magnitudes);
        let mut histogram = [0_u32; N_EDGES - 1];
        for peak in self.peaks.iter().filter(|peak| peak.magnitude >= median) {
            let semitones = 12.0 * (peak.hz / A0_HZ).log2();
            let residual = semitones - semitones.floor();
            let residual = if residual >= 0.5 { residual - 1.0 } else { residual };
            if let Some(bin) = histogram_bin(residual) {
                histogram[bin] += 1;
            }
        }
        let mut fullest = 0;
        for (bin, &count) in histogram.iter().enumerate() {
            if count > histogram[fullest] {
                fullest = bin;
            }
        }
        edge(fullest)
    }
}

/// The left edge of a histogram bin.
fn edge(i: usize) -> f64 {
    -0.5 + i as f64 * 0.01
}

/// Left-closed bins, the last one closed on both sides; none beyond the last edge.
fn histogram_bin(residual: f64) -> Option<usize> {
    let mut bin = ((residual + 0.5) * 100.0).max(0.0) as usize;
    // The edges are rounded numbers: compare with them rather than with what the division says.
    if bin > 0 && residual < edge(bin) {
        bin -= 1;
    } else if residual >= edge(bin + 1) {
        bin += 1;
    }
    let last = N_EDGES - 2;
    if bin <= last { Some(bin) } else { (residual == edge(last + 1)).then_some(last) }
}

multiversion! {
    /// For every bin of `first..end` the set of lanes in which it is a peak: above the threshold, higher than the bin
    /// below and at least as high as the bin above.
    fn mark_peaks(spectra: &[Lanes], first: usize, end: usize, masks: &mut [u16]) {
        let mut loudest = Lanes::ZERO;
        for &bin in spectra {
            loudest = loudest.max(bin);
        }
        let threshold = loudest * Lanes::splat(THRESHOLD);
        for bin in first..end {
            let [below, at, above] = [spectra[bin - 1], spectra[bin], spectra[bin + 1]];
            let mut mask = 0;
            for lane in 0..LANES {
                let peak = (at.0[lane] > threshold.0[lane]) & (at.0[lane] > below.0[lane]) & (at.0[lane] >= above.0[lane]);
                mask |= u16::from(peak) << lane;
            }
            masks[bin] = mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detuned_tone_is_heard_as_detuned() {
        for (cents, expected) in [(0.0, 0.0), (20.0, 0.2), (-37.0, -0.37)] {
            // A Hann window's main lobe, so that the parabola has something to fit.
            let centre = 440.0 * 2.0_f64.powf((cents + 0.5) / 1200.0) / 22050.0 * 2048.0;
            let spectra: Vec<Lanes> =
                (0..N_BINS).map(|bin| Lanes::splat((-(bin as f64 - centre).powi(2)).exp() as f32)).collect();
            let mut peaks = PitchPeaks::default();
            peaks.start(22050.0);
            peaks.add_tile(&spectra);
            assert!((peaks.tuning() - expected).abs() < 0.06, "{cents}: {}", peaks.tuning());
        }
    }

    #[test]
    fn silence_has_no_tuning() {
        let mut peaks = PitchPeaks::default();
        peaks.start(22050.0);
        peaks.add_tile(&[Lanes::ZERO; N_BINS]);
        assert_eq!(peaks.tuning(), 0.0);
    }

    #[test]
    fn histogram_bins_are_left_closed_and_the_last_hundredth_is_dropped() {
        assert_eq!(histogram_bin(-0.5), Some(0));
        assert_eq!(histogram_bin(0.0), Some(50));
        assert_eq!(histogram_bin(0.4899999), Some(98));
        assert_eq!(histogram_bin(edge(99)), Some(98));
        assert_eq!(histogram_bin(0.4999), None);
        for i in 0..99 {
            assert_eq!(histogram_bin(edge(i)), Some(i));
            assert!(i == 0 || histogram_bin(edge(i).next_down()) == Some(i - 1));
        }
    }
}
