//! `reclassd watch`: the service. It runs until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::Args;
use reclassd::config::Config;
use reclassd::daemon::Service;
use reclassd::serve::Server;

use super::Outcome;
use super::allocator::expect_threads;
use super::setup::Common;

#[derive(Args)]
pub struct Arguments {
    /// Folders to watch; without any, [library] roots of the configuration
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let mut config = arguments.common.load_for_service()?;
    let roots = arguments.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
    if !roots.is_empty() {
        config.library.roots = roots.clone();
    }
    expect_threads(config.analysis.cores());
    let store = arguments.common.open_store(&config)?;
    let common = arguments.common.clone();
    let page: Arc<OnceLock<Server>> = Arc::default();
    let told = Arc::clone(&page);
    let reload = move || {
        let mut config = common.read().map_err(|error| format!("{error:#}"))?;
        if !roots.is_empty() {
            config.library.roots = roots.clone();
        }
        if let Some(page) = told.get() {
            page.take(config.clone());
        }
        Ok(config)
    };
    let service = Service::new(store, Box::new(reload))?;
    if config.serve.enabled
        && let Some(server) = serve(&config, arguments.common.database(&config)?)
    {
        let _ = page.set(server);
    }
    let ended = service.run(config);
    // The reload that went with the service held it too: with this it lets nobody in any more, and finishes the file in
    // hand.
    drop(page);
    ended?;
    Ok(Outcome::Done)
}

/// The page beside the service. A place that cannot be had is an error in the log, never the end of the service.
fn serve(config: &Config, database: PathBuf) -> Option<Server> {
    match Server::start(config.clone(), database) {
        Ok(server) => {
            tracing::info!("the page is at {}", server.place());
            if server.needs_token() {
                tracing::info!(
                    "it can be reached from elsewhere: every request needs a token of `reclassd serve token`"
                );
            }
            Some(server)
        }
        Err(error) => {
            tracing::error!("there is no page until the next start: {error}");
            None
        }
    }
}

/// A folder that is not there yet is waited for, so its name must not depend on where we started.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}
