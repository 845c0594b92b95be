//! Tempo: the pace a listener would tap, in beats a minute.
//!
//! Every tempo from 30 to 260 in steps of 2 % is a candidate. How strongly the sound returns after one, two, three ...
//! of its beats and after parts of one (autocorrelation, as in Percival and Tzanetakis 2014), and how much of the
//! rhythm's spectrum lies at its multiples, each in all bands and in the bass, makes a linear score; a softmax over the
//! candidates makes it a share. The weights were fitted to tempi that people tapped (`models/training/descriptors.py`),
//! so that octaves are decided as people do.
//!
//! Clicks and nothing else decide the octave themselves: where all that happens returns after one period, that period
//! is the beat.

use super::absent::Absent;
use super::fitted::{fitted, softmax};
use super::rhythm::{Curve, FRAMES, Rhythm, SPECTRUM};

/// Beats after which the sound should return.
const LAGS: [f64; 11] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 0.5, 1.0 / 3.0, 0.25, 1.5, 2.0 / 3.0];
/// Multiples of the tempo at which the spectrum is read.
const RATES: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 0.5, 1.0 / 3.0, 1.5, 2.0 / 3.0];
/// Bumps along the logarithm of the tempo, by which the weights say how usual it is.
const BUMPS: usize = 9;
/// The first and the last bump, in beats a minute, and their width in octaves.
const BUMPS_FROM: f64 = 35.0;
const BUMPS_TO: f64 = 240.0;
const BUMP_WIDTH: f64 = 0.35;
/// Features of a candidate.
pub(super) const N_FEATURES: usize = 2 * (LAGS.len() + RATES.len()) + BUMPS;
/// Candidates, from [`SLOWEST`] up in steps of [`STEP`], a natural logarithm.
const CANDIDATES: usize = 109;
const SLOWEST: f64 = 30.0;
const STEP: f64 = 0.02;
/// Lags below this, in frames, are one event and not two.
const SHORTEST_LAG: f64 = 4.0;
/// Below this over the root of the number of frames, a pulse is what chance makes of white noise: 0.17 in 30 s, 0.29 in
/// 10 s.
const CHANCE: f64 = 6.0;
/// From this pulse on after a period, with nothing between, it is clicks alone.
const CLICKS: f64 = 0.75;

/// A tempo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tempo {
    /// Beats a minute, 30 to 260.
    pub bpm: f64,
    /// The share of the candidates' scores at this tempo (within 3 %), 0 to 1.
    pub confidence: f64,
    /// The next best tempo that is another one, most often half or double.
    pub rival: f64,
    /// Its share.
    pub rival_share: f64,
}

/// The tempo of a rhythm.
pub(super) fn tempo(rhythm: &Rhythm) -> Result<Tempo, Absent> {
    if rhythm.pulse() < CHANCE / (rhythm.frames as f64).sqrt() {
        return Err(Absent::NoBeat);
    }
    let weights = &fitted().tempo;
    let mut shares: Vec<f64> = (0..CANDIDATES)
        .map(|i| features(rhythm, candidate(i)).iter().zip(weights).map(|(value, weight)| value * weight).sum())
        .collect();
    softmax(&mut shares);
    let mass: Vec<f64> =
        (0..CANDIDATES).map(|i| shares[i.saturating_sub(1)..(i + 2).min(CANDIDATES)].iter().sum()).collect();
    let best_of = |accept: &dyn Fn(usize) -> bool| {
        (0..CANDIDATES).filter(|i| accept(i.to_owned())).max_by(|a, b| mass[*a].total_cmp(&mass[*b])).unwrap_or(0)
    };
    let best = best_of(&|_| true);
    let next = best_of(&|i| i.abs_diff(best) > 4);
    let curve = &rhythm.curves[0];
    let (chosen, second) = (refined(curve, candidate(best)), refined(curve, candidate(next)));
    match clicks(curve).map(|bpm| refined(curve, bpm)) {
        Some(bpm) if (bpm / chosen - 1.0).abs() > 0.04 => {
            Ok(Tempo { bpm, confidence: 1.0 - mass[best].min(0.5), rival: chosen, rival_share: mass[best].min(0.5) })
        }
        _ => Ok(Tempo { bpm: chosen, confidence: mass[best].min(1.0), rival: second, rival_share: mass[next] }),
    }
}

/// How much of what begins returns at the beat, 0 to 1: the autocorrelation after one beat, or after two where that is
/// more.
pub(super) fn beat_strength(rhythm: &Rhythm, tempo: &Tempo) -> f64 {
    let lag = 60.0 * FRAMES / tempo.bpm;
    let strongest = |curve: &Curve| at(&curve.lags, lag).max(at(&curve.lags, 2.0 * lag));
    rhythm.curves.iter().map(strongest).fold(0.0, f64::max).clamp(0.0, 1.0)
}

fn candidate(i: usize) -> f64 {
    SLOWEST * (STEP * i as f64).exp()
}

fn features(rhythm: &Rhythm, bpm: f64) -> [f64; N_FEATURES] {
    let mut features = [0.0; N_FEATURES];
    let mut places = features.iter_mut();
    let mut put = |value: f64| {
        if let Some(place) = places.next() {
            *place = value;
        }
    };
    for curve in &rhythm.curves {
        for factor in LAGS {
            let lag = 60.0 * FRAMES / bpm * factor;
            let is_known = lag >= SHORTEST_LAG && lag <= curve.lags.len() as f64 - 2.0;
            put(if is_known { at(&curve.lags, lag) } else { 0.0 });
        }
        for factor in RATES {
            put(0.5 * at(&curve.spectrum, bpm / 60.0 * factor * SPECTRUM as f64 / FRAMES).max(0.0).sqrt());
        }
    }
    let (from, to) = (BUMPS_FROM.log2(), BUMPS_TO.log2());
    for bump in 0..BUMPS {
        let centre = from + (to - from) * bump as f64 / (BUMPS - 1) as f64;
        put((-0.5 * ((bpm.log2() - centre) / BUMP_WIDTH).powi(2)).exp());
    }
    features
}

/// Between two values of a row; the last one beyond its end.
fn at(row: &[f64], position: f64) -> f64 {
    let Some(last) = row.len().checked_sub(1) else { return 0.0 };
    let below = (position.max(0.0) as usize).min(last);
    let above = (below + 1).min(last);
    row[below] + (row[above] - row[below]) * (position - below as f64).clamp(0.0, 1.0)
}

/// The highest place within `reach` of a lag, if it is a peak: between the samples, by a parabola.
fn peak(lags: &[f64], lag: f64, reach: f64) -> Option<f64> {
    let (from, to) = ((lag - reach).ceil().max(1.0) as usize, (lag + reach).floor() as usize);
    let inside = from..(to + 1).min(lags.len().saturating_sub(1));
    let top = inside.max_by(|a, b| lags[*a].total_cmp(&lags[*b]))?;
    let [below, at, above] = [lags[top - 1], lags[top], lags[top + 1]];
    let is_peak = at > 0.0 && at >= below && at >= above && at * 2.0 > below + above;
    is_peak.then(|| top as f64 + 0.5 * (above - below) / (2.0 * at - below - above))
}

/// A tempo made exact by the places where the sound returns after more and more of its beats.
fn refined(curve: &Curve, bpm: f64) -> f64 {
    let first = 60.0 * FRAMES / bpm;
    let mut lag = first;
    let mut beats = 1.0;
    while lag * beats < curve.lags.len() as f64 - 2.0 {
        let Some(found) = peak(&curve.lags, lag * beats, (0.03 * lag * beats).clamp(1.0, 2.0)) else { break };
        if (found / beats / first - 1.0).abs() > 0.025 {
            break;
        }
        lag = found / beats;
        beats += 1.0;
    }
    60.0 * FRAMES / lag
}

/// The tempo of clicks and nothing else, 40 to 220: the first lag after which nearly all returns, if nothing returns
/// before.
fn clicks(curve: &Curve) -> Option<f64> {
    let (from, to) = ((60.0 * FRAMES / 220.0) as usize, (60.0 * FRAMES / 40.0) as usize);
    let is_peak = |lag: usize| curve.lags[lag] >= curve.lags[lag - 1] && curve.lags[lag] >= curve.lags[lag + 1];
    let peaks = (SHORTEST_LAG as usize..to.min(curve.lags.len().saturating_sub(1))).filter(|&lag| is_peak(lag));
    let first = peaks.into_iter().find(|&lag| curve.lags[lag] > 0.2)?;
    let returns =
        |beats: f64| peak(&curve.lags, first as f64 * beats, beats + 1.0).map_or(0.0, |lag| at(&curve.lags, lag));
    let is_clicks = first >= from && [1.0, 2.0, 3.0].into_iter().all(|beats| returns(beats) >= CLICKS);
    is_clicks.then(|| 60.0 * FRAMES / first as f64)
}
