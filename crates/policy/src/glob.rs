//! Globs over ids: `*` stands for any run of characters, everything else for itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest glob that is accepted, in bytes. Ids are short; a long glob is a mistake.
const MAX_GLOB_BYTES: usize = 128;

/// A pattern over ids such as `pii.cn.*`. `*` matches any run of characters, dots included, also the empty one.
///
/// ```
/// use menshen_policy::Glob;
/// let glob = Glob::new("pii.*.mobile").unwrap();
/// assert!(glob.matches("pii.cn.mobile"));
/// assert!(!glob.matches("pii.cn.email"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(String);

impl Glob {
    /// Takes a glob in.
    ///
    /// # Errors
    /// Says what is wrong when the glob is empty, longer than 128 bytes, holds white space or control characters, or
    /// uses syntax other than `*` (`**`, `?`, `[…]`, `{…}`, `!`).
    pub fn new(glob: &str) -> Result<Self, String> {
        if glob.is_empty() {
            return Err("an empty glob matches nothing".to_owned());
        }
        if glob.len() > MAX_GLOB_BYTES {
            return Err(format!("the glob has {} bytes, more than {MAX_GLOB_BYTES}", glob.len()));
        }
        if glob.contains("**") {
            return Err("`**` is not supported".to_owned());
        }
        match glob.chars().find(|c| c.is_whitespace() || c.is_control() || "?[]{}!\\".contains(*c)) {
            Some(c) => Err(format!("{c:?} is not supported in a glob")),
            None => Ok(Glob(glob.to_owned())),
        }
    }

    /// The glob as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the glob holds no `*`, and so names one id.
    pub fn is_literal(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether `id` matches as a whole.
    pub fn matches(&self, id: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == id };
        let Some(mut left) = id.strip_prefix(head) else { return false };
        let mut parts = rest.split('*');
        let tail = parts.next_back().unwrap_or_default();
        let Some(middle) = left.strip_suffix(tail) else { return false };
        left = middle;
        for part in parts {
            match left.find(part) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl TryFrom<String> for Glob {
    type Error = String;

    fn try_from(glob: String) -> Result<Self, String> {
        Glob::new(&glob).map_err(|problem| format!("{glob:?} is no pattern: {problem}"))
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> String {
        glob.0
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether any glob of the list matches.
pub(crate) fn any(globs: &[Glob], id: &str) -> bool {
    globs.iter().any(|g| g.matches(id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(s: &str) -> Glob {
        Glob::new(s).unwrap()
    }

    #[test]
    fn stars_stand_for_runs() {
        for (g, yes, no) in [
            ("A1*", "A1a", "A2a"),
            ("*", "anything", "\u{0}\u{0}x\u{0}never"),
            ("*.mobile", "pii.cn.mobile", "pii.cn.mobiles"),
            ("pii.*.id", "pii.cn.resident.id", "pii.id"),
            ("a*b*c", "abc", "acb"),
            ("a*a", "aa", "a"),
            ("手机*", "手机号", "电话"),
        ] {
            assert!(glob(g).matches(yes), "{g} {yes}");
            if g != "*" {
                assert!(!glob(g).matches(no), "{g} {no}");
            }
        }
    }

    #[test]
    fn other_syntax_is_refused() {
        for bad in ["", "a**", "a?b", "[ab]", "{a,b}", "a b", "!a", "a\\b"] {
            assert!(Glob::new(bad).is_err(), "{bad:?}");
        }
        assert!(Glob::new(&"a".repeat(200)).is_err());
    }

    /// The textbook definition, exponential but obviously right.
    fn slow(glob: &[char], id: &[char]) -> bool {
        match glob.split_first() {
            None => id.is_empty(),
            Some(('*', rest)) => (0..=id.len()).any(|n| slow(rest, &id[n..])),
            Some((c, rest)) => id.split_first().is_some_and(|(d, more)| c == d && slow(rest, more)),
        }
    }

    proptest! {
        #[test]
        fn matches_as_the_textbook_does(g in "[ab*]{1,6}", id in "[ab]{0,8}") {
            prop_assume!(!g.contains("**"));
            let (gc, ic): (Vec<char>, Vec<char>) = (g.chars().collect(), id.chars().collect());
            prop_assert_eq!(glob(&g).matches(&id), slow(&gc, &ic));
        }
    }
}
