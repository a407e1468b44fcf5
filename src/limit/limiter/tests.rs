use std::time::Duration;

use super::*;

const ONCE_A_SECOND: Rate = Rate {
    count: 1,
    per: Duration::from_secs(1),
};

fn now() -> Moment {
    Moment::from_origin(Duration::from_secs(9))
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn address(text: &str) -> Address {
    Address::of(text.parse().unwrap())
}

#[test]
fn what_is_not_set_is_not_limited_and_takes_no_memory() {
    let limiter = Limiter::default();
    let (of, unset) = (address("192.0.2.1"), Addresses::default());
    let payer = Payer::Principal(&Principal::Anonymous);
    let mut held = Vec::new();
    for _ in 0..1000 {
        assert!(limiter.connect(of, &unset, now()).unwrap().is_none());
        held.push(limiter.open(of, Transport::Sse, &unset, now()).unwrap());
        assert!(limiter.stream(payer, None).unwrap().is_none());
        assert_eq!(limiter.request(payer, None, now()), Ok(()));
        assert_eq!(limiter.event(payer, "e", &Events::new(), now()), Ok(()));
        assert_eq!(limiter.publish(payer, &[room("r")], None, now()), Ok(()));
    }
    assert!(held.iter().all(|held| held.0.is_none()));
}

#[test]
fn an_event_that_one_of_its_rooms_does_not_take_costs_nothing_in_the_others() {
    let limiter = Limiter::default();
    let payer = Payer::Principal(&Principal::Anonymous);
    let publish = |rooms: &[Room]| limiter.publish(payer, rooms, Some(ONCE_A_SECOND), now());
    assert_eq!(publish(&[room("b")]), Ok(()));
    let refusal = publish(&[room("a"), room("b")]).unwrap_err();
    assert_eq!(refusal.room, Some(room("b")));
    assert_eq!(publish(&[room("a")]), Ok(()));
}

#[test]
fn each_payer_has_its_own_budget_of_each_name() {
    let limiter = Limiter::default();
    let limits = Events::from([
        ("a".to_owned(), ONCE_A_SECOND),
        ("b".to_owned(), ONCE_A_SECOND),
    ]);
    let key = Principal::ApiKey("192.0.2.1".into());
    let payers = [
        Payer::Principal(&Principal::Anonymous),
        Payer::Principal(&key),
        Payer::Address(address("192.0.2.1")),
        Payer::Address(address("2001:db8::1")),
        Payer::Stream(StreamId::from_random(1)),
        Payer::Stream(StreamId::from_random(2)),
    ];
    for name in ["a", "b"] {
        for payer in payers {
            assert_eq!(limiter.event(payer, name, &limits, now()), Ok(()));
        }
        for payer in payers {
            let refusal = limiter.event(payer, name, &limits, now()).unwrap_err();
            assert_eq!(refusal.limit_key().unwrap(), format!("events.{name}"));
            assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
        }
    }
    assert_eq!(limiter.event(payers[0], "c", &limits, now()), Ok(()));
}

#[test]
fn strangers_pay_by_their_address_and_others_by_their_name() {
    let (of, key) = (address("192.0.2.1"), Principal::ApiKey("a".into()));
    assert_eq!(Payer::of(&key, Some(of)), Payer::Principal(&key));
    let stranger = Principal::Anonymous;
    assert_eq!(Payer::of(&stranger, Some(of)), Payer::Address(of));
    assert_eq!(Payer::of(&stranger, None), Payer::Principal(&stranger));
}

#[test]
fn a_stream_counts_for_the_principal_that_it_has_and_no_more_for_the_one_before() {
    let limiter = Limiter::default();
    let (first, second) = (Principal::ApiKey("a".into()), Principal::ApiKey("b".into()));
    let place = |principal| limiter.stream(Payer::of(principal, None), Some(1));
    let mut held = Held::default();
    held.count_for_principal(place(&first).unwrap());
    assert!(place(&first).is_err());
    held.count_for_principal(place(&second).unwrap());
    assert!(place(&second).is_err());
    assert!(place(&first).is_ok());
}
