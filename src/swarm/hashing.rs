//! Pieces are hashed on threads of their own, beside all else that a client does.
//!
//! libtorrent hands a piece that is whole to its disk threads and goes on with what came in the
//! same read; only then does it tell of the piece, and whom it needs no more
//! (`torrent::verify_piece`, `on_piece_verified`). So a neighbour's next piece, announced behind
//! the last block of the one before, is heard of in time: nobody loses interest for a moment, and
//! with it its slot. And who made the content shares it in seed mode: it hashes each piece before
//! it first reads any of it, while others get the blocks that they wait for
//! (`peer_connection::fill_send_buffer`, `on_seed_mode_hashed`).
//!
//! Here hashing takes no time, as reading from the disk. But whatever else happens at the same
//! moment happens before, and blocks are read first, one after another, as long as there are any
//! that may go: each takes some 20 µs, a piece of 128 KiB 100 to 350, by the log of a client.
//!
//! Where it is wrong: the client goes on with requests for other pieces that it has hashed before,
//! out of their turn; here a connection waits for its next block.
//!
//! Law: pieces are verified in the order in which they came in; who made the content hashes each
//! piece once.

use super::edges::{End, Mask};
use super::world::Swarm;
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};

/// So many pieces are hashed at once for a connection, to be sent on it.
const MOST: usize = 3;

/// A piece that is whole at one end of a connection, and the neighbour its last blocks came from.
type Received = (End, PieceId, PeerId);

/// The pieces that are being hashed.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    received: VecDeque<Received>,
    /// Those of which blocks are to be sent on a connection, for the first time.
    wanted: Vec<(End, PieceId)>,
    /// All that were ever among those, of each that is in seed mode.
    known: BTreeMap<PeerId, Vec<u64>>,
}

impl Hashes {
    /// Whether blocks of a piece can be read for a connection of one in seed mode; if it was never
    /// hashed, it is now. `words` make a row of bits.
    fn lets_read(&mut self, (p, slot): End, piece: PieceId, words: usize) -> bool {
        let known = self.known.entry(p).or_insert_with(|| vec![0; words]);
        if bitfield::has(known, piece.index()) {
            return !self.wanted.iter().any(|&((q, _), other)| q == p && other == piece);
        }
        if self.wanted.iter().filter(|&&(end, _)| end == (p, slot)).count() >= MOST {
            return false;
        }
        bitfield::set(known, piece.index());
        self.wanted.push(((p, slot), piece));
        false
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// A piece is whole at one end of a connection: it is hashed, and done when it is verified.
    pub(super) fn hash_received(&mut self, end: End, piece: PieceId, from: PeerId) {
        self.hashes.received.push_back((end, piece, from));
    }

    /// Whether the next block that was requested on a connection, behind `ahead` bytes that are
    /// being read, can be read from the disk by one in seed mode. If its piece was never hashed it
    /// is now, with others that are requested, and the connection is looked at again then.
    pub(super) fn may_read(&mut self, p: PeerId, slot: u16, ahead: u32) -> bool {
        let Some(at) = self.sending_at(p, self.neighbour(p, slot)) else { return false };
        let socket = self.socket(p, slot);
        let read = self.committed(p, at) + u64::from(ahead);
        let to = read + socket.open_to.saturating_sub(socket.written() + u64::from(ahead));
        let mut next: SmallVec<[PieceId; 8]> = SmallVec::new();
        let mut before = 0;
        for (run, left) in self.to_come(p, at) {
            if before >= to {
                break;
            }
            before += left;
            if before > read && next.last() != Some(&run.piece()) {
                next.push(run.piece());
            }
        }
        let words = self.words;
        let mut lets_read = |&piece: &PieceId| self.hashes.lets_read((p, slot), piece, words);
        let can = next.first().is_some_and(&mut lets_read);
        if !can {
            for piece in next.iter().skip(1) {
                lets_read(piece);
            }
        }
        can
    }

    /// All that is being hashed is done.
    pub(super) fn finish_hashes(&mut self) {
        // One by one: who leaves meanwhile finds its own among those that are left.
        for _ in 0..self.hashes.received.len() {
            if let Some(received) = self.hashes.received.pop_front() {
                self.verify(received);
            }
        }
        for ((p, slot), _) in std::mem::take(&mut self.hashes.wanted) {
            if self.is_present(p) && self.is(p, Mask::Live, slot) {
                self.fill(p, slot);
            }
        }
    }

    /// What `p` hashes is done: it leaves, and its books are closed.
    pub(super) fn finish_hashes_of(&mut self, p: PeerId) {
        while let Some(nth) = self.hashes.received.iter().position(|&((q, _), ..)| q == p) {
            if let Some(received) = self.hashes.received.remove(nth) {
                self.verify(received);
            }
        }
    }

    /// A piece that came in is good.
    fn verify(&mut self, (end, piece, from): Received) {
        // The end game may have brought its last block twice.
        if self.partial_at(end.0, piece).is_some() {
            self.piece_done(end.0, piece);
        }
        if self.has_economy {
            self.run_begins(end, from);
        }
    }

    /// Whether anything is being hashed.
    pub(super) fn hashes_any(&self) -> bool {
        !self.hashes.received.is_empty() || !self.hashes.wanted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_seed_mode_each_piece_is_hashed_once_and_who_wants_it_waits() {
        let mut hashes = Hashes::default();
        let asks = |hashes: &mut Hashes, p, slot, piece| {
            hashes.lets_read((PeerId(p), slot), PieceId(piece), 1)
        };
        assert!(!asks(&mut hashes, 0, 3, 7), "it is hashed first");
        assert!(!asks(&mut hashes, 0, 4, 7), "and is it still");
        assert!(!asks(&mut hashes, 1, 3, 7), "so at another seeder");
        assert!(!asks(&mut hashes, 0, 4, 8));
        let wanted: Vec<_> = hashes.wanted.drain(..).map(|(end, piece)| (end, piece.0)).collect();
        assert_eq!(wanted, [((PeerId(0), 3), 7), ((PeerId(1), 3), 7), ((PeerId(0), 4), 8)]);
        assert!(asks(&mut hashes, 0, 5, 7) && asks(&mut hashes, 0, 3, 8), "known from then on");
        assert!(!asks(&mut hashes, 1, 3, 8), "each seeder has its own disk");
        assert_eq!(hashes.wanted.len(), 1, "nothing is hashed twice");
        assert!((9..12).all(|piece| !asks(&mut hashes, 0, 6, piece)));
        assert!(!asks(&mut hashes, 0, 6, 20) && !asks(&mut hashes, 0, 7, 21));
        let last = hashes.wanted.last().map(|&((_, slot), piece)| (slot, piece.0));
        assert_eq!(last, Some((7, 21)), "three at once for a connection, and more for others");
    }
}
