//! Whether a genre is written: a pure function from what the tags say and what we heard to a decision.
//!
//! The default never touches an existing genre. Neither a new model version nor another confidence is a reason to write. What
//! somebody took out of a file, or put in place of ours, is [`genre_ownership`](super::genre_ownership)'s to find out, and goes before every policy.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::genre_ownership::{GenreOwnership, Known, LeftAlone, OwnFieldsSeen, Present};
use super::plan::{TagField, TagPlan};
use super::state::{TagState, is_a_genre, same_values};

/// What we heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Genres, the surest first; each one value of its own.
    pub genres: Vec<String>,
    /// Calibrated confidence, 0 to 1.
    pub confidence: f32,
    /// Name and version of the ensemble.
    pub model: String,
    /// Whether the confidence reaches the threshold above which we write.
    pub sure: bool,
}

/// What may happen to a genre that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Policy {
    /// Only files without a genre, or with one that we wrote, receive one.
    #[default]
    Fill,
    /// As `Fill`, and somebody else's genre gives way to ours as well.
    Replace,
    /// As `Fill`, and ours is added behind somebody else's genre.
    Append,
    /// The genre is never touched; only our own fields are written.
    OwnFieldsOnly,
}

/// When the `RECLASSD_*` fields are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnFieldsPolicy {
    /// Beside a genre that we write.
    #[default]
    WithGenre,
    /// Also beside a genre that is not ours.
    Always,
    /// Never. A genre that we write then cannot be told from somebody else's later, unless the database remembers it.
    Never,
}

/// The owner's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagPolicy {
    /// What may happen to an existing genre.
    pub policy: Policy,
    /// When our own fields are written.
    pub own_fields: OwnFieldsPolicy,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write this.
    Write(TagPlan),
    /// Leave the file as it is.
    Keep(KeepReason),
    /// We are not sure and the file has no genre: nothing is written, and it waits in review.
    Unsure,
}

/// Whether two spellings mean one genre.
pub type SameGenre<'a> = dyn Fn(&str, &str) -> bool + 'a;

/// Why a file stays as it is. Displayed as the end of a line about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepReason {
    /// Somebody gave it a genre.
    HasGenre(Vec<String>),
    /// The owner chose its genre through us.
    OwnersChoice(Vec<String>),
    /// The owner chose this genre through us, and it was taken out since.
    ChoiceTakenOut(Vec<String>),
    /// The owner took our genre back; this is what it has since.
    TakenBack(Vec<String>),
    /// Some time ago what we wrote was found to be taken out; this is what it has now.
    TakenOut(Vec<String>),
    /// Our genre was taken out since the last look; this is what it has now.
    GenreDeleted(Vec<String>),
    /// An older state of the file is back since the last look, without what we wrote; this is the genre of that.
    Restored(Vec<String>),
    /// This genre was written [`MAX_WRITES_A_DAY`] times within a day, and did not stay.
    WrittenTooOften(Vec<String>),
    /// Somebody put this genre in place of ours, which under the policy would be written over it.
    Changed(Vec<String>),
    /// It has the genre that we would write.
    UpToDate(Vec<String>),
    /// It has a genre that we wrote when we were surer than now.
    NotSurer(Vec<String>),
    /// It has a genre that we wrote under another policy; the present one touches no genre.
    LeftByPolicy(Vec<String>),
    /// Our own fields say already what we hear, and the policy writes nothing else.
    Marked(Vec<String>),
}

impl KeepReason {
    /// Whether the genre that stays is one that we wrote.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::UpToDate(_) | Self::NotSurer(_) | Self::LeftByPolicy(_))
    }

    /// Whether it was found just now that what we wrote is gone.
    pub fn is_newly_taken_out(&self) -> bool {
        matches!(self, Self::GenreDeleted(_)) || self.is_contested()
    }

    /// Whether another program works against ours: it brings older states of the file back.
    pub fn is_contested(&self) -> bool {
        matches!(self, Self::Restored(_) | Self::WrittenTooOften(_))
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, genres) = match self {
            Self::HasGenre(genres) => ("has a genre already", genres),
            Self::OwnersChoice(genres) => ("has the genre that its owner chose", genres),
            Self::TakenBack(genres) => ("is left alone since its owner took our genre back; it has", genres),
            Self::ChoiceTakenOut(genres) => {
                ("is left alone: what its owner chose was taken out since; chosen was", genres)
            }
            Self::TakenOut(genres) => ("is left alone since what reclassd wrote was taken out of it; it has", genres),
            Self::GenreDeleted(genres) => {
                ("is left alone from now on: the genre that reclassd wrote was taken out of it; it has", genres)
            }
            Self::Restored(genres) => {
                ("is left alone from now on: an older state of it is back, without what reclassd wrote; it has", genres)
            }
            Self::WrittenTooOften(genres) => {
                ("is left alone from now on: it was given this several times within a day, and did not keep it", genres)
            }
            Self::Changed(genres) => ("has a genre that somebody put in place of ours", genres),
            Self::UpToDate(genres) => ("has the right genre already", genres),
            Self::NotSurer(genres) => ("keeps the genre it was given earlier", genres),
            Self::LeftByPolicy(genres) => {
                ("keeps the genre it was given, since the policy is \"own-fields-only\"", genres)
            }
            Self::Marked(genres) => ("is marked already as", genres),
        };
        let genres = if genres.is_empty() { "no genre".to_owned() } else { genres.join(", ") };
        write!(f, "{text}: {genres}")?;
        match self {
            Self::TakenOut(_) | Self::GenreDeleted(_) | Self::Restored(_) | Self::Changed(_) => {
                write!(f, " (`reclassd tag --forget` or `scan --force-write` hands it back)")
            }
            // Both ways on: to say what it is, or to let the scans say it.
            Self::TakenBack(_) | Self::ChoiceTakenOut(_) => {
                write!(f, " (`reclassd tag --genre NAME` chooses one, `reclassd tag --forget` lets scans decide again)")
            }
            _ => Ok(()),
        }
    }
}

/// What is known of a file without a database.
static NOTHING: Known = Known::NOTHING;

/// How often a file is given the same genre within a day, whatever becomes of it.
pub const MAX_WRITES_A_DAY: usize = 3;

/// Decides about one file.
///
/// `known` is what the database knows of the file besides its tags, if there is one; `same` tells whether two spellings mean one genre.
///
/// Where somebody decided about the genre, [`genre_ownership`](super::genre_ownership()) goes first: nothing is written, or theirs stays whatever the
/// policy. Everywhere else:
///
/// | the file has | we are sure | we are unsure |
/// |---|---|---|
/// | no genre | genre and our fields ([`Policy::OwnFieldsOnly`]: our fields) | nothing; review |
/// | someone's genre | as the policy says, see below | nothing |
/// | a genre that we wrote | written if the genre changes ([`Policy::OwnFieldsOnly`]: nothing) | stays |
///
/// Someone's genre, when we are sure:
///
/// | policy | |
/// |---|---|
/// | [`Policy::Fill`] | nothing; our fields with [`OwnFieldsPolicy::Always`] |
/// | [`Policy::Replace`] | genre and our fields; nothing where it is ours under another spelling |
/// | [`Policy::Append`] | ours is added behind theirs, in place of what we added earlier; nothing where theirs says it already |
/// | [`Policy::OwnFieldsOnly`] | our fields |
///
/// The same genre is written [`MAX_WRITES_A_DAY`] times a day at the most.
pub fn decide(
    state: &TagState,
    suggestion: &Suggestion,
    policy: &TagPolicy,
    known: Option<&Known>,
    same: &SameGenre<'_>,
) -> Decision {
    let known = known.unwrap_or(&NOTHING);
    let present = || state.genres.clone();
    let decision = match known.ownership_of(state) {
        GenreOwnership::Free => by_policy(state, suggestion, policy, known, same),
        // Where nothing but our own fields is written, those that stand are all that there is to be taken out.
        GenreOwnership::LeftAlone(LeftAlone::GenreDeleted)
            if policy.policy == Policy::OwnFieldsOnly && !state.own.genre.is_empty() =>
        {
            by_policy(state, suggestion, policy, known, same)
        }
        GenreOwnership::Shared => beside_a_changed_genre(state, suggestion, policy, known, same, Policy::Append),
        GenreOwnership::Theirs => beside_a_changed_genre(state, suggestion, policy, known, same, Policy::Fill),
        GenreOwnership::LeftAlone(LeftAlone::Chosen) => Decision::Keep(match &known.choice {
            Some(choice) if !state.has_genre() && choice.genres.iter().any(|genre| is_a_genre(genre)) => {
                KeepReason::ChoiceTakenOut(choice.genres.clone())
            }
            _ => KeepReason::OwnersChoice(present()),
        }),
        GenreOwnership::LeftAlone(LeftAlone::TakenBack) => Decision::Keep(KeepReason::TakenBack(present())),
        GenreOwnership::LeftAlone(LeftAlone::TakenOut) => Decision::Keep(KeepReason::TakenOut(present())),
        GenreOwnership::LeftAlone(LeftAlone::GenreDeleted) => Decision::Keep(KeepReason::GenreDeleted(present())),
        GenreOwnership::LeftAlone(LeftAlone::Restored) => Decision::Keep(KeepReason::Restored(present())),
    };
    match decision {
        Decision::Write(plan) => {
            let genres = plan.genre_after.as_ref().unwrap_or(&state.genres);
            let times = known.within_a_day.iter().filter(|written| same_values(written, genres)).count();
            if times < MAX_WRITES_A_DAY {
                Decision::Write(plan)
            } else {
                Decision::Keep(KeepReason::WrittenTooOften(genres.clone()))
            }
        }
        decision => decision,
    }
}

/// Nobody decided about the file.
fn by_policy(
    state: &TagState,
    suggestion: &Suggestion,
    policy: &TagPolicy,
    known: &Known,
    same: &SameGenre<'_>,
) -> Decision {
    let sure = is_sure(suggestion);
    // Without our own fields the journal tells what is ours.
    let is_remembered = known.own_fields_in(state) == OwnFieldsSeen::Never;
    let is_ours = state.genre_is_ours() || is_remembered && known.present_in(state) == Present::AsWritten;
    let present = || state.genres.clone();
    match (state.has_genre(), is_ours) {
        (false, _) if !sure => Decision::Unsure,
        (true, true) if !sure => Decision::Keep(KeepReason::NotSurer(present())),
        (true, false) if !sure => Decision::Keep(KeepReason::HasGenre(present())),
        (true, true) if same_values(&state.genres, &suggestion.genres) => {
            Decision::Keep(KeepReason::UpToDate(present()))
        }
        (true, true) if policy.policy == Policy::OwnFieldsOnly => Decision::Keep(KeepReason::LeftByPolicy(present())),
        (false, _) if policy.policy == Policy::OwnFieldsOnly => mark(state, suggestion),
        (false, _) | (true, true) => {
            genre_and_own(state, suggestion.genres.clone(), &suggestion.genres, suggestion, policy)
        }
        (true, false) => beside_someone_elses(state, suggestion, policy, same),
    }
}

/// Somebody changed the genre after we wrote it. No policy writes over that: one that would comes down to `at_most`.
fn beside_a_changed_genre(
    state: &TagState,
    suggestion: &Suggestion,
    policy: &TagPolicy,
    known: &Known,
    same: &SameGenre<'_>,
    at_most: Policy,
) -> Decision {
    let keeps = |reason: fn(Vec<String>) -> KeepReason| Decision::Keep(reason(state.genres.clone()));
    let is_lowered = policy.policy == Policy::Replace || policy.policy == Policy::Append && at_most == Policy::Fill;
    if is_lowered {
        return keeps(if is_sure(suggestion) { KeepReason::Changed } else { KeepReason::HasGenre });
    }
    // Our own fields were taken away as well.
    if !is_sure(suggestion) || known.own_fields_in(state) == OwnFieldsSeen::Gone {
        return keeps(KeepReason::HasGenre);
    }
    beside_someone_elses(state, suggestion, policy, same)
}

fn is_sure(suggestion: &Suggestion) -> bool {
    suggestion.sure && suggestion.genres.iter().any(|genre| is_a_genre(genre))
}

/// The file has somebody else's genre, and we are sure of ours.
fn beside_someone_elses(
    state: &TagState,
    suggestion: &Suggestion,
    policy: &TagPolicy,
    same: &SameGenre<'_>,
) -> Decision {
    let ours = &suggestion.genres;
    let says = |genres: &[String], genre: &str| genres.iter().any(|known| same(known, genre));
    match policy.policy {
        Policy::OwnFieldsOnly => mark(state, suggestion),
        Policy::Fill if policy.own_fields == OwnFieldsPolicy::Always => mark(state, suggestion),
        Policy::Fill => Decision::Keep(KeepReason::HasGenre(state.genres.clone())),
        Policy::Replace => {
            let equal = state.genres.len() == ours.len() && ours.iter().all(|genre| says(&state.genres, genre));
            if equal {
                Decision::Keep(KeepReason::HasGenre(state.genres.clone()))
            } else {
                genre_and_own(state, ours.clone(), ours, suggestion, policy)
            }
        }
        Policy::Append => {
            let theirs: Vec<String> =
                state.genres.iter().filter(|genre| !state.own.genre.contains(genre)).cloned().collect();
            let added: Vec<String> = ours.iter().filter(|genre| !says(&theirs, genre)).cloned().collect();
            let all = [theirs, added.clone()].concat();
            if !same_values(&state.genres, &all) {
                genre_and_own(state, all, &added, suggestion, policy)
            } else if added.is_empty() {
                Decision::Keep(KeepReason::HasGenre(all))
            } else {
                Decision::Keep(KeepReason::UpToDate(all))
            }
        }
    }
}

/// Our own fields alone, where they would say another genre than they do.
fn mark(state: &TagState, suggestion: &Suggestion) -> Decision {
    if same_values(&state.own.genre, &suggestion.genres) {
        Decision::Keep(KeepReason::Marked(state.own.genre.clone()))
    } else {
        Decision::Write(TagPlan::new(state, own_fields(&suggestion.genres, suggestion)))
    }
}

/// The genre `all`, of which `ours` is what we add.
fn genre_and_own(
    state: &TagState,
    all: Vec<String>,
    ours: &[String],
    suggestion: &Suggestion,
    policy: &TagPolicy,
) -> Decision {
    let mut fields = own_fields(ours, suggestion);
    if policy.own_fields == OwnFieldsPolicy::Never || ours.is_empty() {
        // Old ones would speak of a genre that is no longer there.
        fields.iter_mut().for_each(|(_, values)| values.clear());
    }
    fields.push((TagField::Genre, all));
    Decision::Write(TagPlan::new(state, fields))
}

fn own_fields(ours: &[String], suggestion: &Suggestion) -> Vec<(TagField, Vec<String>)> {
    vec![
        (TagField::OwnGenre, ours.to_vec()),
        (TagField::OwnConfidence, vec![confidence_text(suggestion.confidence)]),
        (TagField::OwnModel, vec![suggestion.model.clone()]),
    ]
}

/// 0.00 to 1.00, with a dot and two digits whatever the locale.
fn confidence_text(confidence: f32) -> String {
    let confidence = if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) };
    format!("{confidence:.2}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use crate::tagging::genre_ownership::{Origin, OwnersChoice};
    use crate::tagging::stamp::FileStamp;
    use crate::tagging::state::OwnFields;
    use crate::tagging::{Container, Policy};

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    fn state(genres: &[&str], own: &[&str]) -> TagState {
        TagState {
            container: Container::Mp3,
            stamp: FileStamp { size: 1, mtime_seconds: 2, mtime_nanoseconds: 3, inode: 4, device: 5 },
            genres: strings(genres),
            own: OwnFields { genre: strings(own), confidence: None, model: None },
            fields: Vec::new(),
        }
    }

    fn heard(genres: &[&str], sure: bool) -> Suggestion {
        Suggestion { genres: strings(genres), confidence: 0.876, model: "reclassd 0.1.0".into(), sure }
    }

    fn exact(a: &str, b: &str) -> bool {
        a == b
    }

    /// "+F" the genre and our fields, "+f" our fields alone, "+A" ours behind theirs, "-" the genre with our fields removed,
    /// "=" kept, "?" unsure.
    fn outcome(decision: &Decision) -> &'static str {
        match decision {
            Decision::Write(plan) => match (plan.values(TagField::Genre), plan.values(TagField::OwnGenre)) {
                (Some(_), Some([])) => "-",
                (Some(genre), Some(own)) if genre == own => "+F",
                (Some(genre), Some(own)) if genre.len() > own.len() && genre.ends_with(own) => "+A",
                (None, Some(_)) => "+f",
                other => panic!("no such plan: {other:?}"),
            },
            Decision::Keep(_) => "=",
            Decision::Unsure => "?",
        }
    }

    #[test]
    fn every_cell_of_the_table() {
        use OwnFieldsPolicy::{Always, Never, WithGenre};
        use Policy::{Append, Fill, OwnFieldsOnly, Replace};
        // What the file has, what we wrote earlier, what we hear now, the settings, and what happens when sure and unsure.
        type Words = &'static [&'static str];
        type Cell = (Words, Words, Words, Policy, OwnFieldsPolicy, [&'static str; 2]);
        const NONE: [Words; 5] = [&[], &[""], &["Unknown"], &["other"], &["NONE", " "]];
        let mut cells: Vec<Cell> = vec![
            // Someone's genre.
            (&["Rock"], &[], &["Jazz"], Fill, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Rock"], Fill, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Jazz"], Fill, Always, ["+f", "="]),
            (&["Rock"], &["Jazz"], &["Jazz"], Fill, Always, ["=", "="]),
            (&["Rock"], &["Jazz"], &["Pop"], Fill, Always, ["+f", "="]),
            (&["Rock"], &[], &["Jazz"], Fill, Never, ["=", "="]),
            (&["Rock"], &["Jazz"], &["Pop"], Fill, WithGenre, ["=", "="]),
            (&["Jazz", "Soul"], &["Jazz"], &["Pop"], Fill, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Jazz"], Replace, WithGenre, ["+F", "="]),
            (&["Rock"], &[], &["Rock"], Replace, WithGenre, ["=", "="]),
            (&["Rock", "Pop"], &[], &["Pop", "Rock"], Replace, WithGenre, ["=", "="]),
            (&["Rock", "Pop"], &[], &["Rock"], Replace, WithGenre, ["+F", "="]),
            (&["Rock"], &[], &["Jazz"], Replace, Never, ["-", "="]),
            (&["Rock"], &[], &["Jazz"], Append, WithGenre, ["+A", "="]),
            (&["Rock"], &[], &["Jazz", "Soul"], Append, WithGenre, ["+A", "="]),
            (&["Rock"], &[], &["Rock"], Append, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Rock", "Soul"], Append, WithGenre, ["+A", "="]),
            (&["Rock"], &[], &["Jazz"], OwnFieldsOnly, WithGenre, ["+f", "="]),
            (&["Rock"], &["Jazz"], &["Jazz"], OwnFieldsOnly, WithGenre, ["=", "="]),
            (&["Rock"], &["Jazz"], &["Pop"], OwnFieldsOnly, Always, ["+f", "="]),
            // Someone's genre, and ours behind it since an earlier scan.
            (&["Rock", "Jazz"], &["Jazz"], &["Jazz"], Append, WithGenre, ["=", "="]),
            (&["Rock", "Jazz"], &["Jazz"], &["Soul"], Append, WithGenre, ["+A", "="]),
            (&["Rock", "Jazz"], &["Jazz"], &["Rock"], Append, WithGenre, ["-", "="]),
            (&["Rock", "Jazz"], &["Jazz"], &["Soul"], Replace, WithGenre, ["+F", "="]),
        ];
        for genres in NONE {
            for policy in [Fill, Replace, Append] {
                for (own_fields, sure) in [(WithGenre, "+F"), (Always, "+F"), (Never, "-")] {
                    cells.push((genres, &[], &["Jazz"], policy, own_fields, [sure, "?"]));
                }
            }
            cells.push((genres, &[], &["Jazz"], OwnFieldsOnly, WithGenre, ["+f", "?"]));
            cells.push((genres, &["Jazz"], &["Jazz"], OwnFieldsOnly, WithGenre, ["=", "?"]));
        }
        // A genre that we wrote.
        for policy in [Fill, Replace, Append] {
            cells.extend([
                (&["Jazz"][..], &["Jazz"][..], &["Jazz"][..], policy, WithGenre, ["=", "="]),
                (&["Jazz"], &["Jazz"], &["Pop"], policy, WithGenre, ["+F", "="]),
                (&["Jazz"], &["Jazz"], &["Pop"], policy, Never, ["-", "="]),
                (&["Jazz", "Soul"], &["Jazz", "Soul"], &["Pop"], policy, WithGenre, ["+F", "="]),
            ] as [Cell; 4]);
        }
        cells.push((&["Jazz"], &["Jazz"], &["Pop"], OwnFieldsOnly, WithGenre, ["=", "="]));
        cells.push((&["Jazz"], &["Jazz"], &["Jazz"], OwnFieldsOnly, WithGenre, ["=", "="]));
        for (genres, own, hears, policy, own_fields, [sure, unsure]) in cells {
            let policy = TagPolicy { policy, own_fields };
            let label = format!("{genres:?} {own:?} {hears:?} {policy:?}");
            let now = |sure| decide(&state(genres, own), &heard(hears, sure), &policy, None, &exact);
            assert_eq!(outcome(&now(true)), sure, "sure: {label}");
            assert_eq!(outcome(&now(false)), unsure, "unsure: {label}");
            // Whatever the file has and we hear, the owner's word counts.
            for origin in [Origin::Chosen, Origin::TakenBack] {
                let choice = Some(OwnersChoice { genres: strings(genres), origin });
                let known = Known { choice, ..Known::NOTHING };
                let decision = decide(&state(genres, own), &heard(hears, true), &policy, Some(&known), &exact);
                assert_eq!(outcome(&decision), "=", "owner: {label}");
            }
        }
    }

    #[test]
    fn what_was_appended_gives_way_to_a_better_verdict_and_theirs_stays_in_front() {
        let policy = TagPolicy { policy: Policy::Append, own_fields: OwnFieldsPolicy::WithGenre };
        let Decision::Write(plan) =
            decide(&state(&["Rock", "Jazz"], &["Jazz"]), &heard(&["Soul"], true), &policy, None, &exact)
        else {
            panic!("another genre is written")
        };
        assert_eq!(plan.values(TagField::Genre), Some(&strings(&["Rock", "Soul"])[..]));
        assert_eq!(plan.values(TagField::OwnGenre), Some(&strings(&["Soul"])[..]));
    }

    #[test]
    fn a_genre_in_the_owners_spelling_is_the_same_genre() {
        let same = |a: &str, b: &str| a.replace(' ', "-").eq_ignore_ascii_case(&b.replace(' ', "-"));
        for policy in [Policy::Replace, Policy::Append] {
            let policy = TagPolicy { policy, own_fields: OwnFieldsPolicy::WithGenre };
            let decision = decide(&state(&["hip hop"], &[]), &heard(&["Hip-Hop"], true), &policy, None, &same);
            assert_eq!(decision, Decision::Keep(KeepReason::HasGenre(strings(&["hip hop"]))));
        }
    }

    #[test]
    fn a_suggestion_that_names_nothing_is_not_sure() {
        for genres in [&[][..], &[""], &["Unknown"]] {
            assert_eq!(
                decide(&state(&[], &[]), &heard(genres, true), &TagPolicy::default(), None, &exact),
                Decision::Unsure
            );
        }
    }

    #[test]
    fn our_fields_are_written_as_documented() {
        let Decision::Write(plan) =
            decide(&state(&[], &[]), &heard(&["Jazz"], true), &TagPolicy::default(), None, &exact)
        else {
            panic!("a file without a genre is written")
        };
        assert_eq!(plan.values(TagField::Genre), Some(&strings(&["Jazz"])[..]));
        assert_eq!(plan.values(TagField::OwnGenre), Some(&strings(&["Jazz"])[..]));
        assert_eq!(plan.values(TagField::OwnConfidence), Some(&strings(&["0.88"])[..]));
        assert_eq!(plan.values(TagField::OwnModel), Some(&strings(&["reclassd 0.1.0"])[..]));
    }

    #[test]
    fn confidence_is_two_digits_between_zero_and_one() {
        let cases = [(0.0, "0.00"), (1.0, "1.00"), (0.999, "1.00"), (0.006, "0.01"), (2.0, "1.00"), (-1.0, "0.00")];
        for (confidence, text) in cases {
            assert_eq!(confidence_text(confidence), text);
        }
        assert_eq!(confidence_text(f32::NAN), "0.00");
    }

    #[test]
    fn reasons_read_like_the_end_of_a_line() {
        assert_eq!(KeepReason::HasGenre(strings(&["Jazz", "Soul"])).to_string(), "has a genre already: Jazz, Soul");
    }
}
