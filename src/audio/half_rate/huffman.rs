//! The packed lines of a granule (ISO/IEC 11172-3, 2.4.3.4.6): pairs of values up to 15 and beyond, then fours of 0 and
//! 1, then zeros. A word is found by its first bits in one table, or in two where it is longer than those.

use std::sync::LazyLock;

use super::bits::Bits;
use super::code_words::{FOURS, LINBITS, PAIRS};
use super::side_information::Granule;
use super::{Bad, LINES};

/// Bits by which a word is looked up first.
const FIRST: u32 = 8;

/// What some bits are the beginning of: the values and how many bits there are of the word, or where the second table
/// is and how many bits it is looked up by.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The pair's values, or where the second table begins.
    value: u16,
    /// Bits of the word in this table; 0: there is no such word.
    length: u8,
    /// Bits by which the second table is looked up; 0: the word ends here.
    more: u8,
}

/// The words of one table.
#[derive(Default)]
struct Words(Vec<Entry>);

impl Words {
    /// `words` have a one in front; the value of each is given.
    fn new(words: impl Iterator<Item = (u32, u16)> + Clone) -> Self {
        let size = 1_usize << FIRST;
        let mut entries = vec![Entry::default(); size];
        let length = |word: u32| 31 - word.leading_zeros();
        // How long the words are that begin with the same bits.
        for (word, _) in words.clone().filter(|(word, _)| length(*word) > FIRST) {
            let rest = length(word) - FIRST;
            let entry = &mut entries[(word >> rest) as usize & (size - 1)];
            entry.more = entry.more.max(rest as u8);
        }
        for first in 0..size {
            if entries[first].more > 0 {
                entries[first].value = entries.len() as u16;
                entries[first].length = FIRST as u8;
                entries.extend(vec![Entry::default(); 1 << entries[first].more]);
            }
        }
        for (word, value) in words {
            let (whole, mut bits, mut start, mut by) = (length(word), length(word), 0, FIRST);
            if whole > FIRST {
                let link = entries[(word >> (whole - FIRST)) as usize & (size - 1)];
                (bits, start, by) = (whole - FIRST, usize::from(link.value), u32::from(link.more));
            }
            // All that begin with the word.
            let own = (word & ((1 << bits) - 1)) << (by - bits);
            for rest in 0..1_usize << (by - bits) {
                entries[start + own as usize + rest] = Entry { value, length: bits as u8, more: 0 };
            }
        }
        Self(entries)
    }

    /// The value of the next word, which is passed.
    #[inline]
    fn read(&self, bits: &mut Bits<'_>) -> Result<u16, Bad> {
        let next = bits.peek();
        let mut entry = self.0[(next >> (32 - FIRST)) as usize];
        if entry.more > 0 {
            bits.at += entry.length as usize;
            let by = (next << FIRST) >> (32 - u32::from(entry.more));
            entry = self.0[usize::from(entry.value) + by as usize];
        }
        if entry.length == 0 {
            return Err(Bad);
        }
        bits.at += usize::from(entry.length);
        Ok(entry.value)
    }
}

/// All tables of pairs by number, and the two of fours.
struct Tables {
    pairs: Vec<Words>,
    fours: Vec<Words>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let pair = |number: usize| {
        // From 16 on tables differ only in how many bits a large value has.
        let known = match number {
            16..=23 => 16,
            24.. => 24,
            _ => number,
        };
        let Some((_, side, words)) = PAIRS.iter().find(|(of, ..)| *of == known) else { return Words::default() };
        let value = |at: usize| (((at / side) << 4) | (at % side)) as u16;
        Words::new(words.iter().enumerate().map(|(at, word)| (*word, value(at))))
    };
    let four = |words: &[u32; 16]| Words::new(words.iter().enumerate().map(|(at, word)| (*word, at as u16)));
    Tables { pairs: (0..32).map(pair).collect(), fours: FOURS.iter().map(four).collect() }
});

/// Powers of 4/3 of whole numbers.
static POWERS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..LARGEST).map(|value| f64::from(value).powf(4.0 / 3.0) as f32).collect());
/// The largest value that can be packed: 15 and 13 further bits.
const LARGEST: u32 = 15 + (1 << 13);

/// Unpacks the lines of a granule up to `limit`, each a power of 4/3 with its sign, the others 0. Says where the last
/// one is that is not 0: one behind it. `end` is where the bits of the granule end; a word that goes on behind is none.
pub(super) fn lines(
    bits: &mut Bits<'_>,
    end: usize,
    granule: &Granule,
    limit: usize,
    into: &mut [f32; LINES],
) -> Result<usize, Bad> {
    let (tables, powers) = (&*TABLES, POWERS.as_slice());
    let (mut line, mut last) = (0, 0);
    let paired = granule.paired.min(limit.next_multiple_of(2)).min(LINES);
    let ends = [granule.regions[0], granule.regions[1], LINES];
    for (end_of_region, &table) in ends.into_iter().zip(&granule.tables) {
        let until = end_of_region.min(paired);
        if table == 0 {
            if line < until {
                into[line..until].fill(0.0);
                line = until;
            }
            continue;
        }
        let words = &tables.pairs[table];
        if words.0.is_empty() {
            return Err(Bad);
        }
        let linbits = LINBITS[table];
        while line < until {
            let pair = words.read(bits)?;
            let x = value(bits, u32::from(pair >> 4), linbits, powers);
            let y = value(bits, u32::from(pair & 15), linbits, powers);
            (into[line], into[line + 1]) = (x, y);
            line += 2;
            if pair != 0 {
                last = line;
            }
        }
    }
    if bits.at > end {
        return Err(Bad);
    }
    if line == granule.paired {
        let words = &tables.fours[granule.fours];
        while line + 4 <= LINES && line < limit && bits.at < end {
            let four = words.read(bits)?;
            let mut values = [0.0; 4];
            for (at, value) in values.iter_mut().enumerate() {
                if four & (8 >> at) != 0 {
                    *value = if bits.flag() { -1.0 } else { 1.0 };
                }
            }
            // The bits that fill up a granule look like another word.
            if bits.at > end {
                break;
            }
            into[line..line + 4].copy_from_slice(&values);
            line += 4;
            if four != 0 {
                last = line;
            }
        }
    }
    into[line..].fill(0.0);
    Ok(last)
}

/// A value of a pair: its further bits, if it is the largest, and its sign.
#[inline]
fn value(bits: &mut Bits<'_>, mut value: u32, linbits: u32, powers: &[f32]) -> f32 {
    if value == 0 {
        return 0.0;
    }
    if value == 15 && linbits > 0 {
        value += bits.read(linbits);
    }
    let power = powers.get(value as usize).copied().unwrap_or(0.0);
    if bits.flag() { -power } else { power }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::super::bits::PADDING;
    use super::*;

    #[test]
    fn every_word_is_read_as_its_own_values_and_no_bits_are_no_word() {
        for (number, side, words) in PAIRS {
            let table = &TABLES.pairs[number];
            for (at, word) in words.iter().enumerate() {
                let length = 31 - word.leading_zeros();
                let mut bytes = (word << (32 - length)).to_be_bytes().to_vec();
                bytes.extend([0xff; PADDING]);
                let mut bits = Bits::new(&bytes);
                let value = table.read(&mut bits).unwrap_or(0xffff);
                assert_eq!(
                    (usize::from(value >> 4), usize::from(value & 15)),
                    (at / side, at % side),
                    "table {number}"
                );
                assert_eq!(bits.at, length as usize, "table {number}");
            }
            let share: f64 = words.iter().map(|word| 0.5_f64.powi(31 - word.leading_zeros() as i32)).sum();
            assert!((share - 1.0).abs() < 1e-12, "table {number}: its words leave no gap and do not overlap");
        }
    }
}
