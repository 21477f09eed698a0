//! Threads for work that is not a grid of arms and replicates.
//!
//! Law: the answers come in the order of the items, whoever worked them out and when.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};

/// A crew of threads.
#[derive(Debug)]
pub struct Workers(rayon::ThreadPool);

impl Workers {
    /// So many threads; 0: one per core.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(n_threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().map(Self)
    }

    /// `job` of every item, in the order of the items. A job may itself ask for more.
    pub fn map<T: Sync, R: Send>(&self, items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
        self.0.install(|| items.par_iter().with_max_len(1).map(&job).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        for n_threads in [1, 3] {
            let crew = Workers::new(n_threads).unwrap();
            let squares = crew.map(&items, |x| crew.map(&[*x], |y| x * y)[0]);
            assert!(squares.iter().zip(&items).all(|(square, x)| *square == x * x));
        }
    }
}
