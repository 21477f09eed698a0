//! Requests on their way: what was asked for in a message that is not there yet.
//!
//! A client chooses its blocks when it writes a request, and asks nobody else for them (libtorrent
//! `request_a_block`, `piece_picker::mark_as_downloading`). The message waits for the blocks ahead
//! of it, on a slow uplink for seconds; until then those asked for are claimed and not under way.
//!
//! Laws: a block is claimed by one connection at a time, but for the end game; what was claimed is
//! sent or given back; where nothing waits, nothing is pending.

use super::edges::Mask;
use super::event::Event;
use super::letters::{Letter, News};
use super::request::Ask;
use super::socket::narrow;
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::torrent::bitfield;
use crate::units::{BLOCK, Span};

/// A run of blocks that is asked for from the neighbour in `slot`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) slot: u16,
    pub(super) run: Run,
}

impl<O: Observer> Swarm<'_, O> {
    /// Sends a request of `p` to its neighbour in `slot`. Gives whether it is on its way, or `p`
    /// finds nothing to ask for or has not heard yet that it may; else it is there already.
    #[inline]
    pub(super) fn post_request(&mut self, p: PeerId, slot: u16) -> bool {
        self.some_wait && self.post_late_request(p, slot)
    }

    #[inline(never)]
    fn post_late_request(&mut self, p: PeerId, slot: u16) -> bool {
        if self.is(p, Mask::Asked, slot) {
            return true;
        }
        if self.expected_wait(p, slot) == Span::ZERO {
            return false;
        }
        if self.claim_ahead(p, slot) {
            self.note_request(p, slot);
            self.put(p, Mask::Asked, slot);
            if !self.post(p, slot, Letter::of(News::Request)) {
                self.queue.push(self.now, Event::Request(p, slot));
            }
            self.ask_to_read(p, slot);
        } else {
            self.retry_if_idle(p, slot);
        }
        true
    }

    /// What `p` has requested from its neighbour in `slot` with a first request that is on its way:
    /// it counts as outstanding once it is written (libtorrent `send_block_requests`).
    pub(super) fn just_requested(&self, p: PeerId, slot: u16) -> u32 {
        if !self.is(p, Mask::Asked, slot) && !self.is(p, Mask::Vain, slot) {
            return 0;
        }
        let own = self.pending[p.index()].iter().filter(|pending| pending.slot == slot);
        let claimed: u64 = own.map(|pending| self.run_size(p, pending.run).0).sum();
        let (from, back) = (self.neighbour(p, slot), self.back(p, slot));
        narrow(claimed.min(self.metered_pace(from, back).1.0))
    }

    /// Claims what `p` asks its neighbour in `slot` for; gives whether there is any.
    pub(super) fn claim_ahead(&mut self, p: PeerId, slot: u16) -> bool {
        let from = self.neighbour(p, slot);
        let at = self.flow_at(from, p);
        let ask = self.ask_at_pace(p, slot, from, at);
        let before = at.map_or(0, |at| self.asked(from, at));
        let mut asked = before;
        while asked < ask.most {
            let Some(run) = self.claim_next(&ask, asked) else { break };
            let more = std::mem::take(&mut self.scratch.more);
            for &run in std::iter::once(&run).chain(&more) {
                asked += self.run_size(p, run).0;
                self.pending[p.index()].push(Pending { slot, run });
            }
            self.scratch.more = more;
        }
        self.note_shortage(&ask, before, asked);
        asked > before
    }

    /// A connection that has looked for what to ask for, with `before` bytes asked for, has
    /// `asked` now. If that is less than it wanted it is in its end game (libtorrent
    /// `set_endgame`): it asks for no more until nothing is outstanding, and then for one block.
    pub(super) fn note_shortage(&mut self, ask: &Ask, before: u64, asked: u64) {
        if before < ask.most && self.is_metered(ask.from) && self.in_turn(ask.to).is_some() {
            self.socket_mut(ask.to, ask.slot).short = asked < ask.most;
        }
    }

    /// Whether `p` found less than it wanted when it looked last for what to ask its neighbour in
    /// `slot` for.
    pub(super) fn is_short(&self, p: PeerId, slot: u16) -> bool {
        self.some_wait && self.socket(p, slot).short
    }

    /// A request of `p` reaches its neighbour in `slot`, or `p` hears that it may ask. If `p` was
    /// choked meanwhile it is too late; if it was unchoked since, the first request is not late
    /// enough.
    pub(super) fn request_arrives(&mut self, p: PeerId, slot: u16) {
        if !self.is_present(p) || self.comes_too_late(p, slot) || !self.is(p, Mask::Asked, slot) {
            return;
        }
        self.take(p, Mask::Asked, slot);
        let mut runs = self.take_pending(p, slot);
        // In the end game somebody else may have sent it meanwhile.
        runs.retain(|&run| self.lacks_some(p, run));
        if runs.is_empty() {
            self.ask_for_more(p, slot);
            return;
        }
        let from = self.neighbour(p, slot);
        let mut at = self.flow_at(from, p);
        let ask = self.ask_at_pace(p, slot, from, at);
        for run in runs {
            at = Some(self.append(&ask, at, run));
        }
        if let Some(at) = at {
            self.set_mark_of(&ask, at, self.outstanding(from, at));
            self.open_requests(p, slot);
        }
    }

    /// A request of `p` has reached its neighbour in `slot`, which knows what `p` has claimed now.
    pub(super) fn open_requests(&mut self, p: PeerId, slot: u16) {
        let (from, back) = (self.neighbour(p, slot), self.back(p, slot));
        if !self.is_metered(from) {
            return;
        }
        let to = self.asks_to(from, back);
        let socket = self.socket_mut(from, back);
        socket.asked_to = socket.asked_to.max(to);
        socket.open_to = socket.asked_to;
        self.ask_to_read(p, slot);
        self.stirred.push_back((from, back));
    }

    /// Up to where the neighbour of `from` in `slot` requests what it has claimed: whole blocks.
    /// One that has come in part is outstanding until it is whole.
    fn asks_to(&self, from: PeerId, slot: u16) -> u64 {
        let (to, back) = (self.neighbour(from, slot), self.back(from, slot));
        let requested = self.flow_at(from, to).map_or(0, |at| {
            let queue = self.metered_pace(from, slot).1.0 - self.in_part(from, at);
            self.up_to_block(from, at, queue.min(self.outstanding(from, at)))
        });
        let socket = self.socket(from, slot);
        let on_its_way = u64::from(socket.buffer) + u64::from(self.socket(to, back).parked);
        (socket.written() + requested).saturating_sub(on_its_way)
    }

    /// Whether the neighbour of `p` in `slot` has requested more than was written, or is about to.
    pub(super) fn is_asked_for_more(&self, p: PeerId, slot: u16) -> bool {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        let socket = self.socket(p, slot);
        let asks = |news| matches!(news, News::More(_) | News::Request);
        let is_writing = self.mail(q, back).any(|letter| asks(letter.news));
        socket.open_to > socket.written() || is_writing || self.is(q, Mask::Asked, back)
    }

    /// Blocks came in from the neighbour of `p` in `slot`: `p` claims more where one `is_whole`,
    /// and requests the next ones of what it has claimed there (libtorrent `incoming_piece`).
    pub(super) fn ask_on(&mut self, p: PeerId, slot: u16, is_whole: bool) {
        let (from, back) = (self.neighbour(p, slot), self.back(p, slot));
        // The connection may have ended with what came in.
        if !self.is(p, Mask::Served, slot) || !self.is_metered(from) {
            return;
        }
        if is_whole && self.lacks_requests(p, slot, from, back) {
            self.ask_for_more(p, slot);
        }
        let to = self.asks_to(from, back);
        let socket = self.socket_mut(from, back);
        let n = narrow(to.saturating_sub(socket.asked_to));
        if n == 0 {
            return;
        }
        self.note_request(p, slot);
        self.socket_mut(from, back).asked_to = to;
        if !self.post(p, slot, Letter::of(News::More(n))) {
            self.hear_of_more(from, back, n);
        }
        self.ask_to_read(p, slot);
    }

    /// Whether `p` has claimed less at `from`, in whose `back` it is, than it keeps requested.
    fn lacks_requests(&self, p: PeerId, slot: u16, from: PeerId, back: u16) -> bool {
        let asked = self.flow_at(from, p).map_or(0, |at| self.asked(from, at));
        let most = if self.is_short(p, slot) { BLOCK.0 } else { self.metered_pace(from, back).1.0 };
        asked < most
    }

    /// The neighbour of `p` in `slot` requests so many bytes more.
    pub(super) fn hear_of_more(&mut self, p: PeerId, slot: u16, n: u32) {
        if self.is_metered(p) && self.is(p, Mask::Serves, slot) {
            self.socket_mut(p, slot).open_to += u64::from(n);
            self.stirred.push_back((p, slot));
        }
    }

    /// `p` chokes its neighbour in `slot` and rejects its requests, but for what is written.
    pub(super) fn reject_requests(&mut self, p: PeerId, slot: u16) {
        if self.is_metered(p) {
            let socket = self.socket_mut(p, slot);
            socket.open_to = socket.written();
            socket.asked_to = socket.open_to;
        }
    }

    /// `p` has choked its neighbour in `slot`, which hears of it behind all that was sent before:
    /// as long as it does not know, it asks nobody else for what is not sent to it.
    pub(super) fn tell_of_choke(&mut self, p: PeerId, slot: u16) {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        let held = self.held[q.index()].iter().filter(|held| held.slot == back);
        let rejects = held.map(|held| held.run.to - held.run.from).sum();
        if !self.post(p, slot, Letter::of(News::Choke(rejects))) {
            self.hear_choke(q, back);
        }
    }

    /// `q` hears that its neighbour in `back` has choked it.
    pub(super) fn hear_choke(&mut self, q: PeerId, back: u16) {
        self.let_others_send(q, back);
        let socket = self.socket_mut(q, back);
        socket.inbox.shrink();
        socket.short = false;
    }

    /// Gives back what `q` would have got from its neighbour in `back`.
    pub(super) fn let_others_send(&mut self, q: PeerId, back: u16) {
        let held = &mut self.held[q.index()];
        let runs: Vec<Run> =
            held.iter().filter(|held| held.slot == back).map(|held| held.run).collect();
        held.retain(|held| held.slot != back);
        for run in runs {
            self.release(q, run);
        }
    }

    /// The neighbour of `to` in `slot` will not send it this run: others may when `to` hears of it.
    pub(super) fn hold_or_release(&mut self, from: PeerId, (to, slot): (PeerId, u16), run: Run) {
        if self.is_metered(from) && self.in_turn(from).is_some() && !run.is_empty() {
            self.held[to.index()].push(Pending { slot, run });
        } else {
            self.release(to, run);
        }
    }

    /// `p` is choked by its neighbour in `slot` before what it asked for was there.
    pub(super) fn drop_pending(&mut self, p: PeerId, slot: u16) {
        for run in self.take_pending(p, slot) {
            self.release(p, run);
        }
    }

    /// Whether `p` has requested something of its neighbour in `slot` that is not there yet.
    pub(super) fn has_pending(&self, p: PeerId, slot: u16) -> bool {
        let pending = self.pending.get(p.index());
        pending.is_some_and(|all| all.iter().any(|pending| pending.slot == slot))
    }

    /// How many blocks that is.
    pub(super) fn blocks_pending(&self, p: PeerId, slot: u16) -> u16 {
        let pending = self.pending[p.index()].iter().filter(|pending| pending.slot == slot);
        pending.map(|Pending { run, .. }| run.to - run.from).sum()
    }

    fn take_pending(&mut self, p: PeerId, slot: u16) -> Vec<Run> {
        let pending = &mut self.pending[p.index()];
        let to_slot = pending.iter().filter(|pending| pending.slot == slot);
        let runs = to_slot.map(|pending| pending.run).collect();
        pending.retain(|pending| pending.slot != slot);
        runs
    }

    /// Whether some block of a run is not in yet.
    fn lacks_some(&self, p: PeerId, run: Run) -> bool {
        let Some(at) = self.partial_at(p, run.piece()) else { return false };
        let got = self.blocks.received(self.peer(p).partials[at].bits, self.block_words);
        (run.from..run.to).any(|block| !bitfield::has(got, usize::from(block)))
    }

    /// The laws of one peer: what is pending is claimed, and each is on its way; what is held is so
    /// until a choke is heard.
    pub(super) fn audit_pending(&self, p: PeerId) {
        let Some(pending) = self.pending.get(p.index()) else { return };
        for &Pending { slot, run } in pending {
            let is_known = self.is(p, Mask::Asked, slot) || self.is(p, Mask::Vain, slot);
            assert!(is_known, "what is pending is on its way, or refused");
            let Some(at) = self.partial_at(p, run.piece()) else { continue };
            let sets = self.peer(p).partials[at].bits;
            let busy = self.blocks.claimed(sets, self.block_words);
            let is_claimed = |block| bitfield::has(busy, usize::from(block));
            // Of a block that is asked for twice, the first request may have been given back.
            let all = run.twin || (run.from..run.to).all(is_claimed);
            assert!(all, "what is pending is claimed");
        }
        for held in &self.held[p.index()] {
            let (from, back) = (self.neighbour(p, held.slot), self.back(p, held.slot));
            let mut mail = self.mail(from, back);
            let is_told = mail.any(|letter| matches!(letter.news, News::Choke(_)));
            assert!(is_told, "what a choke gives back is held until it is heard");
        }
    }
}
