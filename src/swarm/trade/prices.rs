//! The prices that lines pay, each kept once: a line knows its number.
//!
//! Law: a price is kept as long as a line pays it; the number of lines that do is right
//! (`audit_money`).

use crate::units::{Price, u32_of};
use std::collections::BTreeMap;

/// The number of a price in [`Prices`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PriceId(u32);

impl PriceId {
    /// For free: not kept, as most lines are so most of the time.
    pub(super) const FREE: Self = Self(0);

    #[inline]
    pub(super) fn is_free(self) -> bool {
        self == Self::FREE
    }
}

/// All prices that are paid now.
#[derive(Debug)]
pub(super) struct Prices {
    /// Each with the number of lines that pay it. Numbers are used again.
    kept: Vec<(Price, u32)>,
    ids: BTreeMap<Price, PriceId>,
    unused: Vec<PriceId>,
    /// The one that was last asked for: mostly the next one too.
    last: PriceId,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            kept: vec![(Price::ZERO, 0)],
            ids: BTreeMap::new(),
            unused: Vec::new(),
            last: PriceId::FREE,
        }
    }
}

impl Prices {
    #[inline]
    pub(super) fn of(&self, id: PriceId) -> Price {
        self.kept[id.0 as usize].0
    }

    /// Another line pays this price; gives its number.
    pub(super) fn keep(&mut self, price: Price) -> PriceId {
        if price.is_zero() {
            return PriceId::FREE;
        }
        if self.of(self.last) != price {
            self.last = self.look_up(price);
        }
        self.kept[self.last.0 as usize].1 += 1;
        self.last
    }

    #[inline(never)]
    fn look_up(&mut self, price: Price) -> PriceId {
        *self.ids.entry(price).or_insert_with(|| {
            if let Some(id) = self.unused.pop() {
                self.kept[id.0 as usize] = (price, 0);
                return id;
            }
            self.kept.push((price, 0));
            PriceId(u32_of(self.kept.len() - 1))
        })
    }

    /// A line pays this price no more.
    pub(super) fn drop(&mut self, id: PriceId) {
        if id.is_free() {
            return;
        }
        let (price, lines) = &mut self.kept[id.0 as usize];
        *lines -= 1;
        if *lines == 0 {
            self.ids.remove(price);
            self.unused.push(id);
            if self.last == id {
                self.last = PriceId::FREE;
            }
        }
    }

    /// How many lines pay a price.
    pub(super) fn n_lines(&self) -> u64 {
        self.ids.values().map(|id| u64::from(self.kept[id.0 as usize].1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};
    use crate::units::{Bytes, MicroBtt};

    /// 20 lines, 5000 changes of 12 prices, four of which have two names; seed 6. Beside it each
    /// line keeps its price.
    #[test]
    fn a_line_pays_what_it_was_told() {
        let mut luck = stream(6, Purpose::Choke, 0);
        let mut prices = Prices::default();
        let mut lines = [(PriceId::FREE, Price::ZERO); 20];
        for _ in 0..5000 {
            let line = &mut lines[luck.below(20)];
            prices.drop(line.0);
            let price = Price::new(MicroBtt(luck.bits() % 6), Bytes(1 + luck.bits() % 3));
            *line = (prices.keep(price), price);
            assert!(lines.iter().all(|&(id, price)| prices.of(id) == price));
            assert!(lines.iter().all(|&(id, price)| id.is_free() == price.is_zero()));
            let paying = lines.iter().filter(|(id, _)| !id.is_free()).count();
            assert_eq!(prices.n_lines(), paying as u64);
        }
        assert!(prices.kept.len() <= 13, "no more than there are at once");
        for (id, _) in lines {
            prices.drop(id);
        }
        assert!(prices.ids.is_empty(), "what nobody pays is not kept");
    }
}
