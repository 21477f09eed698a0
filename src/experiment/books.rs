//! The books of all users, and of those of a class: what was paid, what failed, at what work.

use super::circulation::Circulation;
use super::metric::{Metric, Part};
use crate::observe::{MoneyRecord, MoneySample, UserCounts};
use crate::units::{Bytes, MicroBtt, Price, Span, f64_of};

/// The books of some users: what they paid for, what went wrong, and the work it made.
#[derive(Debug)]
pub struct Books {
    /// Of what they bought. The stock is of all users wallets and escrow; of those of a class what
    /// they can spend, as what is earned in open channels is nobody's yet.
    pub circulation: Circulation,
    payments: u64,
    tally: UserCounts,
    unpaid: MicroBtt,
    unpaid_bytes: Bytes,
    fees_sun: u64,
}

impl Books {
    /// The books of a part. Who has a wallet has the client, so a side has those of its class.
    pub fn of(record: &MoneyRecord, part: Part) -> Self {
        match part.class {
            None => Self::of_all(record),
            Some(class) => Self::of_class(record, class),
        }
    }

    /// Of all users.
    pub fn of_all(record: &MoneyRecord) -> Self {
        let counts = &record.counts;
        Self {
            circulation: circulation(record),
            payments: counts.payments,
            tally: counts.tally,
            unpaid: counts.unpaid,
            unpaid_bytes: counts.unpaid_bytes,
            fees_sun: counts.chain_fees_sun,
        }
    }

    /// Of the users of a class.
    pub fn of_class(record: &MoneyRecord, class: usize) -> Self {
        let held = |row: &MoneySample| row.spendable.get(class).map_or(0, |sum| u128::from(sum.0));
        let (stock, span) = mean_stock(&record.samples, held);
        let circulation = Circulation { paid: MicroBtt::ZERO, sold: Bytes::ZERO, stock, span };
        let mut books = Self {
            circulation,
            payments: 0,
            tally: UserCounts::default(),
            unpaid: MicroBtt::ZERO,
            unpaid_bytes: Bytes::ZERO,
            fees_sun: 0,
        };
        for wallet in record.wallets.iter().filter(|wallet| wallet.class.index() == class) {
            books.circulation.paid += wallet.spent;
            books.circulation.sold += wallet.bought_bytes;
            books.payments += wallet.payments;
            books.tally += wallet.tally;
            books.unpaid += wallet.unpaid;
            books.unpaid_bytes += wallet.unpaid_bytes;
            books.fees_sun += wallet.fees_sun;
        }
        books
    }

    /// A number that each class has, too; `None` if it does not exist or is of another kind.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let Self { circulation, tally, .. } = self;
        let gib = circulation.sold.as_gib();
        let count = |n: u64| Some(f64_of(n));
        match metric {
            Metric::PriceMean => circulation.mean_price().map(Price::as_btt_per_gib),
            Metric::VelocityPerDay => circulation.velocity_per_hour().map(|v| v * 24.0),
            Metric::MoneyStockMean => Some(circulation.stock.as_btt()),
            Metric::PaidTotal => Some(circulation.paid.as_btt()),
            Metric::SoldTotal => Some(gib),
            Metric::Payments => count(self.payments),
            Metric::FailedNoMoney => count(tally.no_money),
            Metric::FailedWaiting => count(tally.waiting),
            Metric::FailedLost => count(tally.lost),
            Metric::FailedRefused => count(tally.refused),
            Metric::Strikes => count(tally.strikes),
            Metric::UnpaidTotal => Some(self.unpaid.as_btt()),
            Metric::UnpaidByteShare => {
                let all = circulation.sold.as_f64() + self.unpaid_bytes.as_f64();
                (all > 0.0).then(|| self.unpaid_bytes.as_f64() / all)
            }
            Metric::NoBidder => count(tally.no_bidder),
            Metric::NoContent => count(tally.no_content),
            Metric::DroppedAfterPay => count(tally.dropped),
            Metric::BidsPosted => count(tally.bids_posted),
            Metric::LedgerOperations => count(tally.operations),
            Metric::LedgerOperationsPerGib => (gib > 0.0).then(|| f64_of(tally.operations) / gib),
            Metric::ChainFees => Some(f64_of(self.fees_sun) / 1e6),
            _ => None,
        }
    }
}

/// How money moved over the whole run, and what it held: wallets and escrow of all users.
fn circulation(record: &MoneyRecord) -> Circulation {
    let held = |row: &MoneySample| u128::from(row.wallets.0) + u128::from(row.escrow.0);
    let (paid, sold) = record.samples.iter().fold((MicroBtt::ZERO, Bytes::ZERO), |sums, row| {
        (sums.0 + row.paid, sums.1 + row.paid_bytes)
    });
    let (stock, span) = mean_stock(&record.samples, held);
    Circulation { paid, sold, stock, span }
}

/// The mean over time of what is held, between rows by the trapezoid rule, and that time.
fn mean_stock(rows: &[MoneySample], held: impl Fn(&MoneySample) -> u128) -> (MicroBtt, Span) {
    let (mut area, mut time) = (0_u128, 0_u128);
    for pair in rows.windows(2) {
        let span = u128::from(pair[1].at.since(pair[0].at).0);
        // Twice the area, below 2⁶⁶ µBTT × the nanoseconds of a run.
        area = area.saturating_add((held(&pair[0]) + held(&pair[1])).saturating_mul(span));
        time += span;
    }
    let stock = (area / 2).checked_div(time);
    let span = rows.first().zip(rows.last()).map(|(first, last)| last.at.since(first.at));
    let stock = stock.map_or(0, |stock| u64::try_from(stock).unwrap_or(u64::MAX));
    (MicroBtt(stock), span.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::money::fixtures::{record, wallet};
    use super::*;
    use crate::ids::ClassId;

    #[test]
    fn velocity_and_price_of_a_small_economy_by_hand() {
        let books = Books::of_all(&record());
        let of = |metric| books.value(metric).expect("it exists");
        assert_eq!(books.circulation.stock, MicroBtt(83), "250 ÷ 3, rounded down");
        let velocity = of(Metric::VelocityPerDay);
        assert!((velocity - 24.0 * 60.0 / 83.0 / 3.0).abs() < 1e-9, "{velocity}");
        let price = of(Metric::PriceMean);
        assert!((price - 2e-6 * 1_073_741_824.0).abs() < 1e-6, "{price}");
        let paid = of(Metric::PaidTotal);
        assert!((price * of(Metric::SoldTotal) - paid).abs() < 1e-15, "P Q is what was paid");
    }

    /// Class 0 pays 60 µBTT for 30 bytes, class 1 6 µBTT for 10 and cannot pay for 30 more.
    #[test]
    fn the_books_of_a_class_hold_what_its_users_did_and_no_more() {
        let mut record = record();
        let troubled =
            UserCounts { no_money: 3, lost: 1, strikes: 2, operations: 5, ..UserCounts::default() };
        let mut other = wallet((6, 10), (0, 0));
        (other.class, other.payments, other.tally) = (ClassId(1), 2, troubled);
        (other.unpaid, other.unpaid_bytes, other.fees_sun) = (MicroBtt(9), Bytes(30), 4_000_000);
        record.wallets.push(other);
        for (row, mine) in record.samples.iter_mut().zip([0, 10, 20]) {
            row.spendable = vec![row.wallets, MicroBtt(mine)];
        }
        let of = |class: usize, metric| Books::of_class(&record, class).value(metric);
        // 0, 10, 20 at 0, 1 and 3 hours: (5 + 30) ÷ 3, rounded down; 6 paid in 3 h.
        let velocity = 24.0 * 6.0 / 11.0 / 3.0;
        assert!((of(1, Metric::VelocityPerDay).expect("it turns") - velocity).abs() < 1e-9);
        assert_eq!(of(1, Metric::MoneyStockMean), Some(11e-6));
        let prices = [0, 1].map(|class| of(class, Metric::PriceMean).expect("it buys"));
        assert!((prices[0] / prices[1] - 2.0 / 0.6).abs() < 1e-9, "{prices:?}");
        for (metric, first, second) in [
            (Metric::Payments, 0.0, 2.0),
            (Metric::FailedNoMoney, 0.0, 3.0),
            (Metric::FailedWaiting, 0.0, 0.0),
            (Metric::FailedLost, 0.0, 1.0),
            (Metric::Strikes, 0.0, 2.0),
            (Metric::LedgerOperations, 0.0, 5.0),
            (Metric::UnpaidTotal, 0.0, 9e-6),
            (Metric::UnpaidByteShare, 0.0, 0.75),
            (Metric::ChainFees, 0.0, 4.0),
            (Metric::PaidTotal, 60e-6, 6e-6),
        ] {
            assert_eq!([of(0, metric), of(1, metric)], [Some(first), Some(second)], "{metric:?}");
        }
        assert_eq!(of(7, Metric::PriceMean), None, "nobody is there");
    }
}
