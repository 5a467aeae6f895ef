//! Checks that a regex cannot make: checksums, dates, ranges, neighbors.
//!
//! A validator sees the matched text and what stands directly before and after it. Numbers glued to Chinese are the
//! normal case; numbers glued to other ASCII letters or digits are parts of something longer and are refused.

mod china;
mod general;

/// What a validator looks at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The match (or its group `value`), as the pattern's view has it.
    pub(crate) text: &'a str,
    /// The character before it.
    pub(crate) before: Option<char>,
    /// The character after it.
    pub(crate) after: Option<char>,
}

impl Candidate<'_> {
    /// Neither neighbor is an ASCII letter, digit or underscore.
    fn stands_alone(&self) -> bool {
        let glued = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        !glued(self.before) && !glued(self.after)
    }

    /// [`Self::stands_alone`], and not the fraction or the integer part of a longer decimal number.
    fn is_whole_number(&self) -> bool {
        self.stands_alone() && self.before != Some('.')
    }

    /// Its ASCII digits, whatever separates them.
    fn digits(&self) -> Vec<u8> {
        self.text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    /// Its ASCII letters and digits, upper case.
    fn alphanumerics(&self) -> Vec<u8> {
        self.text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect()
    }
}

/// One row of the table.
pub(crate) struct Validator {
    /// Its name in pattern files.
    pub(crate) name: &'static str,
    /// True when the candidate is what the pattern says it is.
    pub(crate) accepts: fn(&Candidate<'_>) -> bool,
}

/// Every validator that pattern files may name.
pub(crate) const VALIDATORS: &[Validator] = &[
    Validator { name: "standalone", accepts: |c| c.stands_alone() },
    Validator { name: "cn_resident_id", accepts: china::resident_id },
    Validator { name: "cn_resident_id_15", accepts: china::resident_id_15 },
    Validator { name: "cn_residence_permit", accepts: china::residence_permit },
    Validator { name: "cn_foreign_permit", accepts: china::foreign_permit },
    Validator { name: "cn_uscc", accepts: china::uscc },
    Validator { name: "cn_org_code", accepts: china::org_code },
    Validator { name: "cn_mobile", accepts: china::mobile },
    Validator { name: "cn_landline", accepts: china::landline },
    Validator { name: "cn_bank_card", accepts: china::bank_card },
    Validator { name: "hk_id", accepts: china::hk_id },
    Validator { name: "tw_id", accepts: china::tw_id },
    Validator { name: "macau_id", accepts: |c| c.stands_alone() },
    Validator { name: "luhn", accepts: general::luhn },
    Validator { name: "credit_card", accepts: general::credit_card },
    Validator { name: "iban", accepts: general::iban },
    Validator { name: "ssn", accepts: general::ssn },
    Validator { name: "ipv4", accepts: general::ipv4 },
    Validator { name: "ipv4_public", accepts: general::ipv4_public },
    Validator { name: "ipv6", accepts: general::ipv6 },
    Validator { name: "email", accepts: general::email },
    Validator { name: "url_internal", accepts: general::url_internal },
    Validator { name: "entropy", accepts: general::entropy },
    Validator { name: "jwt", accepts: general::jwt },
    Validator { name: "date", accepts: general::date },
];

/// Finds a validator by name.
pub(crate) fn named(name: &str) -> Option<&'static Validator> {
    VALIDATORS.iter().find(|v| v.name == name)
}

#[cfg(test)]
fn accepts(name: &str, text: &str) -> bool {
    let validator = named(name).unwrap();
    (validator.accepts)(&Candidate { text, before: Some('码'), after: Some('，') })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = VALIDATORS.iter().map(|v| v.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VALIDATORS.len());
    }

    #[test]
    fn numbers_inside_longer_ones_are_refused() {
        for (before, after) in [(Some('9'), None), (None, Some('1')), (Some('a'), None), (None, Some('_'))] {
            let mobile = Candidate { text: "13800138000", before, after };
            assert!(!china::mobile(&mobile), "{before:?} {after:?}");
        }
        assert!(china::mobile(&Candidate { text: "13800138000", before: Some('机'), after: None }));
    }

    #[test]
    fn no_validator_panics_on_anything() {
        let odd = ["", "0", "中文", "....", ":::", "@", "1.2.3.4.5", "é²³", "\u{0}", &"9".repeat(300), "a.b.c", "--"];
        for validator in VALIDATORS {
            for text in odd {
                (validator.accepts)(&Candidate { text, before: None, after: None });
            }
        }
    }
}
