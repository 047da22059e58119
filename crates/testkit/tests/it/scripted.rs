//! The registry that lies: that it is a registry, and that each lie is told as it says.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flux_operator_testkit::registry::{
    Artifact, Client, ClientError, IMAGE_INDEX, Lie, Part, Scripted, ScriptedOptions, artifact, digest,
};
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

const LAYER: &[u8] = b"0123456789";

struct Scene {
    registry: Scripted,
    artifact: Artifact,
}

async fn scene(options: ScriptedOptions) -> Scene {
    let registry = options.start().await.unwrap();
    let artifact = artifact(LAYER, "application/x");
    registry.put("apps/web", "v1", &artifact);
    Scene { registry, artifact }
}

impl Scene {
    fn blob_path(&self) -> String {
        format!("/v2/apps/web/blobs/{}", self.artifact.layer_digest())
    }

    async fn blob(&self) -> Result<Response<Bytes>, ClientError> {
        self.registry.client().get(&self.blob_path()).await
    }

    async fn manifest(&self) -> Response<Bytes> {
        self.registry.client().get("/v2/apps/web/manifests/v1").await.unwrap()
    }

    fn told(self, lie: Lie) -> Self {
        self.registry.tell_the_truth();
        self.registry.lie(lie);
        self
    }
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn content_digest(response: &Response<Bytes>) -> &str {
    header(response, "docker-content-digest")
}

fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[tokio::test]
async fn tells_the_truth_without_lies() {
    let scene = scene(Scripted::plain().with_page_size(2)).await;
    let client = scene.registry.client();
    assert_eq!(client.get("/v2/").await.unwrap().status(), StatusCode::OK);
    let manifest = scene.manifest().await;
    assert_eq!(content_digest(&manifest), scene.artifact.digest().to_string());
    assert_eq!(header(&manifest, "content-type"), scene.artifact.media_type);
    assert_eq!(scene.blob().await.unwrap().body(), LAYER);
    let head = client.send(Method::HEAD, &scene.blob_path(), HeaderMap::new(), Bytes::new()).await.unwrap();
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "10"));
    assert_eq!(client.get("/v2/apps/web/manifests/v2").await.unwrap().status(), StatusCode::NOT_FOUND);

    // What is pushed is there, and what lacks a blob is not.
    let signature = artifact(b"signature", "application/s").with("subject", scene.artifact.descriptor());
    client.push("apps/web", "signed", &signature).await.unwrap();
    assert_eq!(scene.registry.stored("apps/web", "signed").unwrap(), signature.manifest);
    let bare = Artifact { blobs: Vec::new(), ..artifact(b"nowhere", "application/x") };
    let refused = client.push("apps/web", "bare", &bare).await.unwrap_err();
    assert!(refused.to_string().contains("MANIFEST_BLOB_UNKNOWN"), "{refused}");
    let referrers = client.get(&format!("/v2/apps/web/referrers/{}", scene.artifact.digest())).await.unwrap();
    assert_eq!(json(&referrers)["manifests"][0]["digest"], signature.digest().to_string());

    scene.registry.put("apps/web", "v10", &scene.artifact);
    let page = client.get("/v2/apps/web/tags/list?n=5").await.unwrap();
    assert_eq!(json(&page)["tags"], json!(["signed", "v1"]));
    assert_eq!(header(&page, "link"), "</v2/apps/web/tags/list?n=2&last=v1>; rel=\"next\"");
    let page = client.get("/v2/apps/web/tags/list?n=2&last=v1").await.unwrap();
    assert_eq!((json(&page)["tags"].clone(), header(&page, "link")), (json!(["v10"]), ""));
    let asked = scene.registry.requests().pop().unwrap();
    assert_eq!(
        (asked.to_string().as_str(), asked.parameter("last")),
        ("GET /v2/apps/web/tags/list?n=2&last=v1", Some("v1"))
    );
    scene.registry.clear_requests();
    assert!(scene.registry.requests().is_empty());
}

#[tokio::test]
async fn bodies() {
    let mut scene = scene(Scripted::plain()).await;
    for (lie, expected) in [
        (Lie::SwappedBlob(b"other".to_vec()), "other"),
        (Lie::TruncatedBlob, "01234"),
        (Lie::AppendedBlob, "0123456789and more"),
        (Lie::EmptyBody, ""),
        (Lie::Chunked, "0123456789"),
        (Lie::WrongContentLength(-3), "0123456"),
        (Lie::SlowBody { chunk: 4, delay: Duration::from_millis(20) }, "0123456789"),
        (Lie::PartialContent, "01234"),
    ] {
        let told = lie.clone();
        scene = scene.told(lie);
        let began = Instant::now();
        let answer = scene.blob().await.unwrap();
        assert_eq!(answer.body(), expected, "{told:?}");
        assert_eq!(answer.status() == StatusCode::PARTIAL_CONTENT, told == Lie::PartialContent, "{told:?}");
        assert_eq!(header(&answer, "content-length").is_empty(), told == Lie::Chunked, "{told:?}");
        assert_eq!(content_digest(&answer), digest(LAYER).to_string(), "{told:?}");
        assert!(began.elapsed() >= Duration::from_millis(60) || !matches!(told, Lie::SlowBody { .. }));
        // Manifests are another matter.
        assert_eq!(scene.manifest().await.body(), &scene.artifact.manifest, "{told:?}");
    }
    for lie in [Lie::WrongContentLength(3), Lie::CutAfter { bytes: 4 }] {
        scene = scene.told(lie.clone());
        assert!(matches!(scene.blob().await, Err(ClientError::Connection { .. })), "{lie:?}");
    }
    scene = scene.told(Lie::EndlessBlob);
    assert!(tokio::time::timeout(Duration::from_millis(100), scene.blob()).await.is_err());
    scene.registry.tell_the_truth();
    scene.registry.lie_about(Part::Manifests, Lie::TruncatedBlob);
    assert_eq!(scene.manifest().await.body().len(), scene.artifact.manifest.len() / 2);
    assert_eq!(scene.blob().await.unwrap().body(), LAYER);
}

#[tokio::test]
async fn manifests() {
    let scene = scene(Scripted::plain()).await;
    let truth = scene.artifact.digest().to_string();
    let scene = scene.told(Lie::UnknownDigestAlgorithm);
    assert!(content_digest(&scene.manifest().await).starts_with("md5:"));
    let scene = scene.told(Lie::NoDigestHeader);
    assert_eq!(content_digest(&scene.manifest().await), "");
    let scene = scene.told(Lie::WrongDigestHeader);
    let answer = scene.manifest().await;
    assert_ne!(content_digest(&answer), truth);
    assert_eq!(answer.body(), &scene.artifact.manifest);
    let scene = scene.told(Lie::ContentType("text/html".to_owned()));
    assert_eq!(header(&scene.manifest().await, "content-type"), "text/html");

    let scene = scene.told(Lie::HugeManifest { bytes: 5 << 20 });
    let answer = scene.manifest().await;
    assert_eq!(answer.body().len(), 5 << 20);
    assert_eq!(content_digest(&answer), digest(answer.body()).to_string());
    assert_eq!(json(&answer)["layers"][0]["size"], 10);

    let scene = scene.told(Lie::MovingTag);
    let (first, second) = (scene.manifest().await, scene.manifest().await);
    assert_ne!(content_digest(&first), content_digest(&second));
    let path = format!("/v2/apps/web/manifests/{}", content_digest(&first));
    assert_eq!(scene.registry.client().get(&path).await.unwrap().body(), first.body());

    let scene = scene.told(Lie::IndexInIndex);
    let mut answer = scene.manifest().await;
    for _ in 0..2 {
        assert_eq!(json(&answer)["mediaType"], IMAGE_INDEX);
        let next = json(&answer)["manifests"][0]["digest"].as_str().unwrap().to_owned();
        answer = scene.registry.client().get(&format!("/v2/apps/web/manifests/{next}")).await.unwrap();
        assert_eq!(content_digest(&answer), next);
    }
    assert_eq!(answer.body(), &scene.artifact.manifest);
}

#[tokio::test]
async fn redirects() {
    let scene = scene(Scripted::plain().with_tls()).await.told(Lie::Redirect { times: 2 });
    let elsewhere = scene.registry.elsewhere();
    let there = Client::new(elsewhere.host()).trusting(scene.registry.ca_pem().unwrap());
    let mut answer = scene.blob().await.unwrap();
    for hop in [1, 0] {
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        let expected = format!("https://{}/{hop}{}", elsewhere.host(), scene.blob_path());
        assert_eq!(header(&answer, "location"), expected);
        let client = there.clone().with_authorization("Bearer secret");
        answer = client.get(&format!("/{hop}{}", scene.blob_path())).await.unwrap();
    }
    assert_eq!(answer.body(), LAYER);
    let received = elsewhere.requests();
    assert_eq!(received.iter().map(|request| request.authorization()).collect::<Vec<_>>(), [Some("Bearer secret"); 2]);

    let scene = scene.told(Lie::DowngradeRedirect);
    assert_eq!(
        header(&scene.blob().await.unwrap(), "location"),
        format!("http://{}/0{}", scene.registry.elsewhere().host(), scene.blob_path())
    );
    let plain = Client::new(scene.registry.elsewhere().host());
    assert_eq!(plain.get(&format!("/0{}", scene.blob_path())).await.unwrap().body(), LAYER);
    assert_eq!(
        scene.registry.elsewhere().requests().iter().map(|request| request.tls).collect::<Vec<_>>(),
        [true, true, false]
    );
    assert!(Client::new(scene.registry.host()).get("/v2/").await.is_err());

    let scene = scene.told(Lie::RedirectLoop);
    let location = format!("https://{}{}", scene.registry.host(), scene.blob_path());
    assert_eq!(header(&scene.blob().await.unwrap(), "location"), location);
    let scene = scene.told(Lie::RedirectTo("file:///etc/passwd".to_owned()));
    assert_eq!(header(&scene.blob().await.unwrap(), "location"), "file:///etc/passwd");
}

#[tokio::test]
async fn failures() {
    let scene = scene(Scripted::plain()).await.told(Lie::TooManyRequests { times: 2, retry_after: Some(7) });
    let answers = [scene.blob().await.unwrap(), scene.manifest().await, scene.blob().await.unwrap()];
    assert_eq!(answers.each_ref().map(|answer| answer.status().as_u16()), [429, 429, 200]);
    assert_eq!(answers.each_ref().map(|answer| header(answer, "retry-after")), ["7", "7", ""]);
    let scene = scene.told(Lie::ServerError { status: StatusCode::BAD_GATEWAY, times: 1 });
    assert_eq!(scene.manifest().await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(scene.manifest().await.status(), StatusCode::OK);
    let scene = scene.told(Lie::NoHead(StatusCode::METHOD_NOT_ALLOWED));
    let client = scene.registry.client();
    let head = client.send(Method::HEAD, "/v2/apps/web/manifests/v1", HeaderMap::new(), Bytes::new());
    assert_eq!(head.await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(scene.blob().await.unwrap().status(), StatusCode::OK);
    let scene = scene.told(Lie::AlwaysUnauthorized);
    assert_eq!(scene.manifest().await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens() {
    let options = Scripted::plain().with_token_auth("user", "password").with_token_uses(2);
    let scene = scene(options).await;
    let client = scene.registry.client();
    let refused = scene.manifest().await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let realm = format!("http://{}/token", scene.registry.host());
    assert_eq!(
        header(&refused, "www-authenticate"),
        format!("Bearer realm=\"{realm}\",service=\"testkit\",scope=\"repository:apps/web:pull\"")
    );

    let token = async |scope: &str| {
        let path = format!("/token?service=testkit&scope={scope}");
        assert_eq!(client.get(&path).await.unwrap().status(), StatusCode::UNAUTHORIZED);
        let answer = client.clone().with_basic_auth("user", "password").get(&path).await.unwrap();
        client.clone().with_authorization(format!("Bearer {}", json(&answer)["token"].as_str().unwrap()))
    };
    let manifest = "/v2/apps/web/manifests/v1";
    let reader = token("repository%3Aapps%2Fweb%3Apull").await;
    let refused = reader.push("apps/web", "v2", &scene.artifact).await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused { status: StatusCode::UNAUTHORIZED, .. }), "{refused}");
    for expected in [200, 200, 401] {
        assert_eq!(reader.get(manifest).await.unwrap().status().as_u16(), expected);
    }
    let stranger = token("repository:other:pull").await.get(manifest).await.unwrap();
    assert!(header(&stranger, "www-authenticate").ends_with("error=\"insufficient_scope\""));
    let basic = client.clone().with_basic_auth("user", "password").get(manifest).await.unwrap();
    assert_eq!(basic.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn foreign_realms() {
    let scene = scene(Scripted::plain().with_token_auth("user", "password")).await.told(Lie::ForeignRealm);
    let elsewhere = scene.registry.elsewhere();
    let refused = scene.manifest().await;
    assert!(
        header(&refused, "www-authenticate")
            .starts_with(&format!("Bearer realm=\"http://{}/token\"", elsewhere.host()))
    );
    let path = "/token?scope=repository:apps/web:pull";
    let answer = Client::new(elsewhere.host()).with_basic_auth("any", "thing").get(path).await.unwrap();
    let bearer = format!("Bearer {}", json(&answer)["token"].as_str().unwrap());
    assert_eq!(elsewhere.requests()[0].authorization(), Some("Basic YW55OnRoaW5n"));
    let client = scene.registry.client().with_authorization(bearer);
    assert_eq!(client.get("/v2/apps/web/manifests/v1").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn passwords() {
    let scene = scene(Scripted::plain().with_basic_auth("user", "password")).await;
    assert_eq!(header(&scene.manifest().await, "www-authenticate"), "Basic realm=\"testkit\"");
    for (password, expected) in [("password", 200), ("passwort", 401)] {
        let client = scene.registry.client().with_basic_auth("user", password);
        assert_eq!(client.get("/v2/").await.unwrap().status().as_u16(), expected);
    }
}
