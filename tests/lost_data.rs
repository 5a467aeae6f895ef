//! The data folder is lost, damaged or full while the program runs: nothing is answered that cannot be recorded, what was
//! acknowledged is found again, and what is over needs no restart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use menshen_testkit::{Answer, Api, Gate, Gateway, Launcher, Saying};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{BANNED, House, assert_error, fresh, menshen, packs, probe};

/// Polls until it holds. The limit is for what is broken, not for what is slow.
pub fn until(what: &str, gateway: &Gateway, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(90), "never: {what}\n{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_ready(gateway: &Gateway) -> bool {
    gateway.get("/readyz").send().status == 200
}

/// An outage, told as one: no model was asked, and nothing is said of a policy.
fn assert_outage(api: Api, answer: &Answer) {
    if answer.header("content-type") == Some("application/json") {
        assert_error(api, answer, 503, "audit_unavailable");
    }
    assert_eq!((answer.status, answer.header("x-menshen-outcome")), (503, Some("unavailable")), "{}", answer.text());
    assert_eq!(answer.header("x-menshen-disposition"), None, "an outage is told as a policy hit");
    assert!(answer.header("retry-after").is_some());
}

fn allowed(house: &House, ids: &mut Vec<String>) {
    let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "你也好。");
    assert_eq!((answer.status, seen.len()), (200, 1), "{}\n{}", answer.text(), house.gateway.log());
    ids.push(answer.id().to_owned());
}

fn nothing_passes(house: &House) {
    for api in Api::ALL {
        for (stream, text) in [(false, "你好"), (true, "你好"), (false, BANNED)] {
            let mut body = api.ask("", text);
            body["stream"] = json!(stream);
            let (answer, seen) = house.exchange(api, &body, "不应出现");
            assert_outage(api, &answer);
            assert!(seen.is_empty(), "{api:?}: a model was asked what cannot be recorded");
            assert!(!answer.text().contains("不应出现"), "{}", answer.text());
        }
    }
    let checked = house.gateway.post("/v1/guard").json(&json!({"text": BANNED})).send();
    assert_eq!((checked.status, checked.code().as_str()), (503, "audit_unavailable"), "{}", checked.text());
    let ready = house.gateway.get("/readyz").send();
    assert_eq!((ready.status, ready.json()["checks"]["store"] != "ok"), (503, true), "{}", ready.text());
    assert_eq!(house.gateway.get("/healthz").send().status, 200, "a restart would not help");
}

/// Everything acknowledged is recorded once, and the chain is whole.
fn assert_kept(gateway: &Gateway, ids: &[String]) {
    let verified = gateway.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let audit = gateway.audit();
    for id in ids {
        assert_eq!(audit.iter().filter(|r| r["request_id"] == id.as_str()).count(), 1, "{id}");
    }
}

#[test]
fn a_data_folder_that_is_moved_away_stops_everything_and_goes_on_when_it_is_back() {
    let mut house = House::start(probe());
    let mut ids = Vec::new();
    allowed(&house, &mut ids);
    let (data, moved) = (house.gateway.dir().join("data"), house.gateway.dir().join("moved"));
    let (here, on, name) = (Gate::new(), Gate::new(), fresh("under-way"));
    house.model.says(&name, Saying::text("从前有座山。").pausing(2, &here, &on));
    let stream = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "讲故事")).open();
    here.wait();
    std::fs::rename(&data, &moved).unwrap();
    // Nobody has to be refused for it to be known.
    until("it is not ready", &house.gateway, || !is_ready(&house.gateway));
    nothing_passes(&house);
    // A stream that was under way ends in the failure: nobody takes it for an answer that is recorded.
    on.open();
    let said = stream.rest();
    assert!(said.text().contains("audit_unavailable"), "{}", said.text());
    assert!(house.gateway.log().contains("menshen.db is gone"), "{}", house.gateway.log());
    std::fs::rename(&moved, &data).unwrap();
    until("it is ready", &house.gateway, || is_ready(&house.gateway));
    allowed(&house, &mut ids);
    assert_kept(&house.gateway, &ids);
    house.gateway.assert_calm();
    house.gateway = house.gateway.kill_and_restart();
    allowed(&house, &mut ids);
    assert_kept(&house.gateway, &ids);
}

#[test]
fn an_operator_who_prefers_answers_to_records_gets_them_and_the_log_tells() {
    let house = House::start(probe().settings("[audit]\non_failure = \"open\""));
    let (data, moved) = (house.gateway.dir().join("data"), house.gateway.dir().join("moved"));
    std::fs::rename(&data, &moved).unwrap();
    until("it is not ready", &house.gateway, || !is_ready(&house.gateway));
    allowed(&house, &mut Vec::new());
    assert_eq!(house.exchange(Api::Chat, &Api::Chat.ask("", BANNED), "不应出现").0.code(), "content_policy_violation");
    assert!(house.gateway.log().contains("a record could not be written"));
    std::fs::rename(&moved, &data).unwrap();
}

#[test]
fn a_removed_or_replaced_database_is_never_written_past_and_no_start_makes_a_new_one() {
    let other = House::start(probe());
    for replaced in [false, true] {
        let house = House::start(probe());
        allowed(&house, &mut Vec::new());
        let data = house.gateway.dir().join("data");
        for name in ["menshen.db", "menshen.db-wal", "menshen.db-shm"] {
            std::fs::remove_file(data.join(name)).unwrap();
            if replaced {
                std::fs::copy(other.gateway.dir().join("data").join(name), data.join(name)).unwrap();
            }
        }
        until("it is not ready", &house.gateway, || !is_ready(&house.gateway));
        nothing_passes(&house);
        let (launcher, dir) = house.gateway.kill();
        let begun = launcher.run_in(dir.path(), &["serve"], b"");
        assert_ne!(begun.code, 0, "{begun:?}");
        let told = if replaced { "the key" } else { "menshen restore" };
        assert!(begun.err.contains(told), "{}", begun.err);
        assert_eq!(data.join("menshen.db").exists(), replaced, "an empty database was put in its place");
    }
}

#[test]
fn a_start_on_a_damaged_folder_says_what_to_do() {
    let mut gateway = probe().start();
    gateway.terminate();
    assert_eq!(gateway.wait(), 0);
    let (launcher, dir) = gateway.kill();
    let database = dir.path().join("data/menshen.db");
    let whole = std::fs::read(&database).unwrap();
    let noise: Vec<u8> = (0..whole.len()).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect();
    for (what, bytes) in [("empty", &whole[..0]), ("half", &whole[..whole.len() / 2]), ("noise", &noise)] {
        std::fs::write(&database, bytes).unwrap();
        let begun = launcher.run_in(dir.path(), &["serve"], b"");
        assert_ne!(begun.code, 0, "{what}: {begun:?}");
        assert!(begun.err.contains("menshen.db") && begun.err.contains("menshen restore"), "{what}: {}", begun.err);
        assert_eq!(std::fs::read(&database).unwrap(), bytes, "{what}: what is left was changed");
    }
    std::fs::write(&database, whole).unwrap();
    let verified = launcher.run_in(dir.path(), &["audit", "verify"], b"");
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// The disk fills up, everybody is refused, there is room again, and it goes on.
#[cfg(target_os = "linux")]
fn fills_and_empties(mut house: House, fill: &dyn Fn(&Gateway), free: &dyn Fn(&Gateway)) {
    let mut ids = Vec::new();
    allowed(&house, &mut ids);
    fill(&house.gateway);
    // The log may have room left; the model is asked until the first record fails.
    let begun = Instant::now();
    loop {
        let (answer, _) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "你也好。");
        if answer.status != 200 {
            assert_outage(Api::Chat, &answer);
            assert!(!answer.text().contains("你也好"));
            break;
        }
        ids.push(answer.id().to_owned());
        assert!(begun.elapsed() < Duration::from_secs(90), "the disk is never full");
    }
    nothing_passes(&house);
    free(&house.gateway);
    until("it is ready", &house.gateway, || is_ready(&house.gateway));
    allowed(&house, &mut ids);
    assert_kept(&house.gateway, &ids);
    house.gateway.assert_calm();
    house.gateway.terminate();
    assert_eq!(house.gateway.wait(), 0, "{}", house.gateway.log());
    assert_kept(&house.gateway, &ids);
}

/// Every write beyond the first byte of a file fails, as any user of the system may order for a process of theirs.
#[test]
#[cfg(target_os = "linux")]
fn files_that_may_not_grow_are_an_outage_that_ends_by_itself() {
    use std::os::unix::fs::PermissionsExt as _;
    if Command::new("prlimit").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no prlimit here");
    }
    let dir = TempDir::new().unwrap();
    let wrapper = dir.path().join("menshen");
    // The signal that comes with the failure would end the program; it does so in no shell that ignores it.
    let script = format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_menshen"));
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let limit = |gateway: &Gateway, bytes: &str| {
        let (pid, size) = (gateway.pid().to_string(), format!("--fsize={bytes}:"));
        let done = Command::new("prlimit").args(["--pid", &pid, &size]).status().unwrap();
        assert!(done.success(), "prlimit");
    };
    let house = House::start(Launcher::new(&wrapper).folder(packs()).packs(&["probe"]));
    fills_and_empties(house, &|gateway| limit(gateway, "1"), &|gateway| limit(gateway, "unlimited"));
}

/// A file system of a few megabytes; gone when this is dropped.
#[cfg(target_os = "linux")]
struct Tiny(TempDir);

#[cfg(target_os = "linux")]
impl Tiny {
    fn mount() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "none"]).arg(dir.path()).output();
        done.is_ok_and(|o| o.status.success()).then_some(Tiny(dir))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

#[cfg(target_os = "linux")]
impl Drop for Tiny {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

/// Writes until nothing more fits.
#[cfg(target_os = "linux")]
fn fill_up(file: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(file).unwrap();
    for piece in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![1; piece]).is_ok() {}
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_outage_that_ends_when_there_is_room() {
    let Some(disk) = Tiny::mount() else { return eprintln!("skipped: nothing may be mounted here") };
    let (data, ballast) = (disk.path().join("data"), disk.path().join("ballast"));
    let launcher = menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_DATA_DIR", data.to_str().unwrap());
    fills_and_empties(House::start(launcher), &|_| fill_up(&ballast), &|_| std::fs::remove_file(&ballast).unwrap());
}
