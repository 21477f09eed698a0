//! `[catalogue]` and `[demand]`: many torrents, and what users ask for.
//!
//! Law: nothing here is drawn: the same keys give the same torrents in every arm and replicate.
//! Sizes, popularity and order of release are spread evenly over each other by three sequences
//! that have nothing to do with one another.

use super::check::{PERIOD_S, Range, TIME_S, Table, number, word_or};
use super::choices::each;
use super::fault::{Check, Place};
use super::file::MAX_PIECES;
use super::node::{Node, Value};
use super::protocol::span_or;
use super::rows;
use crate::swarm::plan::{Catalogue, Demand, Sessions, TorrentPlan};
use crate::units::{Bytes, SimTime, Span, f64_of, f64_of_len, floor_u64, floor_usize};

/// Keys that say how torrents are made, and mean nothing where they are listed.
const RECIPE: [&str; 4] = ["zipf", "size_sigma", "at_start", "release_over_s"];
/// Ways to say which torrents there are.
pub(super) const WAYS: [&str; 3] = ["torrents", "torrents_csv", "each"];
/// Each request looks at all torrents, so there are not too many.
const TORRENTS: Range = Range::from(1.0, 100_000.0, "120");

/// The smallest piece.
const BLOCK_KIB: u64 = 16;

/// Reads `[catalogue]`. `median` is the size of the content and of a piece at the top of the file.
pub(super) fn catalogue(
    check: &mut Check,
    table: Option<Table<'_>>,
    median: (Option<Bytes>, Bytes),
) -> Option<Catalogue> {
    let mut t = table?;
    let place = t.place().clone();
    let written: Vec<&str> = WAYS.into_iter().filter(|key| t.has(key)).collect();
    if written.is_empty() {
        let help = "write `torrents = 120`, or `torrents_csv = \"file.csv\"`";
        check.missing(&place, "`catalogue` names no torrents", help);
    }
    for key in written.iter().skip(1) {
        let message = format!("both `{}` and `{key}` are written", written[0]);
        check.fault(&t.place_of(key), message, "keep one of them");
    }
    let mut fading = None;
    if let Some(node) = t.get("fading_s") {
        span_or(check, node, "fading_s", (PERIOD_S, "never"), &mut fading);
    }
    let again = t.flag(check, "again").unwrap_or(false);
    let listed = listed(check, &mut t);
    let made = made(check, &mut t, median, written.first().is_none_or(|way| *way == WAYS[0]));
    t.close(check);
    let torrents = listed.or(made)?;
    check_pieces(check, &torrents, &place);
    Some(Catalogue { torrents, fading, again })
}

/// Torrents that are listed, in a file or here.
fn listed(check: &mut Check, t: &mut Table<'_>) -> Option<Vec<TorrentPlan>> {
    let csv = t.get("torrents_csv").and_then(|node| rows::torrents(check, node));
    let here = t.get("each").and_then(|node| {
        each(check, node, "each", "[[65536, 256, 0, 1.0]]", |check, row| {
            let Value::List(fields) = &row.value else { return no_torrent(check, row) };
            let [size, piece, release, weight] = fields.as_slice() else {
                return no_torrent(check, row);
            };
            let fields = [size, piece, release, weight];
            let mut values = [0.0; 4];
            for ((value, node), (column, range)) in values.iter_mut().zip(fields).zip(COLUMNS) {
                *value = number(check, node, column, range)?;
            }
            torrent(check, values, &piece.place)
        })
    });
    csv.or(here)
}

/// What a torrent is described by, and in which range.
pub(super) const COLUMNS: [(&str, Range); 4] = [
    ("size_kib", Range::above(0.0, 17_179_869_184.0, "65536")),
    ("piece_kib", Range::from(16.0, 1_048_576.0, "256")),
    ("release_s", TIME_S),
    ("popularity", Range::above(0.0, 1e12, "1")),
];

fn no_torrent(check: &mut Check, row: &Node) -> Option<TorrentPlan> {
    let help = "write `each = [[65536, 256, 0, 1.0]]`: size_kib, piece_kib, release_s, popularity";
    check.fault(&row.place, "this is no torrent", help);
    None
}

/// A torrent from the numbers of its row.
pub(super) fn torrent(check: &mut Check, row: [f64; 4], piece_at: &Place) -> Option<TorrentPlan> {
    let [size_kib, piece_kib, release_s, weight] = row;
    if piece_kib % 16.0 != 0.0 {
        let message = format!("`piece_kib` is {piece_kib}, not a multiple of 16");
        let help = "a piece is made of 16 KiB blocks: write 16, 32, 64, 128, 256 …";
        check.fault(piece_at, message, help);
        return None;
    }
    Some(TorrentPlan {
        content: Bytes(floor_u64(size_kib * 1024.0 + 0.5).max(1)),
        piece: Bytes::from_kib(floor_u64(piece_kib)),
        release: SimTime::from_secs(release_s),
        weight,
    })
}

/// Torrents made by a rule.
fn made(
    check: &mut Check,
    t: &mut Table<'_>,
    (content, piece): (Option<Bytes>, Bytes),
    is_rule: bool,
) -> Option<Vec<TorrentPlan>> {
    let count = t.whole(check, "torrents", TORRENTS);
    let zipf = t.number(check, "zipf", Range::from(0.0, 10.0, "0.9")).unwrap_or(0.9);
    let sigma = t.number(check, "size_sigma", Range::from(0.0, 5.0, "0.5")).unwrap_or(0.0);
    let at_start = t.number(check, "at_start", Range::from(0.0, 1.0, "0.5")).unwrap_or(1.0);
    let over = t.number(check, "release_over_s", TIME_S);
    if !is_rule {
        for key in RECIPE.iter().filter(|key| t.has(key)) {
            let message = format!("`{key}` is for `torrents = 120`, and here they are listed");
            check.fault(&t.place_of(key), message, "remove it; the list says it already");
        }
        return None;
    }
    if at_start < 1.0 && over.is_none() {
        let help = "write for example `release_over_s = 604800`";
        let message = "over which time are the others released? `release_over_s` is missing";
        check.missing(&t.place_of("at_start"), message, help);
    }
    let (n, content) = (usize::try_from(count?).unwrap_or(0), content?);
    let releases = releases(n, at_start, over.unwrap_or(0.0));
    let torrents = releases.into_iter().enumerate().map(|(i, release)| {
        let ratio = libm::exp(sigma * normal_quantile(golden(i)));
        // Whole KiB; at least one.
        let kib = if sigma == 0.0 { None } else { Some(content.as_f64() / 1024.0 * ratio) };
        TorrentPlan {
            content: kib.map_or(content, |kib| Bytes::from_kib(floor_u64(kib + 0.5).max(1))),
            piece: piece_for(piece, ratio),
            release,
            weight: libm::pow(f64_of_len(i + 1), -zipf),
        }
    });
    Some(torrents.collect())
}

/// When each torrent is out, in order of popularity: the first of a fixed permutation are out at
/// the start, the others follow at even gaps.
fn releases(n: usize, at_start: f64, over_s: f64) -> Vec<SimTime> {
    let early = floor_usize(at_start * f64_of_len(n) + 0.5).min(n);
    let mut order: Vec<usize> = (0..n).collect();
    // Van der Corput's sequence in base 2: each stretch of it holds all ranks of popularity.
    order.sort_by_key(|&i| (i as u64).reverse_bits());
    let mut releases = vec![SimTime::ZERO; n];
    let gap_s = over_s / f64_of_len((n - early).max(1));
    for (k, &i) in order[early..].iter().enumerate() {
        releases[i] = SimTime::from_secs(gap_s * f64_of_len(k + 1));
    }
    releases
}

/// The `i`-th of the golden-ratio sequence in (0, 1): any stretch of it is spread evenly. The first
/// is 0.5, the median.
fn golden(i: usize) -> f64 {
    let x = 0.5 + f64_of_len(i) * 0.618_033_988_749_894_9;
    x - x.floor()
}

/// What a standard normal number is below with probability `p`, by bisection.
fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    // 60 halvings of 18: to the last bit of a float near 1.
    for _ in 0..60 {
        let z = f64::midpoint(low, high);
        if libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2) / 2.0 < p {
            low = z;
        } else {
            high = z;
        }
    }
    // Half way is exactly the median.
    if p == 0.5 { 0.0 } else { f64::midpoint(low, high) }
}

/// The piece of a torrent `ratio` times as large as the median one: doubled or halved with it, as
/// publishers do to keep the number of pieces in bounds.
fn piece_for(piece: Bytes, ratio: f64) -> Bytes {
    let mut kib = piece.0 / 1024;
    let mut left = ratio;
    while left >= std::f64::consts::SQRT_2 {
        (kib, left) = (kib * 2, left / 2.0);
    }
    while left < std::f64::consts::FRAC_1_SQRT_2 && kib.is_multiple_of(2 * BLOCK_KIB) {
        (kib, left) = (kib / 2, left * 2.0);
    }
    Bytes::from_kib(kib)
}

fn check_pieces(check: &mut Check, torrents: &[TorrentPlan], place: &Place) {
    let n_pieces = |t: &TorrentPlan| t.content.0.div_ceil(t.piece.0);
    let Some((i, torrent)) = torrents.iter().enumerate().max_by_key(|(_, t)| n_pieces(t)) else {
        return;
    };
    if n_pieces(torrent) > MAX_PIECES {
        let message = format!(
            "torrent {i} of the catalogue has {} pieces; at most {MAX_PIECES} are possible",
            n_pieces(torrent)
        );
        check.fault(place, message, "write a larger `piece_kib`");
    }
}

/// What is written about demand; a class completes the file's.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    /// `None`: only the first.
    gap: Option<Span>,
    parallel: u32,
    online: Option<Span>,
    offline: Option<Span>,
}

/// Reads the tables of demand of a class, the file's first.
pub(super) fn demand(check: &mut Check, tables: Vec<Table<'_>>) -> Option<Demand> {
    let day = Span(86_400 * crate::units::NS_PER_S);
    let mut wishes = Wishes { gap: Some(day), parallel: 3, online: None, offline: None };
    let mut last = None;
    for mut t in tables {
        apply(check, &mut t, &mut wishes);
        let key = ["online_s", "offline_s"].into_iter().find(|key| t.has(key));
        let place = key.map_or_else(|| t.place().clone(), |key| t.place_of(key));
        t.close(check);
        last = Some((place, key.is_some()));
    }
    let Wishes { gap, parallel, online, offline } = wishes;
    let sessions = match (online, offline, &last) {
        (Some(online), Some(offline), _) => Some(Sessions { online, offline }),
        (Some(_), None, Some((place, _))) | (None, Some(_), Some((place, _))) => {
            let help = "write both, or neither for users who are always online";
            check.fault(place, "`online_s` and `offline_s` go together", help);
            None
        }
        _ => None,
    };
    if let (None, Some(_), Some((place, _))) = (gap, sessions, &last) {
        let message = "users who ask only once are always online";
        let help = "remove `online_s` and `offline_s`, or write `every_s = 86400`";
        check.fault(place, message, help);
    }
    Some(Demand { gap: gap?, parallel, sessions })
}

fn apply(check: &mut Check, t: &mut Table<'_>, wishes: &mut Wishes) {
    if let Some(node) = t.get("every_s") {
        if matches!(node.value, Value::Text(_)) {
            let word = word_or(check, node, "every_s", &[("once", ())], "a number of seconds");
            if word.is_some() {
                wishes.gap = None;
            }
        } else if let Some(s) = number(check, node, "every_s", PERIOD_S) {
            wishes.gap = Some(Span::from_secs(s));
        }
    }
    let range = Range::from(1.0, 65_534.0, "3");
    wishes.parallel = t.whole(check, "parallel", range).unwrap_or(wishes.parallel);
    for (key, to) in [("online_s", &mut wishes.online), ("offline_s", &mut wishes.offline)] {
        if let Some(s) = t.number(check, key, PERIOD_S) {
            *to = Some(Span::from_secs(s));
        }
    }
}

/// The row a torrent is written as.
pub(super) fn row(torrent: &TorrentPlan) -> [f64; 4] {
    [
        torrent.content.as_f64() / 1024.0,
        f64_of(torrent.piece.0 / 1024),
        torrent.release.as_secs(),
        torrent.weight,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.841_344_746, 1.0), (0.025, -1.959_963_985)] {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
    }

    #[test]
    fn popularity_does_not_go_with_release() {
        // The mean rank of each quarter of the releases is the mean of all, within 2 %.
        let n = 256;
        let releases = releases(n, 0.0, 1000.0);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| releases[i]);
        for quarter in order.chunks(n / 4) {
            let mean = quarter.iter().sum::<usize>() / quarter.len();
            assert!(mean.abs_diff((n - 1) / 2) <= 2, "{mean}");
        }
        let early = super::releases(10, 0.4, 60.0);
        assert_eq!(early.iter().filter(|at| **at == SimTime::ZERO).count(), 4);
        assert_eq!(early.iter().max(), Some(&SimTime::from_secs(60.0)));
    }

    #[test]
    fn pieces_grow_with_the_content_in_powers_of_two() {
        let kib = |ratio| piece_for(Bytes::from_kib(64), ratio).0 / 1024;
        assert_eq!(
            [0.01, 0.3, 0.6, 1.0, 1.5, 3.0, 100.0].map(kib),
            [16, 16, 32, 64, 128, 256, 8192]
        );
    }
}
