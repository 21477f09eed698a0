//! Connections that may ask and ask for nothing: when they look again.
//!
//! Mainline's client, and what the engine takes for one, looks as soon as there may be something:
//! blocks were given back, or a neighbour has a new piece. libtorrent does not: blocks given back
//! after a choke stay where they are until a connection has room for them, an idle one looks when a
//! piece comes in that its neighbour has (`received_piece`, `do_update_interest`), and otherwise
//! every five seconds (`second_tick`).
//!
//! Law: whoever is served, interested and asks for nothing looks again within `retry`.

use super::edges::Mask;
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::{Span, u16_of};

impl<O: Observer> Swarm<'_, O> {
    /// Whether idle connections of `p` look again at certain times only.
    #[inline]
    pub(super) fn bides_its_time(&self, p: PeerId) -> bool {
        self.class(p).protocol.requests.retry > Span::ZERO
    }

    /// Looks at all connections of `p` on which it is unchoked and asks for nothing.
    pub(super) fn poll_idle(&mut self, p: PeerId) {
        if self.peer(p).stage != Stage::Leecher {
            return;
        }
        let stretch = self.peer(p).edges;
        for word in 0..stretch.words() {
            let served = self.edges.word(stretch, Mask::Served, word);
            let busy = self.edges.word(stretch, Mask::FlowIn, word);
            let wants = self.edges.word(stretch, Mask::Wants, word);
            for bit in bitfield::BitsOf(served & wants & !busy) {
                self.ask_for_more(p, u16_of(word * 64 + bit));
            }
        }
    }

    /// Has the idle connections of `p` looked at after this event, unless they bide their time.
    pub(super) fn request_repoll(&mut self, p: PeerId) {
        let bides = self.bides_its_time(p);
        let peer = self.peer_mut(p);
        if !bides && !peer.repoll_pending && peer.stage == Stage::Leecher {
            peer.repoll_pending = true;
            self.repoll.push(p);
        }
    }

    /// `piece` came in: connections of `p` to neighbours that have it ask for more, if they lack
    /// requests (libtorrent `do_update_interest`, `torrent::peer_is_interesting`).
    #[inline(never)]
    pub(super) fn poll_holders(&mut self, p: PeerId, piece: PieceId) {
        let slots: Vec<u16> = self.edges.slots(self.peer(p).edges, Mask::Served).collect();
        for slot in slots {
            let row = self.visible_row(self.neighbour(p, slot));
            if !self.is(p, Mask::Wants, slot) || !bitfield::has(&self.have[row], piece.index()) {
                continue;
            }
            if self.is(p, Mask::FlowIn, slot) {
                self.ask_on(p, slot, true);
            } else {
                self.ask_for_more(p, slot);
            }
        }
    }

    /// After a look of `p` at what to ask its neighbour in `slot` for, or the end of their flow: if
    /// it asks for nothing it will look again.
    #[inline]
    pub(super) fn retry_if_idle(&mut self, p: PeerId, slot: u16) {
        let is = |mask| self.is(p, mask, slot);
        if self.bides_its_time(p) && is(Mask::Served) && is(Mask::Wants) && !is(Mask::FlowIn) {
            self.retry_later(p);
        }
    }

    /// Has the idle connections of `p` looked at in due time: each by itself once a second where
    /// the client has a clock, or else all together.
    fn retry_later(&mut self, p: PeerId) {
        if self.in_turn(p).is_some() {
            self.start_clock(p);
            return;
        }
        let retry = self.class(p).protocol.requests.retry;
        if !std::mem::replace(&mut self.peer_mut(p).retry_pending, true) {
            self.queue.push(self.now + retry, Event::Retry(p));
        }
    }

    /// A second is over for `p`: connections that found nothing to ask for look again if they last
    /// asked long enough ago (libtorrent `second_tick`). Gives whether there are any idle ones.
    pub(super) fn retry_idle(&mut self, p: PeerId) -> bool {
        if self.peer(p).stage != Stage::Leecher || !self.bides_its_time(p) {
            return false;
        }
        let retry_ms = self.class(p).protocol.requests.retry.0 / 1_000_000;
        let now_ms = self.now_ms();
        let stretch = self.peer(p).edges;
        let mut is_idle = false;
        for word in 0..stretch.words() {
            let [served, wants, busy, asked] =
                [Mask::Served, Mask::Wants, Mask::FlowIn, Mask::Asked]
                    .map(|mask| self.edges.word(stretch, mask, word));
            for bit in bitfield::BitsOf(served & wants & !busy & !asked) {
                is_idle = true;
                let slot = u16_of(word * 64 + bit);
                let socket = self.socket_mut(p, slot);
                if u64::from(now_ms.wrapping_sub(socket.asked_ms)) >= retry_ms {
                    socket.asked_ms = now_ms;
                    self.ask_for_more(p, slot);
                }
            }
        }
        is_idle
    }

    /// The time has come.
    pub(super) fn retry(&mut self, p: PeerId) {
        self.peer_mut(p).retry_pending = false;
        self.poll_idle(p);
    }
}
