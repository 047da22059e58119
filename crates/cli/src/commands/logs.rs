//! `flux-operator logs`.

mod line;

use std::io::Write;
use std::time::Duration;

use clap::{Args, ValueEnum};
use flux_operator_api::Object;
use flux_operator_inventory::RequestError;
use futures::future::try_join_all;
use futures::stream::select_all;
use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use kube::api::{ListParams, LogParams};
use kube::core::request::Request as Requests;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind, Span, on_cluster};
use crate::error::{Advise, Complaint, Failure};
use crate::flags::{AllNamespaces, past};
use crate::globals::Globals;
use crate::installation::{OPERATOR, deployments};
use crate::kinds::FluxKind;
use crate::output;
use crate::readiness::text;
use line::Line;

const EXAMPLES: &str = "\
Examples:
  # What went wrong in the last hour, anywhere
  flux-operator logs -A --level error --since 1h

  # One application, as it happens
  flux-operator logs --kind ks --name apps -n flux-system --follow";

/// Print the logs of Flux and its operator, oldest first.
///
/// Only lines about objects of the namespace are shown, unless `-A` asks for all lines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only lines of this level.
    #[arg(long, value_enum, ignore_case = true, value_name = "LEVEL")]
    level: Option<Level>,

    /// Only lines about this kind.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// Only lines about objects of this name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    all_namespaces: AllNamespaces,

    /// Go on, and print lines as they are written.
    #[arg(short, long)]
    follow: bool,

    /// Only this many lines from the end of each log; -1 for all.
    #[arg(long, value_name = "LINES", default_value = "-1", allow_negative_numbers = true)]
    tail: i64,

    /// The namespace that Flux runs in.
    #[arg(long, value_name = "NAMESPACE", env = "FLUX_SYSTEM_NAMESPACE", default_value = "flux-system")]
    flux_namespace: String,

    /// Only lines that are not older, such as `30m`.
    #[arg(long, value_name = "DURATION", value_parser = past)]
    since: Option<Duration>,

    /// Only lines since this moment, such as `2026-08-01T09:00:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    since_time: Option<Timestamp>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Debug,
    Info,
    Error,
}

/// Nobody writes logs.
#[derive(Debug, thiserror::Error)]
#[error("no pods of Flux or its operator found in the namespace `{0}`")]
struct NoPods(String);

/// Prints the logs.
///
/// # Errors
/// There are no pods, or their logs cannot be read.
pub(crate) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let span = if arguments.follow { Span::Endless } else { Span::Limited };
    on_cluster(globals, span, async |cluster: Cluster| {
        let pods = pods(&cluster, &arguments.flux_namespace).await?;
        if pods.is_empty() {
            return Err(Complaint::new(NoPods(arguments.flux_namespace.clone())).into());
        }
        let wanted = Wanted {
            level: arguments.level,
            kind: arguments.kind.as_deref().map(|word| match FluxKind::called(word) {
                Ok(kind) => kind.kind.to_owned(),
                Err(_) => word.to_owned(),
            }),
            name: arguments.name.clone(),
            namespace: arguments.all_namespaces.scope(&cluster, false).namespace().map(str::to_owned),
        };
        let opened = try_join_all(pods.iter().map(|pod| lines(&cluster, pod, arguments)));
        let mut streams = select_all(opened.await?);
        let mut gathered = Vec::new();
        while let Some(text) = streams.next().await {
            let Some(line) = Line::parse(&text).filter(|line| wanted.has(line)) else { continue };
            if arguments.follow {
                if !output::write(stdout, &line.text())? {
                    return Ok(());
                }
            } else {
                gathered.push(line);
            }
        }
        gathered.sort_by(|left, right| left.time.cmp(&right.time));
        let text: String = gathered.iter().map(Line::text).collect();
        output::write(stdout, &text).map(drop)
    })
}

/// Which lines to show.
struct Wanted {
    level: Option<Level>,
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

impl Wanted {
    fn has(&self, line: &Line) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let level = self.level.is_none_or(|level| {
            line.level
                == match level {
                    Level::Debug => "debug",
                    Level::Info => "info",
                    Level::Error => "error",
                }
        });
        level && is(&self.kind, &line.kind) && is(&self.name, &line.name) && is(&self.namespace, &line.namespace)
    }
}

/// A pod that writes a log.
struct Pod {
    namespace: String,
    name: String,
    container: Option<String>,
}

/// One pod of each Deployment of Flux and of the operator, a running one if there is one.
async fn pods(cluster: &Cluster, namespace: &str) -> Result<Vec<Pod>, ClusterError> {
    let scope = Scope::Namespace(namespace.to_owned());
    let kind = ServedKind::built_in("", "v1", "Pod", "pods", true);
    let labelled = |selector: &str| ListParams::default().labels(selector);
    let (flux, operator, deployments) = (labelled("app.kubernetes.io/part-of=flux"), labelled(OPERATOR), deployments());
    let everything = ListParams::default();
    let (flux, operator, pods) = futures::try_join!(
        cluster.list(&deployments, &scope, &flux),
        cluster.list(&deployments, &scope, &operator),
        cluster.list(&kind, &scope, &everything),
    )?;
    let of = |deployment: &Object| {
        let selector = deployment.pointer("/spec/selector/matchLabels")?.as_object()?;
        let has = |pod: &Object, key: &str, value: &Value| {
            pod.labels().any(|(found, of)| found == key && value.as_str() == Some(of))
        };
        let mut own: Vec<&Object> =
            pods.objects.iter().filter(|pod| selector.iter().all(|(key, value)| has(pod, key, value))).collect();
        own.sort_by_key(|pod| text(pod, "/status/phase") != Some("Running"));
        own.first().map(|pod| Pod {
            namespace: namespace.to_owned(),
            name: pod.name().to_owned(),
            container: container(pod),
        })
    };
    Ok(operator.objects.iter().chain(&flux.objects).filter_map(of).collect())
}

/// The container `manager`, where there are several.
fn container(pod: &Object) -> Option<String> {
    let containers = pod.pointer("/spec/containers")?.as_array()?;
    let is_manager = |container: &&Value| container.get("name").is_some_and(|name| name == "manager");
    let container = containers.iter().find(is_manager).or(containers.first())?;
    (containers.len() > 1).then(|| container.get("name")?.as_str().map(str::to_owned))?
}

async fn lines(
    cluster: &Cluster,
    pod: &Pod,
    arguments: &Arguments,
) -> Result<impl futures::Stream<Item = String> + Unpin + use<>, ClusterError> {
    let failed = |error| ClusterError::request(format!("read the log of Pod/{}/{}", pod.namespace, pod.name), error);
    let params = LogParams {
        container: pod.container.clone(),
        follow: arguments.follow,
        tail_lines: (arguments.tail >= 0).then_some(arguments.tail),
        since_seconds: arguments.since.map(|since| i64::try_from(since.as_secs().max(1)).unwrap_or(i64::MAX)),
        since_time: arguments.since_time,
        ..LogParams::default()
    };
    let kind = ServedKind::built_in("", "v1", "Pod", "pods", true);
    let request = Requests::new(kind.path(Some(&pod.namespace))).logs(&pod.name, &params);
    let request = request.map_err(|error| failed(RequestError::unreadable(error)))?;
    let stream = match cluster.client().request_stream(request).await {
        Ok(stream) => stream,
        Err(kube::Error::Api(status)) => return Err(failed(RequestError::Refused(status))),
        Err(error) => return Err(failed(RequestError::Unreachable(error.into()))),
    };
    // A log that breaks off is a log that ends.
    Ok(Box::pin(stream)
        .lines()
        .into_stream()
        .take_while(|line| std::future::ready(line.is_ok()))
        .filter_map(|line| std::future::ready(line.ok())))
}

impl Advise for NoPods {
    fn hint(&self) -> Option<String> {
        Some("name the namespace that Flux runs in with `--flux-namespace`".to_owned())
    }
}
