//! A simulated swarm seen as the recorded ones were: once a second, from outside.
//!
//! The recordings sample every client at whole seconds. So does this: payload is summed up by the
//! second, a slot counts from the first sample that sees it to the first that does not, and a slot
//! taken and lost between two samples was never there.
//!
//! Where it is wrong: payload is told of when a transfer is brought up to date, and is spread
//! evenly over the time since the last news of the same pair.

use super::super::crowd::{mean, times_s};
use super::data::Values;
use crate::experiment::stats;
use crate::ids::{PeerId, PieceId};
use crate::observe::{Observer, Outcome};
use crate::swarm::plan::Plan;
use crate::units::{Bytes, SimTime, f64_of, f64_of_len, floor_usize};
use std::collections::BTreeMap;

/// The busy phase begins here, in seconds; it ends with the first completion.
const BUSY_FROM: usize = 20;
/// A shorter busy phase says nothing, in seconds.
const SHORTEST_PHASE: usize = 10;
/// The seed's first slots are those seen up to here, in seconds: they are taken one or two seconds
/// after the start, and kept.
const FIRST_SLOTS_BY: f64 = 3.0;

/// Giver and receiver.
type Pair = (usize, usize);

/// When a slot began and ended, in seconds; unknown: not ended.
type Slot = (f64, Option<f64>);

/// What is noted of a run.
#[derive(Default)]
pub(super) struct Watch {
    /// Payload sent by each peer in each second.
    sent: BTreeMap<usize, Vec<f64>>,
    /// Payload by giver and receiver.
    given: BTreeMap<Pair, f64>,
    /// When the payload of a pair was last told of, or its slot began.
    news: BTreeMap<Pair, f64>,
    /// The slots a giver gave to a receiver, in order of time.
    slots: BTreeMap<Pair, Vec<Slot>>,
    /// When a leecher first had each piece, in seconds.
    out: BTreeMap<PieceId, f64>,
}

impl Observer for Watch {
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {
        let pair = (from.index(), to.index());
        let slots = self.slots.entry(pair).or_default();
        if serving {
            slots.push((at.as_secs(), None));
            self.news.insert(pair, at.as_secs());
        } else if let Some(slot) = slots.last_mut() {
            slot.1 = Some(at.as_secs());
        }
    }

    /// The recorder looks no more at a client that has left: slots that end with it have no end.
    fn departed(&mut self, at: SimTime, p: PeerId) {
        let (first, end) = ((p.index(), 0), (p.index() + 1, 0));
        for slot in self.slots.range_mut(first..end).filter_map(|(_, slots)| slots.last_mut()) {
            slot.1 = slot.1.filter(|&end| end < at.as_secs());
        }
    }

    fn transferred(&mut self, at: SimTime, from: PeerId, to: PeerId, payload: Bytes) {
        let pair = (from.index(), to.index());
        let (at, payload) = (at.as_secs(), payload.as_f64());
        let since = self.news.insert(pair, at).unwrap_or(at);
        spread(self.sent.entry(pair.0).or_default(), [since, at], payload);
        *self.given.entry(pair).or_default() += payload;
    }

    fn piece_done(&mut self, at: SimTime, _: PeerId, piece: PieceId) {
        self.out.entry(piece).or_insert(at.as_secs());
    }
}

/// Adds `payload` evenly over `[since, until]` to the seconds it falls into.
fn spread(seconds: &mut Vec<f64>, [since, until]: [f64; 2], payload: f64) {
    let (first, last) = (floor_usize(since), floor_usize(until));
    if seconds.len() <= last {
        seconds.resize(last + 1, 0.0);
    }
    if first == last {
        seconds[last] += payload;
        return;
    }
    for (second, sum) in (first..).zip(&mut seconds[first..=last]) {
        let (begin, end) = (f64_of_len(second).max(since), f64_of_len(second + 1).min(until));
        *sum += payload * (end - begin) / (until - since);
    }
}

/// Slots of a pair as samples at whole seconds see them: the first sample that sees one, and the
/// first that does not.
fn sampled(slots: &[Slot]) -> Vec<Slot> {
    let mut seen: Vec<Slot> = Vec::new();
    for &(since, until) in slots {
        let (since, until) = (since.ceil(), until.map(f64::ceil));
        match seen.last_mut() {
            // Lost and taken again between two samples.
            Some(last) if last.1 == Some(since) => last.1 = until,
            _ if until == Some(since) => {}
            _ => seen.push((since, until)),
        }
    }
    seen
}

/// Lengths of the slots of a pair in seconds; those not ended are left out.
fn tenures(slots: &[Slot]) -> Vec<f64> {
    let ended = |(since, until): Slot| until.map(|until| until - since);
    sampled(slots).into_iter().filter_map(ended).collect()
}

/// Payload sent ÷ capacity from 20 s to `until`; `None` if that is too short to tell.
fn upload_use(seconds: &[f64], until: usize, bytes_per_s: f64) -> Option<f64> {
    let span = until.checked_sub(BUSY_FROM).filter(|&span| span >= SHORTEST_PHASE)?;
    let sent: f64 = seconds.iter().take(until).skip(BUSY_FROM).sum();
    Some(sent / f64_of_len(span) / bytes_per_s)
}

/// A run, class by class.
pub(super) struct Seen<'a> {
    pub plan: &'a Plan,
    pub outcome: &'a Outcome,
    pub watch: &'a Watch,
}

impl Seen<'_> {
    /// Adds what a recording was measured by to `values`.
    pub fn note(&self, values: &mut Values) {
        let mut add = |class: &str, measure: &str, value: f64| {
            values.entry((class.into(), measure.into())).or_default().push(value);
        };
        let done = self.outcome.peers.iter().filter_map(|peer| peer.completed);
        let done = stats::sorted(done.map(SimTime::as_secs).collect());
        add("all", "makespan_s", done.last().copied().unwrap_or(f64::NAN));
        let out = self.watch.out.values().copied().fold(f64::NAN, f64::max);
        add("all", "copy1_s", out);
        let tenures = stats::sorted(self.leechers_tenures());
        let quantile = |p| stats::quantile(&tenures, p).unwrap_or(f64::NAN);
        add("all", "tenure_s_median", quantile(0.5));
        add("all", "tenure_s_p90", quantile(0.9));
        let busy_until = done.first().copied().map_or(0, floor_usize);
        for (class, name) in self.plan.classes.iter().map(|class| &class.name).enumerate() {
            let members = || (0..self.outcome.peers.len()).filter(move |&p| self.class(p) == class);
            let used = members().filter_map(|p| {
                let seconds = self.watch.sent.get(&p).map_or(&[][..], Vec::as_slice);
                let bytes_per_s = self.outcome.peers[p].upload.as_kib_per_s() * 1024.0;
                upload_use(seconds, busy_until, bytes_per_s)
            });
            add(name, "upload_use", mean(used));
            let (wasted, received) = members().fold((0, 0), |(wasted, received), p| {
                let peer = &self.outcome.peers[p];
                (wasted + peer.wasted.0, received + peer.downloaded.0)
            });
            add(name, "redundant_share", f64_of(wasted) / f64_of(received));
            let got = self.got(class);
            for (giver, share) in self.plan.classes.iter().zip(&got) {
                let measure = format!("share_from_{}", giver.name);
                add(name, &measure, share / got.iter().sum::<f64>());
            }
        }
    }

    /// Download times of a class, in seconds.
    pub fn times_s(&self, class: usize) -> Vec<f64> {
        times_s(self.outcome, class)
    }

    /// Payload a class received, by class of the giver.
    fn got(&self, receiver: usize) -> Vec<f64> {
        let mut got = vec![0.0; self.plan.classes.len()];
        for (&(from, to), payload) in &self.watch.given {
            if self.class(to) == receiver {
                got[self.class(from)] += payload;
            }
        }
        got
    }

    /// Tenures of the slots of all who came as leechers, also while they seed.
    fn leechers_tenures(&self) -> Vec<f64> {
        let slots = self.watch.slots.iter();
        let of_leechers = slots.filter(|((from, _), _)| !self.outcome.peers[*from].is_origin);
        of_leechers.flat_map(|(_, slots)| tenures(slots)).collect()
    }

    /// Who held the seed's first slots, as the recordings write it: `fast:1 medium:2 slow:1`.
    pub fn first_slots(&self) -> String {
        let mut held: BTreeMap<&str, usize> = BTreeMap::new();
        for (&(from, to), slots) in &self.watch.slots {
            let is_first = |slot: &&Slot| slot.0 <= FIRST_SLOTS_BY;
            if self.outcome.peers[from].is_origin {
                let name = &self.plan.classes[self.class(to)].name;
                *held.entry(name).or_default() += sampled(slots).iter().filter(is_first).count();
            }
        }
        let held = held.iter().filter(|(_, n)| **n > 0);
        let held: Vec<String> = held.map(|(class, n)| format!("{class}:{n}")).collect();
        held.join(" ")
    }

    fn class(&self, peer: usize) -> usize {
        self.outcome.peers[peer].class.index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_spread_over_the_seconds_it_took() {
        let mut seconds = Vec::new();
        spread(&mut seconds, [0.5, 2.0], 30.0);
        assert_eq!(seconds, [10.0, 20.0, 0.0]);
        spread(&mut seconds, [1.2, 1.7], 5.0);
        spread(&mut seconds, [3.0, 3.0], 7.0);
        assert_eq!(seconds, [10.0, 25.0, 0.0, 7.0]);
    }

    #[test]
    fn slots_are_seen_at_whole_seconds() {
        // From the sample at 2 s to the one at 5 s; not at all; never ended.
        let slots = [(1.2, Some(4.1)), (7.3, Some(7.9)), (8.5, None)];
        assert_eq!(tenures(&slots), [3.0]);
        // Lost at 4.1 s and taken again before the sample at 5 s: one slot from 2 s to 8 s.
        assert_eq!(tenures(&[(1.2, Some(4.1)), (4.6, Some(7.5))]), [6.0]);
        assert_eq!(tenures(&[(1.0, Some(2.0)), (2.5, Some(4.0))]), [1.0, 1.0]);
    }

    #[test]
    fn slots_of_who_leaves_have_no_end() {
        let mut watch = Watch::default();
        let at = SimTime::from_secs;
        for to in [1, 2, 3] {
            watch.unchoked(at(1.0), PeerId(0), PeerId(to), true);
            watch.unchoked(at(1.0), PeerId(to), PeerId(0), true);
        }
        watch.unchoked(at(4.0), PeerId(0), PeerId(3), false);
        for (p, q) in [(0, 1), (0, 2), (1, 0)] {
            watch.unchoked(at(9.0), PeerId(p), PeerId(q), false);
        }
        watch.departed(at(9.0), PeerId(0));
        let ends = [(0, 1), (0, 2), (0, 3), (1, 0)].map(|pair| watch.slots[&pair][0].1);
        // What others gave it is seen to end.
        assert_eq!(ends, [None, None, Some(4.0), Some(9.0)]);
    }

    #[test]
    fn the_busy_phase_is_from_20_s_to_the_first_completion() {
        let seconds: Vec<f64> = (0..60).map(|s| if s < 20 { 1e9 } else { 50.0 }).collect();
        assert_eq!(upload_use(&seconds, 40, 100.0), Some(0.5));
        assert_eq!(upload_use(&seconds[..30], 40, 100.0), Some(0.25), "then it sent nothing");
        assert_eq!(upload_use(&seconds, 29, 100.0), None);
    }
}
