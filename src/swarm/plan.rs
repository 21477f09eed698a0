//! What a run needs to know: the resolved, immutable input of the engine.
//!
//! A plan holds no file paths, no text to parse and no defaults left open: `scenario` makes it.
//! Together with a seed it fixes every bit of a run.

pub mod economy;

pub use crate::policy::choke::ChokerSpec;
pub use crate::policy::choke::{Choking, OptimisticOrder, RankBy, SeedChoker, Slots, TieOrder};
use crate::policy::pick::PickOrder;
use crate::units::{ByteRate, Bytes, SimTime, Span};
use economy::{Economy, Trade};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// One swarm to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Size of the shared content; the last piece may be short.
    pub content: Bytes,
    /// Size of a piece, a multiple of 16 KiB unless it is the only one. At most 65 534 pieces.
    pub piece: Bytes,
    /// When the run ends at the latest.
    pub horizon: SimTime,
    /// Whether the run goes on to the horizon after the last leecher is done.
    pub until_horizon: bool,
    /// Time between two rows of the timeline.
    pub sample: Span,
    /// Peers by class; a class is a set of peers that differ only by chance.
    pub classes: Vec<ClassPlan>,
    /// Many torrents instead of one, and users who download one after another.
    pub catalogue: Option<Catalogue>,
    /// What is exchanged for upload, besides upload; `None`: nothing, it is barter.
    pub economy: Option<Economy>,
    /// How often the whole world is checked against its laws.
    pub audit: Audit,
}

/// Many torrents, each a swarm of its own; users are peers in several of them over one access
/// link. The plan's own `content` and `piece` are not used then.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// What there is.
    pub torrents: Vec<TorrentPlan>,
    /// Interest in a torrent fades as exp(−age/τ) with this τ; `None`: it lasts.
    pub fading: Option<Span>,
    /// Whether users may ask again for what they have had: they join its swarm anew, with nothing,
    /// as in experiments in which peers leave and re-join.
    pub again: bool,
}

/// One torrent of a catalogue.
#[derive(Clone, PartialEq, Debug)]
pub struct TorrentPlan {
    /// Size of the content; the last piece may be short.
    pub content: Bytes,
    /// Size of a piece.
    pub piece: Bytes,
    /// When it is published: no request before.
    pub release: SimTime,
    /// How popular it is when new, relative to the others.
    pub weight: f64,
}

/// What the users of a class ask for in a catalogue, and when they are there.
#[derive(Clone, PartialEq, Debug)]
pub struct Demand {
    /// Mean of the exponential time from one request of a user to the next; the first comes with
    /// the user's arrival. Requests do not depend on how fast the downloads are.
    pub gap: Span,
    /// Downloads at a time; further requests wait for their turn.
    pub parallel: u32,
    /// When the users are online; `None`: always.
    pub sessions: Option<Sessions>,
}

/// Users come and go: exponential times online and offline, in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sessions {
    /// Mean time online; the first begins with the arrival.
    pub online: Span,
    /// Mean time offline.
    pub offline: Span,
}

impl Plan {
    /// The torrents of the plan: those of its catalogue, or its only one.
    pub fn torrents(&self) -> Vec<TorrentPlan> {
        match &self.catalogue {
            Some(catalogue) => catalogue.torrents.clone(),
            None => vec![TorrentPlan {
                content: self.content,
                piece: self.piece,
                release: SimTime::ZERO,
                weight: 1.0,
            }],
        }
    }
}

/// A set of peers that differ only by chance.
#[derive(Clone, Debug)]
pub struct ClassPlan {
    /// Its name in every result file.
    pub name: String,
    /// What its peers hold when they arrive.
    pub role: Role,
    /// When they arrive, and with that how many.
    pub arrivals: Arrivals,
    /// Access link, upload direction.
    pub upload: RateDist,
    /// Access link, download direction.
    pub download: DownloadDist,
    /// Share of the upload capacity the peer's user allows, in `(0, 1]`; a throttling free rider.
    pub upload_share: f64,
    /// When a leecher leaves after its download, or an origin seeder after its arrival.
    pub stay: Stay,
    /// What its users ask for; only with a catalogue.
    pub demand: Option<Demand>,
    /// Mean of the exponential time after which an unfinished leecher gives up.
    pub patience: Option<Span>,
    /// Whom a leecher of this class serves.
    pub choker: ChokerSpec,
    /// Its part in the economy.
    pub trade: Trade,
    /// The address of each of its users; of those beyond the last it is drawn.
    pub addresses: Vec<Ipv4Addr>,
    /// Whether it hides its pieces as a seeder (BEP 16).
    pub super_seed: bool,
    /// Client rules and their parameters.
    pub protocol: Arc<Protocol>,
}

/// What a peer holds when it arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing yet: it downloads.
    Leecher,
    /// Everything: an origin seeder.
    Seeder,
}

impl Role {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leecher => "leecher",
            Self::Seeder => "seeder",
        }
    }
}

/// When the peers of a class arrive.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// `count` peers at `at`, each moved by a uniform draw from `[0, spread)`.
    AtOnce {
        /// How many.
        count: u32,
        /// The earliest arrival.
        at: SimTime,
        /// Width of the window of arrivals.
        spread: Span,
    },
    /// A Poisson process.
    Poisson {
        /// Rate in peers per second.
        per_s: f64,
        /// No arrival before.
        from: SimTime,
        /// No arrival after; the horizon bounds it too.
        until: SimTime,
    },
    /// A Poisson process whose rate decays as exp(−t/τ) (Guo et al., IMC 2005, §4).
    Decaying {
        /// Rate at `from`, in peers per second.
        per_s: f64,
        /// The time constant τ.
        tau: Span,
        /// No arrival before.
        from: SimTime,
        /// No arrival after; the horizon bounds it too.
        until: SimTime,
    },
    /// Given times, in any order: peer `i` of the class arrives at the `i`-th.
    At(Vec<SimTime>),
    /// Given times, each moved by a uniform draw from `[0, spread)`.
    Around {
        /// The earliest arrival of each peer.
        times: Vec<SimTime>,
        /// Width of the windows of arrivals.
        spread: Span,
    },
}

/// Capacity of one direction of an access link.
#[derive(Clone, Debug)]
pub enum RateDist {
    /// Every peer the same.
    Fixed(ByteRate),
    /// Uniform in `[low, high)`, KiB/s.
    Uniform {
        /// Lower end in KiB/s.
        low: f64,
        /// Upper end in KiB/s.
        high: f64,
    },
    /// Log-normal.
    LogNormal {
        /// Median in KiB/s.
        median: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Pareto.
    Pareto {
        /// Smallest value in KiB/s.
        minimum: f64,
        /// Tail exponent; the mean is finite above 1.
        shape: f64,
    },
    /// By inverse CDF: quantile → KiB/s, rising in both, linear in between.
    Empirical(Arc<Vec<(f64, f64)>>),
    /// Peer `i` of the class has the `i`-th rate.
    PerPeer(Vec<ByteRate>),
}

/// Capacity of the download direction.
#[derive(Clone, Debug)]
pub enum DownloadDist {
    /// A distribution of its own.
    Rate(RateDist),
    /// This many times the peer's own upload capacity.
    TimesUpload(f64),
}

/// How long a peer stays when it has the whole content.
#[derive(Clone, Debug)]
pub enum Stay {
    /// It leaves at once.
    Leave,
    /// It seeds for this long. For an origin seeder: counted from its arrival.
    Linger(Span),
    /// It seeds for an exponential time with this mean.
    LingerExp(Span),
    /// It seeds until uploaded ÷ content size reaches this.
    UntilRatio(f64),
    /// It never leaves.
    Forever,
    /// An origin seeder leaves when it has uploaded this many times the content.
    AfterCopies(f64),
    /// Peer `i` of the class follows the `i`-th rule.
    PerPeer(Vec<Stay>),
}

/// How often `swarm::audit` checks the laws of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audit {
    /// Once, when the run is over.
    End,
    /// Once per sample of the timeline.
    EverySample,
    /// After each event: for tests, thousands of times slower.
    EveryEvent,
}

/// Rules of a client and their parameters. Presets are made by `scenario::presets`.
#[derive(Clone, PartialEq, Debug)]
pub struct Protocol {
    /// Tracker and neighbours.
    pub overlay: Overlay,
    /// Whom to serve.
    pub choking: Choking,
    /// What to ask for.
    pub requests: Requests,
    /// What the link loses to headers.
    pub overhead: Overhead,
    /// How messages share connections with blocks.
    pub messages: Messages,
    /// One-way delay between this peer and the core of the network.
    pub latency: Span,
}

/// How messages share connections with blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Messages {
    /// They take no time but the delay between the peers.
    AtOnce,
    /// They wait for the blocks ahead of them and for the rate limiter (libtorrent).
    InTurn(InTurn),
}

/// What a message waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InTurn {
    /// Time between two ticks of the rate limiter, counted from the peer's arrival (libtorrent
    /// `tick_interval`).
    pub tick: Span,
    /// A send buffer that holds less than this gets another block
    /// (`send_buffer_low_watermark`).
    pub buffer: Bytes,
    /// As does one that holds less than is sent in this time (`send_buffer_watermark_factor`).
    pub buffer_span: Span,
    /// The rate of a connection is known as its average over this time (`stat.hpp`).
    pub rate_span: Span,
    /// A neighbour that asks later than this after it was choked is disconnected
    /// (`peer_connection::incoming_request`).
    pub grace: Span,
    /// When who was disconnected so may connect again (`min_reconnect_time`).
    pub reconnect: Span,
}

/// Tracker and neighbours.
#[derive(Clone, PartialEq, Debug)]
pub struct Overlay {
    /// Peers asked of the tracker per announce.
    pub numwant: u32,
    /// Time between regular announces.
    pub announce: Span,
    /// Time between two looks at whether there are enough neighbours.
    pub rerequest: Span,
    /// Fewer neighbours than this make the peer ask the tracker again at such a look.
    pub min_neighbours: u32,
    /// No connection is accepted or opened above this.
    pub max_neighbours: u32,
    /// The peer opens connections of its own only below this many neighbours.
    pub max_initiate: u32,
    /// Time from an announce to the connections made from it (a client's connect tick).
    pub connect_delay: Span,
    /// Of two peers that are both there before the first announce of either, whether either one
    /// makes the connection when its turn comes, or the earlier one.
    pub either_connects: bool,
    /// To whom it connects first.
    pub connect_order: ConnectOrder,
}

/// In which order a peer connects to those it was told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectOrder {
    /// As the tracker named them: at random.
    AsTold,
    /// By canonical peer priority (BEP 40), which goes by addresses.
    Canonical,
}

/// What to ask for.
#[derive(Clone, PartialEq, Debug)]
pub struct Requests {
    /// Order of pieces.
    pub order: PickOrder,
    /// This many first pieces are picked at random.
    pub random_first: u32,
    /// Finish started pieces before new ones (mainline), or only prefer them among equals.
    pub strict_priority: bool,
    /// A request to a seeder continues only pieces begun at a seeder (mainline `seedstarted`).
    pub seed_started_list: bool,
    /// A neighbour fast enough for a piece in this time is asked for whole pieces. Zero: off.
    pub whole_piece: Span,
    /// Whether such a neighbour is asked for as many contiguous pieces as it can send in that
    /// time (libtorrent `prefer_contiguous_blocks`), or for one; and another one for the blocks its
    /// queue lacks, chosen anew each time (`request_a_block`), or for the whole of a piece.
    pub contiguous: bool,
    /// Blocks outstanding at rate r: `queue_base + r × queue_span`, within the two bounds.
    pub queue_span: Span,
    /// See `queue_span`.
    pub queue_base: u32,
    /// Fewest blocks outstanding.
    pub queue_min: u32,
    /// Most blocks outstanding.
    pub queue_max: u32,
    /// Blocks outstanding on a new connection, and one more for each that comes in, until its rate
    /// rises no more (libtorrent `m_slow_start`). Zero: its rate counts from the start.
    pub queue_start: u32,
    /// A connection that may ask and found nothing to ask for looks again after so long, and when a
    /// piece comes in that its neighbour has (libtorrent `peer_connection::second_tick`,
    /// `do_update_interest`). Zero: as soon as there may be something.
    pub retry: Span,
    /// After so long without a block an unchoked client takes the neighbour's silence for a choke,
    /// and asks others for what it waits for.
    pub timeout: Span,
    /// What to do when every missing block is asked for.
    pub end_game: EndGame,
}

/// What to do when every missing block is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndGame {
    /// Wait.
    Off,
    /// An idle neighbour is asked for one random block that another one has not sent yet; whoever
    /// is first wins (libtorrent `strict_end_game_mode`).
    Strict,
    /// Idle neighbours share out what is outstanding: the second half of the slowest one's queue,
    /// in the end the block it is sending. Mainline asks every neighbour for everything that is
    /// outstanding and cancels what comes in, which leads there at 16 times the events.
    Shared,
}

/// What the link loses to headers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Overhead {
    /// Nothing: capacities are payload.
    None,
    /// Payload is this share of the capacity, either way.
    Factor(f64),
    /// 40 bytes per 1460 of payload, each way: data costs the sender headers and the receiver
    /// acknowledgements (libtorrent `rate_limit_ip_overhead`).
    TcpIp,
}
