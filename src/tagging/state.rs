//! What a file's tags say about its genre, and whether that counts.

use std::fs::File;
use std::path::Path;

use super::container::Container;
use super::editor::{self, Holding, Scope};
use super::error::{Step, TagError};
use super::plan::TagField;
use super::source::FileSource;
use super::stamp::FileStamp;

/// The genre and our own fields, as a file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagState {
    /// The kind of file.
    pub container: Container,
    /// The file when it was read: a plan for it is carried out only while this holds.
    pub stamp: FileStamp,
    /// The genre values of the tag that players read first among those that hold a real genre;
    /// number references are resolved ("(17)" is "Rock"), several values stand apart.
    pub genres: Vec<String>,
    /// Our own fields.
    pub own: OwnFields,
    /// Every tag of the file that holds a genre field, with its values.
    pub sources: Vec<GenreSource>,
}

/// What we wrote into a file earlier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFields {
    /// `RECLASSD_GENRE`; empty if absent.
    pub genre: Vec<String>,
    /// `RECLASSD_CONFIDENCE`, as it stands there.
    pub confidence: Option<String>,
    /// `RECLASSD_MODEL`.
    pub model: Option<String>,
}

/// The genre field of one of the tags of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenreSource {
    /// Which tag.
    pub tag: Scope,
    /// Its values.
    pub values: Vec<String>,
}

impl TagState {
    pub(crate) fn new(container: Container, stamp: FileStamp, holdings: Vec<Holding>) -> Self {
        let mut own = OwnFields::default();
        let mut sources: Vec<GenreSource> = Vec::new();
        for Holding { scope, field, values, .. } in holdings {
            match field {
                TagField::Genre => match sources.iter_mut().find(|source| source.tag == scope) {
                    Some(source) => source.values.extend(values),
                    None => sources.push(GenreSource { tag: scope, values }),
                },
                TagField::OwnGenre if own.genre.is_empty() => own.genre = values,
                TagField::OwnConfidence if own.confidence.is_none() => own.confidence = values.into_iter().next(),
                TagField::OwnModel if own.model.is_none() => own.model = values.into_iter().next(),
                TagField::OwnGenre | TagField::OwnConfidence | TagField::OwnModel => {}
            }
        }
        let speaks = |source: &&GenreSource| source.values.iter().any(|value| is_a_genre(value));
        let genres = sources.iter().find(speaks).or(sources.first()).map(|source| source.values.clone());
        Self { container, stamp, genres: genres.unwrap_or_default(), own, sources }
    }

    /// Whether any tag of the file holds a genre that counts.
    pub fn has_genre(&self) -> bool {
        self.genres.iter().any(|genre| is_a_genre(genre))
    }

    /// Whether the genre is the one that we wrote.
    pub fn genre_is_ours(&self) -> bool {
        self.has_genre() && same_values(&self.genres, &self.own.genre)
    }
}

/// Whether two lists of values say the same; one of them may come from a tag that joins its values with `/`.
pub(crate) fn same_values(a: &[String], b: &[String]) -> bool {
    a == b || a.join("/") == b.join("/")
}

/// Whether a genre value says anything. Blank, "Unknown", "Other" and "None" do not (and so neither do ID3v1's 12 and 255).
pub(crate) fn is_a_genre(value: &str) -> bool {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    !value.is_empty() && !["unknown", "other", "none"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Reads what the tags of the file at `path` say about its genre. Symbolic links are followed.
///
/// # Errors
/// [`TagError::Refused`] where the container has no editor yet, is unknown, or its tags are not understood, with the
/// reason; [`TagError::Io`] where the file cannot be read.
pub fn read(path: &Path) -> Result<TagState, TagError> {
    let io_error = |source| TagError::Io { path: path.to_owned(), step: Step::Inspect, source };
    let metadata = path.metadata().map_err(io_error)?;
    if !metadata.is_file() {
        // Opening a pipe would wait for ever.
        return Err(TagError::Refused { path: path.to_owned(), reason: super::Refusal::NotAFile });
    }
    let file = File::open(path).map_err(io_error)?;
    let stamp = FileStamp::from(&file.metadata().map_err(io_error)?);
    let source = FileSource::new(&file).map_err(io_error)?;
    let editor = editor::open(&source).map_err(|problem| problem.at(path, Step::Inspect))?;
    Ok(TagState::new(editor.container(), stamp, editor.holdings()))
}

#[cfg(test)]
mod tests {
    use super::is_a_genre;

    #[test]
    fn placeholders_are_no_genre() {
        for word in ["", "  ", "\0", "Unknown", "unknown", "OTHER", "None", " other "] {
            assert!(!is_a_genre(word), "{word:?} must not count as a genre");
        }
        for word in ["Rock", "Otherworldly", "Unknown Pleasures", "x"] {
            assert!(is_a_genre(word), "{word:?} must count as a genre");
        }
    }
}
