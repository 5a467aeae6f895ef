//! The built binary, started in a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Answer, Api, Call, PATIENCE};

/// What a command of the binary printed and how it ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Standard output as one JSON document.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Standard output as JSON Lines.
    ///
    /// # Panics
    /// When it is not.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}

/// How the binary is to be started: which packs, which settings.
#[derive(Debug, Clone)]
pub struct Launcher {
    binary: PathBuf,
    packs: Vec<String>,
    folders: Vec<PathBuf>,
    upstreams: Vec<String>,
    settings: String,
    env: Vec<(String, String)>,
    leashed: bool,
}

impl Launcher {
    /// The binary at this path (`env!("CARGO_BIN_EXE_menshen")`), with its built-in packs.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Launcher {
            binary: binary.into(),
            packs: vec!["base".to_owned(), "cn".to_owned()],
            folders: Vec::new(),
            upstreams: Vec::new(),
            settings: String::new(),
            env: Vec::new(),
            leashed: false,
        }
    }

    /// Enables these packs only.
    #[must_use]
    pub fn packs(mut self, ids: &[&str]) -> Self {
        self.packs = ids.iter().map(|id| (*id).to_owned()).collect();
        self
    }

    /// Adds a folder of packs.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Adds an upstream by its base URL.
    #[must_use]
    pub fn upstream(self, url: &str) -> Self {
        self.upstream_with(url, "")
    }

    /// Adds an upstream with further lines of its `[[upstream]]` table.
    #[must_use]
    pub fn upstream_with(mut self, url: &str, more: &str) -> Self {
        self.upstreams.push(format!("[[upstream]]\nurl = \"{url}\"\n{more}\n"));
        self
    }

    /// Adds tables to `menshen.toml`.
    #[must_use]
    pub fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self.settings.push('\n');
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Ends the gateway with the test program, however that ends: for one that is kept in a static, which nobody drops.
    /// Its folder goes with it.
    #[must_use]
    pub const fn leashed(mut self) -> Self {
        self.leashed = true;
        self
    }

    fn serve(&self, dir: &Path) -> Command {
        if !self.leashed {
            let mut command = self.command(dir);
            command.arg("serve").stdin(Stdio::null());
            return command;
        }
        // Standard input closes when the test program is gone.
        let script = "\"$0\" serve & gateway=$!; cat > /dev/null; kill -9 $gateway; rm -rf \"$1\"";
        let mut command = self.prepared(Command::new("sh"), dir);
        command.arg("-c").arg(script).arg(&self.binary).arg(dir).stdin(Stdio::piped());
        command
    }

    fn command(&self, dir: &Path) -> Command {
        self.prepared(Command::new(&self.binary), dir)
    }

    fn prepared(&self, mut command: Command, dir: &Path) -> Command {
        command.current_dir(dir);
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("MENSHEN_")) {
            command.env_remove(name);
        }
        command.envs(self.env.iter().cloned());
        command
    }

    fn write_config(&self, dir: &Path) {
        let mut toml = format!("listen = \"127.0.0.1:0\"\ndata_dir = \"data\"\npacks = {:?}\n", self.packs);
        toml.push_str(&format!("pack_folders = {:?}\n", self.folders));
        for upstream in &self.upstreams {
            toml.push_str(upstream);
        }
        toml.push_str(&self.settings);
        std::fs::write(dir.join("menshen.toml"), toml).unwrap();
    }

    /// Runs one of the binary's other commands in a folder of its own, with `input` on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        let dir = TempDir::new().unwrap();
        self.run_in(dir.path(), args, input)
    }

    /// The same in a given folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run_in(&self, dir: &Path, args: &[&str], input: &[u8]) -> Ran {
        if !dir.join("menshen.toml").exists() {
            self.write_config(dir);
        }
        run(self.command(dir).args(args), input)
    }

    /// Starts the gateway and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready; the message holds what it printed.
    pub fn start(self) -> Gateway {
        let dir = TempDir::new().unwrap();
        self.write_config(dir.path());
        Gateway::launch(self, dir)
    }
}

fn run(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that does not read its input closes the pipe: no failure of the test.
    let writer = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

type Log = Arc<Mutex<String>>;

/// Collects what comes down a pipe, and passes each line on.
fn collect(pipe: impl Read + Send + 'static, log: &Log) -> Receiver<String> {
    let (sender, receiver) = channel();
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log.lock().unwrap().push_str(&format!("{line}\n"));
            drop(sender.send(line));
        }
    });
    receiver
}

/// A running gateway. It is killed when this is dropped.
pub struct Gateway {
    launcher: Launcher,
    dir: TempDir,
    child: Child,
    address: SocketAddr,
    out: Log,
    err: Log,
}

impl Gateway {
    fn launch(launcher: Launcher, dir: TempDir) -> Gateway {
        let mut command = launcher.serve(dir.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (Log::default(), Log::default());
        let lines = collect(child.stdout.take().unwrap(), &out);
        drop(collect(child.stderr.take().unwrap(), &err));
        let begun = Instant::now();
        let address = loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(address) = line.split("http://").nth(1).and_then(|a| a.trim().parse().ok()) {
                        break address;
                    }
                }
                Err(_) => panic!("the gateway did not start: {:?}\n{}", child.try_wait(), err.lock().unwrap()),
            }
        };
        let gateway = Gateway { launcher, dir, child, address, out, err };
        let ready = gateway.get("/readyz").send();
        assert_eq!(ready.status, 200, "not ready: {}\n{}", ready.text(), gateway.log());
        gateway
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder: `menshen.toml` and `data/`.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A `GET` to it.
    pub fn get(&self, path: &str) -> Call {
        Call::get(self.address, path)
    }

    /// A `POST` to it.
    pub fn post(&self, path: &str) -> Call {
        Call::post(self.address, path)
    }

    /// Asks the model behind it.
    pub fn ask(&self, api: Api, model: &str, text: &str) -> Answer {
        self.post(api.path()).json(&api.ask(model, text)).send()
    }

    /// Asks the model behind it for a stream.
    pub fn stream(&self, api: Api, model: &str, text: &str) -> Answer {
        self.post(api.path()).json(&api.ask_stream(model, text)).send()
    }

    /// What it wrote to standard error.
    ///
    /// # Panics
    /// When the reader of its output did.
    pub fn log(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// What it printed.
    ///
    /// # Panics
    /// When the reader of its output did.
    pub fn printed(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    /// Runs one of the binary's other commands in its folder.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.launcher.run_in(self.dir(), args, b"")
    }

    /// The audit as `menshen audit export --decrypt` writes it.
    ///
    /// # Panics
    /// When it cannot be exported.
    pub fn audit(&self) -> Vec<Value> {
        let ran = self.run(&["audit", "export", "--decrypt"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.lines()
    }

    /// The audit's record of a request.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub fn record(&self, id: &str) -> Value {
        let mut found: Vec<Value> = self.audit().into_iter().filter(|r| r["request_id"] == id).collect();
        assert_eq!(found.len(), 1, "records of {id}: {found:?}");
        found.remove(0)
    }

    /// Still alive, answering, and no thread of it has panicked.
    ///
    /// # Panics
    /// When it is not so.
    pub fn assert_calm(&self) {
        assert_eq!(self.get("/healthz").send().status, 200);
        let log = self.log();
        assert!(!log.contains("panic"), "{log}");
    }

    /// Its resident memory in bytes, as Linux counts it; `None` elsewhere.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    }

    /// Asks it to end (SIGTERM).
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end and gives the exit code; -1 when a signal ended it.
    ///
    /// # Panics
    /// When the program's state cannot be read.
    pub fn wait(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// `kill -9`, then the same folder under a new process.
    ///
    /// # Panics
    /// When it does not start again.
    #[must_use]
    pub fn kill_and_restart(self) -> Gateway {
        let (launcher, dir) = self.kill();
        Gateway::launch(launcher, dir)
    }

    /// `kill -9` now; the folder stays.
    ///
    /// # Panics
    /// When the program cannot be waited for.
    pub fn kill(self) -> (Launcher, TempDir) {
        let mut this = self;
        this.kill_now();
        let launcher = this.launcher.clone();
        let dir = std::mem::replace(&mut this.dir, TempDir::new().unwrap());
        (launcher, dir)
    }

    /// `kill -9` now.
    ///
    /// # Panics
    /// When the program cannot be waited for.
    pub fn kill_now(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // A leash ends what it holds when its standard input closes.
        if self.child.stdin.take().is_none() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}
