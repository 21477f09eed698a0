//! Names of things: small integers that cannot be mixed up.
//!
//! Ids are handed out in order of creation, so iterating by id is a deterministic order.

use crate::units::u32_of;

/// A peer: one membership of one user in one swarm, numbered in order of the plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PeerId(pub u32);

/// A piece of a torrent, numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PieceId(pub u16);

/// A class of peers in a plan, numbered in the order of the scenario file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClassId(pub u16);

/// A user: one person with one access link and one wallet, a peer in each of its swarms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserId(pub u32);

/// A torrent of the catalogue, numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TorrentId(pub u32);

/// An account of the ledger, numbered in order of opening.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub u32);

impl PeerId {
    /// The peer at position `index`.
    pub fn from_index(index: usize) -> Self {
        Self(u32_of(index))
    }
    /// The position in columns of peers.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl PieceId {
    /// The piece at position `index`.
    #[inline]
    pub fn from_index(index: usize) -> Self {
        Self(crate::units::u16_of(index))
    }
    /// The position in columns of pieces.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl ClassId {
    /// The class at position `index`.
    pub fn from_index(index: usize) -> Self {
        Self(crate::units::u16_of(index))
    }
    /// The position in columns of classes.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl UserId {
    /// The user at position `index`.
    pub fn from_index(index: usize) -> Self {
        Self(u32_of(index))
    }
    /// The position in columns of users.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl TorrentId {
    /// The torrent at position `index`.
    pub fn from_index(index: usize) -> Self {
        Self(u32_of(index))
    }
    /// The position in columns of torrents.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl AccountId {
    /// The account at position `index`.
    pub fn from_index(index: usize) -> Self {
        Self(u32_of(index))
    }
    /// The position in columns of accounts.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
