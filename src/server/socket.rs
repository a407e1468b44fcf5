//! A connection's socket, TCP or Unix.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::tenants::{Tenancy, Tenants};

/// A connection that is not read or written yet: it can still go to another thread.
///
/// One of a Unix socket is held as one of TCP: the kernel tells them apart by their number, and reads, writes and ends
/// both by the same calls. A type for each would cost every connection 16 bytes.
pub(super) struct Raw(std::net::TcpStream);

/// A connection on its thread.
///
/// It is shared with the list of its home, so that another thread can end it. tokio drives a socket only through who
/// has it for itself, so the calls are made here, through `try_io`. tokio's `AsyncFd` around a shared socket of the
/// standard library takes 8 bytes more (32 and an allocation of 32, where this takes 8 and one of 48), and asks for
/// `unsafe` or for a constructor that is on its way out.
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    _tenancy: Tenancy,
}

impl From<std::net::TcpStream> for Raw {
    fn from(stream: std::net::TcpStream) -> Self {
        Self(stream)
    }
}

impl From<std::os::unix::net::UnixStream> for Raw {
    fn from(stream: std::os::unix::net::UnixStream) -> Self {
        Self(OwnedFd::from(stream).into())
    }
}

impl Socket {
    /// The connection, on the thread of the present runtime from now on, and on the list of its home.
    pub(super) fn open(raw: Raw, home: &Arc<Tenants>) -> io::Result<Self> {
        let stream = Arc::new(TcpStream::from_std(raw.0)?);
        let _tenancy = home.admit(&stream);
        Ok(Self { stream, _tenancy })
    }

    /// What TCP needs. Events leave at once (without `TCP_NODELAY` one may wait 40 ms for the acknowledgement of the
    /// one before), and a client that acknowledges nothing for `patience` is given up by the kernel as one that takes
    /// nothing is by us: the heartbeats to a screen that lost its power fit into the send buffer for hours.
    pub(super) fn set_up(&self, patience: Duration) {
        // A connection that is gone already refuses both, and ends at the first read.
        let _ = self.stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&*self.stream).set_tcp_user_timeout(Some(patience));
        #[cfg(not(target_os = "linux"))]
        let _ = patience;
    }
}

/// Ends a connection for both sides, from whichever thread: its client sees the end at once, its own thread when it
/// looks. Gives whether it was still there.
pub(super) fn end(stream: &TcpStream) -> bool {
    SockRef::from(stream).shutdown(Shutdown::Both).is_ok()
}

/// Calls once. Where fewer bytes went than there was `room` for, the socket is spent, and no further call is made only
/// to be told so; tokio's own streams do the same. What is taken back is the readiness of before the call, so that what
/// comes meanwhile is not forgotten.
fn once(
    stream: &TcpStream,
    interest: Interest,
    room: usize,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let blocked = || io::Error::from(io::ErrorKind::WouldBlock);
    let mut gave = Err(blocked());
    let _ = stream.try_io(interest, || {
        gave = call();
        let is_spent = match &gave {
            Ok(count) => (1..room).contains(count),
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        if is_spent { Err(blocked()) } else { Ok(()) }
    });
    gave
}

/// What a call gave, unless it gave nothing and is made again when the socket is ready.
fn done(gave: io::Result<usize>) -> Option<Poll<io::Result<usize>>> {
    match gave {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        gave => Some(Poll::Ready(gave)),
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (stream, room) = (&*self.stream, buf.remaining());
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let read = once(stream, Interest::READABLE, room, || {
                stream.try_read_buf(buf)
            });
            if let Some(read) = done(read) {
                return read.map_ok(|_| ());
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &*self.stream;
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let written = once(stream, Interest::WRITABLE, buf.len(), || {
                stream.try_write(buf)
            });
            if let Some(written) = done(written) {
                return written;
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = &*self.stream;
        loop {
            ready!(stream.poll_write_ready(cx))?;
            // Of a long list the kernel takes a part at a time, however much room it has: that says nothing.
            let written = stream.try_write_vectored(bufs);
            if let Some(written) = done(written) {
                return written;
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match SockRef::from(&*self.stream).shutdown(Shutdown::Write) {
            // The client was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            ended => Poll::Ready(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, UnixStream};

    use super::*;

    /// A connection over TCP and one over a Unix socket, each with its client.
    async fn connections() -> (Socket, TcpStream, Socket, UnixStream) {
        let home = Arc::new(Tenants::default());
        let open = |raw| Socket::open(raw, &home).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let (unix, other) = UnixStream::pair().unwrap();
        (
            open(tcp.into_std().unwrap().into()),
            client,
            open(unix.into_std().unwrap().into()),
            other,
        )
    }

    /// Whether a call would be made.
    fn is_ready(socket: &Socket, interest: Interest) -> bool {
        socket.stream.try_io(interest, || Ok(())).is_ok()
    }

    async fn a_request_is_read_once(socket: &mut Socket, client: &mut (impl AsyncWrite + Unpin)) {
        let mut space = [0; 16];
        client.write_all(b"request").await.unwrap();
        assert_eq!(socket.read(&mut space).await.unwrap(), 7);
        assert!(!is_ready(socket, Interest::READABLE), "all was read");
        client.write_all(&[b'x'; 20]).await.unwrap();
        assert_eq!(socket.read(&mut space).await.unwrap(), 16);
        assert!(is_ready(socket, Interest::READABLE), "there may be more");
        assert_eq!(socket.read(&mut space).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_request_that_fits_is_read_once() {
        let (mut tcp, mut client, mut unix, mut other) = connections().await;
        a_request_is_read_once(&mut tcp, &mut client).await;
        a_request_is_read_once(&mut unix, &mut other).await;
    }

    #[tokio::test]
    async fn what_is_taken_in_part_waits_without_asking_again() {
        let (mut tcp, mut client, ..) = connections().await;
        let large = vec![b'x'; 64 << 20];
        let taken = tcp.write(&large).await.unwrap();
        assert!(taken < large.len());
        assert!(!is_ready(&tcp, Interest::WRITABLE), "there is no room");
        let mut space = vec![0; taken];
        let (read, written) = tokio::join!(client.read_exact(&mut space), tcp.write(b"more"));
        assert_eq!((read.unwrap(), written.unwrap()), (taken, 4));
    }

    async fn all_arrives(
        socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
        client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) {
        let sent: Vec<u8> = (0_u32..3_000_000).map(|at| at.to_le_bytes()[0]).collect();
        let sending = async {
            let mut left = &sent[..];
            while !left.is_empty() {
                let (first, second) = left.split_at(left.len() / 3);
                let both = [IoSlice::new(first), IoSlice::new(second)];
                let count = socket.write_vectored(&both).await.unwrap();
                left = &left[count..];
                let some = left.len().min(1000);
                socket.write_all(&left[..some]).await.unwrap();
                left = &left[some..];
            }
            socket.shutdown().await.unwrap();
        };
        let mut arrived = Vec::new();
        let (read, ()) = tokio::join!(client.read_to_end(&mut arrived), sending);
        assert!(read.is_ok() && arrived == sent, "{} bytes", arrived.len());
    }

    #[tokio::test]
    async fn what_is_written_arrives_whole_and_in_order_and_so_does_its_end() {
        let (mut tcp, mut client, mut unix, mut other) = connections().await;
        all_arrives(&mut tcp, &mut client).await;
        all_arrives(&mut client, &mut tcp).await;
        all_arrives(&mut unix, &mut other).await;
        all_arrives(&mut other, &mut unix).await;
    }

    #[tokio::test]
    async fn a_connection_that_was_ended_reads_its_end_and_takes_nothing_more() {
        let (mut tcp, mut client, mut unix, mut other) = connections().await;
        for socket in [&mut tcp, &mut unix] {
            assert!(end(&socket.stream));
            assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
            assert!(socket.write(b"x").await.is_err());
            assert!(socket.shutdown().await.is_ok());
        }
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
    }
}
