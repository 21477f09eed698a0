//! Barter, auctions and credit: who can trade, what slots bring, what a squeeze does.

use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::experiment::inequality::top_share;
use crate::market::auctions;
use crate::market::coincidence::{Wants, coincidence};
use crate::market::squeeze::{self, SqueezeOutcome, SqueezePlan};
use crate::policy::auction::Format;
use crate::rng::{Purpose, stream};
use crate::units::{f64_of, f64_of_len};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "double-coincidence",
        claim: "Barter needs about K² users for K files, money about K.",
        source: "Aperjis, Freedman and Johari, CoNEXT 2008 (direction); the law of uniform wants \
                 is derived",
        is_quick: true,
        run: double_coincidence,
    },
    Check {
        name: "slot-auctions",
        claim: "Uniform-price and pay-as-bid auctions bring the same; the first rewards truth.",
        source: "Vickrey, Journal of Finance 1961; Myerson, Mathematics of Operations Research \
                 1981",
        is_quick: true,
        run: slot_auctions,
    },
    Check {
        name: "proportional-share",
        claim: "Anticipated prices cost proportional share at most a quarter of the surplus.",
        source: "Johari and Tsitsiklis, Mathematics of Operations Research 2004",
        is_quick: true,
        run: proportional_share,
    },
    Check {
        name: "double-auction",
        claim: "Buyers and sellers without wits find most of the gains from trade.",
        source: "Gode and Sunder, Journal of Political Economy 1993",
        is_quick: true,
        run: double_auction,
    },
    Check {
        name: "credit-squeeze",
        claim: "Credit slows trade the less there is, and capacity in few hands can slow it more.",
        source: "after Vinkó et al., WETICE 2009; own set-up, so directions",
        is_quick: false,
        run: credit_squeeze,
    },
];

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / f64_of_len(values.len())
}

const CROWDS: [(u64, Option<[f64; 2]>, [f64; 2]); 3] = [
    (100, Some([0.0, 0.07]), [0.33, 1.0]),
    (500, Some([0.15, 0.20]), [0.75, 1.0]),
    (2500, None, [0.898, 0.938]),
];

fn double_coincidence(ctx: &Ctx<'_>) -> Findings {
    let mut findings =
        Findings::new("50 files, uniform wants, 10 draws; Zipf: 100 files, 1 000 users.");
    let ring = Wants::of(3, &[(0, 1), (1, 2), (2, 0)]);
    findings.add(Line::near(
        "ring of three: share that can swap",
        ring.bilateral_share(),
        0.0,
        0.0,
    ));
    let all = ring.multilateral_share();
    findings.add(Line::near("ring of three: share that can trade for money", all, 1.0, 0.0));
    let mut points = (Vec::new(), Vec::new());
    for (users, two_ends, all_ends) in CROWDS {
        let draws = ctx.seeds(10, |seed| Wants::draw(50, users, 0.0, seed));
        let two = mean(draws.iter().map(Wants::bilateral_share));
        let all = mean(draws.iter().map(Wants::multilateral_share));
        let name = format!("N = {users}: share that can swap");
        findings.add(match two_ends {
            Some(ends) => Line::within(&name, two, ends),
            None => Line::near(&name, two, coincidence(f64_of(users) / 2450.0), 0.02),
        });
        findings.add(Line::within(&format!("N = {users}: share with money"), all, all_ends));
        points.0.push((f64_of(users), two));
        points.1.push((f64_of(users), all));
    }
    let zipf = [0.0, 0.5, 0.8, 1.0, 1.2].map(|s| {
        mean(ctx.seeds(10, |seed| Wants::draw(100, 1000, s, seed).bilateral_share()).into_iter())
    });
    let rises = zipf.windows(2).filter(|pair| pair[0] < pair[1]).count();
    findings.add(Line::all("steps of Zipf exponents that help barter", rises, 4));
    let grid: Vec<f64> = (0..40).map(|i| 50.0 * libm::pow(1.122, f64::from(i))).collect();
    let law = |per: f64| grid.iter().map(|n| (*n, coincidence(n / per))).collect::<Vec<_>>();
    findings.panels.push(Panel {
        title: "Who can trade: 50 files, each user holds one and wants one".into(),
        x: Axis::log("Users"),
        y: Axis::linear("Share that can trade"),
        curves: vec![
            Curve::theory("swaps", law(2450.0)),
            Curve::simulation("swaps", points.0),
            Curve::theory("money, upper bound", law(50.0)),
            Curve::simulation("money, upper bound", points.1),
        ],
    });
    findings
}

fn slot_auctions(ctx: &Ctx<'_>) -> Findings {
    let mut findings =
        Findings::new("4 slots, 10 bidders with values uniform in [0, 1), 2·10⁵ auctions.");
    let formats = [Format::Uniform, Format::FirstPrice];
    let takings = ctx.map(&formats, |format| {
        // The equilibrium bid as a table: it is an integral.
        let table: Vec<f64> =
            (0..=1000).map(|i| auctions::own_price_bid(f64::from(i) / 1000.0, 4, 10)).collect();
        auctions::sell_often(
            *format,
            (4, 10),
            200_000,
            |value| match format {
                Format::Uniform => value,
                _ => between(&table, value),
            },
            1,
        )
    });
    let [truth, own] = [takings[0], takings[1]];
    let (revenue, surplus) = (24.0 / 11.0, 34.0 / 11.0);
    findings.add(Line::near_share("uniform price: revenue", truth.revenue, revenue, 0.01));
    findings.add(Line::near_share("pay as bid: revenue", own.revenue, revenue, 0.01));
    findings.add(Line::near_share("uniform price: surplus", truth.surplus, surplus, 0.005));
    let apart = (own.surplus - truth.surplus).abs();
    findings.add(Line::near("surplus of one less that of the other", apart, 0.0, 1e-6));
    let others = [[0.9, 0.7, 0.5, 0.3], [0.5, 0.5, 0.5, 0.5], [0.8, 0.2, 0.1, 0.0]];
    let cases: Vec<([f64; 4], usize)> =
        others.iter().flat_map(|o| (1..=4).map(|slots| (*o, slots))).collect();
    let gains = ctx.map(&cases, |(others, slots)| auctions::best_misreport(others, *slots, 40));
    let most = gains.into_iter().fold(f64::NEG_INFINITY, f64::max);
    findings.add(Line::at_most("most gained by misreporting, uniform price", most, 1e-9));
    findings
}

/// A value from a table of 1 001 over [0, 1].
fn between(table: &[f64], at: f64) -> f64 {
    let i = crate::units::floor_usize(at * 1000.0).min(999);
    let rest = at * 1000.0 - f64_of_len(i);
    table[i] + (table[i + 1] - table[i]) * rest
}

fn proportional_share(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Ten bidders, one with slope 1 and nine with 1/2, and 1 000 draws of ten slopes: shares \
         after best replies.",
    );
    let efficiency = |slopes: &[f64]| {
        let shares = auctions::proportional_shares(slopes);
        let got: f64 = shares.iter().zip(slopes).map(|(x, a)| x * a).sum();
        got / slopes.iter().copied().fold(0.0, f64::max)
    };
    let mut slopes = vec![0.5; 10];
    slopes[0] = 1.0;
    let first = auctions::proportional_shares(&slopes)[0];
    findings.add(Line::near("share of the first", first, 0.5263, 0.001));
    findings.add(Line::near("efficiency", efficiency(&slopes), 0.7632, 0.001));
    let draws = ctx.seeds(1000, |seed| {
        let mut luck = stream(seed, Purpose::Market, 4);
        let slopes: Vec<f64> = (0..10).map(|_| 1.0 - luck.unit()).collect();
        efficiency(&slopes)
    });
    let least = draws.into_iter().fold(f64::INFINITY, f64::min);
    findings.add(Line::at_least("least efficiency of 1 000 draws", least, 0.75));
    findings
}

fn double_auction(ctx: &Ctx<'_>) -> Findings {
    let mut findings =
        Findings::new("50 buyers and 50 sellers, values and costs uniform, 2 000 meetings.");
    let calls =
        ctx.seeds(2000, |seed| auctions::call_auction(50, &mut stream(seed, Purpose::Market, 5)));
    let price = mean(calls.iter().map(|trade| trade.price));
    findings.add(Line::near("price of a call auction", price, 0.5, 0.01));
    let surplus = mean(calls.iter().map(|trade| trade.surplus));
    findings.add(Line::near("gains from trade per buyer", surplus, 0.2482, 0.002));
    let zero = ctx
        .seeds(2000, |seed| auctions::zero_intelligence(50, &mut stream(seed, Purpose::Market, 6)));
    let efficiency = mean(zero.iter().map(|trade| trade.surplus / trade.possible));
    findings.add(Line::at_least("share of the gains found without wits", efficiency, 0.93));
    findings
}

fn credit_squeeze(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "500 members, 100 swarms, 10 000 steps of which half count, 10 runs; fast: a tenth with \
         ten times the upload. The set-up is our own, so only the order of things is checked.",
    );
    let plan = SqueezePlan {
        peers: 500,
        swarms: 100,
        fast: 0,
        grant_centi: 2000,
        free_leech: false,
        steps: 10_000,
    };
    let of = |plan: SqueezePlan| ctx.seeds(10, |seed| squeeze::run(&plan, seed));
    let rate = |runs: &[SqueezeOutcome]| mean(runs.iter().map(|run| run.throughput));
    let grants = [100, 500, 2000, 10_000];
    let mut rates: Vec<f64> =
        grants.iter().map(|grant| rate(&of(SqueezePlan { grant_centi: *grant, ..plan }))).collect();
    let free = rate(&of(SqueezePlan { free_leech: true, ..plan }));
    rates.push(free);
    let rises = rates.windows(2).filter(|pair| pair[0] < pair[1]).count();
    findings.add(Line::all("steps of credit that raise throughput", rises, 4));
    let fast = of(SqueezePlan { fast: 50, ..plan });
    let fast_rate = rate(&fast);
    let lost = 1.0 - rates[0] / free;
    findings.add(Line::within("throughput lost with a grant of 1", lost, [0.3, 0.5]).direction());
    let change = fast_rate - rates[2];
    findings.add(Line::at_most("change by fast members, with credit", change, 0.0).direction());
    let fast_free = rate(&of(SqueezePlan { fast: 50, free_leech: true, ..plan }));
    let change = fast_free - free;
    findings.add(Line::at_least("change by fast members, free-leech", change, 0.0));
    let top = mean(fast.iter().map(|run| top_share(&run.balances, 0.1).unwrap_or(f64::NAN)));
    findings.add(Line::at_least("money held by the richest tenth, fast", top, 0.9).direction());
    findings
}
