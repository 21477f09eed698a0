//! Time and order: the event queue and the fingerprint of a run. Knows nothing of swarms.

pub mod fingerprint;
mod pool;
pub mod queue;
