//! Sound made here, the same to the bit on every machine: additions and multiplications only, no library sine, and the
//! result rounded to 16 bits. It has what music has: chords with harmonics and decay, a bass, drums, glides, hiss,
//! rests.

/// A synthesised clip.
pub struct Clip {
    pub name: &'static str,
    pub sample_rate: u32,
    /// Mono, whole or half steps of 1/32768.
    pub samples: Vec<f32>,
}

/// Names beginning like the edge clips of the gate are judged by the bounds of those.
pub fn clips() -> Vec<Clip> {
    let clip = |name, sample_rate, seconds: f64, extra: usize, make: fn(&mut Synth)| {
        let length = (seconds * f64::from(sample_rate)) as usize + extra;
        let mut synth = Synth::new(sample_rate, length);
        make(&mut synth);
        Clip { name, sample_rate, samples: synth.quantize() }
    };
    vec![
        clip("song_44k", 44_100, 4.0, 1, |s| song(s, 0.0)),
        clip("song_44k_sharp", 44_100, 2.5, 0, |s| song(s, 0.31)),
        clip("song_22k", 22_050, 4.0, 3, |s| song(s, -0.2)),
        clip("song_48k", 48_000, 2.0, 5, |s| song(s, 0.1)),
        clip("song_16k", 16_000, 3.0, 0, |s| song(s, 0.43)),
        clip("song_96k", 96_000, 1.2, 7, |s| song(s, -0.4)),
        clip("song_192k", 192_000, 0.8, 11, |s| song(s, 0.05)),
        clip("song_9k", 9_000, 4.0, 1, |s| song(s, -0.1)),
        clip("glides_32k", 32_000, 2.0, 9, glides),
        clip("leadsilence_44k", 44_100, 2.0, 0, late_drums),
        clip("noise_44k", 44_100, 1.0, 0, |s| s.noise(0.0, 1e9, 0.3, 1.0)),
        clip("silence_44k", 44_100, 0.5, 0, |_| ()),
        clip("dcoffset_22k", 22_050, 1.5, 0, offset_song),
        clip("short_22k", 22_050, 0.4, 1, |s| song(s, 0.2)),
        clip("tiny_44k", 44_100, 0.0, 1000, |s| song(s, 0.0)),
        clip("tiny_one_frame", 44_100, 0.0, 300, |s| song(s, 0.0)),
        clip("tiny_shortest", 44_100, 0.0, 65, |s| song(s, 0.0)),
    ]
}

/// A I-vi-IV-V cadence with bass, kick, snare and hiss, `detune` semitones off A440.
fn song(s: &mut Synth, detune: f64) {
    let chords = [[60, 64, 67], [57, 60, 64], [53, 57, 60], [55, 59, 62]];
    for (beat, chord) in chords.iter().cycle().take(16).enumerate() {
        let start = beat as f64 * 0.31;
        for (i, &note) in chord.iter().enumerate() {
            s.note(start + 0.013 * i as f64, 0.9, f64::from(note) + detune, 0.09, 6, 3.0);
        }
        s.note(start, 0.5, f64::from(chord[0] - 24) + detune, 0.16, 4, 4.0);
        s.note(start + 0.155, 0.3, f64::from(chord[2] + 12) + detune, 0.07, 3, 7.0);
        match beat % 2 {
            0 => s.glide(start, 0.12, 120.0, 45.0, 0.3, 25.0),
            _ => s.noise(start, 0.15, 0.12, 30.0),
        }
    }
    s.noise(0.0, 1e9, 0.002, 0.0);
}

fn glides(s: &mut Synth) {
    s.glide(0.0, 2.0, 80.0, 6000.0, 0.2, 0.0);
    s.glide(0.3, 1.5, 3000.0, 200.0, 0.15, 0.5);
    s.note(0.1, 1.8, 69.0, 0.1, 5, 1.0);
    s.noise(0.0, 1e9, 0.004, 0.0);
}

fn late_drums(s: &mut Synth) {
    for beat in 0..5 {
        s.noise(0.7 + 0.25 * f64::from(beat), 0.12, 0.4, 35.0);
    }
}

fn offset_song(s: &mut Synth) {
    song(s, 0.0);
    for sample in &mut s.samples {
        *sample += 0.1;
    }
}

struct Synth {
    rate: f64,
    samples: Vec<f64>,
    random: u32,
}

impl Synth {
    fn new(sample_rate: u32, length: usize) -> Self {
        Self { rate: f64::from(sample_rate), samples: vec![0.0; length], random: 1 }
    }

    /// Calls `add(sample, seconds since start)` for the samples of a span.
    fn span(&mut self, start: f64, seconds: f64, mut add: impl FnMut(&mut f64, f64, &mut u32)) {
        let first = (start * self.rate) as usize;
        let n = (seconds * self.rate) as usize;
        for (i, sample) in self.samples.iter_mut().skip(first).take(n).enumerate() {
            add(sample, i as f64 / self.rate, &mut self.random);
        }
    }

    /// A tone at a MIDI pitch with `harmonics` partials, each weaker than the one before.
    fn note(&mut self, start: f64, seconds: f64, pitch: f64, level: f64, harmonics: u32, decay: f64) {
        let hz = 440.0 * two_to((pitch - 69.0) / 12.0);
        for harmonic in 1..=harmonics {
            let (hz, level) = (hz * f64::from(harmonic), level / f64::from(harmonic * harmonic).max(1.5));
            if hz < self.rate * 0.45 {
                self.span(start, seconds, |x, t, _| *x += level * fade(t, seconds, decay) * sine(hz * t));
            }
        }
    }

    /// A tone that moves from one frequency to another.
    fn glide(&mut self, start: f64, seconds: f64, from: f64, to: f64, level: f64, decay: f64) {
        self.span(start, seconds, |x, t, _| {
            let turns = from * t + (to - from) * t * t / (2.0 * seconds);
            *x += level * fade(t, seconds, decay) * sine(turns);
        });
    }

    /// White noise.
    fn noise(&mut self, start: f64, seconds: f64, level: f64, decay: f64) {
        self.span(start, seconds, |x, t, random| {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *x += level * fade(t, seconds, decay) * (f64::from(*random >> 8) / f64::from(1 << 23) - 1.0);
        });
    }

    /// 16 bits, as two channels that differ by a step now and then, and their mean.
    fn quantize(self) -> Vec<f32> {
        let steps = |x: f64| (x * 32_768.0 + 0.5).floor().clamp(-32_768.0, 32_767.0);
        self.samples.iter().map(|&x| ((steps(x) + steps(x * 1.25)) / 2.0 / 32_768.0) as f32).collect()
    }
}

/// Attack of 5 ms, a hyperbolic decay, and a release of 10 ms.
fn fade(t: f64, seconds: f64, decay: f64) -> f64 {
    (t / 0.005).min((seconds - t) / 0.01).clamp(0.0, 1.0) / (1.0 + decay * t * (1.0 + decay * t))
}

/// The sine of a number of turns, by a polynomial.
fn sine(turns: f64) -> f64 {
    let t = turns - (turns + 0.5).floor();
    let t = if t.abs() > 0.25 { (if t > 0.0 { 0.5 } else { -0.5 }) - t } else { t };
    let x = t * std::f64::consts::TAU;
    let z = x * x;
    x * (1.0 - z / 6.0 * (1.0 - z / 20.0 * (1.0 - z / 42.0 * (1.0 - z / 72.0))))
}

/// `2^x` by the series of the exponential of the fraction.
fn two_to(x: f64) -> f64 {
    let whole = x.floor();
    let y = (x - whole) * std::f64::consts::LN_2;
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..20 {
        term *= y / f64::from(k);
        sum += term;
    }
    let step = if whole < 0.0 { 0.5 } else { 2.0 };
    (0..whole.abs() as u32).fold(sum, |product, _| product * step)
}
