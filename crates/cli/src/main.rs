//! `flux-operator`: parses, runs, and maps the result to an exit code.

use std::env;
use std::io;
use std::process::ExitCode;

use flux_operator_cli::cli::Cli;
use flux_operator_cli::ui;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::from_args(env::args_os()) {
        Ok(Some(cli)) => cli.run(&mut io::stdout().lock()),
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            ui::report(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
