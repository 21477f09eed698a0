//! What must hold in every run, and two swarms that can be worked out by hand.
//!
//! Conservation and capacity, on swarms drawn at random with the whole world audited at each row
//! of the timeline. A star (nobody but the seed uploads): all finish together after N F/u. A chain
//! (each knows the next one only): peer k has P pieces after P + k − 1 piece times, as a piece is
//! passed on when it is whole (chains: Biersack, Rodriguez and Felber 2004).

use super::crowd::{
    PIECE_KIB, class, completions_s, content_kib, four_slots, greatest, kib, plan, s,
};
use super::finding::{Findings, Line};
use super::{Check, Ctx, run_lawfully};
use crate::observe::{Outcome, Unobserved};
use crate::policy::pick::PickOrder;
use crate::rng::{Purpose, stream};
use crate::scenario::presets;
use crate::swarm::plan::{
    Arrivals, Audit, ChokerSpec, DownloadDist, EndGame, Plan, Protocol, RateDist, Role, Slots, Stay,
};
use crate::units::{Bytes, SimTime, f64_of, f64_of_len};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[Check {
    name: "invariants",
    claim: "Bytes are conserved, no link carries more than it can, and cases worked out by hand \
            come out exactly.",
    source: "conservation; processor sharing; chains after Biersack, Rodriguez and Felber 2004",
    is_quick: true,
    run,
}];

/// Swarms drawn at random.
const N_DRAWN: u64 = 60;

/// A swarm in which everything is drawn.
pub(super) fn drawn(seed: u64) -> Plan {
    let mut luck = stream(seed, Purpose::Workload, 0);
    let mut rules = if luck.below(2) == 0 { presets::mainline() } else { presets::libtorrent() };
    let orders = [PickOrder::RarestFirst, PickOrder::Random, PickOrder::Sequential];
    rules.requests.order = orders[luck.below(3)];
    rules.latency = s(luck.uniform(0.0, 0.2));
    let rules = Arc::new(rules);
    let mut seeder = class(Role::Seeder, 1, luck.uniform(50.0, 500.0), &rules);
    seeder.super_seed = luck.below(4) == 0;
    let mut crowd = class(Role::Leecher, 0, 0.0, &rules);
    let count = 10 + crate::units::u32_of(luck.below(50));
    crowd.arrivals = Arrivals::AtOnce { count, at: SimTime::ZERO, spread: s(60.0) };
    crowd.upload = RateDist::LogNormal { median: 80.0, sigma: 1.0 };
    crowd.download = DownloadDist::TimesUpload(luck.uniform(1.0, 8.0));
    crowd.stay = [Stay::Leave, Stay::LingerExp(s(120.0)), Stay::Forever][luck.below(3)].clone();
    crowd.patience = (luck.below(3) == 0).then(|| s(600.0));
    let chokers = [
        ChokerSpec::TitForTat,
        ChokerSpec::EqualTurns,
        ChokerSpec::BitTyrant,
        ChokerSpec::PropShare,
        ChokerSpec::FairTorrent,
    ];
    crowd.choker = chokers[luck.below(5)].clone();
    let mut riders = class(Role::Leecher, crate::units::u32_of(luck.below(5)), 50.0, &rules);
    riders.choker = ChokerSpec::Never;
    let mut plan = plan(8 + luck.below(56) as u64, vec![seeder, crowd, riders]);
    // The last piece is short.
    plan.content = Bytes(plan.content.0 - 100_001);
    (plan.horizon, plan.audit) = (SimTime::from_secs(3_000.0), Audit::EverySample);
    plan
}

/// Whether nobody sent or received more than its link could carry while it was there, and every
/// finished leecher holds the content to the byte.
fn keeps_to_links(outcome: &Outcome) -> bool {
    outcome.peers.iter().all(|peer| {
        let present = peer.departed.unwrap_or(outcome.end).since(peer.arrival);
        let is_whole = peer.completed.is_none()
            || peer.is_origin
            || peer.useful == outcome.torrents[0].content;
        peer.uploaded <= peer.upload.bytes_in(present)
            && peer.downloaded <= peer.download.bytes_in(peer.leeching)
            && is_whole
    })
}

/// A client without habits, for cases worked out by hand.
fn plain() -> Protocol {
    let mut rules = four_slots();
    (rules.choking.random_phase, rules.choking.slots) = (false, Slots::All);
    let requests = &mut rules.requests;
    (requests.random_first, requests.order) = (0, PickOrder::Sequential);
    (requests.whole_piece, requests.seed_started_list) = (s(0.0), false);
    requests.end_game = EndGame::Off;
    rules
}

/// Greatest |T ÷ theory − 1| of a star of `n`.
fn star_error(n: u32) -> f64 {
    let rules = Arc::new(plain());
    let plan =
        plan(16, vec![class(Role::Seeder, 1, 100.0, &rules), class(Role::Leecher, n, 0.0, &rules)]);
    let outcome = run_lawfully(&plan, 1, &mut Unobserved);
    let theory = f64::from(n) * content_kib(&plan) / 100.0;
    let times = completions_s(&outcome);
    if times.len() == n as usize {
        greatest(times.iter().map(|time| (time / theory - 1.0).abs()))
    } else {
        f64::NAN
    }
}

/// Greatest |T ÷ theory − 1| of a chain of `n`: everybody has room for two, the seed for one.
fn chain_error(n: u64) -> f64 {
    let mut rules = plain();
    let overlay = &mut rules.overlay;
    (overlay.min_neighbours, overlay.max_neighbours, overlay.max_initiate) = (0, 2, 1);
    let mut end = rules.clone();
    end.overlay.max_neighbours = 1;
    let seeder = class(Role::Seeder, 1, 100.0, &Arc::new(end));
    let mut links = class(Role::Leecher, 0, 100.0, &Arc::new(rules));
    links.upload = RateDist::Fixed(kib(100.0));
    links.arrivals = Arrivals::At((1..=n).map(SimTime).collect());
    links.stay = Stay::Forever;
    let plan = plan(16, vec![seeder, links]);
    let outcome = run_lawfully(&plan, 1, &mut Unobserved);
    let step = f64_of(PIECE_KIB) / 100.0;
    let errors = completions_s(&outcome)
        .into_iter()
        .enumerate()
        .map(|(k, time)| (time / ((16.0 + f64_of_len(k)) * step) - 1.0).abs());
    greatest(errors)
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "60 swarms drawn at random (presets, piece orders, chokers, links, delays, stays, \
         patience, super-seeding, free riders), the whole world audited every 10 s. Star: 16 \
         pieces, a seed of 100 KiB/s, up to 64 leechers that upload nothing. Chain: 16 pieces, 8 \
         peers of 100 KiB/s. Relative error of the worst finisher; times are whole nanoseconds.",
    );
    let lawful = ctx
        .seeds(N_DRAWN, |seed| keeps_to_links(&run_lawfully(&drawn(seed), seed, &mut Unobserved)));
    let n_lawful = lawful.iter().filter(|is_lawful| **is_lawful).count();
    let what = "random swarms that conserve bytes and keep to their links";
    findings.add(Line::all(what, n_lawful, lawful.len()));
    let star = greatest(ctx.map(&[1, 4, 16, 64], |&n| star_error(n)));
    findings.add(Line::at_most("star: greatest |T ÷ (N F/u) − 1|", star, 1e-5));
    let chain = chain_error(8);
    findings.add(Line::at_most("chain: greatest |T ÷ ((P + k − 1) piece times) − 1|", chain, 1e-5));
    findings
}
