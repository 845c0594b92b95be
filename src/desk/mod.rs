//! The owner's desk: what waits for a decision, and what a decision does. The list in the terminal and the commands
//! stand on it, and so can a page or an interface for programs; none of them decides anything by itself.
//!
//! ```text
//! a view (filter, order) ─► pages of tracks (cursors) ─► a correction of one of them, or of a whole reach ─► undone, if so wished
//! ```
//!
//! A correction is the owner's choice: the same safe write, journal and claim as `reclassd tag`, never overwritten by a
//! scan. It is noted where it was made and which ones were made in one go. Nothing here draws, prints or reads keys.

mod correction;
mod error;
mod genres;
mod library;
mod reach;
mod track;
mod window;

pub use correction::{Corrected, Correction};
pub use error::DeskError;
pub use genres::{GenreNames, Named};
pub use library::{Agreement, Day, Library, Survey};
pub use reach::Reach;
pub use track::{FileNow, Past};

use crate::config::Config;
use crate::genre::Taxonomy;
use crate::learning::Neighbours;
use crate::pipeline::{ByHand, Opinion, Opinions};
use crate::store::{
    Effort, QueueFilter, QueuePage, QueuePlace, QueueView, QueuedTrack, Store, StoreError, Surface, TrackId,
};

/// Rows that are looked at where nobody is to be kept waiting: some milliseconds.
const SOON: Effort = Effort::Rows(2000);

/// The desk of one surface. It is shared by the threads of that surface.
pub struct Desk {
    hand: ByHand,
    /// None where the configuration names models that there are not: what was said by others is no matter of the queue.
    opinions: Option<Opinions>,
    names: GenreNames,
    window: crate::audio::AnalysisWindow,
    surface: Surface,
    /// None where nobody can be asked what sounds alike.
    neighbours: Option<Neighbours>,
}

/// All that is known of a track beyond its row.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// What each model said.
    pub opinions: Vec<Opinion>,
    /// Whether those that vote name different genres.
    pub models_differ: bool,
}

impl Desk {
    /// A desk over a database. A dry one says what corrections would do, and does nothing.
    ///
    /// # Errors
    /// [`DeskError`] when the configuration names a genre that there is not.
    pub fn new(config: &Config, store: Store, surface: Surface, dry_run: bool) -> Result<Self, DeskError> {
        let hand = ByHand::new(config, store, dry_run)?;
        let names = GenreNames::new(Taxonomy::builtin()?, config)?;
        let opinions = Opinions::new(config);
        let opinions = opinions.inspect_err(|error| tracing::warn!("what the models said is not shown: {error}")).ok();
        Ok(Self {
            hand,
            opinions,
            names,
            window: window::of(config),
            surface,
            neighbours: Neighbours::new(config).ok(),
        })
    }

    /// Cleans up after a crash, as every command that writes does first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn recover(&self) -> Result<(), StoreError> {
        self.hand.recover()
    }

    /// The genres there are, by the owner's names for them.
    pub fn genres(&self) -> &GenreNames {
        &self.names
    }

    /// A page of a view.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, or the cursor is one of another order.
    pub fn page(&self, view: &QueueView, place: QueuePlace<'_>, limit: usize) -> Result<QueuePage, StoreError> {
        self.store().queue(view, place, limit, Effort::All)
    }

    /// The same for whoever must not be kept waiting: a page that holds what was found within some milliseconds, and
    /// goes on behind it.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    pub fn page_soon(&self, view: &QueueView, place: QueuePlace<'_>, limit: usize) -> Result<QueuePage, StoreError> {
        self.store().queue(view, place, limit, SOON)
    }

    /// How many tracks a filter lets through.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count(&self, filter: &QueueFilter) -> Result<u64, StoreError> {
        self.store().count_queue(filter, Effort::All).map(Option::unwrap_or_default)
    }

    /// The same, if it can be told within some milliseconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_soon(&self, filter: &QueueFilter) -> Result<Option<u64>, StoreError> {
        self.store().count_queue(filter, SOON)
    }

    /// What accepting the guess would write into the file: what an answer about a file like it suggests, or else what
    /// the vote says.
    pub fn suggestion(&self, track: &QueuedTrack) -> Vec<String> {
        if !track.suggested.is_empty() {
            return track.suggested.clone();
        }
        self.hand.words(&track.path, &track.ranking)
    }

    /// What the models said of a track.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn details(&self, track: &QueuedTrack) -> Result<Details, StoreError> {
        let (Some(audio), Some(models)) = (track.audio, &self.opinions) else { return Ok(Details::default()) };
        let opinions = models.of(self.store(), audio)?;
        let models_differ = models.differ(&opinions);
        Ok(Details { opinions, models_differ })
    }

    /// The part of a track that was listened to first: its start and its length, in seconds.
    pub fn listened_to(&self, track: &QueuedTrack) -> (f64, f64) {
        window::first_of(&self.window, track.duration)
    }

    /// The analysed tracks that have each of these words in path, artist, title, album or genre, the last of which may
    /// be the beginning of one, behind a row, as far as they were found within some milliseconds; and the row to go on
    /// behind, if it goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn search(
        &self,
        text: &str,
        after: Option<TrackId>,
        limit: usize,
    ) -> Result<(Vec<QueuedTrack>, Option<TrackId>), StoreError> {
        self.store().search(text, after, limit, SOON)
    }

    /// The track of a number, whether or not it waits for anything.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn track(&self, id: TrackId) -> Result<Option<QueuedTrack>, StoreError> {
        self.store().queued_by_id(id)
    }

    pub(crate) fn store(&self) -> &Store {
        self.hand.store()
    }
}
