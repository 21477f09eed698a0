//! Plans and measures that several checks share: the flash crowd of the literature.

use crate::experiment::measure;
use crate::experiment::stats;
use crate::observe::Outcome;
use crate::scenario::presets;
use crate::swarm::plan::economy::Trade;
use crate::swarm::plan::{
    Arrivals, Audit, ChokerSpec, ClassPlan, DownloadDist, Plan, Protocol, RateDist, Role, Slots,
    Stay,
};
use crate::units::{ByteRate, Bytes, SimTime, Span, f64_of};
use std::sync::Arc;

/// Size of a piece in KiB, as in the experiments that are reproduced.
pub(super) const PIECE_KIB: u64 = 256;
/// Upload of the leechers of the homogeneous crowd, KiB/s.
pub(super) const UPLOAD: f64 = 50.0;

/// Mainline with four slots, in which everybody knows everybody.
pub(super) fn four_slots() -> Protocol {
    let mut rules = presets::mainline();
    rules.choking.slots = Slots::Fixed(4);
    full_mesh(&mut rules);
    rules
}

/// Lets everybody know everybody.
pub(super) fn full_mesh(rules: &mut Protocol) {
    let overlay = &mut rules.overlay;
    (overlay.numwant, overlay.max_neighbours, overlay.max_initiate) = (2000, 2000, 2000);
}

/// So many KiB per second.
pub(super) fn kib(per_s: f64) -> ByteRate {
    ByteRate::from_kib_per_s(per_s)
}

/// So many seconds.
pub(super) fn s(seconds: f64) -> Span {
    Span::from_secs(seconds)
}

/// Peers that are all there at time 0, with unlimited downloads; leechers play tit-for-tat and
/// leave when they are done, seeders never leave.
pub(super) fn class(role: Role, count: u32, upload: f64, rules: &Arc<Protocol>) -> ClassPlan {
    ClassPlan {
        name: role.name().into(),
        role,
        arrivals: Arrivals::AtOnce { count, at: SimTime::ZERO, spread: Span::ZERO },
        upload: RateDist::Fixed(kib(upload)),
        download: DownloadDist::Rate(RateDist::Fixed(ByteRate::UNLIMITED)),
        upload_share: 1.0,
        stay: if role == Role::Seeder { Stay::Forever } else { Stay::Leave },
        demand: None,
        patience: None,
        choker: ChokerSpec::TitForTat,
        trade: Trade::default(),
        addresses: Vec::new(),
        super_seed: false,
        protocol: Arc::clone(rules),
    }
}

/// So many pieces of 256 KiB for these classes; ends after 10⁶ s at the latest.
pub(super) fn plan(pieces: u64, classes: Vec<ClassPlan>) -> Plan {
    Plan {
        content: Bytes::from_kib(pieces * PIECE_KIB),
        piece: Bytes::from_kib(PIECE_KIB),
        horizon: SimTime::from_secs(1e6),
        until_horizon: false,
        sample: s(10.0),
        classes,
        catalogue: None,
        economy: None,
        audit: Audit::End,
    }
}

/// A flash crowd: `n` leechers within 10 s that leave when done, and one seeder.
pub(super) fn flash_crowd(n: u32, pieces: u64, seed_upload: f64, rules: Protocol) -> Plan {
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, seed_upload, &rules);
    let mut leechers = class(Role::Leecher, n, UPLOAD, &rules);
    leechers.arrivals = Arrivals::AtOnce { count: n, at: SimTime::ZERO, spread: s(10.0) };
    plan(pieces, vec![seeder, leechers])
}

/// The crowd of the reference runs: 100 leechers of 50 KiB/s, 64 MiB in 256 pieces.
pub(super) fn reference(seed_upload: f64) -> Plan {
    flash_crowd(100, 256, seed_upload, four_slots())
}

/// The three classes of Legout et al. (SIGMETRICS 2007): 13 leechers of 200, 14 of 50 and 13 of 20
/// kB/s, 453 pieces of 256 kB. KiB for kB throughout: only ratios matter.
pub(super) fn three_classes(seed_upload: f64, rules: Protocol) -> Plan {
    let rules = Arc::new(rules);
    let mut classes = vec![class(Role::Seeder, 1, seed_upload, &rules)];
    for (name, n, upload) in [("fast", 13, 200.0), ("medium", 14, 50.0), ("slow", 13, 20.0)] {
        let mut peers = class(Role::Leecher, n, upload, &rules);
        peers.name = name.into();
        classes.push(peers);
    }
    plan(453, classes)
}

/// The same rules for everybody.
pub(super) fn with_rules(mut plan: Plan, edit: impl Fn(&mut Protocol)) -> Plan {
    for class in &mut plan.classes {
        edit(Arc::make_mut(&mut class.protocol));
    }
    plan
}

/// The same choker for all leechers that upload.
pub(super) fn with_choker(mut plan: Plan, choker: &ChokerSpec) -> Plan {
    for class in plan.classes.iter_mut().filter(|class| class.role == Role::Leecher) {
        if !matches!(class.choker, ChokerSpec::Never) {
            class.choker = choker.clone();
        }
    }
    plan
}

/// Arithmetic mean; NaN of nothing, which no line passes.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    stats::mean(&values).unwrap_or(f64::NAN)
}

/// Greatest value; −∞ of nothing, which no line passes.
pub(super) fn greatest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// Least value; +∞ of nothing, which no line passes.
pub(super) fn least(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// When leechers had the whole content, in order of time.
pub(super) fn completions_s(outcome: &Outcome) -> Vec<f64> {
    let done = outcome.peers.iter().filter(|p| !p.is_origin).filter_map(|p| p.completed);
    stats::sorted(done.map(SimTime::as_secs).collect())
}

/// Download times of a class in seconds.
pub(super) fn times_s(outcome: &Outcome, class: usize) -> Vec<f64> {
    let of_class = outcome.peers.iter().filter(|p| p.class.index() == class);
    of_class.filter_map(measure::download_time_s).collect()
}

/// Mean over runs of the mean download time of a class; all must have finished.
pub(super) fn mean_time_s(outcomes: &[Outcome], class: usize) -> f64 {
    mean(outcomes.iter().map(|outcome| {
        let times = times_s(outcome, class);
        let n = outcome.peers.iter().filter(|p| p.class.index() == class).count();
        if times.len() == n { mean(times) } else { f64::NAN }
    }))
}

/// Payload sent by leechers and seeders ÷ what their links could have carried, until four fifths
/// of the leechers are done.
pub(super) fn utilisation(outcome: &Outcome) -> f64 {
    let done = completions_s(outcome);
    let until = done.get(done.len() * 4 / 5).copied().unwrap_or(f64::NAN);
    let rows = outcome.samples.iter().filter(|row| row.at.as_secs() <= until);
    let (sent, offered) =
        rows.fold((0, 0), |(a, b), row| (a + row.uploaded.0, b + row.upload_offered.0));
    f64_of(sent) / f64_of(offered)
}

/// When the seed had sent every piece once.
pub(super) fn copy1_s(outcome: &Outcome) -> f64 {
    outcome.torrents[0].first_copy.map_or(f64::NAN, SimTime::as_secs)
}

/// Content in KiB.
pub(super) fn content_kib(plan: &Plan) -> f64 {
    plan.content.as_f64() / 1024.0
}

/// Pieces of the content.
pub(super) fn n_pieces(plan: &Plan) -> usize {
    usize::try_from(plan.content.0 / plan.piece.0).expect("there are at most 65 534 pieces")
}
