//! What a connection reads, as its limiter grants: blocks and messages in the order they were sent.
//!
//! A client asks the limiter of its downlink for what it has requested of a neighbour, and for no
//! less than its receive buffer has room for; what it may not read yet stays in the line, and with
//! it every message behind it (libtorrent `setup_receive`, `on_receive_data`). So where the
//! downlink is the limit, a request or a HAVE is heard seconds after it was sent, though the
//! sender's uplink is free.
//!
//! What precedes each block takes quota, too, and is not asked for: so of several blocks that come
//! at once the last one is not read to its end before the next grant.
//!
//! Laws: messages and blocks are read in the order in which they were let go; nothing is read
//! without quota where there is a limiter.

use super::edges::Mask;
use super::headers::{BLOCK_HEADER, headers_of};
use super::socket::{in_a_second, in_ticks, narrow};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{BLOCK, Bytes};

/// Quota for reading beyond what was requested (`wanted_transfer`).
const SPARE: u32 = 30;
/// The length of a message is read first.
const LENGTH: u32 = 4;

/// How far a connection gets with reading blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Progress {
    /// Bytes of blocks it reads.
    blocks: u32,
    /// What it reads of what precedes the next block, and all that it reads.
    header: u8,
    all: u32,
}

/// Reads at most `left` bytes where `ahead` bytes of blocks are to be read next, from `got` on in
/// the stream of them. So much of what precedes the next block was read before.
fn read_blocks(mut got: u64, header: u8, ahead: u32, left: u32) -> Progress {
    let mut progress = Progress { blocks: 0, header, all: 0 };
    while progress.blocks < ahead && progress.all < left {
        let in_block = narrow(got % BLOCK.0);
        if in_block == 0 {
            let rest = BLOCK_HEADER - u32::from(progress.header);
            let n = rest.min(left - progress.all);
            progress.all += n;
            progress.header += u8::try_from(n).expect("less than a header");
            if n < rest || progress.all == left {
                break;
            }
        }
        let n = (narrow(BLOCK.0) - in_block).min(ahead - progress.blocks).min(left - progress.all);
        progress.header = 0;
        progress.all += n;
        progress.blocks += n;
        got += u64::from(n);
    }
    progress
}

impl<O: Observer> Swarm<'_, O> {
    /// `q` asks for leave to read what it has requested from its neighbour in `slot`.
    pub(super) fn ask_to_read(&mut self, q: PeerId, slot: u16) {
        if self.some_wait {
            self.ask_for_room(q, slot, self.socket(q, slot).inbox.room());
        }
    }

    /// The same, where so many bytes are to be read.
    fn ask_for_room(&mut self, q: PeerId, slot: u16, room: u32) {
        let (p, back) = (self.neighbour(q, slot), self.back(q, slot));
        let line = self.line(q);
        let cap = self.links.down[line].cap;
        if cap.is_unlimited() || !self.is_metered(p) {
            return;
        }
        self.start_clock(q);
        if self.socket(q, slot).into.is_waited_for() {
            return;
        }
        let tick = self.tick_of(q);
        let sender = self.socket(p, back);
        let requested = narrow(sender.asked_to.saturating_sub(sender.sent));
        let requested = requested + self.just_requested(q, slot);
        let rest = self.rest_of_message(q, slot);
        let socket = &mut self.sockets[q.index()][usize::from(slot)];
        let usual = in_ticks(3 * (socket.reading.rate + socket.talk), tick) / 2;
        let wanted = (requested + socket.parked).max(rest) + SPARE;
        let wanted = wanted.max(usual).max(room);
        self.lines[line].down.ask(&mut socket.into, wanted, || in_a_second(cap), (q, slot));
    }

    /// `q` gets a message of so many bytes from its neighbour in `slot`: it acknowledges the
    /// packet, uses what quota it has there, and asks for more.
    pub(super) fn get_message(&mut self, q: PeerId, slot: u16, size: u32) {
        let line = self.line(q);
        let reads_by_quota = self.reads_by_quota(q);
        let socket = &mut self.sockets[q.index()][usize::from(slot)];
        let [first, rest] = socket.inbox.reads(size);
        socket.inbox.read(size, 0);
        let headers = headers_of(first) + headers_of(rest);
        socket.said += headers;
        self.count_transfer(q, headers);
        if reads_by_quota {
            let socket = &mut self.sockets[q.index()][usize::from(slot)];
            let used = size.min(socket.into.left);
            self.lines[line].down.take(&mut socket.into, used);
            self.ask_to_read(q, slot);
        }
    }

    /// `q` reads what it may of what its neighbour in `slot` has sent.
    pub(super) fn read(&mut self, q: PeerId, slot: u16) {
        if !self.is_present(q) || !self.is(q, Mask::Live, slot) {
            return;
        }
        let p = self.neighbour(q, slot);
        loop {
            self.ask_to_read(q, slot);
            let line = self.line(q);
            let unread = self.unread(q, slot);
            let socket = &mut self.sockets[q.index()][usize::from(slot)];
            let n = unread.min(socket.into.left);
            if n == 0 {
                return;
            }
            // What fills the buffer shows that there may be more: that is asked for and read, too,
            // before what has come in is looked at (`on_receive_data`).
            let room = socket.inbox.room();
            let first = n.min(room);
            self.lines[line].down.take(&mut socket.into, first);
            if first == room {
                self.ask_for_room(q, slot, unread - first);
            }
            let socket = &mut self.sockets[q.index()][usize::from(slot)];
            let rest = if first == room { socket.into.left.min(unread - first) } else { 0 };
            self.lines[line].down.take(&mut socket.into, rest);
            let (n, headers) = (first + rest, headers_of(first) + headers_of(rest));
            socket.said += headers;
            self.count_transfer(q, headers);
            if !self.look_at((p, q), slot, n) {
                return;
            }
        }
    }

    /// What `q` has not read of what its neighbour in `slot` has let go: blocks, with what precedes
    /// each, and messages.
    fn unread(&self, q: PeerId, slot: u16) -> u32 {
        let sender = self.socket(self.neighbour(q, slot), self.back(q, slot));
        let letters = sender.mail.iter().take(sender.passed as usize);
        let words: u32 = letters.map(|letter| letter.news.size()).sum();
        let socket = self.socket(q, slot);
        let got = sender.sent - u64::from(socket.parked);
        let begun = narrow(sender.sent.div_ceil(BLOCK.0) - got.div_ceil(BLOCK.0));
        let headers = (begun * BLOCK_HEADER).saturating_sub(socket.header.into());
        socket.parked + headers + words - u32::from(sender.in_part)
    }

    /// What is lacking of a message whose length `q` knows (`packet_bytes_remaining`).
    fn rest_of_message(&self, q: PeerId, slot: u16) -> u32 {
        let sender = self.socket(self.neighbour(q, slot), self.back(q, slot));
        let read = u32::from(sender.in_part);
        let message = sender.mail.front().filter(|_| read >= LENGTH);
        message.map_or(0, |letter| letter.news.size() - read)
    }

    /// The next message from the neighbour of `q` in `slot`, if it was let go: how many bytes of
    /// blocks are to be read before it, and how many of itself.
    fn next_message(&self, q: PeerId, slot: u16) -> Option<(u32, u32)> {
        let sender = self.socket(self.neighbour(q, slot), self.back(q, slot));
        let letter = sender.mail.front().filter(|_| sender.passed > 0)?;
        let parked = self.socket(q, slot).parked;
        let got = sender.sent - u64::from(parked);
        let ahead = narrow(letter.after.saturating_sub(got)).min(parked);
        Some((ahead, letter.news.size() - u32::from(sender.in_part)))
    }

    /// `q` has read so many bytes from `p` in its `slot`, and looks at them in order. Gives whether
    /// they are connected still.
    fn look_at(&mut self, (p, q): (PeerId, PeerId), slot: u16, n: u32) -> bool {
        let back = self.back(q, slot);
        let mut left = n;
        while left > 0 {
            let parked = self.socket(q, slot).parked;
            let (ahead, rest) = self.next_message(q, slot).unwrap_or((parked, 0));
            if ahead > 0 {
                let got = self.socket(p, back).sent - u64::from(parked);
                let socket = self.socket_mut(q, slot);
                let read = read_blocks(got, socket.header, ahead, left);
                socket.header = read.header;
                left -= read.all;
                if read.blocks == 0 {
                    continue;
                }
                let is_whole = self.deliver((p, q), slot, read.blocks);
                if !self.is_connected_to(q, slot, p) {
                    return false;
                }
                self.ask_on(q, slot, is_whole);
                if !self.is_connected_to(q, slot, p) {
                    return false;
                }
                continue;
            }
            if rest == 0 {
                break; // what else was read nobody waits for
            }
            let words = rest.min(left);
            left -= words;
            let sender = self.socket_mut(p, back);
            if words < rest {
                sender.in_part += u16::try_from(words).expect("less than a message");
                break;
            }
            sender.in_part = 0;
            let letter = self.take_letter(p, back).expect("it was let go");
            self.hear(q, slot, letter.news);
            if !self.is_connected_to(q, slot, p) {
                return false;
            }
        }
        let sender = self.socket(p, back);
        let got = sender.sent - u64::from(self.socket(q, slot).parked);
        let begun = match (sender.in_part, narrow(got % BLOCK.0)) {
            (0, 0) => self.socket(q, slot).header.into(),
            (0, in_block) => in_block + BLOCK_HEADER,
            (in_message, _) => u32::from(in_message),
        };
        self.socket_mut(q, slot).inbox.read(n, begun);
        true
    }

    /// Of what was let go, so many bytes reach `q` from `p` in its `slot`: as many as their flow
    /// still has, and the others nobody waits for. Gives whether some block is whole by that.
    pub(super) fn deliver(&mut self, (p, q): (PeerId, PeerId), slot: u16, n: u32) -> bool {
        let mut left = Bytes(n.into());
        let mut is_whole = false;
        while let Some(at) = self.flow_at(p, q) {
            let mark = self.links.up[self.line(p)].flows[at].left.bytes();
            if mark == Bytes::ZERO {
                self.reach_mark(p, at);
                if self.has_economy {
                    self.strike();
                }
                continue;
            }
            if left == Bytes::ZERO {
                return is_whole;
            }
            // A choke, or a piece that is done, may have left some of it unwanted.
            left = left.min(Bytes(self.socket(q, slot).parked.into()));
            if left == Bytes::ZERO {
                return is_whole;
            }
            let moved = left.min(mark);
            self.links.carry(self.now, self.link(p), at, moved);
            is_whole |= self.count_read((p, q), slot, narrow(moved.0));
            left -= moved;
        }
        if left > Bytes::ZERO && self.is_connected_to(q, slot, p) {
            let socket = self.socket_mut(q, slot);
            socket.parked = socket.parked.saturating_sub(narrow(left.0));
        }
        is_whole
    }

    /// So many bytes of blocks have come in at `q` from `p` in its `slot`; gives whether one is
    /// whole now.
    fn count_read(&mut self, (p, q): (PeerId, PeerId), slot: u16, n: u32) -> bool {
        let sent = self.socket(p, self.back(q, slot)).sent;
        let socket = self.socket_mut(q, slot);
        socket.parked -= n;
        socket.reading.second += n;
        let got = sent - u64::from(socket.parked);
        let blocks = got / BLOCK.0 - (got - u64::from(n)) / BLOCK.0;
        if blocks > 0 {
            self.count_answers(q, slot, blocks);
        }
        blocks > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_four_blocks_the_last_is_not_read_to_its_end_with_what_was_asked_for() {
        let four = 4 * 16_384;
        let progress = read_blocks(0, 0, four, four + SPARE);
        assert_eq!(progress, Progress { blocks: four - 22, header: 0, all: four + SPARE });
        // From the middle of a block on there is one header less.
        let progress = read_blocks(16_000, 0, four, four + SPARE);
        assert_eq!(progress, Progress { blocks: four - 22, header: 0, all: four + SPARE });
    }

    #[test]
    fn what_precedes_a_block_is_read_in_parts() {
        let first = read_blocks(16_384, 0, 100, 5);
        assert_eq!(first, Progress { blocks: 0, header: 5, all: 5 });
        let second = read_blocks(16_384, first.header, 100, 8);
        assert_eq!(second, Progress { blocks: 0, header: 13, all: 8 });
        let third = read_blocks(16_384, second.header, 100, 300);
        assert_eq!(third, Progress { blocks: 100, header: 0, all: 100 });
    }
}
