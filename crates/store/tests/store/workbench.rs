//! The workbench's rules hold in the store itself, whoever calls it.

use menshen_store::{ChangeFile, ChangeState, Error, NewPolicyCase, NewRevision, RevisionFile, Step, Store};
use serde_json::json;

use crate::folder::{NOW, open};

const ALICE: &str = "person:alice";
const BOB: &str = "person:bob";

fn file(path: &str, body: &str) -> ChangeFile {
    ChangeFile { path: path.to_owned(), body: Some(body.to_owned()), base: None }
}

fn approve() -> Step {
    Step::Approve { cases: json!({"failed": 0}), stamped: vec![("cn/a.toml".to_owned(), "stamped".to_owned())] }
}

fn revision(number: i64, change: Option<(String, i64)>) -> NewRevision {
    let restores = change.is_none().then_some(0);
    let files = vec![
        RevisionFile { path: "cn/a.toml".into(), edit: true, body: Some("text".into()) },
        RevisionFile { path: "cn/b.toml".into(), edit: true, body: None },
        RevisionFile { path: "cn/c.toml".into(), edit: false, body: Some("text".into()) },
    ];
    NewRevision { number, at_us: NOW, by: BOB.into(), title: "t".into(), change, restores, packs: json!({}), files }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Invalid { what, .. }) => what,
        Err(Error::NotFound { .. }) => "not found",
        _ => "",
    }
}

async fn in_review(store: &Store) -> String {
    let id = store.begin_policy("title", "", ALICE, NOW).await.unwrap().id;
    store.save_policy_file(&id, 1, file("cn/a.toml", "x"), ALICE, NOW).await.unwrap();
    store.step_policy(&id, 2, Step::Submit { cases: json!(null) }, None, ALICE, NOW).await.unwrap();
    id
}

#[tokio::test]
async fn nobody_approves_what_they_wrote_and_nothing_unapproved_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = in_review(&store).await;
    assert_eq!(refused(store.step_policy(&id, 2, approve(), None, ALICE, NOW).await), "approval");
    for key in ["admin", "0123456789abcdef", "schedule", "personx"] {
        assert_eq!(refused(store.step_policy(&id, 2, approve(), None, key, NOW).await), "approval", "{key}");
    }
    assert_eq!(refused(store.step_policy(&id, 1, approve(), None, BOB, NOW).await), "version");
    assert_eq!(refused(store.publish_policy(revision(1, Some((id.clone(), 2)))).await), "state");

    // Whoever writes in it once is an author for good.
    store.step_policy(&id, 2, Step::Reopen, None, BOB, NOW).await.unwrap();
    store.save_policy_file(&id, 2, file("cn/b.toml", "y"), BOB, NOW).await.unwrap();
    store.drop_policy_file(&id, 3, "cn/b.toml", BOB, NOW).await.unwrap();
    store.step_policy(&id, 4, Step::Submit { cases: json!(null) }, None, ALICE, NOW).await.unwrap();
    assert_eq!(refused(store.step_policy(&id, 4, approve(), None, BOB, NOW).await), "approval");
    store.step_policy(&id, 4, approve(), Some("fine"), "person:carol", NOW).await.unwrap();
    let full = store.policy_change(&id).await.unwrap();
    assert_eq!((full.change.state, full.authors.len()), (ChangeState::Approved, 2));
    assert_eq!(full.files[0].body.as_deref(), Some("stamped"));
    assert_eq!(refused(store.save_policy_file(&id, 4, file("cn/a.toml", "z"), ALICE, NOW).await), "state");

    assert_eq!(refused(store.publish_policy(revision(2, Some((id.clone(), 4)))).await), "revision");
    store.publish_policy(revision(1, Some((id.clone(), 4)))).await.unwrap();
    assert_eq!(refused(store.publish_policy(revision(2, Some((id.clone(), 4)))).await), "state");
    assert_eq!(refused(store.step_policy(&id, 4, Step::Reopen, None, BOB, NOW).await), "state");
    store.publish_policy(revision(2, None)).await.unwrap();
    store.close().await.unwrap();

    let store = open(dir.path()).await;
    let (last, files) = store.published_policy().await.unwrap().unwrap();
    assert_eq!((last.number, last.restores, last.edits), (2, Some(0), 2));
    assert_eq!(files, revision(2, None).files);
    assert_eq!(store.policy_change(&id).await.unwrap().change.revision, Some(1));
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_is_due_is_listed_until_it_is_taken_off() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let id = in_review(&store).await;
    let at = |at_us| Step::Schedule { at_us };
    assert_eq!(refused(store.step_policy(&id, 2, at(NOW + 5), None, ALICE, NOW).await), "state");
    store.step_policy(&id, 2, approve(), None, BOB, NOW).await.unwrap();
    assert_eq!(refused(store.step_policy(&id, 2, at(NOW), None, ALICE, NOW).await), "at");
    store.step_policy(&id, 2, at(NOW + 5), None, ALICE, NOW).await.unwrap();
    assert!(store.due_policy(NOW + 4).await.unwrap().is_empty());
    assert_eq!(store.due_policy(NOW + 5).await.unwrap(), std::slice::from_ref(&id));
    store.step_policy(&id, 2, Step::Unschedule, Some("no"), "schedule", NOW).await.unwrap();
    assert!(store.due_policy(NOW + 5).await.unwrap().is_empty());
    assert_eq!(refused(store.policy_change("chg_none").await), "not found");
    assert_eq!(store.policy_changes(Some(ChangeState::Approved), 9).await.unwrap().len(), 1);
    assert!(store.policy_changes(Some(ChangeState::Draft), 9).await.unwrap().is_empty());
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_text_of_a_case_lies_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let secret = "a question that somebody asked";
    let new = |text: &str, action: &str| NewPolicyCase {
        name: "case".into(),
        text: text.into(),
        side: "input".into(),
        action: Some(action.into()),
        ..NewPolicyCase::default()
    };
    let case = store.put_policy_case(None, new(secret, "block"), ALICE, NOW).await.unwrap();
    assert_eq!(refused(store.put_policy_case(None, new(secret, "explode"), ALICE, NOW).await), "action");
    assert_eq!(refused(store.put_policy_case(None, new(" ", "block"), ALICE, NOW).await), "text");
    assert_eq!(refused(store.put_policy_case(Some("cas_none"), new("x", "pass"), ALICE, NOW).await), "not found");
    store.close().await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
    let store = open(dir.path()).await;
    assert_eq!(store.policy_cases().await.unwrap(), std::slice::from_ref(&case));
    store.remove_policy_case(&case.id, BOB, NOW).await.unwrap();
    assert_eq!(refused(store.remove_policy_case(&case.id, BOB, NOW).await), "not found");
    store.close().await.unwrap();
}
