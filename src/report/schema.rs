//! The result files: one struct per file, one field per column, in order.
//!
//! What each column means is said here in a line and in docs/results.md in full. Plots read these
//! rows; nothing else of an experiment reaches them.

use super::number::Number;
use serde::{Deserialize, Serialize};

/// `manifest.toml`: what was run and what to beware of.
pub const MANIFEST: &str = "manifest.toml";
/// `peers.csv`: [`PeerRow`].
pub const PEERS: &str = "peers.csv";
/// `timeline.csv`: [`TimelineRow`].
pub const TIMELINE: &str = "timeline.csv";
/// `summary.csv`: [`SummaryRow`].
pub const SUMMARY: &str = "summary.csv";
/// `comparison.csv`: [`ComparisonRow`].
pub const COMPARISON: &str = "comparison.csv";
/// `decomposition.csv`: [`super::books::DecompositionRow`]; only with a token and a baseline
/// without.
pub const DECOMPOSITION: &str = "decomposition.csv";
/// `ledger.csv`: [`super::books::LedgerRow`]; only with a token.
pub const LEDGER: &str = "ledger.csv";
/// `prices.csv`: [`super::books::PriceRow`]; only with a token.
pub const PRICES: &str = "prices.csv";
/// `wallets.csv`: [`super::books::WalletRow`]; only with a token.
pub const WALLETS: &str = "wallets.csv";
/// `welfare.csv`: [`super::books::WelfareRow`]; only where anything has a value.
pub const WELFARE: &str = "welfare.csv";
/// `settlement.csv`: [`super::books::SettlementRow`]; only with users who deposit or withdraw
/// through the gateway.
pub const SETTLEMENT: &str = "settlement.csv";
/// `torrents.csv`: [`super::books::TorrentRow`]; only with several torrents or a token.
pub const TORRENTS: &str = "torrents.csv";
/// `recorded.csv`: [`RecordedRow`]; only with recorded downloads.
pub const RECORDED: &str = "recorded.csv";
/// `recorded_downloads.csv`: [`RecordedDownloadRow`]; only with recorded downloads.
pub const RECORDED_DOWNLOADS: &str = "recorded_downloads.csv";

/// `checks.csv` of a validation: [`CheckRow`].
pub const CHECKS: &str = "checks.csv";
/// `curves.csv` of a validation: [`CurveRow`].
pub const CURVES: &str = "curves.csv";

/// One comparison of a validation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CheckRow {
    /// Name of the check.
    pub check: String,
    /// `gate` decides, `direction` is shown only.
    pub kind: String,
    /// What is compared.
    pub result: String,
    /// Where it was published.
    pub source: String,
    /// What was expected.
    pub expected: String,
    /// What came out.
    pub got: String,
    /// How far off it may be.
    pub tolerance: String,
    /// `pass` or `fail`.
    pub verdict: String,
}

/// One point of a curve of a validation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CurveRow {
    /// Name of the check.
    pub check: String,
    /// Title of the panel.
    pub panel: String,
    /// Name of the x axis.
    pub x_name: String,
    /// `linear` or `log`.
    pub x_scale: String,
    /// Name of the y axis.
    pub y_name: String,
    /// `linear` or `log`.
    pub y_scale: String,
    /// Name of the curve; a theory and a simulation of one name belong together.
    pub curve: String,
    /// `theory`, `simulation` (points) or `trace` (a line of our own).
    pub role: String,
    /// x.
    pub x: f64,
    /// y.
    pub y: f64,
}

/// One peer of one run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// Number of the peer in its run, from 0.
    pub peer_id: u32,
    /// Name of its class.
    pub class: String,
    /// `leecher` or `seeder`: what it was when it arrived.
    pub role: String,
    /// Upload capacity as its user allows it; empty: unlimited.
    pub upload_kib_per_s: Option<Number>,
    /// Download capacity; empty: unlimited.
    pub download_kib_per_s: Option<Number>,
    /// Arrival, since the start of the run.
    pub arrival_s: Number,
    /// First verified piece; empty: none, or an origin seeder.
    pub first_piece_s: Option<Number>,
    /// Whole content; empty: never, or an origin seeder.
    pub completed_s: Option<Number>,
    /// Departure; empty: present at the end.
    pub departed_s: Option<Number>,
    /// Completion − arrival.
    pub download_time_s: Option<Number>,
    /// Download time ÷ the best its link and the swarm allow.
    pub slowdown: Option<Number>,
    /// Payload sent.
    pub uploaded_bytes: u64,
    /// Payload received, wasted included.
    pub downloaded_bytes: u64,
    /// Payload received in vain.
    pub wasted_bytes: u64,
    /// Uploaded until completion ÷ content.
    pub ratio_at_completion: Option<Number>,
    /// Uploaded ÷ useful payload held at the end.
    pub ratio_final: Option<Number>,
    /// Share of its time as a leecher with at least one neighbour serving it.
    pub unchoked_share: Option<Number>,
    /// Number of its user in the run, from 0.
    pub user_id: u32,
    /// Number of the torrent, from 0.
    pub torrent_id: u32,
    /// 1 if its user has the token's client, else 0; whatever the economy.
    pub adopter: u32,
    /// Fourth verified piece; empty: none, or an origin seeder.
    pub fourth_piece_s: Option<Number>,
}

/// One moment of one run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TimelineRow {
    /// Name of the arm.
    pub arm: String,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// The moment, since the start of the run.
    pub time_s: Number,
    /// Peers present without the whole content.
    pub leechers: u32,
    /// Peers present with it.
    pub seeders: u32,
    /// Distributed copies.
    pub availability: Number,
    /// Copies of the rarest piece.
    pub rarest_copies: u32,
    /// 1 if no seeder is present, else 0.
    pub seedless: u32,
    /// Share of the upload capacity used since the previous row.
    pub upload_utilisation: Option<Number>,
    /// Payload moved per second since the previous row, in the whole swarm.
    pub download_rate_kib_per_s: Option<Number>,
    /// Mean share of the content the leechers present hold.
    pub mean_progress: Option<Number>,
    /// Mean share of its neighbours a leecher is interested in.
    pub interest: Option<Number>,
    /// Leechers that completed so far.
    pub completed: u32,
}

/// One metric of one class and arm across replicates.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Name of the arm.
    pub arm: String,
    /// Name of the class, or `all`; with `:adopters` or `:others` for one side of it.
    pub class: String,
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Replicates that have the number.
    pub n: usize,
    /// Mean over them.
    pub mean: Option<Number>,
    /// Standard deviation between them.
    pub sd: Option<Number>,
    /// Lower end of the 95 % t interval of the mean.
    pub ci95_low: Option<Number>,
    /// Upper end.
    pub ci95_high: Option<Number>,
    /// 5 % quantile of the replicates.
    pub p05: Option<Number>,
    /// Median of the replicates.
    pub median: Option<Number>,
    /// 95 % quantile of the replicates.
    pub p95: Option<Number>,
}

/// One metric and class of an arm minus the baseline's, paired by replicate.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// Name of the metric.
    pub metric: String,
    /// Name of the class, or `all`.
    pub class: String,
    /// Name of the baseline arm.
    pub baseline: String,
    /// Name of the arm compared.
    pub arm: String,
    /// Unit of the metric.
    pub unit: String,
    /// Mean of the baseline over the pairs.
    pub baseline_mean: Option<Number>,
    /// Mean of the arm over the pairs.
    pub arm_mean: Option<Number>,
    /// Mean of arm − baseline.
    pub difference: Option<Number>,
    /// Lower end of its 95 % t interval.
    pub ci95_low: Option<Number>,
    /// Upper end.
    pub ci95_high: Option<Number>,
    /// Difference ÷ baseline mean.
    pub relative_difference: Option<Number>,
    /// Replicates in which both arms have the number.
    pub n_pairs: usize,
}

/// Download times of one class on one side: simulated or recorded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedRow {
    /// Name of the arm.
    pub arm: String,
    /// Name of the class, or `all`.
    pub class: String,
    /// `simulated` or `recorded`.
    pub source: String,
    /// Runs or repetitions with a download.
    pub n_runs: usize,
    /// Downloads in them.
    pub n_downloads: usize,
    /// Mean over runs of the run's mean download time.
    pub mean_s: Option<Number>,
    /// Standard deviation of the run means.
    pub sd_between_runs_s: Option<Number>,
    /// Mean over runs of the run's shortest time.
    pub min_s: Option<Number>,
    /// … of its 10 % quantile.
    pub p10_s: Option<Number>,
    /// … of its median.
    pub median_s: Option<Number>,
    /// … of its 90 % quantile.
    pub p90_s: Option<Number>,
    /// … of its longest time.
    pub max_s: Option<Number>,
    /// Simulated mean above the recorded one, in % of it; empty on recorded rows.
    pub mean_difference_percent: Option<Number>,
    /// The same for `median_s`.
    pub median_difference_percent: Option<Number>,
    /// The same for `p90_s`.
    pub p90_difference_percent: Option<Number>,
    /// The same for `max_s`.
    pub max_difference_percent: Option<Number>,
    /// Kolmogorov–Smirnov distance of the pooled times; empty on recorded rows.
    pub ks_distance: Option<Number>,
    /// Share of relabellings of runs with at least this distance; empty on recorded rows.
    pub ks_p_value: Option<Number>,
}

/// One recorded download, as the scenario gave it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedDownloadRow {
    /// Repetition of the recording.
    pub repetition: u32,
    /// Class of the peer.
    pub class: String,
    /// Start to completion.
    pub download_time_s: Number,
}
