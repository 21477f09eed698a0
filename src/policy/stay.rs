//! How much longer a seeder stays because it is paid: the stayer plug.
//!
//! Asked when a seeder would leave, and again when the time it added is over: each answer is how
//! long it stays in all beyond the time it meant to, so who goes on earning as before leaves when
//! that is over. It sees what it has been earning, what staying costs and what a token arm offers;
//! not who needs it.
//!
//! Law: without elasticity a token changes no departure, exactly; an hour that brings no more than
//! it costs adds nothing. How strongly people respond to pennies is not known: no measurement was
//! found, so the elasticity is the user's to set and its sweep is the result.

use crate::units::{NanoUsd, Span};
use std::fmt;
use std::sync::Arc;

/// What a stayer is shown when it is about to leave.
#[derive(Clone, Copy, Debug)]
pub struct StayView {
    /// How long it has been seeding.
    pub seeded: Span,
    /// What an hour of seeding is expected to bring, at today's price of a BTT.
    pub revenue_per_hour: NanoUsd,
    /// What an hour of seeding costs it: power, what the link could do instead, and what it sends.
    pub cost_per_hour: NanoUsd,
}

/// Which stayer a peer runs.
#[derive(Clone)]
pub enum StayerSpec {
    /// Leaves when it would leave without money.
    Unmoved,
    /// Stays longer the more it earns.
    Elastic(Elastic),
    /// A stayer of the library's user. It has no memory: all it may know is in the view.
    Custom(Arc<dyn Stayer>),
}

/// Decides how much longer to stay.
pub trait Stayer: Send + Sync {
    /// Its name in manifests.
    fn name(&self) -> String;
    /// How much longer in all than it meant to; it leaves if it has stayed that long already.
    fn longer(&self, view: &StayView) -> Span;
    /// The time it means to seed for nothing, where a token is offered.
    fn base(&self, without_token: Span) -> Span {
        without_token
    }
}

/// Stays `elasticity × (revenue − cost) ÷ reference` hours longer in all, at least none, at most
/// `most`.
///
/// Crowding out: where money is offered, altruists may give less (Titmuss, The Gift Relationship,
/// 1970; Gneezy and Rustichini, Quarterly Journal of Economics 2000). So the time seeded for
/// nothing is multiplied by `crowding_percent`, in arms with a token only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elastic {
    /// 100: an hour that nets the reference brings one hour more. 0: money moves nobody.
    pub elasticity_percent: u64,
    /// What an hour must net to add `elasticity_percent` of an hour.
    pub reference_per_hour: NanoUsd,
    /// The most that is added in all.
    pub most: Span,
    /// What is left of the altruistic time once a token is offered, in percent of it.
    pub crowding_percent: u64,
}

/// Nanoseconds in an hour.
const HOUR_NS: u128 = 3_600_000_000_000;

impl Elastic {
    /// How much longer in all, rounded down.
    ///
    /// # Panics
    /// If the reference is nothing.
    pub fn longer(&self, view: &StayView) -> Span {
        assert!(self.reference_per_hour > NanoUsd::ZERO, "staying is compared with some money");
        let net = view.revenue_per_hour.0.saturating_sub(view.cost_per_hour.0);
        // Below 2⁶⁴ × 2⁶⁴ each: saturates at a span that is capped in any case.
        let response = u128::from(net) * u128::from(self.elasticity_percent);
        let ns = response.saturating_mul(HOUR_NS) / 100 / u128::from(self.reference_per_hour.0);
        Span(u64::try_from(ns).unwrap_or(u64::MAX)).min(self.most)
    }

    /// The altruistic time that crowding out leaves, rounded down; 100 % is the same to the bit.
    pub fn base(&self, without_token: Span) -> Span {
        if without_token == Span::FOREVER {
            return without_token;
        }
        let ns = u128::from(without_token.0) * u128::from(self.crowding_percent) / 100;
        Span(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

impl StayerSpec {
    /// As written in scenario files and manifests.
    pub fn name(&self) -> String {
        match self {
            Self::Unmoved => "unmoved".into(),
            Self::Elastic(_) => "elastic".into(),
            Self::Custom(stayer) => stayer.name(),
        }
    }

    /// How much longer in all the seeder stays than it meant to.
    pub fn longer(&self, view: &StayView) -> Span {
        match self {
            Self::Unmoved => Span::ZERO,
            Self::Elastic(rule) => rule.longer(view),
            Self::Custom(stayer) => stayer.longer(view),
        }
    }

    /// The time it means to seed for nothing; to be asked only where a token is offered.
    pub fn base(&self, without_token: Span) -> Span {
        match self {
            Self::Unmoved => without_token,
            Self::Elastic(rule) => rule.base(without_token),
            Self::Custom(stayer) => stayer.base(without_token),
        }
    }
}

impl fmt::Debug for StayerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Span = Span(3_600_000_000_000);
    const RULE: Elastic = Elastic {
        elasticity_percent: 50,
        reference_per_hour: NanoUsd(1000),
        most: Span(24 * 3_600_000_000_000),
        crowding_percent: 100,
    };

    fn view(revenue: u64, cost: u64) -> StayView {
        StayView {
            seeded: Span::ZERO,
            revenue_per_hour: NanoUsd(revenue),
            cost_per_hour: NanoUsd(cost),
        }
    }

    #[test]
    fn hours_added_by_hand() {
        for (revenue, cost, want) in [
            (1000, 0, Span(HOUR.0 / 2)),
            (3000, 1000, HOUR),
            (1000, 1000, Span::ZERO),
            (0, 1000, Span::ZERO),
            (48_000, 0, HOUR.times(24)),
            (48_001, 0, HOUR.times(24)),
            (u64::MAX, 0, HOUR.times(24)),
        ] {
            assert_eq!(RULE.longer(&view(revenue, cost)), want, "{revenue} − {cost}");
        }
        let fine = Elastic { elasticity_percent: 1, ..RULE };
        assert_eq!(fine.longer(&view(1, 0)), Span(36_000_000), "a hundredth of a thousandth");
    }

    #[test]
    fn without_elasticity_nothing_moves() {
        let deaf = StayerSpec::Elastic(Elastic { elasticity_percent: 0, ..RULE });
        for spec in [deaf, StayerSpec::Unmoved] {
            for revenue in [0, 1, 1000, u64::MAX] {
                assert_eq!(spec.longer(&view(revenue, 0)), Span::ZERO, "{spec:?}");
            }
            for span in [Span::ZERO, Span(7), HOUR, Span::FOREVER] {
                assert_eq!(spec.base(span), span, "{spec:?}: to the bit");
            }
        }
    }

    #[test]
    fn more_revenue_never_shortens_and_more_cost_never_lengthens() {
        let amounts = [0, 10, 999, 1000, 1001, 50_000];
        for cost in amounts {
            let spans = amounts.map(|revenue| RULE.longer(&view(revenue, cost)));
            assert!(spans.is_sorted(), "cost {cost}");
            let spans = amounts.map(|dearer| RULE.longer(&view(cost, dearer)));
            assert!(spans.iter().rev().is_sorted(), "revenue {cost}");
        }
    }

    #[test]
    fn crowding_out_shortens_what_is_given_for_nothing() {
        let rule = Elastic { crowding_percent: 40, ..RULE };
        assert_eq!(rule.base(HOUR.times(10)), HOUR.times(4));
        assert_eq!(rule.base(Span(1)), Span::ZERO, "rounded down");
        assert_eq!(rule.base(Span::FOREVER), Span::FOREVER, "who never leaves never leaves");
    }
}
