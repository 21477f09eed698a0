//! Serving by reputation: whoever the peer thinks something of comes before the others.
//!
//! Regular slots go to the neighbours with the highest reputation; whoever has none, and the slots
//! that are left, are a matter of the choker the peer has anyway: tit-for-tat for a leecher, its
//! seed choker for a seeder. It is the market of [`market`] with reputations for bids, which nobody
//! pays. So the optimistic slots are outside it here too; where they go by waiting time, of those
//! that never had a turn the one with the highest reputation is first.
//!
//! Laws: where nobody has a reputation the decision, and each draw from `luck`, is the base
//! choker's; multiplying all reputations by one factor changes nothing; who rises in reputation
//! never loses a slot for it.
//!
//! Source: Piatek et al., NSDI 2008. The draft made of it (Siloti 2013) has seeders give upload at
//! rates in proportion to reputation; slots with equal shares are ours. Equals are ranked as under
//! barter, without chance: who gave most of late; who holds the slot, until it has had its quota;
//! who waited longest; then the lowest peer id.
//!
//! Where it is wrong: as the market is, for base chokers with a memory and for `min_uploads`.

use super::market::{self, Base, Combine, Terms};
use super::{ChokeView, Decision};
use crate::policy::ask::Ask;
use crate::policy::auction::{Format, Ties};
use crate::rng::Stream;
use crate::units::{Bytes, MicroBtt, Price};
use smallvec::SmallVec;

/// A reputation decides before anything else does, and costs nothing.
const TERMS: Terms = Terms {
    combine: Combine::Lexicographic,
    format: Format::Uniform,
    ties: Ties::HolderStays,
    ask: Ask { reserve: Price::ZERO, slots: usize::MAX },
};

/// Decides whom to serve. `reputations` says what the peer thinks of each candidate, in their
/// order; 0 is nothing.
///
/// # Panics
/// If there are not as many reputations as candidates, or `decision` is not empty.
pub fn choose(
    view: &ChokeView<'_>,
    reputations: &[u64],
    base: &mut Base<'_>,
    luck: &mut Stream,
    decision: &mut Decision,
) {
    assert_eq!(reputations.len(), view.candidates.len(), "each candidate has a reputation");
    let bid = |&reputation: &u64| Price::new(MicroBtt(reputation), Bytes(1));
    let bids: SmallVec<[Price; 64]> = reputations.iter().map(bid).collect();
    market::choose(&ChokeView { bids: &bids, ..*view }, &TERMS, base, luck, decision);
    for served in &mut decision.served {
        served.price = Price::ZERO;
    }
}

#[cfg(test)]
mod tests;
