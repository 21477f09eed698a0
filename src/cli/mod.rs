//! The command line: what a person types, and what is printed. The only room that speaks.
//!
//! Answers go to standard output; progress, timing and complaints go to standard error. Exit
//! codes: 0 done, 1 a law was broken or the work could not be completed, 2 the scenario or the
//! flags are at fault.
pub mod args;
pub mod check;
pub mod plot;
pub mod progress;
pub mod run;
pub mod validate;

use args::{Args, Command};
use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The user's scenario or flags: exit code 2.
    User(anyhow::Error),
    /// A broken law, or work that could not be completed: exit code 1.
    Work(anyhow::Error),
}

impl Failure {
    /// The user's fault.
    pub fn user(error: impl Into<anyhow::Error>) -> Self {
        Self::User(error.into())
    }

    /// Not the user's fault.
    pub fn work(error: impl Into<anyhow::Error>) -> Self {
        Self::Work(error.into())
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::User(_) => 2,
            Self::Work(_) => 1,
        }
    }

    fn error(&self) -> &anyhow::Error {
        match self {
            Self::User(error) | Self::Work(error) => error,
        }
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = io::stdout().lock();
    let done = obey(args, &mut out).and_then(|()| out.flush().map_err(Failure::work));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has read enough: `swarmecon run … | head`.
        Err(failure) if is_broken_pipe(failure.error()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("{:#}", failure.error()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn obey(args: Args, out: &mut impl Write) -> Result<(), Failure> {
    match args.command {
        Command::Run(args) => run::command(&args, out),
        Command::Check(args) => check::command(&args, out),
        Command::Plot(args) => plot::command(&args, out),
        Command::Validate(args) => validate::command(&args, out),
    }
}

/// A line on standard error; if nobody can hear it, so be it.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
