//! Many unsorted lists of events in one allocation: what the buckets of the queue are made of.
//!
//! A list is a chain of fixed chunks, taken from and given back to one free list. Memory therefore
//! follows the number of events pending, not the sum of what each bucket once held: a `Vec` per
//! bucket keeps its peak for ever, 0.7 KB per peer in a prototype.

use super::queue::Entry;
use crate::units::u32_of;

/// Entries in a chunk. Larger chunks waste more in thin buckets, smaller ones chase more links.
const CHUNK: usize = 16;
/// No chunk.
const NONE: u32 = u32::MAX;

/// A list of entries in order of entry; its chunks live in a [`Pool`].
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
    len: u32,
}

impl List {
    /// The list of nothing; owns no chunk.
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE, len: 0 };

    /// Entries in it.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

/// The store of all chunks.
#[derive(Debug)]
pub(super) struct Pool<E> {
    /// Chunk `c` is `entries[c * CHUNK..][..CHUNK]`.
    entries: Vec<Entry<E>>,
    /// The chunk after each chunk: in its list, or in the free list.
    next: Vec<u32>,
    free: u32,
}

impl<E: Copy> Pool<E> {
    /// A store without chunks.
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), next: Vec::new(), free: NONE }
    }

    /// Puts `entry` at the end of `list`.
    #[inline]
    pub(super) fn push(&mut self, list: &mut List, entry: Entry<E>) {
        let offset = list.len() % CHUNK;
        if offset == 0 {
            let chunk = self.take_chunk(entry);
            if list.len == 0 {
                list.first = chunk;
            } else {
                self.next[list.last as usize] = chunk;
            }
            list.last = chunk;
        }
        self.entries[list.last as usize * CHUNK + offset] = entry;
        list.len += 1;
    }

    /// The chunks of `list`, in order, each with the entries it holds.
    pub(super) fn chunks(&self, list: List) -> impl Iterator<Item = &[Entry<E>]> {
        let (mut chunk, mut left) = (list.first, list.len());
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let here = left.min(CHUNK);
            let start = chunk as usize * CHUNK;
            left -= here;
            chunk = self.next[chunk as usize];
            Some(&self.entries[start..start + here])
        })
    }

    /// Takes the first chunk off `list`: its entries (as many as counted), and its room is free.
    pub(super) fn take_first(&mut self, list: &mut List) -> Option<([Entry<E>; CHUNK], usize)> {
        if list.len == 0 {
            return None;
        }
        let chunk = list.first as usize;
        let here = list.len().min(CHUNK);
        let (chunks, _) = self.entries.as_chunks::<CHUNK>();
        let entries = chunks[chunk];
        list.len -= u32_of(here);
        let after = self.next[chunk];
        self.next[chunk] = self.free;
        self.free = list.first;
        list.first = after;
        Some((entries, here))
    }

    /// Gives all chunks of `list` back.
    pub(super) fn release(&mut self, list: &mut List) {
        if list.len > 0 {
            self.next[list.last as usize] = self.free;
            self.free = list.first;
        }
        *list = List::EMPTY;
    }

    /// A chunk of nobody's. New ones are filled with `filler`, which is never read.
    #[inline]
    fn take_chunk(&mut self, filler: Entry<E>) -> u32 {
        let chunk = self.free;
        if chunk == NONE {
            return self.grow(filler);
        }
        self.free = self.next[chunk as usize];
        chunk
    }

    #[cold]
    fn grow(&mut self, filler: Entry<E>) -> u32 {
        let chunk = u32_of(self.next.len());
        assert!(chunk != NONE, "the queue holds at most 2^36 events");
        let len = self.entries.len();
        if self.entries.capacity() < len + CHUNK {
            // By a quarter, not by doubling: what is unused stays below 25 % of what is pending.
            self.entries.reserve_exact((len / 4).max(4 * CHUNK));
        }
        self.entries.resize(len + CHUNK, filler);
        self.next.push(NONE);
        chunk
    }

    /// Room for this many entries is held.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}
