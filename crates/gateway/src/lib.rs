//! The door: a guardrail gateway in front of an OpenAI-compatible model.
//!
//! A request is read by its API's [`family`], judged and decided on by the [`guard`], forwarded to an [`upstream`], and
//! what comes back is held back ([`hold_back`]) until it has been checked. [`exchange`] is that walk from front to back;
//! read it first. [`api`] holds the checking APIs: ours, and those of others, so that they call us without new code.
//!
//! This is the only room (with the console) that knows HTTP servers. It holds no rule: what is found is `detect`'s
//! work, what is done about it is `policy`'s, and what is kept is `store`'s.
//!
//! ```no_run
//! use menshen_gateway::{Config, Gateway, Snapshot};
//! # async fn run(store: menshen_store::Store) -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::default();
//! let snapshot = Snapshot::load(&config);
//! let gateway = Gateway::new(config, snapshot, store, None)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8787").await?;
//! gateway.serve(listener, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod auth;
pub mod behaviour;
pub mod cases;
pub mod config;
mod error;
pub mod exchange;
pub mod family;
mod gateway;
pub mod guard;
pub mod hold_back;
pub mod incidents;
pub mod label;
pub mod limits;
pub mod metrics;
pub mod notify;
pub mod relay;
pub mod shadow;
pub mod sign_on;
pub mod sse;
pub mod tiers;
pub mod traces;
pub mod upstream;
mod witness;
mod workbench;

pub use config::Config;
pub use error::{Blame, Failure, GatewayError};
pub use gateway::{ACTOR, Annex, Gateway, Governed};
pub use guard::{Guard, Note, Published, Ruling, Snapshot};
pub use witness::{Testimony, Witness};
pub use workbench::in_force;

/// Chooses the one TLS provider of the program. Calling it again changes nothing.
pub fn install_crypto() {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
