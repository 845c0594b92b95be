//! Answers about the library as a whole, and about the server.

use super::super::schema::shape;
use crate::store::StatusCounts;

shape!(out
    /// A genre that may be meant.
    Genre {
        /// What would be written.
        word: String,
        /// The alias by which it was found.
        alias: Option<String>,
        /// Whether it is in the list of genres.
        known: bool,
    }
);

shape!(out
    /// Genres, the best first.
    Genres { genres: Vec<Genre>, }
);

shape!(out
    /// Files by what became of them.
    Statuses {
        tagged: u64,
        kept: u64,
        unsure: u64,
        skipped: u64,
        failed: u64,
        /// Files that are gone.
        gone: u64,
    }
);

shape!(out
    /// Tracks of a genre.
    GenreNumbers {
        genre: String,
        tracks: u64,
        tagged: u64,
        unsure: u64,
    }
);

shape!(out
    /// Tracks with a confidence between two values.
    Bin {
        from: f64,
        to: f64,
        tracks: u64,
        tagged: u64,
    }
);

shape!(out
    /// How often two models name the same genre.
    Agreement {
        models: Vec<String>,
        /// The share of tracks; null where no track was heard by both.
        matrix: Vec<Vec<Option<f64>>>,
        /// Tracks that were looked at.
        tracks: u64,
        /// Whether these are a sample.
        sampled: bool,
    }
);

shape!(out
    /// What was changed in a stretch of time.
    ChangeNumbers {
        written: u64,
        corrected: u64,
        undone: u64,
    }
);

shape!(out
    /// What was changed on a day.
    Day {
        /// When it began, in seconds since 1970.
        from: i64,
        written: u64,
        corrected: u64,
        undone: u64,
    }
);

shape!(out
    /// What was changed lately.
    Lately {
        today: ChangeNumbers,
        /// The last seven days, today among them.
        week: ChangeNumbers,
        /// Today first.
        days: Vec<Day>,
    }
);

shape!(out
    /// A folder of the library in numbers.
    RootNumbers {
        path: String,
        tracks: u64,
        statuses: Statuses,
    }
);

shape!(out
    /// The library in numbers.
    Library {
        /// When the agreement of the models and the days before today were counted; the rest is of now.
        computed_at: i64,
        /// The least confidence at which a scan writes a genre.
        threshold: f64,
        tracks: u64,
        /// Files that the owner decided about.
        decided: u64,
        /// Files that wait for the owner.
        waiting: u64,
        statuses: Statuses,
        genres: Vec<GenreNumbers>,
        confidence: Vec<Bin>,
        agreement: Agreement,
        changes: Lately,
        roots: Vec<RootNumbers>,
    }
);

shape!(out
    /// A folder.
    Folder {
        name: String,
        path: String,
        tracks: u64,
        tagged: u64,
        unsure: u64,
    }
);

shape!(out
    /// What lies in a folder.
    Folders {
        path: Option<String>,
        /// The folder above, where that is in the library.
        parent: Option<String>,
        folders: Vec<Folder>,
        /// Files right in it, among the folders of this page.
        tracks: u64,
        /// The path to go on behind; null at the end.
        next: Option<String>,
    }
);

shape!(out
    /// The service.
    ServiceHealth {
        running: bool,
        /// How it stands; null where it never ran.
        state: Option<String>,
    }
);

shape!(out
    /// How the server is.
    Health {
        status: &'static str,
        version: &'static str,
        service: ServiceHealth,
    }
);

shape!(out
    /// A browser's session.
    SessionInfo {
        /// For the header `X-CSRF-Token`; null where a token is needed first.
        csrf: Option<String>,
        signed_in: bool,
        needs_token: bool,
        version: &'static str,
    }
);

/// Counts by status.
pub fn statuses(counts: &StatusCounts) -> Statuses {
    let StatusCounts { tagged, kept, unsure, skipped, failed, gone } = *counts;
    Statuses { tagged, kept, unsure, skipped, failed, gone }
}
