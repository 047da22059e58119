//! A small HTTP server that remembers what it was asked and answers with codes.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A server on loopback. Its threads end with the test.
pub(in super::super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    codes: VecDeque<u16>,
    requests: Vec<Request>,
}

/// What came.
#[derive(Clone, Debug)]
pub(in super::super) struct Request {
    /// The number of the connection, counted from 0.
    pub(in super::super) connection: usize,
    /// Method, path and version.
    pub(in super::super) line: String,
    /// The headers, in lower case.
    pub(in super::super) headers: Vec<String>,
    pub(in super::super) body: String,
}

impl Server {
    /// A server that answers with these codes, one after the other; the last one from then on.
    pub(in super::super) fn start(codes: impl IntoIterator<Item = u16>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { codes: codes.into_iter().collect(), requests: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        thread::spawn({
            let state = state.clone();
            move || {
                for (connection, stream) in listener.incoming().enumerate() {
                    let state = state.clone();
                    thread::spawn(move || serve(connection, &stream.unwrap(), &state));
                }
            }
        });
        Self { address, state }
    }

    /// Its address as host and port.
    pub(in super::super) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(in super::super) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Request {
    pub(in super::super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn serve(connection: usize, mut stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(connection, &mut reader) {
        let code = {
            let mut state = state.lock().unwrap();
            state.requests.push(request);
            if state.codes.len() > 1 { state.codes.pop_front() } else { state.codes.front().copied() }
        };
        let answer = format!("HTTP/1.1 {} Answer\r\ncontent-length: 0\r\n\r\n", code.unwrap_or(500));
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request, unless the connection ends.
fn read(connection: usize, reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<_> = lines.iter().map(|line| line.to_lowercase()).collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    Some(Request { connection, line, headers, body: String::from_utf8(body).ok()? })
}
