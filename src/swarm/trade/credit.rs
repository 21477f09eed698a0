//! The books of a private tracker: bytes given less bytes taken, per user over all torrents.
//!
//! Law: without free-leech the sum of all accounts is the grants, at every moment; with a grant
//! nobody can use up, everything happens as without books.

use crate::ids::{PeerId, UserId};
use crate::observe::Observer;
use crate::swarm::plan::economy::{Credit, Economy};
use crate::swarm::world::Swarm;
use crate::units::Bytes;

/// The accounts of all users.
pub(in crate::swarm) struct Credits {
    /// In hundredths of a byte, so that what counts in part is exact.
    balance: Vec<i128>,
    counted_percent: i128,
}

impl Credits {
    /// Everybody's account with its grant.
    pub(in crate::swarm) fn new(rules: Credit, n_users: usize) -> Self {
        Self {
            balance: vec![i128::from(rules.grant.0) * 100; n_users],
            counted_percent: i128::from(rules.counted_percent),
        }
    }

    /// What a user may still take, in bytes; negative if it took more than it may.
    pub(in crate::swarm) fn of(&self, user: UserId) -> i64 {
        i64::try_from(self.balance[user.index()].div_euclid(100)).unwrap_or(i64::MAX)
    }

    fn enter(&mut self, from: UserId, to: UserId, bytes: Bytes) {
        self.balance[from.index()] += i128::from(bytes.0) * 100;
        self.balance[to.index()] -= i128::from(bytes.0) * self.counted_percent;
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// The accounts at the start, if the economy has some.
    pub(in crate::swarm) fn credits_of(economy: Option<&Economy>, n: usize) -> Option<Credits> {
        match economy {
            Some(Economy::Credit(rules)) => Some(Credits::new(*rules, n)),
            _ => None,
        }
    }

    /// Bytes that were of use went from one peer to another.
    pub(in crate::swarm) fn enter_credit(&mut self, from: PeerId, to: PeerId, bytes: Bytes) {
        let (from, to) = (self.user(from), self.user(to));
        if let Some(credits) = &mut self.credits {
            credits.enter(from, to, bytes);
        }
    }
}
