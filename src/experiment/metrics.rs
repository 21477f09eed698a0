//! The numbers a run is reduced to: one per metric and class.
//!
//! Definitions for readers are in docs/results.md; the names here are the names there.

use super::grid::ArmDesign;
use super::measure::{self, SwarmBound};
use super::stats;
use crate::observe::{Outcome, PeerRecord, Sample};
use crate::units::{Bytes, SimTime, f64_of_len};

/// A number each run has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "docs/results.md defines each under its name")]
pub enum Metric {
    Leechers,
    Completed,
    UnfinishedShare,
    DownloadTimeMean,
    DownloadTimeMedian,
    DownloadTimeP95,
    SlowdownMean,
    Makespan,
    LastCompletion,
    UnchokedShareMean,
    WastedShare,
    RatioFinalMean,
    JainOfRatios,
    GiniOfUploads,
    DownloadedTotal,
    UploadedTotal,
    UploadUtilisation,
    AvailabilityMin,
    AvailabilityHalfLife,
    SeedlessShare,
    FirstCopyTime,
    FreeRiderAdvantage,
}

/// A metric of a class; class `None` is the class `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Position of the class in the arm.
    pub class: Option<usize>,
    /// Which number.
    pub metric: Metric,
}

impl Metric {
    /// All, in the order of the files.
    pub const ALL: [Self; 22] = [
        Self::Leechers,
        Self::Completed,
        Self::UnfinishedShare,
        Self::DownloadTimeMean,
        Self::DownloadTimeMedian,
        Self::DownloadTimeP95,
        Self::SlowdownMean,
        Self::Makespan,
        Self::LastCompletion,
        Self::UnchokedShareMean,
        Self::WastedShare,
        Self::RatioFinalMean,
        Self::JainOfRatios,
        Self::GiniOfUploads,
        Self::DownloadedTotal,
        Self::UploadedTotal,
        Self::UploadUtilisation,
        Self::AvailabilityMin,
        Self::AvailabilityHalfLife,
        Self::SeedlessShare,
        Self::FirstCopyTime,
        Self::FreeRiderAdvantage,
    ];

    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leechers => "leechers",
            Self::Completed => "completed",
            Self::UnfinishedShare => "unfinished_share",
            Self::DownloadTimeMean => "download_time_mean",
            Self::DownloadTimeMedian => "download_time_median",
            Self::DownloadTimeP95 => "download_time_p95",
            Self::SlowdownMean => "slowdown_mean",
            Self::Makespan => "makespan",
            Self::LastCompletion => "last_completion",
            Self::UnchokedShareMean => "unchoked_share_mean",
            Self::WastedShare => "wasted_share",
            Self::RatioFinalMean => "ratio_final_mean",
            Self::JainOfRatios => "jain_of_ratios",
            Self::GiniOfUploads => "gini_of_uploads",
            Self::DownloadedTotal => "downloaded_total",
            Self::UploadedTotal => "uploaded_total",
            Self::UploadUtilisation => "upload_utilisation",
            Self::AvailabilityMin => "availability_min",
            Self::AvailabilityHalfLife => "availability_half_life",
            Self::SeedlessShare => "seedless_share",
            Self::FirstCopyTime => "first_copy_time",
            Self::FreeRiderAdvantage => "free_rider_advantage",
        }
    }

    /// Its unit as written in files.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Leechers | Self::Completed => "peers",
            Self::UnfinishedShare
            | Self::UnchokedShareMean
            | Self::WastedShare
            | Self::UploadUtilisation
            | Self::SeedlessShare => "share",
            Self::DownloadTimeMean
            | Self::DownloadTimeMedian
            | Self::DownloadTimeP95
            | Self::Makespan
            | Self::LastCompletion
            | Self::AvailabilityHalfLife
            | Self::FirstCopyTime => "s",
            Self::SlowdownMean | Self::RatioFinalMean | Self::FreeRiderAdvantage => "ratio",
            Self::JainOfRatios | Self::GiniOfUploads => "index",
            Self::DownloadedTotal | Self::UploadedTotal => "bytes",
            Self::AvailabilityMin => "copies",
        }
    }

    /// Whether the class has this number; `None` is the class `all`.
    pub fn applies(self, arm: &ArmDesign, class: Option<usize>) -> bool {
        match self {
            Self::UploadedTotal => true,
            Self::FreeRiderAdvantage => class.is_none() && arm.has_free_riders(),
            Self::UploadUtilisation
            | Self::AvailabilityMin
            | Self::AvailabilityHalfLife
            | Self::SeedlessShare
            | Self::FirstCopyTime => class.is_none(),
            _ => class.is_none_or(|index| !arm.classes[index].is_origin),
        }
    }
}

/// All numbers of a run, in the order of `arm.keys()`.
pub fn evaluate(arm: &ArmDesign, outcome: &Outcome) -> Vec<Option<f64>> {
    let bound = SwarmBound::of(outcome);
    let groups = std::iter::once(None).chain((0..arm.classes.len()).map(Some));
    let mut values = Vec::new();
    for class in groups {
        let group = Group::new(outcome, class, &bound);
        for metric in Metric::ALL {
            if metric.applies(arm, class) {
                let value = group.value(metric).or_else(|| swarm_value(metric, arm, outcome));
                values.push(value.filter(|x| x.is_finite()));
            }
        }
    }
    values
}

/// The peers of one class in one run, or all of them.
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
    fn new(outcome: &'a Outcome, class: Option<usize>, bound: &'a SwarmBound) -> Self {
        let member = |peer: &&PeerRecord| class.is_none_or(|index| peer.class.index() == index);
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
            _ => None,
        }
    }

    fn ratios(&self) -> Vec<f64> {
        let ratio = |peer: &&PeerRecord| measure::ratio_final(peer, self.outcome.content_of(peer));
        self.leechers.iter().filter_map(ratio).collect()
    }

    fn mean(&self, of: impl Fn(&PeerRecord) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.leechers.iter().filter_map(|peer| of(peer)).collect();
        stats::mean(&values)
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
        Metric::AvailabilityHalfLife => half_life_s(&outcome.samples),
        Metric::SeedlessShare => {
            let rows = attended(outcome).count();
            let seedless: f64 = attended(outcome).map(|row| f64::from(row.seedless)).sum();
            let torrents = f64_of_len(outcome.torrents.len());
            (rows > 0).then(|| seedless / f64_of_len(rows) / torrents)
        }
        Metric::FirstCopyTime => {
            let spans = outcome.torrents.iter().filter_map(|torrent| {
                torrent.first_copy.map(|at| at.since(torrent.release).as_secs())
            });
            stats::mean(&spans.collect::<Vec<f64>>())
        }
        Metric::FreeRiderAdvantage => free_rider_advantage(arm, outcome),
        _ => None,
    }
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
