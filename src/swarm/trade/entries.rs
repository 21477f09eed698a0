//! What payments change in the books of payers and providers.
//!
//! A payment goes from peer to peer past the ledger, so its payer and the line to the provider are
//! all it touches. The channel, and what the provider has earned, are brought up to date when
//! somebody asks or the channel ends: to touch them each time is to wait for three more places in
//! memory, and waiting is most of what paying costs.
//!
//! Law: what all have spent is what all have earned and what is still to be entered; what a user
//! can spend from channels is what its lines hold (`audit_money`).

use super::{Due, Mark, Trade, Trader};
use crate::ids::{PeerId, UserId};
use crate::ledger::Channel;
use crate::observe::Observer;
use crate::swarm::edges::Mask;
use crate::swarm::plan::economy::Stall;
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, SimTime};

impl Trade {
    /// A payer has paid.
    #[inline]
    pub(super) fn enter_spent(&mut self, payer: UserId, amount: MicroBtt, bytes: Bytes) {
        let Trader { in_channels, sums, .. } = &mut self.users[payer.index()];
        *in_channels -= amount;
        sums.spent += amount;
        sums.bought_bytes += bytes;
        sums.payments += u64::from(amount > MicroBtt::ZERO);
        self.account.paid += amount;
        self.account.paid_bytes += bytes;
    }

    /// A provider has been paid.
    pub(super) fn enter_earned(&mut self, provider: PeerId, amount: MicroBtt, bytes: Bytes) {
        let seller = &mut self.peers[provider.index()];
        seller.income += amount;
        seller.sold_bytes += bytes;
    }

    /// What was paid through the channel of a line and is not entered there.
    pub(super) fn to_be_entered(&self, at: usize) -> MicroBtt {
        let line = &self.lines[at];
        let channel = line.channel.and_then(|channel| self.ledger.channel(channel));
        // Where other lines pay through it too, each payment is entered at once, and it may hold
        // less by now than this line remembers.
        channel.map_or(MicroBtt::ZERO, |channel| channel.left().saturating_sub(line.left))
    }

    /// Enters what was paid on a line in its channel and in the provider's books.
    pub(super) fn enter_paid(&mut self, now: SimTime, at: usize) {
        let amount = self.to_be_entered(at);
        let line = &mut self.lines[at];
        let (provider, channel) = (line.provider, line.channel);
        let bytes = line.take_paid();
        if amount > MicroBtt::ZERO {
            self.close_due(now);
            let channel = channel.expect("paid through");
            let left =
                self.ledger.pay(now, channel, amount).expect("the channel holds what is paid");
            debug_assert_eq!(left, self.lines[at].left, "the line knows what it holds");
        }
        self.enter_earned(provider, amount, bytes);
    }

    /// Enters all that was paid.
    pub(super) fn enter_all_paid(&mut self, now: SimTime) {
        for p in 0..self.peers.len() {
            for nth in 0..self.peers[p].dealt.len() {
                let dealer = &self.peers[p];
                self.enter_paid(now, dealer.stretch.at(dealer.dealt[nth]));
            }
        }
    }

    /// What the channel of a line holds now, where other lines pay through it too.
    #[cold]
    pub(super) fn look_into_channel(&mut self, at: usize) {
        let channel = self.lines[at].channel.and_then(|channel| self.ledger.channel(channel));
        self.lines[at].left = channel.map_or(MicroBtt::ZERO, Channel::left);
    }

    /// Whether the channel of a line can be paid through.
    #[inline]
    pub(super) fn is_open(&mut self, now: SimTime, at: usize) -> bool {
        let line = &mut self.lines[at];
        if !line.is(Mark::IsOpen) {
            let channel = line.channel.and_then(|channel| self.ledger.channel(channel));
            line.set(Mark::IsOpen, channel.is_some_and(|channel| now >= channel.ready));
        }
        line.is(Mark::IsOpen)
    }

    /// A provider has been paid: the requester may bid again, unless the provider stalls.
    pub(super) fn thank(&mut self, provider: PeerId, payer: PeerId, amount: MicroBtt) {
        let seller = &mut self.peers[provider.index()];
        if !seller.is_wary {
            return;
        }
        seller.debtors.retain(|&debtor| debtor != payer);
        let stalls = seller.stalls != Stall::Never;
        if stalls && amount > MicroBtt::ZERO && !seller.dropped.contains(&payer) {
            seller.dropped.push(payer);
            self.tallies[seller.user.index()].dropped += 1;
            self.strikes.push((provider, payer));
        }
    }

    /// What a requester owes when a connection ends is never paid.
    pub(super) fn enter_loss(&mut self, payer: UserId, Due { amount, bytes }: Due) {
        let sums = &mut self.users[payer.index()].sums;
        sums.unpaid += amount;
        sums.unpaid_bytes += bytes;
        self.account.unpaid_most = self.account.unpaid_most.max(bytes);
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Enters what a provider has been paid by all it is connected to.
    pub(super) fn enter_income(&mut self, p: PeerId) {
        let stretch = self.peers[p.index()].edges;
        for slot in self.edges.slots(stretch, Mask::Live).collect::<Vec<_>>() {
            let customer = (self.neighbour(p, slot), self.back(p, slot));
            if let Some(at) = self.line_at(customer, p) {
                let trade = self.trade.as_deref_mut().expect("only a token has lines");
                trade.enter_paid(self.now, at);
            }
        }
    }
}
