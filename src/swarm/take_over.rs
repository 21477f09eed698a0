//! Taking over: a neighbour gets blocks of a run that another one was given and not asked for yet.
//!
//! A client claims block by block what it requests, and nothing more of a piece from a neighbour it
//! does not know to be fast. Here a run is claimed whole, which is one event instead of many; what
//! lies beyond the neighbour's queue is soft, and whoever can send it too may have it.

use super::edges::Mask;
use super::request::{Ask, u16_of_u64};
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::units::BLOCK;

/// Where a soft run was found: in service, in a queue behind that, or requested and not there yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Current,
    Queued,
    Pending,
}

/// The soft end of a run.
#[derive(Clone, Copy, Debug)]
struct Soft {
    blocks: u16,
    /// The neighbour it was claimed from, and its slot.
    from: PeerId,
    slot: u16,
    run: Run,
    place: Place,
}

impl<O: Observer> Swarm<'_, O> {
    /// Takes over what a soft run of `piece` has not asked for yet, or the second half of it.
    #[inline(never)]
    pub(super) fn take_over(&mut self, ask: &Ask, piece: PieceId) -> Option<Run> {
        let part = self.partial_at(ask.to, piece).expect("a begun piece");
        let Some(soft) = self.largest_soft(ask, piece) else {
            // Nothing soft is left: the count was an upper bound.
            self.peer_mut(ask.to).partials[part].soft = 0;
            return None;
        };
        self.counters.runs_cut += 1;
        let requests = &self.class(ask.to).protocol.requests;
        // What is not asked for yet is free to libtorrent, and nobody's.
        let taken = if requests.contiguous { soft.blocks } else { soft.blocks.div_ceil(2) };
        let from = soft.run.to - taken;
        self.shorten(ask.to, &soft, from);
        self.peer_mut(ask.to).partials[part].soft += u16::from(!ask.fast);
        Some(Run { piece: piece.0, from, to: soft.run.to, soft: !ask.fast, twin: false })
    }

    /// The longest soft end of a run of `piece` that another neighbour was given.
    fn largest_soft(&self, ask: &Ask, piece: PieceId) -> Option<Soft> {
        let mut best: Option<Soft> = None;
        let slots = self.edges.slots(self.peer(ask.to).edges, Mask::FlowIn);
        for slot in slots.filter(|&slot| slot != ask.slot) {
            self.look_at_flow(ask, piece, slot, &mut best);
        }
        for pending in self.pending.get(ask.to.index()).into_iter().flatten() {
            let is_other = pending.slot != ask.slot && pending.run.piece == piece.0;
            if is_other && pending.run.soft && !pending.run.twin {
                let from = self.neighbour(ask.to, pending.slot);
                let before = self.flow_at(from, ask.to);
                let before = before.map_or(0, |at| self.outstanding(from, at).div_ceil(BLOCK.0));
                let ahead = self.pending[ask.to.index()].iter();
                let ahead = ahead.filter(|other| other.slot == pending.slot);
                let ahead = ahead.take_while(|other| other.run != pending.run);
                let before = before + ahead.map(|other| blocks_in(other.run)).sum::<u64>();
                let queue = self.pace(ask.to, pending.slot, from, None).queue;
                let hard = queue.0.div_ceil(BLOCK.0).saturating_sub(before);
                let blocks = u16_of_u64(blocks_in(pending.run).saturating_sub(hard));
                let (slot, run, place) = (pending.slot, pending.run, Place::Pending);
                keep_longer(&mut best, Soft { blocks, from, slot, run, place });
            }
        }
        best
    }

    fn look_at_flow(&self, ask: &Ask, piece: PieceId, slot: u16, best: &mut Option<Soft>) {
        let from = self.neighbour(ask.to, slot);
        let Some(at) = self.flow_at(from, ask.to) else { return };
        let requests = &self.class(ask.to).protocol.requests;
        let flow = &self.links.up[self.line(from)].flows[at];
        let transfer = &flow.payload;
        let is_soft = |run: Run| run.piece == piece.0 && run.soft && !run.twin;
        let is_queued = requests.contiguous && self.runs.iter(transfer.next).any(is_soft);
        if !is_soft(transfer.run) && !is_queued {
            return;
        }
        // Once libtorrent knows that it is fast, a piece is all its own.
        let is_served = self.is(ask.to, Mask::Served, slot);
        if requests.contiguous && is_served && self.is_fast(ask.to, slot, from, at) {
            return;
        }
        let left = (flow.left_at(self.now) + transfer.beyond()).bytes().0.div_ceil(BLOCK.0);
        let hard = self.queue_on(from, at).0.max(self.committed(from, at)).div_ceil(BLOCK.0);
        if is_soft(transfer.run) {
            let blocks = u16_of_u64(left.saturating_sub(hard));
            let (run, place) = (transfer.run, Place::Current);
            keep_longer(best, Soft { blocks, from, slot, run, place });
        }
        let mut before = left;
        for run in self.runs.iter(transfer.next).filter(|_| is_queued) {
            if is_soft(run) {
                let hard = hard.saturating_sub(before);
                let blocks = u16_of_u64(blocks_in(run).saturating_sub(hard));
                keep_longer(best, Soft { blocks, from, slot, run, place: Place::Queued });
            }
            before += blocks_in(run);
        }
    }

    /// Cuts the blocks from `end` on off a run of `p`.
    fn shorten(&mut self, p: PeerId, soft: &Soft, end: u16) {
        let Soft { from, slot, run, place, .. } = *soft;
        let shorter = Run { to: end, ..run };
        if place == Place::Pending {
            let pending = self.pending[p.index()].iter_mut();
            let mut of_slot = pending.filter(|other| other.slot == slot && other.run == run);
            of_slot.next().expect("it was just there").run = shorter;
            return;
        }
        let at = self.flow_at(from, p).expect("it was just there");
        if place == Place::Current {
            self.shorten_run(from, at, end);
            return;
        }
        let cut = self.run_size(from, Run { from: end, ..run }).0;
        let next = self.flow_mut(from, at).next;
        let edit = |other| [if other == run { shorter } else { other }, Run::EMPTY];
        let next = self.runs.rewrite(next, edit);
        let transfer = self.flow_mut(from, at);
        transfer.next = next;
        transfer.queued -= u32::try_from(cut).expect("a run is at most a piece");
    }
}

fn blocks_in(run: Run) -> u64 {
    u64::from(run.to - run.from)
}

fn keep_longer(best: &mut Option<Soft>, soft: Soft) {
    if soft.blocks > 0 && best.is_none_or(|best| soft.blocks > best.blocks) {
        *best = Some(soft);
    }
}
