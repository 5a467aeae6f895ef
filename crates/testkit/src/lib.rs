//! What the black-box tests stand on: a scripted model, the built binary, and a client that hides nothing.
//!
//! Everything here speaks HTTP/1.1 by hand over blocking sockets, a thread a connection. An HTTP library would refuse
//! to tell the lies that a hostile upstream tells (a wrong length, a body cut in the middle of a chunk) and to send what
//! a hostile client sends, and it would smooth over what really came back. Nothing here waits for a fixed time to be
//! correct: tests meet the program at [`Gate`]s.
//!
//! It never reaches beyond loopback, and no shipped code depends on it.
//!
//! ```
//! use menshen_testkit::{Api, Call, Saying, Upstream};
//!
//! let model = Upstream::start();
//! model.on("parrot", |asked| Saying::text("hello").reply(asked));
//! let answer = Call::post(model.address(), Api::Chat.path()).json(&Api::Chat.ask("parrot", "hi")).send();
//! assert_eq!(answer.said(Api::Chat), "hello");
//! assert_eq!(model.received("parrot").len(), 1);
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests that cannot do its part fails the test on the spot"
)]

mod api;
mod client;
mod gate;
mod gateway;
mod http;
mod upstream;

pub use api::{Api, Saying};
pub use client::{Answer, Call, Frame, Incoming};
pub use gate::Gate;
pub use gateway::{Gateway, Launcher, Ran};
pub use upstream::{Received, Reply, Step, Upstream};

use std::time::Duration;

/// The longest that anything here waits. Reached only when something is broken.
pub const PATIENCE: Duration = Duration::from_secs(30);
