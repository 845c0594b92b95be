//! Which engine this process has: the places where a library of ONNX Runtime may be are tried in order, and the first
//! that is one is used.
//!
//! What was found, and what is active, is kept for whoever asks (`reclassd doctor`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ort::environment::Environment;

use super::arena;
use super::batch::{Batch, Gatherer};
use super::choice::Choice;
use super::device::Device;
use super::library::{self, Opened};
use super::onnxruntime::{Sessions, one_line};

/// The library's name where it stands alone.
const NAME: &str = "libonnxruntime.so";
/// What the system's own library is called.
const SYSTEM: [&str; 2] = ["libonnxruntime.so.1", "libonnxruntime.so"];

/// Batches on a GPU, unless somebody chose: what fills one at the rate at which a few cores make features.
const ON_A_GPU: Batch = Batch { size: 32, wait: Duration::from_millis(5) };
/// On the processor examples in a batch take as long as one after the other (see `docs/performance.md`), and the
/// workers share the cores best when each asks for itself.
const ON_THE_PROCESSOR: Batch = Batch { size: 1, wait: Duration::ZERO };

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// What a configuration says of the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// The library of ONNX Runtime; empty: look for one; `none`: use what is compiled in.
    pub library: PathBuf,
    /// Where graphs run.
    pub device: Device,
    /// The folder that `reclassd runtime install` installs into; empty: none.
    pub folder: PathBuf,
    /// How what several workers ask is gathered; none: as it was found to be best, or as it suits the device.
    pub batch: Option<Batch>,
}

/// Why a library was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `$ORT_DYLIB_PATH` names it.
    Environment,
    /// The configuration names it.
    Configuration,
    /// It lies beside the program.
    BesideProgram,
    /// It was installed.
    Installed,
    /// The system has it.
    System,
}

/// A library that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Why.
    pub place: Place,
    /// Its path, or the name that the system looked up.
    pub path: PathBuf,
    /// Its version, or why it is not used.
    pub outcome: Result<String, String>,
}

/// The engine of this process.
#[derive(Debug)]
pub struct Runtime {
    tried: Vec<Tried>,
    onnx: Option<OnnxRuntime>,
}

/// What is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Active {
    /// tract, which is compiled in.
    Embedded,
    /// A library of ONNX Runtime.
    OnnxRuntime {
        /// Its file.
        path: PathBuf,
        /// Its version.
        version: String,
        /// Who computes: `cpu`, `cuda:0`, by the word of the provider itself once a graph was loaded.
        provider: String,
    },
}

/// A library of ONNX Runtime that works.
#[derive(Debug)]
pub(super) struct OnnxRuntime {
    pub(super) environment: Environment,
    pub(super) shares_arena: bool,
    path: PathBuf,
    version: String,
    device: Device,
    gpu_failed: AtomicBool,
    memory_was_short: AtomicBool,
    /// Who took the last graph.
    provider: Mutex<Device>,
    batch: Mutex<Option<Batch>>,
    found_best: Option<Choice>,
    gatherer: OnceLock<Option<Gatherer<Sessions>>>,
}

impl Runtime {
    /// Finds and opens the engine, the first time; later calls give the same one, whatever they ask for.
    pub fn start(settings: &RuntimeSettings) -> &'static Self {
        RUNTIME.get_or_init(|| Self::find(settings))
    }

    /// The version of a library that could be used. It stays open until the process ends.
    ///
    /// # Errors
    /// Why it cannot, on one line.
    pub fn check(library: &Path) -> Result<String, String> {
        library::open(library).map(|opened| opened.version)
    }

    /// The engine, if it was started.
    pub fn started() -> Option<&'static Self> {
        RUNTIME.get()
    }

    /// Every library that was tried, in order.
    pub fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// What is active now: a GPU that failed is not.
    pub fn active(&self) -> Active {
        match &self.onnx {
            None => Active::Embedded,
            Some(onnx) => {
                let provider = onnx.provider().to_string();
                Active::OnnxRuntime { path: onnx.path.clone(), version: onnx.version.clone(), provider }
            }
        }
    }

    /// How questions are gathered now; a size of 1: they are not.
    pub fn batch(&self) -> Batch {
        self.onnx.as_ref().map_or(ON_THE_PROCESSOR, OnnxRuntime::batch)
    }

    /// Gathers them in another way from now on. Models that were loaded when nothing was gathered go on taking one
    /// example at a time.
    pub fn set_batch(&self, batch: Option<Batch>) {
        if let Some(onnx) = &self.onnx {
            *onnx.batch.lock().unwrap_or_else(PoisonError::into_inner) = batch;
        }
    }

    /// Whether workers wait for an inference thread, and do not compute themselves.
    pub fn gathers(&self) -> bool {
        self.onnx.as_ref().is_some_and(OnnxRuntime::gathers)
    }

    pub(super) fn onnx(&self) -> Option<&OnnxRuntime> {
        self.onnx.as_ref()
    }

    fn find(settings: &RuntimeSettings) -> Self {
        let mut runtime = Self { tried: Vec::new(), onnx: None };
        if settings.library == Path::new("none") {
            return runtime;
        }
        for (place, path) in places(settings, |name| std::env::var_os(name).map(PathBuf::from)) {
            let opened =
                library::open(&path).and_then(|opened| Ok((opened.version.clone(), use_library(opened, settings)?)));
            let is_named = matches!(place, Place::Environment | Place::Configuration);
            let outcome = match opened {
                Ok((version, onnx)) => {
                    runtime.onnx = Some(onnx);
                    Ok(version)
                }
                Err(reason) => Err(reason),
            };
            match &outcome {
                Ok(version) => tracing::info!("ONNX Runtime {version}: {}", path.display()),
                Err(reason) if is_named => {
                    tracing::warn!(
                        "{}: {reason}; the models run without it: `reclassd doctor` says on what",
                        path.display()
                    );
                }
                Err(reason) => tracing::debug!("{}: {reason}", path.display()),
            }
            runtime.tried.push(Tried { place, path, outcome });
            if runtime.onnx.is_some() {
                break;
            }
        }
        runtime
    }
}

impl OnnxRuntime {
    /// Where the next graph should run.
    pub(super) fn device(&self) -> Device {
        if self.gpu_failed.load(Ordering::Relaxed) { Device::Cpu } else { self.device }
    }

    /// How questions are gathered now.
    pub(super) fn batch(&self) -> Batch {
        let chosen = *self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let provider = self.provider();
        let found_best = || self.found_best.as_ref()?.holds_for(&self.version, provider);
        chosen.or_else(found_best).unwrap_or(if provider == Device::Cpu { ON_THE_PROCESSOR } else { ON_A_GPU })
    }

    /// Whether the inference thread asks for all: a GPU wants that, whatever the size.
    pub(super) fn gathers(&self) -> bool {
        self.provider() != Device::Cpu || self.batch().size > 1
    }

    /// The inference thread, where there should be one.
    pub(super) fn gatherer(&'static self) -> Option<&'static Gatherer<Sessions>> {
        if !self.gathers() {
            return None;
        }
        let start =
            || Gatherer::start(|| self.batch()).inspect_err(|error| tracing::warn!("no inference thread: {error}"));
        self.gatherer.get_or_init(|| start().ok()).as_ref()
    }

    /// Where tracks run side by side, a session that took more than one thread would only get into their way; where the
    /// inference thread asks for all on the processor, nobody else computes.
    pub(super) fn threads_a_session(&self) -> usize {
        let is_one_of_many = self.provider() != Device::Cpu || self.batch().size == 1;
        if is_one_of_many { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }

    fn provider(&self) -> Device {
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who took a graph.
    pub(super) fn runs_on(&self, device: Device) {
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = device;
    }

    /// Says, once, that batches are smaller than they should be.
    pub(super) fn memory_is_short(&self, from: usize, to: usize) {
        if !self.memory_was_short.swap(true, Ordering::Relaxed) {
            let device = self.provider();
            tracing::warn!("{device} has too little memory for batches of {from}: {to} at a time from now on");
        }
    }

    /// Gives the GPU up for the rest of the process, and says so once.
    pub(super) fn give_gpu_up(&self, reason: &str) {
        self.runs_on(Device::Cpu);
        if !self.gpu_failed.swap(true, Ordering::Relaxed) {
            match self.device {
                // Nobody asked for a GPU: that there is none is no news.
                Device::Auto => tracing::debug!("no GPU: {reason}"),
                device => tracing::warn!("{device} cannot be used, the processor goes on: {reason}"),
            }
        }
    }
}

/// Where a library may be, in the order in which they are tried.
fn places(settings: &RuntimeSettings, environment: impl Fn(&str) -> Option<PathBuf>) -> Vec<(Place, PathBuf)> {
    let mut places = Vec::new();
    let named = environment("ORT_DYLIB_PATH").filter(|path| !path.as_os_str().is_empty());
    places.extend(named.map(|path| (Place::Environment, path)));
    if !settings.library.as_os_str().is_empty() {
        places.push((Place::Configuration, settings.library.clone()));
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(NAME)));
    places.extend(beside.filter(|path| path.exists()).map(|path| (Place::BesideProgram, path)));
    let installed = settings.folder.join(NAME);
    if !settings.folder.as_os_str().is_empty() && installed.exists() {
        places.push((Place::Installed, installed));
    }
    places.extend(SYSTEM.map(|name| (Place::System, PathBuf::from(name))));
    places
}

fn use_library(opened: Opened, settings: &RuntimeSettings) -> Result<OnnxRuntime, String> {
    let Opened { path, version, api } = opened;
    if !ort::set_api(api) {
        return Err("another library is in use already".to_owned());
    }
    let environment = ort::init().with_name("reclassd").with_telemetry(false).build();
    let environment = environment.map_err(|error| one_line(&error))?;
    let shares_arena =
        arena::share(&environment).inspect_err(|reason| tracing::debug!("no shared arena: {reason}")).is_ok();
    Ok(OnnxRuntime {
        environment,
        shares_arena,
        path,
        version,
        device: settings.device,
        gpu_failed: AtomicBool::new(false),
        memory_was_short: AtomicBool::new(false),
        provider: Mutex::new(Device::Cpu),
        batch: Mutex::new(settings.batch),
        found_best: Choice::read(&settings.folder),
        gatherer: OnceLock::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_comes_before_what_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "").unwrap();
        let settings = RuntimeSettings {
            library: PathBuf::from("/configured.so"),
            folder: folder.path().to_owned(),
            ..RuntimeSettings::default()
        };
        let named = |name: &str| (name == "ORT_DYLIB_PATH").then(|| PathBuf::from("/named.so"));
        let order: Vec<Place> = places(&settings, named).into_iter().map(|(place, _)| place).collect();
        assert_eq!(order, [Place::Environment, Place::Configuration, Place::Installed, Place::System, Place::System]);
        let order: Vec<Place> =
            places(&RuntimeSettings::default(), |_| None).into_iter().map(|(place, _)| place).collect();
        assert_eq!(order, [Place::System, Place::System]);
    }

    #[test]
    fn no_library_is_looked_for_where_none_is_wanted() {
        let settings = RuntimeSettings { library: PathBuf::from("none"), ..RuntimeSettings::default() };
        let runtime = Runtime::find(&settings);
        assert!(runtime.tried().is_empty());
        assert_eq!(runtime.active(), Active::Embedded);
    }
}
