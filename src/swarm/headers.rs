//! What headers cost: TCP/IP and protocol messages charged to both directions of a link.
//!
//! Rules (libtorrent `stat.hpp`, `rate_limit_ip_overhead`): each started 1460 bytes of a block cost
//! 40 bytes of header to the sender's upload, and the same again, as acknowledgements, to the
//! receiver's upload; the other ends pay the same on their downloads. Requests (17 bytes), HAVEs
//! (9 bytes), news of interest and of chokes (5 bytes) and block headers (13 bytes) are messages
//! with headers of their own. Once a second what the last second cost is drained from the limiters
//! of a client that has some (`session_impl::use_quota_overhead`), or else taken off the capacity
//! for the next second.

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
pub(super) const PACKET: u32 = 1460;
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

    /// Payload moved: headers one way, acknowledgements and requests the other.
    #[inline]
    pub(super) fn count_headers(&mut self, from: PeerId, to: PeerId, payload: Bytes) {
        if !self.charges(from) && !self.charges(to) {
            return;
        }
        let header = f64::from(HEADER);
        let blocks = payload.as_f64() / BLOCK.as_f64();
        let packets = blocks * BLOCK_PACKETS;
        let data = packets * header + blocks * f64::from(BLOCK_HEADER);
        let request = blocks * (17.0 + header);
        let replies = packets * header + request;
        self.charge(from, data + blocks * header, replies);
        self.charge(to, replies, data + blocks * header);
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
        if !self.charges(p) {
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
        if !self.charges(p) && !self.charges(q) {
            return;
        }
        self.charge_message(p, q, 5);
    }

    /// A message of so many bytes goes from `p` to `q`. What a rate limiter lets go, or lets be
    /// read, it has counted; headers it has not.
    fn charge_message(&mut self, p: PeerId, q: PeerId, size: u32) {
        let header = f64::from(HEADER);
        let whole = header + f64::from(size);
        let is_metered = self.is_metered(p);
        self.charge(p, if is_metered { header } else { whole }, header);
        self.charge(q, header, if is_metered && self.reads_by_quota(q) { header } else { whole });
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

/// A capacity less so many bytes per tick; a tenth at least remains.
fn less(cap: ByteRate, bytes_per_tick: f64) -> ByteRate {
    if cap.is_unlimited() || cap == ByteRate::ZERO {
        return cap;
    }
    let whole = f64_of(cap.volume_in(TICK).bytes().0);
    cap.scaled((1.0 - bytes_per_tick / whole).max(0.1))
}
