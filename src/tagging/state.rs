//! What a file's tags say about its genre, and whether that counts.

use std::fs::File;
use std::path::Path;

use super::container::Container;
use super::editor::{self, Editor, Holding};
use super::error::{Problem, Step, TagError};
use super::journal::{FieldChange, HeldField};
use super::plan::TagField;
use super::source::{FileSource, Source};
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
    /// The genre and our own fields in every tag of the file, as each holds them.
    pub fields: Vec<HeldField>,
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

impl TagState {
    pub(crate) fn new(container: Container, stamp: FileStamp, holdings: Vec<Holding>) -> Self {
        let mut fields: Vec<HeldField> = Vec::new();
        for Holding { scope, field, name, values, .. } in holdings {
            match fields.iter_mut().find(|known| (known.scope, known.field) == (scope, field)) {
                Some(known) => known.values.extend(values),
                None => fields.push(HeldField { scope, field, name, values }),
            }
        }
        let values_of = |field| fields.iter().filter(move |held| held.field == field).map(|held| &held.values);
        let text_of = |field| values_of(field).find_map(|values| values.first().cloned());
        let own = OwnFields {
            genre: values_of(TagField::OwnGenre).find(|values| !values.is_empty()).cloned().unwrap_or_default(),
            confidence: text_of(TagField::OwnConfidence),
            model: text_of(TagField::OwnModel),
        };
        let speaks = |values: &&Vec<String>| values.iter().any(|value| is_a_genre(value));
        let genres = values_of(TagField::Genre).find(speaks).or(values_of(TagField::Genre).next()).cloned();
        Self { container, stamp, genres: genres.unwrap_or_default(), own, fields }
    }

    /// Whether any tag of the file holds a genre that counts.
    pub fn has_genre(&self) -> bool {
        self.genres.iter().any(|genre| is_a_genre(genre))
    }

    /// Whether the genre is the one that we wrote, in every tag that we write: a player may have changed one of them.
    pub fn genre_is_ours(&self) -> bool {
        self.genre_is(&self.own.genre)
    }

    /// Whether every tag that we write and that holds a genre holds this one.
    pub(crate) fn genre_is(&self, genres: &[String]) -> bool {
        self.has_genre()
            && same_values(&self.genres, genres)
            && self.speaking().all(|values| same_values(values, genres))
    }

    /// Whether every tag that we write and that holds a genre holds all of these, among others or not.
    pub(crate) fn genre_holds(&self, genres: &[String]) -> bool {
        // A tag that can hold one value alone joins several with `/`.
        let says = |values: &[String], genre: &String| match values {
            [joined] => joined == genre || joined.split('/').any(|value| value == genre),
            values => values.contains(genre),
        };
        let holds = |values: &Vec<String>| genres.iter().all(|genre| says(values, genre));
        self.has_genre() && !genres.is_empty() && holds(&self.genres) && self.speaking().all(holds)
    }

    /// The genres of each tag that we write, where it holds one that counts.
    fn speaking(&self) -> impl Iterator<Item = &Vec<String>> {
        let written = self.fields.iter().filter(|held| held.field == TagField::Genre && held.scope.is_written());
        written.map(|held| &held.values).filter(|values| values.iter().any(|value| is_a_genre(value)))
    }
}

/// What the fields that changed hold, of all that a file holds.
pub(crate) fn held(fields: &[HeldField], changes: &[FieldChange]) -> Vec<HeldField> {
    let changed = |held: &&HeldField| changes.iter().any(|c| c.scope == held.scope && c.field() == Some(held.field));
    fields.iter().filter(changed).cloned().collect()
}

/// Whether two lists of values say the same; one of them may come from a tag that joins its values with `/`.
pub(crate) fn same_values(a: &[String], b: &[String]) -> bool {
    a == b || a.join("/") == b.join("/")
}

/// Whether two genres of a file say the same, or both nothing.
pub(crate) fn is_the_same_genre(a: &[String], b: &[String]) -> bool {
    let says_nothing = |genres: &[String]| !genres.iter().any(|genre| is_a_genre(genre));
    same_values(a, b) || says_nothing(a) && says_nothing(b)
}

/// Whether a genre value says anything. What holds no letter and no digit of any script ("; ", "-", a blank) does not,
/// nor do "Unknown", "Other" and "None" (and so neither do ID3v1's 12 and 255).
pub(crate) fn is_a_genre(value: &str) -> bool {
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let is_placeholder = ["unknown", "other", "none"].iter().any(|word| value.eq_ignore_ascii_case(word));
    value.chars().any(char::is_alphanumeric) && !is_placeholder
}

/// Reads what the tags of the file at `path` say about its genre. Symbolic links are followed.
///
/// # Errors
/// [`TagError::Refused`] where the container has no editor yet, is unknown, or its tags are not understood, with the
/// reason; [`TagError::Io`] where the file cannot be read.
pub fn read(path: &Path) -> Result<TagState, TagError> {
    look(path, |editor, _, stamp| Ok(TagState::new(editor.container(), stamp, editor.holdings())))
}

/// BLAKE3 of the whole audio payload of the file at `path`, as the journal keeps it: no tag is part of it.
///
/// # Errors
/// As for [`read`].
pub fn audio_hash(path: &Path) -> Result<[u8; 32], TagError> {
    look(path, |editor, source, _| {
        let layout = editor.layout(source)?;
        Ok(*editor.audio_digest(source, &layout)?.as_bytes())
    })
}

fn look<T>(
    path: &Path,
    answer: impl FnOnce(&dyn Editor, &dyn Source, FileStamp) -> Result<T, Problem>,
) -> Result<T, TagError> {
    let io_error = |source| TagError::Io { path: path.to_owned(), step: Step::Inspect, source };
    let metadata = path.metadata().map_err(io_error)?;
    if !metadata.is_file() {
        // Opening a pipe would wait for ever.
        return Err(TagError::Refused { path: path.to_owned(), reason: super::Refusal::NotAFile });
    }
    let file = File::open(path).map_err(io_error)?;
    let stamp = FileStamp::from(&file.metadata().map_err(io_error)?);
    let source = FileSource::new(&file).map_err(io_error)?;
    let answer = editor::open(&source).and_then(|editor| answer(&*editor, &source, stamp));
    answer.map_err(|problem| problem.at(path, Step::Inspect))
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

    #[test]
    fn separators_alone_are_no_genre_and_letters_of_any_script_are() {
        for word in ["; ", "/", "-", "--", "?", "()", "\u{fffd}", " , \0", "\u{feff}", "…"] {
            assert!(!is_a_genre(word), "{word:?} must not count as a genre");
        }
        for word in ["ロック", "Рок", "موسيقى", "ร็อก", "8-bit", "2", "Ⅻ", "R&B", "; Jazz"] {
            assert!(is_a_genre(word), "{word:?} must count as a genre");
        }
    }
}
