//! `reclassd runtime`: ONNX Runtime's library, which runs the models faster than the engine that is compiled in:
//! install and remove it.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reclassd::config;
use reclassd::inference::{RuntimePackage, remove_runtime};

use super::output::display_path;
use super::setup::{self, Common};
use super::{Outcome, WrongUse, fold};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install the library of the Python package onnxruntime; no Python is needed to use it
    Install(Install),
    /// Remove the installed library
    Remove(Remove),
}

#[derive(Args)]
struct Install {
    /// The library for NVIDIA GPUs (package onnxruntime-gpu); CUDA and cuDNN have to be there
    #[arg(long)]
    gpu: bool,
    /// Take this wheel (.whl) instead of fetching it with pip
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Remove {
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Action::Install(arguments) => install(arguments),
        Action::Remove(arguments) => remove(arguments),
    }
}

fn folder() -> anyhow::Result<PathBuf> {
    let what = "no place for the library: set $HOME, $XDG_DATA_HOME or $STATE_DIRECTORY";
    config::default_runtime_folder(|name| std::env::var_os(name)).ok_or_else(|| WrongUse(what.to_owned()).into())
}

fn install(arguments: &Install) -> anyhow::Result<Outcome> {
    arguments.common.load()?;
    let folder = folder()?;
    let Some(package) = RuntimePackage::here(arguments.gpu) else {
        let what = "there is no such package for this system: install ONNX Runtime by other means, and name its library in [runtime] library";
        return Err(WrongUse(what.to_owned()).into());
    };
    let library = match &arguments.from {
        Some(wheel) => {
            setup::require_paths(std::slice::from_ref(wheel))?;
            package.install(wheel, &folder)?
        }
        None => {
            let (fetched, kept) = package.megabytes;
            eprintln!("fetching {} {} with pip: {fetched} MB, {kept} MB are kept", package.name, package.version);
            package.fetch_and_install(&folder)?
        }
    };
    let mut out = fold::stdout();
    writeln!(out, "installed  ONNX Runtime {}  {}", package.version, display_path(&library))?;
    writeln!(out, "it runs the models from the next start on; `reclassd doctor` says what that brings")?;
    Ok(Outcome::Done)
}

fn remove(arguments: &Remove) -> anyhow::Result<Outcome> {
    arguments.common.load()?;
    let folder = folder()?;
    let what = if remove_runtime(&folder)? { "removed" } else { "nothing was installed in" };
    writeln!(fold::stdout(), "{what}  {}", display_path(&folder))?;
    Ok(Outcome::Done)
}
