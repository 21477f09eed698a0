//! Rarest first, and what a seed must give (Legout, Urvoy-Keller and Michiardi, IMC 2006;
//! Bharambe et al., INFOCOM 2006; BEP 16).
//!
//! Interest is measured as Legout et al. do: for each pair of leechers, the time one is interested
//! in the other ÷ the time both are there; after the first copy has left the seed it should be
//! nearly all of it. Pairs of the whole swarm, as everybody knows everybody here.

use super::crowd::{
    content_kib, copy1_s, flash_crowd, four_slots, mean, n_pieces, reference, with_rules,
};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::experiment::stats::{quantile, sorted};
use crate::ids::{PeerId, PieceId};
use crate::observe::{Observer, Unobserved};
use crate::policy::pick::PickOrder;
use crate::swarm::plan::Plan;
use crate::torrent::bitfield;
use crate::units::{Bytes, SimTime, Span, f64_of};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "rarest-first",
        claim: "Rarest first gets the first copy out as fast as the seed sends it, and after that \
                leechers are nearly always interested in each other.",
        source: "Legout, Urvoy-Keller and Michiardi, IMC 2006; Bharambe, Herley and Padmanabhan, \
                 INFOCOM 2006",
        is_quick: false,
        run: against_random,
    },
    Check {
        name: "super-seeding",
        claim: "A super-seeder sends little more than one copy before another seeder appears.",
        source: "BEP 16: about 105 % of the content, against 150 to 200 % of a standard seed",
        is_quick: true,
        run: super_seeding,
    },
];

/// Who was interested in whom, and for how long, since the first copy was out.
struct Interest {
    from: SimTime,
    n_words: usize,
    /// By peer: when it came, when it left or had everything, and what it holds.
    here: Vec<Option<SimTime>>,
    held: Vec<Vec<u64>>,
    /// By ordered pair: since when it is interested, and for how long it was before.
    since: Vec<Option<SimTime>>,
    sum: Vec<Span>,
    /// Shares of pairs that are over.
    shares: Vec<f64>,
}

impl Interest {
    fn new(n_peers: usize, n_pieces: usize, from: SimTime) -> Self {
        let n_words = n_pieces.div_ceil(64);
        Self {
            from,
            n_words,
            here: vec![None; n_peers],
            held: vec![vec![0; n_words]; n_peers],
            since: vec![None; n_peers * n_peers],
            sum: vec![Span::ZERO; n_peers * n_peers],
            shares: Vec::new(),
        }
    }

    fn wants(&self, p: usize, q: usize) -> bool {
        (0..self.n_words).any(|word| self.held[q][word] & !self.held[p][word] != 0)
    }

    /// Looks again at whether `p` is interested in `q`.
    fn look(&mut self, at: SimTime, p: usize, q: usize) {
        let pair = p * self.here.len() + q;
        let wants = self.here[p].is_some() && self.here[q].is_some() && self.wants(p, q);
        match (wants, self.since[pair]) {
            (true, None) => self.since[pair] = Some(at),
            (false, Some(since)) => {
                self.sum[pair] += at.max(self.from).since(since.max(self.from));
                self.since[pair] = None;
            }
            _ => {}
        }
    }

    /// `p` is a leecher no longer: its pairs are over.
    fn close(&mut self, at: SimTime, p: usize) {
        let Some(came) = self.here[p] else { return };
        for q in 0..self.here.len() {
            let Some(other_came) = self.here[q].filter(|_| q != p) else { continue };
            let together = at.since(came.max(other_came).max(self.from));
            for (a, b) in [(p, q), (q, p)] {
                let pair = a * self.here.len() + b;
                if let Some(since) = self.since[pair].take() {
                    self.sum[pair] += at.max(self.from).since(since.max(self.from));
                }
                // Pairs that met for less than ten seconds are left out, as in the paper.
                if together > Span::from_secs(10.0) {
                    self.shares.push(f64_of(self.sum[pair].0) / f64_of(together.0));
                }
            }
        }
        self.here[p] = None;
    }
}

impl Observer for Interest {
    fn joined(&mut self, at: SimTime, peer: PeerId) {
        // Peer 0 is the seed.
        if peer != PeerId(0) {
            self.here[peer.index()] = Some(at);
            (1..self.here.len()).for_each(|q| self.look(at, peer.index(), q));
        }
    }
    fn piece_done(&mut self, at: SimTime, peer: PeerId, piece: PieceId) {
        let p = peer.index();
        bitfield::set(&mut self.held[p], piece.index());
        for q in (0..self.here.len()).filter(|&q| q != p) {
            self.look(at, p, q);
            self.look(at, q, p);
        }
    }
    fn completed(&mut self, at: SimTime, peer: PeerId) {
        self.close(at, peer.index());
    }
}

fn with_order(plan: Plan, order: PickOrder) -> Plan {
    with_rules(plan, |rules| rules.requests.order = order)
}

/// Median share of time a leecher is interested in another, after the first copy is out.
fn median_interest(plan: &Plan, seed: u64) -> f64 {
    let first = run_lawfully(plan, seed, &mut Unobserved);
    let from = first.torrents[0].first_copy.unwrap_or(SimTime::NEVER);
    let mut interest = Interest::new(first.peers.len(), n_pieces(plan), from);
    run_lawfully(plan, seed, &mut interest);
    quantile(&sorted(interest.shares), 0.5).unwrap_or(f64::NAN)
}

fn against_random(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "100 leechers of 50 KiB/s, 256 pieces, everybody knows everybody, 5 runs per point; \
         copy1 is when the seed has sent every piece once. Interest a/b: the time one leecher is \
         interested in another ÷ the time both are there, after copy1, median over pairs, 3 runs.",
    );
    let seeds = [25.0, 50.0, 100.0, 200.0, 400.0, 800.0];
    let orders = [PickOrder::RarestFirst, PickOrder::Random];
    let copy1 = ctx.map(&seeds, |&seed_upload| {
        orders.map(|order| {
            let plan = with_order(reference(seed_upload), order);
            let ideal = content_kib(&plan) / seed_upload;
            mean(ctx.runs(&plan, 5).iter().map(copy1_s)) / ideal
        })
    });
    let [rarest, random] = copy1[3];
    findings.add(Line::at_most("copy1 ÷ (F/u_S), rarest first, u_S = 4 u", rarest, 1.35));
    findings.add(Line::at_least(
        "copy1 of random ÷ of rarest first, u_S = 4 u",
        random / rarest,
        2.0,
    ));
    let interest = mean(ctx.seeds(3, |seed| median_interest(&reference(200.0), seed)));
    findings.add(Line::at_least("median interest a/b after copy1, u_S = 4 u", interest, 0.9));
    let curve = |which: usize, name| {
        let points = seeds.iter().zip(&copy1).map(|(&seed, ratios)| (seed, ratios[which]));
        Curve::simulation(name, points.collect())
    };
    findings.panels.push(Panel {
        title: "Time until every piece has left the seed".into(),
        x: Axis::log("upload of the seed (KiB/s)"),
        y: Axis::log("copy1 ÷ (F/u_S)"),
        curves: vec![
            Curve::theory("the seed sends nothing twice", vec![(25.0, 1.0), (800.0, 1.0)]),
            curve(0, "rarest first"),
            curve(1, "random"),
        ],
    });
    findings
}

/// What the seed sent before another peer had everything.
#[derive(Default)]
struct BeforeSecond {
    sent: u64,
    is_over: bool,
}

impl Observer for BeforeSecond {
    fn transferred(&mut self, _: SimTime, from: PeerId, _: PeerId, payload: Bytes) {
        if from == PeerId(0) && !self.is_over {
            self.sent += payload.0;
        }
    }
    fn completed(&mut self, _: SimTime, _: PeerId) {
        self.is_over = true;
    }
}

fn super_seeding(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "A seed of 50 KiB/s (the upload of a leecher, as super-seeding is for slow seeds), 50 \
         leechers, 256 pieces, 5 runs. A standard seed here has mainline's list of pieces begun \
         at seeds, which makes it more thrifty than BEP 16 found seeds to be.",
    );
    let copies = |hides: bool| {
        let mut plan = flash_crowd(50, 256, 50.0, four_slots());
        plan.classes[0].super_seed = hides;
        let sent = ctx.seeds(5, |seed| {
            let mut watch = BeforeSecond::default();
            run_lawfully(&plan, seed, &mut watch);
            f64_of(watch.sent)
        });
        mean(sent) / plan.content.as_f64()
    };
    let (hiding, open) = (copies(true), copies(false));
    let what = "copies a super-seeder sends before the second seeder";
    findings.add(Line::within(what, hiding, [1.0, 1.15]));
    findings.add(Line::at_least("copies a standard seeder sends until then", open, 1.1));
    let what = "copies a standard seeder sends until then, as in BEP 16";
    findings.add(Line::within(what, open, [1.5, 2.0]).direction());
    findings
}
