//! The files of the economy and of catalogues as the figures need them; each may be absent.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::PlotError;
use super::table::{Moment, N_MEASURES, Names, Sheet, User};
use crate::units::floor_u64;

/// Places of what figures show in the rows of the market.
pub(super) const PRICE: usize = 0;
pub(super) const VELOCITY: usize = 1;
pub(super) const SOLD_GIB: usize = 2;

/// A day in seconds.
const DAY_S: f64 = 86_400.0;

/// What a user with a wallet had.
#[derive(Clone, Debug)]
pub(super) struct Wallet {
    pub(super) arm: usize,
    pub(super) replicate: u64,
    /// Whether its user came with the content.
    pub(super) is_origin: bool,
    pub(super) final_btt: f64,
    pub(super) earned_btt: f64,
}

/// How long a torrent had every piece since its release.
#[derive(Clone, Debug)]
pub(super) struct TorrentLife {
    pub(super) arm: usize,
    pub(super) replicate: u64,
    pub(super) time_s: f64,
    pub(super) ended: bool,
}

/// A row of the decomposition.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) baseline: String,
    pub(super) arm: String,
    pub(super) share: String,
    pub(super) group: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) split: String,
    pub(super) users: Option<f64>,
    pub(super) from_mean: Option<f64>,
    pub(super) by: Option<f64>,
    pub(super) ci95: Option<(f64, f64)>,
    pub(super) n_pairs: f64,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    /// The market over time: price, velocity and what was sold.
    pub(super) market: Vec<Moment>,
    /// Of users that trade.
    pub(super) wallets: Vec<Wallet>,
    pub(super) torrents: Vec<TorrentLife>,
    pub(super) effects: Vec<Effect>,
}

impl Books {
    pub(super) fn read(
        folder: &Path,
        arms: &Names,
        timeline: &[Moment],
        origins: &BTreeSet<User>,
    ) -> Result<Self, PlotError> {
        let mut books = Self::default();
        if folder.join("prices.csv").exists() {
            books.read_prices(folder, &mut arms.clone())?;
        }
        if folder.join("wallets.csv").exists() {
            books.read_wallets(folder, &mut arms.clone(), origins)?;
        }
        if folder.join("torrents.csv").exists() {
            books.read_torrents(folder, &mut arms.clone(), timeline)?;
        }
        if folder.join("decomposition.csv").exists() {
            books.read_effects(folder)?;
        }
        Ok(books)
    }

    fn read_prices(&mut self, folder: &Path, arms: &mut Names) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "prices.csv")?;
        let [arm, replicate, time, sold, paid, price, wallets, escrow] = sheet.columns([
            "arm",
            "replicate",
            "time_s",
            "paid_gib",
            "paid_btt",
            "price_btt_per_gib",
            "wallets_btt",
            "escrow_btt",
        ])?;
        let mut row = csv::StringRecord::new();
        // Run, time and money of the row before.
        let mut last: Option<((usize, u64), f64, f64)> = None;
        while sheet.next(&mut row)? {
            let run = (arms.id(arm.of(&row)), floor_u64(sheet.needed(&row, replicate)?));
            let time_s = sheet.needed(&row, time)?;
            let held = sheet.needed(&row, wallets)? + sheet.needed(&row, escrow)?;
            let mut values = [None; N_MEASURES];
            values[PRICE] = sheet.number(&row, price)?;
            values[SOLD_GIB] = sheet.number(&row, sold)?;
            let before = last.filter(|(other, _, _)| *other == run);
            if let Some((_, from_s, held_before)) = before {
                let stock_days = f64::midpoint(held, held_before) * (time_s - from_s) / DAY_S;
                let paid = sheet.needed(&row, paid)?;
                values[VELOCITY] = (stock_days > 0.0).then(|| paid / stock_days);
            }
            last = Some((run, time_s, held));
            self.market.push(Moment { arm: run.0, replicate: run.1, time_s, values });
        }
        Ok(())
    }

    fn read_wallets(
        &mut self,
        folder: &Path,
        arms: &mut Names,
        origins: &BTreeSet<User>,
    ) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "wallets.csv")?;
        let [arm, replicate, user, trades, final_btt, earned_btt] =
            sheet.columns(["arm", "replicate", "user_id", "trades", "final_btt", "earned_btt"])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            if trades.of(&row) == "1" {
                let arm = arms.id(arm.of(&row));
                let replicate = floor_u64(sheet.needed(&row, replicate)?);
                let id = floor_u64(sheet.needed(&row, user)?);
                self.wallets.push(Wallet {
                    arm,
                    replicate,
                    is_origin: origins.contains(&User { arm, replicate, id }),
                    final_btt: sheet.needed(&row, final_btt)?,
                    earned_btt: sheet.needed(&row, earned_btt)?,
                });
            }
        }
        Ok(())
    }

    /// Torrents are watched from their release to the last row of the timeline of their run.
    fn read_torrents(
        &mut self,
        folder: &Path,
        arms: &mut Names,
        timeline: &[Moment],
    ) -> Result<(), PlotError> {
        let mut ends = BTreeMap::<(usize, u64), f64>::new();
        for moment in timeline {
            let end = ends.entry((moment.arm, moment.replicate)).or_default();
            *end = end.max(moment.time_s);
        }
        let mut sheet = Sheet::open(folder, "torrents.csv")?;
        let [arm, replicate, release, loss] =
            sheet.columns(["arm", "replicate", "release_s", "first_loss_s"])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            let arm = arms.id(arm.of(&row));
            let replicate = floor_u64(sheet.needed(&row, replicate)?);
            let release_s = sheet.needed(&row, release)?;
            let loss_s = sheet.number(&row, loss)?;
            let end_s = ends.get(&(arm, replicate)).copied().unwrap_or(0.0);
            let time_s = loss_s.unwrap_or(end_s) - release_s;
            if time_s > 0.0 {
                self.torrents.push(TorrentLife { arm, replicate, time_s, ended: loss_s.is_some() });
            }
        }
        Ok(())
    }

    fn read_effects(&mut self, folder: &Path) -> Result<(), PlotError> {
        let mut sheet = Sheet::open(folder, "decomposition.csv")?;
        let words = sheet.columns([
            "baseline",
            "arm",
            "effect",
            "group",
            "metric",
            "unit",
            "split_identified",
        ])?;
        let [users, from_mean, by, low, high, n_pairs] = sheet.columns([
            "users",
            "from_mean",
            "difference",
            "ci95_low",
            "ci95_high",
            "n_pairs",
        ])?;
        let mut row = csv::StringRecord::new();
        while sheet.next(&mut row)? {
            let [baseline, arm, share, group, metric, unit, split] =
                words.map(|column| column.of(&row).to_owned());
            self.effects.push(Effect {
                baseline,
                arm,
                share,
                group,
                metric,
                unit,
                split,
                users: sheet.number(&row, users)?,
                from_mean: sheet.number(&row, from_mean)?,
                by: sheet.number(&row, by)?,
                ci95: sheet.number(&row, low)?.zip(sheet.number(&row, high)?),
                n_pairs: sheet.needed(&row, n_pairs)?,
            });
        }
        Ok(())
    }
}
