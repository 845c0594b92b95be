//! What the engine asks of every operator of our own, said once: an operator is a [`Layer`] with its weights, which
//! makes one picture of another. Nothing here knows what a layer computes.

use std::fmt::Debug;
use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

/// A layer with its weights. It takes one input: examples, each of them a picture.
pub(super) trait Layer: Debug + Send + Sync + 'static {
    /// The operator's name in the shortened graph.
    const NAME: &'static str;

    /// Says why pictures of this shape are none of its.
    fn check(&self, picture: &[usize]) -> TractResult<()>;

    /// The shape of what it makes of a picture of this shape.
    fn behind<D: DimLike>(&self, picture: &[D]) -> TVec<D>;

    /// Makes it, both in row-major order.
    fn run(&self, picture: &[f32], shape: &[usize], out: &mut [f32]);
}

/// A layer as an operator. Two are equal where they are one.
#[derive(Debug)]
pub(super) struct Operator<L>(Arc<L>);

impl<L: Layer> Operator<L> {
    pub fn new(layer: L) -> Self {
        Self(Arc::new(layer))
    }
}

impl<L> Clone for Operator<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> PartialEq for Operator<L> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<L> Eq for Operator<L> {}

impl<L: Layer> Op for Operator<L> {
    fn name(&self) -> StaticName {
        L::NAME.into()
    }

    op_as_typed_op!();
}

impl<L: Layer> EvalOp for Operator<L> {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let Some((&examples, shape)) = input.shape().split_first() else { bail!("{} has no examples", L::NAME) };
        self.0.check(shape)?;
        let behind = self.0.behind(shape);
        let mut output = Tensor::zero::<f32>(&[&[examples], behind.as_slice()].concat())?;
        let pictures = input.to_plain_array_view::<f32>()?;
        let Some(pictures) = pictures.as_slice() else { bail!("{} has a picture that is not in order", L::NAME) };
        let mut view = output.to_plain_array_view_mut::<f32>()?;
        let Some(out) = view.as_slice_mut() else { bail!("{} has an output that is not in order", L::NAME) };
        let numbers = |shape: &[usize]| shape.iter().product::<usize>().max(1);
        let pairs = pictures.chunks_exact(numbers(shape)).zip(out.chunks_exact_mut(numbers(&behind)));
        pairs.for_each(|(picture, out)| self.0.run(picture, shape, out));
        Ok(tvec!(output.into_tvalue()))
    }
}

impl<L: Layer> TypedOp for Operator<L> {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let shape = inputs[0].shape.to_tvec();
        let Some((examples, picture)) = shape.split_first() else { bail!("{} has no examples", L::NAME) };
        let mut behind: TVec<TDim> = tvec!(examples.clone());
        behind.extend(self.0.behind(picture));
        Ok(tvec!(f32::fact(behind)))
    }
}

/// What holds of every such operator of so many inputs: a picture of four dimensions in, and as many examples out, a
/// filter's answers each.
pub(super) fn rules_of_pictures<'r, 'p: 'r>(
    s: &mut Solver<'r>,
    inputs: &'p [TensorProxy],
    outputs: &'p [TensorProxy],
    arity: usize,
) -> InferenceResult {
    check_input_arity(inputs, arity)?;
    check_output_arity(outputs, 1)?;
    s.equals(&outputs[0].datum_type, f32::datum_type())?;
    s.equals(&inputs[0].datum_type, f32::datum_type())?;
    s.equals(&inputs[0].rank, 4)?;
    s.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
    s.equals(&outputs[0].shape[1], &inputs[1].shape[0])
}

/// The numbers of a node's inputs that are constants, by their place among them.
pub(super) fn constants(
    model: &TypedModel,
    inputs: &[OutletId],
    places: impl IntoIterator<Item = usize>,
) -> TractResult<Vec<Vec<f32>>> {
    let constant = |place: usize| -> TractResult<Vec<f32>> {
        let constant = model.outlet_fact(inputs[place])?.konst.clone();
        let constant = constant.ok_or_else(|| TractError::msg(format!("input {place} is no constant")))?;
        Ok(constant.to_plain_array_view::<f32>()?.iter().copied().collect())
    };
    places.into_iter().map(constant).collect()
}

/// A norm as a factor and a summand for each filter: those of `BatchNormalization`, whose mean and variance are known.
pub(super) fn folded([scale, shift, mean, variance]: [&[f32]; 4], epsilon: f32) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> =
        scale.iter().zip(variance).map(|(scale, variance)| scale / (variance + epsilon).sqrt()).collect();
    let shift = shift.iter().zip(mean).zip(&scale).map(|((shift, mean), scale)| shift - mean * scale).collect();
    (scale, shift)
}
