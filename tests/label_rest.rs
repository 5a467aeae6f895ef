//! Labels over HTTP, as upload and publishing pipelines use them.

use std::sync::LazyLock;

use menshen_testkit::{Answer, Call};
use serde_json::{Value, json};

use crate::label::wav;
use crate::support::{ADMIN, House, packs, probe};

const CODE: &str = "001191110102MACQD9K64010000";
const PLATFORM: &str = "001191440300708461136T20001";

fn house() -> &'static House {
    static HOUSE: LazyLock<House> = LazyLock::new(|| {
        let settings = "[label]\nmax_file_bytes = 1000000";
        let launcher = probe().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN);
        House::start(launcher.settings(settings).leashed())
    });
    &HOUSE
}

fn post(path: &str, file: &[u8]) -> Answer {
    house().gateway.post(path).typed("application/octet-stream", file).send()
}

#[test]
fn a_file_is_labelled_read_and_judged() {
    let added = post(&format!("/v1/labels/add?producer={CODE}&id=c-1"), &wav());
    assert_eq!(added.status, 200, "{}", added.text());
    let header: Value = serde_json::from_str(added.header("x-menshen-aigc").unwrap()).unwrap();
    assert_eq!((&header["Label"], &header["ProduceID"]), (&json!("1"), &json!("c-1")));
    let read = post("/v1/labels/read", &added.body).json();
    assert_eq!((&read["format"], &read["state"]), (&json!("wav"), &json!("compliant")), "{read}");
    assert_eq!(read["labels"].as_array().unwrap().len(), 1);
    assert_eq!(post("/v1/labels/read", &wav()).json()["state"], "not_found");
    let text = post(&format!("/v1/labels/add?producer={CODE}&id=c-2&name=a.md"), "# 标题\n\n正文。\n".as_bytes());
    assert!(text.text().starts_with("---\n") && text.text().contains("正文。"), "{}", text.text());
    let record = house().gateway.record(added.id());
    assert_eq!(
        (&record["api"], &record["verdict"]["label"]["ProduceID"]),
        (&json!("labels"), &json!("c-1")),
        "{record}"
    );
}

#[test]
fn a_platform_decides_tells_and_adds_its_members() {
    let labelled = post(&format!("/v1/labels/add?producer={CODE}&id=c-1"), &wav()).body;
    let decide =
        |query: &str, file: &[u8]| post(&format!("/v1/labels/inspect?platform={PLATFORM}&{query}"), file).json();
    let confirmed = decide("id=p-1", &labelled);
    assert_eq!(confirmed["decision"], "confirmed", "{confirmed}");
    assert!(confirmed["notice"]["zh"].as_str().unwrap().contains("人工智能"), "{confirmed}");
    assert_eq!(confirmed["label_to_write"]["ContentPropagator"], PLATFORM);
    assert_eq!(confirmed["label_to_write"]["ContentProducer"], CODE, "the producer's members stay");
    assert_eq!(decide("id=p-2&declared=true", &wav())["decision"], "possible");
    assert_eq!(decide("id=p-3", &wav())["decision"], "none");
    let text = decide("id=p-4&name=a.txt", "一篇短文。\n\n（本内容由人工智能生成）\n".as_bytes());
    assert_eq!(text["decision"], "suspected", "{text}");

    let spread = post(&format!("/v1/labels/propagate?platform={PLATFORM}&id=p-5&declared=true"), &wav());
    assert_eq!((spread.status, spread.header("x-menshen-decision")), (200, Some("possible")));
    let read = post("/v1/labels/read", &spread.body).json();
    let value: Value = serde_json::from_str(read["labels"][0]["value"].as_str().unwrap()).unwrap();
    let label = if value["AIGC"].is_object() { &value["AIGC"] } else { &value };
    assert_eq!((&label["Label"], &label["PropagateID"]), (&json!("2"), &json!("p-5")), "{read}");
    let none = post(&format!("/v1/labels/propagate?platform={PLATFORM}"), &wav());
    assert_eq!((none.status, none.header("x-menshen-decision")), (204, Some("none")));
    assert_eq!(house().gateway.record(none.id())["verdict"]["decision"]["decision"], "none");
}

#[test]
fn what_cannot_be_labelled_is_refused_with_the_reason() {
    for (query, file, says) in [
        ("producer=acme&id=c", b"nothing that is known".to_vec(), "format"),
        ("producer=acme&id=c", wav()[..40].to_vec(), "wav"),
        ("id=c", wav(), "producer"),
        ("producer=001191110102MACQD9K65010000&id=c", wav(), "credit code"),
        ("producer=acme&id=a%20b", wav(), ""),
        ("producer=acme&id=c&label=4", wav(), "label"),
        ("producer=acme&nothing=1", wav(), ""),
        ("producer=acme&id=c", Vec::new(), "format"),
    ] {
        let answer = post(&format!("/v1/labels/add?{query}"), &file);
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert!(answer.text().to_lowercase().contains(says), "{query}: {}", answer.text());
    }
    assert_eq!(post("/v1/labels/add?producer=acme&id=c", &vec![0; 1_000_001]).status, 413);
    let unstated = house().gateway.post("/v1/labels/read").typed("application/octet-stream", vec![0; 1_000_001]);
    assert_eq!(unstated.chunked().send().status, 413);
    assert_eq!(post("/v1/labels/inspect", &wav()).status, 400, "no platform is known");
    assert_eq!(Call::get(house().gateway.address(), "/v1/labels/add").send().status, 405);
}
