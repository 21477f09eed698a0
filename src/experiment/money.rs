//! The numbers of the economy as a whole, and the laws its books keep.
//!
//! Law: what users paid is what users were paid and what the timeline says; M V T = P Q.

use super::circulation::Circulation;
use super::grid::ArmDesign;
use super::metric::Metric;
use super::summary::MoneyFacts;
use crate::observe::{MoneyRecord, MoneySample, WalletRecord};
use crate::units::{Bytes, MicroBtt, Span, f64_of, f64_of_len, floor_usize};

/// How money moved over the whole run. The stock is the mean over time of what users hold and
/// what lies in channels, between rows by the trapezoid rule.
pub fn circulation(record: &MoneyRecord) -> Circulation {
    let rows = &record.samples;
    let held = |row: &MoneySample| u128::from(row.wallets.0) + u128::from(row.escrow.0);
    let (mut area, mut time) = (0_u128, 0_u128);
    for pair in rows.windows(2) {
        let span = u128::from(pair[1].at.since(pair[0].at).0);
        // Twice the area, below 2⁶⁶ µBTT × the nanoseconds of a run.
        area = area.saturating_add((held(&pair[0]) + held(&pair[1])).saturating_mul(span));
        time += span;
    }
    let stock = (area / 2).checked_div(time);
    let span = rows.first().zip(rows.last()).map(|(first, last)| last.at.since(first.at));
    Circulation {
        paid: rows.iter().map(|row| row.paid).fold(MicroBtt::ZERO, |a, b| a + b),
        sold: rows.iter().map(|row| row.paid_bytes).fold(Bytes::ZERO, |a, b| a + b),
        stock: MicroBtt(stock.map_or(0, |stock| u64::try_from(stock).unwrap_or(u64::MAX))),
        span: span.unwrap_or_default(),
    }
}

/// Checks what must hold in the books of every run; the answer names the law that does not.
///
/// # Errors
/// When rows of the timeline, payers and payees do not agree to the µBTT and the byte, crossings
/// and their latencies not in number, or M V T is not P Q.
pub fn check_laws(record: &MoneyRecord) -> Result<(), String> {
    let of_wallets = |of: fn(&WalletRecord) -> u64| -> u128 {
        record.wallets.iter().map(|wallet| u128::from(of(wallet))).sum()
    };
    let of_rows = |of: fn(&MoneySample) -> u64| -> u128 {
        record.samples.iter().map(|row| u128::from(of(row))).sum()
    };
    let (spent, earned) = (of_wallets(|w| w.spent.0), of_wallets(|w| w.earned.0));
    if spent != earned {
        return Err(format!("users paid {spent} µBTT but were paid {earned}"));
    }
    let (bought, sold) = (of_wallets(|w| w.bought_bytes.0), of_wallets(|w| w.sold_bytes.0));
    if bought != sold {
        return Err(format!("{bought} bytes were paid for but {sold} sold"));
    }
    let (paid, paid_bytes) = (of_rows(|row| row.paid.0), of_rows(|row| row.paid_bytes.0));
    if (paid, paid_bytes) != (spent, bought) {
        return Err(format!(
            "the timeline has {paid} µBTT for {paid_bytes} bytes, the users {spent} for {bought}"
        ));
    }
    let counts = &record.counts;
    for (bars, n) in
        [(&counts.deposit_times, counts.deposits), (&counts.withdrawal_times, counts.withdrawals)]
    {
        let in_bars: u64 = bars.iter().map(|bar| bar.count).sum();
        if in_bars != n {
            return Err(format!("{n} crossings are final, but {in_bars} have a latency"));
        }
    }
    let circulation = circulation(record);
    // Money may be there between two rows only, and then no row has a stock to turn over.
    if circulation.stock > MicroBtt::ZERO && !circulation.is_consistent() {
        return Err(format!("M V T is not P Q: {circulation:?}"));
    }
    Ok(())
}

/// A number of the economy; `None` if it does not exist or belongs to somebody else.
pub fn value(metric: Metric, record: &MoneyRecord, circulation: &Circulation) -> Option<f64> {
    let counts = &record.counts;
    let count = |n: u64| Some(f64_of(n));
    match metric {
        Metric::Traders => Some(f64_of_len(record.wallets.iter().filter(|w| w.trades).count())),
        Metric::PriceMean => circulation.mean_price().map(crate::units::Price::as_btt_per_gib),
        Metric::VelocityPerDay => circulation.velocity_per_hour().map(|v| v * 24.0),
        Metric::MoneyStockMean => Some(circulation.stock.as_btt()),
        Metric::PaidTotal => Some(circulation.paid.as_btt()),
        Metric::SoldTotal => Some(circulation.sold.as_gib()),
        Metric::Payments => count(counts.payments),
        Metric::FailedNoMoney => count(counts.no_money),
        Metric::FailedWaiting => count(counts.waiting),
        Metric::FailedLost => count(counts.lost),
        Metric::FailedRefused => count(counts.refused),
        Metric::Strikes => count(counts.strikes),
        Metric::UnpaidTotal => Some(counts.unpaid.as_btt()),
        Metric::UnpaidByteShare => {
            let all = circulation.sold.as_f64() + counts.unpaid_bytes.as_f64();
            (all > 0.0).then(|| counts.unpaid_bytes.as_f64() / all)
        }
        Metric::UnpaidBytesMost => Some(counts.unpaid_bytes_most.as_f64()),
        Metric::NoBidder => count(counts.no_bidder),
        Metric::NoContent => count(counts.no_content),
        Metric::DroppedAfterPay => count(counts.dropped),
        Metric::HeldBlocks => count(counts.held_blocks),
        Metric::BidsPosted => count(counts.bids_posted),
        Metric::LedgerOperationsPerGib => {
            let gib = circulation.sold.as_gib();
            (gib > 0.0).then(|| f64_of(counts.ledger_operations) / gib)
        }
        Metric::LedgerDelayedShare => {
            let all = f64_of(counts.ledger_operations);
            (all > 0.0).then(|| f64_of(counts.ledger_delayed) / all)
        }
        Metric::LedgerWaitLongest => Some(counts.ledger_longest_wait.as_secs()),
        Metric::LedgerQueueLongest => count(counts.ledger_longest_queue),
        Metric::PaidStayHours => Some(counts.stayed.as_hours()),
        Metric::Deposits => count(counts.deposits),
        Metric::DepositsBlocked => count(counts.deposits_blocked),
        Metric::DepositsWaiting => count(counts.deposits_waiting),
        Metric::DepositTimeMean => mean_s(counts.deposit_time, counts.deposits),
        Metric::ChainFees => Some(f64_of(counts.chain_fees_sun) / 1e6),
        Metric::LedgerOperations => count(counts.ledger_operations),
        Metric::Withdrawals => count(counts.withdrawals),
        Metric::WithdrawalTimeMean => mean_s(counts.withdrawal_time, counts.withdrawals),
        Metric::WithdrawalsBlocked => count(counts.withdrawals_blocked.iter().sum()),
        Metric::BlockedMinimum => count(counts.withdrawals_blocked[0]),
        Metric::BlockedBalance => count(counts.withdrawals_blocked[1]),
        Metric::BlockedDailyCap => count(counts.withdrawals_blocked[2]),
        Metric::BlockedGatewayEmpty => count(counts.withdrawals_blocked[3]),
        _ => None,
    }
}

/// The mean of so many durations, in seconds, by their sum.
fn mean_s(sum: Span, n: u64) -> Option<f64> {
    (n > 0).then(|| sum.as_secs() / f64_of(n))
}

/// What cautions are drawn from.
pub fn facts(arm: &ArmDesign, record: &MoneyRecord) -> MoneyFacts {
    let counts = &record.counts;
    let count = |n: u64| floor_usize(f64_of(n));
    let traders = || record.wallets.iter().filter(|wallet| wallet.trades);
    let is_short = |wallet: &&WalletRecord| wallet.gift < arm.classes[wallet.class.index()].gift;
    MoneyFacts {
        traders: traders().count(),
        short_of_gift: traders().filter(is_short).count(),
        payments: count(counts.payments),
        failed: [counts.no_money, counts.waiting, counts.lost, counts.refused].map(count),
        withdrawals: count(counts.withdrawals),
        blocked: count(counts.withdrawals_blocked.iter().sum()),
        ledger_operations: count(counts.ledger_operations),
        ledger_delayed: count(counts.ledger_delayed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClassId;
    use crate::observe::{MoneyCounts, Took};
    use crate::units::{Price, SimTime};

    fn row(at_h: f64, (paid, bytes): (u64, u64), (wallets, escrow): (u64, u64)) -> MoneySample {
        MoneySample {
            at: SimTime::from_secs(at_h * 3600.0),
            paid: MicroBtt(paid),
            paid_bytes: Bytes(bytes),
            bidders: 0,
            highest_bid: Price::ZERO,
            median_bid: Price::ZERO,
            usd_per_btt: 0.1,
            wallets: MicroBtt(wallets),
            escrow: MicroBtt(escrow),
            promo: MicroBtt::ZERO,
            moved: Vec::new(),
        }
    }

    fn wallet((spent, bought): (u64, u64), (earned, sold): (u64, u64)) -> WalletRecord {
        WalletRecord {
            class: ClassId(0),
            trades: true,
            gift: MicroBtt::ZERO,
            bought: MicroBtt::ZERO,
            earned: MicroBtt(earned),
            spent: MicroBtt(spent),
            withdrawn: MicroBtt::ZERO,
            forfeited: MicroBtt::ZERO,
            fees_sun: 0,
            to_come: MicroBtt::ZERO,
            wallet: MicroBtt::ZERO,
            in_channels: MicroBtt::ZERO,
            on_its_way: MicroBtt::ZERO,
            bought_bytes: Bytes(bought),
            sold_bytes: Bytes(sold),
            unpaid: MicroBtt::ZERO,
            unpaid_bytes: Bytes::ZERO,
        }
    }

    /// 0 → 100 µBTT over an hour, then 100 for two: mean (50 + 200) ÷ 3; 60 paid in 3 h.
    fn record() -> MoneyRecord {
        MoneyRecord {
            samples: vec![
                row(0.0, (0, 0), (0, 0)),
                row(1.0, (20, 10), (70, 30)),
                row(3.0, (40, 20), (100, 0)),
            ],
            wallets: vec![wallet((60, 30), (0, 0)), wallet((0, 0), (60, 30))],
            counts: MoneyCounts::default(),
        }
    }

    #[test]
    fn velocity_and_price_of_a_small_economy_by_hand() {
        let circulation = circulation(&record());
        assert_eq!(circulation.stock, MicroBtt(83), "250 ÷ 3, rounded down");
        let velocity = value(Metric::VelocityPerDay, &record(), &circulation).expect("it turns");
        assert!((velocity - 24.0 * 60.0 / 83.0 / 3.0).abs() < 1e-9, "{velocity}");
        let price = value(Metric::PriceMean, &record(), &circulation).expect("sold");
        assert!((price - 2e-6 * 1_073_741_824.0).abs() < 1e-6, "{price}");
        let of = |metric| value(metric, &record(), &circulation).expect("it exists");
        let paid = of(Metric::PaidTotal);
        assert!((price * of(Metric::SoldTotal) - paid).abs() < 1e-15, "P Q is what was paid");
        assert_eq!(check_laws(&record()), Ok(()));
    }

    #[test]
    fn books_that_do_not_agree_break_a_law() {
        let broken = |change: fn(&mut MoneyRecord)| {
            let mut record = record();
            change(&mut record);
            check_laws(&record).expect_err("a broken law")
        };
        assert!(broken(|r| r.wallets[1].earned.0 += 1).contains("were paid 61"));
        assert!(broken(|r| r.wallets[0].bought_bytes.0 += 1).contains("31 bytes"));
        assert!(broken(|r| r.samples[1].paid.0 += 1).contains("61 µBTT for 30 bytes"));
        assert!(broken(|r| r.counts.withdrawals += 1).contains("1 crossings are final, but 0"));
        let bar = Took { above: Span::ZERO, up_to: Span::FOREVER, count: 2 };
        let deposited = |r: &mut MoneyRecord| r.counts.deposit_times = vec![bar];
        let mut record = record();
        deposited(&mut record);
        assert!(check_laws(&record).is_err(), "latencies of nothing");
        record.counts.deposits = 2;
        assert_eq!(check_laws(&record), Ok(()));
    }

    #[test]
    fn settlement_by_hand() {
        let counts = MoneyCounts {
            ledger_longest_wait: Span::from_secs(2.5),
            ledger_longest_queue: 7,
            withdrawals: 4,
            withdrawal_time: Span::from_secs(250.0),
            withdrawals_blocked: [1, 20, 300, 4000],
            ..MoneyCounts::default()
        };
        let record = MoneyRecord { counts, ..record() };
        let circulation = circulation(&record);
        let of = |metric| value(metric, &record, &circulation);
        assert_eq!(of(Metric::LedgerWaitLongest), Some(2.5));
        assert_eq!(of(Metric::LedgerQueueLongest), Some(7.0));
        assert_eq!(of(Metric::WithdrawalTimeMean), Some(62.5));
        assert_eq!(of(Metric::DepositTimeMean), None, "none was credited");
        let reasons = [
            Metric::BlockedMinimum,
            Metric::BlockedBalance,
            Metric::BlockedDailyCap,
            Metric::BlockedGatewayEmpty,
        ];
        assert_eq!(reasons.map(of), [1.0, 20.0, 300.0, 4000.0].map(Some));
        assert_eq!(of(Metric::WithdrawalsBlocked), Some(4321.0), "together");
    }

    #[test]
    fn nothing_is_made_up_without_payments() {
        let empty = MoneyRecord {
            samples: vec![row(0.0, (0, 0), (0, 0))],
            wallets: Vec::new(),
            counts: MoneyCounts::default(),
        };
        let circulation = circulation(&empty);
        assert_eq!(check_laws(&empty), Ok(()));
        for metric in [Metric::PriceMean, Metric::VelocityPerDay, Metric::LedgerOperationsPerGib] {
            assert_eq!(value(metric, &empty, &circulation), None, "{metric:?}");
        }
    }
}
