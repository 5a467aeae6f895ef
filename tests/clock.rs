//! The clock is set while the program runs, a day forth and a day back: nobody is locked out for a day, no session lives
//! for ever, limits hold, and the record stays whole.
//!
//! The program reads the time through the C library. A few lines of C stand before it in the program's process and add what
//! a file says; where they cannot be built or put there, the tests say so and end.

use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use menshen_testkit::{Api, Launcher, Saying};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::{Browser, first_owner};
use crate::support::{ADMIN, DECLINED, House, fresh, menshen, packs};

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    int done = syscall(SYS_clock_gettime, id, at);
    const char *path = getenv("CLOCK_FILE");
    if (done == 0 && path && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        char text[32] = {0};
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            if (read(file, text, sizeof text - 1) > 0) at->tv_sec += atoll(text);
            close(file);
        }
    }
    return done;
}
"#;

const DAY: i64 = 86_400;

/// A clock of a gateway's own.
pub struct Clock {
    dir: TempDir,
    offset_s: AtomicI64,
}

impl Clock {
    /// None where it cannot be made.
    pub fn make() -> Option<Self> {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            return None;
        }
        let dir = TempDir::new().unwrap();
        let (source, library) = (dir.path().join("clock.c"), dir.path().join("clock.so"));
        std::fs::write(&source, SHIM).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
        built.is_ok_and(|o| o.status.success()).then_some(())?;
        let clock = Clock { dir, offset_s: AtomicI64::new(0) };
        clock.set(DAY * 400);
        let told = Command::new("date").arg("+%s").envs(clock.env()).output().ok()?;
        let told: i64 = String::from_utf8_lossy(&told.stdout).trim().parse().ok()?;
        let works = told - clock.now_s() < 3_600 && clock.now_s() - told < 3_600;
        clock.set(0);
        works.then_some(clock)
    }

    fn env(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        [("LD_PRELOAD", path("clock.so")), ("CLOCK_FILE", path("offset"))]
    }

    /// Makes a gateway go by it.
    pub fn leads(&self, launcher: Launcher) -> Launcher {
        self.env().iter().fold(launcher, |launcher, (name, value)| launcher.env(name, value))
    }

    /// Its time, in seconds since 1970 UTC.
    pub fn now_s(&self) -> i64 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_secs()).unwrap() + self.offset_s.load(Ordering::SeqCst)
    }

    /// Sets it so far from the true time.
    pub fn set(&self, offset_s: i64) {
        self.offset_s.store(offset_s, Ordering::SeqCst);
        let part = self.dir.path().join("part");
        std::fs::write(&part, offset_s.to_string()).unwrap();
        std::fs::rename(part, self.dir.path().join("offset")).unwrap();
    }

    /// Sets it forth by so much, or back.
    pub fn set_forward(&self, by_s: i64) {
        self.set(self.offset_s.load(Ordering::SeqCst) + by_s);
    }

    /// Sets it forth to this time of a day in Beijing.
    pub fn at_hour_of_beijing(&self, hour: i64, minute: i64) {
        let of_day = (self.now_s() + 8 * 3_600).rem_euclid(DAY);
        self.set_forward((hour * 3_600 + minute * 60 - of_day).rem_euclid(DAY));
    }
}

struct Set {
    house: House,
    clock: Clock,
    key: String,
}

/// A gateway that needs keys, with one whose tokens a minute are few.
fn house() -> Option<Set> {
    let clock = Clock::make()?;
    let launcher = menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN);
    let settings = "[auth]\nmode = \"keys\"\n[limits]\nstrikes_in_a_row = 0\nstrikes_per_day = 0\n";
    let house = House::start(clock.leads(launcher.settings(settings)));
    // Noon, so that a minute or an hour more is the same day.
    clock.at_hour_of_beijing(12, 0);
    let body = json!({"name": "k", "app": "shop", "scopes": ["infer"], "tokens_per_minute": 10});
    let made = house.gateway.post("/admin/keys").key(ADMIN).json(&body).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let key = made.json()["key"].as_str().unwrap().to_owned();
    Some(Set { house, clock, key })
}

impl Set {
    fn ask(&self, user: &str, text: &str) -> menshen_testkit::Answer {
        let model = fresh("clock");
        self.house.model.says(&model, Saying::text("好"));
        let mut body = Api::Chat.ask(&model, text);
        body["user"] = json!(user);
        self.house.gateway.post(Api::Chat.path()).key(&self.key).json(&body).send()
    }

    /// The record is in order of place, whatever the times say.
    fn assert_whole(&self) {
        let verified = self.house.gateway.run(&["audit", "verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let audit = self.house.gateway.audit();
        let places: Vec<u64> = audit.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
        assert!(places.windows(2).all(|w| w[0] + 1 == w[1]), "{places:?}");
        let times: Vec<&str> = audit.iter().filter_map(|r| r["at"].as_str()).collect();
        assert!(times.windows(2).any(|w| w[0] > w[1]), "the clock was never set back: {times:?}");
        self.house.gateway.assert_calm();
    }
}

#[test]
fn token_limits_outlive_no_clock_that_was_set_back() {
    let Some(set) = house() else { return eprintln!("skipped: no clock can be set here") };
    // An answer costs seven tokens of ten a minute.
    let used_up = || {
        let begun = std::time::Instant::now();
        while set.ask("ann", "你好").status == 200 {
            assert!(begun.elapsed().as_secs() < 90, "the minute's tokens are never used up");
        }
    };
    used_up();
    set.clock.set_forward(DAY);
    assert_eq!(set.ask("ann", "你好").status, 200, "another minute");
    used_up();
    set.clock.set_forward(-DAY);
    // The minute in which that is noticed, and the next as far as it slides: then it is over.
    set.ask("ann", "你好");
    set.clock.set_forward(180);
    let answer = set.ask("ann", "你好");
    assert_eq!(answer.status, 200, "locked out until the clock is where it was: {}", answer.text());
    set.assert_whole();
    let overview = set.house.gateway.get("/admin/overview?bucket=minute").key(ADMIN).send();
    assert_eq!(overview.status, 200, "{}", overview.text());
    assert!(overview.json()["requests"].as_u64().unwrap() >= 3, "{}", overview.text());
}

#[test]
fn sessions_and_waiting_times_follow_a_clock_that_is_set() {
    let Some(set) = house() else { return eprintln!("skipped: no clock can be set here") };
    let gateway = &set.house.gateway;
    let owner = first_owner(gateway);
    let reads = |browser: &Browser| browser.call(gateway, "GET", "/admin/people").send().status;
    assert_eq!(reads(&owner), 200);
    set.clock.set_forward(DAY);
    assert_eq!(reads(&owner), 401, "half a day is the most");
    let right = json!({"name": "wei", "password": "tall trees at dusk"});
    let (one, said) = Browser::sign_in(gateway, &right);
    assert_eq!(said.status, 200, "{}", said.text());
    // Somebody guesses until they have to wait.
    let wrong = json!({"name": "li", "password": "not the password"});
    let guess = || Browser::sign_in(gateway, &wrong).1;
    for _ in 0..8 {
        guess();
    }
    assert_eq!(guess().status, 429);

    set.clock.set_forward(-DAY);
    assert_eq!(reads(&one), 200, "everybody has to sign in again");
    let wait = guess();
    if wait.status == 429 {
        let seconds: i64 = wait.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds <= 900, "{seconds}");
        set.clock.set_forward(seconds + 1);
    }
    assert_eq!(guess().status, 401, "still waiting, and until the clock is where it was");
    // An hour without a request ends it, as it would have.
    set.clock.set_forward(3_700);
    assert_eq!(reads(&one), 401, "an idle session lives until the clock is where it was");
    let (two, _) = Browser::sign_in(gateway, &right);
    assert_eq!(reads(&two), 200);
    set.assert_whole();
}

#[test]
fn behaviour_is_counted_on_whatever_the_clock_says() {
    let Some(set) = house() else { return eprintln!("skipped: no clock can be set here") };
    let notice = |user: &str| set.ask(user, DECLINED).header("x-menshen-notice").map(str::to_owned);
    // What comes before and after the clock is set belongs together: it is minutes, not a day.
    assert_eq!(notice("ann"), None);
    set.clock.set_forward(DAY);
    assert_eq!(notice("ann").as_deref(), Some("warn"), "a day ahead wiped out what was counted");
    assert_eq!(notice("bob"), None);
    set.clock.set_forward(-DAY);
    assert_eq!(notice("bob").as_deref(), Some("warn"), "nothing counts until the clock is where it was");
    let subject = "/admin/behaviour/subject?app=shop&kind=user&subject=bob";
    let page: Value = set.house.gateway.get(subject).key(ADMIN).send().json();
    let hours = page["standing"]["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24, "{page}");
    set.assert_whole();
}
