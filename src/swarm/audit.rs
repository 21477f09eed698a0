//! The laws of the whole world, checked against the state as it stands. A broken law is our fault
//! and ends the run.

use super::edges::{Mask, NO_PIECE};
use super::letters::News;
use super::plan::{ChokerSpec, TieOrder};
use super::transfer::Partial;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::net::LinkId;
use crate::net::links::Source;
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::{ByteRate, u16_of, u32_of};

impl<O: Observer> Swarm<'_, O> {
    /// Checks every law.
    pub(super) fn audit(&self) {
        let mut rates_up = 0;
        let mut rates_down = 0;
        for i in 0..self.users.len() {
            self.audit_user(i);
            self.audit_link(i);
            self.audit_line(i);
            rates_up += self.links.up[i].used.0;
            rates_down += self.links.down[i].used.0;
        }
        assert_eq!(rates_up, rates_down, "what is sent is received");
        let uploaded: u64 = self.peers.iter().map(|p| p.sent.0).sum();
        let downloaded: u64 = self.peers.iter().map(|p| p.received.0).sum();
        assert_eq!(uploaded, downloaded, "bytes sent are bytes received");
        for p in self.present() {
            self.audit_peer(p);
            for slot in self.edges.slots(self.peer(p).edges, Mask::Live) {
                self.audit_edge(p, slot);
            }
        }
        for torrent in &self.torrents {
            let mut copies = vec![0_u32; torrent.cut.pieces];
            for &p in &torrent.present {
                bitfield::members(&self.have[self.row(p)]).for_each(|piece| copies[piece] += 1);
            }
            assert_eq!(copies, torrent.copies, "copies are counted right");
            let present = (torrent.leechers + torrent.seeders) as usize;
            assert_eq!(present, torrent.present.len(), "who is present is counted right");
        }
        self.audit_queue();
        self.audit_money();
        self.audit_dealings();
    }

    /// A user is in each swarm once, and in none while it is offline.
    fn audit_user(&self, i: usize) {
        let user = &self.users[i];
        let present = user.peers.iter().filter(|&&p| self.is_present(p)).count();
        assert!(user.is_online || present == 0, "who is offline is in no swarm");
        let mut torrents: Vec<_> = user.peers.iter().map(|&p| self.peer(p).torrent).collect();
        torrents.sort_unstable();
        assert!(torrents.is_sorted_by(|a, b| a < b), "a user is in a swarm once");
    }

    /// Per peer: an arrival, an announce, a choker's round, a refill, a charge, a departure, and
    /// flow marks, some of them stale until their time comes. Per neighbour, where messages wait: a
    /// letter and a request, and as many that are void.
    fn audit_queue(&self) {
        let waiting = if self.some_wait { 4 } else { 0 };
        let ends: usize = self.peers.iter().map(|peer| usize::from(peer.n_neighbours)).sum();
        let bound = 64 * self.peers.len() + waiting * ends + 1024;
        assert!(self.queue.len() <= bound, "pending events are bounded");
    }

    fn audit_link(&self, i: usize) {
        let (up, down) = (&self.links.up[i], &self.links.down[i]);
        let sum: u64 = up.flows.iter().map(|f| f.rate.0).sum();
        assert_eq!(ByteRate(sum), up.used, "an upload link's sum is right");
        assert!(up.used <= up.cap, "an upload link within its capacity");
        assert!(down.used <= down.cap, "a download link within its capacity");
        for (at, due) in up.due.iter().enumerate() {
            let to = up.to[at];
            let sources = &self.links.down[self.links.link[to.index()].index()].sources;
            let source = Source { from: LinkId(u32_of(i)), to };
            assert!(sources.contains(&source), "both ends know a flow");
            assert!(self.peers[to.index()].stage == Stage::Leecher, "only leechers receive");
            assert!(up.wake <= *due, "no mark is slept over");
        }
        for at in 0..up.flows.len() {
            let from = self.sender(i, at);
            assert!(self.is_present(from), "no flow from a peer that left");
            assert_eq!(self.line(from), i, "a peer sends through its own user's link");
        }
    }

    fn audit_peer(&self, p: PeerId) {
        self.audit_pending(p);
        let peer = self.peer(p);
        let have = &self.have[self.row(p)];
        let taken = &self.taken[self.row(p)];
        assert_eq!(
            bitfield::count(have),
            usize::from(self.n_have[p.index()]),
            "have-bits are pieces"
        );
        let begun = peer.partials.len() + usize::from(self.n_have[p.index()]);
        assert_eq!(bitfield::count(taken), begun, "taken pieces are verified or begun");
        assert_eq!(usize::from(peer.n_taken), begun, "taken pieces are counted right");
        let mut loose: Vec<usize> = peer
            .partials
            .iter()
            .filter(|part| part.free > 0)
            .map(|part| usize::from(part.piece))
            .collect();
        loose.sort_unstable();
        let row = bitfield::members(&self.loose[self.row(p)]);
        assert!(row.eq(loose), "loose pieces are begun and have free blocks");
        if self.class(p).protocol.requests.contiguous {
            let is_touched = |part: &Partial| {
                part.twins || part.free < self.cut(p).blocks_in(PieceId(part.piece))
            };
            assert!(peer.partials.iter().all(is_touched), "an untouched piece is a new one");
        }
        let record = &self.records[p.index()];
        assert!(record.wasted <= peer.received, "waste is part of what was received");
        let serves = self.edges.count(peer.edges, Mask::Serves);
        assert_eq!(serves, peer.uploads.len(), "every served neighbour has a slot");
        let served = self.edges.count(peer.edges, Mask::Served);
        assert_eq!(served, usize::from(peer.n_served_by), "servers are counted right");
        let live = self.edges.count(peer.edges, Mask::Live);
        assert_eq!(live, usize::from(peer.n_neighbours), "neighbours are counted right");
        self.audit_turns(p);
        let line = self.line(p);
        let all = 0..self.links.up[line].flows.len();
        let flows = all.filter(|&at| self.sender(line, at) == p).count();
        assert_eq!(self.edges.count(peer.edges, Mask::FlowOut), flows, "flows have masks");
    }

    /// A client with a clock for its optimistic slots gives them to those that are choked.
    fn audit_turns(&self, p: PeerId) {
        let class = self.class(p);
        let in_order = class.protocol.choking.ties == TieOrder::InOrder;
        // Others got the clock as seeders, with slots they had given before.
        let always = matches!(class.choker, ChokerSpec::TitForTat);
        if !in_order || !always || !self.has_optimistic_clock(p) {
            return;
        }
        let edges = self.peer(p).edges;
        for upload in self.peer(p).uploads.iter().filter(|u| self.is(p, Mask::Optimistic, u.slot)) {
            let began = self.edges.last_turn(edges, upload.slot);
            let since = self.edges.served_ms[edges.at(upload.slot)].max(1);
            assert!(began.is_none_or(|began| began == since), "a turn begins with an unchoke");
        }
    }

    fn audit_edge(&self, p: PeerId, slot: u16) {
        let q = self.neighbour(p, slot);
        let back = self.back(p, slot);
        assert_eq!(self.neighbour(q, back), p, "neighbours know each other");
        let pairs = [
            (Mask::Wants, Mask::Wanted),
            (Mask::Serves, Mask::Served),
            (Mask::FlowOut, Mask::FlowIn),
        ];
        for (here, there) in pairs {
            let (said, heard) = (self.is(p, here, slot), self.is(q, there, back));
            // What is on its way will be heard.
            let word = if here == Mask::Wants { self.last_word(p, slot) } else { None };
            let heard = word.map_or(heard, |news| news == News::Interested);
            assert_eq!(said, heard, "both ends agree");
        }
        assert_eq!(self.is(p, Mask::Full, slot), self.peer(q).stage == Stage::Seeder, "full");
        let have = &self.have[self.row(p)];
        let shown;
        let seen = match &self.peer(q).shown {
            Some(hidden) => {
                shown = hidden.to(back, self.words);
                &shown[..]
            }
            None => &self.have[self.visible_row(q)],
        };
        let seen = self.heard_of(q, back, seen);
        let seen = &seen[..];
        let lacks = (0..self.cut(p).pieces)
            .any(|piece| bitfield::has(seen, piece) && !bitfield::has(have, piece));
        let wants = self.is(p, Mask::Wants, slot);
        assert_eq!(wants, lacks, "interest is exact");
        let witness = self.edges.witness[self.peer(p).edges.at(slot)];
        assert_eq!(wants, witness != NO_PIECE, "interest has a witness");
        if wants {
            let piece = usize::from(witness);
            assert!(bitfield::has(seen, piece), "the witness was announced");
            assert!(!bitfield::has(have, piece), "the witness is lacked");
        }
        if self.is(p, Mask::FlowOut, slot) && self.is_metered(p) {
            self.audit_metered(p, slot);
        }
        let asked = self.is(p, Mask::Asked, slot);
        let may_ask = wants && self.is(p, Mask::Served, slot) && self.bides_its_time(p);
        let is_idle = may_ask && !asked && !self.is(p, Mask::FlowIn, slot);
        let looks_again = self.peer(p).retry_pending || self.in_turn(p).is_some();
        assert!(!is_idle || looks_again, "whoever asks for nothing looks again");
        assert!(!asked || self.is(p, Mask::Served, slot), "only who is served asks");
        if self.is(p, Mask::FlowOut, slot) && !self.is(p, Mask::Serves, slot) {
            let at = self.flow_at(p, q).expect("a mask has its flow");
            let run = self.links.up[self.line(p)].flows[at].payload.run;
            let left = run.to - run.from;
            assert!(left <= u16_of(usize::from(self.cut(p).blocks)), "a choked flow ends soon");
            let next = self.links.up[self.line(p)].flows[at].payload.next;
            let is_done = next == super::transfer::NONE || self.is_metered(p);
            assert!(is_done, "nothing but what is written is queued at a choked flow");
        }
    }

    /// A metered flow: blocks go whole, and nothing of it waits for nobody.
    fn audit_metered(&self, p: PeerId, slot: u16) {
        let at = self.flow_at(p, self.neighbour(p, slot)).expect("a mask has its flow");
        if self.links.up[self.line(p)].flows[at].since > self.now {
            return;
        }
        let left = self.outstanding(p, at);
        let committed = self.committed(p, at);
        assert!(committed <= left, "what is let go is of the flow");
        let whole = self.up_to_block(p, at, committed);
        assert!(committed == 0 || committed == whole, "blocks are written whole");
        if self.is(p, Mask::Serves, slot) {
            let moves = committed > 0 || self.is_asked_for_more(p, slot);
            assert!(moves, "what is claimed is requested, or will be");
        } else {
            assert_eq!(committed, left, "of a choked flow what is written comes");
        }
    }
}
