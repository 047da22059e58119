//! An API server that follows a script, for what a real one cannot be made to do.
//!
//! A script is a list of calls and their answers. A call too many, a call too few, another call or another body than the
//! script says fail the test, with the whole script and what happened to it.
//!
//! ```
//! use flux_operator_testkit::apiserver::{self, get};
//! use flux_operator_testkit::objects::config_map;
//! # use kube::api::{Api, DynamicObject};
//! # use kube::core::{ApiResource, GroupVersionKind};
//!
//! # #[tokio::main]
//! # async fn main() {
//! let (client, api) = apiserver::new();
//! let played = api.play([get("configmaps/apps/a").reply(config_map("a").in_namespace("apps").data("k", "v"))]);
//! # let configmaps = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
//! # let run = async |client| Api::<DynamicObject>::namespaced_with(client, "apps", &configmaps).get("a").await;
//! assert_eq!(run(client).await.unwrap().data["data"]["k"], "v");
//! played.complete().await;
//! # }
//! ```

pub(crate) mod failure;
mod reply;
mod request;
mod script;
mod step;

use std::convert::Infallible;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::watch;

use self::failure::Failure;
use self::reply::ReplyBody;
pub use self::reply::{added, bookmark, deleted, expired, modified};
pub use self::request::{ApiRequest, Verb};
use self::script::Script;
pub use self::step::{Step, any_order, apply, create, delete, dry_run, get, list, patch, update, watch};

/// How long [`Played::complete`] waits for calls that are still to come.
const PATIENCE: Duration = Duration::from_secs(1);

/// The server's side of [`new`].
#[derive(Clone, Debug)]
pub struct Api {
    stage: Arc<Stage>,
}

/// A script that is played.
#[derive(Debug)]
#[must_use = "only `complete` says whether the script was followed"]
pub struct Played {
    stage: Arc<Stage>,
}

#[derive(Debug)]
struct Stage {
    script: Mutex<Script>,
    calls: watch::Sender<usize>,
}

/// A client, and the API server that it talks to. Nothing goes through a socket, so paused time works.
///
/// The client's default namespace is `default`, and it does not try again by itself.
pub fn new() -> (kube::Client, Api) {
    let stage = Arc::new(Stage { script: Mutex::default(), calls: watch::Sender::new(0) });
    let service = tower::service_fn({
        let stage = stage.clone();
        move |request| answer(stage.clone(), request)
    });
    (kube::Client::new(service, "default"), Api { stage })
}

impl Api {
    /// Plays a script from its beginning, in place of the one before.
    pub fn play(&self, steps: impl IntoIterator<Item = Step>) -> Played {
        *self.stage.script() = Script::new(steps);
        Played { stage: self.stage.clone() }
    }
}

impl Played {
    /// Waits for the calls that are still to come, for one second at most.
    ///
    /// # Panics
    /// If the script was not followed to its end, or not by the letter.
    #[track_caller]
    pub fn complete(self) -> impl Future<Output = ()> {
        self.complete_within(PATIENCE)
    }

    /// Waits for the calls that are still to come.
    ///
    /// # Panics
    /// If the script was not followed to its end, or not by the letter.
    #[track_caller]
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub fn complete_within(self, patience: Duration) -> impl Future<Output = ()> {
        let caller = Location::caller();
        async move {
            let mut calls = self.stage.calls.subscribe();
            let settled = calls.wait_for(|_| !self.stage.script().is_running());
            let _ = tokio::time::timeout(patience, settled).await;
            let report = self.stage.script().report();
            if let Some(report) = report {
                panic!("the script at {caller} was not followed\n{report}");
            }
        }
    }
}

impl Stage {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    stage: Arc<Stage>,
    request: http::Request<Body>,
) -> Result<Response<ReplyBody>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let request = ApiRequest::read(&parts, body.collect().await?.to_bytes());
    let reply = stage.script().take(&request);
    stage.calls.send_modify(|calls| *calls += 1);
    match reply {
        Ok(reply) => reply.perform(&request).await,
        Err(unexpected) => {
            let failure = Failure::of(StatusCode::INTERNAL_SERVER_ERROR, &request).with_message(unexpected);
            Ok(failure.response().map(|body| http_body_util::Full::new(body).map_err(never).boxed_unsync()))
        }
    }
}

fn never(never: Infallible) -> Box<dyn std::error::Error + Send + Sync> {
    match never {}
}
