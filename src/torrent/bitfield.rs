//! Sets of pieces or blocks as 64-bit words. Bits beyond the last member are always 0.

/// Words that are handled together: one SIMD register's worth.
pub const LANES: usize = 4;
/// 256 members of a set.
pub type Lanes = [u64; LANES];

/// A set of pieces as whole `Lanes`; its words are a multiple of four.
#[inline]
pub fn lanes(words: &[u64]) -> &[Lanes] {
    let (lanes, odd) = words.as_chunks();
    assert!(odd.is_empty(), "sets of pieces are multiples of four words");
    lanes
}

/// As `lanes`, to be changed.
#[inline]
pub fn lanes_mut(words: &mut [u64]) -> &mut [Lanes] {
    let (lanes, odd) = words.as_chunks_mut();
    assert!(odd.is_empty(), "sets of pieces are multiples of four words");
    lanes
}

/// Members of both sets.
#[inline]
pub fn both(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|l| a[l] & b[l])
}

/// Members of either set.
#[inline]
pub fn either(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|l| a[l] | b[l])
}

/// Members of one of the sets only.
#[inline]
pub fn exclusive(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|l| a[l] ^ b[l])
}

/// Members of the first set only.
#[inline]
pub fn without(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|l| a[l] & !b[l])
}

/// Whether a set has members.
#[inline]
pub fn any(words: Lanes) -> bool {
    words[0] | words[1] | words[2] | words[3] != 0
}

/// Whether member `i` is in the set.
#[inline]
pub fn has(words: &[u64], i: usize) -> bool {
    words[i / 64] >> (i % 64) & 1 == 1
}

/// Whether `i` is in the set; it may be beyond all members.
#[inline]
pub fn contains(words: &[u64], i: usize) -> bool {
    words.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
}

/// Puts member `i` into the set.
#[inline]
pub fn set(words: &mut [u64], i: usize) {
    words[i / 64] |= 1 << (i % 64);
}

/// Takes member `i` out of the set.
#[inline]
pub fn clear(words: &mut [u64], i: usize) {
    words[i / 64] &= !(1 << (i % 64));
}

/// Number of members.
#[inline]
pub fn count(words: &[u64]) -> usize {
    words.iter().map(|w| w.count_ones() as usize).sum()
}

/// A set of the members `0..n`.
pub fn fill(words: &mut [u64], n: usize) {
    for (i, word) in words.iter_mut().enumerate() {
        let below = n.saturating_sub(i * 64).min(64);
        *word = if below == 64 { u64::MAX } else { (1 << below) - 1 };
    }
}

/// Position of the set bit with rank `n` (from 0) in one word that has more than `n` set bits.
#[inline]
pub fn nth_in_word(mut word: u64, n: u32) -> usize {
    for _ in 0..n {
        word &= word - 1;
    }
    word.trailing_zeros() as usize
}

/// The member with rank `n` (from 0), if there are more than `n`.
#[inline]
pub fn nth(words: &[u64], n: usize) -> Option<usize> {
    let mut left = n;
    for (i, &word) in words.iter().enumerate() {
        let here = word.count_ones() as usize;
        if left < here {
            return Some(i * 64 + nth_in_word(word, crate::units::u32_of(left)));
        }
        left -= here;
    }
    None
}

/// The first member from `start` on, or else the first of all.
pub fn first_from(words: &[u64], start: usize) -> Option<usize> {
    members(words).find(|&member| member >= start).or_else(|| nth(words, 0))
}

/// The member of a set that has exactly one.
#[inline]
pub fn only(words: &[u64]) -> Option<usize> {
    let first = words.iter().position(|&word| word != 0)?;
    let word = words[first];
    if word & (word - 1) != 0 || words[first + 1..].iter().any(|&word| word != 0) {
        return None;
    }
    Some(first * 64 + word.trailing_zeros() as usize)
}

/// All members, rising.
pub fn members(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(i, &word)| BitsOf(word).map(move |bit| i * 64 + bit))
}

/// The set bits of one word, rising.
#[derive(Clone, Debug)]
pub struct BitsOf(pub u64);

impl Iterator for BitsOf {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// The bits of word `i` that stand for members in `from..to`.
#[inline]
pub fn range_mask(i: usize, from: usize, to: usize) -> u64 {
    let low = from.saturating_sub(i * 64).min(64);
    let high = to.saturating_sub(i * 64).min(64);
    if low >= high {
        return 0;
    }
    (u64::MAX >> (64 - (high - low))) << low
}

/// The first run of free members `from..to` in `0..n`, where `busy` marks members that are not.
#[inline]
pub fn first_free_run(busy: &[u64], n: usize) -> Option<(usize, usize)> {
    let first = |start: usize, wanted: bool| {
        let mut at = start;
        while at < n {
            let word = if wanted { busy[at / 64] } else { !busy[at / 64] };
            let ahead = word >> (at % 64);
            if ahead != 0 {
                return (at + ahead.trailing_zeros() as usize).min(n);
            }
            at = (at / 64 + 1) * 64;
        }
        n
    };
    let from = first(0, false);
    (from < n).then(|| (from, first(from, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_runs() {
        let words = [0b1011_u64, 1 << 63];
        let all: Vec<usize> = members(&words).collect();
        assert_eq!(all, [0, 1, 3, 127]);
        for (rank, &member) in all.iter().enumerate() {
            assert_eq!(nth(&words, rank), Some(member));
        }
        assert_eq!(nth(&words, 4), None);
        let from = [0, 1, 2, 3, 4, 127, 128].map(|start| first_from(&words, start));
        assert_eq!(from, [0, 1, 3, 3, 127, 127, 0].map(Some));
        assert_eq!(first_from(&[0], 5), None);
        assert_eq!(only(&words), None);
        assert_eq!(only(&[0, 0]), None);
        assert_eq!(only(&[0, 1 << 9]), Some(73));
        assert_eq!(first_free_run(&[0b0011], 8), Some((2, 8)));
        assert_eq!(first_free_run(&[0b1011], 4), Some((2, 3)));
        assert_eq!(first_free_run(&[0b1111], 4), None);
        assert_eq!(first_free_run(&[u64::MAX, 0b1], 80), Some((65, 80)));
        assert_eq!(first_free_run(&[0, 0b100], 80), Some((0, 66)));
    }

    #[test]
    fn masks_of_ranges() {
        for (from, to) in [(0, 0), (0, 64), (3, 70), (64, 128), (70, 71), (5, 5)] {
            let words = [range_mask(0, from, to), range_mask(1, from, to)];
            for i in 0..128 {
                assert_eq!(has(&words, i), (from..to).contains(&i), "{from}..{to} at {i}");
            }
        }
    }

    #[test]
    fn fill_stops_at_the_last_member() {
        let mut words = [0; 3];
        fill(&mut words, 70);
        assert_eq!(count(&words), 70);
        assert!(has(&words, 69) && !has(&words, 70));
        clear(&mut words, 69);
        assert_eq!(count(&words), 69);
    }
}
