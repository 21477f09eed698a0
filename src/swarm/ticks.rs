//! The clock of a client: at its ticks the limiters of its line grant quota, and once a second it
//! takes stock of rates (libtorrent `session_impl::on_tick`).
//!
//! Law: the clock runs while anybody waits, sends or remembers a rate, and no longer.

use super::edges::{End, Mask};
use super::event::Event;
use super::limiter::Limiter;
use super::meter::queue_bytes;
use super::socket::{SECOND, in_a_second, narrow};
use super::world::Swarm;
use crate::ids::{PeerId, UserId};
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, NS_PER_S, SimTime, Span, u16_of};

/// The tick of a client without rules of its own (libtorrent `tick_interval`).
const TICK: Span = Span(NS_PER_S / 2);

/// The limiters of a user's access line.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) up: Limiter,
    pub(super) down: Limiter,
    /// When its clock was started; none yet.
    start: Option<SimTime>,
    /// When its next tick is, if one is pending.
    next: Option<SimTime>,
}

impl<O: Observer> Swarm<'_, O> {
    /// The time between two ticks of `p`.
    pub(super) fn tick_of(&self, p: PeerId) -> Span {
        self.in_turn(p).map_or(TICK, |rules| rules.tick)
    }

    /// Has the clock of `p` run.
    #[inline]
    pub(super) fn start_clock(&mut self, p: PeerId) {
        if self.lines[self.line(p)].next.is_none() {
            self.set_clock(p);
        }
    }

    #[inline(never)]
    fn set_clock(&mut self, p: PeerId) {
        let (arrival, tick, line) = (self.peer(p).arrival, self.tick_of(p), self.line(p));
        let clock = &mut self.lines[line];
        let start = *clock.start.get_or_insert(arrival);
        let at = self.now + Span(tick.0 - self.now.since(start).0 % tick.0);
        clock.next = Some(at);
        self.queue.push(at, Event::Tick(self.user(p)));
    }

    /// A tick of a user's client: it may read and send. It does so when the tick is over, so that
    /// the choker does not know of it yet, and it counts in the next second.
    pub(super) fn tick(&mut self, u: UserId) {
        let line = u.index();
        if self.lines[line].next.take_if(|at| *at == self.now).is_none() {
            return;
        }
        let Some(&p) = self.users[line].peers.first() else { return };
        let tick = self.tick_of(p);
        let readers = self.grant_down(line, tick);
        let senders = self.grant_up(line, tick);
        self.readers.extend(readers.into_iter().rev());
        for &(p, slot) in senders.iter().rev() {
            self.ask_to_send(p, slot);
            self.stirred.push_back((p, slot));
        }
        let start = self.lines[line].start.expect("its clock runs");
        let is_second = self.since_tick(p, start, SECOND) < tick;
        let is_moving = is_second && self.end_second(line);
        let clock = &self.lines[line];
        let is_waited_for = clock.up.is_waited_for() || clock.down.is_waited_for();
        if is_waited_for || is_moving || !is_second {
            self.start_clock(p);
        }
    }

    /// What else is due at a tick of `p` comes after it: quota is granted first.
    pub(super) fn tick_first(&mut self, p: PeerId) {
        if self.some_wait {
            self.tick(self.user(p));
        }
    }

    /// Grants what a tick lets be read; gives the connections that have what they asked for.
    fn grant_down(&mut self, line: usize, tick: Span) -> Vec<End> {
        let mut done = self.lines[line].down.call();
        if done.is_empty() {
            return done;
        }
        // Flows that have a rate take their share by themselves.
        let down = &self.links.down[line];
        let more = (down.cap - down.used).volume_in(tick);
        let limit = in_a_second(down.cap);
        let limiter = &mut self.lines[line].down;
        let part = limiter.accrue(more, limit) / done.len() as u64;
        done.retain(|&(q, slot)| {
            let socket = &mut self.sockets[q.index()][usize::from(slot)];
            limiter.grant(&mut socket.into, narrow(part), (q, slot))
        });
        done
    }

    /// Grants what a tick lets be sent, by the weights of the connections.
    fn grant_up(&mut self, line: usize, tick: Span) -> Vec<End> {
        let mut done = self.lines[line].up.call();
        let weights: Vec<u64> =
            done.iter().map(|&(p, slot)| u64::from(self.weight(p, slot))).collect();
        let all: u64 = weights.iter().sum();
        if all == 0 {
            return done;
        }
        let cap = self.links.up[line].cap;
        let (more, limit) = (cap.volume_in(tick), in_a_second(cap));
        let limiter = &mut self.lines[line].up;
        let saved = u128::from(limiter.accrue(more, limit));
        let mut weights = weights.into_iter();
        done.retain(|&(p, slot)| {
            let weight = weights.next().expect("one each");
            let part = u64::try_from(saved * u128::from(weight) / u128::from(all));
            let socket = &mut self.sockets[p.index()][usize::from(slot)];
            limiter.grant(&mut socket.out, narrow(part.expect("a part")), (p, slot))
        });
        done
    }

    /// A second of a client's clock is over: send buffers are filled anew. Gives whether there is
    /// anything to take stock of.
    fn end_second(&mut self, line: usize) -> bool {
        let mut goes_on = false;
        let mut sending = Vec::new();
        for i in 0..self.users[line].peers.len() {
            let p = self.users[line].peers[i];
            if self.in_turn(p).is_none() || !self.is_present(p) {
                continue;
            }
            goes_on |= self.retry_idle(p);
            self.look_for_snubs(p);
            let Some(rules) = self.in_turn(p) else { continue };
            let span_s = narrow(rules.rate_span.0 / NS_PER_S).max(1);
            let requests = &self.class(p).protocol.requests;
            let fewest = narrow(queue_bytes(requests, ByteRate::ZERO).0 / BLOCK.0);
            let edges = self.peer(p).edges;
            for (word, sockets) in self.sockets[p.index()].chunks_mut(64).enumerate() {
                let [sends, receives, served] = [Mask::FlowOut, Mask::FlowIn, Mask::Served]
                    .map(|mask| self.edges.word(edges, mask, word));
                for (bit, socket) in sockets.iter_mut().enumerate() {
                    let has = |mask: u64| mask >> bit & 1 == 1;
                    // That of a connection that ended is at rest, too.
                    if !has(sends | receives) && socket.is_still() {
                        goes_on |= !socket.is_at_rest();
                        socket.fall_quiet(span_s, fewest);
                        continue;
                    }
                    goes_on = true;
                    socket.end_second(span_s, has(served), requests);
                    if has(sends) {
                        sending.push((p, u16_of(word * 64 + bit)));
                    }
                }
            }
        }
        for (p, slot) in sending {
            self.fill(p, slot);
        }
        goes_on
    }

    /// The laws of one line's limiters.
    pub(super) fn audit_line(&self, line: usize) {
        let Some(clock) = self.lines.get(line) else { return };
        let Some(start) = clock.start else { return };
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for &p in &self.users[line].peers {
            for (slot, socket) in (0..).zip(&self.sockets[p.index()]) {
                up.push(((p, slot), socket.out));
                down.push(((p, slot), socket.into));
            }
        }
        let user = &self.users[line];
        let most = |rate: ByteRate| rate.bytes_in(self.now.since(start)).0;
        if self.links.up[line].metered {
            clock.up.audit(&up, most(user.upload));
        }
        if !user.download.is_unlimited() {
            clock.down.audit(&down, most(user.download));
        }
    }
}
