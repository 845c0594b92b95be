//! A layer of a spectrogram network as one operator of the engine: a convolution of 3 x 3 taps, of which the loudest of two by two answers
//! may be kept, a norm or a bias, a way around it, a rectifier. In ONNX these are four nodes, each of which writes all of the picture for
//! the next one to read. Nothing here knows where such nodes are found (that is [shorten](super::shorten)'s) or how the sums are done.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::direct::{Direct, size_behind};
use crate::simd::{LANES, Lanes};

/// The operator's name in the shortened graph. Its inputs are the picture and the kernel, then a bias, or the last four inputs of
/// `BatchNormalization` where there are four.
pub(super) const NAME: &str = "ReclassdConvBlock";

/// Its attributes: places from one answer to the next, whether the loudest of two by two is kept, whether the picture itself is added, and
/// the norm's epsilon.
pub(super) const STEP: &str = "step";
pub(super) const POOLED: &str = "pooled";
pub(super) const AROUND: &str = "around";
pub(super) const EPSILON: &str = "epsilon";

/// Makes the operator of a node with [`NAME`], for the engine's register.
pub(super) fn read(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let shape = Shape {
        step: node.get_attr::<i64>(STEP)? as usize,
        pooled: node.get_attr::<i64>(POOLED)? != 0,
        around: node.get_attr::<i64>(AROUND)? != 0,
    };
    Ok((expand(Unread { inputs: node.input.len(), shape, epsilon: node.get_attr(EPSILON)? }), vec![]))
}

/// What a layer does beside its weights.
#[derive(Debug, Clone, Copy)]
struct Shape {
    step: usize,
    pooled: bool,
    around: bool,
}

impl Shape {
    /// One side of the picture behind the layer.
    fn behind(self, side: &TDim) -> TDim {
        let answers = (side.clone() - 1) / self.step + 1;
        if self.pooled { answers / 2 } else { answers }
    }
}

/// The operator before its weights are known.
#[derive(Debug, Clone)]
struct Unread {
    inputs: usize,
    shape: Shape,
    epsilon: f32,
}

impl Expansion for Unread {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, self.inputs)?;
        check_output_arity(outputs, 1)?;
        s.equals(&outputs[0].datum_type, f32::datum_type())?;
        s.equals(&inputs[0].datum_type, f32::datum_type())?;
        s.equals(&inputs[0].rank, 4)?;
        s.equals(&outputs[0].rank, 4)?;
        s.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        s.equals(&outputs[0].shape[1], &inputs[1].shape[0])?;
        for side in [2, 3] {
            s.given(&inputs[0].shape[side], move |s, length| {
                s.equals(&outputs[0].shape[side], self.shape.behind(&length))
            })?;
        }
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let weights = |input: usize| -> TractResult<Vec<f32>> {
            let constant = model.outlet_fact(inputs[input])?.konst.clone();
            let constant =
                constant.ok_or_else(|| TractError::msg(format!("input {input} of {NAME} is no constant")))?;
            Ok(constant.to_plain_array_view::<f32>()?.iter().copied().collect())
        };
        let kernel = weights(1)?;
        let dims = model.outlet_fact(inputs[1])?.shape.as_concrete().map(<[usize]>::to_vec);
        let Some([filters, channels, 3, 3]) = dims.as_deref() else { bail!("{NAME} has a strange kernel") };
        let (scale, shift) = match inputs.len() {
            2 => (vec![1.0; *filters], vec![0.0; *filters]),
            3 => (vec![1.0; *filters], weights(2)?),
            6 => {
                let (scale, shift, mean, variance) = (weights(2)?, weights(3)?, weights(4)?, weights(5)?);
                let scale: Vec<f32> = scale
                    .iter()
                    .zip(&variance)
                    .map(|(scale, variance)| scale / (variance + self.epsilon).sqrt())
                    .collect();
                let shift = shift.iter().zip(&mean).zip(&scale).map(|((shift, mean), scale)| shift - mean * scale);
                let shift = shift.collect::<Vec<_>>();
                (scale, shift)
            }
            inputs => bail!("{NAME} has {inputs} inputs"),
        };
        if scale.len() != *filters || shift.len() != *filters {
            bail!("{NAME} has weights for another number of filters");
        }
        let sums = Direct::new(&kernel, *channels, self.shape.step, self.shape.pooled);
        let mut finish = vec![[Lanes::ZERO; 2]; filters.div_ceil(LANES)];
        for (filter, (scale, shift)) in scale.into_iter().zip(shift).enumerate() {
            let [scales, shifts] = &mut finish[filter / LANES];
            (scales.0[filter % LANES], shifts.0[filter % LANES]) = (scale, shift);
        }
        let layer = Layer { sums, finish, filters: *filters, channels: *channels, shape: self.shape };
        model.wire_node(prefix, ConvBlock(Arc::new(layer)), &inputs[..1])
    }
}

#[derive(Debug)]
struct Layer {
    sums: Direct,
    /// By block of filters: a factor and a summand for each.
    finish: Vec<[Lanes; 2]>,
    filters: usize,
    channels: usize,
    shape: Shape,
}

/// The operator.
#[derive(Debug, Clone)]
struct ConvBlock(Arc<Layer>);

impl PartialEq for ConvBlock {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ConvBlock {}

impl Op for ConvBlock {
    fn name(&self) -> StaticName {
        NAME.into()
    }

    op_as_typed_op!();
}

impl EvalOp for ConvBlock {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (layer, input) = (&*self.0, args_1!(inputs));
        let &[examples, channels, rows, columns] = input.shape() else { bail!("{NAME} has no picture") };
        if channels != layer.channels {
            bail!("{NAME} has a picture of {channels} channels");
        }
        let [high, wide] = size_behind([rows, columns], layer.shape.step, layer.shape.pooled);
        let mut output = Tensor::zero::<f32>(&[examples, layer.filters, high, wide])?;
        let picture = input.to_plain_array_view::<f32>()?;
        let Some(picture) = picture.as_slice() else { bail!("{NAME} has a picture that is not in order") };
        let mut view = output.to_plain_array_view_mut::<f32>()?;
        let Some(out) = view.as_slice_mut() else { bail!("{NAME} has an output that is not in order") };
        let pictures = picture.chunks_exact((channels * rows * columns).max(1));
        for (picture, out) in pictures.zip(out.chunks_exact_mut((layer.filters * high * wide).max(1))) {
            layer.sums.run(picture, [rows, columns], &layer.finish, layer.shape.around, out);
        }
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for ConvBlock {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = &inputs[0].shape;
        let behind = |side: usize| self.0.shape.behind(&shape[side]);
        let shape: TVec<TDim> = tvec!(shape[0].clone(), self.0.filters.to_dim(), behind(2), behind(3));
        Ok(tvec!(f32::fact(shape)))
    }
}
