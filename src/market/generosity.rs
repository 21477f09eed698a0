//! Who contributes when free riding is costly to those who do not (Feldman, Papadimitriou, Chuang
//! and Stoica, PINS 2004).
//!
//! Contributing costs each contributor 1/x where a share x of all contributes, as the contributors
//! carry the load of everybody. Each agent has a generosity θ and contributes while that is above
//! its cost. Law: what is left after all have reconsidered does not depend on the order in which
//! they do, as contributors only ever become fewer.

use crate::rng::{Purpose, stream};
use crate::units::{f64_of_len, u32_of};

/// The share that goes on contributing, of `n` agents with generosities uniform in `[0, most)`, all
/// of whom begin as contributors.
pub fn contributors(n: usize, most: f64, seed: u64) -> f64 {
    let mut luck = stream(seed, Purpose::Market, 2);
    let mut generous: Vec<f64> = (0..n).map(|_| most * luck.unit()).collect();
    // The least generous give up first, so those that go on are the most generous.
    generous.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut left = n;
    while left > 0 {
        let cost = f64::from(u32_of(n)) / f64_of_len(left);
        let staying = generous[..left].partition_point(|&theta| theta > cost);
        if staying == left {
            break;
        }
        left = staying;
    }
    f64_of_len(left) / f64_of_len(n)
}

/// The same for infinitely many: the larger root of x = 1 − 1/(θ x), and none below θ = 4.
pub fn limit(most: f64) -> f64 {
    if most < 4.0 { 0.0 } else { f64::midpoint(1.0, (1.0 - 4.0 / most).sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_a_fixed_point_and_ends_at_four() {
        for most in [4.0, 4.5, 5.0, 8.0, 100.0] {
            let x = limit(most);
            assert!((x - (1.0 - 1.0 / (most * x))).abs() < 1e-12, "{most}: {x}");
        }
        assert_eq!((limit(4.0), limit(3.999)), (0.5, 0.0));
    }

    /// 20 000 agents, seed 1; the tolerance is four standard errors of a binomial share.
    #[test]
    fn many_agents_come_near_the_limit_or_all_give_up() {
        assert_eq!(contributors(20_000, 3.5, 1), 0.0);
        for most in [6.0, 12.0] {
            let got = contributors(20_000, most, 1);
            assert!((got - limit(most)).abs() < 0.02, "{most}: {got}");
        }
    }
}
