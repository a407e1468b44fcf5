//! The checker can fail: a sound simulator passes, and each planted fault is caught for what it is.

use futures_util::FutureExt as _;

use super::checker::{Kind, check};
use super::record::Transport;
use super::run::play;
use super::script::{Draft, First, Op, Options, Script, Source};
use super::shrink::{Outcome, shrink};
use super::simulator::{Fault, Simulator};

/// As many scripts as a run of the gateway plays.
const SCRIPTS: u64 = 400;

fn run(script: &Script, fault: Option<Fault>) -> Outcome {
    let mut world = Simulator::new(script, fault);
    let record = play(script, &mut world).now_or_never().unwrap();
    Outcome {
        script: script.clone(),
        complaints: check(&record),
        record,
    }
}

#[test]
fn a_sound_gateway_passes_every_script() {
    for seed in 0..3 * SCRIPTS {
        let outcome = run(&Script::of(seed), None);
        if !outcome.complaints.is_empty() {
            panic!("{}", shrink(outcome, 500, |script| run(script, None)));
        }
    }
}

/// The fault is found, in scripts as many as a run has, and the first complaint of one of them names it rightly.
fn caught(fault: Fault, kinds: &[Kind]) {
    let mut others = Vec::new();
    for seed in 0..SCRIPTS {
        match run(&Script::of(seed), Some(fault))
            .complaints
            .into_iter()
            .next()
        {
            Some(first) if kinds.contains(&first.kind) => return,
            Some(other) => others.push(other),
            None => {}
        }
    }
    panic!("{fault:?} was not caught for what it is, but as {others:#?}");
}

/// By itself: few scripts publish to a room, join it, and cut that stream before anything comes.
#[test]
fn an_event_of_before_the_join_after_a_recovery_is_caught() {
    let open = |back| Op::Open {
        client: 0,
        transport: Transport::SocketIo,
        rooms: vec!["r:still"],
        secret: false,
        first: First::Now,
        source: Source::Header,
        decoy: false,
        wait: 0,
        snapshot: false,
        origin: None,
        back,
        cut: None,
    };
    let publish = Op::Publish {
        events: vec![Draft {
            number: 1,
            rooms: vec!["r:busy"],
            padding: 0,
            spaced: false,
            options: Options::default(),
        }],
        key: None,
        sender: false,
    };
    let join = Op::Join {
        client: 0,
        room: "r:busy",
        since: None,
        snapshot: false,
        race: None,
        cut: None,
    };
    let cut = Op::Cut {
        client: 0,
        bytes: 1 << 20,
    };
    let script = Script {
        clients: 1,
        ops: vec![open(false), publish, join, cut, open(true)],
        ..Script::of(0)
    };
    assert!(run(&script, None).complaints.is_empty());
    let complaints = run(&script, Some(Fault::RecoverBeforeJoin)).complaints;
    assert_eq!(complaints[0].kind, Kind::NotJoined, "{complaints:#?}");
}

macro_rules! faults {
    ($($name:ident: $fault:ident => $($kind:ident)|+;)+) => {
        $(#[test]
        fn $name() {
            caught(Fault::$fault, &[$(Kind::$kind),+]);
        })+
    };
}

faults! {
    a_skipped_floor_check_is_caught: SkipFloorCheck => Missing;
    an_epoch_that_is_used_again_is_caught: ReuseEpoch => Publish;
    an_event_id_at_the_head_is_caught: CursorAtHead => Missing | Bytes | Twice;
    a_welcome_cursor_at_the_head_is_caught: WelcomeAtHead => Missing;
    events_before_their_gap_are_caught: DeliverBeforeGap => Missing;
    a_forgotten_tombstone_is_caught: ForgetTombstone => Missing;
    an_event_twice_after_a_resume_is_caught: DoubleAfterResume => Twice | Order | NotJoined;
    a_batch_without_its_last_event_is_caught: DropLastOfBatch => Missing;
    the_wrong_room_in_an_envelope_is_caught: WrongRoom => Bytes | NotJoined;
    other_bytes_on_one_transport_are_caught: OtherBytesOnLongPoll => Bytes;
    numbers_that_lose_their_tokens_are_caught: RoundNumbers => Bytes;
    an_event_after_a_leave_is_caught: EventAfterLeave => NotJoined;
    an_event_from_before_a_join_is_caught: EventBeforeJoin => NotJoined;
    a_join_from_the_cursor_instead_of_now_is_caught: JoinFromCursor => NotJoined;
    an_event_of_a_room_that_is_not_granted_is_caught: UngrantedRoom => NotJoined | Unauthorized;
    a_refused_room_that_is_not_named_is_caught: SilentRefusal => Unauthorized;
    rooms_one_after_the_other_are_caught: OutOfOrder => Order | Missing;
    a_heartbeat_that_overtakes_events_is_caught: HeartbeatOvertakes => Missing;
    a_gap_that_is_too_large_is_caught: GapTooLarge => FalseGap;
    a_gap_that_is_too_small_is_caught: GapTooSmall => FalseGap | Missing;
    a_gap_that_is_told_again_is_caught: GapAgainAndAgain => GapAgain;
    a_gap_of_a_quiet_room_is_caught: GapOfQuietRoom => FalseGap;
    a_repeat_that_is_appended_twice_is_caught: RepeatAppendedTwice => Publish;
    a_new_life_without_a_gap_is_caught: SilentEpoch => EpochGap;
    a_position_before_the_gap_of_a_new_life_is_caught: WelcomeBeforeEpochGap => EpochGap;
    a_gap_of_a_new_life_that_excuses_what_is_held_is_caught: EpochGapToHead => FalseGap;
    an_event_once_for_each_of_its_rooms_is_caught: TwiceThroughTwoRooms => Twice;
    a_truncated_cursor_that_is_taken_is_caught: TakeTruncatedCursor => EpochGap;
    a_backfill_without_its_gap_is_caught: BackfillWithoutGap => Missing;
    a_backfill_that_comes_again_in_the_stream_is_caught: BackfillTwice => Twice | Order;
    a_backfill_without_what_another_room_never_gave_is_caught: BackfillWithoutShared => Missing;
    an_answer_before_its_backfill_is_caught: AckBeforeBackfill => Missing | NotJoined;
    a_stream_that_sleeps_through_events_is_caught: SleepThrough => Silent | Missing;
}

faults! {
    a_gateway_that_knows_nobody_again_is_caught: RecoverNobody => Recovered;
    an_event_between_the_recovered_position_and_live_that_is_lost_is_caught: RecoverAtHead => Missing;
    an_event_that_comes_again_after_a_recovery_is_caught: RecoverTwice => Twice | Order;
    a_recovery_of_somebody_who_lacks_what_is_gone_is_caught: RecoverInSpite => Recovered;
    a_recovery_without_one_of_its_rooms_is_caught: RecoverWithoutRoom => Missing | Silent | Malformed;
    a_recovery_as_another_stream_is_caught: RecoverAsAnother => Recovered;
    numbers_that_lose_their_tokens_over_socketio_alone_are_caught: RoundOverSocketIo => Bytes;
    an_envelope_without_its_sender_over_socketio_is_caught: LoseFromOverSocketIo => Bytes;
    an_offset_at_the_head_is_caught: OffsetAtHead => Missing;
    an_answer_before_the_past_that_it_ends_is_caught: AckBeforePast => Missing | NotJoined;
    a_join_over_two_lives_without_its_gap_is_caught: JoinOverLivesInSilence => EpochGap;
    a_flush_that_never_comes_over_socketio_is_caught: LoseFlushOverSocketIo => Silent;
    an_offset_of_what_is_in_no_log_is_caught: FlashWithOffset => Position;
}

faults! {
    a_window_that_is_lost_at_its_end_is_caught: LoseFlush => Missing | Silent;
    an_event_of_a_window_that_comes_as_it_is_is_caught: RawDelivered => Raw;
    the_oldest_of_a_key_instead_of_the_newest_is_caught: FlushOldest => Flush;
    a_batch_without_one_of_its_events_is_caught: BatchMissesOne => Flush;
    a_batch_in_another_order_is_caught: BatchDisorder => Flush;
    a_batch_that_comes_twice_is_caught: BatchTwice => Flush;
    what_a_newer_event_replaces_is_caught: LatestGivesAll => Superseded;
    a_newest_event_that_never_comes_is_caught: LatestForgetsNewest => Missing;
    an_older_event_after_a_newer_one_is_caught: LatestDisorder => Order | Missing | Superseded;
    a_gap_of_what_a_newer_event_replaces_is_caught: LatestMovesFloor => FalseGap;
    a_gap_of_what_outlived_its_own_time_is_caught: TtlMovesFloor => FalseGap;
    an_event_after_its_time_is_caught: DeliverOutlived => Outlived;
    an_event_to_who_is_excepted_is_caught: ExceptIgnored => Excepted;
    an_exception_of_one_that_hides_it_from_all_is_caught: ExceptFromAll => Missing;
    an_exception_of_a_name_that_counts_for_principals_only_is_caught: ExceptByNameAlone => Excepted;
    a_cleared_key_among_the_values_is_caught: KeepClearedKey => State;
    a_value_that_ends_without_an_event_is_caught: EndInSilence => Missing | State | Silent;
    values_without_one_of_them_are_caught: SnapshotLacksValues => State;
    values_that_never_come_are_caught: SnapshotNever => State;
    values_of_an_older_position_are_caught: StateOfOlderPosition => State;
    a_seam_that_loses_an_event_is_caught: SeamLost => Missing;
    a_seam_that_doubles_an_event_is_caught: SeamDoubled => NotJoined | Order | State;
    a_gap_without_the_values_that_were_asked_for_is_caught: NoStateAfterGap => State;
    a_position_before_the_values_is_caught: WelcomeBeforeState => State;
    a_room_that_is_joined_without_its_values_is_caught: JoinWithoutState => State;
    values_before_what_is_due_are_caught: StateBeforeDue => Missing;
    an_id_of_what_is_in_no_log_is_caught: VolatileWithId => Unpublished | Bytes;
    what_is_in_no_log_and_comes_twice_is_caught: VolatileTwice => Twice;
    what_is_in_no_log_and_overtakes_is_caught: VolatileOvertakes => Volatile;
    what_is_in_no_log_and_is_not_for_this_client_is_caught: VolatileToAll => Excepted;
    a_gap_where_the_stream_was_to_end_is_caught: NoDisconnect => Overflow;
    a_stream_that_ends_for_nothing_is_caught: DisconnectForNothing => Overflow;
    an_event_without_its_key_is_caught: LoseKeys => Bytes | Flush;
}
