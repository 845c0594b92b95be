//! Findings become clips that can be judged, and files that were left out with their reasons. It keeps of each file
//! only what the figures and the report of it need: the vote's first genre, not its ranking.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::judge::{Judge, Judged};
use super::listen::{Finding, Heard, MemberRanking};
use super::truth::LeftOut;
use crate::genre::{Genre, Taxonomy};

/// A file that counts.
#[derive(Debug, Clone)]
pub struct Clip {
    /// Its place among the candidates.
    pub index: usize,
    /// The file.
    pub path: PathBuf,
    /// Its artist or album.
    pub group: String,
    /// The collection that a list says it is of; empty where nobody says so.
    pub set: String,
    /// What it is known to be.
    pub labels: Vec<Genre>,
    /// The first genre of the vote.
    pub named: Genre,
    /// How likely that is right, as the vote says, 0 to 1.
    pub confidence: f32,
    /// Each model's first genre and its share, in the order of [`Collection::members`].
    pub members: Vec<(Genre, f32)>,
}

/// A model that takes part.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub model: String,
    /// Its weight in the vote.
    pub weight: f32,
    /// What it can say.
    pub sayable: BTreeSet<Genre>,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Collection {
    clips: Vec<Clip>,
    members: Vec<Member>,
    sayable: BTreeSet<Genre>,
    left_out: Vec<(PathBuf, LeftOut)>,
    unknown: BTreeMap<String, usize>,
}

impl Collection {
    /// Takes a finding up.
    pub fn add(&mut self, finding: Finding) {
        let Finding { index, path, group, set, unknown, outcome } = finding;
        self.add_unknown(&unknown);
        let Heard { labels, verdict, members } = match outcome {
            Ok(heard) => heard,
            Err(reason) => return self.leave_out(path, reason),
        };
        let Some((named, _)) = verdict.ranking.first().cloned() else {
            return self.leave_out(path, LeftOut::NotAnalysed("no model could be asked".to_owned()));
        };
        extend(&mut self.sayable, verdict.ranking.iter().map(|(genre, _)| genre));
        if self.members.is_empty() {
            let member = |m: &MemberRanking| {
                let (model, weight) = (m.model.clone(), m.weight);
                Member { model, weight, sayable: BTreeSet::new() }
            };
            self.members = members.iter().map(member).collect();
        }
        for (member, heard) in self.members.iter_mut().zip(&members) {
            extend(&mut member.sayable, heard.ranking.iter().map(|(genre, _)| genre));
        }
        let first = |m: MemberRanking| m.ranking.into_iter().next();
        let members = members.into_iter().filter_map(first).collect();
        let confidence = verdict.confidence;
        self.clips.push(Clip { index, path, group, set, labels, named, confidence, members });
    }

    /// Counts a file that does not count.
    pub fn leave_out(&mut self, path: PathBuf, reason: LeftOut) {
        self.left_out.push((path, reason));
    }

    /// Counts labels that the taxonomy does not know.
    pub fn add_unknown(&mut self, labels: &[String]) {
        for label in labels {
            *self.unknown.entry(label.clone()).or_default() += 1;
        }
    }

    /// Puts everything into the order of the candidates, whoever was ready first.
    pub fn sort(&mut self) {
        self.clips.sort_by_key(|clip| clip.index);
        self.left_out.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The clips that count.
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// The models that take part, in the order of the configuration.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Files that do not count, and why.
    pub fn left_out(&self) -> &[(PathBuf, LeftOut)] {
        &self.left_out
    }

    /// Labels that the taxonomy does not know, with the number of files that carry them.
    pub fn unknown(&self) -> &BTreeMap<String, usize> {
        &self.unknown
    }

    /// What the vote can say.
    pub fn sayable(&self) -> &BTreeSet<Genre> {
        &self.sayable
    }

    /// The judge of this vote.
    pub fn judge<'a>(&self, taxonomy: &'a Taxonomy) -> Judge<'a> {
        Judge::new(taxonomy, self.sayable.clone())
    }

    /// The vote's answers, judged, in the order of [`Collection::clips`].
    pub fn judge_vote(&self, judge: &Judge<'_>) -> Vec<Judged> {
        let answers = self.clips.iter().map(|clip| (&clip.named, clip.confidence));
        self.judge_answers(judge, answers, &self.sayable)
    }

    /// The answers of one of [`Collection::members`], judged. The confidence is the model's share, which nobody
    /// calibrated.
    pub fn judge_member(&self, judge: &Judge<'_>, member: usize) -> Vec<Judged> {
        let answers =
            self.clips.iter().filter_map(|clip| clip.members.get(member)).map(|(named, share)| (named, *share));
        self.judge_answers(judge, answers, &self.members[member].sayable)
    }

    fn judge_answers<'a>(
        &'a self,
        judge: &Judge<'_>,
        answers: impl Iterator<Item = (&'a Genre, f32)>,
        speaker: &BTreeSet<Genre>,
    ) -> Vec<Judged> {
        let mut groups: HashMap<&str, usize> = HashMap::new();
        let clips = self.clips.iter().zip(answers);
        clips
            .map(|(clip, (named, confidence))| {
                let next = groups.len();
                let group = *groups.entry(&clip.group).or_insert(next);
                judge.judge(&clip.labels, named, confidence, group, speaker)
            })
            .collect()
    }
}

/// Genres are mostly there already; only new ones are cloned.
fn extend<'g>(known: &mut BTreeSet<Genre>, genres: impl Iterator<Item = &'g Genre>) {
    for genre in genres {
        if !known.contains(genre) {
            known.insert(genre.clone());
        }
    }
}
