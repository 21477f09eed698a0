//! Physics: access links and the flows between them. Knows nothing of torrents, policies or money.
//!
//! Each link has an upload and a download direction, each shared by all flows through it. Rates
//! are max-min fair over the bipartite graph of flows: nobody can get more without taking from
//! somebody who has no more. [`share`] keeps that up locally after each change; [`oracle`] solves
//! it from scratch and is the judge.
//!
//! Where it is wrong: TCP needs round trips to find its share, and links inside the network are
//! taken as wide enough. Flow-level models were found within about 30 % of packet level in
//! absolute times, with orderings intact (Eger et al., UPGRADE-CN 2007).
pub mod flow;
pub mod links;
pub mod oracle;
mod ports;
pub mod share;

pub use flow::Flow;
pub use links::{LinkId, Links, PortId};
