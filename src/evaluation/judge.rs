//! Whether a named genre is right for a file's labels, and which label it counts for. The one place that knows how
//! families are treated; counting is `metrics`'.
//!
//! A name is right when it is one of the labels; when it is the wider genre of a label (`Pop Rock` of a `Metal` clip:
//! true, if not all that could be said); and when the label is a whole family (`Pop|Rock`) and the name is in it. A
//! name narrower than a label that is no family is not right: `Metal` is a claim that the label `Rock` does not make.
//!
//! For the figures by genre, a label that no model can say is counted as the nearest wider genre that some model can:
//! `Metal` as `Pop Rock`, where the models do not tell them apart. A label without such a genre stays itself, and
//! nobody gets it right.

use std::collections::BTreeSet;

use crate::genre::{Genre, Taxonomy};

/// Compares names with labels.
pub struct Judge<'a> {
    taxonomy: &'a Taxonomy,
    /// What the vote can say: labels are counted in these terms.
    sayable: BTreeSet<Genre>,
}

/// One clip, judged: all that the figures need of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The genres that it counts for, without repetitions.
    pub labels: Vec<Genre>,
    /// The genre that was named first.
    pub named: Genre,
    /// The family of that genre, where nobody who named can say the family itself: then its kinds speak for it.
    pub family: Option<Genre>,
    /// Which of `labels` the name is right for; none when it is wrong.
    pub right_for: Option<usize>,
    /// How likely the name was said to be right, 0 to 1.
    pub confidence: f32,
    /// Clips of one group (an artist, an album) are not independent.
    pub group: usize,
}

impl Judged {
    /// Whether the name is right.
    pub fn is_right(&self) -> bool {
        self.right_for.is_some()
    }
}

impl<'a> Judge<'a> {
    /// A judge for a vote that can say these genres.
    pub fn new(taxonomy: &'a Taxonomy, sayable: BTreeSet<Genre>) -> Self {
        Self { taxonomy, sayable }
    }

    /// The genre that a label is counted as: itself where the vote can say it, else the nearest wider one that it can
    /// say, else itself.
    pub fn counted_as<'g>(&'g self, label: &'g Genre) -> &'g Genre {
        let mut wider = std::iter::successors(Some(label), |genre| self.taxonomy.parent(genre));
        wider.find(|genre| self.sayable.contains(*genre)).unwrap_or(label)
    }

    /// Whether the vote can say a genre.
    pub fn can_say(&self, genre: &Genre) -> bool {
        self.sayable.contains(genre)
    }

    /// Judges the genre that was `named` first with this confidence; `speaker` is all that whoever named it can say.
    pub fn judge(
        &self,
        labels: &[Genre],
        named: &Genre,
        confidence: f32,
        group: usize,
        speaker: &BTreeSet<Genre>,
    ) -> Judged {
        let mut counted: Vec<Genre> = Vec::with_capacity(labels.len());
        for label in labels.iter().map(|label| self.counted_as(label)) {
            if !counted.contains(label) {
                counted.push(label.clone());
            }
        }
        let right_for = self.right_for(labels, named).and_then(|label| {
            let label = self.counted_as(label);
            counted.iter().position(|genre| genre == label)
        });
        let family =
            self.taxonomy.family(named).filter(|family| *family != named && !speaker.contains(family)).cloned();
        Judged { labels: counted, named: named.clone(), family, right_for, confidence, group }
    }

    /// The label that a name is right for, the one that it fits best first.
    fn right_for<'l>(&self, labels: &'l [Genre], named: &Genre) -> Option<&'l Genre> {
        let exact = || labels.iter().find(|label| *label == named);
        let wider = || labels.iter().find(|label| self.is_a_kind_of(label, named));
        let in_family =
            || labels.iter().find(|label| self.taxonomy.parent(label).is_none() && self.is_a_kind_of(named, label));
        exact().or_else(wider).or_else(in_family)
    }

    fn is_a_kind_of(&self, narrow: &Genre, wide: &Genre) -> bool {
        std::iter::successors(self.taxonomy.parent(narrow), |genre| self.taxonomy.parent(genre)).any(|g| g == wide)
    }

    /// The genre that would be right for the most of these clips if it were always named, and for which share of them;
    /// none without clips. Genres that the vote can say go before others, then the order of the taxonomy decides.
    pub fn majority<'l>(&self, clips: impl IntoIterator<Item = &'l [Genre]> + Clone) -> Option<(Genre, f64)> {
        let total = clips.clone().into_iter().count();
        let (said, unsaid): (Vec<_>, Vec<_>) = self.taxonomy.genres().iter().partition(|genre| self.can_say(genre));
        let mut best: Option<(&Genre, usize)> = None;
        for genre in said.into_iter().chain(unsaid) {
            let right = clips.clone().into_iter().filter(|labels| self.right_for(labels, genre).is_some()).count();
            if right > best.map_or(0, |(_, most)| most) {
                best = Some((genre, right));
            }
        }
        best.map(|(genre, right)| (genre.clone(), right as f64 / total as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genres(names: &[&str]) -> Vec<Genre> {
        names.iter().map(|name| Genre::new(name).unwrap()).collect()
    }

    fn judged(sayable: &[&str], labels: &[&str], named: &str) -> (bool, Option<String>, Vec<String>) {
        let taxonomy = Taxonomy::builtin().unwrap();
        let speaker: BTreeSet<Genre> = genres(sayable).into_iter().collect();
        let judge = Judge::new(&taxonomy, speaker.clone());
        let judged = judge.judge(&genres(labels), &Genre::new(named).unwrap(), 0.5, 0, &speaker);
        let counted: Vec<String> = judged.labels.iter().map(ToString::to_string).collect();
        (judged.is_right(), judged.right_for.map(|i| counted[i].clone()), counted)
    }

    #[test]
    fn any_of_a_clip_s_labels_is_right() {
        let sayable = ["Jazz", "Blues", "Pop Rock"];
        assert_eq!(judged(&sayable, &["Blues", "Jazz"], "Jazz").1.as_deref(), Some("Jazz"));
        assert!(!judged(&sayable, &["Blues", "Jazz"], "Pop Rock").0);
    }

    #[test]
    fn models_that_know_only_the_family_are_right_about_its_members() {
        let sayable = ["Jazz", "Pop Rock"];
        for label in ["Pop", "Rock", "Metal", "Pop Rock"] {
            let expected = (true, Some("Pop Rock".to_owned()), vec!["Pop Rock".to_owned()]);
            assert_eq!(judged(&sayable, &[label], "Pop Rock"), expected, "{label}");
            assert!(!judged(&sayable, &[label], "Jazz").0, "{label}");
        }
        assert_eq!(judged(&sayable, &["Pop", "Rock", "Jazz"], "Jazz").2, ["Pop Rock", "Jazz"], "pooled labels are one");
    }

    #[test]
    fn a_label_of_the_whole_family_takes_any_of_its_members() {
        let sayable = ["Pop", "Rock", "Metal", "Jazz"];
        for named in ["Pop", "Rock", "Metal"] {
            assert_eq!(judged(&sayable, &["Pop Rock"], named).1.as_deref(), Some("Pop Rock"));
        }
        let taxonomy = Taxonomy::builtin().unwrap();
        let speaker: BTreeSet<Genre> = genres(&sayable).into_iter().collect();
        let judge = Judge::new(&taxonomy, speaker.clone());
        let judged = judge.judge(&genres(&["Pop Rock"]), &Genre::new("Rock").unwrap(), 0.5, 0, &speaker);
        assert_eq!(judged.family.unwrap().as_str(), "Pop Rock", "nobody can say it, so its kinds speak for it");
    }

    #[test]
    fn a_sibling_or_a_narrower_genre_is_wrong() {
        let sayable = ["Pop", "Rock", "Metal", "Pop Rock"];
        assert!(!judged(&sayable, &["Rock"], "Pop").0);
        assert!(!judged(&sayable, &["Rock"], "Metal").0);
        assert!(judged(&sayable, &["Metal"], "Rock").0, "wider, and true");
        // Pop is counted as Pop Rock where nobody can say it; that does not make Metal right for it.
        assert!(!judged(&["Pop Rock", "Metal"], &["Pop"], "Metal").0);
    }

    #[test]
    fn a_label_that_nobody_can_say_stays_and_is_wrong() {
        assert_eq!(judged(&["Jazz"], &["Folk"], "Jazz"), (false, None, vec!["Folk".into()]));
    }

    #[test]
    fn the_majority_is_the_one_answer_that_is_right_most_often() {
        let taxonomy = Taxonomy::builtin().unwrap();
        let judge = Judge::new(&taxonomy, genres(&["Jazz", "Pop Rock"]).into_iter().collect());
        let clips = [genres(&["Pop"]), genres(&["Rock"]), genres(&["Jazz"]), genres(&["Jazz", "Metal"])];
        let (genre, share) = judge.majority(clips.iter().map(Vec::as_slice)).unwrap();
        assert_eq!((genre.as_str(), share), ("Pop Rock", 0.75));
        assert_eq!(judge.majority(std::iter::empty::<&[Genre]>()), None);
    }
}
