//! Data arrives: flows reach their marks, are entered in the books of both ends, or are cut.
//!
//! Law: what one end has sent the other has received, entered with the same number in the same
//! statement. Whole blocks received are kept; of a block cut short, the bytes are waste.

use super::edges::{End, Mask};
use super::letters::{Letter, News};
use super::transfer::{NONE, Run, Transfer, dry_up, in_run};
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::net::LinkId;
use crate::observe::Observer;
use crate::policy::choke::Passed;
use crate::torrent::bitfield;
use crate::units::{BLOCK, Bytes, SimTime, Volume, u16_of};

impl<O: Observer> Swarm<'_, O> {
    /// Flows out of a link have reached their marks.
    pub(super) fn flow_due(&mut self, link: LinkId) {
        let line = link.index();
        self.links.up[line].wake = SimTime::NEVER;
        let now = self.now;
        let due = |s: &Self| s.links.up[line].due.iter().position(|&due| due <= now);
        let mut next = Some(self.links.up[line].soonest_at as usize);
        debug_assert!(next == due(self), "nothing has changed since the link was looked at");
        while let Some(at) = next {
            self.reach_mark(self.sender(line, at), at);
            next = due(self);
        }
        self.links.touch(link);
        if self.some_leave_by_ratio {
            for i in 0..self.users[line].peers.len() {
                self.leave_if_generous_enough(self.users[line].peers[i]);
            }
        }
    }

    /// One flow has reached its mark.
    pub(super) fn reach_mark(&mut self, from: PeerId, at: usize) {
        let line = self.line(from);
        let up = &mut self.links.up[line];
        let to = Self::behind(up.to[at]);
        up.advance(at, self.now);
        let flow = &mut up.flows[at];
        debug_assert!(flow.left == Volume::ZERO, "a mark is reached when nothing is left");
        let slot = flow.payload.back;
        let beyond = flow.payload.beyond();
        if beyond > Volume::ZERO {
            // Time to ask for more, before the run ends.
            flow.left = beyond;
            flow.payload.mark_end();
            self.ask_or_go_on(from, at, to, slot);
        } else if flow.payload.run.is_empty() {
            self.ask_or_close(from, at, to, slot);
        } else {
            self.end_run(from, at, (to, slot));
        }
    }

    fn ask_or_go_on(&mut self, from: PeerId, at: usize, to: PeerId, slot: u16) {
        let serves = self.is(to, Mask::Served, slot) && self.is(to, Mask::Wants, slot);
        if serves && !self.post_request(to, slot) {
            self.ask(to, slot, from, Some(at));
        } else {
            let line = self.line(from);
            dry_up(&mut self.links.up[line].flows[at]);
            self.set_mark(from, at, Bytes::ZERO);
        }
    }

    #[inline(never)]
    fn ask_or_close(&mut self, from: PeerId, at: usize, to: PeerId, slot: u16) {
        self.ask_for_more(to, slot);
        if self.some_wait {
            self.ask_too_late(to, slot);
        }
        let empty = self.links.up[self.line(from)].flows[at].payload.run.is_empty();
        if empty {
            self.close_flow(from, at);
        }
    }

    /// The last block of a run has arrived.
    fn end_run(&mut self, from: PeerId, at: usize, to: End) {
        // What is paid for the run is cold: it comes in while the run is entered in the books.
        if self.trade.is_some() {
            self.warm_delivery(to);
        }
        self.credit(from, at);
        let run = self.flow_mut(from, at).run;
        self.next_run(from, at);
        self.receive(to, run, from);
    }

    /// Goes on to the next run of a flow's queue, or to none.
    fn next_run(&mut self, from: PeerId, at: usize) {
        let transfer = self.flow_mut(from, at);
        if transfer.next == NONE {
            transfer.begin_run(Run::EMPTY, Bytes::ZERO);
            let line = self.line(from);
            self.links.up[line].set_mark(at, Volume::ZERO);
            return;
        }
        let next = transfer.next;
        let (run, next) = self.runs.pop_front(next);
        let size = self.run_size(from, run);
        let transfer = self.flow_mut(from, at);
        transfer.begin_run(run, size);
        transfer.next = next;
        transfer.queued -= in_run(size);
        let line = self.line(from);
        let flow = &mut self.links.up[line].flows[at];
        flow.left = size.volume();
        let target = self.refill_bytes(from, at);
        self.set_mark(from, at, target);
    }

    /// Enters what has moved since the last time in the books of both ends.
    pub(super) fn credit(&mut self, from: PeerId, at: usize) {
        let line = self.line(from);
        let up = &mut self.links.up[line];
        let to = Self::behind(up.to[at]);
        up.advance(at, self.now);
        let flow = &mut up.flows[at];
        let transfer = &mut flow.payload;
        // Progress is rounded down to the byte: what is left is rounded up.
        let left = in_run((flow.left + transfer.beyond()).bytes_up());
        let delta = transfer.to_come - left;
        if delta == 0 {
            return;
        }
        transfer.to_come = left;
        transfer.sent_news = transfer.sent_news.saturating_add(delta);
        transfer.received_news = transfer.received_news.saturating_add(delta);
        let payload = Bytes(u64::from(delta));
        self.books.uploaded += payload;
        self.peers[from.index()].sent += payload;
        self.peers[to.index()].received += payload;
        if self.some_charge {
            self.count_headers(from, to, payload);
        }
        self.observer.transferred(self.now, from, to, payload);
    }

    /// Tells the sender's choker what was entered in the books since the last time.
    fn report_sent(&mut self, from: PeerId, at: usize) {
        let line = self.line(from);
        let metered = self.links.up[line].metered;
        let transfer = &mut self.links.up[line].flows[at].payload;
        let news = u64::from(std::mem::take(&mut transfer.sent_news));
        let peer = &mut self.peers[from.index()];
        let upload = peer.uploads.iter_mut().find(|u| u.slot == transfer.slot);
        // A metered one counts what it lets go.
        if let Some(upload) = upload.filter(|_| !metered) {
            upload.sent += news;
            upload.sent_round += news;
        }
        if let Some(brain) = &mut peer.brain {
            brain.hear(transfer.slot, Passed { sent: news, received: 0 });
        }
    }

    /// Tells the receiver's choker what was entered in the books since the last time.
    fn report_received(&mut self, from: PeerId, at: usize) {
        let now_ms = self.now_ms();
        let line = self.line(from);
        let up = &mut self.links.up[line];
        let transfer = &mut up.flows[at].payload;
        let news = std::mem::take(&mut transfer.received_news);
        if news > 0 {
            let peer = &mut self.peers[Self::behind(up.to[at]).index()];
            if let Some(brain) = &mut peer.brain {
                brain.hear(transfer.back, Passed { sent: 0, received: u64::from(news) });
            }
            peer.givers.hear(transfer.back, news, now_ms);
        }
    }

    /// What has moved on a flow and is not in the books yet.
    pub(super) fn uncredited(&self, line: usize, at: usize) -> Bytes {
        let flow = &self.links.up[line].flows[at];
        let left = flow.left_at(self.now) + flow.payload.beyond();
        Bytes(u64::from(flow.payload.to_come)) - left.bytes_up()
    }

    /// Bytes of the run in service that are in the books.
    pub(super) fn credited(&self, from: PeerId, at: usize) -> u64 {
        let transfer = &self.links.up[self.line(from)].flows[at].payload;
        if transfer.run.is_empty() {
            return 0;
        }
        self.run_size(from, transfer.run).0 - u64::from(transfer.to_come)
    }

    /// Enters all that moves out of `p` and into it.
    pub(super) fn credit_flows_of(&mut self, p: PeerId) {
        self.credit_outflow(p);
        self.credit_inflow(p);
    }

    /// Enters all that moves out of `p`.
    pub(super) fn credit_outflow(&mut self, p: PeerId) {
        for at in 0..self.links.up[self.line(p)].flows.len() {
            if self.is_sender(p, at) {
                self.credit(p, at);
            }
        }
    }

    /// Tells the choker of `p` what it has sent.
    pub(super) fn report_outflow(&mut self, p: PeerId) {
        for at in 0..self.links.up[self.line(p)].flows.len() {
            if self.is_sender(p, at) {
                self.report_sent(p, at);
            }
        }
    }

    /// Whether flow number `at` of its user's link is one of this peer's.
    #[inline]
    fn is_sender(&self, p: PeerId, at: usize) -> bool {
        self.single || self.sender(self.line(p), at) == p
    }

    /// Enters all that moves into `p`.
    pub(super) fn credit_inflow(&mut self, p: PeerId) {
        let stretch = self.peer(p).edges;
        for word in 0..stretch.words() {
            for bit in bitfield::BitsOf(self.edges.word(stretch, Mask::FlowIn, word)) {
                let from = self.edges.peer[stretch.at(u16_of(word * 64 + bit))];
                let at = self.flow_at(from, p).expect("both ends know of a flow");
                self.credit(from, at);
                self.report_received(from, at);
            }
        }
    }

    /// A choke: the block on its way is finished, the rest is given back.
    #[inline(never)]
    pub(super) fn finish_block_and_stop(&mut self, from: PeerId, at: usize) {
        self.credit(from, at);
        if self.some_wait {
            self.note_who_asks(from, at);
        }
        // What is written to the send buffer goes out, but not at a provider's risk.
        let back = self.flow_mut(from, at).back;
        let written = self.committed(from, at);
        let committed = self.lets_go((self.receiver(from, at), back), from, written);
        self.release_queue(from, at, committed, true);
        let transfer = self.links.up[self.line(from)].flows[at].payload;
        let run = transfer.run;
        if run.is_empty() {
            self.close_flow(from, at);
            return;
        }
        let credited = self.credited(from, at);
        let done = u16_of_u64(credited / BLOCK.0);
        let kept = (credited + committed).div_ceil(BLOCK.0);
        let in_service = kept > u64::from(done);
        let end = run.to.min(run.from + u16_of_u64(kept));
        let to = self.receiver(from, at);
        if end < run.to {
            self.counters.runs_cut += 1;
            let size = self.cut(to).blocks_size(run.piece(), run.from, end);
            self.hold_or_release(from, (to, transfer.back), Run { from: end, ..run });
            let line = self.line(from);
            let flow = &mut self.links.up[line].flows[at];
            flow.payload.run.to = end;
            let left = Bytes(size.0 - credited);
            flow.payload.to_come = in_run(left);
            flow.left = left.volume();
            flow.payload.mark_end();
        }
        let line = self.line(from);
        let up = &mut self.links.up[line];
        dry_up(&mut up.flows[at]);
        let left = up.flows[at].left;
        up.set_mark(at, left);
        self.links.touch(self.link(from));
        if self.is_metered(from) {
            self.forget_unwanted(from, transfer.slot, self.outstanding(from, at));
        }
        if !in_service && done == 0 {
            self.close_flow(from, at);
        }
    }

    /// A connection is lost: whole blocks stay, the block on its way is waste.
    #[inline(never)]
    pub(super) fn cut_flow(&mut self, from: PeerId, at: usize) {
        self.credit(from, at);
        self.release_queue(from, at, 0, false);
        let Transfer { run, back, .. } = *self.flow_mut(from, at);
        let credited = self.credited(from, at);
        let to = self.receiver(from, at);
        self.close_flow(from, at);
        if run.is_empty() {
            return;
        }
        let done = credited / BLOCK.0;
        let waste = credited - done * BLOCK.0;
        self.records[to.index()].wasted += Bytes(waste);
        let end = run.from + u16_of_u64(done);
        if end < run.to {
            self.counters.runs_cut += 1;
            self.release(to, Run { from: end, ..run });
        }
        if end > run.from {
            self.late.push(((to, back), Run { to: end, ..run }, from));
        }
    }

    /// Gives back all runs after the current one, but for the first so many bytes from now on; as
    /// soon as the receiver knows, if it `is_choked`.
    pub(super) fn release_queue(&mut self, from: PeerId, at: usize, kept: u64, is_choked: bool) {
        let to = self.receiver(from, at);
        let transfer = *self.flow_mut(from, at);
        let mut kept = kept.saturating_sub(u64::from(transfer.to_come));
        let (mut start, mut queued, mut next) = (NONE, 0, transfer.next);
        while next != NONE {
            let (run, after) = self.runs.pop_front(next);
            next = after;
            let blocks = u64::from(run.to - run.from).min(kept.div_ceil(BLOCK.0));
            let end = run.from + u16_of_u64(blocks);
            let stays = Run { to: end, ..run };
            let goes = Run { from: end, ..run };
            if is_choked {
                self.hold_or_release(from, (to, transfer.back), goes);
            } else {
                self.release(to, goes);
            }
            if !stays.is_empty() {
                let size = self.run_size(from, stays).0;
                kept = kept.saturating_sub(size);
                queued += in_run(Bytes(size));
                start = self.runs.push_back(start, stays);
            }
        }
        let transfer = self.flow_mut(from, at);
        (transfer.next, transfer.queued) = (start, queued);
    }

    /// Gives blocks back to the pool of what `p` may ask others for.
    pub(super) fn release(&mut self, p: PeerId, run: Run) {
        if run.is_empty() || run.twin || self.has_economy && self.is_held_up(p, run) {
            return;
        }
        let Some(at) = self.partial_at(p, run.piece()) else { return };
        let words = self.block_words;
        let part = &mut self.peers[p.index()].partials[at];
        for i in 0..words {
            let range = bitfield::range_mask(i, usize::from(run.from), usize::from(run.to));
            let open = range & !self.blocks.got(part.bits, words)[i];
            self.blocks.busy(part.bits, words)[i] &= !open;
            part.free += u16_of(open.count_ones() as usize);
        }
        self.forget_untouched(p, at);
        self.request_repoll(p);
    }

    /// Closes an idle or stopped flow.
    fn close_flow(&mut self, from: PeerId, at: usize) {
        self.report_sent(from, at);
        self.report_received(from, at);
        let (to, flow) = self.links.close(self.now, self.link(from), at);
        let to = Self::behind(to);
        debug_assert!(flow.payload.next == NONE, "a closed flow has nothing queued");
        self.take(from, Mask::FlowOut, flow.payload.slot);
        self.take(to, Mask::FlowIn, flow.payload.back);
        self.retry_if_idle(to, flow.payload.back);
        self.links.touch(self.link(from));
    }

    /// A peer has received the blocks of `run` from `from`, its neighbour in a slot.
    pub(super) fn receive(&mut self, (p, slot): End, run: Run, from: PeerId) {
        let piece = run.piece();
        let Some(at) = self.partial_at(p, piece) else {
            let size = self.run_size(p, run);
            self.records[p.index()].wasted += size;
            return self.new_run_begins((p, slot), from);
        };
        let words = self.block_words;
        let cut = *self.cut(p);
        let part = &mut self.peers[p.index()].partials[at];
        let twins = part.twins;
        let mut useful = cut.blocks_size(piece, run.from, run.to);
        for i in 0..words {
            let range = bitfield::range_mask(i, usize::from(run.from), usize::from(run.to));
            let got = &mut self.blocks.got(part.bits, words)[i];
            let again = *got & range;
            part.missing -= u16_of((range & !*got).count_ones() as usize);
            *got |= range;
            // A twin may come in whose original had been given back.
            let busy = &mut self.blocks.busy(part.bits, words)[i];
            part.free -= u16_of((range & !*busy).count_ones() as usize);
            *busy |= range;
            for bit in bitfield::BitsOf(again) {
                let block = u16_of(i * 64 + bit);
                let size = cut.blocks_size(piece, block, block + 1);
                self.records[p.index()].wasted += size;
                useful -= size;
            }
        }
        let missing = part.missing;
        if self.has_economy {
            self.delivered((p, slot), piece, from, useful);
        }
        if twins {
            self.note_loose(p, at);
            for block in run.from..run.to {
                self.cancel_block(p, piece, block, from);
            }
        }
        if missing == 0 && self.in_turn(p).is_some() {
            self.hash_received((p, slot), piece, from);
        } else if missing == 0 {
            self.piece_done(p, piece);
        }
        if self.has_economy {
            // What was verified is paid for by now; what is left, with this run, may be too much.
            self.run_begins((p, slot), from);
        }
    }

    /// Takes a block that is in out of the queues of all other connections (CANCEL), as soon as
    /// they hear of it.
    #[inline(never)]
    fn cancel_block(&mut self, p: PeerId, piece: PieceId, block: u16, except: PeerId) {
        let mut slots = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        slots.extend(self.edges.slots(self.peer(p).edges, Mask::FlowIn));
        for &slot in &slots {
            let from = self.neighbour(p, slot);
            if from == except {
                continue;
            }
            let Some(at) = self.flow_at(from, p) else { continue };
            let transfer = &self.links.up[self.line(from)].flows[at].payload;
            let covers = |run: Run| run.covers(piece, block);
            let has_it = covers(transfer.run) || self.runs.iter(transfer.next).any(covers);
            if has_it && !self.post(p, slot, Letter::of(News::Cancel(piece.0, block))) {
                self.remove_block(from, at, piece, block);
            }
        }
        self.scratch.slots = slots;
    }

    /// Bytes a flow still carries before a block; none if it does not carry it. A block that has
    /// begun has nothing before it.
    fn bytes_before(&self, from: PeerId, at: usize, piece: PieceId, block: u16) -> Option<Bytes> {
        let line = self.line(from);
        let transfer = &self.links.up[line].flows[at].payload;
        let moved = self.credited(from, at) + self.uncredited(line, at).0;
        let mut before = 0;
        for run in std::iter::once(transfer.run).chain(self.runs.iter(transfer.next)) {
            if run.is_empty() {
                continue;
            }
            if run.covers(piece, block) {
                before += self.cut(from).blocks_size(piece, run.from, block).0;
                return Some(Bytes(before.saturating_sub(moved)));
            }
            before += self.run_size(from, run).0;
        }
        None
    }

    /// Takes one block out of a flow's queue. If it is on its way its bytes so far are waste; if it
    /// is in a send buffer it comes all the same.
    pub(super) fn remove_block(&mut self, from: PeerId, at: usize, piece: PieceId, block: u16) {
        let before = self.bytes_before(from, at, piece, block);
        let committed = Bytes(self.committed(from, at));
        if before.is_none_or(|before| before < committed) {
            return;
        }
        let next = self.flow_mut(from, at).next;
        let covers = |run: Run| run.covers(piece, block);
        if self.runs.iter(next).any(covers) {
            let next = self.runs.rewrite(next, |run| {
                if !covers(run) {
                    return [run, Run::EMPTY];
                }
                [Run { to: block, ..run }, Run { from: block + 1, ..run }]
            });
            let size = self.cut(from).blocks_size(piece, block, block + 1).0;
            let transfer = self.flow_mut(from, at);
            transfer.next = next;
            transfer.queued -= u32::try_from(size).expect("a block is small");
        }
        let run = self.flow_mut(from, at).run;
        if !covers(run) {
            return;
        }
        self.credit(from, at);
        let end = (self.receiver(from, at), self.flow_mut(from, at).back);
        let credited = self.credited(from, at);
        let cut = self.cut(from);
        let before = cut.blocks_size(piece, run.from, block).0;
        if credited >= cut.blocks_size(piece, run.from, block + 1).0 {
            return; // It has come, though its run is not over.
        }
        let after = Run { from: block + 1, ..run };
        if !after.is_empty() {
            let size = in_run(self.run_size(from, after));
            let next = self.flow_mut(from, at).next;
            let next = self.runs.push_front(next, after);
            let transfer = self.flow_mut(from, at);
            transfer.next = next;
            transfer.queued += size;
        }
        if credited <= before && block > run.from {
            // Not begun yet: the run ends before it.
            let line = self.line(from);
            let up = &mut self.links.up[line];
            let flow = &mut up.flows[at];
            let left = Bytes(before - credited);
            flow.payload.run.to = block;
            flow.payload.to_come = in_run(left);
            flow.payload.mark_end();
            up.set_mark(at, left.volume());
            self.links.touch(self.link(from));
            return;
        }
        self.records[end.0.index()].wasted += Bytes(credited.saturating_sub(before));
        self.next_run(from, at);
        self.links.touch(self.link(from));
        if block > run.from {
            self.late.push((end, Run { to: block, ..run }, from));
        } else if self.has_economy {
            self.new_run_begins(end, from);
        }
    }

    /// Splits the run that holds `block`, so that the moment it arrives is an event.
    pub(super) fn isolate_block(&mut self, p: PeerId, piece: PieceId, block: u16) {
        let mut slots = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        slots.extend(self.edges.slots(self.peer(p).edges, Mask::FlowIn));
        for &slot in &slots {
            let from = self.neighbour(p, slot);
            let at = self.flow_at(from, p).expect("both ends know of a flow");
            let transfer = *self.flow_mut(from, at);
            let covers = |run: Run| run.covers(piece, block);
            if self.runs.iter(transfer.next).any(covers) {
                let next = self.runs.rewrite(transfer.next, |run| {
                    if !covers(run) {
                        return [run, Run::EMPTY];
                    }
                    [Run { to: block + 1, ..run }, Run { from: block + 1, ..run }]
                });
                self.flow_mut(from, at).next = next;
            }
            let run = transfer.run;
            if covers(run) && block + 1 < run.to {
                let rest = Run { from: block + 1, ..run };
                let size = in_run(self.run_size(from, rest));
                self.shorten_run(from, at, block + 1);
                let next = self.flow_mut(from, at).next;
                let next = self.runs.push_front(next, rest);
                let transfer = self.flow_mut(from, at);
                transfer.next = next;
                transfer.queued += size;
            }
        }
        self.scratch.slots = slots;
    }

    /// Takes out of `blocks` those of `piece` that are in already, though their run is not over.
    pub(super) fn drop_blocks_in(&self, p: PeerId, piece: PieceId, blocks: &mut [u64]) {
        for slot in self.edges.slots(self.peer(p).edges, Mask::FlowIn) {
            let from = self.neighbour(p, slot);
            let Some(at) = self.flow_at(from, p) else { continue };
            let run = self.links.up[self.line(from)].flows[at].payload.run;
            if run.piece == piece.0 && !run.is_empty() {
                let done = u16_of_u64(self.credited(from, at) / BLOCK.0);
                for block in run.from..run.from + done {
                    bitfield::clear(blocks, usize::from(block));
                }
            }
        }
    }
}

/// A count that is known to be small.
fn u16_of_u64(n: u64) -> u16 {
    u16::try_from(n).expect("a run has at most 65 535 blocks")
}
