//! Messages share connections with blocks: what is sent waits for what was sent before.
//!
//! A client writes messages behind the blocks that are in its send buffer already, and its rate
//! limiter lets bytes go at its ticks (`limiter`). So a request to a neighbour one uploads to is
//! there only when those blocks are: seconds later on a slow link. While it is on its way the
//! neighbour may have nothing left to send, and a connection that has only few requests out is
//! slower than its links (libtorrent `setup_send`, `fill_send_buffer`,
//! `update_desired_queue_size`).
//!
//! Laws: where no uplink is limited, nothing waits; at most one request per connection that claims
//! blocks is on its way.
//!
//! Where it is wrong: who is choked requests nothing more from that moment, unless it hears only
//! then that it was unchoked (`stale`), though it gives back what it had claimed only when it hears
//! of it.

use super::meter::queue_bytes;
use super::plan::{InTurn, Messages};
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, Bytes, Span};

/// What a connection goes by when it asks for more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Its rate; nothing if it is not known.
    pub(super) rate: ByteRate,
    /// How much it keeps asked for.
    pub(super) queue: Bytes,
    /// Whether a request takes time.
    pub(super) is_late: bool,
    /// The most that may be asked for and not received, where that is less than what comes in
    /// while a request is on its way.
    pub(super) window: Option<Bytes>,
}

impl<O: Observer> Swarm<'_, O> {
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

    /// What `p` goes by when it asks `from` in its `slot`; `at` is the flow between them, if there
    /// is one.
    #[inline]
    pub(super) fn pace(&self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) -> Pace {
        if self.some_wait {
            return self.known_pace(p, slot, from, at);
        }
        let rate = at.map(|at| self.links.up[self.line(from)].flows[at].rate).unwrap_or_default();
        let queue = queue_bytes(&self.class(p).protocol.requests, rate);
        Pace { rate, queue, is_late: false, window: None }
    }

    /// The same where a client goes by the average of what came in, and a request may take time.
    #[inline(never)]
    fn known_pace(&self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) -> Pace {
        let back = self.back(p, slot);
        let (rate, queue) = if self.is_metered(from) {
            self.metered_pace(from, back)
        } else {
            let rate = match self.in_turn(p) {
                Some(rules) => self.known_rate(from, back, at, rules.rate_span),
                None => at.map(|at| self.flow_rate(from, at)).unwrap_or_default(),
            };
            (rate, queue_bytes(&self.class(p).protocol.requests, rate))
        };
        let wait = self.expected_wait(p, slot);
        if wait == Span::ZERO {
            return Pace { rate, queue, is_late: false, window: None };
        }
        let share = rate.max(self.next_share(from));
        let window = (queue < share.bytes_in(wait) + BLOCK).then_some(queue);
        Pace { rate, queue, is_late: true, window }
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

    /// The same, but that a block of a metered flow that has come in part counts whole, as it does
    /// in a client's download queue.
    #[inline]
    pub(super) fn asked(&self, from: PeerId, at: usize) -> u64 {
        let outstanding = self.outstanding(from, at);
        if self.is_metered(from) { outstanding + self.in_part(from, at) } else { outstanding }
    }

    /// What has come in of the block in service, on a flow that moves.
    pub(super) fn in_part(&self, from: PeerId, at: usize) -> u64 {
        let flow = &self.links.up[self.line(from)].flows[at];
        let run = flow.payload.run;
        let left = (flow.left_at(self.now) + flow.payload.beyond()).bytes().0;
        if run.is_empty() { 0 } else { (self.run_size(from, run).0 - left) % BLOCK.0 }
    }

    /// So many bytes still to come on a flow, and what is left of the block the last of them is in.
    /// The last block of the content may be short.
    pub(super) fn up_to_block(&self, from: PeerId, at: usize, n: u64) -> u64 {
        let (mut before, mut in_part) = (0, self.in_part(from, at));
        for (_, left) in self.to_come(from, at) {
            if n <= before + left {
                let in_run = in_part + n - before;
                return before + left.min(in_run.next_multiple_of(BLOCK.0) - in_part);
            }
            (before, in_part) = (before + left, 0);
        }
        before
    }

    /// The runs of a flow in order, each with the bytes that are still to come of it.
    pub(super) fn to_come(&self, from: PeerId, at: usize) -> impl Iterator<Item = (Run, u64)> + '_ {
        let flow = &self.links.up[self.line(from)].flows[at];
        let first = (flow.left_at(self.now) + flow.payload.beyond()).bytes().0;
        let later = self.runs.iter(flow.payload.next);
        let later = later.map(move |run| (run, self.run_size(from, run).0));
        std::iter::once((flow.payload.run, first)).chain(later)
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

    /// What a user sends now.
    pub(super) fn upload_rate(&self, line: usize) -> ByteRate {
        let up = &self.links.up[line];
        if !up.metered {
            return up.used;
        }
        let rates = (0..up.flows.len()).map(|at| self.flow_rate(self.sender(line, at), at).0);
        ByteRate(rates.sum())
    }

    /// What a user receives now.
    pub(super) fn download_rate(&self, line: usize) -> ByteRate {
        let down = &self.links.down[line];
        let metered = |from: &usize| self.links.up[*from].metered;
        let rates = down.sources.iter().filter(|source| metered(&source.from.index()));
        let rates = rates.map(|source| {
            let from = source.from.index();
            let at = self.links.up[from].find(source.to).expect("both ends know of a flow");
            self.flow_rate(self.sender(from, at), at).0
        });
        ByteRate(down.used.0 + rates.sum::<u64>())
    }
}
