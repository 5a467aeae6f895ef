//! The red team's memory.

use menshen_store::{AttemptRow, CampaignRow, Campaigns, Error, SubmissionRow};
use serde_json::json;

fn attempt(key: &str) -> AttemptRow {
    AttemptRow {
        key: key.to_owned(),
        ended_us: 7,
        outcome: "resisted".to_owned(),
        instruction: "i".to_owned(),
        technique: "plain".to_owned(),
        document: json!({ "key": key }),
    }
}

async fn with_campaign(dir: &std::path::Path) -> Campaigns {
    let campaigns = Campaigns::open(dir).await.unwrap();
    let row = CampaignRow {
        id: "c1".to_owned(),
        created_us: 1,
        name: "one".to_owned(),
        state: "running".to_owned(),
        plan: json!({ "seed": 7 }),
        summary: json!({}),
    };
    campaigns.create(&row).await.unwrap();
    campaigns
}

#[tokio::test]
async fn an_attempt_is_recorded_once_and_what_stands_stays() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = with_campaign(dir.path()).await;
    assert!(campaigns.record("c1", attempt("a")).await.unwrap());
    let again = AttemptRow { outcome: "success".to_owned(), ..attempt("a") };
    assert!(!campaigns.record("c1", again).await.unwrap());
    assert_eq!(campaigns.attempts("c1").await.unwrap(), [attempt("a")]);
    assert_eq!(campaigns.keys("c1").await.unwrap(), ["a"]);
    assert_eq!(campaigns.attempt("c1", "b").await.unwrap(), None);
}

#[tokio::test]
async fn many_attempts_at_once_are_all_there_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = with_campaign(dir.path()).await;
    let tasks: Vec<_> = (0..2_000)
        .map(|n| {
            let campaigns = campaigns.clone();
            tokio::spawn(async move { campaigns.record("c1", attempt(&n.to_string())).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap());
    }
    drop(campaigns);
    assert_eq!(Campaigns::open(dir.path()).await.unwrap().keys("c1").await.unwrap().len(), 2_000);
}

#[tokio::test]
async fn a_campaign_is_found_by_the_beginning_of_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = with_campaign(dir.path()).await;
    assert_eq!(campaigns.campaign("c").await.unwrap().name, "one");
    assert!(matches!(campaigns.campaign("x").await, Err(Error::NotFound { .. })));
    assert!(campaigns.campaign("").await.is_err());
    campaigns.update("c1", "complete", &json!({ "n": 1 })).await.unwrap();
    assert_eq!(campaigns.campaigns().await.unwrap()[0].state, "complete");
    assert!(matches!(campaigns.update("x", "complete", &json!({})).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn an_attempt_of_no_campaign_is_an_error_for_it_alone_or_its_group() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = with_campaign(dir.path()).await;
    assert!(campaigns.record("nobody", attempt("a")).await.is_err());
    assert!(campaigns.record("c1", attempt("a")).await.unwrap(), "the writer goes on");
}

#[tokio::test]
async fn of_two_who_decide_at_once_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let campaigns = Campaigns::open(dir.path()).await.unwrap();
    let mut row = SubmissionRow {
        id: "s".to_owned(),
        created_us: 1,
        updated_us: 1,
        state: "submitted".to_owned(),
        range: "demo".to_owned(),
        reporter: "ann".to_owned(),
        fingerprint: "f".to_owned(),
        score: None,
        document: json!({}),
    };
    campaigns.submit(&row, "ann", "submitted", &json!({})).await.unwrap();
    row.state = "confirmed".to_owned();
    row.score = Some(65);
    campaigns.advance(&row, "submitted", "bob", "confirmed", &json!({ "why": "seen" })).await.unwrap();
    assert!(campaigns.advance(&row, "submitted", "eve", "confirmed", &json!({})).await.is_err());
    assert_eq!(campaigns.submission("s").await.unwrap().score, Some(65));
    let history = campaigns.history("s").await.unwrap();
    assert_eq!(
        history.iter().map(|e| (e.seq, e.event.as_str())).collect::<Vec<_>>(),
        [(0, "submitted"), (1, "confirmed")]
    );
    assert_eq!(campaigns.submissions(Some("confirmed")).await.unwrap().len(), 1);
    assert!(campaigns.submissions(Some("fixed")).await.unwrap().is_empty());
}
