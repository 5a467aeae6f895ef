//! Strict base64 of one line. `menshen_text::decode` looks for runs inside a text; here the whole line is one.

/// The text that a line is the base64 of; `None` unless all of it is.
pub(super) fn text(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    if bytes.is_empty() || !bytes.len().is_multiple_of(4) {
        return None;
    }
    let body = line.trim_end_matches('=');
    if line.len() - body.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in body.bytes() {
        held = (held << 6) | u32::from(value(byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    // What is left over is padding: other bits there mean that this is no base64.
    if held & ((1 << bits) - 1) != 0 {
        return None;
    }
    String::from_utf8(out).ok().filter(|t| !t.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

const fn value(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn whole_lines_decode_and_others_do_not() {
        assert_eq!(text("5L2g5aW9").as_deref(), Some("你好"));
        assert_eq!(text("YWI=").as_deref(), Some("ab"));
        assert_eq!(text("YQ==").as_deref(), Some("a"));
        for no in ["", "YWI", "YWJ=", "你好啊啊", "////", "====", "Y==="] {
            assert_eq!(text(no), None, "{no}");
        }
    }
}
