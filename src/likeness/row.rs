//! A recording as it lies in the atlas: whose it is, what it can be chosen by, and its sound in bytes.
//!
//! ```text
//! audio i64 | duration in ms u32 (0: not known) | tempo f32 (0: not known) | key u8 (0: not known) 3 bytes 0 | scale f32 |
//! description i8 ... | genres and moods i8 ...                                                       little-endian
//! ```
//!
//! A description's numbers are multiples of its own scale, so that the largest is 127; roots of probabilities are
//! multiples of 1/127. Of 128 numbers the product of two rows is then right to about 0.001.

use super::measure::Sound;
use crate::descriptors::Descriptors;
use crate::store::{AudioKey, HeardAudio};

/// Bytes before the sound.
pub(super) const HEAD: usize = 24;
const STEPS: f32 = 127.0;

/// What a recording can be chosen by, and the scale of its description.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Head {
    pub(super) audio: AudioKey,
    /// In milliseconds.
    pub(super) duration: Option<u32>,
    pub(super) bpm: Option<f32>,
    /// 0 to 23, as [`crate::descriptors::Key::number`].
    pub(super) key: Option<u8>,
    pub(super) scale: f32,
}

impl Head {
    pub(super) fn of(heard: &HeardAudio, scale: f32) -> Self {
        let described = heard.described.as_deref().and_then(Descriptors::from_row);
        Self {
            audio: heard.audio,
            duration: heard.duration.and_then(|d| u32::try_from(d.as_millis()).ok()).filter(|millis| *millis > 0),
            bpm: described.as_ref().and_then(|d| d.tempo.ok()).map(|tempo| tempo.bpm as f32),
            key: described.as_ref().and_then(|d| d.key.ok()).map(|key| key.number() as u8),
            scale,
        }
    }

    pub(super) fn write(&self, row: &mut Vec<u8>) {
        row.extend(self.audio.number().to_le_bytes());
        row.extend(self.duration.unwrap_or(0).to_le_bytes());
        row.extend(self.bpm.unwrap_or(0.0).to_le_bytes());
        row.extend([self.key.map_or(0, |key| key + 1), 0, 0, 0]);
        row.extend(self.scale.to_le_bytes());
    }

    /// What stands at the start of a row; none of what is shorter.
    pub(super) fn read(row: &[u8]) -> Option<Self> {
        let (audio, rest) = row.split_first_chunk::<8>()?;
        let (duration, rest) = rest.split_first_chunk::<4>()?;
        let (bpm, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (scale, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            audio: AudioKey::from_number(i64::from_le_bytes(*audio)),
            duration: Some(u32::from_le_bytes(*duration)).filter(|duration| *duration > 0),
            bpm: Some(f32::from_le_bytes(*bpm)).filter(|bpm| *bpm > 0.0),
            key: key[0].checked_sub(1),
            scale: f32::from_le_bytes(*scale),
        })
    }
}

/// The numbers of a row: the description, then genres and moods. A scale that is no number makes them 0.
pub(super) fn unpack(row: &[u8], head: &Head, size: usize, numbers: &mut Vec<f32>) {
    let scale = if head.scale.is_finite() { head.scale } else { 0.0 };
    let bytes = row[HEAD..].iter().enumerate();
    numbers.clear();
    numbers.extend(bytes.map(|(at, byte)| f32::from(*byte as i8) * if at < size { scale } else { 1.0 / STEPS }));
}

/// A sound in bytes, with the scale of its description.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packed {
    pub(super) scale: f32,
    pub(super) bytes: Vec<u8>,
}

impl Packed {
    pub(super) fn of(sound: &Sound) -> Self {
        let largest = sound.description.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let scale = largest.max(1e-12) / STEPS;
        let step = |x: f32| x.round().clamp(-STEPS, STEPS) as i8 as u8;
        let description = sound.description.iter().map(|x| step(x / scale));
        let bytes = description.chain(sound.shares.iter().map(|x| step(x * STEPS))).collect();
        Self { scale, bytes }
    }

    /// The sum of the agreements with a row whose description has `size` numbers.
    #[inline(always)]
    pub(super) fn agreement(&self, scale: f32, row: &[u8], size: usize) -> f32 {
        let (mine, my_shares) = self.bytes.split_at(size);
        let (its, its_shares) = row.split_at(size);
        let described = product(mine, its) as f32 * self.scale * scale;
        described + product(my_shares, its_shares) as f32 / (STEPS * STEPS)
    }

    /// What was packed, as far as it is kept.
    pub(super) fn unpacked(&self, size: usize) -> Sound {
        let number = |byte: &u8| f32::from(*byte as i8);
        let (description, shares) = self.bytes.split_at(size);
        Sound {
            description: description.iter().map(|x| number(x) * self.scale).collect(),
            shares: shares.iter().map(|x| number(x) / STEPS).collect(),
        }
    }
}

/// The product of two rows of signed bytes. A plain loop: it is vectorised for whatever its caller is compiled for.
#[inline(always)]
fn product(a: &[u8], b: &[u8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(i16::from(*a as i8) * i16::from(*b as i8))).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_row_says_what_was_put_into_it() {
        let heard = HeardAudio {
            audio: AudioKey::from_number(7),
            duration: Some(Duration::from_millis(1500)),
            described: None,
        };
        let head = Head { bpm: Some(120.5), key: Some(23), ..Head::of(&heard, 0.25) };
        let mut row = Vec::new();
        head.write(&mut row);
        assert_eq!(row.len(), HEAD);
        assert_eq!(Head::read(&row), Some(head));
        let nothing = Head { duration: None, bpm: None, key: None, ..head };
        row.clear();
        nothing.write(&mut row);
        assert_eq!(Head::read(&row), Some(nothing));
        assert_eq!(Head::read(&row[1..]), None);
    }

    #[test]
    fn bytes_agree_as_much_as_the_numbers_do() {
        let sound = |seed: usize| {
            let mut description: Vec<f32> = (0..128).map(|i| ((i * seed + i * i) as f32 * 0.7).sin()).collect();
            let length = description.iter().map(|x| x * x).sum::<f32>().sqrt();
            description.iter_mut().for_each(|x| *x /= length);
            let share = 0.1 * seed as f32;
            Sound { description, shares: vec![share.sqrt(), (1.0 - share).sqrt(), 1.0, 0.0] }
        };
        let sounds: Vec<Sound> = (1..8).map(sound).collect();
        for a in &sounds {
            for b in &sounds {
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                let exact = dot(&a.description, &b.description) + dot(&a.shares, &b.shares);
                let (a, b) = (Packed::of(a), Packed::of(b));
                let found = a.agreement(b.scale, &b.bytes, 128);
                assert!((found - exact).abs() < 0.012, "{found} {exact}");
                assert_eq!(Packed::of(&a.unpacked(128)).bytes, a.bytes);
            }
        }
    }
}
