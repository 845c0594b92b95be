//! A graph in tract, the engine that is compiled in: the only folder that sees it. Layers that tract runs slowly are
//! put together into operators of our own before it sees them.
//!
//! Shapes are fixed when a graph is loaded, with a batch of one: that is where the engine optimises best, and tracks
//! run side by side on their own threads instead. Loading does the work once; every run borrows the plan and owns its
//! state.

mod conv_block;
mod conv_max;
mod direct;
#[cfg(test)]
mod fixtures;
mod operator;
mod shorten;
mod temporal;
mod timbral;

use std::io::Cursor;
use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// A loaded graph. Shared by threads: running it changes nothing in it.
#[derive(Debug)]
pub(in crate::inference) struct TractGraph {
    plan: Arc<TypedRunnableModel>,
    shape: Vec<usize>,
}

impl TractGraph {
    /// Loads a graph of one float32 input of the given shape, and the outputs of these names, in this order.
    /// An error is what the engine says, on one line.
    pub fn load(onnx: &[u8], shape: &[usize], outputs: &[&str]) -> Result<Self, String> {
        let load = || -> TractResult<_> {
            let mut proto = engine().proto_model_for_read(&mut Cursor::new(onnx))?;
            if let Some(graph) = &mut proto.graph {
                shorten::shorten(graph, shape, outputs);
            }
            runnable(&proto, shape, outputs)
        };
        let plan = load().map_err(one_line)?;
        Ok(Self { plan, shape: shape.to_vec() })
    }

    /// How many numbers each output has.
    pub fn output_lens(&self) -> Result<Vec<usize>, String> {
        let model = self.plan.model();
        let len = |i| -> TractResult<usize> {
            let shape = model.output_fact(i)?.shape.as_concrete().map(|s| s.iter().product());
            shape.ok_or_else(|| TractError::msg(format!("output {i} has no fixed shape")))
        };
        let count = model.output_outlets().map_err(one_line)?.len();
        (0..count).map(len).collect::<TractResult<_>>().map_err(one_line)
    }

    /// The outputs, each flattened, for an input in row-major order of the shape that the graph was loaded with.
    pub fn run(&self, input: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let run = || -> TractResult<_> {
            let outputs = self.plan.run(tvec!(Tensor::from_shape(&self.shape, input)?.into()))?;
            outputs.iter().map(|o| Ok(o.to_plain_array_view::<f32>()?.iter().copied().collect())).collect()
        };
        run().map_err(one_line)
    }
}

/// The engine, with the operators of our own.
fn engine() -> tract_onnx::Onnx {
    let mut engine = tract_onnx::onnx();
    engine.op_register.insert(conv_block::NAME, conv_block::read);
    engine.op_register.insert(conv_max::NAME, conv_max::read);
    engine
}

fn runnable(proto: &ModelProto, shape: &[usize], outputs: &[&str]) -> TractResult<Arc<TypedRunnableModel>> {
    let model = engine().model_for_proto_model(proto)?;
    let inputs = model.input_outlets()?.len();
    if inputs != 1 {
        return Err(TractError::msg(format!("it has {inputs} inputs, expected one")));
    }
    model.with_input_fact(0, f32::fact(shape).into())?.with_outputs_by_name(outputs)?.into_optimized()?.into_runnable()
}

/// The engine's error with its causes.
fn one_line(error: TractError) -> String {
    format!("{error:#}").replace('\n', " ")
}
