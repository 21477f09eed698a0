//! What a run notes of each peer, and the record made of it when the run is over.
//!
//! There are many peers, so nothing is noted that peer, user or plan know as well at the end.

use super::plan::Role;
use super::trade::adopts;
use super::world::{Peer, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::{Observer, PeerRecord};
use crate::torrent::bitfield;
use crate::units::{Bytes, SimTime, Span, u16_of};

/// The part of a peer's record that is noted while it happens; what has not happened has the time
/// `NEVER`. `PeerRecord` says what each means.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) first_piece: SimTime,
    pub(super) fourth_piece: SimTime,
    pub(super) completed: SimTime,
    pub(super) departed: SimTime,
    pub(super) wasted: Bytes,
    pub(super) uploaded_at_completion: Bytes,
    pub(super) useful: Bytes,
    pub(super) leeching: Span,
    pub(super) seeding: Span,
    pub(super) seeds_on: Span,
}

impl Record {
    /// Of a peer to which nothing has happened yet.
    pub(super) const NEW: Self = Self {
        first_piece: SimTime::NEVER,
        fourth_piece: SimTime::NEVER,
        completed: SimTime::NEVER,
        departed: SimTime::NEVER,
        wasted: Bytes::ZERO,
        uploaded_at_completion: Bytes::ZERO,
        useful: Bytes::ZERO,
        leeching: Span::ZERO,
        seeding: Span::ZERO,
        seeds_on: Span::ZERO,
    };
}

impl<O: Observer> Swarm<'_, O> {
    /// The whole records, when the books are closed.
    pub(super) fn into_records(self) -> Vec<PeerRecord> {
        let Self { plan, seed, peers, records, users, links, edges, .. } = self;
        // The largest parts of the world make room.
        drop((links, edges));
        let whole = |(peer, noted): (&Peer, Record)| {
            let class = &plan.classes[peer.class.index()];
            let user = &users[peer.user.index()];
            PeerRecord {
                class: peer.class,
                user: peer.user,
                torrent: peer.torrent,
                is_adopter: adopts(&class.trade, seed, user.entity()).0,
                is_origin: class.role == Role::Seeder,
                upload: user.upload,
                download: user.download,
                arrival: peer.arrival,
                first_piece: happened(noted.first_piece),
                fourth_piece: happened(noted.fourth_piece),
                completed: happened(noted.completed),
                departed: happened(noted.departed),
                uploaded: peer.sent,
                downloaded: peer.received,
                wasted: noted.wasted,
                uploaded_at_completion: noted.uploaded_at_completion,
                useful: noted.useful,
                leeching: noted.leeching,
                seeding: noted.seeding,
                seeds_on: noted.seeds_on,
                unchoked: peer.unchoked,
            }
        };
        peers.iter().zip(records).map(whole).collect()
    }

    /// Useful bytes a peer holds: verified pieces, and blocks of begun ones.
    pub(super) fn held_bytes(&self, p: PeerId) -> Bytes {
        let pieces = &self.have[self.row(p)];
        let cut = *self.cut(p);
        let mut held: u64 =
            bitfield::members(pieces).map(|i| cut.piece_size(PieceId(u16_of(i))).0).sum();
        let words = self.block_words;
        for part in &self.peers[p.index()].partials {
            let got = self.blocks.received(part.bits, words);
            held += bitfield::members(got)
                .map(|b| cut.blocks_size(PieceId(part.piece), u16_of(b), u16_of(b + 1)).0)
                .sum::<u64>();
        }
        Bytes(held)
    }
}

fn happened(at: SimTime) -> Option<SimTime> {
    (at < SimTime::NEVER).then_some(at)
}
