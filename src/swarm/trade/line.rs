//! What a requester has to do with one provider, and with all of them.

use crate::ids::PeerId;
use crate::ledger::ChannelId;
use crate::units::{Bytes, MicroBtt, Price, SimTime, u16_of};
use prefetch_index::prefetch_index;
use std::ops::{Deref, DerefMut};

/// What a requester has to do with one provider.
///
/// What of `owed` is to be paid now is not kept, as it follows from the rest: all but what came of
/// pieces not verified yet and what is on its way (`Dealer::due`).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line {
    pub(super) provider: PeerId,
    /// Bytes of the run of blocks under way that came before there was a price.
    pub(super) for_free: u32,
    /// What it pays for what comes in; nothing while it is served for other reasons.
    pub(super) price: Price,
    /// Delivered at a price and not paid for.
    pub(super) owed: MicroBtt,
    pub(super) owed_bytes: Bytes,
    /// When the channel can be paid through.
    pub(super) ready: SimTime,
    pub(super) channel: Option<ChannelId>,
    /// Whether it holds a slot it won by its bid.
    pub(super) winning: bool,
    /// Whether the last payment failed.
    pub(super) failing: bool,
}

const _: () = assert!(size_of::<Line>() == 64, "one line of the cache");

impl Line {
    /// A requester that has not dealt with this provider before.
    fn new(provider: PeerId) -> Self {
        Self {
            provider,
            for_free: 0,
            price: Price::ZERO,
            owed: MicroBtt::ZERO,
            owed_bytes: Bytes::ZERO,
            ready: SimTime::ZERO,
            channel: None,
            winning: false,
            failing: false,
        }
    }

    /// Whether it has a channel without a slot or a debt: nothing is going to be paid through it.
    pub(super) fn is_idle(&self) -> bool {
        self.channel.is_some() && !self.winning && self.owed_bytes == Bytes::ZERO
    }
}

/// All lines of a requester. Looked up all the time, for each run of blocks and each round of a
/// provider, so a table by name says where each is.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rows: Vec<Line>,
    /// A power of two of them, or none; three quarters are taken at most. A name stands in the
    /// first cell after its home that was empty when it came.
    cells: Vec<Cell>,
}

/// The lower half of a name and where its line is: small, as a requester's cells are cold whenever
/// they are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    half: u16,
    at: u16,
}

impl Cell {
    const EMPTY: Self = Self { half: 0, at: u16::MAX };
}

/// The lower half of a name; its lowest bits say where in the table it is at home.
#[inline]
fn half(name: PeerId) -> u16 {
    u16_of(name.index() & usize::from(u16::MAX))
}

impl Lines {
    /// Where the line to a provider is, if there is one.
    #[inline]
    pub(super) fn find(&self, provider: PeerId) -> Option<usize> {
        self.cell_of(provider).map(|cell| usize::from(self.cells[cell].at))
    }

    /// The cell of a provider, if it has one.
    #[inline]
    fn cell_of(&self, provider: PeerId) -> Option<usize> {
        let half = half(provider);
        let mask = self.cells.len().wrapping_sub(1);
        let mut at = usize::from(half) & mask;
        loop {
            let cell = *self.cells.get(at)?; // without cells there is none
            if cell == Cell::EMPTY {
                return None;
            }
            if cell.half == half && self.rows[usize::from(cell.at)].provider == provider {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    /// Fetches into the cache the cells where a provider stands, if it has a line.
    #[inline]
    pub(super) fn warm(&self, provider: PeerId) {
        let mask = self.cells.len().wrapping_sub(1);
        prefetch_index(&self.cells, usize::from(half(provider)) & mask);
    }

    /// Adds a line; returns where it is.
    pub(super) fn add(&mut self, provider: PeerId) -> usize {
        debug_assert!(self.find(provider).is_none(), "one line to a provider");
        assert!(self.rows.len() < usize::from(u16::MAX), "a peer has fewer neighbours than that");
        self.rows.push(Line::new(provider));
        if self.rows.len() * 4 > self.cells.len() * 3 {
            let n = (self.cells.len() * 2).max(8);
            self.cells = vec![Cell::EMPTY; n];
            for at in 0..self.rows.len() {
                self.enter(at);
            }
        } else {
            self.enter(self.rows.len() - 1);
        }
        self.rows.len() - 1
    }

    /// Enters the line at this position into the table.
    fn enter(&mut self, at: usize) {
        let half = half(self.rows[at].provider);
        let mask = self.cells.len() - 1;
        let mut cell = usize::from(half) & mask;
        while self.cells[cell] != Cell::EMPTY {
            cell = (cell + 1) & mask;
        }
        self.cells[cell] = Cell { half, at: u16_of(at) };
    }

    /// Takes a line out; the last one takes its place.
    pub(super) fn remove(&mut self, at: usize) -> Line {
        let cell = |lines: &Self, at: usize| {
            lines.cell_of(lines.rows[at].provider).expect("each line has its cell")
        };
        let last = self.rows.len() - 1;
        let (own, moved) = (cell(self, at), cell(self, last));
        self.cells[moved].at = u16_of(at);
        self.empty(own);
        self.rows.swap_remove(at)
    }

    /// Empties a cell. Whoever stands after it and would not be found any more moves up.
    fn empty(&mut self, mut hole: usize) {
        let mask = self.cells.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let cell = self.cells[at];
            if cell == Cell::EMPTY {
                break;
            }
            let from_home = at.wrapping_sub(usize::from(cell.half)) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.cells[hole] = cell;
                hole = at;
            }
        }
        self.cells[hole] = Cell::EMPTY;
    }
}

impl Deref for Lines {
    type Target = [Line];
    #[inline]
    fn deref(&self) -> &[Line] {
        &self.rows
    }
}

impl DerefMut for Lines {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Line] {
        &mut self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};

    fn nth(n: u32) -> PeerId {
        let far = match n / 30 {
            0 => 0,
            1 => 1 << 14,
            _ => 1 << 16,
        };
        PeerId(n % 30 * 255 + far)
    }

    /// 4000 additions and removals among 90 names, of which three share a home each, and two the
    /// lower half as well; seed 3.
    #[test]
    fn lines_are_found_as_by_looking_at_all_of_them() {
        let mut luck = stream(3, Purpose::Choke, 0);
        let (mut lines, mut names) = (Lines::default(), Vec::<PeerId>::new());
        for round in 0..4000 {
            let n = u32::try_from(luck.below(90)).expect("below 90");
            let name = nth(n);
            match names.iter().position(|&known| known == name) {
                // As many come as go, but for the last quarter.
                Some(at) if luck.below(2) == 0 || round > 3000 => {
                    assert_eq!(lines.remove(at).provider, name);
                    names.swap_remove(at);
                }
                None if round <= 3000 => {
                    assert_eq!(lines.add(name), names.len());
                    names.push(name);
                }
                _ => {}
            }
            assert!(names.iter().eq(lines.iter().map(|line| &line.provider)), "the same order");
            for name in (0..90).map(nth) {
                assert_eq!(lines.find(name), names.iter().position(|&known| known == name));
            }
        }
        assert!(names.len() < 5, "few are left: {}", names.len());
    }
}
