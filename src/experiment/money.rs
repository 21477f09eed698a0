//! The numbers of the economy as a whole, and the laws its books keep.
//!
//! Law: what users paid is what users were paid and what the timeline says; M V T = P Q.

use super::books::Books;
use super::grid::ArmDesign;
use super::metric::Metric;
use super::summary::MoneyFacts;
use crate::observe::{MoneyRecord, MoneySample, WalletRecord};
use crate::units::{MicroBtt, Span, f64_of, f64_of_len, floor_usize};

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
    let held = |row: &MoneySample| u128::from(row.wallets.0) + u128::from(row.escrow.0);
    let spendable = |row: &MoneySample| row.spendable.iter().map(|sum| u128::from(sum.0)).sum();
    if record.samples.iter().any(|row| held(row) < spendable(row)) {
        return Err("users can spend more than wallets and channels hold".into());
    }
    if counts.tally.operations != counts.ledger_operations {
        let (of_users, n) = (counts.tally.operations, counts.ledger_operations);
        return Err(format!("users had {of_users} operations carried out, the server did {n}"));
    }
    let n_classes = record.samples.first().map_or(0, |row| row.spendable.len());
    let all = std::iter::once(Books::of_all(record));
    for books in all.chain((0..n_classes).map(|class| Books::of_class(record, class))) {
        let circulation = &books.circulation;
        // Money may be there between two rows only, and then no row has a stock to turn over.
        if circulation.stock > MicroBtt::ZERO && !circulation.is_consistent() {
            return Err(format!("M V T is not P Q: {circulation:?}"));
        }
    }
    Ok(())
}

/// A number of the economy as a whole; `None` if it does not exist or belongs to somebody else.
pub fn value(metric: Metric, record: &MoneyRecord) -> Option<f64> {
    let counts = &record.counts;
    let count = |n: u64| Some(f64_of(n));
    match metric {
        Metric::Traders => Some(f64_of_len(record.wallets.iter().filter(|w| w.trades).count())),
        Metric::UnpaidBytesMost => Some(counts.unpaid_bytes_most.as_f64()),
        Metric::HeldBlocks => count(counts.held_blocks),
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
    let (counts, tally) = (&record.counts, &record.counts.tally);
    let count = |n: u64| floor_usize(f64_of(n));
    let traders = || record.wallets.iter().filter(|wallet| wallet.trades);
    let is_short = |wallet: &&WalletRecord| wallet.gift < arm.classes[wallet.class.index()].gift;
    MoneyFacts {
        traders: traders().count(),
        short_of_gift: traders().filter(is_short).count(),
        payments: count(counts.payments),
        failed: [tally.no_money, tally.waiting, tally.lost, tally.refused].map(count),
        withdrawals: count(counts.withdrawals),
        blocked: count(counts.withdrawals_blocked.iter().sum()),
        ledger_operations: count(counts.ledger_operations),
        ledger_delayed: count(counts.ledger_delayed),
    }
}

#[cfg(test)]
pub(super) mod fixtures {
    use crate::ids::ClassId;
    use crate::observe::{MoneyCounts, MoneyRecord, MoneySample, UserCounts, WalletRecord};
    use crate::units::{Bytes, MicroBtt, Price, SimTime};

    /// A row of the timeline.
    pub fn row(at_h: f64, (paid, bytes): (u64, u64), (wallets, escrow): (u64, u64)) -> MoneySample {
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
            spendable: vec![MicroBtt(wallets)],
            promo: MicroBtt::ZERO,
            moved: Vec::new(),
        }
    }

    /// A user of class 0.
    pub fn wallet((spent, bought): (u64, u64), (earned, sold): (u64, u64)) -> WalletRecord {
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
            payments: 0,
            tally: UserCounts::default(),
        }
    }

    /// 0 → 100 µBTT over an hour, then 100 for two: mean (50 + 200) ÷ 3; 60 paid in 3 h.
    pub fn record() -> MoneyRecord {
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
}

#[cfg(test)]
mod tests {
    use super::fixtures::{record, row};
    use super::*;
    use crate::observe::{MoneyCounts, Took};

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
        assert!(broken(|r| r.counts.tally.operations += 1).contains("the server did 0"));
        assert!(broken(|r| r.samples[1].spendable[0].0 += 31).contains("more than wallets"));
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
        let of = |metric| value(metric, &record);
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
        let books = Books::of_all(&empty);
        assert_eq!(check_laws(&empty), Ok(()));
        for metric in [Metric::PriceMean, Metric::VelocityPerDay, Metric::LedgerOperationsPerGib] {
            assert_eq!(books.value(metric), None, "{metric:?}");
        }
    }
}
