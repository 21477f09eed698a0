//! Letters: messages to one neighbour that are on their way, in the order they were sent.
//!
//! HAVE, INTERESTED and NOT INTERESTED go through the same send buffer as blocks (libtorrent
//! `peer_connection::send_buffer`), so each neighbour hears of a piece, or of interest begun or
//! lost, when what was sent to it before is through. Only peers whose messages wait write letters.
//!
//! Law: letters to a neighbour arrive in the order they were sent, and the last one tells the
//! truth.

use super::edges::Mask;
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::ids::{PeerId, PieceId};
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::SimTime;

/// What a letter says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// The sender has this piece.
    Have(u16),
    /// The sender is interested.
    Interested,
    /// The sender is interested no more.
    NotInterested,
}

/// A message on its way to the neighbour in `slot`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    slot: u16,
    news: News,
    due: SimTime,
}

impl<O: Observer> Swarm<'_, O> {
    /// Sends a letter of `p` to its neighbour in `slot`, which is there no earlier than those sent
    /// before. Gives whether it is on its way; else it is there already.
    fn post_letter(&mut self, p: PeerId, slot: u16, news: News) -> bool {
        let sent = &self.letters[p.index()];
        let before = sent.iter().rev().find(|letter| letter.slot == slot);
        let (is_first, before) = (before.is_none(), before.map_or(SimTime::ZERO, |sent| sent.due));
        let due = before.max(self.now + self.message_wait(p, slot));
        if is_first && due <= self.now {
            return false;
        }
        self.letters[p.index()].push(Letter { slot, news, due });
        // Each letter is looked at when the one before it is there.
        if is_first {
            self.queue.push(due, Event::Letter(p, slot));
        }
        true
    }

    /// Tells the neighbour of `p` in `slot` that `p` became interested, or is no more. Where it
    /// serves `p`, a request follows at once.
    pub(super) fn tell(&mut self, p: PeerId, slot: u16, news: News) {
        if self.some_wait && self.post_letter(p, slot, news) {
            self.ask_for_more(p, slot);
            return;
        }
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        self.hear(q, back, news);
    }

    fn hear(&mut self, q: PeerId, back: u16, news: News) {
        match news {
            News::Have(piece) => self.hear_of_piece(q, back, PieceId(piece)),
            News::Interested => {
                self.put(q, Mask::Wanted, back);
                self.heard_interest(q, back);
            }
            News::NotInterested => {
                self.take(q, Mask::Wanted, back);
                self.heard_no_interest(q, back);
            }
        }
    }

    /// The first letter of `p` to its neighbour in `slot` arrives; void if the connection ended.
    pub(super) fn letter_arrives(&mut self, p: PeerId, slot: u16) {
        let letters = &mut self.letters[p.index()];
        let is_due = |letter: &Letter| letter.slot == slot && letter.due <= self.now;
        let Some(at) = letters.iter().position(is_due) else { return };
        let news = letters.remove(at).news;
        if let Some(next) = letters.iter().find(|letter| letter.slot == slot) {
            self.queue.push(next.due, Event::Letter(p, slot));
        }
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        self.hear(q, back, news);
    }

    fn hear_of_piece(&mut self, q: PeerId, back: u16, piece: PieceId) {
        let row = self.row(q);
        if self.peer(q).stage != Stage::Leecher || bitfield::has(&self.have[row], piece.index()) {
            return;
        }
        if !self.is(q, Mask::Wants, back) {
            self.become_interested(q, back, piece.0);
        }
        let row = self.row(q);
        if !self.is(q, Mask::FlowIn, back) && !bitfield::has(&self.taken[row], piece.index()) {
            self.ask_for_more(q, back);
        }
    }

    /// Sends the HAVEs of `piece` that wait, to those neighbours that lack it.
    #[inline(never)]
    pub(super) fn post_haves(&mut self, p: PeerId, piece: PieceId) {
        if self.in_turn(p).is_none() {
            return;
        }
        let slots: Vec<u16> = self.edges.slots(self.peer(p).edges, Mask::Live).collect();
        for slot in slots {
            let row = self.row(self.neighbour(p, slot));
            if !bitfield::has(&self.have[row], piece.index()) {
                self.post_letter(p, slot, News::Have(piece.0));
            }
        }
    }

    /// Whether letters of `p` are on their way.
    #[inline]
    pub(super) fn is_writing(&self, p: PeerId) -> bool {
        self.some_wait && !self.letters[p.index()].is_empty()
    }

    /// Those of the pieces in `seen`, announced by `from`, that its neighbour in `slot` has heard
    /// of.
    #[inline(never)]
    pub(super) fn heard_of(&self, from: PeerId, slot: u16, seen: &[u64]) -> Vec<u64> {
        let mut heard = seen.to_vec();
        for letter in self.letters.get(from.index()).into_iter().flatten() {
            if let News::Have(piece) = letter.news
                && letter.slot == slot
            {
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

    /// Whether a HAVE of `piece` is on its way to the neighbour of `p` in `slot`.
    pub(super) fn is_unheard(&self, p: PeerId, slot: u16, piece: PieceId) -> bool {
        let news = News::Have(piece.0);
        self.letters[p.index()].iter().any(|letter| letter.slot == slot && letter.news == news)
    }

    /// The last that the neighbour in `slot` will hear of the interest of `p`, if it is on its way.
    pub(super) fn last_word(&self, p: PeerId, slot: u16) -> Option<News> {
        let of_interest =
            |letter: &&Letter| letter.slot == slot && !matches!(letter.news, News::Have(_));
        self.letters.get(p.index())?.iter().rev().find(of_interest).map(|letter| letter.news)
    }

    /// The connection of `p` to its neighbour in `slot` ended, and with it the letters.
    pub(super) fn burn_letters(&mut self, p: PeerId, slot: u16) {
        if self.some_wait {
            self.letters[p.index()].retain(|letter| letter.slot != slot);
        }
    }
}
