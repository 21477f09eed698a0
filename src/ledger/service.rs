//! The operator's ledger as a queue: one server, first in, first out, which is sometimes down.
//!
//! Law: a later submission is never done before an earlier one; a lower throughput, a longer
//! latency or one more outage never makes anything earlier; nothing is done while the server is
//! down, but an answer on its way arrives.
//!
//! Critics of the token held that a ledger would need hundreds of operations a second to begin
//! with, and would be a central server (Simon Morris in January 2019, breakermag.com); the paper
//! asked for dozens a second and an answer within a second or so (Feb 2019, technical order of
//! implementation). How long one operation takes is 1/throughput: no source says more.
//!
//! The queue is not stored. With a constant throughput its length follows from when the server
//! will be free, kept exactly in fractions of a nanosecond, on a clock that stands still during
//! outages.

use crate::units::{NS_PER_S, SimTime, Span};
use std::num::NonZeroU32;

/// A time during which the server is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The first moment of it.
    pub start: SimTime,
    /// How long.
    pub length: Span,
}

/// What the operator's server can do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServiceRules {
    /// Operations per second; none is no limit.
    pub per_second: Option<NonZeroU32>,
    /// From being carried out to the answer.
    pub latency: Span,
    /// In any order; they may overlap.
    pub outages: Vec<Outage>,
}

/// What a service has seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServiceCounts {
    /// Operations submitted.
    pub submitted: u64,
    /// Of these, how many had to wait until the server began.
    pub delayed: u64,
    /// How long they waited together.
    pub waited: Span,
    /// The longest wait.
    pub longest_wait: Span,
    /// Most operations submitted and not carried out at one moment.
    pub longest_queue: u64,
}

/// A server that carries out one operation after the other.
#[derive(Clone, Debug)]
pub struct Service {
    per_second: Option<NonZeroU32>,
    latency: Span,
    /// Apart from each other, in order.
    downs: Vec<Down>,
    /// When it will have done all it was given, in uptime.
    free: Uptime,
    /// Without a limit: what waits for the end of the current outage.
    held: u64,
    now: SimTime,
    counts: ServiceCounts,
}

/// An outage, and how long the server was down before it, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Down {
    start: u64,
    end: u64,
    before: u64,
}

/// Time the server has been up: whole nanoseconds, and a rest in nanoseconds ÷ throughput.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Uptime {
    ns: u64,
    rest: u64,
}

impl Uptime {
    /// In whole nanoseconds, rounded up.
    fn ceil(self) -> u64 {
        self.ns.saturating_add(u64::from(self.rest > 0))
    }
}

impl Service {
    /// A server that has nothing to do.
    pub fn new(rules: ServiceRules) -> Self {
        let ServiceRules { per_second, latency, outages } = rules;
        Self {
            per_second,
            latency,
            downs: apart(outages),
            free: Uptime::default(),
            held: 0,
            now: SimTime::ZERO,
            counts: ServiceCounts::default(),
        }
    }

    /// When an operation submitted now is done and answered; `NEVER` if the server stays down.
    ///
    /// # Panics
    /// If the clock runs back: operations are submitted in order.
    pub fn submit(&mut self, now: SimTime) -> SimTime {
        assert!(now >= self.now, "operations are submitted in order");
        let up = self.uptime(now);
        let same_outage = self.uptime(self.now) == up;
        self.now = now;
        let begun = Uptime { ns: up, rest: 0 }.max(self.free);
        let begins = self.clock(begun.ceil());
        self.free = self.after_one(begun);
        let done = self.clock(self.free.ceil());

        let wait = begins.since(now);
        let before = if same_outage { self.held } else { 0 };
        self.held = if wait > Span::ZERO { before + 1 } else { 0 };
        self.counts.submitted += 1;
        self.counts.delayed += u64::from(wait > Span::ZERO);
        self.counts.waited += wait;
        self.counts.longest_wait = self.counts.longest_wait.max(wait);
        self.counts.longest_queue = self.counts.longest_queue.max(self.pending(up));
        done + self.latency
    }

    /// What it has seen.
    pub fn counts(&self) -> ServiceCounts {
        self.counts
    }

    /// Operations submitted and not yet carried out at the last submission.
    pub fn queue(&self) -> u64 {
        self.pending(self.uptime(self.now))
    }

    /// The same when the server has been up for `up` nanoseconds.
    fn pending(&self, up: u64) -> u64 {
        let Some(cap) = self.per_second else {
            return self.held;
        };
        let ahead = u128::from(self.free.ns - up) * u128::from(cap.get());
        let pending = (ahead + u128::from(self.free.rest)).div_ceil(NS_PER_S.into());
        u64::try_from(pending).unwrap_or(u64::MAX)
    }

    /// One operation after `begun`.
    fn after_one(&self, begun: Uptime) -> Uptime {
        let Some(cap) = self.per_second else {
            return begun;
        };
        let cap = u64::from(cap.get());
        let rest = begun.rest + NS_PER_S % cap;
        let ns = begun.ns.saturating_add(NS_PER_S / cap).saturating_add(rest / cap);
        Uptime { ns, rest: rest % cap }
    }

    /// How long the server has been up at `now`.
    fn uptime(&self, now: SimTime) -> u64 {
        let begun = self.downs.partition_point(|down| down.start <= now.0);
        let Some(down) = begun.checked_sub(1).map(|last| self.downs[last]) else {
            return now.0;
        };
        now.0 - down.before - (now.0.min(down.end) - down.start)
    }

    /// When the server has been up so long and is up: at the beginning of an outage, its end.
    fn clock(&self, up: u64) -> SimTime {
        let begun = self.downs.partition_point(|down| down.start - down.before <= up);
        let Some(down) = begun.checked_sub(1).map(|last| self.downs[last]) else {
            return SimTime(up);
        };
        SimTime(up) + Span(down.before) + Span(down.end - down.start)
    }
}

/// Outages in order, those that touch made one.
fn apart(mut outages: Vec<Outage>) -> Vec<Down> {
    outages.retain(|outage| outage.length > Span::ZERO);
    outages.sort_by_key(|outage| outage.start);
    let mut downs: Vec<Down> = Vec::new();
    for outage in outages {
        let (start, end) = (outage.start.0, (outage.start + outage.length).0);
        match downs.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            Some(last) => {
                let before = last.before + (last.end - last.start);
                downs.push(Down { start, end, before });
            }
            None => downs.push(Down { start, end, before: 0 }),
        }
    }
    downs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn service(per_second: u32, latency: Span, outages: &[(f64, f64)]) -> Service {
        let outage = |&(start, length): &(f64, f64)| Outage {
            start: SimTime::from_secs(start),
            length: Span::from_secs(length),
        };
        let outages = outages.iter().map(outage).collect();
        Service::new(ServiceRules { per_second: NonZeroU32::new(per_second), latency, outages })
    }

    fn submit_all(service: &mut Service, seconds: &[f64]) -> Vec<f64> {
        seconds.iter().map(|&at| service.submit(SimTime::from_secs(at)).as_secs()).collect()
    }

    #[test]
    fn without_a_limit_only_latency_and_outages_count() {
        let mut free = service(0, Span::from_secs(0.5), &[(10.0, 5.0), (20.0, 3.0)]);
        let done = submit_all(&mut free, &[0.0, 9.75, 10.0, 12.0]);
        assert_eq!(done, [0.5, 10.25, 15.5, 15.5]);
        assert_eq!(free.queue(), 2);
        assert_eq!(submit_all(&mut free, &[22.0]), [23.5]);
        assert_eq!(free.queue(), 1, "another outage");
        assert_eq!(submit_all(&mut free, &[23.0]), [23.5]);
        assert_eq!(free.queue(), 0);
        let counts = free.counts();
        assert_eq!((counts.submitted, counts.delayed, counts.longest_queue), (6, 3, 2));
        assert_eq!(counts.longest_wait, Span::from_secs(5.0));
        assert_eq!(counts.waited, Span::from_secs(9.0));
    }

    #[test]
    fn a_burst_is_served_one_by_one_at_the_stated_rate() {
        let mut slow = service(3, Span::ZERO, &[]);
        let done: Vec<u64> = (0..300).map(|_| slow.submit(SimTime::ZERO).0).collect();
        assert_eq!(done[..3], [333_333_334, 666_666_667, NS_PER_S], "rounded up, never adding up");
        assert_eq!(done[299], 100 * NS_PER_S);
        let counts = slow.counts();
        assert_eq!((counts.delayed, counts.longest_queue, slow.queue()), (299, 300, 300));
        slow.submit(SimTime::from_secs(99.0));
        assert_eq!(slow.queue(), 4, "three left and the new one");
        slow.submit(SimTime::from_secs(200.0));
        assert_eq!(slow.queue(), 1);
    }

    #[test]
    fn fractions_of_a_nanosecond_count() {
        let mut slow = service(3, Span::ZERO, &[]);
        slow.submit(SimTime::ZERO);
        slow.submit(SimTime(333_333_333));
        assert_eq!(slow.queue(), 2, "the first has a third of a nanosecond left");
        assert_eq!((slow.counts().delayed, slow.counts().longest_wait), (1, Span(1)));
        slow.submit(SimTime(666_666_667));
        assert_eq!((slow.queue(), slow.counts().delayed), (1, 1));
    }

    #[test]
    fn an_outage_stops_the_work_and_the_rest_of_it_comes_after() {
        // 1 per second; the second operation is half done when the server goes down for 10 s.
        let mut slow = service(1, Span::ZERO, &[(1.5, 10.0)]);
        assert_eq!(submit_all(&mut slow, &[0.0, 0.0, 0.0]), [1.0, 12.0, 13.0]);
        assert_eq!(slow.submit(SimTime::from_secs(5.0)).as_secs(), 14.0);
        assert_eq!(slow.queue(), 3);
    }

    #[test]
    fn outages_that_touch_are_one() {
        let overlapping = [(7.0, 1.0), (1.0, 2.0), (2.0, 2.0), (4.0, 1.0), (7.5, 0.0)];
        let mut free = service(0, Span::ZERO, &overlapping);
        assert_eq!(free.downs.len(), 2);
        assert_eq!(submit_all(&mut free, &[0.5, 1.0, 4.5, 5.0, 7.0]), [0.5, 5.0, 5.0, 5.0, 8.0]);
    }

    #[test]
    fn a_server_that_never_comes_back_does_nothing_more() {
        let outages = vec![Outage { start: SimTime(5), length: Span::FOREVER }];
        for per_second in [None, NonZeroU32::new(7)] {
            let latency = Span::from_secs(1.0);
            let rules = ServiceRules { per_second, latency, outages: outages.clone() };
            let mut gone = Service::new(rules);
            assert_eq!(gone.submit(SimTime(5)), SimTime::NEVER);
            assert_eq!(gone.submit(SimTime(1 << 40)), SimTime::NEVER);
            assert_eq!(gone.queue(), 2);
        }
    }

    /// The same queue as anyone would write it: millisecond by millisecond, an operation at each.
    fn oracle(arrivals: &[u64], outages: &[(u64, u64)]) -> (Vec<u64>, u64) {
        let down = |ms: u64| outages.iter().any(|&(start, len)| (start..start + len).contains(&ms));
        let (mut done, mut waiting, mut longest) = (Vec::new(), 0, 0);
        for ms in 0.. {
            let came = arrivals.iter().filter(|&&at| at == ms).count() as u64;
            waiting += came;
            longest = if came > 0 { longest.max(waiting) } else { longest };
            if waiting > 0 && !down(ms) {
                waiting -= 1;
                // Done at the end of this millisecond, or after an outage that begins right then.
                done.push((ms + 1..1000).find(|&end| !down(end)).expect("outages end"));
            }
            if done.len() == arrivals.len() {
                break;
            }
        }
        (done, longest)
    }

    fn arrivals() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(0_u64..200, 1..80).prop_map(|mut at| {
            at.sort_unstable();
            at
        })
    }

    fn outages() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0_u64..250, 0_u64..40), 0..5)
    }

    const MS: u64 = 1_000_000;

    fn run(cap: Option<u32>, arrivals: &[u64], outages: &[(u64, u64)]) -> (Vec<u64>, Service) {
        let outage = |&(start, len): &(u64, u64)| Outage {
            start: SimTime(start * MS),
            length: Span(len * MS),
        };
        let outages = outages.iter().map(outage).collect();
        let per_second = cap.and_then(NonZeroU32::new);
        let rules = ServiceRules { per_second, latency: Span::ZERO, outages };
        let mut service = Service::new(rules);
        let done = arrivals.iter().map(|&at| service.submit(SimTime(at * MS)).0).collect();
        (done, service)
    }

    proptest! {
        #[test]
        fn a_thousand_per_second_is_one_per_millisecond(at in arrivals(), down in outages()) {
            let (done, service) = run(Some(1000), &at, &down);
            let (expected, longest) = oracle(&at, &down);
            let expected: Vec<u64> = expected.into_iter().map(|ms| ms * MS).collect();
            prop_assert_eq!(done, expected);
            prop_assert_eq!(service.counts().longest_queue, longest);
        }

        #[test]
        fn order_is_kept_and_less_is_never_earlier(
            at in arrivals(), down in outages(), extra in (0_u64..250, 0_u64..40),
            (low, more) in (1_u32..3000, 0_u32..3000),
        ) {
            let (slow, _) = run(Some(low), &at, &down);
            let (fast, _) = run(Some(low + more), &at, &down);
            let (free, _) = run(None, &at, &down);
            let worse: Vec<(u64, u64)> = down.iter().copied().chain([extra]).collect();
            let (worst, _) = run(Some(low), &at, &worse);
            for done in [&slow, &fast, &free, &worst] {
                prop_assert!(done.is_sorted(), "first in, first out");
            }
            for n in 0..at.len() {
                prop_assert!(slow[n] >= fast[n] && fast[n] >= free[n], "a lower cap is earlier");
                prop_assert!(worst[n] >= slow[n], "one more outage makes it earlier");
                prop_assert!(free[n] >= at[n] * MS);
            }
        }
    }
}
