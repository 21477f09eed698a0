//! Figures from result files. Stands in until the figures are merged.

use std::path::{Path, PathBuf};

/// Why a figure could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The folder holds no results.
    #[error("{0}: no results here (summary.csv is missing)")]
    NoResults(PathBuf),
}

/// Draws all figures of a results folder into it.
///
/// # Errors
/// When the folder holds no results.
pub fn draw(folder: &Path) -> Result<Vec<PathBuf>, PlotError> {
    if !folder.join("summary.csv").is_file() {
        return Err(PlotError::NoResults(folder.to_path_buf()));
    }
    Ok(Vec::new())
}
