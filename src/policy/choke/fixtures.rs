//! What the tests of several chokers are given: rules of a client, and what it sees.

use super::*;
use crate::units::Span;

/// Mainline's rules with five slots; with a clock of their own for the optimistic slots, those go
/// to who waited longest, and nobody is snubbed.
pub fn rules(optimistic_clock: bool, seed: SeedChoker) -> Choking {
    Choking {
        rechoke: Span::from_secs(10.0),
        optimistic: Span::from_secs(30.0),
        optimistic_clock,
        optimistic_ahead: Span::ZERO,
        random_phase: true,
        slots: Slots::Fixed(5),
        optimistic_slots: 1,
        min_uploads: 2,
        optimistic_order: if optimistic_clock {
            OptimisticOrder::LongestWaiting
        } else {
            OptimisticOrder::Random
        },
        ties: TieOrder::ByChance,
        new_peer_weight: 3,
        rank: RankBy::TwoRounds,
        unchoke_on_interest: true,
        choke_on_lost_interest: true,
        refill: None,
        snub: (!optimistic_clock).then(|| Span::from_secs(30.0)),
        seed,
    }
}

/// A regular round with five slots, one of them optimistic, which does not pass on.
pub fn view(candidates: &[Candidate]) -> ChokeView<'_> {
    ChokeView {
        candidates,
        bids: &[],
        slots: 5,
        optimistic_slots: 1,
        rotate: false,
        timed: true,
        round: 7,
        elapsed: Span::from_secs(10.0),
        upload: ByteRate::from_kib_per_s(100.0),
        pieces: 100,
        piece: Bytes::from_kib(256),
        salt: 5,
    }
}
