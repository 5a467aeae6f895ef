//! `smolserve MODEL.gguf [--listen 127.0.0.1:8790] [--parallel 2] [--watermark SPEC.json --watermark-key FILE]`: SmolLM2
//! behind an OpenAI-compatible API.
//!
//! A real model for end-to-end tests that need one: small enough for a laptop's spare core, pure Rust, nothing
//! fetched at run time. It answers `/v1/chat/completions` (streamed and not), `/v1/models` and `/healthz`; with a
//! watermark also `/tokenize` and `/watermark/detect`.
//!
//! What it never does: batch, use a GPU, call tools, or moderate. It is a victim and a protocol partner, not a
//! product; `README.md` says which request members it honors and which it rejects.

mod api;
mod model;
mod serve;
mod watermark;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: smolserve MODEL.gguf [--listen 127.0.0.1:8790] [--parallel 2] \
                     [--watermark SPEC.json --watermark-key FILE]";

/// candle reads this once, at its first matrix product. More than one thread makes its barriers spin against
/// whatever else runs on the machine: on two shared cores, generation falls from 20 tokens a second to one.
const THREADS: &str = "RAYON_NUM_THREADS";

struct Args {
    model: String,
    listen: String,
    parallel: usize,
    watermark: Option<String>,
    watermark_key: Option<String>,
}

fn parse(mut given: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args {
        model: String::new(),
        listen: "127.0.0.1:8790".into(),
        parallel: 2,
        watermark: None,
        watermark_key: None,
    };
    while let Some(arg) = given.next() {
        let mut value = || given.next().ok_or(format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--listen" => args.listen = value()?,
            "--watermark" => args.watermark = Some(value()?),
            "--watermark-key" => args.watermark_key = Some(value()?),
            "--parallel" => {
                args.parallel = value()?
                    .parse()
                    .ok()
                    .filter(|n| (1..=64).contains(n))
                    .ok_or("--parallel must be a number from 1 to 64")?;
            }
            "-h" | "--help" => return Err(USAGE.into()),
            _ if arg.starts_with('-') || !args.model.is_empty() => {
                return Err(format!("unexpected argument {arg}\n{USAGE}"));
            }
            _ => args.model = arg,
        }
    }
    if args.watermark.is_some() != args.watermark_key.is_some() {
        return Err(format!("--watermark and --watermark-key go together\n{USAGE}"));
    }
    if args.model.is_empty() { Err(USAGE.into()) } else { Ok(args) }
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if std::env::var_os(THREADS).is_none() {
        // Setting a variable of a running process is not sound; starting again with it set is.
        let failure = std::env::current_exe()
            .map(|exe| Command::new(exe).args(std::env::args_os().skip(1)).env(THREADS, "1").exec());
        eprintln!("smolserve: cannot start itself with {THREADS}=1: {failure:?}");
        return ExitCode::from(3);
    }
    let mark = match args.watermark.as_ref().zip(args.watermark_key.as_ref()) {
        None => None,
        Some((specification, key)) => match watermark::Watermark::load(specification.as_ref(), key.as_ref()) {
            Ok(mark) => Some(mark),
            Err(e) => {
                eprintln!("smolserve: {e}");
                return ExitCode::from(2);
            }
        },
    };
    let engine = match model::Engine::load(args.model.as_ref(), mark) {
        Ok(engine) => engine,
        Err(e) => {
            eprintln!("smolserve: {}: {e}", args.model);
            return ExitCode::from(3);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    match runtime.map(|rt| rt.block_on(serve::run(engine, &args.listen, args.parallel))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(e)) | Err(e) => {
            eprintln!("smolserve: {}: {e}", args.listen);
            ExitCode::from(3)
        }
    }
}
