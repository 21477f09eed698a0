//! Time and order. Knows nothing of swarms.
pub mod queue;
pub mod fingerprint;
