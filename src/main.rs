//! The door of `swarmecon`: the command line in, an exit code out.

use std::process::ExitCode;

/// Keeps what is alike together: large swarms wait for memory most of the time.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    swarmecon::cli::main()
}
