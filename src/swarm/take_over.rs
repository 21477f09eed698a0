//! Taking over: a neighbour gets blocks of a run that another one was given and not asked for yet.
//!
//! A client claims block by block what it requests. Here a run is claimed whole, which is one event
//! instead of many; what lies beyond the neighbour's queue is soft, and whoever can send it too may
//! have half of it. Only clients that pick for each request anew (`Requests::contiguous`) claim no
//! more than that, and nothing of theirs is soft.

use super::edges::Mask;
use super::request::{Ask, u16_of_u64};
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::units::BLOCK;

/// The soft end of a run.
#[derive(Clone, Copy, Debug)]
struct Soft {
    blocks: u16,
    /// The neighbour it was claimed from, and its slot.
    from: PeerId,
    slot: u16,
    run: Run,
    /// Whether it is requested and the request not there yet, or in service.
    pending: bool,
}

impl<O: Observer> Swarm<'_, O> {
    /// Takes over the second half of what a soft run of `piece` has not asked for yet.
    #[inline(never)]
    pub(super) fn take_over(&mut self, ask: &Ask, piece: PieceId) -> Option<Run> {
        let part = self.partial_at(ask.to, piece).expect("a begun piece");
        let Some(soft) = self.largest_soft(ask, piece) else {
            // Nothing soft is left: the count was an upper bound.
            self.peer_mut(ask.to).partials[part].soft = 0;
            return None;
        };
        self.counters.runs_cut += 1;
        let from = soft.run.to - soft.blocks.div_ceil(2);
        self.shorten(ask.to, &soft, from);
        self.peer_mut(ask.to).partials[part].soft += u16::from(ask.soft);
        Some(Run { piece: piece.0, from, to: soft.run.to, soft: ask.soft, twin: false })
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
                let (slot, run) = (pending.slot, pending.run);
                keep_longer(&mut best, Soft { blocks, from, slot, run, pending: true });
            }
        }
        best
    }

    fn look_at_flow(&self, ask: &Ask, piece: PieceId, slot: u16, best: &mut Option<Soft>) {
        let from = self.neighbour(ask.to, slot);
        let Some(at) = self.flow_at(from, ask.to) else { return };
        let flow = &self.links.up[self.line(from)].flows[at];
        let run = flow.payload.run;
        if run.piece != piece.0 || !run.soft || run.twin {
            return;
        }
        let left = (flow.left_at(self.now) + flow.payload.beyond()).bytes().0.div_ceil(BLOCK.0);
        let hard = self.queue_on(from, at).0.max(self.committed(from, at)).div_ceil(BLOCK.0);
        let blocks = u16_of_u64(left.saturating_sub(hard));
        keep_longer(best, Soft { blocks, from, slot, run, pending: false });
    }

    /// Cuts the blocks from `end` on off a run of `p`.
    fn shorten(&mut self, p: PeerId, soft: &Soft, end: u16) {
        let Soft { from, slot, run, .. } = *soft;
        if soft.pending {
            let pending = self.pending[p.index()].iter_mut();
            let mut of_slot = pending.filter(|other| other.slot == slot && other.run == run);
            of_slot.next().expect("it was just there").run.to = end;
        } else {
            let at = self.flow_at(from, p).expect("it was just there");
            self.shorten_run(from, at, end);
        }
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
