//! Where to listen, as Go writes it: `:8080`, `127.0.0.1:8080`, `[::1]:8080`, or `0` for nowhere.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tokio::net::TcpListener;

/// An address to listen on, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Not at all.
    Off,
    /// At a port of one address, or of every address where `host` is empty.
    At {
        /// A name or an address, without brackets.
        host: String,
        /// The port; 0 is one that the system picks.
        port: u16,
    },
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `host:port`, `:port` or `0`, found `{0}`")]
pub struct ListenError(String);

impl Listen {
    /// Starts to listen; `None` where there is nothing to listen on.
    ///
    /// # Errors
    /// The address is taken, or not one of this machine.
    pub async fn bind(&self) -> io::Result<Option<TcpListener>> {
        let Self::At { host, port } = self else { return Ok(None) };
        if !host.is_empty() {
            return TcpListener::bind((host.as_str(), *port)).await.map(Some);
        }
        // The unspecified address of IPv6 serves both, where the kernel has it.
        match TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).await.map(Some)
            }
            bound => bound.map(Some),
        }
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" || text.is_empty() {
            return Ok(Self::Off);
        }
        let error = || ListenError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let port = port.parse().map_err(|_| error())?;
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            Some(bracketed) => bracketed.ok_or_else(error)?,
            None if host.contains(':') => return Err(error()),
            None => host,
        };
        Ok(Self::At { host: host.to_owned(), port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("0"),
            Self::At { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::At { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, port: u16) {
        let listen: Listen = text.parse().unwrap();
        assert_eq!(listen, Listen::At { host: host.to_owned(), port });
        assert_eq!(listen.to_string(), text);
    }

    #[test]
    fn reads_and_prints_addresses() {
        check(":8080", "", 8080);
        check("127.0.0.1:0", "127.0.0.1", 0);
        check("[::1]:80", "::1", 80);
        check("localhost:80", "localhost", 80);
        assert_eq!("0".parse(), Ok(Listen::Off));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["8080", ":", ":x", ":65536", "::1:80", "[::1:80", "host"] {
            assert_eq!(text.parse::<Listen>(), Err(ListenError(text.to_owned())));
        }
    }

    #[tokio::test]
    async fn listens_where_it_is_told() {
        for text in [":0", "127.0.0.1:0"] {
            let listener = text.parse::<Listen>().unwrap().bind().await.unwrap().unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            // Taken is taken, whichever address family there is.
            let error = Listen::At { host: String::new(), port }.bind().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        assert!(Listen::Off.bind().await.unwrap().is_none());
    }
}
