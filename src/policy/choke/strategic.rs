//! Strategic chokers from the literature. Each keeps a memory by slot.

use super::{Candidate, ChokeView, Choker, Decision, Passed, Served, Slots, tie};
use crate::rng::Stream;
use crate::units::{BLOCK, ByteRate, Bytes, Span, f64_of, f64_of_len, floor_u64};
use std::cmp::Reverse;

/// Weights are shares of this.
const WHOLE: f64 = 1_000_000.0;

/// BitTyrant (Piatek et al., NSDI 2007, §4.1): serve the neighbours with the best expected return
/// d/u per unit of upload until the upload is spent, and find each one's price u by trial.
///
/// Departs from the paper: upload is split by weights in proportion to u, not by a rate limit per
/// neighbour, so capacity left over is not lost; a neighbour served since less than a round is not
/// judged, as the paper unchokes at the start of rounds only. d of a neighbour that has not served
/// us follows from how fast it announces pieces: about as fast as it uploads, of which mainline's
/// rule of slots gives each its part.
#[derive(Clone, Debug, Default)]
pub struct BitTyrant {
    known: Vec<Known>,
    /// Seconds since its first round.
    clock_s: f64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Upload rate it takes to be served, bytes per second.
    price: f64,
    /// Download rate it gives when it serves, bytes per second.
    gives: f64,
    /// Rounds in a row in which it served us.
    loyal: u32,
    /// Whether it ever did.
    measured: bool,
    /// When we first saw it, and the pieces it had announced.
    seen: Option<(f64, u16)>,
}

/// The paper's start values: nothing is known, so a typical equal split on both sides.
const UNKNOWN: Known =
    Known { price: 16_000.0, gives: 16_000.0, loyal: 0, measured: false, seen: None };
/// The price rises by a fifth when a neighbour we served did not serve us (δ).
const RAISE: f64 = 1.2;
/// The price falls by a tenth (γ) after three rounds (r) of service.
const LOWER: f64 = 0.9;

/// Pieces a neighbour must announce before its rate is estimated from them.
const ENOUGH: u16 = 3;

/// What each slot of a mainline client of this upload gets, bytes per second.
fn equal_split(upload: f64) -> f64 {
    let slots = Slots::Auto.count(ByteRate::from_kib_per_s(upload / 1024.0));
    upload / f64_of_len(slots.max(1))
}

impl BitTyrant {
    fn learn(&mut self, c: &Candidate, seconds: f64, piece: Bytes) {
        let slot = usize::from(c.slot);
        if self.known.len() <= slot {
            self.known.resize(slot + 1, UNKNOWN);
        }
        let known = &mut self.known[slot];
        let (since_s, pieces) = *known.seen.get_or_insert((self.clock_s, c.pieces));
        if c.serves_us {
            known.loyal += 1;
            if c.received_round > 0 {
                known.measured = true;
                known.gives = f64_of(c.received_round) / seconds.max(0.1);
            }
            if known.loyal >= 3 && c.unchoked {
                known.price = (known.price * LOWER).max(1.0);
            }
        } else {
            known.loyal = 0;
            if c.unchoked && c.served_for.as_secs() >= seconds {
                known.price *= RAISE;
            }
            // A few pieces, or it says nothing.
            let news = c.pieces.saturating_sub(pieces);
            if !known.measured && news >= ENOUGH {
                let bytes = piece.as_f64() * f64::from(news);
                known.gives = equal_split(bytes / (self.clock_s - since_s).max(1.0));
            }
        }
    }
}

impl Choker for BitTyrant {
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        let salt = luck.bits();
        if view.timed {
            self.clock_s += view.elapsed.as_secs();
            for c in view.candidates {
                self.learn(c, view.elapsed.as_secs(), view.piece);
            }
        }
        let known = |c: &Candidate| self.known.get(usize::from(c.slot)).copied().unwrap_or(UNKNOWN);
        let mut ranked: Vec<&Candidate> = view.candidates.iter().collect();
        ranked.sort_by(|a, b| {
            let value = |c: &Candidate| known(c).gives / known(c).price;
            let order = value(b).total_cmp(&value(a));
            order.then(tie(salt, a.slot).cmp(&tie(salt, b.slot)))
        });
        let mut left = view.upload.as_kib_per_s() * 1024.0;
        for c in ranked {
            let price = known(c).price;
            // The first one is served whatever it costs: upload is never idle.
            if price > left && !decision.served.is_empty() {
                break;
            }
            left -= price;
            let weight = weight_of(price / WHOLE);
            decision.served.push(Served { weight, ..Served::regular(c.slot) });
        }
        decision.open = decision.served.len();
    }

    fn forget(&mut self, slot: u16) {
        if let Some(known) = self.known.get_mut(usize::from(slot)) {
            *known = UNKNOWN;
        }
    }
}

/// A share in `[0, 1]` as a weight of at least 1.
fn weight_of(share: f64) -> u32 {
    u32::try_from(floor_u64(share * WHOLE)).unwrap_or(u32::MAX).max(1)
}

/// PropShare (Levin et al., SIGCOMM 2008, §4): four fifths of the upload go to the neighbours in
/// proportion to what they gave in the last round, one fifth to others that gave nothing.
///
/// The paper takes the fifth from the one slot in five that BitTorrent gives away regardless; here
/// likewise it is a fifth of the slots, each with the share of one. All of it for a single
/// neighbour would be a fifth of a fast link behind the download link of one stranger.
///
/// A neighbour whose share is less than a block per round gets nothing: it would hold what it
/// asks for, kept from others, for longer than the bid is worth. For the same reason no place is
/// left open between rounds, as newcomers would be served with the smallest weight there is.
#[derive(Clone, Debug, Default)]
pub struct PropShare {
    /// By slot.
    bids: Vec<Bid>,
    /// How long the last whole round took.
    round: Span,
}

/// Bytes a neighbour gave.
#[derive(Clone, Copy, Debug, Default)]
struct Bid {
    /// In the last whole round: what it bids now.
    last_round: u64,
    /// In this round so far.
    this_round: u64,
}

impl PropShare {
    fn bid(&self, slot: u16) -> u64 {
        self.bids.get(usize::from(slot)).map_or(0, |bid| bid.last_round)
    }
}

impl Choker for PropShare {
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        let salt = luck.bits();
        if view.timed {
            self.round = view.elapsed;
            for bid in &mut self.bids {
                *bid = Bid { last_round: bid.this_round, this_round: 0 };
            }
        }
        let total: u64 = view.candidates.iter().map(|c| self.bid(c.slot)).sum();
        let bytes = f64_of(view.upload.bytes_in(self.round).0);
        let share = |c: &Candidate| 0.8 * f64_of(self.bid(c.slot)) / f64_of(total.max(1));
        let pays = |c: &Candidate| self.bid(c.slot) > 0 && share(c) * bytes >= f64_of(BLOCK.0);
        for c in view.candidates.iter().filter(|c| pays(c)) {
            let weight = weight_of(share(c));
            decision.served.push(Served { weight, ..Served::regular(c.slot) });
        }
        let (n, rest) = if decision.served.is_empty() {
            (view.slots, 1.0)
        } else {
            (view.slots.div_ceil(5), 0.2)
        };
        let mut others: Vec<&Candidate> = view.candidates.iter().filter(|c| !pays(c)).collect();
        others
            .sort_unstable_by_key(|c| (view.rotate && c.unchoked, !c.unchoked, tie(salt, c.slot)));
        let weight = weight_of(rest / f64_of_len(n));
        let chosen = others.iter().take(n);
        decision.served.extend(chosen.map(|c| Served { weight, ..Served::optimistic(c.slot) }));
        decision.open = decision.served.len();
    }

    fn hear(&mut self, slot: u16, passed: Passed) {
        let slot = usize::from(slot);
        if self.bids.len() <= slot {
            self.bids.resize(slot + 1, Bid::default());
        }
        self.bids[slot].this_round += passed.received;
    }

    fn forget(&mut self, slot: u16) {
        if let Some(bid) = self.bids.get_mut(usize::from(slot)) {
            *bid = Bid::default();
        }
    }
}

/// FairTorrent (Sherman et al., CoNEXT 2009, §3): the next block goes to the neighbour it owes
/// most, the largest deficit of sent minus received.
///
/// In a flow model the rule is applied per round to the few with the largest debt, so a short
/// round (1 s) is part of the mechanism: see docs/scenario.md. The paper unchokes everybody and
/// sends block by block; neighbours that are choked here are those whose turn is not yet.
#[derive(Clone, Debug, Default)]
pub struct FairTorrent {
    /// Bytes received minus bytes sent, by slot, from the first byte on.
    owed: Vec<i64>,
}

impl FairTorrent {
    fn owed(&self, slot: u16) -> i64 {
        self.owed.get(usize::from(slot)).copied().unwrap_or(0)
    }
}

impl Choker for FairTorrent {
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        let salt = luck.bits();
        let mut ranked: Vec<&Candidate> = view.candidates.iter().collect();
        ranked
            .sort_unstable_by_key(|c| (Reverse(self.owed(c.slot)), !c.unchoked, tie(salt, c.slot)));
        let n = view.slots.min(ranked.len());
        decision.served.extend(ranked[..n].iter().map(|c| Served::regular(c.slot)));
        decision.open = n;
    }

    fn hear(&mut self, slot: u16, passed: Passed) {
        let slot = usize::from(slot);
        if self.owed.len() <= slot {
            self.owed.resize(slot + 1, 0);
        }
        let signed = |n: u64| i64::try_from(n).expect("nobody moves 8 EiB");
        self.owed[slot] += signed(passed.received) - signed(passed.sent);
    }

    fn forget(&mut self, slot: u16) {
        if let Some(owed) = self.owed.get_mut(usize::from(slot)) {
            *owed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::ids::PeerId;
    use crate::rng::{Purpose, stream};
    use crate::units::ByteRate;

    /// A neighbour that gave so many bytes in this round and was sent so many.
    fn neighbour(slot: u16, received_round: u64, sent_round: u64) -> Candidate {
        Candidate {
            slot,
            id: PeerId(u32::from(slot)),
            received: received_round,
            received_round,
            sent_round,
            sent: sent_round,
            served_for: Span::ZERO,
            waited: Span::ZERO,
            order: 0,
            unchoked: sent_round > 0,
            optimistic: false,
            since_turn: None,
            serves_us: received_round > 0,
            snubbed: false,
            pieces: 0,
        }
    }

    fn run(
        choker: &mut dyn Choker,
        candidates: &[Candidate],
        edit: impl Fn(&mut ChokeView<'_>),
    ) -> Decision {
        let mut view = ChokeView { round: 1, ..fixtures::view(candidates) };
        edit(&mut view);
        let mut decision = Decision::default();
        choker.choose(&view, &mut stream(1, Purpose::Choke, 0), &mut decision);
        decision
    }

    fn served(decision: &Decision) -> Vec<u16> {
        decision.served.iter().map(|s| s.slot).collect()
    }

    /// u rises by 20 % where service is not returned, falls by 10 % from the third round in which
    /// it is, and stays where the neighbour was served for less than a round; d is what was got.
    #[test]
    fn bittyrant_learns_prices_as_in_the_paper() {
        let mut choker = BitTyrant::default();
        let served_s = |mut c: Candidate, seconds: f64| {
            (c.unchoked, c.served_for) = (true, Span::from_secs(seconds));
            c
        };
        let shown = [
            served_s(neighbour(0, 0, 0), 10.0),
            served_s(neighbour(1, 80_000, 0), 10.0),
            served_s(neighbour(2, 0, 0), 3.0),
            neighbour(3, 0, 0),
        ];
        for timed in [true, false, true, true] {
            run(&mut choker, &shown, |view| view.timed = timed);
        }
        let prices = choker.known.iter().map(|known| known.price / 16_000.0);
        for (found, expected) in prices.zip([1.728, 0.9, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} × the start value, not {expected}");
        }
        assert!((choker.known[1].gives - 8_000.0).abs() < 1e-9, "bytes per second");
    }

    /// Of two that never served it, it tries the one that announces pieces at a rate of which a
    /// slot gets more; until then chance decides. Two pieces in ten seconds: 51 KiB/s, five slots.
    #[test]
    fn bittyrant_prefers_those_that_announce_fast() {
        let mut choker = BitTyrant::default();
        let mut shown = [neighbour(0, 0, 0), neighbour(1, 0, 0)];
        for round in 0..5 {
            (shown[0].pieces, shown[1].pieces) = (2 * round, 20 * round);
            let upload = ByteRate::from_kib_per_s(16.0);
            let decision = run(&mut choker, &shown, |view| view.upload = upload);
            assert!(round < 2 || served(&decision) == [1], "{round}: {decision:?}");
        }
        let [slow, fast] = [choker.known[0].gives, choker.known[1].gives];
        let kib = 1024.0;
        assert!((slow - 51.2 * kib / 5.0).abs() < kib, "{slow}");
        assert!((fast - 512.0 * kib / 17.0).abs() < kib, "{fast}");
    }

    /// However often it runs within a round, and whoever is shown to it.
    #[test]
    fn fairtorrent_counts_every_byte_once() {
        let mut choker = FairTorrent::default();
        for (slot, sent, received) in [(0, 300, 1000), (1, 0, 600), (2, 500, 0), (1, 100, 0)] {
            choker.hear(slot, Passed { sent, received });
        }
        // Neighbour 1 was choked in mid-round; 3 never dealt with us.
        let shown = [neighbour(0, 1000, 300), neighbour(2, 0, 500), neighbour(3, 0, 0)];
        for timed in [false, false, true] {
            let decision = run(&mut choker, &shown, |view| (view.slots, view.timed) = (2, timed));
            assert_eq!(served(&decision), [0, 3], "700 owed, then nothing; 2 owes us");
        }
        assert_eq!([0, 1, 2, 3].map(|slot| choker.owed(slot)), [700, 500, -500, 0]);
        choker.forget(0);
        assert_eq!(choker.owed(0), 0, "the next neighbour in the slot is another one");
    }

    /// Four fifths by bid, a fifth of the slots to others with a slot's share each, nothing for a
    /// bid that buys less than a block; the bids of a round stand until the next one is over.
    #[test]
    fn propshare_divides_by_what_the_last_round_brought() {
        let mut choker = PropShare::default();
        for (slot, received) in [(0, 300_000), (1, 100_000), (2, 5_000)] {
            choker.hear(slot, Passed { sent: 0, received });
        }
        let shown = [0, 1, 2, 3, 4, 5].map(|slot| neighbour(slot, 0, 0));
        for timed in [true, false, false] {
            let decision = run(&mut choker, &shown, |view| {
                (view.slots, view.timed) = (10, timed);
            });
            let weights: Vec<u32> = decision.served.iter().map(|s| s.weight).collect();
            assert_eq!(weights, [592_592, 197_530, 100_000, 100_000], "of a million");
            assert_eq!(served(&decision)[..2], [0, 1]);
            assert_eq!(decision.open, 4, "no place for newcomers at the weight 1");
            choker.hear(5, Passed { sent: 0, received: 1000 });
        }
        let decision = run(&mut choker, &shown, |view| view.slots = 10);
        assert_eq!(served(&decision)[0], 5, "the only one that gave in the round that ended");
        assert_eq!(decision.served.len(), 3, "and a fifth of the slots");
    }

    /// Whoever has so little upload that no bid buys a block serves somebody all the same.
    #[test]
    fn propshare_with_little_upload_serves_somebody() {
        let mut choker = PropShare::default();
        let shown = [0, 1, 2].map(|slot| neighbour(slot, 0, 0));
        for slot in [0, 1, 2] {
            choker.hear(slot, Passed { sent: 0, received: 1000 });
        }
        let decision = run(&mut choker, &shown, |view| {
            (view.upload, view.slots) = (ByteRate::from_kib_per_s(3.0), 2);
        });
        assert_eq!(decision.served.len(), 2);
    }
}
