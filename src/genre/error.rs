//! Why genres, a taxonomy or a ballot cannot be used: mistakes in descriptions, not in files of music.

use thiserror::Error;

/// Why genres, a taxonomy or a ballot cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GenreError {
    /// A genre's name could not stand in every tag format.
    #[error(
        "`{name}` cannot be a genre: a name is 1 to 64 characters, none of them a control character or one of ; / , | \\"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The taxonomy is not valid TOML, or lacks or misspells a key.
    #[error("the taxonomy cannot be read: {reason}")]
    Syntax {
        /// The parser's message, with line and key.
        reason: String,
    },
    /// The taxonomy contradicts itself.
    #[error("the taxonomy contradicts itself at `{genre}`: {reason}")]
    Taxonomy {
        /// The genre's name.
        genre: String,
        /// What is wrong.
        reason: String,
    },
    /// A label means no genre that the taxonomy knows.
    #[error("`{label}` is no genre of the taxonomy, nor an alias of one")]
    UnknownLabel {
        /// The label.
        label: String,
    },
    /// A model's scores cannot be counted.
    #[error("a ballot cannot be counted: {reason}")]
    Ballot {
        /// What is wrong.
        reason: String,
    },
}
