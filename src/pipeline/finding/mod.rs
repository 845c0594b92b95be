//! Which files there are, and which of them have to be looked at: folders are walked, and compared with what the database knows. No file is
//! opened here but those that say what of a folder is left out.

mod comparison;
mod discover;
mod ignore_files;

pub use comparison::{Compared, Comparison, Difference, Why};
pub use discover::{Found, Obstacle, Selection};
