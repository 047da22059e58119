//! Events from end to end, and what the tests of the parts share.

use std::time::Instant;

use flux_operator_api::{Distribution, FluxInstanceSpec, Reason};
use jiff::SignedDuration;
use serde_json::Value;

use self::server::Server;
use super::*;

pub(super) mod log;
pub(super) mod server;

/// A moment, in seconds after the one in which the tests begin.
pub(super) fn at(seconds: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(super) fn subject() -> Subject {
    Subject {
        name: "flux".to_owned(),
        namespace: "flux-system".to_owned(),
        uid: "u-1".to_owned(),
        resource_version: "7".to_owned(),
        annotations: BTreeMap::new(),
    }
}

#[test]
fn a_subject_keeps_the_annotations_that_are_forwarded() {
    let mut instance = FluxInstance::new("flux", FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd")));
    instance.metadata.namespace = Some("flux-system".to_owned());
    instance.metadata.uid = Some("u-1".to_owned());
    instance.metadata.resource_version = Some("7".to_owned());
    let annotations = [("event.toolkit.fluxcd.io/team", "platform"), ("example.com/event.toolkit.fluxcd.io/", "no")];
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    instance.metadata.annotations = Some(annotations.map(text).into());
    let mut expected = subject();
    expected.annotations.extend([text(annotations[0])]);
    assert_eq!(Subject::of(&instance), expected);
}

#[test]
fn an_event_is_about_a_revision_if_there_is_one() {
    let event = Event::normal(Reason::Progressing, "");
    assert_eq!(event.clone().about(""), event);
    assert_eq!(event.about("v2.8.3").annotations[annotations::REVISION], "v2.8.3");
}

/// An API server without the namespace: it is asked once for each event, and that is that.
fn cluster() -> (Client, Server) {
    let server = Server::start([404]);
    let mut config = kube::Config::new(format!("http://{}", server.host()).parse().unwrap());
    config.root_cert = Some(Vec::new());
    config.default_retry = false;
    (Client::try_from(config).unwrap(), server)
}

fn messages(server: &Server) -> Vec<Value> {
    server.requests().iter().map(|request| request.json()["message"].clone()).collect()
}

#[tokio::test]
async fn everyone_learns_of_what_is_for_everyone() {
    let (client, cluster) = cluster();
    let server = Server::start([202]);
    let (events, task) = Events::start(client, "host".to_owned(), Notifications::default());
    let address = format!("http://{}/", server.host());
    events.emit(&subject(), Event::normal(Reason::Progressing, "a"), Some(&address));
    events.emit(&subject(), Event::normal(Reason::ReconciliationSucceeded, "b").for_everyone(), None);
    events.emit(&subject(), Event::normal(Reason::OutdatedVersion, "c").for_everyone(), Some("no address"));
    events.emit(&subject(), Event::warning(Reason::BuildFailed, "d").for_everyone(), Some(&address));
    task.flush(Duration::from_secs(10)).await;
    assert_eq!(messages(&cluster), ["a", "b", "c", "d"]);
    assert_eq!(messages(&server), ["d"]);
    assert_eq!(events.dropped(), 0);
}

#[tokio::test]
async fn a_dead_notification_controller_delays_neither_run_nor_cluster() {
    let (client, cluster) = cluster();
    // It takes connections and never answers.
    let dead = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}/", dead.local_addr().unwrap());
    let (events, task) = Events::start(client, "host".to_owned(), Notifications::default());
    let began = Instant::now();
    for message in ["a", "b", "c"] {
        events.emit(&subject(), Event::warning(Reason::BuildFailed, message).for_everyone(), Some(&address));
    }
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    task.flush(Duration::from_secs(1)).await;
    assert_eq!(messages(&cluster), ["a", "b", "c"]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn long_messages_are_cut() {
    let (client, cluster) = cluster();
    let (events, task) = Events::start(client, "host".to_owned(), Notifications::default());
    events.emit(&subject(), Event::normal(Reason::Progressing, "a".repeat(100_000)), None);
    task.flush(Duration::from_secs(10)).await;
    let lengths: Vec<_> = messages(&cluster).iter().map(|message| message.as_str().unwrap().chars().count()).collect();
    assert_eq!(lengths, [flux_operator_api::conditions::MAX_MESSAGE_CHARS]);
}
