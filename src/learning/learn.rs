//! One run of learning, from the store to a report and, where it is good enough, a new generation.

use std::collections::BTreeMap;

use ndarray::Array2;
use sha2::{Digest, Sha256};

use super::LearnError;
use super::adoption::{advice, weigh};
use super::ballots::{Fitted, Vote, own_genres};
use super::card::card;
use super::examples::{Examples, Source, Wanted, is_scores};
use super::figures::{figures, of_genre, threshold};
use super::folds;
use super::generations::Locked;
use super::names::Enough;
use super::prior::Prior;
use super::report::{Comparison, GenreReport, Outcome, Report};
use super::scaling::{FLOOR, Scaling};
use super::softmax::{Softmax, Target};
use super::suspects;
use super::trial::{self, CrossValidated, Material};
use crate::config::Config;
use crate::inference::{FeaturesPart, LEARNED, LearnedVote, Linear, Part, PartOutput, SaidPart, VOTE_FILE};
use crate::pipeline::StoredAnswers;
use crate::store::Store;

/// The file of a generation that holds its report.
pub const REPORT_FILE: &str = "report.json";
/// What the label of all other music is called.
const OTHER: &str = "(other music)";

/// What a run is asked to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Whether the genres in the library's own tags count, and not only the owner's choices.
    pub from_tags: bool,
    /// What a genre has to have to be learned.
    pub enough: Enough,
    /// The share of written genres that has to be right.
    pub precision: f64,
}

/// Something that was learned, and what was found.
pub struct Learnt {
    /// What was found.
    pub report: Report,
    /// The model, where there is something to learn from.
    pub(super) model: Option<Model>,
}

/// What goes into a generation.
pub(super) struct Model {
    parts: Vec<Part>,
    labels: Vec<String>,
    has_other: bool,
    graph: Vec<u8>,
    vote: LearnedVote,
}

/// Learns from what the store knows and tries it out. Nothing is written.
///
/// # Errors
/// [`LearnError`] when the database or the configuration's models fail.
pub fn learn(store: &Store, config: &Config, request: Request) -> Result<Learnt, LearnError> {
    let stored = StoredAnswers::new(config)?;
    let naming = config.tags.naming()?;
    let wanted = Wanted { from_tags: request.from_tags, enough: request.enough };
    let mut examples = Examples::gather(store, &stored, &naming, wanted)?;
    let stop = |examples: &Examples, why: String| {
        let advice = advice(&examples.rare, request.enough, None);
        let report = Report::without_trial(examples.found, examples.rare.clone(), why, advice);
        Ok(Learnt { report, model: None })
    };
    if let Some(why) = too_little(&examples, request) {
        return stop(&examples, why);
    }
    let scaling = Scaling::apply(&mut examples);
    let mut untold = Vec::new();
    let mut counts = trial::counts(&examples);
    let mut folds = deal(&examples);
    let mut prior = Prior::new(&examples, &scaling, &stored);
    let mut before = prior.of(&examples.rows);
    let tried = |examples: &Examples, counts: &[f32], before: &Array2<f32>, folds: &[u8]| {
        Material { examples, counts, before, folds }.cross_validated()
    };
    let CrossValidated { mut said, mut ridge } = tried(&examples, &counts, &before, &folds);
    let out = trial::untold(&examples, &said);
    if !out.is_empty() {
        untold.extend(out.iter().map(|&class| examples.classes[class].name.clone()));
        examples.without(&out);
        if examples.named == 0 || (examples.named == 1 && examples.others() < request.enough.tracks) {
            let why = format!("the sound does not tell {} from the rest, better than by chance", untold.join(", "));
            let mut learnt = stop(&examples, why)?;
            learnt.report.untold = untold;
            return Ok(learnt);
        }
        folds = deal(&examples);
        prior = Prior::new(&examples, &scaling, &stored);
        before = prior.of(&examples.rows);
        CrossValidated { said, ridge } = tried(&examples, &counts, &before, &folds);
    }
    let suspects = suspects::find(&examples, &said);
    if !suspects.is_empty() {
        suspects.iter().for_each(|(i, _)| counts[*i] = suspects::COUNT);
        CrossValidated { said, ridge } = tried(&examples, &counts, &before, &folds);
    }
    let vote = Vote::new(&stored, &examples.classes, examples.has_other);
    let found = vote.compare(&examples, &said, &folds, config.ensemble.kinds)?;
    if found.at.is_empty() {
        let why = "no voter that is in use was asked about any of these tracks: `reclassd scan` them again, then learn";
        return stop(&examples, why.to_owned());
    }
    let targets: Vec<&Target> = found.at.iter().map(|&i| &examples.targets[i]).collect();
    // A threshold is judged on other folds than it was chosen on, like all else.
    let chosen_without = |fold: Option<u8>| {
        let others = (0..found.at.len()).filter(|&k| fold.is_none_or(|fold| folds[found.at[k]] != fold));
        threshold(others.map(|k| found.after[k]), request.precision)
    };
    let by_fold: Vec<f32> = (0..folds::FOLDS as u8).map(|fold| chosen_without(Some(fold))).collect();
    let thresholds: Vec<f32> = found.at.iter().map(|&i| by_fold[usize::from(folds[i])]).collect();
    let (n_classes, at_first) = (examples.named, config.tags.min_confidence);
    let trial = weigh(&examples, &found, &said);
    let comparison = Comparison {
        tracks: found.at.len(),
        before: figures(&found.before, &targets, n_classes, &vec![at_first; targets.len()]),
        after: figures(&found.after, &targets, n_classes, &thresholds),
        majority: trial.majority,
        gain: trial.gain,
        told: trial.told,
        weight: found.fitted.weight,
        threshold: chosen_without(None),
        promised: request.precision,
    };
    let genre = |(class, of): (usize, &super::Class)| GenreReport {
        class: of.clone(),
        before: of_genre(&found.before, &targets, class),
        after: of_genre(&found.after, &targets, class),
    };
    let outcome = match trial.objection(&examples) {
        Some(why) => Outcome::NotAdopted { why },
        None => Outcome::WouldBeAdopted,
    };
    let all: Vec<usize> = (0..examples.list.len()).collect();
    let material = Material { examples: &examples, counts: &counts, before: &before, folds: &folds };
    let fitted = prior.with(&material.fit(&all, ridge));
    let model = model(&examples, &scaling, &fitted, (&found.fitted, vote.tell()), &comparison, &stored);
    let report = Report {
        outcome,
        found: examples.found,
        examples: examples.list.len(),
        background: examples.list.iter().filter(|example| example.source == Source::Background).count(),
        artists: examples.groups,
        genres: examples.classes[..examples.named].iter().enumerate().map(genre).collect(),
        rare: examples.rare.clone(),
        untold,
        parts: examples.parts.iter().map(name_of).collect(),
        advice: advice(&examples.rare, request.enough, Some((&examples, &found))),
        comparison: Some(comparison),
        suspects: suspects.into_iter().map(|(_, suspect)| suspect).collect(),
    };
    Ok(Learnt { report, model })
}

/// Writes what was learned as a new generation, which votes from then on, if it is good enough. Says what came of it.
///
/// # Errors
/// [`LearnError::Write`]; the generation that was in use stays so.
pub fn adopt(learnt: Learnt, locked: &Locked<'_>) -> Result<Report, LearnError> {
    let Learnt { mut report, model } = learnt;
    let Some(model) = model.filter(|_| report.is_good()) else { return Ok(report) };
    let number = locked.next()?;
    report.outcome = Outcome::Adopted { generation: number };
    let manifest = model.manifest(number);
    let vote = toml::to_string(&model.vote).map_err(|error| in_memory(&error))?;
    let json = serde_json::to_vec_pretty(&report).map_err(|error| in_memory(&error))?;
    let card = card(number, &report, &model.vote);
    locked.add(
        number,
        &[
            ("model.onnx", &model.graph),
            ("model.toml", manifest.as_bytes()),
            (VOTE_FILE, vote.as_bytes()),
            ("CARD.md", card.as_bytes()),
            (REPORT_FILE, &json),
        ],
    )?;
    Ok(report)
}

fn in_memory(error: &dyn std::error::Error) -> LearnError {
    LearnError::Write { path: REPORT_FILE.into(), source: std::io::Error::other(error.to_string()) }
}

fn deal(examples: &Examples) -> Vec<u8> {
    let groups: Vec<usize> = examples.list.iter().map(|example| example.group).collect();
    folds::by_artist(&examples.targets, &groups, examples.groups, examples.labels())
}

/// Why there is nothing to try; none where there is.
fn too_little(examples: &Examples, request: Request) -> Option<String> {
    let Enough { tracks, artists } = request.enough;
    let (found, classes) = (&examples.found, examples.named);
    let said = found.chosen + found.tagged;
    if found.analysed == 0 {
        return Some("no track was analysed yet: `reclassd scan` comes first".to_owned());
    }
    if said == 0 {
        let tags =
            if request.from_tags { "" } else { ", or `--from-tags` to learn from the genres that its tags hold" };
        return Some(format!("nobody said what a track is: correct some in `reclassd review`{tags}"));
    }
    if found.not_asked > 0 && examples.list.len() < tracks {
        return Some(format!(
            "{} of {said} tracks were analysed by other models or an older version: `reclassd scan` them again, then learn",
            found.not_asked
        ));
    }
    if classes == 0 {
        return Some(format!("no genre has {tracks} tracks by {artists} artists yet ({said} tracks have a genre)"));
    }
    if classes == 1 && examples.others() < tracks {
        return Some(format!("there is but one genre, {}: nothing to tell it from", examples.classes[0].name));
    }
    None
}

/// A part by name, for people.
fn name_of(part: &Part) -> String {
    match part {
        Part::Features(FeaturesPart { sample_rate, .. }) => format!("fma518 at {sample_rate} Hz"),
        Part::Said(SaidPart { model, output: PartOutput::Embedding, .. }) => format!("{model} description"),
        Part::Said(SaidPart { model, output: PartOutput::Scores, .. }) => format!("{model} scores"),
    }
}

fn model(
    examples: &Examples,
    scaling: &Scaling,
    fitted: &Softmax,
    (voting, tell): (&Fitted, f32),
    comparison: &Comparison,
    stored: &StoredAnswers,
) -> Option<Model> {
    debug_assert!(examples.parts.is_sorted_by_key(is_scores), "probabilities come last");
    let linear = Linear {
        plain: examples.plain(),
        floor: FLOOR,
        mean: scaling.mean.clone(),
        scale: scaling.scale.clone(),
        bound: scaling.bound.clone(),
        weights: fitted.weights.iter().copied().collect(),
        bias: fitted.bias.clone(),
    };
    let classes = &examples.classes;
    let own = own_genres(classes);
    let other_word = |class: &&super::Class| class.name != class.genre.as_str();
    let words = classes.iter().filter(other_word).map(|class| (class.genre.to_string(), class.name.clone())).collect();
    let kinds: BTreeMap<_, _> = voting.kinds.iter().map(|(kind, fit)| (kind.to_string(), *fit)).collect();
    let vote = LearnedVote {
        weight: voting.weight,
        beside: stored.voters(),
        threshold: comparison.threshold.min(1.0),
        tell,
        calibration: voting.calibration,
        kinds,
        own,
        words,
    };
    let mut labels: Vec<String> = classes.iter().map(|class| class.genre.to_string()).collect();
    labels.extend(examples.has_other.then(|| OTHER.to_owned()));
    Some(Model { parts: examples.parts.clone(), labels, has_other: examples.has_other, graph: linear.graph()?, vote })
}

impl Model {
    fn manifest(&self, number: u32) -> String {
        let part = |part: &Part| match part {
            Part::Features(FeaturesPart { sample_rate, .. }) => {
                format!("    {{ features = \"fma518\", sample_rate = {sample_rate} }},\n")
            }
            Part::Said(SaidPart { model, output, size }) => {
                let output = if *output == PartOutput::Scores { "scores" } else { "embedding" };
                format!("    {{ model = \"{model}\", output = \"{output}\", size = {size} }},\n")
            }
        };
        let text = |text: &String| toml::Value::String(text.clone()).to_string();
        let labels: Vec<String> = self.labels.iter().map(text).collect();
        let other = if self.has_other { format!("other = \"{OTHER}\"\n") } else { String::new() };
        let sha256: String = Sha256::digest(&self.graph).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "# Learned from this library by `reclassd learn`; CARD.md says how good it is.\n\
             name = \"{LEARNED}\"\nversion = \"{number}\"\nlicence = \"the owner's\"\nsha256 = \"{sha256}\"\n\
             labels = [{}]\n{other}\n[input.joined]\nparts = [\n{}]\n\n[output]\nname = \"logits\"\nkind = \"logits\"\n",
            labels.join(", "),
            self.parts.iter().map(part).collect::<String>(),
        )
    }
}
