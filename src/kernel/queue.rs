//! The event queue: a total order by (time, order of entry).

use crate::units::SimTime;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Pending events, earliest first; of equals, the one pushed first.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    pushed: u64,
    longest: usize,
    now: SimTime,
}

#[derive(Debug)]
struct Entry<E> {
    at: SimTime,
    seq: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.seq) == (other.at, other.seq)
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue at time zero.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), pushed: 0, longest: 0, now: SimTime::ZERO }
    }
    /// Adds an event. `at` must not lie before the last event taken.
    pub fn push(&mut self, at: SimTime, event: E) {
        assert!(at >= self.now, "an event cannot be sent into the past");
        self.heap.push(Reverse(Entry { at, seq: self.pushed, event }));
        self.pushed += 1;
        self.longest = self.longest.max(self.heap.len());
    }
    /// Takes the earliest event.
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.at;
        Some((entry.at, entry.event))
    }
    /// Events pending now.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
    /// Most events ever pending.
    pub fn longest(&self) -> usize {
        self.longest
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Self::new()
    }
}
