//! Placeholder: a clip becomes features: the 518 FMA values and log-mel spectrograms.
