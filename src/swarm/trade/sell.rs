//! What providers do: whom they let bid, what they ask, on which terms they serve.

use super::Line;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::ask::AskView;
use crate::policy::choke::market::{self, Base, Combine, Terms};
use crate::policy::choke::{Candidate, ChokeView, Served};
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, Price, SimTime, percent_of};

impl<O: Observer> Swarm<'_, O> {
    /// Whether a provider serves a neighbour at all: a farmer bans who cannot pay it, a private
    /// tracker's clients who has used up its credit.
    pub(in crate::swarm) fn admits(&self, p: PeerId, q: PeerId) -> bool {
        if let Some(credits) = &self.credits {
            return credits.of(self.user(q)) > 0;
        }
        let bans = self.trade.is_some() && self.habits(p).bans_others && self.wallet(p).is_some();
        !bans || self.wallet(q).is_some()
    }

    /// Whether a provider may turn neighbours away.
    pub(in crate::swarm) fn is_choosy(&self, p: PeerId) -> bool {
        self.credits.is_some()
            || self.trade.is_some() && self.habits(p).bans_others && self.wallet(p).is_some()
    }

    /// Fills the buffer of bids with what the candidates offer `p`; gives whether any does. A
    /// provider without the token's client sees no bids; nobody sees those of its debtors.
    pub(in crate::swarm) fn gather_bids(&mut self, p: PeerId, candidates: &[Candidate]) -> bool {
        if self.wallet(p).is_none() || !self.habits(p).bidder.earns() {
            return false;
        }
        self.press_debtors(p);
        let Some(mut bids) = self.trade.as_mut().map(|trade| std::mem::take(&mut trade.bids))
        else {
            return false;
        };
        bids.clear();
        let trade = self.trade.as_deref().expect("it was just there");
        let debtors = &trade.peers[p.index()].debtors;
        bids.extend(candidates.iter().map(|c| {
            let q = self.neighbour(p, c.slot);
            let welcome = trade.users[self.user(q).index()].wallet.is_some();
            if welcome && !debtors.contains(&q) { trade.peers[q.index()].bid } else { Price::ZERO }
        }));
        let any = bids.iter().any(|bid| !bid.is_zero());
        self.trade.as_mut().expect("it was just there").bids = bids;
        any
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
        let busy = {
            let up = &self.links.up[self.line(p)];
            percent_of(up.used.0, up.cap.0)
        };
        let now = self.now;
        let spec = &self.habits(p).asker;
        let trade = self.trade.as_deref_mut()?;
        let btt = trade.btt(now);
        let dealer = &mut trade.peers[p.index()];
        if view.timed || dealer.ask.is_none() {
            let bids: Vec<Price> = view.bids.iter().copied().filter(|b| !b.is_zero()).collect();
            let ask_view = AskView {
                bids: &bids,
                slots: market::for_sale(view, token.combine, base),
                last_price: dealer.last_price,
                busy_percent: busy,
                btt,
            };
            dealer.ask = Some(spec.ask(&mut dealer.asker, &ask_view));
        }
        let ask = dealer.ask.expect("just made");
        Some(Terms { combine: token.combine, format: token.format, ask })
    }

    /// Whether slots go to those that pay only, at this provider.
    pub(in crate::swarm) fn serves_for_pay_only(&self, p: PeerId) -> bool {
        let is_rule = self.token().is_some_and(|token| token.combine == Combine::PayOnly);
        is_rule && self.wallet(p).is_some() && self.habits(p).bidder.earns()
    }

    /// The terms on which `p` serves now, for a run of its choker that leaves them alone.
    pub(in crate::swarm) fn standing(&self, p: PeerId) -> Vec<Served> {
        let Some(trade) = self.trade.as_deref() else { return Vec::new() };
        let uploads = self.peer(p).uploads.iter();
        uploads
            .map(|upload| {
                let q = self.neighbour(p, upload.slot);
                let lines = &trade.peers[q.index()].lines;
                let line = lines.iter().find(|line| line.provider == p && line.winning);
                let price = line.map_or(Price::ZERO, |line| line.price);
                Served { weight: upload.weight, price, ..Served::regular(upload.slot) }
            })
            .collect()
    }

    /// `p` serves `q` at this price from now on.
    pub(in crate::swarm) fn set_terms(&mut self, p: PeerId, q: PeerId, served: &Served) {
        let price = served.price;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        let dealer = &mut trade.peers[q.index()];
        let found = dealer.lines.iter().position(|line| line.provider == p);
        if price.is_zero() {
            if let Some(at) = found {
                (dealer.lines[at].price, dealer.lines[at].winning) = (price, false);
            }
            return;
        }
        dealer.heard = price;
        let at = found.unwrap_or_else(|| {
            dealer.lines.push(Line::new(p));
            dealer.lines.len() - 1
        });
        let line = &mut dealer.lines[at];
        let was_free = line.price.is_zero();
        (line.price, line.winning) = (price, true);
        let is_new = line.channel.is_none();
        trade.peers[p.index()].last_price = price;
        if is_new {
            self.open_channel(q, at, MicroBtt::ZERO);
        }
        if was_free {
            let came = self.came_of_run(p, q);
            let trade = self.trade.as_deref_mut().expect("it was just there");
            trade.peers[q.index()].lines[at].for_free = came;
            self.run_begins(q, p);
        }
    }

    /// What has come of the run of blocks under way from `p` to `q`.
    fn came_of_run(&mut self, p: PeerId, q: PeerId) -> Bytes {
        let Some(at) = self.flow_at(p, q) else { return Bytes::ZERO };
        self.credit(p, at);
        Bytes(u64::from(self.flow_mut(p, at).credited))
    }

    /// `p` serves `q` no more; what is on its way is still paid for.
    pub(in crate::swarm) fn end_terms(&mut self, p: PeerId, q: PeerId) {
        let Some(trade) = self.trade.as_deref_mut() else { return };
        let lines = &mut trade.peers[q.index()].lines;
        if let Some(line) = lines.iter_mut().find(|line| line.provider == p) {
            line.winning = false;
        }
    }

    /// Turns away those that owe for more than a piece. Called after each event.
    pub(in crate::swarm) fn strike(&mut self) {
        while let Some((p, q)) = self.trade.as_deref_mut().and_then(|trade| trade.strikes.pop()) {
            let trade = self.trade.as_deref_mut().expect("it was just there");
            let debtors = &mut trade.peers[p.index()].debtors;
            if !debtors.contains(&q) {
                debtors.push(q);
                trade.account.strikes += 1;
            }
            self.choke_neighbour(p, q);
        }
    }

    /// Gives those that owe `p` a chance to pay: who does may bid again.
    fn press_debtors(&mut self, p: PeerId) {
        let Some(trade) = self.trade.as_deref_mut() else { return };
        if trade.peers[p.index()].debtors.is_empty() {
            return;
        }
        let debtors = std::mem::take(&mut trade.peers[p.index()].debtors);
        let mut left = Vec::new();
        for q in debtors {
            let lines = &self.trade.as_deref().expect("it was just there").peers[q.index()].lines;
            let at = lines.iter().position(|line| line.provider == p);
            if at.is_some_and(|at| !self.pay_on_account(q, at)) {
                left.push(q);
            }
        }
        self.trade.as_deref_mut().expect("it was just there").peers[p.index()].debtors = left;
    }
}

impl Line {
    /// A requester that has not dealt with this provider before.
    pub(super) fn new(provider: PeerId) -> Self {
        Self {
            provider,
            price: Price::ZERO,
            winning: false,
            for_free: Bytes::ZERO,
            owed: MicroBtt::ZERO,
            owed_bytes: Bytes::ZERO,
            due: MicroBtt::ZERO,
            due_bytes: Bytes::ZERO,
            channel: None,
            ready: SimTime::ZERO,
            failing: false,
        }
    }
}
