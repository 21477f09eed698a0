//! What is known exactly of scrip systems with many agents (Kash, Friedman and Halpern 2012;
//! the equations follow from detailed balance of the number of coins an agent holds).

use crate::units::f64_of;

/// Agents of a type: identities per agent, and the threshold below which it serves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AgentType {
    /// Share of all agents.
    pub share: f64,
    /// How likely it is to be chosen, relative to others.
    pub weight: f64,
    /// Serves while it holds fewer coins than this.
    pub threshold: u32,
}

/// Costs and benefits of a service, and how much agents care for the future.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Utility {
    /// Cost of serving α.
    pub cost: f64,
    /// Benefit of being served γ.
    pub benefit: f64,
    /// Discount factor δ per own request.
    pub discount: f64,
    /// Probability that a request is served for nothing.
    pub altruism: f64,
    /// Whether an agent serves for one coin more than the strict best reply: the convention that
    /// meets the published interval of the crash (10.25 to 10.5).
    pub one_more: bool,
}

impl Utility {
    /// The numbers of the papers as far as they are known: α = 0.08, γ = 1, δ = 0.97.
    pub const PUBLISHED: Self =
        Self { cost: 0.08, benefit: 1.0, discount: 0.97, altruism: 0.0, one_more: true };
}

/// The law of money: the share of agents with 0, 1, … `threshold` coins where they earn λ times as
/// often as they spend: d(i) = λ^i / Σ λ^j, a truncated geometric distribution.
pub fn holdings(lambda: f64, threshold: u32) -> Vec<f64> {
    // Scaled to the largest term, so that no power overflows.
    let top = if lambda > 1.0 { f64::from(threshold) } else { 0.0 };
    let log = libm::log(lambda);
    let weights: Vec<f64> =
        (0..=threshold).map(|i| libm::exp(log * (f64::from(i) - top))).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

fn mean(lambda: f64, threshold: u32) -> f64 {
    (0..).zip(holdings(lambda, threshold)).map(|(i, d)| f64_of(i) * d).sum()
}

/// λ at which the types hold `money` coins on average; `None` if they would hold no more, because
/// money reaches all their thresholds: a crash.
pub fn earn_per_spend(types: &[AgentType], money: f64) -> Option<f64> {
    let most: f64 = types.iter().map(|t| t.share * f64::from(t.threshold)).sum();
    if money >= most {
        return None;
    }
    let held = |log: f64| -> f64 {
        let one = |t: &AgentType| t.share * mean(libm::exp(log) * t.weight, t.threshold);
        types.iter().map(one).sum()
    };
    let (mut low, mut high) = (-60.0, 60.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if held(middle) < money {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(libm::exp(f64::midpoint(low, high)))
}

/// Share of an agent's requests that is satisfied where it earns `lambda` times as often as it
/// spends: it has a coin.
pub fn satisfied(lambda: f64, threshold: u32) -> f64 {
    1.0 - holdings(lambda, threshold)[0]
}

/// The threshold that is best for an agent who earns `lambda` times as often as it spends.
///
/// With ρ the discount rate per paid request, a coin held as the κ-th is worth `γ Π a_j`, where
/// `a_κ = 1/(1 + ρ)` and `a_j = 1/(1 + ρ + λ − λ a_(j+1))`. It is worth earning while that is at
/// least α.
pub fn best_reply(utility: &Utility, lambda: f64) -> u32 {
    let rho = (1.0 - utility.discount) / (1.0 - utility.altruism);
    let worth = |kappa: u32| {
        let mut a = 1.0 / (1.0 + rho);
        let mut value = a;
        for _ in 1..kappa {
            a = 1.0 / (1.0 + rho + lambda - lambda * a);
            value *= a;
        }
        utility.benefit * value
    };
    let mut kappa = 0;
    while kappa < 1000 && utility.cost <= worth(kappa + 1) {
        kappa += 1;
    }
    kappa + u32::from(utility.one_more)
}

/// A steady state in which everybody's threshold is best for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Equilibrium {
    /// The types with their thresholds.
    pub types: Vec<AgentType>,
    /// Satisfied share of requests by type.
    pub satisfied: Vec<f64>,
    /// Satisfied share of all requests that need money.
    pub satisfied_of_all: f64,
    /// Benefit less cost per request, requests served for nothing included.
    pub welfare: f64,
}

/// The greatest equilibrium by iterating best replies from thresholds of 300; `None` if it ends in
/// a crash. `kinds`: share and weight of each type.
pub fn equilibrium(utility: &Utility, kinds: &[(f64, f64)], money: f64) -> Option<Equilibrium> {
    let mut types: Vec<AgentType> =
        kinds.iter().map(|&(share, weight)| AgentType { share, weight, threshold: 300 }).collect();
    loop {
        let lambda = earn_per_spend(&types, money)?;
        let next: Vec<u32> = types.iter().map(|t| best_reply(utility, lambda * t.weight)).collect();
        let settled = types.iter().zip(&next).all(|(t, k)| t.threshold == *k);
        if settled {
            let one = |t: &AgentType| satisfied(lambda * t.weight, t.threshold);
            let shares: Vec<f64> = types.iter().map(one).collect();
            let of_all: f64 = types.iter().zip(&shares).map(|(t, s)| t.share * s).sum();
            let paid = (1.0 - utility.altruism) * of_all * (utility.benefit - utility.cost);
            let welfare = utility.altruism * utility.benefit + paid;
            return Some(Equilibrium {
                types,
                satisfied: shares,
                satisfied_of_all: of_all,
                welfare,
            });
        }
        for (t, k) in types.iter_mut().zip(next) {
            t.threshold = t.threshold.min(k);
        }
    }
}

/// Where on a scale from `low`, which lives, to `high`, which has crashed, the crash is.
pub fn crash_between(low: f64, high: f64, lives: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low, high);
    while high - low > 1e-4 {
        let middle = f64::midpoint(low, high);
        if lives(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(f64, f64); 1] = [(1.0, 1.0)];

    #[test]
    fn the_law_of_money_is_as_worked_out() {
        let one = AgentType { share: 1.0, weight: 1.0, threshold: 5 };
        let lambda = earn_per_spend(&[one], 2.0).unwrap();
        let law = holdings(lambda, 5);
        for (d, want) in law.iter().zip([0.24678, 0.20724, 0.17403, 0.14615, 0.12273, 0.10307]) {
            assert!((d - want).abs() < 1e-5, "{law:?}");
        }
        // Detailed balance: (1 − d(0)) / (1 − d(k)) = λ.
        assert!(((1.0 - law[0]) / (1.0 - law[5]) - lambda).abs() < 1e-9);
        assert_eq!(earn_per_spend(&[one], 5.0), None, "as much money as thresholds: a crash");
    }

    #[test]
    fn equilibria_are_as_tabulated() {
        let table = [(1.0, 47, 0.46), (2.0, 35, 0.6133), (4.0, 27, 0.7378), (8.0, 21, 0.8444)];
        for (money, threshold, welfare) in table {
            let found = equilibrium(&Utility::PUBLISHED, &ALL, money).unwrap();
            assert_eq!(found.types[0].threshold, threshold, "at {money}");
            assert!((found.welfare - welfare).abs() < 1e-4, "{found:?}");
        }
        assert!(equilibrium(&Utility::PUBLISHED, &ALL, 10.25).is_some());
        assert!(equilibrium(&Utility::PUBLISHED, &ALL, 10.5).is_none());
    }
}
