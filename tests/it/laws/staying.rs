//! How long seeders stay, and what they offer meanwhile, whenever a run ends.

use super::money::{crowd, stayers, token};
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::policy::stay::{Elastic, StayerSpec};
use swarmecon::swarm::plan::Stay;
use swarmecon::swarm::plan::economy::{Economy, Trade};
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
