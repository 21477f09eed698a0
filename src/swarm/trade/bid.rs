//! What requesters offer: bids, posted when a download begins and after each piece.

use super::{Line, Trade};
use crate::ids::{PeerId, PieceId, UserId};
use crate::observe::Observer;
use crate::policy::bid::{BidView, BidderSpec};
use crate::swarm::world::Swarm;
use crate::torrent::bitfield;
use crate::units::{ByteRate, Bytes, MicroBtt, Price};

/// The bids that stand, by peer. Each is read by all its bidder's neighbours, so they are a column
/// of their own.
#[derive(Debug)]
pub(super) struct Posted {
    bids: Vec<Price>,
    /// No bid is above this.
    highest: Price,
    /// How many bid just that.
    at_highest: usize,
    /// How often somebody would have fared better with a lower `highest`.
    doubts: usize,
}

impl Posted {
    /// Nobody bids.
    pub(super) fn new(n: usize) -> Self {
        Self { bids: vec![Price::ZERO; n], highest: Price::ZERO, at_highest: n, doubts: 0 }
    }

    /// What a peer bids.
    #[inline]
    pub(super) fn of(&self, p: PeerId) -> Price {
        self.bids[p.index()]
    }

    /// All bids that stand.
    pub(super) fn iter(&self) -> impl Iterator<Item = Price> + '_ {
        self.bids.iter().copied().filter(|bid| !bid.is_zero())
    }

    /// Lists what these peers bid, in their order; `common` where that is known to be the same.
    pub(super) fn list(
        &self,
        peers: impl ExactSizeIterator<Item = PeerId> + Clone,
        common: Option<Price>,
        bids: &mut Vec<Price>,
    ) {
        bids.clear();
        if let Some(bid) = common {
            debug_assert!(peers.clone().all(|p| self.of(p) == bid), "leechers bid");
            bids.resize(peers.len(), bid);
        } else {
            bids.extend(peers.map(|p| self.of(p)));
        }
    }

    /// A peer bids this from now on; gives whether that is news.
    #[inline]
    pub(super) fn post(&mut self, p: PeerId, bid: Price) -> bool {
        let before = std::mem::replace(&mut self.bids[p.index()], bid);
        let news = before != bid;
        if news {
            self.count(before, bid);
        }
        news
    }

    fn count(&mut self, before: Price, bid: Price) {
        self.at_highest -= usize::from(before == self.highest);
        if bid > self.highest {
            (self.highest, self.at_highest) = (bid, 1);
        } else {
            self.at_highest += usize::from(bid == self.highest);
        }
    }

    /// What `n` peers, who are all that may bid, bid if they do so and bid the same.
    pub(super) fn common(&self, n: usize) -> Option<Price> {
        (n > 0 && self.at_highest == n && !self.highest.is_zero()).then_some(self.highest)
    }

    /// What nobody bids more than.
    pub(super) fn highest(&self) -> Price {
        self.highest
    }

    /// The bound may be too high: it is found anew when that has been said once per bid.
    pub(super) fn doubt(&mut self) {
        self.doubts += 1;
        if self.doubts >= self.bids.len() {
            self.doubts = 0;
            self.highest = self.iter().max().unwrap_or_default();
            self.at_highest = self.bids.iter().filter(|&&bid| bid == self.highest).count();
        }
    }
}

impl Trade {
    /// Whether a bid stands after another piece as it did before. A peer that lacks no piece is not
    /// asked.
    #[inline]
    pub(super) fn still_stands(&self, p: PeerId, user: UserId) -> bool {
        self.peers[p.index()].stands && self.users[user.index()].in_channels > MicroBtt::ZERO
    }

    /// What the downloads of a user lack, less or more by so much.
    pub(super) fn change_remaining(&mut self, user: UserId, bytes: Bytes, more: bool) {
        let remaining = &mut self.users[user.index()].remaining;
        *remaining = if more { *remaining + bytes } else { *remaining - bytes };
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// A download begins.
    pub(in crate::swarm) fn begin_bidding(&mut self, p: PeerId) {
        if self.trade.is_some() {
            self.change_wants(p, self.lacks(p), true);
            self.buy_again(p);
            self.review_bid(p);
        }
    }

    /// A download is over, done or not.
    pub(in crate::swarm) fn end_bidding(&mut self, p: PeerId) {
        if self.trade.is_some() {
            self.change_wants(p, self.lacks(p), false);
            self.close_lines(p);
            self.silence_bid(p);
        }
    }

    /// Who is away, or done, bids nothing.
    pub(in crate::swarm) fn silence_bid(&mut self, p: PeerId) {
        if let Some(trade) = &mut self.trade {
            trade.posted.post(p, Price::ZERO);
            trade.peers[p.index()].stands = false;
        }
    }

    /// What everybody bids that is interested in anything, where that is known to be the same.
    #[inline]
    pub(super) fn common_bid(&self) -> Option<Price> {
        // Who is interested leeches, unless the news that it does no more is still on its way.
        let trade = self.trade.as_deref().filter(|_| !self.some_wait)?;
        trade.posted.common(self.leechers as usize)
    }

    fn change_wants(&mut self, p: PeerId, bytes: Bytes, more: bool) {
        let user = self.user(p);
        if let Some(trade) = &mut self.trade {
            trade.change_remaining(user, bytes, more);
        }
    }

    /// Asks the bidder of `p` what stands from now on.
    pub(in crate::swarm) fn review_bid(&mut self, p: PeerId) {
        let (now, user, spec) = (self.now, self.user(p), &self.habits(p).bidder);
        let lacks_some = usize::from(self.n_have[p.index()]) < self.cut(p).pieces;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if trade.users[user.index()].wallet.is_none() {
            return;
        }
        let bid = match spec {
            BidderSpec::Never | BidderSpec::Hoarder => return,
            // It looks at nothing, and stands while there is money and something to fetch.
            BidderSpec::Fixed(bid) => {
                trade.close_due(now);
                let stands = lacks_some && trade.has_money(user);
                trade.peers[p.index()].stands = stands;
                if stands { *bid } else { Price::ZERO }
            }
            _ => {
                trade.close_due(now);
                self.bid_anew(p, spec)
            }
        };
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if trade.posted.post(p, bid) {
            trade.tallies[user.index()].bids_posted += 1;
        }
    }

    /// What the bidder of `p` makes of all it is shown.
    #[inline(never)]
    fn bid_anew(&mut self, p: PeerId, spec: &BidderSpec) -> Price {
        let view = self.bid_view(p, spec);
        let trade = self.trade.as_deref_mut().expect("only traders bid");
        spec.bid(&mut trade.peers[p.index()].bidder, &view)
    }

    fn bid_view(&self, p: PeerId, spec: &BidderSpec) -> BidView {
        let trade = self.trade.as_deref().expect("only traders bid");
        let user = self.user(p);
        let dealer = &trade.peers[p.index()];
        let line = self.line(p);
        let mut view = BidView {
            balance: trade.balance(user),
            remaining: self.lacks(p),
            remaining_all: trade.users[user.index()].remaining,
            pieces: usize::from(self.n_have[p.index()]),
            pieces_all: self.cut(p).pieces,
            posted: trade.posted.of(p),
            market: dealer.heard,
            slots_won: 0,
            download: ByteRate::ZERO,
            download_unpaid: ByteRate::ZERO,
            upload: ByteRate::ZERO,
            elapsed: self.now.since(self.peer(p).joined),
        };
        // The shipped rules of other kinds look at neither.
        if matches!(spec, BidderSpec::Shill(_) | BidderSpec::Custom(_)) {
            let providers = dealer.lines().map(|at| trade.lines[at].provider.index());
            view.slots_won = providers.filter(|&q| trade.peers[q].is_paid_by(p)).count();
        }
        if matches!(spec, BidderSpec::Valuation(_) | BidderSpec::Custom(_)) {
            view.upload = self.upload_rate(line);
            view.download = self.download_rate(line);
            let lines = dealer.lines().map(|at| &trade.lines[at]);
            let paid: u64 = lines.map(|line| self.paid_rate(p, line).0).sum();
            view.download_unpaid = ByteRate(view.download.0.saturating_sub(paid));
        }
        view
    }

    /// What comes in from a provider that is paid.
    fn paid_rate(&self, p: PeerId, line: &Line) -> ByteRate {
        if line.is_free() {
            return ByteRate::ZERO;
        }
        let from = line.provider;
        let at = self.flow_at(from, p);
        at.map_or(ByteRate::ZERO, |at| self.flow_rate(from, at))
    }

    /// What `p` lacks, from the count of its pieces; the last piece may be short.
    fn lacks(&self, p: PeerId) -> Bytes {
        let cut = self.cut(p);
        let n = u64::from(self.n_have[p.index()]);
        let last = cut.pieces - 1;
        let has_last = bitfield::has(&self.have[self.row(p)], last);
        let short = cut.piece.0 - cut.piece_size(PieceId::from_index(last)).0;
        Bytes(cut.content.0 - (n * cut.piece.0 - if has_last { short } else { 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    /// 2000 bids of 20 peers; seed 4.
    #[test]
    fn nobody_bids_more_than_the_highest() {
        let mut luck = stream(4, Purpose::Choke, 0);
        let mut posted = Posted::new(20);
        for _ in 0..2000 {
            let p = PeerId::from_index(luck.below(20));
            let bid = Price::new(MicroBtt(luck.bits() % 9), Bytes(1 + luck.bits() % 3));
            let before = posted.of(p);
            assert_eq!(posted.post(p, bid), bid != before);
            assert!(posted.iter().all(|bid| bid <= posted.highest()));
            let n = posted.iter().filter(|&bid| bid == posted.highest()).count();
            let is_bid = n > 0 && !posted.highest().is_zero();
            assert_eq!(posted.common(n), is_bid.then_some(posted.highest()));
            assert_eq!(posted.common(n + 1), None, "that many do not");
            if luck.below(40) == 0 {
                (0..20).for_each(|_| posted.doubt());
                let highest = posted.iter().max().unwrap_or_default();
                assert_eq!(posted.highest(), highest, "found anew");
            }
        }
    }
}
