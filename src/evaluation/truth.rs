//! What a file's genre is known to be, in the taxonomy's names: label cells and tag values become [`Labels`], or a
//! reason to leave the file out. Where a list of files comes from, and what the program says of them, is not known
//! here.

use std::path::{Path, PathBuf};

use crate::genre::{Genre, Taxonomy};
use crate::tagging;

/// A file that may be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// What it shares with the files that it is not independent of: its artist, or its album folder.
    pub group: String,
    /// The collection that a list says it is of; empty where nobody says so.
    pub set: String,
    /// Where its genre is known from.
    pub truth: Truth,
}

/// Where a file's genre is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// A list says it.
    Known(Labels),
    /// Its own tags say it; they are read when its turn comes.
    InTags,
}

/// The genres that a file is known to carry; naming any of them is right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// What the taxonomy knows, without repetitions, in the order in which they were given.
    pub genres: Vec<Genre>,
    /// What it does not know, as it was written.
    pub unknown: Vec<String>,
}

/// Why a file does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeftOut {
    /// The list gives it no label.
    #[error("the list gives it no label")]
    NoLabel,
    /// Of all its labels the taxonomy knows none.
    #[error("no label that the taxonomy knows: {}", .0.join(", "))]
    OnlyUnknown(Vec<String>),
    /// The list named it before.
    #[error("the list names it more than once: only the first line counts")]
    Repeated,
    /// Its tags hold no genre.
    #[error("its tags hold no genre")]
    NoGenre,
    /// Its tags hold the genre that this program wrote: nobody's word but ours.
    #[error("its genre was written by reclassd")]
    OnlyOurs,
    /// Its tags cannot be read.
    #[error("its tags cannot be read: {0}")]
    Tags(String),
    /// The models cannot be asked: silent, too short, damaged.
    #[error("not analysed: {0}")]
    NotAnalysed(String),
    /// It is not there, or may not be read.
    #[error("{0}")]
    Unreadable(String),
}

impl LeftOut {
    /// The reason in general: what files are counted by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoLabel => "no label in the list",
            Self::OnlyUnknown(_) => "no label that the taxonomy knows",
            Self::Repeated => "listed more than once",
            Self::NoGenre => "no genre in the tags",
            Self::OnlyOurs => "the genre was written by reclassd",
            Self::Tags(_) => "tags that cannot be read",
            Self::NotAnalysed(_) => "not analysed: silent, too short or damaged",
            Self::Unreadable(_) => "not there, or not readable",
        }
    }

    /// Whether something went wrong, rather than that there was nothing to compare with.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }
}

impl Labels {
    /// Reads label texts, each of which may hold several labels. A text that the taxonomy knows as a whole is one
    /// genre, separators or not (`Pop/Rock`); members of one family with `|` between them are the family (`Pop|Rock`,
    /// `Rock|Metal`); else it is split at `;`, then at `|`, `\`, `/` and `,`.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>, taxonomy: &Taxonomy) -> Self {
        let mut labels = Self::default();
        for text in texts.into_iter().flat_map(|text| text.split([';', '\0'])).map(str::trim) {
            if text.is_empty() {
                continue;
            }
            if let Some(genre) = taxonomy.canonical_whole(text).or_else(|| family_of_all(text, taxonomy)) {
                labels.add(genre);
                continue;
            }
            // The last of `Folk, World, & Country` begins with the word that closes a list.
            let member = |part: &'a str| part.trim().trim_start_matches('&').trim_start();
            let parts = text.split(['|', '\\', '/', ',']).map(member);
            let parts: Vec<&str> = parts.filter(|p| !p.is_empty()).collect();
            if parts.iter().any(|part| taxonomy.canonical(part).is_some()) {
                for part in parts {
                    match taxonomy.canonical(part) {
                        Some(genre) => labels.add(genre),
                        None => labels.unknown.push(part.to_owned()),
                    }
                }
            } else {
                labels.unknown.push(text.to_owned());
            }
        }
        labels
    }

    fn add(&mut self, genre: &Genre) {
        if !self.genres.contains(genre) {
            self.genres.push(genre.clone());
        }
    }
}

/// The family that all genres of a list with `|` between them belong to; none where one is unknown or they are of
/// several.
fn family_of_all<'t>(text: &str, taxonomy: &'t Taxonomy) -> Option<&'t Genre> {
    let mut families = text.split('|').map(|member| taxonomy.family(taxonomy.canonical(member)?));
    let first = families.next()??;
    (text.contains('|') && families.all(|family| family == Some(first))).then_some(first)
}

/// What a file's tags say, if somebody else than this program wrote it.
///
/// # Errors
/// [`LeftOut`] where they hold no genre, only ours, or cannot be read.
pub fn labels_in_tags(path: &Path, taxonomy: &Taxonomy) -> Result<Labels, LeftOut> {
    let state = tagging::read(path).map_err(|error| match error {
        tagging::TagError::Io { source, .. } => LeftOut::Unreadable(format!("cannot be read: {source}")),
        other => LeftOut::Tags(other.reason()),
    })?;
    if state.genre_is_ours() {
        return Err(LeftOut::OnlyOurs);
    }
    if !state.has_genre() {
        return Err(LeftOut::NoGenre);
    }
    Ok(Labels::parse(state.genres.iter().map(String::as_str), taxonomy))
}

/// The folder that a file lies in: tracks of one album are not independent of each other.
pub fn album_of(path: &Path) -> String {
    path.parent().map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<String>, Vec<String>) {
        let labels = Labels::parse([text], &Taxonomy::builtin().unwrap());
        (labels.genres.iter().map(ToString::to_string).collect(), labels.unknown)
    }

    #[test]
    fn labels_are_read_however_they_are_separated() {
        let cases: [(&str, &[&str], &[&str]); 18] = [
            ("Jazz", &["Jazz"], &[]),
            ("Electronic; International; Pop|Rock", &["Electronic", "International", "Pop Rock"], &[]),
            ("rap ;; hip hop", &["Hip-Hop"], &[]),
            ("Rock|Pop", &["Pop Rock"], &[]),
            ("Pop|Rock|Metal", &["Pop Rock"], &[]),
            ("Soul|Disco", &["Soul-RnB"], &[]),
            ("Rock|Jazz", &["Rock", "Jazz"], &[]),
            ("Pop/Rock", &["Pop Rock"], &[]),
            ("Blues/Rock", &["Blues", "Rock"], &[]),
            ("Soul / R&B", &["Soul-RnB"], &[]),
            ("Folk, World", &["Folk", "International"], &[]),
            ("Folk, World, & Country", &["Folk", "International", "Country"], &[]),
            ("Folk/Rock", &["Folk", "Rock"], &[]),
            ("Folk-Rock", &["Rock"], &[]),
            ("Pop/Funk", &["Pop", "Soul-RnB"], &[]),
            ("Zeuhl", &[], &["Zeuhl"]),
            ("Jazz; Zeuhl, Skweee", &["Jazz"], &["Zeuhl, Skweee"]),
            ("Jazz/Zeuhl", &["Jazz"], &["Zeuhl"]),
        ];
        for (text, genres, unknown) in cases {
            let expected = (genres.iter().map(ToString::to_string).collect(), unknown.iter().map(ToString::to_string));
            assert_eq!(parsed(text), (expected.0, expected.1.collect()), "{text}");
        }
        assert_eq!(parsed(" ; "), (vec![], vec![]));
    }

    #[test]
    fn files_of_one_folder_are_one_album() {
        assert_eq!(album_of(Path::new("/m/Album/1.mp3")), album_of(Path::new("/m/Album/2.mp3")));
        assert_ne!(album_of(Path::new("/m/Album/1.mp3")), album_of(Path::new("/m/Other/1.mp3")));
    }
}
