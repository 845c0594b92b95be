//! What is asked for in a body.

use super::super::schema::shape;

shape!(in
    /// Genres to set.
    CorrectBody {
        /// One or more, as they are to be written.
        genres: Vec<String>,
    }
);

shape!(in
    /// What to narrow the queue down by.
    FilterBody {
        /// As the parameter `set`.
        set: Option<String>,
        below: Option<f32>,
        above: Option<f32>,
        genre: Option<Vec<String>>,
        path: Option<String>,
        added_since: Option<i64>,
        disagree: Option<bool>,
        text: Option<String>,
    }
);

shape!(in
    /// One of these, and no more.
    ReachBody {
        tracks: Option<Vec<i64>>,
        /// That of this track.
        album: Option<i64>,
        /// That of this track, and all below it.
        folder: Option<i64>,
        all: Option<bool>,
    }
);

shape!(in
    /// Corrections of many tracks.
    BulkBody {
        /// `accept`, `set` or `reject`.
        action: String,
        genres: Option<Vec<String>>,
        reach: ReachBody,
        filter: Option<FilterBody>,
        dry_run: Option<bool>,
    }
);

shape!(in
    /// What to take back.
    UndoBody {
        /// The go; null: the last one there is.
        go: Option<i64>,
    }
);

shape!(in
    /// A file of the library.
    ClassifyBody {
        track: Option<i64>,
        path: Option<String>,
    }
);

shape!(in
    /// A token to sign in with.
    TokenBody { token: String, }
);
