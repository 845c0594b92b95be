//! What returns in a sound, and how often: curves of what begins, their autocorrelation and their spectrum. What pace a
//! listener would tap is not judged here.

use realfft::RealFftPlanner;

use crate::features::LogMel;

/// Frames a second of the log-mel spectrogram that this is made from (22,050 Hz, a frame every 512 samples).
pub(super) const FRAMES: f64 = 22_050.0 / 512.0;
/// Powers are compressed by this exponent: between a logarithm, to which every rustle is a beginning, and a power, to
/// which only the loudest is one.
const COMPRESSION: f32 = 0.15;
/// The lowest bands (up to 430 Hz), which make the second curve: bass and bass drum.
const LOW_BANDS: usize = 20;
/// The longest lag, in seconds.
const LONGEST_LAG: f64 = 14.0;
/// Points of the spectrum.
pub(super) const SPECTRUM: usize = 1 << 14;
/// The spectrum is measured by its mean up to here, in Hz.
const SPECTRUM_TOP: f64 = 12.0;

/// The rhythm of one curve.
pub(super) struct Curve {
    /// By lag in frames; 1 at lag 0.
    pub lags: Vec<f64>,
    /// By frequency in steps of [`FRAMES`] / [`SPECTRUM`] Hz.
    pub spectrum: Vec<f64>,
}

/// The rhythm of a sound.
pub(super) struct Rhythm {
    /// Of all bands, and of the lowest.
    pub curves: [Curve; 2],
    /// How much begins, a second: the sum of all rises of the compressed power.
    pub activity: f64,
    /// How long the curves are, in frames.
    pub frames: usize,
}

impl Rhythm {
    /// From a spectrogram with the default parameters; none of one with fewer than three frames.
    pub(super) fn of(log_mel: &LogMel) -> Option<Self> {
        if log_mel.n_frames < 3 || log_mel.n_mels <= LOW_BANDS {
            return None;
        }
        let (all, low) = novelty(log_mel);
        let activity = all.iter().sum::<f64>() / all.len() as f64 * FRAMES;
        Some(Self { curves: [Curve::of(&all), Curve::of(&low)], activity, frames: log_mel.n_frames })
    }

    /// How much of the sound returns at the pace at which most does, 0 to 1: the highest peak of the autocorrelation
    /// between a quarter of a second and two seconds.
    pub(super) fn pulse(&self) -> f64 {
        let peak = |curve: &Curve| {
            let inside = (FRAMES * 0.25) as usize..((FRAMES * 2.0) as usize).min(curve.lags.len().saturating_sub(1));
            let peaks =
                inside.filter(|&lag| curve.lags[lag] >= curve.lags[lag - 1] && curve.lags[lag] > curve.lags[lag + 1]);
            peaks.map(|lag| curve.lags[lag]).fold(0.0, f64::max)
        };
        peak(&self.curves[0]).max(peak(&self.curves[1])).min(1.0)
    }
}

impl Curve {
    fn of(curve: &[f64]) -> Self {
        Self { lags: autocorrelation(curve), spectrum: spectrum(curve) }
    }
}

/// How much the compressed power of the bands rises from frame to frame: the mean over all bands, and over the lowest.
fn novelty(log_mel: &LogMel) -> (Vec<f64>, Vec<f64>) {
    let mut sums = [vec![0.0; log_mel.n_frames], vec![0.0; log_mel.n_frames]];
    // 10^(dB / 10 * c) as a power of two.
    let exponent = COMPRESSION * 0.1 * std::f32::consts::LOG2_10;
    for band in 0..log_mel.n_mels {
        let mut last = f32::INFINITY;
        for (frame, decibels) in log_mel.band(band).iter().enumerate() {
            let power = (decibels * exponent).exp2();
            let rise = f64::from((power - last).max(0.0));
            last = power;
            sums[0][frame] += rise;
            if band < LOW_BANDS {
                sums[1][frame] += rise;
            }
        }
    }
    let [mut all, mut low] = sums;
    all.iter_mut().for_each(|sum| *sum /= log_mel.n_mels as f64);
    low.iter_mut().for_each(|sum| *sum /= LOW_BANDS as f64);
    (all, low)
}

/// A curve without its level, the mean of the two seconds around each frame.
fn levelled(curve: &[f64]) -> Vec<f64> {
    let n = curve.len() as isize;
    let size = (FRAMES * 2.0) as isize;
    let at = |i: isize| curve[i.clamp(0, n - 1) as usize];
    let mut sum: f64 = (-size / 2..size - size / 2).map(at).sum();
    (0..n)
        .map(|i| {
            let value = at(i) - sum / size as f64;
            sum += at(i + size - size / 2) - at(i - size / 2);
            value
        })
        .collect()
}

/// A curve through a Gaussian of one frame.
fn smoothed(curve: &[f64]) -> Vec<f64> {
    const REACH: isize = 4;
    let weight = |k: isize| (-0.5 * (k * k) as f64).exp();
    let total: f64 = (-REACH..=REACH).map(weight).sum();
    let last = curve.len() as isize - 1;
    (0..=last)
        .map(|i| (-REACH..=REACH).map(|k| weight(k) * curve[(i + k).clamp(0, last) as usize]).sum::<f64>() / total)
        .collect()
}

/// The unbiased autocorrelation, 1 at lag 0, up to three quarters of the curve.
fn autocorrelation(curve: &[f64]) -> Vec<f64> {
    let curve = levelled(&smoothed(curve));
    let n = curve.len();
    let n_lags = ((FRAMES * LONGEST_LAG) as usize).min(3 * n / 4);
    let mut planner = RealFftPlanner::<f64>::new();
    let size = (2 * n).next_power_of_two();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let mut samples = curve;
    samples.resize(size, 0.0);
    let mut bins = forward.make_output_vec();
    if forward.process(&mut samples, &mut bins).is_err() {
        return vec![0.0; n_lags];
    }
    for bin in &mut bins {
        *bin = (bin.norm_sqr()).into();
    }
    if inverse.process(&mut bins, &mut samples).is_err() {
        return vec![0.0; n_lags];
    }
    let mean = |lag: usize| samples[lag] / (size as f64 * (n - lag) as f64);
    let whole = mean(0) + 1e-12;
    (0..n_lags).map(|lag| mean(lag) / whole).collect()
}

/// The magnitude spectrum, measured by its root mean square up to [`SPECTRUM_TOP`].
fn spectrum(curve: &[f64]) -> Vec<f64> {
    let mut samples = levelled(curve);
    let last = (samples.len() - 1).max(1) as f64;
    for (i, sample) in samples.iter_mut().enumerate() {
        *sample *= 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / last).cos();
    }
    samples.resize(SPECTRUM, 0.0);
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(SPECTRUM);
    let mut bins = forward.make_output_vec();
    if forward.process(&mut samples, &mut bins).is_err() {
        return vec![0.0; SPECTRUM / 2 + 1];
    }
    let magnitudes: Vec<f64> = bins.iter().map(|bin| bin.norm()).collect();
    let top = (SPECTRUM as f64 * SPECTRUM_TOP / FRAMES) as usize;
    let level = (magnitudes[..top].iter().map(|m| m * m).sum::<f64>() / top as f64).sqrt() + 1e-12;
    magnitudes.into_iter().map(|magnitude| magnitude / level).collect()
}
