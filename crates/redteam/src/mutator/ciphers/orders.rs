//! Ciphers that change the order of the characters, and so work on any writing.

use fastrand::Rng;

use super::shifts::KEYS;
use super::{opened, sealed};

const RAILS: usize = 3;

/// The places of a text's characters in the order of the rails.
fn rails(length: usize) -> Vec<usize> {
    let turn = 2 * (RAILS - 1);
    let rail = |at: usize| (at % turn).min(turn - at % turn);
    let mut order: Vec<usize> = (0..length).collect();
    order.sort_by_key(|at| rail(*at));
    order
}

/// The places of a text's characters, column by column in the alphabetical order of the key.
fn columns(length: usize, key: &str) -> Vec<usize> {
    let mut by_letter: Vec<(u8, usize)> = key.bytes().zip(0..).collect();
    by_letter.sort_unstable();
    by_letter.into_iter().flat_map(|(_, column)| (column..length).step_by(key.len().max(1))).collect()
}

fn put(text: &str, order: impl Fn(usize) -> Vec<usize>) -> String {
    let chars: Vec<char> = text.chars().collect();
    order(chars.len()).into_iter().filter_map(|at| chars.get(at)).collect()
}

fn put_back(text: &str, order: impl Fn(usize) -> Vec<usize>) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut places: Vec<(usize, char)> = order(chars.len()).into_iter().zip(chars).collect();
    places.sort_unstable_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, c)| c).collect()
}

pub(super) fn rail_fence(text: &str) -> Option<String> {
    Some(put(text, rails)).filter(|out| out != text)
}

pub(super) fn read_rail_fence(text: &str) -> Option<String> {
    Some(put_back(text, rails))
}

pub(super) fn columnar(text: &str, rng: &mut Rng) -> Option<String> {
    let key = rng.choice(KEYS)?;
    let body = put(text, |length| columns(length, key));
    (body != text).then(|| sealed("columnar", key, &body))
}

pub(super) fn read_columnar(text: &str) -> Option<String> {
    let (key, body) = opened(text, "columnar").filter(|(key, _)| !key.is_empty())?;
    Some(put_back(body, |length| columns(length, key)))
}

pub(super) fn scytale(text: &str, rng: &mut Rng) -> Option<String> {
    let turns = rng.usize(3..=6);
    let body = put(text, |length| columns(length, &"a".repeat(turns)));
    (body != text).then(|| sealed("scytale", &turns.to_string(), &body))
}

pub(super) fn read_scytale(text: &str) -> Option<String> {
    let (key, body) = opened(text, "scytale")?;
    let turns: usize = key.parse().ok().filter(|n| (1..=64).contains(n))?;
    Some(put_back(body, |length| columns(length, &"a".repeat(turns))))
}
