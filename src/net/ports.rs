//! Where the flows out of a link lead, in rows that are searched at once.

use super::links::PortId;
use smallvec::{SmallVec, smallvec};
use std::ops::Index;

/// As many flows as most links have at most; so many ports are one vector register.
const ROW: usize = 8;
/// Where no flow leads.
const NOWHERE: PortId = PortId(u32::MAX);

/// The receiving port of each flow, by the flow's position.
///
/// Rows are always full: behind the last flow stands a port that nobody has, so that a look for a
/// port goes through a row without a branch.
#[derive(Clone, Debug)]
pub struct Ports(SmallVec<[PortId; ROW]>);

impl Ports {
    /// Without flows.
    pub(super) fn new() -> Self {
        Self(smallvec![NOWHERE; ROW])
    }

    /// Notes that flow number `at` leads to `port`; it is the flow after the last.
    #[inline]
    pub(super) fn put(&mut self, at: usize, port: PortId) {
        debug_assert!(port != NOWHERE, "a port that nobody has");
        if at == self.0.len() {
            self.0.extend([NOWHERE; ROW]);
        }
        self.0[at] = port;
    }

    /// Takes out flow number `at`; the last one takes its position. Returns where it led.
    #[inline]
    pub(super) fn swap_remove(&mut self, at: usize, last: usize) -> PortId {
        self.0.swap(at, last);
        std::mem::replace(&mut self.0[last], NOWHERE)
    }

    /// The position of the flow that leads to `port`, if there is one.
    #[inline]
    pub(super) fn find(&self, port: PortId) -> Option<usize> {
        for (row, ports) in self.0.as_chunks::<ROW>().0.iter().enumerate() {
            // One bit per port that is the one, all at once.
            let mut hits = [0_u32; ROW];
            for ((hit, other), i) in hits.iter_mut().zip(ports).zip(0..) {
                *hit = u32::from(*other == port) << i;
            }
            let hits = hits.iter().fold(0, |all, hit| all | hit);
            if hits != 0 {
                return Some(row * ROW + hits.trailing_zeros() as usize);
            }
        }
        None
    }

    /// The ports of the first `n` flows.
    #[inline]
    pub(super) fn first(&self, n: usize) -> &[PortId] {
        &self.0[..n]
    }

    /// Where flow number `at` leads, if there is such a flow.
    #[inline]
    pub fn get(&self, at: usize) -> Option<PortId> {
        self.0.get(at).copied().filter(|&port| port != NOWHERE)
    }
}

impl Index<usize> for Ports {
    type Output = PortId;

    #[inline]
    fn index(&self, at: usize) -> &PortId {
        &self.0[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_is_found_where_it_is_and_no_other() {
        let (mut ports, mut plain) = (Ports::new(), Vec::new());
        for step in 0..2000_u32 {
            // Grows to three rows and shrinks again, over and over.
            let grows = step / 25 % 2 == 0;
            if grows {
                ports.put(plain.len(), PortId(step));
                plain.push(PortId(step));
            } else if let Some(last) = plain.len().checked_sub(1) {
                let at = step as usize * 7 % plain.len();
                assert_eq!(ports.swap_remove(at, last), plain.swap_remove(at));
            }
            for port in 0..=step {
                let at = plain.iter().position(|&other| other == PortId(port));
                assert_eq!(ports.find(PortId(port)), at);
            }
            for at in 0..64 {
                assert_eq!(ports.get(at), plain.get(at).copied());
            }
        }
    }
}
