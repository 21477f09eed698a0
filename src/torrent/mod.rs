//! Content: how it is cut, who has what, what is rare. Knows nothing of peers or time.
pub mod availability;
pub mod bitfield;
pub mod geometry;

pub use geometry::Geometry;
