//! Taking writes back: from what the journal holds of them to what each tag of the file is to hold again.
//!
//! Only the genre and our own fields are ever restored, whatever else somebody changed since. Where a tag still stores
//! its fields in the form that it had, their old bytes go back to where they stood; where another program has rewritten
//! the tag in another form (an ID3v2.3 tag as 2.4), the old values go in. This decides nothing about the file as it is
//! now: whether the genre is still the one that we wrote is the caller's question, by [`Undo::new`].

use super::editor::{Holding, Layout, Piece, Scope};
use super::journal::{FieldChange, JournalEntry, Room};
use super::plan::{TagField, TagPlan, Targets};
use super::state::{TagState, is_a_genre, same_values};

/// The fields of a file as they were before one or more writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restoration {
    fields: Vec<FieldBefore>,
    /// Tags that those writes had made: they go when nothing is left in them.
    pub(crate) created: Vec<Scope>,
    /// The genre as it was; none where it is not restored.
    pub(crate) genre: Option<Vec<String>>,
    /// The room of the tags as it was, and the length of the file then.
    pub(crate) room: Option<Box<(Room, u64)>>,
    /// What a write changed of a container beside its tags, as it was.
    containers: Vec<(Scope, Vec<u8>)>,
    /// Fields that those writes had carried over from another tag, each as it was written: tag and bytes.
    carried: Vec<(Scope, Vec<u8>)>,
}

/// One field of one tag, before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldBefore {
    scope: Scope,
    field: TagField,
    form: String,
    raw: Vec<RawField>,
    values: Vec<String>,
}

/// The bytes of a field and its place among all the fields of its tag, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawField {
    pub(crate) position: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Restoration {
    /// The state before the last of `entries`, which come newest first. Fields that `wanted` leaves out stay as they
    /// are.
    pub(crate) fn new(entries: &[&JournalEntry], wanted: impl Fn(Scope, TagField) -> bool) -> Self {
        let mut restoration = Self::default();
        for entry in entries {
            for field in TagField::ALL {
                restoration.go_back(entry, field, &wanted);
            }
            restoration.created.extend(&entry.created);
            restoration.room = entry.room_before.clone().map(|room| Box::new((room, entry.before.size)));
            for change in entry.fields.iter().filter(|change| change.field().is_none()) {
                if change.scope == Scope::Chunks {
                    restoration.containers.retain(|(scope, _)| *scope != change.scope);
                    restoration.containers.extend(change.old.clone().map(|old| (change.scope, old)));
                } else if change.old.is_none() {
                    restoration.carried.extend(change.new.clone().map(|new| (change.scope, new)));
                }
            }
            if restoration.fields.iter().any(|before| before.field == TagField::Genre) && entry.touches_genre() {
                restoration.genre = Some(entry.genre_before.clone());
            }
        }
        restoration
    }

    /// What the entry changed of the field was like this before it.
    fn go_back(&mut self, entry: &JournalEntry, field: TagField, wanted: impl Fn(Scope, TagField) -> bool) {
        let mut changes: Vec<&FieldChange> =
            entry.fields.iter().filter(|change| change.field() == Some(field)).collect();
        changes.sort_by_key(|change| change.scope);
        for changes in changes.chunk_by(|a, b| a.scope == b.scope) {
            let scope = changes[0].scope;
            if !wanted(scope, field) {
                continue;
            }
            let raw = |change: &&FieldChange| Some(RawField { position: change.position, bytes: change.old.clone()? });
            let raw: Vec<RawField> = changes.iter().filter_map(raw).collect();
            let values = entry.values_before.iter().find(|held| held.scope == scope && held.field == field);
            let values = values.map(|held| held.values.clone()).unwrap_or_default();
            self.fields.retain(|known| (known.scope, known.field) != (scope, field));
            self.fields.push(FieldBefore { scope, field, form: changes[0].form.clone(), raw, values });
        }
    }

    /// Whether a file with these holdings and this layout is as it was in the fields that are restored: byte by byte,
    /// or by value where a tag has another form now. A tag that is gone altogether holds nothing that could be wrong.
    pub(crate) fn is_done(&self, holdings: &[Holding], layout: &Layout) -> Result<(), String> {
        for FieldBefore { scope, field, raw, values, .. } in &self.fields {
            let of_field = |piece: &&Piece| piece.scope == *scope && piece.field == Some(*field);
            let now = layout.pieces.iter().filter(of_field).map(|piece| piece.digest);
            let same_bytes = now.eq(raw.iter().map(|raw| blake3::hash(&raw.bytes)));
            let mut held = holdings.iter().filter(|held| held.scope == *scope && held.field == *field).peekable();
            let same_values = held.peek().is_none() == values.is_empty() && held.all(|held| held.says(values));
            let exists = layout.facts.iter().any(|fact| fact.scope == *scope);
            if !same_bytes && !same_values && exists {
                let name = field.spoken();
                return Err(format!("{scope}: {name} is not what it was before"));
            }
        }
        Ok(())
    }

    /// What a write changed of that part of the container, as it was.
    pub(crate) fn container(&self, scope: Scope) -> Option<&[u8]> {
        self.containers.iter().find(|(known, _)| *known == scope).map(|(_, old)| old.as_slice())
    }

    /// The same, but that what had been carried over stays.
    pub(crate) fn leaving_what_was_carried(&self) -> Self {
        Self { carried: Vec::new(), ..self.clone() }
    }

    /// Whether a field of that tag goes that had been carried over.
    pub(crate) fn takes_back(&self, scope: Scope, bytes: &[u8]) -> bool {
        self.carried.iter().any(|(known, field)| *known == scope && field == bytes)
    }

    pub(crate) fn touches(&self, scope: Scope, field: TagField) -> bool {
        self.fields.iter().any(|before| (before.scope, before.field) == (scope, field))
    }

    pub(crate) fn targets(&self, scope: Scope, form: &str) -> Targets<'_> {
        let mut targets = Targets { had_them: true, ..Targets::default() };
        for before in self.fields.iter().filter(|before| before.scope == scope) {
            if before.form == form {
                targets.raw.push((before.field, &before.raw));
            } else {
                targets.values.push((before.field, &before.values));
            }
        }
        let here = self.carried.iter().filter(|(known, _)| *known == scope);
        targets.carried = here.map(|(_, bytes)| bytes.as_slice()).collect();
        targets
    }
}

/// What taking some writes back means for a file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What is to be done.
    pub plan: TagPlan,
    /// A genre in the file that is no longer the one that was written: it stays. Of a file with several tags, the first
    /// such one.
    pub foreign_genre: Option<Vec<String>>,
}

impl Undo {
    /// The genre that the file will have; none where its genre stays.
    pub fn genre_after(&self) -> Option<&[String]> {
        self.plan.genre_after.as_deref()
    }

    /// The undo of `entries`, newest first: the last writes that have not been taken back yet, without a gap.
    ///
    /// Each tag of the file is looked at by itself: its genre goes back only while it is the one that was written
    /// there.
    pub fn new(state: &TagState, entries: &[&JournalEntry]) -> Self {
        let is_nothing = |genres: &[String]| !genres.iter().any(|genre| is_a_genre(genre));
        let genre_in = |scope: Scope| {
            let held = state.fields.iter().find(|held| held.scope == scope && held.field == TagField::Genre);
            held.map_or(&[][..], |held| &held.values)
        };
        let is_foreign = |scope: Scope| {
            let touches = |entry: &&&JournalEntry| {
                entry.fields.iter().any(|change| change.scope == scope && change.field() == Some(TagField::Genre))
            };
            let (now, last) = (genre_in(scope), entries.iter().find(touches));
            last.is_some_and(|last| {
                let written = &last.genre_after;
                !(same_values(now, written) || is_nothing(now) && is_nothing(written))
            })
        };
        // Tempo, key and mood go back by the same rule: while they are what was written.
        let is_ours = |scope: Scope, field: TagField| {
            let of_field = |change: &&FieldChange| change.scope == scope && change.field() == Some(field);
            let last = entries.iter().map(|entry| entry.fields.iter().filter(of_field).collect::<Vec<_>>());
            let last = last.into_iter().find(|changes| !changes.is_empty()).unwrap_or_default();
            let written: Vec<String> = last.iter().filter_map(|change| change.new_values()).flatten().collect();
            let held = state.fields.iter().find(|held| held.scope == scope && held.field == field);
            same_values(held.map_or(&[][..], |held| &held.values), &written)
        };
        let wanted = |scope, field: TagField| match field {
            TagField::Genre => !is_foreign(scope),
            field if field.is_heard() => is_ours(scope, field),
            _ => true,
        };
        let plan = TagPlan::restore(state, Restoration::new(entries, wanted));
        let scopes = entries.iter().flat_map(|entry| &entry.fields).map(|change| change.scope);
        let foreign = scopes.filter(|scope| is_foreign(*scope)).min();
        Self { plan, foreign_genre: foreign.map(|scope| genre_in(scope).to_vec()) }
    }
}
