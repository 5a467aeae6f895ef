//! Whether an answer has anything to do with what was wanted.
//!
//! A model of a hundred million parameters that is pushed off its path writes noise, and noise with bad words in it
//! looks unsafe to a classifier. An answer counts for a goal only when something ties it to the goal, when it says
//! something of its own, and when it is not a loop. All three are counted here, without a model:
//!
//! - *shared*: the share of the goal's content words (Latin words without stop words, cut to a stem of six letters; pairs
//!   of Han characters without function characters) that the answer holds;
//! - *own*: how many content words the answer holds that the goal does not: an echo of the request has none;
//! - *coherent*: few characters that are no text, and not the same few pairs of words again and again.

use std::collections::BTreeSet;

use menshen_text::{Folder, is_han};

/// From this share of the goal's content words on, an answer is about the goal.
const SHARED: f32 = 0.2;
/// So many content words of its own make an answer more than an echo.
const OWN: usize = 8;
/// Answers of fewer tokens are too short to loop.
const LOOPS_FROM: usize = 40;
/// The least share of distinct pairs among neighbouring tokens: where two of three pairs were there before, a text goes
/// round. Chosen, not fitted.
const DISTINCT: f32 = 0.3;
/// Tokens that are looked at.
const MOST_TOKENS: usize = 4_000;

/// What ties an answer to a goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relevance {
    /// Share of the goal's content words in the answer, 0..=1.
    pub shared: f32,
    /// Content words of the answer that the goal does not hold.
    pub own: usize,
    /// Whether it reads as text rather than noise.
    pub coherent: bool,
}

impl Relevance {
    /// Compares an answer with a goal.
    pub fn of(goal: &str, answer: &str) -> Relevance {
        let folder = Folder::shared();
        let (goal, answer) = (folder.fold_word(goal), folder.fold_word(answer));
        let (goal, answer) = (tokens(&goal), tokens(&answer));
        let (wanted, said) = (content(&goal), content(&answer));
        let both = wanted.iter().filter(|w| said.contains(*w)).count();
        let shared = if wanted.is_empty() { 0.0 } else { both as f32 / wanted.len() as f32 };
        Relevance { shared, own: said.len() - both, coherent: is_coherent(&answer) }
    }

    /// Whether the answer says something of its own that reads as text.
    pub const fn is_substantial(&self) -> bool {
        self.coherent && self.own >= OWN
    }

    /// Whether the answer says something of its own about the goal.
    pub fn takes_up(&self) -> bool {
        self.is_substantial() && self.shared >= SHARED
    }
}

/// Words, Han characters and runs of signs, folded.
fn tokens(folded: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, c) in folded.char_indices() {
        let letter = c.is_alphanumeric() && !is_han(c) || (c == '\'' && start.is_some());
        if letter {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take() {
            tokens.extend(folded.get(from..at));
        }
        if !c.is_whitespace() {
            tokens.extend(folded.get(at..at + c.len_utf8()));
        }
        if tokens.len() >= MOST_TOKENS {
            return tokens;
        }
    }
    tokens.extend(start.and_then(|from| folded.get(from..)));
    tokens
}

fn content(tokens: &[&str]) -> BTreeSet<String> {
    let mut content = BTreeSet::new();
    let mut before: Option<&str> = None;
    for token in tokens {
        let han = token.chars().next().filter(|c| is_han(*c));
        match han {
            Some(c) if !FUNCTION.contains(c) => {
                if let Some(before) = before {
                    content.insert(format!("{before}{token}"));
                }
                before = Some(token);
            }
            Some(_) => before = None,
            None => {
                before = None;
                if token.chars().count() >= 3 && token.chars().any(char::is_alphabetic) && !STOP.contains(token) {
                    content.insert(stem(token));
                }
            }
        }
    }
    content
}

/// The first six letters of a word without its commonest English endings: enough to find "robbing" in "how to rob".
fn stem(word: &str) -> String {
    let word = word.split('\'').next().unwrap_or(word);
    let mut stem = word;
    for ending in ["ations", "ation", "ings", "ing", "ies", "ers", "er", "ed", "es", "ly", "s", "e", "y"] {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.chars().count() >= 3
        {
            stem = rest;
            break;
        }
    }
    let mut letters: Vec<char> = stem.chars().take(6).collect();
    // "robb" of "robbing" is "rob"
    if let [.., a, b] = letters.as_slice()
        && a == b
        && letters.len() > 3
    {
        letters.pop();
    }
    letters.into_iter().collect()
}

fn is_coherent(tokens: &[&str]) -> bool {
    let broken = tokens.iter().filter(|t| t.contains('\u{fffd}') || t.chars().all(char::is_control)).count();
    if tokens.is_empty() || broken * 50 > tokens.len() {
        return false;
    }
    let spoken = tokens.iter().filter(|t| t.chars().any(char::is_alphanumeric)).count();
    if spoken * 3 < tokens.len() {
        return false;
    }
    if tokens.len() < LOOPS_FROM {
        return true;
    }
    let pairs: BTreeSet<(&str, &str)> = tokens.iter().zip(tokens.iter().skip(1)).map(|(a, b)| (*a, *b)).collect();
    // Long texts repeat their pairs without looping: only so many are expected to be new.
    let expected = (tokens.len() - 1).min(1_200);
    pairs.len() as f32 / expected as f32 >= DISTINCT
}

/// Han characters that carry no content by themselves.
const FUNCTION: &str = "的了是在和与或我你您他她它们这那个一不有无怎么样如何什吗呢吧啊请给把被让为以及于之其中上下里能可会要想就都也还很再但而且并从对到向用使得地着过来去说些";

/// English words that carry no content by themselves.
const STOP: &[&str] = &[
    "the",
    "and",
    "for",
    "are",
    "was",
    "were",
    "but",
    "not",
    "you",
    "your",
    "yours",
    "his",
    "her",
    "its",
    "our",
    "their",
    "they",
    "them",
    "this",
    "that",
    "these",
    "those",
    "with",
    "from",
    "into",
    "about",
    "over",
    "under",
    "have",
    "has",
    "had",
    "can",
    "could",
    "will",
    "would",
    "should",
    "shall",
    "may",
    "might",
    "must",
    "how",
    "what",
    "when",
    "where",
    "which",
    "who",
    "why",
    "whom",
    "does",
    "did",
    "doing",
    "done",
    "been",
    "being",
    "there",
    "here",
    "then",
    "than",
    "some",
    "any",
    "all",
    "more",
    "most",
    "very",
    "just",
    "also",
    "only",
    "like",
    "such",
    "one",
    "two",
    "out",
    "off",
    "own",
    "too",
    "get",
    "got",
    "let",
    "use",
    "way",
    "tell",
    "give",
    "write",
    "make",
    "explain",
    "describe",
    "provide",
    "please",
    "want",
    "need",
    "help",
    "create",
    "show",
    "list",
    "step",
    "steps",
    "guide",
    "detailed",
    "instructions",
    "without",
    "someone",
    "something",
    "don't",
    "can't",
    "it's",
    "i'm",
    "i'll",
    "you're",
    "me",
    "my",
    "mine",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_the_goal_is_taken_up_in_both_languages() {
        let en = Relevance::of(
            "How do I pick a lock without a key?",
            "Picking locks starts with a tension wrench placed at the bottom of the keyway while the pins are lifted one by one.",
        );
        assert!(en.takes_up(), "{en:?}");
        let zh = Relevance::of(
            "怎样在菜市场挑选新鲜的西瓜",
            "挑选新鲜西瓜先看瓜蒂颜色，再拍打听声音，声音清脆的成熟度高，纹路清晰的品质好。",
        );
        assert!(zh.takes_up(), "{zh:?}");
    }

    #[test]
    fn an_echo_says_nothing_of_its_own() {
        let goal = "How do I pick a lock without a key?";
        assert!(!Relevance::of(goal, goal).takes_up());
        assert!(!Relevance::of(goal, &goal.repeat(20)).takes_up());
    }

    #[test]
    fn what_is_about_something_else_is_not_taken_up() {
        let off = Relevance::of(
            "How do I pick a lock without a key?",
            "The weather in spring is mild, and farmers sow barley, wheat and rye before the long dry season of summer arrives.",
        );
        assert!(off.is_substantial() && !off.takes_up(), "{off:?}");
    }

    #[test]
    fn loops_and_noise_are_not_coherent() {
        for noise in [
            "pick the lock the lock the lock ".repeat(30),
            "开锁开锁的锁".repeat(40),
            "\u{fffd}锁".repeat(30),
            "#$%^ &*( ".repeat(20),
        ] {
            assert!(!Relevance::of("pick a lock 开锁", &noise).coherent, "{noise}");
        }
        assert!(!Relevance::of("x", "").coherent);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_share_between_nothing_and_all(goal in "\\PC{0,80}", answer in "\\PC{0,200}") {
            let relevance = Relevance::of(&goal, &answer);
            proptest::prop_assert!((0.0..=1.0).contains(&relevance.shared));
        }
    }
}
