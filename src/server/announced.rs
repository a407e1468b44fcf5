//! Connections that begin with a header of the PROXY protocol.

use std::io;

use tokio::io::AsyncRead;

use crate::model::network::Proxies;
use crate::model::peer::Peer;
use crate::wire::proxy_protocol::{Header, decode};

use super::accept::Acceptor;
use super::ahead::Ahead;

/// Who the client is of a connection `from` there: reads the header, which must come, and from one of `proxies`.
///
/// # Errors
/// The connection is from somebody else, begins with something else, or ends before.
async fn client<I: AsyncRead + Unpin>(
    io: &mut Ahead<I>,
    from: Peer,
    proxies: &Proxies,
) -> io::Result<Peer> {
    if !proxies.trust(&from) {
        return Err(io::Error::other(
            "only a proxy of server.trusted_proxies may connect here",
        ));
    }
    let seen = io
        .look(|seen| decode(seen) != Ok(Header::Incomplete))
        .await?;
    match decode(seen).map_err(io::Error::other)? {
        Header::Incomplete => Err(io::ErrorKind::UnexpectedEof.into()),
        Header::Whole { length, client } => {
            io.skip(length);
            Ok(client.map_or(from, Peer::Tcp))
        }
    }
}

impl Acceptor {
    /// The same, and an operator is told who is turned away: a proxy that is not trusted, or does not speak the
    /// protocol, looks like a gateway that is down.
    pub(super) async fn announced<I: AsyncRead + Unpin>(
        &self,
        io: &mut Ahead<I>,
        from: Peer,
    ) -> io::Result<Peer> {
        let client = client(io, from, &self.context.rules().proxies).await;
        if let Err(error) = &client
            && error.kind() == io::ErrorKind::Other
        {
            let who = from
                .ip()
                .map_or_else(|| from.to_string(), |ip| ip.to_string());
            if self.strangers.is_due(&who, self.context.clock.now()) {
                tracing::warn!(peer = %from, %error, "turned away where the PROXY protocol is spoken");
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const LINE: &str = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n";

    async fn read(bytes: &str, from: Peer) -> io::Result<(String, String)> {
        let mut io = Ahead::new(bytes.as_bytes());
        let client = client(&mut io, from, &Proxies::parse(["unix"]).unwrap()).await?;
        let mut rest = String::new();
        io.read_to_string(&mut rest).await?;
        Ok((client.to_string(), rest))
    }

    #[tokio::test]
    async fn the_header_is_taken_away_and_says_who_the_client_is() {
        let known = read(&format!("{LINE}GET /"), Peer::Unix).await.unwrap();
        assert_eq!(known, ("192.0.2.1:4711".into(), "GET /".into()));
        let unknown = read("PROXY UNKNOWN\r\nGET /", Peer::Unix).await.unwrap();
        assert_eq!(unknown, ("unix".into(), "GET /".into()));
    }

    #[tokio::test]
    async fn without_the_header_and_from_anybody_else_there_is_no_connection() {
        let stranger = Peer::Tcp("192.0.2.7:1".parse().unwrap());
        assert!(read(LINE, stranger).await.is_err());
        for bytes in ["", "PROXY TCP4", "GET / HTTP/1.1\r\n"] {
            assert!(read(bytes, Peer::Unix).await.is_err(), "{bytes}");
        }
    }
}
