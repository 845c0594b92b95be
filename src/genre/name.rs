//! A genre by its name. Which names there are, and how else they are spelt, is the taxonomy's.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::GenreError;

/// The name of a genre, fit for every tag format: it holds none of the characters that some format or player splits at.
///
/// A plain string when serialised; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Genre(Arc<str>);

impl Genre {
    /// A genre of this name.
    ///
    /// # Errors
    /// [`GenreError::Name`] when the name is empty, longer than 64 characters, starts or ends with white space, or
    /// holds a control character or one of `; / , | \`.
    pub fn new(name: &str) -> Result<Self, GenreError> {
        let splits = |c: char| c.is_control() || ";/,|\\".contains(c);
        if name.is_empty() || name.chars().count() > 64 || name.trim() != name || name.contains(splits) {
            return Err(GenreError::Name { name: name.into() });
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Genre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Genre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for Genre {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Genre {
    type Error = GenreError;

    fn try_from(name: String) -> Result<Self, GenreError> {
        Self::new(&name)
    }
}

impl From<Genre> for String {
    fn from(genre: Genre) -> Self {
        genre.0.as_ref().into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_player_would_split_is_refused() {
        for bad in ["", "Pop/Rock", "Pop;Rock", "Pop, Rock", "Pop|Rock", "Pop\\Rock", " Pop", "Pop\n", "Po\0p"] {
            assert!(Genre::new(bad).is_err(), "{bad:?}");
        }
        assert!(Genre::new(&"x".repeat(65)).is_err());
        assert_eq!(Genre::new("Soul-RnB").unwrap().to_string(), "Soul-RnB");
    }

    #[test]
    fn a_genre_is_a_string_in_json_and_is_checked_on_the_way_back() {
        let json = serde_json::to_string(&Genre::new("Pop Rock").unwrap()).unwrap();
        assert_eq!(json, "\"Pop Rock\"");
        assert_eq!(serde_json::from_str::<Genre>(&json).unwrap().as_str(), "Pop Rock");
        assert!(serde_json::from_str::<Genre>("\"Pop/Rock\"").is_err());
    }
}
