//! `reclassd man`: the manual pages, one of the program and one a subcommand, made of the command line's own
//! definition. For whoever packages the program.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::Outcome;

#[derive(Args)]
pub struct Arguments {
    /// The folder to write them into; it is made if need be
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(arguments: &Arguments, command: clap::Command) -> anyhow::Result<Outcome> {
    let folder = &arguments.folder;
    let context = || format!("{}: the manual pages cannot be written; name another folder", folder.display());
    std::fs::create_dir_all(folder).with_context(context)?;
    clap_mangen::generate_to(command, folder).with_context(context)?;
    Ok(Outcome::Done)
}
