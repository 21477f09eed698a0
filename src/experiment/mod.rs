//! Many runs of one scenario: the grid of (arm, replicate), the pool that works through it, and
//! what the runs say together.
//!
//! Law: the results depend on the scenario and nothing else: not on the number of threads, the
//! order in which runs end, or the machine. Knows no files and no terminals.
pub mod books;
mod circulation;
pub mod decomposition;
pub mod grid;
pub mod inequality;
pub mod measure;
mod memory;
pub mod metric;
pub mod metrics;
pub mod money;
pub mod pairs;
pub mod pool;
pub mod recorded;
pub mod stats;
pub mod summary;
pub mod survival;
pub mod wealth;
pub mod workers;

pub use crate::scenario::Recorded;
pub use grid::{ArmDesign, Cell, ClassDesign, Design, Worth};
pub use measure::{LawBroken, SwarmBound};
pub use metric::{Key, Metric, Part, Side};
pub use pairs::Comparison;
pub use pool::{Results, Run, Stopped};
pub use summary::{AtWork, Facts, MoneyFacts, Reduced, Summary};
pub use workers::Workers;
