//! From `--config` and `--database` to what a command works with: configuration, logging, database, line.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reclassd::config::{self, Config, Level, Log};
use reclassd::store::Store;

use super::allocator::expect_threads;
use super::logging::{self, Times};
use super::{WrongUse, global_options};

/// Sets the number of cores to what was asked for on the command line, if it was, and has the allocator know it.
pub fn use_cores(config: &mut Config, jobs: Option<u16>) {
    if let Some(jobs) = jobs {
        config.analysis.jobs = jobs.into();
    }
    expect_threads(config.analysis.cores());
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep results in this file
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

impl Common {
    /// Reads the configuration and starts logging.
    pub fn load(&self) -> anyhow::Result<Config> {
        self.load_at(|log| log.level, Times::LeftOut)
    }

    /// The same for the service, which has a level of its own.
    pub fn load_for_service(&self) -> anyhow::Result<Config> {
        self.load_at(|log| log.service_level, Times::Shown)
    }

    /// The same for a command that draws on the terminal: messages go only where they do not lead there.
    pub fn load_for_screen(&self) -> anyhow::Result<Config> {
        if std::io::stderr().is_terminal() { self.read() } else { self.load() }
    }

    fn load_at(&self, level: impl Fn(&Log) -> Level, times: Times) -> anyhow::Result<Config> {
        let config = self.read()?;
        logging::start(global_options::level(level(&config.log)), config.log.format, times)?;
        if let Some(path) = self.path() {
            tracing::info!("configuration: {}", path.display());
        }
        Ok(config)
    }

    /// Reads the configuration.
    pub fn read(&self) -> anyhow::Result<Config> {
        let mut config = match self.path() {
            Some(path) => Config::load(&path)?,
            None => Config::default(),
        };
        if config.models.folder.as_os_str().is_empty() {
            config.models.folder = config::default_models_folder(|name| std::env::var_os(name)).unwrap_or_default();
        }
        if let Ok(database) = self.database(&config) {
            config.models.learned = reclassd::inference::learned_folder(&database);
        }
        Ok(config)
    }

    /// The configuration file that is read: `--config`, `$RECLASSD_CONFIG`, or the one at the usual place.
    pub fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| config::find(|name| std::env::var_os(name)))
    }

    /// Where the database is: `--database`, else the configured one, else the default place.
    pub fn database(&self, config: &Config) -> anyhow::Result<PathBuf> {
        Ok(match &self.database {
            Some(path) => path.clone(),
            None if config.database.path.as_os_str().is_empty() => {
                config::default_database(|name| std::env::var_os(name))?
            }
            None => config.database.path.clone(),
        })
    }

    /// Opens the database.
    pub fn open_store(&self, config: &Config) -> anyhow::Result<Store> {
        let path = self.database(config)?;
        let store = Store::open(&path, Duration::from_secs(config.database.busy_timeout_seconds.into()))?;
        tracing::info!("database: {}", path.display());
        Ok(store)
    }

    /// The same for who reads much of it on all cores.
    pub fn open_reading_store(&self, config: &Config) -> anyhow::Result<Store> {
        let wait = Duration::from_secs(config.database.busy_timeout_seconds.into());
        Ok(self.open_store(config)?.with_readers(config.analysis.cores(), wait)?)
    }
}

/// Checks that what was named on the command line is there.
pub fn require_paths(paths: &[PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        std::fs::metadata(path)
            .map_err(|error| WrongUse(format!("{}: {error}; check the path", super::output::display_path(path))))?;
    }
    Ok(())
}

/// The configured roots that are there; each of the others gets a warning.
pub fn present_roots(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let roots = &config.library.roots;
    if roots.is_empty() {
        let what = "no folder to scan: name one (`reclassd scan ~/Music`), or set [library] roots in the configuration";
        return Err(WrongUse(what.to_owned()).into());
    }
    let (present, missing): (Vec<_>, Vec<_>) = roots.iter().partition(|root| root.exists());
    for root in &missing {
        tracing::warn!("{}: this configured folder is not there, it is left out", root.display());
    }
    present.into_iter().map(|root| canonical(root)).collect()
}

/// The one name of a file or folder, without links and dots, so that it is one row in the database however it was typed.
pub fn canonical(path: &Path) -> anyhow::Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| super::output::display_path(path))
}

/// Leaves out folders that are named twice or lie in another one. A file stays: asked for by name, it counts whatever its ending.
pub fn outermost(mut roots: Vec<PathBuf>) -> Vec<PathBuf> {
    roots.sort();
    roots.dedup();
    let folders: Vec<PathBuf> = roots.iter().filter(|root| root.is_dir()).cloned().collect();
    roots.retain(|root| !root.is_dir() || !folders.iter().any(|other| other != root && root.starts_with(other)));
    roots
}
