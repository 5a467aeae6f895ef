//! The vendors' formats: addresses, bodies, signatures, and what an answer says. Every body is plain text: what somebody
//! wrote into a title is never markup, and calls nobody by name.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Undelivered;
use crate::config::ChannelKind;

/// WeCom takes 2048 bytes of text.
const MOST_WECOM: usize = 2_048;

pub(super) struct Words<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

pub(super) struct Posted {
    pub(super) url: reqwest::Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

fn hmac(key: &[u8], message: &[u8]) -> Result<Vec<u8>, Undelivered> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.map_err(|_| Undelivered("the secret cannot be used as a key".to_owned()))?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}

/// DingTalk: HMAC-SHA256 with the secret over `timestamp "\n" secret`, in base 64; milliseconds.
pub(super) fn dingtalk_sign(secret: &str, now_ms: i64) -> Result<String, Undelivered> {
    Ok(BASE64.encode(&hmac(secret.as_bytes(), format!("{now_ms}\n{secret}").as_bytes())?))
}

/// Feishu: HMAC-SHA256 with `timestamp "\n" secret` as the key over nothing, in base 64; seconds.
pub(super) fn feishu_sign(secret: &str, now_s: i64) -> Result<String, Undelivered> {
    Ok(BASE64.encode(&hmac(format!("{now_s}\n{secret}").as_bytes(), b"")?))
}

/// The most of a text that fits into so many bytes, not cut within a character.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

pub(super) fn post(
    kind: ChannelKind,
    url: &str,
    secret: Option<&str>,
    words: &Words<'_>,
    now_us: i64,
) -> Result<Posted, Undelivered> {
    let mut url = reqwest::Url::parse(url).map_err(|_| Undelivered("the channel has no usable address".to_owned()))?;
    let whole = format!("{}\n{}", words.title, words.text);
    let mut headers = Vec::new();
    let body = match kind {
        ChannelKind::Dingtalk => {
            if let Some(secret) = secret {
                let ms = now_us.div_euclid(1_000);
                let sign = dingtalk_sign(secret, ms)?;
                url.query_pairs_mut().append_pair("timestamp", &ms.to_string()).append_pair("sign", &sign);
            }
            json!({"msgtype": "text", "text": {"content": whole}})
        }
        ChannelKind::Feishu => {
            // Feishu reads <at …> in texts.
            let mut body = json!({"msg_type": "text", "content": {"text": whole.replace('<', "＜")}});
            if let Some(secret) = secret {
                let s = now_us.div_euclid(1_000_000);
                body["timestamp"] = Value::from(s.to_string());
                body["sign"] = Value::from(feishu_sign(secret, s)?);
            }
            body
        }
        ChannelKind::Wecom => json!({"msgtype": "text", "text": {"content": cut(&whole, MOST_WECOM)}}),
        // Slack reads <!channel> and links; these three are all that has to be escaped.
        ChannelKind::Slack => {
            json!({"text": whole.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"), "mrkdwn": false})
        }
        ChannelKind::Webhook | ChannelKind::Email => {
            json!({"id": words.id, "title": words.title, "text": words.text, "at_us": now_us})
        }
    };
    let body = body.to_string();
    if kind == ChannelKind::Webhook {
        headers.push(("x-menshen-message", words.id.to_owned()));
        if let Some(secret) = secret {
            let s = now_us.div_euclid(1_000_000);
            let sign = hmac(secret.as_bytes(), format!("{s}.{body}").as_bytes())?;
            headers.push(("x-menshen-timestamp", s.to_string()));
            headers.push(("x-menshen-signature", format!("sha256={}", HEXLOWER.encode(&sign))));
        }
    }
    Ok(Posted { url, headers, body })
}

/// Whether an answer says that the message was taken. Robots say no with 200, too.
pub(super) fn accepted(kind: ChannelKind, status: StatusCode, answer: &[u8]) -> Result<(), Undelivered> {
    if !status.is_success() {
        return Err(Undelivered(format!("it answered {status}")));
    }
    let (code, message) = match kind {
        ChannelKind::Dingtalk | ChannelKind::Wecom => ("errcode", "errmsg"),
        ChannelKind::Feishu => ("code", "msg"),
        _ => return Ok(()),
    };
    let said: Value = serde_json::from_slice(answer).unwrap_or_default();
    // Feishu's older form has StatusCode in its place.
    let number = said.get(code).or_else(|| said.get("StatusCode")).and_then(Value::as_i64);
    match number {
        Some(0) => Ok(()),
        Some(number) => {
            let told = said.get(message).and_then(Value::as_str).unwrap_or_default();
            let told: String = told.chars().filter(|c| !c.is_control()).take(120).collect();
            Err(Undelivered(format!("it was refused with code {number}: {told}")))
        }
        None => Err(Undelivered("the answer is not the robot's: check the address".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: Words<'static> = Words { id: "msg_1", title: "标题 <at user_id=\"all\">", text: "a & <!channel>" };
    const AT: i64 = 1_700_000_000_123_456;

    fn posted(kind: ChannelKind, secret: Option<&str>) -> Posted {
        post(kind, "https://robot.example/send?access_token=t0ken", secret, &WORDS, AT).unwrap()
    }

    #[test]
    fn signatures_are_the_vendors() {
        // Made with OpenSSL: printf '1577262236757\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
        assert_eq!(
            dingtalk_sign("this is secret", 1_577_262_236_757).unwrap(),
            "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
        );
        // Python: base64.b64encode(hmac.new(b'1599360473\ndemo', b'', 'sha256').digest())
        assert_eq!(feishu_sign("demo", 1_599_360_473).unwrap(), "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
        let sent = posted(ChannelKind::Dingtalk, Some("this is secret"));
        let query: Vec<(String, String)> = sent.url.query_pairs().map(|(n, v)| (n.into(), v.into())).collect();
        assert_eq!(query[0], ("access_token".to_owned(), "t0ken".to_owned()));
        assert_eq!(query[1], ("timestamp".to_owned(), "1700000000123".to_owned()));
        assert_eq!(query[2], ("sign".to_owned(), dingtalk_sign("this is secret", 1_700_000_000_123).unwrap()));
        assert!(!sent.url.as_str().contains(&query[2].1) || !query[2].1.contains(['+', '/']), "not escaped");
    }

    #[test]
    fn bodies_are_exactly_these() {
        let body = |kind, secret| serde_json::from_str::<Value>(&posted(kind, secret).body).unwrap();
        let whole = "标题 <at user_id=\"all\">\na & <!channel>";
        assert_eq!(body(ChannelKind::Dingtalk, None), json!({"msgtype": "text", "text": {"content": whole}}));
        assert_eq!(body(ChannelKind::Wecom, None), json!({"msgtype": "text", "text": {"content": whole}}));
        let feishu = whole.replace('<', "＜");
        assert_eq!(
            body(ChannelKind::Feishu, Some("demo")),
            json!({"msg_type": "text", "content": {"text": feishu}, "timestamp": "1700000000",
                "sign": feishu_sign("demo", 1_700_000_000).unwrap()})
        );
        let slack = "标题 &lt;at user_id=\"all\"&gt;\na &amp; &lt;!channel&gt;";
        assert_eq!(body(ChannelKind::Slack, None), json!({"text": slack, "mrkdwn": false}));
        assert_eq!(
            body(ChannelKind::Webhook, Some("s")),
            json!({"id": "msg_1", "title": WORDS.title, "text": WORDS.text, "at_us": AT})
        );
        let headers = posted(ChannelKind::Webhook, Some("s")).headers;
        assert_eq!(headers[0], ("x-menshen-message", "msg_1".to_owned()));
        assert!(headers[2].1.starts_with("sha256=") && headers[2].1.len() == 71);
    }

    #[test]
    fn a_robot_that_says_no_with_200_said_no() {
        let said = |kind, text: &str| accepted(kind, StatusCode::OK, text.as_bytes());
        assert!(said(ChannelKind::Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#).is_ok());
        assert!(said(ChannelKind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#).is_err());
        assert!(said(ChannelKind::Wecom, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#).is_err());
        assert!(said(ChannelKind::Feishu, r#"{"code":19021,"msg":"sign match fail"}"#).is_err());
        assert!(said(ChannelKind::Feishu, r#"{"StatusCode":0,"StatusMessage":"success"}"#).is_ok());
        assert!(said(ChannelKind::Feishu, "<html>").is_err());
        assert!(said(ChannelKind::Slack, "ok").is_ok());
        assert!(accepted(ChannelKind::Slack, StatusCode::FOUND, b"").is_err(), "a redirect is not followed");
    }

    proptest! {
        #[test]
        fn any_answer_is_read_and_any_text_is_cut_within_its_bytes(answer in ".{0,200}", most in 0usize..100) {
            let _ = accepted(ChannelKind::Feishu, StatusCode::OK, answer.as_bytes());
            let piece = cut(&answer, most);
            prop_assert!(piece.len() <= most && answer.starts_with(piece));
        }
    }
}
