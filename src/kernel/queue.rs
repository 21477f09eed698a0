//! The event queue: a total order by (time, order of entry).
//!
//! Law: events come out by time, equals in the order they went in, whatever the queue looks like
//! inside. To send an event into the past is a fault of the caller and panics.
//!
//! Inside it is a calendar that tunes itself. Pending events lie unsorted in buckets of fixed
//! width; a bucket is sorted only when its turn comes. Where a bucket turns out too full it is
//! spread over a *rung* of finer buckets, whose width comes from the events in it. The last bucket
//! of each rung holds the far future, however far, and is spread anew when its turn comes. So
//! bursts, ties and mixtures of short and long timers each find a width that fits, and no state
//! survives that could depend on anything but the events pending. (Calendar: Brown, CACM 1988;
//! rungs: Tang, Goh and Thng, TOMACS 2005.)
//!
//! **Cancelling.** Events are not taken back: that would cost each event a handle. Whoever may
//! change its mind keeps a counter, writes its value into the event, and counts up to cancel; an
//! event whose number is not the current one is stale and is dropped when it comes out.

use super::pool::{List, Pool};
use crate::units::SimTime;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Events aimed at per bucket, within a factor of two: enough to amortise the bucket's own cache
/// misses, few enough to sort in the first-level cache. 64 to 512 differ by some 10 %.
const PER_BUCKET: usize = 128;
/// A bucket with more than this is spread over a finer rung instead of being sorted whole.
const FULL: usize = 1024;
/// Bits of the position in a bucket that is sorted by offset and position in one number.
const POSITION_BITS: u32 = FULL.ilog2();
/// Late comers beside the current bucket; with more, what is left of it is spread out.
const LATE: usize = 256;
/// Events looked at to find the width of a rung.
const SAMPLE: usize = 128;

/// Pending events, earliest first; of equals, the one pushed first.
#[derive(Debug)]
pub struct Queue<E> {
    /// Sorted: the bucket whose turn it is, and what was appended to it in order.
    current: VecDeque<Entry<E>>,
    /// What came into the time of `current` out of order.
    late: BinaryHeap<Late<E>>,
    /// `late` may hold this many.
    late_limit: usize,
    /// Both of them hold all events up to and including this time, in nanoseconds.
    until: u64,
    /// Later events, the furthest first; each rung subdivides a used-up bucket of the one before.
    /// Equals lie in order of entry in every list.
    rungs: Vec<Rung>,
    pool: Pool<E>,
    /// A bucket being sorted: its entries as they lay, and the order they shall have.
    unsorted: Vec<Entry<E>>,
    order: Vec<u64>,
    len: usize,
    pushed_late: u64,
    longest: usize,
    now: SimTime,
}

/// An event and its time. Among equals its place says who came first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<E> {
    at: u64,
    event: E,
}

/// An entry in the heap of late comers, which forgets places.
#[derive(Debug)]
struct Late<E> {
    entry: Entry<E>,
    seq: u64,
}

/// A row of buckets of 2^`shift` ns each; the last one reaches to `until`, inclusive.
#[derive(Debug)]
struct Rung {
    start: u64,
    shift: u32,
    until: u64,
    /// The first bucket whose turn has not come.
    next: usize,
    buckets: Vec<List>,
}

impl<E> Late<E> {
    /// Time and order of entry as one number: comparing it needs no branch.
    #[inline]
    fn key(&self) -> u128 {
        (u128::from(self.entry.at) << 64) | u128::from(self.seq)
    }
}

impl<E> PartialEq for Late<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<E> Eq for Late<E> {}
impl<E> PartialOrd for Late<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Late<E> {
    /// Reversed: the greatest is the earliest, as `BinaryHeap` wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl Rung {
    /// Where `at`, which lies in this rung, belongs.
    #[inline]
    fn bucket(&mut self, at: u64) -> &mut List {
        let last = self.buckets.len() - 1;
        let index = usize::try_from((at - self.start) >> self.shift).map_or(last, |i| i.min(last));
        &mut self.buckets[index]
    }

    /// Takes the next bucket that holds anything, with the time it ends.
    fn take_next(&mut self) -> Option<(List, u64)> {
        let ahead = self.buckets[self.next..].iter();
        let index = self.next + ahead.take_while(|bucket| bucket.len() == 0).count();
        let list = std::mem::replace(self.buckets.get_mut(index)?, List::EMPTY);
        self.next = index + 1;
        let until = if self.next == self.buckets.len() {
            self.until
        } else {
            self.start + ((self.next as u64) << self.shift) - 1
        };
        Some((list, until))
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue at time zero.
    pub fn new() -> Self {
        Self {
            current: VecDeque::new(),
            late: BinaryHeap::new(),
            late_limit: LATE,
            until: u64::MAX,
            rungs: Vec::new(),
            pool: Pool::new(),
            unsorted: Vec::new(),
            order: Vec::new(),
            len: 0,
            pushed_late: 0,
            longest: 0,
            now: SimTime::ZERO,
        }
    }

    /// Adds an event. `at` must not lie before the last event taken.
    #[inline]
    pub fn push(&mut self, at: SimTime, event: E) {
        assert!(at >= self.now, "an event cannot be sent into the past");
        let entry = Entry { at: at.0, event };
        self.len += 1;
        self.longest = self.longest.max(self.len);
        if entry.at <= self.until {
            self.push_current(entry);
        } else {
            self.push_later(entry);
        }
    }

    /// Takes the earliest event.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        if self.current.is_empty() && self.late.is_empty() {
            self.advance();
        }
        // A late comer came after every equal in the sorted bucket: those go first.
        let entry = match (self.current.front(), self.late.peek()) {
            (Some(sorted), Some(late)) if late.entry.at < sorted.at => self.pop_late(),
            (None, _) => self.pop_late(),
            _ => self.current.pop_front(),
        }?;
        assert!(entry.at >= self.now.0, "the clock never runs back");
        self.now = SimTime(entry.at);
        self.len -= 1;
        Some((self.now, entry.event))
    }

    /// The `n`-th event after the next one, if it is sorted already and nothing comes between: a
    /// hint for prefetching, not a promise.
    #[inline]
    pub fn ahead(&self, n: usize) -> Option<(SimTime, E)> {
        self.current.get(n).map(|entry| (SimTime(entry.at), entry.event))
    }

    /// Events pending now.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Most events ever pending.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Into the time of the current bucket.
    fn push_current(&mut self, entry: Entry<E>) {
        // Constant delays and ties come in order: no search, no heap.
        if self.current.back().is_none_or(|last| last.at <= entry.at) {
            self.current.push_back(entry);
            return;
        }
        let seq = self.pushed_late;
        self.pushed_late += 1;
        self.late.push(Late { entry, seq });
        if self.late.len() > self.late_limit {
            self.spread_current();
        }
    }

    fn pop_late(&mut self) -> Option<Entry<E>> {
        self.late.pop().map(|late| late.entry)
    }

    /// Behind the current bucket: into the innermost rung that reaches so far.
    #[inline]
    fn push_later(&mut self, entry: Entry<E>) {
        let mut rungs = self.rungs.iter_mut().rev();
        let rung =
            rungs.find(|rung| entry.at <= rung.until).expect("the outermost rung has no end");
        self.pool.push(rung.bucket(entry.at), entry);
    }

    /// Makes the next bucket that holds anything the current one. Nothing is current now.
    #[cold]
    fn advance(&mut self) {
        self.late_limit = LATE;
        while let Some(rung) = self.rungs.last_mut() {
            let taken = rung.take_next();
            if rung.next >= rung.buckets.len() || taken.is_none() {
                self.rungs.pop();
            }
            let Some((list, until)) = taken else {
                continue;
            };
            self.until = until;
            if list.len() > FULL && self.spread(list) {
                continue;
            }
            self.sort_into_current(list);
            return;
        }
        self.until = u64::MAX;
    }

    /// Sorts `list` into the empty current bucket; equals stay in order of entry.
    fn sort_into_current(&mut self, mut list: List) {
        self.current.clear();
        let room = self.current.capacity();
        if room > 4 * FULL && room / 4 > list.len() {
            self.current.shrink_to(list.len()); // after a burst of ties
        }
        if list.len() > FULL || !self.sort_by_offset(list) {
            self.current.reserve_exact(list.len());
            for chunk in self.pool.chunks(list) {
                self.current.extend(chunk);
            }
            let entries = self.current.make_contiguous();
            if !entries.is_sorted_by_key(|entry| entry.at) {
                entries.sort_by_key(|entry| entry.at);
            }
        }
        self.pool.release(&mut list);
    }

    /// As above, by sorting 8 bytes per event instead of whole entries: the offset from the first
    /// and the position, side by side. Refuses if the times are too far apart for that.
    fn sort_by_offset(&mut self, list: List) -> bool {
        self.unsorted.clear();
        for chunk in self.pool.chunks(list) {
            self.unsorted.extend_from_slice(chunk);
        }
        let times = self.unsorted.iter().map(|entry| entry.at);
        let (first, last) = times.fold((u64::MAX, 0), |(a, b), at| (a.min(at), b.max(at)));
        if last.saturating_sub(first) >> (u64::BITS - POSITION_BITS) != 0 {
            return false;
        }
        self.order.clear();
        let numbered = self.unsorted.iter().zip(0..);
        let key =
            |(entry, position): (&Entry<E>, u64)| ((entry.at - first) << POSITION_BITS) | position;
        self.order.extend(numbered.map(key));
        self.order.sort_unstable();
        let mask = FULL - 1;
        let sorted = self.order.iter().map(|&key| self.unsorted[low(key) & mask]);
        self.current.extend(sorted);
        true
    }

    /// Spreads the current bucket and its late comers over a new rung, if their times differ.
    #[cold]
    fn spread_current(&mut self) {
        let mut list = List::EMPTY;
        for entry in self.current.drain(..) {
            self.pool.push(&mut list, entry);
        }
        while let Some(entry) = self.pop_late() {
            self.pool.push(&mut list, entry);
        }
        if self.spread(list) {
            self.advance();
        } else {
            self.sort_into_current(list);
            self.late_limit = 2 * self.late_limit.max(self.current.len());
        }
    }

    /// Spreads `list`, which ends at `self.until`, over a new rung, whose first bucket is next in
    /// turn. Refuses if all times are equal.
    ///
    /// The rung is made to hold the earlier half of the list in buckets of the wanted size, and
    /// four times that span before its last bucket. At least half of what is moved is thus taken
    /// before the rest is moved again: two moves per event and level, however times are spread.
    fn spread(&mut self, mut list: List) -> bool {
        let Some((start, shift)) = self.width_for(list) else {
            return false;
        };
        let reach = (self.until - start) >> shift;
        let wanted = 4 * (list.len() / PER_BUCKET).max(4);
        let count =
            usize::try_from(reach).map_or(wanted, |reach| wanted.min(reach.saturating_add(1)));
        assert!(count > 1, "a rung divides its bucket");
        let mut rung =
            Rung { start, shift, until: self.until, next: 0, buckets: vec![List::EMPTY; count] };
        while let Some((entries, here)) = self.pool.take_first(&mut list) {
            for &entry in &entries[..here] {
                self.pool.push(rung.bucket(entry.at), entry);
            }
        }
        self.rungs.push(rung);
        true
    }

    /// Start and width (as a power of two) of the rung that suits `list`; none if all times are
    /// equal. Looks at a regular sample, so that it costs little and depends on nothing else.
    fn width_for(&self, list: List) -> Option<(u64, u32)> {
        let stride = list.len().div_ceil(SAMPLE);
        let mut sample = [0_u64; SAMPLE];
        let (mut taken, mut seen) = (0, 0);
        let (mut first, mut last) = (u64::MAX, 0);
        for chunk in self.pool.chunks(list) {
            for entry in chunk {
                first = first.min(entry.at);
                last = last.max(entry.at);
                if seen % stride == 0 {
                    sample[taken] = entry.at;
                    taken += 1;
                }
                seen += 1;
            }
        }
        if first == last {
            return None;
        }
        let (_, &mut median, _) = sample[..taken].select_nth_unstable(taken / 2);
        // More than half at one time: that time gets a bucket to itself, or nearly so.
        let half = if median > first { median - first } else { (last - first) / 2 };
        let per_event = u128::from(half) * 2 * PER_BUCKET as u128 / list.len() as u128;
        let width = u64::try_from(per_event).map_or(last - first, |w| w.min(last - first));
        Some((first, width.max(1).ilog2()))
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// The low bits of a number, at least 16 of them.
#[inline]
fn low(key: u64) -> usize {
    let bytes = key.to_le_bytes();
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};
    use crate::units::Span;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    /// The queue as anyone would write it: the oracle.
    #[derive(Default)]
    struct Oracle {
        heap: BinaryHeap<Reverse<(u64, u64)>>,
    }

    /// Queue and oracle side by side; events are numbered in order of entry.
    #[derive(Default)]
    struct Pair {
        queue: Queue<u64>,
        oracle: Oracle,
        pushed: u64,
        now: u64,
    }

    impl Pair {
        fn push(&mut self, delay: u64) {
            let at = self.now.saturating_add(delay);
            self.queue.push(SimTime(at), self.pushed);
            self.oracle.heap.push(Reverse((at, self.pushed)));
            self.pushed += 1;
        }

        fn pop(&mut self) -> Option<u64> {
            let expected = self.oracle.heap.pop().map(|Reverse((at, n))| (SimTime(at), n));
            let got = self.queue.pop();
            assert_eq!(got, expected, "after {} pushes", self.pushed);
            assert_eq!(self.queue.len(), self.oracle.heap.len());
            assert_eq!(self.queue.is_empty(), self.oracle.heap.is_empty());
            self.now = got?.0.0;
            Some(self.now)
        }

        fn drain(mut self) {
            while self.pop().is_some() {}
            assert!(self.queue.is_empty());
        }

        /// `pending` events, then `turns` pops, each followed by a push; then all the rest.
        fn hold(mut self, pending: usize, turns: usize, mut delay: impl FnMut() -> u64) {
            for _ in 0..pending {
                self.push(delay());
            }
            for _ in 0..turns {
                self.pop();
                self.push(delay());
            }
            self.drain();
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push { times: usize, delay: u64, spread: u64 },
        Pop { times: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        let times = prop_oneof![4 => 1_usize..8, 2 => 100_usize..400, 1 => 1500_usize..3000];
        let delay = prop_oneof![
            Just(0),
            0_u64..4,
            0_u64..1_000_000,
            Just(50_000_000),
            Just(900_000_000_000),
            (u64::MAX - 1_000_000)..=u64::MAX,
        ];
        let spread = prop_oneof![Just(1), 1_u64..4, Just(10_000), Just(1 << 40)];
        let push = (times.clone(), delay, spread);
        prop_oneof![
            push.prop_map(|(times, delay, spread)| Step::Push { times, delay, spread }),
            times.prop_map(|times| Step::Pop { times }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_program_pops_like_a_heap(steps in prop::collection::vec(step(), 1..40)) {
            let mut pair = Pair::default();
            let mut luck = stream(1, Purpose::Swarm, 0);
            for step in steps {
                match step {
                    Step::Push { times, delay, spread } => {
                        for _ in 0..times {
                            pair.push(delay.saturating_add(luck.bits() % spread));
                        }
                    }
                    Step::Pop { times } => {
                        for _ in 0..times {
                            pair.pop();
                        }
                    }
                }
            }
            pair.drain();
        }
    }

    #[test]
    fn every_mixture_of_timers_pops_like_a_heap() {
        for pending in [1, 10, 300, 3_000, 30_000] {
            let mut luck = stream(2, Purpose::Swarm, 0);
            let mut exponential = || Span::from_secs(luck.exponential(1.0)).0;
            Pair::default().hold(pending, 2 * pending, &mut exponential);

            let mut luck = stream(3, Purpose::Swarm, 0);
            let short = 50_000_000;
            let bimodal = || [short, 18_000 * short][luck.below(2)] + luck.bits() % short;
            Pair::default().hold(pending, 2 * pending, bimodal);

            let mut luck = stream(4, Purpose::Swarm, 0);
            Pair::default().hold(pending, 2 * pending, || 1_000 * (luck.bits() % 3));

            Pair::default().hold(pending, 2 * pending, || 10_000_000_000);
        }
    }

    #[test]
    fn a_burst_in_the_time_of_few_is_spread() {
        let mut pair = Pair::default();
        let mut luck = stream(5, Purpose::Swarm, 0);
        for _ in 0..300 {
            pair.push(luck.bits() % 900_000_000_000);
        }
        pair.pop();
        for _ in 0..20_000 {
            pair.push(luck.bits() % 50_000_000);
        }
        assert!(pair.queue.late.len() <= LATE, "late comers stay few");
        assert!(pair.queue.rungs.len() > 1);
        pair.drain();
    }

    #[test]
    fn ties_come_out_in_order_of_entry() {
        let mut queue = Queue::new();
        for n in 0..10_000_u32 {
            queue.push(SimTime(7), n);
            queue.push(SimTime(u64::from(n % 13)), 10_000 + n);
        }
        let mut at_seven = Vec::new();
        while let Some((at, n)) = queue.pop() {
            if at == SimTime(7) && n < 10_000 {
                at_seven.push(n);
            }
        }
        assert!(at_seven.is_sorted(), "first in, first out");
        assert_eq!(at_seven.len(), 10_000);
    }

    #[test]
    fn memory_follows_what_is_pending() {
        let mut queue = Queue::new();
        let mut luck = stream(6, Purpose::Swarm, 0);
        let pending = 50_000;
        for _ in 0..pending {
            queue.push(SimTime::from_secs(luck.exponential(1.0)), ());
        }
        for _ in 0..20 * pending {
            let (at, ()) = queue.pop().expect("as many go in as come out");
            queue.push(at + Span::from_secs(luck.exponential(1.0)), ());
        }
        assert_eq!(queue.longest(), pending);
        let held = queue.pool.capacity() + queue.current.capacity() + queue.late.capacity();
        assert!(held < 2 * pending, "{held} places for {pending} events");
        let buckets: usize = queue.rungs.iter().map(|rung| rung.buckets.len()).sum();
        assert!(buckets < pending / 8, "{buckets} buckets for {pending} events");
    }

    #[test]
    fn an_entry_is_as_small_as_promised() {
        assert_eq!(size_of::<Entry<[u32; 4]>>(), 24);
        assert_eq!(size_of::<Entry<[u32; 2]>>(), 16);
    }

    #[test]
    #[should_panic(expected = "into the past")]
    fn the_past_is_closed() {
        let mut queue = Queue::new();
        queue.push(SimTime(5), ());
        queue.pop();
        queue.push(SimTime(4), ());
    }
}
