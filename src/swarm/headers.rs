//! What headers cost: TCP/IP and protocol messages charged to both directions of a link.
//!
//! Rules (libtorrent `stat.hpp`, `rate_limit_ip_overhead`): each started 1460 bytes of a block cost
//! 40 bytes of header to the sender's upload, and the same again, as acknowledgements, to the
//! receiver's upload; the other ends pay the same on their downloads. Requests (17 bytes), HAVEs
//! (9 bytes), news of interest and of chokes (5 bytes) and block headers (13 bytes) are messages
//! with headers of their own. Once a second what the last second cost is drained from the limiters
//! of a client that has some (`session_impl::use_quota_overhead`), or else taken off the capacity
//! for the next second.
//!
//! Where a limiter lets bytes go, each write and each read is counted as the client does it: what
//! is written together shares a packet, a rest of 24 bytes has one of its own. Elsewhere the same
//! is worked out from what moved.

use super::edges::Mask;
use super::event::Event;
use super::plan::Overhead;
use super::world::Swarm;
use crate::ids::{PeerId, UserId};
use crate::net::LinkId;
use crate::observe::Observer;
use crate::torrent::bitfield::BitsOf;
use crate::units::{BLOCK, ByteRate, Bytes, Span, f64_of, floor_u64, u16_of};

/// Bytes of header of a TCP/IP packet.
pub(super) const HEADER: u32 = 40;
/// Payload of a full packet on Ethernet.
const PACKET: u32 = 1460;
/// Bytes before the data of a block (BEP 3), and packets for a whole block.
pub(super) const BLOCK_HEADER: u32 = 13;
const BLOCK_PACKETS: f64 = (16_384 + BLOCK_HEADER).div_ceil(PACKET) as f64;
/// Time between two charges: the client's own tick.
const TICK: Span = Span(1_000_000_000);

/// Header bytes since the last charge.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Headers {
    up: f64,
    down: f64,
}

impl<O: Observer> Swarm<'_, O> {
    fn charges(&self, p: PeerId) -> bool {
        self.class(p).protocol.overhead == Overhead::TcpIp
    }

    /// Starts the clock of a new peer's charges.
    pub(super) fn start_headers(&mut self, p: PeerId) {
        let u = self.user(p);
        if self.charges(p) && !self.users[u.index()].charging {
            self.users[u.index()].charging = true;
            let wait = self.until_tick(p, TICK);
            self.queue.push(self.now + wait, Event::ChargeHeaders(u));
        }
    }

    /// Payload moved: headers one way, acknowledgements and requests the other. What a limiter let
    /// go has been counted.
    #[inline]
    pub(super) fn count_headers(&mut self, from: PeerId, to: PeerId, payload: Bytes) {
        if !self.charges(from) && !self.charges(to) {
            return;
        }
        let header = f64::from(HEADER);
        let blocks = payload.as_f64() / BLOCK.as_f64();
        if !self.is_metered(from) {
            let packets = blocks * BLOCK_PACKETS * header;
            let data = packets + blocks * f64::from(BLOCK_HEADER);
            self.charge(from, data, packets);
            self.charge(to, packets, data);
        }
        if !self.is_metered(to) {
            let request = blocks * (17.0 + header);
            self.charge(to, request, blocks * header);
            self.charge(from, blocks * header, request);
        }
    }

    /// The client of `p` has written, or read, so many bytes of headers' worth at once: packets one
    /// way, and their acknowledgements the other (`stat::trancieve_ip_packet`).
    pub(super) fn count_transfer(&mut self, p: PeerId, headers: u32) {
        if self.some_charge {
            self.charge(p, f64::from(headers), f64::from(headers));
        }
    }

    /// `p` makes a connection: a SYN, what answers it, and what answers that (`stat::sent_syn`,
    /// `stat::received_synack`).
    pub(super) fn count_connect(&mut self, p: PeerId) {
        if self.some_charge {
            self.charge(p, 2.0 * f64::from(HEADER), f64::from(HEADER));
        }
    }

    /// So many blocks begin to go from `p` to `q`: what precedes each takes quota.
    pub(super) fn count_blocks(&mut self, p: PeerId, q: PeerId, n: u64) {
        if self.some_charge && n > 0 {
            let bytes = f64_of(n) * f64::from(BLOCK_HEADER);
            self.charge(p, bytes, 0.0);
            if !self.reads_by_quota(q) {
                self.charge(q, 0.0, bytes);
            }
        }
    }

    /// Notes header bytes up and down a peer's line, if its client counts them.
    fn charge(&mut self, p: PeerId, up: f64, down: f64) {
        if self.charges(p) {
            let line = self.line(p);
            let headers = &mut self.users[line].headers;
            headers.up += up;
            headers.down += down;
        }
    }

    /// A HAVE went out to all neighbours, also to those that have the piece (libtorrent
    /// `send_redundant_have`).
    pub(super) fn count_have(&mut self, p: PeerId) {
        if !self.charges(p) || self.is_metered(p) {
            return;
        }
        let stretch = self.peer(p).edges;
        for word in 0..stretch.words() {
            for bit in BitsOf(self.edges.word(stretch, Mask::Live, word)) {
                self.charge_message(p, self.neighbour(p, u16_of(word * 64 + bit)), 9);
            }
        }
    }

    /// News of interest or of a choke goes from `p` to `q`.
    #[inline]
    pub(super) fn count_news(&mut self, p: PeerId, q: PeerId) {
        if self.some_charge {
            self.charge_news(p, q);
        }
    }

    #[inline(never)]
    fn charge_news(&mut self, p: PeerId, q: PeerId) {
        if self.charges(p) || self.charges(q) {
            self.charge_message(p, q, 5);
        }
    }

    /// A message of so many bytes goes from `p` to `q`. What a limiter lets go is counted then.
    fn charge_message(&mut self, p: PeerId, q: PeerId, size: u32) {
        if self.is_metered(p) {
            return;
        }
        let header = f64::from(HEADER);
        let whole = header + f64::from(size);
        self.charge(p, whole, header);
        self.charge(q, header, whole);
    }

    /// Takes what the last second cost off the capacity for the next.
    pub(super) fn charge_headers(&mut self, u: UserId) {
        let mut present = 0;
        for i in 0..self.users[u.index()].peers.len() {
            let p = self.users[u.index()].peers[i];
            if self.is_present(p) {
                present += 1;
                self.credit_flows_of(p);
            }
        }
        let user = &mut self.users[u.index()];
        if present == 0 {
            user.charging = false;
            return;
        }
        let mut cost = std::mem::take(&mut user.headers);
        self.queue.push(self.now + TICK, Event::ChargeHeaders(u));
        if self.some_wait && self.links.up[u.index()].metered {
            self.drain_limiters(u.index(), &mut cost);
        }
        self.lower_capacity(u, cost);
    }

    /// Takes what headers cost off what the limiters of a line have saved. Where flows with a rate
    /// come in, those make room for what is read, and not the limiter.
    fn drain_limiters(&mut self, line: usize, cost: &mut Headers) {
        let limiters = &mut self.lines[line];
        limiters.up.drain(floor_u64(std::mem::take(&mut cost.up)));
        let is_limited = !self.users[line].download.is_unlimited();
        if is_limited && self.links.down[line].used == ByteRate::ZERO {
            limiters.down.drain(floor_u64(std::mem::take(&mut cost.down)));
        }
    }

    fn lower_capacity(&mut self, u: UserId, cost: Headers) {
        let user = &self.users[u.index()];
        let up = less(user.upload, cost.up);
        let down = less(user.download, cost.down);
        let link = u.index();
        // A change too small to matter is not worth a re-share.
        let same = |old: ByteRate, new: ByteRate| old.0.abs_diff(new.0) <= old.0 >> 9;
        let (old_up, old_down) = (self.links.up[link].cap, self.links.down[link].cap);
        let up = if same(old_up, up) { old_up } else { up };
        let down = if same(old_down, down) { old_down } else { down };
        self.links.set_caps(self.now, LinkId(u.0), up, down);
    }
}

/// Headers of so many bytes that are written or read at once, or of their acknowledgements.
pub(super) fn headers_of(n: u32) -> u32 {
    n.div_ceil(PACKET) * HEADER
}

/// A capacity less so many bytes per tick; a tenth at least remains.
fn less(cap: ByteRate, bytes_per_tick: f64) -> ByteRate {
    if cap.is_unlimited() || cap == ByteRate::ZERO {
        return cap;
    }
    let whole = f64_of(cap.volume_in(TICK).bytes().0);
    cap.scaled((1.0 - bytes_per_tick / whole).max(0.1))
}
