//! Asking before something is gone for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error::{Advise, Complaint, Failure};

/// Nobody said yes.
#[derive(Debug, thiserror::Error)]
enum Unconfirmed {
    #[error("`{0}` was not confirmed, nothing was changed")]
    Declined(String),
    #[error("there is no terminal to confirm `{0}` at, nothing was changed")]
    Unattended(String),
}

/// Says what will happen, and has `word` typed, unless `yes`.
///
/// # Errors
/// Something else was typed, or there is nobody to type.
pub(crate) fn confirm(what: &str, word: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Complaint::new(Unconfirmed::Unattended(word.to_owned())).into());
    }
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{what}\nType `{word}` to go on: ");
    let _ = stderr.flush();
    let mut line = String::new();
    let _ = io::stdin().lock().read_line(&mut line);
    if line.trim() == word { Ok(()) } else { Err(Complaint::new(Unconfirmed::Declined(word.to_owned())).into()) }
}

impl Advise for Unconfirmed {
    fn hint(&self) -> Option<String> {
        Some("`--yes` goes on without asking".to_owned())
    }
}
