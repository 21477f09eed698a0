//! Messages share connections with blocks: what is sent waits for what was sent before.
//!
//! A client writes messages behind the blocks that are in its send buffer already, and its rate
//! limiter lets bytes go at its ticks. So a request to a neighbour one uploads to is there only
//! when those blocks are: seconds later on a slow link. While it is on its way the neighbour may
//! have nothing left to send, and a connection that has only few requests out is slower than its
//! links (libtorrent `setup_send`, `fill_send_buffer`, `update_desired_queue_size`).
//!
//! A connection that has sent blocks keeps what it was granted and did not use, and messages on it
//! pass the limiter.
//!
//! Laws: a message is never early; where no uplink is full, nothing waits; at most one request per
//! connection is on its way.
//!
//! Where it is wrong: news of chokes does not wait. Ticks let go what the fluid links send
//! meanwhile, not bursts: the client lets whole blocks go at its ticks, and divides a fast uplink
//! by seniority. What is left over on a connection is half of a grant, and lasts.

use super::edges::Mask;
use super::plan::{InTurn, Messages, Requests};
use super::transfer::Run;
use super::world::{Swarm, UploadSlot};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, Bytes, Span};

/// Blocks asked for before anything is known of a connection's rate (libtorrent
/// `peer_connection`, `m_desired_queue_size`).
const FIRST_BLOCKS: u64 = 4;

/// An uplink with more than 1/32 of its capacity to spare has saved some up, and messages pass.
const SPARE: u32 = 5;

/// What a connection goes by when it asks for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Its rate; nothing if it is not known.
    pub(super) rate: ByteRate,
    /// Whether a request takes time.
    pub(super) is_late: bool,
    /// The most that may be asked for and not received, where that is less than what comes in
    /// while a request is on its way.
    pub(super) window: Option<Bytes>,
}

impl<O: Observer> Swarm<'_, O> {
    /// How long a message of `p` to its neighbour in `slot` waits: for the blocks ahead of it in
    /// the send buffer, and for the next tick if the uplink is full.
    #[inline]
    pub(super) fn message_wait(&self, p: PeerId, slot: u16) -> Span {
        self.in_turn(p).map_or(Span::ZERO, |rules| self.wait_in_turn(p, slot, rules))
    }

    // Out of the way of swarms in which nothing waits, as all that is marked so below.
    #[inline(never)]
    fn wait_in_turn(&self, p: PeerId, slot: u16, rules: &InTurn) -> Span {
        match self.flow_at(p, self.neighbour(p, slot)) {
            Some(at) => self.until_sent(p, rules, self.behind_blocks(p, at, rules)),
            None if self.is(p, Mask::Spare, slot) => Span::ZERO,
            None => self.until_sent(p, rules, Span::ZERO),
        }
    }

    /// What messages of a peer wait for, if they wait.
    #[inline]
    pub(super) fn in_turn(&self, p: PeerId) -> Option<&'_ InTurn> {
        if !self.some_wait {
            return None;
        }
        match &self.class(p).protocol.messages {
            Messages::AtOnce => None,
            Messages::InTurn(rules) => Some(rules),
        }
    }

    /// The time until the first tick of `a` after `wait` is over. What is written at a tick, as
    /// after a round of the choker, waits for the next one. An uplink that was idle a tick ago has
    /// saved some up (`bandwidth_channel::need_queueing`).
    fn until_sent(&self, a: PeerId, rules: &InTurn, wait: Span) -> Span {
        let up = &self.links.up[self.line(a)];
        let is_full = up.cap.0.saturating_sub(up.used.0) <= up.cap.0 >> SPARE;
        let of_line = self.users[self.line(a)].peers.iter();
        let mut uploads = of_line.flat_map(|&p| &self.peer(p).uploads);
        let is_fresh = uploads.all(|u: &UploadSlot| self.now.since(u.since) < rules.tick);
        if rules.tick == Span::ZERO || !is_full || is_fresh || up.cap.is_unlimited() {
            return wait;
        }
        let age = (self.now + wait).since(self.peer(a).arrival);
        wait + Span(rules.tick.0 - age.0 % rules.tick.0)
    }

    /// How long the blocks take that are ahead of a message in flow `at` of `p`: the rest of the
    /// one in service, and whole ones until the send buffer is as full as the client fills it.
    /// Where two ticks do not let a block pass, the limiter grants a whole one at a time, and the
    /// message goes with the next (`bandwidth_manager::update_quotas`, `wanted_transfer`).
    fn behind_blocks(&self, p: PeerId, at: usize, rules: &InTurn) -> Span {
        let flow = &self.links.up[self.line(p)].flows[at];
        if flow.rate == ByteRate::ZERO {
            return Span::ZERO;
        }
        let left = (flow.left_at(self.now) + flow.payload.beyond()).bytes().0;
        let asked = left + u64::from(flow.payload.queued);
        let rest = left % BLOCK.0;
        let whole = if rules.tick > Span::ZERO && grant(rules, flow.rate) < BLOCK {
            BLOCK.0
        } else {
            let filled = rules.buffer.max(flow.rate.bytes_in(rules.buffer_span)).0;
            filled.saturating_sub(rest).div_ceil(BLOCK.0) * BLOCK.0
        };
        Bytes((rest + whole).min(asked)).volume().time_at(flow.rate)
    }

    /// Flow `at` of `from` ends. What its connection was granted and did not use stays with it, for
    /// ever: half a grant on average. It is charged when it is left for the first time.
    pub(super) fn leave_quota(&mut self, from: PeerId, at: usize) {
        let Some(rules) = self.in_turn(from) else { return };
        let line = self.line(from);
        let flow = &self.links.up[line].flows[at];
        let (slot, left) = (flow.payload.slot, Bytes(grant(rules, flow.rate).0 / 2));
        if left > Bytes::ZERO && !self.is(from, Mask::Spare, slot) {
            self.put(from, Mask::Spare, slot);
            self.count_quota(from, left);
        }
    }

    /// What `p` goes by when it asks `from` in its `slot`; `at` is the flow between them, if there
    /// is one.
    #[inline]
    pub(super) fn pace(&self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) -> Pace {
        if let Some(rules) = self.in_turn(p) {
            return self.known_pace(rules, p, (slot, from), at);
        }
        let rate = at.map(|at| self.links.up[self.line(from)].flows[at].rate);
        Pace { rate: rate.unwrap_or_default(), is_late: false, window: None }
    }

    /// The same where a client goes by the average of what came in, and a request may take time.
    #[inline(never)]
    fn known_pace(
        &self,
        rules: &InTurn,
        p: PeerId,
        (slot, from): (u16, PeerId),
        at: Option<usize>,
    ) -> Pace {
        let known = self.known_rate(from, self.back(p, slot), at, rules.rate_span);
        let wait = self.wait_in_turn(p, slot, rules);
        if wait == Span::ZERO {
            return Pace { rate: known, is_late: false, window: None };
        }
        let rate = at.map(|at| self.links.up[self.line(from)].flows[at].rate);
        let share = rate.unwrap_or_else(|| self.next_share(from));
        let window = window(&self.class(p).protocol.requests, known);
        let window = (window < share.bytes_in(wait) + BLOCK).then_some(window);
        Pace { rate: known, is_late: true, window }
    }

    /// The rate of the neighbour in `slot` at what `from` sends it, on average over `span`.
    pub(super) fn known_rate(
        &self,
        from: PeerId,
        slot: u16,
        at: Option<usize>,
        span: Span,
    ) -> ByteRate {
        let given = self.peer(from).uploads.iter().find(|u| u.slot == slot);
        let given = given.expect("who asks has an upload slot");
        let line = self.line(from);
        let flows = &self.links.up[line].flows;
        let news = at.map_or(0, |at| {
            let sent = u64::from(flows[at].payload.sent_news) + self.uncredited(line, at).0;
            // Nearly a block is a block: what is under way is known to the byte below.
            sent.next_multiple_of(64)
        });
        Bytes(given.sent + news).rate_over(self.now.since(given.since).max(span))
    }

    /// Bytes asked for on this flow and not received.
    pub(super) fn outstanding(&self, from: PeerId, at: usize) -> u64 {
        let flow = &self.links.up[self.line(from)].flows[at];
        let left = flow.left_at(self.now) + flow.payload.beyond();
        left.bytes().0 + u64::from(flow.payload.queued)
    }

    /// What one more flow out of `from` would get of its uplink.
    fn next_share(&self, from: PeerId) -> ByteRate {
        let up = &self.links.up[self.line(from)];
        ByteRate(up.cap.0 / (up.flows.len() as u64 + 1))
    }

    /// The first blocks of a run, at most so many bytes and one block at least; the others are
    /// given back.
    #[inline(never)]
    pub(super) fn trim(&mut self, p: PeerId, run: Run, most: Bytes) -> Run {
        let blocks = (most.0 / BLOCK.0).clamp(1, u64::from(run.to - run.from));
        let to = run.from + u16::try_from(blocks).expect("not above a number of 16 bits");
        self.release(p, Run { from: to, ..run });
        Run { to, ..run }
    }
}

/// What a connection asks of the limiter while it sends at `rate`: twice what a tick lets pass
/// (libtorrent `wanted_transfer`).
fn grant(rules: &InTurn, rate: ByteRate) -> Bytes {
    rate.bytes_in(rules.tick + rules.tick)
}

/// The most that is asked for and not received where the rate is known from what came in.
fn window(requests: &Requests, known: ByteRate) -> Bytes {
    let first = Bytes(FIRST_BLOCKS * BLOCK.0);
    let window = super::request::queue_bytes(requests, known);
    if known == ByteRate::ZERO { window.max(first) } else { window }
}
