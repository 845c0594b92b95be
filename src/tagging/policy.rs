//! Whether a genre is written: a pure function from what the tags say and what we heard to a decision.
//!
//! The default never touches an existing genre. Neither a new model version nor another confidence is a reason to write.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// Why a file stays as it is. Displayed as the end of a line about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepReason {
    /// Somebody gave it a genre.
    HasGenre(Vec<String>),
    /// The owner chose its genre through us.
    OwnersChoice(Vec<String>),
    /// It has the genre that we would write.
    UpToDate(Vec<String>),
    /// It has a genre that we wrote when we were surer than now.
    NotSurer(Vec<String>),
}

impl KeepReason {
    /// Whether the genre that stays is one that we wrote.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::UpToDate(_) | Self::NotSurer(_))
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, genres) = match self {
            Self::HasGenre(genres) => ("has a genre already", genres),
            Self::OwnersChoice(genres) => ("has the genre that its owner chose", genres),
            Self::UpToDate(genres) => ("has the right genre already", genres),
            Self::NotSurer(genres) => ("keeps the genre it was given earlier", genres),
        };
        write!(f, "{text}: {}", genres.join(", "))
    }
}

/// Decides about one file.
///
/// `owner_choice` is the genre that the owner chose for this file through us, if the database remembers one.
///
/// | the file has | we are sure | we are unsure |
/// |---|---|---|
/// | no genre | genre and our fields | nothing; review |
/// | someone's genre | nothing (our fields with [`OwnFieldsPolicy::Always`]; both with [`Policy::Replace`]) | nothing |
/// | a genre that we wrote | written if the genre changes | stays |
/// | the owner's choice | nothing | nothing |
pub fn decide(
    state: &TagState,
    suggestion: &Suggestion,
    policy: &TagPolicy,
    owner_choice: Option<&[String]>,
) -> Decision {
    if let Some(choice) = owner_choice {
        return Decision::Keep(KeepReason::OwnersChoice(choice.to_vec()));
    }
    let present = || state.genres.clone();
    let sure = suggestion.sure && suggestion.genres.iter().any(|genre| is_a_genre(genre));
    let (ours, replaces) = (state.genre_is_ours(), policy.policy == Policy::Replace);
    if !state.has_genre() {
        if sure { genre_and_own(state, suggestion, policy) } else { Decision::Unsure }
    } else if ours && !sure {
        Decision::Keep(KeepReason::NotSurer(present()))
    } else if !sure {
        Decision::Keep(KeepReason::HasGenre(present()))
    } else if (ours || replaces) && same_values(&state.genres, &suggestion.genres) {
        Decision::Keep(KeepReason::UpToDate(present()))
    } else if ours || replaces {
        genre_and_own(state, suggestion, policy)
    } else if policy.own_fields == OwnFieldsPolicy::Always && !same_values(&state.own.genre, &suggestion.genres) {
        Decision::Write(TagPlan::new(state, own_fields(suggestion)))
    } else {
        Decision::Keep(KeepReason::HasGenre(present()))
    }
}

fn genre_and_own(state: &TagState, suggestion: &Suggestion, policy: &TagPolicy) -> Decision {
    let mut fields = own_fields(suggestion);
    if policy.own_fields == OwnFieldsPolicy::Never {
        // Old ones would speak of a genre that is no longer there.
        fields.iter_mut().for_each(|(_, values)| values.clear());
    }
    fields.push((TagField::Genre, suggestion.genres.clone()));
    Decision::Write(TagPlan::new(state, fields))
}

fn own_fields(suggestion: &Suggestion) -> Vec<(TagField, Vec<String>)> {
    vec![
        (TagField::OwnGenre, suggestion.genres.clone()),
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
            sources: Vec::new(),
        }
    }

    fn heard(genres: &[&str], sure: bool) -> Suggestion {
        Suggestion { genres: strings(genres), confidence: 0.876, model: "reclassd 0.1.0".into(), sure }
    }

    /// "+F" the genre and our fields, "+f" our fields alone, "-" the genre with our fields removed, "=" kept, "?" unsure.
    fn outcome(decision: &Decision) -> &'static str {
        match decision {
            Decision::Write(plan) => match (plan.values(TagField::Genre), plan.values(TagField::OwnGenre)) {
                (Some(_), Some([])) => "-",
                (Some(genre), Some(own)) if genre == own => "+F",
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
        use Policy::{Fill, Replace};
        let none: &[&[&str]] = &[&[], &[""], &["Unknown"], &["other"], &["NONE", " "]];
        for genres in none {
            let cells = [(WithGenre, true, "+F"), (Always, true, "+F"), (Never, true, "-")];
            for (own_fields, sure, expected) in cells {
                for policy in [Fill, Replace] {
                    let policy = TagPolicy { policy, own_fields };
                    assert_eq!(outcome(&decide(&state(genres, &[]), &heard(&["Jazz"], sure), &policy, None)), expected);
                    assert_eq!(outcome(&decide(&state(genres, &[]), &heard(&["Jazz"], false), &policy, None)), "?");
                }
            }
        }
        // What the file has, what we wrote earlier, what we hear now, the settings, and what happens when sure and unsure.
        type Words = &'static [&'static str];
        type Cell = (Words, Words, Words, Policy, OwnFieldsPolicy, [&'static str; 2]);
        let cells: [Cell; 15] = [
            (&["Rock"], &[], &["Jazz"], Fill, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Rock"], Fill, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Jazz"], Fill, Always, ["+f", "="]),
            (&["Rock"], &["Jazz"], &["Jazz"], Fill, Always, ["=", "="]),
            (&["Rock"], &["Jazz"], &["Pop"], Fill, Always, ["+f", "="]),
            (&["Rock"], &[], &["Jazz"], Fill, Never, ["=", "="]),
            (&["Rock"], &["Jazz"], &["Pop"], Fill, WithGenre, ["=", "="]),
            (&["Jazz"], &["Jazz"], &["Jazz"], Fill, WithGenre, ["=", "="]),
            (&["Jazz"], &["Jazz"], &["Pop"], Fill, WithGenre, ["+F", "="]),
            (&["Jazz"], &["Jazz"], &["Pop"], Fill, Never, ["-", "="]),
            (&["Jazz", "Soul"], &["Jazz"], &["Pop"], Fill, WithGenre, ["=", "="]),
            (&["Jazz", "Soul"], &["Jazz", "Soul"], &["Pop"], Fill, WithGenre, ["+F", "="]),
            (&["Rock"], &[], &["Jazz"], Replace, WithGenre, ["+F", "="]),
            (&["Rock"], &[], &["Rock"], Replace, WithGenre, ["=", "="]),
            (&["Rock"], &[], &["Jazz"], Replace, Never, ["-", "="]),
        ];
        for (genres, own, hears, policy, own_fields, [sure, unsure]) in cells {
            let policy = TagPolicy { policy, own_fields };
            let label = format!("{genres:?} {own:?} {hears:?} {policy:?}");
            let now = |sure| decide(&state(genres, own), &heard(hears, sure), &policy, None);
            assert_eq!(outcome(&now(true)), sure, "sure: {label}");
            assert_eq!(outcome(&now(false)), unsure, "unsure: {label}");
        }
    }

    #[test]
    fn the_owners_choice_is_never_touched() {
        let choice = strings(&["Zydeco"]);
        for (genres, own) in [(&[][..], &[][..]), (&["Rock"], &[]), (&["Rock"], &["Rock"])] {
            for sure in [true, false] {
                let decision =
                    decide(&state(genres, own), &heard(&["Jazz"], sure), &TagPolicy::default(), Some(&choice));
                assert_eq!(decision, Decision::Keep(KeepReason::OwnersChoice(choice.clone())));
            }
        }
    }

    #[test]
    fn a_suggestion_that_names_nothing_is_not_sure() {
        for genres in [&[][..], &[""], &["Unknown"]] {
            assert_eq!(decide(&state(&[], &[]), &heard(genres, true), &TagPolicy::default(), None), Decision::Unsure);
        }
    }

    #[test]
    fn our_fields_are_written_as_documented() {
        let Decision::Write(plan) = decide(&state(&[], &[]), &heard(&["Jazz"], true), &TagPolicy::default(), None)
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
