//! Dashboards and alerts ask for metrics and labels that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use flux_operator_builder::yaml::{self, Dialect, Limits};
use flux_operator_testkit::workspace;
use promql_parser::label::Labels;
use promql_parser::parser::{self, Expr, LabelModifier, VectorMatchCardinality, VectorSelector};
use serde_json::Value;

use crate::world::{World, spec, the_only_flux, until};

const FILES: &str = "charts/flux-operator/files";

/// Labels that Prometheus adds when it reads metrics in a cluster.
const OF_TARGETS: [&str; 7] = ["container", "endpoint", "instance", "job", "namespace", "pod", "service"];

/// A query, and where it is written.
struct Query {
    place: String,
    text: String,
}

/// Labels, by metric.
type Exposed = BTreeMap<String, BTreeSet<String>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_about_metrics_of_a_real_run() {
    let _flux = the_only_flux().await;
    let world = World::new("monitoring").await;
    world.apply(&spec("2.6.90")).await;
    let operator = world.operator();
    world.until_ready().await;
    let read = async || {
        let (_, text) = operator.ask("--metrics-addr", "/metrics").await;
        text.contains("reason=\"ReconciliationSucceeded\"").then_some(text)
    };
    let mut exposed = exposed(&until("the run is in the metrics", read).await);
    world.delete().await;
    // This operator runs without a lease, and there is nothing of Flux but Flux itself. What these have is in
    // docs/operating.md.
    for (metric, labels) in [
        ("leader_election_master_status", "name"),
        (
            "flux_resource_info",
            "uid kind name exported_namespace ready reason suspended revision url ref source_name path",
        ),
    ] {
        let labels = labels.split(' ').map(str::to_owned).collect();
        exposed.entry(metric.to_owned()).or_insert(labels);
    }
    let queries: Vec<_> = dashboards().into_iter().chain(alerts()).collect();
    assert!(queries.len() > 40, "{} queries", queries.len());
    let faults: Vec<_> = queries.iter().flat_map(|query| faults(query, &exposed)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Reads the text format of Prometheus, of which only names count.
fn exposed(text: &str) -> Exposed {
    let mut exposed = Exposed::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let labels = exposed.entry(name.to_owned()).or_default();
        if line.contains('{') {
            let pairs = rest.rsplit_once('}').unwrap().0;
            labels.extend(pairs.split("\",").map(|pair| pair.split('=').next().unwrap().to_owned()));
        }
    }
    exposed
}

fn dashboards() -> Vec<Query> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(workspace::path(FILES).join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let board: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(board["uid"], path.file_stem().unwrap().to_str().unwrap(), "a file is called as its dashboard");
        for panel in board["panels"].as_array().unwrap() {
            let place = format!("{} of {}", panel["title"], path.display());
            for target in panel["targets"].as_array().unwrap() {
                queries.push(Query { place: place.clone(), text: without_variables(target["expr"].as_str().unwrap()) });
                for label in braced(target["legendFormat"].as_str().unwrap_or_default()) {
                    // A legend names labels of the result: those that the query keeps.
                    assert!(
                        target["expr"].as_str().unwrap().contains(&label) || OF_TARGETS.contains(&label.as_str()),
                        "{place}"
                    );
                }
            }
        }
        for variable in board["templating"]["list"].as_array().unwrap() {
            if let Some(query) = variable["definition"].as_str() {
                // `label_values(metric, label)`
                let inner = query.strip_prefix("label_values(").and_then(|query| query.strip_suffix(')')).unwrap();
                let (metric, label) = inner.split_once(", ").unwrap();
                let text = format!("count by ({label}) ({metric})");
                queries.push(Query { place: format!("{} of {}", variable["name"], path.display()), text });
            }
        }
    }
    queries
}

fn alerts() -> Vec<Query> {
    let path = workspace::path(FILES).join("rules/flux-operator.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let groups = yaml::read_documents(&text, Dialect::Manifest, &Limits::INPUT).unwrap().remove(0);
    let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let query = |rule: &Value| {
        let expr = rule["expr"].as_str().unwrap();
        // What a text says of the labels of an alert, the query has.
        let texts = rule["annotations"].to_string();
        let labels: Vec<_> =
            braced(&texts).filter_map(|word| word.strip_prefix("$labels.").map(str::to_owned)).collect();
        let place = format!("{} of {}", rule["alert"], path.display());
        // By a query that keeps just these.
        let text = if labels.is_empty() { expr.to_owned() } else { format!("max by ({}) ({expr})", labels.join(", ")) };
        Query { place, text }
    };
    rules.map(query).collect()
}

/// The words in double braces.
fn braced(text: &str) -> impl Iterator<Item = String> {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(word, _)| word.trim().to_owned())
}

/// What Grafana puts in the place of variables.
fn without_variables(expr: &str) -> String {
    expr.replace("$__rate_interval", "5m")
        .replace("$namespace", ".*")
        .replace("$controller", ".*")
        .replace("$kind", ".*")
}

fn faults(query: &Query, exposed: &Exposed) -> Vec<String> {
    let Query { place, text } = query;
    let expr = match parser::parse(text) {
        Ok(expr) => expr,
        Err(error) => return vec![format!("{place}: `{text}` is no query: {error}")],
    };
    let mut asked = Asked::default();
    asked.collect(&expr);
    let mut faults = Vec::new();
    let known: BTreeSet<_> = asked.metrics.keys().filter_map(|name| exposed.get(name)).flatten().cloned().collect();
    for (name, labels) in &asked.metrics {
        let Some(has) = exposed.get(name) else {
            faults.push(format!("{place}: there is no metric `{name}`"));
            continue;
        };
        for label in labels.iter().filter(|label| !has.contains(*label) && !OF_TARGETS.contains(&label.as_str())) {
            faults.push(format!("{place}: `{name}` has no label `{label}`, but {has:?}"));
        }
    }
    for label in asked.grouped.iter().filter(|label| !known.contains(*label) && !OF_TARGETS.contains(&label.as_str())) {
        faults.push(format!("{place}: no metric of `{text}` has the label `{label}`"));
    }
    faults
}

/// What a query asks for.
#[derive(Default)]
struct Asked {
    /// Metrics, with the labels that select their series.
    metrics: BTreeMap<String, BTreeSet<String>>,
    /// Labels by which series are grouped or matched.
    grouped: BTreeSet<String>,
}

impl Asked {
    fn collect(&mut self, expr: &Expr) {
        match expr {
            Expr::Aggregate(aggregate) => {
                self.modifier(aggregate.modifier.as_ref());
                self.collect(&aggregate.expr);
            }
            Expr::Unary(unary) => self.collect(&unary.expr),
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.modifier(modifier.matching.as_ref());
                    if let VectorMatchCardinality::ManyToOne(labels) | VectorMatchCardinality::OneToMany(labels) =
                        &modifier.card
                    {
                        self.labels(labels);
                    }
                }
                self.collect(&binary.lhs);
                self.collect(&binary.rhs);
            }
            Expr::Paren(inner) => self.collect(&inner.expr),
            Expr::Subquery(inner) => self.collect(&inner.expr),
            Expr::Call(call) => call.args.args.iter().for_each(|argument| self.collect(argument)),
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            Expr::Extension(_) => panic!("no extension is used"),
        }
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let name = selector.name.clone().expect("every selector names its metric");
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone());
        self.metrics.entry(name).or_default().extend(labels.filter(|label| label != "__name__"));
    }

    fn modifier(&mut self, modifier: Option<&LabelModifier>) {
        match modifier {
            Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) => self.labels(labels),
            None => {}
        }
    }

    fn labels(&mut self, labels: &Labels) {
        // `le` is a label of the buckets, and known as such.
        self.grouped.extend(labels.labels.iter().cloned());
    }
}

#[test]
fn what_is_not_there_is_seen() {
    let exposed = exposed("# HELP a A.\na{b=\"c d\",le=\"1\"} 1\ne 2\n");
    let of = |text: &str| faults(&Query { place: "here".to_owned(), text: text.to_owned() }, &exposed).join("\n");
    assert_eq!(of("sum by (b) (rate(a{b=\"c\"}[5m])) + on (pod) group_left () e"), "");
    assert!(of("sum(f)").contains("there is no metric `f`"));
    assert!(of("a{x=\"1\"}").contains("`a` has no label `x`"));
    assert!(of("sum by (x) (a)").contains("has the label `x`"));
    assert!(of("sum(").contains("is no query"));
}
