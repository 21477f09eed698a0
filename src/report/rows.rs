//! From results to rows.

use super::number::{Number, field};
use super::schema::{
    ComparisonRow, PeerRow, RecordedDownloadRow, RecordedRow, SummaryRow, TimelineRow,
};
use crate::experiment::recorded::{Beside, Side};
use crate::experiment::{
    Comparison, Design, Recorded, Run, Summary, SwarmBound,
    measure::{self, capacity_kib_per_s, kib_per_s},
};
use crate::observe::{PeerRecord, Sample};
use crate::units::{ByteRate, SimTime, f64_of, u32_of};

/// The peers of a run, by id.
pub fn peers<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = PeerRow> + 'a {
    let bound = SwarmBound::of(&run.outcome);
    let records = run.outcome.peers.iter().enumerate();
    records.map(move |(id, peer)| peer_row(design, run, &bound, (id, peer)))
}

fn peer_row(
    design: &Design,
    run: &Run,
    bound: &SwarmBound,
    (id, peer): (usize, &PeerRecord),
) -> PeerRow {
    let arm = &design.arms[run.reduced.cell.arm];
    let content = run.outcome.content_of(peer);
    PeerRow {
        arm: arm.name.clone(),
        replicate: run.reduced.cell.replicate,
        peer_id: u32_of(id),
        class: arm.classes[peer.class.index()].name.clone(),
        role: if peer.is_origin { "seeder" } else { "leecher" }.to_owned(),
        upload_kib_per_s: rate(peer.upload),
        download_kib_per_s: rate(peer.download),
        arrival_s: seconds(peer.arrival),
        first_piece_s: peer.first_piece.filter(|_| !peer.is_origin).map(seconds),
        completed_s: peer.completed.filter(|_| !peer.is_origin).map(seconds),
        departed_s: peer.departed.map(seconds),
        download_time_s: field(measure::download_time_s(peer)),
        slowdown: field(bound.slowdown(peer)),
        uploaded_bytes: peer.uploaded.0,
        downloaded_bytes: peer.downloaded.0,
        wasted_bytes: peer.wasted.0,
        ratio_at_completion: field(measure::ratio_at_completion(peer, content)),
        ratio_final: field(measure::ratio_final(peer, content)),
        unchoked_share: field(measure::unchoked_share(peer)),
        user_id: peer.user.0,
        torrent_id: u32_of(peer.torrent.index()),
        adopter: u32::from(peer.is_adopter),
        fourth_piece_s: peer.fourth_piece.filter(|_| !peer.is_origin).map(seconds),
    }
}

/// The timeline of a run, by time.
pub fn timeline<'a>(design: &'a Design, run: &'a Run) -> impl Iterator<Item = TimelineRow> + 'a {
    let no_limit = measure::has_unlimited_upload(&run.outcome);
    let mut previous = SimTime::ZERO;
    run.outcome.samples.iter().map(move |sample| {
        let row = timeline_row(design, run, sample, previous);
        previous = sample.at;
        if no_limit { TimelineRow { upload_utilisation: None, ..row } } else { row }
    })
}

fn timeline_row(design: &Design, run: &Run, sample: &Sample, previous: SimTime) -> TimelineRow {
    let offered = sample.upload_offered.0;
    TimelineRow {
        arm: design.arms[run.reduced.cell.arm].name.clone(),
        replicate: run.reduced.cell.replicate,
        time_s: seconds(sample.at),
        leechers: sample.leechers,
        seeders: sample.seeders,
        availability: Number::of(sample.availability).expect("availability is finite"),
        rarest_copies: sample.rarest_copies,
        seedless: sample.seedless,
        upload_utilisation: field(
            (offered > 0).then(|| sample.uploaded.as_f64() / f64_of(offered)),
        ),
        download_rate_kib_per_s: field(kib_per_s(sample.uploaded, sample.at.since(previous).0)),
        mean_progress: field((sample.leechers > 0).then_some(sample.mean_progress)),
        interest: field(sample.interest),
        completed: sample.completed,
    }
}

/// A row of the summary.
pub fn summary(design: &Design, summary: &Summary) -> SummaryRow {
    let arm = &design.arms[summary.arm];
    let interval = summary.estimate.interval();
    SummaryRow {
        arm: arm.name.clone(),
        class: arm.part_name(summary.part),
        metric: summary.metric.name().to_owned(),
        unit: summary.metric.unit().to_owned(),
        n: summary.estimate.n,
        mean: field(summary.estimate.mean),
        sd: field(summary.estimate.sd),
        ci95_low: field(interval.map(|ends| ends.0)),
        ci95_high: field(interval.map(|ends| ends.1)),
        p05: field(summary.p05),
        median: field(summary.median),
        p95: field(summary.p95),
    }
}

/// A row of the comparison.
pub fn comparison(design: &Design, comparison: &Comparison) -> ComparisonRow {
    let interval = comparison.difference.interval();
    ComparisonRow {
        metric: comparison.metric.name().to_owned(),
        class: comparison.class.clone(),
        baseline: design.arms[design.baseline].name.clone(),
        arm: design.arms[comparison.arm].name.clone(),
        unit: comparison.metric.unit().to_owned(),
        baseline_mean: field(comparison.baseline_mean),
        arm_mean: field(comparison.arm_mean),
        difference: field(comparison.difference.mean),
        ci95_low: field(interval.map(|ends| ends.0)),
        ci95_high: field(interval.map(|ends| ends.1)),
        relative_difference: field(comparison.relative()),
        n_pairs: comparison.difference.n,
    }
}

/// The two rows of a class beside its recording: simulated, then recorded.
pub fn recorded(design: &Design, beside: &Beside) -> [RecordedRow; 2] {
    let name = &design.arms[beside.arm].name;
    let (simulated, recorded) = (&beside.simulated, &beside.recorded);
    let by_level = |level| percent(simulated.quantiles[level], recorded.quantiles[level]);
    [
        RecordedRow {
            mean_difference_percent: percent(simulated.mean.mean, recorded.mean.mean),
            median_difference_percent: by_level(2),
            p90_difference_percent: by_level(3),
            max_difference_percent: by_level(4),
            ks_distance: field(beside.ks_distance),
            ks_p_value: field(beside.ks_p_value),
            ..side_row(name, &beside.class, "simulated", simulated)
        },
        side_row(name, &beside.class, "recorded", recorded),
    ]
}

fn side_row(arm: &str, class: &str, source: &str, side: &Side) -> RecordedRow {
    let [min_s, p10_s, median_s, p90_s, max_s] = side.quantiles.map(field);
    RecordedRow {
        arm: arm.to_owned(),
        class: class.to_owned(),
        source: source.to_owned(),
        n_runs: side.n_runs,
        n_downloads: side.n_downloads,
        mean_s: field(side.mean.mean),
        sd_between_runs_s: field(side.mean.sd),
        min_s,
        p10_s,
        median_s,
        p90_s,
        max_s,
        mean_difference_percent: None,
        median_difference_percent: None,
        p90_difference_percent: None,
        max_difference_percent: None,
        ks_distance: None,
        ks_p_value: None,
    }
}

/// A recorded download as it was given.
pub fn recorded_download(row: &Recorded) -> RecordedDownloadRow {
    RecordedDownloadRow {
        repetition: row.repetition,
        class: row.class.clone(),
        download_time_s: Number::of(row.download_time_s).expect("a recorded time is finite"),
    }
}

/// How far `simulated` lies above `recorded`, in percent of it.
fn percent(simulated: Option<f64>, recorded: Option<f64>) -> Option<Number> {
    let recorded = recorded.filter(|&value| value > 0.0)?;
    Number::of((simulated? / recorded - 1.0) * 100.0)
}

pub(super) fn seconds(at: SimTime) -> Number {
    Number::of(at.as_secs()).expect("a time is finite")
}

/// A capacity; `None` if unlimited.
fn rate(rate: ByteRate) -> Option<Number> {
    let limited = !rate.is_unlimited();
    field(limited.then(|| capacity_kib_per_s(rate)))
}
