//! `reclassd tag`: write a genre that the owner chose, show what the tags hold, or hand files back to the scans.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use console::style;
use reclassd::config::Config;
use reclassd::genre::Taxonomy;
use reclassd::pipeline::{ByHand, HandError};
use reclassd::tagging::{self, TagState};
use serde_json::json;

use super::by_hand::{self, Tally, Words};
use super::hints::Named;
use super::interrupt::cancel_on_signal;
use super::output::{JsonPath, display_from_here, display_path};
use super::setup::{self, Common};
use super::{Outcome, WrongUse, fold, global_options};

/// Characters at which some player takes a name apart.
const SPLITS: [char; 5] = [';', '/', ',', '|', '\\'];

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["genre", "show", "forget"])))]
pub struct Arguments {
    /// Files; of a folder, every file that a scan would take
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Write this genre, in place of whatever genre the file has, and keep scans away from the file; give it again for
    /// several
    #[arg(long, value_name = "NAME", value_parser = Named::genre(), hide_possible_values = true)]
    genre: Vec<String>,
    /// Print genre, tempo, key, mood and RECLASSD fields, as each tag of the files holds them; writes nothing
    #[arg(long)]
    show: bool,
    /// Let scans decide about these files again; writes nothing into them
    #[arg(long)]
    forget: bool,
    /// Write nothing; say what would be written
    #[arg(short = 'n', long, requires = "genre")]
    dry_run: bool,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    setup::require_paths(&arguments.paths)?;
    check_names(&arguments.genre)?;
    let config = arguments.common.load()?;
    tell_known_names(&config, &arguments.genre)?;
    let cancel = cancel_on_signal()?;
    let store = arguments.common.open_store(&config)?;
    let hand = ByHand::new(&config, store, arguments.dry_run)?;
    let mut tally = Tally::default();
    if !arguments.genre.is_empty() {
        hand.recover()?;
    }
    by_hand::for_each_file(&config, &arguments.paths, &cancel, |path| {
        if arguments.show {
            return show(arguments, &hand, path, &mut tally);
        }
        if arguments.forget {
            return forget(arguments, &hand, path, &mut tally);
        }
        let words = Words { done: "tagged", would: "would tag", json: arguments.json };
        match hand.choose(path, &arguments.genre) {
            // The database concerns every file.
            Err(HandError::Store(error)) => Err(error.into()),
            answer => Ok(by_hand::tell(words, path, &answer, &mut tally)?),
        }
    })?;
    tally.interrupted = cancel.is_requested();
    match (arguments.show, arguments.forget) {
        (true, _) => {}
        (_, true) => tally.say(arguments.json, ("forgotten", ""), false)?,
        _ => tally.say(arguments.json, ("tagged", "would be tagged"), arguments.dry_run)?,
    }
    Ok(tally.outcome())
}

fn check_names(genres: &[String]) -> anyhow::Result<()> {
    for name in genres {
        if name.trim().is_empty() || name.contains('\0') {
            let what = "--genre needs a name; to take a genre of reclassd's away, see `reclassd undo`";
            return Err(WrongUse(what.to_owned()).into());
        }
        if let Some(character) = name.chars().find(|c| SPLITS.contains(c)) {
            let shown = display_path(Path::new(name));
            let hint = format!(
                "reclassd: some players take \"{shown}\" apart at its \"{character}\"; several genres are given as several --genre"
            );
            eprintln!("{}", fold::for_stderr(&hint));
        }
    }
    Ok(())
}

/// What is written as it was said may be a genre that other files have in another spelling.
fn tell_known_names(config: &Config, genres: &[String]) -> anyhow::Result<()> {
    if genres.is_empty() || global_options::quiet() {
        return Ok(());
    }
    let (taxonomy, naming) = (Taxonomy::builtin()?, config.tags.naming()?);
    for name in genres {
        let Some(word) = taxonomy.canonical_exact(name).and_then(|genre| naming.word(genre)) else { continue };
        if word != name.trim() {
            let name = display_path(Path::new(name));
            let quotes = if word.contains(' ') { "'" } else { "" };
            let hint =
                format!("\"{name}\" is written as you say it; it is known as {word}: --genre {quotes}{word}{quotes}");
            eprintln!("{}", fold::for_stderr(&format!("reclassd: {hint}")));
        }
    }
    Ok(())
}

fn show(arguments: &Arguments, hand: &ByHand, path: &Path, tally: &mut Tally) -> anyhow::Result<()> {
    let canonical = setup::canonical(path)?;
    let choice = hand.store().choice_as_known(&canonical)?;
    let mut out = fold::stdout();
    let state = match tagging::read(path) {
        Ok(state) => state,
        Err(error) => {
            tally.failed += 1;
            let reason = error.reason();
            if arguments.json {
                let mut object = serde_json::to_value(JsonPath::from(by_hand::as_json_names_it(path).as_path()))?;
                object["reason"] = json!(reason);
                writeln!(out, "{object}")?;
            } else {
                writeln!(
                    out,
                    "{}\n  {}: {reason}",
                    style(display_from_here(path)).bold(),
                    style("failed").red().bold()
                )?;
            }
            return Ok(());
        }
    };
    tally.done += 1;
    if arguments.json {
        let fields = state.fields.iter();
        let fields: Vec<_> = fields
            .map(|held| json!({"tag": held.scope.to_string(), "field": held.name, "values": held.values}))
            .collect();
        let mut object = serde_json::to_value(JsonPath::from(by_hand::as_json_names_it(path).as_path()))?;
        object["container"] = json!(state.container.to_string());
        object["genre"] = json!(state.genres);
        object["genre_is_ours"] = json!(state.genre_is_ours());
        object["fields"] = json!(fields);
        let decided = choice.as_ref().filter(|choice| choice.origin != tagging::Origin::HandedBack);
        object["owners_choice"] = json!(decided.map(|choice| &choice.genres));
        object["choice"] = json!(choice.as_ref().map(|choice| by_hand::word_of(choice.origin)));
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(out, "{}  {}", style(display_from_here(path)).bold(), state.container)?;
    print_fields(&mut out, &state)?;
    if let Some(choice) = choice {
        writeln!(out, "  {}", by_hand::origin_in_words(choice.origin))?;
    }
    Ok(())
}

fn print_fields(out: &mut impl Write, state: &TagState) -> std::io::Result<()> {
    if state.fields.is_empty() {
        return writeln!(out, "  no genre, no RECLASSD fields");
    }
    let width = |text: &dyn Fn(&tagging::HeldField) -> String| {
        state.fields.iter().map(|held| console::measure_text_width(&text(held))).max().unwrap_or(0)
    };
    let (tags, names) = (width(&|held| held.scope.to_string()), width(&|held| held.name.clone()));
    for held in &state.fields {
        let values = by_hand::shown(&held.values);
        writeln!(out, "  {:<tags$}  {:<names$}  {values}", held.scope.to_string(), held.name)?;
    }
    Ok(())
}

fn forget(arguments: &Arguments, hand: &ByHand, path: &Path, tally: &mut Tally) -> anyhow::Result<()> {
    let forgotten = hand.forget(path)?;
    let counter = if forgotten { &mut tally.done } else { &mut tally.unchanged };
    *counter += 1;
    let mut out = fold::stdout();
    if arguments.json {
        let mut object = serde_json::to_value(JsonPath::from(by_hand::as_json_names_it(path).as_path()))?;
        object["forgotten"] = json!(forgotten);
        writeln!(out, "{object}")?;
    } else if forgotten && !global_options::quiet() {
        writeln!(out, "{:<10}  {}", style("forgotten").green(), display_from_here(path))?;
    }
    Ok(())
}
