//! `reclassd genres`: the genres there are, what else they are called, and which model can say which. It reads the
//! taxonomy and the models' manifests; no file of music is touched and no model is run.

use std::io::Write;

use clap::Args;
use reclassd::genre::{Genre, Taxonomy};
use reclassd::inference::{self, Model, ModelsFolder};
use serde_json::{Value, json};

use super::hints::Named;
use super::setup::Common;
use super::{Outcome, fold, hints};

/// Aliases shown on a line.
const ALIAS_LINE: usize = 100;

#[derive(Args)]
pub struct Arguments {
    /// Say what these names mean, in any spelling [default: list every genre]
    #[arg(value_name = "NAME", value_parser = Named::genre(), hide_possible_values = true)]
    names: Vec<String>,
    /// List what else each genre is called
    #[arg(long)]
    aliases: bool,
    /// Print one JSON object a genre, or a name
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// A model and the genres that it can say.
struct Speaker {
    name: String,
    says: Vec<Genre>,
    /// Whether it is there with all that it listens through.
    is_there: bool,
}

/// How a model speaks of a genre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice<'a> {
    Says,
    /// Not that genre, but this wider one.
    Wider(&'a Genre),
    Cannot,
}

impl Speaker {
    fn voice<'t>(&self, genre: &'t Genre, taxonomy: &'t Taxonomy) -> Voice<'t> {
        let mut wider = std::iter::successors(Some(genre), |genre| taxonomy.parent(genre));
        match wider.find(|genre| self.says.contains(genre)) {
            Some(said) if said == genre => Voice::Says,
            Some(said) => Voice::Wider(said),
            None => Voice::Cannot,
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let taxonomy = Taxonomy::builtin()?;
    let (speakers, read) = speakers(&ModelsFolder::new(&config.models.folder), &taxonomy)?;
    let mut out = std::io::BufWriter::new(fold::stdout());
    let mut outcome = read;
    if arguments.names.is_empty() {
        let genres = in_families(&taxonomy);
        if arguments.json {
            for genre in genres {
                writeln!(out, "{}", about(genre, &taxonomy, &speakers))?;
            }
        } else {
            print_table(&mut out, &genres, &taxonomy, &speakers, arguments.aliases)?;
        }
    }
    for name in &arguments.names {
        let genre = taxonomy.canonical(name);
        if genre.is_none() && taxonomy.why_no_genre(name).is_none() {
            outcome = Outcome::SomeFailed;
        }
        if arguments.json {
            let mut object = genre.map_or_else(|| json!({"genre": null}), |genre| about(genre, &taxonomy, &speakers));
            object["name"] = json!(name);
            object["no_genre"] = json!(taxonomy.why_no_genre(name));
            if genre.is_none() && object["no_genre"].is_null() {
                object["near"] = json!(hints::near(name, &taxonomy));
            }
            writeln!(out, "{object}")?;
        } else {
            print_name(&mut out, name, &taxonomy, &speakers)?;
        }
    }
    out.flush()?;
    Ok(outcome)
}

/// The built-in models, then the installed ones, each with its genres; a model that cannot be read is named and left
/// out.
fn speakers(folder: &ModelsFolder, taxonomy: &Taxonomy) -> anyhow::Result<(Vec<Speaker>, Outcome)> {
    let mut outcome = Outcome::Done;
    let mut models = Vec::new();
    let names = folder.names()?;
    let installed = names.iter().map(|name| folder.open(name).map_err(|error| format!("{name}: {error}")));
    for model in inference::builtin_models()?.into_iter().map(Ok).chain(installed) {
        match model {
            Ok(model) => models.push(model),
            Err(error) => {
                eprintln!("reclassd: {error}");
                outcome = Outcome::SomeFailed;
            }
        }
    }
    // What asks a model that is not installed has nothing to say yet, nor has what asks that one.
    let mut there: Vec<String> = models.iter().map(|model| model.manifest().name.clone()).collect();
    loop {
        let hears = |model: &Model| inference::asks(model).all(|asked| there.iter().any(|name| name == asked));
        let still = models.iter().filter(|model| hears(model)).map(|model| model.manifest().name.clone());
        let still: Vec<String> = still.filter(|name| there.contains(name)).collect();
        if still.len() == there.len() {
            break;
        }
        there = still;
    }
    let mut speakers = Vec::new();
    for model in &models {
        let name = model.manifest().name.clone();
        match taxonomy.canonical_all(&model.manifest().genres()) {
            Ok(says) if says.is_empty() => {}
            Ok(says) => speakers.push(Speaker { is_there: there.contains(&name), name, says }),
            Err(error) => {
                eprintln!("reclassd: {name}: {error}");
                outcome = Outcome::SomeFailed;
            }
        }
    }
    Ok((speakers, outcome))
}

/// Every genre, kinds behind what they are a kind of.
fn in_families(taxonomy: &Taxonomy) -> Vec<&Genre> {
    fn add<'t>(taxonomy: &'t Taxonomy, parent: Option<&Genre>, genres: &mut Vec<&'t Genre>) {
        for genre in taxonomy.genres().iter().filter(|genre| taxonomy.parent(genre) == parent) {
            genres.push(genre);
            add(taxonomy, Some(genre), genres);
        }
    }
    let mut genres = Vec::new();
    add(taxonomy, None, &mut genres);
    genres
}

/// The wider genres of a genre, the nearest first.
fn wider<'t>(genre: &'t Genre, taxonomy: &'t Taxonomy) -> Vec<&'t Genre> {
    std::iter::successors(taxonomy.parent(genre), |genre| taxonomy.parent(genre)).collect()
}

fn about(genre: &Genre, taxonomy: &Taxonomy, speakers: &[Speaker]) -> Value {
    let models: serde_json::Map<String, Value> = speakers
        .iter()
        .map(|speaker| {
            let said = match speaker.voice(genre, taxonomy) {
                Voice::Says => json!(genre),
                Voice::Wider(wider) => json!(wider),
                Voice::Cannot => Value::Null,
            };
            (speaker.name.clone(), said)
        })
        .collect();
    json!({
        "genre": genre,
        "parent": taxonomy.parent(genre),
        "family": taxonomy.family(genre),
        "aliases": taxonomy.aliases(genre),
        "models": models,
    })
}

fn print_table(
    out: &mut impl Write,
    genres: &[&Genre],
    taxonomy: &Taxonomy,
    speakers: &[Speaker],
    aliases: bool,
) -> std::io::Result<()> {
    let indented = |genre: &Genre| format!("{:1$}{genre}", "", 2 * wider(genre, taxonomy).len());
    let width = genres.iter().map(|genre| indented(genre).chars().count()).max().unwrap_or(0);
    let names: Vec<String> = speakers.iter().map(|speaker| speaker.name.clone()).collect();
    let wide: usize = width + names.iter().map(|name| name.chars().count() + 2).sum::<usize>();
    // Where the names do not fit beside each other, numbers stand for them.
    let header: Vec<String> = match fold::columns() {
        Some(columns) if wide > columns => {
            for (number, name) in names.iter().enumerate() {
                writeln!(out, "{:>3}  {name}", number + 1)?;
            }
            writeln!(out)?;
            (1..=names.len()).map(|number| format!("{number:<5}")).collect()
        }
        _ => names,
    };
    writeln!(out, "{:width$}  {}", "", header.join("  ").trim_end())?;
    for genre in genres {
        let mut line = format!("{:width$}", indented(genre));
        for (speaker, name) in speakers.iter().zip(&header) {
            let word = match speaker.voice(genre, taxonomy) {
                Voice::Says => "yes",
                Voice::Wider(_) => "wider",
                Voice::Cannot => "-",
            };
            line += &format!("  {word:0$}", name.chars().count());
        }
        writeln!(out, "{}", line.trim_end())?;
        if aliases {
            print_aliases(out, taxonomy.aliases(genre), 2 * wider(genre, taxonomy).len() + 4)?;
        }
    }
    writeln!(out, "\nyes: can be said; wider: the genre above it is said instead; -: cannot be said")?;
    let absent: Vec<&str> =
        speakers.iter().filter(|speaker| !speaker.is_there).map(|speaker| speaker.name.as_str()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}: not yet, see `reclassd models`", absent.join(", "))
}

fn print_name(out: &mut impl Write, name: &str, taxonomy: &Taxonomy, speakers: &[Speaker]) -> std::io::Result<()> {
    let Some(genre) = taxonomy.canonical(name) else {
        return match taxonomy.why_no_genre(name) {
            Some(why) => writeln!(out, "{name}: no genre here: it {why}"),
            None => {
                let near = hints::near(name, taxonomy);
                let near = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
                writeln!(out, "{name}: not known{near}")
            }
        };
    };
    let kind: String = wider(genre, taxonomy).iter().map(|wider| format!(", a kind of {wider}")).collect();
    writeln!(out, "{name}: {genre}{kind}")?;
    for speaker in speakers.iter().filter(|speaker| speaker.is_there) {
        match speaker.voice(genre, taxonomy) {
            Voice::Says => writeln!(out, "    {} says it", speaker.name)?,
            Voice::Wider(wider) => writeln!(out, "    {} says {wider} instead", speaker.name)?,
            Voice::Cannot => writeln!(out, "    {} cannot say it", speaker.name)?,
        }
    }
    if !taxonomy.aliases(genre).is_empty() {
        writeln!(out, "    other names for it, or for kinds of it:")?;
    }
    print_aliases(out, taxonomy.aliases(genre), 8)
}

/// Aliases with commas between them, in lines of a readable length.
fn print_aliases(out: &mut impl Write, aliases: &[String], indent: usize) -> std::io::Result<()> {
    let mut line = String::new();
    for (i, alias) in aliases.iter().enumerate() {
        let comma = if i + 1 < aliases.len() { "," } else { "" };
        if !line.is_empty() && indent + line.len() + alias.len() + 2 > ALIAS_LINE {
            writeln!(out, "{:indent$}{line}", "")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += &format!("{alias}{comma}");
    }
    if line.is_empty() { Ok(()) } else { writeln!(out, "{:indent$}{line}", "") }
}
