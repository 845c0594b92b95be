//! What runs a graph: ONNX Runtime where a library of it is found, else tract, which is compiled in and needs nothing.
//!
//! A process has one [`Runtime`], since the library has one interface a process. It is started before the first graph
//! is loaded; a graph that the library cannot load or run goes to the engine that is left, and that is said once.

mod arena;
mod attempts;
mod batch;
mod choice;
mod device;
mod library;
mod onnxruntime;
mod open_batch;
mod runtime;
mod tract;

use std::borrow::Cow;

pub use batch::Batch;
pub(super) use batch::Pending;
pub use choice::Choice;
pub use device::{Device, DeviceError};
pub use runtime::{Active, Place, Runtime, RuntimeSettings, Tried};

use onnxruntime::OnnxGraph;
pub(super) use tract::TractGraph;

/// The outputs of a graph for one example, each flattened.
pub(super) type Outputs = Vec<Vec<f32>>;

/// A loaded graph. Shared by threads.
#[derive(Debug)]
pub(super) struct Graph {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Tract(TractGraph),
    Onnx(OnnxGraph),
}

/// Which engine a graph is wanted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever [`Runtime`] found.
    Active,
    /// The one that is compiled in.
    Embedded,
}

impl Graph {
    /// Loads a graph of one float32 input of the given shape, and the outputs of these names, in this order.
    /// An error is what the engine says, on one line.
    pub fn load(onnx: Cow<'static, [u8]>, shape: &[usize], outputs: &[&str], wanted: Wanted) -> Result<Self, String> {
        if wanted == Wanted::Active
            && let Some(runtime) = Runtime::started().and_then(Runtime::onnx)
        {
            match OnnxGraph::load(runtime, onnx.clone(), shape, outputs) {
                Ok(graph) => return Ok(Self { engine: Engine::Onnx(graph) }),
                // tract says what is wrong with a graph that is wrong.
                Err(reason) => tracing::debug!("ONNX Runtime does not load this graph: {reason}"),
            }
        }
        Ok(Self { engine: Engine::Tract(TractGraph::load(&onnx, shape, outputs)?) })
    }

    /// How many numbers each output has.
    pub fn output_lens(&self) -> Result<Vec<usize>, String> {
        match &self.engine {
            Engine::Tract(graph) => graph.output_lens(),
            Engine::Onnx(graph) => Ok(graph.output_lens().to_vec()),
        }
    }

    /// Asks for the outputs for some examples, each in row-major order of the shape that the graph was loaded with. The
    /// answer is there at once, or on its way where an inference thread gathers batches: ask all that there is to ask
    /// before waiting for it.
    pub fn ask(&self, examples: &[Cow<'_, [f32]>]) -> Pending {
        match &self.engine {
            Engine::Tract(graph) => Pending::Here(examples.iter().map(|example| graph.run(example)).collect()),
            Engine::Onnx(graph) => graph.ask(examples),
        }
    }
}
