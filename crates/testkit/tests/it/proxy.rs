//! The proxy before a small server of its own: every fault as a client of kube sees it, counts, watches, and the end.

mod server;

use std::time::{Duration, Instant};

use flux_operator_testkit::proxy::{Fault, KillAt, Match, Outcome, Proxy, Rule, Verb};
use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use http::StatusCode;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::KubeConfigOptions;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Error};
use serde_json::json;

use self::server::{LARGE, Server};

const SOON: Duration = Duration::from_secs(5);

async fn start() -> (Server, Proxy) {
    let server = Server::start().await;
    let proxy = Proxy::start(server.config()).await.unwrap();
    (server, proxy)
}

fn maps(client: &Client) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    Api::namespaced_with(client.clone(), "apps", &resource)
}

fn object(name: &str) -> DynamicObject {
    let json = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}});
    serde_json::from_value(json).unwrap()
}

async fn apply(client: &Client, name: &str) -> Result<DynamicObject, Error> {
    maps(client).patch(name, &PatchParams::apply("test"), &Patch::Apply(object(name))).await
}

async fn dry_run(client: &Client, name: &str) -> Result<DynamicObject, Error> {
    let params = PatchParams { dry_run: true, ..PatchParams::apply("test") };
    maps(client).patch(name, &params, &Patch::Apply(object(name))).await
}

/// The error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[track_caller]
fn lost<T>(result: Result<T, Error>) -> String {
    match result {
        Err(error @ (Error::Service(_) | Error::HyperError(_))) => chain(&error),
        Err(error) => panic!("expected a lost connection, found {error:?}"),
        Ok(_) => panic!("expected a lost connection, found an answer"),
    }
}

#[tokio::test]
async fn requests_pass_and_are_counted() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    let maps = maps(&client);
    assert_eq!(maps.get("a").await.unwrap().metadata.name.as_deref(), Some("a"));
    maps.list(&ListParams::default()).await.unwrap();
    dry_run(&client, "a").await.unwrap();
    apply(&client, "a").await.unwrap();
    let before = proxy.counts();
    apply(&client, "b").await.unwrap();
    maps.create(&PostParams::default(), &object("c")).await.unwrap();
    maps.patch_status("c", &PatchParams::default(), &Patch::Merge(json!({}))).await.unwrap();
    let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
    maps.delete("c", &dry).await.unwrap();
    client.apiserver_version().await.unwrap();
    let table = "\
get      /version                1
dry-run  configmaps              1
apply    configmaps              1
patch    configmaps/status       1
create   configmaps              1
total                            5";
    let since = proxy.counts().since(&before);
    assert_eq!(since.to_string(), table);
    assert_eq!((since.writes(), since.of(Verb::Apply, "configmaps"), proxy.counts().total()), (3, 1, 9));
    assert_eq!(server.executed().len(), 9);
    let story = "\
get configmaps/apps/a: 200
list configmaps/apps: 200
dry-run configmaps/apps/a: 200
apply configmaps/apps/a: 200
apply configmaps/apps/b: 200
create configmaps/apps/c: 200
patch configmaps/apps/c (status): 200
dry-run configmaps/apps/c: 200
get /version: 200";
    assert_eq!(proxy.story(), story);
    proxy.reset();
    assert_eq!((proxy.counts().total(), proxy.log()), (0, Vec::new()));
}

#[tokio::test]
async fn bodies_may_be_large_both_ways() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    let mut large = object("large");
    large.data = json!({"data": {"k": "x".repeat(LARGE)}});
    let applied = maps(&client).patch("large", &PatchParams::apply("test"), &Patch::Apply(&large)).await.unwrap();
    assert_eq!(applied.data, large.data);
    assert_eq!(maps(&client).get("large").await.unwrap().data["data"]["k"].as_str().unwrap().len(), LARGE);
    assert_eq!(server.executed().len(), 2);
}

#[tokio::test]
async fn answers_in_place_of_the_server() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    for (code, reason) in [(409, "Conflict"), (410, "Expired"), (429, "TooManyRequests"), (500, "InternalError")] {
        let fault = Fault::Answer(StatusCode::from_u16(code).unwrap());
        proxy.rule(Rule::new(Match::verb(Verb::Apply).name("a").namespace("apps"), fault).times(1));
        let Err(Error::Api(status)) = apply(&client, "a").await else { panic!() };
        assert_eq!((status.code, status.reason.as_str()), (code, reason));
        let seconds = status.details.map(|details| details.retry_after_seconds).unwrap_or_default();
        assert_eq!(seconds, u32::from(code == 429));
    }
    assert!(proxy.unused_rules().is_empty());
    assert_eq!(server.executed(), Vec::<String>::new());
    apply(&client, "a").await.unwrap();
    assert_eq!(proxy.counts().of(Verb::Apply, "configmaps"), 5);
    assert!(proxy.story().contains("apply configmaps/apps/a: 429 [answer 429]\n"), "{}", proxy.story());
}

#[tokio::test]
async fn clients_of_kube_that_try_again_are_counted_each_time() {
    let (server, proxy) = start().await;
    proxy.rule(Rule::new(Match::write(), Fault::Answer(StatusCode::SERVICE_UNAVAILABLE)).times(3));
    proxy.rule(Rule::new(Match::write(), Fault::Throttle(Duration::from_secs(1))).times(1));
    let mut config = proxy.config();
    config.default_retry = true;
    let started = Instant::now();
    apply(&Client::try_from(config).unwrap(), "a").await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "waits as long as it was asked to");
    assert_eq!(proxy.counts().of(Verb::Apply, "configmaps"), 5);
    assert_eq!(server.executed().len(), 1);
}

#[tokio::test]
async fn the_client_behind_the_proxy_does_not_try_again() {
    let (server, proxy) = start().await;
    let Err(Error::Api(status)) = apply(&proxy.client(), "unavailable").await else { panic!() };
    assert_eq!(status.code, 503);
    assert_eq!(server.executed().len(), 1);
}

#[tokio::test]
async fn cut_before_and_after_differ_for_the_server() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    proxy.rule(Rule::new(Match::verb(Verb::Apply), Fault::Cut).nth(2));
    proxy.rule(Rule::new(Match::verb(Verb::Apply), Fault::CutAfter).nth(3));
    apply(&client, "a").await.unwrap();
    let text = lost(apply(&client, "b").await);
    assert!(text.contains("reset"), "{text}");
    assert_eq!(server.executed(), ["apply configmaps/apps/a"]);
    let text = lost(apply(&client, "c").await);
    assert!(text.contains("reset"), "{text}");
    assert_eq!(server.executed(), ["apply configmaps/apps/a", "apply configmaps/apps/c"]);
    apply(&client, "d").await.unwrap();
    let log = proxy.log();
    let outcomes: Vec<_> = log.iter().map(|entry| &entry.outcome).collect();
    let answered = &Outcome::Answered(StatusCode::OK);
    assert_eq!(outcomes, [answered, &Outcome::Cut, &Outcome::Lost(StatusCode::OK), answered]);
}

#[tokio::test]
async fn truncates_bodies_of_any_size() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    proxy.rule(Rule::new(Match::any(), Fault::Truncate));
    for name in ["a", "large"] {
        let text = lost(maps(&client).get(name).await);
        assert!(text.contains("end of file") || text.contains("before message completed"), "{text}");
    }
    assert_eq!(server.executed().len(), 2);
}

#[tokio::test]
async fn hangs_and_delays() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    proxy.rule(Rule::new(Match::any().name("a"), Fault::Hang));
    proxy.rule(Rule::new(Match::any().name("b"), Fault::Delay(Duration::from_millis(100))));
    assert!(tokio::time::timeout(Duration::from_millis(50), apply(&client, "a")).await.is_err());
    let started = Instant::now();
    apply(&client, "b").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(100));
    // Given up while it was delayed: the server never hears of it.
    assert!(tokio::time::timeout(Duration::from_millis(50), apply(&client, "b")).await.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.executed(), ["apply configmaps/apps/b"]);
}

#[tokio::test]
async fn rules_that_hit_nothing_are_known() {
    let (_server, proxy) = start().await;
    let never = Match::dry_run_of(Verb::Delete).when("with a body", |request| !request.body.is_empty());
    proxy.rule(Rule::new(never, Fault::Cut)).rule(Rule::new(Match::any(), Fault::Delay(Duration::ZERO)).nth(1));
    apply(&proxy.client(), "a").await.unwrap();
    let unused: Vec<_> = proxy.unused_rules().iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["cut: dry-run of delete, with a body"]);
}

#[tokio::test]
async fn events_of_a_watch_come_one_by_one_until_it_is_cut() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    let mut events = maps(&client).watch(&WatchParams::default(), "1").await.unwrap().boxed();
    for name in ["a", "b", "c"] {
        assert!(events.next().now_or_never().is_none());
        server.event(name);
        let event = tokio::time::timeout(SOON, events.next()).await.unwrap();
        assert!(matches!(event, Some(Ok(WatchEvent::Added(object))) if object.metadata.name.as_deref() == Some(name)));
    }
    proxy.cut_watches();
    let end = tokio::time::timeout(SOON, events.next()).await.unwrap();
    assert!(matches!(end, Some(Err(Error::ReadEvents(_)))), "{end:?}");
    assert_eq!(proxy.counts().to_string(), "watch    configmaps       1\ntotal                     1");
    // A new one can be opened, and is truncated in its first event.
    proxy.rule(Rule::new(Match::verb(Verb::Watch), Fault::Truncate));
    server.event("a");
    let watch = async { maps(&client).watch(&WatchParams::default(), "1").await.unwrap().collect::<Vec<_>>().await };
    let events = tokio::time::timeout(SOON, watch).await.unwrap();
    assert!(!events.iter().any(Result::is_ok), "{events:?}");
}

#[tokio::test]
async fn the_kill_point_stops_everything() {
    for (at, done) in [(KillAt::Before, 2), (KillAt::After, 3)] {
        let (server, proxy) = start().await;
        let client = proxy.client();
        apply(&client, "before").await.unwrap();
        let mut watch = maps(&client).watch(&WatchParams::default(), "1").await.unwrap().boxed();
        proxy.kill_at(3, at);
        let killed = tokio::spawn(proxy.killed());
        dry_run(&client, "a").await.unwrap();
        for name in ["a", "b"] {
            apply(&client, name).await.unwrap();
        }
        assert!(!proxy.is_killed());
        lost(apply(&client, "c").await);
        tokio::time::timeout(SOON, killed).await.unwrap().unwrap();
        assert!(proxy.is_killed());
        let end = tokio::time::timeout(SOON, watch.next()).await.unwrap();
        assert!(end.is_none_or(|event| event.is_err()));
        lost(maps(&client).get("a").await);
        lost(maps(&proxy.client()).get("a").await);
        proxy.settled().await;
        let executed = server.executed();
        let writes = executed.iter().filter(|line| line.starts_with("apply"));
        assert_eq!(writes.count(), 1 + done, "{executed:?}");
    }
}

#[tokio::test]
async fn no_more_writes_than_the_kill_point_says_however_many_are_under_way() {
    for (at, done) in [(KillAt::Before, 4), (KillAt::After, 5)] {
        let (server, proxy) = start().await;
        let client = proxy.client();
        proxy.kill_at(5, at);
        let names: Vec<_> = (0..30).map(|index| format!("n{index}")).collect();
        let all = join_all(names.iter().map(|name| apply(&client, name)));
        tokio::select! {
            () = proxy.killed() => {}
            results = all => assert!(results.iter().filter(|result| result.is_ok()).count() < 5),
        }
        proxy.settled().await;
        assert_eq!(server.executed().len(), done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_connections_at_once_and_little_time_for_each_request() {
    let (server, proxy) = start().await;
    let client = proxy.client();
    // The server answers these together, so they cannot have come one after the other.
    let all = join_all((0..50).map(|_| async { maps(&client).get("together").await }));
    let results = tokio::time::timeout(SOON, all).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(proxy.counts().total(), 50);

    // The quickest of many, because machines that run tests are busy.
    let direct = Client::try_from(server.config()).unwrap();
    let mut quickest = [Duration::MAX; 2];
    for _ in 0..500 {
        for (quickest, client) in quickest.iter_mut().zip([&direct, &client]) {
            let started = Instant::now();
            maps(client).get("a").await.unwrap();
            *quickest = started.elapsed().min(*quickest);
        }
    }
    println!("a request takes {:?}, through the proxy {:?}", quickest[0], quickest[1]);
    assert!(quickest[1].saturating_sub(quickest[0]) < Duration::from_millis(1), "{quickest:?}");
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_proxy_and_dropping_ends_it() {
    let (_server, proxy) = start().await;
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&proxy.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    apply(&client, "a").await.unwrap();
    assert_eq!(proxy.counts().total(), 1);
    drop(proxy);
    tokio::time::sleep(Duration::from_millis(50)).await;
    lost(apply(&client, "a").await);
}
