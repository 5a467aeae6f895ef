//! The numbers of a question: digits, and Chinese numerals that are surely numbers.

/// The numbers of a text: digit runs, and Chinese numerals that are surely numbers.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if chars[at].is_ascii_digit() {
            while at < chars.len() && chars[at].is_ascii_digit() {
                at += 1;
            }
            let digits: String = chars[start..at].iter().collect();
            let trimmed = digits.trim_start_matches('0');
            found.push(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() });
        } else if numeral(chars[at]).is_some() {
            while at < chars.len() && numeral(chars[at]).is_some() {
                at += 1;
            }
            let before = start.checked_sub(1).map(|i| chars[i]);
            let after = chars.get(at).copied();
            if at - start >= 2 || before == Some('第') || (counts(after) && chars[start] != '一') {
                found.extend(value_of(&chars[start..at]));
            }
        } else {
            at += 1;
        }
    }
    found.sort();
    found
}

const fn counts(c: Option<char>) -> bool {
    matches!(
        c,
        Some(
            '年' | '月'
                | '日'
                | '号'
                | '条'
                | '款'
                | '章'
                | '岁'
                | '届'
                | '次'
                | '名'
                | '位'
                | '级'
                | '天'
                | '小'
                | '个'
                | '种'
                | '省'
                | '国'
        )
    )
}

const fn numeral(c: char) -> Option<u64> {
    Some(match c {
        '零' | '〇' => 0,
        '一' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        '亿' => 100_000_000,
        _ => return None,
    })
}

fn value_of(chars: &[char]) -> Option<String> {
    let values: Vec<u64> = chars.iter().filter_map(|c| numeral(*c)).collect();
    if values.iter().all(|v| *v < 10) {
        // 二〇二六: digit by digit.
        let digits: String = values.iter().map(u64::to_string).collect();
        let trimmed = digits.trim_start_matches('0');
        return Some(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() });
    }
    let (mut total, mut section, mut digit) = (0_u64, 0_u64, None);
    for value in values {
        match value {
            0..=9 => digit = Some(value),
            10 | 100 | 1_000 => section = section.checked_add(digit.take().unwrap_or(1).checked_mul(value)?)?,
            _ => {
                section = section.checked_add(digit.take().unwrap_or(0))?.max(1);
                total = total.checked_add(section.checked_mul(value)?)?;
                section = 0;
            }
        }
    }
    Some(total.checked_add(section)?.checked_add(digit.unwrap_or(0))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_numerals_are_numbers() {
        for (text, expected) in [
            ("2026年", vec!["2026"]),
            ("二〇二六年", vec!["2026"]),
            ("第三条", vec!["3"]),
            ("一千零五十万", vec!["10500000"]),
            ("一部分", vec![]),
            ("三个代表", vec!["3"]),
            ("十四亿人", vec!["1400000000"]),
            ("007", vec!["7"]),
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
    }
}
