//! The program as its operator lives with it: start, reload, drain, readiness, what it prints.

use std::time::Instant;

use menshen_testkit::{Api, Call, Gate, Gateway, PATIENCE, Saying, Upstream};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{ADMIN, House, fresh, menshen, packs, probe};

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn judged(gateway: &Gateway, text: &str) -> String {
    let report = gateway.post("/v1/guard").json(&json!({"text": text})).send().json();
    report["disposition"].as_str().unwrap().to_owned()
}

#[test]
fn a_changed_pack_folder_is_put_in_force_without_a_restart() {
    let folder = TempDir::new().unwrap();
    copy(&packs(), folder.path());
    let gateway = menshen().folder(folder.path()).packs(&["probe"]).start();
    assert_eq!(judged(&gateway, "说说墨麒麟社"), "pass");
    let words = folder.path().join("probe/keywords/banned.txt");
    let before = std::fs::read_to_string(&words).unwrap();
    std::fs::write(&words, format!("{before}墨麒麟社\n")).unwrap();
    let begun = Instant::now();
    while judged(&gateway, "说说墨麒麟社") != "block" {
        assert!(begun.elapsed() < PATIENCE, "{}", gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(gateway.audit().iter().any(|r| r["event"] == "packs.reload"), "the change is not in the audit");
}

#[test]
fn a_broken_pack_is_refused_with_its_place_and_the_one_in_force_stays() {
    let folder = TempDir::new().unwrap();
    copy(&packs(), folder.path());
    let gateway = menshen().folder(folder.path()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN).start();
    let versions = || gateway.get("/admin/packs").key(ADMIN).send().json()["packs"].clone();
    let before = versions();
    std::fs::write(
        folder.path().join("probe/rules/more.toml"),
        "[[rule]]\nid = \"x\"\nwhen = { risc = [\"A1a\"] }\nthen = \"block\"\n",
    )
    .unwrap();
    let refused = gateway.post("/admin/reload").key(ADMIN).send();
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("more.toml:3:"), "{}", refused.text());
    assert_eq!((judged(&gateway, "说说龙渊会").as_str(), versions()), ("block", before.clone()));
    std::fs::remove_file(folder.path().join("probe/rules/more.toml")).unwrap();
    std::fs::write(folder.path().join("probe/pack.toml"), "id = \"probe\"\nversion = \"8\"\n").unwrap();
    let done = gateway.post("/admin/reload").key(ADMIN).send();
    assert_eq!((done.status, &done.json()["packs"]["probe"]["version"]), (200, &json!("8")), "{}", done.text());
    assert_ne!(versions(), before);
}

#[test]
fn a_request_under_way_finishes_on_the_packs_it_began_with() {
    let folder = TempDir::new().unwrap();
    copy(&packs(), folder.path());
    let house = House::start(menshen().folder(folder.path()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN));
    let (here, on) = (Gate::new(), Gate::new());
    let name = fresh("under-way");
    house.model.says(&name, Saying::text("从前有座山，鸩羽琮在庙里。").pausing(2, &here, &on));
    let incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "讲故事")).open();
    here.wait();
    std::fs::write(folder.path().join("probe/keywords/leak.txt"), "# id: kw.probe.leak\n# colour: black\n别的词\n")
        .unwrap();
    assert_eq!(house.gateway.post("/admin/reload").key(ADMIN).send().status, 200);
    on.open();
    let answer = incoming.rest();
    assert_eq!(Api::Chat.finish(&[], &answer.frames), "content_filter", "{}", answer.text());
    let (answer, _) = house.exchange(Api::Chat, &Api::Chat.ask("", "讲故事"), "鸩羽琮在庙里。");
    assert_eq!(answer.said(Api::Chat), "鸩羽琮在庙里。");
}

#[test]
fn a_stream_finishes_while_the_program_drains_and_no_new_request_is_taken() {
    let mut house = House::start(probe());
    let (here, on) = (Gate::new(), Gate::new());
    let name = fresh("draining");
    house.model.says(&name, Saying::text("从前有座山。").pausing(2, &here, &on));
    let incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "讲故事")).open();
    let id = incoming.header("x-menshen-request-id").unwrap().to_owned();
    here.wait();
    house.gateway.terminate();
    let begun = Instant::now();
    // A new connection is refused, or answered with a 503 that says to try again.
    while let Ok(taken) = Call::post(house.gateway.address(), "/v1/guard").json(&json!({"text": "你好"})).try_open() {
        if taken.status == 503 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "requests are still taken");
    }
    on.open();
    let answer = incoming.rest();
    assert_eq!(answer.said(Api::Chat), "从前有座山。", "{}", answer.text());
    assert!(answer.whole && Api::Chat.ended(&answer.frames));
    assert_eq!(house.gateway.wait(), 0, "{}", house.gateway.log());
    assert_eq!(house.gateway.record(&id)["outcome"], "allowed");
    let verified = house.gateway.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_drain_ends_in_time_whatever_the_model_does() {
    let mut house = House::start(probe().settings("[limits]\ndrain_ms = 300"));
    let (here, never) = (Gate::new(), Gate::new());
    let name = fresh("stuck");
    house.model.says(&name, Saying::text("从前有座山。").pausing(2, &here, &never));
    let incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "讲故事")).open();
    let id = incoming.header("x-menshen-request-id").unwrap().to_owned();
    here.wait();
    let begun = Instant::now();
    house.gateway.terminate();
    assert_eq!(house.gateway.wait(), 0, "{}", house.gateway.log());
    assert!(begun.elapsed().as_secs() < 9, "{:?}", begun.elapsed());
    drop(incoming);
    assert_eq!(house.gateway.record(&id)["request_id"], id.as_str(), "the request left no record");
    never.open();
}

#[test]
fn the_start_lines_say_what_to_open_and_what_to_set() {
    let bare = probe().start();
    let printed = bare.printed();
    for word in ["open", &format!("http://{}", bare.address()), "MENSHEN_UPSTREAM", "admin key", "menshen init"] {
        assert!(printed.contains(word), "{word} is missing:\n{printed}");
    }
    let model = Upstream::start();
    let printed = probe().env("MENSHEN_UPSTREAM", &model.url()).start().printed();
    assert!(printed.contains(&model.url()) && printed.contains("/v1"), "{printed}");
}

#[test]
fn one_environment_variable_puts_it_in_front_of_a_model() {
    let model = Upstream::start();
    let gateway = probe().env("MENSHEN_UPSTREAM", &model.url()).env("MENSHEN_UPSTREAM_KEY", "sk-theirs").start();
    assert_eq!(gateway.ask(Api::Chat, "m", "你好").said(Api::Chat), "好的。");
    assert_eq!(model.received("m")[0].header("authorization"), Some("Bearer sk-theirs"));
}

#[test]
fn a_second_program_on_the_same_folder_is_refused_in_words() {
    let gateway = probe().start();
    let ran = gateway.run(&["serve"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("cannot open the store"), "{}", ran.err);
    gateway.assert_calm();
}

#[test]
fn wrong_settings_are_named_with_their_place() {
    for (toml, said) in [
        ("[limits]\nmax_reqest_bytes = 1", "max_reqest_bytes"),
        ("[guard]\non_unavailable = \"ajar\"", "ajar"),
        ("[[upstream]]\nurl = \"ftp://x\"", "http"),
        ("[[upstream]]\nurl = \"http://x/v1\"\nkey_env = \"NO_SUCH_VARIABLE_HERE\"", "NO_SUCH_VARIABLE_HERE"),
    ] {
        let ran = probe().settings(toml).run(&["serve"], b"");
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
    let ran = menshen().packs(&["nowhere"]).run(&["serve"], b"");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("nowhere"), "{ran:?}");
}

#[test]
fn metrics_count_what_was_done() {
    let house = House::start(probe());
    house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "好");
    house.exchange(Api::Messages, &Api::Messages.ask("", "说说龙渊会"), "好");
    house.gateway.post("/v1/responses").bytes("{").send();
    let text = house.gateway.get("/metrics").send().text();
    for (line, count) in [("allowed", " 1"), ("intervened", " 1"), ("invalid", " 1")] {
        assert!(
            text.lines().any(|l| l.starts_with("menshen_requests") && l.contains(line) && l.ends_with(count)),
            "{line}:\n{text}"
        );
    }
    assert!(!text.contains("龙渊会"));
}

#[test]
fn no_prompt_text_reaches_the_log() {
    let house = House::start(probe().env("MENSHEN_LOG", "debug"));
    for api in Api::ALL {
        house.exchange(api, &api.ask("", "一句只有我知道的话和龙渊会"), "回答里的另一句话");
        house.exchange(api, &api.ask("", "一句只有我知道的话"), "回答里的另一句话和鸩羽琮");
    }
    let log = house.gateway.log();
    for word in ["只有我知道", "另一句话", "龙渊会", "鸩羽琮"] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}
