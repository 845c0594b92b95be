//! What happens, as it happens: server-sent events. While nobody listens nothing is looked at; who listens too slowly
//! misses some, and holds up nobody.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::app::App;
use super::http::{Channel, Response};
use super::reply::share;
use super::shapes::{self, text};
use crate::daemon::{self, Status};
use crate::store::{LateFile, QueueFilter, unix_now};

/// Events that wait for a listener.
const WAITING: usize = 256;
/// Between two looks at how the service stands.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two signs of life.
const SILENCE: Duration = Duration::from_secs(15);
/// Files that are told of at once.
const FILES: usize = 20;

/// An event, as it is sent.
#[derive(Debug, Clone)]
pub struct Event(Bytes);

impl Event {
    fn new(name: &str, data: &Value) -> Self {
        Self(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
    }

    /// A job went on.
    pub fn job(job: &shapes::Job) -> Self {
        Self::new("job", &json!(job))
    }

    /// Tracks were decided about, or are as they were before that.
    pub fn changed(job: &shapes::Job) -> Self {
        let tracks: Vec<i64> = job.results.iter().filter_map(|outcome| outcome.id).collect();
        Self::new("changed", &json!({"tracks": tracks, "go": job.go}))
    }

    /// The same of one track.
    pub fn one_changed(track: Option<i64>, go: Option<i64>) -> Self {
        let tracks: Vec<i64> = track.into_iter().collect();
        Self::new("changed", &json!({"tracks": tracks, "go": go}))
    }
}

/// Who tells, and whom.
pub struct Events {
    sender: broadcast::Sender<Event>,
    is_looking: AtomicBool,
    /// How things stood when last looked at, for who begins to listen.
    standing: Mutex<Standing>,
    stop: watch::Sender<bool>,
}

/// How things stand.
#[derive(Debug, Clone, Default, PartialEq)]
struct Standing {
    status: Value,
    recent: Value,
    errors: Value,
}

impl Events {
    pub(super) fn new() -> Self {
        let (sender, _) = broadcast::channel(WAITING);
        let (stop, _) = watch::channel(false);
        Self { sender, is_looking: AtomicBool::new(false), standing: Mutex::default(), stop }
    }

    /// Tells everybody who listens.
    pub fn send(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.sender.send(event);
    }

    /// Ends all streams.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A stream of all that happens.
pub async fn stream(app: &Arc<App>) -> Response {
    let events = Arc::clone(&app.events);
    let mut receiver = events.sender.subscribe();
    if !events.is_looking.swap(true, Ordering::SeqCst) {
        let first = look(app, &mut Seen::default()).await;
        *events.standing.lock().unwrap_or_else(PoisonError::into_inner) = first;
        tokio::spawn(keep_looking(Arc::clone(app)));
    }
    let (body, sender) = Channel::new(8, None);
    let mut stop = events.stop.subscribe();
    tokio::spawn(async move {
        let Standing { status, recent, errors } = events.standing();
        for (name, data) in [("status", status), ("recent", recent), ("errors", errors)] {
            if !data.is_null() && sender.send(Event::new(name, &data).0).await.is_err() {
                return;
            }
        }
        loop {
            let bytes = tokio::select! {
                event = receiver.recv() => match event {
                    Ok(Event(bytes)) => bytes,
                    // Some were missed: how things stand comes with the next look.
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        Event::new("status", &events.standing().status).0
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = tokio::time::sleep(SILENCE) => Bytes::from_static(b": still here\n\n"),
                () = sender.closed() => return,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if sender.send(bytes).await.is_err() {
                return;
            }
        }
    });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy in front must not keep them until there are many.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What was told already.
#[derive(Default)]
struct Seen {
    files: HashSet<(i64, i64)>,
    /// The moment from which on files are asked for.
    since: Option<i64>,
}

/// Looks how things stand for as long as somebody listens.
async fn keep_looking(app: Arc<App>) {
    let events = Arc::clone(&app.events);
    let mut seen = Seen::default();
    // What the first look told of is known.
    look(&app, &mut seen).await;
    let mut stop = events.stop.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if events.sender.receiver_count() == 0 {
            events.is_looking.store(false, Ordering::SeqCst);
            return;
        }
        let now = look(&app, &mut seen).await;
        let before = events.standing();
        let mut keep = Standing { recent: before.recent.clone(), ..now.clone() };
        for (name, new, old) in [("status", &now.status, &before.status), ("errors", &now.errors, &before.errors)] {
            if new != old {
                events.send(Event::new(name, new));
            }
        }
        if let Some(files) = now.recent["files"].as_array().filter(|files| !files.is_empty()) {
            events.send(Event::new("recent", &now.recent));
            // Who comes later is told of the last ones, old and new.
            let old = before.recent["files"].as_array().into_iter().flatten();
            let last: Vec<Value> = files.iter().chain(old).take(FILES).cloned().collect();
            keep.recent = json!({"files": last});
        }
        *events.standing.lock().unwrap_or_else(PoisonError::into_inner) = keep;
    }
}

async fn look(app: &Arc<App>, seen: &mut Seen) -> Standing {
    let since = seen.since;
    let looked = app.ask(move |app, desk| {
        let waiting = desk.count(&QueueFilter::default())?;
        // A second is not over before the next one: it is asked for again.
        let files = desk.store().late_files(since.unwrap_or_default(), FILES)?;
        Ok::<_, super::problem::Problem>((status(&app.database), waiting, files))
    });
    let Ok((status, waiting, files)) = looked.await else { return Standing::default() };
    let new: Vec<&LateFile> = files.iter().filter(|file| !seen.files.contains(&(file.id.0, file.at))).collect();
    let recent = json!({"files": new.iter().map(|file| late(file)).collect::<Vec<_>>()});
    seen.since = files.first().map(|file| file.at).or(seen.since).or_else(|| Some(unix_now()));
    let since = seen.since.unwrap_or_default();
    seen.files.extend(files.iter().map(|file| (file.id.0, file.at)));
    seen.files.retain(|(_, at)| *at >= since);
    let errors = status.as_ref().map(|(status, _)| json!({"errors": status.last_errors})).unwrap_or_default();
    Standing { status: described(status, waiting), recent, errors }
}

/// How the service stands, and whether it runs.
pub fn status(database: &Path) -> Option<(Status, bool)> {
    let status = Status::read(database).ok().flatten()?;
    let runs = daemon::holder(database).is_some() || status.is_of_a_living_service();
    Some((status, runs))
}

fn described(status: Option<(Status, bool)>, waiting: u64) -> Value {
    match status {
        Some((status, runs)) => {
            let counts = &status.counts;
            let state = if runs { status.state.as_str() } else { "stopped" };
            json!({
                "running": runs, "state": state, "resting": status.resting, "trouble": status.trouble,
                "queued": status.queued, "working": status.working, "settling": status.watch.waiting,
                "rate": share(status.rate as f32),
                "counts": {
                    "seen": counts.seen, "written": counts.written, "unsure": counts.unsure, "skipped": counts.skipped,
                    "failed": counts.failed
                },
                "waiting": waiting
            })
        }
        None => json!({
            "running": false, "state": null, "resting": null, "trouble": null, "queued": 0, "working": 0, "settling": 0,
            "rate": 0.0, "counts": {"seen": 0, "written": 0, "unsure": 0, "skipped": 0, "failed": 0}, "waiting": waiting
        }),
    }
}

fn late(file: &LateFile) -> Value {
    json!({
        "id": file.id.0, "path": text(&file.path), "status": file.status.as_str(), "genre": file.genre,
        "confidence": file.confidence.map(share), "at": file.at
    })
}
