//! An answer before it is sent: what it says, and in which way the body will go.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http::header::{self, HeaderName};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use crate::registry::artifact::digest;

/// What registries call the digest of a body.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// How long what was written may take to leave before the connection is closed.
const FLUSH: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) delivery: Delivery,
}

/// In which way a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Chunked,
    /// Announces another length.
    Announced(u64),
    /// Closes the connection early.
    Cut(usize),
    /// Never ends.
    Endless,
    /// Piece by piece.
    Slow(usize, Duration),
}

pub(super) type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), delivery: Delivery::Whole }
    }

    /// Content under the digest that it has.
    pub(super) fn content(media_type: &str, body: Bytes) -> Self {
        let digest = digest(&body).to_string();
        Self { body, ..Self::new(StatusCode::OK) }.with(header::CONTENT_TYPE, media_type).with(CONTENT_DIGEST, &digest)
    }

    pub(super) fn json(value: &Value) -> Self {
        let body = value.to_string().into();
        Self { body, ..Self::new(StatusCode::OK) }.with(header::CONTENT_TYPE, "application/json")
    }

    pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        Self { status, ..Self::json(&json!({"errors": [{"code": code, "message": message}]})) }
    }

    pub(super) fn redirect(location: &str) -> Self {
        Self::new(StatusCode::TEMPORARY_REDIRECT).with(header::LOCATION, location)
    }

    /// With a header. A value that cannot be one is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(name, value);
        }
        self
    }

    /// What hyper sends.
    pub(super) fn deliver(self, is_head: bool) -> Response<AnswerBody> {
        let Self { status, headers, body, delivery } = self;
        let announced = match delivery {
            Delivery::Chunked | Delivery::Endless => None,
            Delivery::Announced(length) => Some(length),
            Delivery::Whole | Delivery::Cut(_) | Delivery::Slow(..) => Some(body.len() as u64),
        };
        let mut response = Response::new(if is_head {
            Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
        } else {
            // Without a length of its own, so that the header decides.
            StreamBody::new(pieces(body, delivery).map(|piece| piece.map(Frame::data))).boxed_unsync()
        });
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if let Some(length) = announced.filter(|_| status != StatusCode::NO_CONTENT) {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        response
    }
}

fn pieces(body: Bytes, delivery: Delivery) -> BoxStream<'static, io::Result<Bytes>> {
    match delivery {
        Delivery::Whole | Delivery::Chunked | Delivery::Announced(_) => stream::iter([Ok(body)]).boxed(),
        Delivery::Endless => {
            let zeros = Bytes::from_static(&[0; 16384]);
            stream::iter([Ok(body)]).chain(stream::repeat_with(move || Ok(zeros.clone()))).boxed()
        }
        Delivery::Cut(after) => {
            let end = stream::once(async {
                tokio::time::sleep(FLUSH).await;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            });
            stream::iter([Ok(body.slice(..after.min(body.len())))]).chain(end).boxed()
        }
        Delivery::Slow(chunk, delay) => stream::unfold(body, move |mut rest| async move {
            if rest.is_empty() {
                return None;
            }
            tokio::time::sleep(delay).await;
            let piece = rest.split_to(chunk.clamp(1, rest.len()));
            Some((Ok(piece), rest))
        })
        .boxed(),
    }
}
