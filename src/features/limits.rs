//! What sound features are computed of, at the most. It is asked before anything is computed.

/// The highest sample rate that is accepted, in Hz: twice what any recording has.
pub(super) const MAX_SAMPLE_RATE: u32 = 768_000;
