//! A scan: roots are walked by one thread, files are worked on by several, reports come back one by one.
//!
//! The queues are bounded, so that memory depends on the number of workers and not on the size of the library. This file knows
//! threads and queues; what happens to a file is [`Line`]'s.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cancel::Cancel;
use super::finding::{Found, Obstacle, Selection};
use super::line::{Line, Worker};
use super::panic_guard::process_catching_panics;
use super::report::Report;
use crate::store::{StoreError, TrackStatus};

/// Reports that wait for their reader at the most.
const REPORTS_IN_FLIGHT: usize = 64;
/// Files that wait for a worker, a worker.
const CANDIDATES_PER_WORKER: usize = 2;

/// What to scan.
pub struct ScanRequest {
    /// Folders and files.
    pub roots: Vec<PathBuf>,
    /// Which files in them count.
    pub selection: Selection,
}

/// A scan that runs; [`Scan::next`] gives its reports until all is done.
pub struct Scan {
    reports: mpsc::Receiver<Result<Report, StoreError>>,
    threads: JoinSet<()>,
    cancel: Cancel,
}

impl Scan {
    /// Starts the threads of a scan. Must be called inside a tokio runtime that may block as many threads as [`Line::workers`] says and a few more.
    pub fn start(line: Arc<Line>, request: ScanRequest, cancel: Cancel) -> Self {
        let workers = line.workers();
        let (candidates_in, candidates_out) = sync_channel(workers * CANDIDATES_PER_WORKER);
        let candidates_out = Arc::new(Mutex::new(candidates_out));
        let (reports_in, reports) = mpsc::channel(REPORTS_IN_FLIGHT);
        let mut threads = JoinSet::new();
        {
            let (cancel, reports) = (cancel.clone(), reports_in.clone());
            threads.spawn_blocking(move || walk(&request, &candidates_in, &reports, &cancel));
        }
        for _ in 0..workers {
            let (line, cancel) = (Arc::clone(&line), cancel.clone());
            let (candidates, reports) = (Arc::clone(&candidates_out), reports_in.clone());
            threads.spawn_blocking(move || work(&line, &candidates, &reports, &cancel));
        }
        Self { reports, threads, cancel }
    }

    /// The next report; `None` when every file is done (or, after a cancellation, every write in flight).
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; the scan is then cancelled.
    pub async fn next(&mut self) -> Option<Result<Report, StoreError>> {
        let report = self.reports.recv().await;
        match &report {
            Some(Err(_)) => self.cancel.request(),
            Some(Ok(_)) => {}
            None => while self.threads.join_next().await.is_some() {},
        }
        report
    }
}

/// Counts what a request will report of, for a progress bar; stops early when cancelled.
pub fn count_reports(roots: &[PathBuf], selection: &Selection, cancel: &Cancel) -> u64 {
    roots.iter().flat_map(|root| selection.walk(root)).take_while(|_| !cancel.is_requested()).count() as u64
}

fn walk(
    request: &ScanRequest,
    candidates: &SyncSender<PathBuf>,
    reports: &mpsc::Sender<Result<Report, StoreError>>,
    cancel: &Cancel,
) {
    for found in request.roots.iter().flat_map(|root| request.selection.walk(root)) {
        if cancel.is_requested() {
            return;
        }
        let sent = match found {
            Found::Candidate(path) => candidates.send(path).is_ok(),
            Found::Obstacle { path, obstacle } => reports.blocking_send(Ok(obstacle_report(path, &obstacle))).is_ok(),
        };
        if !sent {
            return;
        }
    }
}

fn obstacle_report(path: PathBuf, obstacle: &Obstacle) -> Report {
    let status = match obstacle {
        Obstacle::Loop(_) | Obstacle::Link | Obstacle::Missing | Obstacle::LeftOut(_) => TrackStatus::Skipped,
        Obstacle::Forbidden | Obstacle::Unreadable(_) => TrackStatus::Failed,
    };
    Report::without_genre(path, status, obstacle.to_string())
}

fn work(
    line: &Line,
    candidates: &Mutex<Receiver<PathBuf>>,
    reports: &mpsc::Sender<Result<Report, StoreError>>,
    cancel: &Cancel,
) {
    let mut worker = Worker::new();
    loop {
        let next = candidates.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(path) = next else { return };
        if cancel.is_requested() {
            return;
        }
        let report = match process_catching_panics(line, &mut worker, &path, cancel) {
            Ok(Some(report)) => Ok(report),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        if reports.blocking_send(report).is_err() {
            return;
        }
    }
}
