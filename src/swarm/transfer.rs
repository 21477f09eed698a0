//! What a connection carries: runs of blocks of one piece, in the order they were asked for.

use super::edges::NO_PIECE;
use crate::ids::PieceId;
use crate::net::flow::Flow;
use crate::units::{Bytes, Volume, extend, u32_of};
use prefetch_index::prefetch_index;

/// No further run.
pub(super) const NONE: u32 = u32::MAX;

/// The blocks `from..to` of one piece, asked for from one neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// The piece; `NO_PIECE` if there is no run.
    pub(super) piece: u16,
    /// First block.
    pub(super) from: u16,
    /// The block after the last.
    pub(super) to: u16,
    /// Whether another neighbour may take over blocks that are not asked for yet.
    pub(super) soft: bool,
    /// Whether the blocks are asked for from somebody else too (end game).
    pub(super) twin: bool,
}

impl Run {
    /// No run.
    pub(super) const EMPTY: Self =
        Self { piece: NO_PIECE, from: 0, to: 0, soft: false, twin: false };

    /// Whether there is nothing to send.
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// Whether it has this block of this piece.
    #[inline]
    pub(super) fn covers(self, piece: PieceId, block: u16) -> bool {
        self.piece == piece.0 && (self.from..self.to).contains(&block)
    }

    /// The piece, of a run that has one.
    #[inline]
    pub(super) fn piece(self) -> PieceId {
        debug_assert!(self.piece != NO_PIECE, "an empty run has no piece");
        PieceId(self.piece)
    }
}

/// The owner's part of a flow: whose it is and what it carries.
///
/// The flow's mark is either the end of `run` (`beyond` is zero) or the moment before it at which
/// more must be asked for; `beyond` is the volume from there to the end of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    /// The receiver's slot at the sender.
    pub(super) slot: u16,
    /// The sender's slot at the receiver.
    pub(super) back: u16,
    /// What is being sent.
    pub(super) run: Run,
    /// The run after it, in the pool.
    pub(super) next: u32,
    /// Bytes from the flow's mark to the end of `run`, or `DRY`.
    beyond: u32,
    /// Bytes of `run` not yet entered in the books of both ends.
    pub(super) to_come: u32,
    /// Bytes entered in the books that the sender's choker has not heard of.
    pub(super) sent_news: u32,
    /// Bytes entered in the books that the receiver's choker has not heard of.
    pub(super) received_news: u32,
    /// Bytes of the runs after `run`.
    pub(super) queued: u32,
}

/// The last attempt to ask for more found nothing: the mark is the end of the run.
const DRY: u32 = u32::MAX;

const _: () = assert!(size_of::<Flow<Transfer>>() == 64, "a cache line per flow");

impl Transfer {
    /// A transfer between these slots that begins with `run`, of so many bytes.
    pub(super) fn new(slot: u16, back: u16, run: Run, size: Bytes) -> Self {
        let (sent_news, received_news, queued) = (0, 0, 0);
        let to_come = in_run(size);
        Self { slot, back, run, next: NONE, beyond: 0, to_come, sent_news, received_news, queued }
    }

    /// Volume from the flow's mark to the end of `run`.
    #[inline]
    pub(super) fn beyond(&self) -> Volume {
        if self.beyond == DRY { Volume::ZERO } else { Bytes(u64::from(self.beyond)).volume() }
    }

    /// Whether the last attempt to ask for more found nothing.
    #[inline]
    pub(super) fn is_dry(&self) -> bool {
        self.beyond == DRY
    }

    /// Something more was found to ask for.
    #[inline]
    pub(super) fn found_more(&mut self) {
        if self.is_dry() {
            self.beyond = 0;
        }
    }

    /// Another run begins, of so many bytes: its mark is its end until `mark_before_end`.
    #[inline]
    pub(super) fn begin_run(&mut self, run: Run, size: Bytes) {
        self.run = run;
        self.to_come = in_run(size);
        self.mark_end();
    }

    /// The mark is the end of the run.
    #[inline]
    pub(super) fn mark_end(&mut self) {
        if !self.is_dry() {
            self.beyond = 0;
        }
    }

    /// The mark lies so many bytes before the end of the run.
    #[inline]
    pub(super) fn mark_before_end(&mut self, bytes: Bytes) {
        self.beyond = in_run(bytes);
    }
}

/// A number of bytes of one run.
#[inline]
pub(super) fn in_run(bytes: Bytes) -> u32 {
    u32::try_from(bytes.0).expect("a run is at most a piece")
}

/// There is nothing more to ask for on this flow: its mark is the end of its run. The flow must be
/// up to date, and its mark be set again.
#[inline]
pub(super) fn dry_up(flow: &mut Flow<Transfer>) {
    flow.left = flow.left + flow.payload.beyond();
    flow.payload.beyond = DRY;
}

/// Further runs of all connections: singly linked lists in one arena.
#[derive(Debug)]
pub(super) struct RunPool {
    nodes: Vec<(Run, u32)>,
    /// The list of nodes that are nobody's.
    free: u32,
}

impl RunPool {
    /// No runs.
    pub(super) const fn new() -> Self {
        Self { nodes: Vec::new(), free: NONE }
    }

    /// Puts a run at the end of the list that starts at `first`; returns the list's start.
    pub(super) fn push_back(&mut self, first: u32, run: Run) -> u32 {
        let node = self.node(run, NONE);
        if first == NONE {
            return node;
        }
        let mut last = first;
        while self.nodes[last as usize].1 != NONE {
            last = self.nodes[last as usize].1;
        }
        self.nodes[last as usize].1 = node;
        first
    }

    /// Puts a run at the start of the list; returns the new start.
    pub(super) fn push_front(&mut self, first: u32, run: Run) -> u32 {
        self.node(run, first)
    }

    /// Takes the first run off a list that has one; returns it and the new start.
    pub(super) fn pop_front(&mut self, first: u32) -> (Run, u32) {
        let (run, next) = self.nodes[first as usize];
        self.nodes[first as usize].1 = self.free;
        self.free = first;
        (run, next)
    }

    /// The runs of the list, in order.
    pub(super) fn iter(&self, first: u32) -> impl Iterator<Item = Run> + '_ {
        let mut at = first;
        std::iter::from_fn(move || {
            let (run, next) = *self.nodes.get(at as usize)?;
            at = next;
            Some(run)
        })
    }

    /// Changes the runs of the list by `edit`, which returns what to keep in their place.
    /// Returns the new start.
    pub(super) fn rewrite(&mut self, first: u32, edit: impl Fn(Run) -> [Run; 2]) -> u32 {
        let runs: Vec<Run> = self.iter(first).collect();
        let mut at = first;
        while at != NONE {
            at = self.pop_front(at).1;
        }
        let kept = runs.into_iter().flat_map(edit).filter(|run| !run.is_empty());
        kept.fold(NONE, |start, run| self.push_back(start, run))
    }

    /// Fetches the start of a list into the cache.
    #[inline]
    pub(super) fn warm(&self, first: u32) {
        prefetch_index(&self.nodes, first as usize);
    }

    fn node(&mut self, run: Run, next: u32) -> u32 {
        let node = self.free;
        if node == NONE {
            return self.add_node(run, next);
        }
        self.free = self.nodes[node as usize].1;
        self.nodes[node as usize] = (run, next);
        node
    }

    #[cold]
    fn add_node(&mut self, run: Run, next: u32) -> u32 {
        extend(&mut self.nodes, 1, (run, next));
        u32_of(self.nodes.len() - 1)
    }
}

/// A piece a leecher has begun: which of its blocks are in, and which are asked for.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    /// The piece.
    pub(super) piece: u16,
    /// Whether it was begun at a seeder.
    pub(super) begun_at_seeder: bool,
    /// Blocks neither received nor asked for.
    pub(super) free: u16,
    /// Blocks not received yet.
    pub(super) missing: u16,
    /// Connections that were given soft runs of it, at least: may count some that are over.
    pub(super) soft: u16,
    /// Whether blocks of it are asked for twice.
    pub(super) twins: bool,
    /// Start of its two block sets in the arena: received, then received or asked for.
    pub(super) bits: u32,
}

/// Block sets of partial pieces, two per piece, in pages.
///
/// An arena that grows by moving is there twice for a moment, and this one grows late in a run.
#[derive(Debug)]
pub(super) struct BlockSets {
    pages: Vec<Box<[u64; PAGE]>>,
    /// Words given out so far.
    end: usize,
    /// Pairs that are nobody's: each holds in its first word where the next one is.
    free: u32,
}

/// Words per page: both sets of the largest piece, which has at most 65 535 blocks, fit.
const PAGE: usize = 2048;

impl BlockSets {
    /// No sets.
    pub(super) const fn new() -> Self {
        Self { pages: Vec::new(), end: 0, free: NONE }
    }

    /// Two empty sets of `words` words each.
    pub(super) fn allot(&mut self, words: usize) -> u32 {
        let at = self.free;
        if at == NONE {
            return self.allot_anew(words);
        }
        let pair = self.page(at as usize, 2 * words);
        let next = pair[0];
        match pair {
            [received, claimed] => (*received, *claimed) = (0, 0),
            _ => pair.fill(0),
        }
        self.free = u32::try_from(next).expect("the place of a pair, or none");
        at
    }

    #[cold]
    fn allot_anew(&mut self, words: usize) -> u32 {
        if self.end % PAGE + 2 * words > PAGE || self.end == self.pages.len() * PAGE {
            self.end = self.pages.len() * PAGE;
            self.pages.push(Box::new([0; PAGE]));
        }
        let at = u32_of(self.end);
        self.end += 2 * words;
        at
    }

    /// Gives two sets back.
    pub(super) fn give_back(&mut self, at: u32) {
        self.page(at as usize, 1)[0] = u64::from(self.free);
        self.free = at;
    }

    /// Fetches the start of two sets into the cache.
    #[inline]
    pub(super) fn warm(&self, at: u32) {
        prefetch_index(&self.pages[at as usize / PAGE][..], at as usize % PAGE);
    }

    /// Blocks received.
    #[inline]
    pub(super) fn got(&mut self, at: u32, words: usize) -> &mut [u64] {
        self.page(at as usize, words)
    }

    /// Blocks received, to be looked at.
    pub(super) fn received(&self, at: u32, words: usize) -> &[u64] {
        let at = at as usize;
        &self.pages[at / PAGE][at % PAGE..][..words]
    }

    /// Blocks received or asked for, to be looked at.
    pub(super) fn claimed(&self, at: u32, words: usize) -> &[u64] {
        self.received(at + u32_of(words), words)
    }

    /// Blocks received or asked for.
    #[inline]
    pub(super) fn busy(&mut self, at: u32, words: usize) -> &mut [u64] {
        self.page(at as usize + words, words)
    }

    /// So many words from `at` on, all on one page.
    #[inline]
    fn page(&mut self, at: usize, words: usize) -> &mut [u64] {
        &mut self.pages[at / PAGE][at % PAGE..][..words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_sets_share_a_word() {
        // Blocks of the smallest piece, of one of 100 MiB, and of the largest.
        for words in [1, 100, 1024] {
            let mut sets = BlockSets::new();
            let places: Vec<u32> = (0..3000 / words).map(|_| sets.allot(words)).collect();
            for (mark, &at) in (1..).zip(&places) {
                sets.got(at, words).fill(2 * mark);
                sets.busy(at, words).fill(2 * mark + 1);
            }
            for (mark, &at) in (1..).zip(&places) {
                assert!(sets.got(at, words).iter().all(|&word| word == 2 * mark));
                assert!(sets.busy(at, words).iter().all(|&word| word == 2 * mark + 1));
            }
            for &at in &places {
                sets.give_back(at);
            }
            for &at in places.iter().rev() {
                assert_eq!(sets.allot(words), at, "used again");
                assert!(sets.got(at, words).iter().all(|&word| word == 0), "and empty");
                assert!(sets.busy(at, words).iter().all(|&word| word == 0), "and empty");
            }
            assert!(!places.contains(&sets.allot(words)), "none is used twice");
        }
    }
}
