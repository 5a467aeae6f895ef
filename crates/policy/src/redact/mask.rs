//! Masks: what people still recognize, and nobody else can use.

/// The most stars in one mask: a longer run would tell the length.
const MAX_STARS: usize = 12;
/// The stars of a mask that shows nothing.
const BLIND: &str = "******";

/// Masks a value by what it is. Numbers keep their ends (`138****8000`), e-mail addresses their first letter and host,
/// names their first character; what is secret shows nothing.
///
/// ```
/// use menshen_policy::redact::mask;
/// assert_eq!(mask("mobile", "13800138000", false), "138****8000");
/// assert_eq!(mask("email", "zhang@example.cn", false), "z***@example.cn");
/// assert_eq!(mask("api_key", "sk-abcdefghijk", true), "******");
/// ```
pub fn mask(label: &str, value: &str, secret: bool) -> String {
    if secret || label.contains("password") || label.contains("key") || label.contains("secret") {
        return BLIND.to_owned();
    }
    let chars: Vec<char> = value.chars().collect();
    if label == "email"
        && let Some((local, host)) = value.rsplit_once('@')
        && let Some(first) = local.chars().next()
    {
        return format!("{first}***@{host}");
    }
    let (head, tail) = match label {
        "name" => (1, 0),
        "address" | "location" => ((chars.len() / 3).min(6), 0),
        _ => match chars.len() {
            0 => return BLIND.to_owned(),
            1 => (0, 0),
            2..=6 => (1, 0),
            7..=10 => (2, 2),
            _ => (3, 4),
        },
    };
    let head = head.min(chars.len().saturating_sub(1));
    let hidden = chars.len().saturating_sub(head + tail).max(1);
    let mut masked: String = chars.iter().take(head).collect();
    masked.extend(std::iter::repeat_n('*', hidden.min(MAX_STARS)));
    masked.extend(chars.iter().skip(head + hidden));
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_keep_what_people_recognize() {
        for (label, value, expected) in [
            ("mobile", "13800138000", "138****8000"),
            ("resident_id", "11010519491231002X", "110***********002X"),
            ("name", "张三丰", "张**"),
            ("bank_card", "6222021234567890123", "622************0123"),
            ("plate", "京A12345", "京A***45"),
            ("address", "上海市浦东新区世纪大道100号", "上海市浦东**********"),
            ("x", "1", "*"),
            ("password", "hunter2", "******"),
        ] {
            assert_eq!(mask(label, value, false), expected, "{label}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_never_shows_the_whole(label in "(mobile|name|email|address|plate|x)", value in "\\PC{1,40}") {
            prop_assume!(!value.contains('*'));
            prop_assert_ne!(mask(&label, &value, false), value);
        }
    }
}
