//! What may be watched: plain records and the observer trait. Knows nothing of the world.
pub mod money;
pub mod records;
pub use money::{MoneyCounts, MoneyRecord, MoneySample, Moved, Took, UserCounts, WalletRecord};
pub use records::{Counters, Outcome, PeerRecord, Sample, TorrentRecord};

use crate::ids::{PeerId, PieceId};
use crate::units::{Bytes, SimTime};

/// Watches a run. Every method may be left out; an observer never changes a result.
///
/// The run is generic over its observer: what is not watched costs nothing.
#[expect(unused_variables, reason = "the defaults ignore what they are told")]
pub trait Observer {
    /// A peer arrived.
    fn joined(&mut self, at: SimTime, peer: PeerId) {}
    /// `from` began (`true`) or ceased to serve `to`.
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {}
    /// Payload moved: called when a transfer is brought up to date, not per block.
    fn transferred(&mut self, at: SimTime, from: PeerId, to: PeerId, payload: Bytes) {}
    /// A peer has verified a piece.
    fn piece_done(&mut self, at: SimTime, peer: PeerId, piece: PieceId) {}
    /// A peer has the whole content.
    fn completed(&mut self, at: SimTime, peer: PeerId) {}
    /// A peer left.
    fn departed(&mut self, at: SimTime, peer: PeerId) {}
    /// A row of the timeline was taken.
    fn sampled(&mut self, sample: &Sample) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
