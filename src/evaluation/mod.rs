//! How good the program is on files whose genre is known: labels from a list or from tags, the line's verdicts, and the
//! figures.
//!
//! ```text
//! labels (a CSV file, or the owner's tags) ─► Candidate ─► listen (the line) ─► Collection ─► Judge ─► Figures ─► text, JSON, picture
//! ```
//!
//! It writes no tag and trains nothing. The arithmetic ([`metrics`], [`bootstrap`]) works on plain values and knows
//! neither files nor models; what a genre is worth for a label is the [`Judge`]'s decision alone.

pub mod bootstrap;
mod collection;
mod figures;
mod judge;
mod label_list;
mod listen;
pub mod metrics;
pub mod plot;
mod sets;
mod truth;

pub use collection::{Clip, Collection, Member};
pub use figures::{Figures, MemberFigures};
pub use judge::{Judge, Judged};
pub use label_list::{LabelList, LabelListError};
pub use listen::{Finding, Heard, MemberRanking, listen};
pub use sets::SetFigures;
pub use truth::{Candidate, Labels, LeftOut, Truth, album_of, labels_in_tags};
