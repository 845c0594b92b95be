//! Answers about tracks: rows of the queue, all that is known of one, what models say, what was done to files.

use super::super::reply::{seconds, share};
use super::super::schema::shape;
use super::text;
use crate::desk::Desk;
use crate::pipeline::Opinion;
use crate::store::{EntryState, PastCorrection, PastEntry, QueuedTrack, Ranking};
use crate::tagging::{Cause, Origin};

shape!(out
    /// A genre and its share of the vote.
    Share {
        /// As it would be written.
        genre: String,
        /// 0 to 1.
        share: f64,
    }
);

shape!(out
    /// The part of a recording that was listened to.
    Window {
        /// In seconds from the beginning.
        start: f64,
        /// In seconds.
        length: f64,
    }
);

shape!(out
    /// What is heard of a track.
    Audio {
        /// `file`, in which to seek, or `window`, a WAV of the part alone.
        form: &'static str,
        /// Its media type.
        r#type: &'static str,
        /// Where the part begins in it, in seconds.
        start: f64,
        /// In seconds.
        length: f64,
    }
);

shape!(out
    /// A track of the queue.
    Track {
        /// The number of its row.
        id: i64,
        /// The file.
        path: String,
        /// The folder that it is in.
        folder: String,
        /// Its name in the folder.
        file: String,
        /// Whether it lies in one of the library's folders: else it is neither played nor written.
        in_library: bool,
        artist: Option<String>,
        title: Option<String>,
        album: Option<String>,
        /// `tagged`, `kept`, `unsure`, `skipped` or `failed`.
        status: &'static str,
        /// The first genre of the vote.
        genre: Option<String>,
        /// How sure the vote is, 0 to 1.
        confidence: f64,
        /// The genres of the vote, the best first.
        ranking: Vec<Share>,
        /// What accepting writes.
        suggestion: Vec<String>,
        /// The three best of the ranking by the owner's words for them in this file: what taking one of them writes.
        guesses: Vec<String>,
        /// Why nothing was written.
        reason: Option<String>,
        /// Whether it sounds like speech or noise.
        not_music: bool,
        /// Whether the models name different genres; null where that was not noted.
        models_differ: Option<bool>,
        /// When it was first seen, in seconds since 1970.
        added_at: i64,
        /// In seconds.
        duration: Option<f64>,
        /// What was listened to.
        window: Window,
        audio: Audio,
    }
);

shape!(out
    /// A page of the queue.
    TrackPage {
        tracks: Vec<Track>,
        /// The cursor of the next page; null at the end.
        next: Option<String>,
        /// The cursor of the page before; null at the beginning.
        previous: Option<String>,
        /// How many there are, if that was asked for.
        total: Option<u64>,
    }
);

shape!(out
    /// Found tracks.
    Found {
        tracks: Vec<Track>,
        /// The cursor of the next page; null at the end.
        next: Option<String>,
    }
);

shape!(out
    /// What one model says.
    Model {
        model: String,
        /// Its weight in the vote.
        weight: f64,
        /// Its genres, the likeliest first.
        ranking: Vec<Share>,
    }
);

shape!(out
    /// What the models say.
    Scores {
        models: Vec<Model>,
        /// Whether those that vote name different genres.
        models_differ: bool,
    }
);

shape!(out
    /// A track that sounds like another.
    Similar {
        track: Track,
        /// How alike: 1 is the same.
        likeness: f64,
    }
);

shape!(out
    /// The tracks that sound most like one, the most alike first.
    SimilarTracks {
        tracks: Vec<Similar>,
        /// Why nothing can be compared with it; null where it can.
        reason: Option<String>,
    }
);

shape!(out
    /// What the tags of a file say now.
    Tags {
        genres: Vec<String>,
        artist: Option<String>,
        title: Option<String>,
        album: Option<String>,
        /// Why they cannot be read.
        error: Option<String>,
    }
);

shape!(out
    /// What was decided about a file.
    Choice {
        genres: Vec<String>,
        /// `chosen`, `taken back`, `taken out` or `handed back`.
        origin: &'static str,
    }
);

shape!(out
    /// A write.
    Entry {
        id: i64,
        /// When it began, in seconds since 1970.
        at: i64,
        /// `scan`, `owner`, `undo` or `describe`.
        cause: &'static str,
        /// `open`, `committed`, `undone` or `abandoned`.
        state: &'static str,
        /// Why it was abandoned.
        reason: Option<String>,
        before: Vec<String>,
        after: Vec<String>,
        /// Where the file was then.
        path: String,
    }
);

shape!(out
    /// A decision of the owner.
    Decision {
        id: i64,
        /// The number to undo it by, with all that were made in the same go.
        go: i64,
        /// In seconds since 1970.
        at: i64,
        /// `accepted`, `set` or `left alone`.
        kind: &'static str,
        /// `terminal`, `page`, `api` or `command`.
        surface: &'static str,
        genres: Vec<String>,
        undone: bool,
    }
);

shape!(out
    /// All that is known of a track.
    TrackDetails {
        track: Track,
        in_library: bool,
        /// Whether the file is there.
        is_there: bool,
        tags: Tags,
        choice: Option<Choice>,
        models: Vec<Model>,
        models_differ: bool,
        /// The oldest first.
        history: Vec<Entry>,
        /// The latest first.
        corrections: Vec<Decision>,
    }
);

shape!(out
    /// A write, as one of all.
    Change {
        id: i64,
        /// The number of the file's row.
        track: Option<i64>,
        at: i64,
        cause: &'static str,
        state: &'static str,
        path: String,
        before: Vec<String>,
        after: Vec<String>,
    }
);

shape!(out
    /// Writes, the latest first.
    Changes {
        changes: Vec<Change>,
        next: Option<String>,
    }
);

/// A ranking as shares.
pub fn shares(ranking: &Ranking) -> Vec<Share> {
    ranking.iter().map(|(genre, value)| Share { genre: genre.clone(), share: share(*value) }).collect()
}

/// Opinions as what models say.
pub fn models(opinions: &[Opinion]) -> Vec<Model> {
    let model = |opinion: &Opinion| Model {
        model: opinion.model.clone(),
        weight: share(opinion.weight),
        ranking: shares(&opinion.ranking),
    };
    opinions.iter().map(model).collect()
}

/// A row of the queue.
pub fn track(desk: &Desk, row: &QueuedTrack, in_library: bool) -> Track {
    let (start, length) = desk.listened_to(row);
    let window = Window { start: seconds(start), length: seconds(length) };
    Track {
        id: row.id.0,
        path: text(&row.path),
        folder: row.path.parent().map(text).unwrap_or_default(),
        file: row.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        in_library,
        artist: row.credits.artist.clone(),
        title: row.credits.title.clone(),
        album: row.credits.album.clone(),
        status: row.status.as_str(),
        genre: row.genre.clone(),
        confidence: share(row.confidence),
        ranking: shares(&row.ranking),
        suggestion: desk.suggestion(row),
        guesses: row.ranking.iter().take(3).map(|(genre, _)| desk.word_in(&row.path, genre)).collect(),
        reason: row.reason.clone(),
        not_music: row.is_not_music,
        models_differ: row.models_differ,
        added_at: row.added_at,
        duration: row.duration.map(|duration| seconds(duration.as_secs_f64())),
        audio: super::super::sound::described(row, &window),
        window,
    }
}

/// An entry of the journal.
pub fn entry(past: &PastEntry) -> Entry {
    let (state, reason) = match &past.state {
        EntryState::Open => ("open", None),
        EntryState::Committed => ("committed", None),
        EntryState::Undone(_) => ("undone", None),
        EntryState::Abandoned(why) => ("abandoned", Some(why.clone())),
    };
    Entry {
        id: past.id.0,
        at: past.begun_at,
        cause: cause(past.entry.cause),
        state,
        reason,
        before: past.entry.genre_before.clone(),
        after: past.entry.genre_after.clone(),
        path: text(&past.written_as),
    }
}

/// The word for whose write it was.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Scan => "scan",
        Cause::Owner => "owner",
        Cause::Undo => "undo",
        Cause::Describe => "describe",
    }
}

/// The word for how a choice came about.
pub fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Chosen => "chosen",
        Origin::TakenBack => "taken back",
        Origin::TakenOut => "taken out",
        Origin::HandedBack => "handed back",
    }
}

/// A correction that was made.
pub fn decision(made: &PastCorrection) -> Decision {
    Decision {
        id: made.id.0,
        go: made.go.0,
        at: made.made_at,
        kind: made.kind.as_str(),
        surface: made.surface.as_str(),
        genres: made.genres.clone(),
        undone: made.is_undone,
    }
}
