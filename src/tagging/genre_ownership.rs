//! Whose the genre in a file is, and whether scans may touch it: what the tags hold, seen beside what the journal and the owner say.
//!
//! [`genre_ownership`] is a pure function of four things that are each one of a few words, so that every case is a cell of a table (which
//! `docs/tags.md` prints, and a test goes through). What is written where nobody has decided is the policy's business.

use super::state::{TagState, same_values};

/// What was decided about a file, which scans obey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnersChoice {
    /// The genre that the file has by it; empty where it has none.
    pub genres: Vec<String>,
    /// How it came about.
    pub origin: Origin,
}

/// How an owner's choice came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The owner named the genre.
    Chosen,
    /// The owner took a genre of ours back.
    TakenBack,
    /// What we had written was found to be gone: somebody took it out with another program.
    TakenOut,
    /// The owner handed the file back to the scans, which decide by the policy alone until they have written it.
    HandedBack,
}

/// What is known of a file besides its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What was decided about it.
    pub choice: Option<OwnersChoice>,
    /// The last write that counts.
    pub last: LastWrite,
    /// The genres that it had after each write of ours within the last day.
    pub within_a_day: Vec<Vec<String>>,
}

/// The last write of ours into a file with this recording that was not taken back, as the journal has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastWrite {
    /// It knows none.
    #[default]
    Nothing,
    /// A scan wrote a genre.
    Wrote(GenreWrite),
    /// A scan wrote our own fields and no genre.
    Marked,
    /// All of them were taken back.
    Undone,
    /// The owner wrote a genre through us.
    Owners,
}

/// A genre that a scan wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenreWrite {
    /// The file's genre before.
    pub before: Vec<String>,
    /// The file's genre afterwards.
    pub after: Vec<String>,
    /// Whether our own fields were written too.
    pub own_fields: bool,
}

/// The genre in the file, beside the one that we wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Present {
    /// None, or a placeholder.
    None,
    /// What we wrote, and nothing else.
    AsWritten,
    /// The one that stood there before we wrote.
    AsBefore,
    /// All that we wrote, among others.
    WithOurs,
    /// Another, or only a part of what we wrote.
    Another,
}

/// Our own fields in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnFieldsSeen {
    /// They are not there, and nothing says that they were written.
    Never,
    /// They stand.
    Stand,
    /// They were written, and are not there.
    Gone,
}

/// Which kind of [`LastWrite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the words of `LastWrite`
pub enum LastWriteKind {
    Nothing,
    Wrote,
    Marked,
    Undone,
    Owners,
}

/// Whether scans may write, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GenreOwnership {
    /// The policy decides.
    Free,
    /// Somebody changed the genre since we wrote, and ours is still among it: under no policy does theirs give way.
    Shared,
    /// Somebody put another genre in place of ours: it stays, whatever the policy.
    Theirs,
    /// Nothing is written.
    LeftAlone(LeftAlone),
}

/// Why nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeftAlone {
    /// The owner chose the genre.
    Chosen,
    /// The owner took our genre back.
    TakenBack,
    /// What we wrote was found to be taken out, some time ago.
    TakenOut,
    /// Our genre is gone, and our own fields, or the genre that was there before us, tell that somebody took it out.
    GenreDeleted,
    /// All that we wrote is gone: an older state of the file is back.
    Restored,
}

/// Whose the genre is. `choice` is how the owner's choice came about, if there is one.
///
/// A choice goes first; without one the file itself and the journal tell whether what we wrote still stands. [`OwnFieldsSeen::Gone`]
/// is only seen beside [`LastWriteKind::Wrote`] and [`LastWriteKind::Marked`].
pub fn genre_ownership(
    present: Present,
    own: OwnFieldsSeen,
    last: LastWriteKind,
    choice: Option<Origin>,
) -> GenreOwnership {
    match choice {
        Some(Origin::Chosen) => GenreOwnership::LeftAlone(LeftAlone::Chosen),
        Some(Origin::TakenBack) => GenreOwnership::LeftAlone(LeftAlone::TakenBack),
        // Somebody brought back what we had written: it stands again.
        Some(Origin::TakenOut) if present == Present::AsWritten => GenreOwnership::Free,
        Some(Origin::TakenOut) => GenreOwnership::LeftAlone(LeftAlone::TakenOut),
        Some(Origin::HandedBack) => GenreOwnership::Free,
        None => undecided(present, own, last),
    }
}

fn undecided(present: Present, own: OwnFieldsSeen, last: LastWriteKind) -> GenreOwnership {
    use LastWriteKind::{Marked, Nothing, Owners, Undone, Wrote};
    use OwnFieldsSeen::{Gone, Never, Stand};
    use Present::{AsBefore, AsWritten, WithOurs};
    const DELETED: GenreOwnership = GenreOwnership::LeftAlone(LeftAlone::GenreDeleted);
    const RESTORED: GenreOwnership = GenreOwnership::LeftAlone(LeftAlone::Restored);
    match (last, own, present) {
        // Nothing of ours is in it, nor should be.
        (Nothing | Undone | Owners, Never | Gone, _) => GenreOwnership::Free,
        // Our own fields are written beside a genre of ours, unless a scan did no more than mark the file.
        (Nothing | Undone | Owners | Wrote, Stand, Present::None) => DELETED,
        (Nothing | Undone | Owners, Stand, AsWritten | WithOurs) => GenreOwnership::Free,
        (Nothing | Undone | Owners, Stand, AsBefore | Present::Another) => GenreOwnership::Theirs,
        (Wrote, Stand | Never, AsWritten) => GenreOwnership::Free,
        (Wrote, Stand, WithOurs) => GenreOwnership::Shared,
        (Wrote, Stand, AsBefore) | (Wrote, Never, AsBefore | Present::None) => DELETED,
        (Wrote, Stand, Present::Another) | (Wrote, Never, WithOurs | Present::Another) => GenreOwnership::Theirs,
        // Who took our fields away and kept the genre made it his own.
        (Wrote, Gone, AsWritten | WithOurs | Present::Another) => GenreOwnership::Theirs,
        (Wrote, Gone, AsBefore | Present::None) => RESTORED,
        (Marked, Stand | Never, _) => GenreOwnership::Free,
        (Marked, Gone, _) => RESTORED,
    }
}

impl LastWrite {
    /// Which kind it is.
    pub fn kind(&self) -> LastWriteKind {
        match self {
            Self::Nothing => LastWriteKind::Nothing,
            Self::Wrote(_) => LastWriteKind::Wrote,
            Self::Marked => LastWriteKind::Marked,
            Self::Undone => LastWriteKind::Undone,
            Self::Owners => LastWriteKind::Owners,
        }
    }

    /// The genre that a scan wrote last, if that was the last write.
    pub fn genre(&self) -> Option<&GenreWrite> {
        if let Self::Wrote(write) = self { Some(write) } else { None }
    }

    /// Whether the tags hold what this write left there. Where our own fields were written, they tell; an owner's write and one that
    /// was taken back leave nothing to tell it by.
    pub fn is_held_by(&self, state: &TagState) -> bool {
        let own = &state.own.genre;
        match self {
            Self::Wrote(write) if write.own_fields => {
                !own.is_empty() && own.iter().all(|genre| write.after.contains(genre)) || same_values(own, &write.after)
            }
            Self::Wrote(write) => state.genre_is(&write.after),
            Self::Marked => !own.is_empty(),
            Self::Nothing | Self::Undone | Self::Owners => false,
        }
    }
}

impl Known {
    /// What is known of a file that was never seen.
    pub const NOTHING: Self = Self { choice: None, last: LastWrite::Nothing, within_a_day: Vec::new() };

    /// Hands the file to the scans, whatever became of what they wrote. What the owner chose stays chosen.
    pub fn hand_back(&mut self) {
        if self.choice.as_ref().is_none_or(|choice| choice.origin != Origin::Chosen) {
            self.choice = Some(OwnersChoice { genres: Vec::new(), origin: Origin::HandedBack });
        }
    }

    /// Whose the genre in a file with these tags is.
    pub fn ownership_of(&self, state: &TagState) -> GenreOwnership {
        let choice = self.choice.as_ref().map(|choice| choice.origin);
        genre_ownership(self.present_in(state), self.own_fields_in(state), self.last.kind(), choice)
    }

    /// The genre of these tags, beside what we wrote.
    pub(crate) fn present_in(&self, state: &TagState) -> Present {
        let write = self.last.genre();
        // Ours is what our own field says; without one what the journal says, where there never was one.
        let ours = match (state.own.genre.as_slice(), write) {
            ([], Some(write)) => &write.after,
            (own, _) => own,
        };
        if !state.has_genre() {
            Present::None
        } else if state.genre_is(ours) || write.is_some_and(|write| state.genre_is(&write.after)) {
            Present::AsWritten
        } else if write.is_some_and(|write| same_values(&state.genres, &write.before)) {
            Present::AsBefore
        } else if state.genre_holds(ours) {
            Present::WithOurs
        } else {
            Present::Another
        }
    }

    pub(crate) fn own_fields_in(&self, state: &TagState) -> OwnFieldsSeen {
        let were_written = match &self.last {
            LastWrite::Wrote(write) => write.own_fields,
            LastWrite::Marked => true,
            LastWrite::Nothing | LastWrite::Undone | LastWrite::Owners => false,
        };
        match (state.own.genre.is_empty(), were_written) {
            (false, _) => OwnFieldsSeen::Stand,
            (true, true) => OwnFieldsSeen::Gone,
            (true, false) => OwnFieldsSeen::Never,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::tagging::{
        Container, Decision, FileStamp, KeepReason, MAX_WRITES_A_DAY, OwnFields, OwnFieldsPolicy, Policy, Suggestion,
        TagField, TagPolicy, decide,
    };

    const DOCUMENTATION: &str = include_str!("../../docs/tags.md");

    /// The cells of the table of the documentation that begins with these words, row by row, without its head.
    fn documented(head: &str) -> Vec<Vec<&'static str>> {
        let table = DOCUMENTATION.lines().skip_while(|line| !line.starts_with(head)).skip(2);
        let rows = table.take_while(|line| line.starts_with('|'));
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }

    fn said(genre_ownership: GenreOwnership) -> &'static str {
        match genre_ownership {
            GenreOwnership::Free => "the policy",
            GenreOwnership::Shared => "theirs stays, ours follows",
            GenreOwnership::Theirs => "theirs stays",
            GenreOwnership::LeftAlone(LeftAlone::GenreDeleted) => "left alone: deleted",
            GenreOwnership::LeftAlone(LeftAlone::Restored) => "left alone: restored",
            GenreOwnership::LeftAlone(_) => "left alone",
        }
    }

    fn present(words: &str) -> Present {
        match words {
            "none" => Present::None,
            "as we wrote it" => Present::AsWritten,
            "as it was before" => Present::AsBefore,
            "ours among others" => Present::WithOurs,
            "another" => Present::Another,
            _ => panic!("{words}"),
        }
    }

    #[test]
    fn every_cell_of_the_documented_table_is_so() {
        use LastWriteKind::{Marked, Nothing, Owners, Undone, Wrote};
        let rows = documented("| our fields | the genre | nothing");
        assert_eq!(rows.len(), 15, "{rows:?}");
        let mut impossible = 0;
        for row in rows {
            let own = match row[0] {
                "stand" => OwnFieldsSeen::Stand,
                "never written" => OwnFieldsSeen::Never,
                "gone" => OwnFieldsSeen::Gone,
                words => panic!("{words}"),
            };
            for (last, cell) in [Nothing, Wrote, Marked, Undone, Owners].into_iter().zip(&row[2..]) {
                match *cell {
                    "—" => impossible += 1,
                    cell => {
                        assert_eq!(said(genre_ownership(present(row[1]), own, last, None)), cell, "{row:?} {last:?}")
                    }
                }
            }
        }
        // What was before us without a write; fields that are gone, or marks that never were, without having been written; and what is
        // ours without fields or a write that say so.
        assert_eq!(impossible, 12 + 12 + 4 + 6, "every other cell is looked at");
    }

    #[test]
    fn a_choice_goes_before_all_that_stands_in_the_file() {
        use Present::{Another, AsBefore, AsWritten, None, WithOurs};
        let rows = documented("| what was decided | our genre stands");
        assert_eq!(rows.len(), 4);
        for row in rows {
            let origin = match row[0] {
                "chosen (`tag --genre`)" => Origin::Chosen,
                "taken back (`undo`)" => Origin::TakenBack,
                "found taken out" => Origin::TakenOut,
                "handed back (`tag --forget`, `scan --force-write`)" => Origin::HandedBack,
                words => panic!("{words}"),
            };
            for last in [
                LastWriteKind::Nothing,
                LastWriteKind::Wrote,
                LastWriteKind::Marked,
                LastWriteKind::Undone,
                LastWriteKind::Owners,
            ] {
                for own in [OwnFieldsSeen::Never, OwnFieldsSeen::Stand, OwnFieldsSeen::Gone] {
                    for (present, cell) in [(AsWritten, 1), (None, 2), (AsBefore, 2), (WithOurs, 2), (Another, 2)] {
                        let genre_ownership = genre_ownership(present, own, last, Some(origin));
                        assert_eq!(said(genre_ownership), row[cell], "{row:?} {present:?} {own:?} {last:?}");
                    }
                }
            }
        }
    }

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn state(genres: &[&str], own: &[&str]) -> TagState {
        TagState {
            container: Container::Flac,
            stamp: FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 },
            genres: strings(genres),
            own: OwnFields { genre: strings(own), ..OwnFields::default() },
            fields: Vec::new(),
        }
    }

    fn wrote(before: &[&str], after: &[&str], own_fields: bool) -> LastWrite {
        LastWrite::Wrote(GenreWrite { before: strings(before), after: strings(after), own_fields })
    }

    /// What becomes of a file when we hear Pop and are sure: what is written, or why nothing is.
    fn outcome(state: &TagState, last: LastWrite, policy: Policy, own_fields: OwnFieldsPolicy) -> String {
        let heard = Suggestion { genres: strings(&["Pop"]), confidence: 0.9, model: "m".into(), sure: true };
        let known = Known { last, ..Known::NOTHING };
        let policy = TagPolicy { policy, own_fields };
        match decide(state, &heard, &policy, Some(&known), &|a, b| a == b) {
            Decision::Write(plan) => {
                let genre = plan.values(TagField::Genre).map(|genre| genre.join("+"));
                let own = plan.values(TagField::OwnGenre).unwrap_or_default().join("+");
                format!("{} / {own}", genre.as_deref().unwrap_or("-"))
            }
            Decision::Keep(KeepReason::GenreDeleted(_)) => "deleted".into(),
            Decision::Keep(KeepReason::Restored(_)) => "restored".into(),
            Decision::Keep(KeepReason::Changed(_)) => "changed".into(),
            Decision::Keep(KeepReason::HasGenre(_)) => "theirs".into(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_was_taken_out_stays_out_under_every_policy() {
        use OwnFieldsPolicy::{Always, Never, WithGenre};
        use Policy::{Append, Fill, OwnFieldsOnly, Replace};
        let jazz = || wrote(&[], &["Jazz"], true);
        let over_rock = || wrote(&["Rock"], &["Jazz"], true);
        let behind_rock = || wrote(&["Rock"], &["Rock", "Jazz"], true);
        let plain = || wrote(&[], &["Jazz"], false);
        type Case<'a> = (&'a [&'a str], &'a [&'a str], LastWrite, Policy, OwnFieldsPolicy, &'a str);
        let cases: Vec<Case<'_>> = vec![
            // The genre was deleted; the whole file was put back.
            (&[], &["Jazz"], jazz(), Fill, WithGenre, "deleted"),
            (&["Unknown"], &["Jazz"], jazz(), Fill, WithGenre, "deleted"),
            (&[], &["Jazz"], LastWrite::Nothing, Fill, WithGenre, "deleted"),
            (&[], &[], jazz(), Fill, WithGenre, "restored"),
            (&[], &[], jazz(), Fill, Never, "restored"),
            (&[], &[], plain(), Fill, Never, "deleted"),
            (&["Rock"], &[], over_rock(), Replace, WithGenre, "restored"),
            (&["Rock"], &["Jazz"], over_rock(), Replace, WithGenre, "deleted"),
            (&["Rock"], &["Jazz"], behind_rock(), Append, WithGenre, "deleted"),
            (&["Rock"], &[], behind_rock(), Append, WithGenre, "restored"),
            // Only our fields are written, and they were taken out.
            (&["Rock"], &[], LastWrite::Marked, Fill, Always, "restored"),
            (&["Rock"], &[], LastWrite::Marked, OwnFieldsOnly, WithGenre, "restored"),
            (&["Rock"], &["Jazz"], LastWrite::Marked, OwnFieldsOnly, WithGenre, "- / Pop"),
            (&[], &["Jazz"], LastWrite::Nothing, OwnFieldsOnly, WithGenre, "- / Pop"),
            // A file that was only marked has never had a genre of ours.
            (&[], &["Jazz"], LastWrite::Marked, Fill, WithGenre, "Pop / Pop"),
            // Somebody changed the genre.
            (&["Bebop"], &["Jazz"], jazz(), Fill, WithGenre, "theirs"),
            (&["Bebop"], &["Jazz"], jazz(), Fill, Always, "- / Pop"),
            (&["Bebop"], &["Jazz"], jazz(), Replace, WithGenre, "changed"),
            (&["Bebop"], &["Jazz"], jazz(), Append, WithGenre, "changed"),
            (&["Bebop"], &["Jazz"], jazz(), OwnFieldsOnly, WithGenre, "- / Pop"),
            (&["Bebop"], &[], jazz(), OwnFieldsOnly, WithGenre, "theirs"),
            (&["Bebop"], &[], jazz(), Fill, Always, "theirs"),
            (&["Jazz", "Bebop"], &["Jazz"], jazz(), Replace, WithGenre, "changed"),
            (&["Bebop", "Jazz"], &["Jazz"], jazz(), Append, WithGenre, "Bebop+Pop / Pop"),
            (&["Jazz"], &["Jazz", "Soul"], wrote(&[], &["Jazz", "Soul"], true), Append, WithGenre, "changed"),
            // Who took our fields away and kept the genre made it his own.
            (&["Jazz"], &[], jazz(), Fill, WithGenre, "theirs"),
            (&["Jazz"], &[], jazz(), Replace, WithGenre, "changed"),
            // What stands follows a better verdict, with our fields and without.
            (&["Jazz"], &["Jazz"], jazz(), Fill, WithGenre, "Pop / Pop"),
            (&["Jazz"], &[], plain(), Fill, Never, "Pop / "),
            (&["Rock", "Jazz"], &["Jazz"], behind_rock(), Append, WithGenre, "Rock+Pop / Pop"),
            (&["Rock", "Jazz"], &["Jazz"], behind_rock(), Replace, WithGenre, "Pop / Pop"),
            // What was taken back and handed to the scans again, or was the owner's and is so no more, is the policy's.
            (&[], &[], LastWrite::Undone, Fill, WithGenre, "Pop / Pop"),
            (&["Zydeco"], &[], LastWrite::Owners, Replace, WithGenre, "Pop / Pop"),
        ];
        for (genres, own, last, policy, own_fields, expected) in cases {
            let label = format!("{genres:?} {own:?} {last:?} {policy:?} {own_fields:?}");
            assert_eq!(outcome(&state(genres, own), last.clone(), policy, own_fields), expected, "{label}");
            // Handed back, the policy decides, and no evidence speaks against it.
            let mut known = Known { last, ..Known::NOTHING };
            known.hand_back();
            assert_eq!(known.ownership_of(&state(genres, own)), GenreOwnership::Free, "{label}");
        }
    }

    #[test]
    fn the_same_genre_is_written_three_times_a_day_and_no_more() {
        let heard = Suggestion { genres: strings(&["Pop"]), confidence: 0.9, model: "m".into(), sure: true };
        let decided = |times: usize, genre: &str| {
            let known = Known { within_a_day: vec![strings(&[genre]); times], ..Known::NOTHING };
            decide(&state(&[], &[]), &heard, &TagPolicy::default(), Some(&known), &|a, b| a == b)
        };
        assert!(matches!(decided(MAX_WRITES_A_DAY - 1, "Pop"), Decision::Write(_)));
        assert!(matches!(decided(MAX_WRITES_A_DAY, "Jazz"), Decision::Write(_)));
        let Decision::Keep(reason) = decided(MAX_WRITES_A_DAY, "Pop") else { panic!("a fourth time") };
        assert!(reason.is_contested() && reason.is_newly_taken_out(), "{reason}");
    }

    #[test]
    fn a_genre_that_one_of_several_tags_says_differently_was_changed() {
        use crate::tagging::{HeldField, Scope};
        let held = |scope, values: &[&str]| HeldField {
            scope,
            field: TagField::Genre,
            name: "genre".to_owned(),
            values: strings(values),
        };
        let mut tags = state(&["Jazz"], &["Jazz"]);
        tags.fields = vec![held(Scope::Id3v2(1), &["Jazz"]), held(Scope::Apev2(1), &["Bebop"])];
        let known = Known { last: wrote(&[], &["Jazz"], true), ..Known::NOTHING };
        assert_eq!(known.present_in(&tags), Present::Another);
        tags.fields[1] = held(Scope::Apev2(1), &["Bebop", "Jazz"]);
        assert_eq!(known.present_in(&tags), Present::WithOurs);
        tags.fields[1] = held(Scope::Apev2(1), &["Jazz"]);
        assert_eq!(known.present_in(&tags), Present::AsWritten);
    }
}
