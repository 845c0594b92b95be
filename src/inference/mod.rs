//! Placeholder: features become scores: model manifests and the ONNX sessions that run them.
