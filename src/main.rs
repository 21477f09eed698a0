//! The door of `swarmecon`: the command line in, an exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarmecon::cli::main()
}
