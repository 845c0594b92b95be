//! Lists of tracks as files: which tracks, in words ([`Query`]), in which order, and a file that players read, written
//! only when it changed and never over somebody else's.
//!
//! ```text
//! "genre = Jazz and bpm 80..110" ─► query ─┐
//! store ─► facts of a track ───────────────┴─► chosen, in order ─► m3u8
//! ```

mod choose;
mod error;
mod fact;
mod lexer;
mod m3u8;
mod parser;
mod query;

pub use choose::{Order, Request, choose};
pub use error::{PlaylistError, QueryError};
pub use fact::{FIELDS, Field};
pub use m3u8::{GROUP, Saved, contents, is_group_list, save};
pub use query::Query;
