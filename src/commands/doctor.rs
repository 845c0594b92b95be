//! `reclassd doctor`: what runs the models, what else was tried, and how long each model takes. It opens no file of music.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use console::style;
use reclassd::inference::{
    self, Active, InferenceError, Model, ModelFeatures, ModelInput, ModelsFolder, Place, Tried, Wanted,
};
use reclassd::pipeline::{ensemble_of, start_runtime};
use serde_json::json;

use super::Outcome;
use super::output::display_path;
use super::setup::Common;

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
    let ensemble = ensemble_of(&config)?;
    let gate = ensemble.gate.as_ref().map(|gate| &gate.model);
    let models = ensemble.members.iter().map(|member| &member.model).chain(gate);
    let installed = ModelsFolder::new(&config.models.folder);
    let embedded_only = runtime.active() == Active::Embedded;
    let mut timed = Vec::new();
    for model in models {
        let name = model.manifest().name.clone();
        let active = time(model, Wanted::Active).map_err(|error| error.to_string());
        let embedded =
            if embedded_only { None } else { again(&name, &installed)?.and_then(|m| time(&m, Wanted::Embedded).ok()) };
        timed.push(Timed { name, active, embedded });
    }
    // Only now has the provider answered.
    let active = runtime.active();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", as_json(&active, runtime.tried(), &timed))?;
    } else {
        print(&mut out, &active, runtime.tried(), &timed)?;
    }
    let failed = timed.iter().any(|timed| timed.active.is_err());
    Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
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

/// Numbers in the form that a model takes, of half a minute.
struct MadeUp {
    values: Vec<f32>,
    kind: Kind,
}

enum Kind {
    Fma518,
    LogMel { n_mels: usize, n_frames: usize },
    MusicnnMel,
    Mel { n_mels: usize },
    Waveform,
    Joined,
}

impl MadeUp {
    fn of(input: &ModelInput) -> Self {
        const SECONDS: usize = 30;
        let (size, kind) = match input {
            ModelInput::Fma518 { .. } => (reclassd::features::FMA518_LEN, Kind::Fma518),
            ModelInput::Joined(input) => (input.size(), Kind::Joined),
            ModelInput::MusicnnMel(_) => (SECONDS * 63 * 96, Kind::MusicnnMel),
            ModelInput::Waveform(input) => (SECONDS * input.sample_rate as usize, Kind::Waveform),
            other => match (other.log_mel(), other.mel()) {
                (Some(mel), _) => {
                    let n_frames = SECONDS * mel.sample_rate as usize / mel.hop_length + 1;
                    (n_frames * mel.n_mels, Kind::LogMel { n_mels: mel.n_mels, n_frames })
                }
                (None, Some(mel)) => {
                    let n_frames = SECONDS * mel.sample_rate as usize / mel.hop_length + 1;
                    (n_frames * mel.n_mels, Kind::Mel { n_mels: mel.n_mels })
                }
                (None, None) => (0, Kind::Joined),
            },
        };
        // No two alike, and small: a model may not care for constants.
        Self { values: (0..size).map(|i| (i as f32 * 0.37).sin() * 0.5).collect(), kind }
    }

    fn features(&self) -> ModelFeatures<'_> {
        let data = self.values.as_slice();
        match self.kind {
            Kind::Fma518 => ModelFeatures::Fma518(data),
            Kind::LogMel { n_mels, n_frames } => ModelFeatures::LogMel { data, n_mels, n_frames },
            Kind::MusicnnMel => ModelFeatures::MusicnnMel(data),
            Kind::Mel { n_mels } => ModelFeatures::Mel { data, n_mels },
            Kind::Waveform => ModelFeatures::Waveform(data),
            Kind::Joined => ModelFeatures::Joined(data),
        }
    }
}

fn print(out: &mut impl Write, active: &Active, tried: &[Tried], timed: &[Timed]) -> std::io::Result<()> {
    match active {
        Active::Embedded => {
            writeln!(out, "{}  tract, which is compiled in; on the processor", style("the models run in").bold())?
        }
        Active::OnnxRuntime { path, version, provider } => {
            let head = style("the models run in").bold();
            writeln!(out, "{head}  ONNX Runtime {version} on {provider}  ({})", display_path(path))?;
        }
    }
    writeln!(out, "\n{}", style("libraries that were tried").bold())?;
    for Tried { place, path, outcome } in tried {
        let said = match outcome {
            Ok(version) => format!("ONNX Runtime {version}"),
            Err(reason) => reason.clone(),
        };
        writeln!(out, "  {:<20}  {}: {said}", place_word(*place), display_path(path))?;
    }
    if tried.is_empty() {
        writeln!(out, "  none: [runtime] library = \"none\"")?;
    }
    if *active == Active::Embedded {
        writeln!(out, "  `reclassd runtime install` fetches one; it is faster where models are large")?;
    }
    writeln!(out, "\n{}", style("a track takes").bold())?;
    for Timed { name, active, embedded } in timed {
        let said = match active {
            Ok(time) => milliseconds(*time),
            Err(reason) => reason.clone(),
        };
        let beside = embedded.map(|time| format!("  (in tract {})", milliseconds(time))).unwrap_or_default();
        writeln!(out, "  {name:<20}  {said}{beside}")?;
    }
    Ok(())
}

fn as_json(active: &Active, tried: &[Tried], timed: &[Timed]) -> serde_json::Value {
    let active = match active {
        Active::Embedded => json!({"engine": "tract", "provider": "cpu"}),
        Active::OnnxRuntime { path, version, provider } => {
            json!({"engine": "onnxruntime", "version": version, "provider": provider, "path": path.to_string_lossy()})
        }
    };
    let tried = tried.iter().map(|Tried { place, path, outcome }| {
        let (version, reason) = (outcome.as_ref().ok(), outcome.as_ref().err());
        json!({"place": place_word(*place), "path": path.to_string_lossy(), "version": version, "reason": reason})
    });
    let ms = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let models = timed.iter().map(|Timed { name, active, embedded }| {
        let (time, error) = (active.as_ref().ok().map(|time| ms(*time)), active.as_ref().err());
        json!({"name": name, "milliseconds": time, "in_tract": embedded.map(ms), "error": error})
    });
    json!({"active": active, "tried": tried.collect::<Vec<_>>(), "models": models.collect::<Vec<_>>()})
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
