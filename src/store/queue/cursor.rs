//! Where a page of a view begins or ends: the key of a row in the order of the view, and its text.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rusqlite::types::Value;

/// Where a page begins or ends: the key of a row in the order of its view. Its text is for whoever pages through an
/// interface, and says nothing to anybody else.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueCursor(pub(super) Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Integer(i64),
    Real(f64),
    Bytes(Vec<u8>),
}

impl QueueCursor {
    /// Whether it is a key of these columns.
    pub(super) fn fits(&self, columns: &[&str]) -> bool {
        let is = |(part, column): (&Part, &&str)| match part {
            Part::Integer(_) => matches!(*column, "not_music" | "added_at" | "id"),
            Part::Real(_) => matches!(*column, "confidence" | "worth"),
            Part::Bytes(_) => *column == "path",
        };
        self.0.len() == columns.len() && self.0.iter().zip(columns).all(is)
    }

    /// As rows come in an order that ascends.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let parts = self.0.iter().zip(&other.0).map(|(a, b)| a.compare(b));
        parts.fold(Ordering::Equal, Ordering::then)
    }
}

impl Part {
    /// As SQLite orders values of one column.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            // Keys of one order have parts of the same kinds.
            _ => Ordering::Equal,
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Integer(number) => Value::from(*number),
            Self::Real(number) => Value::from(*number),
            Self::Bytes(bytes) => Value::from(bytes.clone()),
        }
    }
}

impl fmt::Display for QueueCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            let dot = if i > 0 { "." } else { "" };
            match part {
                Part::Integer(number) => write!(f, "{dot}i{number}")?,
                // The bits: a key that was rounded would show a row twice, or never.
                Part::Real(number) => write!(f, "{dot}r{:016x}", number.to_bits())?,
                Part::Bytes(bytes) => {
                    write!(f, "{dot}b")?;
                    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                }
            }
        }
        Ok(())
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of a page; take the one that the page before gave")]
pub struct NoCursor;

impl FromStr for QueueCursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let part = |text: &str| -> Option<Part> {
            let kind = text.chars().next()?;
            let rest = text.get(1..)?;
            match kind {
                'i' => rest.parse().ok().map(Part::Integer),
                'r' => u64::from_str_radix(rest, 16).ok().map(|bits| Part::Real(f64::from_bits(bits))),
                'b' if rest.is_ascii() && rest.len().is_multiple_of(2) => {
                    let byte = |at: usize| u8::from_str_radix(&rest[at..at + 2], 16).ok();
                    (0..rest.len()).step_by(2).map(byte).collect::<Option<_>>().map(Part::Bytes)
                }
                _ => None,
            }
        };
        text.split('.').map(part).collect::<Option<Vec<_>>>().map(Self).ok_or(NoCursor)
    }
}
