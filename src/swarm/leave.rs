//! Peers leave: when they have been generous enough, when they lose patience, or at once.

use super::event::Event;
use super::plan::Stay;
use super::population;
use super::transfer::Partial;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::rng::Purpose;
use crate::torrent::bitfield;
use crate::units::{SimTime, Span};

impl<O: Observer> Swarm<'_, O> {
    /// A peer has the whole content: when will it leave?
    pub(super) fn schedule_departure(&mut self, p: PeerId) {
        let span = match self.stay(p) {
            Stay::Leave => Span::ZERO,
            Stay::Linger(span) => self.base_stay(p, *span),
            Stay::LingerExp(mean) => {
                let span = population::exponential(self.seed, Purpose::Stay, self.entity(p), *mean);
                self.base_stay(p, span)
            }
            Stay::UntilRatio(_) | Stay::AfterCopies(_) => {
                self.leave_if_generous_enough(p);
                return;
            }
            Stay::Forever => return,
            Stay::PerPeer(_) => unreachable!("resolved when the population was drawn"),
        };
        let at = self.now + span;
        if at < SimTime::NEVER {
            self.queue.push(at, Event::Leave(p));
        }
    }

    /// Peers that stay until they have given so much leave when they have.
    pub(super) fn leave_if_generous_enough(&mut self, p: PeerId) {
        if !self.peer(p).leaves_by_ratio {
            return;
        }
        let copies = match self.stay(p) {
            Stay::UntilRatio(ratio) => *ratio,
            Stay::AfterCopies(copies) => *copies,
            _ => return,
        };
        let given = self.peer(p).sent.as_f64() / self.cut(p).content.as_f64();
        if self.peer(p).stage == Stage::Seeder && given >= copies {
            self.queue.push(self.now, Event::Leave(p));
        }
    }

    /// A leecher loses patience.
    pub(super) fn give_up(&mut self, p: PeerId) {
        let is_complete = usize::from(self.n_have[p.index()]) == self.cut(p).pieces;
        if !is_complete {
            self.leave(p);
        }
    }

    /// A peer leaves for good.
    pub(super) fn leave(&mut self, p: PeerId) {
        if self.is_present(p) {
            self.withdraw(p);
        }
        if self.peer(p).stage != Stage::Away {
            return;
        }
        let held = self.held_bytes(p);
        let record = &mut self.records[p.index()];
        record.departed = self.now;
        record.useful = held;
        let is_complete = usize::from(self.n_have[p.index()]) == self.cut(p).pieces;
        let peer = self.peer_mut(p);
        peer.stage = Stage::Gone;
        peer.uploads = Vec::new();
        peer.brain = None;
        let partials: Vec<Partial> = std::mem::take(&mut peer.partials);
        for part in &partials {
            self.blocks.give_back(part.bits);
        }
        let u = self.user(p);
        self.users[u.index()].peers.retain(|q| *q != p);
        self.observer.departed(self.now, p);
        if !is_complete {
            self.unfinished -= 1;
            self.end_bidding(p);
            self.download_over(p);
        }
    }

    /// A peer leaves its swarm, for good or until its user comes back: its connections end.
    pub(super) fn withdraw(&mut self, p: PeerId) {
        self.credit_flows_of(p);
        self.disconnect_where(p, |_, _| true);
        // Blocks of cut runs that arrived whole are taken in before the books are closed; they
        // may complete the content.
        while let Some((to, run, from)) = self.late.pop() {
            self.receive(to, run, from);
        }
        self.finish_hashes_of(p);
        if self.peer(p).stage == Stage::Leecher {
            self.close_leeching(p);
            self.count_leechers(p, -1);
        } else {
            self.close_seeding(p);
            self.count_seeders(p, -1);
        }
        let now = self.now;
        let row = self.row(p);
        let torrent = &mut self.torrents[self.peers[p.index()].torrent.index()];
        for piece in bitfield::members(&self.have[row]) {
            torrent.lose(now, PieceId::from_index(piece));
        }
        let at = self.place[p.index()] as usize;
        torrent.present.swap_remove(at);
        if let Some(&moved) = torrent.present.get(at) {
            self.place[moved.index()] = crate::units::u32_of(at);
        }
        self.hiding -= u32::from(self.peer(p).shown.is_some());
        let peer = self.peer_mut(p);
        peer.stage = Stage::Away;
        peer.shown = None;
        peer.announced = SimTime::NEVER;
        let stretch = std::mem::take(&mut peer.edges);
        self.edges.give_back(stretch);
        if self.some_wait {
            self.sockets[p.index()] = Vec::new(); // all of them are closed
        }
        self.account_departure(p);
    }
}
