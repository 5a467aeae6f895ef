//! Incidents as their page sees them.

use menshen_store::{Incident, IncidentFile, IncidentFolder};
use serde_json::{Value, json};

use crate::api::session::written;
use crate::incidents::Rules;
use crate::incidents::draft::Draft;

pub(super) fn incident(i: &Incident) -> Value {
    json!({
        "id": i.id, "number": i.number, "tenant": i.tenant, "drill": i.drill, "announce": i.announce, "state": i.state,
        "title": i.title, "class": i.class, "grade": i.grade, "signal": i.signal,
        "occurred": i.occurred_us.and_then(written), "aware": written(i.aware_us),
        "contained": i.contained_us.and_then(written), "closed": i.closed_us.and_then(written),
        "close_asked_by": i.close_by, "created": written(i.created_us), "by": i.by,
    })
}

pub(super) fn file(f: &IncidentFile) -> Value {
    json!({
        "id": f.id, "name": f.name, "sha256": f.sha256, "size": f.size, "records": f.records,
        "created": written(f.created_us), "by": f.by,
    })
}

pub(super) fn folder(rules: &Rules, folder: &IncidentFolder, now_us: i64) -> Value {
    let i = &folder.incident;
    let mut shown = incident(i);
    shown["answers"] = json!(i.answers);
    shown["reasons"] = i.reasons.clone();
    shown["facts"] = json!(i.facts);
    shown["roles"] = json!(i.roles);
    shown["lessons"] = i.lessons.clone();
    shown["two"] = json!(rules.needs_two(&i.grade));
    shown["now"] = json!(written(now_us));
    shown["tasks"] = folder
        .tasks
        .iter()
        .map(|t| {
            json!({
                "id": t.id, "zh": t.zh, "en": t.en, "clause": t.clause, "role": t.role, "due": t.due_us.and_then(written),
                "done": t.done_us.and_then(written), "done_by": t.done_by, "note": t.note,
            })
        })
        .collect();
    shown["timers"] = folder
        .timers
        .iter()
        .map(|t| {
            json!({
                "id": t.id, "zh": t.zh, "en": t.en, "clause": t.clause, "due": written(t.due_us), "soon": written(t.soon_us),
                "stage": t.stage(now_us), "met": t.met_us.and_then(written), "met_by": t.met_by,
                "late": t.met_us.is_some_and(|at| at > t.due_us),
            })
        })
        .collect();
    shown["events"] = folder
        .events
        .iter()
        .map(|e| json!({"seq": e.seq, "at": written(e.at_us), "by": e.by, "kind": e.kind, "detail": e.detail}))
        .collect();
    shown["files"] = folder.files.iter().map(file).collect();
    shown
}

pub(super) fn draft(made: &Draft) -> Value {
    let parts: Vec<Value> = made
        .parts
        .iter()
        .map(|(heading, text, missing)| json!({"heading": heading, "text": text, "missing": missing}))
        .collect();
    json!({"title": made.title, "parts": parts, "missing": made.missing()})
}
