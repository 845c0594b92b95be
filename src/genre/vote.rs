//! Weighted soft voting of models that need not know the same genres.
//!
//! Each model gives a probability to each genre that it can say. Where all can say the same ones, the vote is the weighted mean
//! of their probabilities. A model that cannot say a genre abstains on it: its probabilities are taken as conditional, "given
//! that it is one of those I know" ([`super::agreement`]).
//!
//! Models that speak of a family and models that tell its kinds apart vote on the family first ([`super::family`]), so that nobody
//! counts against a kind for lack of a word; the kind is named where those who can tell are sure enough of it.
//!
//! The temperature T then sharpens (T < 1) or flattens (T > 1) the result to p^(1/T), normalised: fitted on held-out artists, it
//! makes the first probability mean how often the first genre is right (Guo et al. 2017).

use std::collections::BTreeMap;

use super::agreement::{Opinion, agree};
use super::family::Families;
use super::{Genre, GenreError, Taxonomy};

/// Genres with their probabilities, the likeliest first; equal ones by name.
pub type Ranking = Vec<(Genre, f32)>;

/// What one model has to say: its probabilities, averaged over the stretches of the file that it heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Ballot {
    weight: f64,
    opinion: BTreeMap<Genre, f64>,
}

/// What was fitted along with the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Positive; 1 changes nothing.
    pub temperature: f32,
    /// The probability from which a kind of a family is named in place of the family, 0 to 1.
    pub tell: f32,
}

impl Ballot {
    /// A ballot of the scores of one model for one or more windows of a file.
    ///
    /// `genres` are what the model's labels mean, in the order of the scores; labels that mean the same genre add up. Scores
    /// need not sum to 1.
    ///
    /// # Errors
    /// [`GenreError::Ballot`] when there is no window, when a window has not one score for each genre, when a score or the weight is
    /// negative or not finite, and when all scores are 0.
    pub fn new<W: AsRef<[f32]>>(genres: &[Genre], windows: &[W], weight: f32) -> Result<Self, GenreError> {
        let wrong = |reason: String| Err(GenreError::Ballot { reason });
        if !(weight >= 0.0 && weight.is_finite()) {
            return wrong(format!("its weight is {weight}"));
        }
        let mut opinion: BTreeMap<Genre, f64> = genres.iter().map(|g| (g.clone(), 0.0)).collect();
        for window in windows {
            let scores = window.as_ref();
            if scores.len() != genres.len() {
                return wrong(format!("{} scores for {} genres", scores.len(), genres.len()));
            }
            let sum: f64 = scores.iter().map(|&s| f64::from(s)).sum();
            if !(sum > 0.0 && sum.is_finite() && scores.iter().all(|s| *s >= 0.0)) {
                return wrong("its scores are not probabilities".into());
            }
            for (genre, &score) in genres.iter().zip(scores) {
                *opinion.entry(genre.clone()).or_default() += f64::from(score) / sum / windows.len() as f64;
            }
        }
        if windows.is_empty() {
            return wrong("it holds no scores".into());
        }
        Ok(Self { weight: f64::from(weight), opinion })
    }

    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    pub(super) fn opinion(&self) -> &BTreeMap<Genre, f64> {
        &self.opinion
    }
}

/// The vote: every genre that some ballot of weight above 0 can name, with its probability, the kinds of a family counted as the
/// family unless one of them is sure. Empty when there is no such ballot.
pub fn vote(ballots: &[Ballot], taxonomy: &Taxonomy, rules: Rules) -> Ranking {
    let voters: Vec<&Ballot> = ballots.iter().filter(|ballot| ballot.weight > 0.0).collect();
    let families = Families::of(&voters, taxonomy);
    let mut agreed = agreed(&voters, &families);
    soften(&mut agreed, rules.temperature);
    let mut ranking: Ranking = Vec::with_capacity(agreed.len());
    for (family, p) in agreed {
        // A share above 1 is none's.
        let enough = f64::from(rules.tell) / p;
        match families.kind(&voters, &family, enough) {
            Some((kind, share)) => {
                ranking.push((kind, (p * share) as f32));
                ranking.push((family, (p * (1.0 - share)) as f32));
            }
            None => ranking.push((family, p as f32)),
        }
    }
    ranking.sort_by(|(a, p), (b, q)| q.total_cmp(p).then_with(|| a.cmp(b)));
    ranking
}

/// What the voters agree on, the kinds of a family being one.
fn agreed(voters: &[&Ballot], families: &Families) -> BTreeMap<Genre, f64> {
    let opinions: Vec<(f64, BTreeMap<&Genre, f64>)> =
        voters.iter().filter_map(|voter| Some((voter.weight, families.folded(voter)?))).collect();
    let genres: Vec<&Genre> = {
        let mut genres: Vec<&Genre> = opinions.iter().flat_map(|(_, opinion)| opinion.keys().copied()).collect();
        genres.sort();
        genres.dedup();
        genres
    };
    let cell = |(genre, p): (&Genre, f64)| (genres.iter().position(|g| *g == genre).into_iter().collect(), p);
    let opinions = opinions.into_iter();
    let opinions = opinions.map(|(weight, opinion)| Opinion { weight, cells: opinion.into_iter().map(cell).collect() });
    let agreed = agree(&opinions.collect::<Vec<_>>(), genres.len());
    genres.into_iter().cloned().zip(agreed).collect()
}

fn soften(agreed: &mut BTreeMap<Genre, f64>, temperature: f32) {
    let likeliest = agreed.values().copied().fold(0.0, f64::max);
    for p in agreed.values_mut() {
        // Relative to the likeliest, so that no power underflows for it.
        *p = (*p / likeliest).powf(1.0 / f64::from(temperature));
    }
    let sum: f64 = agreed.values().sum();
    agreed.values_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    const PLAIN: Rules = Rules { temperature: 1.0, tell: 0.7 };

    fn ballot(scores: &[(&str, f32)], weight: f32) -> Ballot {
        let genres: Vec<Genre> = scores.iter().map(|(g, _)| Genre::new(g).unwrap()).collect();
        Ballot::new(&genres, &[scores.iter().map(|(_, p)| *p).collect::<Vec<_>>()], weight).unwrap()
    }

    fn vote_of(ballots: &[Ballot], rules: Rules) -> Ranking {
        vote(ballots, &Taxonomy::builtin().unwrap(), rules)
    }

    fn assert_ranking(ranking: &Ranking, expected: &[(&str, f32)]) {
        let names: Vec<_> = ranking.iter().map(|(g, _)| g.as_str()).collect();
        assert_eq!(names, expected.iter().map(|(g, _)| *g).collect::<Vec<_>>(), "{ranking:?}");
        for ((genre, p), (_, e)) in ranking.iter().zip(expected) {
            assert!((p - e).abs() < 1e-5, "{genre}: {p}, expected {e}");
        }
    }

    #[test]
    fn models_that_know_the_same_genres_are_averaged_by_weight() {
        let ballots = [ballot(&[("A", 0.8), ("B", 0.2)], 3.0), ballot(&[("B", 0.6), ("A", 0.4)], 1.0)];
        assert_ranking(&vote_of(&ballots, PLAIN), &[("A", 0.7), ("B", 0.3)]);
    }

    #[test]
    fn a_model_that_cannot_say_a_genre_does_not_vote_against_it() {
        // The second alone knows C and gives it 0.4; the first agrees, and both share the rest by their own opinions.
        let ballots = [ballot(&[("A", 0.5), ("B", 0.5)], 1.0), ballot(&[("A", 0.3), ("B", 0.3), ("C", 0.4)], 1.0)];
        assert_ranking(&vote_of(&ballots, PLAIN), &[("C", 0.4), ("A", 0.3), ("B", 0.3)]);
        let sure_of_c = [ballot(&[("A", 0.9), ("B", 0.1)], 1.0), ballot(&[("A", 0.0), ("B", 0.0), ("C", 1.0)], 0.1)];
        assert_ranking(&vote_of(&sure_of_c, PLAIN), &[("C", 1.0), ("A", 0.0), ("B", 0.0)]);
    }

    #[test]
    fn models_with_overlapping_knowledge_agree_where_they_meet() {
        // A:B is 3:1 for one, B:C is 1:1 for the other: 3:1:1.
        let ballots = [ballot(&[("A", 0.75), ("B", 0.25)], 1.0), ballot(&[("B", 0.5), ("C", 0.5)], 1.0)];
        assert_ranking(&vote_of(&ballots, PLAIN), &[("A", 0.6), ("B", 0.2), ("C", 0.2)]);
    }

    #[test]
    fn models_that_share_no_genre_keep_their_weights() {
        let ballots = [ballot(&[("A", 0.5), ("B", 0.5)], 3.0), ballot(&[("C", 1.0)], 1.0)];
        assert_ranking(&vote_of(&ballots, PLAIN), &[("A", 0.375), ("B", 0.375), ("C", 0.25)]);
    }

    #[test]
    fn windows_of_one_file_are_averaged() {
        let genres = [Genre::new("A").unwrap(), Genre::new("B").unwrap()];
        let ballot = Ballot::new(&genres, &[[0.9, 0.1], [0.3, 0.7]], 1.0).unwrap();
        assert_ranking(&vote_of(&[ballot], PLAIN), &[("A", 0.6), ("B", 0.4)]);
    }

    #[test]
    fn labels_that_mean_one_genre_add_up() {
        let genres = ["Hip-Hop", "Jazz", "Hip-Hop"].map(|g| Genre::new(g).unwrap());
        let ballot = Ballot::new(&genres, &[[0.3, 0.4, 0.3]], 1.0).unwrap();
        assert_ranking(&vote_of(&[ballot], PLAIN), &[("Hip-Hop", 0.6), ("Jazz", 0.4)]);
    }

    #[test]
    fn temperature_changes_how_sure_the_vote_is_and_not_its_order() {
        let ballots = [ballot(&[("A", 0.8), ("B", 0.2)], 1.0)];
        let at = |temperature| vote_of(&ballots, Rules { temperature, ..PLAIN });
        // 0.8^2 : 0.2^2 = 16 : 1, and 0.8^0.5 : 0.2^0.5 = 2 : 1.
        assert_ranking(&at(0.5), &[("A", 16.0 / 17.0), ("B", 1.0 / 17.0)]);
        assert_ranking(&at(2.0), &[("A", 2.0 / 3.0), ("B", 1.0 / 3.0)]);
        assert_ranking(&at(0.001), &[("A", 1.0), ("B", 0.0)]);
    }

    #[test]
    fn a_weight_of_nothing_is_not_heard_and_no_ballots_name_nothing() {
        let ballots = [ballot(&[("A", 1.0), ("B", 0.0)], 1.0), ballot(&[("Z", 1.0)], 0.0)];
        assert_ranking(&vote_of(&ballots, PLAIN), &[("A", 1.0), ("B", 0.0)]);
        assert!(vote_of(&[], PLAIN).is_empty());
        assert!(vote_of(&ballots[1..], PLAIN).is_empty());
    }

    #[test]
    fn equal_genres_are_ranked_by_name() {
        assert_ranking(&vote_of(&[ballot(&[("B", 0.5), ("A", 0.5)], 1.0)], PLAIN), &[("A", 0.5), ("B", 0.5)]);
    }

    #[test]
    fn scores_that_are_no_probabilities_are_refused() {
        let genres = [Genre::new("A").unwrap(), Genre::new("B").unwrap()];
        for window in [vec![0.5], vec![0.0, 0.0], vec![-0.1, 1.1], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert!(Ballot::new(&genres, std::slice::from_ref(&window), 1.0).is_err(), "{window:?}");
        }
        assert!(Ballot::new::<Vec<f32>>(&genres, &[], 1.0).is_err());
        assert!(Ballot::new(&genres, &[[0.5, 0.5]], f32::NAN).is_err());
        assert!(Ballot::new(&genres, &[[0.5, 0.5]], -1.0).is_err());
    }
}
