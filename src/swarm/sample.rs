//! Rows of the timeline: the state of the swarm, read without touching it.

use super::edges::Mask;
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::observe::{Observer, Sample};
use crate::units::{ByteRate, Bytes, SimTime, f64_of, f64_of_len};

/// Sums kept for the timeline.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Books {
    /// Payload entered in the books so far.
    pub(super) uploaded: Bytes,
    /// Payload moved by the time of the last row.
    uploaded_then: Bytes,
    /// What the upload links present could have carried since the last row.
    offered: Bytes,
    /// When `offered` was last brought up to date.
    offered_at: SimTime,
}

impl<O: Observer> Swarm<'_, O> {
    /// Takes a row and has the next one taken.
    pub(super) fn sample(&mut self) {
        self.take_sample();
        if self.plan.audit == super::plan::Audit::EverySample {
            self.audit();
        }
        self.queue.push(self.now + self.plan.sample, Event::Sample);
    }

    /// Brings the capacity offered up to date; called before anybody arrives or leaves.
    pub(super) fn account_capacity(&mut self) {
        let limited = |rate: ByteRate| if rate.is_unlimited() { 0 } else { rate.0 };
        let present = self.present.iter();
        let sum = present.map(|p| limited(self.newcomers[p.index()].upload)).sum();
        let span = self.now.since(self.books.offered_at);
        self.books.offered += ByteRate(sum).bytes_in(span);
        self.books.offered_at = self.now;
    }

    /// Takes a row.
    pub(super) fn take_sample(&mut self) {
        self.account_capacity();
        let moving: u64 = self
            .present
            .iter()
            .flat_map(|&p| (0..self.links.up[p.index()].flows.len()).map(move |at| (p, at)))
            .map(|(p, at)| self.uncredited(p, at).0)
            .sum();
        let uploaded = self.books.uploaded + Bytes(moving);
        let rarest = self.copies.iter().copied().min().unwrap_or(0);
        let above = self.copies.iter().filter(|&&c| c > rarest).count();
        let sample = Sample {
            at: self.now,
            leechers: self.leechers,
            seeders: self.seeders,
            availability: f64::from(rarest) + f64_of_len(above) / f64_of_len(self.cut.pieces),
            rarest_copies: rarest,
            uploaded: uploaded - self.books.uploaded_then,
            upload_offered: self.books.offered,
            mean_progress: self.mean_progress(),
            interest: self.mean_interest(),
            completed: self.completed,
        };
        self.books.uploaded_then = uploaded;
        self.books.offered = Bytes::ZERO;
        self.observer.sampled(&sample);
        // The last row may fall on a regular one: one row per moment.
        if self.samples.last().is_none_or(|last| last.at < sample.at) {
            self.samples.push(sample);
        }
    }

    fn mean_progress(&self) -> f64 {
        let leechers = self.present.iter().filter(|p| self.peer(**p).stage == Stage::Leecher);
        let pieces: u64 = leechers.map(|p| u64::from(self.n_have[p.index()])).sum();
        let all = f64::from(self.leechers) * f64_of_len(self.cut.pieces);
        if all > 0.0 { f64_of(pieces) / all } else { 0.0 }
    }

    fn mean_interest(&self) -> Option<f64> {
        let mut sum = 0.0;
        let mut n = 0;
        for p in self.present.iter().map(|&p| self.peer(p)) {
            if p.stage == Stage::Leecher && p.n_neighbours > 0 {
                let wants = self.edges.count(p.edges, Mask::Wants);
                sum += f64_of_len(wants) / f64::from(p.n_neighbours);
                n += 1;
            }
        }
        (n > 0).then(|| sum / f64::from(n))
    }
}
