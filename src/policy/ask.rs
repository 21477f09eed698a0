//! What I ask: the asker plug. How many of its slots a provider sells, and below which price not.
//!
//! An asker sees the bids its neighbours have posted with it, its own slots, the last price it got,
//! how busy its link is and what a BTT is worth. It does not see other providers or their prices.
//!
//! The white paper of BitTorrent Token (2019) names no reserve price, so `Free` is the faithful one
//! and all others are ours. With it the uniform price is nothing whenever no more bid than there
//! are slots, which is why the others are worth trying.

use crate::units::{Bytes, MicroBtt, NanoUsd, Price};
use std::fmt;
use std::sync::Arc;

/// What an asker is shown.
#[derive(Clone, Copy, Debug)]
pub struct AskView<'a> {
    /// The bids that stand with us, above nothing, in any order.
    pub bids: &'a [Price],
    /// Slots we can sell: upload slots without those outside the auction.
    pub slots: usize,
    /// What a sold slot last brought; nothing if none was ever sold.
    pub last_price: Price,
    /// How much of our upload is in use, in percent.
    pub busy_percent: u64,
    /// What a BTT is worth outside; nothing if it has no price.
    pub btt: NanoUsd,
}

/// What a provider asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Nobody is sold a slot who bids less.
    pub reserve: Price,
    /// How many slots are sold.
    pub slots: usize,
}

/// Which asker a peer runs: plain configuration; memory is made per peer.
#[derive(Clone)]
pub enum AskerSpec {
    /// No reserve (the paper is silent, so this is it).
    Free,
    /// Always the same reserve.
    Reserve(Price),
    /// Not below cost: this much per GiB for power and what the link could do instead.
    ///
    /// The reserve in BTT moves against the price of a BTT. Where a BTT is worth nothing no amount
    /// of them covers a cost, and no slot is sold.
    Cost(NanoUsd),
    /// Sells as many slots as bring most by the bids that stand: the k that maximises k × the
    /// (k + 1)-th bid, as the uniform price is the highest losing bid; of equals the largest k.
    ///
    /// A monopolist's restriction of supply. Farmers of 2019 kept one slot per torrent
    /// (`ul_slots_per_torrent: 1`, UkrainianHulk/bittorrent-utils, `config/default.ts`).
    Withhold,
    /// Raises the reserve when more bid than there are slots, lowers it when fewer do.
    Tatonnement(Tatonnement),
    /// An asker of the library's user; the factory is called once per peer.
    Custom(Arc<dyn AskerFactory>),
}

/// Makes one asker per peer.
pub trait AskerFactory: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> String;
    /// An asker for one peer, with a memory of its own.
    fn make(&self) -> Box<dyn Asker>;
}

/// Decides what to ask, round by round. One per peer.
pub trait Asker: Send {
    /// What is asked from now on.
    fn ask(&mut self, view: &AskView<'_>) -> Ask;
}

impl AskerSpec {
    /// As written in scenario files and manifests.
    pub fn name(&self) -> String {
        match self {
            Self::Free => "free".into(),
            Self::Reserve(_) => "reserve".into(),
            Self::Cost(_) => "cost".into(),
            Self::Withhold => "withhold".into(),
            Self::Tatonnement(_) => "tatonnement".into(),
            Self::Custom(factory) => factory.name(),
        }
    }

    /// The memory a peer with this asker carries; `None` for askers without memory.
    pub fn make(&self) -> Option<Box<dyn Asker>> {
        match self {
            Self::Tatonnement(start) => Some(Box::new(start.clone())),
            Self::Custom(factory) => Some(factory.make()),
            Self::Free | Self::Reserve(_) | Self::Cost(_) | Self::Withhold => None,
        }
    }

    /// What a peer with this asker asks; `memory` is what `make` returned for it.
    ///
    /// # Panics
    /// If an asker with a memory is shown none.
    pub fn ask(&self, memory: &mut Option<Box<dyn Asker>>, view: &AskView<'_>) -> Ask {
        let all = |reserve| Ask { reserve, slots: view.slots };
        match self {
            Self::Free => all(Price::ZERO),
            Self::Reserve(reserve) => all(*reserve),
            Self::Cost(per_gib) => match reserve_for(*per_gib, view.btt) {
                Some(reserve) => all(reserve),
                None => Ask { reserve: Price::ZERO, slots: 0 },
            },
            Self::Withhold => Ask { reserve: Price::ZERO, slots: most_lucrative(view) },
            Self::Tatonnement(_) | Self::Custom(_) => {
                memory.as_mut().expect("an asker with a memory carries it").ask(view)
            }
        }
    }
}

impl fmt::Debug for AskerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The price in BTT that covers a cost in dollars; `None` if a BTT is worth nothing.
fn reserve_for(per_gib: NanoUsd, btt: NanoUsd) -> Option<Price> {
    // (cost ÷ value of a BTT) BTT for a GiB, as an exact ratio.
    let one_btt = Price::new(MicroBtt::BTT, Bytes(1 << 30));
    (btt > NanoUsd::ZERO).then(|| one_btt.times(per_gib.0, btt.0))
}

/// The number of slots, at least 1 if there are any, whose uniform price brings most.
fn most_lucrative(view: &AskView<'_>) -> usize {
    let mut bids = view.bids.to_vec();
    bids.sort_unstable_by(|a, b| b.cmp(a));
    // With as many slots as bids the price is nothing, and all slots are as good.
    let (mut best, mut most) = (view.slots, Price::ZERO);
    for (k, &losing) in (1_u64..).zip(bids.iter().skip(1).take(view.slots)) {
        let revenue = losing.times(k, 1);
        if revenue > Price::ZERO && revenue >= most {
            best = usize::try_from(k).expect("counts bids");
            most = revenue;
        }
    }
    best
}

/// Price adjustment by excess demand (Walras's tâtonnement; PACE adapts the price of each peer to
/// the demand for its upload in the same way: Aperjis, Freedman and Johari, CoNEXT 2008).
///
/// Departs: a fixed step in percent instead of a gain on the excess, as slots are few and whole.
/// The reserve is kept in µBTT per TiB and rounded down, but moves by at least one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tatonnement {
    /// µBTT per TiB.
    reserve: u64,
    /// In percent, per call.
    step_percent: u64,
}

/// Bytes in a TiB: 10 BTT per GiB are 10¹⁰ µBTT per TiB, so steps are fine.
const TIB: Bytes = Bytes(1 << 40);

impl Tatonnement {
    /// Starts at `start`; each call moves the reserve up by the factor 1 + `step_percent`/100, or
    /// down by its inverse.
    pub fn new(start: Price, step_percent: u64) -> Self {
        Self { reserve: start.of(TIB, MicroBtt(1)).0, step_percent }
    }

    /// How far a call moves the reserve, in percent.
    pub fn step_percent(&self) -> u64 {
        self.step_percent
    }

    /// What is asked now.
    pub fn reserve(&self) -> Price {
        Price::new(MicroBtt(self.reserve), TIB)
    }
}

impl Asker for Tatonnement {
    fn ask(&mut self, view: &AskView<'_>) -> Ask {
        let reserve = self.reserve();
        let demand = view.bids.iter().filter(|&&bid| bid >= reserve).count();
        let up = 100_u128 + u128::from(self.step_percent);
        let moved =
            |n: u128, d: u128| u64::try_from(u128::from(self.reserve) * n / d).unwrap_or(u64::MAX);
        if demand > view.slots {
            self.reserve = moved(up, 100).max(self.reserve.saturating_add(1));
        } else if demand < view.slots {
            self.reserve = moved(100, up).min(self.reserve.saturating_sub(1));
        }
        Ask { reserve: self.reserve(), slots: view.slots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_gib(btt: u64) -> Price {
        Price::new(MicroBtt(btt * 1_000_000), Bytes(1 << 30))
    }

    fn view(bids: &[Price], slots: usize) -> AskView<'_> {
        AskView {
            bids,
            slots,
            last_price: Price::ZERO,
            busy_percent: 100,
            btt: NanoUsd::from_usd(0.00012),
        }
    }

    #[test]
    fn nobody_and_a_fixed_reserve_sell_all_slots() {
        for (spec, reserve) in
            [(AskerSpec::Free, Price::ZERO), (AskerSpec::Reserve(per_gib(3)), per_gib(3))]
        {
            assert!(spec.make().is_none(), "{spec:?} needs no memory");
            let got = spec.ask(&mut None, &view(&[per_gib(9)], 4));
            assert_eq!(got, Ask { reserve, slots: 4 });
        }
    }

    #[test]
    fn cost_is_covered_whatever_a_btt_is_worth() {
        // $0.002 per GiB; a BTT at $0.00012 is 16 2/3 BTT per GiB, at $0.0002 10 BTT.
        let spec = AskerSpec::Cost(NanoUsd::from_usd(0.002));
        let mut seen = view(&[], 4);
        let got = spec.ask(&mut None, &seen);
        assert_eq!(got.reserve, per_gib(50).times(1, 3));
        seen.btt = NanoUsd::from_usd(0.0002);
        assert_eq!(spec.ask(&mut None, &seen), Ask { reserve: per_gib(10), slots: 4 });
        seen.btt = NanoUsd::ZERO;
        assert_eq!(spec.ask(&mut None, &seen).slots, 0, "worthless: nothing is sold");
    }

    #[test]
    fn withholding_picks_the_slots_that_bring_most() {
        // [9, 7, 5, 3]: 1 × 7, 2 × 5, 3 × 3, 4 × 0.
        for (bids, slots, want) in [
            (&[9, 7, 5, 3][..], 4, 2),
            (&[3, 9, 5, 7], 4, 2),
            (&[9, 7, 5, 3], 1, 1),
            (&[9, 7], 4, 1),
            (&[5, 5, 5], 2, 2),
            (&[6, 6, 3], 4, 2),
            (&[9], 4, 4),
            (&[], 4, 4),
            (&[9, 7, 5], 0, 0),
        ] {
            let bids: Vec<Price> = bids.iter().map(|&b| per_gib(b)).collect();
            let got = AskerSpec::Withhold.ask(&mut None, &view(&bids, slots));
            assert_eq!(got.slots, want, "{bids:?} on {slots} slots");
            let doubled: Vec<Price> = bids.iter().map(|b| b.times(2, 1)).collect();
            let again = AskerSpec::Withhold.ask(&mut None, &view(&doubled, slots));
            assert_eq!(again.slots, want, "twice the money, the same slots");
        }
    }

    #[test]
    fn tatonnement_follows_demand_and_settles_between_the_bids() {
        let spec = AskerSpec::Tatonnement(Tatonnement::new(per_gib(10), 10));
        let mut memory = spec.make();
        let bids = [20, 18, 16, 14, 12].map(per_gib);
        let first = spec.ask(&mut memory, &view(&bids, 4));
        assert_eq!(first.reserve, per_gib(11), "five bid at least 10, for four slots");
        for _ in 0..20 {
            spec.ask(&mut memory, &view(&bids, 4));
        }
        let settled = spec.ask(&mut memory, &view(&bids, 4)).reserve;
        assert!(per_gib(12) < settled && settled <= per_gib(14), "{settled:?} clears four slots");
        let mut last = settled;
        for _ in 0..500 {
            let next = spec.ask(&mut memory, &view(&[], 4)).reserve;
            assert!(next < last || next.is_zero(), "nobody bids: it falls");
            last = next;
        }
        assert!(last.is_zero(), "to nothing in the end");
        for _ in 0..300 {
            last = spec.ask(&mut memory, &view(&bids, 4)).reserve;
        }
        assert_eq!(bids.iter().filter(|&&b| b >= last).count(), 4, "and finds its way back");
        let mut top = Tatonnement { reserve: u64::MAX, step_percent: 10 };
        let endless = [Price::new(MicroBtt(u64::MAX), Bytes(1)); 3];
        assert_eq!(top.ask(&view(&endless, 1)).reserve, top.reserve(), "saturates");
    }
}
