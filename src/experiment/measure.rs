//! What is computed from one peer's record, and the laws every outcome keeps.

use crate::observe::{Outcome, PeerRecord};
use crate::units::{ByteRate, Bytes, KIB, NS_PER_S, SimTime, Span, f64_of, f64_of_len};

/// A law that an outcome breaks: a fault of the engine, never of the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("arm `{arm}`, replicate {replicate}: {law}")]
pub struct LawBroken {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate.
    pub replicate: u32,
    /// Which law, with the numbers.
    pub law: String,
}

/// Checks what must hold in every outcome; the answer names the law that does not.
///
/// # Errors
/// When payload sent is not payload received, to the byte, a life is out of order, or the books of
/// money do not agree.
pub fn check_laws(outcome: &Outcome) -> Result<(), String> {
    let total = |of: fn(&PeerRecord) -> Bytes| -> u128 {
        outcome.peers.iter().map(|peer| u128::from(of(peer).0)).sum()
    };
    let (sent, received) = (total(|p| p.uploaded), total(|p| p.downloaded));
    if sent != received {
        return Err(format!("{sent} bytes were sent but {received} received"));
    }
    for (id, peer) in outcome.peers.iter().enumerate() {
        let life = [Some(peer.arrival), peer.first_piece, peer.completed, peer.departed];
        if !life.iter().flatten().is_sorted() {
            return Err(format!("peer {id} lived out of order: {life:?}"));
        }
        if peer.wasted > peer.downloaded {
            return Err(format!("peer {id} wasted more than it received"));
        }
    }
    outcome.money.as_ref().map_or(Ok(()), super::money::check_laws)
}

/// Seconds from arrival to the whole content; `None` for origin seeders and the unfinished.
pub fn download_time_s(peer: &PeerRecord) -> Option<f64> {
    if peer.is_origin {
        return None;
    }
    peer.completed.map(|at| at.since(peer.arrival).as_secs())
}

/// Seconds from arrival to the fourth verified piece; `None` for origin seeders and without one.
pub fn fourth_piece_time_s(peer: &PeerRecord) -> Option<f64> {
    let at = peer.fourth_piece.filter(|_| !peer.is_origin)?;
    Some(at.since(peer.arrival).as_secs())
}

/// How long a leecher waited: until it had the content, gave up, or the run ended.
pub fn waiting(peer: &PeerRecord, end: SimTime) -> Span {
    if peer.is_origin {
        return Span::ZERO;
    }
    peer.completed.or(peer.departed).unwrap_or(end).since(peer.arrival)
}

/// How long a peer seeds in all: up to its departure, were it after the end of the run, at most
/// up to the horizon.
pub fn seeds_for(peer: &PeerRecord) -> Span {
    peer.seeding + peer.seeds_on
}

/// Payload sent ÷ useful payload held at the end; for an origin seeder ÷ content size.
pub fn ratio_final(peer: &PeerRecord, content: Bytes) -> Option<f64> {
    let held = if peer.is_origin { content } else { peer.useful };
    (held > Bytes::ZERO).then(|| peer.uploaded.as_f64() / held.as_f64())
}

/// Payload sent up to completion ÷ content size; `None` where there was no completion.
pub fn ratio_at_completion(peer: &PeerRecord, content: Bytes) -> Option<f64> {
    download_time_s(peer)?;
    (content > Bytes::ZERO).then(|| peer.uploaded_at_completion.as_f64() / content.as_f64())
}

/// Share of its time as a leecher in which at least one neighbour unchoked the peer.
pub fn unchoked_share(peer: &PeerRecord) -> Option<f64> {
    let leeched = !peer.is_origin && peer.leeching.0 > 0;
    leeched.then(|| f64_of(peer.unchoked.0) / f64_of(peer.leeching.0))
}

/// How fast a peer could be at best: the yardstick of `slowdown`.
///
/// A download takes at least F/d over its own link, and in a flash crowd the mean upload capacity
/// per leecher ū = (`u_S` + Σ `u_i`)/N bounds the last finisher by F/ū (Kumar and Ross, `HotWeb`
/// 2006, §3). Where it is wrong: with arrivals over time ū counts peers that never met, and it
/// bounds the last finisher, so early ones can have a slowdown below 1.
#[derive(Clone, PartialEq, Debug)]
pub struct SwarmBound {
    /// Sizes by torrent.
    contents: Vec<Bytes>,
    /// F/ū in seconds; 0 when some upload link is unlimited, or with several torrents, which share
    /// links in ways it does not know of; `None` when nobody uploads.
    shared_s: Option<f64>,
}

impl SwarmBound {
    /// The bound of a run.
    pub fn of(outcome: &Outcome) -> Self {
        let n_leechers = outcome.peers.iter().filter(|peer| !peer.is_origin).count();
        let upload: f64 = outcome.peers.iter().map(|peer| capacity_kib_per_s(peer.upload)).sum();
        let contents: Vec<Bytes> = outcome.torrents.iter().map(|torrent| torrent.content).collect();
        let shared_s = if has_unlimited_upload(outcome) || contents.len() > 1 {
            Some(0.0)
        } else {
            let per_leecher = upload / f64_of_len(n_leechers.max(1));
            seconds_at(contents[0], per_leecher)
        };
        Self { contents, shared_s }
    }

    /// Download time ÷ max(F/d, F/ū); `None` without a completion or without any bound.
    pub fn slowdown(&self, peer: &PeerRecord) -> Option<f64> {
        let time = download_time_s(peer)?;
        self.best_s(peer).filter(|&best| best > 0.0).map(|best| time / best)
    }

    /// max(F/d, F/ū) in seconds; `None` if the content cannot come at all.
    pub fn best_s(&self, peer: &PeerRecord) -> Option<f64> {
        let own = if peer.download.is_unlimited() {
            0.0
        } else {
            seconds_at(self.contents[peer.torrent.index()], capacity_kib_per_s(peer.download))?
        };
        Some(own.max(self.shared_s?))
    }
}

/// A capacity to a millionth of a KiB/s: rounding hides the fixed-point grid it is kept on.
pub fn capacity_kib_per_s(rate: ByteRate) -> f64 {
    (rate.as_kib_per_s() * 1e6).round() / 1e6
}

/// Whether some upload link of the run has no limit.
pub fn has_unlimited_upload(outcome: &Outcome) -> bool {
    outcome.peers.iter().any(|peer| peer.upload.is_unlimited())
}

/// Time for `content` at a rate; `None` at rate 0.
fn seconds_at(content: Bytes, kib_per_s: f64) -> Option<f64> {
    (kib_per_s > 0.0).then(|| content.as_f64() / (kib_per_s * f64_of(KIB)))
}

/// Mean rate of `amount` over a time in nanoseconds, in KiB per second; `None` over no time.
pub fn kib_per_s(amount: Bytes, ns: u64) -> Option<f64> {
    (ns > 0).then(|| amount.as_f64() / f64_of(KIB) / (f64_of(ns) / f64_of(NS_PER_S)))
}
