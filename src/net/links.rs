//! Access links: two directions, and the flows through them.
//!
//! Laws: the rates through a direction never add up to more than its capacity; opening and
//! closing flows keeps the books of both ends in step.

use super::flow::Flow;
use super::ports::Ports;
use crate::units::{ByteRate, Bytes, SimTime, Volume, u32_of};
use prefetch_index::prefetch_index;
use smallvec::SmallVec;

/// An access link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The position in columns of links.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a flow ends: one of the ports of a link. A user has a port in each swarm, and all of them
/// share one link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortId(pub u32);

impl PortId {
    /// The position in columns of ports.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One flow into a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// The link that sends.
    pub from: LinkId,
    /// The port it sends to.
    pub to: PortId,
}

/// The upload direction of a link.
#[derive(Clone, Debug)]
pub struct Uplink<T> {
    /// What it can carry.
    pub cap: ByteRate,
    /// The rate per unit of weight it offers to a flow that takes all it can get.
    pub level: ByteRate,
    /// The sum of its flows' rates.
    pub used: ByteRate,
    /// When the first of its flows reaches its mark, as of the last `next_due`.
    pub soonest: SimTime,
    /// Which flow that is.
    pub soonest_at: u32,
    /// When its owner next looks at it: not after the next mark of its flows. The owner's.
    pub wake: SimTime,
    /// Whether it stands in `Links::dirty`.
    is_dirty: bool,
    /// Whether its owner moves its flows itself (`carry`): they have no rates.
    pub metered: bool,
    /// The receiving port of each flow.
    pub to: Ports,
    /// When each flow reaches its mark at its present rate.
    pub due: SmallVec<[SimTime; FEW]>,
    /// Its flows, in no meaningful order; positions change when one is closed.
    pub flows: Vec<Flow<T>>,
}

/// As many flows as most uplinks have at most.
const FEW: usize = 8;

impl<T> Uplink<T> {
    /// The position of the flow to `to`, if there is one.
    #[inline]
    pub fn find(&self, to: PortId) -> Option<usize> {
        self.to.find(to)
    }

    /// Brings flow number `at` up to date.
    #[inline]
    pub fn advance(&mut self, at: usize, now: SimTime) {
        self.flows[at].advance(now, self.due[at]);
    }

    /// Sets the next mark of flow number `at`, `left` from now on. The flow must be up to date.
    #[inline]
    pub fn set_mark(&mut self, at: usize, left: Volume) {
        let flow = &mut self.flows[at];
        flow.left = left;
        self.due[at] = flow.due();
    }
}

/// The download direction of a link.
#[derive(Clone, Debug)]
pub struct Downlink {
    /// What it can carry.
    pub cap: ByteRate,
    /// The most it lets any one flow have; `UNLIMITED` while it is not the bottleneck.
    pub level: ByteRate,
    /// The sum of the rates of the flows into it.
    pub used: ByteRate,
    /// The flows into it.
    pub sources: Vec<Source>,
}

/// All access links of a run.
#[derive(Clone, Debug)]
pub struct Links<T> {
    /// Upload directions, by link.
    pub up: Vec<Uplink<T>>,
    /// Download directions, by link.
    pub down: Vec<Downlink>,
    /// The link of each port.
    pub link: Vec<LinkId>,
    /// Links whose flows' due times may have changed since the owner last looked.
    dirty: Vec<LinkId>,
    /// Links whose shares were computed again: a work counter.
    pub reshares: u64,
    /// Flows whose rate changed: a work counter.
    pub rate_changes: u64,
    pub(super) work: Vec<super::share::Task>,
    pub(super) offers: Vec<super::share::Offer>,
    pub(super) limits: Vec<ByteRate>,
}

impl<T: Copy> Links<T> {
    /// No links yet; room for `n`.
    pub fn with_capacity(n: usize) -> Self {
        Self {
            up: Vec::with_capacity(n),
            down: Vec::with_capacity(n),
            link: Vec::with_capacity(n),
            dirty: Vec::new(),
            reshares: 0,
            rate_changes: 0,
            work: Vec::new(),
            offers: Vec::new(),
            limits: Vec::new(),
        }
    }

    /// Adds a link.
    pub fn add(&mut self, up: ByteRate, down: ByteRate) -> LinkId {
        let id = LinkId(u32_of(self.up.len()));
        let used = ByteRate::ZERO;
        self.up.push(Uplink {
            cap: up,
            level: up,
            used,
            soonest: SimTime::NEVER,
            soonest_at: 0,
            wake: SimTime::NEVER,
            is_dirty: false,
            metered: false,
            to: Ports::new(),
            due: SmallVec::new(),
            flows: Vec::new(),
        });
        let level = ByteRate::UNLIMITED;
        self.down.push(Downlink { cap: down, level, used, sources: Vec::new() });
        id
    }

    /// Adds a port to a link.
    pub fn add_port(&mut self, link: LinkId) -> PortId {
        self.link.push(link);
        PortId(u32_of(self.link.len() - 1))
    }

    /// Opens a flow whose first byte leaves at `start` and whose mark is `left` away; returns its
    /// position.
    ///
    /// # Panics
    /// If a link would send to itself, or twice to the same port: an owner with more to send
    /// there extends the flow it has.
    pub fn open(&mut self, now: SimTime, from: LinkId, opening: Opening<T>) -> usize {
        let Opening { to, weight, start, left, payload } = opening;
        let link = self.link[to.index()];
        assert!(from != link, "a link does not send to itself");
        assert!(weight > 0, "a flow without weight would never move");
        let since = start.max(now);
        let flow = Flow { weight, rate: ByteRate::ZERO, since, left, payload };
        let up = &mut self.up[from.index()];
        assert!(up.find(to).is_none(), "one flow from a link to a port");
        let at = up.flows.len();
        if at == up.flows.capacity() {
            up.flows.reserve_exact(1.max(at / 4)); // most have few, and there are many
        }
        up.flows.push(flow);
        up.to.put(at, to);
        up.due.push(SimTime::NEVER);
        let sources = &mut self.down[link.index()].sources;
        if sources.len() == sources.capacity() {
            sources.reserve_exact(2.max(sources.len() / 4));
        }
        sources.push(Source { from, to });
        self.share_up(now, from);
        at
    }

    /// Closes flow number `at` of `from`; the last flow takes its position. Returns where it led.
    pub fn close(&mut self, now: SimTime, from: LinkId, at: usize) -> (PortId, Flow<T>) {
        let up = &mut self.up[from.index()];
        up.advance(at, now);
        let flow = up.flows.swap_remove(at);
        if up.flows.capacity() > up.flows.len() + 2 {
            up.flows.shrink_to(up.flows.len() + 1); // a slot passes on: one more for a while
        }
        up.due.swap_remove(at);
        let to = up.to.swap_remove(at, up.due.len());
        up.used = up.used - flow.rate;
        let link = self.link[to.index()];
        let down = &mut self.down[link.index()];
        down.used = down.used - flow.rate;
        let source = down.sources.iter().position(|&s| s == Source { from, to });
        down.sources.swap_remove(source.expect("both ends know of a flow"));
        self.share_after_close(now, from, link);
        (to, flow)
    }

    /// Fetches the sending side of a link into the cache.
    #[inline]
    pub fn warm(&self, link: LinkId) {
        let up = &self.up[link.index()];
        prefetch_index(std::slice::from_ref(&up.cap), 0);
        prefetch_index(std::slice::from_ref(&up.to), 0);
        prefetch_index(std::slice::from_ref(&up.due), 0);
        prefetch_index(std::slice::from_ref(&up.flows), 0);
    }

    /// Changes the capacities of a link.
    pub fn set_caps(&mut self, now: SimTime, link: LinkId, up: ByteRate, down: ByteRate) {
        let i = link.index();
        if self.up[i].cap != up {
            self.up[i].cap = up;
            self.share_up(now, link);
        }
        if self.down[i].cap != down {
            self.down[i].cap = down;
            self.share_down(now, link);
        }
    }

    /// Changes the weight of flow number `at` of `from`.
    pub fn set_weight(&mut self, now: SimTime, from: LinkId, at: usize, weight: u32) {
        assert!(weight > 0, "a flow without weight would never move");
        self.up[from.index()].flows[at].weight = weight;
        self.share_up(now, from);
    }

    /// From now on the owner of `link` moves the flows out of it itself. There must be none yet.
    pub fn meter(&mut self, link: LinkId) {
        let up = &mut self.up[link.index()];
        debug_assert!(up.flows.is_empty(), "flows with a rate keep it");
        up.metered = true;
        up.level = ByteRate::ZERO;
    }

    /// Moves so many bytes of flow number `at` out of `from`, a metered link, at once.
    pub fn carry(&mut self, now: SimTime, from: LinkId, at: usize, bytes: Bytes) {
        let up = &mut self.up[from.index()];
        debug_assert!(up.metered, "a flow with a rate moves by itself");
        let flow = &mut up.flows[at];
        flow.since = now;
        flow.left = flow.left - bytes.volume();
    }

    /// Notes that the due times of the flows out of `link` may have changed.
    #[inline]
    pub fn touch(&mut self, link: LinkId) {
        let up = &mut self.up[link.index()];
        if !up.is_dirty {
            up.is_dirty = true;
            self.dirty.push(link);
        }
    }

    /// Takes one of the links whose due times may have changed, until there is none.
    #[inline]
    pub fn next_touched(&mut self) -> Option<LinkId> {
        let link = self.dirty.pop()?;
        self.up[link.index()].is_dirty = false;
        Some(link)
    }

    /// Finds out which flow out of `link` reaches its mark next, and when.
    #[inline]
    pub fn next_due(&mut self, link: LinkId) -> SimTime {
        let up = &mut self.up[link.index()];
        let (mut soonest, mut soonest_at) = (SimTime::NEVER, 0);
        for (&due, at) in up.due.iter().zip(0..) {
            if due < soonest {
                (soonest, soonest_at) = (due, at);
            }
        }
        (up.soonest, up.soonest_at) = (soonest, soonest_at);
        soonest
    }
}

/// What a new flow needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Opening<T> {
    /// The receiving port.
    pub to: PortId,
    /// Share of the sender's upload relative to its other flows; at least 1.
    pub weight: u32,
    /// When the first byte leaves.
    pub start: SimTime,
    /// Data until the first mark.
    pub left: Volume,
    /// The owner's.
    pub payload: T,
}
