//! The operator: parses, runs, and maps the result to an exit code.

use std::env;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use flux_operator_controller::args::Args;
use flux_operator_controller::run::run;
use flux_operator_controller::settings::Settings;
use flux_operator_controller::shutdown::Shutdown;
use flux_operator_controller::telemetry;
use flux_operator_reconciler::outcome::describe;
use tracing::{error, info};

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::install(args.log());
    match operate(args) {
        Ok(()) => {
            info!("ended as asked");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(error = describe(error.as_ref()), "cannot go on");
            ExitCode::FAILURE
        }
    }
}

fn operate(args: Args) -> anyhow::Result<()> {
    let settings = Settings::new(args, |name| env::var(name).ok())?;
    // One thread: there is one instance to reconcile, and each thread costs memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
        run(settings, shutdown).await.map_err(anyhow::Error::new)
    });
    // What still runs has nobody to wait for it.
    runtime.shutdown_background();
    ended
}
