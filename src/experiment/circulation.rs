//! How money moves: velocity, mean price, and the identity that ties them together.
//!
//! Law: M V T = P Q, money stock × velocity × time = mean price × quantity, because both sides are
//! what was paid (Fisher, The Purchasing Power of Money, 1911). Sums are exact integers; what does
//! not exist is `None`.

use crate::units::{Bytes, MicroBtt, Price, Span, f64_of};

/// What was paid for data in some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Circulation {
    /// Payments for data in all. Gifts, fees, deposits and refunds are none.
    pub paid: MicroBtt,
    /// What was bought.
    pub sold: Bytes,
    /// The money that could be spent: wallets and escrow of users, without gateway, operator and
    /// what was burnt. Where it changes, its mean over the time.
    pub stock: MicroBtt,
    /// How long it took.
    pub span: Span,
}

impl Circulation {
    /// How often a unit of money was spent per hour; `None` without money or time.
    pub fn velocity_per_hour(&self) -> Option<f64> {
        let unit_hours = f64_of(self.stock.0) * self.span.as_secs() / 3600.0;
        (unit_hours > 0.0).then(|| f64_of(self.paid.0) / unit_hours)
    }

    /// The mean price of a byte, as an exact ratio; `None` if nothing was sold.
    pub fn mean_price(&self) -> Option<Price> {
        (self.sold > Bytes::ZERO).then(|| Price::new(self.paid, self.sold))
    }

    /// Whether M V T = P Q: the right side exactly what was paid, the left side to 10⁻¹² of it.
    ///
    /// An identity: it fails only if the books do, as when something was paid and nothing sold.
    pub fn is_consistent(&self) -> bool {
        let spent = match self.mean_price() {
            Some(price) => price.of(self.sold, MicroBtt(1)),
            None => MicroBtt::ZERO,
        };
        let turned = match self.velocity_per_hour() {
            Some(velocity) => velocity * f64_of(self.stock.0) * self.span.as_secs() / 3600.0,
            None => 0.0,
        };
        let paid = f64_of(self.paid.0);
        spent == self.paid && (turned - paid).abs() <= 1e-12 * paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circulation(paid: u64, sold: u64, stock: u64, hours: u64) -> Circulation {
        Circulation {
            paid: MicroBtt(paid),
            sold: Bytes(sold),
            stock: MicroBtt(stock),
            span: Span(3_600_000_000_000).times(hours),
        }
    }

    #[test]
    fn velocity_and_price_by_hand() {
        let c = circulation(600, 1200, 100, 2);
        assert_eq!(c.velocity_per_hour(), Some(3.0), "each unit three times an hour");
        assert_eq!(c.mean_price(), Some(Price::new(MicroBtt(1), Bytes(2))));
        let doubled = circulation(1200, 1200, 200, 2);
        assert_eq!(doubled.velocity_per_hour(), c.velocity_per_hour(), "money is neutral");
        assert_eq!(doubled.mean_price(), c.mean_price().map(|p| p.times(2, 1)));
    }

    #[test]
    fn both_sides_of_the_identity_are_what_was_paid() {
        for (paid, sold, stock, hours) in [
            (600, 1200, 100, 2),
            (7, 3, 11, 13),
            (0, 0, 5, 1),
            (0, 900, 5, 1),
            (0, 0, 0, 0),
            (990_000_000_000_000_000, 1 << 50, 990_000_000_000_000_000, 1000),
        ] {
            let c = circulation(paid, sold, stock, hours);
            assert!(c.is_consistent(), "{c:?}");
            assert!(c.velocity_per_hour().is_none_or(f64::is_finite));
        }
        assert!(!circulation(5, 0, 5, 1).is_consistent(), "paid for nothing");
        assert!(!circulation(5, 5, 0, 1).is_consistent(), "paid with nothing");
    }
}
