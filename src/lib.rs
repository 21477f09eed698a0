//! swarmecon: a deterministic discrete-event simulator of BitTorrent swarms.
pub mod cli;
pub mod experiment;
pub mod ids;
pub mod kernel;
pub mod net;
pub mod observe;
pub mod plot;
pub mod policy;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod swarm;
pub mod torrent;
pub mod units;
