//! swarmecon: a deterministic discrete-event simulator of `BitTorrent` swarms.
//!
//! A scenario becomes a plan per arm, a plan and a seed become an outcome, and the same plan and
//! seed give the same outcome, bit for bit, on every machine and whoever watches:
//!
//! ```
//! use std::path::Path;
//! use swarmecon::{observe::Unobserved, scenario, swarm};
//!
//! let text = "# How long do twenty people take to copy 4 MiB from one of them?\n\
//!     size_mib = 4\n\
//!     horizon_s = 3600\n\
//!     [classes.seed]\n\
//!     role = 'seeder'\n\
//!     count = 1\n\
//!     upload_kib_per_s = 100\n\
//!     [classes.leecher]\n\
//!     count = 20\n\
//!     upload_kib_per_s = 100\n";
//! let scenario = scenario::from_text(Path::new("mine.toml"), text, &[])?;
//! let outcome = swarm::run(&scenario.arms[0].plan, scenario.seed, &mut Unobserved);
//!
//! let last = outcome.peers.iter().filter_map(|peer| peer.completed).max();
//! assert!(last.expect("everybody finishes").as_secs() > 4.0 * 1024.0 / 100.0);
//! let sent: u64 = outcome.peers.iter().map(|peer| peer.uploaded.0).sum();
//! let received: u64 = outcome.peers.iter().map(|peer| peer.downloaded.0).sum();
//! assert_eq!(sent, received);
//! # Ok::<(), swarmecon::scenario::Faults>(())
//! ```
//!
//! Where to look: [`scenario`] reads files, [`swarm::run`] makes one run, [`experiment`] many of
//! them and their statistics, [`report`] and [`plot`] write what comes out. [`policy`] holds what
//! can be plugged in, [`observe`] what can be watched. Below them lie [`net`] (who gets what
//! rate), [`torrent`] (pieces and blocks), [`ledger`] (money), [`kernel`] (time and order) and
//! [`rng`].
//! docs/architecture.md says which of these rooms may know which; docs/model.md where each rule
//! comes from.
pub mod cli;
pub mod experiment;
pub mod ids;
pub mod kernel;
pub mod ledger;
pub mod market;
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
pub mod validate;
