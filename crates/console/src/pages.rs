//! The console's pages, from within the program.
//!
//! Pages carry no data: anybody may have them, and what they show they ask for with the session of whoever is signed in.
//! A name is looked up in the list of what was built in and leads nowhere else. Stored attack prompts are shown here, so
//! that the policy lets nothing run that the program did not bring along.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use data_encoding::BASE64URL_NOPAD;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Where the pages begin.
const ROOT: &str = "/console";
/// Stands in the page where the nonce of the answer comes.
const NONCE: &str = "__CSP_NONCE__";
const INDEX: &str = "index.html";
const ABSENT: &str = include_str!("pages/absent.html");

/// The pages: `/console` and everything below it.
pub fn router() -> Router {
    let page = |uri: Uri| async move { answer(FILES, uri.path()) };
    Router::new().route(ROOT, get(page)).route("/console/", get(page)).route("/console/{*path}", get(page))
}

/// Whether the pages are built in.
pub fn built_in() -> bool {
    file(FILES, INDEX).is_some()
}

type Files = [(&'static str, &'static [u8])];

fn file(files: &Files, name: &str) -> Option<&'static [u8]> {
    files.binary_search_by(|(known, _)| (*known).cmp(name)).ok().and_then(|at| files.get(at)).map(|(_, bytes)| *bytes)
}

/// The answer to a path. It is compared as it was sent: what is written with `%2e` or `..` is the name of no file.
fn answer(files: &Files, path: &str) -> Response {
    let name = path.strip_prefix(ROOT).unwrap_or_default().trim_start_matches('/');
    if name != INDEX
        && let Some(bytes) = file(files, name)
    {
        return of_file(name, bytes);
    }
    // Views of the app have addresses of their own; what looks like a file, or like the API, is none of them.
    let last = name.rsplit('/').next().unwrap_or_default();
    if name != INDEX && (last.contains('.') || name.starts_with("assets/") || name.starts_with("api/") || name == "api")
    {
        return missing();
    }
    page(file(files, INDEX))
}

fn page(index: Option<&'static [u8]>) -> Response {
    let mut random = [0_u8; 16];
    if getrandom::fill(&mut random).is_err() {
        let mut response = missing();
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return response;
    }
    let nonce = BASE64URL_NOPAD.encode(&random);
    let text = index.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or(ABSENT).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // It names the files of one build, and its nonce is good for one answer.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    careful(response)
}

fn of_file(name: &str, bytes: &'static [u8]) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    // The bundler names assets by their content: under one name there is never anything else.
    let cached = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    // A picture that is opened by itself runs nothing either.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    if media_type(name) == "image/svg+xml" {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    careful(response)
}

fn missing() -> Response {
    let body = r#"{"error":{"type":"not_found","code":"not_found","message":"there is no such page","param":null}}"#;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    careful(response)
}

fn careful(mut response: Response) -> Response {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("woff") => "font/woff",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &Files = &[
        ("assets/app-1a2b.js", b"js"),
        ("assets/app-1a2b.css", b"css"),
        ("favicon.svg", b"<svg/>"),
        ("index.html", b"<script nonce=\"__CSP_NONCE__\"></script><meta content=\"__CSP_NONCE__\">"),
    ];

    fn some() -> Vec<(&'static str, &'static [u8])> {
        let mut files = SOME.to_vec();
        files.sort_unstable();
        files
    }

    fn header_of(response: &Response, name: &str) -> String {
        response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }

    async fn text(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn every_page_has_a_nonce_of_its_own_and_nothing_inline_without_it() {
        let mut seen = Vec::new();
        for path in ["/console", "/console/", "/console/index.html", "/console/records/0192-ab"] {
            let response = answer(&some(), path);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let policy = header_of(&response, "content-security-policy");
            let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
            assert!(nonce.len() >= 20 && !seen.contains(&nonce), "{policy}");
            assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(header_of(&response, "cache-control"), "no-store");
            assert_eq!(header_of(&response, "referrer-policy"), "no-referrer");
            assert_eq!(header_of(&response, "cross-origin-opener-policy"), "same-origin");
            let text = text(response).await;
            assert_eq!(text.matches(&nonce).count(), 2, "{text}");
            assert!(!text.contains(NONCE));
            seen.push(nonce);
        }
    }

    #[tokio::test]
    async fn assets_are_kept_for_a_year_and_have_their_types() {
        for (path, kind, cached) in [
            ("/console/assets/app-1a2b.js", "text/javascript; charset=utf-8", true),
            ("/console/assets/app-1a2b.css", "text/css; charset=utf-8", true),
            ("/console/favicon.svg", "image/svg+xml", false),
        ] {
            let response = answer(&some(), path);
            assert_eq!((response.status(), header_of(&response, "content-type").as_str()), (StatusCode::OK, kind));
            assert_eq!(header_of(&response, "cache-control").contains("31536000"), cached, "{path}");
            assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
        }
    }

    #[tokio::test]
    async fn no_name_leads_outside() {
        for path in [
            "/console/../Cargo.toml",
            "/console/assets/../../../etc/passwd",
            "/console/%2e%2e/%2e%2e/etc/passwd.txt",
            "/console/assets/..%2fapp.js",
            "/console/assets/nothing",
            "/console//etc/passwd.txt",
            "/console/api/nothing",
            "/console/api",
        ] {
            assert_eq!(answer(&some(), path).status(), StatusCode::NOT_FOUND, "{path}");
        }
        // An address of another host is a view that the app does not know, and no redirection.
        for path in ["/console//evil.example/x", "/console/https:/evil/x"] {
            let response = answer(&some(), path);
            assert!(response.headers().get(header::LOCATION).is_none());
            assert_eq!(response.status(), StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn without_pages_it_says_in_both_languages_how_to_get_them() {
        let response = answer(&[], "/console");
        assert!(header_of(&response, "content-security-policy").contains("script-src 'self'"));
        let text = text(response).await;
        assert!(text.matches("make console").count() == 2 && text.contains("Node.js 20") && text.contains("没有"));
        assert!(!text.contains(NONCE));
    }

    #[test]
    fn what_is_built_in_is_in_order() {
        assert!(FILES.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
