//! Families in a vote: where one model speaks of a family (`Pop Rock`) and another of its kinds (`Rock`, `Metal`), the
//! kinds are folded into the family for the vote, and the family's share is divided afterwards by those who tell its
//! kinds apart. Whether a kind is named, and how likely it then is, is [`super::kinds`]'.
//!
//! This is about which words stand for which; how opinions become one is [`super::agreement`]'s.

use std::collections::{BTreeMap, BTreeSet};

use super::agreement::{Opinion, agree};
use super::vote::Ballot;
use super::{Genre, Taxonomy};

/// Which genre each genre counts as in one vote.
pub(super) struct Families<'a> {
    taxonomy: &'a Taxonomy,
    counts_as: BTreeMap<Genre, Genre>,
}

/// A kind's part of its family.
pub(super) struct Division {
    pub(super) kind: Genre,
    /// What it is a kind of: the family, or a kind of that.
    pub(super) of: Genre,
    /// Its share of the family, 0 to 1.
    pub(super) share: f64,
}

impl<'a> Families<'a> {
    /// A genre counts as the widest one it is a kind of that some voter says without saying the genre itself.
    pub(super) fn of(voters: &[&Ballot], taxonomy: &'a Taxonomy) -> Self {
        let said: BTreeSet<&Genre> = voters.iter().flat_map(|voter| voter.opinion().keys()).collect();
        let wider = |genre: &Genre| {
            let without = |voter: &&Ballot, wide: &Genre| {
                voter.opinion().contains_key(wide) && !voter.opinion().contains_key(genre)
            };
            let mut ancestors = taxonomy.ancestors(genre).collect::<Vec<_>>().into_iter().rev();
            ancestors.find(|wide| voters.iter().any(|voter| without(voter, wide))).cloned()
        };
        let counts_as = said.into_iter().map(|genre| {
            // Going up a tree ends.
            let target = std::iter::successors(Some(genre.clone()), wider).last().unwrap_or_else(|| genre.clone());
            (genre.clone(), target)
        });
        Self { taxonomy, counts_as: counts_as.collect() }
    }

    /// A voter's opinion with the kinds of a family as one, summing to 1; none when nothing is left of it.
    ///
    /// Who neither says a family nor two of its kinds says too little of it to be counted for or against it.
    pub(super) fn folded<'b>(&'b self, voter: &Ballot) -> Option<BTreeMap<&'b Genre, f64>> {
        let mut folded: BTreeMap<&Genre, f64> = BTreeMap::new();
        for (genre, p) in voter.opinion() {
            let target = &self.counts_as[genre];
            if voter.opinion().contains_key(target) || self.kinds_said(voter, target).count() > 1 {
                *folded.entry(target).or_default() += p;
            }
        }
        let sum: f64 = folded.values().sum();
        folded.values_mut().for_each(|p| *p /= sum);
        (sum > 0.0).then_some(folded)
    }

    /// What those who tell the kinds of a family apart make of them, each as a share of the family; empty where nobody
    /// does.
    pub(super) fn kinds(&self, voters: &[&Ballot], family: &Genre) -> Vec<Division> {
        let tellers: Vec<&Ballot> =
            voters.iter().copied().filter(|voter| self.kinds_said(voter, family).count() > 1).collect();
        let leaves = self.leaves(&tellers, family);
        let opinions: Vec<Opinion> = tellers.iter().filter_map(|teller| self.within(teller, family, &leaves)).collect();
        let shares = agree(&opinions, leaves.len());
        let kinds: BTreeSet<&Genre> = leaves.iter().flat_map(|leaf| self.up_to(leaf, family)).collect();
        let share = |kind: &Genre| {
            let under = leaves.iter().zip(&shares).filter(|(leaf, _)| self.up_to(leaf, family).any(|g| g == kind));
            under.map(|(_, share)| share).sum::<f64>().min(1.0)
        };
        let divided = |kind: &Genre| Division {
            kind: kind.clone(),
            of: self.taxonomy.parent(kind).unwrap_or(family).clone(),
            share: share(kind),
        };
        kinds.into_iter().map(divided).collect()
    }

    /// What the tellers say of a family, each once. A word for a whole that others divide completely is no part beside
    /// theirs.
    fn leaves<'b>(&self, tellers: &[&'b Ballot], family: &Genre) -> Vec<&'b Genre> {
        let said: BTreeSet<&Genre> = tellers.iter().flat_map(|teller| self.kinds_said(teller, family)).collect();
        let is_divided = |whole: &Genre| {
            let divides = |teller: &&Ballot| {
                !teller.opinion().contains_key(whole)
                    && self.kinds_said(teller, family).filter(|kind| self.is_under(kind, whole)).count() > 1
            };
            tellers.iter().any(divides)
        };
        said.into_iter().filter(|genre| !is_divided(genre)).collect()
    }

    /// A teller's opinion of the leaves of a family: each of its words stands for the leaves under it that it has no
    /// nearer word for.
    fn within(&self, teller: &Ballot, family: &Genre, leaves: &[&Genre]) -> Option<Opinion> {
        let words: Vec<&Genre> = self.kinds_said(teller, family).collect();
        let nearest = |leaf: &Genre| {
            let mut upwards = std::iter::once(leaf).chain(self.taxonomy.ancestors(leaf));
            upwards.find_map(|genre| words.iter().position(|word| *word == genre))
        };
        let cell = |(i, word): (usize, &&Genre)| {
            let leaves = leaves.iter().enumerate().filter(|(_, leaf)| nearest(leaf) == Some(i));
            (leaves.map(|(leaf, _)| leaf).collect::<Vec<_>>(), teller.opinion()[*word])
        };
        let mut cells: Vec<(Vec<usize>, f64)> = words.iter().enumerate().map(cell).collect();
        cells.retain(|(cell, _)| !cell.is_empty());
        let sum: f64 = cells.iter().map(|(_, p)| p).sum();
        cells.iter_mut().for_each(|(_, p)| *p /= sum);
        (sum > 0.0).then(|| Opinion { weight: teller.weight(), cells })
    }

    /// The words that a voter has for a family and its kinds.
    fn kinds_said<'b>(&self, voter: &'b Ballot, family: &Genre) -> impl Iterator<Item = &'b Genre> {
        voter.opinion().keys().filter(move |genre| self.counts_as.get(*genre) == Some(family))
    }

    fn is_under(&self, genre: &Genre, whole: &Genre) -> bool {
        self.taxonomy.ancestors(genre).any(|ancestor| ancestor == whole)
    }

    /// A genre and what it is a kind of, below the family.
    fn up_to<'b>(&'b self, genre: &'b Genre, family: &Genre) -> impl Iterator<Item = &'b Genre> {
        std::iter::once(genre).chain(self.taxonomy.ancestors(genre)).take_while(move |genre| *genre != family)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::super::vote::{Rules, vote};
    use super::*;

    fn ballot(scores: &[(&str, f32)], weight: f32) -> Ballot {
        let genres: Vec<Genre> = scores.iter().map(|(g, _)| Genre::new(g).unwrap()).collect();
        Ballot::new(&genres, &[scores.iter().map(|(_, p)| *p).collect::<Vec<_>>()], weight).unwrap()
    }

    fn assert_vote(ballots: &[Ballot], expected: &[(&str, f32)]) {
        let rules = Rules::plain(0.7);
        let ranking = vote(ballots, &Taxonomy::builtin().unwrap(), &rules).ranking;
        let names: Vec<_> = ranking.iter().map(|(genre, _)| genre.as_str()).collect();
        assert_eq!(names, expected.iter().map(|(g, _)| *g).collect::<Vec<_>>(), "{ranking:?}");
        for ((genre, p), (_, e)) in ranking.iter().zip(expected) {
            assert!((p - e).abs() < 1e-4, "{genre}: {p}, expected {e}");
        }
    }

    #[test]
    fn who_can_only_say_the_family_does_not_vote_against_its_kinds() {
        let ballots = [
            ballot(&[("Pop Rock", 0.8), ("Jazz", 0.2)], 1.0),
            ballot(&[("Metal", 0.5), ("Pop Rock", 0.1), ("Jazz", 0.4)], 1.0),
        ];
        // 0.8 and 0.6 for the family; five sixths of it are Metal, which is 0.58 and not enough to be named.
        assert_vote(&ballots, &[("Pop Rock", 0.7), ("Jazz", 0.3)]);
    }

    #[test]
    fn a_kind_is_named_when_it_is_sure_by_itself() {
        let ballots = [
            ballot(&[("Pop Rock", 0.9), ("Jazz", 0.1)], 1.0),
            ballot(&[("Metal", 0.9), ("Rock", 0.0), ("Pop", 0.0), ("Jazz", 0.1)], 1.0),
        ];
        assert_vote(&ballots, &[("Metal", 0.9), ("Jazz", 0.1), ("Pop Rock", 0.0)]);
        let between = [
            ballot(&[("Pop Rock", 1.0), ("Jazz", 0.0)], 1.0),
            ballot(&[("Metal", 0.5), ("Rock", 0.4), ("Pop", 0.1)], 1.0),
        ];
        // Neither is sure, but Metal is Rock.
        assert_vote(&between, &[("Rock", 0.9), ("Pop Rock", 0.1), ("Jazz", 0.0)]);
    }

    #[test]
    fn everybody_decides_about_kinds_as_far_as_his_words_go() {
        let ballots = [
            ballot(&[("Pop Rock", 1.0), ("Jazz", 0.0)], 1.0),
            // Pop Rock is here what is not Metal; the last one divides that, and the two are of one mind about Metal.
            ballot(&[("Pop Rock", 0.2), ("Metal", 0.8)], 1.0),
            ballot(&[("Pop", 0.1), ("Rock", 0.1), ("Metal", 0.8)], 1.0),
        ];
        assert_vote(&ballots, &[("Metal", 0.8), ("Pop Rock", 0.2), ("Jazz", 0.0)]);
    }

    #[test]
    fn one_kind_alone_says_nothing_of_its_family() {
        let ballots = [
            ballot(&[("Soul-RnB", 0.9), ("Jazz", 0.1)], 1.0),
            // No soul among its words: that it hears no disco is no word against soul.
            ballot(&[("Disco", 0.0), ("Jazz", 0.6), ("Blues", 0.4)], 1.0),
        ];
        let ranking = vote(&ballots, &Taxonomy::builtin().unwrap(), &Rules::plain(0.7)).ranking;
        assert_eq!(ranking[0].0.as_str(), "Soul-RnB", "{ranking:?}");
        assert!(ranking[0].1 > 0.8, "{ranking:?}");
    }
}
