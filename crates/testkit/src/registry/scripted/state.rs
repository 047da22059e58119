//! One registry with its other origin, and how a request is answered. Nothing here waits.

use http::Method;

use super::access::{self, Access, Grants, Refusal};
use super::answer::Answer;
use super::lie::{Lie, Part};
use super::received::Received;
use super::route::Route;
use super::store::{Manners, Store};
use super::twist::{self, Places};

/// Which of the two origins was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Here,
    Elsewhere,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    pub(super) places: Places,
    pub(super) access: Access,
    pub(super) manners: Manners,
    pub(super) here: Vec<Received>,
    pub(super) elsewhere: Vec<Received>,
    lies: Vec<Told>,
    grants: Grants,
    moved: u32,
}

/// A lie that is told.
#[derive(Debug)]
struct Told {
    lie: Lie,
    part: Part,
    left: Option<u32>,
}

impl State {
    pub(super) fn new(places: Places, access: Access, manners: Manners) -> Self {
        Self {
            store: Store::default(),
            places,
            access,
            manners,
            here: Vec::new(),
            elsewhere: Vec::new(),
            lies: Vec::new(),
            grants: Grants::default(),
            moved: 0,
        }
    }

    pub(super) fn tell(&mut self, part: Part, lie: Lie) {
        self.lies.push(Told { left: lie.times(), lie, part });
    }

    pub(super) fn tell_the_truth(&mut self) {
        self.lies.clear();
    }

    /// Remembers a request and answers it.
    pub(super) fn answer(&mut self, side: Side, request: Received) -> Answer {
        let answer = match side {
            Side::Here => self.answer_here(&request),
            Side::Elsewhere => self.answer_elsewhere(&request),
        };
        match side {
            Side::Here => self.here.push(request),
            Side::Elsewhere => self.elsewhere.push(request),
        }
        answer
    }

    fn answer_here(&mut self, request: &Received) -> Answer {
        let route = Route::of(&request.path);
        if let Some(answer) = self.outage(route.part()) {
            return answer;
        }
        if route == Route::Token {
            return self.grants.issue(&self.access, request, false);
        }
        let lies = self.lies(route.part());
        let says = |wanted: &Lie| lies.contains(wanted);
        let foreign = says(&Lie::ForeignRealm);
        let mut check = self.grants.check(&self.access, request, route);
        if says(&Lie::AlwaysUnauthorized) || foreign && request.authorization().is_none() {
            check = check.and(Err(Refusal::NoCredentials));
        }
        if let Err(refusal) = check {
            let elsewhere = foreign || matches!(&self.access, Access::Token(tokens) if tokens.elsewhere);
            let origin = if elsewhere { &self.places.elsewhere } else { &self.places.here };
            let realm = format!("{origin}/token");
            return access::challenge(&self.access, &realm, refusal, request, route, foreign);
        }
        if let Some(Lie::NoHead(status)) = lies.iter().find(|lie| matches!(lie, Lie::NoHead(_)))
            && request.method == Method::HEAD
        {
            return Answer::error(*status, "UNSUPPORTED", "no HEAD here");
        }
        let truth = self.store.answer(route, request, self.manners);
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        if !truth.status.is_success() || !reads {
            return truth;
        }
        match lies.iter().find_map(|lie| twist::redirect(lie, &self.places, &request.path)) {
            Some(redirect) => redirect,
            None => self.twist(&lies, truth, route),
        }
    }

    /// The other origin gives tokens to everybody who was sent to it, and content to those who went the whole way.
    fn answer_elsewhere(&mut self, request: &Received) -> Answer {
        if request.path == "/token" {
            if let Some(answer) = self.outage(Part::Tokens) {
                return answer;
            }
            let naive = self.lies.iter().any(|told| told.lie == Lie::ForeignRealm);
            return self.grants.issue(&self.access, request, naive);
        }
        // A number and the path of the content.
        let path = request.path.get(1..).unwrap_or_default();
        let (left, path) = path.find('/').and_then(|at| path.split_at_checked(at)).unwrap_or_default();
        match left.parse::<u32>() {
            Ok(0) => {
                let route = Route::of(path);
                let truth = self.store.answer(route, request, self.manners);
                let lies = self.lies(route.part());
                if truth.status.is_success() { self.twist(&lies, truth, route) } else { truth }
            }
            Ok(left) => {
                let scheme = if request.tls { &self.places.elsewhere } else { &self.places.downgraded };
                Answer::redirect(&format!("{scheme}/{}{path}", left - 1))
            }
            Err(_) => Answer::error(http::StatusCode::NOT_FOUND, "NOT_FOUND", "nobody was sent here"),
        }
    }

    fn lies(&self, part: Part) -> Vec<Lie> {
        self.lies.iter().filter(|told| told.part.covers(part)).map(|told| told.lie.clone()).collect()
    }

    /// The next failure that has not happened as often as it should.
    fn outage(&mut self, part: Part) -> Option<Answer> {
        let mut told = self.lies.iter_mut().filter(|told| told.part.covers(part) && told.left != Some(0));
        let (told, answer) = told.find_map(|told| twist::outage(&told.lie).map(|answer| (told, answer)))?;
        told.left = told.left.map(|left| left - 1);
        Some(answer)
    }

    fn twist(&mut self, lies: &[Lie], truth: Answer, route: Route<'_>) -> Answer {
        lies.iter().fold(truth, |answer, lie| twist::twist(lie, answer, route, &mut self.store, &mut self.moved))
    }
}
