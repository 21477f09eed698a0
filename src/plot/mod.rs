//! Figures from result files: SVG, and PNG made from the same SVG.
//!
//! Law: a figure depends on the files in its folder and on nothing else, so drawing twice gives the
//! same bytes. A live run is never read. plotters supplies the coordinates; the sheet is our own,
//! because plotters' SVG rounds to whole pixels and has no dash patterns.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

mod adopters;
mod axis;
mod books;
mod comparison;
mod contribution;
mod curves;
mod decomposition;
mod download_times;
mod lorenz;
mod market;
mod page;
mod png;
mod recorded;
mod style;
mod survival;
mod svg;
mod swarm_health;
mod table;
mod text;
mod validation;

/// Every figure there can be, by the name of its files.
const NAMES: [&str; 10] = [
    "download_times",
    "swarm_health",
    "contribution",
    "comparison",
    "recorded_cdf",
    "adopters_cdf",
    "market",
    "lorenz",
    "availability_survival",
    "decomposition",
];

/// Why figures could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A result file is absent or unreadable.
    #[error("{file} (written by `swarmecon run`) cannot be read")]
    Read {
        /// Name of the file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A result file is not proper CSV.
    #[error("{file}: not a proper CSV file")]
    Csv {
        /// Name of the file.
        file: String,
        /// What the reader says.
        source: csv::Error,
    },
    /// A column that a figure needs is not there.
    #[error("{file}: no column `{column}`; it has: {found}")]
    MissingColumn {
        /// Name of the file.
        file: String,
        /// The column that was looked for.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// A cell should hold a number and does not.
    #[error("{file}:{line}: column `{column}` holds `{value}`; it must be a finite number")]
    BadNumber {
        /// Name of the file.
        file: String,
        /// Line in the file, the header being line 1.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// The manifest is not TOML.
    #[error("manifest.toml: not proper TOML")]
    Manifest {
        /// What the reader says.
        source: Box<toml::de::Error>,
    },
    /// The picture could not be made.
    #[error("{figure}: cannot be rendered: {why}")]
    Render {
        /// Name of the figure.
        figure: String,
        /// What the renderer says.
        why: String,
    },
    /// A figure could not be written.
    #[error("{file}: cannot be written", file = file.display())]
    Write {
        /// Path of the figure.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Draws all figures that the result files in `folder` allow, beside them, and returns their paths.
///
/// `peers.csv` and `timeline.csv` must be there; `manifest.toml` (its `name` and `question`),
/// `comparison.csv`, `recorded_downloads.csv` and the files of the economy are used if they are.
/// Each figure is written under a temporary name and then renamed, so an old one is replaced only
/// by a complete new one. An old one that the files do not call for any more is removed.
///
/// # Errors
///
/// When a file is absent, lacks a column or holds something else than a number where one belongs,
/// and when a figure cannot be written.
pub fn draw(folder: &Path) -> Result<Vec<PathBuf>, PlotError> {
    let results = table::Results::read(folder)?;
    let figures = [
        Some(download_times::draw(&results)),
        Some(swarm_health::draw(&results)),
        Some(contribution::draw(&results)),
        comparison::draw(&results),
        recorded::draw(&results),
        adopters::draw(&results),
        market::draw(&results),
        lorenz::draw(&results),
        survival::draw(&results),
        decomposition::draw(&results),
    ];
    let renderer = png::Renderer::new();
    let mut paths = Vec::new();
    let drawn: Vec<_> = figures.into_iter().flatten().collect();
    for name in NAMES.iter().filter(|name| drawn.iter().all(|figure| figure.name != **name)) {
        remove(folder, name)?;
    }
    for figure in drawn {
        debug_assert!(NAMES.contains(&figure.name), "a figure is known by its name");
        let picture = renderer.png(figure.name, &figure.svg)?;
        paths.push(write(folder, &format!("{}.svg", figure.name), figure.svg.as_bytes())?);
        paths.push(write(folder, &format!("{}.png", figure.name), &picture)?);
    }
    Ok(paths)
}

/// Draws a figure of theory over simulation for each check in `curves.csv`, beside it, and returns
/// their paths.
///
/// # Errors
///
/// When the file is absent or not proper, and when a figure cannot be written.
pub fn draw_validation(folder: &Path) -> Result<Vec<PathBuf>, PlotError> {
    let renderer = png::Renderer::new();
    let mut paths = Vec::new();
    for (name, svg) in validation::draw(folder)? {
        let picture = renderer.png(&name, &svg)?;
        paths.push(write(folder, &format!("{name}.svg"), svg.as_bytes())?);
        paths.push(write(folder, &format!("{name}.png"), &picture)?);
    }
    Ok(paths)
}

/// Removes a figure of an earlier drawing that the files do not call for any more.
fn remove(folder: &Path, name: &str) -> Result<(), PlotError> {
    for ending in ["svg", "png"] {
        let file = folder.join(format!("{name}.{ending}"));
        match fs::remove_file(&file) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(PlotError::Write { file, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file under a temporary name, then gives it its own.
fn write(folder: &Path, name: &str, content: &[u8]) -> Result<PathBuf, PlotError> {
    let file = folder.join(name);
    let temporary = folder.join(format!(".{name}.part"));
    let fault = |source| PlotError::Write { file: file.clone(), source };
    fs::write(&temporary, content).map_err(fault)?;
    fs::rename(&temporary, &file).map_err(fault)?;
    Ok(file)
}
