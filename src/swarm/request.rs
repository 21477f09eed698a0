//! What to ask for: which piece, which of its blocks, and how much in advance.
//!
//! A connection claims a *run* of blocks of one piece. Claims are exact to the block; only their
//! ends are events. A run is *hard* where the client would have sent the requests already, and
//! *soft* beyond: another connection of the same peer may take over soft blocks. So two slow
//! neighbours share a piece block by block, as real clients do, at two events instead of sixteen.

use super::edges::Mask;
use super::messages::Pace;
use super::plan::Requests;
use super::transfer::{Partial, Run, Transfer, dry_up, in_run};
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::net::links::Opening;
use crate::observe::Observer;
use crate::policy::pick::PickOrder;
use crate::rng::Stream;
use crate::torrent::bitfield::{self, LANES, any, either, lanes, lanes_mut, without};
use crate::units::{BLOCK, Bytes, Volume, u16_of};
use smallvec::SmallVec;

/// A connection that asks: `to` for blocks, from its neighbour `from` in `slot`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) to: PeerId,
    pub(super) slot: u16,
    pub(super) from: PeerId,
    /// Whether the neighbour is fast enough to be asked for whole pieces.
    fast: bool,
    /// How many contiguous pieces it is asked for then.
    contiguous: u16,
    /// Whether what it is asked for may be taken over by others.
    pub(super) soft: bool,
    /// Whether a pick is for the requests it lacks and not for a piece (libtorrent).
    exact: bool,
    /// It is asked until so many bytes are asked for and not received.
    pub(super) most: u64,
    /// With how many bytes still to come it is asked for more, if that is known: the rate of a new
    /// flow is not, nor is that of one whose bytes are let go by ticks.
    refill: Option<Bytes>,
    /// Whether runs are cut to that.
    trims: bool,
    /// Whether a request takes time.
    is_late: bool,
}

impl Ask {
    /// How many blocks of a piece are claimed at most where so many bytes are lacking; `is_shared`
    /// if others are at work on it. A fast neighbour is asked for all that is left of a piece
    /// unless others are (libtorrent `add_blocks_downloading`, `backup_blocks2`).
    fn limit(&self, lacks: u64, is_shared: bool) -> u16 {
        let whole = self.fast && !is_shared;
        if self.exact && !whole { u16_of_u64(lacks.div_ceil(BLOCK.0)) } else { u16::MAX }
    }
}

/// Which of these libtorrent picks while it has few pieces, and not by rarity (`pick_pieces`): of
/// pieces that are begun the first in the content, else the first from a random place on.
fn first_pick(wanted: &[u64], only_begun: bool, pieces: usize, luck: &mut Stream) -> usize {
    let start = if only_begun { 0 } else { luck.below(pieces) };
    bitfield::first_from(wanted, start).expect("there is something to pick")
}

/// Blocks asked for and not in, by piece; a piece may be there more than once.
type Own = SmallVec<[(u16, u16); 8]>;

/// Those of one piece.
fn of_piece(own: &Own, piece: u16) -> u16 {
    own.iter().filter(|(of, _)| *of == piece).map(|(_, blocks)| blocks).sum()
}

impl<O: Observer> Swarm<'_, O> {
    /// Lets `p` ask its neighbour in `slot` for as much as its queue should hold.
    pub(super) fn ask_for_more(&mut self, p: PeerId, slot: u16) {
        let stretch = self.peer(p).edges;
        if !self.edges.is(stretch, Mask::Served, slot) || !self.edges.is(stretch, Mask::Wants, slot)
        {
            return;
        }
        if self.post_request(p, slot) {
            return;
        }
        let from = self.neighbour(p, slot);
        self.ask(p, slot, from, self.flow_at(from, p));
        self.retry_if_idle(p, slot);
    }

    /// Lets `p`, which is unchoked and interested, ask `from` in its `slot` for more; `at` is the
    /// flow between them, if there is one.
    pub(super) fn ask(&mut self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) {
        let ask = self.ask_at_pace(p, slot, from, at);
        let before = at.map_or(0, |at| self.asked(from, at));
        let mut asked = before;
        let mut at = at;
        while asked < ask.most {
            let Some(run) = self.claim_next(&ask, asked) else {
                if let Some(at) = at {
                    let line = self.line(from);
                    self.links.up[line].advance(at, self.now);
                    dry_up(&mut self.links.up[line].flows[at]);
                }
                break;
            };
            asked += self.run_size(p, run).0;
            at = Some(self.append(&ask, at, run));
            for i in 0..self.scratch.more.len() {
                let run = self.scratch.more[i];
                asked += self.run_size(p, run).0;
                self.append(&ask, at, run);
            }
        }
        self.note_shortage(&ask, before, asked);
        if let Some(at) = at {
            self.set_mark_of(&ask, at, asked);
            if self.some_wait {
                if asked > before {
                    self.note_request(p, slot);
                }
                self.open_requests(p, slot);
            }
        }
    }

    /// How `p` asks its neighbour `from` in `slot`; `at` is the flow between them, if there is one.
    #[inline]
    pub(super) fn ask_at_pace(&self, p: PeerId, slot: u16, from: PeerId, at: Option<usize>) -> Ask {
        let requests = &self.class(p).protocol.requests;
        let Pace { rate, queue, is_late, window } = self.pace(p, slot, from, at);
        let in_window = rate.bytes_in(requests.whole_piece);
        let piece = self.cut(p).piece;
        let fast = in_window >= piece;
        let exact = requests.contiguous;
        let soft = !fast && !exact;
        let contiguous = if exact && fast { u16_of_u64(in_window.0 / piece.0) } else { 1 };
        // Whole pieces are claimed whole, however few requests are out.
        let window = window.filter(|_| !fast && !self.is_metered(from));
        let full = queue.0 + u64::from(!requests.contiguous);
        let most = window.map_or(full, |window| window.0);
        let most = if self.is_short(p, slot) { BLOCK.0 } else { most };
        let trims = window.is_some();
        let refill = (at.is_some() && !self.some_wait).then(|| refill_bytes(requests, queue));
        Ask { to: p, slot, from, fast, contiguous, soft, exact, most, refill, trims, is_late }
    }

    /// Claims the next run to ask for, and into `scratch.more` those of the pieces next to it where
    /// the neighbour can send several in the window; so many bytes are asked for and not received.
    pub(super) fn claim_next(&mut self, ask: &Ask, asked: u64) -> Option<Run> {
        self.scratch.more.clear();
        let begun = self.peer(ask.to).n_taken;
        let run = self.pick(ask, ask.most - asked)?;
        if ask.trims {
            return Some(self.trim(ask.to, run, Bytes(ask.most - asked)));
        }
        if ask.contiguous > 1 && self.peer(ask.to).n_taken > begun {
            return Some(self.claim_neighbours(ask, run));
        }
        Some(run)
    }

    /// Sets the mark of a flow that was just given more, so that so many bytes are asked for.
    pub(super) fn set_mark_of(&mut self, ask: &Ask, at: usize, asked: u64) {
        let target = ask.refill.unwrap_or_else(|| self.refill_bytes(ask.from, at));
        // What takes time is asked for with the first block that comes in.
        let but_one = Bytes(asked.saturating_sub(BLOCK.0));
        self.set_mark(ask.from, at, if ask.is_late { target.min(but_one) } else { target });
    }

    /// With how many bytes still to come on flow `at` of `from` more is asked for: with
    /// libtorrent's picks when one block is missing in its queue (`request_a_block`).
    #[inline]
    pub(super) fn refill_bytes(&self, from: PeerId, at: usize) -> Bytes {
        let requests = &self.class(self.receiver(from, at)).protocol.requests;
        refill_bytes(requests, self.queue_on(from, at))
    }

    /// Puts a run at the end of a connection's queue; opens its flow if there is none.
    pub(super) fn append(&mut self, ask: &Ask, at: Option<usize>, run: Run) -> usize {
        self.counters.runs += 1;
        self.counters.end_game_runs += u64::from(run.twin);
        let size = self.run_size(ask.to, run);
        let back = self.back(ask.to, ask.slot);
        if let Some(at) = at {
            let line = self.line(ask.from);
            self.links.up[line].advance(at, self.now);
            self.stir(ask.from, back);
            let transfer = self.flow_mut(ask.from, at);
            transfer.found_more();
            if transfer.run.is_empty() {
                transfer.begin_run(run, size);
                self.links.up[line].flows[at].left = size.volume();
                if self.trade.is_some() {
                    self.new_run_begins((ask.to, ask.slot), ask.from);
                }
            } else {
                transfer.queued += in_run(size);
                let next = transfer.next;
                let next = self.runs.push_back(next, run);
                self.flow_mut(ask.from, at).next = next;
            }
            return at;
        }
        let start = self.first_byte_at(ask.from, ask.to);
        let payload = Transfer::new(back, ask.slot, run, size);
        let weight = self.weight(ask.from, back);
        let to = Self::port(ask.to);
        let opening = Opening { to, weight, start, left: size.volume(), payload };
        self.put(ask.from, Mask::FlowOut, back);
        self.put(ask.to, Mask::FlowIn, ask.slot);
        let at = self.links.open(self.now, self.link(ask.from), opening);
        self.stir(ask.from, back);
        if self.trade.is_some() {
            self.new_run_begins((ask.to, ask.slot), ask.from);
        }
        at
    }

    /// Has a metered connection looked at after this event.
    #[inline]
    fn stir(&mut self, p: PeerId, slot: u16) {
        if self.is_metered(p) {
            self.stirred.push_back((p, slot));
        }
    }

    /// Sets the flow's mark: the end of its run, or earlier where more must be asked for.
    pub(super) fn set_mark(&mut self, from: PeerId, at: usize, target: Bytes) {
        let line = self.line(from);
        let up = &mut self.links.up[line];
        up.advance(at, self.now);
        let metered = up.metered;
        let flow = &mut up.flows[at];
        let run_left = flow.left + flow.payload.beyond();
        let queued = Bytes(u64::from(flow.payload.queued));
        let spare = Volume((run_left + queued.volume()).0.saturating_sub(target.volume().0));
        flow.payload.mark_end();
        let mut left = run_left;
        // Of what goes by quota each block that comes in may ask for more.
        if !metered && !flow.payload.is_dry() && spare.0 > 0 && spare < run_left {
            flow.payload.mark_before_end(target - queued);
            left = spare;
        }
        up.set_mark(at, left);
        self.links.touch(self.link(from));
    }

    /// Chooses a run of blocks to ask for and claims it.
    fn pick(&mut self, ask: &Ask, lacks: u64) -> Option<Run> {
        let requests = &self.class(ask.to).protocol.requests;
        while self.peer(ask.to).stage == Stage::Leecher {
            let has_choice = self.list_choices(ask, requests);
            if !has_choice {
                return self.pick_in_end_game(ask, requests);
            }
            let piece = self.choose_piece(ask.to, requests);
            // Fails only where a soft run is asked for already; that one is not listed again.
            if let Some(run) = self.claim(ask, PieceId::from_index(piece), lacks) {
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
        scratch.any_begun = has_begun;
        has_fresh || has_begun
    }

    /// Fills `scratch.view` with what the neighbour shows and `scratch.wanted` with what of that
    /// is not begun, and empties `scratch.begun`; gives whether there is any.
    fn list_fresh(&mut self, ask: &Ask) -> bool {
        let words = self.words;
        let start = ask.to.index() * words;
        let taken = lanes(&self.taken[start..start + words]);
        let hidden = self.hidden(ask.from).map(|h| h.to(self.back(ask.to, ask.slot), words));
        let start = self.visible_from + ask.from.index() * words;
        let seen = hidden.as_deref().unwrap_or(&self.have[start..start + words]);
        let scratch = &mut self.scratch;
        let (view, wanted) = (lanes_mut(&mut scratch.view), lanes_mut(&mut scratch.wanted));
        let begun = lanes_mut(&mut scratch.begun);
        let mut has_fresh = false;
        for ((((view, wanted), begun), &seen), &taken) in
            view.iter_mut().zip(wanted).zip(begun).zip(lanes(seen)).zip(taken)
        {
            *view = seen;
            *wanted = without(seen, taken);
            *begun = [0; LANES];
            has_fresh |= any(*wanted);
        }
        if self.some_wait {
            let back = self.back(ask.to, ask.slot);
            if self.is_writing(ask.from, back) {
                return self.list_heard_of(ask.from, back);
            }
        }
        has_fresh
    }

    /// Fills `scratch.begun`, which is empty; gives whether there is any.
    fn list_begun(&mut self, ask: &Ask, requests: &Requests, has_fresh: bool) -> bool {
        // Its first pieces libtorrent finishes, whoever is at work on them.
        let is_first = requests.contiguous && self.picks_at_random(ask.to, requests);
        let keeps_off = ask.fast && has_fresh && !is_first;
        let own = if requests.contiguous && keeps_off { self.asked_for(ask) } else { Own::new() };
        let seeders_own = has_fresh
            && requests.seed_started_list
            && self.peers[ask.from.index()].stage == Stage::Seeder;
        if keeps_off && !requests.contiguous && !seeders_own {
            return self.list_loose(ask);
        }
        let scratch = &mut self.scratch;
        let mut has_begun = false;
        for part in &self.peers[ask.to.index()].partials {
            if part.free == 0 && part.soft == 0 {
                continue;
            }
            // A fast neighbour keeps off pieces others are at work on while it has a choice; with
            // libtorrent also off their free blocks (`add_blocks_downloading`, `backup_blocks2`,
            // `requested_from`).
            let is_shared =
                requests.contiguous && part.free + of_piece(&own, part.piece) < part.missing;
            let open = part.free > 0 && !(keeps_off && is_shared) || part.soft > 0 && !keeps_off;
            let allowed = !seeders_own || part.begun_at_seeder;
            if open && allowed && bitfield::has(&scratch.view, usize::from(part.piece)) {
                bitfield::set(&mut scratch.begun, usize::from(part.piece));
                has_begun = true;
            }
        }
        has_begun
    }

    /// Chooses among the listed pieces; there are some.
    fn choose_piece(&mut self, p: PeerId, requests: &Requests) -> usize {
        if !self.picks_at_random(p, requests) {
            return self.pick_piece(p, requests.order);
        }
        let only_begun = self.scratch.only_begun;
        if requests.contiguous {
            let pieces = self.cut(p).pieces;
            let luck = &mut self.peers[p.index()].pick_luck;
            return first_pick(&self.scratch.wanted, only_begun, pieces, luck);
        }
        self.pick_piece(p, if only_begun { requests.order } else { PickOrder::Random })
    }

    /// Whether `p` has so few pieces that the next one is picked at random.
    fn picks_at_random(&self, p: PeerId, requests: &Requests) -> bool {
        u32::from(self.n_have[p.index()]) < requests.random_first
    }

    /// Chooses among `scratch.wanted` by this order.
    fn pick_piece(&mut self, p: PeerId, order: PickOrder) -> usize {
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
        if scratch.any_begun {
            ties.prefer(&scratch.begun);
        }
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

    /// Claims blocks of `piece`: of a new piece all, of a begun one the first free run, or the part
    /// of somebody's soft run that is not asked for yet. A client that picks anew for each request
    /// takes no more than it lacks, but for whole pieces of its own (`Ask::limit`).
    fn claim(&mut self, ask: &Ask, piece: PieceId, lacks: u64) -> Option<Run> {
        let n = self.cut(ask.to).blocks_in(piece);
        if !bitfield::has(&self.taken[self.row(ask.to)], piece.index()) {
            let to = n.min(ask.limit(lacks, false));
            self.begin_piece(ask, piece, (to, n));
            return Some(Run { piece: piece.0, from: 0, to, soft: ask.soft, twin: false });
        }
        let at = self.partial_at(ask.to, piece).expect("what is taken and wanted is begun");
        let own = if ask.exact && ask.fast { of_piece(&self.asked_for(ask), piece.0) } else { 0 };
        let words = self.block_words;
        let part = &mut self.peers[ask.to.index()].partials[at];
        if part.free == 0 {
            return self.take_over(ask, piece);
        }
        let most = ask.limit(lacks, part.free + own < part.missing);
        let busy = self.blocks.busy(part.bits, words);
        let (first, end) =
            bitfield::first_free_run(busy, usize::from(n)).expect("the piece has free blocks");
        let end = end.min(first + usize::from(most));
        for (i, word) in busy.iter_mut().enumerate() {
            *word |= bitfield::range_mask(i, first, end);
        }
        part.free -= u16_of(end - first);
        part.soft += u16::from(ask.soft);
        self.note_loose(ask.to, at);
        let (from, to) = (u16_of(first), u16_of(end));
        Some(Run { piece: piece.0, from, to, soft: ask.soft, twin: false })
    }

    /// How many blocks of which piece the neighbour has been asked for that are not in.
    fn asked_for(&self, ask: &Ask) -> Own {
        let Some(at) = self.flow_at(ask.from, ask.to) else { return Own::new() };
        let transfer = &self.links.up[self.line(ask.from)].flows[at].payload;
        let runs = std::iter::once(transfer.run).chain(self.runs.iter(transfer.next));
        runs.filter(|run| !run.is_empty()).map(|run| (run.piece, run.to - run.from)).collect()
    }

    /// Position of a begun piece among the peer's partial pieces.
    pub(super) fn partial_at(&self, p: PeerId, piece: PieceId) -> Option<usize> {
        self.peer(p).partials.iter().position(|part| part.piece == piece.0)
    }

    /// Begins a piece of `n` blocks: the first `asked` of them are asked for.
    fn begin_piece(&mut self, ask: &Ask, piece: PieceId, (asked, n): (u16, u16)) {
        let words = self.block_words;
        let bits = self.blocks.allot(words);
        bitfield::fill(self.blocks.busy(bits, words), usize::from(asked));
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
            free: n - asked,
            missing: n,
            soft: u16::from(ask.soft),
            twins: false,
            bits,
        });
        let at = peer.partials.len() - 1;
        self.note_loose(ask.to, at);
    }

    /// Claims pieces next to `run`'s as well, for a neighbour that can send several in the window.
    /// Downwards first, then upwards, and all are asked for from the lowest on, as libtorrent does
    /// (`expand_piece`, `add_blocks`): not from the one that was picked. Gives the first of them,
    /// and in `scratch.more` the others.
    #[inline(never)]
    fn claim_neighbours(&mut self, ask: &Ask, run: Run) -> Run {
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
        let end = (low + n).min(self.cut(ask.to).pieces);
        let mut first = None;
        for piece in low..end {
            if piece > middle && !fresh(self, piece) {
                break;
            }
            let next = if piece == middle {
                Some(run)
            } else {
                self.claim(ask, PieceId::from_index(piece), 0)
            };
            if first.is_none() {
                first = next;
            } else {
                self.scratch.more.extend(next);
            }
        }
        first.expect("the piece that was picked is one of them")
    }

    /// Cuts the blocks from `to` on off the run of a flow; somebody else sends them.
    #[inline(never)]
    pub(super) fn shorten_run(&mut self, from: PeerId, at: usize, to: u16) {
        let run = self.flow_mut(from, at).run;
        let cut = self.cut(from).blocks_size(run.piece(), to, run.to);
        let line = self.line(from);
        let up = &mut self.links.up[line];
        up.advance(at, self.now);
        let flow = &mut up.flows[at];
        let left = flow.left + flow.payload.beyond();
        flow.left = left - cut.volume();
        flow.payload.mark_end();
        flow.payload.run.to = to;
        flow.payload.to_come -= in_run(cut);
        let target = self.refill_bytes(from, at);
        self.set_mark(from, at, target);
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

/// With how many bytes still to come more is asked for, where so many are kept asked for.
#[inline]
fn refill_bytes(requests: &Requests, queue: Bytes) -> Bytes {
    if requests.contiguous { queue - BLOCK } else { queue }
}

/// A count that is known to be small, at most 65 535.
pub(super) fn u16_of_u64(n: u64) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    #[test]
    fn of_first_pieces_begun_ones_go_by_place_and_others_by_the_gap_before_them() {
        let wanted = [1 << 3 | 1 << 4 | 1 << 40];
        let mut luck = stream(6, Purpose::Pick, 0);
        let mut picks = [0; 50];
        for _ in 0..5000 {
            assert_eq!(first_pick(&wanted, true, 50, &mut luck), 3, "it is the first");
            picks[first_pick(&wanted, false, 50, &mut luck)] += 1;
        }
        // Of 50 places 13 lead to piece 3, one to 4 and 36 to 40; five standard deviations.
        for (piece, places) in [(3, 13), (4, 1), (40, 36)] {
            let expected: i32 = 100 * places;
            assert!((picks[piece] - expected).abs() < 160, "{piece}: {} picks", picks[piece]);
        }
    }
}
