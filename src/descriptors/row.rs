//! Descriptors as a row of numbers for the cache: bit for bit what was computed, with a code for each reason of an
//! absence.

use super::{Absent, Descriptors, Key, Mode, Mood, QUADRANTS, Tempo};

const REASONS: [Absent; 5] = [Absent::Silent, Absent::TooShort, Absent::NoBeat, Absent::NoKey, Absent::NoFeatures];
/// Numbers in a row.
const LENGTH: usize = 22;

impl Descriptors {
    /// The row: the duration, then of each descriptor a code (0: there it is) and its numbers (0 where it is absent).
    pub fn to_row(&self) -> Vec<f32> {
        let mut row = vec![self.duration as f32];
        let mut put = |found: Result<Vec<f64>, Absent>, length: usize| {
            let code = found.as_ref().err().and_then(|reason| REASONS.iter().position(|r| r == reason));
            row.push(code.map_or(0.0, |code| code as f32 + 1.0));
            let mut numbers = found.unwrap_or_default();
            numbers.resize(length, 0.0);
            row.extend(numbers.into_iter().map(|number| number as f32));
        };
        put(self.tempo.map(|t| vec![t.bpm, t.confidence, t.rival, t.rival_share]), 4);
        put(self.beat_strength.map(|value| vec![value]), 1);
        put(self.key.map(|key| vec![key.number() as f64, key.confidence]), 2);
        put(self.loudness.map(|value| vec![value]), 1);
        put(self.energy.map(|value| vec![value]), 1);
        put(self.danceability.map(|value| vec![value]), 1);
        let quadrant = |mood: Mood| QUADRANTS.iter().position(|q| *q == mood.quadrant).unwrap_or(0) as f64;
        put(self.mood.map(|mood| vec![quadrant(mood), mood.confidence, mood.valence, mood.arousal]), 4);
        row
    }

    /// What [`Self::to_row`] made a row of; `None` of anything else.
    pub fn from_row(row: &[f32]) -> Option<Self> {
        if row.len() != LENGTH || row.iter().any(|number| !number.is_finite()) {
            return None;
        }
        let mut rest = row.iter().map(|number| f64::from(*number));
        let duration = rest.next()?;
        let mut take = |length: usize| -> Option<Result<Vec<f64>, Absent>> {
            let code = rest.next()? as usize;
            let numbers: Vec<f64> = rest.by_ref().take(length).collect();
            Some(match code.checked_sub(1) {
                None => Ok(numbers),
                Some(reason) => Err(*REASONS.get(reason)?),
            })
        };
        let tempo = take(4)?.map(|n| Tempo { bpm: n[0], confidence: n[1], rival: n[2], rival_share: n[3] });
        let beat_strength = take(1)?.map(|n| n[0]);
        let key = take(2)?.map(|n| {
            let number = n[0] as usize;
            let mode = if number < 12 { Mode::Major } else { Mode::Minor };
            Key { tonic: number % 12, mode, confidence: n[1] }
        });
        let loudness = take(1)?.map(|n| n[0]);
        let energy = take(1)?.map(|n| n[0]);
        let danceability = take(1)?.map(|n| n[0]);
        let mood = take(4)?.map(|n| Mood {
            quadrant: QUADRANTS[(n[0] as usize).min(3)],
            confidence: n[1],
            valence: n[2],
            arousal: n[3],
        });
        Some(Self { duration, tempo, beat_strength, key, loudness, energy, danceability, mood })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::descriptors::Quadrant;

    #[test]
    fn a_row_comes_back_from_the_cache_as_it_was() {
        let described = Descriptors {
            duration: 30.0,
            tempo: Ok(Tempo { bpm: 120.5, confidence: 0.75, rival: 60.25, rival_share: 0.25 }),
            beat_strength: Ok(0.5),
            key: Ok(Key { tonic: 9, mode: Mode::Minor, confidence: 0.5 }),
            loudness: Ok(-14.25),
            energy: Ok(0.5),
            danceability: Err(Absent::TooShort),
            mood: Ok(Mood { quadrant: Quadrant::Sad, confidence: 0.5, valence: 0.25, arousal: 0.25 }),
        };
        let row = described.to_row();
        assert_eq!(row.len(), LENGTH);
        assert_eq!(Descriptors::from_row(&row), Some(described.clone()));
        let silent = Descriptors { tempo: Err(Absent::NoBeat), key: Err(Absent::NoKey), ..described };
        assert_eq!(Descriptors::from_row(&silent.to_row()), Some(silent));
        assert_eq!(Descriptors::from_row(&row[1..]), None);
        assert_eq!(Descriptors::from_row(&[f32::NAN; LENGTH]), None);
    }
}
