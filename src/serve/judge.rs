//! Listening to a file for whoever asks, without writing anything: one of the library, or one that is sent. Models are
//! loaded when they are first needed and go again when nobody asks for a while.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use rustix::fs::{Mode, OFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::app::{App, block};
use super::problem::{Kind, Problem};
use super::reply::share;
use super::shapes::{self, Judged};
use crate::config::Config;
use crate::genre::Doubt;
use crate::pipeline::{Line, Settings};
use crate::store::Store;

/// Files that wait to be judged; one is judged at a time.
const WAITING: usize = 8;
/// How long models are kept that nobody needs.
const KEPT: Duration = Duration::from_secs(60);

/// Who judges.
pub struct Judge {
    line: Mutex<Option<Loaded>>,
    waiting: Arc<Semaphore>,
    /// Files that are being sent: who does so slowly keeps others from sending, and nobody from being judged.
    sending: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

struct Loaded {
    line: Arc<Line>,
    used: Instant,
}

impl Default for Judge {
    fn default() -> Self {
        let seats = || Arc::new(Semaphore::new(WAITING));
        Self { line: Mutex::default(), waiting: seats(), sending: seats(), turn: Arc::new(Semaphore::new(1)) }
    }
}

/// A place among those that wait.
pub struct Place(#[allow(dead_code)] OwnedSemaphorePermit);

impl Judge {
    /// A place among those that wait to be judged.
    ///
    /// # Errors
    /// [`Problem`] where there is none.
    pub fn place(&self) -> Result<Place, Problem> {
        let place = Arc::clone(&self.waiting).try_acquire_owned();
        place.map(Place).map_err(|_| Problem::new(Kind::Busy, "many files are being judged already").retry(5))
    }

    /// A place among those that are being sent.
    ///
    /// # Errors
    /// [`Problem`] where there is none.
    pub fn place_to_send(&self) -> Result<Place, Problem> {
        let place = Arc::clone(&self.sending).try_acquire_owned();
        place.map(Place).map_err(|_| Problem::new(Kind::Busy, "many files are being sent already").retry(5))
    }

    /// Lets the models go: there is another configuration.
    pub fn forget(&self) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn line(&self, config: &Config) -> Result<Arc<Line>, Problem> {
        let mut loaded = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = loaded.as_mut() {
            loaded.used = Instant::now();
            return Ok(Arc::clone(&loaded.line));
        }
        // What is found out about a file that was sent is nobody's business afterwards: it is kept nowhere.
        let mut config = config.clone();
        config.ensemble.album = false;
        let settings = Settings::new(&config).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
        let line = Line::new(&config, settings.dry_run(true), Store::in_memory()?);
        let line = Arc::new(line.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?);
        *loaded = Some(Loaded { line: Arc::clone(&line), used: Instant::now() });
        Ok(line)
    }

    fn let_go_when_idle(&self) -> bool {
        let mut loaded = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = loaded.as_ref().is_some_and(|loaded| loaded.used.elapsed() >= KEPT);
        if is_idle {
            *loaded = None;
        }
        is_idle
    }
}

/// Judges what is open at a path. `named` is the path that tells which folder's rules hold.
///
/// # Errors
/// [`Problem`]: it cannot be decoded, or the models cannot be loaded.
pub async fn judge(app: &Arc<App>, _place: Place, open: PathBuf, named: PathBuf) -> Result<Judged, Problem> {
    let _turn = Arc::clone(&app.judge.turn).acquire_owned().await;
    let shared = Arc::clone(app);
    let judged = block(move || {
        let began = Instant::now();
        let line = shared.judge.line(&shared.config())?;
        let analysis = line.analyse(&open)?;
        let judgement = line.judgement(&named, &analysis);
        let verdict = &judgement.verdict;
        let not_music = match &verdict.doubt {
            Some(Doubt::NotMusic(not_music)) => {
                Some(shapes::NotMusic { sound: not_music.sound.clone(), music: share(not_music.music) })
            }
            _ => None,
        };
        Ok(Judged {
            genre: verdict.best().map(ToString::to_string),
            confidence: share(verdict.confidence),
            sure: judgement.is_sure,
            words: judgement.words,
            ranking: shapes::shares(&verdict.named_ranking()),
            models: shapes::models(&analysis.opinions),
            not_music,
            duration: crate::audio::length(&open).map(|length| super::reply::seconds(length.as_secs_f64())),
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    })
    .await;
    let waiting = Arc::clone(app);
    tokio::spawn(async move {
        tokio::time::sleep(KEPT + Duration::from_secs(1)).await;
        waiting.judge.let_go_when_idle();
    });
    judged
}

/// A file that was sent. It has no name: whatever ends this process, nothing of it stays.
pub struct Sent(File);

impl Sent {
    /// A path to it.
    pub fn held(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Receives a body of at most `limit` bytes into a file without a name beside the database.
    ///
    /// # Errors
    /// [`Problem`]: it is longer, did not come whole, or there is no room for it.
    pub async fn receive(mut body: Body, beside: &Path, limit: u64) -> Result<Self, Problem> {
        let too_large =
            || Problem::new(Kind::TooLarge, format!("a file may have {limit} bytes at the most ([serve] max_upload)"));
        if http_body::Body::size_hint(&body).lower() > limit {
            return Err(too_large());
        }
        let mut file = nameless(beside).map_err(no_room)?;
        let mut received = 0_u64;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Problem::bad(error.to_string()))?;
            let Ok(bytes) = frame.into_data() else { continue };
            received += bytes.len() as u64;
            if received > limit {
                return Err(too_large());
            }
            file = block(move || file.write_all(&bytes).map(|()| file).map_err(no_room)).await?;
        }
        if received == 0 {
            return Err(Problem::bad("there is no file in the body"));
        }
        Ok(Self(file))
    }
}

fn no_room(error: std::io::Error) -> Problem {
    let kind = if error.kind() == std::io::ErrorKind::StorageFull { Kind::Full } else { Kind::Internal };
    Problem::new(kind, format!("the file cannot be kept while it is listened to: {error}"))
}

/// A file without a name in the folder of `beside`; where its file system has no such files, one whose name is gone at
/// once.
fn nameless(beside: &Path) -> std::io::Result<File> {
    let folder = beside.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(File::from(file)),
        Err(_) => {
            let random = super::tokens::random::<8>().map_err(std::io::Error::other)?;
            let path = folder.join(format!(".reclassd-{}.upload", super::tokens::hex(&random)));
            let file = File::options().read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
    }
}
