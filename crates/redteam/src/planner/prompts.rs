//! What the planning model is asked: `packs/redteam/prompts/planner.toml`.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::Error;

const FILE: &str = "packs/redteam/prompts/planner.toml";
const TEXT: &str = include_str!("../../../../packs/redteam/prompts/planner.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    zh: Prompts,
    en: Prompts,
}

/// The prompts of one language.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prompts {
    /// Of the planning agent.
    pub plan: String,
    /// Of the tool agent.
    pub tools: String,
    /// Of the data agent.
    pub data: String,
    /// Said when a reply cannot be used.
    pub again: String,
}

impl Prompts {
    /// The shipped ones.
    ///
    /// # Errors
    /// [`Error::Data`] with the prompt that is wrong.
    pub fn shipped(chinese: bool) -> Result<&'static Prompts, Error> {
        static ALL: OnceLock<Result<Document, String>> = OnceLock::new();
        ALL.get_or_init(|| parse(TEXT))
            .as_ref()
            .map(|all| if chinese { &all.zh } else { &all.en })
            .map_err(|problem| Error::Data { file: FILE.to_owned(), problem: problem.clone() })
    }
}

fn parse(text: &str) -> Result<Document, String> {
    let all: Document = toml::from_str(text).map_err(|e| e.to_string())?;
    if all.version != 1 {
        return Err(format!("version {} is not known; this program reads version 1", all.version));
    }
    for (lang, prompts) in [("zh", &all.zh), ("en", &all.en)] {
        let wanted: [(&str, &str, &[&str]); 4] = [
            ("plan", &prompts.plan, &["{{need}}", "{{risks}}", "{{owasp}}"]),
            ("tools", &prompts.tools, &["{{need}}", "{{items}}", "{{catalogue}}", "{{most}}"]),
            ("data", &prompts.data, &["{{need}}", "{{items}}"]),
            ("again", &prompts.again, &["{{error}}"]),
        ];
        for (name, prompt, holds) in wanted {
            if let Some(missing) = holds.iter().find(|p| !prompt.contains(*p)) {
                return Err(format!("{lang}.{name} lacks {missing}; write where it is to stand"));
            }
        }
    }
    Ok(all)
}

/// Fills placeholders in one pass: what is filled in is never read for further ones.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        match after
            .split_once("}}")
            .and_then(|(name, left)| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, left)))
        {
            Some((value, left)) => {
                out.push_str(value);
                rest = left;
            }
            None => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_there_and_a_prompt_without_its_place_is_named() {
        assert_ne!(Prompts::shipped(true).expect("zh"), Prompts::shipped(false).expect("en"));
        let problem = parse(&TEXT.replace("{{catalogue}}", "")).expect_err("a prompt without a catalogue");
        assert!(problem.contains("tools") && problem.contains("catalogue"), "{problem}");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        assert_eq!(fill("{{a}}-{{b}}-{{c}}", &[("a", "{{b}}"), ("b", "x")]), "{{b}}-x-{{c}}");
    }
}
