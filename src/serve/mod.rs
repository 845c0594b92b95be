//! The desk as a page and as an interface for programs, over HTTP: routes, limits and who may ask. It is thin over
//! [`crate::desk`], and decides nothing that the terminal or a command would decide otherwise.
//!
//! ```text
//! socket ─► http (limits) ─► guard (host, origin, token, CSRF) ─► routes ─► desk ─► store, safe write
//!                                                                   └─► beneath (nothing outside the library's roots)
//! ```
//!
//! The server has threads of its own. Beside the service in one process, or with one in another, it works on the same
//! database by the same claims: one tagger a file. What it takes from the service is what that leaves beside the
//! database.

mod alike;
mod app;
mod beneath;
mod events;
mod guard;
mod http;
mod jobs;
mod judge;
mod kept;
mod numbers;
mod openapi;
mod page;
mod parameters;
mod picture;
mod problem;
mod queue;
mod reply;
mod routes;
mod schema;
mod session;
mod shapes;
mod sound;
mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Config, Place};
use crate::desk::DeskError;
use crate::store::TrackId;
use app::App;
use guard::Guard;
use http::{Limits, Listener};

pub use http::ListenError;
pub use tokens::{Known, TokenError, Tokens};

/// What keeps the server from starting.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody could come in.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is nothing to serve.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The system gives no threads, timers or random numbers.
    #[error("the page cannot be served: {0}")]
    System(std::io::Error),
}

/// A server at work, on threads of its own.
pub struct Server {
    app: Arc<App>,
    place: String,
    needs_token: bool,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Threads that wait for sockets; what blocks has others.
const THREADS: usize = 2;
/// Threads for what blocks: the database, files, decoding.
const BLOCKING: usize = 24;
/// How long a file in hand may take at the end.
const LAST: Duration = Duration::from_secs(15);

impl Server {
    /// Begins to serve a database, where the configuration says or at the socket that the service manager hands over.
    ///
    /// # Errors
    /// [`ServeError`] when the place cannot be had or the database cannot be opened.
    pub fn start(config: Config, database: PathBuf) -> Result<Self, ServeError> {
        let (told, hear) = mpsc::channel();
        let (stop, stopped) = watch::channel(false);
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(THREADS)
                .max_blocking_threads(BLOCKING)
                .thread_name("page")
                .enable_all()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(told.send(Err(ServeError::System(error)))),
            };
            runtime.block_on(async {
                match open(config, database).await {
                    Err(error) => drop(told.send(Err(error))),
                    Ok((listener, app, place)) => {
                        let router = routes::router(&app);
                        let _ = told.send(Ok((Arc::clone(&app), place)));
                        let counting = Arc::clone(&app);
                        // The first to ask does not wait for it.
                        tokio::spawn(async move { numbers::counted(&counting).await.map(drop) });
                        tokio::spawn(read_credits(Arc::clone(&app), stopped.clone()));
                        http::serve(listener, router, Limits::default(), stopped).await;
                        let _ = tokio::time::timeout(LAST, app.jobs.at_rest()).await;
                    }
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        };
        let thread = std::thread::Builder::new().name("page".to_owned()).spawn(serve).map_err(ServeError::System)?;
        let ended = || ServeError::System(std::io::Error::other("its thread ended"));
        let (app, place) = hear.recv().map_err(|_| ended())??;
        let needs_token = app.guard.needs_token;
        Ok(Self { app, place, needs_token, stop, thread: Some(thread) })
    }

    /// Where it is served, as a browser would name it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether every request needs a token, since it can be reached from elsewhere.
    pub fn needs_token(&self) -> bool {
        self.needs_token
    }

    /// Goes on with another configuration. What `[serve]` says takes a restart.
    pub fn take(&self, config: Config) {
        if config.serve != self.app.config().serve {
            tracing::warn!("[serve]: another place for the page takes a restart");
        }
        if let Err(error) = self.app.take(config) {
            tracing::error!("the page goes on with the configuration that it had: {error}");
        }
    }

    /// Lets nobody in any more, finishes the file in hand, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.app.jobs.stop_all();
        self.app.events.stop();
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic of it was told on the way.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

async fn open(config: Config, database: PathBuf) -> Result<(Listener, Arc<App>, String), ServeError> {
    let listener = match (Listener::handed()?, &config.serve.listen) {
        (Some(handed), _) => handed,
        (None, Place::Network(address)) => Listener::network(*address).await?,
        (None, Place::Unix(path)) => Listener::unix(path)?,
    };
    let address = listener.address();
    let is_open = address.is_some_and(|address| !address.ip().to_canonical().is_loopback());
    let base = config.serve.base_path.clone();
    let place = match (address, &config.serve.listen) {
        (Some(address), _) => format!("http://{address}{base}/"),
        (None, Place::Unix(path)) => format!("unix:{} (base path {base}/)", path.display()),
        (None, Place::Network(_)) => format!("the socket of the service manager (base path {base}/)"),
    };
    let tokens = Tokens::of(&database);
    let random = |error: getrandom::Error| ServeError::System(std::io::Error::other(error));
    let guard = Guard::new(is_open, &config.serve.hosts, &base, tokens).map_err(random)?;
    let app = tokio::task::spawn_blocking(move || App::new(config, database, guard)).await;
    let app = app.map_err(|error| ServeError::System(std::io::Error::other(error)))??;
    Ok((listener, app, place))
}

/// Reads who plays what in files that were analysed before that was kept, so that they can be found by it: a few at a
/// time, and only once.
async fn read_credits(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    const FEW: usize = 50;
    const PAUSE: Duration = Duration::from_millis(100);
    let mut after = TrackId(i64::MIN);
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let read = app.ask(move |app, desk| {
            let files = desk.store().without_credits(after, FEW)?;
            for (_, path) in &files {
                if let Ok(open) = app.roots.open(path) {
                    desk.read_credits(path, &open.held());
                }
            }
            Ok::<_, problem::Problem>(files.last().map(|(id, _)| *id))
        });
        match read.await {
            Ok(Some(last)) => after = last,
            Ok(None) => return,
            Err(problem) => return tracing::debug!("tags are not read for the search: {}", problem.detail),
        }
    }
}
