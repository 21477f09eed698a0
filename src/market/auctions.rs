//! Auctions of slots among strangers: what each format brings, by the production auction.

use crate::ids::PeerId;
use crate::policy::ask::Ask;
use crate::policy::auction::{self, Bid, Format};
use crate::rng::{Purpose, Stream, stream};
use crate::units::{Bytes, MicroBtt, Price, f64_of, f64_of_len, floor_u64, u16_of};

/// What a byte for a value of 1 costs: bids are whole billionths of it.
const ONE: f64 = 1e9;

/// Sums over many auctions, per auction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Takings {
    /// What the winners pay.
    pub revenue: f64,
    /// What the slots are worth to the winners.
    pub surplus: f64,
}

/// `slots` slots are sold `rounds` times to `bidders` with values uniform in `[0, 1)`, who bid what
/// `strategy` makes of their value.
pub fn sell_often(
    format: Format,
    (slots, bidders): (usize, usize),
    rounds: u32,
    strategy: impl Fn(f64) -> f64,
    seed: u64,
) -> Takings {
    let mut luck = stream(seed, Purpose::Market, 1);
    let (mut revenue, mut surplus) = (0.0, 0.0);
    let mut awards = Vec::new();
    for _ in 0..rounds {
        let values: Vec<f64> = (0..bidders).map(|_| luck.unit()).collect();
        let bids: Vec<Bid> =
            values.iter().enumerate().map(|(i, &value)| bid(u16_of(i), strategy(value))).collect();
        awards.clear();
        auction::sell(format, Ask { reserve: Price::ZERO, slots }, &bids, &mut awards);
        for award in &awards {
            revenue += amount(award.price);
            surplus += values[usize::from(award.slot)];
        }
    }
    let n = f64::from(rounds);
    Takings { revenue: revenue / n, surplus: surplus / n }
}

fn bid(slot: u16, value: f64) -> Bid {
    let id = PeerId(u32::from(slot));
    Bid { slot, price: price(value), received: 0, stays: false, turn: 0, id }
}

fn price(value: f64) -> Price {
    Price::new(MicroBtt(floor_u64(value * ONE)), Bytes(1))
}

fn amount(price: Price) -> f64 {
    f64_of(price.of(Bytes(1), MicroBtt(1)).0) / ONE
}

/// The most that one bidder gains by bidding something else than its value in a uniform-price
/// auction, over all values and misreports on a grid of `steps`, against fixed other bids.
pub fn best_misreport(others: &[f64], slots: usize, steps: u32) -> f64 {
    let gain = |value: f64, report: f64| {
        let mut bids: Vec<Bid> = (1..).zip(others).map(|(i, &other)| bid(i, other)).collect();
        bids.push(bid(0, report));
        let mut awards = Vec::new();
        let ask = Ask { reserve: Price::ZERO, slots };
        auction::sell(Format::Uniform, ask, &bids, &mut awards);
        let won = awards.iter().find(|award| award.slot == 0);
        won.map_or(0.0, |award| value - amount(award.price))
    };
    let grid = || (0..=steps).map(|i| f64::from(i) / f64::from(steps));
    let mut most = f64::NEG_INFINITY;
    for value in grid() {
        let honest = gain(value, value);
        for report in grid() {
            most = most.max(gain(value, report) - honest);
        }
    }
    most
}

/// The bid in the symmetric equilibrium of an auction in which each of `slots` winners pays its
/// own bid: the mean of the highest value that could still lose against `value`,
/// E[Y | Y < v] with Y the `slots`-th highest of the `bidders` − 1 other values.
pub fn own_price_bid(value: f64, slots: usize, bidders: usize) -> f64 {
    // Y is a Beta variable: its density is proportional to y^(n−k−1) (1 − y)^(k−1), n others.
    let others = bidders - 1;
    let (rise, fall) = (f64_of_len(others - slots), f64_of_len(slots - 1));
    let steps = 400_u32;
    let (mut mass, mut mean) = (0.0, 0.0);
    for i in 0..steps {
        let y = value * (f64::from(i) + 0.5) / f64::from(steps);
        let density = libm::pow(y, rise) * libm::pow(1.0 - y, fall);
        mass += density;
        mean += density * y;
    }
    if mass > 0.0 { mean / mass } else { 0.0 }
}

/// Proportional share of one good (Kelly 1997): who offers w of a total W gets w/W. Bidders whose
/// utility is `slope` times their share anticipate what their bid does to the price (Johari and
/// Tsitsiklis, Mathematics of Operations Research 2004): shares after best replies have settled.
pub fn proportional_shares(slopes: &[f64]) -> Vec<f64> {
    let mut offers: Vec<f64> = slopes.iter().map(|slope| slope / 10.0).collect();
    for _ in 0..20_000 {
        let mut moved = 0.0_f64;
        for i in 0..slopes.len() {
            let others: f64 =
                offers.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, w)| w).sum();
            // max slope · w/(w + B) − w: w = √(slope · B) − B.
            let best = (libm::sqrt(slopes[i] * others) - others).max(0.0);
            moved = moved.max((best - offers[i]).abs());
            offers[i] = best;
        }
        if moved < 1e-13 {
            break;
        }
    }
    let all: f64 = offers.iter().sum();
    offers.into_iter().map(|offer| offer / all).collect()
}

/// What trade in a double auction came to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Exchange {
    /// Trades per buyer.
    pub trades: f64,
    /// Mean price.
    pub price: f64,
    /// Gains from trade per buyer.
    pub surplus: f64,
    /// The largest gains possible, per buyer.
    pub possible: f64,
}

/// `n` buyers and `n` sellers with values and costs uniform in `[0, 1)` meet once: the call auction
/// trades where demand meets supply, at the middle of the prices that clear.
pub fn call_auction(n: usize, luck: &mut Stream) -> Exchange {
    let (values, costs) = (sorted(n, luck, true), sorted(n, luck, false));
    let k = values.iter().zip(&costs).take_while(|(value, cost)| value >= cost).count();
    let surplus: f64 = values.iter().zip(&costs).take(k).map(|(v, c)| v - c).sum();
    let above = values.get(k).copied().unwrap_or(0.0).max(if k > 0 { costs[k - 1] } else { 0.0 });
    let below = costs.get(k).copied().unwrap_or(1.0).min(if k > 0 { values[k - 1] } else { 1.0 });
    let n = f64_of_len(n);
    let surplus = surplus / n;
    let price = f64::midpoint(above, below);
    Exchange { trades: f64_of_len(k) / n, price, surplus, possible: surplus }
}

/// The same people in a continuous double auction with no wits but a budget (Gode and Sunder,
/// Journal of Political Economy 1993): each in turn offers at random, never at a loss; an offer
/// that meets a standing one trades at that price.
pub fn zero_intelligence(n: usize, luck: &mut Stream) -> Exchange {
    let (values, costs) = (sorted(n, luck, true), sorted(n, luck, false));
    let gains = |value: f64, cost: f64| (value - cost).max(0.0);
    let possible: f64 = values.iter().zip(&costs).map(|(v, c)| gains(*v, *c)).sum();
    let (mut buyers, mut sellers) = (values, costs);
    let (mut surplus, mut trades, mut prices) = (0.0, 0.0, 0.0);
    let mut bid: Option<(f64, usize)> = None;
    let mut ask: Option<(f64, usize)> = None;
    for _ in 0..n * 400 {
        if buyers.is_empty() || sellers.is_empty() {
            break;
        }
        let is_buyer = luck.unit() < 0.5;
        let price = if is_buyer {
            let i = luck.below(buyers.len());
            let offer = luck.unit() * buyers[i];
            if bid.is_none_or(|(best, _)| offer > best) {
                bid = Some((offer, i));
            }
            ask.map(|(price, _)| price)
        } else {
            let i = luck.below(sellers.len());
            let offer = sellers[i] + luck.unit() * (1.0 - sellers[i]);
            if ask.is_none_or(|(best, _)| offer < best) {
                ask = Some((offer, i));
            }
            bid.map(|(price, _)| price)
        };
        if let (Some((b, i)), Some((a, j)), Some(price)) = (bid, ask, price)
            && b >= a
        {
            surplus += buyers.swap_remove(i) - sellers.swap_remove(j);
            trades += 1.0;
            prices += price;
            (bid, ask) = (None, None);
        }
    }
    let n = f64_of_len(n);
    let price = if trades > 0.0 { prices / trades } else { 0.5 };
    Exchange { trades: trades / n, price, surplus: surplus / n, possible: possible / n }
}

/// Uniform draws in order.
fn sorted(n: usize, luck: &mut Stream, falling: bool) -> Vec<f64> {
    let mut draws: Vec<f64> = (0..n).map(|_| luck.unit()).collect();
    draws.sort_by(f64::total_cmp);
    if falling {
        draws.reverse();
    }
    draws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_bring_what_theory_says() {
        let truth = sell_often(Format::Uniform, (4, 10), 20_000, |value| value, 1);
        assert!((truth.revenue - 24.0 / 11.0).abs() < 0.03, "{truth:?}");
        assert!((truth.surplus - 34.0 / 11.0).abs() < 0.03, "{truth:?}");
        let strategy = |value| own_price_bid(value, 4, 10);
        let own = sell_often(Format::FirstPrice, (4, 10), 5_000, strategy, 1);
        assert!((own.revenue - 24.0 / 11.0).abs() < 0.05, "{own:?}");
    }

    #[test]
    fn nobody_gains_by_misreporting_to_a_uniform_price() {
        assert!(best_misreport(&[0.9, 0.7, 0.5, 0.3], 2, 20) <= 0.0);
        assert!(best_misreport(&[0.9, 0.7], 4, 20) <= 0.0);
    }

    #[test]
    fn shares_of_ten_are_as_worked_out() {
        let mut slopes = vec![0.5; 10];
        slopes[0] = 1.0;
        let shares = proportional_shares(&slopes);
        assert!((shares[0] - 0.526_32).abs() < 1e-4, "{shares:?}");
    }
}
