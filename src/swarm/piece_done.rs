//! A piece is whole and verified; with the last one the leecher becomes a seeder.

use super::edges::Mask;
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;

/// Room for so many more pieces under way than there are is kept at most.
const SPARE: usize = 6;

impl<O: Observer> Swarm<'_, O> {
    /// All blocks of `piece` are in.
    pub(super) fn piece_done(&mut self, p: PeerId, piece: PieceId) {
        let at = self.partial_at(p, piece).expect("a finished piece was begun");
        let partials = &mut self.peer_mut(p).partials;
        let part = partials.swap_remove(at);
        if partials.capacity() > partials.len() + SPARE {
            // Most pieces are under way in the first minutes, when all peers are there.
            partials.shrink_to(partials.len() + SPARE / 2);
        }
        assert!(part.missing == 0, "a piece is done when no block is missing");
        self.blocks.give_back(part.bits);
        let row = self.row(p);
        assert!(!bitfield::has(&self.have[row.clone()], piece.index()), "a piece is done once");
        bitfield::set(&mut self.have[row], piece.index());
        self.counters.pieces += 1;
        self.n_have[p.index()] += 1;
        let now = self.now;
        match self.n_have[p.index()] {
            1 => self.records[p.index()].first_piece = now,
            4 => self.records[p.index()].fourth_piece = now,
            _ => {}
        }
        let torrent = self.torrent_mut(p);
        torrent.gain(now, piece);
        torrent.spread_to_leecher(now, piece);
        self.observer.piece_done(now, p, piece);
        // Neighbours hear of the piece before we tell others that we need them no more: so does
        // every client we know of, and a freed slot then finds its next taker.
        let latency = self.class(p).protocol.latency;
        if latency.0 == 0 {
            self.announce_piece(p, piece);
        } else {
            self.queue.push(now + latency, Event::Have(p, piece));
        }
        self.review_interest(p, piece);
        if self.bides_its_time(p) {
            self.poll_holders(p, piece);
        }
        if self.has_economy {
            self.verified(p, piece);
        }
        if usize::from(self.n_have[p.index()]) == self.cut(p).pieces {
            self.complete(p);
        }
    }

    /// Blocks of a begun piece are free again. One of which nothing is in or asked for is a new one
    /// again, where clients see it so (libtorrent `piece_picker::abort_download`); others keep it
    /// among those begun.
    pub(super) fn forget_untouched(&mut self, p: PeerId, at: usize) {
        self.note_loose(p, at);
        let part = &self.peer(p).partials[at];
        let piece = PieceId(part.piece);
        let is_untouched = part.free == self.cut(p).blocks_in(piece) && !part.twins;
        if !is_untouched || !self.class(p).protocol.requests.contiguous {
            return;
        }
        let part = self.peer_mut(p).partials.swap_remove(at);
        self.blocks.give_back(part.bits);
        let row = self.row(p);
        bitfield::clear(&mut self.taken[row.clone()], piece.index());
        bitfield::clear(&mut self.loose[row], piece.index());
        self.peer_mut(p).n_taken -= 1;
    }

    /// A leecher has the whole content.
    #[inline(never)]
    fn complete(&mut self, p: PeerId) {
        self.credit_flows_of(p);
        let now = self.now;
        let sent = self.peer(p).sent;
        let record = &mut self.records[p.index()];
        record.completed = now;
        record.uploaded_at_completion = sent;
        self.close_leeching(p);
        let peer = self.peer_mut(p);
        (peer.stage, peer.joined) = (Stage::Seeder, now);
        self.choke_as_seeder(p);
        self.count_leechers(p, -1);
        self.count_seeders(p, 1);
        self.torrent_mut(p).completions += 1;
        self.completed += 1;
        self.unfinished -= 1;
        self.observer.completed(now, p);
        // What is still on its way are twins of blocks that are in.
        let stretch = self.peer(p).edges;
        let incoming: Vec<u16> = self.edges.slots(stretch, Mask::FlowIn).collect();
        for slot in incoming {
            let from = self.neighbour(p, slot);
            if let Some(at) = self.flow_at(from, p) {
                self.cut_flow(from, at);
            }
        }
        let slots: Vec<u16> = self.edges.slots(stretch, Mask::Live).collect();
        for slot in slots {
            let q = self.neighbour(p, slot);
            let back = self.back(p, slot);
            self.put(q, Mask::Full, back);
        }
        // Seeders have nothing to say to each other.
        self.disconnect_where(p, |s, q| s.peer(q).stage == Stage::Seeder);
        self.end_bidding(p);
        self.schedule_departure(p);
        self.download_over(p);
    }
}
