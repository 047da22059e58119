//! The scripted API server: scripts that are followed, and what it says to those that are not.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use flux_operator_testkit::apiserver::{
    self, Played, added, any_order, apply, bookmark, create, delete, dry_run, expired, get, list, patch, update, watch,
};
use flux_operator_testkit::objects::{config_map, custom};
use futures::{FutureExt as _, StreamExt, TryStreamExt as _};
use http::StatusCode;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Error};
use serde_json::json;

fn config_maps(client: &Client) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    Api::namespaced_with(client.clone(), "apps", &resource)
}

fn object(name: &str) -> DynamicObject {
    let object = config_map(name).in_namespace("apps").data("k", "v").build();
    serde_json::from_value(object.into_value()).unwrap()
}

async fn apply_object(client: &Client, name: &str) -> Result<DynamicObject, Error> {
    config_maps(client).patch(name, &PatchParams::apply("test").force(), &Patch::Apply(object(name))).await
}

fn code(result: Result<DynamicObject, Error>) -> (u16, String) {
    match result {
        Err(Error::Api(status)) => (status.code, status.reason),
        other => panic!("expected an answer that is no success, found {other:?}"),
    }
}

async fn complaint(played: Played) -> String {
    let panic = AssertUnwindSafe(played.complete_within(Duration::from_millis(100))).catch_unwind().await.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap().clone();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("the script at crates/testkit/tests/it/apiserver.rs:"), "{first}");
    assert!(first.ends_with(" was not followed"), "{first}");
    rest.to_owned()
}

#[tokio::test]
async fn a_script_is_followed() {
    let (client, api) = apiserver::new();
    let played = api.play([
        get("configmaps/apps/a").reply(object_of("a")),
        get("configmaps/apps/b"),
        dry_run("configmaps/apps/a").query("dryRun=All").conflict_with("kubectl", ".data.k"),
        apply("configmaps/apps/a").sends(&json!({"data": {"k": "v"}})).query("force=true"),
        apply("configmaps/apps/a").too_many_requests(Duration::from_secs(7)),
        apply("configmaps/apps/a").throttled(Duration::from_secs(7)),
        create("configmaps/apps/a").conflict(),
        update("configmaps/apps/a").conflict(),
        patch("configmaps/apps/a").subresource("status").fail_with(StatusCode::FORBIDDEN, "denied by a webhook"),
        list("configmaps/apps").items([config_map("a"), config_map("b")]),
        list("configmaps/apps").gone(),
        delete("configmaps/apps/a").body(|body| body["propagationPolicy"] == "Background"),
        delete("configmaps/apps/a").not_found(),
        delete("configmaps/apps/a").broken(),
    ]);
    let maps = config_maps(&client);
    assert_eq!(maps.get("a").await.unwrap().data["data"]["k"], "v");
    assert_eq!(code(maps.get("b").await), (404, "NotFound".to_owned()));
    let dry = PatchParams { dry_run: true, ..PatchParams::apply("test") };
    let Err(Error::Api(status)) = maps.patch("a", &dry, &Patch::Apply(object("a"))).await else { panic!() };
    assert!(status.is_conflict());
    assert_eq!(status.details.unwrap().causes[0].field, ".data.k");
    assert_eq!(apply_object(&client, "a").await.unwrap().data["data"]["k"], "v");
    let Err(Error::Api(status)) = apply_object(&client, "a").await else { panic!() };
    assert_eq!((status.code, status.details.unwrap().retry_after_seconds), (429, 7));
    let Err(Error::Api(status)) = apply_object(&client, "a").await else { panic!() };
    assert_eq!((status.code, status.details), (429, None), "kube does not hand on the header");
    let post = PostParams::default();
    assert_eq!(code(maps.create(&post, &object("a")).await), (409, "AlreadyExists".to_owned()));
    assert_eq!(code(maps.replace("a", &post, &object("a")).await), (409, "Conflict".to_owned()));
    let merge = Patch::Merge(json!({"status": {}}));
    let Err(Error::Api(status)) = maps.patch_status("a", &PatchParams::default(), &merge).await else { panic!() };
    assert_eq!(status.message, "denied by a webhook");
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 2);
    let Err(Error::Api(status)) = maps.list(&ListParams::default()).await else { panic!() };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    maps.delete("a", &DeleteParams::background()).await.unwrap();
    let Err(Error::Api(status)) = maps.delete("a", &DeleteParams::default()).await else { panic!() };
    assert!(status.is_not_found());
    assert!(matches!(maps.delete("a", &DeleteParams::default()).await, Err(Error::Service(_))));
    played.complete().await;
}

fn object_of(name: &str) -> flux_operator_testkit::objects::Builder {
    config_map(name).in_namespace("apps").data("k", "v")
}

#[tokio::test]
async fn a_watch_has_events_and_an_end() {
    let (client, api) = apiserver::new();
    let played = api.play([
        watch("configmaps/apps").events([added(object_of("a")), bookmark("v1", "ConfigMap", "7"), expired()]),
        watch("configmaps/apps").events([added(object_of("a"))]).then_broken(),
        watch("configmaps/apps").events([added(object_of("a"))]).then_open(),
        watch("configmaps/apps").gone(),
    ]);
    let maps = config_maps(&client);
    let watch = async || maps.watch(&WatchParams::default(), "1").await.map(StreamExt::boxed);
    let events: Vec<_> = watch().await.unwrap().try_collect().await.unwrap();
    assert!(
        matches!(&events[..], [WatchEvent::Added(_), WatchEvent::Bookmark(_), WatchEvent::Error(e)] if e.code == 410)
    );
    let broken: Vec<_> = watch().await.unwrap().collect().await;
    assert!(matches!(&broken[..], [Ok(WatchEvent::Added(_)), Err(Error::ReadEvents(_)), ..]), "{broken:?}");
    let mut open = watch().await.unwrap();
    assert!(open.next().await.is_some());
    assert!(open.next().now_or_never().is_none());
    assert!(matches!(watch().await.err(), Some(Error::Api(status)) if status.code == 410));
    played.complete().await;
}

#[tokio::test]
async fn concurrent_calls_have_no_order() {
    let (client, api) = apiserver::new();
    let group = any_order([apply("configmaps/apps/a"), apply("configmaps/apps/b"), apply("configmaps/apps/c")]);
    let played = api.play([get("configmaps/apps/a"), group, get("configmaps/apps/a").times(2)]);
    let maps = config_maps(&client);
    let _ = maps.get("a").await;
    for name in ["c", "a", "b"] {
        apply_object(&client, name).await.unwrap();
    }
    let _ = maps.get("a").await;
    // Calls that are still under way are waited for.
    tokio::spawn(async move { maps.get("a").await });
    played.complete().await;
}

#[tokio::test]
async fn other_resources_of_the_same_plural_are_told_apart() {
    let (client, api) = apiserver::new();
    let widget = custom("example.com/v1", "Widget", "w");
    let played = api.play([get("widgets/w").group("example.com").reply(widget)]);
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Widget"));
    Api::<DynamicObject>::all_with(client, &resource).get("w").await.unwrap();
    played.complete().await;
}

#[tokio::test]
async fn a_call_too_many_is_listed() {
    let (client, api) = apiserver::new();
    let played = api.play([apply("configmaps/apps/a").conflict()]);
    let _ = apply_object(&client, "a").await;
    let Err(Error::Api(status)) = apply_object(&client, "b").await else { panic!() };
    assert_eq!(status.message, "expected nothing, came `apply configmaps/apps/b`");
    let expected = "  came   apply configmaps/apps/a: 409\n  extra  expected nothing, came `apply configmaps/apps/b`\n";
    assert_eq!(complaint(played).await, expected);
}

#[tokio::test]
async fn a_call_too_few_is_listed() {
    let (client, api) = apiserver::new();
    let played = api.play([apply("configmaps/apps/a"), apply("configmaps/apps/b"), get("configmaps/apps/a")]);
    apply_object(&client, "a").await.unwrap();
    let expected =
        "  came   apply configmaps/apps/a: ok\n  never  apply configmaps/apps/b\n  never  get configmaps/apps/a\n";
    assert_eq!(complaint(played).await, expected);
}

#[tokio::test]
async fn a_wrong_order_is_listed() {
    let (client, api) = apiserver::new();
    let played = api.play([apply("configmaps/apps/a"), apply("configmaps/apps/b")]);
    let _ = apply_object(&client, "b").await;
    let _ = apply_object(&client, "a").await;
    let expected = "  extra  expected `apply configmaps/apps/a`, came `apply configmaps/apps/b`\n  \
                    came   apply configmaps/apps/a: ok\n  never  apply configmaps/apps/b\n";
    assert_eq!(complaint(played).await, expected);
}

#[tokio::test]
async fn a_wrong_body_and_a_wrong_query_are_listed() {
    let (client, api) = apiserver::new();
    let played = api.play([
        apply("configmaps/apps/a").sends(&json!({"data": {"k": "w"}})),
        apply("configmaps/apps/b").query("force=false"),
    ]);
    let _ = apply_object(&client, "a").await;
    let _ = apply_object(&client, "b").await;
    let expected = "  wrong  apply configmaps/apps/a: expected `\"w\"` at `/data/k` of the body, found `\"v\"`\n  \
                    wrong  apply configmaps/apps/b: expected `force=false` in the query, found \
                    `&force=true&fieldManager=test`\n";
    assert_eq!(complaint(played).await, expected);
}

#[tokio::test]
async fn a_call_hangs_until_the_caller_gives_up() {
    let (client, api) = apiserver::new();
    let played = api.play([apply("configmaps/apps/a").hang()]);
    let gave_up = tokio::time::timeout(Duration::from_millis(50), apply_object(&client, "a")).await;
    assert!(gave_up.is_err());
    played.complete().await;
}
