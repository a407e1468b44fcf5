use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const TWO_A_SECOND: Rate = Rate {
    count: 2,
    per: Duration::from_secs(1),
};

fn at(millis: u64) -> Moment {
    Moment::from_origin(Duration::from_millis(millis))
}

/// A key that stands in set `set` of shard 0, whatever the size of the table (up to 2^20 sets).
fn key(set: u64, number: u64) -> u64 {
    number << 32 | set << 4
}

/// As random as a hash is: splitmix64.
fn hash(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// What the page says, without a bound on time: each set is a list, and who owes least leaves it when it is too long.
#[derive(Default)]
struct Naive(HashMap<u64, Vec<(u64, Bucket)>>);

impl Naive {
    fn take(&mut self, key: u64, rate: Rate, now: Moment, sets: u64) -> Result<(), Duration> {
        let set = self.0.entry(key % (16 * sets)).or_default();
        let place = set
            .iter()
            .position(|(have, _)| *have == key)
            .unwrap_or_else(|| {
                if set.len() < WAYS {
                    set.push((key, Bucket::default()));
                    return set.len() - 1;
                }
                let least = set.iter().map(|(_, bucket)| bucket.full_at()).min();
                let out = set
                    .iter()
                    .position(|(_, bucket)| Some(bucket.full_at()) == least);
                set[out.unwrap()] = (key, Bucket::default());
                out.unwrap()
            });
        set[place].1.take(rate, now)
    }
}

fn steps(keys: u64) -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec(
        (0..keys, prop_oneof![4 => Just(0_u64), 1 => 0..700_u64]),
        1..600,
    )
}

proptest! {
    #[test]
    fn while_its_sets_are_large_enough_it_is_as_exact_as_a_map_without_bound(
        // 8 keys in each of 4 sets.
        steps in steps(32),
    ) {
        let table = Table::new(16 * WAYS * 4);
        let (mut map, mut now) = (HashMap::<u64, Bucket>::new(), 0);
        for (number, pause) in steps {
            now += pause;
            let key = key(number % 4, 1 + number);
            prop_assert_eq!(
                table.look(key, TWO_A_SECOND, at(now)),
                map.entry(key).or_default().look(TWO_A_SECOND, at(now))
            );
            prop_assert_eq!(
                table.take(key, TWO_A_SECOND, at(now)),
                map.entry(key).or_default().take(TWO_A_SECOND, at(now))
            );
        }
    }

    #[test]
    fn beyond_that_it_forgets_who_owes_least_of_a_set_and_nobody_else(
        // 20 keys in each of 2 sets.
        steps in steps(40),
    ) {
        let table = Table::new(16 * WAYS * 2);
        let (mut naive, mut now) = (Naive::default(), 1);
        for (number, pause) in steps {
            now += pause;
            let key = key(number % 2, 1 + number);
            let debts = |table: &Table| -> HashMap<u64, u64> {
                let shard = table.shards[0].0.lock().unwrap();
                let known = shard.iter().flatten().filter(|entry| entry.key != 0);
                known.map(|entry| (entry.key, entry.bucket.full_at())).collect()
            };
            let before = debts(&table);
            let answer = table.take(key, TWO_A_SECOND, at(now));
            prop_assert_eq!(answer.is_ok(), naive.take(key, TWO_A_SECOND, at(now), 2).is_ok());
            let after = debts(&table);
            let forgotten: Vec<u64> = before.iter().filter(|(key, _)| !after.contains_key(key)).map(|(_, debt)| *debt).collect();
            let same_set = |other: &u64| *other & 0xffff_ffff == key & 0xffff_ffff;
            for debt in forgotten {
                let kept = before.iter().filter(|(other, _)| same_set(other) && after.contains_key(other));
                prop_assert!(kept.map(|(_, kept)| *kept).all(|kept| kept >= debt));
            }
        }
    }

    #[test]
    fn nobody_is_treated_worse_than_by_a_map_that_starts_when_it_was_last_forgotten(
        steps in steps(40),
    ) {
        let table = Table::new(16 * WAYS * 2);
        let (mut map, mut now) = (HashMap::<u64, Bucket>::new(), 1);
        for (number, pause) in steps {
            now += pause;
            let key = key(number % 2, 1 + number);
            let known = table.shards[0].0.lock().unwrap().iter().flatten().any(|entry| entry.key == key);
            if !known {
                map.remove(&key);
            }
            prop_assert_eq!(
                table.take(key, TWO_A_SECOND, at(now)),
                map.entry(key).or_default().take(TWO_A_SECOND, at(now))
            );
        }
    }
}

#[test]
fn a_million_addresses_take_no_more_memory_free_no_debtor_and_are_served() {
    const HOURLY: Rate = Rate {
        count: 10,
        per: Duration::from_secs(3600),
    };
    let table = Table::default();
    let debtor = hash(u64::MAX);
    for _ in 0..10 {
        assert_eq!(table.take(debtor, HOURLY, at(0)), Ok(()));
    }
    for number in 0..1_000_000 {
        let now = at(number / 1000);
        assert_eq!(table.take(hash(number), HOURLY, now), Ok(()), "{number}");
        if number % 1000 == 0 {
            assert!(table.take(debtor, HOURLY, now).is_err(), "after {number}");
        }
    }
    assert_eq!(table.bytes(), 1 << 20, "1 MiB for 65,536 keys");
    let others = (0..1000).filter(|number| {
        table
            .take(hash(2_000_000 + number), HOURLY, at(1000))
            .is_ok()
    });
    assert_eq!(others.count(), 1000, "whoever comes newly is served");
}

#[test]
fn a_table_that_nobody_uses_takes_no_memory() {
    let table = Table::default();
    assert_eq!(table.look(7, TWO_A_SECOND, at(0)), Ok(()));
    assert_eq!(table.bytes(), 0);
    assert_eq!(table.take(7, TWO_A_SECOND, at(0)), Ok(()));
    assert_eq!(table.bytes(), (1 << 20) / SHARDS);
}

#[test]
fn a_look_takes_nothing() {
    let table = Table::default();
    for _ in 0..100 {
        assert_eq!(table.look(7, TWO_A_SECOND, at(0)), Ok(()));
    }
    assert_eq!(table.take(7, TWO_A_SECOND, at(0)), Ok(()));
    assert_eq!(table.take(7, TWO_A_SECOND, at(0)), Ok(()));
    let pause = Duration::from_millis(500);
    assert_eq!(table.look(7, TWO_A_SECOND, at(0)), Err(pause));
    assert_eq!(table.take(7, TWO_A_SECOND, at(0)), Err(pause));
}
