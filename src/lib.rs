//! reclassd listens to a music library and writes each track's genre into its tags.
//!
//! ```text
//! folders ─► discover ─► identify ─► decode ─► extract ─► classify ─► decide ─► tag ─► record
//!            (walk)      (stat, then (middle   (518 FMA   (ONNX       (vote,    (atomic (SQLite)
//!                        audio hash)  30 s)     + log-mel) ensemble)   policy)   write)
//! ```
//!
//! A file travels this line once, in one direction, and each stage hands the next one a value of its own type.
//! A stage knows the type it takes and the type it gives, and nothing of who calls it.

pub mod audio;
mod chance;
pub mod clusters;
pub mod config;
pub mod daemon;
pub mod descriptors;
pub mod desk;
pub mod drawing;
pub mod evaluation;
pub mod features;
pub mod formats;
pub mod genre;
pub mod inference;
pub mod learning;
pub mod likeness;
pub mod pictures;
pub mod pipeline;
pub mod playlists;
pub mod records;
pub mod serve;
mod simd;
pub mod storage;
pub mod store;
pub mod tagging;
pub mod terminal;
pub mod watch;
