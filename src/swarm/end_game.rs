//! The end game: everything is asked for, and a neighbour that could send has nothing to send.
//!
//! Either it takes over what the slowest connection has still to deliver (`EndGame::Shared`), or it
//! is asked for a block that is on its way from somebody else (`EndGame::Strict`, libtorrent).

use super::edges::Mask;
use super::plan::{EndGame, Requests};
use super::request::{Ask, u16_of_u64};
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::{BLOCK, ByteRate, Volume, u16_of};

impl<O: Observer> Swarm<'_, O> {
    /// Nothing is left to ask this neighbour for but what others have been asked for.
    #[inline(never)]
    pub(super) fn pick_in_end_game(&mut self, ask: &Ask, requests: &Requests) -> Option<Run> {
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
        if blocks > 1 {
            // What is in a send buffer comes all the same.
            let free = left.bytes().0.saturating_sub(self.committed(other, at)) / BLOCK.0;
            let from = run.to - (blocks / 2).min(u16_of_u64(free));
            if from == run.to {
                return None;
            }
            self.counters.runs_cut += 1;
            self.shorten_run(other, at, from);
            return Some(Run { from, to: run.to, soft: false, ..run });
        }
        self.counters.runs_cut += 1;
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
        let stretch = self.peer(ask.to).edges;
        let names = &self.edges.peer[stretch.range()];
        let to = Self::port(ask.to);
        for slot in self.edges.slots(stretch, Mask::FlowIn) {
            let other = names[usize::from(slot)];
            let up = &self.links.up[self.line(other)];
            let at = up.find(to).expect("both ends know a flow");
            let flow = &up.flows[at];
            let run = flow.payload.run;
            // One branch: which of these it is that speaks against a flow is anybody's guess.
            let shows = bitfield::contains(&self.scratch.view, usize::from(run.piece));
            if [run.is_empty(), run.twin, slot == ask.slot, !shows].contains(&true) {
                continue;
            }
            let left = flow.left_at(self.now) + flow.payload.beyond();
            let rate = if up.metered { self.flow_rate(other, at) } else { flow.rate };
            let is_slower = rate.volume_in(worst.0) < left;
            if is_slower && !(left <= BLOCK.volume() && self.has_twin(ask.to, run)) {
                worst = (left.time_at(rate), Some((other, at, left)));
            }
        }
        worst.1
    }

    /// Whether the last block of `run` is asked for twice already.
    fn has_twin(&self, p: PeerId, run: Run) -> bool {
        let part = self.peer(p).partials.iter().find(|part| part.piece == run.piece);
        part.is_some_and(|part| part.twins)
            && self.edges.slots(self.peer(p).edges, Mask::FlowIn).any(|slot| {
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
}
