//! Small plans for tests, an observer that writes everything down, and the laws that every
//! outcome keeps whatever the scenario.

use std::sync::Arc;
use swarmecon::experiment::measure;
use swarmecon::ids::{PeerId, PieceId};
use swarmecon::observe::{Observer, Outcome, PeerRecord, Sample};
use swarmecon::policy::auction::Format;
use swarmecon::policy::pick::PickOrder;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::economy::{Economy, Trade};
use swarmecon::swarm::plan::{
    Arrivals, Audit, ChokerSpec, ClassPlan, DownloadDist, EndGame, Messages, Plan, Protocol,
    RateDist, Role, Slots, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{ByteRate, Bytes, SimTime, Span};

/// A link of 2⁻¹³ bytes per nanosecond (119.2 KiB/s): a block takes 2²⁷ ns, so that halves,
/// quarters and doubles of it are exact to the nanosecond.
pub const ROUND_RATE: ByteRate = ByteRate(1 << 27);

/// So many KiB per second.
pub fn kib(per_s: f64) -> ByteRate {
    ByteRate::from_kib_per_s(per_s)
}

/// So many seconds.
pub fn s(seconds: f64) -> Span {
    Span::from_secs(seconds)
}

/// `count` peers that are all there at time 0, with unlimited downloads; leechers play
/// tit-for-tat and leave when they are done, seeders never leave.
pub fn class(role: Role, count: u32, upload: ByteRate, rules: &Arc<Protocol>) -> ClassPlan {
    ClassPlan {
        name: role.name().into(),
        role,
        arrivals: Arrivals::AtOnce { count, at: SimTime::ZERO, spread: Span::ZERO },
        upload: RateDist::Fixed(upload),
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

/// A plan of these classes; ends after 10⁶ s at the latest.
pub fn plan(content: Bytes, piece: Bytes, classes: Vec<ClassPlan>) -> Plan {
    Plan {
        content,
        piece,
        horizon: SimTime::from_secs(1e6),
        until_horizon: false,
        sample: s(1000.0),
        classes,
        catalogue: None,
        economy: None,
        audit: Audit::EverySample,
    }
}

/// A client without habits, for cases that can be worked out by hand: it knows everybody, serves
/// all who are interested at once, and loses no time, byte or capacity.
pub fn plain() -> Protocol {
    let mut rules = presets::mainline();
    let overlay = &mut rules.overlay;
    (overlay.numwant, overlay.max_neighbours, overlay.max_initiate) = (1000, 1000, 1000);
    (rules.choking.random_phase, rules.choking.slots) = (false, Slots::All);
    let requests = &mut rules.requests;
    (requests.random_first, requests.order) = (0, PickOrder::Sequential);
    (requests.whole_piece, requests.seed_started_list) = (Span::ZERO, false);
    requests.end_game = EndGame::Off;
    rules
}

/// Something an observer was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// A peer arrived.
    Joined(PeerId),
    /// One began (`true`) or ceased to serve another.
    Unchoked(PeerId, PeerId, bool),
    /// Payload moved from one to another.
    Moved(PeerId, PeerId, u64),
    /// A peer has verified a piece.
    Piece(PeerId, PieceId),
    /// A peer has the whole content.
    Completed(PeerId),
    /// A peer left.
    Departed(PeerId),
    /// A row of the timeline was taken.
    Sampled,
}

/// Writes down everything it is told.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Diary {
    /// What happened when, in the order it was told.
    pub entries: Vec<(SimTime, News)>,
}

impl Observer for Diary {
    fn joined(&mut self, at: SimTime, peer: PeerId) {
        self.entries.push((at, News::Joined(peer)));
    }
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {
        self.entries.push((at, News::Unchoked(from, to, serving)));
    }
    fn transferred(&mut self, at: SimTime, from: PeerId, to: PeerId, payload: Bytes) {
        self.entries.push((at, News::Moved(from, to, payload.0)));
    }
    fn piece_done(&mut self, at: SimTime, peer: PeerId, piece: PieceId) {
        self.entries.push((at, News::Piece(peer, piece)));
    }
    fn completed(&mut self, at: SimTime, peer: PeerId) {
        self.entries.push((at, News::Completed(peer)));
    }
    fn departed(&mut self, at: SimTime, peer: PeerId) {
        self.entries.push((at, News::Departed(peer)));
    }
    fn sampled(&mut self, sample: &Sample) {
        self.entries.push((sample.at, News::Sampled));
    }
}

/// Runs a plan and holds it to every law of this file.
pub fn run_lawfully(plan: &Plan, seed: u64) -> Outcome {
    let mut diary = Diary::default();
    let outcome = run(plan, seed, &mut diary);
    check_laws(plan, &outcome);
    check_diary(plan, &outcome, &diary);
    outcome
}

/// When each leecher had the whole content, in order of time.
pub fn completions(outcome: &Outcome) -> Vec<SimTime> {
    let mut times: Vec<SimTime> =
        outcome.peers.iter().filter(|p| !p.is_origin).filter_map(|p| p.completed).collect();
    times.sort_unstable();
    times
}

/// Mean download time of a class in seconds; all of its peers must have finished.
pub fn mean_time_s(outcome: &Outcome, class: usize) -> f64 {
    let of_class = outcome.peers.iter().filter(|p| p.class.index() == class);
    let times: Vec<f64> = of_class
        .map(|p| p.completed.expect("all peers finish").since(p.arrival).as_secs())
        .collect();
    times.iter().sum::<f64>() / swarmecon::units::f64_of_len(times.len())
}

/// The laws of conservation, capacity and time, on what the run left behind. Zero tolerance but
/// for whole bytes.
pub fn check_laws(plan: &Plan, outcome: &Outcome) {
    assert_eq!(measure::check_laws(outcome), Ok(()), "the laws of every experiment");
    for (i, peer) in outcome.peers.iter().enumerate() {
        let until = peer.departed.unwrap_or(outcome.end);
        let present = until.since(peer.arrival);
        assert!(
            peer.uploaded <= peer.upload.bytes_in(present),
            "{i}: more than the uplink: {peer:?}"
        );
        let leeching = peer.leeching;
        assert!(peer.downloaded <= peer.download.bytes_in(leeching), "{i}: more than the downlink");
        assert!(peer.unchoked <= peer.leeching, "{i}: unchoked while not leeching");
        if peer.is_origin {
            assert_eq!(peer.downloaded, Bytes::ZERO, "{i}: an origin seeder downloads nothing");
            continue;
        }
        let accounted = peer.useful + peer.wasted;
        if peer.completed.is_some() || peer.departed.is_some() {
            assert_eq!(peer.downloaded, accounted, "{i}: received is useful or wasted: {peer:?}");
        } else {
            assert!(peer.downloaded >= accounted, "{i}: useful and wasted were received");
        }
        match peer.completed {
            Some(_) => {
                assert_eq!(peer.useful, outcome.content_of(peer), "{i}: the content, to the byte");
            }
            None => {
                assert!(peer.useful < outcome.content_of(peer), "{i}: has everything, is not done");
            }
        }
        if matches!(plan.classes[peer.class.index()].choker, ChokerSpec::Never) {
            assert_eq!(peer.uploaded_at_completion, Bytes::ZERO, "{i}: a free rider uploads");
        }
    }
    check_bounds(outcome);
    check_timeline(plan, outcome);
}

/// The first moment at which `content` can be through a link of this rate.
pub fn earliest(content: u128, rate: u128) -> u128 {
    if rate == 0 { u128::MAX } else { (content << 40).div_ceil(rate) }
}

/// No download beats its lower bounds (Kumar and Ross, `HotWeb` 2006; the one for the k-th
/// finisher follows in the same way): with `u_S` the upload of all origin seeders and Σu that of
/// everybody, `T_j` ≥ F/`d_j` and `t_(k)` ≥ max(F/`u_S`, k F/Σu) since the first arrival.
pub fn check_bounds(outcome: &Outcome) {
    let content = u128::from(outcome.torrents[0].content.0);
    let sum = |of: &dyn Fn(&PeerRecord) -> bool| -> u128 {
        outcome.peers.iter().filter(|p| of(p)).map(|p| u128::from(p.upload.0)).sum()
    };
    let from_seeds = earliest(content, sum(&|p| p.is_origin));
    let everybody = sum(&|_| true);
    let start = outcome.peers.iter().map(|p| p.arrival).min().unwrap_or_default();
    let since = |at: SimTime| u128::from(at.since(start).0);
    for (k, at) in (1..).zip(completions(outcome)) {
        assert!(since(at) >= from_seeds, "finisher {k} at {at:?} beats F/u_S");
        assert!(
            since(at) >= earliest(k * content, everybody),
            "finisher {k} at {at:?} beats k F/Σu"
        );
    }
    if let Some(at) = outcome.torrents[0].first_copy {
        assert!(since(at) >= from_seeds, "the first copy at {at:?} beats F/u_S");
    }
    for (i, peer) in outcome.peers.iter().enumerate() {
        let Some(at) = peer.completed.filter(|_| !peer.is_origin) else { continue };
        let own = earliest(content, u128::from(peer.download.0));
        assert!(u128::from(at.since(peer.arrival).0) >= own, "peer {i} beats F/d");
    }
}

/// Between two rows of the timeline no more is sent than the links present could carry; where a
/// limiter lets a client use what it saved up, that holds from the beginning to each row. Capacity
/// offered is rounded down to the byte at each arrival, departure and row, and what moves on each
/// flow at each row: so many bytes of tolerance, and none besides.
fn check_timeline(plan: &Plan, outcome: &Outcome) {
    let unlimited = outcome.peers.iter().any(|p| p.upload.is_unlimited());
    let saves = plan.classes.iter().any(|class| class.protocol.messages != Messages::AtOnce);
    let n = outcome.peers.len() as u64;
    let (mut sent, mut left) = (Bytes::ZERO, 0);
    for pair in outcome.samples.windows(2) {
        assert!(pair[0].at < pair[1].at, "rows are in order of time");
    }
    for row in &outcome.samples {
        sent += row.uploaded;
        let could = row.upload_offered.0 + 2 * n + 1 + n * n + if saves { left } else { 0 };
        left = could.saturating_sub(row.uploaded.0);
        assert!(
            unlimited || row.uploaded.0 <= could,
            "more was sent by {:?} than the links could carry: {row:?}",
            row.at
        );
        assert!((0.0..=1.0).contains(&row.mean_progress), "progress is a share");
        assert!(row.interest.is_none_or(|x| (0.0..=1.0).contains(&x)), "interest is a share");
    }
    let uploaded: u64 = outcome.peers.iter().map(|p| p.uploaded.0).sum();
    assert_eq!(sent.0, uploaded, "the rows add up to everything sent");
}

/// Whether sellers divide their upload among all that bid, in proportion to the bids.
fn shares_with_all(plan: &Plan) -> bool {
    matches!(&plan.economy, Some(Economy::Token(token)) if token.format == Format::Proportional)
}

/// What was seen on the way agrees with what is left behind, and no link, slot or life is
/// stretched at any moment.
pub fn check_diary(plan: &Plan, outcome: &Outcome, diary: &Diary) {
    let n = outcome.peers.len();
    let (mut sent, mut received) = (vec![0; n], vec![0; n]);
    let (mut here, mut serving) = (vec![false; n], vec![0_usize; n]);
    let mut pieces = vec![0_u64; n];
    // First and fourth piece, completion, departure.
    let mut lives = vec![[None; 4]; n];
    let mut last = SimTime::ZERO;
    for &(at, news) in &diary.entries {
        assert!(at >= last, "the clock never goes back");
        last = at;
        match news {
            News::Joined(p) => {
                here[p.index()] = true;
                assert_eq!(outcome.peers[p.index()].arrival, at, "{p:?} joins when it arrives");
            }
            News::Departed(p) => {
                here[p.index()] = false;
                lives[p.index()][3] = Some(at);
                assert_eq!(serving[p.index()], 0, "nobody is served by one who left");
            }
            News::Unchoked(p, q, begins) => {
                assert!(here[p.index()] && here[q.index()], "{p:?} serves {q:?}: both are here");
                let peer = &outcome.peers[p.index()];
                let now = &mut serving[p.index()];
                *now = if begins { *now + 1 } else { *now - 1 };
                // These two set the number of their slots themselves.
                let class = &plan.classes[peer.class.index()];
                let free = matches!(class.choker, ChokerSpec::BitTyrant | ChokerSpec::PropShare);
                let free = free || shares_with_all(plan);
                let choking = &class.protocol.choking;
                // Where they have a clock, optimistic slots are given before others are taken.
                let more = if choking.optimistic_clock { choking.optimistic_slots } else { 0 };
                let slots = choking.slots.count(peer.upload).saturating_add(more as usize);
                assert!(free || *now <= slots, "{p:?} serves {} with {slots} slots", *now);
            }
            News::Moved(p, q, bytes) => {
                let moved = (p.index(), q.index());
                assert!(here[moved.0] && here[moved.1], "both ends of a transfer are here");
                (sent[moved.0], received[moved.1]) =
                    (sent[moved.0] + bytes, received[moved.1] + bytes);
                let up = &outcome.peers[moved.0];
                let most = up.upload.bytes_in(at.since(up.arrival)).0;
                assert!(sent[moved.0] <= most, "{p:?} over its uplink at {at:?}");
                let down = &outcome.peers[moved.1];
                let most = down.download.bytes_in(at.since(down.arrival)).0;
                assert!(received[moved.1] <= most, "{q:?} over its downlink at {at:?}");
            }
            News::Piece(p, _) => {
                pieces[p.index()] += 1;
                match pieces[p.index()] {
                    1 => lives[p.index()][0] = Some(at),
                    4 => lives[p.index()][1] = Some(at),
                    _ => {}
                }
            }
            News::Completed(p) => {
                let all = plan.content.0.div_ceil(plan.piece.0);
                assert_eq!(pieces[p.index()], all, "every piece is verified, once");
                lives[p.index()][2] = Some(at);
            }
            News::Sampled => {}
        }
    }
    for (i, peer) in outcome.peers.iter().enumerate() {
        let life = [peer.first_piece, peer.fourth_piece, peer.completed, peer.departed];
        assert_eq!(lives[i], life, "{i} lived as was seen");
        assert_eq!(sent[i], peer.uploaded.0, "what was seen is what was sent by {i}");
        assert_eq!(received[i], peer.downloaded.0, "what was seen is what {i} received");
    }
}
