//! Literals that every match of a regex must contain: what the gate in front of the regexes looks for.
//!
//! `regex-syntax` extracts literals that a match must *begin* with. Applied to each tail of a concatenation it finds
//! inner ones too: `.{0,9}密码` has no prefix, its tail `密码` has.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

/// More literals than this do not pay for themselves.
const MAX_LITERALS: usize = 250;
/// How telling the weakest literal must be: one Chinese character, or two ASCII ones.
const MIN_WORTH: u32 = 4;

/// More sets than this do not pay for themselves.
const MAX_SETS: usize = 4;

/// Sets of lower-cased literals: every match contains at least one literal of *each* set. Empty when no telling set
/// exists. A request such as `(写|编).{0,12}(谣言|假新闻)` has two, and few texts have a literal of both.
pub(crate) fn literals(hir: &Hir) -> Vec<Vec<String>> {
    let mut rated: Vec<Rated> = best(hir).into_iter().collect();
    conjuncts(hir, &mut rated);
    // The most telling sets first; of two alike, the smaller.
    rated.sort_by_key(|(literals, worth)| (std::cmp::Reverse(*worth), literals.len()));
    let mut sets: Vec<Vec<String>> = Vec::new();
    for (literals, _) in rated {
        let mut lower: Vec<String> = literals.into_iter().map(|l| l.to_ascii_lowercase()).collect();
        lower.sort_unstable();
        lower.dedup();
        if !sets.contains(&lower) && sets.len() < MAX_SETS {
            sets.push(lower);
        }
    }
    sets
}

/// The telling sets of the parts that every match consists of.
fn conjuncts(hir: &Hir, out: &mut Vec<Rated>) {
    match hir.kind() {
        HirKind::Capture(capture) => conjuncts(&capture.sub, out),
        HirKind::Repetition(repetition) if repetition.min > 0 => conjuncts(&repetition.sub, out),
        HirKind::Concat(parts) => {
            for part in parts {
                out.extend(best(part));
                conjuncts(part, out);
            }
        }
        _ => {}
    }
}

/// How rare a literal is likely to be.
fn worth(literal: &str) -> u32 {
    let one = |c: char| match c {
        '0'..='9' | 'a'..='z' | 'A'..='Z' | '_' => 2,
        '@' | '=' | '<' | '{' | '}' | '|' | '`' | '$' | '\\' | '[' | ']' => 4,
        ' '..='~' => 1,
        '\0'..='\x7f' => 1,
        _ => 4,
    };
    literal.chars().map(one).sum()
}

type Rated = (Vec<String>, u32);

fn better(a: Option<Rated>, b: Option<Rated>) -> Option<Rated> {
    match (a, b) {
        // Fewer literals break a tie: each is another state of the gate.
        (Some(a), Some(b)) if (b.1, a.0.len()) > (a.1, b.0.len()) => Some(b),
        (None, b) => b,
        (a, _) => a,
    }
}

fn prefixes(hir: &Hir) -> Option<Rated> {
    let found = Extractor::new().extract(hir);
    let found = found.literals()?;
    if found.is_empty() || found.len() > MAX_LITERALS {
        return None;
    }
    let literals: Option<Vec<String>> =
        found.iter().map(|l| String::from_utf8(whole_chars(l.as_bytes()).to_vec()).ok()).collect();
    let literals = literals?;
    let worth = literals.iter().map(|l| worth(l)).min()?;
    (worth >= MIN_WORTH).then_some((literals, worth.min(16)))
}

/// Cuts a character that the extractor broke off at its length limit.
fn whole_chars(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes,
        Err(error) => bytes.get(..error.valid_up_to()).unwrap_or_default(),
    }
}

fn best(hir: &Hir) -> Option<Rated> {
    let whole = prefixes(hir);
    let inner = match hir.kind() {
        HirKind::Capture(capture) => best(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => best(&repetition.sub),
        HirKind::Concat(parts) => {
            let mut found = None;
            for (at, part) in parts.iter().enumerate() {
                found = better(found, best(part));
                if at > 0 {
                    found = better(found, prefixes(&Hir::concat(parts[at..].to_vec())));
                }
            }
            found
        }
        HirKind::Alternation(branches) => branches.iter().map(best).try_fold((Vec::new(), 16), |mut all, branch| {
            let (literals, worth) = branch?;
            all.0.extend(literals);
            all.1 = all.1.min(worth);
            (all.0.len() <= MAX_LITERALS).then_some(all)
        }),
        _ => None,
    };
    better(whole, inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Vec<Vec<String>> {
        literals(&crate::dialect::read(pattern).ok().unwrap().hir)
    }

    fn list(words: &[&str]) -> Vec<Vec<String>> {
        vec![words.iter().map(|w| (*w).to_owned()).collect()]
    }

    #[test]
    fn every_part_of_a_concatenation_is_required() {
        assert_eq!(of("(写|编).{0,12}(谣言|假新闻)"), [list(&["假新闻", "谣言"]), list(&["写", "编"])].concat());
        assert_eq!(of("(写|编)?.{0,12}(谣言|假新闻)"), list(&["假新闻", "谣言"]));
    }

    #[test]
    fn prefixes_tails_and_alternations_are_found() {
        assert_eq!(of(r"sk-[a-z0-9]{20,}"), list(&["sk-"]));
        assert_eq!(of(r"[a-z0-9.]{1,64}@[a-z0-9-]+\.[a-z]{2,}"), list(&["@"]));
        assert_eq!(of(r".{0,9}密码"), list(&["密码"]));
        assert_eq!(of(r"(忽略|无视).{0,12}(指令|规则)"), [list(&["忽略", "无视"]), list(&["指令", "规则"])].concat());
        assert_eq!(of(r"(?i)AKIA[0-9A-Z]{16}")[0][0], "akia");
    }

    #[test]
    fn digits_alone_gate_by_pairs() {
        let pairs = of(r"\b1[3-9]\d{9}\b").remove(0);
        assert!(pairs.iter().all(|p| p.len() >= 2 && p.starts_with('1')), "{pairs:?}");
    }

    #[test]
    fn a_regex_without_any_literal_has_no_gate() {
        assert_eq!(of(r"[a-z]{3,}[0-9a-z]+"), Vec::<Vec<String>>::new());
        assert_eq!(of(r"密码|[a-z]{9}"), Vec::<Vec<String>>::new());
    }
}
