//! stub
use crate::units::SimTime;
/// x
#[derive(Clone, Copy, Debug, Default)]
pub struct Fingerprint(u64);
impl Fingerprint {
    /// x
    pub fn absorb(&mut self, at: SimTime, kind: u8, entity: u32) {
        let x = at.0 ^ (u64::from(kind) << 56) ^ (u64::from(entity) << 20);
        self.0 = (self.0 ^ x).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    /// x
    pub fn value(self) -> u64 { self.0 }
}
