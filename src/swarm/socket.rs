//! The two ends of a connection: a send buffer with messages, and what the lines of both ends let
//! pass.
//!
//! A client writes blocks into a send buffer, as many as half a second needs (`sending`), and
//! messages behind them; it asks the limiter of its uplink for as much as lies there, and for at
//! least what it sends in two ticks at its recent rate (libtorrent `wanted_transfer`). A connection
//! that was just opened holds one block and gets one block per tick, however fast the uplink is;
//! one that was fast asks for more and stays fast. So a fast uplink is divided by seniority, what
//! several neighbours were sent arrives at the same moment, and a message waits for the blocks that
//! were written before it, for a grant, and to be read (`reading`).
//!
//! Laws: nothing is in a send buffer that was not requested; messages arrive in the order in which
//! they were written, none before the blocks ahead of it.

use super::edges::End;
use super::event::Event;
use super::greeting::Greeting;
use super::headers::HEADER;
use super::letters::{Letter, News};
use super::limiter::{PATIENCE, Quota};
use super::meter::{Meter, average, queue_bytes};
use super::plan::Requests;
use super::receive_buffer::ReceiveBuffer;
use super::snub::Delays;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::net::LinkId;
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, Bytes, NS_PER_S, Span};
use std::collections::VecDeque;

/// A rate that rises by no more than this from one second to the next has settled
/// (`peer_connection::second_tick`).
const SETTLED: u32 = 5000;
/// A second.
pub(super) const SECOND: Span = Span(NS_PER_S);

/// One end of a connection. All in bytes or bytes per second, but for `queue`. What the other end
/// touches with each message is on the first cache line, what this end sends on the second.
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
    pub(super) said: u32,
    pub(super) talk: u32,
    /// Blocks read.
    pub(super) reading: Meter,
    /// Blocks this end keeps requested, and whether those still grow with each that comes in (slow
    /// start).
    pub(super) queue: u32,
    starts: bool,
    /// Bytes it has read of what precedes the next block.
    pub(super) header: u8,
    /// What it has said of itself.
    pub(super) greeting: Greeting,

    /// What it may send.
    pub(super) out: Quota,
    /// Blocks let go so far.
    pub(super) sent: u64,
    /// The neighbour has written requests for blocks up to here, and those up to there have
    /// arrived; both in bytes of blocks since the connection began.
    pub(super) asked_to: u64,
    pub(super) open_to: u64,
    /// Blocks in the send buffer.
    pub(super) buffer: u32,
    /// Messages, all together.
    pub(super) words: u32,
    /// Blocks let go.
    pub(super) sending: Meter,
    /// The first so many messages have been let go, and so many bytes of the next; of the first of
    /// all so many bytes have been read.
    pub(super) passed: u32,
    pub(super) part: u16,
    pub(super) in_part: u16,
    /// Blocks that are read from the disk, to be written to the send buffer.
    pub(super) from_disk: u16,
    /// Whether it found less to ask for than it wanted (its end game).
    pub(super) short: bool,
    /// Whether the neighbour keeps it waiting (`snub`).
    snubbed: bool,

    /// Messages, oldest first.
    pub(super) mail: VecDeque<Letter>,
    /// When it last choked the neighbour, in milliseconds since the start.
    pub(super) choked_ms: u32,
    /// When it last requested a block, or looked in vain for one to request after some seconds.
    pub(super) asked_ms: u32,
    /// Since when it waits for the next block, and how long that usually takes.
    pub(super) waits_since_ms: u32,
    pub(super) delays: Delays,
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
        self.set_queue(requests);
    }

    /// The same where no block moved lately.
    pub(super) fn fall_quiet(&mut self, span_s: u32, fewest: u32) {
        if self.snubbed {
            self.queue = 1;
        } else if !self.starts {
            self.queue = fewest;
        }
        self.count_talk(span_s);
    }

    /// What it keeps requested, by the rate it knows (`update_desired_queue_size`).
    fn set_queue(&mut self, requests: &Requests) {
        if self.snubbed {
            self.queue = 1;
        } else if !self.starts {
            let queue = queue_bytes(requests, self.reading.known_rate());
            self.queue = narrow(queue.0 / BLOCK.0);
        }
    }

    /// Its requests were not answered in time.
    pub(super) fn be_snubbed(&mut self) {
        (self.snubbed, self.starts, self.queue) = (true, false, 1);
    }

    /// A block has come in.
    pub(super) fn count_block(&mut self, now_ms: u32, requests: &Requests) {
        self.queue += u32::from(self.starts);
        self.set_queue(requests);
        let waited_ms = now_ms.wrapping_sub(self.waits_since_ms);
        if waited_ms / 1000 < self.delays.patience_s() {
            self.snubbed = false;
        }
        self.delays.add(waited_ms);
        self.waits_since_ms = now_ms;
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

    /// What it wants to be let send when so many bytes more are written (`wanted_transfer`).
    pub(super) fn wanted(&self, more: u32, tick: Span) -> u32 {
        (self.buffer + self.words + more).max(self.being_read()).max(self.usual(tick))
    }

    /// What is read from the disk now.
    pub(super) fn being_read(&self) -> u32 {
        u32::from(self.from_disk) * narrow(BLOCK.0)
    }

    /// Whether nothing is written that was not let go.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer == 0 && self.words == 0
    }

    /// What it sends in two ticks, messages and headers included (`statistics().upload_rate()`).
    fn usual(&self, tick: Span) -> u32 {
        in_ticks(2 * (self.sending.rate + self.talk), tick)
    }

    /// Whether nothing is ahead of a message.
    fn is_clear(&self) -> bool {
        self.mail.len() == self.passed as usize && self.buffer == 0
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
        self.count_connect(p);
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
        let sockets = &mut self.sockets[p.index()];
        let at = usize::from(slot);
        if sockets.len() <= at {
            sockets.resize_with(at + 1, Socket::default);
        }
        let now_ms = self.now_ms();
        let sockets = &mut self.sockets[p.index()];
        let new = Socket::default();
        sockets[at] = Socket { queue, starts, choked_ms: now_ms, asked_ms: now_ms, ..new };
    }

    /// The connection of `p` to its neighbour in `slot` ended, and with it all that was on its way.
    pub(super) fn close_socket(&mut self, p: PeerId, slot: u16) {
        if self.some_wait {
            self.let_others_send(p, slot);
            self.hear_rejects(p, slot);
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
            self.count_transfer(p, HEADER);
            self.start_clock(p);
            let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
            // A handshake and what follows it are written together, and read so.
            let is_followed = letter.news == News::Handshake && self.reads_by_quota(q);
            if !is_followed && self.reads_at_once(q, back, size) {
                self.get_message(q, back, size);
                return false;
            }
            let socket = &mut self.sockets[p.index()][usize::from(slot)];
            letter.after = socket.sent;
            socket.mail.push_back(letter);
            socket.passed += 1;
            if self.reads_by_quota(q) {
                self.readers.push_back((q, back));
            } else {
                self.queue.push(self.now, Event::Letter(p, slot));
            }
            return true;
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

    /// Whether `q` would read at once so many bytes more from its neighbour in `slot`.
    fn reads_at_once(&self, q: PeerId, slot: u16, size: u32) -> bool {
        let socket = self.socket(q, slot);
        let sender = self.socket(self.neighbour(q, slot), self.back(q, slot));
        let is_free = socket.parked == 0 && socket.into.left >= size;
        sender.passed == 0 && (is_free || !self.reads_by_quota(q))
    }

    /// How long a request of `p` to its neighbour in `slot` would wait, about.
    pub(super) fn expected_wait(&self, p: PeerId, slot: u16) -> Span {
        if !self.is_metered(p) {
            return Span::ZERO;
        }
        let (size, tick) = (News::Request.size(), self.tick_of(p));
        if self.passes(p, slot, size) {
            let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
            return if self.reads_at_once(q, back, size) { Span::ZERO } else { tick };
        }
        let socket = self.socket(p, slot);
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

/// What a rate per second brings in a tick.
pub(super) fn in_ticks(rate: u32, tick: Span) -> u32 {
    narrow(u64::from(rate) * tick.0 / NS_PER_S)
}

/// A number of bytes that is known to be small, saturating.
pub(super) fn narrow(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
