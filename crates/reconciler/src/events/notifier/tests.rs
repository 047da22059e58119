//! Attempts with paused time, and requests to a server that is really there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{pending, ready};

use flux_operator_api::Reason;
use futures::FutureExt as _;
use tokio::time::Instant;

use super::super::Event;
use super::super::tests::server::Server;
use super::super::tests::{at, log, subject};
use super::*;

/// What becomes of an attempt.
#[derive(Clone, Copy)]
enum Attempt {
    Code(u16),
    Broken,
    Silent,
}

use Attempt::{Broken, Code, Silent};

/// Makes the attempts, all of them, and says what became of the notification and after how many seconds.
async fn deliver_by(attempts: &[Attempt]) -> (Result<(), String>, u64) {
    let began = Instant::now();
    let left = RefCell::new(attempts.iter().copied().collect::<VecDeque<_>>());
    let delivered = deliver(|| match left.borrow_mut().pop_front().expect("an attempt too many") {
        Code(code) => ready(Ok(StatusCode::from_u16(code).unwrap())).boxed_local(),
        Broken => ready(Err("refused".to_owned())).boxed_local(),
        Silent => pending().boxed_local(),
    })
    .await;
    assert!(left.borrow().is_empty(), "{} attempts too few", left.borrow().len());
    (delivered.map_err(|error| error.to_string()), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_an_answer_that_lasts() {
    let unavailable = Err("the answer was 503 Service Unavailable, 5 times".to_owned());
    let cases: &[(&[Attempt], Result<(), String>, u64)] = &[
        (&[Code(202)], Ok(()), 0),
        (&[Code(429)], Ok(()), 0),
        (&[Code(501)], Err("the answer is 501 Not Implemented".to_owned()), 0),
        (&[Code(400)], Err("the answer is 400 Bad Request".to_owned()), 0),
        (&[Code(500), Broken, Code(202)], Ok(()), 1 + 2),
        (&[Silent, Code(404)], Err("the answer is 404 Not Found".to_owned()), 5 + 1),
        (&[Code(503); 5], unavailable, 1 + 2 + 4 + 8),
        (&[Broken; 5], Err("cannot connect, 5 times: refused".to_owned()), 1 + 2 + 4 + 8),
        (&[Silent; 5], Err("no answer within 5s, 5 times".to_owned()), 5 * 5 + 1 + 2 + 4 + 8),
    ];
    for (attempts, expected, seconds) in cases {
        assert_eq!(deliver_by(attempts).await, (expected.clone(), *seconds));
    }
}

fn occurrence(message: &str) -> Occurrence {
    Occurrence { subject: subject(), event: Event::warning(Reason::BuildFailed, message), at: at(0) }
}

#[tokio::test]
async fn a_notification_is_a_post_of_json() {
    let server = Server::start([202]);
    let endpoint = Endpoint::parse(&format!("http://user:p%40ss@{}/hook?a=b", server.host())).unwrap();
    Notifier::new("host".to_owned()).send(&occurrence("a"), &endpoint).await.unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert_eq!(request.line, "POST /hook?a=b HTTP/1.1");
    // `user:p@ss`, in base 64 and lower case.
    for header in ["content-type: application/json", "authorization: basic dxnlcjpwqhnz"] {
        assert!(request.headers.iter().any(|found| found == header), "{header}: {:?}", request.headers);
    }
    assert_eq!(request.json(), notification::body(&occurrence("a"), "host"));
}

#[tokio::test]
async fn one_connection_is_used_for_all_of_an_address() {
    let servers = [Server::start([503, 202]), Server::start([429])];
    let endpoints = servers.each_ref().map(|server| Endpoint::parse(&format!("http://{}/", server.host())).unwrap());
    let mut notifier = Notifier::new("host".to_owned());
    for (endpoint, message) in [(0, "a"), (0, "b"), (1, "c")] {
        notifier.send(&occurrence(message), &endpoints[endpoint]).await.unwrap();
    }
    let seen = |server: &Server| {
        let requests = server.requests().into_iter();
        requests.map(|request| (request.connection, request.json()["message"].to_string())).collect::<Vec<_>>()
    };
    // The first one is sent again.
    let [a, b, c] = ["a", "b", "c"].map(|message| (0, format!("\"{message}\"")));
    assert_eq!(seen(&servers[0]), [a.clone(), a, b]);
    assert_eq!(seen(&servers[1]), [c]);
}

#[tokio::test]
async fn no_secret_of_an_address_is_logged() {
    let server = Server::start([503, 400]);
    let address = format!("http://canary:canary@{}/canary?token=canary", server.host());
    let queue = Queue::new("notification-controller", 1);
    queue.push(Notification { occurrence: Arc::new(occurrence("a")), endpoint: Endpoint::parse(&address).unwrap() });
    queue.close();
    let (log, _guard) = log::capture();
    Notifier::new("host".to_owned()).run(queue).await;
    let text = log.text();
    assert_eq!(server.requests().len(), 2);
    assert!(text.contains("the answer is 400 Bad Request"), "{text}");
    assert!(text.contains(&server.host()), "{text}");
    assert!(!text.contains("canary"), "{text}");
    // One line for the notification, none for an attempt.
    assert_eq!(text.matches("ERROR").count() + text.matches("WARN").count(), 1, "{text}");
}

#[test]
fn causes_are_told_once() {
    let inner = std::io::Error::other("refused");
    let outer = std::io::Error::other(NotifyError::NoClient("refused".to_owned()));
    assert_eq!(describe(&inner), "refused");
    assert_eq!(describe(&outer), "cannot connect: refused");
}
