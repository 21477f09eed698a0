//! Many runs of one scenario: the grid of (arm, replicate), the pool that works through it, and
//! what the runs say together.
//!
//! Law: the results depend on the scenario and nothing else: not on the number of threads, the
//! order in which runs end, or the machine. Knows no files and no terminals.
pub mod grid;
pub mod measure;
pub mod metrics;
pub mod pairs;
pub mod pool;
pub mod recorded;
pub mod stats;
pub mod summary;
pub mod workers;

pub use crate::scenario::Recorded;
pub use grid::{ArmDesign, Cell, ClassDesign, Design};
pub use measure::{LawBroken, SwarmBound};
pub use metrics::{Key, Metric};
pub use pairs::Comparison;
pub use pool::{Results, Run, Stopped};
pub use summary::{Facts, Reduced, Summary};
pub use workers::Workers;
