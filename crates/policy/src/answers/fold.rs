//! One spelling for what is the same question: the house's fold (NFKC, lower case, 繁→简, no invisibles), and no
//! punctuation.

use menshen_text::Folder;

/// Folds a text for comparison. White space and punctuation become single spaces.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in Folder::shared().fold(text).text.chars() {
        if c.is_alphanumeric() {
            folded.push(c);
        } else if matches!(c, '\'' | '’') {
            // "don't" stays one word.
        } else if !folded.ends_with(' ') && !folded.is_empty() {
            folded.push(' ');
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// The key of an exact match: the fold without spaces between Han characters or anywhere else.
pub(crate) fn key(text: &str) -> String {
    fold(text).chars().filter(|c| *c != ' ').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_width_and_case_do_not_matter() {
        assert_eq!(key("台湾，是 中国的一部分吗？"), key("台湾是中国的一部分吗"));
        assert_eq!(fold("Ｗhat's  AI?!"), "whats ai");
        assert_eq!(key("一\u{200B}國"), "一国");
    }
}
