//! Standard encodings: number bases, escapes, character sets, signals. A row only encodes; a frame asks to decode.

use data_encoding::{BASE32, BASE32HEX, BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use menshen_verdict::Attack;

use super::{Apply, Group, Mutator, Reverse, joined};
use bases::utf8;

mod bases;
mod chinese_codes;
mod escapes;
pub(super) mod latin;
pub(super) mod signals;

const DATA_URI: &str = "data:text/plain;charset=utf-8;base64,";

/// What the rows have in common.
const ROW: Mutator = Mutator { group: Group::Encoding, attack: Attack::E1, ..super::ROW };

/// The rows.
pub(super) const ALL: &[Mutator] = &joined::<{ ROWS.len() + signals::ROWS.len() }>(ROWS, signals::ROWS);

/// The rows of this file.
const ROWS: &[Mutator] = &[
    Mutator {
        id: "base16",
        zh: "UTF-8 字节写成大写十六进制",
        en: "The UTF-8 bytes in upper-case hexadecimal",
        source: "RFC 4648 §8",
        peers: &["pyrit:BinAscii", "garak:encoding.InjectBase16"],
        apply: Apply::Text(|t, _| full(t, |t| HEXUPPER.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| HEXUPPER.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "hex",
        zh: "UTF-8 字节写成小写十六进制",
        en: "The UTF-8 bytes in lower-case hexadecimal",
        source: "RFC 4648 §8",
        peers: &["garak:encoding.InjectHex", "promptfoo:hex", "aig:hex"],
        apply: Apply::Text(|t, _| full(t, |t| HEXLOWER.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| HEXLOWER.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "base32",
        zh: "UTF-8 字节写成 Base32",
        en: "The UTF-8 bytes in base 32",
        source: "RFC 4648 §6",
        peers: &["garak:encoding.InjectBase32", "aig:base_encoding"],
        apply: Apply::Text(|t, _| full(t, |t| BASE32.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| BASE32.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "base32_hex",
        zh: "UTF-8 字节写成扩展十六进制字母表的 Base32",
        en: "The UTF-8 bytes in base 32, extended hex alphabet",
        source: "RFC 4648 §7",
        apply: Apply::Text(|t, _| full(t, |t| BASE32HEX.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| BASE32HEX.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "base45",
        zh: "UTF-8 字节写成二维码所用的 Base45",
        en: "The UTF-8 bytes in base 45, as in QR codes",
        source: "RFC 9285",
        apply: Apply::Text(|t, _| full(t, bases::base45)),
        reverse: Reverse::Exact(bases::read_base45),
        ..ROW
    },
    Mutator {
        id: "base58",
        zh: "UTF-8 字节写成比特币字母表的 Base58",
        en: "The UTF-8 bytes in base 58, Bitcoin alphabet",
        source: "Internet-Draft msporny-base58",
        peers: &["aig:base_encoding"],
        apply: Apply::Text(|t, _| full(t, bases::base58)),
        reverse: Reverse::Exact(bases::read_base58),
        ..ROW
    },
    Mutator {
        id: "base64",
        zh: "UTF-8 字节写成 Base64",
        en: "The UTF-8 bytes in base 64",
        source: "RFC 4648 §4",
        peers: &[
            "pyrit:Base64",
            "garak:encoding.InjectBase64",
            "promptfoo:base64",
            "deepteam:Base64",
            "aig:base_encoding",
        ],
        apply: Apply::Text(|t, _| full(t, |t| BASE64.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| BASE64.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "base64_url",
        zh: "UTF-8 字节写成网址安全的 Base64",
        en: "The UTF-8 bytes in base 64, URL-safe alphabet",
        source: "RFC 4648 §5",
        peers: &["pyrit:Base64"],
        apply: Apply::Text(|t, _| full(t, |t| BASE64URL.encode(t.as_bytes()))),
        reverse: Reverse::Exact(|t| BASE64URL.decode(t.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "base85",
        zh: "UTF-8 字节写成 Base85（RFC 1924 字母表）",
        en: "The UTF-8 bytes in base 85, RFC 1924 alphabet",
        source: "RFC 1924; Git binary patches",
        peers: &["aig:base_encoding"],
        apply: Apply::Text(|t, _| full(t, bases::base85)),
        reverse: Reverse::Exact(bases::read_base85),
        ..ROW
    },
    Mutator {
        id: "ascii85",
        zh: "UTF-8 字节写成 Ascii85",
        en: "The UTF-8 bytes in Ascii85, without its frame",
        source: "Adobe PostScript Language Reference",
        peers: &["garak:encoding.InjectAscii85", "aig:ascii85"],
        apply: Apply::Text(|t, _| full(t, bases::ascii85)),
        reverse: Reverse::Exact(bases::read_ascii85),
        ..ROW
    },
    Mutator {
        id: "base2048",
        zh: "UTF-8 字节写成 Base2048",
        en: "The UTF-8 bytes in base 2048, 11 bits a letter",
        source: "crate and package base2048 (LLFourn)",
        peers: &["pyrit:Base2048", "garak:encoding.InjectBase2048"],
        apply: Apply::Text(|t, _| full(t, |t| base2048::encode(t.as_bytes()))),
        reverse: Reverse::Exact(bases::read_base2048),
        ..ROW
    },
    Mutator {
        id: "base100",
        zh: "每个 UTF-8 字节写成一个表情",
        en: "Each UTF-8 byte as one emoji",
        source: "base100 (AdamNiederer)",
        apply: Apply::Text(|t, _| full(t, bases::base100)),
        reverse: Reverse::Exact(bases::read_base100),
        ..ROW
    },
    Mutator {
        id: "ecoji",
        zh: "UTF-8 字节写成 Ecoji 表情",
        en: "The UTF-8 bytes in base 1024, of emoji",
        source: "Ecoji 1.0",
        peers: &["pyrit:Ecoji", "garak:encoding.InjectEcoji", "aig:ecoji"],
        apply: Apply::Text(|t, _| full(t, bases::ecoji)),
        reverse: Reverse::Exact(bases::read_ecoji),
        ..ROW
    },
    Mutator {
        id: "data_uri",
        zh: "写成 Base64 的 data: 网址",
        en: "A data: URL in base 64",
        source: "RFC 2397",
        apply: Apply::Text(|t, _| full(t, |t| format!("{DATA_URI}{}", BASE64.encode(t.as_bytes())))),
        reverse: Reverse::Exact(|t| BASE64.decode(t.strip_prefix(DATA_URI)?.as_bytes()).ok().and_then(utf8)),
        ..ROW
    },
    Mutator {
        id: "binary",
        zh: "UTF-8 字节写成八位二进制",
        en: "The UTF-8 bytes in binary, eight digits each",
        source: "common use",
        peers: &["aig:binary"],
        apply: Apply::Text(|t, _| full(t, escapes::binary)),
        reverse: Reverse::Exact(|t| escapes::read_bytes(t, 2)),
        ..ROW
    },
    Mutator {
        id: "binary_utf16",
        zh: "UTF-16 码元写成十六位二进制",
        en: "The UTF-16 units in binary, sixteen digits each",
        source: "common use",
        peers: &["pyrit:Binary"],
        apply: Apply::Text(|t, _| full(t, escapes::binary_utf16)),
        reverse: Reverse::Exact(|t| escapes::read_units(t, 2)),
        ..ROW
    },
    Mutator {
        id: "octal",
        zh: "UTF-8 字节写成八进制",
        en: "The UTF-8 bytes in octal",
        source: "common use",
        apply: Apply::Text(|t, _| full(t, escapes::octal)),
        reverse: Reverse::Exact(|t| escapes::read_bytes(t, 8)),
        ..ROW
    },
    Mutator {
        id: "code_points",
        zh: "写成十进制 Unicode 码点",
        en: "The Unicode code points in decimal",
        source: "common use",
        peers: &["garak:buffs.encoding.CharCode"],
        apply: Apply::Text(|t, _| full(t, escapes::code_points)),
        reverse: Reverse::Exact(|t| escapes::read_points(t, "", " ", 10)),
        ..ROW
    },
    Mutator {
        id: "u_plus",
        zh: "写成 U+ 码点记法",
        en: "The Unicode code points as U+ and hexadecimal",
        source: "The Unicode Standard, appendix A",
        apply: Apply::Text(|t, _| full(t, escapes::u_plus)),
        reverse: Reverse::Exact(|t| escapes::read_points(t, "U+", " ", 16)),
        ..ROW
    },
    Mutator {
        id: "utf16_hex",
        zh: "UTF-16 码元写成十六进制",
        en: "The UTF-16 units in hexadecimal",
        source: "RFC 2781",
        apply: Apply::Text(|t, _| full(t, escapes::utf16_hex)),
        reverse: Reverse::Exact(|t| escapes::read_units(t, 16)),
        ..ROW
    },
    Mutator {
        id: "gbk_hex",
        zh: "每个字的 GBK 字节写成十六进制",
        en: "The GBK bytes in hexadecimal; nothing when GBK lacks a character",
        source: "WHATWG Encoding, GBK",
        apply: Apply::Text(|t, _| chinese_codes::gbk_hex(t)),
        reverse: Reverse::Exact(chinese_codes::read_gbk_hex),
        ..ROW
    },
    Mutator {
        id: "big5_hex",
        zh: "每个字的大五码字节写成十六进制",
        en: "The Big5 bytes in hexadecimal; nothing when Big5 lacks a character",
        source: "WHATWG Encoding, Big5",
        apply: Apply::Text(|t, _| chinese_codes::big5_hex(t)),
        reverse: Reverse::Exact(chinese_codes::read_big5_hex),
        ..ROW
    },
    Mutator {
        id: "quwei",
        zh: "汉字写成区位码，其余放进方括号",
        en: "Row and cell of GB/T 2312 in four digits, the rest in brackets; nothing without such characters",
        source: "GB/T 2312",
        apply: Apply::Text(|t, _| chinese_codes::quwei(t)),
        reverse: Reverse::Exact(chinese_codes::read_quwei),
        ..ROW
    },
    Mutator {
        id: "hex_escape",
        zh: "UTF-8 字节写成 \\xNN",
        en: "The UTF-8 bytes as \\xNN",
        source: "ISO/IEC 9899 §6.4.4.4",
        apply: Apply::Text(|t, _| full(t, escapes::hex_escape)),
        reverse: Reverse::Exact(|t| escapes::read_marked_bytes(t, "\\x", 16)),
        ..ROW
    },
    Mutator {
        id: "octal_escape",
        zh: "UTF-8 字节写成 \\NNN",
        en: "The UTF-8 bytes as \\NNN in octal",
        source: "ISO/IEC 9899 §6.4.4.4",
        apply: Apply::Text(|t, _| full(t, escapes::octal_escape)),
        reverse: Reverse::Exact(|t| escapes::read_marked_bytes(t, "\\", 8)),
        ..ROW
    },
    Mutator {
        id: "unicode_escape",
        zh: "UTF-16 码元写成 \\uNNNN",
        en: "The UTF-16 units as \\uNNNN",
        source: "ECMA-262 §12.9.4",
        peers: &["pyrit:UnicodeReplacement"],
        apply: Apply::Text(|t, _| full(t, escapes::unicode_escape)),
        reverse: Reverse::Exact(escapes::read_unicode_escape),
        ..ROW
    },
    Mutator {
        id: "unicode_braces",
        zh: "码点写成 \\u{N}",
        en: "The code points as \\u{N}",
        source: "ECMA-262 §12.9.4",
        apply: Apply::Text(|t, _| full(t, escapes::unicode_braces)),
        reverse: Reverse::Exact(|t| escapes::read_points(t, "\\u{", "}", 16)),
        ..ROW
    },
    Mutator {
        id: "css_escape",
        zh: "码点写成 CSS 转义",
        en: "The code points as CSS escapes of six digits",
        source: "CSS Syntax 3 §4.3.7",
        apply: Apply::Text(|t, _| full(t, escapes::css_escape)),
        reverse: Reverse::Exact(escapes::read_css_escape),
        ..ROW
    },
    Mutator {
        id: "percent",
        zh: "每个 UTF-8 字节写成 %NN",
        en: "Every UTF-8 byte as %NN",
        source: "RFC 3986 §2.1",
        apply: Apply::Text(|t, _| full(t, escapes::percent)),
        reverse: Reverse::Exact(escapes::read_url),
        ..ROW
    },
    Mutator {
        id: "double_percent",
        zh: "百分号编码再编码一次",
        en: "Every UTF-8 byte as %25NN, percent-encoded twice",
        source: "OWASP double encoding",
        apply: Apply::Text(|t, _| full(t, escapes::double_percent)),
        reverse: Reverse::Exact(|t| escapes::read_url(&escapes::read_url(t)?)),
        ..ROW
    },
    Mutator {
        id: "url",
        zh: "网址编码，字母数字不变",
        en: "Percent-encoded but for letters, digits and -._~",
        source: "RFC 3986 §2.3",
        peers: &["pyrit:Url", "aig:url"],
        apply: Apply::Text(|t, _| full(t, escapes::url)),
        reverse: Reverse::Exact(escapes::read_url),
        ..ROW
    },
    Mutator {
        id: "html_decimal",
        zh: "写成十进制 HTML 字符引用",
        en: "Decimal HTML character references",
        source: "HTML §13.1.4",
        peers: &["aig:html"],
        apply: Apply::Text(|t, _| full(t, escapes::html_decimal)),
        reverse: Reverse::Exact(|t| escapes::read_points(t, "&#", ";", 10)),
        ..ROW
    },
    Mutator {
        id: "html_hex",
        zh: "写成十六进制 HTML 字符引用",
        en: "Hexadecimal HTML character references",
        source: "HTML §13.1.4",
        peers: &["aig:html"],
        apply: Apply::Text(|t, _| full(t, escapes::html_hex)),
        reverse: Reverse::Exact(|t| escapes::read_points(t, "&#x", ";", 16)),
        ..ROW
    },
    Mutator {
        id: "quoted_printable",
        zh: "写成 Quoted-Printable，76 列折行",
        en: "Quoted-printable with soft breaks at 76",
        source: "RFC 2045 §6.7",
        peers: &["pyrit:BinAscii", "garak:encoding.InjectQP"],
        apply: Apply::Text(|t, _| full(t, escapes::quoted_printable)),
        reverse: Reverse::Exact(escapes::read_quoted_printable),
        ..ROW
    },
    Mutator {
        id: "uuencode",
        zh: "写成 UU 编码各行，无首尾行",
        en: "The lines of uuencode without its begin and end",
        source: "POSIX uuencode",
        peers: &["pyrit:BinAscii", "garak:encoding.InjectUU"],
        apply: Apply::Text(|t, _| full(t, escapes::uuencode)),
        reverse: Reverse::Exact(escapes::read_uuencode),
        ..ROW
    },
    Mutator {
        id: "mime_b",
        zh: "写成邮件头 Base64 编码字",
        en: "Mail header encoded words in base 64",
        source: "RFC 2047 §4.1",
        apply: Apply::Text(|t, _| full(t, escapes::mime_b)),
        reverse: Reverse::Exact(escapes::read_mime_b),
        ..ROW
    },
    Mutator {
        id: "mime_q",
        zh: "写成邮件头 Q 编码字",
        en: "Mail header encoded words in Q",
        source: "RFC 2047 §4.2",
        peers: &["garak:encoding.InjectMime"],
        apply: Apply::Text(|t, _| full(t, escapes::mime_q)),
        reverse: Reverse::Exact(escapes::read_mime_q),
        ..ROW
    },
    Mutator {
        id: "utf7",
        zh: "写成 UTF-7；没有可写的则不动",
        en: "UTF-7; nothing when all of it would stay",
        source: "RFC 2152",
        apply: Apply::Text(|t, _| Some(escapes::utf7(t)).filter(|out| out != t)),
        reverse: Reverse::Exact(escapes::read_utf7),
        ..ROW
    },
    Mutator {
        id: "punycode",
        zh: "写成 Punycode；纯 ASCII 不动",
        en: "Punycode; nothing for ASCII alone",
        source: "RFC 3492",
        apply: Apply::Text(|t, _| escapes::punycode(t)),
        reverse: Reverse::Exact(idna::punycode::decode_to_string),
        ..ROW
    },
    Mutator {
        id: "json_string",
        zh: "写成只用 ASCII 的 JSON 字符串",
        en: "A JSON string in ASCII, with its quotes",
        source: "RFC 8259 §7",
        peers: &["pyrit:JsonString"],
        apply: Apply::Text(|t, _| full(t, escapes::json_string)),
        reverse: Reverse::Exact(|t| serde_json::from_str(t).ok()),
        ..ROW
    },
];

/// The whole of a text; nothing if it stays the same, as an empty one does.
fn full(text: &str, write: fn(&str) -> String) -> Option<String> {
    Some(write(text)).filter(|out| out != text)
}

#[cfg(test)]
super::trial::chapter!(ALL, "encodings.tsv");
