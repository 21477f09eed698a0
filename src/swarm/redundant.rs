//! A new seeder is dropped by those that wanted nothing of it before.
//!
//! A libtorrent client that hears with a HAVE that a neighbour has the whole content looks whether
//! the connection is of use (`close_redundant_connections`), and only then whether the new piece
//! makes it interested (`peer_connection::incoming_have`). So whoever lacks that last piece alone
//! drops the one neighbour that could give it, and connects again when it may. Where a slow seeder
//! holds everybody up, all lack the same piece at the end, and each gets it from the seeder.
//!
//! Law: who is interested in a neighbour keeps it.

use super::edges::Mask;
use super::letters::News;
use super::world::{Stage, Swarm};
use crate::ids::PeerId;
use crate::observe::Observer;

impl<O: Observer> Swarm<'_, O> {
    /// `q` has heard of another piece of its neighbour in `back`: drops it, if that was its last
    /// and `q` is not interested yet. Gives whether it does.
    pub(super) fn drops_new_seeder(&mut self, q: PeerId, back: u16) -> bool {
        let Some(rules) = self.in_turn(q) else { return false };
        let (p, reconnect) = (self.neighbour(q, back), rules.reconnect);
        let is_whole = usize::from(self.n_have[p.index()]) == self.cut(p).pieces;
        let drops = is_whole
            && self.peer(q).stage == Stage::Leecher
            && !self.is(q, Mask::Wants, back)
            && self.has_said_all(p, self.back(q, back));
        if drops {
            self.disconnect_for(reconnect, q, back);
        }
        drops
    }

    /// Whether the neighbour of `p` in `slot` has heard of all pieces that `p` has.
    fn has_said_all(&self, p: PeerId, slot: u16) -> bool {
        let is_have = |news| matches!(news, News::Have(_));
        self.is_introduced(p, slot) && !self.mail(p, slot).any(|letter| is_have(letter.news))
    }
}
