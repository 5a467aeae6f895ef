//! The subjects whose figures are held: a table with a bound, in shards.
//!
//! When a shard is full, a hand goes round (the CLOCK algorithm): who was not seen since it last passed is forgotten, and
//! somebody with points gets more rounds than somebody without, so that a flood of new names does not quickly wash out
//! those who gave cause. Who is forgotten loses figures only: what was *done* about them stands in the store, and so do
//! the tallies behind the limits of TC260-003 §7 g).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use menshen_store::SubjectKind;

use super::score::State;

const SHARDS: usize = 16;
/// Rounds of the hand that somebody with points survives.
const ROUNDS: u8 = 3;

/// A subject's name as 128 bits under keys of this process: of fixed size, and nothing that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(u64, u64);

struct Slot {
    name: Name,
    rounds: u8,
    state: State,
}

#[derive(Default)]
pub(super) struct Shard {
    places: HashMap<Name, u32>,
    slots: Vec<Slot>,
    hand: usize,
}

impl Shard {
    /// The state of a subject, which is made when it is new.
    pub(super) fn of(&mut self, name: Name, most: usize, make: impl FnOnce() -> State) -> &mut State {
        let place = match self.places.get(&name) {
            Some(place) => *place as usize,
            None if self.slots.len() < most => {
                self.slots.push(Slot { name, rounds: 0, state: make() });
                self.slots.len() - 1
            }
            None => {
                let place = self.free();
                self.places.remove(&self.slots[place].name);
                self.slots[place] = Slot { name, rounds: 0, state: make() };
                place
            }
        };
        self.places.entry(name).or_insert(u32::try_from(place).unwrap_or(u32::MAX));
        let slot = &mut self.slots[place];
        slot.rounds = if slot.state.pointed() { ROUNDS } else { 1 };
        &mut slot.state
    }

    /// A place whose subject is forgotten. The hand ends: each round takes one from every slot.
    fn free(&mut self) -> usize {
        loop {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[place];
            if slot.rounds == 0 {
                return place;
            }
            slot.rounds -= 1;
        }
    }

    pub(super) fn get(&self, name: Name) -> Option<&State> {
        self.places.get(&name).map(|place| &self.slots[*place as usize].state)
    }
}

pub(super) struct Subjects {
    shards: Vec<Mutex<Shard>>,
    keys: [RandomState; 2],
    most_of_shard: usize,
}

impl Subjects {
    pub(super) fn new(most: usize) -> Self {
        Subjects {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            keys: [RandomState::new(), RandomState::new()],
            most_of_shard: (most / SHARDS).max(1),
        }
    }

    pub(super) fn name(&self, tenant: &str, app: &str, kind: SubjectKind, subject: &str) -> Name {
        let whole = (kind.id(), tenant, app, subject);
        Name(self.keys[0].hash_one(whole), self.keys[1].hash_one(whole))
    }

    /// A value as 64 bits under a key of this process.
    pub(super) fn hash(&self, value: impl std::hash::Hash) -> u64 {
        self.keys[0].hash_one(value)
    }

    pub(super) fn shard(&self, name: Name) -> (MutexGuard<'_, Shard>, usize) {
        let at = usize::try_from(name.0 % SHARDS as u64).unwrap_or(0);
        (self.shards[at].lock().unwrap_or_else(PoisonError::into_inner), self.most_of_shard)
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().unwrap_or_else(PoisonError::into_inner).slots.len()).sum()
    }
}
