//! Which engine this process has: the places where a library of ONNX Runtime may be are tried in order, and the first that is one is used.
//!
//! What was found, and what is active, is kept for whoever asks (`reclassd doctor`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use super::device::Device;
use super::library::{self, Opened};

/// The library's name where it stands alone.
const NAME: &str = "libonnxruntime.so";
/// What the system's own library is called.
const SYSTEM: [&str; 2] = ["libonnxruntime.so.1", "libonnxruntime.so"];

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
    path: PathBuf,
    version: String,
    device: Device,
    gpu_failed: AtomicBool,
    /// Who took the last graph.
    provider: Mutex<Device>,
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
                let provider = onnx.provider.lock().unwrap_or_else(PoisonError::into_inner).to_string();
                Active::OnnxRuntime { path: onnx.path.clone(), version: onnx.version.clone(), provider }
            }
        }
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

    /// Notes who took a graph.
    pub(super) fn runs_on(&self, device: Device) {
        *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = device;
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
    let environment = environment.map_err(|error| error.to_string().replace('\n', " "))?;
    Ok(OnnxRuntime {
        environment,
        path,
        version,
        device: settings.device,
        gpu_failed: AtomicBool::new(false),
        provider: Mutex::new(Device::Cpu),
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
            device: Device::Auto,
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
