//! Groups of tracks that sound alike, over the whole library, and what each is like. It works from the atlas of
//! [`crate::likeness`]; no file of music is opened.
//!
//! ```text
//! atlas ─► standing (three parts of equal weight) ─► kmeans (k by silhouette, if nobody said) ─► portrait (a name, genres, moods)
//! ```
//!
//! What becomes of the groups, lists, tables, tags, is `commands`' business.

mod kmeans;
mod partition;
mod points;
mod portrait;
mod silhouette;
mod standing;

pub use partition::{Clusters, Member, clusters};
pub use portrait::{Cluster, Trait};
