//! Whom to serve: the choker plug.
//!
//! A choker sees its interested neighbours and returns which of them to serve. It sees what a
//! client can measure itself: bytes from and to each neighbour, who unchokes it, and since when.
//! It does not see capacities, other peers' neighbours, or what anybody else decides.

#[cfg(test)]
mod fixtures;
mod leecher;
pub mod market;
pub mod one_hop;
mod rules;
mod seeder;
mod select;
mod strategic;

pub use leecher::{equal_turns, pass_on_optimistic, tit_for_tat, tit_for_tat_among_dealers};
pub use rules::{Choking, OptimisticOrder, RankBy, SeedChoker, Slots, TieOrder};
pub use seeder::seed;
pub use strategic::{BitTyrant, FairTorrent, PropShare};

use crate::ids::PeerId;
use crate::rng::{Stream, mix};
use crate::units::{ByteRate, Bytes, Price, Span};
use std::fmt;
use std::sync::Arc;

/// Which choker a leecher runs: plain configuration; memory is made per peer.
#[derive(Clone)]
pub enum ChokerSpec {
    /// Serves those that serve it best (Cohen 2003, §3).
    TitForTat,
    /// Serves whoever waited longest, without regard to what it gave: no incentive.
    EqualTurns,
    /// Never uploads.
    Never,
    /// BitTyrant (Piatek et al., NSDI 2007, §4): by expected return per cost.
    BitTyrant,
    /// PropShare (Levin et al., SIGCOMM 2008): upload in proportion to what was received.
    PropShare,
    /// FairTorrent (Sherman et al., CoNEXT 2009): to whom it owes most.
    FairTorrent,
    /// A choker of the library's user; the factory is called once per peer.
    Custom(Arc<dyn ChokerFactory>),
}

/// Makes one choker per peer.
pub trait ChokerFactory: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> String;
    /// A choker for one peer, with a memory of its own.
    fn make(&self) -> Box<dyn Choker>;
}

/// Decides whom to serve, round by round. One per peer.
///
/// Its rounds are the regular ones, `rechoke_s` apart, whatever the preset; it may run in between
/// when a slot falls free (`ChokeView::timed`).
pub trait Choker: Send {
    /// Chooses among the candidates of `view`. `luck` is the peer's own stream.
    ///
    /// The conductor refuses slots that are not candidates; weights must be at least 1.
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision);
    /// Payload passed between us and the neighbour in `slot`. Before each choice every byte has
    /// been told, once, be the neighbour interested and unchoked at that time or not.
    fn hear(&mut self, slot: u16, passed: Passed) {
        let _ = (slot, passed);
    }
    /// The neighbour in `slot` has left; the slot may soon hold another one.
    fn forget(&mut self, slot: u16) {
        let _ = slot;
    }
}

/// Payload that passed between us and one neighbour, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// From us to it.
    pub sent: u64,
    /// From it to us.
    pub received: u64,
}

/// A neighbour that is interested in us; the default is one with which nothing ever passed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Candidate {
    /// The place of the neighbour in our peer set.
    pub slot: u16,
    /// Its peer id, as it says when it connects.
    pub id: PeerId,
    /// Bytes received from it in the window that ranks it (one round or two).
    pub received: u64,
    /// Bytes received from it since the last round.
    pub received_round: u64,
    /// Bytes sent to it since the last round.
    pub sent_round: u64,
    /// Bytes sent to it since it was last unchoked; 0 if choked.
    pub sent: u64,
    /// How long it has been unchoked; zero if choked.
    pub served_for: Span,
    /// How long ago it was last unchoked, or connected if it never was.
    pub waited: Span,
    /// Of those for which that happened in the same millisecond, the one with the lowest number was
    /// the first; 0 for all where ties are broken by chance.
    pub order: u32,
    /// Whether it is unchoked now.
    pub unchoked: bool,
    /// Whether it holds an optimistic slot now.
    pub optimistic: bool,
    /// How long ago its last optimistic turn began; none if it never had one, and where no queue
    /// goes by that.
    pub since_turn: Option<Span>,
    /// Whether it unchokes us.
    pub serves_us: bool,
    /// Whether it sent us nothing for longer than the snub time; never, without one.
    pub snubbed: bool,
    /// Pieces it has announced.
    pub pieces: u16,
}

/// What a choker is shown.
#[derive(Clone, Copy, Debug)]
pub struct ChokeView<'a> {
    /// Interested neighbours, by slot.
    pub candidates: &'a [Candidate],
    /// What each of them bids for our upload, in the same order; empty if nobody bids, as always
    /// without a token. A column of its own: barter looks at candidates only, and fast.
    pub bids: &'a [Price],
    /// Upload slots in all.
    pub slots: usize,
    /// How many of them are optimistic.
    pub optimistic_slots: usize,
    /// Whether the optimistic slots are to be given anew.
    pub rotate: bool,
    /// Whether this is a regular round, and not a run because a slot fell free.
    pub timed: bool,
    /// Number of regular rounds so far.
    pub round: u64,
    /// Time since the round began.
    pub elapsed: Span,
    /// What our upload link can carry.
    pub upload: ByteRate,
    /// Pieces in the content.
    pub pieces: usize,
    /// Size of a piece.
    pub piece: Bytes,
    /// The same at each run of this peer's choker: for ties that a client breaks by the place of a
    /// connection in memory.
    pub salt: u64,
}

impl ChokeView<'_> {
    /// What the candidate at this position bids.
    pub fn bid(&self, at: usize) -> Price {
        self.bids.get(at).copied().unwrap_or(Price::ZERO)
    }
}

/// Whom to serve from now on.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The neighbours to serve; all others are choked.
    pub served: Vec<Served>,
    /// How many may be served in all until the next run: a free place goes to whoever becomes
    /// interested, if the client does that.
    pub open: usize,
}

/// One neighbour to serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    /// Its place in our peer set.
    pub slot: u16,
    /// Its share of our upload relative to the others served; at least 1.
    pub weight: u32,
    /// Whether this is an optimistic slot.
    pub optimistic: bool,
    /// What it pays for each byte from now on.
    pub price: Price,
}

impl Served {
    /// A regular slot with an equal share, for free.
    pub fn regular(slot: u16) -> Self {
        Self { slot, weight: 1, optimistic: false, price: Price::ZERO }
    }
    /// An optimistic slot with an equal share, for free.
    pub fn optimistic(slot: u16) -> Self {
        Self { optimistic: true, ..Self::regular(slot) }
    }
}

/// A random order of slots that differs from run to run: breaks ties.
#[inline]
pub(crate) fn tie(salt: u64, slot: u16) -> u64 {
    mix(salt ^ u64::from(slot))
}

impl fmt::Debug for ChokerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl ChokerSpec {
    /// As written in scenario files and manifests.
    pub fn name(&self) -> String {
        match self {
            Self::TitForTat => "tit-for-tat".into(),
            Self::EqualTurns => "equal-turns".into(),
            Self::Never => "never".into(),
            Self::BitTyrant => "bittyrant".into(),
            Self::PropShare => "propshare".into(),
            Self::FairTorrent => "fairtorrent".into(),
            Self::Custom(factory) => factory.name(),
        }
    }

    /// The memory a peer with this choker carries; `None` for chokers without memory.
    pub fn make(&self) -> Option<Box<dyn Choker>> {
        match self {
            Self::TitForTat | Self::EqualTurns | Self::Never => None,
            Self::BitTyrant => Some(Box::new(BitTyrant::default())),
            Self::PropShare => Some(Box::new(PropShare::default())),
            Self::FairTorrent => Some(Box::new(FairTorrent::default())),
            Self::Custom(factory) => Some(factory.make()),
        }
    }
}
