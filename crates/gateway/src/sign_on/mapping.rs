//! From what a provider says of somebody to what they may do here.

use menshen_store::Role;
use serde_json::Value;

use super::Refusal;
use crate::config::{Mapping, Oidc};

/// The claim that is made from a verified address.
const EMAIL_DOMAIN: &str = "email_domain";

/// Who somebody is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) display: String,
    pub(crate) roles: Vec<Role>,
    pub(crate) tenant: Option<String>,
}

/// The domain of an address that the provider has verified; an address alone is what somebody typed.
fn email_domain(claims: &Value) -> Option<String> {
    if claims.get("email_verified") != Some(&Value::Bool(true)) {
        return None;
    }
    let (_, domain) = claims.get("email")?.as_str()?.rsplit_once('@')?;
    Some(domain.to_ascii_lowercase()).filter(|d| !d.is_empty())
}

fn fits(row: &Mapping, claims: &Value, domain: Option<&str>) -> bool {
    if row.claim == EMAIL_DOMAIN {
        return domain.is_some_and(|domain| domain.eq_ignore_ascii_case(&row.value));
    }
    match claims.get(&row.claim) {
        Some(Value::String(text)) => *text == row.value,
        Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(&row.value)),
        _ => false,
    }
}

/// What the mapping makes of checked claims.
pub(super) fn identity(settings: &Oidc, subject: &str, claims: &Value) -> Result<Identity, Refusal> {
    let domain = email_domain(claims);
    let allowed = &settings.allowed_domains;
    let inside = |domain: &str| allowed.iter().any(|one| one.eq_ignore_ascii_case(domain));
    if !allowed.is_empty() && !domain.as_deref().is_some_and(inside) {
        return Err(Refusal::Domain);
    }
    let row = settings.mapping.iter().find(|row| fits(row, claims, domain.as_deref())).ok_or(Refusal::NoRole)?;
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let name = text(&settings.name_claim).filter(|n| n.len() <= 64 && n.chars().all(plain)).ok_or(Refusal::NoName)?;
    let display: String = text("name").unwrap_or(name).chars().filter(|c| !c.is_control()).take(100).collect();
    Ok(Identity {
        subject: subject.to_owned(),
        name: name.to_owned(),
        display,
        roles: row.roles.clone(),
        tenant: row.tenant.clone(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn settings(more: &str) -> Oidc {
        let text = format!(
            "issuer = 'https://login.example'\nclient_id = 'menshen'\n{more}\n\
             [[mapping]]\nvalue = 'admins'\nroles = ['owner']\n\
             [[mapping]]\nvalue = 'acme'\nroles = ['reviewer', 'auditor']\ntenant = 'acme'\n\
             [[mapping]]\nclaim = 'email_domain'\nvalue = 'Example.com'\nroles = ['auditor']\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn the_first_row_that_fits_counts_and_without_one_nobody_comes_in() {
        let settings = settings("");
        let of = |claims: Value| identity(&settings, "s", &claims).map(|i| (i.roles, i.tenant));
        let both = of(json!({"preferred_username": "wei", "groups": ["acme", "admins"]}));
        assert_eq!(both, Ok((vec![Role::Owner], None)));
        let acme = of(json!({"preferred_username": "wei", "groups": "acme"}));
        assert_eq!(acme, Ok((vec![Role::Reviewer, Role::Auditor], Some("acme".to_owned()))));
        for none in [
            json!({}),
            json!({"groups": []}),
            json!({"groups": ["Admins", "admins2", 7]}),
            json!({"groups": {"admins": 1}}),
        ] {
            assert_eq!(of(none.clone()), Err(Refusal::NoRole), "{none}");
        }
        let nobody = Oidc { mapping: Vec::new(), ..settings.clone() };
        let claims = json!({"preferred_username": "wei", "groups": ["admins"]});
        assert_eq!(identity(&nobody, "s", &claims), Err(Refusal::NoRole));
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        let settings = settings("");
        let of = |claims: Value| identity(&settings, "s", &claims).map(|i| i.roles);
        let say = |verified: Value, email: &str| json!({"preferred_username": "wei", "email": email, "email_verified": verified});
        assert_eq!(of(say(json!(true), "wei@EXAMPLE.com")), Ok(vec![Role::Auditor]));
        for (verified, email) in [
            (json!(false), "wei@example.com"),
            (json!("true"), "wei@example.com"),
            (Value::Null, "wei@example.com"),
            (json!(true), "wei@example.com.evil.test"),
            (json!(true), "example.com"),
            (json!(true), "wei@example.com@evil.test"),
        ] {
            assert_eq!(of(say(verified.clone(), email)), Err(Refusal::NoRole), "{verified} {email}");
        }
        let narrow = self::settings("allowed_domains = ['example.com']");
        let outside = json!({"preferred_username": "wei", "groups": ["admins"], "email": "wei@else.test", "email_verified": true});
        assert_eq!(identity(&narrow, "s", &outside), Err(Refusal::Domain));
    }

    #[test]
    fn names_that_cannot_be_names_are_refused() {
        let settings = settings("name_claim = 'nick'");
        let of = |name: Value| identity(&settings, "s", &json!({"nick": name, "groups": ["admins"]})).map(|i| i.name);
        assert_eq!(of(json!("wei@example.com")), Ok("wei@example.com".to_owned()));
        for bad in [
            json!("a b"),
            json!(""),
            json!(7),
            json!("<b>"),
            json!("x".repeat(65)),
            json!("wei\n"),
            Value::Null,
            json!("魏"),
        ] {
            let said = of(bad.clone());
            assert!(said == Err(Refusal::NoName) || said == Ok("wei".to_owned()), "{bad} {said:?}");
        }
    }

    proptest! {
        #[test]
        fn claims_of_any_shape_give_a_role_only_by_a_row(text in "\\PC{0,30}", list in prop::collection::vec("\\PC{0,10}", 0..4)) {
            let settings = settings("");
            prop_assume!(text != "admins" && text != "acme" && !list.iter().any(|g| g == "admins" || g == "acme"));
            for claims in [json!({"groups": text}), json!({"groups": list}), json!({"roles": ["admins"]}), json!(text), json!([list])] {
                prop_assert!(identity(&settings, "s", &claims).is_err());
            }
        }
    }
}
