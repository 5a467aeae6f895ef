//! Where a search begins: templates of the pack.

use super::prose::PAYLOAD;
use crate::Error;
use crate::mutator::{self, Escape, Group};
use crate::plan::Genetic;

/// A template in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The template's id and the language: `persona_twin.zh`.
    pub id: String,
    /// `zh` or `en`.
    pub lang: String,
    /// The text with `{payload}` once.
    pub text: String,
}

/// The templates that a search begins with: those that the settings name (`persona_twin` in both languages, or
/// `persona_twin.zh`), else a spread of the pack's framings, as many as the population has and as many of each language.
///
/// Templates that write the request in another form (JSON, XML, one line) are formats, not prose: changing their
/// sentences would break them, so they are not seeds.
///
/// # Errors
/// [`Error::Unknown`] when a name is no template, [`Error::Plan`] when it is one that cannot be searched from,
/// [`Error::Data`] when the pack has none.
pub fn seeds(settings: &Genetic) -> Result<Vec<Seed>, Error> {
    among(settings, &["zh", "en"])
}

/// The same for goals in these languages only, when seeds are not named.
pub(super) fn among(settings: &Genetic, langs: &[&str]) -> Result<Vec<Seed>, Error> {
    let mut out = Vec::new();
    if settings.seeds.is_empty() {
        let per_lang: Vec<Vec<Seed>> = ["zh", "en"]
            .iter()
            .filter(|lang| langs.contains(lang))
            .map(|lang| {
                let prose = mutator::templates().iter().filter(|t| t.group() == Group::Framing);
                prose.filter_map(|t| seed(t, lang)).collect()
            })
            .collect();
        let share = settings.population.div_ceil(per_lang.len().max(1));
        for at in 0..share {
            for list in &per_lang {
                // Evenly over the pack, which is in chapters of like templates.
                let taken = share.min(list.len());
                let spread = (at < taken).then(|| list.get(at * list.len() / taken.max(1))).flatten();
                out.extend(spread.cloned());
            }
        }
        out.truncate(settings.population);
    }
    for name in &settings.seeds {
        out.extend(named(name)?);
    }
    let mut seen = std::collections::HashSet::new();
    out.retain(|s| seen.insert(s.id.clone()));
    if out.is_empty() {
        return Err(Error::Data {
            file: "packs/redteam/templates".to_owned(),
            problem: "there is no template to begin genetic search with; restore the folder".to_owned(),
        });
    }
    Ok(out)
}

fn named(name: &str) -> Result<Vec<Seed>, Error> {
    let (id, langs) = match name.rsplit_once('.') {
        Some((id, lang @ ("zh" | "en"))) => (id, vec![lang]),
        _ => (name, vec!["zh", "en"]),
    };
    let template = mutator::templates().iter().find(|t| t.id == id).ok_or_else(|| Error::Unknown {
        what: "template",
        name: name.to_owned(),
        remedy: "leave genetic.seeds empty for a spread, or take ids from packs/redteam/templates".to_owned(),
    })?;
    let found: Vec<Seed> = langs.into_iter().filter_map(|lang| seed(template, lang)).collect();
    if found.is_empty() {
        return Err(super::bad(format!(
            "seed {name:?} writes the request in another form, so its sentences cannot be changed; name another template"
        )));
    }
    Ok(found)
}

fn seed(template: &mutator::Template, lang: &str) -> Option<Seed> {
    let text = if lang == "zh" { &template.zh } else { &template.en };
    let prose = template.escape == Escape::None && text.matches(PAYLOAD).count() == 1;
    prose.then(|| Seed { id: format!("{}.{lang}", template.id), lang: lang.to_owned(), text: text.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_names_there_is_a_spread_of_both_languages() {
        let found = seeds(&Genetic::default()).expect("seeds");
        assert_eq!(found.len(), 12);
        assert_eq!(found.iter().filter(|s| s.lang == "zh").count(), 6);
        let chapters: std::collections::HashSet<_> = found.iter().filter_map(|s| s.id.split('_').next()).collect();
        assert!(chapters.len() >= 3, "{chapters:?}");
        let english = among(&Genetic::default(), &["en"]).expect("seeds");
        assert!(english.iter().all(|s| s.lang == "en") && english.len() == 12);
    }

    #[test]
    fn seeds_are_taken_by_name_and_a_wrong_name_says_what_to_do() {
        let with =
            |seeds: &[&str]| Genetic { seeds: seeds.iter().map(|s| (*s).to_owned()).collect(), ..Genetic::default() };
        let ids = |seeds: Vec<Seed>| seeds.into_iter().map(|s| s.id).collect::<Vec<_>>();
        let first = mutator::templates().iter().find(|t| t.escape == Escape::None).expect("prose");
        let both = seeds(&with(&[&first.id])).expect("both");
        assert_eq!(ids(both), [format!("{}.zh", first.id), format!("{}.en", first.id)]);
        let one = seeds(&with(&[&format!("{}.en", first.id), &format!("{}.en", first.id)])).expect("one");
        assert_eq!(ids(one), [format!("{}.en", first.id)]);
        let unknown = seeds(&with(&["no_such"])).expect_err("unknown").to_string();
        assert!(unknown.contains("no_such") && unknown.contains("packs/redteam/templates"), "{unknown}");
        let format = mutator::templates().iter().find(|t| t.escape != Escape::None).expect("a format");
        assert!(seeds(&with(&[&format.id])).is_err());
    }
}
