//! Why a file has no analysis. What becomes of the file is the line's.

use crate::audio::AudioError;
use crate::store::StoreError;

/// Why there is no verdict.
pub(in crate::pipeline) enum AnalysisError {
    /// The wish to stop came first.
    Cancelled,
    /// The file was replaced or written to meanwhile.
    Changed,
    /// The database fails.
    Store(StoreError),
    /// The file cannot be decoded.
    Audio(AudioError),
    /// It decodes, and is nothing that a genre could be given to; why.
    Unfit(String),
    /// A track of its album was written to in the last moments.
    AlbumNotWhole,
}
