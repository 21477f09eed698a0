//! Does giving in one torrent help in another? Barter has no memory; money is one.
//!
//! Law: what is compared is ranks, so no unit and no monotone scale of giving or speed matters, and
//! a coefficient lies in −1..=1.

use super::measure;
use super::stats::mean;
use crate::ids::UserId;
use crate::observe::{Outcome, PeerRecord};
use crate::units::{f64_of, f64_of_len};
use std::collections::BTreeMap;

/// Fewer pairs of downloads say nothing.
const LEAST: usize = 10;

/// Rank correlation of what a user had given per byte when one download completed with the speed of
/// its next one in another torrent, its upload capacity held constant: who has a fast uplink gives
/// more and, under tit-for-tat, gets more, without any memory.
pub fn across_torrents(outcome: &Outcome) -> Option<f64> {
    let mut users = BTreeMap::<UserId, Vec<&PeerRecord>>::new();
    for peer in outcome.peers.iter().filter(|peer| peer.completed.is_some()) {
        users.entry(peer.user).or_default().push(peer);
    }
    let (mut gave, mut got, mut capacity) = (Vec::new(), Vec::new(), Vec::new());
    for downloads in users.values_mut() {
        downloads.sort_by_key(|peer| peer.completed);
        for pair in downloads.windows(2) {
            let ratio = measure::ratio_at_completion(pair[0], outcome.content_of(pair[0]));
            let speed = outcome.content_of(pair[1]).as_f64() / f64_of(pair[1].leeching.0.max(1));
            if let Some(ratio) = ratio {
                gave.push(ratio);
                got.push(speed);
                capacity.push(measure::capacity_kib_per_s(pair[1].upload));
            }
        }
    }
    (gave.len() >= LEAST).then(|| partial(&gave, &got, &capacity))?
}

/// Spearman's partial coefficient of x and y with z held constant; without z where that is the same
/// for all. `None` where one of x and y is.
fn partial(x: &[f64], y: &[f64], z: &[f64]) -> Option<f64> {
    let [x, y, z] = [x, y, z].map(ranks);
    let plain = pearson(&x, &y)?;
    let (Some(xz), Some(yz)) = (pearson(&x, &z), pearson(&y, &z)) else { return Some(plain) };
    let rest = (1.0 - xz * xz) * (1.0 - yz * yz);
    (rest > 1e-12).then(|| ((plain - xz * yz) / rest.sqrt()).clamp(-1.0, 1.0))
}

/// Ranks from 1, of equals their mean.
fn ranks(sample: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..sample.len()).collect();
    order.sort_by(|&a, &b| sample[a].total_cmp(&sample[b]));
    let mut ranks = vec![0.0; sample.len()];
    let mut first = 0;
    for equals in order.chunk_by(|&a, &b| sample[a] == sample[b]) {
        let rank = f64_of_len(first + 1) + f64_of_len(equals.len() - 1) / 2.0;
        for &at in equals {
            ranks[at] = rank;
        }
        first += equals.len();
    }
    ranks
}

/// Pearson's coefficient; `None` where one side is all the same.
fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mx, my) = (mean(x)?, mean(y)?);
    let sum = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(p, q)| (p - ma) * (q - mb)).sum()
    };
    let spread = sum(x, mx, x, mx) * sum(y, my, y, my);
    (spread > 0.0).then(|| sum(x, mx, y, my) / spread.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_coefficients_by_hand() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.0]), [3.5, 2.0, 3.5, 1.0]);
        let x = [1.0, 2.0, 3.0, 4.0, 5.0];
        // Σd² = 0 + 1 + 1 + 1 + 1: 1 − 6·4/(5·24) = 0.8.
        let y = [10.0, 30.0, 20.0, 50.0, 40.0];
        let close = |got: Option<f64>, want: f64| {
            assert!((got.expect("exists") - want).abs() < 1e-12, "{got:?}, not {want}");
        };
        close(partial(&x, &y, &[7.0; 5]), 0.8);
        assert_eq!(partial(&[1.0; 5], &y, &x), None);
        // x and y both follow z: (0.8 − 0.9·0.9)/√(0.19·0.19).
        let z = [1.0, 2.0, 3.0, 5.0, 4.0];
        let (xy, xz, yz) = (0.8, 0.9, 0.9);
        close(partial(&x, &y, &z), (xy - xz * yz) / (1.0 - xz * xz));
    }
}
