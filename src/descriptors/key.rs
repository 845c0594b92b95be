//! Key and mode: which of 24 keys the pitch classes are those of.
//!
//! The chroma of the whole sound and of its bass are compared with a template of a major and of a minor key on each of
//! the twelve tonics; a softmax makes shares of it. The templates started as the profiles of Faraldo et al. 2016 and
//! were fitted to keys that a person named (`models/training/descriptors.py`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::absent::Absent;
use super::fitted::{fitted, softmax};
use super::pitch::{Chroma, Pitches};

/// Below this clarity no note stands out: ten seconds of white noise have 0.01, one in a hundred recordings with a key
/// less than 0.026.
const MIN_CLARITY: f64 = 0.02;
/// Below this spread (standard deviation over mean) all pitch classes sound alike.
const MIN_SPREAD: f64 = 0.08;
/// Fewer frames with a note in them (two seconds) are too little for a key: a click is one.
const MIN_SOUNDING: usize = 22;
const NAMES: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

/// Major or minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With the major third.
    Major,
    /// With the minor third.
    Minor,
}

/// How a key is spelt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyNotation {
    /// `Am`, `F#`: three characters at the most, as ID3's TKEY has it.
    #[default]
    Standard,
    /// Mixed In Key's wheel: `8A`.
    Camelot,
    /// Traktor's wheel: `1m`.
    OpenKey,
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The tonic, 0 (C) to 11 (B).
    pub tonic: usize,
    /// Its mode.
    pub mode: Mode,
    /// The share of this key among the 24, 0 to 1.
    pub confidence: f64,
}

impl fmt::Display for Key {
    /// `A minor`, `F# major`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.mode == Mode::Major { "major" } else { "minor" };
        write!(f, "{} {mode}", NAMES[self.tonic % 12])
    }
}

impl Key {
    /// 0 to 11: major on C to B; 12 to 23: minor.
    pub fn number(&self) -> usize {
        self.tonic + if self.mode == Mode::Major { 0 } else { 12 }
    }

    /// The number of a key by its name (`A minor`, `Am`, `F#`, `Gb major`) or as DJs spell it (`8A`, `1m`); none of
    /// anything else.
    pub fn number_of(text: &str) -> Option<usize> {
        let text = text.trim();
        let all = [Mode::Major, Mode::Minor]
            .into_iter()
            .flat_map(|mode| (0..12).map(move |tonic| Self { tonic, mode, confidence: 1.0 }));
        let spelled = |key: &Self| [key.camelot(), key.open_key()].iter().any(|code| code.eq_ignore_ascii_case(text));
        if let Some(key) = all.into_iter().find(spelled) {
            return Some(key.number());
        }
        let mut letters = text.chars();
        let natural = match letters.next()?.to_ascii_uppercase() {
            'C' => 0,
            'D' => 2,
            'E' => 4,
            'F' => 5,
            'G' => 7,
            'A' => 9,
            'B' | 'H' => 11,
            _ => return None,
        };
        let rest = letters.as_str();
        let (shift, rest) = match rest.chars().next() {
            Some('#' | '♯') => (1, &rest[rest.chars().next()?.len_utf8()..]),
            Some('b' | '♭') => (11, &rest[rest.chars().next()?.len_utf8()..]),
            _ => (0, rest),
        };
        let minor = match rest.trim_start_matches([' ', '-']) {
            "" | "M" => false,
            "m" => true,
            mode if ["major", "maj", "dur"].iter().any(|m| m.eq_ignore_ascii_case(mode)) => false,
            mode if ["minor", "min", "moll"].iter().any(|m| m.eq_ignore_ascii_case(mode)) => true,
            _ => return None,
        };
        Some((natural + shift) % 12 + if minor { 12 } else { 0 })
    }

    /// The key in this notation.
    pub fn spelt(&self, notation: KeyNotation) -> String {
        match notation {
            KeyNotation::Standard => {
                format!("{}{}", NAMES[self.tonic % 12], if self.mode == Mode::Minor { "m" } else { "" })
            }
            KeyNotation::Camelot => self.camelot(),
            KeyNotation::OpenKey => self.open_key(),
        }
    }

    /// Fifths above C of the major key with these notes, 0 to 11.
    fn fifths(&self) -> usize {
        let major = if self.mode == Mode::Major { self.tonic } else { self.tonic + 3 };
        major * 7 % 12
    }

    /// Mixed In Key's wheel: `8B` is C major, `8A` A minor.
    pub fn camelot(&self) -> String {
        format!("{}{}", (self.fifths() + 7) % 12 + 1, if self.mode == Mode::Major { 'B' } else { 'A' })
    }

    /// Traktor's wheel: `1d` is C major, `1m` A minor.
    pub fn open_key(&self) -> String {
        format!("{}{}", self.fifths() + 1, if self.mode == Mode::Major { 'd' } else { 'm' })
    }
}

/// The key of some pitch classes.
pub(super) fn key(pitches: &Pitches) -> Result<Key, Absent> {
    let (mean, sd) = moments(&pitches.all);
    // Written so that what is no number is absent.
    if pitches.sounding < MIN_SOUNDING || !(pitches.clarity >= MIN_CLARITY && sd / mean >= MIN_SPREAD) {
        return Err(Absent::NoKey);
    }
    let rows = [standardised(&pitches.all), standardised(&pitches.bass)];
    let templates = &fitted().key;
    let mut shares: Vec<f64> = (0..24)
        .map(|number| {
            let (tonic, first) = (number % 12, number / 12 * 24);
            let degrees = rows.iter().flat_map(|row| (0..12).map(move |degree| row[(tonic + degree) % 12]));
            let likeness: f64 = degrees.zip(templates.iter().skip(first)).map(|(a, b)| a * b).sum();
            likeness + if number < 12 { 0.0 } else { templates.get(48).copied().unwrap_or(0.0) }
        })
        .collect();
    softmax(&mut shares);
    let best = (0..24).max_by(|a, b| shares[*a].total_cmp(&shares[*b])).unwrap_or(0);
    let mode = if best < 12 { Mode::Major } else { Mode::Minor };
    Ok(Key { tonic: best % 12, mode, confidence: shares[best] })
}

fn moments(row: &Chroma) -> (f64, f64) {
    let mean = row.iter().sum::<f64>() / 12.0;
    (mean, (row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 12.0).sqrt())
}

fn standardised(row: &Chroma) -> Chroma {
    let (mean, sd) = moments(row);
    row.map(|x| (x - mean) / (sd + 1e-12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_spell_keys_as_their_makers_do() {
        let spelled = |tonic, mode| {
            let key = Key { tonic, mode, confidence: 1.0 };
            (key.to_string(), key.camelot(), key.open_key())
        };
        let owned = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(spelled(0, Mode::Major), owned("C major", "8B", "1d"));
        assert_eq!(spelled(9, Mode::Minor), owned("A minor", "8A", "1m"));
        assert_eq!(spelled(6, Mode::Minor), owned("F# minor", "11A", "4m"));
        assert_eq!(spelled(11, Mode::Major), owned("B major", "1B", "6d"));
        assert_eq!(spelled(3, Mode::Minor), owned("Eb minor", "2A", "7m"));
        assert_eq!(spelled(5, Mode::Major), owned("F major", "7B", "12d"));
    }

    #[test]
    fn a_key_is_known_by_every_name_that_people_give_it() {
        for number in 0..24 {
            let mode = if number < 12 { Mode::Major } else { Mode::Minor };
            let key = Key { tonic: number % 12, mode, confidence: 1.0 };
            for name in [key.to_string(), key.camelot(), key.open_key()] {
                assert_eq!(Key::number_of(&name), Some(number), "{name}");
            }
        }
        let names =
            [("Am", 21), ("a moll", 21), ("Gb", 6), ("F♯ major", 6), ("C#m", 13), ("Bbmin", 22), ("B", 11), ("d", 2)];
        for (name, number) in names {
            assert_eq!(Key::number_of(name), Some(number), "{name}");
        }
        for name in ["", "X", "13A", "Amx", "0m", "ä", "C##"] {
            assert_eq!(Key::number_of(name), None, "{name}");
        }
    }
}
