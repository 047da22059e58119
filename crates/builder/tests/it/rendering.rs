//! Renders instances and looks into what comes out.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

use flux_operator_api::Object;
use flux_operator_builder::{Admission, Bundle, InstancePlan, Release, ReleaseVersion, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::workspace;
use serde_json::Value;

/// A distribution whose files are read once for all tests.
#[derive(Debug)]
pub(crate) struct Distribution {
    directory: Directory,
    versions: Vec<ReleaseVersion>,
    releases: Mutex<BTreeMap<String, Release>>,
}

static CARRIED: LazyLock<Distribution> = LazyLock::new(|| Distribution::open(workspace::distribution()));
static REAL: LazyLock<Option<Distribution>> = LazyLock::new(|| workspace::shared("flux").map(Distribution::open));

impl Distribution {
    /// The reduced distribution that the repository carries: 2.6.90 and 2.9.90.
    pub(crate) fn carried() -> &'static Self {
        &CARRIED
    }

    /// The real distributions beside the repository; says so where there are none.
    pub(crate) fn real() -> Option<&'static Self> {
        if REAL.is_none() {
            eprintln!("skipped: no real distributions beside the repository");
        }
        REAL.as_ref()
    }

    /// The carried distribution, of which nothing has been read or parsed yet.
    pub(crate) fn freshly_read() -> Self {
        Self::open(workspace::distribution())
    }

    fn open(path: std::path::PathBuf) -> Self {
        let directory = Directory::open(path).unwrap();
        let versions = directory.versions().unwrap();
        Self { directory, versions, releases: Mutex::default() }
    }

    /// Oldest first.
    pub(crate) fn versions(&self) -> &[ReleaseVersion] {
        &self.versions
    }

    pub(crate) fn release(&self, version: &ReleaseVersion) -> Release {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        let release = || self.directory.release(version).unwrap();
        releases.entry(version.to_string()).or_insert_with(release).clone()
    }

    pub(crate) fn build(&self, plan: &InstancePlan) -> Result<Bundle, String> {
        let version = plan.select(&self.versions).map_err(|error| chain(&error))?;
        build(plan, &self.release(version)).map_err(|error| chain(&error))
    }

    /// The installation of the only instance of a text, or what is said instead.
    pub(crate) fn try_render(&self, text: &str) -> Result<Bundle, String> {
        self.build(&plan(text)?)
    }

    #[track_caller]
    pub(crate) fn render(&self, text: &str) -> Bundle {
        match self.try_render(text) {
            Ok(bundle) => bundle,
            Err(error) => panic!("{error}\n{text}"),
        }
    }
}

/// The plan of the only instance of a text, or every violation on a line of its own.
pub(crate) fn plan(text: &str) -> Result<InstancePlan, String> {
    let admission = Admission::new();
    let manifests = admission.read(text).map_err(|error| chain(&error))?;
    let [manifest] = manifests.as_slice() else {
        return Err(format!("expected one document, found {}", manifests.len()));
    };
    manifest.plan().map_err(|violations| chain(&violations))
}

/// An instance in `flux-system`; `spec` is what it says beside the distribution, not indented.
pub(crate) fn instance(version: &str, spec: &str) -> String {
    instance_in("flux-system", version, "ghcr.io/fluxcd", spec)
}

pub(crate) fn instance_in(namespace: &str, version: &str, registry: &str, spec: &str) -> String {
    let mut text = format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux, namespace: {namespace}}}\n\
         spec:\n  distribution: {{version: \"{version}\", registry: {registry}}}\n"
    );
    for line in spec.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// All seven components, in flow style; the first six are all that versions before 2.7 have.
pub(crate) const ALL_COMPONENTS: &str = "components: [source-controller, kustomize-controller, helm-controller, \
     notification-controller, image-reflector-controller, image-automation-controller, source-watcher]\n";
pub(crate) const SIX_COMPONENTS: &str = "components: [source-controller, kustomize-controller, helm-controller, \
     notification-controller, image-reflector-controller, image-automation-controller]\n";

/// An error and its causes, a line each.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, "\n  cause: {}", error.to_string().replace('\n', "\n         "));
        cause = error.source();
    }
    text
}

/// The objects as `Kind/namespace/name`, in their order.
pub(crate) fn ids(bundle: &Bundle) -> Vec<String> {
    bundle.objects().iter().map(|object| object.id().to_string()).collect()
}

#[track_caller]
pub(crate) fn object<'b>(bundle: &'b Bundle, kind: &str, name: &str) -> &'b Object {
    let found = bundle.objects().iter().find(|object| object.kind() == kind && object.name() == name);
    found.unwrap_or_else(|| panic!("no {kind} `{name}` among {:#?}", ids(bundle)))
}

/// The value at a JSON pointer, null where there is none.
#[track_caller]
pub(crate) fn at(bundle: &Bundle, kind: &str, name: &str, pointer: &str) -> Value {
    object(bundle, kind, name).pointer(pointer).cloned().unwrap_or_default()
}

/// The texts of the list at a JSON pointer.
#[track_caller]
pub(crate) fn texts(bundle: &Bundle, kind: &str, name: &str, pointer: &str) -> Vec<String> {
    let list = at(bundle, kind, name, pointer);
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap_or_default().to_owned()).collect()
}

/// The arguments of a controller's container.
#[track_caller]
pub(crate) fn args(bundle: &Bundle, deployment: &str) -> Vec<String> {
    texts(bundle, "Deployment", deployment, "/spec/template/spec/containers/0/args")
}

/// What the arguments of a controller have beside those that every installation sets.
#[track_caller]
pub(crate) fn appended_args(bundle: &Bundle, controller: &str) -> Vec<String> {
    let base = match controller {
        "source-controller" | "source-watcher" => 7,
        "notification-controller" => 4,
        _ => 5,
    };
    args(bundle, controller).split_off(base)
}
