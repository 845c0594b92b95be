//! Which files a review is of, and in which order, as options.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reclassd::desk::Desk;
use reclassd::store::{QueueFilter, QueueOrder, QueueSet, QueueView};

use crate::commands::hints::Named;
use crate::commands::{WrongUse, by_hand, since};

/// What narrows a review down. Without any, it is of all that the program was unsure of.
#[derive(Args)]
pub struct Filters {
    /// Every analysed file whose confidence is below X (0 to 1), tagged or not
    #[arg(long, value_name = "X")]
    below: Option<f32>,
    /// Every analysed file whose confidence is X or more, tagged or not
    #[arg(long, value_name = "X")]
    above: Option<f32>,
    /// Only files whose first guess is this genre, by any of its names; give it again for several
    #[arg(long, value_name = "NAME", value_parser = Named::genre(), hide_possible_values = true)]
    genre: Vec<String>,
    /// Only this file, or what lies below this folder
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// Only files first seen since this moment: "2h", "3 days", "yesterday", "2026-11-24 18:00"
    #[arg(long, value_name = "TIME")]
    added_since: Option<String>,
    /// Only files for which the models name different genres
    #[arg(long)]
    disagree: bool,
    /// Files that carry a genre of reclassd's, for second thoughts
    #[arg(long, conflicts_with = "not_music")]
    tagged: bool,
    /// Files that sound like speech or noise
    #[arg(long, conflicts_with = "taken_out")]
    not_music: bool,
    /// Files that are left alone since a genre of reclassd's was taken back or out of them
    #[arg(long, conflicts_with_all = ["tagged", "below"])]
    taken_out: bool,
}

/// In which order files come.
#[derive(Args)]
pub struct Order {
    /// In this order
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Sort::Worth)]
    sort: Sort,
    /// The other way round
    #[arg(long)]
    reverse: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    /// What is most worth asking: what teaches the program most, or else the least sure; what sounds like no music last
    Worth,
    /// The least sure first
    Confidence,
    /// By path
    Path,
    /// The newest first
    Date,
}

impl Filters {
    /// Whether any is given.
    pub fn are_given(&self) -> bool {
        self.below.is_some()
            || self.above.is_some()
            || !self.genre.is_empty()
            || self.path.is_some()
            || self.added_since.is_some()
            || self.disagree
            || self.tagged
            || self.not_music
            || self.taken_out
    }

    /// What they mean.
    pub fn filter(&self, desk: &Desk) -> anyhow::Result<QueueFilter> {
        for (name, value) in [("below", self.below), ("above", self.above)] {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return Err(WrongUse(format!("--{name} {value}: a confidence lies between 0 and 1")).into());
            }
        }
        let added_since = self.added_since.as_deref().map(since::seconds).transpose()?;
        let set = match (self.tagged, self.not_music) {
            (true, _) => QueueSet::Tagged,
            (_, true) => QueueSet::NotMusic,
            _ if self.taken_out => QueueSet::TakenOut,
            _ if self.below.is_some() || self.above.is_some() => QueueSet::Analysed,
            _ => QueueSet::Unsure,
        };
        Ok(QueueFilter {
            set,
            below: self.below,
            above: self.above,
            genres: self.genre.iter().flat_map(|name| desk.genres().words_for(name)).collect(),
            path: self.path.as_deref().map(by_hand::canonical_or_gone).transpose()?,
            added_since,
            disagree: self.disagree,
            text: String::new(),
        })
    }
}

impl Order {
    /// A view of what a filter lets through.
    pub fn view(&self, filter: QueueFilter) -> QueueView {
        let order = match self.sort {
            Sort::Worth => QueueOrder::Worth,
            Sort::Confidence => QueueOrder::Confidence,
            Sort::Path => QueueOrder::Path,
            Sort::Date => QueueOrder::Added,
        };
        QueueView { filter, order, reversed: self.reverse }
    }
}
