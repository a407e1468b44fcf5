//! Listening sockets that the process was started with (systemd's socket activation, sd_listen_fds(3)): whoever started
//! it holds them, and while one process is replaced by another no connection is refused.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use socket2::SockRef;

use super::endpoint::{Address, Endpoint};

/// The sockets that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(Address, Socket)>);

/// One of them.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Inherited {
    /// Those that the environment names (`LISTEN_FDS`, `LISTEN_PID`). Their names (`LISTEN_FDNAMES`) are not needed: a
    /// socket is known by its address. They are taken out of the environment, so that no child takes them too; to be
    /// called once, before there are threads.
    ///
    /// # Errors
    /// One of them is nothing that connections can be accepted from.
    pub fn from_environment() -> io::Result<Self> {
        let mut named = ListenFd::from_env();
        let sockets = (0..named.len()).map(|number| {
            read(&mut named, number).map_err(|why| {
                let message = format!("the socket number {number} of LISTEN_FDS: {why}");
                io::Error::new(why.kind(), message)
            })
        });
        sockets.collect::<io::Result<_>>().map(Self)
    }

    /// That each is for one of `endpoints`, and no two for the same.
    pub(super) fn check<'a>(
        &self,
        endpoints: impl Iterator<Item = &'a Endpoint> + Clone,
    ) -> io::Result<()> {
        for (number, (address, _)) in self.0.iter().enumerate() {
            let is_named = |one: &Endpoint| one.address == *address;
            let why = if self.0[..number].iter().any(|(other, _)| other == address) {
                "came twice"
            } else if !endpoints.clone().any(is_named) {
                "came with the process, and nobody would accept from it: add it, or take it out of the socket's unit"
            } else {
                continue;
            };
            let shown = Shown(address);
            return Err(io::Error::other(format!("a socket for {shown} {why}")));
        }
        Ok(())
    }

    /// The one for `address`, if there is one.
    pub(super) fn take(&mut self, address: &Address) -> Option<Socket> {
        let place = self.0.iter().position(|(one, _)| one == address)?;
        Some(self.0.swap_remove(place).1)
    }
}

fn read(named: &mut ListenFd, number: usize) -> io::Result<(Address, Socket)> {
    let socket = match named.take_tcp_listener(number) {
        Ok(tcp) => tcp.map(Socket::Tcp),
        Err(_) => named.take_unix_listener(number)?.map(Socket::Unix),
    };
    let socket = socket.ok_or_else(|| io::Error::other("it was taken before"))?;
    let (address, listens) = match &socket {
        Socket::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            (
                Address::Tcp(listener.local_addr()?),
                SockRef::from(listener).is_listener()?,
            )
        }
        Socket::Unix(listener) => {
            listener.set_nonblocking(true)?;
            let local = listener.local_addr()?;
            let path = local
                .as_pathname()
                .ok_or_else(|| io::Error::other("a Unix socket without a path"))?;
            (
                Address::Unix(path.into()),
                SockRef::from(listener).is_listener()?,
            )
        }
    };
    if !listens {
        return Err(io::Error::other(
            "it does not listen (a unit with Accept=yes?)",
        ));
    }
    Ok((address, socket))
}

/// As `listen` would name it.
struct Shown<'a>(&'a Address);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::endpoint::Scheme;

    fn inherited(count: usize) -> (Inherited, Address) {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = Address::Tcp(first.local_addr().unwrap());
        let sockets =
            (0..count).map(|_| (address.clone(), Socket::Tcp(first.try_clone().unwrap())));
        (Inherited(sockets.collect()), address)
    }

    #[test]
    fn each_is_for_one_entry_and_is_taken_once() {
        let (mut one, address) = inherited(1);
        let entry = Endpoint {
            address: address.clone(),
            scheme: Scheme::Https,
        };
        assert!(one.check([&entry].into_iter()).is_ok());
        let other = Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        let said = one.check([&other].into_iter()).unwrap_err().to_string();
        assert!(said.contains("nobody would accept"), "{said}");
        assert!(one.take(&other.address).is_none());
        assert!(one.take(&address).is_some() && one.take(&address).is_none());
        let (two, _) = inherited(2);
        let said = two
            .check([&entry, &entry].into_iter())
            .unwrap_err()
            .to_string();
        assert!(!said.is_empty());
    }
}
