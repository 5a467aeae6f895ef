//! A folder to distill in, and a teacher whose answers the requests decide.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use menshen_testkit::{Ran, Received, Reply, Saying, Upstream};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{fresh, probe};

pub const KEY: &str = "sk-secret-of-the-teacher-4711";

pub const CONFIG: &str = r#"
topics = "topics.toml"
seeds = "seeds"
evaluation = "seeds/test"
seed = 7
[asking]
retries = 2
backoff_ms = 1
redraws = 1
timeout_ms = 20000
[plan]
per_cell = 3
combinations = 2
examples = 2
[filter]
refusals = ["抱歉"]
[label]
votes = 3
[[cell]]
level = "risky"
intent = "malicious"
task = { zh = "恶意请求" }
[[cell]]
level = "none"
intent = "help"
task = { zh = "相似而无害" }
[[attribute]]
name = "scene"
values = [{ id = "校园", zh = "在校园" }, { id = "职场", zh = "在职场" }]
[prompt.zh]
system = "标注员"
user = "{risk_id} {task} {scene} {count} 例：{examples}"
"#;

/// A folder with a configuration, topics and seeds, and a work folder in it.
pub struct Bench {
    pub dir: TempDir,
    pub teacher: Upstream,
    pub model: String,
}

impl Bench {
    pub fn new() -> Bench {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, body: &str| std::fs::write(dir.path().join(name), body).unwrap();
        std::fs::create_dir_all(dir.path().join("seeds/test")).unwrap();
        write("distill.toml", CONFIG);
        write("topics.toml", "version = \"1\"\n[[topic]]\nid = \"health\"\n[[topic]]\nid = \"life\"\n");
        write("seeds/own.seeds", "@ lang=zh risk=A1h level=risky intent=malicious\n自己写的例子\n");
        write("seeds/test/held.seeds", "@ lang=zh risk=none level=none intent=help\n只用来评测的句子绝不外传\n");
        Bench { dir, teacher: Upstream::start(), model: fresh("teacher") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn lines(&self, name: &str) -> Vec<Value> {
        self.read(name).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        let args: Vec<&str> = ["judge", "distill"].iter().chain(args).copied().collect();
        probe().env("TEACHER_KEY", KEY).run_in(self.dir.path(), &args, b"")
    }

    /// `distill seeds` for two risks.
    pub fn seeds(&self, work: &str, more: &[&str]) -> Ran {
        let asked = ["--work", work, "--prompts", "distill.toml", "--risk", "A1h,A2e", "--model", &self.model];
        self.run(&[&["seeds"][..], &asked, more].concat())
    }

    pub fn live(&self, work: &str, more: &[&str]) -> Ran {
        let url = self.teacher.url();
        self.seeds(work, &[&["--endpoint", &url, "--key-env", "TEACHER_KEY"][..], more].concat())
    }

    pub fn asked(&self) -> usize {
        self.teacher.received(&self.model).len()
    }
}

/// A number that the request decides.
pub fn number(asked: &Received, salt: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (asked.text(), salt).hash(&mut hasher);
    hasher.finish()
}

/// A sentence of Chinese characters that the request decides.
pub fn sentence(asked: &Received, salt: u64) -> String {
    (0..14)
        .map(|i| char::from_u32(0x4E00 + u32::try_from(number(asked, salt * 100 + i) % 8_000).unwrap()).unwrap())
        .collect()
}

/// A good teacher: two texts and an English one that is refused.
pub fn write_seeds(asked: &Received) -> Reply {
    let texts = json!([sentence(asked, 1), sentence(asked, 2), "an english one"]).to_string();
    Saying::text(&texts).reply(asked)
}
