//! The numbers a run is reduced to: one per metric and part.

use super::books::Books;
use super::grid::ArmDesign;
use super::measure::{self, SwarmBound};
use super::metric::{Metric, Part};
use super::survival::{self, Life};
use super::wealth::Wealth;
use super::{memory, money, stats};
use crate::observe::{Outcome, PeerRecord, Sample};
use crate::units::{Bytes, KIB, SimTime, Span, f64_of, f64_of_len};

/// All numbers of a run, in the order of `arm.keys()`.
pub fn evaluate(arm: &ArmDesign, outcome: &Outcome) -> Vec<Option<f64>> {
    let bound = SwarmBound::of(outcome);
    let wealth = Wealth::of(arm, outcome, &bound);
    let mut values = Vec::new();
    for part in arm.parts() {
        let group = Group::new(outcome, part, &bound);
        let books = outcome.money.as_ref().map(|money| Books::of(money, part));
        for metric in Metric::ALL.into_iter().filter(|metric| metric.applies(arm, part)) {
            let value = group.value(metric).or_else(|| wealth.value(metric, part));
            let value = value.or_else(|| swarm_value(metric, arm, outcome));
            let value = value.or_else(|| books.as_ref()?.value(metric));
            let value = value.or_else(|| money::value(metric, outcome.money.as_ref()?));
            values.push(value.filter(|x| x.is_finite()));
        }
    }
    values
}

/// The peers of one part in one run.
struct Group<'a> {
    /// All, origin seeders included.
    peers: Vec<&'a PeerRecord>,
    /// Those that arrived without the content.
    leechers: Vec<&'a PeerRecord>,
    /// Download times of the finishers, rising.
    times: Vec<f64>,
    bound: &'a SwarmBound,
    outcome: &'a Outcome,
}

impl<'a> Group<'a> {
    fn new(outcome: &'a Outcome, part: Part, bound: &'a SwarmBound) -> Self {
        let member = |peer: &&PeerRecord| part.has(peer.class.index(), peer.is_adopter);
        let peers: Vec<_> = outcome.peers.iter().filter(member).collect();
        let leechers: Vec<_> = peers.iter().copied().filter(|peer| !peer.is_origin).collect();
        let times = leechers.iter().filter_map(|peer| measure::download_time_s(peer)).collect();
        Self { peers, leechers, times: stats::sorted(times), bound, outcome }
    }

    /// The number of this group; `None` if it does not exist or belongs to the whole swarm.
    fn value(&self, metric: Metric) -> Option<f64> {
        let n = self.leechers.len();
        match metric {
            Metric::Leechers => Some(f64_of_len(n)),
            Metric::Completed => Some(f64_of_len(self.times.len())),
            Metric::UnfinishedShare => {
                (n > 0).then(|| f64_of_len(n - self.times.len()) / f64_of_len(n))
            }
            Metric::DownloadTimeMean => stats::mean(&self.times),
            Metric::DownloadTimeMedian => stats::quantile(&self.times, 0.5),
            Metric::DownloadTimeP95 => stats::quantile(&self.times, 0.95),
            Metric::SlowdownMean => self.mean(|peer| self.bound.slowdown(peer)),
            Metric::Makespan => self.makespan_s(),
            Metric::LastCompletion => self.last_completion_s(),
            Metric::UnchokedShareMean => self.mean(measure::unchoked_share),
            Metric::WastedShare => {
                let received = total(&self.leechers, |peer| peer.downloaded);
                let wasted = total(&self.leechers, |peer| peer.wasted);
                (received > 0.0).then(|| wasted / received)
            }
            Metric::RatioFinalMean => stats::mean(&self.ratios()),
            Metric::JainOfRatios => stats::jain(&self.ratios()),
            Metric::GiniOfUploads => {
                let uploads = self.leechers.iter().map(|peer| peer.uploaded.as_f64()).collect();
                stats::gini(&stats::sorted(uploads))
            }
            Metric::DownloadedTotal => Some(total(&self.leechers, |peer| peer.downloaded)),
            Metric::UploadedTotal => Some(total(&self.peers, |peer| peer.uploaded)),
            Metric::FourthPieceTimeMean => self.mean(measure::fourth_piece_time_s),
            Metric::RatioAtCompletionMean => {
                self.mean(|peer| measure::ratio_at_completion(peer, self.outcome.content_of(peer)))
            }
            Metric::SeedHours => Some(self.seed_hours()),
            Metric::SeedHoursPerCompletion => {
                let n = f64_of_len(self.times.len());
                (n > 0.0).then(|| self.seed_hours() / n)
            }
            Metric::SeedHoursOffered => {
                Some(self.peers.iter().map(|peer| measure::seeds_for(peer).as_hours()).sum())
            }
            Metric::SeedUploadOffered => self.seed_upload_offered(),
            _ => None,
        }
    }

    /// What the links of those that seed could have carried meanwhile; `None` where one has no
    /// limit, or where one may serve several torrents at a time.
    fn seed_upload_offered(&self) -> Option<f64> {
        let seeders = || self.peers.iter().filter(|peer| measure::seeds_for(peer) > Span::ZERO);
        let exists = self.outcome.torrents.len() == 1;
        let is_bounded = exists && seeders().all(|peer| !peer.upload.is_unlimited());
        let offered = |peer: &&PeerRecord| {
            let bytes_per_s = measure::capacity_kib_per_s(peer.upload) * f64_of(KIB);
            bytes_per_s * measure::seeds_for(peer).as_secs()
        };
        is_bounded.then(|| seeders().map(offered).sum())
    }

    fn ratios(&self) -> Vec<f64> {
        let ratio = |peer: &&PeerRecord| measure::ratio_final(peer, self.outcome.content_of(peer));
        self.leechers.iter().filter_map(ratio).collect()
    }

    fn mean(&self, of: impl Fn(&PeerRecord) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.leechers.iter().filter_map(|peer| of(peer)).collect();
        stats::mean(&values)
    }

    /// Hours present with the whole content, origin seeders included.
    fn seed_hours(&self) -> f64 {
        self.peers.iter().map(|peer| peer.seeding).fold(Span::ZERO, |a, b| a + b).as_hours()
    }

    /// When the last leecher completed; `None` unless all did.
    fn makespan_s(&self) -> Option<f64> {
        let times: Option<Vec<SimTime>> = self.leechers.iter().map(|p| p.completed).collect();
        times?.into_iter().max().map(SimTime::as_secs)
    }

    /// When the last of those that completed did.
    fn last_completion_s(&self) -> Option<f64> {
        self.leechers.iter().filter_map(|p| p.completed).max().map(SimTime::as_secs)
    }
}

/// A number of the whole swarm.
fn swarm_value(metric: Metric, arm: &ArmDesign, outcome: &Outcome) -> Option<f64> {
    match metric {
        Metric::UploadUtilisation => utilisation(outcome),
        Metric::AvailabilityMin => {
            let held = attended(outcome).map(|row| row.availability);
            held.min_by(f64::total_cmp)
        }
        Metric::AvailabilityHalfLife if outcome.torrents.len() > 1 => torrents_half_life_s(outcome),
        Metric::AvailabilityHalfLife => half_life_s(&outcome.samples),
        Metric::UploadOfferedTotal => {
            let offered = outcome.samples.iter().map(|row| row.upload_offered.as_f64()).sum();
            (!measure::has_unlimited_upload(outcome)).then_some(offered)
        }
        Metric::SeedlessShare => {
            let rows = attended(outcome).count();
            let seedless: f64 = attended(outcome).map(|row| f64::from(row.seedless)).sum();
            let torrents = f64_of_len(outcome.torrents.len());
            (rows > 0).then(|| seedless / f64_of_len(rows) / torrents)
        }
        Metric::SeedlessBrokenShare => seedless_broken_share(outcome),
        Metric::FirstCopyTime => {
            let spans = outcome.torrents.iter().filter_map(|torrent| {
                torrent.first_copy.map(|at| at.since(torrent.release).as_secs())
            });
            stats::mean(&spans.collect::<Vec<f64>>())
        }
        Metric::MemoryCorrelation => memory::across_torrents(outcome),
        Metric::FreeRiderAdvantage => free_rider_advantage(arm, outcome),
        _ => None,
    }
}

/// Of the rows with leechers and no seeder, those in which the leechers do not have every piece
/// between them; of one torrent, as rows of several do not say which is which.
fn seedless_broken_share(outcome: &Outcome) -> Option<f64> {
    let rows: Vec<&Sample> = attended(outcome).filter(|row| row.seedless > 0).collect();
    let broken = rows.iter().filter(|row| row.availability < 1.0).count();
    let exists = outcome.torrents.len() == 1 && !rows.is_empty();
    exists.then(|| f64_of_len(broken) / f64_of_len(rows.len()))
}

/// Rows of the timeline with at least one leecher present.
fn attended(outcome: &Outcome) -> impl Iterator<Item = &Sample> {
    outcome.samples.iter().filter(|row| row.leechers > 0)
}

/// Rows of the timeline up to the first at or after the last completion; all if none completed.
pub fn busy_rows(outcome: &Outcome) -> &[Sample] {
    let finished = |peer: &&PeerRecord| !peer.is_origin;
    let last = outcome.peers.iter().filter(finished).filter_map(|peer| peer.completed).max();
    let Some(last) = last else {
        return &outcome.samples;
    };
    let before = outcome.samples.partition_point(|row| row.at < last);
    &outcome.samples[..(before + 1).min(outcome.samples.len())]
}

/// Payload sent ÷ what the upload links could have carried, up to the last completion.
fn utilisation(outcome: &Outcome) -> Option<f64> {
    if measure::has_unlimited_upload(outcome) {
        return None;
    }
    let rows = busy_rows(outcome);
    let sent: f64 = rows.iter().map(|row| row.uploaded.as_f64()).sum();
    let offered: f64 = rows.iter().map(|row| row.upload_offered.as_f64()).sum();
    (offered > 0.0).then(|| sent / offered)
}

/// When availability first falls below half its maximum, after the first row that reaches it.
fn half_life_s(samples: &[Sample]) -> Option<f64> {
    let most = samples.iter().map(|row| row.availability).max_by(f64::total_cmp)?;
    let after = samples.iter().skip_while(|row| row.availability < most);
    let fallen = after.into_iter().find(|row| row.availability < most / 2.0);
    fallen.map(|row| row.at.as_secs())
}

/// The time from its release by which half of the torrents had lost the last copy of some piece,
/// by Kaplan and Meier: those that had not at the end are only known to last longer.
fn torrents_half_life_s(outcome: &Outcome) -> Option<f64> {
    let out = outcome.torrents.iter().filter(|torrent| torrent.release < outcome.end);
    let lives = out.map(|torrent| Life {
        time: torrent.first_loss.unwrap_or(outcome.end).since(torrent.release).as_secs(),
        ended: torrent.first_loss.is_some(),
    });
    survival::time_to(&survival::kaplan_meier(&lives.collect::<Vec<_>>())?, 0.5)
}

/// Mean download time of leechers that never upload ÷ that of those that do.
fn free_rider_advantage(arm: &ArmDesign, outcome: &Outcome) -> Option<f64> {
    let mean_of = |uploads: bool| {
        let class = |peer: &&PeerRecord| arm.classes[peer.class.index()].uploads == uploads;
        let peers = outcome.peers.iter().filter(class);
        stats::mean(&peers.filter_map(measure::download_time_s).collect::<Vec<_>>())
    };
    let (riders, givers) = (mean_of(false)?, mean_of(true)?);
    (givers > 0.0).then(|| riders / givers)
}

fn total(peers: &[&PeerRecord], of: fn(&PeerRecord) -> Bytes) -> f64 {
    peers.iter().map(|peer| of(peer)).fold(Bytes::ZERO, |sum, more| sum + more).as_f64()
}
