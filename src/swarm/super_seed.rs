//! Super-seeding (BEP 16): an origin seeder that shows each neighbour one piece at a time, and the
//! next one only when it has seen the last one at somebody else.
//!
//! BEP 16 does not say what happens if it never does, as when those left upload nothing. Its
//! author's client (`BitTornado`, `Choker.py` `_round_robin`, `PiecePicker.py` `next_have`) then
//! takes the neighbour's own word for it while too few want anything; so do we, in each regular
//! round of the choker instead of every 5 s.

use super::edges::Mask;
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::u16_of;

/// A hiding seeder that fewer neighbours want something from is idle (`BitTornado` `min_uploads`).
const BUSY: usize = 4;

/// What a hiding peer has shown to whom.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Pieces shown to the neighbour in each slot, in order.
    by_slot: Vec<Vec<u16>>,
    /// How often each piece has been shown.
    times: Vec<u32>,
}

impl Shown {
    /// The pieces shown to one neighbour, as a bitfield.
    pub(super) fn to(&self, slot: u16, words: usize) -> Vec<u64> {
        let mut field = vec![0; words];
        for &piece in self.by_slot.get(usize::from(slot)).into_iter().flatten() {
            bitfield::set(&mut field, usize::from(piece));
        }
        field
    }

    /// The last piece shown to the neighbour in `slot`.
    fn last(&self, slot: u16) -> Option<u16> {
        self.by_slot.get(usize::from(slot))?.last().copied()
    }

    /// The neighbour in `slot` has left.
    pub(super) fn forget(&mut self, slot: u16) {
        if let Some(pieces) = self.by_slot.get_mut(usize::from(slot)) {
            pieces.clear();
        }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Makes an arriving seeder hide its pieces.
    pub(super) fn hide_pieces(&mut self, p: PeerId) {
        let shown = Shown { by_slot: Vec::new(), times: vec![0; self.cut(p).pieces] };
        self.peer_mut(p).shown = Some(Box::new(shown));
        self.hiding += 1;
    }

    /// What `p` has shown, if it hides its pieces. Few do: others are not even looked at.
    #[inline]
    pub(super) fn hidden(&self, p: PeerId) -> Option<&Shown> {
        if self.hiding == 0 { None } else { self.peer(p).shown.as_deref() }
    }

    /// A hiding peer has a new neighbour.
    pub(super) fn show_first_piece(&mut self, p: PeerId, slot: u16) {
        if self.peer(p).shown.is_some() {
            self.show_next_piece(p, slot);
        }
    }

    /// Shows the neighbour in `slot` the piece it lacks that was shown least, ties at random.
    fn show_next_piece(&mut self, p: PeerId, slot: u16) {
        let q = self.neighbour(p, slot);
        let have = self.have[self.row(q)].to_vec();
        let peer = &mut self.peers[p.index()];
        let shown = peer.shown.as_mut().expect("a hiding peer");
        let at = usize::from(slot);
        if shown.by_slot.len() <= at {
            shown.by_slot.resize(at + 1, Vec::new());
        }
        let open = |&piece: &usize| {
            !bitfield::has(&have, piece) && !shown.by_slot[at].contains(&u16_of(piece))
        };
        let choices: Vec<usize> = (0..shown.times.len()).filter(open).collect();
        let Some(least) = choices.iter().map(|&piece| shown.times[piece]).min() else { return };
        let rarest: Vec<usize> =
            choices.into_iter().filter(|&piece| shown.times[piece] == least).collect();
        let piece = rarest[peer.pick_luck.below(rarest.len())];
        shown.times[piece] += 1;
        shown.by_slot[at].push(u16_of(piece));
        let back = self.back(p, slot);
        self.look_for_interest(q, back);
        if self.is(p, Mask::Serves, slot) && !self.is(p, Mask::FlowOut, slot) {
            self.ask_for_more(q, back);
        }
    }

    /// A regular round of a hiding peer that is nearly idle: neighbours that have announced what
    /// they were shown are shown the next piece, in random order, until enough want something.
    pub(super) fn show_more_if_idle(&mut self, p: PeerId) {
        let Some(shown) = self.hidden(p) else { return };
        let stretch = self.peer(p).edges;
        let enough = BUSY.min(usize::from(self.peer(p).slots));
        let idle = enough.saturating_sub(self.edges.count(stretch, Mask::Wanted));
        let waits = |&slot: &u16| {
            let row = self.visible_row(self.neighbour(p, slot));
            let has = |piece: u16| bitfield::has(&self.have[row], usize::from(piece));
            shown.last(slot).is_some_and(has)
        };
        let live = self.edges.slots(stretch, Mask::Live).filter(|_| idle > 0);
        let mut waiting: Vec<u16> = live.filter(waits).collect();
        for _ in 0..idle.min(waiting.len()) {
            let at = self.peer_mut(p).pick_luck.below(waiting.len());
            let slot = waiting.swap_remove(at);
            self.show_next_piece(p, slot);
        }
    }

    /// `p` has announced `piece`: hiding neighbours that showed it to others show those the next.
    pub(super) fn note_have(&mut self, p: PeerId, piece: PieceId) {
        self.count_have(p);
        if self.hiding == 0 {
            return;
        }
        let slots: Vec<u16> = self.edges.slots(self.peer(p).edges, Mask::Live).collect();
        for slot in slots {
            let seeder = self.neighbour(p, slot);
            let own = self.back(p, slot);
            let Some(shown) = &self.peer(seeder).shown else { continue };
            // With one neighbour only, nobody else could ever have it: its own word must do.
            let alone = self.peer(seeder).n_neighbours == 1;
            let waiting = |(at, pieces): (usize, &Vec<u16>)| {
                let other = at != usize::from(own) || alone;
                (other && pieces.last() == Some(&piece.0)).then(|| u16_of(at))
            };
            let next: Vec<u16> = shown.by_slot.iter().enumerate().filter_map(waiting).collect();
            for at in next {
                self.show_next_piece(seeder, at);
            }
        }
    }
}
