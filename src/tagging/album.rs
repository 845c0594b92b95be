//! Which album a file says it is of. It is read by lofty: nothing is written by what it says, and a file that lofty
//! cannot read is of no album.

use std::path::Path;

use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::TaggedFileExt;
use lofty::probe::Probe;
use lofty::tag::Accessor;

/// The album in the tags of the file at `path`; none where there is none, or none that can be read.
pub fn album_of(path: &Path) -> Option<String> {
    let options = ParseOptions::new().read_properties(false).read_cover_art(false).parsing_mode(ParsingMode::Relaxed);
    let file = Probe::open(path).ok()?.options(options).guess_file_type().ok()?.read().ok()?;
    let album = file.tags().iter().find_map(|tag| tag.album().map(|album| album.trim().to_owned()));
    album.filter(|album| !album.is_empty())
}
