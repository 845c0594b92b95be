//! `reclassd doctor`: what runs the models, what else was tried, how long each model takes, how many windows at once
//! are best, which it keeps for the next start, and what is left out of every library. It opens no file of music.

mod left_out;
mod made_up;
mod rates;

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use console::style;
use reclassd::config;
use reclassd::inference::{self, Active, Batch, Choice, InferenceError, Model, ModelsFolder, Place, Tried, Wanted};
use reclassd::pipeline::{ensemble_of, start_runtime};
use serde_json::json;

use left_out::LeftOut;
use made_up::MadeUp;
use rates::Rates;

use super::output::display_path;
use super::setup::Common;
use super::{Outcome, fold};

/// How long a model is timed.
const PATIENCE: Duration = Duration::from_millis(400);

#[derive(Args)]
pub struct Arguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// How long a model takes.
struct Timed {
    name: String,
    active: Result<Duration, String>,
    embedded: Option<Duration>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let runtime = start_runtime(&config);
    // What was found best before, or is configured, is no way to time a single question.
    runtime.set_batch(Some(Batch { size: 1, wait: Duration::ZERO }));
    let ensemble = ensemble_of(&config)?;
    let gate = ensemble.gate.as_ref().map(|gate| &gate.model);
    let models: Vec<&Model> = ensemble.members.iter().map(|member| &member.model).chain(gate).collect();
    let installed = ModelsFolder::new(&config.models.folder);
    let embedded_only = runtime.active() == Active::Embedded;
    let mut timed = Vec::new();
    for model in &models {
        let name = model.manifest().name.clone();
        let active = time(model, Wanted::Active).map_err(|error| error.to_string());
        let embedded =
            if embedded_only { None } else { again(&name, &installed)?.and_then(|m| time(&m, Wanted::Embedded).ok()) };
        timed.push(Timed { name, active, embedded });
    }
    // Only now has the provider answered.
    let active = runtime.active();
    let failed = timed.iter().any(|timed| timed.active.is_err());
    let rates = match &active {
        Active::OnnxRuntime { version, provider, .. } if !failed => {
            let names = timed.iter().map(|timed| timed.name.as_str());
            let anew = names.filter_map(|name| again(name, &installed).transpose()).collect::<Result<Vec<_>, _>>()?;
            let rates = Rates::measure(runtime, &models, &anew)?;
            let batch = rates.best();
            let wait_ms = u32::try_from(batch.wait.as_millis()).unwrap_or(u32::MAX);
            let (version, provider) = (version.clone(), provider.parse()?);
            let choice = Choice { version, provider, size: batch.size, wait_ms };
            let folder = config::default_runtime_folder(|name| std::env::var_os(name)).unwrap_or_default();
            if let Err(error) = choice.keep(&folder) {
                tracing::warn!("{}: {error}: the batch size is not kept for the next start", folder.display());
            }
            Some(rates)
        }
        _ => None,
    };
    let left_out = LeftOut::of(&config.library);
    let said = Said { active, tried: runtime.tried(), timed, rates, configured: config.runtime.batch, left_out };
    let mut out = fold::stdout();
    if arguments.json {
        writeln!(out, "{}", said.as_json())?;
    } else {
        said.print(&mut out)?;
    }
    Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
}

/// All that was found out.
struct Said<'a> {
    active: Active,
    tried: &'a [Tried],
    timed: Vec<Timed>,
    /// Only of ONNX Runtime.
    rates: Option<Rates>,
    /// The batch size that the configuration asks for; 0: none.
    configured: usize,
    left_out: LeftOut<'a>,
}

/// The same model, not loaded yet.
fn again(name: &str, installed: &ModelsFolder) -> anyhow::Result<Option<Model>> {
    Ok(match inference::builtin_model(name)? {
        Some(model) => Some(model),
        None if installed.contains(name) => Some(installed.open(name)?),
        None => None,
    })
}

/// The quickest of several runs on silence.
fn time(model: &Model, wanted: Wanted) -> Result<Duration, InferenceError> {
    model.load_in(wanted)?;
    let (started, mut best) = (Instant::now(), Duration::MAX);
    let made_up = MadeUp::of(&model.manifest().input);
    while started.elapsed() < PATIENCE {
        let run = Instant::now();
        model.run(&made_up.features())?;
        best = best.min(run.elapsed());
    }
    Ok(best)
}

impl Said<'_> {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        match &self.active {
            Active::Embedded => {
                writeln!(out, "{}  tract, which is compiled in; on the processor", style("the models run in").bold())?
            }
            Active::OnnxRuntime { path, version, provider } => {
                let head = style("the models run in").bold();
                writeln!(out, "{head}  ONNX Runtime {version} on {provider}  ({})", display_path(path))?;
            }
        }
        writeln!(out, "\n{}", style("libraries that were tried").bold())?;
        for Tried { place, path, outcome } in self.tried {
            let said = match outcome {
                Ok(version) => format!("ONNX Runtime {version}"),
                Err(reason) => reason.clone(),
            };
            writeln!(out, "  {:<20}  {}: {said}", place_word(*place), display_path(path))?;
        }
        if self.tried.is_empty() {
            writeln!(out, "  none: [runtime] library = \"none\"")?;
        }
        if self.active == Active::Embedded {
            writeln!(out, "  `reclassd runtime install` fetches one; it is faster where models are large")?;
        }
        writeln!(out, "\n{}", style("a track takes").bold())?;
        for Timed { name, active, embedded } in &self.timed {
            let said = match active {
                Ok(time) => milliseconds(*time),
                Err(reason) => reason.clone(),
            };
            let beside = embedded.map(|time| format!("  (in tract {})", milliseconds(time))).unwrap_or_default();
            writeln!(out, "  {name:<20}  {said}{beside}")?;
        }
        if let Some(rates) = &self.rates {
            self.print_rates(out, rates)?;
        }
        self.left_out.print(out)
    }

    fn print_rates(&self, out: &mut impl Write, rates: &Rates) -> std::io::Result<()> {
        writeln!(out, "\n{}", style("all models, asked about many tracks").bold())?;
        for (size, rate) in rates.all() {
            let how = if *size == 1 { "one at a time".to_owned() } else { format!("{size} at a time") };
            writeln!(out, "  {how:<20}  {}", rates::words(*rate))?;
        }
        let best = rates.best();
        let how = match best.size {
            1 => "one at a time".to_owned(),
            size => format!("{size} at a time, none waiting longer than {} ms", best.wait.as_millis()),
        };
        match self.configured {
            0 => writeln!(out, "  from the next start on: {how}"),
            configured => writeln!(out, "  best: {how}; [runtime] batch says {configured}"),
        }
    }

    fn as_json(&self) -> serde_json::Value {
        let active = match &self.active {
            Active::Embedded => json!({"engine": "tract", "provider": "cpu"}),
            Active::OnnxRuntime { path, version, provider } => json!({
                "engine": "onnxruntime", "version": version, "provider": provider, "path": path.to_string_lossy(),
            }),
        };
        let tried = self.tried.iter().map(|Tried { place, path, outcome }| {
            let (version, reason) = (outcome.as_ref().ok(), outcome.as_ref().err());
            json!({"place": place_word(*place), "path": path.to_string_lossy(), "version": version, "reason": reason})
        });
        let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        let models = self.timed.iter().map(|Timed { name, active, embedded }| {
            let (time, error) = (active.as_ref().ok().map(|time| ms(*time)), active.as_ref().err());
            json!({"name": name, "milliseconds": time, "in_tract": embedded.map(ms), "error": error})
        });
        let batch = self.rates.as_ref().map(|rates| {
            let all = rates.all().iter().map(|(size, rate)| json!({"size": size, "tracks_per_second": rate}));
            let best = rates.best();
            json!({"size": best.size, "wait_ms": best.wait.as_millis() as u64, "measured": all.collect::<Vec<_>>()})
        });
        json!({
            "active": active, "tried": tried.collect::<Vec<_>>(), "models": models.collect::<Vec<_>>(), "batch": batch,
            "left_out": self.left_out.as_json(),
        })
    }
}

fn place_word(place: Place) -> &'static str {
    match place {
        Place::Environment => "$ORT_DYLIB_PATH",
        Place::Configuration => "[runtime] library",
        Place::BesideProgram => "beside the program",
        Place::Installed => "installed",
        Place::System => "the system's",
    }
}

fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
