//! Who knows whom: the tracker, connections made and lost.

use super::edges::{Mask, NO_PIECE};
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::choke::tie;
use crate::rng::{Purpose, draw, mix};
use crate::units::{NS_PER_S, SimTime, Span, u16_of};

impl<O: Observer> Swarm<'_, O> {
    /// A look at whether the peer needs neighbours; asks the tracker if so, or if it is time to.
    pub(super) fn announce(&mut self, p: PeerId) {
        if !matches!(self.peer(p).stage, Stage::Leecher | Stage::Seeder) {
            return;
        }
        let overlay = &self.class(p).protocol.overlay;
        let peer = self.peer(p);
        let few = u32::from(peer.n_neighbours) < overlay.min_neighbours;
        let due =
            peer.announced == SimTime::NEVER || self.now.since(peer.announced) >= overlay.announce;
        if few || due {
            self.peer_mut(p).announced = self.now;
            self.counters.announces += 1;
            self.ask_tracker(p, overlay.numwant as usize);
        }
        self.queue.push(self.now + overlay.rerequest, Event::Announce(p, self.peer(p).visit));
    }

    /// The tracker names up to `numwant` random peers; the peer connects while it may.
    fn ask_tracker(&mut self, p: PeerId, numwant: usize) {
        let mut named = std::mem::take(&mut self.scratch.peers);
        self.name_peers(p, numwant, &mut named);
        let overlay = &self.class(p).protocol.overlay;
        let most = overlay.max_initiate.min(overlay.max_neighbours);
        for &q in &named {
            if u32::from(self.peer(p).n_neighbours) >= most {
                break;
            }
            if !self.leaves_it_to(p, q) {
                self.connect(p, q);
            }
        }
        self.scratch.peers = named;
    }

    /// Draws up to `n` different peers that are present, other than `p`, in random order.
    fn name_peers(&mut self, p: PeerId, n: usize, named: &mut Vec<PeerId>) {
        named.clear();
        let present = &self.torrents[self.peers[p.index()].torrent.index()].present;
        let others = present.len() - 1;
        let (seed, entity, announce) = (self.seed, self.entity(p), self.counters.announces);
        let mut luck = crate::rng::stream(
            draw(seed, Purpose::Announce, entity, announce),
            Purpose::Announce,
            entity,
        );
        if n >= others {
            named.extend(present.iter().copied().filter(|&q| q != p));
            named.sort_unstable();
            luck.shuffle(named);
            return;
        }
        self.scratch.marked.resize(self.peers.len(), false);
        while named.len() < n {
            let q = present[luck.below(present.len())];
            if q != p && !self.scratch.marked[q.index()] {
                self.scratch.marked[q.index()] = true;
                named.push(q);
            }
        }
        for &q in named.iter() {
            self.scratch.marked[q.index()] = false;
        }
    }

    /// Whether `q`, which is there and has not announced itself yet, connects to `p` and not `p` to
    /// it: who of two that come together is told of the other is chance.
    fn leaves_it_to(&self, p: PeerId, q: PeerId) -> bool {
        self.class(p).protocol.overlay.either_connects
            && self.peer(q).announced == SimTime::NEVER
            && draw(self.seed, Purpose::Connect, self.entity(p), u64::from(q.0)) & 1 == 1
    }

    /// Connects two peers of different users, if both have room and they are of use to each other.
    pub(super) fn connect(&mut self, p: PeerId, q: PeerId) {
        let both_full = [p, q].iter().all(|&x| self.peer(x).stage == Stage::Seeder);
        let room =
            u32::from(self.peer(q).n_neighbours) < self.class(q).protocol.overlay.max_neighbours;
        if both_full || !room || self.user(p) == self.user(q) || self.is_connected(p, q) {
            return;
        }
        let slots = [p, q].map(|x| self.slot_for_another(x));
        let [Some(sp), Some(sq)] = slots else { return };
        self.counters.connections += 1;
        for (a, sa, b, sb) in [(p, sp, q, sq), (q, sq, p, sp)] {
            let stretch = self.peer(a).edges;
            let at = stretch.at(sa);
            self.edges.peer[at] = b;
            self.edges.back[at] = sb;
            self.edges.witness[at] = NO_PIECE;
            self.edges.served_ms[at] = self.now_ms();
            self.edges.put(stretch, Mask::Live, sa);
            if self.peer(b).stage == Stage::Seeder {
                self.edges.put(stretch, Mask::Full, sa);
            }
            let starts = self.is_starting(a);
            let peer = self.peer_mut(a);
            peer.n_neighbours += 1;
            if starts {
                peer.founders = peer.founders.max(sa + 1);
            }
        }
        if self.some_wait {
            self.open_sockets((p, sp), (q, sq));
            return;
        }
        for (a, sa, b, sb) in [(p, sp, q, sq), (q, sq, p, sp)] {
            self.show_first_piece(b, sb);
            self.look_for_interest(a, sa);
        }
    }

    /// Whether a peer came so lately that its first connections are still being made: each end
    /// makes its own at its first look at the clock.
    fn is_starting(&self, p: PeerId) -> bool {
        const START: Span = Span(2 * NS_PER_S);
        self.now.since(self.peer(p).arrival) <= START
    }

    /// The place in memory of the connection of `p` to its neighbour in `slot`: a client that goes
    /// through its connections meets the smallest first.
    ///
    /// Those made when it started stand in the order in which they were made, all others behind
    /// them. Of these each came behind all there were with a chance of one third, and else into
    /// any place among them. Measured: libtorrent 2.1.1 lists its connections by address
    /// (`torrent::get_peer_info`). Of 980 made later 93 % stood behind all made at the start; with
    /// two others made later before it, 39 % of 728 stood behind these too, and the rest among them
    /// everywhere alike.
    pub(super) fn place(&self, p: PeerId, slot: u16) -> u64 {
        const LATE: u64 = 1 << 63;
        let Some(nth) = slot.checked_sub(self.peer(p).founders) else { return slot.into() };
        let last = (u64::from(nth) + 1) << 32;
        let luck = tie(self.salt(p), slot);
        LATE + if luck.is_multiple_of(3) { last } else { (luck >> 8) % last }
    }

    /// The same for a peer whenever it is asked for.
    pub(super) fn salt(&self, p: PeerId) -> u64 {
        mix(self.seed ^ mix(self.entity(p)))
    }

    /// Slots to make room for when `n` are taken: one word of masks holds most peers' neighbours.
    pub(super) fn room_for(&self, p: PeerId, n: usize) -> u16 {
        let most = self.class(p).protocol.overlay.max_neighbours as usize;
        let most = most.min(self.torrent(p).members.saturating_sub(1)).clamp(1, 65_000);
        u16_of(most.min((2 * n).max(64)))
    }

    /// An empty slot for a new neighbour.
    fn slot_for_another(&mut self, p: PeerId) -> Option<u16> {
        let stretch = self.peer(p).edges;
        let slot = self.edges.empty_slot(stretch);
        let room = self.room_for(p, usize::from(stretch.cap));
        if slot.is_some() || room == stretch.cap {
            return slot;
        }
        self.peer_mut(p).edges = self.edges.grow(stretch, room);
        self.edges.empty_slot(self.peer(p).edges)
    }

    fn is_connected(&self, p: PeerId, q: PeerId) -> bool {
        self.edges.names(self.peer(p).edges).contains(&q)
    }

    /// Ends the connection of `p` to its neighbour in `slot`; what is on its way is lost.
    pub(super) fn disconnect(&mut self, p: PeerId, slot: u16) {
        let q = self.neighbour(p, slot);
        let back = self.back(p, slot);
        if self.trade.is_some() {
            self.part(p, q);
        }
        for (a, sa, b, sb) in [(p, slot, q, back), (q, back, p, slot)] {
            if let Some(at) = self.flow_at(a, b) {
                self.cut_flow(a, at);
            }
            if self.is(a, Mask::Serves, sa) {
                let optimistic = self.is(a, Mask::Optimistic, sa);
                self.end_service(a, sa);
                self.slot_fell_free(a, optimistic);
            }
            debug_assert!(!self.is(b, Mask::FlowIn, sb), "no flow outlives its connection");
        }
        for (a, sa) in [(p, slot), (q, back)] {
            self.close_socket(a, sa);
            let stretch = self.peer(a).edges;
            self.edges.clear_slot(stretch, sa);
            let peer = self.peer_mut(a);
            peer.n_neighbours -= 1;
            peer.givers.forget(sa);
            if let Some(brain) = &mut peer.brain {
                brain.forget(sa);
            }
            if let Some(shown) = &mut peer.shown {
                shown.forget(sa);
            }
        }
    }

    /// Ends all connections for which `which` holds of the neighbour.
    pub(super) fn disconnect_where(&mut self, p: PeerId, which: impl Fn(&Self, PeerId) -> bool) {
        let mut slots = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        slots.extend(self.edges.slots(self.peer(p).edges, Mask::Live));
        for &slot in &slots {
            if which(self, self.neighbour(p, slot)) {
                self.disconnect(p, slot);
            }
        }
        self.scratch.slots = slots;
    }
}
