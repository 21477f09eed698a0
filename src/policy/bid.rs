//! What I offer: the bidder plug. A bid is a price per byte that stands with a provider until it is
//! posted anew; the caller posts whenever the decision differs from what stands.
//!
//! A bidder sees its own wallet, its own downloads, the last price it was told and the rates it
//! measures. It does not see other bids: providers do not show them (white paper of BitTorrent
//! Token, 2019, on bids and bid responses).
//!
//! Law: whoever has no money, or nothing left to fetch, bids nothing; all amounts and prices times
//! one factor multiply the bid by it.

use crate::units::{ByteRate, Bytes, MicroBtt, Price, Span};
use std::fmt;
use std::sync::Arc;

/// What a bidder is shown.
#[derive(Clone, Copy, Debug)]
pub struct BidView {
    /// What the user can spend: the wallet and what of its escrow is not yet spent.
    pub balance: MicroBtt,
    /// What is left of this download.
    pub remaining: Bytes,
    /// What is left of all downloads that draw on the same wallet, this one included.
    pub remaining_all: Bytes,
    /// Pieces it has.
    pub pieces: usize,
    /// Pieces in the content.
    pub pieces_all: usize,
    /// The bid that stands now; nothing if there is none.
    pub posted: Price,
    /// The last price it was told by a provider; nothing if none ever was.
    pub market: Price,
    /// Slots it holds by its bids now.
    pub slots_won: usize,
    /// What comes in from all neighbours.
    pub download: ByteRate,
    /// What comes in from neighbours it does not pay.
    pub download_unpaid: ByteRate,
    /// What goes out to all neighbours.
    pub upload: ByteRate,
    /// How long this download has been running.
    pub elapsed: Span,
}

/// Which bidder a peer runs: plain configuration; memory is made per peer.
#[derive(Clone)]
pub enum BidderSpec {
    /// Offers nothing and has no wallet: a client without the extension, or a user who opted out.
    Never,
    /// Offers nothing but sells: what it earns it keeps.
    Hoarder,
    /// Always the same bid, while there is money.
    Fixed(Price),
    /// The rule that shipped.
    Auto(AutoBid),
    /// What the time saved is worth.
    Valuation(Valuation),
    /// Bids to push the price up, not to be served.
    Shill(Shill),
    /// A bidder of the library's user; the factory is called once per peer.
    Custom(Arc<dyn BidderFactory>),
}

/// Makes one bidder per peer.
pub trait BidderFactory: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> String;
    /// A bidder for one peer, with a memory of its own.
    fn make(&self) -> Box<dyn Bidder>;
    /// Whether it pays for what it bid on and got.
    fn pays(&self) -> bool {
        true
    }
    /// Whether it takes money for its own upload.
    fn earns(&self) -> bool {
        true
    }
}

/// Decides what to bid. One per peer.
pub trait Bidder: Send {
    /// The bid that stands from now on; the same as `view.posted` is no new posting.
    fn bid(&mut self, view: &BidView) -> Price;
}

impl BidderSpec {
    /// As written in scenario files and manifests.
    pub fn name(&self) -> String {
        match self {
            Self::Never => "never".into(),
            Self::Hoarder => "hoarder".into(),
            Self::Fixed(_) => "fixed".into(),
            Self::Auto(_) => "auto".into(),
            Self::Valuation(_) => "valuation".into(),
            Self::Shill(_) => "shill".into(),
            Self::Custom(factory) => factory.name(),
        }
    }

    /// Whether it pays for what it bid on and got. A shill does not.
    pub fn pays(&self) -> bool {
        match self {
            Self::Never | Self::Hoarder | Self::Shill(_) => false,
            Self::Fixed(_) | Self::Auto(_) | Self::Valuation(_) => true,
            Self::Custom(factory) => factory.pays(),
        }
    }

    /// Whether it takes money for its own upload.
    pub fn earns(&self) -> bool {
        match self {
            Self::Never => false,
            Self::Custom(factory) => factory.earns(),
            _ => true,
        }
    }

    /// The memory a peer with this bidder carries; `None` for bidders without memory.
    pub fn make(&self) -> Option<Box<dyn Bidder>> {
        match self {
            Self::Custom(factory) => Some(factory.make()),
            _ => None,
        }
    }

    /// The bid of a peer with this bidder from now on; `memory` is what `make` returned for it.
    ///
    /// # Panics
    /// If a bidder with a memory is shown none.
    pub fn bid(&self, memory: &mut Option<Box<dyn Bidder>>, view: &BidView) -> Price {
        if view.balance == MicroBtt::ZERO || view.remaining == Bytes::ZERO {
            return Price::ZERO;
        }
        match self {
            Self::Never | Self::Hoarder => Price::ZERO,
            Self::Fixed(bid) => *bid,
            Self::Auto(rule) => rule.bid(view),
            Self::Valuation(rule) => rule.bid(view),
            Self::Shill(rule) => rule.bid(view),
            Self::Custom(_) => {
                memory.as_mut().expect("a bidder with a memory carries it").bid(view)
            }
        }
    }
}

impl fmt::Debug for BidderSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// How one wallet is divided between downloads at the same time. The paper is silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Insolvency {
    /// Each download has a share of the balance in proportion to what it still lacks: all of them
    /// bid the same, and together no more than the balance.
    ReserveByRemaining,
    /// Each bids the whole balance, as the formula reads: N downloads promise it N times.
    PaperNaive,
}

/// The bid of the first release (white paper of BitTorrent Token, 2019, on automatic bidding):
/// `spending rate × balance ÷ remaining`, posted anew only when it has moved by more than
/// `repost_percent` from what stands.
///
/// Paying less than it bids it never falls, and near the end it explodes: wealth over size, not
/// what the data are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AutoBid {
    /// Share of the balance the remaining download may cost, in percent; the paper's 1.0 is 100.
    pub spending_percent: u64,
    /// Moves of no more than this are not posted; the paper says 10.
    pub repost_percent: u64,
    /// One wallet, several downloads.
    pub insolvency: Insolvency,
}

impl AutoBid {
    /// The paper's numbers; what it leaves open about shared wallets without overcommitment.
    pub const PAPER: Self = Self {
        spending_percent: 100,
        repost_percent: 10,
        insolvency: Insolvency::ReserveByRemaining,
    };

    /// The formula, whatever stands.
    pub fn wish(&self, view: &BidView) -> Price {
        let over = match self.insolvency {
            Insolvency::ReserveByRemaining => view.remaining_all.max(view.remaining),
            Insolvency::PaperNaive => view.remaining,
        };
        if over == Bytes::ZERO {
            return Price::ZERO;
        }
        Price::new(view.balance, over).times(self.spending_percent, 100)
    }

    fn bid(&self, view: &BidView) -> Price {
        standing(view.posted, self.wish(view), self.repost_percent)
    }
}

/// What stands after `wish` came up: it, if it is more than `percent` away from what is posted.
pub fn standing(posted: Price, wish: Price, percent: u64) -> Price {
    if wish.differs(posted, percent) { wish } else { posted }
}

/// Bids what the time saved is worth to the user (ours; time has a price since Becker, The
/// Economic Journal 1965).
///
/// Let d be the rate without paying, s what paid slots add and R what remains. Paying saves
/// R/d − R/(d + s) of time and buys R s/(d + s) bytes: 1/d for each byte, whatever s and R are. So
/// a byte is worth the value of time ÷ d: the less comes for free, the more. The bid is that, but
/// not more per byte than the balance over all that remains; with nothing for free it is the
/// latter. Rises with the value of time and the balance, falls with d.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Valuation {
    /// What the user gives for having the content an hour earlier.
    pub per_hour: MicroBtt,
    /// Moves of no more than this are not posted.
    pub repost_percent: u64,
}

/// An hour.
const HOUR: Span = Span(3_600_000_000_000);

impl Valuation {
    /// What a byte is worth, within the budget, whatever stands.
    pub fn wish(&self, view: &BidView) -> Price {
        let budget = AutoBid { repost_percent: 0, ..AutoBid::PAPER }.wish(view);
        let for_free = view.download_unpaid.bytes_in(HOUR);
        if for_free == Bytes::ZERO && self.per_hour > MicroBtt::ZERO {
            return budget;
        }
        Price::new(self.per_hour, for_free.max(Bytes(1))).min(budget)
    }

    fn bid(&self, view: &BidView) -> Price {
        standing(view.posted, self.wish(view), self.repost_percent)
    }
}

/// Wants to be the highest losing bid, which all winners pay (ours: the uniform price is set by a
/// bid that nobody but the provider can check).
///
/// As long as it is not served it bids `step_percent` above the last price it was told; once a slot
/// has fallen to it, as much below. It never pays, so what it was served is the provider's loss
/// unless the two are one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shill {
    /// Its bid before it has heard of any price.
    pub start: Price,
    /// How far from the price it goes, in percent.
    pub step_percent: u64,
}

impl Shill {
    fn bid(&self, view: &BidView) -> Price {
        let step = self.step_percent.min(100);
        match (view.market.is_zero(), view.slots_won) {
            (true, _) => self.start,
            (false, 0) => view.market.times(100 + step, 100),
            (false, _) => view.market.times(100 - step, 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::f64_of;

    const GIB: Bytes = Bytes(1 << 30);
    const PIECE: Bytes = Bytes(256 << 10);
    const COIN: MicroBtt = MicroBtt(1);

    fn view(balance: MicroBtt, remaining: Bytes) -> BidView {
        BidView {
            balance,
            remaining,
            remaining_all: remaining,
            pieces: 0,
            pieces_all: 4096,
            posted: Price::ZERO,
            market: Price::ZERO,
            slots_won: 0,
            download: ByteRate::ZERO,
            download_unpaid: ByteRate::ZERO,
            upload: ByteRate::ZERO,
            elapsed: Span::ZERO,
        }
    }

    fn btt(n: u64) -> MicroBtt {
        MicroBtt(n * 1_000_000)
    }

    /// The tests of the formula count money in 1/4096 µBTT, so that no piece of a GiB has a price
    /// between two coins: the formula is what is tested, not its rounding.
    const FINE: u64 = 4096;

    /// A download of 1 GiB in pieces of 256 KiB with 10 BTT.
    struct Story {
        postings: usize,
        /// The bid that stands with 50, 75, 90 and 99 % done, in multiples of the first.
        at: Vec<f64>,
        left: MicroBtt,
    }

    fn story(pay: impl Fn(Price) -> Price) -> Story {
        let spec = BidderSpec::Auto(AutoBid::PAPER);
        let mut seen = view(btt(10 * FINE), GIB);
        let first = spec.bid(&mut None, &seen);
        let (mut postings, mut at) = (0, Vec::new());
        for done in 0..4096_u64 {
            let bid = spec.bid(&mut None, &seen);
            postings += usize::from(bid != seen.posted);
            seen.posted = bid;
            if [50, 75, 90, 99].iter().any(|p| (4096 * p + 50) / 100 == done) {
                at.push(f64_of(bid.millionths_of(first)) / 1e6);
            }
            seen.balance -= pay(bid).of(PIECE, COIN);
            seen.remaining -= PIECE;
            seen.remaining_all = seen.remaining;
        }
        assert_eq!(spec.bid(&mut None, &seen), Price::ZERO, "nothing left to fetch");
        Story { postings, at, left: seen.balance }
    }

    fn check(story: &Story, postings: usize, at: [f64; 4], left: MicroBtt) {
        assert_eq!(story.postings, postings);
        for (got, want) in story.at.iter().zip(at) {
            assert!((got / want - 1.0).abs() < 0.01, "× {got}, not × {want}");
        }
        assert_eq!(story.left.0, left.0 * FINE, "to the last coin");
    }

    /// The consequences of the formula, by arithmetic; a bid may lag by 10 % behind (b − p)/R.
    #[test]
    fn the_bid_of_the_paper_explodes_unless_it_is_paid() {
        let first = BidderSpec::Auto(AutoBid::PAPER).bid(&mut None, &view(btt(10 * FINE), GIB));
        let per_kb = first.times(1, FINE).as_btt_per_gib() / 1_048_576.0;
        assert!((per_kb / 9.54e-6 - 1.0).abs() < 0.001, "{per_kb} BTT per KiB");
        check(&story(|bid| bid), 1, [1.0; 4], MicroBtt::ZERO);
        check(&story(|_| first.times(1, 2)), 61, [1.46, 2.36, 5.09, 50.5], btt(5));
        // Paying nothing, the formula says × 99.9 with 99 % done and that has been posted if 10 %
        // is taken in floating point; but one move on the way, 4096/2310 after 4096/2541, is 10 %
        // exactly and so no posting, and × 91.02 still stands.
        let free = |_| Price::ZERO;
        check(&story(free), 68, [1.951, 3.814, 9.97, 91.02], btt(10));
        let late = AutoBid::PAPER.wish(&view(btt(10 * FINE), Bytes(41 * PIECE.0)));
        assert_eq!(late.times(41, 4096), first);
    }

    #[test]
    fn spending_is_an_exact_share_and_a_tenth_is_no_move() {
        let half = AutoBid { spending_percent: 50, ..AutoBid::PAPER };
        let third = Price::new(MicroBtt(1), Bytes(3));
        assert_eq!(half.wish(&view(MicroBtt(2), Bytes(3))), third);
        let spec = BidderSpec::Auto(AutoBid::PAPER);
        for (balance, posted) in [(110, 100), (90, 100), (111, 111), (89, 89), (100, 100)] {
            let mut seen = view(MicroBtt(balance), Bytes(1000));
            seen.posted = Price::new(MicroBtt(100), Bytes(1000));
            let want = Price::new(MicroBtt(posted), Bytes(1000));
            assert_eq!(spec.bid(&mut None, &seen), want, "{balance} after 100");
        }
        // The whole supply in one wallet overflows nothing.
        let supply = MicroBtt(990_000_000_000_000_000);
        let all = AutoBid { spending_percent: 99, ..AutoBid::PAPER }.wish(&view(supply, Bytes(1)));
        assert_eq!(all, Price::new(MicroBtt(supply.0 / 100 * 99), Bytes(1)));
    }

    #[test]
    fn shared_wallets_promise_the_balance_once_or_once_each() {
        let parts = [Bytes(600), Bytes(300), Bytes(100)];
        for (insolvency, want) in
            [(Insolvency::ReserveByRemaining, 1000), (Insolvency::PaperNaive, 3000)]
        {
            let rule = AutoBid { insolvency, ..AutoBid::PAPER };
            let promised: u64 = parts
                .iter()
                .map(|&remaining| {
                    let mut seen = view(MicroBtt(1000), remaining);
                    seen.remaining_all = Bytes(1000);
                    rule.wish(&seen).of(remaining, COIN).0
                })
                .sum();
            assert_eq!(promised, want, "{insolvency:?}");
        }
    }

    #[test]
    fn a_byte_is_worth_the_time_it_would_take_otherwise() {
        let rule = |per_hour| Valuation { per_hour, repost_percent: 0 };
        let mut seen = view(btt(1000), GIB);
        let budget = Price::new(btt(1000), GIB);
        assert_eq!(rule(btt(1)).wish(&seen), budget, "nothing for free: all it can afford");
        assert_eq!(
            rule(MicroBtt::ZERO).wish(&seen),
            Price::ZERO,
            "but not if time is worth nothing"
        );
        // 291.27 KiB/s are a GiB an hour: 5 BTT an hour are 5 BTT per GiB.
        seen.download_unpaid = ByteRate::from_kib_per_s(1_048_576.0 / 3600.0);
        let bid = rule(btt(5)).wish(&seen).as_btt_per_gib();
        assert!((bid - 5.0).abs() < 1e-6, "{bid}");
        let mut last = Price::ZERO;
        for value in [0, 1, 5, 900, 2000, 9000] {
            let wish = rule(btt(value)).wish(&seen);
            assert!(wish >= last && wish <= budget, "rises with the value of time to the budget");
            last = wish;
        }
        for kib_per_s in [1.0, 10.0, 100.0, 1000.0] {
            seen.download_unpaid = ByteRate::from_kib_per_s(kib_per_s);
            let wish = rule(btt(5)).wish(&seen);
            assert!(wish <= last, "falls with what comes for free");
            last = wish;
        }
    }

    #[test]
    fn a_shill_steps_over_the_price_until_it_is_hit() {
        let price = |micro| Price::new(MicroBtt(micro), Bytes(1000));
        let spec = BidderSpec::Shill(Shill { start: price(7), step_percent: 5 });
        let mut seen = view(btt(1), GIB);
        assert_eq!(spec.bid(&mut None, &seen), price(7));
        seen.market = price(100);
        assert_eq!(spec.bid(&mut None, &seen), price(105));
        seen.slots_won = 1;
        assert_eq!(spec.bid(&mut None, &seen), price(95));
        assert!(!spec.pays() && spec.earns());
    }

    fn shipped() -> Vec<BidderSpec> {
        let price = Price::new(MicroBtt(100), Bytes(1000));
        vec![
            BidderSpec::Never,
            BidderSpec::Hoarder,
            BidderSpec::Fixed(price),
            BidderSpec::Auto(AutoBid::PAPER),
            BidderSpec::Valuation(Valuation { per_hour: btt(5), repost_percent: 10 }),
            BidderSpec::Shill(Shill { start: price, step_percent: 5 }),
        ]
    }

    #[test]
    fn without_money_or_need_nobody_bids_and_without_intent_neither() {
        for spec in shipped() {
            assert!(spec.make().is_none());
            let bid = |balance, remaining| spec.bid(&mut None, &view(balance, remaining));
            assert_eq!(bid(MicroBtt::ZERO, GIB), Price::ZERO, "{spec:?} without money");
            assert_eq!(bid(btt(1), Bytes::ZERO), Price::ZERO, "{spec:?} with all it wants");
            let offers = !matches!(spec, BidderSpec::Never | BidderSpec::Hoarder);
            assert_eq!(bid(btt(1), GIB) > Price::ZERO, offers, "{spec:?}");
            assert!(offers || !spec.pays());
            assert_eq!(spec.earns(), !matches!(spec, BidderSpec::Never), "{spec:?}");
        }
    }

    struct OneMore(u64);

    impl Bidder for OneMore {
        fn bid(&mut self, _: &BidView) -> Price {
            self.0 += 1;
            Price::new(MicroBtt(self.0), Bytes(1))
        }
    }

    struct OneMoreFactory;

    impl BidderFactory for OneMoreFactory {
        fn name(&self) -> String {
            "one-more".into()
        }
        fn make(&self) -> Box<dyn Bidder> {
            Box::new(OneMore(0))
        }
    }

    #[test]
    fn a_guest_remembers() {
        let spec = BidderSpec::Custom(Arc::new(OneMoreFactory));
        let mut memory = spec.make();
        let seen = view(btt(1), GIB);
        for n in 1..4 {
            let want = Price::new(MicroBtt(n), Bytes(1));
            assert_eq!(spec.bid(&mut memory, &seen), want);
        }
        assert!(spec.name() == "one-more" && spec.pays() && spec.earns());
    }
}
