//! What a model generates says so: in its words, in its metadata, in its files, and only a recorded agreement takes the words
//! away.

use std::sync::LazyLock;

use data_encoding::BASE64;
use menshen_provenance::watermark::text::invisible;
use menshen_testkit::{Answer, Api, Reply, Saying, Upstream};
use serde_json::{Value, json};

use crate::support::{ADMIN, House, LEAK, assert_error, fresh, packs, probe};

const CODE: &str = "001191110102MACQD9K64010000";
const ZH: &str = "（本内容由人工智能生成）";

fn labelling(more: &str) -> House {
    let settings = format!("[label]\nproducer = \"{CODE}\"\n{more}");
    let launcher = probe().folder(packs()).packs(&["base", "probe"]);
    House::start(launcher.env("MENSHEN_ADMIN_KEY", ADMIN).settings(&settings).leashed())
}

fn at_the_end() -> &'static House {
    static HOUSE: LazyLock<House> = LazyLock::new(|| labelling(""));
    &HOUSE
}

/// The implicit label must be this one, wherever it stands.
fn assert_aigc(label: &Value, answer: &Answer) {
    let members: Vec<&str> = label.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted =
        ["Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2"];
    assert!(wanted.iter().all(|m| members.contains(m)) && members.len() == 7, "{label}");
    assert_eq!((&label["Label"], &label["ContentProducer"]), (&json!("1"), &json!(CODE)), "{label}");
    assert_eq!(label["ProduceID"], answer.id(), "the content number leads to the record");
    let header: Value = serde_json::from_str(answer.header("x-menshen-aigc").unwrap()).unwrap();
    assert_eq!(&header, label);
}

#[test]
fn every_answer_ends_with_its_label_and_carries_the_implicit_one_whole_and_streamed() {
    let house = at_the_end();
    for api in [Api::Chat, Api::Responses, Api::Messages] {
        for pieces in [vec!["从前有座山，", "山里有座庙。"], vec!["从", "前", "有", "座", "山"]] {
            let name = fresh("tale");
            house.model.says(&name, Saying::text(pieces.concat()).in_pieces(&pieces));
            let whole = house.gateway.ask(api, &name, "讲个故事");
            assert_eq!(whole.said(api), format!("{}\n\n{ZH}", pieces.concat()), "{api:?}: {}", whole.text());
            assert_aigc(&whole.json()["AIGC"], &whole);
            let stream = house.gateway.stream(api, &name, "讲个故事");
            assert_eq!(stream.said(api), format!("{}\n\n{ZH}", pieces.concat()), "{api:?}: {}", stream.text());
            assert!(api.ended(&stream.frames), "{}", stream.text());
            let labels: Vec<Value> =
                stream.frames.iter().map(|f| f.json()["AIGC"].clone()).filter(|l| !l.is_null()).collect();
            assert_eq!(labels.len(), 1, "once a stream");
            assert_aigc(&labels[0], &stream);
            let record = house.record(&stream);
            assert_eq!(record["verdict"]["label"]["explicit"], "end", "{record}");
        }
    }
}

#[test]
fn a_label_stands_before_and_behind_each_choice_and_a_stream_does_not_wait_for_it() {
    let house = labelling("explicit = \"both\"");
    let name = fresh("choices");
    house.model.says(&name, Saying::choices(&["Once upon a time.", "There was a king."]));
    let mut body = Api::Chat.ask(&name, "Tell a story");
    body["n"] = json!(2);
    let answer = house.gateway.post(Api::Chat.path()).json(&body).send().json();
    for (i, said) in ["Once upon a time.", "There was a king."].into_iter().enumerate() {
        let text = answer["choices"][i]["message"]["content"].as_str().unwrap();
        let label = "(This content is AI-generated.)";
        assert_eq!(text, format!("{label}\n\n{said}\n\n{label}"));
    }
    // The first sentence leaves while the model still thinks.
    let (here, on) = (menshen_testkit::Gate::new(), menshen_testkit::Gate::new());
    let slow = fresh("slow");
    let long = "The first sentence is a long one about hills and rivers that nobody minds. ".repeat(12);
    let pieces = [long.as_str(), "The second one too. ", "The end."];
    house.model.says(&slow, Saying::text(pieces.concat()).in_pieces(&pieces).pausing(2, &here, &on));
    let mut incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&slow, "Tell")).open();
    let mut early = String::new();
    while !early.contains("nobody minds") {
        early.push_str(&incoming.frame().unwrap().data);
    }
    assert!(early.contains("AI-generated"), "the label came first: {early}");
    on.open();
    let rest = incoming.rest();
    assert!(rest.said(Api::Chat).ends_with("The end.\n\n(This content is AI-generated.)"), "{}", rest.text());
}

#[test]
fn what_programs_read_and_what_people_wrote_gets_no_words() {
    let house = at_the_end();
    let name = fresh("json");
    house.model.says(&name, Saying::text("{\"a\":1}"));
    let mut body = Api::Chat.ask(&name, "give JSON");
    body["response_format"] = json!({"type": "json_object"});
    let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
    assert_eq!(answer.said(Api::Chat), "{\"a\":1}");
    assert_aigc(&answer.json()["AIGC"], &answer);
    assert_eq!(house.record(&answer)["verdict"]["label"]["explicit"], "structured");
    let name = fresh("tool");
    house.model.says(&name, Saying::text("").calling("look", "{\"at\":\"x\"}"));
    for stream in [false, true] {
        let mut body = Api::Chat.ask(&name, "look");
        body["stream"] = json!(stream);
        let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
        assert!(!answer.text().contains("人工智能"), "{}", answer.text());
    }
    // A refusal is ours: it was not generated.
    let answer = house.gateway.ask(Api::Chat, &fresh("none"), crate::support::DECLINED);
    assert!(answer.json()["AIGC"].is_null() && answer.header("x-menshen-aigc").is_none(), "{}", answer.text());
}

#[test]
fn a_stream_that_is_stopped_labels_what_had_left() {
    let house = at_the_end();
    let name = fresh("leak");
    let tale = "这是一段很长的开头，讲的是山里的故事，与后面的内容毫无关系，读者可以放心地读下去。".repeat(8);
    house.model.says(&name, Saying::text(format!("{tale}{LEAK}")).in_pieces(&[&tale, LEAK]));
    let answer = house.gateway.stream(Api::Chat, &name, "讲个故事");
    let said = answer.said(Api::Chat);
    assert!(!said.contains(LEAK), "{said}");
    assert!(!said.contains("山里") || said.ends_with(ZH), "{said}");
}

#[test]
fn without_explicit_label_only_on_a_recorded_agreement() {
    let house = labelling("");
    let name = fresh("bare");
    house.model.says(&name, Saying::text("一篇短文。"));
    let ask = |user: &str| {
        let call =
            house.gateway.post(Api::Chat.path()).header("x-menshen-user", user).header("x-menshen-label", "none");
        call.json(&Api::Chat.ask(&name, "写篇短文")).send()
    };
    assert_error(Api::Chat, &ask("u1"), 403, "label_agreement_missing");
    let admin =
        |method: &str, path: &str| menshen_testkit::Call::method(house.gateway.address(), method, path).key(ADMIN);
    let made =
        admin("POST", "/admin/agreements").json(&json!({"user": "u1", "terms": "user agreement 2026-01, 4.2"})).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let answer = ask("u1");
    assert_eq!(answer.said(Api::Chat), "一篇短文。");
    assert_aigc(&answer.json()["AIGC"], &answer);
    let record = house.record(&answer);
    let label = &record["verdict"]["label"];
    assert_eq!((&label["explicit"], &label["agreement"]), (&json!("none"), &json!(id)), "{record}");
    assert_eq!(record["user"], "u1", "the log says who");
    assert_error(Api::Chat, &ask("u2"), 403, "label_agreement_missing");
    assert_eq!(admin("DELETE", &format!("/admin/agreements/{id}")).send().status, 200);
    assert_error(Api::Chat, &ask("u1"), 403, "label_agreement_missing");
    assert_eq!(admin("DELETE", &format!("/admin/agreements/{id}")).send().status, 404);
    let all = admin("GET", "/admin/agreements").send().json();
    assert_eq!(all["agreements"][0]["terms"], "user agreement 2026-01, 4.2");
    assert!(all["agreements"][0]["withdrawn_us"].is_number(), "{all}");
    let strange =
        house.gateway.post(Api::Chat.path()).header("x-menshen-label", "some").json(&Api::Chat.ask(&name, "x"));
    assert_eq!(strange.send().status, 400);
    let unknown = menshen_testkit::Call::method(house.gateway.address(), "POST", "/admin/agreements");
    assert_eq!(unknown.json(&json!({"terms": "x"})).send().status, 401);
}

#[test]
fn invisible_marks_name_the_request_and_do_not_come_back_to_the_model() {
    let house = labelling("explicit = \"none\"\nmark = \"zero-width\"");
    let tale = "从前有座山，山里有座庙，庙里有个老和尚在讲故事。".repeat(12);
    for stream in [false, true] {
        let name = fresh("marked");
        let pieces: Vec<String> = tale.chars().collect::<Vec<_>>().chunks(7).map(|c| c.iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        house.model.says(&name, Saying::text(tale.as_str()).in_pieces(&pieces));
        let mut body = Api::Chat.ask(&name, "讲个故事");
        body["stream"] = json!(stream);
        let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
        let said = answer.said(Api::Chat);
        assert_eq!(invisible::strip(&said), tale);
        let marks = invisible::detect(&said);
        assert_eq!(marks.broken, 0, "{marks:?}");
        let id: String = answer.id().chars().filter(|c| *c != '-').collect();
        assert_eq!(data_encoding::HEXLOWER.encode(&marks.marks[0].payload), id);
        assert!(marks.marks[0].copies >= 1, "{marks:?}");
        let next = Api::Chat.talk(&name, &[("user", "讲个故事"), ("assistant", &said), ("user", "继续")]);
        assert_eq!(house.gateway.post(Api::Chat.path()).json(&next).send().status, 200);
        let sent = house.model.received(&name).pop().unwrap().json();
        assert_eq!(sent["messages"][1]["content"], tale.as_str(), "the model sees what it wrote");
    }
}

fn png() -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        out.extend((data.len() as u32).to_be_bytes());
        let body = [&kind[..], data].concat();
        out.extend(&body);
        let mut crc = u32::MAX;
        for byte in body {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        out.extend((!crc).to_be_bytes());
    };
    chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
    chunk(b"IDAT", &[0x78, 0x01, 0x01, 0x02, 0, 0xfd, 0xff, 0, 0, 0, 0x02, 0, 0x01]);
    chunk(b"IEND", &[]);
    out
}

fn label_of(file: &[u8]) -> Value {
    let carrier = menshen_provenance::carrier::of(file, "").unwrap();
    let found = (carrier.read)(&mut std::io::Cursor::new(file)).unwrap();
    assert_eq!(found.len(), 1, "exactly one label");
    let value: Value = serde_json::from_str(&found[0].value).unwrap();
    if value["AIGC"].is_object() { value["AIGC"].clone() } else { value }
}

#[test]
fn pictures_and_sounds_are_labelled_and_what_cannot_be_is_withheld() {
    let house = at_the_end();
    let name = fresh("painter");
    house.model.on(&name, |_| {
        let data = json!([{"b64_json": BASE64.encode(&png()), "revised_prompt": "a quiet lake"}]);
        Reply::json(200, &json!({"created": 1, "data": data}))
    });
    let draw = |name: &str, prompt: &str| {
        house.gateway.post("/v1/images/generations").json(&json!({"model": name, "prompt": prompt})).send()
    };
    let answer = draw(&name, "a lake");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let file = BASE64.decode(answer.json()["data"][0]["b64_json"].as_str().unwrap().as_bytes()).unwrap();
    assert_aigc(&label_of(&file), &answer);
    assert_eq!(answer.json()["data"][0]["revised_prompt"], "a quiet lake");
    assert_eq!(draw(&name, crate::support::BANNED).code(), "content_policy_violation", "prompts are inspected");

    let remote = fresh("remote");
    house.model.on(&remote, |_| Reply::json(200, &json!({"data": [{"url": "http://example.test/a.png"}]})));
    let answer = draw(&remote, "a lake");
    assert_error(Api::Chat, &answer, 502, "cannot_label");
    assert!(!answer.text().contains("example.test"), "{}", answer.text());

    let voice = fresh("voice");
    house.model.on(&voice, |asked| {
        if asked.json()["response_format"] == "wav" {
            Reply::body(200, "audio/wav", crate::label::wav())
        } else {
            Reply::body(200, "audio/pcm", vec![0; 64])
        }
    });
    let speak = |format: &str| {
        let body = json!({"model": voice, "input": "你好", "voice": "alloy", "response_format": format});
        house.gateway.post("/v1/audio/speech").json(&body).send()
    };
    let answer = speak("wav");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("audio/wav")), "{}", answer.text());
    assert_aigc(&label_of(&answer.body), &answer);
    assert_error(Api::Chat, &speak("pcm"), 502, "cannot_label");
}

#[test]
fn files_that_cannot_be_labelled_pass_where_the_operator_says_so_and_are_recorded() {
    let house = labelling("unlabelled_files = \"pass\"");
    let name = fresh("remote");
    house.model.on(&name, |_| Reply::json(200, &json!({"data": [{"url": "http://example.test/a.png"}]})));
    let body = json!({"model": name, "prompt": "a lake"});
    let answer = house.gateway.post("/v1/images/generations").json(&body).send();
    assert_eq!(answer.json()["data"][0]["url"], "http://example.test/a.png");
    let record = house.record(&answer);
    let unchecked = record["verdict"]["unchecked"].as_array().unwrap();
    assert!(unchecked.iter().any(|u| u["label"] == "none"), "{record}");
}

#[test]
fn a_label_that_could_not_be_written_is_refused_at_the_start() {
    for (settings, says) in [
        ("[label]\nproducer = \"001191110102MACQD9K65010000\"", "label.producer"),
        ("[label]\nproducer = \"某公司\"", "label.producer"),
        ("[label]\nexplicit = \"end\"", "label.producer"),
        ("[label]\nproducer = \"acme\"\nsigning_key = \"missing.pem\"", "label.signing_key"),
    ] {
        let model = Upstream::start();
        let dir = tempfile::TempDir::new().unwrap();
        let launcher = probe().upstream(&model.url()).settings(settings);
        let ran = launcher.run_in(dir.path(), &["serve", "--listen", "127.0.0.1:0"], b"");
        assert!(ran.code != 0 && ran.err.contains(says), "{settings}: {} {}", ran.code, ran.err);
    }
}
