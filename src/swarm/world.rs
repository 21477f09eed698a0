//! The state of one run: columns by peer, arenas, clock and books.

use super::edges::End;
use super::edges::{Edges, Mask, Stretch};
use super::event::Event;
use super::givers::Givers;
use super::hashing::Hashes;
use super::late::Lost;
use super::pending::Pending;
use super::plan::{ChokerSpec, ClassPlan, Messages, Overhead, Plan, Role, Stay};
use super::population::{self, Newcomer, Person, Population};
use super::record::Record;
use super::socket::Socket;
use super::ticks::Line;
use super::torrents::Torrent;
use super::trade::{Credits, Dealings, Trade};
use super::transfer::{BlockSets, Partial, Run, RunPool, Transfer};
use super::users::User;
use crate::ids::{ClassId, PeerId, TorrentId, UserId};
use crate::kernel::fingerprint::Fingerprint;
use crate::kernel::queue::Queue;
use crate::net::{LinkId, Links, PortId};
use crate::observe::{Counters, Observer, Sample};
use crate::policy::choke::{Candidate, Choker, Decision};
use crate::rng::{Purpose, Stream, stream};
use crate::torrent::Geometry;
use crate::torrent::availability::Rarest;
use crate::units::{ByteRate, Bytes, NS_PER_S, SimTime, Span, u16_of};
use std::collections::VecDeque;

/// Where a peer is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Not here yet.
    Expected,
    /// Here, without the whole content.
    Leecher,
    /// Here, with the whole content.
    Seeder,
    /// Its user waits for its turn to download, or is offline: it is in no swarm, but keeps what
    /// it has.
    Away,
    /// Not here any more.
    Gone,
}

/// One of a peer's upload slots that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct UploadSlot {
    /// The neighbour served.
    pub(super) slot: u16,
    /// Its share relative to the others.
    pub(super) weight: u32,
    /// When it was unchoked.
    pub(super) since: SimTime,
    /// Bytes sent since then.
    pub(super) sent: u64,
    /// Bytes sent in this round.
    pub(super) sent_round: u64,
}

/// State of one peer, in the order of how often it is looked at: a cache line for its flows, one
/// for its pieces, one for its choker. Cold things are in its record.
#[repr(C, align(64))]
pub(super) struct Peer {
    /// When the pending `Rechoke` is due; others are stale.
    pub(super) next_rechoke: SimTime,
    /// Payload sent.
    pub(super) sent: Bytes,
    /// Payload received, wasted included.
    pub(super) received: Bytes,
    /// Neighbours.
    pub(super) edges: Stretch,
    pub(super) n_neighbours: u16,
    /// Slots below this hold connections made when it started; see `Swarm::find_place`.
    pub(super) founders: u16,
    /// Pieces verified or begun.
    pub(super) n_taken: u16,
    /// Neighbours that unchoke us.
    pub(super) n_served_by: u16,
    /// How many may be unchoked until the next run of the choker.
    pub(super) open: u16,
    /// Upload slots in all.
    pub(super) slots: u16,
    pub(super) class: ClassId,
    /// How often it has joined its swarm; wraps around. Tells events of an earlier visit.
    pub(super) visit: u16,
    pub(super) user: UserId,
    pub(super) torrent: TorrentId,
    pub(super) stage: Stage,
    /// Whether a `Refill` is pending.
    pub(super) refill_pending: bool,
    /// Whether somebody may have become able to ask it, or it somebody, for more.
    pub(super) repoll_pending: bool,
    /// Whether it leaves by what it has given.
    pub(super) leaves_by_ratio: bool,

    /// Pieces begun.
    pub(super) partials: Vec<Partial>,
    /// Neighbours served.
    pub(super) uploads: Vec<UploadSlot>,
    /// Luck in picking.
    pub(super) pick_luck: Stream,

    /// Luck in choking.
    pub(super) choke_luck: Stream,
    /// When the optimistic slots are next given anew.
    pub(super) optimistic_due: SimTime,
    /// What neighbours gave.
    pub(super) givers: Givers,
    /// Memory of a choker that has one.
    pub(super) brain: Option<Box<dyn Choker>>,

    /// When the choker last ran.
    pub(super) last_rechoke: SimTime,
    /// Regular rounds so far.
    pub(super) rounds: u32,
    /// Whether a `Retry` is pending.
    pub(super) retry_pending: bool,
    /// When `n_served_by` last rose from 0.
    pub(super) served_since: SimTime,
    /// Pieces shown to each neighbour by slot, if it hides its pieces (BEP 16).
    pub(super) shown: Option<Box<super::super_seed::Shown>>,
    /// When it joined its swarm the last time, or completed since.
    pub(super) joined: SimTime,
    /// When it last announced itself to the tracker; `NEVER`: not since it joined.
    pub(super) announced: SimTime,
    /// When it arrived, or its user wanted it to.
    pub(super) arrival: SimTime,
    /// Time as a leecher in which a neighbour unchoked it, up to `served_since`.
    pub(super) unchoked: Span,
}

const _: () = assert!(size_of::<Peer>() == 256, "four cache lines per peer");
const _: () = assert!(std::mem::offset_of!(Peer, partials) == 64, "the second line");
const _: () = assert!(std::mem::offset_of!(Peer, choke_luck) == 128, "the third line");
const _: () = assert!(std::mem::offset_of!(Peer, last_rechoke) == 192, "the fourth line");

/// One run.
pub(super) struct Swarm<'a, O> {
    pub(super) plan: &'a Plan,
    pub(super) seed: u64,
    /// The swarms.
    pub(super) torrents: Vec<Torrent>,
    /// Whether every user has one peer, so that users, peers and links have the same numbers.
    pub(super) single: bool,
    /// Whether there is money or credit.
    pub(super) has_economy: bool,
    /// Whether some peers leave by what they have given.
    pub(super) some_leave_by_ratio: bool,
    /// Whether headers of some peers are charged to their lines.
    pub(super) some_charge: bool,
    /// Whether messages of some peers wait for blocks or ticks.
    pub(super) some_wait: bool,
    /// Ends of connections, by peer and slot; nobody has any where no message waits.
    pub(super) sockets: Vec<Vec<Socket>>,
    /// The limiters of access lines, by link; likewise.
    pub(super) lines: Vec<Line>,
    /// Ends that may read, and those that may have something to send.
    pub(super) readers: VecDeque<(PeerId, u16)>,
    pub(super) stirred: VecDeque<(PeerId, u16)>,
    /// Connections for which a block is read from the disk, in order; done when all of those are
    /// served.
    pub(super) from_disk: Vec<(PeerId, u16)>,
    /// Pieces that are hashed; done with the blocks that are read.
    pub(super) hashes: Hashes,
    /// Requests on their way to single neighbours, by peer; likewise.
    pub(super) pending: Vec<Vec<Pending>>,
    /// What a neighbour has ceased to send and the peer does not know of yet, by peer; likewise.
    pub(super) held: Vec<Vec<Pending>>,
    /// Neighbours that a peer lost and may connect to again, by peer; likewise.
    pub(super) lost: Vec<Vec<Lost>>,
    /// Words of a row of pieces, enough for every torrent.
    pub(super) words: usize,
    /// Words of a set of blocks, enough for every torrent.
    pub(super) block_words: usize,
    pub(super) now: SimTime,
    pub(super) queue: Queue<Event>,
    pub(super) fingerprint: Fingerprint,
    pub(super) counters: Counters,
    pub(super) observer: &'a mut O,
    pub(super) users: Vec<User>,
    /// Money, if there is any.
    pub(super) trade: Option<Box<Trade>>,
    /// Credit, if there is any.
    pub(super) credits: Option<Credits>,
    /// Who gave how much to whom, where clients remember it.
    pub(super) dealings: Option<Box<Dealings>>,
    pub(super) peers: Vec<Peer>,
    /// Names of the peers in the random streams.
    pub(super) entities: Vec<u64>,
    pub(super) records: Vec<Record>,
    pub(super) links: Links<Transfer>,
    pub(super) edges: Edges,
    /// Pieces verified, by peer: dense, read by all neighbours.
    pub(super) have: Vec<u64>,
    /// Where in `have` the rows of pieces announced begin: at 0, the same rows stand for both, if
    /// every piece is announced as soon as it is verified; behind the others if not.
    pub(super) visible_from: usize,
    /// Pieces verified or begun, by peer.
    pub(super) taken: Vec<u64>,
    /// Pieces begun of which blocks are free to be asked for, by peer.
    pub(super) loose: Vec<u64>,
    /// Number of pieces verified, by peer.
    pub(super) n_have: Vec<u16>,
    /// Where each peer stands among those present in its swarm.
    pub(super) place: Vec<u32>,
    pub(super) leechers: u32,
    pub(super) seeders: u32,
    pub(super) completed: u32,
    /// Leechers that have neither completed nor left, those still expected included.
    pub(super) unfinished: u32,
    pub(super) runs: RunPool,
    pub(super) blocks: BlockSets,
    /// Peers whose idle connections should be looked at again.
    pub(super) repoll: Vec<PeerId>,
    /// Whole blocks of runs that were cut, to be taken in after the event: (to, run, from).
    pub(super) late: Vec<(End, Run, PeerId)>,
    /// Peers that hide their pieces.
    pub(super) hiding: u32,
    pub(super) samples: Vec<Sample>,
    pub(super) books: super::sample::Books,
    pub(super) scratch: Scratch,
}

/// Buffers that are used again and again.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) wanted: Vec<u64>,
    pub(super) begun: Vec<u64>,
    /// Whether all that is wanted is begun.
    pub(super) only_begun: bool,
    /// Whether any of it is.
    pub(super) any_begun: bool,
    /// Runs claimed together with another one.
    pub(super) more: Vec<Run>,
    pub(super) view: Vec<u64>,
    pub(super) rarest: Rarest,
    pub(super) slots: Vec<u16>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) decision: Decision,
    pub(super) peers: Vec<PeerId>,
    pub(super) marked: Vec<bool>,
}

/// Who arrives by then may all be there at once.
const CROWD: SimTime = SimTime(60 * NS_PER_S);

impl Scratch {
    fn new(words: usize) -> Self {
        let row = || vec![0; words];
        Self { wanted: row(), begun: row(), view: row(), ..Self::default() }
    }
}

impl<'a, O: Observer> Swarm<'a, O> {
    /// A swarm in which nothing has happened yet.
    pub(super) fn new(plan: &'a Plan, seed: u64, observer: &'a mut O) -> Self {
        let Population { users, peers: newcomers } = population::draw(plan, seed);
        let mut torrents: Vec<Torrent> = plan.torrents().iter().map(Torrent::new).collect();
        let (n, mut links) = (newcomers.len(), lines(plan, &users));
        for newcomer in &newcomers {
            links.add_port(LinkId(newcomer.user.0));
            torrents[newcomer.torrent.index()].members += 1;
        }
        let some_wait = plan.classes.iter().any(|c| c.protocol.messages != Messages::AtOnce);
        let any = |is: fn(&ClassPlan) -> bool| plan.classes.iter().any(is);
        let words = torrents.iter().map(|t| t.cut.words).max().unwrap_or(0);
        let some_hide = any(|c| c.super_seed || c.protocol.latency > Span::ZERO);
        // One row more than peers: nobody's, always empty.
        let rows = (n + 1) * words;
        let peers = newcomers.iter().map(|new| peer(plan, seed, new, &users[new.user.index()]));
        let peers: Vec<Peer> = peers.collect();
        let is_leecher = |p: &&Peer| plan.classes[p.class.index()].role == Role::Leecher;
        let unfinished = peers.iter().filter(is_leecher).count();
        let crowd = newcomers.iter().filter(|newcomer| newcomer.arrival <= CROWD).count();
        Self {
            some_leave_by_ratio: peers.iter().any(|peer| peer.leaves_by_ratio),
            peers,
            entities: newcomers.iter().map(|newcomer| newcomer.entity).collect(),
            records: vec![Record::NEW; n],
            users: users.iter().map(User::new).collect(),
            trade: Trade::new(plan, seed, &users, &newcomers),
            credits: Self::credits_of(plan.economy.as_ref(), users.len()),
            dealings: Dealings::new(plan.economy.as_ref(), users.len()),
            has_economy: plan.economy.is_some(),
            some_charge: plan.classes.iter().any(|c| c.protocol.overhead == Overhead::TcpIp),
            some_wait,
            sockets: empty(if some_wait { n } else { 0 }),
            lines: empty(if some_wait { users.len() } else { 0 }),
            readers: VecDeque::new(),
            stirred: VecDeque::new(),
            from_disk: Vec::new(),
            hashes: Hashes::default(),
            pending: vec![Vec::new(); if some_wait { n } else { 0 }],
            held: vec![Vec::new(); if some_wait { n } else { 0 }],
            lost: vec![Vec::new(); if some_wait { n } else { 0 }],
            single: plan.catalogue.is_none(),
            block_words: torrents.iter().map(|t| t.cut.block_words).max().unwrap_or(0),
            torrents,
            words,
            have: vec![0; if some_hide { 2 } else { 1 } * rows],
            visible_from: if some_hide { rows } else { 0 },
            taken: vec![0; n * words],
            loose: vec![0; n * words],
            n_have: vec![0; n],
            place: vec![u32::MAX; n],
            plan,
            seed,
            now: SimTime::ZERO,
            queue: Queue::new(),
            fingerprint: Fingerprint::default(),
            counters: Counters::default(),
            observer,
            links,
            edges: Edges::new(PeerId::from_index(n), &plan.classes).expecting(crowd),
            leechers: 0,
            seeders: 0,
            completed: 0,
            unfinished: crate::units::u32_of(unfinished),
            runs: RunPool::new(),
            blocks: BlockSets::new(),
            repoll: Vec::new(),
            late: Vec::new(),
            hiding: 0,
            samples: Vec::new(),
            books: super::sample::Books::default(),
            scratch: Scratch::new(words),
        }
    }

    #[inline]
    pub(super) fn peer(&self, p: PeerId) -> &Peer {
        &self.peers[p.index()]
    }

    #[inline]
    pub(super) fn peer_mut(&mut self, p: PeerId) -> &mut Peer {
        &mut self.peers[p.index()]
    }

    /// The class of a peer. Borrows from the plan, not from the swarm.
    #[inline]
    pub(super) fn class(&self, p: PeerId) -> &'a ClassPlan {
        &self.plan.classes[self.peers[p.index()].class.index()]
    }

    /// The name of a peer in the random streams.
    pub(super) fn entity(&self, p: PeerId) -> u64 {
        self.entities[p.index()]
    }

    /// How long a peer stays once it has the whole content.
    pub(super) fn stay(&self, p: PeerId) -> &'a Stay {
        population::stay(self.class(p), self.users[self.line(p)].member)
    }

    /// The user behind a peer. Where each has one peer, nothing need be looked up.
    #[inline]
    pub(super) fn user(&self, p: PeerId) -> UserId {
        if self.single { UserId(p.0) } else { self.peers[p.index()].user }
    }

    /// The access link of a peer, shared with all other peers of its user.
    #[inline]
    pub(super) fn link(&self, p: PeerId) -> LinkId {
        LinkId(self.user(p).0)
    }

    /// The position of that link in columns of links.
    #[inline]
    pub(super) fn line(&self, p: PeerId) -> usize {
        self.user(p).index()
    }

    /// The port of a peer at its user's link.
    #[inline]
    pub(super) fn port(p: PeerId) -> PortId {
        PortId(p.0)
    }

    /// The peer behind a port.
    #[inline]
    pub(super) fn behind(port: PortId) -> PeerId {
        PeerId(port.0)
    }

    /// The peer that sends flow number `at` of a link.
    #[inline]
    pub(super) fn sender(&self, line: usize, at: usize) -> PeerId {
        if self.single {
            return PeerId::from_index(line);
        }
        let up = &self.links.up[line];
        self.neighbour(Self::behind(up.to[at]), up.flows[at].payload.back)
    }

    /// The swarm of a peer.
    #[inline]
    pub(super) fn torrent(&self, p: PeerId) -> &Torrent {
        &self.torrents[self.peers[p.index()].torrent.index()]
    }

    /// The swarm of a peer, to be changed.
    #[inline]
    pub(super) fn torrent_mut(&mut self, p: PeerId) -> &mut Torrent {
        &mut self.torrents[self.peers[p.index()].torrent.index()]
    }

    /// How the content of a peer's torrent is cut.
    #[inline]
    pub(super) fn cut(&self, p: PeerId) -> &Geometry {
        &self.torrent(p).cut
    }

    /// Whether a peer is in its swarm now.
    #[inline]
    pub(super) fn is_present(&self, p: PeerId) -> bool {
        matches!(self.peer(p).stage, Stage::Leecher | Stage::Seeder)
    }

    /// The words of one peer in a column of bitfields.
    #[inline]
    pub(super) fn row(&self, p: PeerId) -> std::ops::Range<usize> {
        let start = p.index() * self.words;
        start..start + self.words
    }

    /// The words of one peer in `have` that say what it has announced.
    #[inline]
    pub(super) fn visible_row(&self, p: PeerId) -> std::ops::Range<usize> {
        let start = self.visible_from + p.index() * self.words;
        start..start + self.words
    }

    /// The neighbour of `p` in `slot`.
    #[inline]
    pub(super) fn neighbour(&self, p: PeerId, slot: u16) -> PeerId {
        self.edges.peer[self.peers[p.index()].edges.at(slot)]
    }

    /// The slot of `p` at its neighbour in `slot`.
    #[inline]
    pub(super) fn back(&self, p: PeerId, slot: u16) -> u16 {
        self.edges.back[self.peers[p.index()].edges.at(slot)]
    }

    /// Whether `slot` of `p` is in `mask`.
    #[inline]
    pub(super) fn is(&self, p: PeerId, mask: Mask, slot: u16) -> bool {
        self.edges.is(self.peers[p.index()].edges, mask, slot)
    }

    /// Puts `slot` of `p` into `mask`.
    #[inline]
    pub(super) fn put(&mut self, p: PeerId, mask: Mask, slot: u16) {
        self.edges.put(self.peers[p.index()].edges, mask, slot);
    }

    /// Takes `slot` of `p` out of `mask`.
    #[inline]
    pub(super) fn take(&mut self, p: PeerId, mask: Mask, slot: u16) {
        self.edges.take(self.peers[p.index()].edges, mask, slot);
    }

    /// The position of the flow from `from` to `to`, if there is one.
    #[inline]
    pub(super) fn flow_at(&self, from: PeerId, to: PeerId) -> Option<usize> {
        self.links.up[self.line(from)].find(Self::port(to))
    }

    /// The clock in milliseconds, for the compact columns; wraps after 49 days.
    #[inline]
    pub(super) fn now_ms(&self) -> u32 {
        u32::try_from((self.now.0 / 1_000_000) & u64::from(u32::MAX)).expect("masked")
    }

    /// One-way delay between two peers.
    pub(super) fn delay(&self, a: PeerId, b: PeerId) -> Span {
        self.class(a).protocol.latency + self.class(b).protocol.latency
    }
}

fn peer(plan: &Plan, seed: u64, newcomer: &Newcomer, user: &Person) -> Peer {
    let class = &plan.classes[user.class.index()];
    let slots = match class.choker {
        ChokerSpec::Never => 0,
        _ => class.protocol.choking.slots.count(user.upload),
    };
    let slots = u16_of(slots.min(usize::from(u16::MAX) - 1));
    let stay = population::stay(class, user.member);
    Peer {
        class: user.class,
        visit: 0,
        user: newcomer.user,
        torrent: newcomer.torrent,
        stage: Stage::Expected,
        edges: Stretch::default(),
        n_neighbours: 0,
        founders: 0,
        n_taken: 0,
        n_served_by: 0,
        open: slots,
        slots,
        next_rechoke: SimTime::NEVER,
        refill_pending: false,
        repoll_pending: false,
        retry_pending: false,
        optimistic_due: SimTime::ZERO,
        last_rechoke: SimTime::ZERO,
        rounds: 0,
        sent: Bytes::ZERO,
        received: Bytes::ZERO,
        leaves_by_ratio: matches!(stay, Stay::UntilRatio(_) | Stay::AfterCopies(_)),
        uploads: Vec::new(),
        partials: Vec::new(),
        pick_luck: stream(seed, Purpose::Pick, newcomer.entity),
        choke_luck: stream(seed, Purpose::Choke, newcomer.entity),
        served_since: SimTime::ZERO,
        givers: Givers::default(),
        brain: class.choker.make(),
        shown: None,
        joined: SimTime::ZERO,
        announced: SimTime::NEVER,
        arrival: newcomer.arrival,
        unchoked: Span::ZERO,
    }
}

/// The access lines of users; what a client with a rate limiter sends is metered by it.
fn lines(plan: &Plan, users: &[Person]) -> Links<Transfer> {
    let mut links = Links::with_capacity(users.len());
    for user in users {
        let link = links.add(user.upload, user.download);
        let waits = plan.classes[user.class.index()].protocol.messages != Messages::AtOnce;
        if waits && !user.upload.is_unlimited() && user.upload > ByteRate::ZERO {
            links.meter(link);
        }
    }
    links
}

/// So many defaults.
fn empty<T: Default>(n: usize) -> Vec<T> {
    std::iter::repeat_with(T::default).take(n).collect()
}

/// What a link can carry after a flat protocol overhead.
pub(super) fn after_overhead(rate: ByteRate, overhead: Overhead) -> ByteRate {
    match overhead {
        Overhead::Factor(share) => rate.scaled(share),
        Overhead::None | Overhead::TcpIp => rate,
    }
}
