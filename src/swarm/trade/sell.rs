//! What providers do: whom they let bid, what they ask, on which terms they serve.

use super::{Dealer, Line, Mark, Trade};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::ask::{Ask, AskView, AskerSpec};
use crate::policy::choke::market::{self, Base, Combine, Others, Terms};
use crate::policy::choke::{Candidate, ChokeView, Choking, Decision, Served};
use crate::rng::Stream;
use crate::swarm::edges::{End, Mask};
use crate::swarm::plan::economy::Token;
use crate::swarm::transfer::in_run;
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, Price, Span, percent_of};

impl Dealer {
    /// One of its customers is none any more.
    fn end_sale(&mut self, nth: usize) {
        self.customers.swap_remove(nth);
        if self.customers.spilled() {
            // For a moment there may be one more than slots, and what is elsewhere is cold.
            self.customers.shrink_to_fit();
        }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Whether a provider serves a neighbour at all: a farmer bans who cannot pay it, some without
    /// the token those who have it, a private tracker's clients who has used up its credit.
    pub(in crate::swarm) fn admits(&self, p: PeerId, q: PeerId) -> bool {
        if let Some(credits) = &self.credits {
            return credits.of(self.user(q)) > 0;
        }
        if self.bans_debtors(p) && self.has_banned(p, q) {
            return false;
        }
        if self.bans_others(p) {
            self.wallet(q).is_some()
        } else {
            !self.bans_payers(p) || self.wallet(q).is_none()
        }
    }

    /// Whether a provider serves nobody without a wallet.
    fn bans_others(&self, p: PeerId) -> bool {
        self.habits(p).bans_others && self.wallet(p).is_some()
    }

    /// Whether a provider serves those that owe too much not at all for a while.
    fn bans_debtors(&self, p: PeerId) -> bool {
        self.habits(p).unpaid_ban > Span::ZERO
    }

    /// Whether a provider has banned a requester for what that owed, and still does.
    fn has_banned(&self, p: PeerId, q: PeerId) -> bool {
        self.trade.as_deref().is_some_and(|trade| {
            let banned = &trade.peers[p.index()].banned;
            banned.iter().any(|&(debtor, until)| debtor == q && self.now < until)
        })
    }

    /// Whether a provider, itself without a wallet, serves nobody who has one.
    fn bans_payers(&self, p: PeerId) -> bool {
        let shuns = |trade: &Trade| trade.users[self.user(p).index()].shuns;
        self.habits(p).bans_payers > 0.0 && self.trade.as_deref().is_some_and(shuns)
    }

    /// Whether a provider takes payments for its upload.
    pub(in crate::swarm) fn sells(&self, p: PeerId) -> bool {
        self.trade.as_deref().is_some_and(|trade| trade.peers[p.index()].sells)
    }

    /// A peer has arrived: it takes payments if its user has a wallet.
    pub(in crate::swarm) fn begin_selling(&mut self, p: PeerId) {
        let habits = self.habits(p);
        let sells = self.wallet(p).is_some() && habits.bidder.earns() && habits.sells;
        let pays_plainly = self.pays_plainly(p);
        if let Some(trade) = self.trade.as_deref_mut() {
            let dealer = &mut trade.peers[p.index()];
            (dealer.sells, dealer.pays_plainly) = (sells, pays_plainly);
        }
    }

    /// Whether a provider may turn neighbours away.
    pub(in crate::swarm) fn is_choosy(&self, p: PeerId) -> bool {
        self.credits.is_some() || self.bans_others(p) || self.bans_payers(p) || self.bans_debtors(p)
    }

    /// Whether a run of the choker of `p` may look at those alone that it deals with: it turns
    /// nobody away, and what it asks does not depend on what the others bid.
    pub(in crate::swarm) fn trades_simply(&self, p: PeerId, timed: bool) -> bool {
        if self.is_choosy(p) || self.dealings.is_some() {
            return false;
        }
        let Some(trade) = self.trade.as_deref() else { return true };
        let dealer = &trade.peers[p.index()];
        let asks_anew = timed || !dealer.has_asked;
        dealer.nobody_is_out() && (!asks_anew || matches!(self.habits(p).asker, AskerSpec::Free))
    }

    /// What those that `p` deals with offer it.
    pub(in crate::swarm) fn take_bids_of(
        &mut self,
        p: PeerId,
        dealers: &[Candidate],
    ) -> Vec<Price> {
        let common = self.common_bid();
        let names = &self.edges.peer[self.peers[p.index()].edges.range()];
        let Some(trade) = self.trade.as_deref_mut() else { return Vec::new() };
        let mut bids = std::mem::take(&mut trade.bids);
        let peers = dealers.iter().map(|c| names[usize::from(c.slot)]);
        trade.posted.list(peers, common, &mut bids);
        bids
    }

    /// Whom `p` serves at which price, if those it deals with decide that alone: gives whether they
    /// do.
    pub(in crate::swarm) fn sell_among_dealers(
        &mut self,
        p: PeerId,
        view: &ChokeView<'_>,
        (rules, luck): (&Choking, &mut Stream),
        decision: &mut Decision,
    ) -> bool {
        let Some(terms) = self.terms(p, view, &Base::TitForTat(rules)) else { return false };
        let common = self.common_bid();
        let trade = self.trade.as_deref_mut().expect("it was just there");
        let posted = &trade.posted;
        let highest = posted.highest();
        let (edges, stretch) = (&self.edges, self.peers[p.index()].edges);
        let mut listed = view.candidates.iter().map(|c| c.slot).peekable();
        let best = || {
            let mut best = Price::ZERO;
            for slot in edges.slots(stretch, Mask::Wanted) {
                if listed.next_if_eq(&slot).is_some() {
                    continue;
                }
                best = best.max(posted.of(edges.peer[stretch.at(slot)]));
                if best == highest {
                    break;
                }
            }
            best
        };
        let alike = |bid| {
            let each = |slot| posted.of(edges.peer[stretch.at(slot)]) == bid;
            let known = common == Some(bid);
            debug_assert!(!known || edges.slots(stretch, Mask::Wanted).all(each), "leechers bid");
            let all = known || edges.slots(stretch, Mask::Wanted).all(each);
            let n = edges.count_both(stretch, [Mask::Wanted, Mask::Wanted]);
            all.then(|| n - view.candidates.len())
        };
        let others = Others { highest, best, alike };
        let enough = market::choose_among_dealers(view, &terms, others, (rules, luck), decision);
        if !enough {
            trade.posted.doubt();
        }
        enough
    }

    /// Fills the buffer of bids with what the candidates offer `p`; gives whether any does. A
    /// provider without the token's client, or that takes no payments, sees no bids; nobody sees
    /// those of its debtors, nor of customers it has dropped.
    pub(in crate::swarm) fn gather_bids(
        &mut self,
        p: PeerId,
        timed: bool,
        candidates: &[Candidate],
    ) -> bool {
        if !self.sells(p) {
            return false;
        }
        if timed {
            self.press_debtors(p);
        }
        let common = self.common_bid();
        let names = &self.edges.peer[self.peers[p.index()].edges.range()];
        let Some(trade) = self.trade.as_deref_mut() else { return false };
        let bids = &mut trade.bids;
        let dealer = &trade.peers[p.index()];
        trade.posted.list(candidates.iter().map(|c| names[usize::from(c.slot)]), common, bids);
        let any = bids.iter().any(|bid| !bid.is_zero());
        if timed && !any {
            let tally = &mut trade.tallies[dealer.user.index()];
            tally.no_content += u64::from(candidates.is_empty());
            tally.no_bidder += u64::from(!candidates.is_empty());
        }
        if !any || dealer.nobody_is_out() {
            return any;
        }
        let Dealer { debtors, dropped, .. } = dealer;
        for (bid, c) in bids.iter_mut().zip(candidates) {
            let q = names[usize::from(c.slot)];
            if debtors.contains(&q) || dropped.contains(&q) {
                *bid = Price::ZERO;
            }
        }
        bids.iter().any(|bid| !bid.is_zero())
    }

    /// The buffer of bids, for the time of a decision.
    pub(in crate::swarm) fn take_bids(&mut self) -> Vec<Price> {
        self.trade.as_mut().map_or_else(Vec::new, |trade| std::mem::take(&mut trade.bids))
    }

    /// Gives the buffer back.
    pub(in crate::swarm) fn give_bids_back(&mut self, bids: Vec<Price>) {
        if let Some(trade) = &mut self.trade {
            trade.bids = bids;
        }
    }

    /// On which terms `p` sells in this run of its choker; `None` if nobody bids, which leaves the
    /// decision to its own choker.
    pub(in crate::swarm) fn terms(
        &mut self,
        p: PeerId,
        view: &ChokeView<'_>,
        base: &Base<'_>,
    ) -> Option<Terms> {
        let token = self.token()?;
        let spec = &self.habits(p).asker;
        let dealer = &self.trade.as_deref()?.peers[p.index()];
        let ask = if dealer.has_asked && !view.timed {
            dealer.ask
        } else {
            let slots = market::for_sale(view, token.combine, base);
            let ask = if matches!(spec, AskerSpec::Free) {
                // By far the most common, and it looks at nothing.
                Ask { reserve: Price::ZERO, slots }
            } else {
                self.ask_anew(p, spec, view.bids, slots)
            };
            let dealer = &mut self.trade.as_deref_mut()?.peers[p.index()];
            (dealer.ask, dealer.has_asked) = (ask, true);
            ask
        };
        let Token { combine, format, ties, .. } = *token;
        Some(Terms { combine, format, ties, ask })
    }

    /// What the asker of `p` makes of the bids and the slots it can sell.
    #[inline(never)]
    fn ask_anew(&mut self, p: PeerId, spec: &AskerSpec, bids: &[Price], slots: usize) -> Ask {
        let line = self.line(p);
        let busy_percent = percent_of(self.upload_rate(line).0, self.links.up[line].cap.0);
        let now = self.now;
        let trade = self.trade.as_deref_mut().expect("only traders ask");
        let btt = trade.btt(now);
        let dealer = &mut trade.peers[p.index()];
        let bids: Vec<Price> = bids.iter().copied().filter(|bid| !bid.is_zero()).collect();
        let last_price = dealer.last_price;
        let view = AskView { bids: &bids, slots, last_price, busy_percent, btt };
        spec.ask(&mut dealer.asker, &view)
    }

    /// Whether slots go to those that pay only, at this provider.
    pub(in crate::swarm) fn serves_for_pay_only(&self, p: PeerId) -> bool {
        let is_rule = self.token().is_some_and(|token| token.combine == Combine::PayOnly);
        is_rule && self.sells(p)
    }

    /// The terms on which `p` serves now, for a run of its choker that leaves them alone.
    pub(in crate::swarm) fn standing(&self, p: PeerId) -> Vec<Served> {
        let Some(trade) = self.trade.as_deref() else { return Vec::new() };
        let customers = &trade.peers[p.index()].customers;
        let uploads = self.peer(p).uploads.iter();
        uploads
            .map(|upload| {
                let q = self.neighbour(p, upload.slot);
                let terms = customers.iter().find(|&&(customer, _)| customer == q);
                let price = terms.map_or(Price::ZERO, |&(_, price)| price);
                Served { weight: upload.weight, price, ..Served::regular(upload.slot) }
            })
            .collect()
    }

    /// `p` serves a neighbour at this price from now on.
    #[inline]
    pub(in crate::swarm) fn set_terms(&mut self, p: PeerId, served: &Served) {
        let Some(trade) = self.trade.as_deref() else { return };
        let (q, price) = (self.neighbour(p, served.slot), served.price);
        // Most slots go on at the price of the round before, or for free.
        let customers = trade.peers[p.index()].customers.as_slice();
        let known = customers.iter().position(|&(customer, _)| customer == q);
        let as_before = match known {
            Some(nth) => customers[nth].1 == price,
            None => price.is_zero() && self.is(p, Mask::Serves, served.slot),
        };
        if !as_before {
            self.change_terms(p, (q, self.back(p, served.slot)), price, known);
        }
    }

    /// `p` serves `q` at another price than before, or for the first time; `known` if it is one of
    /// its customers.
    #[inline(never)]
    fn change_terms(&mut self, p: PeerId, (q, back): End, price: Price, known: Option<usize>) {
        let trade = self.trade.as_deref_mut().expect("only a token has terms");
        let customers = &mut trade.peers[p.index()].customers;
        match known {
            Some(nth) if price.is_zero() => trade.peers[p.index()].end_sale(nth),
            Some(nth) => customers[nth].1 = price,
            None if price.is_zero() => {}
            None => customers.push((q, price)),
        }
        let found = self.line_at((q, back), p);
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if price.is_zero() {
            if let Some(at) = found {
                trade.lines.set_price(at, price);
            }
            return;
        }
        trade.peers[q.index()].heard = price;
        let at = found.unwrap_or_else(|| trade.add_line((q, back), p));
        let Line { channel, .. } = trade.lines[at];
        let was_free = trade.lines[at].is_free();
        trade.lines.set_price(at, price);
        trade.peers[p.index()].last_price = price;
        if channel.is_none() {
            self.open_channel(q, at, MicroBtt::ZERO);
        }
        if was_free {
            let came = self.came_of_run(p, q).unwrap_or(0);
            let trade = self.trade.as_deref_mut().expect("it was just there");
            trade.set_for_free(q, at, came);
            self.run_begins((q, back), p);
        }
    }

    /// How many bytes have come of the run of blocks under way from `p` to `q`, if there is one.
    /// Only looks: what moves is rounded whenever it is entered in the books, and money is to
    /// change no time.
    pub(super) fn came_of_run(&self, p: PeerId, q: PeerId) -> Option<u32> {
        let at = self.flow_at(p, q)?;
        let flow = &self.links.up[self.line(p)].flows[at];
        let run = flow.payload.run;
        if run.is_empty() {
            return None;
        }
        let left = (flow.left_at(self.now) + flow.payload.beyond()).bytes_up();
        Some(in_run(Bytes(self.run_size(p, run).0.saturating_sub(left.0))))
    }

    /// `p` serves `q` no more; what is on its way is still paid for.
    pub(in crate::swarm) fn end_terms(&mut self, p: PeerId, q: PeerId) {
        let Some(trade) = self.trade.as_deref_mut() else { return };
        let dealer = &mut trade.peers[p.index()];
        if let Some(nth) = dealer.customers.iter().position(|&(customer, _)| customer == q) {
            dealer.end_sale(nth);
        }
    }

    /// Turns away those that owe for more than a piece, and those that a staller has had its
    /// money from. Called after each event.
    #[inline]
    pub(in crate::swarm) fn strike(&mut self) {
        if self.trade.as_deref().is_some_and(|trade| !trade.strikes.is_empty()) {
            self.carry_out_strikes();
        }
    }

    #[inline(never)]
    fn carry_out_strikes(&mut self) {
        let now = self.now;
        while let Some((p, q)) = self.trade.as_deref_mut().and_then(|trade| trade.strikes.pop()) {
            let (ban, debtor) = (self.habits(p).unpaid_ban, self.user(q));
            let trade = self.trade.as_deref_mut().expect("it was just there");
            let Dealer { debtors, dropped, banned, is_wary, .. } = &mut trade.peers[p.index()];
            if !debtors.contains(&q) && !dropped.contains(&q) {
                debtors.push(q);
                *is_wary = true;
                if ban > Span::ZERO {
                    banned.retain(|&(debtor, until)| debtor != q && until > now);
                    banned.push((q, now + ban));
                }
                trade.tallies[debtor.index()].strikes += 1;
                if let Some(at) = trade.line_to(q, p) {
                    trade.enter_paid(now, at);
                    trade.lines[at].set(Mark::AtOnce, true);
                }
            }
            if trade.peers[p.index()].drops_in_silence(q) {
                self.fall_silent(p, q);
            } else {
                self.choke_neighbour(p, q);
            }
        }
    }

    /// Gives those that owe `p` a chance to pay: who does may bid again.
    fn press_debtors(&mut self, p: PeerId) {
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if trade.peers[p.index()].nobody_is_out() {
            return;
        }
        let debtors = std::mem::take(&mut trade.peers[p.index()].debtors);
        let mut left = Vec::new();
        for q in debtors {
            let trade = self.trade.as_deref().expect("it was just there");
            let at = trade.line_to(q, p);
            if at.is_some_and(|at| !self.pay_on_account(q, at)) {
                left.push(q);
            }
        }
        self.trade.as_deref_mut().expect("it was just there").peers[p.index()].debtors = left;
    }
}
