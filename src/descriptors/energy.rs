//! Energy: how loud a sound is and how much begins in it, 0 to 1. It has no labels: it is what is measured, and is
//! called so.
//!
//! The mean of two parts: the loudness from -35 to -8 LUFS, and the activity (the rises of the compressed mel power a
//! second, see `rhythm`) over the range that nine tenths of 135 GTZAN clips lie in.

const QUIETEST: f64 = -35.0;
const LOUDEST: f64 = -8.0;
const CALMEST: f64 = 0.25;
const BUSIEST: f64 = 0.75;

/// The energy of a sound of so many LUFS and so much activity.
pub(super) fn energy(loudness: f64, activity: f64) -> f64 {
    let place = |value: f64, from: f64, to: f64| ((value - from) / (to - from)).clamp(0.0, 1.0);
    0.5 * place(loudness, QUIETEST, LOUDEST) + 0.5 * place(activity, CALMEST, BUSIEST)
}
