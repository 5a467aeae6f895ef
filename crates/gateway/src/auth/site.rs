//! The site that a request comes from, as security keys mean it: a host name, and the exact origin of its pages.
//!
//! Browsers let keys answer for a host name over TLS, or for this machine's own; never for an IP address. What a request
//! says of its host is the client's word. That suffices: a key signs what its browser saw, and answers for the host that it was
//! registered at; whoever claims another host gets answers for that one only, which fit no key of ours.

use std::net::IpAddr;

use http::{HeaderMap, Uri, header};
use menshen_store::Site;
use reqwest::Url;

/// The site of a request; none where no security key can answer.
pub(crate) fn site(public_url: Option<&str>, headers: &HeaderMap, uri: &Uri) -> Option<Site> {
    let public = public_url.and_then(of_url);
    let asked = host_of(headers, uri).and_then(of_host);
    // Where the operator says which address it is, no other counts but this machine's own.
    let asked = asked.filter(|site| public_url.is_none() || local(&site.host));
    let mut sites = [public, asked].into_iter().flatten();
    match headers.get(header::ORIGIN) {
        // Browsers say it with whatever is posted: then that one, and no other.
        Some(origin) => {
            let origin = origin.to_str().ok()?;
            let site = sites.find(|site| site.origins.iter().any(|known| known == origin))?;
            Some(Site { host: site.host, origins: vec![origin.to_owned()] })
        }
        None => sites.next(),
    }
}

fn of_url(url: &str) -> Option<Site> {
    let url = Url::parse(url).ok()?;
    let host = url.domain()?.to_owned();
    let careful = url.scheme() == "https" || (url.scheme() == "http" && local(&host));
    careful.then(|| Site { origins: vec![url.origin().ascii_serialization()], host })
}

fn host_of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let mut given = headers.get_all(header::HOST).iter();
    match (given.next(), given.next()) {
        (Some(host), None) => host.to_str().ok(),
        // HTTP/2 has it elsewhere.
        (None, _) => uri.authority().map(http::uri::Authority::as_str),
        // Two hosts are none.
        _ => None,
    }
}

fn of_host(text: &str) -> Option<Site> {
    let text = text.to_ascii_lowercase();
    let (host, port) = text.split_once(':').map_or((text.as_str(), None), |(host, port)| (host, Some(port)));
    if !named(host) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return None;
    }
    let origin = |scheme: &str, usual: &str| match port.filter(|port| *port != usual) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    };
    let mut origins = vec![origin("https", "443")];
    if local(host) {
        origins.push(origin("http", "80"));
    }
    Some(Site { host: host.to_owned(), origins })
}

/// Whether it is a host name, and no address in one of its spellings.
fn named(host: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
    let last = host.rsplit('.').next().unwrap_or_default();
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(plain)
        && host.parse::<IpAddr>().is_err()
        && !last.is_empty()
        && !last.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether it is this machine for every browser, which TLS would add nothing to.
fn local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(public: Option<&str>, host: &str, origin: Option<&str>) -> Option<(String, Vec<String>)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        site(public, &headers, &Uri::from_static("/")).map(|site| (site.host, site.origins))
    }

    fn one(host: &str, origin: &str) -> Option<(String, Vec<String>)> {
        Some((host.to_owned(), vec![origin.to_owned()]))
    }

    #[test]
    fn a_page_is_of_the_host_that_was_asked_over_tls_or_on_this_machine() {
        let own = "http://localhost:8080";
        assert_eq!(asked(None, "localhost:8080", Some(own)), one("localhost", own));
        assert_eq!(asked(None, "LOCALHOST:8080", Some(own)), one("localhost", own));
        let name = "https://menshen.example";
        assert_eq!(asked(None, "menshen.example", Some(name)), one("menshen.example", name));
        assert_eq!(asked(None, "menshen.example:443", Some(name)), one("menshen.example", name));
        assert_eq!(asked(None, "menshen.example", None), one("menshen.example", name));
        assert_eq!(asked(None, "localhost:8080", None).unwrap().1.len(), 2);
        for (host, origin) in [
            ("localhost:8080", "http://localhost:8081"),
            ("localhost:8080", "http://localhost"),
            ("localhost:8080", "null"),
            ("localhost:8080", "http://localhost.evil.example:8080"),
            ("menshen.example", "http://menshen.example"),
            ("menshen.example", "https://evil.example"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("127.1:8080", "http://127.1:8080"),
            ("0x7f.1", "https://0x7f.1"),
            ("menshen.example.", "https://menshen.example."),
            ("menshen_example", "https://menshen_example"),
            ("localhost:80:80", "http://localhost:80:80"),
            ("", ""),
        ] {
            assert_eq!(asked(None, host, Some(origin)), None, "{host} {origin}");
        }
        let mut two = HeaderMap::new();
        two.append(header::HOST, "localhost".parse().unwrap());
        two.append(header::HOST, "menshen.example".parse().unwrap());
        assert_eq!(site(None, &two, &Uri::from_static("/")), None);
        let apart = site(None, &HeaderMap::new(), &Uri::from_static("https://menshen.example/x"));
        assert_eq!(apart.unwrap().host, "menshen.example");
    }

    #[test]
    fn the_operators_address_counts_behind_a_proxy_and_others_do_not() {
        let public = Some("https://menshen.example:8443/");
        let origin = "https://menshen.example:8443";
        for host in ["127.0.0.1:8080", "menshen.example:8443", "inside:8080"] {
            assert_eq!(asked(public, host, Some(origin)), one("menshen.example", origin), "{host}");
        }
        assert_eq!(asked(public, "evil.example", Some("https://evil.example")), None);
        let own = "http://localhost:8080";
        assert_eq!(asked(public, "localhost:8080", Some(own)), one("localhost", own));
        assert_eq!(asked(public, "localhost:8080", None), one("menshen.example", origin));
        for unusable in ["https://10.0.0.1", "http://menshen.example", "not an address"] {
            assert_eq!(asked(Some(unusable), "10.0.0.1", None), None, "{unusable}");
        }
    }
}
