//! The loop: one event after the other, each handed to the file named after what happens.

use super::event::Event;
use super::plan::{Audit, Role};
use super::world::{Stage, Swarm};
use crate::ids::PeerId;
use crate::observe::{Observer, Outcome};
use crate::rng::Purpose;
use crate::torrent::bitfield;
use crate::units::{SimTime, Span};

impl<O: Observer> Swarm<'_, O> {
    /// Runs to the end.
    pub(super) fn run(mut self) -> Outcome {
        for p in 0..self.newcomers.len() {
            self.queue.push(self.newcomers[p].arrival, Event::Join(PeerId::from_index(p)));
        }
        self.queue.push(SimTime::ZERO, Event::Sample);
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

    fn over(&self) -> bool {
        self.unfinished == 0 && !self.plan.until_horizon
    }

    /// Whether an event has been overtaken by others since it was sent.
    fn is_stale(&mut self, at: SimTime, event: Event) -> bool {
        match event {
            Event::FlowDue(p) => at != self.peer(p).next_due || self.woke_too_early(p),
            Event::Rechoke(p) => at != self.peer(p).next_rechoke,
            Event::Optimistic(p) => at != self.peer(p).optimistic_due,
            _ => false,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Join(p) => self.join(p),
            Event::Announce(p) => self.announce(p),
            Event::FlowDue(p) => self.flow_due(p),
            Event::Rechoke(p) => self.rechoke(p, true),
            Event::Refill(p) => self.refill(p),
            Event::Optimistic(p) => self.pass_on_optimistic(p),
            Event::ChargeHeaders(p) => self.charge_headers(p),
            Event::Have(p, piece) => self.announce_piece(p, piece),
            Event::Leave(p) => self.leave(p),
            Event::GiveUp(p) => self.give_up(p),
            Event::Sample => self.sample(),
        }
    }

    /// After each event: idle connections get their chance, and changed links a new due time.
    fn tidy_up(&mut self) {
        loop {
            if let Some((to, run, from)) = self.late.pop() {
                self.receive(to, run, from);
            } else if let Some(p) = self.repoll.pop() {
                self.peer_mut(p).repoll_pending = false;
                self.poll_idle(p);
            } else {
                break;
            }
        }
        while let Some(link) = self.links.next_touched() {
            self.reschedule(Self::behind(link));
        }
    }

    /// Makes sure that an event is pending no later than the next mark of the flows out of `p`.
    ///
    /// Marks often move away again, so one that comes too early is left to find that out.
    fn reschedule(&mut self, p: PeerId) {
        let due = self.links.next_due(Self::link(p));
        let peer = self.peer_mut(p);
        if due < peer.next_due {
            peer.next_due = due;
            self.queue.push(due, Event::FlowDue(p));
        }
    }

    /// Whether the marks of `p` have moved away since it was to be woken; sees to the next time.
    fn woke_too_early(&mut self, p: PeerId) -> bool {
        let due = self.links.up[p.index()].soonest;
        if due <= self.now {
            return false;
        }
        self.peer_mut(p).next_due = due;
        if due < SimTime::NEVER {
            self.queue.push(due, Event::FlowDue(p));
        }
        true
    }

    /// A peer arrives.
    fn join(&mut self, p: PeerId) {
        let class = self.class(p);
        let newcomer = &self.newcomers[p.index()];
        let is_seeder = newcomer.role == Role::Seeder;
        let (up, down) = (newcomer.upload, newcomer.download);
        self.peer_mut(p).edges = self.edges.allot(self.room_for(p, 0));
        self.account_capacity();
        self.place[p.index()] = crate::units::u32_of(self.present.len());
        self.present.push(p);
        let overhead = class.protocol.overhead;
        let caps = [up, down].map(|rate| super::world::after_overhead(rate, overhead));
        self.links.set_caps(self.now, Self::link(p), caps[0], caps[1]);
        self.observer.joined(self.now, p);
        if is_seeder {
            self.seeders += 1;
            self.fill_with_content(p);
            self.schedule_departure(p);
        } else {
            self.peer_mut(p).stage = Stage::Leecher;
            self.leechers += 1;
            if let Some(mean) = class.patience {
                let entity = self.entity(p);
                let span =
                    super::population::exponential(self.seed, Purpose::Patience, entity, mean);
                self.queue.push(self.now + span, Event::GiveUp(p));
            }
        }
        // At a client's tick the choker runs before the handshakes of new connections are through.
        self.start_choker(p);
        let overlay = &class.protocol.overlay;
        let handshake = overlay.connect_delay + class.protocol.latency.times(4);
        self.queue.push(self.now + handshake, Event::Announce(p));
        self.start_headers(p);
    }

    /// Gives an origin seeder its content.
    fn fill_with_content(&mut self, p: PeerId) {
        let row = self.row(p);
        let pieces = self.cut.pieces;
        bitfield::fill(&mut self.have[row.clone()], pieces);
        bitfield::fill(&mut self.taken[row.clone()], pieces);
        if self.class(p).super_seed {
            self.hide_pieces(p);
        } else {
            bitfield::fill(&mut self.visible[row], pieces);
        }
        for copies in &mut self.copies {
            *copies += 1;
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
        self.counters.pending_max = self.queue.longest() as u64;
        self.counters.reshares = self.links.reshares;
        self.counters.rate_changes = self.links.rate_changes;
        Outcome {
            peers: self.records,
            samples: self.samples,
            counters: self.counters,
            fingerprint: self.fingerprint.value(),
            end: self.now,
            first_copy: self.first_copy,
            content: self.plan.content,
        }
    }

    /// Enters what is on its way, and time not yet over, into the records.
    fn settle_all(&mut self) {
        for at in 0..self.present.len() {
            self.credit_flows_of(self.present[at]);
        }
        for i in 0..self.peers.len() {
            let p = PeerId::from_index(i);
            if self.peer(p).stage == Stage::Leecher {
                self.close_leeching(p);
            }
            // Who has left took its blocks along: `leave` has entered what it held.
            if self.peer(p).stage != Stage::Gone {
                self.records[i].useful = self.held_bytes(p);
            }
            let record = &mut self.records[i];
            (record.uploaded, record.downloaded) = (self.peers[i].sent, self.peers[i].received);
        }
    }

    /// Enters the time as a leecher into the record; called once, when it is over.
    pub(super) fn close_leeching(&mut self, p: PeerId) {
        let now = self.now;
        let served = self.peer(p).n_served_by > 0;
        let served_since = self.peer(p).served_since;
        let record = &mut self.records[p.index()];
        record.leeching = now.since(record.arrival);
        if served {
            record.unchoked += now.since(served_since);
        }
    }

    /// Time until the next full step of a grid of `step` that began at `p`'s arrival.
    pub(super) fn until_tick(&self, p: PeerId, step: Span) -> Span {
        if step == Span::ZERO {
            return Span::ZERO;
        }
        let age = self.now.since(self.newcomers[p.index()].arrival);
        Span(step.0 - age.0 % step.0)
    }
}
