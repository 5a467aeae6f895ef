//! Language games, and words or letters in another order. The games are played on Latin letters; a text without any is
//! left (`None`), its Chinese counterparts are `may_ka` and `clauses_reversed`.

use fastrand::Rng;
use menshen_text::is_han;

use super::spelling::vowel;
use super::tool;

/// Consonants before the first vowel go last, then `ay`; `yay` after a vowel.
pub(super) fn pig_latin(text: &str, _: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    for run in tool::runs(text) {
        if !run.starts_with(|c: char| c.is_ascii_alphabetic()) {
            out.push_str(run);
            continue;
        }
        let at = run.char_indices().find(|(at, c)| vowel(*c) || (*at > 0 && matches!(c, 'y' | 'Y')));
        let at = at.map_or(0, |(at, _)| at);
        // The u of qu goes with the q.
        let with_q = run.get(..at + 1).is_some_and(|head| head.to_ascii_lowercase().ends_with("qu"));
        let (head, tail) = run.split_at_checked(if with_q { at + 1 } else { at }).unwrap_or(("", run));
        let word = format!("{tail}{}{}", head.to_ascii_lowercase(), if head.is_empty() { "yay" } else { "ay" });
        if run.starts_with(|c: char| c.is_ascii_uppercase()) {
            let mut chars = word.chars();
            out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
            out.push_str(chars.as_str());
        } else {
            out.push_str(&word);
        }
    }
    tool::changed(text, out)
}

/// `ub` before each run of vowels.
pub(super) fn ubbi_dubbi(text: &str, _: &mut Rng) -> Option<String> {
    let mut before = false;
    tool::each(text, |c, out| {
        if vowel(c) && !before {
            out.push_str("ub");
        }
        before = vowel(c);
        out.push(c);
        true
    })
}

pub(super) fn read_ubbi_dubbi(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.strip_prefix("ub").filter(|after| after.starts_with(vowel));
        if let Some(after) = after {
            let end = after.find(|c| !vowel(c)).unwrap_or(after.len());
            out.push_str(after.get(..end)?);
            rest = after.get(end..)?;
        } else {
            out.push(c);
            rest = rest.get(c.len_utf8()..)?;
        }
    }
    Some(out)
}

fn consonant(c: char) -> bool {
    c.is_ascii_alphabetic() && !vowel(c)
}

/// Each consonant, `o`, and the consonant again.
pub(super) fn rovarspraket(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        out.push(c);
        if consonant(c) {
            out.extend(['o', c.to_ascii_lowercase()]);
        }
        true
    })
}

pub(super) fn read_rovarspraket(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if consonant(c) {
            (chars.next()? == 'o' && chars.next()? == c.to_ascii_lowercase()).then_some(())?;
        }
    }
    Some(out)
}

/// Words in reverse order.
pub(super) fn flip_words(text: &str, _: &mut Rng) -> Option<String> {
    let han = text.contains(is_han) && text.split_whitespace().count() < 3;
    let mut words: Vec<&str> = if han {
        tool::words(text).into_iter().filter(|word| !word.trim().is_empty()).collect()
    } else {
        text.split_whitespace().collect()
    };
    words.reverse();
    (words.len() > 1).then(|| words.join(" ")).and_then(|out| tool::changed(text, out))
}

/// What is left of a text without white space.
pub(super) fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

pub(super) fn read_flip_words(text: &str) -> Option<String> {
    Some(text.split_whitespace().rev().collect())
}

fn turned_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word: Vec<char> = Vec::new();
    for c in text.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            out.extend(word.drain(..).rev());
            out.push(c);
        }
    }
    out.extend(word.into_iter().rev());
    out
}

pub(super) fn flip_in_words(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, turned_words(text))
}

pub(super) fn read_flip_in_words(text: &str) -> Option<String> {
    Some(turned_words(text))
}

pub(super) fn flip_all(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, text.chars().rev().collect())
}

pub(super) fn read_flip_all(text: &str) -> Option<String> {
    Some(text.chars().rev().collect())
}

pub(super) fn flip_guided(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("reversed", text, rng)
}

/// Signs of punctuation between words.
pub(super) fn punctuation(text: &str, rng: &mut Rng) -> Option<String> {
    let signs = if tool::chinese(text) { ['，', '；', '、', '—', '…'] } else { [',', ';', ':', '!', '.'] };
    let words = tool::words(text);
    let mut out = String::with_capacity(text.len() * 2);
    let mut any = false;
    for (at, word) in words.iter().enumerate() {
        out.push_str(word);
        let inside = words.get(at + 1..).is_some_and(|after| after.iter().any(|next| tool::is_word(next)));
        let next = words.get(at + 1).is_some_and(|next| tool::is_word(next) || next.starts_with(char::is_whitespace));
        if tool::is_word(word) && inside && next && (!any || rng.f32() < 0.4) {
            out.push(rng.choice(signs)?);
            any = true;
        }
    }
    tool::changed(text, out)
}

pub(super) fn spaced(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("spaced", text, rng)
}

pub(super) fn read_spaced(text: &str) -> Option<String> {
    Some(solid(text))
}

const JOIN: char = '-';

pub(super) fn string_join(text: &str, _: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    for (at, c) in text.chars().enumerate() {
        if at > 0 {
            out.push(JOIN);
        }
        out.push(c);
    }
    tool::changed(text, out)
}

pub(super) fn read_string_join(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() / 2);
    for (at, c) in text.chars().enumerate() {
        match at % 2 {
            0 => out.push(c),
            _ if c == JOIN => {}
            _ => return None,
        }
    }
    Some(out)
}

/// The consonants that a word begins with.
fn onset(word: &str) -> usize {
    word.find(|c| !consonant(c)).unwrap_or(0)
}

/// Beginnings of neighbouring words swapped: consonants in English, the first of two characters in Chinese.
pub(super) fn spoonerism(text: &str, _: &mut Rng) -> Option<String> {
    let mut words: Vec<String> = tool::words(text).into_iter().map(str::to_owned).collect();
    let places: Vec<(usize, usize)> = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| match word.chars().next() {
            Some(first) if is_han(first) && word.chars().count() == 2 => Some((at, first.len_utf8())),
            Some(first) if first.is_ascii_alphabetic() && onset(word) > 0 => Some((at, onset(word))),
            _ => None,
        })
        .collect();
    for pair in places.chunks_exact(2) {
        let [(a, cut_a), (b, cut_b)] = pair else { continue };
        let (Some(one), Some(two)) = (words.get(*a).cloned(), words.get(*b).cloned()) else { continue };
        let (Some((head_one, tail_one)), Some((head_two, tail_two))) =
            (one.split_at_checked(*cut_a), two.split_at_checked(*cut_b))
        else {
            continue;
        };
        if is_han(one.chars().next().unwrap_or(' ')) != is_han(two.chars().next().unwrap_or(' ')) {
            continue;
        }
        if let Some(word) = words.get_mut(*a) {
            *word = format!("{head_two}{tail_one}");
        }
        if let Some(word) = words.get_mut(*b) {
            *word = format!("{head_one}{tail_two}");
        }
    }
    tool::changed(text, words.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_games_are_the_usual_ones() {
        let mut rng = Rng::with_seed(1);
        assert_eq!(pig_latin("Quick apple string my", &mut rng).as_deref(), Some("Ickquay appleyay ingstray ymay"));
        assert_eq!(ubbi_dubbi("Speak", &mut rng).as_deref(), Some("Spubeak"));
        assert_eq!(read_ubbi_dubbi("ububububo").as_deref(), Some("ububo"));
        assert_eq!(rovarspraket("Hej", &mut rng).as_deref(), Some("Hohejoj"));
        assert_eq!(spoonerism("crushing blow", &mut rng).as_deref(), Some("blushing crow"));
    }
}
