//! A canary in the credentials sings in no message.

use flux_operator_distro::credentials::{Credentials, Secret};
use flux_operator_testkit::registry::{Lie, Part, Scripted};
use http::StatusCode;

use crate::world::{Puller, distribution, reference, told};

const CANARY: &str = "canary-7f3a";

#[tokio::test]
async fn no_error_says_a_secret() {
    let secret = || Secret::new(CANARY);
    for who in [
        Credentials::Basic { username: "user".to_owned(), password: secret() },
        Credentials::IdentityToken(secret()),
        Credentials::Bearer(secret()),
    ] {
        for (part, lie) in [
            (Part::Everything, Lie::AlwaysUnauthorized),
            (Part::Everything, Lie::ForeignRealm),
            (Part::Everything, Lie::ServerError { status: StatusCode::FORBIDDEN, times: 99 }),
            (Part::Tokens, Lie::ServerError { status: StatusCode::BAD_REQUEST, times: 99 }),
            (Part::Tokens, Lie::EmptyBody),
            (Part::Manifests, Lie::RedirectTo(format!("http://127.0.0.1:1/?token={CANARY}"))),
            (Part::Blobs, Lie::CutAfter { bytes: 1 }),
        ] {
            let registry = Scripted::plain().with_token_auth("user", CANARY).start().await.unwrap();
            registry.put("flux", "latest", &distribution("v2.9.0"));
            registry.lie_about(part, lie.clone());
            let puller = Puller::new();
            let Err(error) = puller.pull_as(&reference(registry.host(), "flux"), &who).await else { continue };
            for text in [told(&error), format!("{error:?}"), format!("{:?}", puller.client), format!("{who:?}")] {
                assert!(!text.contains(CANARY), "{lie:?}: {text}");
            }
        }
    }
}
