use axum::body::{Body, to_bytes};
use axum::http::Method;
use menshen_assess::answer::Answer as Recorded;
use menshen_store::RunRow;
use tower::ServiceExt as _;

use super::*;

const RUN: &str = "run-1";

fn token(name: &str) -> String {
    format!("{name}-0123456789abcdefghij")
}

struct Trial {
    app: Router,
    store: Assessments,
    _dir: tempfile::TempDir,
}

fn items() -> Vec<Item> {
    let item = |key: &str, bank: &str, group: &str| {
        let text = "<script>alert(1)</script>".to_owned();
        let (bank, group) = (bank.to_owned(), group.to_owned());
        Item::from((key, &Recorded { bank, group, asked: format!("问 {key}"), text, ..Recorded::default() }))
    };
    vec![item("generated/G-A1a-001", "generated", "A1a"), item("refuse/R-A2b-001", "refuse", "A2b")]
}

fn reviewers(names: &[&str]) -> Vec<Reviewer> {
    names.iter().map(|name| Reviewer { name: (*name).to_owned(), token: token(name) }).collect()
}

async fn trial() -> Trial {
    let dir = tempfile::tempdir().unwrap();
    let store = Assessments::open(dir.path()).await.unwrap();
    let row = RunRow { id: RUN.into(), created_us: 1, name: "n".into(), state: "s".into(), document: json!({}) };
    store.create(&row, &[]).await.unwrap();
    let desk = Desk {
        store: store.clone(),
        run: RUN.into(),
        items: items(),
        reviewers: reviewers(&["a", "b", "c", "d"]),
        needed: 2,
        address: "127.0.0.1:8787".parse().unwrap(),
        hosts: vec!["review.example.cn".into()],
    };
    Trial { app: router(desk).unwrap(), store, _dir: dir }
}

impl Trial {
    async fn ask(&self, who: &str, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Vec<u8>) {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8787")
            .header(header::AUTHORIZATION, format!("Bearer {}", token(who)));
        let response = self.app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    async fn get(&self, who: &str, path: &str) -> Value {
        let (status, body) = self.ask(who, Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    async fn say(&self, who: &str, key: &str, label: &str, note: &str, task: &str) -> (StatusCode, Value) {
        let body = json!({ "key": key, "label": label, "note": note, "task": task }).to_string();
        let (status, body) = self.ask(who, Method::POST, "/api/decisions", body).await;
        (status, serde_json::from_slice(&body).unwrap())
    }
}

async fn plain(app: &Router, host: &str, path: &str, authorization: &str) -> Response {
    let request = axum::http::Request::builder().uri(path).header(header::HOST, host);
    let request = request.header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_page_carries_no_data_and_may_do_nothing_else() {
    let trial = trial().await;
    let response = plain(&trial.app, "127.0.0.1:8787", "/", "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(body.to_vec()).unwrap();
    assert!(!page.contains("G-A1a-001") && !page.contains(RUN));
    // One script and one style, without anything that the policy would not let through.
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    for forbidden in ["style=\"", "onclick=\"", "innerHTML", "http://", "https://", "eval(", "document.write"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn only_a_token_opens_the_desk_and_only_under_its_names() {
    let trial = trial().await;
    for authorization in ["", "Bearer ", "Bearer nobody-0123456789abcdefghij", &token("a"), "Basic YTph"] {
        for path in ["/api/next", "/api/item?key=x", "/api/mine", "/api/progress", "/api/sheet.xlsx"] {
            let response = plain(&trial.app, "localhost", path, authorization).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} {authorization}");
        }
    }
    let good = format!("Bearer {}", token("a"));
    for (host, ours) in [
        ("localhost:1", true),
        ("127.0.0.1", true),
        ("[::1]:8787", true),
        ("REVIEW.example.cn", true),
        ("evil.example:8787", false),
        ("localhost.evil.example", false),
        ("192.168.1.9:8787", false),
        ("", false),
    ] {
        let status = plain(&trial.app, host, "/api/progress", &good).await.status();
        assert_eq!(status, if ours { StatusCode::OK } else { StatusCode::MISDIRECTED_REQUEST }, "{host}");
    }
}

#[tokio::test]
async fn desks_that_cannot_work_are_refused() {
    let trial = trial().await;
    let desk = |reviewers: Vec<Reviewer>, items: Vec<Item>, needed: usize| Desk {
        store: trial.store.clone(),
        run: RUN.into(),
        items,
        reviewers,
        needed,
        address: "[::]:1".parse().unwrap(),
        hosts: Vec::new(),
    };
    assert!(router(desk(Vec::new(), items(), 2)).is_err());
    assert!(router(desk(reviewers(&["a", " a "]), items(), 2)).is_err());
    assert!(router(desk(vec![Reviewer { name: "a".into(), token: "short".into() }], items(), 2)).is_err());
    assert!(router(desk(reviewers(&["a\u{200b}"]), items(), 2)).is_err());
    assert!(router(desk(reviewers(&["a"]), [items(), items()].concat(), 2)).is_err());
    assert!(router(desk(reviewers(&["a"]), items(), 3)).is_err());
    let app = router(desk(reviewers(&["a"]), items(), 1)).unwrap();
    let good = format!("Bearer {}", token("a"));
    assert_eq!(plain(&app, "192.168.1.9", "/api/next", &good).await.status(), StatusCode::OK, "it listens everywhere");
    assert_eq!(plain(&app, "evil.example", "/api/next", &good).await.status(), StatusCode::MISDIRECTED_REQUEST);
    assert!(!format!("{:?}", reviewers(&["a"])).contains("0123"));
}

#[tokio::test]
async fn nobody_sees_what_others_decided_until_it_is_to_be_settled() {
    let trial = trial().await;
    let key = "generated/G-A1a-001";
    let (status, saved) = trial.say("a", key, "pass", "甲的理由", "first").await;
    assert_eq!((status, &saved["saved"]["seq"], &saved["progress"]["left"]), (StatusCode::OK, &json!(1), &json!(1)));
    for path in
        ["/api/next", "/api/next?after=refuse/R-A2b-001", &format!("/api/item?key={key}"), "/api/progress", "/api/mine"]
    {
        let seen = trial.get("b", path).await;
        assert!(
            !seen.to_string().contains("甲的理由") && seen["item"]["others"].is_null() && seen["item"]["own"].is_null()
        );
        assert_eq!(seen["progress"]["done"], 0);
    }
    let (status, saved) = trial.say("b", key, "fail", "乙的理由", "first").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(saved["progress"], json!({"total": 2, "left": 1, "done": 1, "waiting": 0, "disagreed": 0}));
    // Somebody who was shown it blindly has not settled it.
    let (status, _) = trial.say("c", key, "pass", "", "first").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let seen = trial.get("c", "/api/next").await;
    assert_eq!(seen["item"]["key"], key);
    assert_eq!(
        seen["item"]["others"],
        json!([{"label": "pass", "note": "甲的理由"}, {"label": "fail", "note": "乙的理由"}])
    );
    assert_eq!(trial.say("a", key, "fail", "", "settle").await.0, StatusCode::CONFLICT, "one of the two");
    assert_eq!(trial.say("c", key, "pass", "", "settle").await.0, StatusCode::OK);
    for who in ["a", "b", "d"] {
        assert_eq!(trial.say(who, key, "pass", "", "first").await.0, StatusCode::CONFLICT, "{who}: it is settled");
    }
    let rows = trial.store.decisions(RUN).await.unwrap();
    let said: Vec<_> = rows.iter().map(|row| (row.reviewer.as_str(), row.document["settles"] == true)).collect();
    assert_eq!(said, [("a", false), ("b", false), ("c", true)]);
    assert_eq!(trial.get("c", "/api/mine").await["item"]["own"]["label"], "pass");
    assert!(trial.get("a", "/api/mine").await["item"].is_null());
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_is_sent_twice_is_written_once() {
    let trial = trial().await;
    let key = "refuse/R-A2b-001";
    for again in [false, true] {
        let (status, saved) = trial.say("a", key, "refused", " 好 ", "first").await;
        assert_eq!((status, &saved["saved"]["again"]), (StatusCode::OK, &json!(again)));
    }
    assert_eq!(trial.store.decisions(RUN).await.unwrap().len(), 1);
    assert_eq!(trial.say("a", key, "pass", "", "first").await.0, StatusCode::CONFLICT);
    assert_eq!(trial.say("a", "no/such", "pass", "", "first").await.0, StatusCode::NOT_FOUND);
    assert_eq!(trial.say("a", key, "maybe", "", "first").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(trial.say("a", key, "refused", &"长".repeat(2_001), "first").await.0, StatusCode::CONFLICT);
    assert_eq!(trial.ask("a", Method::POST, "/api/decisions", "{}").await.0, StatusCode::BAD_REQUEST);
    let (status, _) = trial.ask("a", Method::POST, "/api/sheet", vec![0; LARGEST + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, body) = trial.ask("a", Method::POST, "/api/sheet", "编号,结论").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["error"]["problems"][0]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("it is no XLSX workbook"))
    );
}

#[tokio::test]
async fn a_sheet_goes_out_and_comes_in() {
    let trial = trial().await;
    let (status, sheet) = trial.ask("a", Method::GET, "/api/sheet.xlsx?lang=en", "").await;
    assert_eq!((status, &sheet[..2]), (StatusCode::OK, &b"PK"[..]));
    let (status, body) = trial.ask("a", Method::POST, "/api/sheet", sheet.clone()).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["sheet"]),
        (StatusCode::OK, &json!({"imported": 0, "unchanged": 0, "overtaken": [], "open": 2}))
    );
    assert_eq!(
        trial.ask("b", Method::POST, "/api/sheet", sheet).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "another's sheet"
    );
}

#[tokio::test]
async fn many_at_once_leave_a_review_that_can_be_read() {
    let trial = Arc::new(trial().await);
    let asked = ["a", "b", "c", "d"].into_iter().flat_map(|who| (0..6).map(move |i| (who, i)));
    let tasks: Vec<_> = asked
        .map(|(who, i)| {
            let trial = Arc::clone(&trial);
            let label = ["pass", "fail", "unsure"][i % 3];
            tokio::spawn(async move { trial.say(who, "generated/G-A1a-001", label, "", "first").await.0 })
        })
        .collect();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), StatusCode::OK | StatusCode::CONFLICT));
    }
    let rows = trial.store.decisions(RUN).await.unwrap();
    let who: std::collections::BTreeSet<_> = rows.iter().map(|row| row.reviewer.clone()).collect();
    assert!(who.len() <= 2, "{who:?}");
    assert!(Review::new(RUN, items(), &rows, 2).is_ok());
}
