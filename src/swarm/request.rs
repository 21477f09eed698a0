//! What to ask for: which piece, which of its blocks, and how much in advance.
//!
//! A connection claims a *run* of blocks of one piece. Claims are exact to the block; only their
//! ends are events. A run is *hard* where the client would have sent the requests already, and
//! *soft* beyond: another connection of the same peer may take over soft blocks. So two slow
//! neighbours share a piece block by block, as real clients do, at two events instead of sixteen.

use super::edges::Mask;
use super::messages::Pace;
use super::plan::{EndGame, Requests};
use super::transfer::{Partial, Run, Transfer, dry_up};
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::net::links::Opening;
use crate::observe::Observer;
use crate::policy::pick::PickOrder;
use crate::torrent::bitfield::{self, LANES, any, either, lanes, lanes_mut, without};
use crate::units::{BLOCK, ByteRate, Bytes, Span, Volume, u16_of};

/// A connection that asks: `to` for blocks, from its neighbour `from` in `slot`.
#[derive(Clone, Copy, Debug)]
struct Ask {
    to: PeerId,
    slot: u16,
    from: PeerId,
    /// Whether the neighbour is fast enough to be asked for whole pieces.
    fast: bool,
    /// How many contiguous pieces it is asked for then.
    contiguous: u16,
}

impl<O: Observer> Swarm<'_, O> {
    /// Lets `p` ask its neighbour in `slot` for as much as its queue should hold.
    pub(super) fn ask_for_more(&mut self, p: PeerId, slot: u16) {
        self.ask_when_heard(p, slot, Span::ZERO);
    }

    /// The same, once `p` has heard that it may.
    pub(super) fn ask_when_heard(&mut self, p: PeerId, slot: u16, heard: Span) {
        let stretch = self.peer(p).edges;
        if !self.edges.is(stretch, Mask::Served, slot) || !self.edges.is(stretch, Mask::Wants, slot)
        {
            return;
        }
        if self.post_request(p, slot, heard) {
            return;
        }
        let from = self.neighbour(p, slot);
        self.ask(p, slot, from, self.flow_at(from, p));
    }

    /// Lets `p`, which is unchoked and interested, ask `from` in its `slot` for more; `at` is the
    /// flow between them, if there is one.
    pub(super) fn ask(&mut self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) {
        let requests = &self.class(p).protocol.requests;
        let Pace { rate, is_late, window } = self.pace(p, slot, from, at);
        let in_window = rate.bytes_in(requests.whole_piece);
        let piece = self.cut(p).piece;
        let fast = in_window >= piece;
        let several = requests.contiguous && fast;
        let contiguous = if several { u16_of_u64(in_window.0 / piece.0) } else { 1 };
        let ask = Ask { to: p, slot, from, fast, contiguous };
        let target = queue_bytes(requests, rate);
        let mut asked = at.map_or(0, |at| self.outstanding(from, at));
        let mut at = at;
        let most = window.map_or(target.0 + 1, |window| window.0);
        while asked < most {
            let Some(run) = self.pick(&ask) else {
                if let Some(at) = at {
                    let line = self.line(from);
                    self.links.up[line].advance(at, self.now);
                    dry_up(&mut self.links.up[line].flows[at]);
                }
                break;
            };
            let run = window.map_or(run, |_| self.trim(p, run, Bytes(most - asked)));
            asked += self.run_size(p, run).0;
            at = Some(self.append(&ask, at, run));
            if fast && contiguous > 1 && !run.twin && window.is_none() {
                asked += self.claim_neighbours(&ask, at.expect("just appended"), run);
            }
        }
        if let Some(at) = at {
            // The rate of a new flow is known only now.
            let rate = self.links.up[self.line(from)].flows[at].rate;
            let target = queue_bytes(requests, rate);
            // What takes time is asked for with the first block that comes in.
            let but_one = Bytes(asked.saturating_sub(BLOCK.0));
            self.set_mark(from, at, if is_late { target.min(but_one) } else { target });
        }
    }

    /// Puts a run at the end of a connection's queue; opens its flow if there is none.
    fn append(&mut self, ask: &Ask, at: Option<usize>, run: Run) -> usize {
        self.counters.runs += 1;
        self.counters.end_game_runs += u64::from(run.twin);
        let size = self.run_size(ask.to, run);
        let back = self.back(ask.to, ask.slot);
        if let Some(at) = at {
            let line = self.line(ask.from);
            self.links.up[line].advance(at, self.now);
            let transfer = self.flow_mut(ask.from, at);
            transfer.found_more();
            if transfer.run.is_empty() {
                transfer.begin_run(run);
                self.links.up[line].flows[at].left = size.volume();
                if self.trade.is_some() {
                    self.run_begins(ask.to, ask.from);
                }
            } else {
                transfer.queued += u32::try_from(size.0).expect("a run is at most a piece");
                let next = transfer.next;
                let next = self.runs.push_back(next, run);
                self.flow_mut(ask.from, at).next = next;
            }
            return at;
        }
        let start = self.first_byte_at(ask.from, ask.to);
        let payload = Transfer::new(back, ask.slot, run);
        let weight = self.weight(ask.from, back);
        let to = Self::port(ask.to);
        let opening = Opening { to, weight, start, left: size.volume(), payload };
        self.put(ask.from, Mask::FlowOut, back);
        self.put(ask.to, Mask::FlowIn, ask.slot);
        let at = self.links.open(self.now, self.link(ask.from), opening);
        if self.trade.is_some() {
            self.run_begins(ask.to, ask.from);
        }
        at
    }

    /// Sets the flow's mark: the end of its run, or earlier where more must be asked for.
    pub(super) fn set_mark(&mut self, from: PeerId, at: usize, target: Bytes) {
        let line = self.line(from);
        let up = &mut self.links.up[line];
        up.advance(at, self.now);
        let flow = &mut up.flows[at];
        let run_left = flow.left + flow.payload.beyond();
        let queued = Bytes(u64::from(flow.payload.queued));
        let spare = Volume((run_left + queued.volume()).0.saturating_sub(target.volume().0));
        flow.payload.mark_end();
        let mut left = run_left;
        if !flow.payload.is_dry() && spare.0 > 0 && spare < run_left {
            flow.payload.mark_before_end(target - queued);
            left = spare;
        }
        up.set_mark(at, left);
        self.links.touch(self.link(from));
    }

    /// Chooses a run of blocks to ask for and claims it.
    fn pick(&mut self, ask: &Ask) -> Option<Run> {
        let requests = &self.class(ask.to).protocol.requests;
        while self.peer(ask.to).stage == Stage::Leecher {
            let has_choice = self.list_choices(ask, requests);
            if !has_choice {
                return self.pick_in_end_game(ask, requests);
            }
            let piece = self.choose_piece(ask.to, requests);
            // Fails only where a soft run is asked for already; that one is not listed again.
            if let Some(run) = self.claim(ask, PieceId::from_index(piece)) {
                return Some(run);
            }
        }
        None
    }

    /// Fills `scratch.wanted` with what this neighbour may be asked for, and `scratch.begun` with
    /// those of them that are begun. Gives whether there are any.
    ///
    /// They are pieces the neighbour has that are not begun, and begun ones with blocks to claim;
    /// the latter only, with strict priority or while picks are random, as long as there are any.
    fn list_choices(&mut self, ask: &Ask, requests: &Requests) -> bool {
        let has_fresh = self.list_fresh(ask);
        let has_begun = self.list_begun(ask, requests, has_fresh);
        let strict = requests.strict_priority || self.picks_at_random(ask.to, requests);
        let scratch = &mut self.scratch;
        let begun = lanes(&scratch.begun);
        if has_begun && strict {
            lanes_mut(&mut scratch.wanted).copy_from_slice(begun);
        } else if has_begun {
            let wanted = lanes_mut(&mut scratch.wanted).iter_mut();
            wanted.zip(begun).for_each(|(wanted, &begun)| *wanted = either(*wanted, begun));
        }
        scratch.only_begun = has_begun && (strict || !has_fresh);
        has_fresh || has_begun
    }

    /// Fills `scratch.view` with what the neighbour shows and `scratch.wanted` with what of that
    /// is not begun; gives whether there is any.
    fn list_fresh(&mut self, ask: &Ask) -> bool {
        let words = self.words;
        let start = ask.to.index() * words;
        let taken = lanes(&self.taken[start..start + words]);
        let hidden = self.hidden(ask.from).map(|h| h.to(self.back(ask.to, ask.slot), words));
        let start = self.visible_from + ask.from.index() * words;
        let seen = hidden.as_deref().unwrap_or(&self.have[start..start + words]);
        let scratch = &mut self.scratch;
        let (view, wanted) = (lanes_mut(&mut scratch.view), lanes_mut(&mut scratch.wanted));
        let mut has_fresh = false;
        for (((view, wanted), &seen), &taken) in
            view.iter_mut().zip(wanted).zip(lanes(seen)).zip(taken)
        {
            *view = seen;
            *wanted = without(seen, taken);
            has_fresh |= any(*wanted);
        }
        if self.is_writing(ask.from) {
            return self.list_heard_of(ask.from, self.back(ask.to, ask.slot));
        }
        has_fresh
    }

    /// Fills `scratch.begun`; gives whether there is any.
    fn list_begun(&mut self, ask: &Ask, requests: &Requests, has_fresh: bool) -> bool {
        let scratch = &mut self.scratch;
        lanes_mut(&mut scratch.begun).fill([0; LANES]);
        let seeders_own =
            requests.seed_started_list && self.peers[ask.from.index()].stage == Stage::Seeder;
        let mut has_begun = false;
        for part in &self.peers[ask.to.index()].partials {
            // A fast neighbour keeps off pieces others are at work on while it has a choice.
            let open = part.free > 0 || part.soft > 0 && !(ask.fast && has_fresh);
            let allowed = !seeders_own || part.begun_at_seeder || !has_fresh;
            if open && allowed && bitfield::has(&scratch.view, usize::from(part.piece)) {
                bitfield::set(&mut scratch.begun, usize::from(part.piece));
                has_begun = true;
            }
        }
        has_begun
    }

    /// Chooses among the listed pieces; there are some.
    fn choose_piece(&mut self, p: PeerId, requests: &Requests) -> usize {
        let at_random = self.picks_at_random(p, requests) && !self.scratch.only_begun;
        self.pick_piece(p, requests.order, at_random)
    }

    /// Whether `p` has so few pieces that the next one is picked at random.
    fn picks_at_random(&self, p: PeerId, requests: &Requests) -> bool {
        u32::from(self.n_have[p.index()]) < requests.random_first
    }

    /// Chooses among `scratch.wanted` by the peer's order.
    fn pick_piece(&mut self, p: PeerId, order: PickOrder, at_random: bool) -> usize {
        let order = if at_random { PickOrder::Random } else { order };
        match order {
            PickOrder::Random => {
                let wanted = &self.scratch.wanted;
                let n = bitfield::count(wanted);
                let rank = self.peers[p.index()].pick_luck.below(n);
                bitfield::nth(wanted, rank).expect("a rank below the count")
            }
            PickOrder::Sequential => {
                bitfield::nth(&self.scratch.wanted, 0).expect("there is something to pick")
            }
            PickOrder::SwarmRarest => self.pick_swarm_rarest(p),
            // With one to choose from, there is nothing to count.
            PickOrder::RarestFirst => match bitfield::only(&self.scratch.wanted) {
                Some(piece) => piece,
                None => self.pick_rarest(p),
            },
        }
    }

    /// The piece with fewest copies among the neighbours; begun ones first, then at random.
    fn pick_rarest(&mut self, p: PeerId) -> usize {
        // Neighbours with the whole content add one to every count, which changes no order.
        let holders = self.edges.names(self.peers[p.index()].edges);
        let scratch = &mut self.scratch;
        scratch.rarest.find(&scratch.wanted, &self.have[self.visible_from..], holders);
        let ties = &mut scratch.rarest;
        ties.prefer(&scratch.begun);
        let rank = self.peers[p.index()].pick_luck.below(ties.ties);
        ties.nth(rank)
    }

    /// The piece with fewest copies in the whole swarm, ties at random.
    #[inline(never)]
    fn pick_swarm_rarest(&mut self, p: PeerId) -> usize {
        let mut best = Vec::new();
        let mut least = u32::MAX;
        let torrent = &self.torrents[self.peers[p.index()].torrent.index()];
        for piece in bitfield::members(&self.scratch.wanted) {
            let copies = torrent.copies[piece];
            if copies < least {
                least = copies;
                best.clear();
            }
            if copies == least {
                best.push(piece);
            }
        }
        best[self.peers[p.index()].pick_luck.below(best.len())]
    }

    /// Claims blocks of `piece`: a new piece whole, a begun one's first free run, or the part of
    /// somebody's soft run that is not asked for yet.
    fn claim(&mut self, ask: &Ask, piece: PieceId) -> Option<Run> {
        let soft = !ask.fast;
        let n = self.cut(ask.to).blocks_in(piece);
        if !bitfield::has(&self.taken[self.row(ask.to)], piece.index()) {
            self.begin_piece(ask, piece, n);
            return Some(Run { piece: piece.0, from: 0, to: n, soft, twin: false });
        }
        let at = self.partial_at(ask.to, piece).expect("what is taken and wanted is begun");
        let words = self.block_words;
        let part = &mut self.peers[ask.to.index()].partials[at];
        if part.free == 0 {
            return self.take_over(ask, piece);
        }
        let busy = self.blocks.busy(part.bits, words);
        let (first, end) =
            bitfield::first_free_run(busy, usize::from(n)).expect("the piece has free blocks");
        for (i, word) in busy.iter_mut().enumerate() {
            *word |= bitfield::range_mask(i, first, end);
        }
        part.free -= u16_of(end - first);
        part.soft += u16::from(soft);
        Some(Run { piece: piece.0, from: u16_of(first), to: u16_of(end), soft, twin: false })
    }

    /// Position of a begun piece among the peer's partial pieces.
    pub(super) fn partial_at(&self, p: PeerId, piece: PieceId) -> Option<usize> {
        self.peer(p).partials.iter().position(|part| part.piece == piece.0)
    }

    /// Begins a piece of `n` blocks: all of them are asked for.
    fn begin_piece(&mut self, ask: &Ask, piece: PieceId, n: u16) {
        let words = self.block_words;
        let bits = self.blocks.allot(words);
        bitfield::fill(self.blocks.busy(bits, words), usize::from(n));
        let begun_at_seeder = self.peer(ask.from).stage == Stage::Seeder;
        let row = self.row(ask.to);
        bitfield::set(&mut self.taken[row], piece.index());
        let peer = self.peer_mut(ask.to);
        peer.n_taken += 1;
        if peer.partials.len() == peer.partials.capacity() {
            peer.partials.reserve_exact(2.max(peer.partials.len() / 4));
        }
        peer.partials.push(Partial {
            piece: piece.0,
            begun_at_seeder,
            free: 0,
            missing: n,
            soft: u16::from(!ask.fast),
            twins: false,
            bits,
        });
    }

    /// Claims pieces next to `run`'s as well, for a neighbour that can send several in the window.
    /// Downwards first, then upwards, as libtorrent expands a piece. Returns the bytes claimed.
    #[inline(never)]
    fn claim_neighbours(&mut self, ask: &Ask, at: usize, run: Run) -> u64 {
        let n = usize::from(ask.contiguous);
        let middle = usize::from(run.piece);
        let fresh = |s: &Self, piece: usize| {
            let row = s.row(ask.to);
            bitfield::has(&s.scratch.view, piece) && !bitfield::has(&s.taken[row], piece)
        };
        let mut low = middle;
        while low > 0 && middle - low + 1 < n && fresh(self, low - 1) {
            low -= 1;
        }
        let mut bytes = 0;
        let end = (low + n).min(self.cut(ask.to).pieces);
        for piece in (low..middle).chain(middle + 1..end) {
            if piece > middle && !fresh(self, piece) {
                break;
            }
            if let Some(run) = self.claim(ask, PieceId::from_index(piece)) {
                bytes += self.run_size(ask.to, run).0;
                self.append(ask, Some(at), run);
            }
        }
        bytes
    }

    /// Takes over the second half of what a soft run of `piece` has not asked for yet.
    #[inline(never)]
    fn take_over(&mut self, ask: &Ask, piece: PieceId) -> Option<Run> {
        let requests = &self.class(ask.to).protocol.requests;
        let mut best: Option<(u16, PeerId, usize)> = None;
        for slot in self.edges.slots(self.peer(ask.to).edges, Mask::FlowIn) {
            let other = self.neighbour(ask.to, slot);
            let Some(at) = self.flow_at(other, ask.to) else { continue };
            let flow = &self.links.up[self.line(other)].flows[at];
            let run = flow.payload.run;
            if run.piece != piece.0 || !run.soft || run.twin || slot == ask.slot {
                continue;
            }
            let left = (flow.left_at(self.now) + flow.payload.beyond()).bytes().0.div_ceil(BLOCK.0);
            let hard = queue_bytes(requests, flow.rate).0.div_ceil(BLOCK.0);
            let soft = u16_of_u64(left.saturating_sub(hard));
            if soft > 0 && best.is_none_or(|(most, ..)| soft > most) {
                best = Some((soft, other, at));
            }
        }
        let Some((soft, other, at)) = best else {
            // Nothing soft is left: the count was an upper bound.
            let part = self.partial_at(ask.to, piece).expect("a begun piece");
            self.peer_mut(ask.to).partials[part].soft = 0;
            return None;
        };
        self.counters.runs_cut += 1;
        let to = self.flow_mut(other, at).run.to;
        let from = to - soft.div_ceil(2);
        self.shorten_run(other, at, from);
        let part = self.partial_at(ask.to, piece).expect("a begun piece");
        self.peer_mut(ask.to).partials[part].soft += u16::from(!ask.fast);
        Some(Run { piece: piece.0, from, to, soft: !ask.fast, twin: false })
    }

    /// Cuts the blocks from `to` on off the run of a flow; somebody else sends them.
    #[inline(never)]
    pub(super) fn shorten_run(&mut self, from: PeerId, at: usize, to: u16) {
        let requests = &self.class(self.receiver(from, at)).protocol.requests;
        let run = self.flow_mut(from, at).run;
        let cut = self.cut(from).blocks_size(run.piece(), to, run.to).volume();
        let line = self.line(from);
        let up = &mut self.links.up[line];
        up.advance(at, self.now);
        let flow = &mut up.flows[at];
        let left = flow.left + flow.payload.beyond();
        flow.left = left - cut;
        flow.payload.mark_end();
        flow.payload.run.to = to;
        let target = queue_bytes(requests, flow.rate);
        self.set_mark(from, at, target);
    }

    /// Nothing is left to ask this neighbour for but what others have been asked for.
    #[inline(never)]
    fn pick_in_end_game(&mut self, ask: &Ask, requests: &Requests) -> Option<Run> {
        let all_begun = usize::from(self.peer(ask.to).n_taken) == self.cut(ask.to).pieces;
        let at = self.flow_at(ask.from, ask.to);
        let flows = &self.links.up[self.line(ask.from)].flows;
        let idle = at.is_none_or(|at| flows[at].payload.run.is_empty());
        if !all_begun || !idle {
            return None;
        }
        match requests.end_game {
            EndGame::Off => None,
            EndGame::Strict => self.pick_twin(ask),
            EndGame::Shared if self.ask_others(ask.to, ask.from) => None,
            EndGame::Shared => self.share_out(ask),
        }
    }

    /// Takes over part of what the slowest other connection has still to deliver.
    fn share_out(&mut self, ask: &Ask) -> Option<Run> {
        let (other, at, left) = self.slowest_inflow(ask)?;
        let transfer = self.links.up[self.line(other)].flows[at].payload;
        let run = transfer.run;
        let blocks = u16_of_u64(left.bytes().0.div_ceil(BLOCK.0));
        self.counters.runs_cut += 1;
        if blocks > 1 {
            let from = run.to - blocks / 2;
            self.shorten_run(other, at, from);
            return Some(Run { from, to: run.to, soft: false, ..run });
        }
        let part = self.partial_at(ask.to, run.piece())?;
        self.peer_mut(ask.to).partials[part].twins = true;
        Some(Run { from: run.to - 1, to: run.to, soft: false, piece: run.piece, twin: true })
    }

    /// The other connection whose current run, of a piece this neighbour has, will take longest,
    /// and what is left of it; none if this neighbour could not be faster.
    fn slowest_inflow(&self, ask: &Ask) -> Option<(PeerId, usize, Volume)> {
        let up = &self.links.up[self.line(ask.from)];
        let share = ByteRate(up.cap.0 / (up.flows.len() as u64 + 1));
        let mut worst = (BLOCK.volume().time_at(share), None);
        for slot in self.edges.slots(self.peer(ask.to).edges, Mask::FlowIn) {
            let other = self.neighbour(ask.to, slot);
            let at = self.flow_at(other, ask.to).expect("both ends know a flow");
            let flow = &self.links.up[self.line(other)].flows[at];
            let run = flow.payload.run;
            let known =
                !run.is_empty() && bitfield::has(&self.scratch.view, usize::from(run.piece));
            if !known || run.twin || slot == ask.slot {
                continue;
            }
            let left = flow.left_at(self.now) + flow.payload.beyond();
            let is_slower = flow.rate.volume_in(worst.0) < left;
            if is_slower && !(left <= BLOCK.volume() && self.has_twin(ask.to, run)) {
                worst = (left.time_at(flow.rate), Some((other, at, left)));
            }
        }
        worst.1
    }

    /// Whether the last block of `run` is asked for twice already.
    fn has_twin(&self, p: PeerId, run: Run) -> bool {
        self.edges.slots(self.peer(p).edges, Mask::FlowIn).any(|slot| {
            let other = self.neighbour(p, slot);
            let at = self.flow_at(other, p).expect("both ends know a flow");
            let twin = self.links.up[self.line(other)].flows[at].payload.run;
            twin.twin && twin.piece == run.piece && twin.to == run.to
        })
    }

    /// A block that another neighbour has not sent yet, asked for again.
    fn pick_twin(&mut self, ask: &Ask) -> Option<Run> {
        let peer = self.peer(ask.to);
        let mut parts: Vec<u16> = peer
            .partials
            .iter()
            .filter(|part| bitfield::has(&self.scratch.view, usize::from(part.piece)))
            .map(|part| part.piece)
            .collect();
        while !parts.is_empty() {
            let pick = self.peer_mut(ask.to).pick_luck.below(parts.len());
            let piece = PieceId(parts.swap_remove(pick));
            if let Some(run) = self.twin_of(ask, piece) {
                return Some(run);
            }
        }
        None
    }

    /// A random block of `piece` that is asked for and not in, as a run of its own.
    fn twin_of(&mut self, ask: &Ask, piece: PieceId) -> Option<Run> {
        self.credit_inflow(ask.to);
        let part = self.partial_at(ask.to, piece)?;
        let bits = self.peer(ask.to).partials[part].bits;
        let words = self.block_words;
        let got = self.blocks.got(bits, words).to_vec();
        let mut open = self.blocks.busy(bits, words).to_vec();
        for (open, got) in open.iter_mut().zip(got) {
            *open &= !got;
        }
        self.drop_blocks_in(ask.to, piece, &mut open);
        let n = bitfield::count(&open);
        if n == 0 {
            return None;
        }
        let rank = self.peer_mut(ask.to).pick_luck.below(n);
        let block = u16_of(bitfield::nth(&open, rank).expect("a rank below the count"));
        self.peer_mut(ask.to).partials[part].twins = true;
        self.isolate_block(ask.to, piece, block);
        Some(Run { piece: piece.0, from: block, to: block + 1, soft: false, twin: true })
    }

    /// Looks at all connections of `p` on which it is unchoked and asks for nothing.
    pub(super) fn poll_idle(&mut self, p: PeerId) {
        if self.peer(p).stage != Stage::Leecher {
            return;
        }
        let stretch = self.peer(p).edges;
        for word in 0..stretch.words() {
            let served = self.edges.word(stretch, Mask::Served, word);
            let busy = self.edges.word(stretch, Mask::FlowIn, word);
            let wants = self.edges.word(stretch, Mask::Wants, word);
            for bit in bitfield::BitsOf(served & wants & !busy) {
                self.ask_for_more(p, u16_of(word * 64 + bit));
            }
        }
    }

    /// Has the idle connections of `p` looked at after this event.
    pub(super) fn request_repoll(&mut self, p: PeerId) {
        let peer = self.peer_mut(p);
        if !peer.repoll_pending && peer.stage == Stage::Leecher {
            peer.repoll_pending = true;
            self.repoll.push(p);
        }
    }

    /// Size of the blocks of a run between `p` and a neighbour.
    pub(super) fn run_size(&self, p: PeerId, run: Run) -> Bytes {
        self.cut(p).blocks_size(run.piece(), run.from, run.to)
    }

    /// The owner's part of a flow.
    #[inline]
    pub(super) fn flow_mut(&mut self, from: PeerId, at: usize) -> &mut Transfer {
        let line = self.line(from);
        &mut self.links.up[line].flows[at].payload
    }

    /// Who receives a flow.
    #[inline]
    pub(super) fn receiver(&self, from: PeerId, at: usize) -> PeerId {
        Self::behind(self.links.up[self.line(from)].to[at])
    }
}

/// Bytes a connection at `rate` keeps asked for in advance, in whole blocks.
pub(super) fn queue_bytes(requests: &Requests, rate: ByteRate) -> Bytes {
    let blocks = rate.bytes_in(requests.queue_span).0 / BLOCK.0 + u64::from(requests.queue_base);
    let blocks = blocks.clamp(u64::from(requests.queue_min), u64::from(requests.queue_max));
    Bytes(blocks * BLOCK.0)
}

/// A count that is known to be small, at most 65 535.
fn u16_of_u64(n: u64) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}
