//! swarmecon: a deterministic discrete-event simulator of BitTorrent swarms.
pub mod ids;
pub mod kernel;
pub mod observe;
pub mod plot;
pub mod policy;
pub mod rng;
pub mod scenario;
pub mod swarm;
pub mod units;
