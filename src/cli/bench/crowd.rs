//! The clients: some threads, each of which runs its share of them and shares nothing with the others.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::book::Book;
use super::connection::Scratch;
use super::plan::Plan;
use super::polls::Polls;
use super::refused::TIMED_OUT;
use super::stream::Stream;
use super::tally::{Progress, Seen, Tally};
use crate::lifecycle::clock::Clock;
use crate::model::time::Moment;
use crate::model::transport::Transport;

/// How long a client may take until its stream is open. A herd of thousands is answered in its turn.
const OPENING: Duration = Duration::from_secs(30);
/// So many clients of a thread connect at the same time, unless all shall: more than the queue of a listening socket
/// holds would measure that queue.
const AT_A_TIME: usize = 256;

/// What the clients of one thread share.
pub(super) struct Group {
    pub(super) plan: Arc<Plan>,
    pub(super) clock: Clock,
    /// When the first client of all set out.
    pub(super) begun: Moment,
    pub(super) tally: RefCell<Tally>,
    pub(super) progress: Arc<Progress>,
    scratch: Scratch,
    door: Semaphore,
}

/// All clients, under way.
pub(super) struct Crowd {
    threads: Vec<JoinHandle<io::Result<Tally>>>,
    progress: Vec<Arc<Progress>>,
    stop: watch::Sender<bool>,
}

impl Crowd {
    /// Sets `clients` of them on their way, on `threads` threads.
    ///
    /// # Errors
    /// There is no such thread to be had.
    pub(super) fn start(
        plan: &Arc<Plan>,
        clock: &Clock,
        clients: usize,
        threads: usize,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut crowd = Self {
            threads: Vec::new(),
            progress: Vec::new(),
            stop,
        };
        let begun = clock.now();
        for number in 0..threads {
            let share = clients / threads + usize::from(number < clients % threads);
            let progress = Arc::new(Progress::default());
            crowd.progress.push(progress.clone());
            let (plan, clock, stopped) = (plan.clone(), clock.clone(), stopped.clone());
            let thread = thread::Builder::new().name(format!("clients-{number}"));
            crowd.threads.push(thread.spawn(move || {
                let group = Group::new(plan, clock, begun, progress, share);
                group.run(share, stopped)
            })?);
        }
        Ok(crowd)
    }

    /// How far they are.
    pub(super) fn seen(&self) -> Seen {
        self.progress.iter().map(AsRef::as_ref).collect()
    }

    /// Ends all of them, and gives what they have seen.
    ///
    /// # Errors
    /// A thread had nothing to run on.
    pub(super) fn end(self) -> io::Result<Tally> {
        let _ = self.stop.send(true);
        let mut sum = Tally::default();
        for thread in self.threads {
            let died = |_| io::Error::other("a thread of clients has died");
            sum.add(thread.join().map_err(died)??);
        }
        Ok(sum)
    }
}

impl Group {
    fn new(
        plan: Arc<Plan>,
        clock: Clock,
        begun: Moment,
        progress: Arc<Progress>,
        clients: usize,
    ) -> Self {
        let at_a_time = if plan.replay.is_some() {
            clients
        } else {
            AT_A_TIME
        };
        let tally = Tally {
            ledgers: vec![Default::default(); clients],
            ..Tally::default()
        };
        Self {
            plan,
            clock,
            begun,
            tally: RefCell::new(tally),
            progress,
            scratch: Scratch::default(),
            door: Semaphore::new(at_a_time),
        }
    }

    fn run(self, clients: usize, mut stopped: watch::Receiver<bool>) -> io::Result<Tally> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let all = async {
            let attending = (0..clients).map(|number| self.attend(number));
            let mut attending: FuturesUnordered<_> = attending.collect();
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                () = async { while attending.next().await.is_some() {} } => {}
            }
        };
        // Fairness among tasks: this is the only one, and yields by itself when each client had its turn.
        runtime.block_on(tokio::task::unconstrained(all));
        Ok(self.tally.into_inner())
    }

    /// One client, from its first attempt to its end. None comes back: what a server cannot hold shall be seen.
    async fn attend(&self, number: usize) {
        let Ok(door) = self.door.acquire().await else {
            return;
        };
        let mut book = Book::new(self, number);
        let Err(why) = match self.plan.transport {
            Transport::LongPoll => self.poll(door, &mut book).await,
            Transport::Sse | Transport::WebSocket => self.stream(door, &mut book).await,
        };
        book.ended(why);
    }

    async fn stream(
        &self,
        door: SemaphorePermit<'_>,
        book: &mut Book<'_>,
    ) -> Result<Infallible, String> {
        let opening = async {
            let mut stream = Stream::ask(&self.plan, &self.scratch).await?;
            while !book.is_open() {
                stream.step(book).await?;
            }
            Ok(stream)
        };
        let mut stream = self.in_time(opening).await?;
        drop(door);
        loop {
            stream.step(book).await?;
        }
    }

    async fn poll(
        &self,
        door: SemaphorePermit<'_>,
        book: &mut Book<'_>,
    ) -> Result<Infallible, String> {
        let mut polls = Polls::new(&self.plan, &self.scratch);
        self.in_time(polls.step(book)).await?;
        drop(door);
        loop {
            polls.step(book).await?;
        }
    }

    async fn in_time<T>(
        &self,
        opening: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let opened = self.clock.timeout(OPENING, opening).await;
        opened.unwrap_or_else(|| Err(TIMED_OUT.to_owned()))
    }
}
