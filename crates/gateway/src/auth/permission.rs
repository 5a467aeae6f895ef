//! What each role may do. One table; nothing else in the program decides it.
//!
//! | permission | owner | policy editor | reviewer | red-teamer | auditor | developer | all tenants' |
//! |---|---|---|---|---|---|---|---|
//! | own account, own sessions | x | x | x | x | x | x | |
//! | try things out (`/v1/…`) | x | x | | x | | x | |
//! | plain answers of the model: see | x | x | | x | | | |
//! | upstreams: see, test | x | | | | | x | x |
//! | overview | x | x | x | | x | x | |
//! | feedback: give | x | x | x | | | x | |
//! | audit's proof | x | | | | x | | x |
//! | keys: see | x | | | | x | x | |
//! | keys: make, revoke | x | | | | | x | |
//! | packs: see | x | x | | | x | x | x |
//! | packs: change | x | x | | | | | x |
//! | reviews: see | x | x | x | | x | | |
//! | reviews: decide | x | | x | | | | |
//! | suspensions: lift | x | | x | | | | |
//! | agreements: see | x | | x | | x | | |
//! | agreements: record, end | x | | | | | | |
//! | red team: see | x | | | x | x | | x |
//! | red team: run | x | | | x | | | x |
//! | range: see | x | | x | x | x | | x |
//! | range: play, hand in | x | | | x | | | x |
//! | range: replay, decide | x | | x | | | | x |
//! | assessments: see | x | x | x | | x | | x |
//! | assessments: run | x | | | | | | x |
//! | assessments: decide answers | x | | x | | | | x |
//! | accounts and sessions: see | x | | | | x | | |
//! | accounts and sessions: change | x | | | | | | |
//! | register: see | x | x | x | x | x | x | |
//! | register: applications, controls, filing, assets | x | x | | | | x | |
//! | register: open reviews | x | x | | | | | |
//! | register: vote, as a member | x | x | x | x | | | |
//! | behaviour: see | x | x | x | | x | | |
//! | behaviour: decide, act | x | | x | | | | |
//! | end users: see | x | | x | | x | x | |
//! | end users: change, review | x | | x | | | | |
//! | incidents: see | x | x | x | | x | | |
//! | incidents: open, handle, close | x | | x | | | | |
//! | notifications: see | x | | x | | x | | x |
//! | notifications: test, retry | x | | | | | | x |
//! | keys of texts, retention, backups: see | x | | | | x | | x |
//! | backups: make | x | | | | | | x |
//! | requests of users about themselves: see | x | | | | x | | |
//! | requests of users about themselves: record, carry out | x | | | | | | |
//! | cases: see | x | x | x | | x | | |
//! | cases: work on them | x | | x | | | | |
//!
//! What is marked in the last column is of the whole house: somebody bound to a tenant is refused whatever their role. An
//! administrator's key may do everything.

use menshen_store::Role;

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident: $house:literal, [$($role:ident)*];)+) => {
        /// What a route needs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $variant,)+
        }

        impl Permission {
            /// All permissions.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant,)+];

            /// The roles that have it.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Permission::$variant => &[Role::Owner, $(Role::$role,)*],)+ }
            }

            /// Whether it concerns all tenants at once.
            pub const fn of_the_house(self) -> bool {
                match self { $(Permission::$variant => $house,)+ }
            }
        }
    };
}

permissions! {
    /// One's own account and sessions.
    Account: false, [PolicyEditor Reviewer RedTeamer Auditor Developer];
    /// Conversing and checking as a caller.
    Try: false, [PolicyEditor RedTeamer Developer];
    /// Seeing what the model would say without the guard.
    Plain: false, [PolicyEditor RedTeamer];
    /// Models behind the gateway, and whether they answer.
    Upstreams: true, [Developer];
    /// Figures and records.
    Observe: false, [PolicyEditor Reviewer Auditor Developer];
    /// Saying what one thinks of a decision.
    Feedback: false, [PolicyEditor Reviewer Developer];
    /// The audit's proof.
    AuditRead: true, [Auditor];
    /// API keys, without their secrets.
    KeysRead: false, [Auditor Developer];
    /// Making and revoking API keys.
    Keys: false, [Developer];
    /// Packs and what is wrong with them.
    PacksRead: true, [PolicyEditor Auditor Developer];
    /// Putting packs in force.
    Packs: true, [PolicyEditor];
    /// What waits for a human.
    ReviewsRead: false, [PolicyEditor Reviewer Auditor];
    /// Deciding it.
    Reviews: false, [Reviewer];
    /// Lifting suspensions.
    Suspensions: false, [Reviewer];
    /// Agreements on unlabelled content.
    AgreementsRead: false, [Reviewer Auditor];
    /// Recording and ending them.
    Agreements: false, [];
    /// Campaigns and their reports.
    RedTeamRead: true, [RedTeamer Auditor];
    /// Running campaigns.
    RedTeam: true, [RedTeamer];
    /// The range, its submissions and its board.
    RangeRead: true, [Reviewer RedTeamer Auditor];
    /// Playing, and handing vulnerabilities in.
    Range: true, [RedTeamer];
    /// Replaying and deciding what was handed in: never by who hands in.
    RangeJudge: true, [Reviewer];
    /// Assessments and their reports.
    AssessRead: true, [PolicyEditor Reviewer Auditor];
    /// Running assessments.
    Assess: true, [];
    /// Deciding answers of an assessment.
    AssessReview: true, [Reviewer];
    /// Everybody's accounts and sessions.
    PeopleRead: false, [Auditor];
    /// Making, changing and removing accounts; ending sessions.
    People: false, [];
    /// The register of applications, its reviews, material and assets.
    RegisterRead: false, [PolicyEditor Reviewer RedTeamer Auditor Developer];
    /// Changing what stands in it.
    Register: false, [PolicyEditor Developer];
    /// Opening and taking back reviews.
    RegisterReview: false, [PolicyEditor];
    /// Voting: members of a review only.
    RegisterVote: false, [PolicyEditor Reviewer RedTeamer];
    /// Alarms about behaviour, and what is in force.
    BehaviourRead: false, [PolicyEditor Reviewer Auditor];
    /// Deciding alarms; warning, slowing and suspending; taking dampings back.
    Behaviour: false, [Reviewer];
    /// Profiles and tiers of end users.
    UsersRead: false, [Reviewer Auditor Developer];
    /// Changing and reviewing them.
    Users: false, [Reviewer];
    /// Incidents, their evidence and drafts of reports.
    IncidentsRead: false, [PolicyEditor Reviewer Auditor];
    /// Opening, handling and closing them.
    Incidents: false, [Reviewer];
    /// Channels to people outside, and what went by them.
    NotificationsRead: true, [Reviewer Auditor];
    /// Trying channels, sending again.
    Notifications: true, [];
    /// Keys of texts, retention and backups.
    ProtectionRead: true, [Auditor];
    /// Making backups.
    Protection: true, [];
    /// What users ask about themselves.
    SubjectsRead: false, [Auditor];
    /// Recording it, and carrying it out.
    Subjects: false, [];
    /// Appeals, complaints and reports, and their figures.
    CasesRead: false, [PolicyEditor Reviewer Auditor];
    /// Opening, deciding and answering them.
    Cases: false, [Reviewer];
}

/// What the paths of an annex need: to read, and to change. The longest beginning counts.
const ANNEX: &[(&str, Permission, Permission)] = &[
    ("/admin/redteam", Permission::RedTeamRead, Permission::RedTeam),
    ("/admin/range", Permission::RangeRead, Permission::Range),
    ("/admin/range/submissions/{id}/replay", Permission::RangeRead, Permission::RangeJudge),
    ("/admin/range/submissions/{id}/decision", Permission::RangeRead, Permission::RangeJudge),
    ("/admin/assess", Permission::AssessRead, Permission::Assess),
    ("/admin/assess/runs/{id}/review", Permission::AssessRead, Permission::AssessReview),
    ("/admin/reports", Permission::Observe, Permission::Observe),
];

/// What an annex' route needs, by the path as it was declared. None where nobody thought of it: then only an
/// administrator's key opens it.
pub(crate) fn of_annex(path: &str, reads: bool) -> Option<Permission> {
    let under = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let (_, read, change) =
        ANNEX.iter().filter(|(prefix, ..)| under(prefix)).max_by_key(|(prefix, ..)| prefix.len())?;
    Some(if reads { *read } else { *change })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_words_above_is_the_one_in_force() {
        let source = include_str!("permission.rs");
        let rows: Vec<Vec<&str>> = source
            .lines()
            .filter_map(|l| l.strip_prefix("//! | "))
            .filter(|l| !l.starts_with("permission"))
            .map(|l| l.trim_end_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), Permission::ALL.len());
        let columns =
            [Role::Owner, Role::PolicyEditor, Role::Reviewer, Role::RedTeamer, Role::Auditor, Role::Developer];
        for (row, permission) in rows.iter().zip(Permission::ALL) {
            for (cell, role) in row[1..7].iter().zip(columns) {
                assert_eq!(*cell == "x", permission.roles().contains(&role), "{permission:?} {role:?}");
            }
            assert_eq!(row[7] == "x", permission.of_the_house(), "{permission:?}");
        }
    }

    #[test]
    fn an_auditor_changes_nothing_but_their_own_account() {
        let may: Vec<Permission> =
            Permission::ALL.iter().copied().filter(|p| p.roles().contains(&Role::Auditor)).collect();
        for permission in may {
            let name = format!("{permission:?}");
            assert!(name.ends_with("Read") || name == "Observe" || name == "Account", "{name}");
        }
    }

    #[test]
    fn paths_of_an_annex_need_the_longest_beginning() {
        assert_eq!(of_annex("/admin/redteam/campaigns", true), Some(Permission::RedTeamRead));
        assert_eq!(of_annex("/admin/range/submissions", false), Some(Permission::Range));
        assert_eq!(of_annex("/admin/range/submissions/{id}/decision", false), Some(Permission::RangeJudge));
        assert_eq!(of_annex("/admin/assess/runs/{id}/review/decisions", false), Some(Permission::AssessReview));
        assert_eq!(of_annex("/admin/assess/runs/{id}/stop", false), Some(Permission::Assess));
        assert_eq!(of_annex("/admin/assessments", true), None);
        assert_eq!(of_annex("/admin/other", true), None);
    }
}
