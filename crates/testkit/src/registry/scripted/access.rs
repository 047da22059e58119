//! Who may do what, and how a client learns what it lacks.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::answer::Answer;
use super::received::Received;
use super::route::Route;

/// What a registry asks for.
#[derive(Clone, Debug, Default)]
pub(super) enum Access {
    #[default]
    Open,
    /// User and password with each request.
    Basic(String),
    /// A token with each request, and user and password for that.
    Token(Tokens),
}

/// How tokens are given away.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    /// What the place for tokens wants to see.
    pub(super) basic: String,
    /// Whether it gives tokens that can read to those who say nothing.
    pub(super) anonymous: bool,
    /// Whether that place is another origin.
    pub(super) elsewhere: bool,
    /// For how many requests a token is good.
    pub(super) uses: Option<u32>,
}

/// A token that was given away.
#[derive(Debug)]
struct Grant {
    /// Repository and action.
    scopes: Vec<(String, String)>,
    left: Option<u32>,
}

#[derive(Debug, Default)]
pub(super) struct Grants(HashMap<String, Grant>);

/// Why a request is not let in. Becomes a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoCredentials,
    InvalidToken,
    InsufficientScope,
}

/// The value of `Authorization` for a user.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

impl Grants {
    /// Looks whether a request may be answered.
    pub(super) fn check(&mut self, access: &Access, request: &Received, route: Route<'_>) -> Result<(), Refusal> {
        let shown = request.authorization().ok_or(Refusal::NoCredentials);
        match access {
            Access::Open => Ok(()),
            Access::Basic(expected) if shown? == expected => Ok(()),
            Access::Basic(_) => Err(Refusal::NoCredentials),
            Access::Token(_) => self.spend(shown?, route.scope(&request.method)),
        }
    }

    fn spend(&mut self, shown: &str, scope: Option<(&str, &str)>) -> Result<(), Refusal> {
        let token = shown.strip_prefix("Bearer ").ok_or(Refusal::InvalidToken)?;
        let grant = self.0.get_mut(token).ok_or(Refusal::InvalidToken)?;
        if grant.left == Some(0) {
            return Err(Refusal::InvalidToken);
        }
        let granted = |(repository, action): (&str, &str)| {
            grant.scopes.iter().any(|(known, allowed)| known == repository && allowed == action)
        };
        if !scope.is_none_or(granted) {
            return Err(Refusal::InsufficientScope);
        }
        grant.left = grant.left.map(|left| left - 1);
        Ok(())
    }

    /// What the place for tokens answers. With `naive`, to whatever password.
    pub(super) fn issue(&mut self, access: &Access, request: &Received, naive: bool) -> Answer {
        let (uses, anonymous) = match access {
            Access::Token(tokens) => {
                let anonymous = request.authorization().is_none();
                let fits = request.authorization() == Some(tokens.basic.as_str()) || anonymous && tokens.anonymous;
                if !fits && !naive {
                    return Answer::error(http::StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "wrong user or password");
                }
                (tokens.uses, anonymous && !naive)
            }
            _ => (None, false),
        };
        let scopes = request.query.iter().filter(|(name, _)| name == "scope");
        // `repository:a/b:pull,push`, and several of these between blanks.
        let scopes = scopes.flat_map(|(_, value)| value.split(' ')).filter_map(|scope| {
            let (repository, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
            Some(actions.split(',').map(|action| (repository.to_owned(), action.to_owned())))
        });
        let scopes = scopes.flatten().filter(|(_, action)| !anonymous || action == "pull").collect();
        let token = format!("token-{}", self.0.len() + 1);
        self.0.insert(token.clone(), Grant { scopes, left: uses });
        Answer::json(&json!({"token": token, "access_token": token, "expires_in": 300}))
    }
}

/// What a client is told that is not let in. `realm` is the place for tokens.
pub(super) fn challenge(
    access: &Access,
    realm: &str,
    refusal: Refusal,
    request: &Received,
    route: Route<'_>,
    foreign: bool,
) -> Answer {
    let mut challenge = match access {
        Access::Open | Access::Basic(_) if !foreign => "Basic realm=\"testkit\"".to_owned(),
        _ => format!("Bearer realm=\"{realm}\",service=\"testkit\""),
    };
    if challenge.starts_with("Bearer") {
        if let Some((repository, action)) = route.scope(&request.method) {
            let actions = if action == "push" { "pull,push" } else { action };
            write!(challenge, ",scope=\"repository:{repository}:{actions}\"").ok();
        }
        match refusal {
            Refusal::NoCredentials => {}
            Refusal::InvalidToken => challenge.push_str(",error=\"invalid_token\""),
            Refusal::InsufficientScope => challenge.push_str(",error=\"insufficient_scope\""),
        }
    }
    Answer::error(http::StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "authentication required")
        .with(http::header::WWW_AUTHENTICATE, &challenge)
}
