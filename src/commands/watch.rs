//! `reclassd watch`: the service. It runs until it is told to stop.

use std::path::{Path, PathBuf};

use clap::Args;
use reclassd::daemon::Service;

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
    let reload = move || {
        let mut config = common.read().map_err(|error| format!("{error:#}"))?;
        if !roots.is_empty() {
            config.library.roots = roots.clone();
        }
        Ok(config)
    };
    Service::new(store, Box::new(reload))?.run(config)?;
    Ok(Outcome::Done)
}

/// A folder that is not there yet is waited for, so its name must not depend on where we started.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}
