//! Which piece to ask for.

/// Order in which a peer asks for pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PickOrder {
    /// Fewest copies among the neighbours first, ties at random (Cohen 2003, §2.4).
    RarestFirst,
    /// Any piece with equal chances.
    Random,
    /// From the first to the last.
    Sequential,
    /// Fewest copies in the whole swarm first: an oracle no client has.
    SwarmRarest,
}
