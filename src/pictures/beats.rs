//! Where the beats of a known tempo fall: the grid whose lines meet most of what begins.

use crate::features::LogMel;

/// Places in a beat that are tried.
const PHASES: usize = 48;

/// The seconds at which beats fall, from the start of a spectrogram with so many frames a second.
pub(super) fn grid(log_mel: &LogMel, frames_a_second: f64, bpm: f64) -> Vec<f64> {
    let begins: Vec<f32> = (1..log_mel.n_frames)
        .map(|frame| {
            let rise = |band: usize| (log_mel.band(band)[frame] - log_mel.band(band)[frame - 1]).max(0.0);
            (0..log_mel.n_mels).map(rise).sum()
        })
        .collect();
    let beat = frames_a_second * 60.0 / bpm;
    if !(beat >= 2.0 && beat < begins.len() as f64) {
        return Vec::new();
    }
    let places = |phase: usize| {
        let start = beat * phase as f64 / PHASES as f64;
        (0..).map(move |n| start + beat * f64::from(n)).take_while(|at| *at < begins.len() as f64)
    };
    let met = |phase: usize| {
        // A frame beside it counts as well: beats of players are not exact.
        let near = |at: f64| (at as usize).saturating_sub(1)..(at as usize + 2).min(begins.len());
        let (sum, number) = places(phase)
            .fold((0.0, 0), |(sum, n), at| (sum + begins[near(at)].iter().fold(0.0, |a: f32, b| a.max(*b)), n + 1));
        sum / number.max(1) as f32
    };
    let best = (0..PHASES).max_by(|a, b| met(*a).total_cmp(&met(*b))).unwrap_or(0);
    places(best).map(|at| (at + 1.0) / frames_a_second).collect()
}
