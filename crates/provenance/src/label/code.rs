//! The code of a service provider (服务提供者编码): 27 digits and upper-case letters.
//!
//! | position | content |
//! |---|---|
//! | 1–2 | `00`: this format |
//! | 3 | `1`: an organisation |
//! | 4 | `1`: bound to the unified social credit code |
//! | 5–22 | that code (GB 32100-2015) |
//! | 23 | `1` generation, `2` propagation |
//! | 24–27 | of the model or app, chosen by the provider |
//!
//! A provider makes its code itself. With no service extension 23–27 are `00000`. The codes of natural persons and of
//! bodies without a unified social credit code are not known to this crate; they are read, not made.

use std::fmt;

use crate::Error;

/// What the provider does with the content: character 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `1`: it generates.
    Generation,
    /// `2`: it spreads.
    Propagation,
    /// `0`: no extension.
    Unsaid,
}

/// A provider's code whose form and credit code are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCode(String);

const LENGTH: usize = 27;

impl ProviderCode {
    /// The code of an organisation, from its unified social credit code.
    ///
    /// # Errors
    /// When the credit code is wrong, or `extension` is not four digits or upper-case letters (`0000` without a service).
    pub fn new(uscc: &str, service: Service, extension: &str) -> Result<ProviderCode, Error> {
        let digit = match service {
            Service::Generation => '1',
            Service::Propagation => '2',
            Service::Unsaid => '0',
        };
        Self::parse(&format!("0011{uscc}{digit}{extension}"))
    }

    /// Reads a code.
    ///
    /// # Errors
    /// When its length, a character, a position or the check character of the credit code is wrong; the sentence says
    /// which.
    pub fn parse(code: &str) -> Result<ProviderCode, Error> {
        let wrong = |problem: String| Err(Error::Label(format!("the provider code {code:?} is wrong: {problem}")));
        if !code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
            return wrong("it holds something else than digits and upper-case letters".to_owned());
        }
        let (Some(head), Some(uscc), Some(service), Some(extension), LENGTH) =
            (code.get(..4), code.get(4..22), code.get(22..23), code.get(23..), code.len())
        else {
            return wrong(format!("it has {} characters, not {LENGTH}", code.len()));
        };
        if head != "0011" {
            return wrong(format!("it begins with {head}; known is 0011, an organisation with a credit code"));
        }
        match check_character(uscc) {
            None => return wrong(format!("{uscc} holds a letter that credit codes leave out (I, O, S, V, Z)")),
            Some(right) if !uscc.ends_with(right) => {
                return wrong(format!("the credit code {uscc} should end with {right} (GB 32100-2015)"));
            }
            Some(_) => {}
        }
        match (service, extension) {
            ("1" | "2", _) | ("0", "0000") => Ok(ProviderCode(code.to_owned())),
            ("0", _) => wrong("without a service (0 at 23) the last four are 0000".to_owned()),
            _ => wrong(format!("character 23 is {service}; 1 is generation, 2 propagation, 0 neither")),
        }
    }

    /// Whether a value means to be a code of this form: 27 digits and upper-case letters that begin with `0011`. Names do
    /// not; codes of other subjects (natural persons) do not either, and are not checked.
    #[must_use]
    pub fn looks_like(value: &str) -> bool {
        value.len() == LENGTH
            && value.starts_with("0011")
            && value.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The unified social credit code in it.
    #[must_use]
    pub fn uscc(&self) -> &str {
        self.0.get(4..22).unwrap_or_default()
    }

    /// What the provider does with the content.
    #[must_use]
    pub fn service(&self) -> Service {
        match self.0.get(22..23) {
            Some("1") => Service::Generation,
            Some("2") => Service::Propagation,
            _ => Service::Unsaid,
        }
    }

    /// The code of the model or app.
    #[must_use]
    pub fn extension(&self) -> &str {
        self.0.get(23..).unwrap_or_default()
    }
}

impl fmt::Display for ProviderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The characters of a unified social credit code, by their value (GB 32100-2015 table 2): no I, O, S, V, Z.
const CREDIT: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The last character that the first 17 of a credit code want (GB 32100-2015 4.5: weights 3^(i−1) mod 31). None when a
/// character is not of the set.
fn check_character(uscc: &str) -> Option<char> {
    let mut weight = 1_usize;
    let mut sum = 0_usize;
    for c in uscc.chars().take(17) {
        sum += CREDIT.find(c)? * weight;
        weight = weight * 3 % 31;
    }
    CREDIT.chars().nth((31 - sum % 31) % 31)
}
