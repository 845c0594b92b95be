//! Candidates go down the line on several threads and come back as findings: the labels of a file beside what was said
//! of it.
//!
//! No tag is written. What is analysed is kept in the database, and what is kept there is not analysed again, as in a
//! scan. Counting is elsewhere; here are threads and queues.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::truth::{Candidate, Labels, LeftOut, Truth, labels_in_tags};
use crate::genre::{Ballot, Genre, GenreError, Ranking, Rules, Taxonomy, Verdict, vote};
use crate::pipeline::{Cancel, ExplainError, Line, Opinion};
use crate::store::StoreError;

/// Findings that wait for their reader at the most, so that memory does not depend on the number of files.
const FINDINGS_IN_FLIGHT: usize = 64;

/// What was found of one candidate.
#[derive(Debug)]
pub struct Finding {
    /// Its place among the candidates; findings come as they are ready.
    pub index: usize,
    /// The file.
    pub path: PathBuf,
    /// Its artist or album.
    pub group: String,
    /// The collection that a list says it is of.
    pub set: String,
    /// Its labels that the taxonomy does not know.
    pub unknown: Vec<String>,
    /// What is known and what was said, or why the file does not count.
    pub outcome: Result<Heard, LeftOut>,
}

/// A file of known genre that the models were asked about.
#[derive(Debug)]
pub struct Heard {
    /// What it is known to be, at least one genre.
    pub labels: Vec<Genre>,
    /// What the vote made of it.
    pub verdict: Verdict,
    /// What each model said, in the taxonomy's names.
    pub members: Vec<MemberRanking>,
}

/// One model's opinion of a file.
#[derive(Debug)]
pub struct MemberRanking {
    /// The model.
    pub model: String,
    /// Its weight in the vote.
    pub weight: f32,
    /// Its genres, the likeliest first.
    pub ranking: Ranking,
}

/// Asks the line about every candidate, with several threads, and hands each finding to `each` on the calling thread.
/// Returns early, and without an error, when cancelled.
///
/// # Errors
/// [`StoreError`] when the database fails; findings of before were handed on.
pub fn listen(
    line: &Line,
    taxonomy: &Taxonomy,
    candidates: impl Iterator<Item = Candidate> + Send,
    cancel: &Cancel,
    mut each: impl FnMut(Finding),
) -> Result<(), StoreError> {
    let candidates = Mutex::new(candidates.enumerate());
    let (findings_in, findings) = sync_channel(FINDINGS_IN_FLIGHT);
    let mut failure = None;
    std::thread::scope(|scope| {
        for _ in 0..line.workers() {
            let (candidates, findings) = (&candidates, findings_in.clone());
            scope.spawn(move || work(line, taxonomy, candidates, &findings, cancel));
        }
        drop(findings_in);
        for finding in findings {
            match finding {
                Ok(finding) => each(finding),
                Err(error) => {
                    cancel.request();
                    failure.get_or_insert(error);
                }
            }
        }
    });
    failure.map_or(Ok(()), Err)
}

fn work(
    line: &Line,
    taxonomy: &Taxonomy,
    candidates: &Mutex<impl Iterator<Item = (usize, Candidate)>>,
    findings: &SyncSender<Result<Finding, StoreError>>,
    cancel: &Cancel,
) {
    while !cancel.is_requested() {
        let next = candidates.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((index, Candidate { path, group, set, truth })) = next else { return };
        // A bug in a decoder must cost one file, not the figures of all.
        let mut unknown = Vec::new();
        let heard = || hear(line, taxonomy, &path, truth, &mut unknown);
        let heard = catch_unwind(AssertUnwindSafe(heard));
        let outcome = match heard {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                let _ = findings.send(Err(error));
                return;
            }
            Err(_) => Err(LeftOut::NotAnalysed("an internal error; please report this bug".to_owned())),
        };
        if findings.send(Ok(Finding { index, path, group, set, unknown, outcome })).is_err() {
            return;
        }
    }
}

/// Labels first: a file that nothing is known of need not be decoded. Those that the taxonomy does not know go to
/// `unknown`.
fn hear(
    line: &Line,
    taxonomy: &Taxonomy,
    path: &Path,
    truth: Truth,
    unknown: &mut Vec<String>,
) -> Result<Result<Heard, LeftOut>, StoreError> {
    if let Err(reason) = require_file(path) {
        return Ok(Err(LeftOut::Unreadable(reason)));
    }
    let labels = match truth {
        Truth::Known(labels) => labels,
        Truth::InTags => match labels_in_tags(path, taxonomy) {
            Ok(labels) => labels,
            Err(reason) => return Ok(Err(reason)),
        },
    };
    let Labels { genres: labels, unknown: strange } = labels;
    unknown.clone_from(&strange);
    if labels.is_empty() {
        return Ok(Err(LeftOut::OnlyUnknown(strange)));
    }
    let analysis = match line.analyse(path) {
        Ok(analysis) => analysis,
        Err(ExplainError::Store(error)) => return Err(error),
        Err(ExplainError::NotAnalysed { reason, .. }) => return Ok(Err(LeftOut::NotAnalysed(reason))),
    };
    let verdict = analysis.verdict(0.0);
    let members = analysis.opinions.into_iter().map(|opinion| in_the_taxonomy(opinion, taxonomy));
    match members.collect() {
        Ok(members) => Ok(Ok(Heard { labels, verdict, members })),
        Err(error) => Ok(Err(LeftOut::NotAnalysed(error.to_string()))),
    }
}

/// Why a path is no file that could be read. A pipe is not opened: that would wait for ever.
fn require_file(path: &Path) -> Result<(), String> {
    let opened = match path.metadata() {
        Ok(metadata) if !metadata.is_file() => return Err("is no file".to_owned()),
        Ok(_) => std::fs::File::open(path).map(drop),
        Err(error) => Err(error),
    };
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "is not there: check the folder and the list".to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}

/// A model's opinion as a vote of its own: labels that mean one genre add up.
fn in_the_taxonomy(opinion: Opinion, taxonomy: &Taxonomy) -> Result<MemberRanking, GenreError> {
    let Opinion { model, weight, ranking } = opinion;
    let (labels, shares): (Vec<String>, Vec<f32>) = ranking.into_iter().unzip();
    let ballot = Ballot::new(&taxonomy.canonical_all(&labels)?, &[shares], 1.0)?;
    // By itself: nothing is fitted to it.
    Ok(MemberRanking { model, weight, ranking: vote(&[ballot], taxonomy, &Rules::plain(1.0)).ranking })
}
