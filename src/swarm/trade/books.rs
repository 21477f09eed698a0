//! The books of the economy: what a run leaves behind about money.

use super::{Dealer, Due, Mark, Sums, Trade, Trader};
use crate::ids::{PeerId, UserId};
use crate::ledger::{Blocked, Crossings, Kind, Ledger, Movement};
use crate::observe::{
    MoneyCounts, MoneyRecord, MoneySample, Moved, Observer, Took, UserCounts, WalletRecord,
};
use crate::policy::bid::BidderSpec;
use crate::swarm::world::{Stage, Swarm};
use crate::units::{BLOCK, Bytes, MicroBtt, Price, SimTime, Span};

/// Sums since the last row of the timeline, and since the beginning.
#[derive(Clone, Debug, Default)]
pub(in crate::swarm) struct Account {
    /// Worth of what was delivered at a price, in µBTT, and how much that was.
    pub(super) priced: (u128, Bytes),
    /// Paid since the last row.
    pub(super) paid: MicroBtt,
    /// For so much.
    pub(super) paid_bytes: Bytes,
    /// The most of that on one connection.
    pub(super) unpaid_most: Bytes,
    /// Blocks that customers of silent providers waited for.
    pub(super) held_blocks: u64,
    /// Time that seeders stayed because they were paid.
    pub(super) stayed: Span,
    samples: Vec<MoneySample>,
}

impl Trade {
    /// Takes a row of the timeline of money.
    fn sample(&mut self, now: SimTime, spendable: Vec<MicroBtt>) {
        let moved = self.ledger.take_movements();
        let row = |movement: &Movement| {
            let tally = moved.of(*movement);
            Moved { what: movement.name(), count: tally.count, ubtt: tally.ubtt }
        };
        let bids = || self.posted.iter();
        let held = |kind| u64::try_from(self.ledger.held_by(kind)).unwrap_or(u64::MAX);
        let sample = MoneySample {
            at: now,
            paid: std::mem::take(&mut self.account.paid),
            paid_bytes: std::mem::take(&mut self.account.paid_bytes),
            bidders: crate::units::u32_of(bids().count()),
            highest_bid: bids().max().unwrap_or(Price::ZERO),
            median_bid: median(bids().collect()),
            usd_per_btt: self.usd.at(now),
            wallets: MicroBtt(held(Kind::Wallet)),
            escrow: MicroBtt(held(Kind::Escrow)),
            spendable,
            promo: MicroBtt(held(Kind::Promo)),
            moved: Movement::ALL.iter().map(row).filter(|moved| moved.count > 0).collect(),
        };
        self.account.samples.push(sample);
    }

    fn counts(&self) -> MoneyCounts {
        let account = &self.account;
        let service = self.service.counts();
        let blocked = |reason| self.gateway.withdrawals().blocked(reason);
        let sums = || self.users.iter().map(|trader| &trader.sums);
        let mut tally = UserCounts::default();
        self.tallies.iter().for_each(|&of_user| tally += of_user);
        MoneyCounts {
            payments: sums().map(|sums| sums.payments).sum(),
            tally,
            unpaid: sums().fold(MicroBtt::ZERO, |all, sums| all + sums.unpaid),
            unpaid_bytes: sums().fold(Bytes::ZERO, |all, sums| all + sums.unpaid_bytes),
            unpaid_bytes_most: account.unpaid_most,
            held_blocks: account.held_blocks,
            stayed: account.stayed,
            ledger_operations: service.submitted,
            ledger_delayed: service.delayed,
            ledger_longest_wait: service.longest_wait,
            ledger_longest_queue: service.longest_queue,
            deposits: self.gateway.deposits().done.count,
            deposits_blocked: self.gateway.deposits().blocked_in_all(),
            deposits_waiting: self.gateway.n_waiting() as u64,
            deposit_time: self.gateway.deposits().took,
            deposit_times: bars(self.gateway.deposits()),
            chain_fees_sun: self.gateway.chain().fees().0,
            operator_fees_sun: self.gateway.chain().fees_of(Ledger::GATEWAY).0,
            withdrawals: self.gateway.withdrawals().done.count,
            withdrawal_time: self.gateway.withdrawals().took,
            withdrawal_times: bars(self.gateway.withdrawals()),
            withdrawals_blocked: Blocked::ALL.map(blocked),
        }
    }
}

/// How long what went across took: the bars with something in them.
fn bars(crossings: &Crossings) -> Vec<Took> {
    let mut above = Span::ZERO;
    let all = crossings.latencies.buckets().map(|(up_to, count)| {
        let bar = Took { above, up_to, count };
        above = up_to;
        bar
    });
    all.filter(|bar| bar.count > 0).collect()
}

/// The middle one; the lower of two.
fn median(mut bids: Vec<Price>) -> Price {
    bids.sort_unstable();
    bids.get(bids.len().saturating_sub(1) / 2).copied().unwrap_or(Price::ZERO)
}

impl Dealer {
    /// What it was paid, and for how much.
    fn earned(&self) -> Due {
        Due { amount: self.income, bytes: self.sold_bytes }
    }
}

impl Trader {
    /// What it has paid for, and what it has not and never will.
    fn settled(&self) -> Due {
        let Sums { spent, bought_bytes, unpaid, unpaid_bytes, .. } = self.sums;
        Due { amount: spent + unpaid, bytes: bought_bytes + unpaid_bytes }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Takes a row of the timeline of money, if there is any.
    pub(in crate::swarm) fn sample_money(&mut self) {
        let now = self.now;
        if let Some(trade) = self.trade.as_deref_mut() {
            trade.close_due(now);
            let mut spendable = vec![MicroBtt::ZERO; self.plan.classes.len()];
            for (u, user) in self.users.iter().enumerate() {
                spendable[user.class.index()] += trade.balance(UserId::from_index(u));
            }
            trade.sample(now, spendable);
        }
    }

    /// What the run leaves behind about money.
    pub(in crate::swarm) fn money_record(&mut self) -> Option<MoneyRecord> {
        let now = self.now;
        let trade = self.trade.as_deref_mut()?;
        trade.enter_all_paid(now);
        let samples = std::mem::take(&mut trade.account.samples);
        let trade = self.trade.as_deref()?;
        let mut earned = vec![Due::NONE; trade.users.len()];
        for dealer in &trade.peers {
            earned[dealer.user.index()] += dealer.earned();
        }
        let mut to_come = vec![MicroBtt::ZERO; trade.users.len()];
        for channel in trade.ledger.open_channels() {
            to_come[trade.owner(channel.payee).index()] += channel.to_be_settled();
        }
        let fees = |wallet| trade.gateway.chain().fees_of(wallet).0;
        let users = trade.users.iter().zip(&self.users).zip(&trade.tallies);
        let users = users.zip(earned.into_iter().zip(to_come));
        let wallets = users.map(|(((trader, user), &tally), (earned, to_come))| WalletRecord {
            class: user.class,
            trades: trader.wallet.is_some(),
            gift: trader.sums.gift,
            bought: trader.sums.bought,
            earned: earned.amount,
            spent: trader.sums.spent,
            withdrawn: trader.sums.withdrawn,
            forfeited: trader.sums.forfeited,
            fees_sun: trader.wallet.map_or(0, fees),
            to_come,
            wallet: trader.wallet.map_or(MicroBtt::ZERO, |wallet| trade.ledger.balance(wallet)),
            in_channels: trader.in_channels + trader.returning,
            on_its_way: trader.on_its_way,
            bought_bytes: trader.sums.bought_bytes,
            sold_bytes: earned.bytes,
            unpaid: trader.sums.unpaid,
            unpaid_bytes: trader.sums.unpaid_bytes,
            payments: trader.sums.payments,
            tally,
        });
        Some(MoneyRecord { samples, wallets: wallets.collect(), counts: trade.counts() })
    }

    /// The most that `p` sends to a neighbour though it has choked it: the block on its way, or
    /// what a client with a send buffer has written. That is refilled while it holds less than is
    /// sent in `buffer_span` at the rate of the second before, in which no more was sent than the
    /// link carries in two: quota is saved for one.
    fn most_written(&self, p: PeerId) -> Bytes {
        let Some(rules) = self.in_turn(p) else { return BLOCK };
        let uplink = self.links.up[self.line(p)].cap;
        let most = rules.buffer.max(uplink.bytes_in(rules.buffer_span.times(2))) + BLOCK;
        // The first of its blocks has gone in part, and counts whole.
        Bytes(most.0.next_multiple_of(BLOCK.0))
    }

    /// The laws of money: nothing is created or lost, what is set aside is in channels, and a
    /// provider risks a piece and what it cannot take back, the run under way among it.
    pub(in crate::swarm) fn audit_money(&self) {
        let Some(trade) = self.trade.as_deref() else { return };
        trade.ledger.audit();
        trade.lines.audit_prices();
        for (i, dealer) in trade.peers.iter().enumerate() {
            let p = PeerId::from_index(i);
            self.audit_bid(p);
            self.audit_debts(p, dealer);
            self.audit_bans(p, dealer);
            for at in dealer.lines() {
                let line = &trade.lines[at];
                let piece = self.cut(p).piece;
                let most = Bytes(piece.0 * trade.exposure) + self.most_written(line.provider);
                let end = (p, trade.slot(p, at));
                let risk = self.at_risk(end, line);
                assert!(risk <= most, "a provider risks {risk:?}, not {most:?}: {line:?}");
                let came = self.came_of_run(line.provider, p);
                let is_of_run = came.is_none_or(|came| line.is_free() || line.for_free <= came);
                assert!(is_of_run, "{came:?} bytes came of the run: {line:?}");
                self.audit_channel(p, at);
                let siblings = self.siblings(p, line.provider);
                let channels = siblings.iter().map(|&at| &trade.lines[at]);
                let same = channels.into_iter().all(|other| other.channel == line.channel);
                assert!(same, "a pair of users has one channel: {line:?}");
            }
        }
        let owed = trade.peers.iter().map(Dealer::owes_in_all);
        let dues = owed.chain(trade.users.iter().map(Trader::settled));
        let accounted = dues.fold((0, Bytes::ZERO), |(amount, bytes), due| {
            (amount + u128::from(due.amount.0), bytes + due.bytes)
        });
        assert!(accounted == trade.account.priced, "what was delivered is paid, owed or lost");
        let spent: u64 = trade.users.iter().map(|trader| trader.sums.spent.0).sum();
        let earned: u64 = trade.peers.iter().map(|dealer| dealer.income.0).sum();
        let at = trade.peers.iter().flat_map(Dealer::lines);
        let to_be_entered: u64 = at.map(|at| trade.to_be_entered(at).0).sum();
        assert!(spent == earned + to_be_entered, "what was spent was earned: {spent}, {earned}");
        let escrow = trade.ledger.balance(Ledger::ESCROW);
        let held = |trader: &Trader| trader.in_channels + trader.returning + trader.on_its_way;
        let set_aside: u64 = trade.users.iter().map(|trader| held(trader).0).sum();
        assert!(MicroBtt(set_aside) <= escrow, "what can be spent from channels is in them");
        for (i, trader) in trade.users.iter().enumerate().filter(|_| !trade.per_pair) {
            let peers = self.users[i].peers.iter().flat_map(|p| trade.peers[p.index()].lines());
            let left: u64 = peers.map(|at| trade.lines[at].left.0).sum();
            assert!(trader.in_channels.0 == left, "{left} in the channels of {trader:?}");
        }
    }

    /// Only who is there and has a wallet bids, and what all are known to bid they bid.
    fn audit_bid(&self, p: PeerId) {
        let trade = self.trade.as_deref().expect("only a token has bids");
        let bid = trade.posted.of(p);
        let may_bid = self.is_present(p) && self.wallet(p).is_some();
        assert!(bid.is_zero() || may_bid, "{p:?} bids {bid:?}");
        let is_leecher = self.is_present(p) && self.peer(p).stage == Stage::Leecher;
        if let Some(common) = self.common_bid().filter(|_| is_leecher) {
            assert!(bid == common, "{p:?} does not bid {common:?} as all do: {bid:?}");
        }
    }

    /// The laws of what a requester owes: it is owed on a line, and is seen to be owed.
    fn audit_debts(&self, p: PeerId, dealer: &Dealer) {
        let overdue = dealer.overdue.iter().map(|&(slot, _)| slot);
        let mut slots = overdue.chain(dealer.parcels.iter().map(|parcel| parcel.slot));
        assert!(slots.all(|slot| dealer.dealt.contains(&slot)), "{p:?} owes on no line");
        assert!(dealer.is_behind != dealer.overdue.is_empty(), "{p:?} is behind unseen");
        let is_open = dealer.parcels.iter().all(|parcel| !parcel.is_verified());
        assert!(is_open, "{p:?} has not been charged for what it verified");
        if let BidderSpec::Fixed(bid) = self.habits(p).bidder {
            let posted = self.trade.as_deref().map(|trade| trade.posted.of(p));
            assert!(!dealer.stands || posted == Some(bid), "{p:?} bids otherwise: {posted:?}");
        }
    }

    /// Who is banned for what it owed is not served.
    fn audit_bans(&self, p: PeerId, dealer: &Dealer) {
        for &(q, until) in dealer.banned.iter().filter(|&&(_, until)| self.now < until) {
            let mut served = self.peer(p).uploads.iter().map(|up| self.neighbour(p, up.slot));
            assert!(served.all(|other| other != q), "{p:?} serves {q:?}, banned until {until:?}");
        }
    }

    /// The laws of a line, and of its channel.
    fn audit_channel(&self, p: PeerId, at: usize) {
        let trade = self.trade.as_deref().expect("only a token has channels");
        let line = &trade.lines[at];
        let Some(id) = line.channel else {
            assert!(line.left == MicroBtt::ZERO, "nothing can be paid without a channel: {line:?}");
            return;
        };
        let channel = trade.ledger.channel(id).expect("a line has no closed channel");
        let wallets = [p, line.provider].map(|p| trade.users[self.user(p).index()].wallet);
        assert_eq!(wallets, [Some(channel.payer), Some(channel.payee)], "{line:?}");
        assert!(trade.per_pair || line.left <= channel.left(), "more than there is: {line:?}");
        let is_due = !line.is(Mark::AtOnce) || trade.to_be_entered(at) == MicroBtt::ZERO;
        assert!(is_due, "what is to be entered at once is: {line:?}");
    }
}
