//! A graph in ONNX Runtime. A session answers one thread at a time, so as many are made as threads ask at once.
//!
//! On a GPU that fails, in the making or in the middle, the processor goes on with the very same input: nothing is lost.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use ort::ep;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;

use super::device::Device;
use super::runtime::OnnxRuntime;

/// A loaded graph, shared by threads.
#[derive(Debug)]
pub(super) struct OnnxGraph {
    runtime: &'static OnnxRuntime,
    onnx: Cow<'static, [u8]>,
    shape: Vec<usize>,
    outputs: Vec<String>,
    lens: Vec<usize>,
    /// Those that nobody uses just now.
    idle: Mutex<Vec<Running>>,
}

/// A session and where it runs.
#[derive(Debug)]
struct Running {
    session: Session,
    device: Device,
}

impl OnnxGraph {
    pub(super) fn load(
        runtime: &'static OnnxRuntime,
        onnx: Cow<'static, [u8]>,
        shape: &[usize],
        outputs: &[&str],
    ) -> Result<Self, String> {
        let outputs = outputs.iter().map(|name| (*name).to_owned()).collect();
        let mut graph =
            Self { runtime, onnx, shape: shape.to_vec(), outputs, lens: Vec::new(), idle: Mutex::default() };
        // Whether it runs, and what it gives, shows best when it runs.
        let silence = vec![0.0; shape.iter().product()];
        graph.lens = graph.run(&silence)?.iter().map(Vec::len).collect();
        Ok(graph)
    }

    pub(super) fn output_lens(&self) -> &[usize] {
        &self.lens
    }

    pub(super) fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut running = match idle {
            Some(running) => running,
            None => self.start()?,
        };
        let mut said = self.ask(&mut running.session, input);
        if let (Err(reason), true) = (&said, running.device != Device::Cpu) {
            self.runtime.give_gpu_up(reason);
            running = self.start()?;
            said = self.ask(&mut running.session, input);
        }
        if said.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(running);
        }
        said
    }

    fn ask(&self, session: &mut Session, input: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let mut ask = || -> ort::Result<Result<Vec<Vec<f32>>, String>> {
            let tensor = TensorRef::from_array_view((self.shape.as_slice(), input))?;
            let answers = session.run(ort::inputs![tensor])?;
            let mut said = Vec::with_capacity(self.outputs.len());
            for name in &self.outputs {
                let Some(answer) = answers.get(name) else { return Ok(Err(format!("it has no output `{name}`"))) };
                said.push(answer.try_extract_tensor::<f32>()?.1.to_vec());
            }
            Ok(Ok(said))
        };
        ask().map_err(|error| one_line(&error))?
    }

    /// A session on the device that is wanted, else on the processor.
    fn start(&self) -> Result<Running, String> {
        let device = self.runtime.device();
        let wanted = match device {
            Device::Cpu => None,
            Device::Auto => Some((Device::Cuda(0), self.session_on_cuda(0))),
            Device::Cuda(number) => Some((device, self.session_on_cuda(number))),
            Device::TensorRt(number) => Some((device, self.session_on_tensorrt(number))),
        };
        match wanted {
            Some((device, Ok(session))) => {
                self.runtime.runs_on(device);
                return Ok(Running { session, device });
            }
            Some((_, Err(reason))) => self.runtime.give_gpu_up(&reason),
            None => {}
        }
        let session = self.commit(Ok)?;
        Ok(Running { session, device: Device::Cpu })
    }

    fn session_on_cuda(&self, number: u16) -> Result<Session, String> {
        let cuda = ep::CUDA::default().with_device_id(number.into()).build().error_on_failure();
        self.commit(|builder| Ok(builder.with_execution_providers([cuda])?))
    }

    fn session_on_tensorrt(&self, number: u16) -> Result<Session, String> {
        let tensorrt = ep::TensorRT::default().with_device_id(number.into()).build().error_on_failure();
        let cuda = ep::CUDA::default().with_device_id(number.into()).build().error_on_failure();
        self.commit(|builder| Ok(builder.with_execution_providers([tensorrt, cuda])?))
    }

    fn commit(&self, configure: impl FnOnce(SessionBuilder) -> ort::Result<SessionBuilder>) -> Result<Session, String> {
        let commit = || -> ort::Result<Session> {
            // Tracks run side by side: a session that took more threads would only get into their way.
            let builder = Session::builder(&self.runtime.environment)?.with_intra_threads(1)?.with_inter_threads(1)?;
            let builder = builder.with_log_level(LogLevel::Fatal)?;
            configure(builder)?.commit_from_memory(&self.onnx)
        };
        let session = commit().map_err(|error| one_line(&error))?;
        match session.inputs().len() {
            1 => Ok(session),
            inputs => Err(format!("it has {inputs} inputs, expected one")),
        }
    }
}

fn one_line(error: &ort::Error) -> String {
    error.to_string().replace('\n', " ")
}
