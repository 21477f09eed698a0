//! What requesters owe: by piece until it is verified, by provider where it is overdue.
//!
//! Blocks that come in at a price are a parcel of their piece. Verified, its parcels are due and
//! paid for at once; what cannot be paid is overdue, and is paid with a later piece or on account.
//!
//! Law: what was ever delivered at a price is paid for, on its way, owed or lost (`audit_money`).

use super::post::Letter;
use super::{Dealer, Trade};
use crate::swarm::edges::End;
use crate::units::{Bytes, MicroBtt};
use std::ops::{Add, AddAssign};

/// An amount, and what it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Due {
    pub(super) amount: MicroBtt,
    pub(super) bytes: Bytes,
}

impl Due {
    /// Nothing.
    pub(super) const NONE: Self = Self { amount: MicroBtt::ZERO, bytes: Bytes::ZERO };
}

impl Add for Due {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self { amount: self.amount + other.amount, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Due {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Blocks of a piece from one provider, delivered at a price; verified only for the time it takes
/// to pay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parcel {
    pub(super) piece: u16,
    /// The requester's slot for the provider.
    pub(super) slot: u16,
    pub(super) bytes: u32,
    pub(super) amount: MicroBtt,
}

impl Parcel {
    /// Stands for a piece that is verified.
    const VERIFIED: u16 = u16::MAX;

    /// What is due to the provider in a slot for one verified piece.
    pub(super) fn verified(slot: u16, due: Due) -> Self {
        let bytes = u32::try_from(due.bytes.0).expect("a piece at most");
        Self { piece: Self::VERIFIED, slot, bytes, amount: due.amount }
    }

    pub(super) fn is_verified(&self) -> bool {
        self.piece == Self::VERIFIED
    }

    pub(super) fn due(&self) -> Due {
        Due { amount: self.amount, bytes: Bytes(self.bytes.into()) }
    }
}

impl Dealer {
    /// What is overdue to the provider in a slot.
    fn overdue(&self, slot: u16) -> Due {
        let overdue = self.overdue.iter().find(|&&(other, _)| other == slot);
        overdue.map_or(Due::NONE, |&(_, due)| due)
    }

    /// Whether anything is overdue to the provider in a slot.
    pub(super) fn is_behind_with(&self, slot: u16) -> bool {
        self.overdue.iter().any(|&(other, _)| other == slot)
    }

    /// Takes what is overdue to the provider in a slot out of the books.
    #[inline]
    pub(super) fn take_overdue(&mut self, slot: u16) -> Due {
        if self.is_behind { self.settle_overdue(slot) } else { Due::NONE }
    }

    #[cold]
    fn settle_overdue(&mut self, slot: u16) -> Due {
        let at = self.overdue.iter().position(|&(other, _)| other == slot);
        let due = at.map_or(Due::NONE, |at| self.overdue.swap_remove(at).1);
        self.is_behind = !self.overdue.is_empty();
        due
    }

    /// What was due to the provider in a slot is overdue.
    #[cold]
    pub(super) fn put_off(&mut self, slot: u16, due: Due) {
        if due.bytes == Bytes::ZERO {
            return;
        }
        self.is_behind = true;
        match self.overdue.iter_mut().find(|(other, _)| *other == slot) {
            Some((_, sum)) => *sum += due,
            None => self.overdue.push((slot, due)),
        }
    }

    /// Takes what is due to the provider in a slot out of the books: what came of verified pieces,
    /// and is overdue.
    pub(super) fn take_due(&mut self, slot: u16) -> Due {
        let mut due = self.take_overdue(slot);
        let is_due = |parcel: &Parcel| parcel.slot == slot && parcel.is_verified();
        if let Some(nth) = self.parcels.iter().position(is_due) {
            due += self.parcels.swap_remove(nth).due();
        }
        due
    }

    /// Takes all that is owed to the provider in a slot and is not on its way out of the books.
    pub(super) fn take_all_owed(&mut self, slot: u16) -> Due {
        let mut due = self.take_overdue(slot);
        self.parcels.retain(|parcel| {
            let is_to_them = parcel.slot == slot;
            if is_to_them {
                due += parcel.due();
            }
            !is_to_them
        });
        due
    }

    /// All that it owes, on its way or not.
    pub(super) fn owes_in_all(&self) -> Due {
        let overdue = self.overdue.iter().map(|&(_, due)| due);
        let parcels = self.parcels.iter().map(Parcel::due);
        overdue.chain(parcels).chain(self.letters.iter().map(Letter::due)).fold(Due::NONE, Due::add)
    }
}

impl Trade {
    /// What a requester owes a provider: what came of pieces not verified yet, is overdue, or is
    /// on its way.
    pub(super) fn owed(&self, (p, slot): End) -> Due {
        let dealer = &self.peers[p.index()];
        let mut owed = self.on_its_way(p, slot);
        if dealer.is_behind {
            owed += dealer.overdue(slot);
        }
        for parcel in dealer.parcels.iter().filter(|parcel| parcel.slot == slot) {
            owed += parcel.due();
        }
        owed
    }

    /// Whether a requester owes anything to the provider in a slot.
    #[inline]
    pub(super) fn owes(&self, (p, slot): End) -> bool {
        let dealer = &self.peers[p.index()];
        let is_late = || dealer.is_behind && dealer.is_behind_with(slot);
        let is_sent = || dealer.has_letters && self.on_its_way(p, slot).bytes > Bytes::ZERO;
        dealer.parcels.iter().any(|parcel| parcel.slot == slot) || is_late() || is_sent()
    }
}
