//! Begun pieces of which blocks are free to be asked for: a row of bits for each peer, so that a
//! pick need not walk through all that is begun.
//!
//! Law: a piece is in its peer's row if and only if it is begun and some of its blocks are free.

use super::request::Ask;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::torrent::bitfield::{self, any, both, lanes, lanes_mut};

impl<O: Observer> Swarm<'_, O> {
    /// The free blocks of partial piece number `at` of `p` have changed.
    #[inline]
    pub(super) fn note_loose(&mut self, p: PeerId, at: usize) {
        let part = &self.peers[p.index()].partials[at];
        let (piece, is_loose) = (usize::from(part.piece), part.free > 0);
        let row = self.row(p);
        if is_loose {
            bitfield::set(&mut self.loose[row], piece);
        } else {
            bitfield::clear(&mut self.loose[row], piece);
        }
    }

    /// Fills `scratch.begun` with those of them that the neighbour shows (`scratch.view`); gives
    /// whether there are any.
    pub(super) fn list_loose(&mut self, ask: &Ask) -> bool {
        let row = self.row(ask.to);
        let scratch = &mut self.scratch;
        let begun = lanes_mut(&mut scratch.begun).iter_mut();
        let mut has_begun = false;
        for ((begun, &view), &loose) in begun.zip(lanes(&scratch.view)).zip(lanes(&self.loose[row]))
        {
            *begun = both(view, loose);
            has_begun |= any(*begun);
        }
        has_begun
    }
}
