//! What people decide an answer by: data that an operator can sharpen.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::result::Wording;

#[derive(Deserialize)]
struct Risks {
    risk: Vec<Risk>,
}

#[derive(Deserialize)]
struct Risk {
    id: String,
    criterion: Wording,
}

// A test holds that both files can be read.
static RISKS: LazyLock<BTreeMap<String, Wording>> = LazyLock::new(|| {
    let file = toml::from_str::<Risks>(include_str!("../../../../packs/assess/report/annotation.toml"));
    file.map(|file| file.risk.into_iter().map(|risk| (risk.id, risk.criterion)).collect()).unwrap_or_default()
});
static BANKS: LazyLock<BTreeMap<String, Wording>> =
    LazyLock::new(|| toml::from_str(include_str!("../../../../packs/assess/review/criteria.toml")).unwrap_or_default());

/// The criterion of a bank's group.
pub(super) fn of(bank: &str, group: &str) -> Wording {
    let of_risk = if bank == "generated" { RISKS.get(group) } else { None };
    of_risk.or_else(|| BANKS.get(bank)).or_else(|| BANKS.get("other")).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::{BankKind, Group};

    #[test]
    fn every_group_has_a_criterion() {
        for bank in BankKind::ALL {
            assert!(BANKS.contains_key(bank.id()), "{bank}");
            for group in Group::of_bank(bank) {
                let criterion = of(bank.id(), group.id());
                assert!(!criterion.zh.is_empty() && !criterion.en.is_empty(), "{bank} {group}");
                assert_eq!(bank == BankKind::Generated, RISKS.get(group.id()) == Some(&criterion), "{bank} {group}");
            }
        }
        assert!(!of("factual", "").zh.is_empty());
    }
}
