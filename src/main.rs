//! The program `quackctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    quackctl::main()
}
