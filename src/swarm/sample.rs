//! Rows of the timeline: the state of the swarm, read without touching it.

use super::edges::Mask;
use super::event::Event;
use super::world::{Stage, Swarm};
use crate::ids::PeerId;
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
    /// What the upload links present can carry, as a rate.
    capacity: u64,
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

    /// Brings the capacity offered up to date.
    fn account_capacity(&mut self) {
        let span = self.now.since(self.books.offered_at);
        self.books.offered += ByteRate(self.books.capacity).bytes_in(span);
        self.books.offered_at = self.now;
    }

    /// From now on there is so much capacity more, or less.
    pub(super) fn offer_capacity(&mut self, rate: u64, more: bool) {
        self.account_capacity();
        let capacity = &mut self.books.capacity;
        *capacity = if more { *capacity + rate } else { *capacity - rate };
    }

    /// The peers present, swarm by swarm.
    pub(super) fn present(&self) -> Vec<PeerId> {
        self.torrents.iter().flat_map(|torrent| &torrent.present).copied().collect()
    }

    /// Takes a row.
    pub(super) fn take_sample(&mut self) {
        self.account_capacity();
        let lines = 0..self.links.up.len();
        let flows =
            lines.flat_map(|line| (0..self.links.up[line].flows.len()).map(move |at| (line, at)));
        let moving: u64 = flows.map(|(line, at)| self.uncredited(line, at).0).sum();
        let uploaded = self.books.uploaded + Bytes(moving);
        let out = || self.torrents.iter().filter(|torrent| torrent.is_out(self.now));
        let n_out = f64_of_len(out().count().max(1));
        let availability = out().map(|torrent| torrent.availability().0).sum::<f64>() / n_out;
        let rarest = out().map(|torrent| torrent.availability().1).min().unwrap_or(0);
        let sample = Sample {
            at: self.now,
            leechers: self.leechers,
            seeders: self.seeders,
            availability,
            rarest_copies: rarest,
            seedless: crate::units::u32_of(out().filter(|torrent| torrent.seeders == 0).count()),
            uploaded: uploaded - self.books.uploaded_then,
            upload_offered: self.books.offered,
            mean_progress: self.mean_progress(),
            interest: self.mean_interest(),
            completed: self.completed,
        };
        self.sample_money();
        self.books.uploaded_then = uploaded;
        self.books.offered = Bytes::ZERO;
        self.observer.sampled(&sample);
        // The last row may fall on a regular one: one row per moment.
        match self.samples.last_mut().filter(|last| last.at == sample.at) {
            Some(last) => {
                let (uploaded, upload_offered) = (last.uploaded, last.upload_offered);
                *last = sample;
                last.uploaded += uploaded;
                last.upload_offered += upload_offered;
            }
            None => self.samples.push(sample),
        }
    }

    fn mean_progress(&self) -> f64 {
        let (mut got, mut all) = (0.0, 0.0);
        for torrent in &self.torrents {
            let leechers =
                torrent.present.iter().filter(|p| self.peer(**p).stage == Stage::Leecher);
            let pieces: u64 = leechers.map(|p| u64::from(self.n_have[p.index()])).sum();
            got += f64_of(pieces) / f64_of_len(torrent.cut.pieces);
            all += f64::from(torrent.leechers);
        }
        if all > 0.0 { got / all } else { 0.0 }
    }

    fn mean_interest(&self) -> Option<f64> {
        let mut sum = 0.0;
        let mut n = 0;
        let present = self.torrents.iter().flat_map(|torrent| &torrent.present);
        for p in present.map(|&p| self.peer(p)) {
            if p.stage == Stage::Leecher && p.n_neighbours > 0 {
                let wants = self.edges.count(p.edges, Mask::Wants);
                sum += f64_of_len(wants) / f64::from(p.n_neighbours);
                n += 1;
            }
        }
        (n > 0).then(|| sum / f64::from(n))
    }
}
