//! What went wrong, and what to do about it.
//!
//! Every step has its own error type. Its text says what failed, its sources say why, and
//! [`Advise::hint`] says what to do. A [`Complaint`] adds the file it is about, a [`Failure`] holds
//! every complaint of a run, so that nobody has to fix a fleet one error at a time.

use std::collections::HashMap;
use std::error::Error;
use std::io;

/// An error that knows what to do about it.
pub trait Advise: Error + Send + Sync + 'static {
    /// What to do: one line, lower case, no final period.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whether somebody has to be told in words. Default: yes; an exit code may be all that is asked for.
    fn is_told(&self) -> bool {
        true
    }

    /// What the process exits with. Default 1.
    fn exit_code(&self) -> u8 {
        1
    }
}

/// There are differences: no fault, and nothing to tell, but an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("there are differences")]
pub(crate) struct Differs;

impl Advise for Differs {
    fn exit_code(&self) -> u8 {
        2
    }

    fn is_told(&self) -> bool {
        false
    }
}

/// One thing that went wrong.
#[derive(Debug)]
pub struct Complaint {
    subject: Option<String>,
    error: Box<dyn Advise>,
}

/// Everything that went wrong in a run; never empty.
#[derive(Debug)]
pub struct Failure(Vec<Complaint>);

/// A complaint ready to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The files it is about, each once.
    pub(crate) subjects: Vec<String>,
    pub(crate) what: String,
    /// One line each.
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
}

impl Complaint {
    /// An error that says itself what it is about.
    pub fn new(error: impl Advise) -> Self {
        Self { subject: None, error: Box::new(error) }
    }

    /// An error of a file or folder.
    pub fn about(subject: impl Into<String>, error: impl Advise) -> Self {
        Self { subject: Some(subject.into()), error: Box::new(error) }
    }

    /// The lines of the sources; a source that only repeats the line above it is left out.
    fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut above = self.error.to_string();
        let mut source = self.error.source();
        while let Some(error) = source {
            let text = error.downcast_ref::<io::Error>().map_or_else(|| error.to_string(), reason);
            if !above.contains(&text) {
                causes.extend(text.lines().map(str::to_owned));
            }
            above = text;
            source = error.source();
        }
        causes
    }
}

impl Failure {
    /// The complaints as a result.
    pub(crate) fn check(complaints: Vec<Complaint>) -> Result<(), Self> {
        if complaints.is_empty() { Ok(()) } else { Err(Self(complaints)) }
    }

    /// One by one, to be put together with others.
    pub(crate) fn into_complaints(self) -> Vec<Complaint> {
        self.0
    }

    /// What the process exits with: the code of the first complaint.
    pub fn exit_code(&self) -> u8 {
        self.0.first().map_or(1, |complaint| complaint.error.exit_code())
    }

    /// The complaints in their order, those that say the same of several files as one.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut known: HashMap<(String, Vec<String>), usize> = HashMap::new();
        for complaint in self.0.iter().filter(|complaint| complaint.error.is_told()) {
            let (what, causes) = (complaint.error.to_string(), complaint.causes());
            let position = *known.entry((what.clone(), causes.clone())).or_insert(blocks.len());
            if position == blocks.len() {
                blocks.push(Block { subjects: Vec::new(), what, causes, hint: complaint.error.hint() });
            }
            if let (Some(block), Some(subject)) = (blocks.get_mut(position), &complaint.subject)
                && block.subjects.last() != Some(subject)
            {
                block.subjects.push(subject.clone());
            }
        }
        blocks
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        Self(vec![complaint])
    }
}

/// The text of an IO error, in the voice of our own: lower case and without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read {0}")]
    struct Outer(&'static str, #[source] io::Error);

    impl Advise for Outer {
        fn hint(&self) -> Option<String> {
            Some("look elsewhere".to_owned())
        }
    }

    fn missing() -> io::Error {
        io::Error::from_raw_os_error(2)
    }

    #[test]
    fn says_the_same_of_several_files_once() {
        let complaint = |subject, what| Complaint::about(subject, Outer(what, missing()));
        let failure =
            Failure(vec![complaint("a", "it"), complaint("b", "that"), complaint("c", "it"), complaint("c", "it")]);
        let block = |subjects: &[&str], what: &str| Block {
            subjects: subjects.iter().map(|&subject| subject.to_owned()).collect(),
            what: what.to_owned(),
            causes: vec!["no such file or directory".to_owned()],
            hint: Some("look elsewhere".to_owned()),
        };
        assert_eq!(failure.blocks(), [block(&["a", "c"], "cannot read it"), block(&["b"], "cannot read that")]);
    }

    #[test]
    fn a_cause_that_repeats_is_left_out() {
        #[derive(Debug, thiserror::Error)]
        #[error("that failed: no such file or directory")]
        struct Repeats(#[source] io::Error);
        impl Advise for Repeats {}

        assert!(Complaint::new(Repeats(missing())).causes().is_empty());
    }
}
