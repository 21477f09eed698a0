//! What is rare: exact counts of copies over many bitfields at once, in bit-sliced form.
//!
//! Counting per pick over the neighbours' dense bitfields beats keeping counters per peer: a HAVE
//! then costs nothing, and the bitfields of 10 000 peers fit the second-level cache.

use super::bitfield::{LANES, Lanes, any, both, exclusive, lanes, lanes_mut, without};
use crate::ids::PeerId;

/// Binary digits of most counts, which registers hold: bit `b` of plane `k` is digit `k` of the
/// count of piece `b`.
const FEW: usize = 7;
/// Binary digits of any count: up to 65 535 copies.
const MANY: usize = 16;

/// The rarest of the candidates, found by counting copies over a set of bitfields.
#[derive(Debug, Default)]
pub struct Rarest {
    /// Words of the candidates that are rarest.
    pub words: Vec<u64>,
    /// How many candidates are that rare.
    pub ties: usize,
    /// Copies of each of them.
    pub copies: u32,
}

impl Rarest {
    /// Finds the candidates with fewest copies.
    ///
    /// `candidates` is a set of pieces, a multiple of four words; `fields` holds the bitfields of
    /// all peers, as many words each; `holders` are the positions of the peers to count, fastest
    /// in multiples of eight (a row of zeros pads them). Without candidates, `ties` is 0.
    pub fn find(&mut self, candidates: &[u64], fields: &[u64], holders: &[PeerId]) {
        let (rows, candidates) = (lanes(fields), lanes(candidates));
        let stride = candidates.len();
        self.words.resize(stride * LANES, 0);
        self.ties = 0;
        self.copies = u32::MAX;
        for (at, &candidates) in candidates.iter().enumerate() {
            let mut wanted = candidates;
            if any(wanted) {
                let copies = if holders.len() < 1 << FEW {
                    let planes = count_slice::<FEW>((rows, stride), holders, at);
                    keep_rarest(&mut wanted, &planes)
                } else {
                    keep_rarest_of_many(&mut wanted, (rows, stride), holders, at)
                };
                if copies > self.copies {
                    wanted = [0; LANES];
                } else if copies < self.copies {
                    self.copies = copies;
                    self.words[..at * LANES].fill(0);
                }
            }
            lanes_mut(&mut self.words)[at] = wanted;
        }
        self.ties = super::bitfield::count(&self.words);
    }

    /// Leaves only ties that are in `preferred` as well, if there are any.
    pub fn prefer(&mut self, preferred: &[u64]) {
        let (ties, preferred) = (lanes_mut(&mut self.words), lanes(preferred));
        if ties.iter().zip(preferred).any(|(&tie, &p)| any(both(tie, p))) {
            ties.iter_mut().zip(preferred).for_each(|(tie, &p)| *tie = both(*tie, p));
            self.ties = super::bitfield::count(&self.words);
        }
    }

    /// The rarest candidate with rank `n` among the ties.
    pub fn nth(&self, n: usize) -> usize {
        super::bitfield::nth(&self.words, n).expect("a rank below the number of ties")
    }
}

/// Adds up slice `at` of the `stride` slices of all holders, into as many planes as asked for.
///
/// Eight bitfields at a time go through seven full adders: ones, twos and fours are carried along
/// and only the eights go on through the other planes.
#[inline]
fn count_slice<const DEPTH: usize>(
    (rows, stride): (&[Lanes], usize),
    holders: &[PeerId],
    at: usize,
) -> [Lanes; DEPTH] {
    let mut planes = [[0; LANES]; DEPTH];
    let (mut ones, mut twos, mut fours) = ([0; LANES], [0; LANES], [0; LANES]);
    let rows = &rows[at..];
    let (groups, rest) = holders.as_chunks::<8>();
    for group in groups {
        let row = |i: usize| rows[group[i].index() * stride];
        let (sum, c0) = full_add(ones, row(0), row(1));
        let (sum, c1) = full_add(sum, row(2), row(3));
        let (sum, c2) = full_add(sum, row(4), row(5));
        let (sum, c3) = full_add(sum, row(6), row(7));
        ones = sum;
        let (sum, d0) = full_add(twos, c0, c1);
        let (sum, d1) = full_add(sum, c2, c3);
        twos = sum;
        let (sum, eights) = full_add(fours, d0, d1);
        fours = sum;
        ripple(&mut planes[3..], eights);
    }
    (planes[0], planes[1], planes[2]) = (ones, twos, fours);
    for &holder in rest {
        ripple(&mut planes, rows[holder.index() * stride]);
    }
    planes
}

/// Sum and carry of three bits, 256 times.
#[inline]
fn full_add(a: Lanes, b: Lanes, c: Lanes) -> (Lanes, Lanes) {
    let (mut sum, mut carry) = ([0; LANES], [0; LANES]);
    for l in 0..LANES {
        let ab = a[l] ^ b[l];
        sum[l] = ab ^ c[l];
        carry[l] = (a[l] & b[l]) | (ab & c[l]);
    }
    (sum, carry)
}

/// Adds `carry` to the counts in `planes`, which are wide enough.
#[inline]
fn ripple(planes: &mut [Lanes], mut carry: Lanes) {
    for plane in planes {
        (*plane, carry) = (exclusive(*plane, carry), both(*plane, carry));
    }
}

/// Leaves in `wanted` only those with the smallest count; returns that count.
// A call keeps the planes whole: inlined, they fall into 64-bit pieces.
#[inline(never)]
fn keep_rarest(wanted: &mut Lanes, planes: &[Lanes]) -> u32 {
    let mut copies = 0;
    for plane in planes.iter().rev() {
        let fewer = without(*wanted, *plane);
        copies <<= 1;
        if any(fewer) {
            *wanted = fewer;
        } else {
            copies |= 1;
        }
    }
    copies
}

/// The same where there are more holders than most peers have.
#[inline(never)]
fn keep_rarest_of_many(
    wanted: &mut Lanes,
    fields: (&[Lanes], usize),
    holders: &[PeerId],
    at: usize,
) -> u32 {
    assert!(holders.len() < 1 << MANY, "a peer has at most 65 535 neighbours");
    keep_rarest(wanted, &count_slice::<MANY>(fields, holders, at))
}

#[cfg(test)]
mod tests {
    use super::super::bitfield;
    use super::*;
    use crate::rng::{Purpose, stream};

    #[test]
    fn agrees_with_counting_one_by_one() {
        let mut s = stream(5, Purpose::Pick, 0);
        let mut rarest = Rarest::default();
        for round in 0..200 {
            let pieces = 1 + s.below(700);
            let words = pieces.div_ceil(256) * 4;
            // Above and below the number of holders that few planes can count.
            let n = 1 + s.below(240);
            let mut fields = vec![0; n * words];
            for peer in 0..n {
                let share = 1 + s.below(4);
                for piece in 0..pieces {
                    if s.below(4) < share {
                        bitfield::set(&mut fields[peer * words..(peer + 1) * words], piece);
                    }
                }
            }
            let mut candidates = vec![0; words];
            for piece in 0..pieces {
                if s.below(3) == 0 {
                    bitfield::set(&mut candidates, piece);
                }
            }
            let holders: Vec<PeerId> =
                (0..n).filter(|h| h % 5 != 1).map(PeerId::from_index).collect();
            rarest.find(&candidates, &fields, &holders);
            let copies = |p: usize| {
                holders
                    .iter()
                    .filter(|&&h| {
                        bitfield::has(&fields[h.index() * words..(h.index() + 1) * words], p)
                    })
                    .count()
            };
            let wanted: Vec<usize> = bitfield::members(&candidates).collect();
            let Some(least) = wanted.iter().map(|&p| copies(p)).min() else {
                assert_eq!(rarest.ties, 0, "round {round}");
                continue;
            };
            let expected: Vec<usize> = wanted.into_iter().filter(|&p| copies(p) == least).collect();
            let got: Vec<usize> = bitfield::members(&rarest.words).collect();
            assert_eq!(got, expected, "round {round}");
            assert_eq!(rarest.ties, expected.len());
            assert_eq!(rarest.copies as usize, least);
        }
    }
}
