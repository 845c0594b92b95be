//! The library in numbers, the same on every surface: how many tracks of which genre, how sure the program was, how far
//! its models agree, and what was changed lately.

use super::Desk;
use crate::store::{ChangeCounts, Figures, QueueFilter, StoreError};

/// The library in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Library {
    /// Counts over all rows.
    pub figures: Figures,
    /// Tracks that wait for the owner.
    pub waiting: u64,
}

/// What cannot be told at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    /// How far the models agree.
    pub agreement: Agreement,
    /// What was changed on each of the last days, today first.
    pub days: Vec<Day>,
}

/// How often two models name the same genre, or one a kind of the other's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreement {
    /// The models, in the order of the ensemble.
    pub models: Vec<String>,
    /// A share for each pair; none where no track was heard by both.
    pub matrix: Vec<Vec<Option<f32>>>,
    /// Pieces of audio that were looked at.
    pub tracks: u64,
    /// Whether these are a sample, spread over the whole library.
    pub is_sampled: bool,
}

/// What was changed on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// When it began, in seconds since 1970.
    pub from: i64,
    /// What was changed.
    pub changes: ChangeCounts,
}

/// Pieces of audio by which it is told how far models agree: a share is right to a percent or so.
const SAMPLE: usize = 4000;

impl Desk {
    /// The library in numbers, as far as they are kept: a matter of milliseconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn library(&self) -> Result<Library, StoreError> {
        Ok(Library { figures: self.store().figures()?, waiting: self.count(&QueueFilter::default())? })
    }

    /// What takes longer to tell. `midnights` are the beginnings of days in seconds since 1970, the latest first; of
    /// each it is told what was changed until the next one.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn survey(&self, midnights: &[i64]) -> Result<Survey, StoreError> {
        let mut until = i64::MAX;
        let days = midnights.iter().map(|&from| {
            let changes = self.store().count_changes(from, until)?;
            until = from;
            Ok(Day { from, changes })
        });
        Ok(Survey { days: days.collect::<Result<_, StoreError>>()?, agreement: self.agreement()? })
    }

    fn agreement(&self) -> Result<Agreement, StoreError> {
        let Some(models) = &self.opinions else { return Ok(Agreement::default()) };
        let (sample, is_sampled) = self.store().sample_audio(SAMPLE)?;
        let mut names: Vec<String> = Vec::new();
        let mut pairs: Vec<Vec<(u32, u32)>> = Vec::new();
        for audio in &sample {
            let opinions = models.of(self.store(), *audio)?;
            let places: Vec<usize> = opinions
                .iter()
                .map(|opinion| {
                    names.iter().position(|name| *name == opinion.model).unwrap_or_else(|| {
                        names.push(opinion.model.clone());
                        pairs.iter_mut().for_each(|row| row.push((0, 0)));
                        pairs.push(vec![(0, 0); names.len()]);
                        names.len() - 1
                    })
                })
                .collect();
            for (i, one) in opinions.iter().enumerate() {
                for (j, other) in opinions.iter().enumerate() {
                    let Some(agree) = models.agree(one, other) else { continue };
                    let pair = &mut pairs[places[i]][places[j]];
                    pair.0 += u32::from(agree);
                    pair.1 += 1;
                }
            }
        }
        let share = |&(agreed, both): &(u32, u32)| (both > 0).then(|| agreed as f32 / both as f32);
        Ok(Agreement {
            models: names,
            matrix: pairs.iter().map(|row| row.iter().map(share).collect()).collect(),
            tracks: sample.len() as u64,
            is_sampled,
        })
    }
}
