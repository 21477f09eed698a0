//! Whom a peer serves: rounds of its choker, and what happens between them.

use super::edges::Mask;
use super::event::Event;
use super::letters::{Letter, News};
use super::plan::{ChokerSpec, Choking, RankBy, SeedChoker, TieOrder};
use super::population;
use super::world::{Stage, Swarm, UploadSlot};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::choke::market::{self, Base};
use crate::policy::choke::{
    Candidate, ChokeView, Decision, Served, one_hop, tit_for_tat_among_dealers,
};
use crate::torrent::bitfield::BitsOf;
use crate::units::{Price, SimTime, Span, u16_of};

/// Why it is decided anew whom to serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Occasion {
    /// A regular round.
    Round,
    /// A slot fell free.
    FreeSlot,
    /// The clock of the optimistic slots.
    Optimistic,
}

/// Which of the interested neighbours are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whom {
    /// All of them.
    All,
    /// Those that are served, or gave something of late.
    Dealers,
}

impl<O: Observer> Swarm<'_, O> {
    /// Starts the clock of a new peer's choker.
    pub(super) fn start_choker(&mut self, p: PeerId) {
        let protocol = &self.class(p).protocol;
        let first = if protocol.choking.random_phase {
            population::phase(self.seed, self.entity(p), protocol.choking.rechoke)
        } else {
            protocol.overlay.connect_delay
        };
        let optimistic = protocol.choking.optimistic;
        let at = self.now + first;
        let ahead = protocol.choking.optimistic_ahead.0 % optimistic.0;
        let strikes = protocol.overlay.connect_delay + Span(optimistic.0 - ahead);
        self.optimistic_at(p, self.now + strikes);
        self.peer_mut(p).last_rechoke = self.now;
        self.rechoke_at(p, at);
    }

    /// Sets the next regular round; one that was pending is off.
    fn rechoke_at(&mut self, p: PeerId, at: SimTime) {
        self.peer_mut(p).next_rechoke = at;
        self.queue.push(at, Event::Rechoke(p));
    }

    /// Sets when the optimistic slots next pass on.
    pub(super) fn optimistic_at(&mut self, p: PeerId, at: SimTime) {
        self.peer_mut(p).optimistic_due = at;
        if self.class(p).protocol.choking.optimistic_clock {
            self.queue.push(at, Event::Optimistic(p));
        }
    }

    /// Whether the optimistic slots of `p` are given by their own clock and not by its choker.
    pub(super) fn has_optimistic_clock(&self, p: PeerId) -> bool {
        let class = self.class(p);
        let rules = &class.protocol.choking;
        let is_ours = match self.peer(p).stage {
            Stage::Leecher => matches!(class.choker, ChokerSpec::TitForTat),
            Stage::Seeder => rules.seed != SeedChoker::MostRecent,
            Stage::Expected | Stage::Away | Stage::Gone => false,
        };
        rules.optimistic_clock && is_ours && self.peer(p).slots > 0
    }

    /// A leecher with another choker than tit-for-tat gets the clock as a seeder.
    pub(super) fn choke_as_seeder(&mut self, p: PeerId) {
        let class = self.class(p);
        if !matches!(class.choker, ChokerSpec::TitForTat) && self.has_optimistic_clock(p) {
            self.optimistic_at(p, self.now + class.protocol.choking.optimistic);
        }
    }

    /// The clock of the optimistic slots strikes: they pass on to neighbours that are choked now.
    /// Where that makes too many, the choker runs at the next tick and chokes those it ranks last
    /// (libtorrent `recalculate_optimistic_unchoke_slots`).
    pub(super) fn pass_on_optimistic(&mut self, p: PeerId) {
        if !self.has_optimistic_clock(p) {
            return;
        }
        self.optimistic_at(p, self.now + self.class(p).protocol.choking.optimistic);
        self.decide(p, Occasion::Optimistic);
        if self.peer(p).uploads.len() > usize::from(self.peer(p).slots) {
            let waits = self.run_choker_soon(p).is_some();
            if !waits {
                self.rechoke(p, false);
            }
        }
    }

    /// The choker runs because a slot fell free.
    pub(super) fn refill(&mut self, p: PeerId) {
        self.peer_mut(p).refill_pending = false;
        // Where it ran just now, nothing has been sent since to rank by.
        if self.peer(p).last_rechoke < self.now {
            self.rechoke(p, false);
        }
    }

    /// The choker runs; `timed` in its regular rounds.
    pub(super) fn rechoke(&mut self, p: PeerId, timed: bool) {
        if !matches!(self.peer(p).stage, Stage::Leecher | Stage::Seeder) {
            return;
        }
        let rules = &self.class(p).protocol.choking;
        // A client that looks at its clock for this does not run its choker without connections
        // (libtorrent `on_tick`): the first round begins at the first look with somebody connected.
        let tick = rules.refill.filter(|&tick| tick > Span::ZERO);
        if let Some(tick) = tick.filter(|_| timed && self.peer(p).n_neighbours == 0) {
            self.rechoke_at(p, self.now + self.until_tick(p, tick));
            return;
        }
        self.counters.rechokes += 1;
        // A choker with a memory counts in regular rounds.
        let remembers = self.peer(p).brain.is_some() && self.peer(p).stage == Stage::Leecher;
        let ranks_last_round = rules.rank == RankBy::LastRound && !remembers;
        if timed {
            self.peer_mut(p).rounds += 1;
            self.show_more_if_idle(p);
        }
        if self.peer(p).slots > 0 {
            self.credit_for_ranking(p, rules);
            self.decide(p, if timed { Occasion::Round } else { Occasion::FreeSlot });
        }
        // A client that ranks by the last round starts a new one at every run (libtorrent).
        if timed || ranks_last_round {
            self.begin_round(p);
        }
        if timed {
            self.leave_if_generous_enough(p);
            self.request_repoll(p);
        }
        if timed || ranks_last_round {
            self.rechoke_at(p, self.now + rules.rechoke);
        }
    }

    /// Brings up to date what the choker will look at.
    fn credit_for_ranking(&mut self, p: PeerId, rules: &Choking) {
        let is_seeder = self.peer(p).stage == Stage::Seeder;
        // What was sent ranks at seeders, and where those that gave nothing may be ranked at all.
        if is_seeder || rules.snub.is_none() || self.peer(p).brain.is_some() {
            self.credit_outflow(p);
        }
        self.report_outflow(p);
        if !is_seeder {
            self.credit_inflow(p);
        }
    }

    /// Shows the choker its view and carries out what it decides.
    fn decide(&mut self, p: PeerId, why: Occasion) {
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        let mut decision = std::mem::take(&mut self.scratch.decision);
        if !self.decide_among_dealers(p, why, &mut candidates, &mut decision) {
            self.decide_among_all(p, why, &mut candidates, &mut decision);
        }
        let begins = |s: &Served| s.optimistic && !self.is(p, Mask::Optimistic, s.slot);
        if self.has_optimistic_clock(p) && decision.served.iter().any(begins) {
            // Each new turn lasts a whole period.
            self.optimistic_at(p, self.now + self.class(p).protocol.choking.optimistic);
        }
        self.carry_out(p, &candidates, &decision);
        self.scratch.candidates = candidates;
        self.scratch.decision = decision;
    }

    /// Between two turns of its optimistic slots tit-for-tat with a snub time looks only at those
    /// it deals with: a dozen neighbours instead of fifty. Gives whether that was enough.
    fn decide_among_dealers(
        &mut self,
        p: PeerId,
        why: Occasion,
        candidates: &mut Vec<Candidate>,
        decision: &mut Decision,
    ) -> bool {
        let class = self.class(p);
        let rules = &class.protocol.choking;
        let is_timed = why == Occasion::Round;
        let trades = self.peer(p).stage == Stage::Leecher
            && matches!(class.choker, ChokerSpec::TitForTat)
            && rules.snub.is_some();
        if !trades || self.passes_on(p, why) || self.has_economy && !self.trades_simply(p, is_timed)
        {
            return false;
        }
        // Where nobody holds an optimistic slot there is one to give, to anybody.
        let held = self.edges.count_both(self.peer(p).edges, [Mask::Wanted, Mask::Optimistic]);
        let most = (rules.optimistic_slots as usize).min(self.peer(p).slots.into());
        if held < most && !rules.optimistic_clock {
            return false;
        }
        self.list_candidates(p, Whom::Dealers, candidates);
        decision.served.clear();
        let mut luck = self.peer(p).choke_luck.clone();
        let enough = if self.has_economy && self.sells(p) {
            let bids = self.take_bids_of(p, candidates);
            let view = self.choke_view(p, (why, false), candidates, &bids);
            let enough = self.sell_among_dealers(p, &view, (rules, &mut luck), decision);
            self.give_bids_back(bids);
            enough
        } else {
            let view = self.choke_view(p, (why, false), candidates, &[]);
            tit_for_tat_among_dealers(&view, rules, &mut luck, decision)
        };
        if enough {
            self.peer_mut(p).choke_luck = luck;
        }
        enough
    }

    fn decide_among_all(
        &mut self,
        p: PeerId,
        why: Occasion,
        candidates: &mut Vec<Candidate>,
        decision: &mut Decision,
    ) {
        self.list_candidates(p, Whom::All, candidates);
        let listed = candidates.len();
        let sells = self.has_economy && self.prepare_sale(p, why, candidates);
        decision.served.clear();
        decision.open = 0;
        self.choose(p, (why, sells), candidates, decision);
        if candidates.len() < listed {
            // A free place would go to whoever becomes interested, welcome or not.
            decision.open = decision.served.len();
        }
    }

    /// Whether this run of the choker gives the optimistic slots anew.
    fn passes_on(&self, p: PeerId, why: Occasion) -> bool {
        match why {
            Occasion::Optimistic => true,
            _ => !self.has_optimistic_clock(p) && self.now >= self.peer(p).optimistic_due,
        }
    }

    /// Makes room for a market: takes out those that are not served in any case, and gathers the
    /// bids of the others. Gives whether slots are for sale.
    fn prepare_sale(&mut self, p: PeerId, why: Occasion, candidates: &mut Vec<Candidate>) -> bool {
        if self.is_choosy(p) {
            candidates.retain(|c| self.admits(p, self.neighbour(p, c.slot)));
        }
        self.gather_bids(p, why == Occasion::Round, candidates) || self.serves_for_pay_only(p)
    }

    fn choose(
        &mut self,
        p: PeerId,
        (why, sells): (Occasion, bool),
        candidates: &[Candidate],
        out: &mut Decision,
    ) {
        let class = self.class(p);
        let rules = &class.protocol.choking;
        let bids = if sells { self.take_bids() } else { Vec::new() };
        let rotate = self.passes_on(p, why);
        let view = self.choke_view(p, (why, rotate), candidates, &bids);
        if rotate {
            self.peers[p.index()].optimistic_due = self.now + rules.optimistic;
        }
        if why == Occasion::Optimistic {
            let standing = if self.trade.is_some() { self.standing(p) } else { Vec::new() };
            let luck = &mut self.peers[p.index()].choke_luck;
            market::pass_on_optimistic(&view, rules, &standing, luck, out);
            self.give_bids_back(bids);
            return;
        }
        let known = self.reputations(p, candidates);
        let peer = &mut self.peers[p.index()];
        // The brain is taken out for the time of the decision.
        let mut brain = peer.brain.take_if(|_| peer.stage != Stage::Seeder);
        let mut luck = peer.choke_luck.clone();
        let mut base = match (&class.choker, &mut brain) {
            _ if peer.stage == Stage::Seeder => Base::Seed(rules),
            (_, Some(brain)) => Base::Own(brain.as_mut()),
            (ChokerSpec::EqualTurns, None) => Base::EqualTurns,
            _ => Base::TitForTat(rules),
        };
        match if sells { self.terms(p, &view, &base) } else { None } {
            Some(terms) => market::choose(&view, &terms, &mut base, &mut luck, out),
            None if known.is_empty() => base.choose(&view, &mut luck, out),
            None => one_hop::choose(&view, &known, &mut base, &mut luck, out),
        }
        let peer = &mut self.peers[p.index()];
        peer.choke_luck = luck;
        if brain.is_some() {
            peer.brain = brain;
        }
        self.give_bids_back(bids);
        self.give_reputations_back(known);
    }

    /// What the choker of `p` is shown.
    fn choke_view<'v>(
        &self,
        p: PeerId,
        (why, rotate): (Occasion, bool),
        candidates: &'v [Candidate],
        bids: &'v [Price],
    ) -> ChokeView<'v> {
        let peer = self.peer(p);
        let cut = self.cut(p);
        ChokeView {
            candidates,
            bids,
            slots: usize::from(peer.slots),
            optimistic_slots: self.class(p).protocol.choking.optimistic_slots as usize,
            rotate,
            timed: why == Occasion::Round,
            round: peer.rounds.into(),
            elapsed: self.now.since(peer.last_rechoke),
            upload: self.links.up[self.line(p)].cap,
            pieces: cut.pieces,
            piece: cut.piece,
            salt: self.salt(p),
        }
    }

    /// Interested neighbours, as the choker sees them, by slot.
    fn list_candidates(&self, p: PeerId, whom: Whom, candidates: &mut Vec<Candidate>) {
        candidates.clear();
        let rules = &self.class(p).protocol.choking;
        let peer = self.peer(p);
        let stretch = peer.edges;
        let two_rounds = rules.rank == RankBy::TwoRounds;
        let now_ms = self.now_ms();
        let names = &self.edges.peer[stretch.range()];
        let served_ms = &self.edges.served_ms[stretch.range()];
        let stranger = Candidate { snubbed: rules.snub.is_some(), ..Candidate::default() };
        for word in 0..stretch.words() {
            let [wanted, served, serves, optimistic] =
                [Mask::Wanted, Mask::Served, Mask::Serves, Mask::Optimistic]
                    .map(|mask| self.edges.word(stretch, mask, word));
            let listed = match whom {
                Whom::All => wanted,
                Whom::Dealers => wanted & (serves | peer.givers.word(word)),
            };
            let before_word = candidates.len();
            candidates.resize(before_word + listed.count_ones() as usize, stranger);
            let of_word = &mut candidates[before_word..];
            for (candidate, bit) in of_word.iter_mut().zip(BitsOf(listed)) {
                let at = word * 64 + bit;
                let waited_ms = now_ms.wrapping_sub(served_ms[at]);
                candidate.slot = u16_of(at);
                candidate.id = names[at];
                candidate.waited = Span(u64::from(waited_ms) * 1_000_000);
                candidate.order = self.edges.service_order(stretch, candidate.slot);
                candidate.unchoked = serves >> bit & 1 == 1;
                candidate.optimistic = optimistic >> bit & 1 == 1;
                if let Some(began) = self.edges.last_turn(stretch, candidate.slot) {
                    let since_ms = now_ms.wrapping_sub(began);
                    candidate.since_turn = Some(Span(u64::from(since_ms) * 1_000_000));
                }
                candidate.serves_us = served >> bit & 1 == 1;
                candidate.pieces = self.n_have[names[at].index()];
            }
            // A few of them took from us, or gave to us.
            for given in &peer.uploads {
                if let Some(candidate) = of_slot(of_word, listed, word, given.slot) {
                    candidate.sent_round = given.sent_round;
                    candidate.sent = given.sent;
                    candidate.served_for = self.now.since(given.since);
                }
            }
            for giver in peer.givers.iter() {
                if let Some(candidate) = of_slot(of_word, listed, word, giver.slot) {
                    let before = if two_rounds { giver.received_before } else { 0 };
                    candidate.received = u64::from(giver.received) + u64::from(before);
                    candidate.received_round = u64::from(giver.received);
                    candidate.snubbed = giver.is_silent(now_ms, rules.snub);
                }
            }
        }
        if rules.ties == TieOrder::InOrder && self.has_later(p) {
            candidates.sort_by_key(|c| self.edges.place(stretch, c.slot));
        }
    }

    /// Chokes whoever is not to be served any more, then unchokes the others.
    fn carry_out(&mut self, p: PeerId, candidates: &[Candidate], decision: &Decision) {
        let served = &decision.served;
        assert!(served.len() <= candidates.len(), "a choker serves candidates, each once");
        if self.trade.is_some() {
            for s in served.iter().filter(|s| !self.is(p, Mask::Serves, s.slot)) {
                self.warm_service((self.neighbour(p, s.slot), self.back(p, s.slot)));
            }
        }
        let by_clock = self.has_optimistic_clock(p);
        for i in (0..self.peer(p).uploads.len()).rev() {
            let slot = self.peer(p).uploads[i].slot;
            // An optimistic slot goes to somebody choked, if only just now: what it had is over.
            let anew = by_clock && !self.is(p, Mask::Optimistic, slot);
            if !served.iter().any(|s| s.slot == slot && !(s.optimistic && anew)) {
                self.choke(p, slot);
            }
        }
        self.peer_mut(p).open = u16_of(decision.open.min(usize::from(u16::MAX)));
        for s in served {
            assert!(s.weight > 0, "a served neighbour has a share");
            assert!(self.is(p, Mask::Wanted, s.slot), "a choker serves the interested only");
            let stretch = self.peer(p).edges;
            if s.optimistic {
                if !self.edges.is(stretch, Mask::Optimistic, s.slot) {
                    self.edges.begin_turn(stretch, s.slot, self.now_ms());
                }
                if self.class(p).protocol.choking.ties != TieOrder::InOrder {
                    self.edges.served_ms[stretch.at(s.slot)] = self.now_ms();
                }
            } else {
                self.edges.take(stretch, Mask::Optimistic, s.slot);
            }
            if self.trade.is_some() {
                self.set_terms(p, s);
            }
            if self.is(p, Mask::Serves, s.slot) {
                self.set_weight(p, s.slot, s.weight);
            } else {
                self.unchoke(p, s.slot, s.weight);
            }
        }
    }

    /// Moves on to the next round: what was received in this one becomes the one before.
    fn begin_round(&mut self, p: PeerId) {
        let (now, now_ms) = (self.now, self.now_ms());
        let snub = self.class(p).protocol.choking.snub;
        let peer = self.peer_mut(p);
        peer.givers.begin_round(now_ms, snub);
        peer.last_rechoke = now;
        for upload in &mut peer.uploads {
            upload.sent_round = 0;
        }
    }

    /// Begins to serve the neighbour in `slot`.
    pub(super) fn unchoke(&mut self, p: PeerId, slot: u16, weight: u32) {
        debug_assert!(!self.is(p, Mask::Serves, slot), "unchoked twice");
        self.counters.unchokes += 1;
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        self.edges.note_service(self.peer(p).edges, slot, self.now_ms());
        let since = self.now;
        let upload = UploadSlot { slot, weight, since, sent: 0, sent_round: 0 };
        let peer = self.peer_mut(p);
        if peer.uploads.is_empty() {
            peer.uploads.reserve_exact(usize::from(peer.slots.min(16)));
        }
        peer.uploads.push(upload);
        self.put(p, Mask::Serves, slot);
        self.put(q, Mask::Served, back);
        let other = self.peer_mut(q);
        other.n_served_by += 1;
        if other.n_served_by == 1 {
            other.served_since = since;
        }
        self.observer.unchoked(since, p, q, true);
        self.count_news(p, q);
        if self.post(p, slot, Letter::of(News::Unchoke)) || self.is(q, Mask::Vain, back) {
            self.put(q, Mask::Asked, back);
        } else {
            self.ask_for_more(q, back);
        }
    }

    /// Ceases to serve the neighbour in `slot`; the block on its way is finished.
    pub(super) fn choke(&mut self, p: PeerId, slot: u16) {
        if let Some(at) = self.flow_at(p, self.neighbour(p, slot)) {
            self.finish_block_and_stop(p, at);
        }
        self.end_service(p, slot);
        if self.some_wait {
            self.tell_of_choke(p, slot);
        }
    }

    /// Takes the neighbour in `slot` out of the books of both ends.
    pub(super) fn end_service(&mut self, p: PeerId, slot: u16) {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        if self.trade.is_some() {
            self.end_terms(p, q);
        }
        let uploads = &mut self.peer_mut(p).uploads;
        let at = uploads.iter().position(|u| u.slot == slot);
        uploads.swap_remove(at.expect("a served neighbour has an upload slot"));
        let now_ms = self.now_ms();
        if self.some_wait {
            self.socket_mut(p, slot).choked_ms = now_ms;
        }
        // libtorrent goes by when a slot was last given, not by when it was last taken away.
        if self.class(p).protocol.choking.ties != TieOrder::InOrder {
            let stretch = self.peer(p).edges;
            self.edges.served_ms[stretch.at(slot)] = now_ms;
        }
        self.count_news(p, q);
        self.reject_requests(p, slot);
        self.take(p, Mask::Serves, slot);
        self.take(p, Mask::Optimistic, slot);
        self.take(q, Mask::Served, back);
        if self.is(q, Mask::Asked, back) {
            self.choke_crosses_request(q, back);
        }
        let now = self.now;
        let other = self.peer_mut(q);
        other.n_served_by -= 1;
        if other.n_served_by == 0 && other.stage == Stage::Leecher {
            other.unchoked += now.since(other.served_since);
        }
        self.observer.unchoked(now, p, q, false);
    }

    fn set_weight(&mut self, p: PeerId, slot: u16, weight: u32) {
        let uploads = &mut self.peer_mut(p).uploads;
        let upload = uploads.iter_mut().find(|u| u.slot == slot);
        let upload = upload.expect("a served neighbour has an upload slot");
        if upload.weight == weight {
            return;
        }
        upload.weight = weight;
        if let Some(at) = self.flow_at(p, self.neighbour(p, slot)) {
            self.links.set_weight(self.now, self.link(p), at, weight);
        }
    }

    /// The weight of the upload slot of the neighbour in `slot`.
    pub(super) fn weight(&self, p: PeerId, slot: u16) -> u32 {
        self.peer(p).uploads.iter().find(|u| u.slot == slot).map_or(1, |u| u.weight)
    }

    /// When the first byte of a new flow arrives: UNCHOKE, request and data each travel one way.
    pub(super) fn first_byte_at(&self, from: PeerId, to: PeerId) -> SimTime {
        self.now + self.delay(from, to).times(3)
    }
}

/// The candidate with this slot, if `of_word` holds it: those `listed` in one word of a mask.
#[inline]
fn of_slot(
    of_word: &mut [Candidate],
    listed: u64,
    word: usize,
    slot: u16,
) -> Option<&mut Candidate> {
    let (at, bit) = (usize::from(slot) / 64, slot % 64);
    let rank = (listed & ((1 << bit) - 1)).count_ones() as usize;
    if at == word && listed >> bit & 1 == 1 { of_word.get_mut(rank) } else { None }
}
