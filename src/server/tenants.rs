//! The connections of one home, for whoever must end them while their own thread cannot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::net::TcpStream;
use tokio::task::yield_now;

use super::socket::end;

/// Connections that are ended before others have their turn: each end sends a packet, and a home may have thousands.
const TURN: usize = 64;

/// Who lives there.
#[derive(Default)]
pub(super) struct Tenants(Mutex<List>);

/// A list whose places are used again: 8 bytes for each, and as many again for one that is free.
#[derive(Default)]
struct List {
    places: Vec<Option<Weak<TcpStream>>>,
    free: Vec<usize>,
    is_closed: bool,
}

/// A connection's place on the list; it is given back when this is dropped.
pub(super) struct Tenancy {
    home: Arc<Tenants>,
    place: usize,
}

impl Tenants {
    /// Puts a connection on the list. Where the home is closed it is ended at once: whoever chose it did so in the
    /// moment before.
    pub(super) fn admit(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Tenancy {
        let (place, is_closed) = self.list().add(Arc::downgrade(stream));
        if is_closed {
            end(stream);
        }
        Tenancy {
            home: self.clone(),
            place,
        }
    }

    /// Ends all connections, and those that still come until it opens again; gives how many there were. They stay on
    /// the list until their own thread has let go of them.
    pub(super) async fn close(&self) -> usize {
        let there = self.list().close();
        let mut ended = 0;
        for turn in there.chunks(TURN) {
            ended += turn.iter().filter(|stream| end(stream)).count();
            yield_now().await;
        }
        ended
    }

    /// From now on connections may come again.
    pub(super) fn open(&self) {
        self.list().is_closed = false;
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    /// Gives its place, and whether it comes too late.
    fn add(&mut self, stream: Weak<TcpStream>) -> (usize, bool) {
        let place = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(free) => *free = Some(stream),
            None => self.places.push(Some(stream)),
        }
        (place, self.is_closed)
    }

    fn close(&mut self) -> Vec<Arc<TcpStream>> {
        self.is_closed = true;
        let there = self.places.iter().flatten();
        there.filter_map(Weak::upgrade).collect()
    }

    fn remove(&mut self, place: usize) {
        self.places[place] = None;
        self.free.push(place);
        if self.free.len() == self.places.len() {
            // What a herd took is given back when the last of it has gone.
            (self.places, self.free) = Default::default();
        }
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.home.list().remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// Gives connections and their clients.
    struct Street(TcpListener);

    impl Street {
        async fn new() -> Self {
            Self(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
        }

        async fn connection(&self) -> (Arc<TcpStream>, TcpStream) {
            let address = self.0.local_addr().unwrap();
            let client = TcpStream::connect(address).await.unwrap();
            (Arc::new(self.0.accept().await.unwrap().0), client)
        }
    }

    async fn has_ended(client: &mut TcpStream) -> bool {
        client.read(&mut [0]).await.unwrap() == 0
    }

    fn is_open(client: &TcpStream) -> bool {
        let read = client.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    #[tokio::test]
    async fn who_is_there_is_ended_and_so_is_whoever_comes_until_it_opens_again() {
        let (street, home) = (Street::new().await, Arc::new(Tenants::default()));
        let (there, mut first) = street.connection().await;
        let (gone, mut second) = street.connection().await;
        let (_there, left) = (home.admit(&there), home.admit(&gone));
        drop((gone, left));
        assert!(has_ended(&mut second).await);
        assert_eq!(home.close().await, 1, "one had gone by itself");
        assert!(has_ended(&mut first).await);
        let (late, mut third) = street.connection().await;
        let _late = home.admit(&late);
        assert!(has_ended(&mut third).await);
        home.open();
        let (next, fourth) = street.connection().await;
        let _next = home.admit(&next);
        assert!(is_open(&fourth));
    }

    #[tokio::test]
    async fn places_are_used_again_and_given_back_when_all_have_gone() {
        let (street, home) = (Street::new().await, Arc::new(Tenants::default()));
        let (stream, _client) = street.connection().await;
        let mut there: Vec<_> = (0..10).map(|_| home.admit(&stream)).collect();
        for _ in 0..100 {
            there.swap_remove(3);
            there.push(home.admit(&stream));
        }
        assert_eq!(home.list().places.len(), 10);
        drop(there);
        assert_eq!(home.list().places.capacity(), 0);
        assert_eq!(home.list().free.capacity(), 0);
    }
}
