//! Neighbour relations: one arena for all peers, columns for what loops touch, bit masks by slot.
//!
//! A peer's neighbours sit in slots `0..cap` of its own stretch of the arena. Each relation is
//! kept at both ends; `back` finds the other end. Law: what one end says, the other end agrees
//! with (`audit`).

use super::plan::{Choking, ClassPlan, OptimisticOrder, TieOrder};
use crate::ids::PeerId;
use crate::torrent::bitfield::BitsOf;
use crate::units::{Span, extend, u16_of, u32_of};
use prefetch_index::prefetch_index;
use std::collections::BTreeMap;

/// No piece: the neighbour has nothing we lack.
pub(super) const NO_PIECE: u16 = u16::MAX;

/// One end of a connection: a peer, and the slot of its neighbour.
pub(super) type End = (PeerId, u16);

/// A set of a peer's slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(super) enum Mask {
    /// Holds a neighbour.
    Live = 0,
    /// We are interested in it.
    Wants = 1,
    /// It is interested in us.
    Wanted = 2,
    /// We unchoke it.
    Serves = 3,
    /// It unchokes us.
    Served = 4,
    /// It has a flow to us.
    FlowIn = 5,
    /// We have a flow to it.
    FlowOut = 6,
    /// It has the whole content.
    Full = 7,
    /// It holds an optimistic slot of ours.
    Optimistic = 8,
    /// A request of ours to it is on its way.
    Asked = 9,
    /// It chokes us, and a request of ours to it is still on its way or will be.
    Late = 10,
    /// A first request of ours to it is on its way or refused, and it chokes us or did.
    Vain = 11,
}

const MASKS: usize = 12;

/// Where a peer's stretch of the arena is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    base: u32,
    mask_base: u32,
    /// Most neighbours.
    pub(super) cap: u16,
    /// 64-bit words per mask.
    words: u16,
}

/// The connection that a peer made last.
#[derive(Clone, Copy, Default, Debug)]
struct Latest {
    slot: u16,
    /// As which of all it has made.
    n_made: u16,
    at_ms: u32,
}

/// The arena. Columns are indexed by `Stretch::at`.
#[derive(Debug)]
pub(super) struct Edges {
    /// The name that stands in empty slots: its row in the columns of bitfields is all zeros.
    nobody: PeerId,
    /// The neighbour.
    pub(super) peer: Vec<PeerId>,
    /// Our slot at the neighbour.
    pub(super) back: Vec<u16>,
    /// A piece the neighbour has announced and we lack: the reason for our interest.
    pub(super) witness: Vec<u16>,
    /// When we last unchoked it, or connected, in ms.
    pub(super) served_ms: Vec<u32>,
    /// In which order that happened. Empty where no choker goes by that.
    order: Vec<u32>,
    /// How often it happened so far.
    n_served: u32,
    /// When its last optimistic turn began, in ms; 0 if it had none. Empty where no queue goes by
    /// that.
    turn_ms: Vec<u32>,
    has_turns: bool,
    /// Where the connection stands in the client's list. Empty where no choker goes by that.
    place: Vec<u64>,
    has_places: bool,
    /// By peer, what it made last. Empty likewise.
    latest: Vec<Latest>,
    masks: Vec<u64>,
    free: BTreeMap<u16, Vec<Stretch>>,
}

impl Stretch {
    /// Position of `slot` in the columns.
    #[inline]
    pub(super) fn at(self, slot: u16) -> usize {
        debug_assert!(slot < self.cap, "a slot beyond the peer's last");
        self.base as usize + usize::from(slot)
    }

    /// All positions, in order of slots.
    #[inline]
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.base as usize..self.base as usize + usize::from(self.cap)
    }

    #[inline]
    fn mask_at(self, mask: Mask, word: usize) -> usize {
        self.mask_base as usize + mask as usize * usize::from(self.words) + word
    }

    /// Words per mask.
    #[inline]
    pub(super) fn words(self) -> usize {
        usize::from(self.words)
    }
}

/// The slots in a mask, rising.
#[derive(Clone, Debug)]
pub(super) struct Slots<'a> {
    bits: BitsOf,
    base: u16,
    rest: &'a [u64],
}

impl Iterator for Slots<'_> {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        loop {
            if let Some(bit) = self.bits.next() {
                return Some(self.base + u16_of(bit));
            }
            let (&word, rest) = self.rest.split_first()?;
            (self.bits, self.base, self.rest) = (BitsOf(word), self.base + 64, rest);
        }
    }
}

impl Edges {
    /// An empty arena for peers with these rules. `nobody` names the neighbour in an empty slot.
    pub(super) fn new(nobody: PeerId, classes: &[ClassPlan]) -> Self {
        let any = |is: fn(&Choking) -> bool| classes.iter().any(|c| is(&c.protocol.choking));
        let has_turns = any(|rules| rules.optimistic_order == OptimisticOrder::LongestWaiting);
        let has_places = any(|rules| rules.ties == TieOrder::InOrder);
        Self {
            nobody,
            peer: Vec::new(),
            back: Vec::new(),
            witness: Vec::new(),
            served_ms: Vec::new(),
            order: Vec::new(),
            n_served: 0,
            turn_ms: Vec::new(),
            has_turns,
            place: Vec::new(),
            has_places,
            latest: vec![Latest::default(); if has_places { nobody.index() } else { 0 }],
            masks: Vec::new(),
            free: BTreeMap::new(),
        }
    }

    /// Makes room for a crowd of peers that come together, and a tenth more: else all columns
    /// are copied again and again until everybody is there.
    pub(super) fn expecting(mut self, peers: usize) -> Self {
        let words = peers + peers / 10;
        let slots = words * peers.min(64);
        self.peer.reserve_exact(slots);
        self.back.reserve_exact(slots);
        self.witness.reserve_exact(slots);
        self.served_ms.reserve_exact(slots);
        self.turn_ms.reserve_exact(if self.has_turns { slots } else { 0 });
        self.place.reserve_exact(if self.has_places { slots } else { 0 });
        self.order.reserve_exact(if self.has_places { slots } else { 0 });
        self.masks.reserve_exact(MASKS * words);
        self
    }

    /// A stretch for `cap` neighbours, used before if possible.
    pub(super) fn allot(&mut self, cap: u16) -> Stretch {
        if let Some(stretch) = self.free.get_mut(&cap).and_then(Vec::pop) {
            return stretch;
        }
        let words = usize::from(cap).div_ceil(64);
        let stretch = Stretch {
            base: u32_of(self.peer.len()),
            mask_base: u32_of(self.masks.len()),
            cap,
            words: u16_of(words),
        };
        let cap = usize::from(cap);
        extend(&mut self.peer, cap, self.nobody);
        extend(&mut self.back, cap, 0);
        extend(&mut self.witness, cap, NO_PIECE);
        extend(&mut self.served_ms, cap, 0);
        extend(&mut self.turn_ms, if self.has_turns { cap } else { 0 }, 0);
        extend(&mut self.place, if self.has_places { cap } else { 0 }, 0);
        extend(&mut self.order, if self.has_places { cap } else { 0 }, 0);
        extend(&mut self.masks, MASKS * words, 0);
        stretch
    }

    /// A stretch of `cap` slots that begins with those of `old`, which is given back.
    pub(super) fn grow(&mut self, old: Stretch, cap: u16) -> Stretch {
        let new = self.allot(cap);
        let (from, to) = (old.range(), new.base as usize);
        self.peer.copy_within(from.clone(), to);
        self.back.copy_within(from.clone(), to);
        self.witness.copy_within(from.clone(), to);
        self.served_ms.copy_within(from.clone(), to);
        if self.has_turns {
            self.turn_ms.copy_within(from.clone(), to);
            self.turn_ms[from.clone()].fill(0);
        }
        if self.has_places {
            self.order.copy_within(from.clone(), to);
            self.place.copy_within(from.clone(), to);
            self.place[from.clone()].fill(0);
        }
        self.peer[from.clone()].fill(self.nobody);
        self.witness[from].fill(NO_PIECE);
        for mask in 0..MASKS {
            for word in 0..old.words() {
                let here = old.mask_base as usize + mask * old.words() + word;
                let there = new.mask_base as usize + mask * new.words() + word;
                self.masks[there] = std::mem::take(&mut self.masks[here]);
            }
        }
        self.give_back(old);
        new
    }

    /// Gives a stretch back. All its slots must be empty.
    pub(super) fn give_back(&mut self, stretch: Stretch) {
        let empty = (0..stretch.words()).all(|w| self.word(stretch, Mask::Live, w) == 0);
        assert!(empty, "a peer that left has no neighbours");
        self.free.entry(stretch.cap).or_default().push(stretch);
    }

    /// The first empty slot.
    pub(super) fn empty_slot(&self, stretch: Stretch) -> Option<u16> {
        (0..stretch.words()).find_map(|w| {
            let free = !self.word(stretch, Mask::Live, w);
            let slot = w * 64 + free.trailing_zeros() as usize;
            (free != 0 && slot < usize::from(stretch.cap)).then(|| u16_of(slot))
        })
    }

    /// One word of a mask.
    #[inline]
    pub(super) fn word(&self, stretch: Stretch, mask: Mask, word: usize) -> u64 {
        debug_assert!(word < stretch.words(), "a word beyond the mask");
        self.masks[stretch.mask_at(mask, word)]
    }

    /// Whether `slot` is in the mask.
    #[inline]
    pub(super) fn is(&self, stretch: Stretch, mask: Mask, slot: u16) -> bool {
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        self.masks[stretch.mask_at(mask, word)] >> bit & 1 == 1
    }

    /// How many slots are in both masks.
    #[inline]
    pub(super) fn count_both(&self, stretch: Stretch, [a, b]: [Mask; 2]) -> usize {
        let both = |word| self.word(stretch, a, word) & self.word(stretch, b, word);
        (0..stretch.words()).map(|word| both(word).count_ones() as usize).sum()
    }

    /// Puts `slot` into the mask.
    #[inline]
    pub(super) fn put(&mut self, stretch: Stretch, mask: Mask, slot: u16) {
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        self.masks[stretch.mask_at(mask, word)] |= 1 << bit;
    }

    /// Takes `slot` out of the mask.
    #[inline]
    pub(super) fn take(&mut self, stretch: Stretch, mask: Mask, slot: u16) {
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        self.masks[stretch.mask_at(mask, word)] &= !(1 << bit);
    }

    /// The neighbour in `slot` is connected, or unchoked.
    pub(super) fn note_service(&mut self, stretch: Stretch, slot: u16, now_ms: u32) {
        let at = stretch.at(slot);
        self.served_ms[at] = now_ms;
        if self.has_places {
            self.n_served = self.n_served.wrapping_add(1);
            self.order[at] = self.n_served;
        }
    }

    /// As which of all that was, to tell those of one millisecond apart; 0 where no choker does.
    #[inline]
    pub(super) fn service_order(&self, stretch: Stretch, slot: u16) -> u32 {
        self.order.get(stretch.at(slot)).copied().unwrap_or(0)
    }

    /// The neighbour in `slot` begins an optimistic turn.
    pub(super) fn begin_turn(&mut self, stretch: Stretch, slot: u16, now_ms: u32) {
        self.put(stretch, Mask::Optimistic, slot);
        if self.has_turns {
            self.turn_ms[stretch.at(slot)] = now_ms.max(1);
        }
    }

    /// When the last optimistic turn of the neighbour in `slot` began, in ms, if it had one and
    /// that is noted.
    #[inline]
    pub(super) fn last_turn(&self, stretch: Stretch, slot: u16) -> Option<u32> {
        self.turn_ms.get(stretch.at(slot)).copied().filter(|&began| began > 0)
    }

    /// Whether it is noted where connections stand in their clients' lists.
    pub(super) fn has_places(&self) -> bool {
        self.has_places
    }

    /// Where the connection in `slot` stands in its client's list; 0 where there is none.
    pub(super) fn place(&self, stretch: Stretch, slot: u16) -> u64 {
        self.place[stretch.at(slot)]
    }

    /// Whether a connection stands before this place.
    pub(super) fn has_place_before(&self, stretch: Stretch, place: u64) -> bool {
        // A connection that has no place yet has place 0.
        self.slots(stretch, Mask::Live).any(|slot| (1..place).contains(&self.place(stretch, slot)))
    }

    /// Notes the place of the connection that `p` made just now, in `slot`.
    pub(super) fn set_place(&mut self, (p, slot): End, stretch: Stretch, place: u64, now_ms: u32) {
        self.place[stretch.at(slot)] = place;
        let n_made = self.n_made(p).saturating_add(1);
        self.latest[p.index()] = Latest { slot, n_made, at_ms: now_ms };
    }

    /// How many connections `p` has made, those that have ended too. A slot may hold one after the
    /// other: it does not say which of them that was.
    pub(super) fn n_made(&self, p: PeerId) -> u16 {
        self.latest[p.index()].n_made
    }

    /// The place of the connection that `p` made last, if that is no longer ago; else 0.
    pub(super) fn place_made_within(
        &self,
        span: Span,
        p: PeerId,
        stretch: Stretch,
        now_ms: u32,
    ) -> u64 {
        let Latest { slot, at_ms, .. } = self.latest[p.index()];
        let ago = Span(u64::from(now_ms.wrapping_sub(at_ms)) * 1_000_000);
        if ago <= span && slot < stretch.cap { self.place(stretch, slot) } else { 0 }
    }

    /// Empties `slot`.
    pub(super) fn clear_slot(&mut self, stretch: Stretch, slot: u16) {
        self.peer[stretch.at(slot)] = self.nobody;
        self.witness[stretch.at(slot)] = NO_PIECE;
        if self.has_turns {
            self.turn_ms[stretch.at(slot)] = 0;
        }
        if self.has_places {
            self.place[stretch.at(slot)] = 0;
        }
        let (word, bit) = (usize::from(slot) / 64, slot % 64);
        for mask in 0..MASKS {
            let at = stretch.mask_base as usize + mask * stretch.words() + word;
            self.masks[at] &= !(1 << bit);
        }
    }

    /// The slots in the mask, rising.
    #[inline]
    pub(super) fn slots(&self, stretch: Stretch, mask: Mask) -> Slots<'_> {
        let start = stretch.mask_at(mask, 0);
        let words = &self.masks[start..start + stretch.words()];
        // Nobody has slots before it joins and after it left.
        let (first, rest) = words.split_first().unwrap_or((&0, &[]));
        Slots { bits: BitsOf(*first), base: 0, rest }
    }

    /// Neighbours by slot, up to the last one at least; empty slots hold nobody.
    #[inline]
    pub(super) fn names(&self, stretch: Stretch) -> &[PeerId] {
        let words = stretch.words();
        let last = (0..words).rev().find_map(|w| {
            let live = self.word(stretch, Mask::Live, w);
            (live != 0).then(|| w * 64 + 64 - live.leading_zeros() as usize)
        });
        // Whole groups of eight, for whoever counts over them.
        let n = last.unwrap_or(0).next_multiple_of(8).min(usize::from(stretch.cap));
        &self.peer[stretch.range().start..stretch.range().start + n]
    }

    /// Slots whose witness is `piece`.
    pub(super) fn witnesses(&self, stretch: Stretch, piece: u16, slots: &mut Vec<u16>) {
        slots.clear();
        // Most groups hold none: comparing sixteen at a time is two instructions each.
        for (group, of) in self.witness[stretch.range()].chunks(16).enumerate() {
            if of.iter().map(|&w| u16::from(w == piece)).sum::<u16>() > 0 {
                let hits = of.iter().enumerate().filter(|(_, w)| **w == piece);
                slots.extend(hits.map(|(i, _)| u16_of(group * 16 + i)));
            }
        }
    }

    /// Fetches what a choker will look at.
    pub(super) fn warm(&self, stretch: Stretch) {
        for at in stretch.range().step_by(16) {
            prefetch_index(&self.served_ms, at);
        }
        self.warm_common(stretch);
    }

    /// Fetches what a pick and a finished piece will look at.
    pub(super) fn warm_names(&self, stretch: Stretch) {
        for at in stretch.range().step_by(32) {
            prefetch_index(&self.witness, at);
        }
        self.warm_common(stretch);
    }

    /// Fetches what is known of one neighbour.
    pub(super) fn warm_slot(&self, stretch: Stretch, slot: u16) {
        let at = stretch.base as usize + usize::from(slot);
        prefetch_index(&self.back, at);
    }

    fn warm_common(&self, stretch: Stretch) {
        for at in stretch.range().step_by(16) {
            prefetch_index(&self.peer, at);
        }
        let masks = MASKS * stretch.words();
        for at in (0..masks).step_by(8) {
            prefetch_index(&self.masks, stretch.mask_base as usize + at);
        }
    }

    /// Number of slots in the mask.
    pub(super) fn count(&self, stretch: Stretch, mask: Mask) -> usize {
        (0..stretch.words()).map(|w| self.word(stretch, mask, w).count_ones() as usize).sum()
    }
}
