//! Parameters of the chokers. Presets are made by `scenario::presets`.

use crate::units::{ByteRate, Span, floor_usize};

/// Whom to serve.
#[derive(Clone, PartialEq, Debug)]
pub struct Choking {
    /// Time between two rounds of the choker.
    pub rechoke: Span,
    /// Time between two optimistic unchokes.
    pub optimistic: Span,
    /// Whether a clock of its own gives the optimistic slots (libtorrent): one that falls free
    /// for another reason than its holder's can stay empty until then. Else the choker fills them.
    pub optimistic_clock: bool,
    /// How far ahead that clock is when a peer comes: a client that ran before its peer came.
    pub optimistic_ahead: Span,
    /// Whether each peer's clock starts at a random phase of its period, or at its arrival.
    pub random_phase: bool,
    /// Upload slots in all, optimistic ones included.
    pub slots: Slots,
    /// How many of the slots are optimistic.
    pub optimistic_slots: u32,
    /// At least this many neighbours are served, by more optimistic slots if too few deserve a
    /// regular one (mainline `min_uploads`).
    pub min_uploads: u32,
    /// Whose turn the optimistic unchoke is.
    pub optimistic_order: OptimisticOrder,
    /// How equals are ranked.
    pub ties: TieOrder,
    /// How much likelier a neighbour without a whole piece is unchoked optimistically (BEP 3: 3).
    pub new_peer_weight: u32,
    /// What ranks a neighbour for a regular slot.
    pub rank: RankBy,
    /// Whether a free slot goes at once to a neighbour that becomes interested.
    pub unchoke_on_interest: bool,
    /// Whether a neighbour that loses interest is choked at once.
    pub choke_on_lost_interest: bool,
    /// When the choker runs again because a slot fell free; `None`: at its next round.
    pub refill: Option<Span>,
    /// No block for this long while unchoked: the neighbour gets no regular slot. `None`: off.
    pub snub: Option<Span>,
    /// Whom a seeder serves.
    pub seed: SeedChoker,
}

/// Number of upload slots.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Slots {
    /// This many.
    Fixed(u32),
    /// Mainline 4.x: by upload limit u in kB/s: < 9: 2, < 15: 3, < 42: 4, else ⌊√(0.6 u)⌋;
    /// 7 without a limit (`_max_uploads`).
    Auto,
    /// Everybody who is interested.
    All,
}

/// Whose turn the optimistic unchoke is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptimisticOrder {
    /// Whoever waited longest since its last optimistic unchoke (libtorrent).
    LongestWaiting,
    /// Anybody, with equal chances but for `new_peer_weight`.
    Random,
}

/// How a choker ranks equals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TieOrder {
    /// At random.
    ByChance,
    /// As the client's partial sorting of its connections, the oldest first, leaves them; of the
    /// best only as many are singled out as there are slots, optimistic ones included, and which
    /// of those get the regular ones is left to that order too (libtorrent `unchoke_sort`).
    InOrder,
}

/// What ranks a neighbour for a regular slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RankBy {
    /// Bytes received in the last two rounds: the 20 s rate window of mainline.
    TwoRounds,
    /// Bytes received in the last round (libtorrent).
    LastRound,
}

/// Whom a seeder serves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum SeedChoker {
    /// libtorrent's default: a neighbour keeps its slot until it got `quota_pieces` and held it
    /// for `tenure`; then whoever waited longest.
    RoundRobin {
        /// Pieces after which the slot may pass on.
        quota_pieces: u32,
        /// Time after which the slot may pass on.
        tenure: Span,
    },
    /// Mainline 4.0: the most recently unchoked stay; a third of the slots per 10 s is forced
    /// to pass on to whoever waited longest.
    MostRecent,
    /// Mainline 3.x: the neighbours that take fastest.
    FastestUpload,
    /// libtorrent's `anti_leech`: the nearly empty and the nearly complete first.
    AntiLeech,
    /// Drawn anew each round.
    Random,
}

impl Slots {
    /// The number of slots of a peer with this upload capacity; none without capacity.
    pub fn count(self, upload: ByteRate) -> usize {
        if upload == ByteRate::ZERO {
            return 0;
        }
        match self {
            Self::Fixed(n) => n as usize,
            Self::All => usize::MAX,
            Self::Auto if upload.is_unlimited() => 7,
            Self::Auto => {
                // Mainline counts in kB of 1000 bytes.
                let kb_per_s = upload.as_kib_per_s() * 1.024;
                match kb_per_s {
                    r if r < 9.0 => 2,
                    r if r < 15.0 => 3,
                    r if r < 42.0 => 4,
                    r => floor_usize(libm::sqrt(0.6 * r)),
                }
            }
        }
    }
}
