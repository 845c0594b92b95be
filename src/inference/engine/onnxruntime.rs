//! A graph in ONNX Runtime. On the processor each worker asks a session of its own, as many as ask at once; on a GPU,
//! or where batches are wanted, the inference thread asks one for all.
//!
//! On a GPU that fails, in the making or in the middle, the processor goes on with the very same input: nothing is
//! lost.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use ort::ep;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::TensorRef;

use super::Outputs;
use super::attempts::{Failure, Limit, in_batches};
use super::batch::{Answers, Pending};
use super::device::Device;
use super::open_batch::with_open_batch;
use super::runtime::OnnxRuntime;

/// How much the answer to one of several examples may differ from the answer to it alone, for a graph that takes
/// several at once.
const TOLERANCE: f32 = 1e-3;

/// A loaded graph, shared by threads.
#[derive(Debug)]
pub(super) struct OnnxGraph {
    sessions: Arc<Sessions>,
    lens: Vec<usize>,
}

/// What makes sessions of a graph, and those that it made.
#[derive(Debug)]
pub(super) struct Sessions {
    runtime: &'static OnnxRuntime,
    onnx: Cow<'static, [u8]>,
    shape: Vec<usize>,
    outputs: Vec<String>,
    limit: Limit,
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
        let outputs: Vec<String> = outputs.iter().map(|name| (*name).to_owned()).collect();
        let sessions = Sessions::new(runtime, onnx, shape, outputs);
        // Whether it runs, and what it gives, shows best when it runs.
        let silence = vec![0.0; shape.iter().product()];
        let lens: Vec<usize> = sessions.answer(&[&silence])?.iter().flatten().map(Vec::len).collect();
        // TensorRT builds an engine for each range of sizes, which takes minutes: it gets the size that the file names.
        let is_built_for_a_size = matches!(runtime.device(), Device::TensorRt(_));
        let open = if runtime.gathers() && !is_built_for_a_size { sessions.opened(&lens) } else { None };
        Ok(Self { sessions: Arc::new(open.unwrap_or(sessions)), lens })
    }

    pub(super) fn output_lens(&self) -> &[usize] {
        &self.lens
    }

    pub(super) fn ask(&self, examples: &[Cow<'_, [f32]>]) -> Pending {
        if let Some(gatherer) = self.sessions.runtime.gatherer() {
            return gatherer.ask(&self.sessions, examples.iter().map(|example| example.to_vec()).collect());
        }
        let examples: Vec<&[f32]> = examples.iter().map(AsRef::as_ref).collect();
        Pending::Here(self.sessions.answer(&examples))
    }
}

impl Answers for Sessions {
    fn answer(&self, examples: &[&[f32]]) -> Result<Vec<Outputs>, String> {
        let size = self.runtime.batch().size;
        let shrunk = |from, to| self.runtime.memory_is_short(from, to);
        let give_up = |reason: &str| self.runtime.give_gpu_up(reason);
        in_batches(examples, size, &self.limit, |examples| self.attempt(examples), give_up, shrunk)
    }
}

impl Sessions {
    fn new(runtime: &'static OnnxRuntime, onnx: Cow<'static, [u8]>, shape: &[usize], outputs: Vec<String>) -> Self {
        let limit = Limit::default();
        // As it was written, a graph takes what its shape says.
        limit.lower(1);
        Self { runtime, onnx, shape: shape.to_vec(), outputs, limit, idle: Mutex::default() }
    }

    /// The same graph for many examples at once; none of a graph whose answers depend on who is beside.
    fn opened(&self, lens: &[usize]) -> Option<Self> {
        if self.shape.first() != Some(&1) {
            return None;
        }
        let onnx = with_open_batch(&self.onnx).ok()?;
        let opened = Self {
            limit: Limit::default(),
            ..Self::new(self.runtime, Cow::Owned(onnx), &self.shape, self.outputs.clone())
        };
        let size: usize = self.shape.iter().product();
        let example = |seed: usize| (0..size).map(|i| ((i * 7 + seed * 3) as f32 * 0.37).sin()).collect::<Vec<f32>>();
        let (a, b) = (example(1), example(2));
        let (alone, together) = (self.answer(&[&b]).ok()?, opened.attempt(&[&a, &b]).ok()?);
        let is_alike = |(a, b): (&f32, &f32)| (a - b).abs() <= TOLERANCE * a.abs().max(1.0);
        let has_lens = together[1].iter().map(Vec::len).eq(lens.iter().copied());
        let is_equal = alone.iter().flatten().flatten().zip(together[1].iter().flatten()).all(is_alike);
        (has_lens && is_equal).then_some(opened)
    }

    /// Runs the examples at once, in a session of its own.
    fn attempt(&self, examples: &[&[f32]]) -> Result<Vec<Outputs>, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // What was begun on a GPU that was given up since is not used any more.
        let usable = idle.filter(|running| running.device == Device::Cpu || self.runtime.device() != Device::Cpu);
        let mut running = match usable {
            Some(running) => running,
            None => self.start().map_err(Failure::Final)?,
        };
        match self.run(&mut running.session, examples) {
            Ok(outputs) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(running);
                Ok(outputs)
            }
            Err(reason) if running.device == Device::Cpu => Err(Failure::Final(reason)),
            Err(reason) => Err(Failure::Device(reason)),
        }
    }

    fn run(&self, session: &mut Session, examples: &[&[f32]]) -> Result<Vec<Outputs>, String> {
        let mut shape = self.shape.clone();
        let joined = match examples {
            [one] => Cow::Borrowed(*one),
            many => {
                shape[0] = many.len();
                Cow::Owned(many.concat())
            }
        };
        let mut run = || -> ort::Result<Result<Vec<Outputs>, String>> {
            let tensor = TensorRef::from_array_view((shape.as_slice(), joined.as_ref()))?;
            let answers = session.run(ort::inputs![tensor])?;
            let mut said = vec![Outputs::with_capacity(self.outputs.len()); examples.len()];
            for name in &self.outputs {
                let Some(answer) = answers.get(name) else { return Ok(Err(format!("it has no output `{name}`"))) };
                let numbers = answer.try_extract_tensor::<f32>()?.1;
                let size = numbers.len() / examples.len();
                if size == 0 || size * examples.len() != numbers.len() {
                    let (numbers, examples) = (numbers.len(), examples.len());
                    return Ok(Err(format!("output `{name}` has {numbers} numbers for {examples} examples")));
                }
                for (said, own) in said.iter_mut().zip(numbers.chunks_exact(size)) {
                    said.push(own.to_vec());
                }
            }
            Ok(Ok(said))
        };
        run().map_err(|error| one_line(&error))?
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
        let session = self.commit(|builder| {
            // A plan of all that a run needs is memory beside what a first run took, and is not faster.
            let builder = builder.with_memory_pattern(false)?;
            Ok(if self.runtime.shares_arena { builder.with_env_allocators()? } else { builder })
        })?;
        Ok(Running { session, device: Device::Cpu })
    }

    fn session_on_cuda(&self, number: u16) -> Result<Session, String> {
        self.commit(|builder| Ok(builder.with_execution_providers([cuda(number)])?))
    }

    fn session_on_tensorrt(&self, number: u16) -> Result<Session, String> {
        let tensorrt = ep::TensorRT::default().with_device_id(number.into()).build().error_on_failure();
        self.commit(|builder| Ok(builder.with_execution_providers([tensorrt, cuda(number)])?))
    }

    fn commit(&self, configure: impl FnOnce(SessionBuilder) -> ort::Result<SessionBuilder>) -> Result<Session, String> {
        let commit = || -> ort::Result<Session> {
            let threads = self.runtime.threads_a_session();
            let builder = Session::builder(&self.runtime.environment)?.with_intra_threads(threads)?;
            // Threads that wait give the core to whoever decodes.
            let builder = builder.with_inter_threads(1)?.with_intra_op_spinning(false)?;
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

/// CUDA as it is wanted: single precision throughout, so that its answers are the processor's; algorithms by rule,
/// since batches come in all sizes and a search for each would take longer than it saves; memory as it is needed, since
/// others use the card too.
fn cuda(number: u16) -> ep::ExecutionProviderDispatch {
    let cuda = ep::CUDA::default().with_device_id(number.into()).with_tf32(false);
    let cuda = cuda.with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic);
    cuda.with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested).build().error_on_failure()
}

/// What the library says, on one line.
pub(super) fn one_line(error: &ort::Error) -> String {
    error.to_string().replace('\n', " ")
}
