//! `reclassd config`: which configuration is in force, whether a file is valid, and a file to begin with.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use reclassd::config::{self, Config};
use reclassd::inference::{LEARNED, ModelsFolder};

use super::output::display_path;
use super::setup::Common;
use super::{Outcome, WrongUse, fold};

/// Every key with its default and a word about it.
const EXAMPLE: &str = include_str!("../../config.example.toml");

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the configuration that is in force, with every default, and where it comes from
    Show {
        #[command(flatten)]
        common: Common,
    },
    /// Write a file that shows every key with its default; an existing file is never replaced
    Init {
        /// The file [default: where it is looked for, ~/.config/reclassd/config.toml]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Say whether a file is valid, what of it does not fit this machine, or where its first mistake is
    Check {
        /// The file [default: the one that is in force]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Action::Show { common } => show(common),
        Action::Init { file } => init(file.as_deref()),
        Action::Check { file, common } => check(file.as_deref(), common),
    }
}

fn show(common: &Common) -> anyhow::Result<Outcome> {
    let mut config = common.read()?;
    // Where learned models lie follows from the database; it is no key.
    config.database.path = common.database(&config)?;
    let from = common.path().map_or_else(
        || "the defaults: there is no file; `reclassd config init` writes one".to_owned(),
        |path| display_path(&path),
    );
    let mut out = std::io::stdout().lock();
    writeln!(out, "# from {from}")?;
    write!(out, "{}", toml::to_string(&config).context("the configuration cannot be shown")?)?;
    Ok(Outcome::Done)
}

fn init(file: Option<&Path>) -> anyhow::Result<Outcome> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => config::user_file(|name| std::env::var_os(name)).ok_or_else(|| {
            WrongUse("neither XDG_CONFIG_HOME nor HOME is set: name a file (`reclassd config init FILE`)".to_owned())
        })?,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| display_path(folder))?;
    }
    let mut new = match std::fs::File::options().write(true).create_new(true).open(&path) {
        Ok(new) => new,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let shown = display_path(&path);
            let what = format!(
                "{shown}: is there already and stays as it is; `reclassd config check` says whether it is valid"
            );
            return Err(WrongUse(what).into());
        }
        Err(error) => return Err(error).with_context(|| display_path(&path)),
    };
    new.write_all(EXAMPLE.as_bytes()).with_context(|| display_path(&path))?;
    writeln!(fold::stdout(), "{}: written; every key in it has its default", display_path(&path))?;
    Ok(Outcome::Done)
}

fn check(file: Option<&Path>, common: &Common) -> anyhow::Result<Outcome> {
    let mut out = fold::stdout();
    let Some(path) = file.map(Path::to_owned).or_else(|| common.path()) else {
        writeln!(out, "there is no configuration file: the defaults are in force")?;
        return Ok(Outcome::Done);
    };
    let config = Config::load(&path)?;
    let shown = display_path(&path);
    let doubts = doubts(&config);
    for doubt in &doubts {
        writeln!(out, "{shown}: {doubt}")?;
    }
    let what = if doubts.is_empty() { "valid" } else { "valid, but for what stands above" };
    writeln!(out, "{shown}: {what}")?;
    Ok(if doubts.is_empty() { Outcome::Done } else { Outcome::SomeFailed })
}

/// What is written as it should be and yet will not work here.
fn doubts(config: &Config) -> Vec<String> {
    let mut doubts = Vec::new();
    for root in config.library.roots.iter().filter(|root| !root.is_dir()) {
        doubts.push(format!("[library] roots: {} is not there", display_path(root)));
    }
    let default = || config::default_models_folder(|name| std::env::var_os(name)).unwrap_or_default();
    let folder = &config.models.folder;
    let folder = ModelsFolder::new(if folder.as_os_str().is_empty() { default() } else { folder.clone() });
    let builtin = reclassd::inference::builtin_models().unwrap_or_default();
    for name in &config.models.enabled {
        let is_builtin = builtin.iter().any(|model| model.manifest().name == *name);
        if !is_builtin && !folder.contains(name) && name != LEARNED {
            doubts.push(format!("[models] enabled: there is no model {name} (`reclassd models` lists them)"));
        }
    }
    doubts
}
