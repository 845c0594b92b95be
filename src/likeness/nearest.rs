//! The rows of an atlas that are nearest to a sound: every row is looked at, so that none is missed.
//!
//! A row has some 170 bytes with the built-in models and 240 with musicnn's; a million of them are read from the
//! system's cache and multiplied in about the time that it takes to read them (`docs/similar.md` has the figures). Each
//! thread reads a part of its own that fits into the processor's cache, so what is held in memory does not grow with
//! the library.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::atlas::Atlas;
use super::row::{HEAD, Head, Packed};
use super::{LikenessError, Sound};
use crate::simd::multiversion;

/// Bytes that a thread reads at once.
const PART: usize = 256 * 1024;

/// A row that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// 0 to 1, or a little less where descriptions point away from each other.
    pub(super) likeness: f32,
    pub(super) head: Head,
    pub(super) sound: Packed,
}

/// The order in which rows are given: the most alike first, then by their audio.
fn order(a: &Found, b: &Found) -> Ordering {
    b.likeness.total_cmp(&a.likeness).then(a.head.audio.cmp(&b.head.audio))
}

/// A row on a heap whose first is the one to do without.
struct Worst(Found);

impl PartialEq for Worst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Worst {}
impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

/// The `most` rows that are most like a sound, of those that may be, the most alike first.
pub(super) fn nearest(
    atlas: &Atlas,
    sound: &Sound,
    most: usize,
    may_be: impl Fn(&Head) -> bool + Sync,
) -> Result<Vec<Found>, LikenessError> {
    let asked = Packed::of(sound);
    let (size, row_size) = (atlas.measure.sizes().0, atlas.row_size());
    let agreements = atlas.measure.agreements();
    let rows = (PART / row_size).max(1);
    let parts = atlas.len().div_ceil(rows as u64);
    let look = |(buffer, sums): &mut (Vec<u8>, Vec<f32>), part: u64| -> Result<Vec<Found>, LikenessError> {
        atlas.read(part * rows as u64, buffer, rows)?;
        sums.clear();
        sum_up(&asked, buffer, row_size, size, sums);
        let mut best: BinaryHeap<Worst> = BinaryHeap::with_capacity(most + 1);
        for (row, sum) in buffer.chunks_exact(row_size).zip(&*sums) {
            let likeness = sum / agreements;
            if best.len() >= most && best.peek().is_some_and(|worst| worst.0.likeness >= likeness) {
                continue;
            }
            let Some(head) = Head::read(row).filter(&may_be) else { continue };
            let sound = Packed { scale: head.scale, bytes: row[HEAD..].to_vec() };
            best.push(Worst(Found { likeness, head, sound }));
            if best.len() > most {
                best.pop();
            }
        }
        Ok(best.into_iter().map(|worst| worst.0).collect())
    };
    let found = (0..parts).into_par_iter().map_init(Default::default, look).try_reduce(Vec::new, |mut a, b| {
        a.extend(b);
        a.sort_by(order);
        a.truncate(most);
        Ok(a)
    });
    let mut found = found?;
    found.sort_by(order);
    Ok(found)
}

multiversion! {
    fn sum_up(asked: &Packed, rows: &[u8], row_size: usize, size: usize, sums: &mut Vec<f32>) {
        for row in rows.chunks_exact(row_size) {
            let scale = f32::from_le_bytes([row[HEAD - 4], row[HEAD - 3], row[HEAD - 2], row[HEAD - 1]]);
            sums.push(asked.agreement(scale, &row[HEAD..], size));
        }
    }
}
