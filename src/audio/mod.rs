//! Placeholder: a file becomes a [Clip]: container and codec, window, mono, rate, and the identity of its audio.
