//! What requesters do: owe, pay, open channels and close them.
//!
//! A piece is paid for when it is verified, each provider its part. If another run of blocks from
//! a provider could bring what is delivered and unpaid above a piece, what there is is paid for
//! before, on account; who cannot is not served further. So a provider risks one piece, or as many
//! as the rules say.

use super::{Closing, Due, Line, Mark, Parcel, Trade, pair::Siblings};
use crate::ids::{AccountId, PeerId, PieceId, UserId};
use crate::ledger::{ChannelId, Order, Rest};
use crate::observe::{Observer, UserCounts};
use crate::swarm::edges::End;
use crate::swarm::plan::economy::Funding;
use crate::swarm::transfer::in_run;
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, SimTime, Span};
use smallvec::SmallVec;
use std::collections::VecDeque;

/// A new channel takes at most so large a part of the wallet, unless that is less than a piece.
const SHARE: u64 = 16;

impl<O: Observer> Swarm<'_, O> {
    /// Blocks of a piece are in at `p`; `bytes` of them were of use.
    pub(in crate::swarm) fn delivered(
        &mut self,
        (p, slot): End,
        piece: PieceId,
        from: PeerId,
        bytes: Bytes,
    ) {
        if self.trade.is_none() {
            self.enter_credit(from, p, bytes);
            self.enter_dealing(from, p, bytes);
            return;
        }
        let Some(at) = self.line_at((p, slot), from) else { return };
        let trade = self.trade.as_deref_mut().expect("only a token has lines");
        let for_free = trade.lines[at].for_free;
        let bytes = Bytes(bytes.0.saturating_sub(u64::from(for_free)));
        if for_free > 0 {
            trade.set_for_free(p, at, 0);
        }
        if trade.lines[at].is_free() || bytes == Bytes::ZERO {
            return;
        }
        let amount = trade.lines.price(at).of(bytes, trade.coin);
        let parcel = Parcel { piece: piece.0, slot, bytes: in_run(bytes), amount };
        trade.peers[p.index()].parcels.push(parcel);
        trade.account.priced.0 += u128::from(amount.0);
        trade.account.priced.1 += bytes;
    }

    /// What of so much that is written for a requester goes out though `from` chokes it: nothing
    /// where it would have to be paid for.
    pub(in crate::swarm) fn lets_go(&self, end: End, from: PeerId, written: u64) -> u64 {
        if written == 0 {
            return 0;
        }
        let pays = self.line_at(end, from).zip(self.trade.as_deref());
        let pays = pays.is_some_and(|(at, trade)| !trade.lines[at].is_free());
        if pays { 0 } else { written }
    }

    /// A flow is at another run: what that will owe may be too much. Keeps what is delivered and
    /// not paid for, with the run under way, at what a provider risks.
    #[inline]
    pub(in crate::swarm) fn run_begins(&mut self, end: End, from: PeerId) {
        // A run is a piece at most, so who owes nothing cannot come to owe more than that.
        if self.trade.as_deref().is_some_and(|trade| trade.owes(end))
            && let Some(at) = self.line_at(end, from)
        {
            self.limit_risk(end, from, at);
        }
    }

    /// A flow is at a run of which nothing has come, not even for free; what there was before has
    /// ended, came in vain, or was taken away.
    pub(in crate::swarm) fn new_run_begins(&mut self, end: End, from: PeerId) {
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if trade.peers[end.0.index()].n_free > 0
            && let Some(at) = self.line_at(end, from)
        {
            self.trade.as_deref_mut().expect("it was just there").set_for_free(end.0, at, 0);
        }
        self.run_begins(end, from);
    }

    /// Has `p` pay on account where the run under way may bring what it owes above what a provider
    /// risks, or be turned away.
    #[inline(never)]
    fn limit_risk(&mut self, end: End, from: PeerId, at: usize) {
        let (p, _) = end;
        let trade = self.trade.as_deref().expect("only a token has lines");
        let is_free = trade.lines[at].is_free();
        if !is_free
            && self.risks_too_much(end, at)
            && (!self.pay_on_account(p, at) || self.risks_too_much(end, at))
        {
            let trade = self.trade.as_deref_mut().expect("it was just there");
            trade.strikes.push((from, p));
        }
    }

    /// Whether what is delivered and not paid for on a line may come to more than a provider
    /// risks, with the run under way.
    fn risks_too_much(&self, end: End, at: usize) -> bool {
        let Some(trade) = self.trade.as_deref() else { return false };
        trade.owes(end) // a run is a piece at most
            && self.at_risk(end, &trade.lines[at])
                > Bytes(self.cut(end.0).piece.0 * trade.exposure)
    }

    /// What is delivered to a requester and not paid for on a line, with the run under way if that
    /// is not for free.
    pub(super) fn at_risk(&self, (p, slot): End, line: &Line) -> Bytes {
        let trade = self.trade.as_deref().expect("only a token has lines");
        let owed = trade.owed((p, slot)).bytes;
        if line.is_free() {
            return owed;
        }
        let from = line.provider;
        let flow = self.flow_at(from, p);
        let run = flow.map(|flow| self.links.up[self.line(from)].flows[flow].payload.run);
        let run = run.filter(|run| !run.is_empty());
        let size = run.map_or(Bytes::ZERO, |run| self.run_size(p, run));
        owed + Bytes(size.0.saturating_sub(u64::from(line.for_free)))
    }

    /// `p` has verified a piece: its parts are due.
    pub(in crate::swarm) fn verified(&mut self, p: PeerId, piece: PieceId) {
        let cut = self.cut(p);
        let (size, user) = (cut.piece_size(piece), self.user(p));
        let is_last = usize::from(self.n_have[p.index()]) == cut.pieces;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        trade.change_remaining(user, size, false);
        let dealer = &mut trade.peers[p.index()];
        let mut dues: SmallVec<[(u16, Due); 4]> = SmallVec::new();
        let mut i = 0;
        while let Some(&parcel) = dealer.parcels.get(i) {
            if parcel.piece != piece.0 {
                i += 1;
                continue;
            }
            dealer.parcels.swap_remove(i);
            match dues.iter_mut().find(|(slot, _)| *slot == parcel.slot) {
                Some((_, due)) => *due += parcel.due(),
                None => dues.push((parcel.slot, parcel.due())),
            }
        }
        if dealer.parcels.is_empty() && dealer.parcels.spilled() {
            dealer.parcels = SmallVec::new();
        }
        let pays_arrears = std::mem::take(&mut dealer.pays_arrears);
        match dues[..] {
            [(slot, due)] if !dealer.is_behind => self.pay_for_piece(p, slot, due),
            _ => self.pay_several(p, &dues, pays_arrears),
        }
        let trade = self.trade.as_deref().expect("it was just there");
        if is_last || !trade.still_stands(p, user) {
            self.review_bid(p);
        }
    }

    /// Pays what is due for a verified piece and earlier ones to the provider in a slot.
    #[inline]
    fn pay_for_piece(&mut self, p: PeerId, slot: u16, due: Due) {
        let trade = self.trade.as_deref_mut().expect("only a token has lines");
        let at = trade.peers[p.index()].stretch.at(slot);
        if !self.pay(p, at, due) {
            let trade = self.trade.as_deref_mut().expect("it was just there");
            trade.peers[p.index()].pays_arrears = true;
        }
    }

    /// Pays several providers one after the other what has become due, and what is overdue to them
    /// or, with arrears, to anybody. What is still to be paid is owed.
    #[inline(never)]
    fn pay_several(&mut self, p: PeerId, dues: &[(u16, Due)], pays_arrears: bool) {
        let trade = self.trade.as_deref_mut().expect("only a token has lines");
        let dealer = &mut trade.peers[p.index()];
        dealer.parcels.extend(dues.iter().map(|&(slot, due)| Parcel::verified(slot, due)));
        let mut slots: SmallVec<[u16; 8]> = dues.iter().map(|&(slot, _)| slot).collect();
        if pays_arrears {
            let is_due = |slot: &u16| slots.contains(slot) || dealer.is_behind_with(*slot);
            slots = dealer.dealt.iter().copied().filter(is_due).collect();
        }
        for slot in slots {
            let trade = self.trade.as_deref_mut().expect("it was just there");
            let dealer = &mut trade.peers[p.index()];
            let due = dealer.take_due(slot);
            self.pay_for_piece(p, slot, due);
        }
    }

    /// Pays all that is owed on a line, verified or not; gives whether nothing is owed any more.
    pub(super) fn pay_on_account(&mut self, p: PeerId, at: usize) -> bool {
        let Some(trade) = self.trade.as_deref_mut() else { return true };
        let slot = trade.slot(p, at);
        let is_sent = trade.on_its_way(p, slot).bytes > Bytes::ZERO;
        let due = trade.peers[p.index()].take_all_owed(slot);
        if is_sent && due.bytes == Bytes::ZERO {
            return false; // what is on its way is owed until it arrives
        }
        let is_paid = self.pay(p, at, due);
        let trade = self.trade.as_deref_mut().expect("it was just there");
        is_paid && !trade.owes((p, slot))
    }

    /// Pays what is due on a line; gives whether it could. If not, that is overdue.
    #[inline]
    fn pay(&mut self, p: PeerId, at: usize, due: Due) -> bool {
        let trade = self.trade.as_deref_mut().expect("only a token is paid");
        let line = &trade.lines[at];
        if trade.peers[p.index()].pays_plainly && line.is(Mark::IsOpen) && line.left >= due.amount {
            self.hand_over(p, at, due);
            return true;
        }
        let is_paid = self.pay_if_it_can(p, at, due);
        if !is_paid {
            let trade = self.trade.as_deref_mut().expect("it was just there");
            let slot = trade.slot(p, at);
            trade.peers[p.index()].put_off(slot, due);
        }
        is_paid
    }

    /// Whether `p` pays what is due at once, nothing gets lost, and no channel serves several
    /// torrents: all that can fail then is that the channel is not open or holds too little.
    pub(super) fn pays_plainly(&self, p: PeerId) -> bool {
        let (habits, token, trade) = (self.habits(p), self.token(), self.trade.as_deref());
        let pays = habits.pays && habits.bidder.pays();
        let never_lost = token.is_some_and(|token| token.payment_loss == 0.0);
        let is_plain = trade.is_some_and(|trade| !trade.per_pair && trade.post.delay == Span::ZERO);
        pays && never_lost && is_plain
    }

    /// Pays what is due on a line where something may stand in the way.
    #[inline(never)]
    fn pay_if_it_can(&mut self, p: PeerId, at: usize, due: Due) -> bool {
        let token = self.token().expect("only a token is paid");
        let (habits, payer, now) = (self.habits(p), self.user(p), self.now);
        let pays = habits.pays && habits.bidder.pays();
        let trade = self.trade.as_deref_mut().expect("only a token is paid");
        if !pays {
            trade.fails((payer, at), |tally| &mut tally.refused);
            return due.bytes == Bytes::ZERO;
        }
        let luck = &mut trade.peers[p.index()].luck;
        if token.payment_loss > 0.0 && luck.unit() < token.payment_loss {
            trade.fails((payer, at), |tally| &mut tally.lost);
            return false;
        }
        if trade.per_pair {
            trade.look_into_channel(at);
        }
        if due.amount > MicroBtt::ZERO {
            let enough = trade.lines[at].left >= due.amount;
            if !enough && !self.open_channel(p, at, due.amount) {
                return false;
            }
            let trade = self.trade.as_deref_mut().expect("it was just there");
            if !trade.is_open(now, at) {
                trade.fails((payer, at), |tally| &mut tally.waiting);
                return false;
            }
            if trade.post.delay > Span::ZERO {
                self.send_payment(p, at, due);
                return true;
            }
        }
        self.hand_over(p, at, due);
        true
    }

    /// Signs for what is due on a line whose channel holds it.
    fn hand_over(&mut self, p: PeerId, at: usize, due: Due) {
        let (payer, now) = (self.user(p), self.now);
        let trade = self.trade.as_deref_mut().expect("only a token is paid");
        let line = &mut trade.lines[at];
        line.left -= due.amount;
        line.set(Mark::Failing, false);
        let beyond = line.add_paid(due.bytes);
        let Line { provider, channel, .. } = *line;
        let at_once = line.is(Mark::AtOnce);
        if beyond > Bytes::ZERO {
            trade.enter_earned(provider, MicroBtt::ZERO, beyond);
        }
        trade.enter_spent(payer, due.amount, due.bytes);
        if at_once {
            trade.enter_paid(now, at);
            trade.thank(provider, p, due.amount);
        }
        if channel.is_some() {
            self.top_up(p, at);
        }
    }

    /// Opens the next channel while the one there is still pays for what is under way.
    #[inline]
    pub(super) fn top_up(&mut self, p: PeerId, at: usize) {
        let piece = self.cut(p).piece;
        let trade = self.trade.as_deref().expect("only a token has channels");
        if trade.lines[at].left < trade.lines.price(at).of(piece, trade.coin) {
            self.open_channel(p, at, MicroBtt::ZERO);
        }
    }

    /// Opens a channel for a line, in place of the one it has, with `least` at least; gives whether
    /// there was the money. Where the two users have one in another torrent, it takes that.
    pub(super) fn open_channel(&mut self, p: PeerId, at: usize, least: MicroBtt) -> bool {
        let Some(trade) = self.trade.as_deref() else { return false };
        if !trade.per_pair {
            return self.fund_channel(p, at, least);
        }
        let siblings: Siblings = self.siblings(p, trade.lines[at].provider);
        let need = trade.lines.price(at).of(self.cut(p).piece, trade.coin).max(least);
        let trade = self.trade.as_deref_mut().expect("it was just there");
        if trade.joins(at, &siblings, need) {
            return true;
        }
        let is_open = self.fund_channel(p, at, least);
        let trade = self.trade.as_deref_mut().expect("it was just there");
        let channel = trade.lines[at].channel;
        trade.share_with(&siblings, channel);
        is_open
    }

    /// Opens a channel for a line alone.
    fn fund_channel(&mut self, p: PeerId, at: usize, least: MicroBtt) -> bool {
        let token = self.token().expect("only a token has channels");
        self.buy_again(p);
        let (now, piece, payer) = (self.now, self.cut(p).piece, self.user(p));
        let trade = self.trade.as_deref_mut().expect("only a token has channels");
        trade.close_due(now);
        if trade.lines[at].channel.is_some() {
            trade.enter_paid(now, at);
            let old = trade.lines[at].hold(None, MicroBtt::ZERO).expect("just there");
            trade.close_channel(now, payer, old);
        }
        let (price, provider) = (trade.lines.price(at), trade.lines[at].provider);
        let payee = self.user(provider);
        let trade = self.trade.as_deref_mut().expect("only a token has channels");
        let wallets = [payer, payee].map(|user| trade.users[user.index()].wallet);
        let [Some(from), Some(to)] = wallets else { return false };
        let has = trade.ledger.balance(from);
        let wish = match token.channels.funding {
            Funding::Wallet => has,
            Funding::Pieces(n) => price.of(Bytes(piece.0 * u64::from(n)), token.coin),
        };
        // Its share of the wallet: other providers want to be paid too.
        let share = MicroBtt(has.0 / SHARE).in_coins_of(token.coin);
        let wish = if token.channels.funding == Funding::Wallet { wish } else { wish.min(share) };
        let one = price.of(piece, token.coin);
        if has < one.max(least) {
            trade.reclaim(now, p, payer, &self.users[payer.index()].peers);
        }
        let funds = wish.max(least).max(one).min(has.in_coins_of(token.coin));
        if funds < least || funds == MicroBtt::ZERO {
            if least > MicroBtt::ZERO {
                trade.fails((payer, at), |tally| &mut tally.no_money);
            }
            return false;
        }
        let ready = trade.submit(now, payer);
        let channel = trade.ledger.open_channel(now, from, to, funds, ready);
        let line = &mut trade.lines[at];
        line.hold(Some(channel.expect("it has the money")), funds);
        line.set(Mark::IsOpen, now >= ready);
        trade.users[payer.index()].in_channels += funds;
        true
    }

    /// A requester needs nobody any more: its channels are closed.
    pub(super) fn close_lines(&mut self, p: PeerId) {
        let Some(trade) = self.trade.as_deref() else { return };
        let slots: SmallVec<[u16; 64]> = trade.peers[p.index()].dealt.iter().copied().collect();
        for slot in slots {
            self.close_line((p, slot), self.neighbour(p, slot));
        }
    }

    /// Closes the channel from a requester to `payee`, if there is one.
    fn close_line(&mut self, (payer, slot): End, payee: PeerId) {
        let Some(at) = self.line_at((payer, slot), payee) else { return };
        let (now, user) = (self.now, self.user(payer));
        let siblings = self.siblings(payer, payee);
        let trade = self.trade.as_deref_mut().expect("only a token has lines");
        trade.enter_paid(now, at);
        let channel = trade.remove_line((payer, slot));
        let unpaid = trade.peers[payer.index()].take_all_owed(slot);
        trade.forward((payer, slot));
        trade.enter_loss(user, unpaid);
        if let Some(channel) = channel.filter(|_| siblings.is_empty()) {
            trade.close_channel(now, user, channel);
        }
    }

    /// Two peers part: the channels between them are closed.
    pub(in crate::swarm) fn part(&mut self, (p, slot): End, (q, back): End) {
        self.close_line((p, slot), q);
        self.close_line((q, back), p);
        self.end_silence(p, q);
        let Some(trade) = self.trade.as_deref_mut() else { return };
        for (a, b) in [(p, q), (q, p)] {
            trade.peers[a.index()].debtors.retain(|&debtor| debtor != b);
        }
    }
}

impl Trade {
    /// A payment on a line failed; it counts once until one succeeds.
    #[cold]
    fn fails(&mut self, (payer, at): (UserId, usize), count: impl Fn(&mut UserCounts) -> &mut u64) {
        let line = &mut self.lines[at];
        if !line.is(Mark::Failing) {
            line.set(Mark::Failing, true);
            *count(&mut self.tallies[payer.index()]) += 1;
        }
    }

    /// Submits an operation of a user to the server; gives when that has carried it out.
    fn submit(&mut self, now: SimTime, payer: UserId) -> SimTime {
        self.tallies[payer.index()].operations += 1;
        self.service.submit(now)
    }

    /// Has the server close a channel, when it gets to it and all payments have arrived.
    pub(super) fn close_channel(&mut self, now: SimTime, payer: UserId, channel: ChannelId) {
        let left = self.ledger.channel(channel).expect("an open channel").left();
        let trader = &mut self.users[payer.index()];
        trader.in_channels -= left;
        trader.returning += left;
        if !self.closes_later(channel, payer) {
            self.submit_closing(now, channel, (payer, left));
        }
    }

    /// Submits the closing of a channel that has paid all but `left`.
    pub(super) fn submit_closing(
        &mut self,
        now: SimTime,
        channel: ChannelId,
        (payer, left): (UserId, MicroBtt),
    ) {
        let at = self.submit(now, payer);
        self.closing.push_back(Closing { at, channel, payer, left });
        self.close_due(now);
    }

    /// Closes what the server has got to by now, each at its time; who is paid by that and has
    /// enough withdraws it. Comes before anything else that looks at wallets or moves money, so
    /// that it does not matter what makes us look.
    #[inline]
    pub(super) fn close_due(&mut self, now: SimTime) {
        let is_due = |queue: &VecDeque<Closing>| queue.front().is_some_and(|next| next.at <= now);
        if is_due(&self.closing) || is_due(&self.refunding) {
            self.close_all_due(now);
        }
    }

    #[inline(never)]
    fn close_all_due(&mut self, now: SimTime) {
        while let Some(closing) = self.closing.front().copied().filter(|next| next.at <= now) {
            let Closing { at, channel, .. } = closing;
            self.refund_due(at);
            self.closing.pop_front();
            let payee = self.ledger.channel(channel).expect("closed once").payee;
            self.ledger.settle(at, channel).expect("closed once");
            if self.refund_after == Span::ZERO || self.rest == Rest::Forfeit {
                self.release(closing);
            } else {
                self.refunding.push_back(Closing { at: at + self.refund_after, ..closing });
            }
            if self.some_withdraw {
                self.withdraw(at, payee);
            }
            self.credit_deposits(at);
        }
        self.refund_due(now);
    }

    /// Gives back what is due by now of channels that have closed.
    fn refund_due(&mut self, now: SimTime) {
        while let Some(next) = self.refunding.front().copied().filter(|next| next.at <= now) {
            self.refunding.pop_front();
            self.release(next);
        }
    }

    /// What a settled channel did not pay goes back to its payer, or to the operator.
    fn release(&mut self, Closing { at, channel, payer, left }: Closing) {
        let trader = &mut self.users[payer.index()];
        trader.returning -= left;
        if self.rest == Rest::Forfeit {
            trader.sums.forfeited += left;
        }
        self.ledger.release(at, channel, self.rest).expect("settled, and released once");
    }

    /// Withdraws the balance of a wallet to the chain if it has reached what its user waits for.
    /// What is blocked is tried again when more is earned, and has been wanted all the time.
    fn withdraw(&mut self, now: SimTime, wallet: AccountId) {
        let user = self.owner(wallet);
        let trader = &mut self.users[user.index()];
        let amount = self.ledger.balance(wallet);
        if amount < trader.withdraws_at || amount == MicroBtt::ZERO {
            trader.wants_since = SimTime::NEVER;
            return;
        }
        let wanted = trader.wants_since.min(now);
        let order = Order { account: wallet, amount, wanted };
        if self.gateway.request_withdrawal(now, &mut self.ledger, order).is_ok() {
            trader.sums.withdrawn += amount;
            trader.wants_since = SimTime::NEVER;
        } else {
            trader.wants_since = wanted;
        }
    }
}
