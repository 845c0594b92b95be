//! Which of the twelve pitch classes sound, and how much: spectral peaks, tuned to the recording's own pitch. What key
//! that makes is not judged here.

use realfft::RealFftPlanner;

/// Samples of a frame, and from frame to frame: at 22,050 Hz a frame lasts 93 ms, and none is heard twice.
const FRAME: usize = 2048;
/// Peaks below this magnitude are noise of 16 bits, whatever the recording.
const FAINTEST: f64 = 1e-4;
/// Peaks that count, in Hz.
const LOWEST_HZ: f64 = 40.0;
const HIGHEST_HZ: f64 = 4000.0;
/// Peaks that say how the recording is tuned, in Hz.
const TUNING_HZ: std::ops::Range<f64> = 80.0..3000.0;
/// Up to here it is the bass, in Hz.
const BASS_HZ: f64 = 260.0;
/// A peak may be one of so many harmonics; each counts less than the one below by [`DECAY`].
const HARMONICS: usize = 6;
const DECAY: f64 = 0.8;
const A4_HZ: f64 = 440.0;

/// How much of each pitch class there is, C first.
pub(super) type Chroma = [f64; 12];

/// The pitch classes of a sound.
pub(super) struct Pitches {
    /// Of the whole sound, harmonics counted for their fundamentals.
    pub all: Chroma,
    /// Of the bass, as it is.
    pub bass: Chroma,
    /// How clear they are, 0 to 1: of all peaks, by magnitude, the mean turn of their distances from the nearest
    /// semitone. Noise has little, a tuned instrument much.
    pub clarity: f64,
    /// Frames that have a peak at all, of 93 ms each.
    pub sounding: usize,
}

struct Peak {
    hz: f64,
    magnitude: f64,
}

impl Pitches {
    /// Of mono samples at `sample_rate` Hz.
    pub(super) fn of(samples: &[f32], sample_rate: u32) -> Self {
        let (peaks, sounding) = peaks(samples, f64::from(sample_rate));
        let (mut turn, mut total) = ((0.0, 0.0), 1e-12);
        for peak in peaks.iter().filter(|peak| TUNING_HZ.contains(&peak.hz)) {
            let angle = std::f64::consts::TAU * semitones(peak.hz);
            turn.0 += peak.magnitude * angle.cos();
            turn.1 += peak.magnitude * angle.sin();
            total += peak.magnitude;
        }
        let tuning = f64::atan2(turn.1, turn.0) / std::f64::consts::TAU;
        let all = chroma(peaks.iter(), tuning, HARMONICS);
        let bass = chroma(peaks.iter().filter(|peak| peak.hz < BASS_HZ), tuning, 1);
        Self { all, bass, clarity: turn.0.hypot(turn.1) / total, sounding }
    }
}

fn semitones(hz: f64) -> f64 {
    12.0 * (hz / A4_HZ).log2()
}

fn chroma<'a>(peaks: impl Iterator<Item = &'a Peak>, tuning: f64, harmonics: usize) -> Chroma {
    let mut chroma = [0.0; 12];
    for peak in peaks {
        let pitch = semitones(peak.hz) - tuning;
        let mut weight = peak.magnitude;
        for harmonic in 1..=harmonics {
            let fundamental = pitch - 12.0 * (harmonic as f64).log2();
            let nearest = fundamental.round_ties_even();
            let class = (nearest as i64 + 9).rem_euclid(12) as usize;
            chroma[class] += weight * (std::f64::consts::PI * (fundamental - nearest)).cos().powi(2);
            weight *= DECAY;
        }
    }
    chroma
}

/// The peaks of all frames, and how many frames have any: through a Hann window, between the bins by a parabola through
/// their logarithms.
fn peaks(samples: &[f32], rate: f64) -> (Vec<Peak>, usize) {
    let forward = RealFftPlanner::<f32>::new().plan_fft_forward(FRAME);
    let (mut frame, mut bins) = (forward.make_input_vec(), forward.make_output_vec());
    let mut scratch = forward.make_scratch_vec();
    let window: Vec<f32> =
        (0..FRAME).map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / FRAME as f64).cos()) as f32).collect();
    let hz = |bin: f64| bin * rate / FRAME as f64;
    let inside = (LOWEST_HZ / hz(1.0)) as usize..(HIGHEST_HZ / hz(1.0)) as usize + 2;
    let inside = inside.start.max(1)..inside.end.min(FRAME / 2);
    let mut magnitudes = vec![0.0_f32; FRAME / 2 + 1];
    let (mut peaks, mut sounding) = (Vec::new(), 0);
    // Frames are centred on every FRAME-th sample, with silence around the sound.
    for centre in (0..=samples.len()).step_by(FRAME) {
        for (i, (place, weight)) in frame.iter_mut().zip(&window).enumerate() {
            let sample = (centre + i).checked_sub(FRAME / 2).and_then(|at| samples.get(at));
            *place = sample.copied().unwrap_or(0.0) * weight;
        }
        if forward.process_with_scratch(&mut frame, &mut bins, &mut scratch).is_err() {
            continue;
        }
        for (magnitude, bin) in magnitudes.iter_mut().zip(&bins) {
            *magnitude = bin.norm();
        }
        let before = peaks.len();
        for bin in inside.clone() {
            let [below, at, above] = [magnitudes[bin - 1], magnitudes[bin], magnitudes[bin + 1]];
            if at > below && at >= above && f64::from(at) > FAINTEST {
                let [a, b, c] = [below, at, above].map(|x| (f64::from(x) + 1e-12).ln());
                let shift = 0.5 * (a - c) / (a - 2.0 * b + c);
                let hz = hz(bin as f64 + shift);
                if hz > LOWEST_HZ && hz < HIGHEST_HZ {
                    peaks.push(Peak { hz, magnitude: (b - 0.25 * (a - c) * shift).exp() });
                }
            }
        }
        sounding += usize::from(peaks.len() > before);
    }
    (peaks, sounding)
}
