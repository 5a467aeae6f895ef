//! Standard answers in a change: the approval of the change is the approval of its answers.
//!
//! An answer that a change adds or alters gets the approver's name and the day when the change is approved, whatever its
//! author wrote there; drafts and retired ones stay what they are. So no answer is ever given that its author approved.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::Offset;
use menshen_policy::{Answer, FormKind, Status, form_entries, put_form_entry};
use menshen_store::ChangeFile;
use toml::Value;

use crate::guard::Snapshot;

/// Days of answers begin at midnight of UTC+8, as in the packs' format.
const DAY_OFFSET_H: i8 = 8;

/// An answer that a change adds or alters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) pack: String,
    pub(crate) id: String,
    pub(crate) status: Status,
}

/// The answers that are not in force as they stand in the change.
pub(crate) fn touched(live: &Snapshot, trial: &Snapshot) -> Vec<Touched> {
    let known: BTreeMap<(&str, &str), &Answer> =
        live.packs.answers().map(|(pack, a)| ((pack, a.id.as_str()), a)).collect();
    let changed = trial.packs.answers().filter(|(pack, a)| known.get(&(*pack, a.id.as_str())) != Some(a));
    changed.map(|(pack, a)| Touched { pack: pack.to_owned(), id: a.id.clone(), status: a.status }).collect()
}

/// Today, where the days of answers begin.
pub(crate) fn today(now_us: i64) -> Option<Date> {
    let at = jiff::Timestamp::from_microsecond(now_us).ok()?;
    Some(at.to_zoned(Offset::constant(DAY_OFFSET_H).to_time_zone()).date())
}

/// The files of a change with its answers approved: path and new text, of those that change by it.
pub(crate) fn stamped(files: &[ChangeFile], touched: &[Touched], by: &str, day: Date) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for file in files {
        let Some(body) = &file.body else { continue };
        let mut parts = file.path.splitn(3, '/');
        let (Some(pack), Some("answers"), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if name == "settings.toml" {
            continue;
        }
        let Ok(entries) = form_entries(body, FormKind::Answer) else { continue };
        let mut text = body.clone();
        for entry in entries {
            let waits = |t: &Touched| {
                t.pack == pack && t.id == entry.id && matches!(t.status, Status::Review | Status::Approved)
            };
            if !touched.iter().any(waits) {
                continue;
            }
            let mut members = entry.members;
            members.insert("status".to_owned(), Value::from(Status::Approved.id()));
            members.insert("approved_by".to_owned(), Value::from(by));
            members.insert("approved_at".to_owned(), Value::from(day.to_string()));
            if let Ok(put) = put_form_entry(&text, FormKind::Answer, &members) {
                text = put;
            }
        }
        if text != *body {
            out.push((file.path.clone(), text));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_signs_what_waits_for_it_and_nothing_else() {
        let answer = |id: &str, status: &str, by: &str| {
            format!(
                "[[answer]]\nid = \"{id}\"\nquestions = [\"{id}\"]\nanswer = \"x\"\nstatus = \"{status}\"\napproved_by = \"{by}\"\n\n"
            )
        };
        let body = [("new", "review"), ("forged", "approved"), ("draft", "draft"), ("old", "approved")]
            .map(|(id, status)| answer(id, status, "the author"))
            .concat();
        let file = |path: &str| ChangeFile { path: path.to_owned(), body: Some(body.clone()), base: None };
        let touched = [("new", Status::Review), ("forged", Status::Approved), ("draft", Status::Draft)]
            .map(|(id, status)| Touched { pack: "cn".to_owned(), id: id.to_owned(), status });
        let files = [file("cn/answers/a.toml"), file("other/answers/a.toml"), file("cn/rules/a.toml")];
        let day = Date::constant(2026, 11, 22);
        let stamped = stamped(&files, &touched, "approver", day);
        assert_eq!(stamped.len(), 1);
        let entries = form_entries(&stamped[0].1, FormKind::Answer).unwrap();
        let signed = |id: &str| {
            let entry = entries.iter().find(|e| e.id == id).unwrap();
            let text = |key: &str| entry.members.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("status"), text("approved_by"), text("approved_at"))
        };
        let by_approver = ("approved".to_owned(), "approver".to_owned(), "2026-11-22".to_owned());
        assert_eq!((signed("new"), signed("forged")), (by_approver.clone(), by_approver));
        assert_eq!(signed("draft"), ("draft".to_owned(), "the author".to_owned(), String::new()));
        assert_eq!(signed("old").1, "the author");
    }

    #[test]
    fn days_begin_in_the_east() {
        // 2026-11-21T16:30:00Z is half past midnight of the 22nd in UTC+8.
        assert_eq!(today(1_795_278_600_000_000), Some(Date::constant(2026, 11, 22)));
    }
}
