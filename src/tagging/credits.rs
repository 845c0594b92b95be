//! Who plays what, as a file says it: for people who look at it. It is read by lofty: nothing is written by what it
//! says, and a file that lofty cannot read says nothing.

use std::path::Path;

use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::TaggedFileExt;
use lofty::probe::Probe;
use lofty::tag::{Accessor, Tag};

/// What the tags of a file say it is. Each is missing where no tag has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the words of every tag format
pub struct Credits {
    pub artist: Option<String>,
    pub title: Option<String>,
    pub album: Option<String>,
}

/// The artist, title and album in the tags of the file at `path`, each from the first tag that has it.
pub fn credits_of(path: &Path) -> Credits {
    let options = ParseOptions::new().read_properties(false).read_cover_art(false).parsing_mode(ParsingMode::Relaxed);
    let file = || Probe::open(path).ok()?.options(options).guess_file_type().ok()?.read().ok();
    let Some(file) = file() else { return Credits::default() };
    let first = |value: fn(&Tag) -> Option<String>| {
        let values = file.tags().iter().filter_map(value).map(|value| value.trim().to_owned());
        values.into_iter().find(|value| !value.is_empty())
    };
    Credits {
        artist: first(|tag| tag.artist().map(Into::into)),
        title: first(|tag| tag.title().map(Into::into)),
        album: first(|tag| tag.album().map(Into::into)),
    }
}
