//! What a token is worth in the world outside, in USD over time. The swarm does not move it.
//!
//! Law: a price is always positive and finite; before the first known point it is the first, after
//! the last the last.
//!
//! Prices are floats: they only enter decisions and reports, never a balance. No random numbers
//! are drawn here; a random path is made of draws the caller hands in, by `libm` alone.

use super::chain::DAY;
use crate::units::{MicroBtt, SimTime, Span, f64_of};

/// USD for one BTT of 2019 over time.
#[derive(Clone, PartialEq, Debug)]
pub struct PricePath {
    shape: Shape,
}

#[derive(Clone, PartialEq, Debug)]
enum Shape {
    Constant(f64),
    Replay {
        rows: Vec<PriceRow>,
        between: Between,
        clock: Clock,
    },
    /// One level per day, from the beginning of the day to its end.
    Daily(Vec<f64>),
}

/// A known price.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PriceRow {
    /// When.
    pub at: SimTime,
    /// USD for one BTT.
    pub usd: f64,
}

/// How the clock of known prices goes beside that of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// What it shows when the run begins.
    pub begins: Span,
    /// How many times faster it goes; 1: as that of the run.
    pub times_faster: u32,
}

impl Clock {
    /// That of the run.
    const OF_THE_RUN: Self = Self { begins: Span::ZERO, times_faster: 1 };

    /// What it shows at `time` of the run; beyond the end of time, the end.
    fn at(self, time: SimTime) -> SimTime {
        let gone = u128::from(time.0) * u128::from(self.times_faster);
        let shown = gone + u128::from(self.begins.0);
        u64::try_from(shown).map_or(SimTime::NEVER, SimTime)
    }
}

/// What the price is between two known ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Between {
    /// The earlier one, until the later one comes.
    Step,
    /// On the straight line from the one to the other.
    Linear,
}

/// Geometric Brownian motion: the logarithm of the price walks at random.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Geometric {
    /// USD for one BTT on the first day.
    pub start_usd: f64,
    /// Mean growth μ: the expected price grows by exp(μ) a year.
    pub drift_per_year: f64,
    /// Standard deviation σ of the logarithm after a year.
    pub volatility_per_year: f64,
}

/// Why this is no path of prices.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum BadPrice {
    /// Not a positive, finite number.
    #[error("{0} is no price: prices are above 0")]
    NotAPrice(f64),
    /// No point at all.
    #[error("there is no price at all; one is enough")]
    Empty,
    /// Not later than the one before.
    #[error("row {0} is not later than the one before")]
    NotLater(usize),
}

/// Days in a year, for rates per year.
const DAYS_PER_YEAR: f64 = 365.25;

impl PricePath {
    /// The same price for ever.
    ///
    /// # Errors
    /// `NotAPrice`.
    pub fn constant(usd: f64) -> Result<Self, BadPrice> {
        Ok(Self { shape: Shape::Constant(price(usd)?) })
    }

    /// Known prices at known times, each later than the one before.
    ///
    /// # Errors
    /// `Empty`, `NotAPrice`, or `NotLater` with the number of the row, from 0.
    pub fn replay(rows: Vec<PriceRow>, between: Between) -> Result<Self, BadPrice> {
        Self::replay_by(Clock::OF_THE_RUN, rows, between)
    }

    /// The same by a clock of the rows.
    fn replay_by(clock: Clock, rows: Vec<PriceRow>, between: Between) -> Result<Self, BadPrice> {
        if rows.is_empty() {
            return Err(BadPrice::Empty);
        }
        for row in &rows {
            price(row.usd)?;
        }
        if let Some(late) = rows.windows(2).position(|pair| pair[1].at <= pair[0].at) {
            return Err(BadPrice::NotLater(late + 1));
        }
        Ok(Self { shape: Shape::Replay { rows, between, clock } })
    }

    /// The prices of [`HISTORY`]; the run begins so many days after the sale of 28 January 2019.
    /// From day 412 (March 2020) to day 798 (April 2021) the price rises 75-fold.
    pub fn historical(begins_day: u32, between: Between) -> Self {
        Self::compressed(begins_day, 1, between)
    }

    /// The same, so many times faster: at time t the price of the table at `begins_day` + t ×
    /// `times_faster`.
    pub fn compressed(begins_day: u32, times_faster: u32, between: Between) -> Self {
        let rows = HISTORY.iter().map(|known| PriceRow {
            at: SimTime::ZERO + DAY.times(known.day.into()),
            usd: known.usd,
        });
        let clock = Clock { begins: DAY.times(begins_day.into()), times_faster };
        let path = Self::replay_by(clock, rows.collect(), between);
        path.expect("the table is in order")
    }

    /// A geometric Brownian motion, one step a day: `normals` are independent draws from the
    /// standard normal distribution, one for each day after the first.
    ///
    /// Exact on that grid: S ← S · exp((μ − σ²/2) Δ + σ √Δ z), Δ one day (Glasserman, *Monte Carlo
    /// Methods in Financial Engineering*, 2003, §3.2.1).
    ///
    /// # Errors
    /// `NotAPrice` if it begins with none, or leaves the range of floats.
    pub fn geometric(law: Geometric, normals: &[f64]) -> Result<Self, BadPrice> {
        let Geometric { start_usd, drift_per_year, volatility_per_year } = law;
        let dt = 1.0 / DAYS_PER_YEAR;
        let drift = (drift_per_year - volatility_per_year * volatility_per_year / 2.0) * dt;
        let step = volatility_per_year * libm::sqrt(dt);
        let mut levels = vec![price(start_usd)?];
        let mut log = 0.0;
        for normal in normals {
            log += drift + step * normal;
            levels.push(price(start_usd * libm::exp(log))?);
        }
        Ok(Self { shape: Shape::Daily(levels) })
    }

    /// The price, if it never changes.
    pub fn as_constant(&self) -> Option<f64> {
        match self.shape {
            Shape::Constant(usd) => Some(usd),
            Shape::Replay { .. } | Shape::Daily(_) => None,
        }
    }

    /// The known prices, if there are some, and their clock.
    pub fn as_replay(&self) -> Option<(&[PriceRow], Between, Clock)> {
        match &self.shape {
            Shape::Replay { rows, between, clock } => Some((rows, *between, *clock)),
            Shape::Constant(_) | Shape::Daily(_) => None,
        }
    }

    /// USD for one BTT at `time`.
    pub fn at(&self, time: SimTime) -> f64 {
        match &self.shape {
            Shape::Constant(usd) => *usd,
            Shape::Replay { rows, between, clock } => look_up(rows, *between, clock.at(time)),
            Shape::Daily(levels) => {
                let day = usize::try_from(time.0 / DAY.0).unwrap_or(usize::MAX);
                levels[day.min(levels.len() - 1)]
            }
        }
    }

    /// What `amount` is worth in USD at `time`.
    pub fn usd(&self, time: SimTime, amount: MicroBtt) -> f64 {
        amount.as_btt() * self.at(time)
    }

    /// What is worth `usd` at `time`, to the nearest µBTT; negative is nothing.
    pub fn worth(&self, time: SimTime, usd: f64) -> MicroBtt {
        MicroBtt::from_btt(usd / self.at(time))
    }
}

/// The number if it is a price.
fn price(usd: f64) -> Result<f64, BadPrice> {
    if usd > 0.0 && usd.is_finite() { Ok(usd) } else { Err(BadPrice::NotAPrice(usd)) }
}

fn look_up(rows: &[PriceRow], between: Between, time: SimTime) -> f64 {
    let next = rows.partition_point(|row| row.at <= time);
    let Some(before) = next.checked_sub(1).map(|last| rows[last]) else {
        return rows[0].usd;
    };
    let Some(after) = rows.get(next).filter(|_| between == Between::Linear) else {
        return before.usd;
    };
    let share = f64_of(time.since(before.at).0) / f64_of(after.at.since(before.at).0);
    before.usd + (after.usd - before.usd) * share
}

/// A price somebody wrote down.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Known {
    /// Year-month-day. If the source names no day, the day is ours, and `source` says so.
    pub date: &'static str,
    /// Days since the sale of 28 January 2019.
    pub day: u32,
    /// USD for one BTT of 2019.
    pub usd: f64,
    /// Who says so.
    pub source: &'static str,
}

/// Prices of the token from its sale on, in USD per BTT of 2019.
pub const HISTORY: &[Known] = &[
    Known { date: "2019-01-28", day: 0, usd: 0.000_12, source: "public sale: CCN" },
    Known {
        date: "2019-05-28",
        day: 120,
        usd: 0.001_77,
        source: "high of 2019, from “0.000459 is 74 % below it”: Cointelegraph; day is ours",
    },
    Known {
        date: "2020-03-15",
        day: 412,
        usd: 0.000_18,
        source: "March 2020, from “90 % below the high”: Cointelegraph; day is ours",
    },
    Known { date: "2021-01-01", day: 704, usd: 0.000_287_2, source: "coinexc.com" },
    Known { date: "2021-04-01", day: 794, usd: 0.005_6, source: "coinchapter.com" },
    Known {
        date: "2021-04-05",
        day: 798,
        usd: 0.013_577_6,
        source: "high of April 2021: coinexc.com; day is ours",
    },
    Known {
        date: "2025-07-01",
        day: 2346,
        usd: 0.000_61,
        source: "2025, 6.1e-7 for a new BTT: roedsa.com; day is ours",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: f64) -> SimTime {
        SimTime::from_secs(days * 86_400.0)
    }

    fn row(days: f64, usd: f64) -> PriceRow {
        PriceRow { at: day(days), usd }
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for usd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(PricePath::constant(usd), Err(BadPrice::NotAPrice(_))), "{usd}");
            let rows = vec![row(0.0, 1.0), row(1.0, usd)];
            let path = PricePath::replay(rows, Between::Step);
            assert!(matches!(path, Err(BadPrice::NotAPrice(_))), "{usd}");
        }
        assert_eq!(PricePath::replay(vec![], Between::Step), Err(BadPrice::Empty));
        let rows = vec![row(1.0, 1.0), row(2.0, 1.0), row(2.0, 2.0)];
        assert_eq!(PricePath::replay(rows, Between::Step), Err(BadPrice::NotLater(2)));
        let wild = Geometric { start_usd: 1.0, drift_per_year: 1e9, volatility_per_year: 1.0 };
        assert!(PricePath::geometric(wild, &[0.0; 10]).is_err());
    }

    #[test]
    fn replays_hold_or_go_straight() {
        let rows = vec![row(1.0, 2.0), row(3.0, 6.0), row(4.0, 1.0)];
        let step = PricePath::replay(rows.clone(), Between::Step).expect("in order");
        let linear = PricePath::replay(rows, Between::Linear).expect("in order");
        for (at, held, straight) in [
            (0.0, 2.0, 2.0),
            (1.0, 2.0, 2.0),
            (1.5, 2.0, 3.0),
            (2.999, 2.0, 5.998),
            (3.0, 6.0, 6.0),
            (3.5, 6.0, 3.5),
            (4.0, 1.0, 1.0),
            (9.0, 1.0, 1.0),
        ] {
            assert_eq!(step.at(day(at)), held, "day {at}");
            assert!((linear.at(day(at)) - straight).abs() < 1e-9, "day {at}");
        }
    }

    #[test]
    fn money_is_worth_what_the_price_says() {
        let path = PricePath::constant(0.000_12).expect("a price");
        let gift = MicroBtt::from_btt(10.0);
        assert!((path.usd(day(7.0), gift) - 0.0012).abs() < 1e-15);
        assert_eq!(path.worth(day(7.0), 0.0012), gift);
        assert_eq!(path.worth(day(7.0), -1.0), MicroBtt::ZERO);
    }

    /// Days since 1 March of the year 0 (Gregorian).
    fn days_of(date: &str) -> u32 {
        let parts: Vec<u32> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let (year, month) =
            if parts[1] > 2 { (parts[0], parts[1] - 3) } else { (parts[0] - 1, parts[1] + 9) };
        let leaps = year / 4 - year / 100 + year / 400;
        365 * year + leaps + (153 * month + 2) / 5 + parts[2]
    }

    #[test]
    fn history_is_in_order_and_its_days_are_those_of_its_dates() {
        for known in HISTORY {
            let expected = days_of(known.date) - days_of("2019-01-28");
            assert_eq!(known.day, expected, "{}", known.date);
        }
        assert!(HISTORY.is_sorted_by(|a, b| a.day < b.day));
    }

    #[test]
    fn history_rises_75_fold_in_13_months() {
        let path = PricePath::historical(412, Between::Linear);
        let (trough, peak) = (path.at(SimTime::ZERO), path.at(day(798.0 - 412.0)));
        assert!((peak / trough - 75.4).abs() < 0.1, "{}", peak / trough);
        let sale = PricePath::historical(0, Between::Step);
        assert_eq!((sale.at(SimTime::ZERO), sale.at(day(411.0))), (0.000_12, 0.001_77));
        assert_eq!(sale.at(day(10_000.0)), 0.000_61);
    }

    /// 5 558 times faster, the 386 days from trough to peak take 100 minutes.
    #[test]
    fn a_compressed_replay_shows_at_any_time_what_the_table_shows_so_much_later() {
        let table = PricePath::historical(0, Between::Linear);
        for (from, faster) in [(412, 5_558), (0, 1), (120, 8_136), (2_346, 1_000_000)] {
            let path = PricePath::compressed(from, faster, Between::Linear);
            for s in (0..20_000_u32).step_by(7) {
                let later = SimTime::from_secs(f64::from(from) * 86_400.0)
                    + Span::from_secs(f64::from(s) * f64::from(faster));
                assert_eq!(path.at(SimTime::from_secs(f64::from(s))), table.at(later), "{s} s");
            }
        }
        let path = PricePath::compressed(412, 5_558, Between::Linear);
        let [trough, peak] =
            [0.0, 386.0 * 86_400.0 / 5_558.0].map(|s| path.at(SimTime::from_secs(s)));
        assert!((peak / trough - 75.4).abs() < 0.1, "{}", peak / trough);
        assert_eq!(path.at(SimTime::NEVER), 0.000_61, "no time is too late");
    }

    #[test]
    fn a_replay_that_is_not_faster_is_the_replay() {
        for day in [0, 120, 412, 2_346] {
            let path = PricePath::compressed(day, 1, Between::Linear);
            assert_eq!(path, PricePath::historical(day, Between::Linear));
        }
    }

    #[test]
    fn without_volatility_a_random_path_is_compound_interest() {
        let law = Geometric { start_usd: 2.0, drift_per_year: 0.5, volatility_per_year: 0.0 };
        let path = PricePath::geometric(law, &[1.0; 731]).expect("finite");
        assert_eq!(path.at(SimTime::ZERO), 2.0);
        assert_eq!(path.at(day(0.999)), 2.0, "a level lasts a day");
        let two_years = path.at(day(730.5)) / 2.0;
        assert!((two_years - libm::exp(0.5 * 730.0 / 365.25)).abs() < 1e-12);
        assert_eq!(path.at(day(731.0)), path.at(day(9_999.0)), "the last level stays");
    }

    #[test]
    fn a_random_path_follows_its_draws() {
        let law = Geometric { start_usd: 0.000_12, drift_per_year: 0.0, volatility_per_year: 1.5 };
        let normals = [1.0, -1.0, 0.0, 2.5];
        let path = PricePath::geometric(law, &normals).expect("finite");
        for (at, z) in (0..).zip(normals) {
            let ratio = path.at(day(f64::from(at + 1))) / path.at(day(f64::from(at)));
            let dt: f64 = 1.0 / 365.25;
            let expected = -1.5 * 1.5 / 2.0 * dt + 1.5 * dt.sqrt() * z;
            assert!((libm::log(ratio) - expected).abs() < 1e-12, "day {at}");
        }
    }

    #[test]
    fn a_random_path_has_the_mean_its_drift_says() {
        // 20 000 paths of ten days; the mean of exp(N(−s²/2, s²)) is 1, its deviation
        // √(exp(s²) − 1) = 0.25 for s = 1.5 √(10/365.25), and that of the mean of all 0.0018.
        // Tolerance: 4 of those; seed 7.
        let law = Geometric { start_usd: 1.0, drift_per_year: 0.0, volatility_per_year: 1.5 };
        let mut state = 7_u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64_of(state >> 11) / 9_007_199_254_740_992.0
        };
        let mut normal = || (0..12).map(|_| unit()).sum::<f64>() - 6.0;
        let ends = (0..20_000).map(|_| {
            let normals: Vec<f64> = (0..10).map(|_| normal()).collect();
            PricePath::geometric(law, &normals).expect("finite").at(day(10.0))
        });
        let mean = ends.sum::<f64>() / 20_000.0;
        assert!((mean - 1.0).abs() < 0.0072, "{mean}");
    }
}
