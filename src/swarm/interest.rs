//! Who wants what from whom, kept exact by witnesses.
//!
//! A peer is interested in a neighbour that has announced a piece it lacks (BEP 3). For each
//! neighbour we are interested in we keep one such piece, the witness. Only when that very piece
//! completes must the neighbour be looked at again, and only a HAVE to a neighbour that is not yet
//! interested can change anything: a handful of looks per piece instead of one per neighbour.

use super::edges::{Mask, NO_PIECE, Stretch};
use super::letters::News;
use super::plan::TieOrder;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::u16_of;
use std::ops::Range;

impl<O: Observer> Swarm<'_, O> {
    /// After a connection or a new piece shown: is `p` interested in its neighbour in `slot`?
    pub(super) fn look_for_interest(&mut self, p: PeerId, slot: u16) {
        if self.peer(p).stage != Stage::Leecher || self.is(p, Mask::Wants, slot) {
            return;
        }
        if let Some(piece) = self.find_witness(p, slot) {
            self.become_interested(p, slot, piece);
        }
    }

    /// A piece that the neighbour in `slot` has announced and `p` lacks, if there is one; one that
    /// is not begun yet if possible, so that the witness lasts.
    fn find_witness(&mut self, p: PeerId, slot: u16) -> Option<u16> {
        self.counters.interest_checks += 1;
        let q = self.neighbour(p, slot);
        let words = self.words;
        let (have, taken) = (&self.have[self.row(p)], &self.taken[self.row(p)]);
        let (shown, heard);
        let seen = match self.hidden(q) {
            Some(hidden) => {
                shown = hidden.to(self.back(p, slot), words);
                &shown[..]
            }
            None => &self.have[self.visible_row(q)],
        };
        let seen = if self.is_writing(q, self.back(p, slot)) {
            heard = self.heard_of(q, self.back(p, slot), seen);
            &heard[..]
        } else {
            seen
        };
        // Neighbours start at different words, so that one piece is not the witness of them all.
        let start = usize::from(slot) % words;
        let mut begun = None;
        for i in 0..words {
            let w = if i + start < words { i + start } else { i + start - words };
            let lacking = seen[w] & !have[w];
            let fresh = lacking & !taken[w];
            let pick = if fresh != 0 { fresh } else { lacking };
            if pick != 0 {
                let turn = u32::from(slot) * 7 % pick.count_ones();
                let piece = w * 64 + bitfield::nth_in_word(pick, turn);
                if fresh != 0 {
                    return Some(u16_of(piece));
                }
                begun = begun.or(Some(u16_of(piece)));
            }
        }
        begun
    }

    pub(super) fn become_interested(&mut self, p: PeerId, slot: u16, piece: u16) {
        debug_assert!(!self.is(p, Mask::Wants, slot), "interest begins once");
        let at = self.peer(p).edges.at(slot);
        self.edges.witness[at] = piece;
        self.put(p, Mask::Wants, slot);
        self.tell(p, slot, News::Interested);
        if self.bides_its_time(p) {
            // Where it serves us still, nobody else would have us look.
            self.ask_for_more(p, slot);
        }
    }

    /// `p` has verified `piece`: interest that rested on it is looked at again.
    pub(super) fn review_interest(&mut self, p: PeerId, piece: PieceId) {
        let stretch = self.peer(p).edges;
        let mut slots = std::mem::take(&mut self.scratch.slots);
        self.edges.witnesses(stretch, piece.0, &mut slots);
        for &slot in &slots {
            match self.find_witness(p, slot) {
                Some(other) => self.edges.witness[stretch.at(slot)] = other,
                None => self.lose_interest(p, slot),
            }
        }
        self.scratch.slots = slots;
    }

    /// `p` needs nothing more from its neighbour in `slot`.
    pub(super) fn lose_interest(&mut self, p: PeerId, slot: u16) {
        let at = self.peer(p).edges.at(slot);
        self.edges.witness[at] = NO_PIECE;
        self.take(p, Mask::Wants, slot);
        self.end_slow_start(p, slot);
        self.tell(p, slot, News::NotInterested);
    }

    /// The neighbours of `p` learn that it has `piece` (HAVE).
    pub(super) fn announce_piece(&mut self, p: PeerId, piece: PieceId) {
        if !matches!(self.peer(p).stage, Stage::Leecher | Stage::Seeder) {
            return;
        }
        if self.hidden(p).is_some() {
            return;
        }
        let row = self.visible_row(p);
        bitfield::set(&mut self.have[row], piece.index());
        if self.some_wait {
            self.post_haves(p, piece);
        }
        let stretch = self.peer(p).edges;
        if self.class(p).protocol.choking.ties == TieOrder::InOrder {
            self.announce_in_order(p, piece);
        } else if self.may_interest(stretch) {
            // Neighbours hear of it in no order of their own: each piece begins with another one.
            let luck = &self.peer(p).pick_luck;
            let first = u16_of(luck.aside(u64::from(piece.0), usize::from(stretch.cap.max(1))));
            for (from, to) in [(first, stretch.cap), (0, first)] {
                self.announce_to(p, piece, from..to);
            }
        }
        self.wake_idle(p, piece);
        self.note_have(p, piece);
    }

    /// Whether some neighbour is not interested in a peer with these edges and may become so.
    #[inline]
    fn may_interest(&self, stretch: Stretch) -> bool {
        let word = |mask, word| self.edges.word(stretch, mask, word);
        (0..stretch.words()).any(|w| {
            let wanted = if self.some_wait { 0 } else { word(Mask::Wanted, w) };
            word(Mask::Live, w) & !word(Mask::Full, w) & !wanted != 0
        })
    }

    /// Neighbours hear of it in the order in which the client has their connections (libtorrent
    /// `torrent::we_have`): whose interest comes first gets what slots are free.
    #[inline(never)]
    fn announce_in_order(&mut self, p: PeerId, piece: PieceId) {
        let stretch = self.peer(p).edges;
        let mut slots: Vec<u16> = self.edges.slots(stretch, Mask::Live).collect();
        let founders = self.peer(p).founders;
        if !self.has_later(p) {
            // Who went offline and came back may have had more room when it started.
            self.announce_to(p, piece, 0..founders.min(stretch.cap));
            return;
        }
        slots.sort_by_key(|&slot| self.edges.place(stretch, slot));
        for slot in slots {
            self.announce_to(p, piece, slot..slot + 1);
        }
    }

    /// The neighbours in these slots learn that `p` has `piece`: those that may become interested.
    fn announce_to(&mut self, p: PeerId, piece: PieceId, slots: Range<u16>) {
        let stretch = self.peer(p).edges;
        let (first, end) = (usize::from(slots.start), usize::from(slots.end));
        for word in first / 64..end.div_ceil(64) {
            let live = self.edges.word(stretch, Mask::Live, word);
            let full = self.edges.word(stretch, Mask::Full, word);
            // Where messages wait, what is known of their interest may be old.
            let wanted = self.edges.word(stretch, Mask::Wanted, word);
            let wanted = if self.some_wait { 0 } else { wanted };
            let range = bitfield::range_mask(word, first, end);
            for bit in bitfield::BitsOf(live & !full & !wanted & range) {
                let slot = u16_of(word * 64 + bit);
                let q = self.neighbour(p, slot);
                self.counters.interest_checks += 1;
                let row = self.row(q);
                if !bitfield::has(&self.have[row], piece.index()) {
                    let back = self.back(p, slot);
                    if self.some_wait
                        && (self.is(q, Mask::Wants, back) || self.is_unheard(p, slot, piece))
                    {
                        continue;
                    }
                    if self.some_wait && self.drops_new_seeder(q, back) {
                        continue;
                    }
                    self.become_interested(q, back, piece.0);
                }
            }
        }
    }

    /// Neighbours that `p` unchokes and sends nothing may now ask for `piece`.
    fn wake_idle(&mut self, p: PeerId, piece: PieceId) {
        let stretch = self.peer(p).edges;
        let word = |mask, word| self.edges.word(stretch, mask, word);
        let idle = |w| word(Mask::Serves, w) & word(Mask::Wanted, w) & !word(Mask::FlowOut, w);
        if (0..stretch.words()).all(|w| idle(w) == 0) {
            return;
        }
        for i in (0..self.peer(p).uploads.len()).rev() {
            let Some(slot) = self.peer(p).uploads.get(i).map(|u| u.slot) else { continue };
            if self.is(p, Mask::FlowOut, slot) || !self.is(p, Mask::Wanted, slot) {
                continue;
            }
            let q = self.neighbour(p, slot);
            if self.bides_its_time(q) {
                continue;
            }
            if !bitfield::has(&self.taken[self.row(q)], piece.index()) {
                let back = self.back(p, slot);
                self.ask_for_more(q, back);
            }
        }
    }
}
