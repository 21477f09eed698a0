//! How a connection begins: handshakes, and what each end has.
//!
//! Whoever connects writes a handshake, and the other end answers with its own; whoever gets one
//! says what it has, with an extension handshake and a bitfield (libtorrent
//! `bt_peer_connection::on_connected`, `on_receive`, `write_bitfield`).
//! Each of these messages waits in its send buffer like any other, so that with a rate limiter at
//! both ends it takes a second until a seeder hears that somebody who connected is interested.
//! Pieces verified before the bitfield was written are in it, all others are announced behind it.
//! Where no messages wait, each end knows at once what the other has.
//!
//! Law: nobody is interested before it has heard what the other end has.

use super::edges::Mask;
use super::letters::{Letter, News};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;

/// What one end of a connection has said of itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Greeting {
    /// Nothing.
    #[default]
    None,
    /// Its handshake is written.
    Begun,
    /// Its bitfield is written.
    Written,
    /// The other end has its bitfield.
    Heard,
}

impl<O: Observer> Swarm<'_, O> {
    /// `p` says its first word to its neighbour in `slot`.
    pub(super) fn shake_hands(&mut self, p: PeerId, slot: u16) {
        self.socket_mut(p, slot).greeting = Greeting::Begun;
        self.say(p, slot, News::Handshake);
    }

    fn say_what_it_has(&mut self, p: PeerId, slot: u16) {
        self.socket_mut(p, slot).greeting = Greeting::Written;
        self.say(p, slot, News::Bitfield);
    }

    fn say(&mut self, p: PeerId, slot: u16, news: News) {
        if !self.post(p, slot, Letter::of(news)) {
            self.hear(self.neighbour(p, slot), self.back(p, slot), news);
        }
    }

    /// `q` gets a handshake: if it is not the answer to its own, it answers. Then it says what it
    /// has, and where that is something, and a slot is free, it unchokes whom it does not know yet,
    /// to save time if that is interested (`maybe_unchoke_this_peer`).
    pub(super) fn hear_handshake(&mut self, q: PeerId, back: u16) {
        if self.socket(q, back).greeting == Greeting::None {
            self.shake_hands(q, back);
        }
        self.say_what_it_has(q, back);
        if self.n_have[q.index()] > 0 && !self.is(q, Mask::Serves, back) {
            self.fill_free_slot(q, back);
        }
    }

    /// `q` learns what its neighbour in `back` has.
    pub(super) fn hear_bitfield(&mut self, q: PeerId, back: u16) {
        let (p, slot) = (self.neighbour(q, back), self.back(q, back));
        self.socket_mut(p, slot).greeting = Greeting::Heard;
        self.show_first_piece(p, slot);
        self.look_for_interest(q, back);
    }

    /// Whether the neighbour of `p` in `slot` knows which pieces `p` has.
    pub(super) fn is_introduced(&self, p: PeerId, slot: u16) -> bool {
        !self.some_wait || self.socket(p, slot).greeting == Greeting::Heard
    }

    /// Whether news of `p` need not be sent to its neighbour in `slot`: its bitfield will tell.
    pub(super) fn will_say_what_it_has(&self, p: PeerId, slot: u16) -> bool {
        self.some_wait && self.socket(p, slot).greeting < Greeting::Written
    }
}
