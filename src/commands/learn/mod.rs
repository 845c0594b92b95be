//! `reclassd learn`: learns a model of this library, shows how good it is, and looks after what was learned before. The
//! work is the library's (`learning`); here are arguments, the one question and where the results go.

mod report;

use std::io::{BufRead, Write};

use clap::Args;
use reclassd::config::Config;
use reclassd::inference::learned_folder;
use reclassd::learning::{self, Enough, Generations, Report, Request};
use reclassd::store::Store;
use serde_json::json;

use super::setup::Common;
use super::{Outcome, WrongUse, global_options};
use crate::commands::output::display_path;

/// What the answer is kept under.
const QUESTION: &str = "learn from tags";

#[derive(Args)]
pub struct Arguments {
    /// Learn from the genres in the library's own tags too, but those that reclassd wrote
    #[arg(long)]
    from_tags: bool,
    /// Tracks that a genre needs to be learned, from at least three artists [default: [learn] min_tracks]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    min_tracks: Option<u32>,
    /// The share of written genres that has to be right [default: [learn] precision]
    #[arg(long, value_name = "SHARE")]
    precision: Option<f64>,
    /// Say how good it would be, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// List the tracks whose own tag is likely wrong, and change nothing
    #[arg(long, requires = "from_tags")]
    suspects: bool,
    /// List the tracks whose answers would help most
    #[arg(long, value_name = "N", conflicts_with_all = ["dry_run", "suspects"])]
    ask: Option<usize>,
    /// Propose [tags.names]: the words that the library's own tags use for our genres
    #[arg(long, conflicts_with_all = ["dry_run", "suspects", "ask"])]
    names: bool,
    /// List what was learned
    #[arg(long, conflicts_with_all = ["dry_run", "suspects", "ask", "names"])]
    list: bool,
    /// Go back to what was learned before
    #[arg(long, conflicts_with_all = ["dry_run", "suspects", "ask", "names", "list"])]
    rollback: bool,
    /// Do without what was learned, and remove it
    #[arg(long, conflicts_with_all = ["dry_run", "suspects", "ask", "names", "list", "rollback"])]
    forget: bool,
    /// Say what the vote makes of every known track, from memory, and how fast
    #[arg(long, hide = true, conflicts_with_all = ["dry_run", "suspects", "ask", "names", "list", "rollback", "forget"])]
    judge: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let generations = Generations::new(learned_folder(&arguments.common.database(&config)?));
    if arguments.list {
        return list(arguments, &generations);
    }
    if arguments.rollback {
        let number = generations.lock()?.roll_back()?;
        println!("generation {number} votes again; the next scan judges all known tracks anew");
        return Ok(Outcome::Done);
    }
    if arguments.forget {
        generations.lock()?.forget()?;
        println!("forgotten; the next scan judges all known tracks without it");
        return Ok(Outcome::Done);
    }
    let store = arguments.common.open_store(&config)?;
    if let Some(n) = arguments.ask {
        return ask(arguments, &store, &config, n);
    }
    if arguments.judge {
        return judge(&store, &config);
    }
    if arguments.names {
        return names(arguments, &store, &config);
    }
    let precision = arguments.precision.unwrap_or(config.learn.precision);
    if !(precision > 0.5 && precision < 1.0) {
        return Err(WrongUse(format!("--precision must lie above 0.5 and below 1, not {precision}")).into());
    }
    if arguments.from_tags && !arguments.dry_run && !arguments.suspects && !may_use_tags(&store)? {
        return Ok(Outcome::Done);
    }
    let tracks = arguments.min_tracks.unwrap_or(config.learn.min_tracks) as usize;
    let request = Request { from_tags: arguments.from_tags, enough: Enough { tracks, artists: 3 }, precision };
    let report = if arguments.dry_run || arguments.suspects {
        learning::learn(&store, &config, request)?.report
    } else {
        let locked = generations.lock()?;
        let learnt = learning::learn(&store, &config, request)?;
        let report = learning::adopt(learnt, &locked)?;
        locked.remember_request(&request, &store)?;
        learning::see_to_review(&store, &config, &report)?;
        report
    };
    show(arguments, &report)?;
    Ok(Outcome::Done)
}

fn show(arguments: &Arguments, report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(report)?)?;
    } else if arguments.suspects {
        for suspect in &report.suspects {
            writeln!(
                out,
                "{:.2}  {} → {}  {}",
                suspect.probability,
                suspect.tagged.join(", "),
                suspect.sounds_like,
                display_path(&suspect.path)
            )?;
        }
        writeln!(
            out,
            "{}",
            match report.suspects.len() {
                0 => "no tag looks wrong".to_owned(),
                1 => "1 track whose tag is likely wrong".to_owned(),
                n => format!("{n} tracks whose tags are likely wrong, the likeliest first"),
            }
        )?;
    } else {
        write!(out, "{}", report::text(report))?;
    }
    Ok(())
}

/// Asks once, on a terminal; elsewhere the option is the answer.
fn may_use_tags(store: &Store) -> anyhow::Result<bool> {
    let somebody = global_options::may_ask();
    if !somebody || store.answer(QUESTION)?.as_deref() == Some("yes") {
        return Ok(true);
    }
    let mut err = std::io::stderr().lock();
    write!(
        err,
        "the genres in your tags become examples of what you call what; wrong ones are found as far as the sound tells, and no file is \
         changed by learning.\nlearn from them? [y/N] "
    )?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if yes {
        store.keep_answer(QUESTION, "yes")?;
    } else {
        writeln!(err, "nothing was learned; `reclassd learn` learns from what you chose by hand")?;
    }
    Ok(yes)
}

fn ask(arguments: &Arguments, store: &Store, config: &Config, n: usize) -> anyhow::Result<Outcome> {
    let mut out = std::io::stdout().lock();
    let most_telling = learning::most_telling(store, config, n)?;
    if most_telling.is_empty() && !arguments.json {
        let what = "nothing to ask about: what waits was decided, sounds like no music, or was not scanned yet";
        writeln!(out, "{what} (`reclassd scan`)")?;
    }
    for asked in most_telling {
        if arguments.json {
            let object = json!({
                "path": asked.path.to_string_lossy(), "genre": asked.genre, "confidence": asked.confidence, "stands_for": asked.stands_for,
            });
            writeln!(out, "{object}")?;
        } else {
            let genre = asked.genre.as_deref().unwrap_or("(no genre)");
            writeln!(out, "{:.2}  {genre}  {}", asked.confidence, display_path(&asked.path))?;
        }
    }
    Ok(Outcome::Done)
}

/// One JSON object a track, and on standard error how long it took: what `models/training/learning.py` reads.
fn judge(store: &Store, config: &Config) -> anyhow::Result<Outcome> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let speed = learning::judge(store, config, |judged| {
        let (genre, confidence) = judged.ranking.first().map_or(("", 0.0), |(genre, p)| (genre.as_str(), *p));
        let guess = judged.guess.as_ref().map(|genre| genre.as_str());
        writeln!(
            out,
            "{}",
            json!({
                "path": judged.path.to_string_lossy(), "genre": genre, "confidence": confidence, "guess": guess,
            })
        )
    })?;
    out.flush()?;
    eprintln!(
        "{} tracks: {:.0} tracks/s through models and vote, {:.0} with the database",
        speed.tracks,
        speed.tracks as f64 / speed.judging.as_secs_f64().max(1e-9),
        speed.tracks as f64 / speed.all.as_secs_f64().max(1e-9)
    );
    Ok(Outcome::Done)
}

fn names(arguments: &Arguments, store: &Store, config: &Config) -> anyhow::Result<Outcome> {
    let found = learning::names_in_use(store, config)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for name in &found {
            writeln!(
                out,
                "{}",
                json!({"genre": name.genre.as_str(), "name": name.name, "tracks": name.tracks, "of": name.of})
            )?;
        }
        return Ok(Outcome::Done);
    }
    if found.is_empty() {
        writeln!(out, "the library's tags use no other word for any of our genres")?;
        return Ok(Outcome::Done);
    }
    writeln!(
        out,
        "# what the library's own tags call our genres; put it into the configuration if it suits you\n[tags.names]"
    )?;
    for name in &found {
        let (key, value) = (toml_text(name.genre.as_str()), toml_text(&name.name));
        writeln!(out, "{key} = {value}  # {} of {} tracks", name.tracks, name.of)?;
    }
    Ok(Outcome::Done)
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(arguments: &Arguments, generations: &Generations) -> anyhow::Result<Outcome> {
    let (numbers, current) = (generations.numbers()?, generations.current());
    let mut out = std::io::stdout().lock();
    if numbers.is_empty() && !arguments.json {
        writeln!(out, "nothing was learned from this library yet: `reclassd learn` does")?;
    }
    for number in numbers {
        let text = std::fs::read_to_string(generations.file(number, learning::REPORT_FILE)).unwrap_or_default();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let is_current = current == Some(number);
        if arguments.json {
            writeln!(out, "{}", json!({"generation": number, "in_use": is_current, "report": report}))?;
            continue;
        }
        let genres: Vec<&str> =
            report["genres"].as_array().into_iter().flatten().filter_map(|genre| genre["name"].as_str()).collect();
        let percent = |key: &str| 100.0 * report["comparison"][key]["top1"].as_f64().unwrap_or(0.0);
        writeln!(
            out,
            "{} generation {number}: {} examples, right in {:.1} % where it was {:.1} %; {}",
            if is_current { '*' } else { ' ' },
            report["examples"],
            percent("after"),
            percent("before"),
            genres.join(", ")
        )?;
    }
    Ok(Outcome::Done)
}
