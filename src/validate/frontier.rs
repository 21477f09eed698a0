//! Fairness against efficiency (Fan, Chiu and Lui, ICNP 2006; Sherman, Nieh and Stein, `CoNEXT`
//! 2009).
//!
//! Serving whoever waits longest is fastest for all together and takes from the fast; paying back
//! what one got is fair and slower on average. No rule gets both. The same swarm under each choker
//! gives the frontier, and the token of 2019 has its places on the same plot.

use super::crowd::{
    content_kib, four_slots, mean, mean_time_s, three_classes, with_choker, with_rules,
};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::ids::PeerId;
use crate::observe::{Observer, Outcome};
use crate::scenario;
use crate::swarm::plan::{ChokerSpec, Plan};
use crate::units::{Bytes, SimTime, f64_of, f64_of_len};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "fairness-frontier",
    claim: "What makes a swarm fair makes it slower on average: each choker has its place on one \
            frontier.",
    source: "Fan, Chiu and Lui, ICNP 2006 (inequality); Sherman, Nieh and Stein, CoNEXT 2009 \
             (deficits); sizes from an independent piece-level simulation",
    is_quick: true,
    run,
}];

/// Leechers of the three-class swarm.
const N: usize = 40;
/// Upload of the seed, KiB/s.
const SEED: f64 = 200.0;

/// What leechers sent each other, by ordered pair of peers, as long as both are leechers.
struct Deficits {
    sent: Vec<i64>,
    done: Vec<bool>,
    /// Greatest |sent − received| of a peer over all its partners, as it was at any time.
    greatest: i64,
    of_peer: Vec<i64>,
}

impl Deficits {
    fn new() -> Self {
        Self {
            sent: vec![0; (N + 1) * (N + 1)],
            done: vec![false; N + 1],
            greatest: 0,
            of_peer: vec![0; N + 1],
        }
    }
}

impl Observer for Deficits {
    fn transferred(&mut self, _: SimTime, from: PeerId, to: PeerId, payload: Bytes) {
        let (p, q) = (from.index(), to.index());
        if p == 0 || self.done[p] || self.done[q] {
            return;
        }
        let amount = i64::try_from(payload.0).expect("nobody moves 8 EiB");
        self.sent[p * (N + 1) + q] += amount;
        self.of_peer[p] += amount;
        self.of_peer[q] -= amount;
        let balance = self.sent[p * (N + 1) + q] - self.sent[q * (N + 1) + p];
        self.greatest = self.greatest.max(balance.abs());
    }
    fn completed(&mut self, _: SimTime, peer: PeerId) {
        self.done[peer.index()] = true;
    }
}

/// One choker in the three-class swarm.
struct Place {
    name: &'static str,
    /// Mean download time ÷ the least time in which all can be done.
    slowness: f64,
    /// Volume up ÷ down of the fast class, up to completion.
    up_down: f64,
    /// Greatest balance between two leechers, in MiB.
    deficit: f64,
}

fn up_down(outcome: &Outcome, class: usize) -> f64 {
    let peers = || outcome.peers.iter().filter(|p| p.class.index() == class);
    let sent: u64 = peers().map(|p| p.uploaded_at_completion.0).sum();
    f64_of(sent) / (f64_of_len(peers().count()) * outcome.torrents[0].content.as_f64())
}

fn place(ctx: &Ctx<'_>, name: &'static str, plan: &Plan) -> Place {
    let runs = ctx.seeds(5, |seed| {
        let mut deficits = Deficits::new();
        let outcome = run_lawfully(plan, seed, &mut deficits);
        (outcome, f64_of(deficits.greatest.unsigned_abs()) / 1_048_576.0)
    });
    let deficit = mean(runs.iter().map(|run| run.1));
    let outcomes: Vec<Outcome> = runs.into_iter().map(|run| run.0).collect();
    let of_all = (13.0 * (mean_time_s(&outcomes, 1) + mean_time_s(&outcomes, 3))
        + 14.0 * mean_time_s(&outcomes, 2))
        / f64_of_len(N);
    let best =
        f64_of_len(N) * content_kib(plan) / (SEED + 13.0 * 200.0 + 14.0 * 50.0 + 13.0 * 20.0);
    let up_down = mean(outcomes.iter().map(|outcome| up_down(outcome, 1)));
    Place { name, slowness: of_all / best, up_down, deficit }
}

/// What a tax does in the fluid limit (Fan, Chiu and Lui): a share of each upload is divided among
/// all, the rest comes back to its giver; everybody has its part of the seed. Up ÷ down of the
/// fast, and mean time ÷ that of equal sharing.
fn taxed() -> Vec<(f64, f64)> {
    let classes = [(13.0, 200.0), (14.0, 50.0), (13.0, 20.0)];
    let n = f64_of_len(N);
    let of_all = SEED / n + classes.map(|(n, upload)| n * upload).iter().sum::<f64>() / n;
    let at = |tax: f64| {
        let rate = |upload: f64| tax * of_all + (1.0 - tax) * (upload + SEED / n);
        let slowness = classes.map(|(n, upload)| n * of_all / rate(upload)).iter().sum::<f64>() / n;
        (200.0 / rate(200.0), slowness)
    };
    (0..=50).map(|i| at(f64_of(i) / 50.0)).collect()
}

/// Slots by a score in which bids and gifts weigh the same.
const HALF: &str = "combine = { weighted_percent = 50 }";

/// The swarm with a token: everybody has its client, its gift and its bidder, by the defaults of
/// scenario files.
pub(super) fn with_token(base: &Plan, rules: &str) -> Plan {
    let text = format!(
        "size_mib = 1\nhorizon_s = 1\n[economy]\nbundle = \"btt\"\n{rules}\n\
         [trade]\nadoption = 1.0\n[classes.user]\ncount = 2\nupload_kib_per_s = 1\n"
    );
    let scenario = scenario::from_texts("token.toml", &text, &[]).expect("a good scenario");
    let token = &scenario.arms[0].plan;
    let mut plan = Plan { economy: token.economy.clone(), ..base.clone() };
    for class in &mut plan.classes[1..] {
        class.trade = token.classes[0].trade.clone();
    }
    plan
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "The three classes of Legout et al. with a seed of 200 KiB/s, 5 runs per choker; \
         FairTorrent decides every second. T_min = N F ÷ all upload. A balance is what one \
         leecher sent another minus what it got back, the greatest of a run. The line keeps all \
         rates constant, as if the fast went on giving when they are done; in the swarm they \
         leave, so points lie above it. With a token every leecher has the client, a gift of 10 \
         BTT and its bidder; what the fast give beyond what they take they are paid for.",
    );
    let base = three_classes(SEED, four_slots());
    let mut fair = with_choker(base.clone(), &ChokerSpec::FairTorrent);
    let mut short = (*fair.classes[1].protocol).clone();
    short.choking.rechoke = super::crowd::s(1.0);
    let short = Arc::new(short);
    fair.classes[1..].iter_mut().for_each(|class| class.protocol = Arc::clone(&short));
    let random = with_rules(base.clone(), |rules| {
        rules.requests.order = crate::policy::pick::PickOrder::Random;
    });
    let arms = [
        ("equal turns (no tit-for-tat)", with_choker(base.clone(), &ChokerSpec::EqualTurns)),
        ("tit-for-tat", base.clone()),
        ("tit-for-tat, random pieces", random),
        ("PropShare", with_choker(base.clone(), &ChokerSpec::PropShare)),
        ("BitTyrant", with_choker(base.clone(), &ChokerSpec::BitTyrant)),
        ("FairTorrent", fair),
        ("token: highest bids first", with_token(&base, "")),
        ("token: bids and gifts, half and half", with_token(&base, HALF)),
        ("token: no pay, no slot", with_token(&base, "combine = \"pay-only\"")),
    ];
    let places = ctx.map(&arms, |(name, plan)| place(ctx, name, plan));
    let [turns, barter, _, _, _, fair, token, ..] = &places[..] else {
        unreachable!("there are nine")
    };
    findings.add(Line::at_most("mean T ÷ T_min, no tit-for-tat", turns.slowness, 1.1));
    findings.add(Line::at_least("mean T ÷ T_min, tit-for-tat", barter.slowness, 1.0));
    let ratio = barter.slowness / turns.slowness;
    findings.add(Line::at_least("mean T, tit-for-tat ÷ no tit-for-tat", ratio, 1.0));
    findings.add(Line::at_least("up/down of the fast, no tit-for-tat", turns.up_down, 1.9));
    findings.add(Line::at_most("up/down of the fast, tit-for-tat", barter.up_down, 1.6));
    let what = "up/down of the fast, FairTorrent (a guess, not published)";
    findings.add(Line::at_most(what, fair.up_down, 1.15).direction());
    let ratio = fair.deficit / barter.deficit;
    findings.add(Line::at_most("greatest balance, FairTorrent ÷ tit-for-tat", ratio, 0.2));
    // The paper promises payment for upload, no size.
    let what = "up/down of the fast, token ÷ tit-for-tat (no published size)";
    findings.add(Line::at_most(what, token.up_down / barter.up_down, 1.0).direction());
    let mut curves = vec![Curve::theory("a tax on upload, from none to all of it", taxed())];
    for place in &places {
        curves.push(Curve::simulation(place.name, vec![(place.up_down, place.slowness)]));
    }
    findings.panels.push(Panel {
        title: "Fair is to the left, fast is below".into(),
        x: Axis::linear("upload ÷ download of the fast class (1: fair)"),
        y: Axis::linear("mean T ÷ T_min"),
        curves,
    });
    findings
}
