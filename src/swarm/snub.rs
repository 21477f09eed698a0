//! A neighbour that lets a request wait longer than is usual with it is snubbing, and is asked for
//! little (libtorrent `peer_connection::snub_peer`).
//!
//! How long requests take on a connection is averaged, each block that comes in being a sample.
//! Once a second, where requests are out and none was answered for longer than the mean and four
//! deviations, what was claimed there and not requested yet is given back; until it answers in time
//! again it is asked for one block. So a connection that waited for its rate limiter gives up its
//! plans: the limiter grants quota, the second is over, and only then is read what is there.
//!
//! Laws: a claim that is given back was not requested; a connection of which nothing is requested
//! is not snubbed.
//!
//! Where it is wrong: the client also asks others for the last block it requested, where that is
//! all that is missing of a piece.

use super::edges::Mask;
use super::request::u16_of_u64;
use super::transfer::Run;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::BLOCK;

/// The longest that a request may take, in seconds (libtorrent `request_timeout`), and the
/// shortest that is too long.
const MOST_S: u32 = 60;
const LEAST_S: u32 = 2;
/// Samples the averages go over, and their unit in a millisecond (`sliding_average`).
const LASTING: u8 = 20;
const FINE: i32 = 64;

/// How long requests on a connection take, in parts of a millisecond.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delays {
    mean: i32,
    deviation: i32,
    samples: u8,
}

impl Delays {
    /// A block came in so many milliseconds after the one before it, or after its request.
    pub(super) fn add(&mut self, ms: u32) {
        let sample = i32::try_from(ms.min(1_000_000)).expect("small") * FINE;
        let off = if self.samples > 0 { (self.mean - sample).abs() } else { 0 };
        self.samples = LASTING.min(self.samples + 1);
        let n = i32::from(self.samples);
        self.mean += (sample - self.mean) / n;
        if n > 1 {
            self.deviation += (off - self.deviation) / (n - 1);
        }
    }

    /// How many seconds the next request may take.
    pub(super) fn patience_s(&self) -> u32 {
        let ms = |fine: i32| (fine + FINE / 2) / FINE;
        let mean = ms(self.mean);
        let most = match self.samples {
            0 => return MOST_S,
            1 => mean + mean / 5,
            _ => mean + 4 * ms(self.deviation),
        };
        u32::try_from(most).expect("not negative").div_ceil(1000).clamp(LEAST_S, MOST_S)
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// What `p` has requested from its neighbour in `slot` and not received, in bytes.
    fn requested(&self, p: PeerId, slot: u16) -> u64 {
        let sender = self.socket(self.neighbour(p, slot), self.back(p, slot));
        let got = sender.sent - u64::from(self.socket(p, slot).parked);
        sender.asked_to.saturating_sub(got)
    }

    /// `p` is about to request something of its neighbour in `slot`: if nothing was, it waits for
    /// an answer from now on.
    pub(super) fn note_request(&mut self, p: PeerId, slot: u16) {
        let (now_ms, is_first) = (self.now_ms(), self.requested(p, slot) == 0);
        let socket = self.socket_mut(p, slot);
        socket.asked_ms = now_ms;
        if is_first {
            socket.waits_since_ms = now_ms;
        }
    }

    /// Whether `p` has waited too long for what it requested from its neighbour in `slot`, though
    /// it would read it.
    fn is_snubbed(&self, p: PeerId, slot: u16) -> bool {
        let socket = self.socket(p, slot);
        let waits_ms = self.now_ms().wrapping_sub(socket.waits_since_ms);
        let is_late = waits_ms > 1000 * socket.delays.patience_s();
        is_late && (socket.into.left > 0 || !self.reads_by_quota(p)) && self.requested(p, slot) > 0
    }

    /// A second is over for `p`, which waits for blocks from some neighbours.
    pub(super) fn look_for_snubs(&mut self, p: PeerId) {
        let slots: Vec<u16> = self.edges.slots(self.peer(p).edges, Mask::FlowIn).collect();
        for slot in slots {
            if self.is_metered(self.neighbour(p, slot)) && self.is_snubbed(p, slot) {
                self.snub(p, slot);
            }
        }
    }

    /// `p` gives back what it has claimed of its neighbour in `slot` and not requested.
    fn snub(&mut self, p: PeerId, slot: u16) {
        let socket = self.socket_mut(p, slot);
        socket.be_snubbed();
        let from = self.neighbour(p, slot);
        let Some(at) = self.flow_at(from, p) else { return };
        let kept = self.requested(p, slot).max(self.committed(from, at));
        self.keep_only(from, at, kept);
    }

    /// So many blocks have come in at `p` from its neighbour in `slot`.
    pub(super) fn count_answers(&mut self, p: PeerId, slot: u16, blocks: u64) {
        let now_ms = self.now_ms();
        let requests = &self.class(p).protocol.requests;
        let socket = self.socket_mut(p, slot);
        for _ in 0..blocks {
            socket.count_block(now_ms, requests);
        }
    }

    /// Takes all but the first so many bytes, whole blocks, off a flow; they are claimed no more.
    fn keep_only(&mut self, from: PeerId, at: usize, kept: u64) {
        self.credit(from, at);
        self.release_queue(from, at, kept, false);
        let run = self.flow_mut(from, at).run;
        let credited = self.credited(from, at);
        let end = run.from + u16_of_u64((credited + kept).div_ceil(BLOCK.0));
        if run.from < end && end < run.to {
            self.counters.runs_cut += 1;
            let to = self.receiver(from, at);
            self.shorten_run(from, at, end);
            self.release(to, Run { from: end, ..run });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_average_as_in_the_log_of_a_client() {
        // From 1.7 s on, of libtorrent 2.1.1: mean and deviation after each sample.
        let samples = [
            (53, 53, 0),
            (0, 27, 53),
            (0, 18, 40),
            (0, 13, 32),
            (499, 110, 145),
            (0, 91, 138),
            (0, 78, 130),
            (0, 69, 123),
            (500, 117, 162),
        ];
        let mut delays = Delays::default();
        assert_eq!(delays.patience_s(), MOST_S, "as long as nothing is known");
        for (ms, mean, deviation) in samples {
            delays.add(ms);
            let fine = |n: i32| (n + FINE / 2) / FINE;
            let near =
                (fine(delays.mean) - mean).abs() + (fine(delays.deviation) - deviation).abs();
            assert!(near <= 2, "{delays:?} after {ms}, logged {mean} +- {deviation}");
        }
        assert_eq!(delays.patience_s(), LEAST_S, "117 + 4 * 162 ms");
        for _ in 0..40 {
            delays.add(4000);
            delays.add(0);
        }
        assert!((10..=11).contains(&delays.patience_s()), "about 2 s and 4 * 2 s");
    }
}
