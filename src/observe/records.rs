//! Plain records of a run: what a peer lived through, the state at a moment, the work done.

use crate::ids::{ClassId, TorrentId, UserId};
use crate::units::{ByteRate, Bytes, SimTime, Span};

/// What one peer lived through. Times are absolute; `None` where it did not happen.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerRecord {
    /// Position in the plan's classes.
    pub class: ClassId,
    /// Whose peer it is.
    pub user: UserId,
    /// In which swarm.
    pub torrent: TorrentId,
    /// Whether its user has the token's client, whatever the economy.
    pub is_adopter: bool,
    /// Whether it arrived with the whole content.
    pub is_origin: bool,
    /// Access link, upload direction, as its user allows it.
    pub upload: ByteRate,
    /// Access link, download direction.
    pub download: ByteRate,
    /// When it arrived; in a catalogue, when its user asked for the torrent.
    pub arrival: SimTime,
    /// When its first piece was verified.
    pub first_piece: Option<SimTime>,
    /// When its fourth piece was verified: it can trade by then; `None` if it never was.
    pub fourth_piece: Option<SimTime>,
    /// When it had the whole content; `None` for an origin seeder.
    pub completed: Option<SimTime>,
    /// When it left.
    pub departed: Option<SimTime>,
    /// Payload sent.
    pub uploaded: Bytes,
    /// Payload received, wasted included.
    pub downloaded: Bytes,
    /// Payload received that was of no use: duplicates, and blocks cut short.
    pub wasted: Bytes,
    /// Payload sent when it completed.
    pub uploaded_at_completion: Bytes,
    /// Useful payload it holds at the end: whole content for a finished peer.
    pub useful: Bytes,
    /// Time as a leecher, up to completion, departure or the end.
    pub leeching: Span,
    /// Time present with the whole content.
    pub seeding: Span,
    /// Time it would have seeded on, had the run gone on to its horizon with nobody at work; for
    /// those that seed when it ends.
    pub seeds_on: Span,
    /// The part of `leeching` in which at least one neighbour unchoked it.
    pub unchoked: Span,
}

/// The state of the swarm at one moment. Rates are means since the previous row.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The moment.
    pub at: SimTime,
    /// Peers present without the whole content.
    pub leechers: u32,
    /// Peers present with the whole content.
    pub seeders: u32,
    /// Distributed copies: copies of the rarest piece + share of pieces with more copies.
    pub availability: f64,
    /// Copies of the rarest piece among the peers present.
    pub rarest_copies: u32,
    /// Torrents that are out and have no seeder present.
    pub seedless: u32,
    /// Payload sent since the previous row.
    pub uploaded: Bytes,
    /// Payload the upload links present could have carried since the previous row.
    pub upload_offered: Bytes,
    /// Mean share of the content that the leechers present hold, verified pieces only; 0 if none.
    pub mean_progress: f64,
    /// Mean over leechers of the share of their neighbours they are interested in
    /// (Legout et al., IMC 2006, §4.1); `None` without leechers that have neighbours.
    pub interest: Option<f64>,
    /// Leechers that completed so far.
    pub completed: u32,
}

/// Work done by the engine: deterministic, so a change of cost shows as an exact difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Events taken from the queue and acted on.
    pub events: u64,
    /// Events taken from the queue that had been cancelled.
    pub stale_events: u64,
    /// Most events pending at one time.
    pub pending_max: u64,
    /// Pieces verified by leechers.
    pub pieces: u64,
    /// Runs of blocks claimed.
    pub runs: u64,
    /// Runs cut short: choked, lost, or taken over.
    pub runs_cut: u64,
    /// Block runs asked for twice in the end game.
    pub end_game_runs: u64,
    /// Times the choker ran.
    pub rechokes: u64,
    /// Unchokes carried out.
    pub unchokes: u64,
    /// Links whose shares were computed again.
    pub reshares: u64,
    /// Flows whose rate changed.
    pub rate_changes: u64,
    /// Neighbour relations looked at to keep interest up to date.
    pub interest_checks: u64,
    /// Connections opened.
    pub connections: u64,
    /// Announces to the tracker.
    pub announces: u64,
}

/// All that a run leaves behind.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// One per peer, by peer id.
    pub peers: Vec<PeerRecord>,
    /// The timeline.
    pub samples: Vec<Sample>,
    /// Work done.
    pub counters: Counters,
    /// Hash over (time, event, entity) of all events: equal runs have equal fingerprints.
    pub fingerprint: u64,
    /// When the run ended.
    pub end: SimTime,
    /// One per torrent, by torrent id.
    pub torrents: Vec<TorrentRecord>,
    /// About money, if there was any.
    pub money: Option<super::MoneyRecord>,
}

/// What one torrent lived through.
#[derive(Clone, PartialEq, Debug)]
pub struct TorrentRecord {
    /// Size of the content.
    pub content: Bytes,
    /// When it was published.
    pub release: SimTime,
    /// When the origin seeders had sent every piece once; `None` if they never did.
    pub first_copy: Option<SimTime>,
    /// When for the first time the last copy of some piece left.
    pub first_loss: Option<SimTime>,
    /// Time since its release during which some piece was not to be had.
    pub unavailable: Span,
    /// Pieces that nobody present had at the end.
    pub missing: usize,
    /// Leechers that wanted it.
    pub requests: u32,
    /// Leechers that got it.
    pub completions: u32,
}

impl Outcome {
    /// Size of the content a peer is after.
    pub fn content_of(&self, peer: &PeerRecord) -> Bytes {
        self.torrents[peer.torrent.index()].content
    }
}
