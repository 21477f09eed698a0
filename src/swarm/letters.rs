//! Letters: messages to one neighbour that are on their way, in the order they were sent.
//!
//! CHOKE and UNCHOKE, requests, CANCEL, HAVE, INTERESTED and NOT INTERESTED go through the same
//! send buffer as blocks (libtorrent `peer_connection::send_buffer`), so each neighbour hears of a
//! piece, or of interest begun or lost, when it has read what was sent to it before. Only peers
//! whose messages wait write letters.
//!
//! Law: letters to a neighbour arrive in the order they were sent, and the last one tells the
//! truth.

use super::edges::Mask;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;

/// A request, and what cancels or rejects it (BEP 3, BEP 6).
const REQUEST: u32 = 17;

/// What a letter says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// The first word of a connection.
    Handshake,
    /// Which pieces the sender has, and what its client can do.
    Bitfield,
    /// The sender has this piece.
    Have(u16),
    /// The sender is interested.
    Interested,
    /// The sender is interested no more.
    NotInterested,
    /// The sender unchokes the receiver.
    Unchoke,
    /// The sender chokes the receiver, and rejects so many requests.
    Choke(u16),
    /// The sender asks for what it has claimed.
    Request,
    /// The sender rejects so many requests that came when it choked the receiver.
    Reject(u16),
    /// The sender wants this block of this piece no more.
    Cancel(u16, u16),
    /// The sender asks for so many bytes more of what it has claimed.
    More(u32),
}

impl News {
    /// Bytes on the wire (BEP 3).
    pub(super) fn size(self) -> u32 {
        match self {
            Self::Handshake => 68,
            // With an extension handshake (BEP 10), about.
            Self::Bitfield => 222,
            Self::Have(_) => 9,
            Self::Interested | Self::NotInterested | Self::Unchoke => 5,
            Self::Request | Self::More(_) | Self::Cancel(..) => REQUEST,
            Self::Choke(rejects) => 5 + REQUEST * u32::from(rejects),
            Self::Reject(blocks) => REQUEST * u32::from(blocks),
        }
    }

    /// Bytes that are written first: the header of the extension handshake is a message of its own.
    pub(super) fn start(self) -> u32 {
        match self {
            Self::Bitfield => 6,
            _ => self.size(),
        }
    }
}

/// A message on its way to a neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    pub(super) news: News,
    /// How many bytes of blocks are sent before it.
    pub(super) after: u64,
}

impl Letter {
    /// A letter that was not posted yet.
    pub(super) fn of(news: News) -> Self {
        Self { news, after: 0 }
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Tells the neighbour of `p` in `slot` that `p` became interested, or is no more. Where it
    /// serves `p`, a request follows at once.
    pub(super) fn tell(&mut self, p: PeerId, slot: u16, news: News) {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        self.count_news(p, q);
        if self.post(p, slot, Letter::of(news)) {
            self.ask_for_more(p, slot);
            return;
        }
        self.hear(q, back, news);
    }

    pub(super) fn hear(&mut self, q: PeerId, back: u16, news: News) {
        match news {
            News::Handshake => self.hear_handshake(q, back),
            News::Bitfield => self.hear_bitfield(q, back),
            News::Have(piece) => self.hear_of_piece(q, back, PieceId(piece)),
            News::Interested => {
                self.put(q, Mask::Wanted, back);
                self.heard_interest(q, back);
            }
            News::NotInterested => {
                self.take(q, Mask::Wanted, back);
                self.heard_no_interest(q, back);
            }
            News::Unchoke => self.hear_unchoke(q, back),
            News::Choke(_) => self.hear_choke(q, back),
            News::Reject(_) => self.hear_rejects(q, back),
            News::More(n) => self.hear_of_more(q, back, n),
            News::Cancel(piece, block) => {
                if let Some(at) = self.flow_at(q, self.neighbour(q, back)) {
                    self.remove_block(q, at, PieceId(piece), block);
                }
            }
            News::Request => {
                let (p, slot) = (self.neighbour(q, back), self.back(q, back));
                self.hear_request(p, slot);
            }
        }
    }

    /// The first letter of `p` to its neighbour in `slot` arrives; void if the connection ended.
    pub(super) fn letter_arrives(&mut self, p: PeerId, slot: u16) {
        if let Some(letter) = self.take_letter(p, slot) {
            let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
            self.get_message(q, back, letter.news.size());
            self.hear(q, back, letter.news);
        }
    }

    fn hear_of_piece(&mut self, q: PeerId, back: u16, piece: PieceId) {
        if self.drops_new_seeder(q, back) {
            return;
        }
        let row = self.row(q);
        if self.peer(q).stage != Stage::Leecher || bitfield::has(&self.have[row], piece.index()) {
            return;
        }
        if !self.is(q, Mask::Wants, back) {
            self.become_interested(q, back, piece.0);
        }
        let row = self.row(q);
        if !self.bides_its_time(q)
            && !self.is(q, Mask::FlowIn, back)
            && !bitfield::has(&self.taken[row], piece.index())
        {
            self.ask_for_more(q, back);
        }
    }

    /// Sends the HAVEs of `piece` that wait, also to neighbours that have it (libtorrent
    /// `send_redundant_have`): they take quota.
    #[inline(never)]
    pub(super) fn post_haves(&mut self, p: PeerId, piece: PieceId) {
        if self.in_turn(p).is_none() {
            return;
        }
        let slots: Vec<u16> = self.edges.slots(self.peer(p).edges, Mask::Live).collect();
        for (i, &slot) in slots.iter().enumerate() {
            if let Some(&next) = slots.get(i + super::warm::ENDS_AHEAD) {
                self.warm_other_end(p, next);
            }
            if !self.will_say_what_it_has(p, slot) {
                self.post(p, slot, Letter::of(News::Have(piece.0)));
            }
        }
    }

    /// Whether the neighbour in `slot` may not have heard yet of all that `p` has.
    #[inline]
    pub(super) fn is_writing(&self, p: PeerId, slot: u16) -> bool {
        self.some_wait && (!self.is_introduced(p, slot) || self.mail(p, slot).next().is_some())
    }

    /// Those of the pieces in `seen`, announced by `from`, that its neighbour in `slot` has heard
    /// of.
    #[inline(never)]
    pub(super) fn heard_of(&self, from: PeerId, slot: u16, seen: &[u64]) -> Vec<u64> {
        if !self.is_introduced(from, slot) {
            return vec![0; seen.len()];
        }
        let mut heard = seen.to_vec();
        for letter in self.mail(from, slot) {
            if let News::Have(piece) = letter.news {
                bitfield::clear(&mut heard, usize::from(piece));
            }
        }
        heard
    }

    /// Takes what the neighbour of `from` in `slot` has not heard of out of `scratch.view` and
    /// `scratch.wanted`; gives whether anything wanted is left.
    #[inline(never)]
    pub(super) fn list_heard_of(&mut self, from: PeerId, slot: u16) -> bool {
        self.scratch.view = self.heard_of(from, slot, &self.scratch.view);
        self.scratch.wanted = self.heard_of(from, slot, &self.scratch.wanted);
        self.scratch.wanted.iter().any(|&word| word != 0)
    }

    /// Whether the neighbour of `p` in `slot` is still to hear of `piece`.
    pub(super) fn is_unheard(&self, p: PeerId, slot: u16, piece: PieceId) -> bool {
        let news = News::Have(piece.0);
        !self.is_introduced(p, slot) || self.mail(p, slot).any(|letter| letter.news == news)
    }

    /// The last that the neighbour in `slot` will hear of the interest of `p`, if it is on its way.
    pub(super) fn last_word(&self, p: PeerId, slot: u16) -> Option<News> {
        let of_interest = |news: &News| matches!(news, News::Interested | News::NotInterested);
        self.mail(p, slot).rev().map(|letter| letter.news).find(of_interest)
    }
}
