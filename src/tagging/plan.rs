//! Which fields are to hold which values: the hand-over from the policy to the editors.

use serde::{Deserialize, Serialize};

use super::stamp::FileStamp;
use super::state::TagState;

/// A field that we may write. There are no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagField {
    /// The genre that players show.
    Genre,
    /// `RECLASSD_GENRE`: the genre as we wrote it, by which we recognise our own.
    OwnGenre,
    /// `RECLASSD_CONFIDENCE`: 0.00 to 1.00.
    OwnConfidence,
    /// `RECLASSD_MODEL`: name and version of the ensemble.
    OwnModel,
}

impl TagField {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Genre, Self::OwnGenre, Self::OwnConfidence, Self::OwnModel];

    /// The name of one of our own fields; none for the genre, which each container names differently.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            Self::Genre => None,
            Self::OwnGenre => Some("RECLASSD_GENRE"),
            Self::OwnConfidence => Some("RECLASSD_CONFIDENCE"),
            Self::OwnModel => Some("RECLASSD_MODEL"),
        }
    }

    /// The own field of that name, in any case.
    pub(crate) fn of_own_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.own_name().is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }
}

/// What [`write`](super::write) is to do to one file, and the state of the file for which that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPlan {
    pub(crate) stamp: FileStamp,
    pub(crate) wish: Wish,
}

impl TagPlan {
    /// A plan for the file that `state` was read from. A field with no values is removed; a field not named stays as it is.
    /// A field named twice takes the last values.
    pub fn new(state: &TagState, fields: impl IntoIterator<Item = (TagField, Vec<String>)>) -> Self {
        let mut wish = Wish(Vec::new());
        for (field, values) in fields {
            // Readers trim genre values, so that a blank at an end would not come back.
            let values = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
            let values = values.map(str::to_owned).collect();
            wish.0.retain(|(known, _)| *known != field);
            wish.0.push((field, values));
        }
        wish.0.sort_by_key(|(field, _)| *field);
        Self { stamp: state.stamp, wish }
    }

    /// The genre that the owner chose. Our own fields go, so that no later scan takes the genre for ours.
    pub fn owners_choice(state: &TagState, genres: Vec<String>) -> Self {
        let own = [TagField::OwnGenre, TagField::OwnConfidence, TagField::OwnModel];
        Self::new(state, own.into_iter().map(|field| (field, Vec::new())).chain([(TagField::Genre, genres)]))
    }

    /// The values that `field` is to have: none is "leave it", an empty slice is "remove it".
    pub fn values(&self, field: TagField) -> Option<&[String]> {
        self.wish.values(field)
    }
}

/// The fields of a plan, in the order of [`TagField::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish(pub(crate) Vec<(TagField, Vec<String>)>);

impl Wish {
    pub(crate) fn values(&self, field: TagField) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, values)| values.as_slice())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (TagField, &[String])> {
        self.0.iter().map(|(field, values)| (*field, values.as_slice()))
    }
}
