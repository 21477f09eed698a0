//! The loop: one event after the other, each handed to the file named after what happens.

use super::event::Event;
use super::plan::{Audit, Role};
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId, UserId};
use crate::net::LinkId;
use crate::observe::{Observer, Outcome};
use crate::rng::{self, Purpose};
use crate::torrent::bitfield;
use crate::units::{SimTime, Span};

impl<O: Observer> Swarm<'_, O> {
    /// Runs to the end.
    pub(super) fn run(mut self) -> Outcome {
        self.await_arrivals();
        self.queue.push(SimTime::ZERO, Event::Sample);
        self.await_airdrop();
        while !self.over() {
            let Some((at, event)) = self.queue.pop() else { break };
            if at > self.plan.horizon {
                self.now = self.plan.horizon;
                break;
            }
            self.now = at;
            self.warm_up();
            if self.is_stale(at, event) {
                self.counters.stale_events += 1;
                continue;
            }
            self.counters.events += 1;
            let (kind, entity) = event.signature();
            self.fingerprint.absorb(at, kind, entity);
            self.handle(event);
            self.tidy_up();
            if self.plan.audit == Audit::EveryEvent {
                self.audit();
            }
        }
        self.finish()
    }

    /// Expects everybody. Of those that come at the same moment chance says who is first, and not
    /// their places in the scenario: who connects first may get the seed's first slots.
    fn await_arrivals(&mut self) {
        let mut comers: Vec<_> = (0..self.peers.len()).map(PeerId::from_index).collect();
        comers.sort_by_cached_key(|&p| rng::draw(self.seed, Purpose::Order, self.entity(p), 0));
        for p in comers {
            self.queue.push(self.peer(p).arrival, Event::Join(p));
        }
    }

    fn over(&self) -> bool {
        self.unfinished == 0 && !self.plan.until_horizon
    }

    /// Whether an event has been overtaken by others since it was sent.
    fn is_stale(&mut self, at: SimTime, event: Event) -> bool {
        match event {
            Event::FlowDue(u) => {
                at != self.links.up[u.index()].wake || self.woke_too_early(LinkId(u.0))
            }
            Event::Announce(p, visit) => visit != self.peer(p).visit,
            Event::Rechoke(p) => at != self.peer(p).next_rechoke,
            Event::Optimistic(p) | Event::PassOn(p) => at != self.peer(p).optimistic_due,
            _ => false,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Join(p) => self.request(p),
            Event::Announce(p, _) => {
                self.tick_first(p);
                self.announce(p);
            }
            Event::FlowDue(u) => self.flow_due(LinkId(u.0)),
            Event::Rechoke(p) => {
                self.tick_first(p);
                self.rechoke(p, true);
            }
            Event::Refill(p) => {
                self.tick_first(p);
                self.refill(p);
            }
            // A client's tick runs the choker first (libtorrent `on_tick`): whoever rises to a
            // regular slot there is replaced at once, and the strike is off.
            Event::Optimistic(p) => self.queue.push(self.now, Event::PassOn(p)),
            Event::PassOn(p) => {
                self.tick_first(p);
                self.pass_on_optimistic(p);
            }
            Event::ChargeHeaders(u) => {
                // What the tick lets go then counts in the next second.
                if self.some_wait {
                    self.tick(u);
                }
                self.charge_headers(u);
            }
            Event::Tick(u) => self.tick(u),
            Event::Request(p, slot) => self.hear_request(p, slot),
            Event::Retry(p) => self.retry(p),
            Event::Reconnect(p) => self.reconnect(p),
            Event::Letter(p, slot) => self.letter_arrives(p, slot),
            Event::Have(p, piece) => self.announce_piece(p, piece),
            Event::Leave(p) => self.leave_or_stay(p),
            Event::Anew(p) => self.come_anew(p),
            Event::GiveUp(p) => self.give_up(p),
            Event::GoOffline(u) => self.go_offline(u),
            Event::GoOnline(u) => self.go_online(u),
            Event::Payment(p) => self.payment_arrives(p),
            Event::TimeOut(p) => self.time_out(p),
            Event::Airdrop => self.airdrop(),
            Event::Deposit(_) => self.deposits_are_final(),
            Event::Sample => self.sample(),
        }
    }

    /// After each event: idle connections get their chance, and changed links a new due time.
    fn tidy_up(&mut self) {
        loop {
            self.settle_down();
            if self.has_economy {
                self.strike();
            }
            while let Some(link) = self.links.next_touched() {
                if self.links.up[link.index()].metered {
                    self.stir_ended(link);
                } else {
                    self.reschedule(link);
                }
            }
            if self.stirred.is_empty() && self.readers.is_empty() {
                break;
            }
        }
    }

    /// Has everybody looked at whom the event may have given something to do.
    fn settle_down(&mut self) {
        loop {
            if let Some((to, run, from)) = self.late.pop() {
                self.receive(to, run, from);
            } else if let Some(p) = self.repoll.pop() {
                self.peer_mut(p).repoll_pending = false;
                self.poll_idle(p);
            } else if let Some((q, slot)) = self.readers.pop_front() {
                self.read(q, slot);
            } else if let Some((p, slot)) = self.stirred.pop_front() {
                if let Some(&(p, slot)) = self.stirred.get(super::warm::ENDS_AHEAD) {
                    self.warm_other_end(p, slot);
                }
                if self.has_economy {
                    self.strike(); // or more would be let go to who has not paid for what came
                }
                self.serve(p, slot);
            } else if !self.from_disk.is_empty() {
                self.write_blocks();
            } else if self.hashes_any() {
                self.finish_hashes();
            } else {
                break;
            }
        }
    }

    /// Makes sure that an event is pending no later than the next mark of the flows out of a link.
    ///
    /// Marks often move away again, so one that comes too early is left to find that out.
    fn reschedule(&mut self, link: LinkId) {
        let due = self.links.next_due(link);
        let up = &mut self.links.up[link.index()];
        if due < up.wake {
            up.wake = due;
            self.queue.push(due, Event::FlowDue(UserId(link.0)));
        }
    }

    /// Whether the marks of a link have moved away since it was to be woken; sees to the next time.
    fn woke_too_early(&mut self, link: LinkId) -> bool {
        let up = &mut self.links.up[link.index()];
        let due = up.soonest;
        if due <= self.now {
            return false;
        }
        up.wake = due;
        if due < SimTime::NEVER {
            self.queue.push(due, Event::FlowDue(UserId(link.0)));
        }
        true
    }

    /// A peer joins its swarm: for the first time, or again when its user comes back.
    #[inline(never)]
    pub(super) fn join(&mut self, p: PeerId) {
        let class = self.class(p);
        let is_first = self.peer(p).visit == 0;
        self.account_arrival(p);
        let stretch = self.edges.allot(self.room_for(p, 0));
        self.peer_mut(p).edges = stretch;
        if let Some(trade) = &mut self.trade {
            trade.make_room(p, stretch);
        }
        let present = &mut self.torrent_mut(p).present;
        present.push(p);
        self.place[p.index()] = crate::units::u32_of(self.torrent(p).present.len() - 1);
        let user = &self.users[self.line(p)];
        let overhead = class.protocol.overhead;
        let caps = [user.upload, user.download];
        let caps = caps.map(|rate| super::world::after_overhead(rate, overhead));
        self.links.set_caps(self.now, self.link(p), caps[0], caps[1]);
        self.observer.joined(self.now, p);
        let now = self.now;
        let peer = self.peer_mut(p);
        peer.joined = now;
        peer.visit = peer.visit.wrapping_add(1).max(1);
        if is_first {
            self.arrive(p);
        } else {
            self.come_back(p);
        }
        let overlay = &class.protocol.overlay;
        let handshake = overlay.connect_delay + class.protocol.latency.times(4);
        self.queue.push(self.now + handshake, Event::Announce(p, self.peer(p).visit));
        // At a client's tick the choker runs when it has connected, and before handshakes are
        // through.
        self.start_choker(p);
        self.start_headers(p);
    }

    /// A peer is in its swarm for the first time.
    fn arrive(&mut self, p: PeerId) {
        self.begin_earning(p);
        self.begin_selling(p);
        if self.class(p).role == Role::Seeder {
            self.count_seeders(p, 1);
            self.fill_with_content(p);
            self.schedule_departure(p);
            return;
        }
        self.peer_mut(p).stage = Stage::Leecher;
        self.count_leechers(p, 1);
        if let Some(mean) = self.class(p).patience {
            let entity = self.entity(p);
            let span = super::population::exponential(self.seed, Purpose::Patience, entity, mean);
            self.queue.push(self.now + span, Event::GiveUp(p));
        }
    }

    /// A peer is in its swarm again, with what it had.
    fn come_back(&mut self, p: PeerId) {
        let now = self.now;
        let row = self.row(p);
        let torrent = &mut self.torrents[self.peers[p.index()].torrent.index()];
        for piece in bitfield::members(&self.have[row.clone()]) {
            torrent.gain(now, PieceId::from_index(piece));
        }
        if usize::from(self.n_have[p.index()]) < self.cut(p).pieces {
            self.peer_mut(p).stage = Stage::Leecher;
            self.count_leechers(p, 1);
        } else {
            self.peer_mut(p).stage = Stage::Seeder;
            self.count_seeders(p, 1);
            if self.class(p).super_seed && self.class(p).role == Role::Seeder {
                self.hide_pieces(p);
            }
        }
        if self.peer(p).shown.is_none() {
            let visible = self.visible_row(p).start;
            self.have.copy_within(row, visible);
        }
    }

    /// Counts so many leechers more or fewer, in the swarm of `p` and in all.
    pub(super) fn count_leechers(&mut self, p: PeerId, change: i32) {
        self.leechers = self.leechers.strict_add_signed(change);
        let torrent = self.torrent_mut(p);
        torrent.leechers = torrent.leechers.strict_add_signed(change);
    }

    /// Counts so many seeders more or fewer, in the swarm of `p` and in all.
    pub(super) fn count_seeders(&mut self, p: PeerId, change: i32) {
        self.seeders = self.seeders.strict_add_signed(change);
        let torrent = self.torrent_mut(p);
        torrent.seeders = torrent.seeders.strict_add_signed(change);
    }

    /// Gives an origin seeder its content.
    fn fill_with_content(&mut self, p: PeerId) {
        let row = self.row(p);
        let pieces = self.cut(p).pieces;
        bitfield::fill(&mut self.have[row.clone()], pieces);
        bitfield::fill(&mut self.taken[row], pieces);
        if self.class(p).super_seed {
            self.hide_pieces(p);
        } else {
            let row = self.visible_row(p);
            bitfield::fill(&mut self.have[row], pieces);
        }
        let now = self.now;
        let torrent = self.torrent_mut(p);
        for piece in 0..pieces {
            torrent.gain(now, PieceId::from_index(piece));
        }
        let n = crate::units::u16_of(pieces);
        let peer = self.peer_mut(p);
        (peer.n_taken, peer.stage) = (n, Stage::Seeder);
        self.n_have[p.index()] = n;
    }

    /// Closes the books.
    fn finish(mut self) -> Outcome {
        if self.now > SimTime::ZERO {
            self.take_sample();
        }
        self.settle_all();
        self.audit();
        let (money, end) = (self.money_record(), self.now);
        self.counters.pending_max = self.queue.longest() as u64;
        self.counters.reshares = self.links.reshares;
        self.counters.rate_changes = self.links.rate_changes;
        self.seed_on();
        Outcome {
            samples: std::mem::take(&mut self.samples),
            counters: self.counters,
            fingerprint: self.fingerprint.value(),
            end,
            money,
            torrents: self.torrents.iter().map(|torrent| torrent.record(end)).collect(),
            peers: self.into_records(),
        }
    }

    /// Enters what is on its way, and time not yet over, into the records.
    fn settle_all(&mut self) {
        for p in self.present() {
            self.credit_flows_of(p);
        }
        for i in 0..self.peers.len() {
            let p = PeerId::from_index(i);
            match self.peer(p).stage {
                Stage::Leecher => self.close_leeching(p),
                Stage::Seeder => self.close_seeding(p),
                Stage::Expected | Stage::Away | Stage::Gone => {}
            }
            // Who has left took its blocks along: `leave` has entered what it held.
            if self.peer(p).stage != Stage::Gone {
                self.records[i].useful = self.held_bytes(p);
            }
        }
    }

    /// Enters the time as a leecher into the record; called when it is over, or interrupted.
    pub(super) fn close_leeching(&mut self, p: PeerId) {
        let now = self.now;
        let peer = &mut self.peers[p.index()];
        self.records[p.index()].leeching += now.since(peer.joined);
        if peer.n_served_by > 0 {
            peer.unchoked += now.since(peer.served_since);
        }
    }

    /// Enters the time as a seeder into the record; called when it is over, or interrupted.
    pub(super) fn close_seeding(&mut self, p: PeerId) {
        let span = self.now.since(self.peer(p).joined);
        self.records[p.index()].seeding += span;
    }

    /// Time until the next full step of a grid of `step` that began when `p` first looked at its
    /// clock.
    pub(super) fn until_tick(&self, p: PeerId, step: Span) -> Span {
        if step == Span::ZERO {
            return Span::ZERO;
        }
        Span(step.0 - self.since_tick(p, self.peer(p).arrival, step).0)
    }

    /// Time since the last full step of a grid of `step` that began at the first look of `p` at
    /// its clock, had it come at `start`.
    pub(super) fn since_tick(&self, p: PeerId, start: SimTime, step: Span) -> Span {
        let first = self.class(p).protocol.overlay.connect_delay;
        Span((self.now.since(start).0 + step.0 - first.0 % step.0) % step.0)
    }
}
