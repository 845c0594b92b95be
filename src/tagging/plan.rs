//! Which fields are to hold which values: the hand-over from the policy to the editors.

use serde::{Deserialize, Serialize};

use super::editor::Scope;
use super::journal::{Cause, Room};
use super::restore::{RawField, Restoration};
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
    /// The tempo that players show, in beats a minute.
    Bpm,
    /// The key that players show.
    Key,
    /// The mood that players show.
    Mood,
    /// `RECLASSD_CLUSTER`: the name of the group of tracks that sound alike.
    OwnCluster,
}

impl TagField {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 8] = [
        Self::Genre,
        Self::OwnGenre,
        Self::OwnConfidence,
        Self::OwnModel,
        Self::Bpm,
        Self::Key,
        Self::Mood,
        Self::OwnCluster,
    ];

    /// The name of one of our own fields; none for the genre and for what is heard, which each container names
    /// differently.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            Self::Genre | Self::Bpm | Self::Key | Self::Mood => None,
            Self::OwnGenre => Some("RECLASSD_GENRE"),
            Self::OwnConfidence => Some("RECLASSD_CONFIDENCE"),
            Self::OwnModel => Some("RECLASSD_MODEL"),
            Self::OwnCluster => Some("RECLASSD_CLUSTER"),
        }
    }

    /// The names that a field of what is heard has in comments, APEv2, user texts and freeform items: the first is
    /// written, all are understood.
    fn heard_names(self) -> &'static [&'static str] {
        match self {
            Self::Bpm => &["BPM", "TEMPO"],
            Self::Key => &["INITIALKEY", "KEY"],
            Self::Mood => &["MOOD"],
            _ => &[],
        }
    }

    /// Whether it tells what the track sounds like, in a field that players know: tempo, key, mood.
    pub fn is_heard(self) -> bool {
        !self.heard_names().is_empty()
    }

    /// The name of the field where names are free; none for the genre.
    pub(crate) fn plain_name(self) -> Option<&'static str> {
        self.own_name().or_else(|| self.heard_names().first().copied())
    }

    /// The field of that free name, in any case; the genre has none.
    pub(crate) fn of_plain_name(name: &str) -> Option<Self> {
        let is_heard = |field: &Self| field.heard_names().iter().any(|known| known.eq_ignore_ascii_case(name));
        Self::of_own_name(name).or_else(|| Self::ALL.into_iter().find(is_heard))
    }

    /// What a person calls it.
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Genre => "the genre",
            Self::Bpm => "the tempo",
            Self::Key => "the key",
            Self::Mood => "the mood",
            own => own.own_name().unwrap_or_default(),
        }
    }

    /// The field that a container spells like this: `TXXX:RECLASSD_GENRE`, `TCON`. None for any other name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        const GENRE: [&str; 7] = ["TCON", "TCO", "GENRE", "IGNR", "\u{a9}gen", "gnre", "WM/Genre"];
        const HEARD: [(&str, TagField); 10] = [
            ("TBPM", TagField::Bpm),
            ("TBP", TagField::Bpm),
            ("tmpo", TagField::Bpm),
            ("TKEY", TagField::Key),
            ("TKE", TagField::Key),
            ("TMOO", TagField::Mood),
            ("WM/BeatsPerMinute", TagField::Bpm),
            ("WM/InitialKey", TagField::Key),
            ("WM/Mood", TagField::Mood),
            ("INITIAL_KEY", TagField::Key),
        ];
        let name = name.rsplit(':').next().unwrap_or_default();
        let is_genre = GENRE.iter().any(|genre| genre.eq_ignore_ascii_case(name));
        let heard = HEARD.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, field)| field);
        Self::of_plain_name(name).or(is_genre.then_some(Self::Genre)).or(heard)
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
    pub(crate) cause: Cause,
    pub(crate) wish: Wish,
    /// What the file's genre will be; none where the plan leaves it alone.
    pub(crate) genre_after: Option<Vec<String>>,
}

impl TagPlan {
    /// A plan for the file that `state` was read from. A field with no values is removed; a field not named stays as it
    /// is. A field named twice takes the last values; a value that is repeated counts once.
    pub fn new(state: &TagState, fields: impl IntoIterator<Item = (TagField, Vec<String>)>) -> Self {
        let mut wish: Vec<(TagField, Vec<String>)> = Vec::new();
        for (field, values) in fields {
            // Readers trim genre values, so that a blank at an end would not come back.
            let values = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
            let mut distinct: Vec<String> = Vec::new();
            for value in values {
                if !distinct.iter().any(|known| known == value) {
                    distinct.push(value.to_owned());
                }
            }
            let values = distinct;
            wish.retain(|(known, _)| *known != field);
            wish.push((field, values));
        }
        wish.sort_by_key(|(field, _)| *field);
        let wish = Wish::Set(wish);
        let genre_after = wish.values(TagField::Genre).map(<[String]>::to_vec);
        Self { stamp: state.stamp, cause: Cause::Scan, wish, genre_after }
    }

    /// The genre that the owner chose. Our own fields go, so that no later scan takes the genre for ours.
    pub fn owners_choice(state: &TagState, genres: Vec<String>) -> Self {
        let own = [TagField::OwnGenre, TagField::OwnConfidence, TagField::OwnModel];
        let fields = own.into_iter().map(|field| (field, Vec::new())).chain([(TagField::Genre, genres)]);
        Self { cause: Cause::Owner, ..Self::new(state, fields) }
    }

    /// Fields that say what the track sounds like and nothing of its genre. Whose the genre is stays as it was.
    pub fn describing(state: &TagState, fields: impl IntoIterator<Item = (TagField, Vec<String>)>) -> Self {
        Self { cause: Cause::Describe, ..Self::new(state, fields) }
    }

    /// The plan with further fields, which it did not name.
    pub(crate) fn and(mut self, fields: impl IntoIterator<Item = (TagField, Vec<String>)>) -> Self {
        if let Wish::Set(named) = &mut self.wish {
            named.extend(fields);
            named.sort_by_key(|(field, _)| *field);
        }
        self
    }

    /// The fields as they were before some of our writes.
    pub(crate) fn restore(state: &TagState, restoration: Restoration) -> Self {
        let genre_after = restoration.genre.clone();
        Self { stamp: state.stamp, cause: Cause::Undo, wish: Wish::Restore(restoration), genre_after }
    }

    /// The values that `field` is to have: none is "leave it" (or "as it was"), an empty slice is "remove it".
    pub fn values(&self, field: TagField) -> Option<&[String]> {
        self.wish.values(field)
    }
}

/// What the fields of a file are to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// These values, in the order of [`TagField::ALL`]; a field that is not named stays as it is.
    Set(Vec<(TagField, Vec<String>)>),
    /// The bytes that stood there before.
    Restore(Restoration),
}

/// What one tag of a file is to hold.
#[derive(Debug, Default)]
pub(crate) struct Targets<'w> {
    pub(crate) values: Vec<(TagField, &'w [String])>,
    /// Fields whose old bytes go back as they were.
    pub(crate) raw: Vec<(TagField, &'w [RawField])>,
    /// Whether a tag that only must not contradict the file's own one receives fields that it lacks, because it had
    /// them.
    pub(crate) had_them: bool,
    /// Fields that were carried over from another tag of the file, as they were written: they go where they are still
    /// so.
    pub(crate) carried: Vec<&'w [u8]>,
}

impl Wish {
    /// The values that a field is to have in every tag: none for a restoration, where each tag has its own.
    pub(crate) fn values(&self, field: TagField) -> Option<&[String]> {
        match self {
            Self::Set(fields) => fields.iter().find(|(known, _)| *known == field).map(|(_, values)| values.as_slice()),
            Self::Restore(_) => None,
        }
    }

    /// Whether a field is to hold something that it may not hold yet.
    pub(crate) fn sets_something(&self) -> bool {
        matches!(self, Self::Set(fields) if fields.iter().any(|(_, values)| !values.is_empty()))
    }

    /// What the tag `scope` is to hold, whose fields are stored in the form `form`.
    pub(crate) fn targets(&self, scope: Scope, form: &str) -> Targets<'_> {
        match self {
            Self::Set(fields) => Targets {
                values: fields.iter().map(|(field, values)| (*field, values.as_slice())).collect(),
                ..Targets::default()
            },
            Self::Restore(restoration) => restoration.targets(scope, form),
        }
    }

    /// Whether the field of that tag may differ afterwards.
    pub(crate) fn touches(&self, scope: Scope, field: TagField) -> bool {
        match self {
            Self::Set(_) => self.values(field).is_some(),
            Self::Restore(restoration) => restoration.touches(scope, field),
        }
    }

    /// The room that the tags had before the writes that a restoration takes back, and the length that the file had.
    pub(crate) fn room_before(&self) -> Option<(&Room, u64)> {
        match self {
            Self::Set(_) => None,
            Self::Restore(restoration) => restoration.room.as_ref().map(|room| (&room.0, room.1)),
        }
    }

    /// What stood in that part of the container before a write of ours, where that is to come back.
    pub(crate) fn container(&self, scope: Scope) -> Option<&[u8]> {
        match self {
            Self::Set(_) => None,
            Self::Restore(restoration) => restoration.container(scope),
        }
    }

    /// Whether a tag that a restoration has emptied goes as a whole, because a write of ours had made it.
    pub(crate) fn removes_if_empty(&self, scope: Scope) -> bool {
        matches!(self, Self::Restore(restoration) if restoration.created.contains(&scope))
    }
}
