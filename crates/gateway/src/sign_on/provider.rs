//! The provider: its discovery document, its keys, and how it is spoken to.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, IssuerUrl};
use reqwest::Url;
use serde_json::Value;
use tokio::sync::Mutex;

use super::Refusal;

/// A provider has so long for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// And so many bytes.
const MOST_BYTES: usize = 1 << 20;
/// Its document is read again after so long.
const KEPT: Duration = Duration::from_secs(3_600);
/// After a failure it is left alone for so long.
const PAUSE: Duration = Duration::from_secs(3);

/// What is known of the provider.
pub(super) struct Known {
    pub(super) metadata: CoreProviderMetadata,
    /// Whether it takes the client's secret in the `Authorization` header.
    pub(super) takes_basic: bool,
    /// Whether its answers name it (RFC 9207).
    pub(super) names_itself: bool,
    pub(super) end_session: Option<Url>,
}

#[derive(Default)]
struct Kept {
    known: Option<(Arc<Known>, Instant)>,
    failed: Option<(Refusal, Instant)>,
}

pub(super) struct Provider {
    issuer: Url,
    name: String,
    local: bool,
    http: Http,
    kept: Mutex<Kept>,
}

/// Over TLS, or on this machine where that is allowed.
pub(super) fn careful(url: &Url, local: bool) -> bool {
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let plain = url.username().is_empty() && url.password().is_none() && url.host_str().is_some();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && local && here))
}

/// A short text for logs, of what somebody else wrote.
pub(super) fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// What went wrong on the way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Trouble(String);

fn unreachable(what: impl std::fmt::Display) -> Refusal {
    Refusal::Unreachable(what.to_string())
}

impl Provider {
    pub(super) fn new(issuer: &str, http: reqwest::Client) -> Result<Self, String> {
        let url = Url::parse(issuer).map_err(|e| format!("console.oidc.issuer {issuer:?} is not a URL: {e}"))?;
        if !careful(&url, true) || url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "console.oidc.issuer {issuer:?} must begin with https:// and have no query or fragment"
            ));
        }
        let local = url.scheme() == "http";
        Ok(Provider { issuer: url, name: issuer.to_owned(), local, http: Http(http), kept: Mutex::default() })
    }

    /// What is known; asked for when it is not, or when it is old.
    pub(super) async fn known(&self) -> Result<Arc<Known>, Refusal> {
        let mut kept = self.kept.lock().await;
        if let Some((known, read)) = &kept.known
            && read.elapsed() < KEPT
        {
            return Ok(Arc::clone(known));
        }
        self.read(&mut kept).await
    }

    /// The same, read now: for keys that changed.
    pub(super) async fn renewed(&self) -> Result<Arc<Known>, Refusal> {
        let mut kept = self.kept.lock().await;
        self.read(&mut kept).await
    }

    async fn read(&self, kept: &mut Kept) -> Result<Arc<Known>, Refusal> {
        if let Some((why, when)) = &kept.failed
            && when.elapsed() < PAUSE
        {
            return Err(why.clone());
        }
        match self.discover().await {
            Ok(known) => {
                let known = Arc::new(known);
                *kept = Kept { known: Some((Arc::clone(&known), Instant::now())), failed: None };
                Ok(known)
            }
            Err(why) => {
                kept.failed = Some((why.clone(), Instant::now()));
                Err(why)
            }
        }
    }

    async fn discover(&self) -> Result<Known, Refusal> {
        let mut url = self.issuer.clone();
        url.set_path(&format!("{}/.well-known/openid-configuration", self.issuer.path().trim_end_matches('/')));
        let document = self.document(&url).await?;
        let metadata: CoreProviderMetadata =
            serde_json::from_value(document.clone()).map_err(|e| unreachable(format!("{url}: {e}")))?;
        let issuer = IssuerUrl::new(self.name.clone()).map_err(unreachable)?;
        if *metadata.issuer() != issuer {
            let named = bounded(metadata.issuer().as_str());
            return Err(Refusal::Untrue(format!("{url} is the document of another issuer, {named:?}")));
        }
        let end_session = document.get("end_session_endpoint").and_then(Value::as_str).and_then(|u| Url::parse(u).ok());
        let mut addresses = vec![metadata.authorization_endpoint().url(), metadata.jwks_uri().url()];
        addresses.extend(metadata.token_endpoint().map(|u| u.url()));
        addresses.extend(&end_session);
        if let Some(bad) = addresses.into_iter().find(|u| !careful(u, self.local)) {
            return Err(Refusal::Untrue(format!("{url} names {}, which is not https", bounded(bad.as_str()))));
        }
        let keys = self.document(metadata.jwks_uri().url()).await?;
        let keys: CoreJsonWebKeySet =
            serde_json::from_value(keys).map_err(|e| unreachable(format!("the provider's keys: {e}")))?;
        let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let takes = |name: &str| methods.is_some_and(|list| list.iter().any(|m| m == name));
        Ok(Known {
            metadata: metadata.set_jwks(keys),
            // Discovery 1.0 §3: without a list it is this one.
            takes_basic: methods.is_none() || takes("client_secret_basic") || !takes("client_secret_post"),
            names_itself: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            end_session,
        })
    }

    async fn document(&self, url: &Url) -> Result<Value, Refusal> {
        let request = http::Request::get(url.as_str()).header("accept", "application/json").body(Vec::new());
        let answer = self.http.send(request.map_err(unreachable)?).await.map_err(unreachable)?;
        if answer.status() != http::StatusCode::OK {
            return Err(unreachable(format!("{url} answered {}", answer.status())));
        }
        serde_json::from_slice(answer.body()).map_err(|e| unreachable(format!("{url}: {e}")))
    }

    /// How it is spoken to.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }
}

/// Speaks to the provider: redirects are not followed, and answers are bounded.
pub(super) struct Http(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Trouble>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Http {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let (parts, body) = request.into_parts();
        let sent = self
            .0
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .timeout(TIMEOUT)
            .body(body)
            .send()
            .await;
        let trouble = |e: reqwest::Error| {
            let what = if e.is_timeout() { "no answer in time" } else { "no connection or a broken one" };
            tracing::debug!(error = %e.without_url(), "the provider for signing on");
            Trouble(what.to_owned())
        };
        let mut answer = sent.map_err(trouble)?;
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(trouble)? {
            if bytes.len() + piece.len() > MOST_BYTES {
                return Err(Trouble("the answer is too large".to_owned()));
            }
            bytes.extend_from_slice(&piece);
        }
        let mut response = http::Response::new(bytes);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_spoken_to_over_tls_or_on_this_machine() {
        crate::install_crypto();
        for (url, local, good) in [
            ("https://login.example/a", false, true),
            ("http://127.0.0.1:3000", true, true),
            ("http://127.0.0.1:3000", false, false),
            ("http://login.example", true, false),
            ("https://user@login.example", true, false),
            ("ftp://login.example", true, false),
            ("javascript:alert(1)", true, false),
        ] {
            assert_eq!(careful(&Url::parse(url).unwrap(), local), good, "{url}");
        }
        for bad in
            ["", "login.example", "http://login.example", "https://login.example/?a=b", "https://login.example/#a"]
        {
            assert!(Provider::new(bad, reqwest::Client::default()).is_err(), "{bad}");
        }
    }
}
