//! `gatebench mock` is a model that costs next to nothing and misbehaves on request; `gatebench load` drives a
//! gateway and measures it. Both stay on the loopback interface.
//!
//! The two are one program so that what the load expects and what the mock sends cannot drift apart.

mod args;
mod load;
mod mock;
mod plan;
mod process;
mod serial;
mod shapes;

use std::process::ExitCode;

const USAGE: &str = "\
usage: gatebench mock [--listen 127.0.0.1:8791] [--bytes 10240] [--chunks 100] [--record yes]
       gatebench load --url http://127.0.0.1:PORT/v1/chat/completions --body FILE
                      [--connections 16] [--rate REQUESTS_PER_S] [--seconds 10] [--warmup 2] [--requests N]
                      [--min-bytes 10240] [--key API_KEY] [--pid PID] [--timeout 60]
load runs a closed loop, or with --rate an open one whose latencies count from the time a request was due.
It prints one JSON object. \u{4e1c} six times in the body is overwritten with another number in each request.";

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1);
    let command = given.next().unwrap_or_default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        eprintln!("gatebench: no runtime");
        return ExitCode::from(3);
    };
    let outcome = args::Args::parse(given).and_then(|args| match command.as_str() {
        "mock" => mock::Settings::from(args).map(|s| runtime.block_on(mock::run(s))),
        "load" => load::Settings::from(args).map(|s| runtime.block_on(load::run(s))),
        _ => Err(USAGE.into()),
    });
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(e)) => {
            eprintln!("gatebench: {e}");
            ExitCode::from(3)
        }
        Err(usage) => {
            eprintln!("{usage}");
            ExitCode::from(2)
        }
    }
}
