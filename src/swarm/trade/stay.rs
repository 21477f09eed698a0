//! Whether a seeder that would leave stays because it is paid.

use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::stay::{StayView, StayerSpec};
use crate::swarm::event::Event;
use crate::swarm::world::{Stage, Swarm};
use crate::units::{MicroBtt, NanoUsd, Span, per_hour};

/// Nobody stays for less.
const LEAST: Span = Span(1_000_000_000);

impl<O: Observer> Swarm<'_, O> {
    /// The time a peer would seed for nothing, where its user is offered a token.
    pub(in crate::swarm) fn base_stay(&self, p: PeerId, without_token: Span) -> Span {
        match self.wallet(p) {
            Some(_) => self.habits(p).base_stay(without_token),
            None => without_token,
        }
    }

    /// A peer begins to count what its upload brings, from its arrival on: so who would leave as
    /// soon as it is done has its time as a leecher to judge by.
    pub(in crate::swarm) fn begin_earning(&mut self, p: PeerId) {
        let now = self.now;
        if let Some(trade) = self.trade.as_deref_mut() {
            trade.peers[p.index()].income_since = now;
        }
    }

    /// The time a peer meant to stay is over: it leaves, unless what it earns keeps it.
    pub(in crate::swarm) fn leave_or_stay(&mut self, p: PeerId) {
        let longer = self.stays_longer(p);
        if longer == Span::ZERO {
            self.leave(p);
            return;
        }
        if let Some(trade) = self.trade.as_deref_mut() {
            trade.account.stayed += longer;
            trade.peers[p.index()].stayed += longer;
        }
        self.queue.push(self.now + longer, Event::Leave(p));
    }

    /// Enters how long those that seed when a run ends would have gone on, up to its horizon: how
    /// much is offered must not hang on when the last download is done. The books are closed, and
    /// nobody is left to pay, so all that still happens is that seeders leave.
    ///
    /// Where it is wrong: users who come and go seed without a break, and those who are away when
    /// the run ends do not come back.
    pub(in crate::swarm) fn seed_on(&mut self) {
        let (end, horizon) = (self.now, self.plan.horizon);
        if end >= horizon {
            return;
        }
        let mut until = vec![horizon; self.peers.len()];
        while let Some((at, event)) = self.queue.pop().filter(|(at, _)| *at < horizon) {
            let Event::Leave(p) = event else { continue };
            self.now = at;
            let longer = self.stays_longer(p);
            if longer == Span::ZERO {
                until[p.index()] = at.min(until[p.index()]);
                continue;
            }
            if let Some(trade) = self.trade.as_deref_mut() {
                trade.peers[p.index()].stayed += longer;
            }
            self.queue.push(at + longer, Event::Leave(p));
        }
        for p in self.present() {
            if self.peer(p).stage == Stage::Seeder {
                self.records[p.index()].seeds_on = until[p.index()].since(end);
            }
        }
    }

    /// How much longer a seeder stays; nothing without a wallet, and for those that stay by what
    /// they have given.
    fn stays_longer(&mut self, p: PeerId) -> Span {
        let seeds = self.peer(p).stage == Stage::Seeder;
        let habits = self.habits(p);
        let is_unmoved = matches!(habits.stayer, StayerSpec::Unmoved);
        if !seeds || is_unmoved || self.wallet(p).is_none() || self.peer(p).leaves_by_ratio {
            return Span::ZERO;
        }
        self.enter_income(p);
        let Some(trade) = self.trade.as_deref() else { return Span::ZERO };
        let dealer = &trade.peers[p.index()];
        let present = self.now.since(dealer.income_since);
        let earned = worth(dealer.income, trade.btt(self.now));
        let upload_cost = habits.gib_cost.of_gib(self.peer(p).sent).0;
        let per_hour = |usd| NanoUsd(per_hour(usd, present));
        let in_all = habits.stayer.longer(&StayView {
            seeded: self.now.since(self.peer(p).joined),
            revenue_per_hour: per_hour(earned),
            cost_per_hour: habits.hour_cost.saturating_add(per_hour(upload_cost)),
        });
        let longer = Span(in_all.0.saturating_sub(dealer.stayed.0));
        // Less than a second more is not worth another look.
        if longer < LEAST { Span::ZERO } else { longer }
    }
}

/// What an amount is worth outside, in billionths of a dollar, rounded down.
fn worth(amount: MicroBtt, btt: NanoUsd) -> u64 {
    let exact = u128::from(amount.0) * u128::from(btt.0) / u128::from(MicroBtt::BTT.0);
    u64::try_from(exact).unwrap_or(u64::MAX)
}
