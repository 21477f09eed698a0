//! Rows out: what an experiment found, as files and as text for people.
//!
//! Law: the same results give the same bytes. No times of day, no paths, no order by chance; a
//! number that does not exist is an empty field, never NaN.
pub mod books;
pub mod cautions;
pub mod columns;
pub mod economy;
pub mod folder;
pub mod manifest;
pub mod number;
pub mod rows;
pub mod schema;
pub mod table;
pub mod validation;
pub mod writer;

pub use crate::experiment::{inequality, survival};
pub use cautions::Caution;
pub use folder::{Folder, FolderError};
pub use number::Number;
pub use writer::{ReportError, Writer};
