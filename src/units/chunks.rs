//! A long list that grows without moving.

use prefetch_index::prefetch_index;
use std::ops::{Index, IndexMut};

/// A list in chunks of a quarter of a MiB. To grow, a `Vec` of some MB has to be copied to twice as
/// much memory; that is never touched before, which takes longer than all that is kept there.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    /// All are full but the last.
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Chunks<T> {
    /// Places in a chunk: a power of two.
    const PLACES: usize = 1 << ((1_usize << 18) / size_of::<T>()).ilog2();

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        let Some((last, full)) = self.chunks.split_last() else { return 0 };
        full.len() * Self::PLACES + last.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds one at the end.
    #[inline]
    pub fn push(&mut self, value: T) {
        if self.chunks.last().is_none_or(|last| last.len() == Self::PLACES) {
            self.chunks.push(Vec::with_capacity(Self::PLACES));
        }
        self.chunks.last_mut().expect("just made sure of").push(value);
    }

    /// Makes it `n` long, if it is shorter.
    pub fn grow(&mut self, n: usize, value: T)
    where
        T: Clone,
    {
        while self.len() < n {
            self.push(value.clone());
            let before = (self.chunks.len() - 1) * Self::PLACES;
            let last = self.chunks.last_mut().expect("just added to");
            last.resize(Self::PLACES.min(n - before), value.clone());
        }
    }

    /// What is at a place, if there is one.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / Self::PLACES)?.get(at % Self::PLACES)
    }

    /// As `get`, to change.
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.chunks.get_mut(at / Self::PLACES)?.get_mut(at % Self::PLACES)
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Fetches a place into the cache, if there is one.
    #[inline]
    pub fn warm(&self, at: usize) {
        if let Some(chunk) = self.chunks.get(at / Self::PLACES) {
            prefetch_index(chunk, at % Self::PLACES);
        }
    }
}

impl<T> Index<usize> for Chunks<T> {
    type Output = T;
    #[inline]
    fn index(&self, at: usize) -> &T {
        &self.chunks[at / Self::PLACES][at % Self::PLACES]
    }
}

impl<T> IndexMut<usize> for Chunks<T> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.chunks[at / Self::PLACES][at % Self::PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `Vec` is the oracle.
    #[test]
    fn it_holds_what_a_vec_would() {
        type Row = [u64; 6];
        let (mut chunks, mut all) = (Chunks::<Row>::default(), Vec::new());
        assert!(chunks.is_empty());
        let n = 2 * Chunks::<Row>::PLACES + 5;
        for i in 0..n as u64 {
            chunks.push([i; 6]);
            all.push([i; 6]);
        }
        assert_eq!(chunks.len(), n);
        chunks.grow(n, [9; 6]);
        chunks.grow(n - 7, [9; 6]);
        assert_eq!(chunks.len(), n, "never shorter");
        chunks.grow(2 * n, [9; 6]);
        all.resize(2 * n, [9; 6]);
        chunks[n - 1][0] = 7;
        all[n - 1][0] = 7;
        *chunks.get_mut(Chunks::<Row>::PLACES).expect("long enough") = [8; 6];
        all[Chunks::<Row>::PLACES] = [8; 6];
        assert!(chunks.iter().eq(&all));
        assert!((0..=all.len()).all(|at| chunks.get(at) == all.get(at)));
    }
}
