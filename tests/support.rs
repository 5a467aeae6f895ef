//! The shared gateways, and the words of `packs/probe`.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use menshen_testkit::{Answer, Api, Gateway, Launcher, Upstream};
use serde_json::Value;

/// Blocked on both sides.
pub const BANNED: &str = "龙渊会";
/// Blocked in answers, in characters that nothing else here uses.
pub const LEAK: &str = "鸩羽琮";
/// Guided.
pub const GUIDED: &str = "青岚诊所";
/// Declined with a reply.
pub const DECLINED: &str = "赤焰秘方";
/// A number that the `probe` pack redacts and restores.
pub const BADGE: &str = "WB-204815";

/// The admin key where one is set.
pub const ADMIN: &str = "admin-key-of-the-tests-0123456789";

/// The workspace's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with the test packs.
pub fn packs() -> PathBuf {
    root().join("tests/packs").canonicalize().unwrap()
}

/// The binary with its built-in packs only.
pub fn menshen() -> Launcher {
    Launcher::new(env!("CARGO_BIN_EXE_menshen"))
}

/// The binary with the test pack only: it starts in a moment.
pub fn probe() -> Launcher {
    menshen().folder(packs()).packs(&["probe"])
}

/// A model name that no other test uses.
pub fn fresh(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A gateway with a scripted model behind it.
pub struct House {
    pub gateway: Gateway,
    pub model: Upstream,
}

impl House {
    pub fn start(launcher: Launcher) -> Self {
        let model = Upstream::start();
        House { gateway: launcher.upstream(&model.url()).start(), model }
    }

    /// Asks a fresh model that says `answer`; gives the gateway's answer and what the model was sent.
    pub fn exchange(&self, api: Api, body: &Value, answer: &str) -> (Answer, Vec<String>) {
        let name = fresh("talk");
        let mut body = body.clone();
        body["model"] = Value::from(name.as_str());
        self.model.says(&name, menshen_testkit::Saying::text(answer));
        let answer = self.gateway.post(api.path()).json(&body).send();
        (answer, self.model.received(&name).iter().map(|r| r.text()).collect())
    }

    /// The record of an answer.
    pub fn record(&self, answer: &Answer) -> Value {
        self.gateway.record(answer.id())
    }
}

/// The shared gateway with the `probe` pack, and the built-in `base` pack below it.
pub fn house() -> &'static House {
    static HOUSE: LazyLock<House> = LazyLock::new(|| {
        House::start(menshen().folder(packs()).packs(&["base", "probe"]).env("MENSHEN_ADMIN_KEY", ADMIN).leashed())
    });
    &HOUSE
}

/// The shared gateway that soon loses its patience.
pub fn impatient() -> &'static House {
    static HOUSE: LazyLock<House> = LazyLock::new(|| {
        let limits = "[limits]\nfirst_byte_ms = 700\nidle_ms = 700\nrequest_read_ms = 700\nconnect_ms = 700\n\
                      max_answer_bytes = 200000\nmax_event_bytes = 20000\nmax_request_bytes = 1000000";
        House::start(probe().settings(limits).leashed())
    });
    &HOUSE
}

/// Whether a text holds any character of a word.
pub fn touches(text: &str, word: &str) -> bool {
    word.chars().any(|c| text.contains(c))
}

/// An error in the format of its API, with this status and code.
pub fn assert_error(api: Api, answer: &Answer, status: u16, code: &str) {
    let said = answer.text();
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{api:?}: {said}");
    let json = answer.json();
    assert!(json["error"]["message"].as_str().is_some_and(|m| m.len() > 10), "{said}");
    assert!(
        json["error"]["type"].as_str().is_some_and(|t| t.ends_with("_error") || t == "request_too_large"),
        "{said}"
    );
    if api == Api::Messages {
        assert_eq!(json["type"], "error", "{said}");
        assert_eq!(json["request_id"], answer.id(), "{said}");
    }
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
