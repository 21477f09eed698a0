//! What can happen: a closed list, small and `Copy`.

use crate::ids::{PeerId, PieceId, UserId};

/// Something that happens at a point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// A peer arrives.
    Join(PeerId),
    /// A peer looks whether it needs more neighbours.
    /// It belongs to one of the peer's visits and is void after it.
    Announce(PeerId, u16),
    /// A flow out of a user's link reaches its mark. Stale unless it is the link's next wake-up.
    FlowDue(UserId),
    /// A regular round of a peer's choker. Stale unless it is the one the peer waits for.
    Rechoke(PeerId),
    /// The choker runs because a slot fell free.
    Refill(PeerId),
    /// The clock of a peer's optimistic slots strikes. Stale unless it is the one it waits for.
    Optimistic(PeerId),
    /// They pass on, after all else of that tick. Stale as the one before.
    PassOn(PeerId),
    /// Headers of the last second are charged to a user's link.
    ChargeHeaders(UserId),
    /// A tick of the client of a user.
    Tick(UserId),
    /// A request of a peer reaches the neighbour in its slot.
    Request(PeerId, u16),
    /// A peer's connections that found nothing to ask for look again.
    Retry(PeerId),
    /// A letter of a peer reaches the neighbour in its slot.
    Letter(PeerId, u16),
    /// A peer connects again to neighbours it lost.
    Reconnect(PeerId),
    /// A piece verified earlier becomes known to the neighbours.
    Have(PeerId, PieceId),
    /// A peer leaves.
    Leave(PeerId),
    /// A peer joins a swarm anew; the one with which its user is still there leaves.
    Anew(PeerId),
    /// A leecher loses patience.
    GiveUp(PeerId),
    /// A user of a catalogue goes offline.
    GoOffline(UserId),
    /// A user of a catalogue comes back.
    GoOnline(UserId),
    /// A payment of a requester reaches its provider.
    Payment(PeerId),
    /// A user's deposit is final on the chain.
    Deposit(UserId),
    /// Money of the promotional pool goes to people outside.
    Airdrop,
    /// A leecher gives up providers that are silent.
    TimeOut(PeerId),
    /// A row of the timeline is due.
    Sample,
}

const _: () = assert!(size_of::<Event>() == 8, "events are copied a lot");

impl Event {
    /// Kind and entity, for the fingerprint.
    pub(super) fn signature(self) -> (u8, u32) {
        match self {
            Self::Join(p) => (1, p.0),
            Self::Announce(p, _) => (2, p.0),
            Self::FlowDue(u) => (3, u.0),
            Self::Rechoke(p) => (4, p.0),
            Self::Refill(p) => (5, p.0),
            Self::ChargeHeaders(u) => (6, u.0),
            Self::Have(p, piece) => (7, p.0 ^ u32::from(piece.0) << 16),
            Self::Leave(p) => (8, p.0),
            Self::GiveUp(p) => (9, p.0),
            Self::Sample => (10, 0),
            Self::Optimistic(p) => (11, p.0),
            Self::GoOffline(u) => (12, u.0),
            Self::GoOnline(u) => (13, u.0),
            Self::Payment(p) => (14, p.0),
            Self::Deposit(u) => (15, u.0),
            Self::TimeOut(p) => (17, p.0),
            Self::Request(p, slot) => (16, p.0 ^ u32::from(slot) << 16),
            Self::Reconnect(p) => (18, p.0),
            Self::Tick(u) => (19, u.0),
            Self::Retry(p) => (20, p.0),
            Self::PassOn(p) => (22, p.0),
            Self::Anew(p) => (23, p.0),
            Self::Airdrop => (25, 0),
            Self::Letter(p, slot) => (21, p.0 ^ u32::from(slot) << 16),
        }
    }
}
