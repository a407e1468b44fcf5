//! A naive gateway without sockets: what the checker is tested against, sound or with one planted fault.

mod clock;
mod log;
mod policies;
mod rooms;
mod socketio;
mod state;
mod stream;
mod windows;
mod write;

use std::time::Duration;

use super::random::Random;
use super::record::{Raw, Transport};
use super::run::{Get, Post, SENDER, Taken, World};
use super::script::{SECRET, Script};

use log::{Log, Stored};
use stream::Stream;

/// One thing done wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    SkipFloorCheck,
    ReuseEpoch,
    CursorAtHead,
    WelcomeAtHead,
    DeliverBeforeGap,
    ForgetTombstone,
    DoubleAfterResume,
    DropLastOfBatch,
    WrongRoom,
    OtherBytesOnLongPoll,
    RoundNumbers,
    EventAfterLeave,
    EventBeforeJoin,
    UngrantedRoom,
    SilentRefusal,
    OutOfOrder,
    HeartbeatOvertakes,
    GapTooLarge,
    GapTooSmall,
    GapAgainAndAgain,
    GapOfQuietRoom,
    RepeatAppendedTwice,
    SilentEpoch,
    WelcomeBeforeEpochGap,
    EpochGapToHead,
    TwiceThroughTwoRooms,
    TakeTruncatedCursor,
    BackfillWithoutGap,
    BackfillTwice,
    BackfillWithoutShared,
    AckBeforeBackfill,
    SleepThrough,
    JoinFromCursor,
    LoseFlush,
    RawDelivered,
    FlushOldest,
    BatchMissesOne,
    BatchDisorder,
    BatchTwice,
    LatestGivesAll,
    LatestForgetsNewest,
    LatestDisorder,
    LatestMovesFloor,
    TtlMovesFloor,
    DeliverOutlived,
    ExceptIgnored,
    ExceptFromAll,
    ExceptByNameAlone,
    KeepClearedKey,
    EndInSilence,
    SnapshotLacksValues,
    SnapshotNever,
    StateOfOlderPosition,
    SeamLost,
    SeamDoubled,
    NoStateAfterGap,
    WelcomeBeforeState,
    JoinWithoutState,
    StateBeforeDue,
    VolatileWithId,
    VolatileTwice,
    VolatileOvertakes,
    VolatileToAll,
    NoDisconnect,
    DisconnectForNothing,
    LoseKeys,
    RecoverNobody,
    RecoverAtHead,
    RecoverTwice,
    RecoverBeforeJoin,
    RecoverInSpite,
    RecoverWithoutRoom,
    RecoverAsAnother,
    RoundOverSocketIo,
    LoseFromOverSocketIo,
    OffsetAtHead,
    AckBeforePast,
    JoinOverLivesInSilence,
    LoseFlushOverSocketIo,
    FlashWithOffset,
}

/// The gateway.
pub(super) struct Simulator {
    log: Log,
    streams: Vec<Stream>,
    keys: Vec<(String, String, String)>,
    random: Random,
    /// Reads little at a time, so that its streams are far behind.
    lazy: bool,
    fault: Option<Fault>,
    now: Duration,
}

impl Simulator {
    pub(super) fn new(script: &Script, fault: Option<Fault>) -> Self {
        Self {
            log: Log::new(script.rules.clone(), script.total, fault),
            streams: Vec::new(),
            keys: Vec::new(),
            random: Random::new(script.seed ^ 0x5151),
            lazy: script.seed % 3 == 1,
            fault,
            now: Duration::ZERO,
        }
    }

    fn append(&mut self, post: &Post) -> String {
        let from = post.sender.then_some(SENDER);
        let mut results = Vec::new();
        for draft in &post.events {
            let rooms: Vec<String> = draft.rooms.iter().map(|&room| room.to_owned()).collect();
            let event = Stored::new(draft, from);
            let id = match draft.options.volatile {
                true => self.flash(event),
                false => format!(r#""{}""#, self.log.append(event, draft)),
            };
            results.push(match &rooms[..] {
                [room] => format!(r#"{{"id":{id},"room":"{room}"}}"#),
                several => format!(
                    r#"{{"id":{id},"rooms":{}}}"#,
                    serde_json::to_string(several).unwrap()
                ),
            });
            if post.spoilt && results.len() == 1 {
                results
                    .push(r#"{"error":{"code":"reserved_event","message":"reserved"}}"#.to_owned());
            }
        }
        match results.len() == 1 && post.events[0].rooms.len() == 1 {
            true => results.remove(0),
            false => format!(r#"{{"results":[{}]}}"#, results.join(",")),
        }
    }

    /// An event that is in no log goes to whoever has nothing pending.
    fn flash(&mut self, mut event: Stored) -> String {
        self.log.stamp(&mut event);
        event.held.clone_from(&event.rooms);
        for stream in &mut self.streams {
            stream.flash(&self.log, &event);
        }
        "null".to_owned()
    }

    fn wake(&mut self) {
        for stream in &mut self.streams {
            if self.random.once_in(if self.lazy { 8 } else { 2 }) {
                stream.read(&self.log, 1 + self.random.below(6), self.now);
            }
        }
    }
}

impl World for Simulator {
    type Link = usize;

    async fn publish(&mut self, post: &Post) -> (u16, String) {
        let body = post
            .events
            .iter()
            .map(|draft| draft.event() + &draft.data())
            .collect::<String>();
        let known = post
            .key
            .as_ref()
            .and_then(|key| self.keys.iter().find(|(have, ..)| have == key));
        match known {
            Some((_, same, answer))
                if *same == body && self.fault != Some(Fault::RepeatAppendedTwice) =>
            {
                return (202, answer.clone());
            }
            Some((_, same, _)) if *same != body => {
                return (422, r#"{"code":"idempotency_conflict"}"#.to_owned());
            }
            _ => {}
        }
        let answer = self.append(post);
        if let Some(key) = &post.key {
            self.keys.push((key.clone(), body, answer.clone()));
        }
        self.wake();
        (202, answer)
    }

    async fn open(&mut self, get: &Get) -> usize {
        let name = self.streams.len();
        let stream = match get.opening.transport {
            Transport::SocketIo => {
                let before = self.takes_over(&get.opening);
                Stream::join_namespace(&self.log, get, name, before, self.now)
            }
            _ => Stream::open(&self.log, get, name, self.fault, self.now),
        };
        self.streams.push(stream);
        self.streams.len() - 1
    }

    async fn read(&mut self, link: &mut usize, bytes: usize) -> Taken {
        let stream = &mut self.streams[*link];
        let credit = if self.lazy && !stream.single() { 1 } else { 6 };
        while !self.random.once_in(if self.lazy { 2 } else { 4 }) {
            stream.read(&self.log, 1 + self.random.below(credit), self.now);
        }
        let mut left = bytes;
        let mut frames = Vec::new();
        while let Some(frame) = stream.out.front() {
            let size = length(frame);
            if size > left {
                break;
            }
            left -= size;
            frames.extend(stream.out.pop_front());
        }
        Taken {
            frames,
            over: stream.over && stream.out.is_empty(),
        }
    }

    async fn send(&mut self, link: &mut usize, text: &str) {
        let answer = self.streams[*link].ask(&self.log, text);
        let stream = &mut self.streams[*link];
        let answer = answer.map(|answer| stream.framed(answer));
        stream.out.extend(answer);
    }

    async fn tell(&mut self, _principal: &str, stream: &str, text: &str) -> (u16, String) {
        match stream
            .parse::<usize>()
            .ok()
            .and_then(|at| self.streams.get_mut(at))
        {
            Some(stream) if !stream.over => (200, stream.ask(&self.log, text).unwrap_or_default()),
            _ => (404, r#"{"code":"unknown_stream"}"#.to_owned()),
        }
    }

    fn advance(&mut self, span: Duration) {
        self.now += span;
        self.log.advance(span);
        for stream in &mut self.streams {
            stream.beat(&self.log, self.now);
        }
    }

    async fn restart(&mut self) {
        self.log.flush(true);
        self.wake();
        for stream in &mut self.streams {
            stream.end();
        }
        self.log.restart();
        self.keys.clear();
        self.forget_who_was_there();
    }

    async fn linger(&mut self, _round: usize) {}
}

fn length(frame: &Raw) -> usize {
    match frame {
        Raw::WebSocket(text)
        | Raw::SocketIo(text)
        | Raw::Sse(text)
        | Raw::Body(text)
        | Raw::Refused(_, text)
        | Raw::Broken(text) => text.len(),
        Raw::Close(_) => 2,
    }
}

/// Whether a client may read this room.
fn granted(room: &str) -> bool {
    room != SECRET
}

/// Whether this transport gives one answer to one request.
const fn single(transport: Transport) -> bool {
    matches!(transport, Transport::LongPoll | Transport::History)
}
