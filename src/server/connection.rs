//! One connection: HTTP/1.1 in clear text.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::service::{Connection, Listener};
use crate::transport::link::Link;

use super::GOODBYE;
use super::accept::{Acceptor, Place};
use super::io::Guarded;

/// The largest request head, in bytes: hyper answers a larger one with 431.
const HEAD: usize = 16 * 1024;

impl Acceptor {
    /// Serves one connection to its end.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        surplus: bool,
    ) {
        if tune(&stream, self.timeouts.write_stall).is_err() {
            return;
        }
        let clock = self.context.clock.clone();
        let link = Link::default();
        let io = Guarded::new(
            stream,
            place,
            link.clone(),
            clock.clone(),
            self.timeouts.write_stall,
            self.context.draining.clone(),
        );
        let connection = Connection {
            peer,
            surplus,
            listener: Listener::Clients,
            link,
        };
        let link = &connection.link;
        let service = service_fn(|request| {
            let (acceptor, connection) = (self.clone(), connection.clone());
            async move {
                let response = acceptor.service.respond(request, connection).await;
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        http.timer(clock)
            .header_read_timeout(self.timeouts.header)
            .max_buf_size(HEAD)
            .keep_alive(!surplus);
        let mut serving = pin!(
            http.serve_connection(TokioIo::new(io), service)
                .with_upgrades()
        );
        let mut draining = self.context.draining.clone();
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = draining.begun() => {
                serving.as_mut().graceful_shutdown();
                loop {
                    tokio::select! {
                        ended = serving.as_mut() => break ended,
                        // Nothing is being answered or written: half a request head is left.
                        () = self.context.clock.sleep(GOODBYE) => if link.is_idle() { return },
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

/// Events leave at once (without `TCP_NODELAY` one may wait 40 ms for the acknowledgement of the one before), and a
/// client that acknowledges nothing is given up by the kernel as one that takes nothing is by us: the heartbeats to a
/// screen that lost its power fit into the send buffer for hours.
fn tune(stream: &TcpStream, patience: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(patience))?;
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    Ok(())
}
