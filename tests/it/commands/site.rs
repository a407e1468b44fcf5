//! A gateway with a few roles for the commands of its clients, and a way to it that a test can break.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use super::running::Running;
use super::{file, gatecast};
use crate::support::api_key;
use crate::support::tls::Certificate;

pub(crate) const BACKEND: &str = "key-of-the-backend";
pub(crate) const WALL: &str = "key-of-the-wall";

/// A gateway in a process of its own.
pub(crate) struct Site {
    pub(crate) gateway: Running,
    pub(crate) address: String,
    _directory: tempfile::TempDir,
    path: String,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// One that speaks TLS with `certificate`.
    pub(crate) fn over_tls(certificate: &Certificate) -> Self {
        Self::with(&certificate.toml())
    }

    /// `more` stands at the top of its configuration.
    pub(crate) fn with(more: &str) -> Self {
        let keys = api_key("backend", BACKEND, "backend") + &api_key("wall", WALL, "wall");
        let (directory, path) = file(&format!(
            "{more}\nserver.drain = \"100ms\"\n{keys}\
             [roles.backend]\nsubscribe = [\"*\"]\npublish = [\"*\"]\n\
             [roles.wall]\ntransports = [\"sse\", \"long-poll\"]\nrooms = [\"units\"]\nsubscribe = [\"units\"]\n\
             [rooms.short]\nhistory = {{ events = 1 }}\n"
        ));
        let gateway = serve(&path, "127.0.0.1:0");
        Self {
            address: gateway.address(),
            gateway,
            _directory: directory,
            path,
        }
    }

    /// Stops in order, and starts on the same port.
    pub(crate) fn restart(&mut self) {
        self.gateway.signal("TERM");
        assert_eq!(self.gateway.ended().0, Some(0));
        self.gateway = serve(&self.path, &self.address);
        assert_eq!(self.gateway.address(), self.address);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A command that comes here with the backend's key, from the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = gatecast(arguments);
        command.env("GATECAST_URL", self.url());
        command.env("GATECAST_KEY", BACKEND);
        command
    }

    /// Publishes; the id.
    pub(crate) fn publish(&self, room: &str, data: &str) -> String {
        let output = self
            .command(&["publish", room, data, "--event", "n"])
            .output();
        let (code, out, err) = super::ended(output.unwrap());
        assert_eq!((code, err.as_str()), (0, ""));
        out.trim_end().to_owned()
    }

    /// What a tail of `room` prints that begins with everything, when it has printed `count` lines.
    pub(crate) fn held(&self, room: &str, count: usize) -> Vec<String> {
        let tail =
            Running::start(&mut self.command(&["tail", room, "--since", "earliest", "--json"]));
        (0..count).map(|_| tail.prints()).collect()
    }
}

fn serve(path: &str, listen: &str) -> Running {
    let mut command = gatecast(&["serve", "--config", path]);
    command.env("GATECAST__LISTEN", listen);
    Running::start(&mut command)
}

/// What stands between a client and the gateway does with a connection, of which it has read the first bytes.
pub(crate) enum Way {
    /// Lets everything pass.
    Open,
    /// Answers this itself.
    Answers(&'static str),
    /// Lets the request pass, waits for an answer, and keeps it.
    KeepsTheAnswer,
}

/// A way to `address` on which `choose` decides, by a connection's number and its first bytes. Its own address.
pub(crate) fn way_to(
    address: &str,
    choose: impl Fn(usize, &str) -> Way + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap();
    let address = address.to_owned();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let mut first = vec![0; 16 << 10];
            let Ok(count) = client.read(&mut first) else {
                continue;
            };
            first.truncate(count);
            let way = choose(number, &String::from_utf8_lossy(&first));
            let address = address.clone();
            std::thread::spawn(move || {
                let _ = go(&way, client, &first, &address);
            });
        }
    });
    own
}

fn go(way: &Way, mut client: TcpStream, first: &[u8], address: &str) -> std::io::Result<()> {
    if let Way::Answers(answer) = way {
        return client.write_all(answer.as_bytes());
    }
    let mut gateway = TcpStream::connect(address)?;
    gateway.write_all(first)?;
    if let Way::KeepsTheAnswer = way {
        gateway.read_exact(&mut [0; 12])?;
        return client.shutdown(Shutdown::Both);
    }
    let (mut from, mut to) = (client.try_clone()?, gateway.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    std::io::copy(&mut gateway, &mut client)?;
    client.shutdown(Shutdown::Write)
}
