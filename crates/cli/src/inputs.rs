//! From `--filename` to plans.

use std::fs;
use std::path::{Path, PathBuf};

use flux_operator_api::identity;
use flux_operator_builder::yaml::{Dialect, Limits, YamlError, read_documents, write};
use flux_operator_builder::{Admission, InstancePlan, Manifest, Violations};

use serde_json::Value;

use crate::error::{Advise, Complaint, Failure};
use crate::files;

/// The path that stands for stdin.
const STDIN: &str = "-";

/// A FluxInstance that can be built.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Where it comes from, for messages: the file, with a line where the file holds several.
    pub(crate) label: String,
    pub(crate) plan: InstancePlan,
    /// The file, unless it is stdin.
    pub(crate) file: Option<PathBuf>,
    /// The file from the directory that was named, or its own name.
    pub(crate) relative: PathBuf,
    /// Which one of the file it is, from 1.
    pub(crate) number: usize,
}

/// An input that holds no FluxInstance, or a wrong one.
#[derive(Debug, thiserror::Error)]
enum InputError {
    #[error("is no valid YAML")]
    Yaml(#[source] YamlError),
    #[error("is empty, or holds only comments")]
    Empty { stdin: bool },
    #[error("holds no FluxInstance")]
    None(#[source] Searched),
    #[error("holds something that is no FluxInstance")]
    WrongKind(#[source] Violations),
    #[error("the FluxInstance has {}", counted(.0.iter().len(), "violation"))]
    Invalid(#[source] Violations),
    #[error("holds {0} FluxInstances, a cluster has one")]
    Several(usize),
    #[error("is named twice, it can be read only once")]
    StdinTwice,
}

/// What a search came across.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .0 {
    0 => "the directory has no `*.yaml`, `*.yml` or `*.json` file".to_owned(),
    files => format!("the directory has {}, without a document of that kind", counted(*files, "YAML or JSON file")),
})]
struct Searched(usize);

/// Reads everything that `--filename` names: files, directories, and `-` for stdin.
///
/// The directory `except` is not searched.
///
/// # Errors
/// Everything that is wrong with any of the inputs.
pub(crate) fn read(sources: &[PathBuf], except: Option<&Path>) -> Result<Vec<Instance>, Failure> {
    let admission = Admission::new();
    let mut reader = Reader { admission: &admission, instances: Vec::new(), complaints: Vec::new() };
    let mut stdin_read = false;
    for source in sources {
        if source.as_os_str() == STDIN {
            if stdin_read {
                reader.complaints.push(Complaint::about("stdin", InputError::StdinTwice));
            } else {
                stdin_read = true;
                reader.stdin();
            }
        } else if source.is_dir() {
            reader.directory(source, except);
        } else {
            reader.file(source);
        }
    }
    Failure::check(reader.complaints)?;
    Ok(reader.instances)
}

/// Reads the one FluxInstance of a file or of stdin, and the document it is written in.
///
/// # Errors
/// Everything that is wrong with it, and that there are several.
pub(crate) fn read_one(path: &Path) -> Result<(Instance, Value), Failure> {
    let is_stdin = path.as_os_str() == STDIN;
    let label = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let text = if is_stdin { files::read_stdin() } else { files::read(path) };
    parse_one(&label, &text.map_err(|error| Complaint::about(label.clone(), error))?)
}

/// The same of a document that was read before.
pub(crate) fn from_value(label: &str, document: &Value) -> Result<(Instance, Value), Failure> {
    let mut text = String::new();
    write(document, &mut text);
    parse_one(label, &text)
}

/// The one FluxInstance of a text, among whatever else it holds, and the document it is written in.
pub(crate) fn parse_one(label: &str, text: &str) -> Result<(Instance, Value), Failure> {
    let admission = Admission::new();
    let mut reader = Reader { admission: &admission, instances: Vec::new(), complaints: Vec::new() };
    let origin = Origin { label: label.to_owned(), file: None, relative: PathBuf::new() };
    reader.instances_of(text, &origin);
    if reader.instances.is_empty() && reader.complaints.is_empty() {
        // For what it says of documents that are something else.
        reader.whole(text, &origin);
    }
    Failure::check(reader.complaints)?;
    let documents = read_documents(text, Dialect::Manifest, &Limits::INPUT).unwrap_or_default();
    let is_instance = |document: &Value| document.get("kind").is_some_and(|kind| kind == identity::KIND);
    let document = documents.into_iter().find(is_instance).unwrap_or_default();
    match <[Instance; 1]>::try_from(reader.instances) {
        Ok([instance]) => Ok((instance, document)),
        Err(instances) => Err(Complaint::about(label, InputError::Several(instances.len())).into()),
    }
}

/// The instances of a text that may hold other documents, too.
///
/// # Errors
/// The text is no YAML, or everything that is wrong with any of the instances.
pub(crate) fn of_text(text: &str, label: &str) -> Result<Vec<Instance>, Failure> {
    let admission = Admission::new();
    let mut reader = Reader { admission: &admission, instances: Vec::new(), complaints: Vec::new() };
    reader.instances_of(text, &Origin { label: label.to_owned(), file: None, relative: PathBuf::new() });
    Failure::check(reader.complaints)?;
    Ok(reader.instances)
}

/// `1 instance` or `2 instances`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

struct Reader<'a> {
    admission: &'a Admission,
    instances: Vec<Instance>,
    complaints: Vec<Complaint>,
}

/// A text, and what its instances inherit from it.
struct Origin<'a> {
    label: String,
    file: Option<&'a Path>,
    relative: PathBuf,
}

impl Reader<'_> {
    fn stdin(&mut self) {
        let origin = Origin { label: "stdin".to_owned(), file: None, relative: PathBuf::from("flux") };
        match files::read_stdin() {
            Ok(text) => self.whole(&text, &origin),
            Err(error) => self.complaints.push(Complaint::about(origin.label, error)),
        }
    }

    fn file(&mut self, path: &Path) {
        let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
        let origin = Origin { label: path.display().to_string(), file: Some(path), relative };
        match files::read(path) {
            Ok(text) => self.whole(&text, &origin),
            Err(error) => self.complaints.push(Complaint::about(origin.label, error)),
        }
    }

    fn directory(&mut self, folder: &Path, except: Option<&Path>) {
        let except = except.and_then(|except| fs::canonicalize(except).ok());
        let (paths, failed) = files::search(folder, except.as_deref());
        let known = (self.instances.len(), self.complaints.len());
        for (path, error) in failed {
            self.complaints.push(Complaint::about(path.display().to_string(), error));
        }
        for path in &paths {
            let relative = path.strip_prefix(folder).unwrap_or(path).to_owned();
            let origin = Origin { label: path.display().to_string(), file: Some(path), relative };
            match files::read(path) {
                // What does not even mention the kind may be anything, templates of YAML included.
                Ok(text) if !text.contains(identity::KIND) => {}
                Ok(text) => self.instances_of(&text, &origin),
                Err(error) => self.complaints.push(Complaint::about(origin.label, error)),
            }
        }
        if known == (self.instances.len(), self.complaints.len()) {
            let error = InputError::None(Searched(paths.len()));
            self.complaints.push(Complaint::about(folder.display().to_string(), error));
        }
    }

    /// Takes a text of which every document has to be a FluxInstance.
    fn whole(&mut self, text: &str, origin: &Origin<'_>) {
        if let Some(manifests) = self.documents(text, origin) {
            if manifests.is_empty() {
                let error = InputError::Empty { stdin: origin.file.is_none() };
                self.complaints.push(Complaint::about(origin.label.clone(), error));
            }
            self.plan(&manifests, origin);
        }
    }

    /// Takes every FluxInstance of a text and passes over everything else.
    fn instances_of(&mut self, text: &str, origin: &Origin<'_>) {
        if let Some(mut manifests) = self.documents(text, origin) {
            manifests.retain(Manifest::is_flux_instance);
            self.plan(&manifests, origin);
        }
    }

    fn plan(&mut self, manifests: &[Manifest<'_>], origin: &Origin<'_>) {
        for (position, manifest) in manifests.iter().enumerate() {
            let label = match manifests.len() {
                1 => origin.label.clone(),
                _ => format!("{}:{}", origin.label, manifest.line()),
            };
            match manifest.plan() {
                Ok(plan) => self.instances.push(Instance {
                    label,
                    plan,
                    file: origin.file.map(Path::to_owned),
                    relative: origin.relative.clone(),
                    number: position + 1,
                }),
                Err(violations) => {
                    let wrong = if manifest.is_flux_instance() { InputError::Invalid } else { InputError::WrongKind };
                    self.complaints.push(Complaint::about(label, wrong(violations)));
                }
            }
        }
    }
}

impl<'a> Reader<'a> {
    fn documents(&mut self, text: &str, origin: &Origin<'_>) -> Option<Vec<Manifest<'a>>> {
        match self.admission.read(text) {
            Ok(manifests) => Some(manifests),
            Err(error) => {
                self.complaints.push(Complaint::about(origin.label.clone(), InputError::Yaml(error)));
                None
            }
        }
    }
}

impl Advise for InputError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Yaml(_) => "indent with spaces, and put texts that hold `: ` or ` #` into quotes",
            Self::Empty { stdin: true } => "check the command before the pipe",
            Self::Empty { stdin: false } | Self::None(_) => {
                "a FluxInstance has `apiVersion: fluxcd.controlplane.io/v1`, `kind: FluxInstance`, \
                 `metadata.name: flux` and `spec.distribution`"
            }
            Self::WrongKind(_) => {
                "every document of a file has to be a FluxInstance; a directory may hold other kinds, too"
            }
            Self::Invalid(violations) => return Some(explain(violations)),
            Self::Several(_) => "leave the one in that is meant",
            Self::StdinTwice => "remove one `--filename -`",
        };
        Some(hint.to_owned())
    }
}

/// Points to the documentation of the mapping that holds all the faulty fields.
fn explain(violations: &Violations) -> String {
    let mut common: Option<Vec<&str>> = None;
    for violation in violations {
        let mut parents: Vec<&str> = violation.path.split('.').collect();
        parents.pop();
        if let Some(free) = parents.iter().position(|field| matches!(*field, "labels" | "annotations")) {
            // The keys of these are the user's own.
            parents.truncate(free);
        }
        common = Some(match common {
            Some(known) => {
                known.into_iter().zip(parents).take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
            }
            None => parents,
        });
    }
    let mut path = String::from("fluxinstance");
    for field in common.unwrap_or_default() {
        let field = field.split('[').next().unwrap_or_default();
        path.push('.');
        path.push_str(field);
    }
    format!("`kubectl explain {path}` describes the fields")
}
