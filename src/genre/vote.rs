//! Weighted soft voting of models that need not know the same genres.
//!
//! Each model gives a probability to each genre that it can say. Where all can say the same ones, the vote is the
//! weighted mean of their probabilities. A model that cannot say a genre abstains on it: its probabilities are taken as
//! conditional, "given that it is one of those I know" ([`super::agreement`]).
//!
//! Models that speak of a family and models that tell its kinds apart vote on the family first ([`super::family`]), so
//! that nobody counts against a kind for lack of a word; the kind is named where those who can tell are sure enough of
//! it.
//!
//! The temperature T then sharpens (T < 1) or flattens (T > 1) the result to p^(1/T), normalised. Where signs were
//! fitted ([`super::calibration`]), they say how likely the first genre is right, and the shares are brought there in
//! the same way. Music alone has a genre, so the confidence is how likely the sound is music times how likely the genre
//! is right if it is. Last, a kind of the first family is named where its own probability suffices ([`super::kinds`]).

use std::collections::BTreeMap;

use super::agreement::{Opinion, agree};
use super::calibration::{Calibration, Signs, soften_to};
use super::family::{Division, Families};
use super::kinds::{KindShare, Kinds, KindsPolicy};
use super::{Genre, GenreError, Taxonomy};

/// Genres with their probabilities, the likeliest first; equal ones by name.
pub type Ranking = Vec<(Genre, f32)>;

/// What one model has to say: its probabilities, averaged over the stretches of the file that it heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Ballot {
    weight: f64,
    opinion: BTreeMap<Genre, f64>,
    /// The probability that it is none of the genres in the opinion, whatever else it is; none of who says nothing of
    /// that.
    none_of_these: Option<f64>,
}

/// What was fitted along with the weights, and what the owner wishes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Positive; 1 changes nothing.
    pub temperature: f32,
    /// How likely the first genre is right, by what the vote shows; the first share stands for itself where nothing was
    /// fitted.
    pub calibration: Option<Calibration>,
    /// When a kind is named in place of its family.
    pub kinds: Kinds,
}

impl Rules {
    /// Nothing fitted: shares as they are, and a kind named where its own reaches `tell`.
    pub fn plain(tell: f32) -> Self {
        let kinds = Kinds { tell, ..Kinds::default() };
        Self { temperature: 1.0, calibration: None, kinds }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::plain(1.0)
    }
}

/// What a vote made of the opinions, step by step, so that a person can follow it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// By what it was counted.
    pub rules: Rules,
    /// What the voters agree on, the kinds of a family counted as the family. The probabilities sum to 1; empty without
    /// a voter.
    pub mean: Ranking,
    /// The same at the temperature.
    pub tempered: Ranking,
    /// What the vote shows of itself; none where no calibration was fitted.
    pub signs: Option<Signs>,
    /// The same as a word for how often it is right, if it is music.
    pub calibrated: Ranking,
    /// How likely the sound is music, 0 to 1; none where nobody was asked.
    pub music: Option<f32>,
    /// The same where it may be no music: the first probability is the family's confidence.
    pub families: Ranking,
    /// What the kinds of the first family are; empty where nobody tells them apart.
    pub kinds: Vec<KindShare>,
    /// The last word: the same, with a kind of the first family named where its own probability suffices. The first one
    /// is the vote's word even where the owner wants a kind whatever its probability.
    pub ranking: Ranking,
}

impl Ballot {
    /// A ballot of the scores of one model for one or more windows of a file.
    ///
    /// `genres` are what the model's labels mean, in the order of the scores; labels that mean the same genre add up.
    /// Scores need not sum to 1.
    ///
    /// # Errors
    /// [`GenreError::Ballot`] when there is no window, when a window has not one score for each genre, when a score or
    /// the weight is negative or not finite, and when all scores are 0.
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
        Ok(Self { weight: f64::from(weight), opinion, none_of_these: None })
    }

    /// A ballot of a model that also knows what is none of its genres: what `shares`, probabilities of its genres, lack
    /// of 1 speaks for all those that others name and it does not.
    ///
    /// # Errors
    /// As for [`Ballot::new`].
    pub fn open(genres: &[Genre], shares: &[f32], weight: f32) -> Result<Self, GenreError> {
        let named: f64 = shares.iter().map(|&share| f64::from(share)).sum();
        let ballot = Self::new(genres, &[shares], weight)?;
        Ok(Self { none_of_these: Some((1.0 - named).clamp(0.0, 1.0)), ..ballot })
    }

    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    pub(super) fn opinion(&self) -> &BTreeMap<Genre, f64> {
        &self.opinion
    }
}

/// The vote on music: every genre that some ballot of weight above 0 can name, with its probability, the kinds of a
/// family counted as the family unless one of them is named. Empty when there is no such ballot.
pub fn vote(ballots: &[Ballot], taxonomy: &Taxonomy, rules: &Rules) -> Tally {
    vote_on_sound(ballots, taxonomy, rules, None)
}

/// The vote on a sound that is music with this probability, 0 to 1.
pub fn vote_on_sound(ballots: &[Ballot], taxonomy: &Taxonomy, rules: &Rules, music: Option<f32>) -> Tally {
    let voters: Vec<&Ballot> = ballots.iter().filter(|ballot| ballot.weight > 0.0).collect();
    let families = Families::of(&voters, taxonomy);
    let (genres, mut shares): (Vec<Genre>, Vec<f64>) = agreed(&voters, &families).into_iter().unzip();
    let ranked = |shares: &[f64]| {
        let mut ranking: Ranking = genres.iter().cloned().zip(shares.iter().map(|p| *p as f32)).collect();
        ranking.sort_by(|(a, p), (b, q)| q.total_cmp(p).then_with(|| a.cmp(b)));
        ranking
    };
    let mean = ranked(&shares);
    let Some((first, _)) = mean.first() else { return Tally::default() };
    let first = first.clone();
    soften(&mut shares, rules.temperature);
    let tempered = ranked(&shares);
    let mut signs = None;
    if let Some(calibration) = &rules.calibration {
        let share = shares.iter().copied().fold(0.0, f64::max);
        let shown = Signs::of_vote(share, dissent(&voters, &families, &first));
        soften_to(&mut shares, calibration.confidence(&shown));
        signs = Some(shown);
    }
    let calibrated = ranked(&shares);
    if let Some(music) = music {
        let right = shares.iter().copied().fold(0.0, f64::max);
        soften_to(&mut shares, right * f64::from(music.clamp(0.0, 1.0)));
    }
    let by_family = ranked(&shares);
    let p = genres.iter().position(|genre| *genre == first).map_or(0.0, |at| shares[at]);
    let kinds = match rules.kinds.policy {
        KindsPolicy::Never => Vec::new(),
        KindsPolicy::WhenSure | KindsPolicy::Always => likely(families.kinds(&voters, &first), &rules.kinds),
    };
    let mut ranking = by_family.clone();
    if let Some(KindShare { kind, likely, .. }) = rules.kinds.choose(&kinds, &first, p) {
        let (part, rest) = ((p * likely) as f32, (p * (1.0 - likely)) as f32);
        ranking.retain(|(genre, _)| *genre != first);
        let at = ranking.partition_point(|(genre, q)| (*q, &first) > (rest, genre));
        ranking.insert(at, (first, rest));
        ranking.insert(0, (kind.clone(), part));
    }
    Tally { rules: rules.clone(), mean, tempered, signs, calibrated, music, families: by_family, kinds, ranking }
}

/// How likely each kind is, given what it has of the family. What is of a kind of a kind is of that kind.
fn likely(divisions: Vec<Division>, kinds: &Kinds) -> Vec<KindShare> {
    let fitted: Vec<f64> = divisions.iter().map(|division| kinds.likely(&division.kind, division.share)).collect();
    let with_inner = |(whole, own): (&Division, &f64)| {
        let inner = divisions.iter().zip(&fitted).filter(|(inner, _)| inner.of == whole.kind);
        inner.map(|(_, p)| *p).fold(*own, f64::max)
    };
    let all: Vec<f64> = divisions.iter().zip(&fitted).map(with_inner).collect();
    let with = |(Division { kind, of, share }, likely)| KindShare { kind, of, share, likely };
    divisions.into_iter().zip(all).map(with).collect()
}

/// The part of the weight that names another genre first than the vote does, of those who can name the vote's.
fn dissent(voters: &[&Ballot], families: &Families, first: &Genre) -> f64 {
    let (mut all, mut other) = (0.0, 0.0);
    for voter in voters {
        let Some(opinion) = families.folded(voter) else { continue };
        let Some(own) = opinion.get(first) else { continue };
        all += voter.weight;
        if opinion.values().any(|p| p > own) {
            other += voter.weight;
        }
    }
    if all > 0.0 { other / all } else { 0.0 }
}

/// What the voters agree on, the kinds of a family being one.
fn agreed(voters: &[&Ballot], families: &Families) -> BTreeMap<Genre, f64> {
    let opinions: Vec<(&Ballot, BTreeMap<&Genre, f64>)> =
        voters.iter().filter_map(|voter| Some((*voter, families.folded(voter)?))).collect();
    let genres: Vec<&Genre> = {
        let mut genres: Vec<&Genre> = opinions.iter().flat_map(|(_, opinion)| opinion.keys().copied()).collect();
        genres.sort();
        genres.dedup();
        genres
    };
    let cell = |(genre, p): (&Genre, f64)| (genres.iter().position(|g| *g == genre).into_iter().collect(), p);
    let opinions = opinions.into_iter().map(|(voter, opinion)| {
        let mut cells: Vec<(Vec<usize>, f64)> = opinion.into_iter().map(cell).collect();
        let others: Vec<usize> =
            (0..genres.len()).filter(|i| !cells.iter().any(|(cell, _)| cell.contains(i))).collect();
        if let Some(none) = voter.none_of_these.filter(|_| !others.is_empty()) {
            cells.iter_mut().for_each(|(_, p)| *p *= 1.0 - none);
            cells.push((others, none));
        }
        Opinion { weight: voter.weight, cells }
    });
    let agreed = agree(&opinions.collect::<Vec<_>>(), genres.len());
    genres.into_iter().cloned().zip(agreed).collect()
}

fn soften(shares: &mut [f64], temperature: f32) {
    let likeliest = shares.iter().copied().fold(0.0, f64::max);
    for p in shares.iter_mut() {
        // Relative to the likeliest, so that no power underflows for it.
        *p = (*p / likeliest).powf(1.0 / f64::from(temperature));
    }
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::super::kinds::KindFit;
    use super::*;

    fn ballot(scores: &[(&str, f32)], weight: f32) -> Ballot {
        let genres: Vec<Genre> = scores.iter().map(|(g, _)| Genre::new(g).unwrap()).collect();
        Ballot::new(&genres, &[scores.iter().map(|(_, p)| *p).collect::<Vec<_>>()], weight).unwrap()
    }

    fn plain() -> Rules {
        Rules::plain(0.7)
    }

    fn tally_of(ballots: &[Ballot], rules: &Rules) -> Tally {
        vote(ballots, &Taxonomy::builtin().unwrap(), rules)
    }

    fn vote_of(ballots: &[Ballot], rules: Rules) -> Ranking {
        tally_of(ballots, &rules).ranking
    }

    fn assert_ranking(ranking: &Ranking, expected: &[(&str, f32)]) {
        let names: Vec<_> = ranking.iter().map(|(g, _)| g.as_str()).collect();
        assert_eq!(names, expected.iter().map(|(g, _)| *g).collect::<Vec<_>>(), "{ranking:?}");
        for ((genre, p), (_, e)) in ranking.iter().zip(expected) {
            assert!((p - e).abs() < 1e-5, "{genre}: {p}, expected {e}");
        }
    }

    #[test]
    fn a_sound_that_may_be_no_music_is_as_much_less_sure_of_its_genre() {
        let ballots = [ballot(&[("A", 0.9), ("B", 0.1)], 1.0)];
        let tally = vote_on_sound(&ballots, &Taxonomy::builtin().unwrap(), &plain(), Some(0.7));
        assert_ranking(&tally.calibrated, &[("A", 0.9), ("B", 0.1)]);
        assert_ranking(&tally.families, &[("A", 0.63), ("B", 0.37)]);
        assert_eq!((tally.music, tally.ranking), (Some(0.7), tally.families));
        let surely = vote_on_sound(&ballots, &Taxonomy::builtin().unwrap(), &plain(), Some(1.0));
        assert_eq!(surely.ranking, vote_of(&ballots, plain()), "music is voted on as before");
    }

    #[test]
    fn models_that_know_the_same_genres_are_averaged_by_weight() {
        let ballots = [ballot(&[("A", 0.8), ("B", 0.2)], 3.0), ballot(&[("B", 0.6), ("A", 0.4)], 1.0)];
        assert_ranking(&vote_of(&ballots, plain()), &[("A", 0.7), ("B", 0.3)]);
    }

    #[test]
    fn a_model_that_cannot_say_a_genre_does_not_vote_against_it() {
        // The second alone knows C and gives it 0.4; the first agrees, and both share the rest by their own opinions.
        let ballots = [ballot(&[("A", 0.5), ("B", 0.5)], 1.0), ballot(&[("A", 0.3), ("B", 0.3), ("C", 0.4)], 1.0)];
        assert_ranking(&vote_of(&ballots, plain()), &[("C", 0.4), ("A", 0.3), ("B", 0.3)]);
        let sure_of_c = [ballot(&[("A", 0.9), ("B", 0.1)], 1.0), ballot(&[("A", 0.0), ("B", 0.0), ("C", 1.0)], 0.1)];
        assert_ranking(&vote_of(&sure_of_c, plain()), &[("C", 1.0), ("A", 0.0), ("B", 0.0)]);
    }

    #[test]
    fn a_model_that_hears_none_of_its_genres_leaves_the_word_to_the_others() {
        let genres = ["C", "D"].map(|g| Genre::new(g).unwrap());
        let known = ballot(&[("A", 0.75), ("B", 0.25)], 1.0);
        let open = |shares: [f32; 2]| Ballot::open(&genres, &shares, 1.0).unwrap();
        // It says 0.1 for its own two together, and the first one divides the rest.
        let none = vote_of(&[known.clone(), open([0.075, 0.025])], plain());
        assert_ranking(&none, &[("A", 0.675), ("B", 0.225), ("C", 0.075), ("D", 0.025)]);
        let own = vote_of(&[known, open([0.9, 0.05])], plain());
        assert_ranking(&own, &[("C", 0.9), ("D", 0.05), ("A", 0.0375), ("B", 0.0125)]);
    }

    #[test]
    fn models_with_overlapping_knowledge_agree_where_they_meet() {
        // A:B is 3:1 for one, B:C is 1:1 for the other: 3:1:1.
        let ballots = [ballot(&[("A", 0.75), ("B", 0.25)], 1.0), ballot(&[("B", 0.5), ("C", 0.5)], 1.0)];
        assert_ranking(&vote_of(&ballots, plain()), &[("A", 0.6), ("B", 0.2), ("C", 0.2)]);
    }

    #[test]
    fn models_that_share_no_genre_keep_their_weights() {
        let ballots = [ballot(&[("A", 0.5), ("B", 0.5)], 3.0), ballot(&[("C", 1.0)], 1.0)];
        assert_ranking(&vote_of(&ballots, plain()), &[("A", 0.375), ("B", 0.375), ("C", 0.25)]);
    }

    #[test]
    fn windows_of_one_file_are_averaged() {
        let genres = [Genre::new("A").unwrap(), Genre::new("B").unwrap()];
        let ballot = Ballot::new(&genres, &[[0.9, 0.1], [0.3, 0.7]], 1.0).unwrap();
        assert_ranking(&vote_of(&[ballot], plain()), &[("A", 0.6), ("B", 0.4)]);
    }

    #[test]
    fn labels_that_mean_one_genre_add_up() {
        let genres = ["Hip-Hop", "Jazz", "Hip-Hop"].map(|g| Genre::new(g).unwrap());
        let ballot = Ballot::new(&genres, &[[0.3, 0.4, 0.3]], 1.0).unwrap();
        assert_ranking(&vote_of(&[ballot], plain()), &[("Hip-Hop", 0.6), ("Jazz", 0.4)]);
    }

    #[test]
    fn temperature_changes_how_sure_the_vote_is_and_not_its_order() {
        let ballots = [ballot(&[("A", 0.8), ("B", 0.2)], 1.0)];
        let at = |temperature| vote_of(&ballots, Rules { temperature, ..plain() });
        // 0.8^2 : 0.2^2 = 16 : 1, and 0.8^0.5 : 0.2^0.5 = 2 : 1.
        assert_ranking(&at(0.5), &[("A", 16.0 / 17.0), ("B", 1.0 / 17.0)]);
        assert_ranking(&at(2.0), &[("A", 2.0 / 3.0), ("B", 1.0 / 3.0)]);
        assert_ranking(&at(0.001), &[("A", 1.0), ("B", 0.0)]);
    }

    /// Half of the voters, by weight, hear something else, and those who tell kinds apart hear Metal.
    fn divided() -> [Ballot; 3] {
        [
            ballot(&[("Pop Rock", 0.8), ("Jazz", 0.2)], 1.0),
            ballot(&[("Metal", 0.7), ("Rock", 0.05), ("Pop", 0.05), ("Jazz", 0.2)], 1.0),
            ballot(&[("Pop Rock", 0.4), ("Jazz", 0.6)], 1.0),
        ]
    }

    fn fitted(bias: f64) -> Rules {
        let calibration = Calibration { bias, top: 1.0, dissent: -3.0 };
        Rules { calibration: Some(calibration), ..plain() }
    }

    #[test]
    fn the_confidence_is_what_was_fitted_to_the_signs_and_every_step_can_be_followed() {
        let tally = tally_of(&divided(), &fitted(3.0));
        let first = |ranking: &Ranking| (ranking[0].0.to_string(), ranking[0].1);
        assert_eq!(first(&tally.mean), ("Pop Rock".into(), 2.0_f32 / 3.0));
        assert_eq!(tally.mean, tally.tempered);
        let signs = tally.signs.unwrap();
        assert!((signs.dissent - 1.0 / 3.0).abs() < 1e-9 && (signs.top - 2.0_f64.ln()).abs() < 1e-6, "{signs:?}");
        // 2 : 1, e^3 for the bias, and e^-1 for the dissent.
        let odds = 2.0 * 2.0_f64.exp();
        assert!((f64::from(tally.families[0].1) - odds / (1.0 + odds)).abs() < 1e-6, "{tally:?}");
        assert!((tally.families.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_confidence_of_a_kind_is_the_kinds_own() {
        let mut rules = fitted(3.0);
        rules.kinds.fits = [("Metal", 2.0), ("Rock", 2.0), ("Pop", -2.0)]
            .map(|(kind, bias)| (Genre::new(kind).unwrap(), KindFit { bias, share: 1.0 }))
            .into();
        let tally = tally_of(&divided(), &rules);
        let metal = tally.kinds.iter().find(|kind| kind.kind.as_str() == "Metal").unwrap();
        // 7 : 1 of the family, and e^2 for the bias.
        let odds = 7.0 * 2.0_f64.exp();
        assert!((metal.likely - odds / (1.0 + odds)).abs() < 1e-6 && metal.of.as_str() == "Rock", "{metal:?}");
        let (kind, p) = &tally.ranking[0];
        assert_eq!(kind.as_str(), "Metal");
        assert!((f64::from(*p) - f64::from(tally.families[0].1) * metal.likely).abs() < 1e-6);
        // A kind that nothing was fitted for is never sure.
        rules.kinds.fits.clear();
        rules.kinds.fits.insert(Genre::new("Disco").unwrap(), KindFit { bias: 9.0, share: 1.0 });
        assert_eq!(tally_of(&divided(), &rules).ranking[0].0.as_str(), "Pop Rock");
    }

    #[test]
    fn the_owner_says_whether_kinds_are_named() {
        let named = |policy, ballots: &[Ballot]| {
            let mut rules = plain();
            rules.kinds.policy = policy;
            let (genre, p) = tally_of(ballots, &rules).ranking[0].clone();
            (genre.to_string(), (p * 100.0).round())
        };
        // Metal has 0.58 of 0.67: not enough by itself.
        assert_eq!(named(KindsPolicy::WhenSure, &divided()), ("Pop Rock".into(), 67.0));
        assert_eq!(named(KindsPolicy::Always, &divided()), ("Metal".into(), 58.0));
        assert_eq!(named(KindsPolicy::Never, &divided()), ("Pop Rock".into(), 67.0));
        // Pop is the likeliest of 0.4, 0.35 and 0.25, and Metal is no kind of it.
        let pop = [
            ballot(&[("Pop Rock", 0.7), ("Jazz", 0.3)], 1.0),
            ballot(&[("Pop", 0.36), ("Rock", 0.02), ("Metal", 0.32), ("Jazz", 0.3)], 1.0),
        ];
        assert_eq!(named(KindsPolicy::Always, &pop), ("Pop".into(), 36.0));
        let nobody = [ballot(&[("Pop Rock", 0.7), ("Jazz", 0.3)], 1.0)];
        assert_eq!(named(KindsPolicy::Always, &nobody), ("Pop Rock".into(), 70.0), "nobody tells them apart");
    }

    #[test]
    fn a_weight_of_nothing_is_not_heard_and_no_ballots_name_nothing() {
        let ballots = [ballot(&[("A", 1.0), ("B", 0.0)], 1.0), ballot(&[("Z", 1.0)], 0.0)];
        assert_ranking(&vote_of(&ballots, plain()), &[("A", 1.0), ("B", 0.0)]);
        assert!(vote_of(&[], plain()).is_empty());
        assert!(vote_of(&ballots[1..], plain()).is_empty());
    }

    #[test]
    fn equal_genres_are_ranked_by_name() {
        assert_ranking(&vote_of(&[ballot(&[("B", 0.5), ("A", 0.5)], 1.0)], plain()), &[("A", 0.5), ("B", 0.5)]);
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
