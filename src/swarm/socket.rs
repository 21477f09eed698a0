//! The two ends of a connection: a send buffer, what its line lets it send, and what it lets it
//! read.
//!
//! A client writes blocks into a send buffer, as many as half a second needs, and messages behind
//! them; it asks the limiter of its uplink for as much as lies there, and for at least what it
//! sends in two ticks at its recent rate (libtorrent `fill_send_buffer`, `setup_send`,
//! `wanted_transfer`). A connection that was just opened holds one block and gets one block per
//! tick, however fast the uplink is; one that was fast asks for more and stays fast. So a fast
//! uplink is divided by seniority, what several neighbours were sent arrives at the same moment,
//! and a message waits for the blocks that were written before it and for a grant. The receiver
//! asks the limiter of its downlink for what it has requested (`setup_receive`), and what it may
//! not read yet stays in the line.
//!
//! Laws: nothing is in a send buffer that was not requested; messages arrive in the order in which
//! they were written, none before the blocks ahead of it.
//!
//! Where it is wrong: a message is read at once, whether there is quota for all of it or not.

use super::edges::Mask;
use super::event::Event;
use super::greeting::Greeting;
use super::headers::{BLOCK_HEADER, HEADER, PACKET};
use super::letters::{Letter, News};
use super::limiter::{End, PATIENCE, Quota};
use super::meter::{Meter, average};
use super::plan::{InTurn, Requests};
use super::receive_buffer::ReceiveBuffer;
use super::request::queue_bytes;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::net::LinkId;
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, Bytes, NS_PER_S, Span};
use std::collections::VecDeque;

/// Quota for reading beyond what was requested (`wanted_transfer`).
const SPARE: u32 = 30;
/// A rate that rises by no more than this from one second to the next has settled
/// (`peer_connection::second_tick`).
const SETTLED: u32 = 5000;
/// A second.
pub(super) const SECOND: Span = Span(NS_PER_S);

/// One end of a connection. All in bytes or bytes per second, but for `queue` and `fewest`. What
/// the other end touches with each message is on the first cache line, what this end sends on the
/// second.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Socket {
    /// What it may read.
    pub(super) into: Quota,
    /// Where it reads into.
    pub(super) inbox: ReceiveBuffer,
    /// Blocks the neighbour has let go and this end has not read.
    pub(super) parked: u32,
    /// Messages and headers in this second, and on average over some seconds.
    said: u32,
    talk: u32,
    /// Blocks read.
    pub(super) reading: Meter,
    /// Blocks this end keeps requested, and whether those still grow with each that comes in (slow
    /// start).
    pub(super) queue: u32,
    starts: bool,
    /// What it has said of itself.
    pub(super) greeting: Greeting,

    /// What it may send.
    pub(super) out: Quota,
    /// Blocks let go so far.
    sent: u64,
    /// The neighbour has written requests for blocks up to here, and those up to there have
    /// arrived; both in bytes of blocks since the connection began.
    pub(super) asked_to: u64,
    pub(super) open_to: u64,
    /// Blocks in the send buffer.
    pub(super) buffer: u32,
    /// Messages, all together.
    words: u32,
    /// Blocks let go.
    pub(super) sending: Meter,
    /// The first so many messages have been let go and will be heard at once.
    passed: u32,

    /// Messages, oldest first.
    mail: VecDeque<Letter>,
    /// Blocks it keeps requested when none come in.
    fewest: u32,
    /// When it last choked the neighbour, in milliseconds since the start.
    pub(super) choked_ms: u32,
}

const _: () = assert!(size_of::<Socket>() == 192, "one for each neighbour");
const _: () = assert!(std::mem::offset_of!(Socket, out) == 64, "the second line");

impl Socket {
    /// Up to where blocks have been written to the send buffer.
    pub(super) fn written(&self) -> u64 {
        self.sent + u64::from(self.buffer)
    }

    /// A second is over: what is known of the rates, and of how much to request.
    pub(super) fn end_second(&mut self, span_s: u32, is_served: bool, requests: &Requests) {
        let settles =
            self.reading.before > 0 && self.reading.before + SETTLED >= self.reading.second;
        if is_served && settles {
            self.starts = false;
        }
        self.sending.end_second(span_s);
        self.reading.end_second(span_s);
        self.count_talk(span_s);
        if !self.starts {
            let queue = queue_bytes(requests, self.reading.known_rate());
            self.queue = narrow(queue.0 / BLOCK.0);
        }
    }

    /// The same where no block moved lately.
    pub(super) fn fall_quiet(&mut self, span_s: u32) {
        if !self.starts {
            self.queue = self.fewest;
        }
        self.count_talk(span_s);
    }

    fn count_talk(&mut self, span_s: u32) {
        self.talk = average(self.talk, std::mem::take(&mut self.said), span_s);
    }

    /// Whether no block moved lately.
    pub(super) fn is_still(&self) -> bool {
        self.sending.is_still() && self.reading.is_still()
    }

    /// Whether a second more would change nothing.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_still() && self.talk == 0 && self.said == 0
    }

    /// What it wants to be let send when so many bytes more are written.
    fn wanted(&self, more: u32, tick: Span) -> u32 {
        (self.buffer + self.words + more).max(self.usual(tick))
    }

    /// Whether nothing is written that was not let go.
    fn is_empty(&self) -> bool {
        self.buffer == 0 && self.words == 0
    }

    /// What it sends in two ticks, messages and headers included (`statistics().upload_rate()`).
    fn usual(&self, tick: Span) -> u32 {
        in_ticks(2 * (self.sending.rate + self.talk), tick)
    }

    /// Whether nothing is ahead of a message.
    fn is_clear(&self) -> bool {
        self.mail.is_empty() && self.buffer == 0
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Whether a limiter meters what `p` sends.
    #[inline]
    pub(super) fn is_metered(&self, p: PeerId) -> bool {
        self.some_wait && self.links.up[self.line(p)].metered
    }

    #[inline]
    pub(super) fn socket(&self, p: PeerId, slot: u16) -> &Socket {
        &self.sockets[p.index()][usize::from(slot)]
    }

    #[inline]
    pub(super) fn socket_mut(&mut self, p: PeerId, slot: u16) -> &mut Socket {
        &mut self.sockets[p.index()][usize::from(slot)]
    }

    /// Whether `p` reads what it may, and not all that comes.
    pub(super) fn reads_by_quota(&self, p: PeerId) -> bool {
        !self.links.down[self.line(p)].cap.is_unlimited()
    }

    /// `p` and `q` begin a connection, which `p` makes.
    pub(super) fn open_sockets(&mut self, (p, slot): End, (q, back): End) {
        self.open_socket((p, slot));
        self.open_socket((q, back));
        self.ask_to_read(p, slot);
        self.ask_to_read(q, back);
        self.shake_hands(p, slot);
    }

    fn open_socket(&mut self, (p, slot): End) {
        let requests = &self.class(p).protocol.requests;
        let (queue, starts) = match requests.queue_start {
            0 => (requests.queue_min, false),
            start => (start, true),
        };
        let fewest = narrow(queue_bytes(requests, ByteRate::ZERO).0 / BLOCK.0);
        let sockets = &mut self.sockets[p.index()];
        let at = usize::from(slot);
        if sockets.len() <= at {
            sockets.resize_with(at + 1, Socket::default);
        }
        let choked_ms = self.now_ms();
        let sockets = &mut self.sockets[p.index()];
        let new = Socket::default();
        sockets[at] = Socket { queue, starts, fewest, choked_ms, ..new };
    }

    /// The connection of `p` to its neighbour in `slot` ended, and with it all that was on its way.
    pub(super) fn close_socket(&mut self, p: PeerId, slot: u16) {
        if self.some_wait {
            let socket = std::mem::take(self.socket_mut(p, slot));
            let line = self.line(p);
            self.lines[line].up.forget(&socket.out, (p, slot));
            self.lines[line].down.forget(&socket.into, (p, slot));
        }
    }

    /// Puts a letter behind what the connection of `p` to its neighbour in `slot` has to send.
    /// Gives whether it is on its way; else it is there already.
    pub(super) fn post(&mut self, p: PeerId, slot: u16, mut letter: Letter) -> bool {
        if !self.is_metered(p) {
            return false;
        }
        let size = letter.news.size();
        if self.passes(p, slot, size) {
            let (line, tick) = (self.line(p), self.tick_of(p));
            let cap = self.links.up[line].cap;
            let socket = &mut self.sockets[p.index()][usize::from(slot)];
            let limiter = &mut self.lines[line].up;
            let wanted = size.max(socket.usual(tick));
            limiter.ask(&mut socket.out, wanted, || in_a_second(cap), (p, slot));
            limiter.take(&mut socket.out, size);
            socket.said += size + HEADER;
            self.start_clock(p);
            self.get_message(self.neighbour(p, slot), self.back(p, slot), size);
            return false;
        }
        let (line, tick) = (self.line(p), self.tick_of(p));
        let cap = self.links.up[line].cap;
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        letter.after = socket.written();
        // Quota is asked for as soon as something is written, be there more to write or not.
        let wanted = socket.wanted(letter.news.start(), tick);
        self.lines[line].up.ask(&mut socket.out, wanted, || in_a_second(cap), (p, slot));
        socket.words += size;
        socket.mail.push_back(letter);
        self.stirred.push_back((p, slot));
        true
    }

    /// Whether a message of so many bytes would be let go at once.
    fn passes(&self, p: PeerId, slot: u16, size: u32) -> bool {
        let (line, socket) = (self.line(p), self.socket(p, slot));
        let wanted = size.max(socket.usual(self.tick_of(p)));
        let limit = || in_a_second(self.links.up[line].cap);
        socket.is_clear() && self.lines[line].up.lets(&socket.out, wanted, size, limit)
    }

    /// How long a request of `p` to its neighbour in `slot` would wait, about.
    pub(super) fn expected_wait(&self, p: PeerId, slot: u16) -> Span {
        if !self.is_metered(p) || self.passes(p, slot, News::Request.size()) {
            return Span::ZERO;
        }
        let (socket, tick) = (self.socket(p, slot), self.tick_of(p));
        if socket.buffer == 0 {
            return tick;
        }
        let ahead = Bytes(socket.buffer.into()).volume();
        ahead.time_at(socket.sending.known_rate()).min(tick.times(PATIENCE.into()))
    }

    /// The oldest letter that passed.
    pub(super) fn take_letter(&mut self, p: PeerId, slot: u16) -> Option<Letter> {
        let socket = self.sockets.get_mut(p.index())?.get_mut(usize::from(slot))?;
        socket.passed = socket.passed.checked_sub(1)?;
        socket.mail.pop_front()
    }

    /// Letters of `p` to its neighbour in `slot` that are on their way.
    pub(super) fn mail(&self, p: PeerId, slot: u16) -> impl DoubleEndedIterator<Item = &Letter> {
        let socket = self.sockets.get(p.index()).and_then(|of| of.get(usize::from(slot)));
        socket.into_iter().flat_map(|socket| &socket.mail)
    }

    /// What of a metered flow is in the send buffer or in the line: it cannot be taken back.
    pub(super) fn committed(&self, from: PeerId, at: usize) -> u64 {
        if !self.is_metered(from) {
            return 0;
        }
        let line = self.line(from);
        let (to, transfer) = (self.receiver(from, at), &self.links.up[line].flows[at].payload);
        let parked = self.socket(to, transfer.back).parked;
        u64::from(self.socket(from, transfer.slot).buffer) + u64::from(parked)
    }

    /// Forgets what was written for the neighbour of `p` in `slot` and is wanted no more.
    pub(super) fn forget_unwanted(&mut self, p: PeerId, slot: u16, wanted: u64) {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        let receiver = self.socket_mut(q, back);
        receiver.parked = receiver.parked.min(narrow(wanted));
        let wanted = narrow(wanted) - receiver.parked;
        let socket = self.socket_mut(p, slot);
        socket.buffer = socket.buffer.min(wanted);
    }

    /// The block that may be written now, if any: until the send buffer is full enough
    /// (`fill_send_buffer`).
    fn write(&mut self, p: PeerId, slot: u16, rules: &InTurn) -> u32 {
        let at = self.flow_at(p, self.neighbour(p, slot));
        let at = at.filter(|&at| self.links.up[self.line(p)].flows[at].since <= self.now);
        self.forget_unwanted(p, slot, at.map_or(0, |at| self.outstanding(p, at)));
        let socket = self.socket(p, slot);
        let lasting = match socket.sending.before {
            0 => Bytes::ZERO,
            before => Bytes(before.into()).rate_over(SECOND).bytes_in(rules.buffer_span),
        };
        let filled = u64::from(socket.buffer) + u64::from(socket.words);
        let missing = rules.buffer.max(lasting).0.saturating_sub(filled);
        let open = socket.open_to.saturating_sub(socket.written());
        let Some(at) = at.filter(|_| missing > 0 && open > 0) else { return 0 };
        let committed = self.committed(p, at);
        let to = self.up_to_block(p, at, committed + 1);
        narrow(to - committed)
    }

    /// Lets a connection send what it may, or fill its buffer. If there may be more to do, it gets
    /// in line again behind others that were written to: each waits for its socket or its disk.
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
        let rules = *self.in_turn(p).expect("a metered client's messages wait");
        self.start_clock(p);
        let line = self.line(p);
        let reading = self.write(p, slot, &rules);
        let cap = self.links.up[line].cap;
        let limit = || in_a_second(cap);
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        let wanted = socket.wanted(0, rules.tick);
        if !socket.is_empty() {
            self.lines[line].up.ask(&mut socket.out, wanted, limit, (p, slot));
        }
        let blocks = self.let_go((p, slot), line);
        if blocks > 0 {
            self.count_sent(p, slot, blocks);
            self.transmit(p, q, self.back(p, slot), blocks);
        } else if reading > 0 {
            // The header of a block is written before the block, and each asks for quota.
            let socket = &mut self.sockets[p.index()][usize::from(slot)];
            let header = socket.wanted(BLOCK_HEADER, rules.tick);
            self.lines[line].up.ask(&mut socket.out, header, limit, (p, slot));
            socket.buffer += reading;
            let block = socket.wanted(0, rules.tick);
            self.lines[line].up.ask(&mut socket.out, block, limit, (p, slot));
        } else {
            return;
        }
        self.stirred.push_back((p, slot));
    }

    /// Lets go what was written first, as far as quota goes; gives the bytes of blocks among it.
    fn let_go(&mut self, (p, slot): End, line: usize) -> u32 {
        let socket = &mut self.sockets[p.index()][usize::from(slot)];
        let limiter = &mut self.lines[line].up;
        let mut blocks = 0;
        loop {
            let next = socket.mail.get(socket.passed as usize);
            let is_due = |letter: &&Letter| letter.after <= socket.sent || socket.buffer == 0;
            if let Some(letter) = next.filter(is_due) {
                let size = letter.news.size();
                if socket.out.left < size {
                    break;
                }
                limiter.take(&mut socket.out, size);
                socket.said += size + HEADER;
                socket.words -= size;
                socket.passed += 1;
                self.queue.push(self.now, Event::Letter(p, slot));
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
            socket.said += headers_of(n);
            blocks += n;
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
    fn is_connected_to(&self, p: PeerId, slot: u16, q: PeerId) -> bool {
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
            self.deliver((p, q), back, n);
            self.ask_on(q, back);
        }
    }

    /// `q` asks for leave to read what it has requested from its neighbour in `slot`.
    pub(super) fn ask_to_read(&mut self, q: PeerId, slot: u16) {
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
        let socket = &mut self.sockets[q.index()][usize::from(slot)];
        let usual = in_ticks(3 * (socket.reading.rate + socket.talk), tick) / 2;
        let wanted = (requested + socket.parked + SPARE).max(usual).max(socket.inbox.room());
        self.lines[line].down.ask(&mut socket.into, wanted, || in_a_second(cap), (q, slot));
    }

    /// `q` gets a message of so many bytes from its neighbour in `slot`: it acknowledges the
    /// packet, uses what quota it has there, and asks for more.
    pub(super) fn get_message(&mut self, q: PeerId, slot: u16, size: u32) {
        let line = self.line(q);
        let reads_by_quota = self.reads_by_quota(q);
        let socket = &mut self.sockets[q.index()][usize::from(slot)];
        socket.said += HEADER;
        if reads_by_quota {
            let used = size.min(socket.into.left);
            self.lines[line].down.take(&mut socket.into, used);
            socket.inbox.read(size, 0);
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
            let socket = &mut self.sockets[q.index()][usize::from(slot)];
            let n = socket.parked.min(socket.into.left);
            if n == 0 {
                return;
            }
            socket.said += headers_of(n);
            self.lines[line].down.take(&mut socket.into, n);
            let unread = u64::from(socket.parked - n);
            let got = self.socket(p, self.back(q, slot)).sent - unread;
            self.socket_mut(q, slot).inbox.read(n, narrow(got % BLOCK.0));
            self.deliver((p, q), slot, n);
            if !self.is_connected_to(q, slot, p) {
                return;
            }
            self.ask_on(q, slot);
        }
    }

    /// Of what was let go, so many bytes reach `q` from `p` in its `slot`: as many as their flow
    /// still has, and the others nobody waits for.
    fn deliver(&mut self, (p, q): (PeerId, PeerId), slot: u16, n: u32) {
        let mut left = Bytes(n.into());
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
                return;
            }
            // A choke, or a piece that is done, may have left some of it unwanted.
            left = left.min(Bytes(self.socket(q, slot).parked.into()));
            if left == Bytes::ZERO {
                return;
            }
            let moved = left.min(mark);
            self.links.carry(self.now, self.link(p), at, moved);
            self.count_read((p, q), slot, narrow(moved.0));
            left -= moved;
        }
        if left > Bytes::ZERO && self.is_connected_to(q, slot, p) {
            let socket = self.socket_mut(q, slot);
            socket.parked = socket.parked.saturating_sub(narrow(left.0));
        }
    }

    /// So many bytes of blocks have come in at `q` from `p` in its `slot`.
    fn count_read(&mut self, (p, q): (PeerId, PeerId), slot: u16, n: u32) {
        let socket = self.socket_mut(q, slot);
        socket.parked -= n;
        socket.reading.second += n;
        if socket.starts {
            let parked = u64::from(socket.parked);
            let got = self.socket(p, self.back(q, slot)).sent - parked;
            let blocks = got / BLOCK.0 - (got - u64::from(n)) / BLOCK.0;
            self.socket_mut(q, slot).queue += narrow(blocks);
        }
    }

    /// Has flows out of a metered link that were cut where they are looked at after this event.
    pub(super) fn stir_ended(&mut self, link: LinkId) {
        let line = link.index();
        for at in 0..self.links.up[line].flows.len() {
            let flow = &self.links.up[line].flows[at];
            if flow.left.0 == 0 {
                self.stirred.push_back((self.sender(line, at), flow.payload.slot));
            }
        }
    }

    /// `p` needs nothing more from its neighbour in `slot`: what it requests later goes by the rate
    /// it knows (`send_not_interested`).
    pub(super) fn end_slow_start(&mut self, p: PeerId, slot: u16) {
        if self.some_wait {
            self.socket_mut(p, slot).starts = false;
        }
    }
}

/// What a line carries in a second.
pub(super) fn in_a_second(cap: ByteRate) -> u64 {
    cap.bytes_in(SECOND).0
}

/// Headers of so many bytes of blocks, or of their acknowledgements.
fn headers_of(n: u32) -> u32 {
    n.div_ceil(PACKET) * HEADER
}

/// What a rate per second brings in a tick.
fn in_ticks(rate: u32, tick: Span) -> u32 {
    narrow(u64::from(rate) * tick.0 / NS_PER_S)
}

/// A number of bytes that is known to be small, saturating.
pub(super) fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
