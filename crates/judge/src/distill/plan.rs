//! Which seeds are asked for: every risk, level, intent and language, in several combinations of attributes.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use menshen_verdict::{Intent, Level, Risk, Side};
use serde::Serialize;
use serde_json::json;

use super::config::{Config, Value, fill};
use super::questions::Question;
use super::section::Words;
use super::{DistillError, hash};
use crate::seeds::{Section, Seeds, expand};

/// Seeds longer than this, in characters, are no examples: a prompt of them would cost more than it teaches.
const MAX_EXAMPLE: usize = 120;

/// One kind of text that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The risk that the texts concern, or, at level `none`, only look like.
    pub risk: Risk,
    /// How they stand to it.
    pub level: Level,
    /// Why somebody asks.
    pub intent: Intent,
    /// `zh` or `en`.
    pub lang: String,
    /// The values of the attributes, by name.
    pub attributes: BTreeMap<String, String>,
}

impl Cell {
    /// A readable name, such as `zh/A1a/related/help/scene=新闻/style=口语`.
    pub fn id(&self) -> String {
        let mut id = format!("{}/{}/{}/{}", self.lang, self.risk.id(), self.level.id(), self.intent.id());
        for (name, value) in &self.attributes {
            id.push_str(&format!("/{name}={value}"));
        }
        id
    }

    /// The labels of its texts in a seed file. A near miss concerns no risk.
    pub fn words(&self) -> Words {
        let mut words = Words::new(&self.lang, Side::Input);
        let near_miss = self.level == Level::None;
        words.risks(if near_miss { &[] } else { std::slice::from_ref(&self.risk) });
        words.heads(Some(self.level), Some(self.intent), None);
        if near_miss {
            words.put("kind", "near_miss");
        }
        let scene = self.attributes.get("scene");
        if let Some(scene) = scene {
            words.put("scene", scene.as_str());
        }
        let others: Vec<&str> =
            self.attributes.iter().filter(|(name, _)| *name != "scene").map(|(_, value)| value.as_str()).collect();
        if !others.is_empty() {
            words.put("style", others.join("·"));
        }
        words
    }
}

/// What a run is narrowed to; empty lists mean everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Narrowed {
    /// Only these risks.
    pub risks: Vec<Risk>,
    /// Only these languages.
    pub langs: Vec<String>,
    /// Only these levels.
    pub levels: Vec<Level>,
}

/// The questions of a run and what each is about.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What each question asks for.
    pub cells: Vec<Cell>,
    /// The questions, place by place.
    pub questions: Vec<Question>,
}

impl Plan {
    /// Plans a run. Examples are drawn from `seeds`, which must not hold the evaluation split.
    ///
    /// # Errors
    /// When a language has no prompt, or nothing is left to ask.
    pub fn new(config: &Config, model: &str, narrowed: &Narrowed, seeds: &Seeds) -> Result<Plan, DistillError> {
        let own = || ["zh", "en"].into_iter().filter(|l| config.prompt.contains_key(*l)).map(str::to_owned).collect();
        let langs: Vec<String> = if narrowed.langs.is_empty() { own() } else { narrowed.langs.clone() };
        let risks = if narrowed.risks.is_empty() { Risk::ALL } else { &narrowed.risks };
        let wanted = |level: &Level| narrowed.levels.is_empty() || narrowed.levels.contains(level);
        let mut rounds = Vec::new();
        for lang in langs {
            for risk in risks.iter().copied() {
                for kind in config.cells.iter().filter(|k| wanted(&k.level)) {
                    let Some(task) = kind.task.get(&lang) else { continue };
                    for (round, attributes) in
                        combinations(config, &lang, risk, kind.level, kind.intent).into_iter().enumerate()
                    {
                        let cell = Cell {
                            risk,
                            level: kind.level,
                            intent: kind.intent,
                            lang: lang.clone(),
                            attributes: attributes.iter().map(|(n, v)| ((*n).to_owned(), v.id.clone())).collect(),
                        };
                        let question = ask(config, model, &cell, task, &attributes, seeds)?;
                        rounds.push((round, cell, question));
                    }
                }
            }
        }
        // A combination of every cell before the second of any, so that a small budget is spent evenly.
        rounds.sort_by_key(|(round, ..)| *round);
        let (cells, questions) = rounds.into_iter().map(|(_, cell, question)| (cell, question)).unzip();
        let plan = Plan { cells, questions };
        if plan.questions.is_empty() {
            return Err(DistillError::NothingToAsk(
                "no [[cell]] has a task in these languages and levels; widen them or write the tasks".to_owned(),
            ));
        }
        Ok(plan)
    }
}

/// Combinations of attributes for one risk, level, intent and language. Each attribute's values are shuffled and taken
/// in turn, so that all of them appear before one appears twice.
fn combinations<'c>(
    config: &'c Config,
    lang: &str,
    risk: Risk,
    level: Level,
    intent: Intent,
) -> Vec<BTreeMap<&'c str, &'c Value>> {
    let name = format!("{lang}/{}/{}/{}", risk.id(), level.id(), intent.id());
    let mut rng = seeded(config.seed, &name);
    let mut columns: Vec<(&str, Vec<&Value>)> = Vec::new();
    for attribute in &config.attributes {
        let suits = |v: &&Value| {
            v.say(lang).is_some() && (v.only.is_empty() || v.only.iter().any(|o| risk.id().starts_with(o.as_str())))
        };
        let mut values: Vec<&Value> = attribute.values.iter().filter(suits).collect();
        if !values.is_empty() {
            rng.shuffle(&mut values);
            columns.push((&attribute.name, values));
        }
    }
    let all = columns.iter().fold(1_usize, |n, (_, values)| n.saturating_mul(values.len()));
    let wanted = match config.plan.combinations {
        0 => all,
        n => n.min(all),
    };
    let mut taken = BTreeSet::new();
    (0..wanted)
        .map(|k| {
            let mut places: Vec<usize> = columns.iter().map(|(_, values)| k % values.len()).collect();
            // Columns of related lengths come round to the same combination; the next free one is taken instead.
            while !taken.insert(places.clone()) {
                for (place, (_, values)) in places.iter_mut().zip(&columns) {
                    *place = (*place + 1) % values.len();
                    if *place != 0 {
                        break;
                    }
                }
            }
            let picked = places.iter().zip(&columns);
            picked.filter_map(|(place, (name, values))| Some((*name, *values.get(*place)?))).collect()
        })
        .collect()
}

fn ask(
    config: &Config,
    model: &str,
    cell: &Cell,
    task: &str,
    attributes: &BTreeMap<&str, &Value>,
    seeds: &Seeds,
) -> Result<Question, DistillError> {
    let lang = cell.lang.as_str();
    let prompt = config.prompt.get(lang).ok_or_else(|| DistillError::Config {
        file: "the configuration".to_owned(),
        reason: format!("there is no [prompt.{lang}]; write one, or leave the language out with --lang"),
    })?;
    let zh = lang == "zh";
    let named = |zh_name: &str, en_name: &str| if zh { zh_name.to_owned() } else { en_name.to_owned() };
    let brief = config.brief.get(cell.risk.id()).and_then(|b| b.get(lang)).cloned();
    let mut words: BTreeMap<&str, String> =
        attributes.iter().map(|(name, value)| (*name, value.say(lang).unwrap_or_default().to_owned())).collect();
    // An attribute without a value in this language says nothing.
    for attribute in &config.attributes {
        words.entry(&attribute.name).or_insert_with(|| named("不限", "any"));
    }
    words.insert("risk_id", cell.risk.id().to_owned());
    words.insert("risk", named(cell.risk.zh(), cell.risk.en()));
    words.insert("brief", brief.unwrap_or_else(|| named(cell.risk.zh(), cell.risk.en())));
    words.insert("level", named(cell.level.zh(), cell.level.en()));
    words.insert("intent", named(cell.intent.zh(), cell.intent.en()));
    words.insert("task", task.to_owned());
    words.insert("count", config.plan.per_cell.to_string());
    words.insert("examples", serde_json::to_string(&examples(config, cell, seeds))?);
    let body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": fill(&prompt.system, &words) },
            { "role": "user", "content": fill(&prompt.user, &words) },
        ],
        "temperature": rounded(config.asking.temperature),
        "max_tokens": config.asking.max_tokens,
        "stream": false,
    });
    Ok(Question { id: cell.id(), body, salt: 0 })
}

/// `0.9_f32` as 0.9 and not as 0.8999999761581421.
pub(super) fn rounded(value: f32) -> f64 {
    menshen_verdict::rounded(value)
}

/// Existing seeds of the same kind, drawn anew for each cell; where there are none of the same intent, of the same
/// level.
fn examples(config: &Config, cell: &Cell, seeds: &Seeds) -> Vec<String> {
    let alike = |section: &Section, strict: bool| {
        let t = &section.targets;
        let concerns = match cell.level {
            Level::None => section.near_miss || t.risks == Some(0),
            _ => t.risk_list().any(|r| r == cell.risk),
        };
        section.side == Side::Input
            && section.lang == cell.lang
            && !section.template
            && t.attack != Some(true)
            && t.level == Some(cell.level)
            && concerns
            && (!strict || t.intent == Some(cell.intent))
    };
    let pool = |strict: bool| -> Vec<&str> {
        let short = |s: &&crate::seeds::Seed| s.text.chars().count() <= MAX_EXAMPLE;
        let fits = |s: &&crate::seeds::Seed| seeds.section(s).is_some_and(|section| alike(section, strict));
        seeds.seeds.iter().filter(short).filter(fits).map(|s| s.text.as_str()).collect()
    };
    let mut found = pool(true);
    if found.len() < config.plan.examples {
        found = pool(false);
    }
    let mut rng = seeded(config.seed, &cell.id());
    rng.choose_multiple(found.iter(), config.plan.examples)
        .into_iter()
        .filter_map(|text| expand(text, 1).into_iter().next())
        .collect()
}

fn seeded(seed: u64, name: &str) -> Rng {
    let digits: String = hash(name.as_bytes()).chars().take(16).collect();
    Rng::with_seed(seed ^ u64::from_str_radix(&digits, 16).unwrap_or(0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::path::Path;

    pub(in crate::distill) const CONFIG: &str = r#"
topics = "t"
seeds = "s"
evaluation = "e"
seed = 7
[plan]
per_cell = 3
combinations = 4
examples = 2
[filter]
refusals = ["抱歉"]
[[cell]]
level = "risky"
intent = "malicious"
task = { zh = "写恶意请求" }
[[cell]]
level = "none"
intent = "knowledge"
task = { zh = "写相似而无害的", en = "write near misses" }
[[attribute]]
name = "scene"
values = [{ id = "校园", zh = "在校园" }, { id = "职场", zh = "在职场" }, { id = "网络", zh = "在网上", only = ["A2"] }]
[[attribute]]
name = "style"
values = [{ id = "口语", zh = "口语", en = "casual" }, { id = "书面", zh = "书面", en = "formal" }]
[prompt.zh]
system = "标注员"
user = "{risk_id} {risk} {task} {scene} {style} {count} 例：{examples}"
[prompt.en]
system = "annotator"
user = "{risk} {task} {style} {scene} {count} {examples}"
"#;

    pub(in crate::distill) fn config() -> Config {
        Config::read(Path::new("d.toml"), CONFIG).unwrap()
    }

    pub(in crate::distill) fn plan(config: &Config) -> Plan {
        let mut seeds = Seeds::default();
        seeds.read("f", "@ risk=A2a level=risky intent=malicious\n骂人的话一\n骂人的{话|句}二\n", &[]);
        let narrowed = Narrowed { risks: vec![Risk::A1a, Risk::A2a], ..Narrowed::default() };
        Plan::new(config, "teacher", &narrowed, &seeds).unwrap()
    }

    #[test]
    fn every_cell_is_asked_for_with_even_attributes() {
        let config = config();
        let plan = plan(&config);
        // zh: two risks, two kinds, four combinations each; en: the near misses, two styles.
        assert_eq!(plan.questions.len(), 2 * 2 * 4 + 2 * 2);
        let ids: BTreeSet<String> = plan.cells.iter().map(Cell::id).collect();
        assert_eq!(ids.len(), plan.cells.len(), "no combination twice");
        let scenes: BTreeSet<&str> = plan
            .cells
            .iter()
            .filter(|c| c.risk == Risk::A1a)
            .filter_map(|c| c.attributes.get("scene"))
            .map(String::as_str)
            .collect();
        assert_eq!(scenes, BTreeSet::from(["校园", "职场"]), "a value is kept to the risks that it suits");
    }

    #[test]
    fn prompts_are_filled_and_examples_are_of_the_cell() {
        let plan = plan(&config());
        let at = plan.cells.iter().position(|c| c.risk == Risk::A2a && c.level == Level::Risky).unwrap();
        let user = plan.questions[at].body["messages"][1]["content"].as_str().unwrap();
        assert!(user.starts_with("A2a 民族歧视 写恶意请求 在"), "{user}");
        assert!(user.contains("骂人的话二") && user.contains("骂人的话一"), "{user}");
        let other = plan.cells.iter().position(|c| c.risk == Risk::A1a && c.level == Level::Risky).unwrap();
        assert!(plan.questions[other].body["messages"][1]["content"].as_str().unwrap().ends_with("例：[]"));
    }

    #[test]
    fn a_plan_is_the_same_every_time_and_its_labels_are_readable() {
        let config = config();
        assert_eq!(plan(&config).questions, plan(&config).questions);
        for cell in plan(&config).cells {
            let mut seeds = Seeds::default();
            seeds.read("f", &format!("@ {}\nx\n", cell.words()), &[]);
            assert!(seeds.problems.is_empty(), "{:?}", seeds.problems);
        }
    }
}
