//! The JSON objects of the interface, as docs/api.md shows them, and how they are made of what the desk says.

mod library;
mod requests;
mod tracks;
mod work;

use std::path::Path;

pub use library::*;
pub use requests::*;
pub use tracks::*;
pub use work::*;

/// A path as text: what is not UTF-8 in it becomes a sign for that.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
