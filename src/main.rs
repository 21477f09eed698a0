//! The door of `swarmecon`: the command line in, an exit code out.

use std::process::ExitCode;

/// Keeps what is alike together: large swarms wait for memory most of the time.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A law that does not hold panics and says which; that is no fault of the command line.
    std::panic::catch_unwind(swarmecon::cli::main).unwrap_or(ExitCode::FAILURE)
}
