//! The root command.

use std::ffi::OsString;
use std::io::Write;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory as _, Parser};

use crate::commands::{Command, completion};
use crate::error::{Complaint, Failure};
use crate::globals::Globals;
use crate::usage::UsageError;

/// See, change and await what the Flux operator does, and render it.
#[derive(Debug, Parser)]
#[command(
    name = "flux-operator",
    version = concat!("version ", env!("CARGO_PKG_VERSION")),
    disable_version_flag = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    globals: Globals,

    /// Print the version.
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: (),
}

impl Cli {
    /// Parses the arguments of a process, the program's name first.
    ///
    /// `None` where the arguments ask for help or the version, which is then printed to stdout. A
    /// group without a command asks for its help.
    ///
    /// # Errors
    /// The arguments are not understood.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, Failure> {
        let args: Vec<OsString> = args.into_iter().collect();
        if let Some((_, [name, words @ ..])) = args.split_first()
            && name == completion::NAME
        {
            // A line that is not complete cannot be parsed.
            let parsed = Self::try_parse_from(["flux-operator", completion::NAME]);
            return Ok(parsed.ok().map(|cli| Self { command: Command::complete(words), ..cli }));
        }
        let error = match Self::try_parse_from(&args) {
            Ok(cli) => return Ok(Some(cli)),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                // Whoever closed the pipe has read enough.
                let _ = error.print();
                Ok(None)
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                // clap sends this help to stderr, as an error.
                let _ = write!(anstream::stdout(), "{}", error.render().ansi());
                Ok(None)
            }
            _ => Err(Complaint::new(UsageError::new(&error, &Self::command(), &args)).into()),
        }
    }

    /// Runs the command. Data goes to `stdout`, progress and notes to stderr.
    ///
    /// # Errors
    /// See the commands.
    pub fn run(self, stdout: &mut dyn Write) -> Result<(), Failure> {
        self.command.run(&self.globals, stdout)
    }

    /// The flags that every command has.
    pub(crate) fn into_globals(self) -> Globals {
        self.globals
    }
}
