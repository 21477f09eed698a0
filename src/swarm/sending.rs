//! What a connection sends: blocks are read from the disk into its send buffer, and let go as its
//! limiter grants.
//!
//! A client reads blocks until its send buffer holds half a second of what went out lately, and
//! asks its limiter anew with each thing it writes (libtorrent `fill_send_buffer`,
//! `on_disk_read_complete`, `write_piece`, `setup_send`, `on_send_data`). At a tick quota is
//! granted, buffers are filled while what was granted is under way, and blocks come from the disk
//! in the order in which they were asked for. So of two that were granted the same, who asked first
//! goes on first.

use super::edges::End;
use super::edges::Mask;
use super::event::Event;
use super::headers::{BLOCK_HEADER, headers_of};
use super::letters::Letter;
use super::plan::Role;
use super::socket::{SECOND, in_a_second, narrow};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{BLOCK, Bytes};

impl<O: Observer> Swarm<'_, O> {
    /// The flow from `p` to `q`, if its first byte may go.
    pub(super) fn sending_at(&self, p: PeerId, q: PeerId) -> Option<usize> {
        let at = self.flow_at(p, q);
        at.filter(|&at| self.links.up[self.line(p)].flows[at].since <= self.now)
    }

    /// The next block to be written behind what is in the send buffer, if there is a request for
    /// it; with `more` bytes being read from the disk, the one after those.
    fn next_block(&self, p: PeerId, slot: u16, more: u32) -> u32 {
        let at = self.sending_at(p, self.neighbour(p, slot));
        let socket = self.socket(p, slot);
        let open = socket.open_to.saturating_sub(socket.written() + u64::from(more));
        let Some(at) = at.filter(|_| open > 0) else { return 0 };
        let before = self.committed(p, at) + u64::from(more);
        narrow(self.up_to_block(p, at, before + 1).saturating_sub(before))
    }

    /// Has blocks read from the disk until the send buffer will be full enough
    /// (`fill_send_buffer`).
    pub(super) fn fill(&mut self, p: PeerId, slot: u16) {
        let Some(&rules) = self.in_turn(p).filter(|_| self.is_metered(p)) else { return };
        loop {
            let socket = self.socket(p, slot);
            let lasting = match socket.sending.before {
                0 => Bytes::ZERO,
                before => Bytes(before.into()).rate_over(SECOND).bytes_in(rules.buffer_span),
            };
            let ahead = socket.being_read();
            let is_full =
                rules.buffer.max(lasting).0 <= u64::from(socket.buffer + socket.words + ahead);
            if is_full || self.next_block(p, slot, ahead) == 0 {
                return;
            }
            if self.class(p).role == Role::Seeder && !self.may_read(p, slot, ahead) {
                return;
            }
            self.socket_mut(p, slot).from_disk += 1;
            self.from_disk.push((p, slot));
        }
    }

    /// Blocks have been read from the disk, which takes longer than to send.
    pub(super) fn write_blocks(&mut self) {
        let mut read = std::mem::take(&mut self.from_disk);
        for (p, slot) in read.drain(..) {
            self.write_block(p, slot);
        }
        debug_assert!(self.from_disk.is_empty(), "to write reads nothing");
        self.from_disk = read;
    }

    /// A block has been read: it is written to the send buffer. Its header is written first, and
    /// each asks for quota (`write_piece`).
    fn write_block(&mut self, p: PeerId, slot: u16) {
        let is_open = self.is_present(p) && self.is(p, Mask::Live, slot);
        if !is_open || self.socket(p, slot).from_disk == 0 {
            return;
        }
        self.socket_mut(p, slot).from_disk -= 1;
        let block = self.next_block(p, slot, 0);
        if block == 0 {
            return; // it was rejected, or it is wanted no more
        }
        let (line, tick) = (self.line(p), self.tick_of(p));
        let cap = self.links.up[line].cap;
        let limit = || in_a_second(cap);
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        let limiter = &mut self.lines[line].up;
        let header = socket.wanted(BLOCK_HEADER, tick);
        limiter.ask(&mut socket.out, header, limit, (p, slot));
        socket.buffer += block;
        let all = socket.wanted(0, tick);
        limiter.ask(&mut socket.out, all, limit, (p, slot));
        self.stirred.push_back((p, slot));
    }

    /// Asks for quota for what is written (`setup_send`).
    pub(super) fn ask_to_send(&mut self, p: PeerId, slot: u16) {
        let (line, tick) = (self.line(p), self.tick_of(p));
        let cap = self.links.up[line].cap;
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        if !socket.is_empty() {
            let wanted = socket.wanted(0, tick);
            self.lines[line].up.ask(&mut socket.out, wanted, || in_a_second(cap), (p, slot));
        }
    }

    /// Lets a connection send what it may, and fills its buffer. If there may be more to do, it
    /// gets in line again behind others that were written to: each waits for its socket.
    pub(super) fn serve(&mut self, p: PeerId, slot: u16) {
        if !self.is_present(p) || !self.is(p, Mask::Live, slot) || !self.is_metered(p) {
            return;
        }
        let q = self.neighbour(p, slot);
        if !self.is(p, Mask::FlowOut, slot) && self.socket(p, slot).is_empty() {
            // Nothing is to be sent, and what is still in the line nobody waits for.
            self.start_clock(p);
            self.socket_mut(q, self.back(p, slot)).parked = 0;
            return;
        }
        self.deliver((p, q), self.back(p, slot), 0);
        if !self.is_connected_to(p, slot, q) {
            return;
        }
        self.start_clock(p);
        let at = self.sending_at(p, q);
        self.forget_unwanted(p, slot, at.map_or(0, |at| self.outstanding(p, at)));
        let line = self.line(p);
        let blocks = self.let_go((p, slot), q, line);
        if blocks > 0 {
            self.count_sent(p, slot, blocks);
            self.transmit(p, q, self.back(p, slot), blocks);
            if !self.is_connected_to(p, slot, q) {
                return;
            }
        }
        self.fill(p, slot);
        self.ask_to_send(p, slot);
        let socket = self.socket(p, slot);
        if !socket.is_empty() && socket.out.left > 0 {
            self.stirred.push_back((p, slot));
        }
    }

    /// Lets go to `q` what was written first, as far as quota goes, all at once; gives the bytes of
    /// blocks among it.
    fn let_go(&mut self, (p, slot): End, q: PeerId, line: usize) -> u32 {
        let back = self.back(p, slot);
        let reads_by_quota = self.reads_by_quota(q);
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        let limiter = &mut self.lines[line].up;
        let (mut blocks, mut words, before) = (0, 0, socket.sent);
        loop {
            let next = socket.mail.get(socket.passed as usize);
            let is_due = |letter: &&Letter| letter.after <= socket.sent || socket.buffer == 0;
            if let Some(letter) = next.filter(is_due) {
                let rest = letter.news.size() - u32::from(socket.part);
                let n = rest.min(socket.out.left);
                limiter.take(&mut socket.out, n);
                words += n;
                socket.words -= n;
                if n < rest {
                    socket.part += u16::try_from(n).expect("less than a message");
                    break;
                }
                socket.part = 0;
                socket.passed += 1;
                if reads_by_quota {
                    self.readers.push_back((q, back));
                } else {
                    self.queue.push(self.now, Event::Letter(p, slot));
                }
                continue;
            }
            let ahead = next.map_or(u64::MAX, |letter| letter.after - socket.sent);
            let n = socket.buffer.min(socket.out.left).min(narrow(ahead));
            if n == 0 {
                break;
            }
            limiter.take(&mut socket.out, n);
            socket.buffer -= n;
            socket.sent += u64::from(n);
            socket.sending.second += n;
            blocks += n;
        }
        if blocks + words > 0 {
            let headers = headers_of(blocks + words);
            socket.said += words + headers;
            let begun = socket.sent.div_ceil(BLOCK.0) - before.div_ceil(BLOCK.0);
            self.count_blocks(p, q, begun);
            self.count_transfer(p, headers);
        }
        blocks
    }

    /// The choker of `p` ranks by what was let go, not by what the neighbour has read.
    fn count_sent(&mut self, p: PeerId, slot: u16, n: u32) {
        let mut uploads = self.peer_mut(p).uploads.iter_mut();
        if let Some(upload) = uploads.find(|upload| upload.slot == slot) {
            upload.sent += u64::from(n);
            upload.sent_round += u64::from(n);
        }
    }

    /// Whether the connection of `p` in `slot` is still that to `q`.
    pub(super) fn is_connected_to(&self, p: PeerId, slot: u16, q: PeerId) -> bool {
        self.is_present(p) && self.is(p, Mask::Live, slot) && self.neighbour(p, slot) == q
    }

    /// Blocks let go reach `q`, which reads what it may.
    fn transmit(&mut self, p: PeerId, q: PeerId, back: u16, n: u32) {
        self.socket_mut(q, back).parked += n;
        self.start_clock(q);
        if self.reads_by_quota(q) {
            self.read(q, back);
        } else {
            self.socket_mut(q, back).said += headers_of(n);
            self.count_transfer(q, headers_of(n));
            let is_whole = self.deliver((p, q), back, n);
            self.ask_on(q, back, is_whole);
        }
    }
}
