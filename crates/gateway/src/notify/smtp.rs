//! E-mail.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::Undelivered;
use crate::config::{Channel, SmtpTls};

/// The most people one channel writes to.
const MOST_TO: usize = 50;

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| format!("{text:?} is no e-mail address"))
}

/// Whether a channel can be used for e-mail.
pub(super) fn check(channel: &Channel) -> Result<(), String> {
    let server = channel.server.as_deref().unwrap_or_default();
    if server.is_empty() {
        return Err("it needs a server".to_owned());
    }
    // A password, and what is written, go over a wire that others read.
    if channel.tls == SmtpTls::None && !matches!(server, "127.0.0.1" | "::1" | "localhost") {
        return Err("tls = \"none\" is for a server on loopback only".to_owned());
    }
    mailbox(channel.from.as_deref().unwrap_or_default())?;
    if channel.to.is_empty() || channel.to.len() > MOST_TO {
        return Err(format!("'to' needs 1 to {MOST_TO} addresses"));
    }
    channel.to.iter().try_for_each(|to| mailbox(to).map(drop))
}

pub(super) async fn send(
    channel: &Channel,
    secret: Option<&str>,
    id: &str,
    title: &str,
    text: &str,
    timeout: Duration,
) -> Result<(), Undelivered> {
    let from = mailbox(channel.from.as_deref().unwrap_or_default()).map_err(Undelivered)?;
    let host = from.email.domain().to_owned();
    let subject: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut mail = Message::builder()
        .from(from)
        .subject(subject)
        // The same at every attempt: a reader drops the second.
        .message_id(Some(format!("<{id}@{host}>")))
        .header(ContentType::TEXT_PLAIN);
    for to in &channel.to {
        mail = mail.to(mailbox(to).map_err(Undelivered)?);
    }
    let mail = mail.body(text.to_owned()).map_err(|e| Undelivered(format!("the e-mail cannot be written: {e}")))?;
    let server = channel.server.as_deref().unwrap_or_default();
    let tls = || TlsParameters::new(server.to_owned()).map_err(|_| Undelivered("TLS cannot be set up".to_owned()));
    let (tls, port) = match channel.tls {
        SmtpTls::Starttls => (Tls::Required(tls()?), 587),
        SmtpTls::Tls => (Tls::Wrapper(tls()?), 465),
        SmtpTls::None => (Tls::None, 25),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
        .port(channel.port.unwrap_or(port))
        .tls(tls)
        .timeout(Some(timeout));
    if let (Some(user), Some(secret)) = (&channel.user, secret) {
        transport = transport.credentials(Credentials::new(user.clone(), secret.to_owned()));
    }
    let sent = tokio::time::timeout(timeout, transport.build().send(mail)).await;
    match sent {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => {
            // What a server says may hold anything: its code is enough.
            let told = e.status().map_or_else(
                || "the server cannot be reached, or TLS failed".to_owned(),
                |code| format!("the server refused with {code}"),
            );
            Err(Undelivered(told))
        }
        Err(_) => Err(Undelivered("it took too long".to_owned())),
    }
}
