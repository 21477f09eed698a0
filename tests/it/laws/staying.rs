//! How long seeders stay, and what they offer meanwhile, whenever a run ends.

use super::money::{crowd, stayers, token};
use std::sync::Arc;
use swarmecon::ledger::PricePath;
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::policy::stay::{Elastic, StayerSpec};
use swarmecon::swarm::plan::Stay;
use swarmecon::swarm::plan::economy::{Economy, Token, Trade, Usd};
use swarmecon::swarm::run;
use swarmecon::units::{NanoUsd, SimTime, Span};

/// What is said of those that still seed when the last download is done is what they do if the run
/// goes on to its horizon.
#[test]
fn seeders_are_counted_to_the_horizon_whenever_the_run_ends() {
    let still = Elastic {
        elasticity_percent: 0,
        reference_per_hour: NanoUsd(1),
        most: Span::from_secs(600.0),
        crowding_percent: 100,
    };
    let still = Trade { stayer: StayerSpec::Elastic(still), ..stayers(NanoUsd(1)) };
    let economy = || Some(Economy::Token(Box::new(token())));
    let arms = [
        crowd(None, still.clone()),
        crowd(economy(), still),
        crowd(economy(), stayers(NanoUsd(200_000))),
    ];
    for mut plan in arms {
        // Ten never leave.
        plan.classes[2].stay = Stay::Forever;
        plan.horizon = SimTime::from_secs(4000.0);
        let short = run(&plan, 3, &mut Unobserved);
        plan.until_horizon = true;
        let long = run(&plan, 3, &mut Unobserved);
        assert!(short.end < long.end && long.end == plan.horizon);
        let seeds = |outcome: &Outcome| -> Vec<Span> {
            outcome.peers.iter().map(|peer| peer.seeding + peer.seeds_on).collect()
        };
        assert_eq!(seeds(&short), seeds(&long));
        let goes_on = |outcome: &Outcome| {
            outcome.peers.iter().filter(|peer| peer.seeds_on > Span::ZERO).count()
        };
        // The origin, the ten that never leave, and some who linger.
        assert!(goes_on(&short) > 11, "{}", goes_on(&short));
        assert_eq!(goes_on(&long), 0);
    }
}

/// Seeding costs dollars and earns tokens. Whoever earns less than it costs leaves as if nobody
/// stayed for money; at 75 times the price, as from 2020 to 2021, the same people stay.
#[test]
fn who_earns_less_than_seeding_costs_leaves() {
    let costs = |hour: f64, gib: f64| (NanoUsd::from_usd(hour), NanoUsd::from_usd(gib));
    let seeding = |usd: f64, (hour_cost, gib_cost): (NanoUsd, NanoUsd), elasticity_percent: u64| {
        let usd = Usd::Path(Arc::new(PricePath::constant(usd).expect("a price")));
        let token = Token { usd, ..token() };
        let elastic = Elastic {
            elasticity_percent,
            reference_per_hour: NanoUsd(200_000),
            most: Span::from_secs(600.0),
            crowding_percent: 100,
        };
        let stayer = StayerSpec::Elastic(elastic);
        let trade = Trade { stayer, hour_cost, gib_cost, ..stayers(NanoUsd(1)) };
        let mut plan = crowd(Some(Economy::Token(Box::new(token))), trade);
        (plan.horizon, plan.until_horizon) = (SimTime::from_secs(4000.0), true);
        let outcome = run(&plan, 5, &mut Unobserved);
        outcome.peers.iter().map(|peer| peer.seeding).collect::<Vec<Span>>()
    };
    let sum = |spans: &[Span]| spans.iter().map(|span| span.0).sum::<u64>();
    let (low, free) = (0.000_12, costs(0.0, 0.0));
    let nobody_stays = seeding(low, free, 0);
    assert!(sum(&seeding(low, free, 100)) > sum(&nobody_stays), "it costs nothing");
    for cost in [costs(0.05, 0.0), costs(0.0, 0.5)] {
        assert_eq!(seeding(low, cost, 0), nobody_stays, "costs alone move nobody");
        assert_eq!(seeding(low, cost, 100), nobody_stays, "{cost:?}: more than it earns");
        assert!(sum(&seeding(75.0 * low, cost, 100)) > sum(&nobody_stays), "{cost:?}: worth it");
    }
}
