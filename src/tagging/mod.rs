//! Placeholder: a verdict becomes a change of tags: policy, byte-preserving editors, safe writes.
