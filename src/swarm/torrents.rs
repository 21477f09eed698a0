//! The swarms of a run: who is in each, and how many copies of what it holds.

use super::plan::TorrentPlan;
use crate::ids::{PeerId, PieceId};
use crate::observe::TorrentRecord;
use crate::torrent::{Geometry, bitfield};
use crate::units::{SimTime, Span, f64_of_len};

/// One swarm.
pub(super) struct Torrent {
    pub(super) cut: Geometry,
    release: SimTime,
    /// Copies of each piece among the peers present.
    pub(super) copies: Vec<u32>,
    /// Pieces without a copy.
    missing: usize,
    /// Since when there have been some; the release at first.
    missing_since: SimTime,
    /// Time with missing pieces until then.
    unavailable: Span,
    first_loss: Option<SimTime>,
    /// Pieces some leecher has verified at some time.
    spread: Vec<u64>,
    n_spread: usize,
    first_copy: Option<SimTime>,
    /// Peers present, in no meaningful order.
    pub(super) present: Vec<PeerId>,
    pub(super) leechers: u32,
    pub(super) seeders: u32,
    /// Peers that are in it at some time.
    pub(super) members: usize,
    /// Leechers that have come so far, and those that have it.
    pub(super) requests: u32,
    pub(super) completions: u32,
}

impl Torrent {
    /// A swarm without peers.
    pub(super) fn new(plan: &TorrentPlan) -> Self {
        let cut = Geometry::new(plan.content, plan.piece);
        Self {
            release: plan.release,
            copies: vec![0; cut.pieces],
            missing: cut.pieces,
            missing_since: plan.release,
            unavailable: Span::ZERO,
            first_loss: None,
            spread: vec![0; cut.words],
            n_spread: 0,
            first_copy: None,
            present: Vec::new(),
            leechers: 0,
            seeders: 0,
            members: 0,
            requests: 0,
            completions: 0,
            cut,
        }
    }

    /// One copy more of a piece.
    #[inline]
    pub(super) fn gain(&mut self, now: SimTime, piece: PieceId) {
        let copies = &mut self.copies[piece.index()];
        *copies += 1;
        if *copies == 1 {
            self.missing -= 1;
            if self.missing == 0 {
                self.unavailable += now.since(self.missing_since);
            }
        }
    }

    /// One copy less of a piece.
    pub(super) fn lose(&mut self, now: SimTime, piece: PieceId) {
        let copies = &mut self.copies[piece.index()];
        *copies -= 1;
        if *copies == 0 {
            if self.missing == 0 {
                self.missing_since = now;
            }
            self.missing += 1;
            self.first_loss.get_or_insert(now);
        }
    }

    /// Some leecher has verified a piece.
    #[inline]
    pub(super) fn spread_to_leecher(&mut self, now: SimTime, piece: PieceId) {
        if !bitfield::has(&self.spread, piece.index()) {
            bitfield::set(&mut self.spread, piece.index());
            self.n_spread += 1;
            if self.n_spread == self.cut.pieces {
                self.first_copy = Some(now);
            }
        }
    }

    /// Distributed copies: copies of the rarest piece, and the share of pieces with more; and the
    /// former alone.
    pub(super) fn availability(&self) -> (f64, u32) {
        let rarest = self.copies.iter().copied().min().unwrap_or(0);
        let above = self.copies.iter().filter(|&&copies| copies > rarest).count();
        (f64::from(rarest) + f64_of_len(above) / f64_of_len(self.cut.pieces), rarest)
    }

    /// Whether it has been published by now.
    pub(super) fn is_out(&self, now: SimTime) -> bool {
        self.release <= now
    }

    /// What it lived through until now.
    pub(super) fn record(&self, now: SimTime) -> TorrentRecord {
        let open = if self.missing > 0 { now.since(self.missing_since) } else { Span::ZERO };
        TorrentRecord {
            content: self.cut.content,
            release: self.release,
            first_copy: self.first_copy,
            first_loss: self.first_loss,
            unavailable: self.unavailable + open,
            missing: self.missing,
            requests: self.requests,
            completions: self.completions,
        }
    }
}
