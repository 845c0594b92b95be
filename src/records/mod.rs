//! What was heard of a recording, as a line of JSON that goes from one machine to another: made where the sound is,
//! taken into a database elsewhere. What it says is what the database keeps, under the same keys, so that a record is
//! never wrong for another version, only of no use to it.
//!
//! The form, its limits and the reading of it line by line are here; who makes records is the pipeline, who keeps them
//! the store.

mod lines;
mod record;

pub use lines::{LINE_LIMIT, Line, Lines};
pub use record::{FORMAT, Record, RecordError, RecordedFeature, RecordedScores, RecordedVerdict};
