//! `swarmecon plot`: the figures of a results folder, drawn again from its files.

use super::Failure;
use super::args::PlotArgs;
use anyhow::Context;
use std::io::Write;

/// Does what the flags say.
///
/// # Errors
/// When the folder holds no results or a figure cannot be written.
pub fn command(args: &PlotArgs, out: &mut impl Write) -> Result<(), Failure> {
    let figures = crate::plot::draw(&args.folder)
        .with_context(|| args.folder.display().to_string())
        .map_err(Failure::User)?;
    for figure in figures {
        writeln!(out, "{}", figure.display()).map_err(Failure::work)?;
    }
    Ok(())
}
