//! Plugs in a choker of one's own and compares it with tit-for-tat on the same random numbers.
//!
//! The idea to be tried: serve those who have least, so that nobody is left behind. What does it
//! cost the others, and what do free riders make of it?
//!
//! `cargo run --release --example own_choker`

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use swarmecon::experiment::stats::{self, Estimate};
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::policy::choke::{ChokeView, Choker, ChokerFactory, ChokerSpec, Decision, Served};
use swarmecon::rng::Stream;
use swarmecon::swarm::plan::Plan;
use swarmecon::{scenario, swarm};

/// Serves the neighbours with the fewest pieces. It keeps no memory.
struct LeastFirst;

impl Choker for LeastFirst {
    // A choker sees what a client could measure and decides; the engine carries it out.
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        let mut ranked: Vec<_> =
            view.candidates.iter().map(|c| (c.pieces, luck.bits(), c.slot)).collect();
        ranked.sort_unstable();
        let chosen = ranked.iter().take(view.slots);
        decision.served.extend(chosen.map(|(_, _, slot)| Served::regular(*slot)));
        // A slot that is left over goes to whoever becomes interested next.
        decision.open = view.slots;
    }
}

/// Makes one choker per peer, and gives the idea a name for the manifest.
struct LeastFirstFactory;

impl ChokerFactory for LeastFirstFactory {
    fn name(&self) -> String {
        "least-first".to_owned()
    }
    fn make(&self) -> Box<dyn Choker> {
        Box::new(LeastFirst)
    }
}

const SCENARIO: &str = "\
# Who gains if clients serve those who have least?
size_mib = 16
horizon_s = 7200
[classes.seed]
role = 'seeder'
count = 1
upload_kib_per_s = 400
[classes.contributor]
count = 40
upload_kib_per_s = 100
[classes.free_rider]
count = 10
upload_kib_per_s = 100
choker = 'never'
";

/// Mean download time of a class, by its name.
fn mean_s(plan: &Plan, outcome: &Outcome, class: &str) -> Option<f64> {
    let number = plan.classes.iter().position(|c| c.name == class)?;
    let members = outcome.peers.iter().filter(|peer| peer.class.index() == number);
    let times: Vec<f64> =
        members.filter_map(|peer| Some(peer.completed?.since(peer.arrival).as_secs())).collect();
    stats::mean(&times)
}

/// Both chokers over a few seeds, in words.
pub(crate) fn answer() -> Result<String, Box<dyn Error>> {
    let scenario = scenario::from_text(Path::new("least_first.toml"), SCENARIO, &[])?;
    let usual = &scenario.arms[0].plan;
    let mut own = usual.clone();
    for class in own.classes.iter_mut().filter(|class| class.name == "contributor") {
        class.choker = ChokerSpec::Custom(Arc::new(LeastFirstFactory));
    }

    let mut text = format!("{}\n", scenario.question);
    for class in ["contributor", "free_rider"] {
        let (mut before, mut differences) = (Vec::new(), Vec::new());
        for seed in 1..=5 {
            // The same seed gives every peer the same link, arrival and luck in both runs.
            let run = |plan: &Plan| mean_s(plan, &swarm::run(plan, seed, &mut Unobserved), class);
            if let (Some(with_usual), Some(with_own)) = (run(usual), run(&own)) {
                before.push(with_usual);
                differences.push(with_own - with_usual);
            }
        }
        let difference = Estimate::of(&differences);
        writeln!(
            text,
            "{class}: {:.0} s with tit-for-tat, {:+.0} ± {:.0} s with least-first",
            stats::mean(&before).unwrap_or_default(),
            difference.mean.unwrap_or_default(),
            difference.half_width.unwrap_or_default(),
        )?;
    }
    Ok(text)
}

#[expect(clippy::print_stdout, reason = "an example speaks")]
fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", answer()?);
    Ok(())
}
