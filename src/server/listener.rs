//! Listening: on TCP, or on a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::model::peer::Peer;

use super::endpoint::Address;
use super::inherited::Socket;
use super::socket::Raw;

/// The kernel's send buffer of one connection, in bytes: a reader that does not read costs this and no more,
/// where an automatic buffer grows to megabytes.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that wait in the kernel to be accepted: a herd is delayed, not refused.
const BACKLOG: u32 = 4096;

/// Where connections come from.
pub(super) enum Listener {
    Tcp(TcpListener),
    /// The file goes first: behind the listener it might be a successor's.
    Unix(SocketFile, UnixListener),
}

impl Listener {
    /// Listens on `address`.
    pub(super) fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => tcp(*address).map(Self::Tcp),
            Address::Unix(path) => {
                remove_left_behind(path)?;
                let listener = UnixListener::bind(path)?;
                let path = path.clone();
                Ok(Self::Unix(
                    SocketFile {
                        path,
                        is_ours: true,
                    },
                    listener,
                ))
            }
        }
    }

    /// Accepts from a socket that is open already, on `address`. The file of a Unix socket is left to whoever opened it.
    pub(super) fn inherit(socket: Socket, address: &Address) -> io::Result<Self> {
        match (socket, address) {
            (Socket::Tcp(listener), _) => {
                let bytes = usize::try_from(SEND_BUFFER).unwrap_or(usize::MAX);
                SockRef::from(&listener).set_send_buffer_size(bytes)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            (Socket::Unix(listener), Address::Unix(path)) => {
                let path = path.clone();
                let listener = UnixListener::from_std(listener)?;
                Ok(Self::Unix(
                    SocketFile {
                        path,
                        is_ours: false,
                    },
                    listener,
                ))
            }
            (Socket::Unix(_), Address::Tcp(_)) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Where it listens: with the port that was chosen, where any would do.
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(file, _) => Ok(Address::Unix(file.path.clone())),
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Raw, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((stream.into_std()?.into(), Peer::Tcp(peer)))
            }
            Self::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((stream.into_std()?.into(), Peer::Unix))
            }
        }
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A process that was killed leaves its socket's file behind, and nobody can listen there. A file that is no socket,
/// or at which somebody answers, is left alone: binding says so.
fn remove_left_behind(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket {
        let answered = std::os::unix::net::UnixStream::connect(path);
        if answered.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The file of a Unix socket, which goes with its listener if that has made it.
pub(super) struct SocketFile {
    path: PathBuf,
    is_ours: bool,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_ours {
            // It may be gone already; there is nobody to tell.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
