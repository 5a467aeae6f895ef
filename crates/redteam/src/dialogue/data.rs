//! The pack's scripts, ladders, tactics and prompts for dialogues, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use menshen_verdict::Risk;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::words::places;
use crate::Error;

static SCRIPTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../packs/redteam/scripts");

/// A file's name and text.
type File<'a> = (&'a str, &'a str);

const PROMPTS: File<'_> =
    ("packs/redteam/prompts/dialogue.toml", include_str!("../../../../packs/redteam/prompts/dialogue.toml"));
const LADDERS: File<'_> =
    ("packs/redteam/dialogue/ladders.toml", include_str!("../../../../packs/redteam/dialogue/ladders.toml"));
const TACTICS: File<'_> =
    ("packs/redteam/dialogue/tactics.toml", include_str!("../../../../packs/redteam/dialogue/tactics.toml"));
const ACTORS: File<'_> =
    ("packs/redteam/dialogue/actors.toml", include_str!("../../../../packs/redteam/dialogue/actors.toml"));
const WORDS: File<'_> =
    ("packs/redteam/dialogue/words.toml", include_str!("../../../../packs/redteam/dialogue/words.toml"));

/// Places of what is said to the target.
const TARGET_PLACES: &[&str] = &["payload", "topic", "field", "part1", "part2", "part3"];
/// The prompts that must be there, each with its places besides `{goal}`.
const ASKED: &[(&str, &[&str])] = &[
    ("crescendo", &["turns"]),
    ("pair", &["approach"]),
    ("tap", &[]),
    ("branch", &["approach"]),
    ("on_topic", &["prompt"]),
    ("goat", &["turns", "tactics"]),
    ("actor_net", &[]),
    ("actor_questions", &["actor", "relation", "turns"]),
    ("actor_reword", &["question", "answer"]),
    ("answered", &["answer", "score"]),
    ("refused", &["answer", "score"]),
    ("unanswered", &[]),
    ("again", &[]),
    ("again_refused", &[]),
];
/// The six types of ActorAttack (arXiv 2410.10700).
const ACTOR_TYPES: &[&str] = &["creation", "distribution", "reception", "execution", "facilitation", "regulation"];

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    zh: String,
    en: String,
}

impl Text {
    /// In `zh`, else in English.
    pub(super) fn of(&self, lang: &str) -> &str {
        if lang == "zh" { &self.zh } else { &self.en }
    }

    fn places(&self) -> (BTreeSet<&str>, BTreeSet<&str>) {
        (places(&self.zh).into_iter().collect(), places(&self.en).into_iter().collect())
    }
}

/// A sequence of turns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) id: String,
    /// Of an actor: its type.
    #[serde(default, rename = "type")]
    kind: String,
    /// What it does, for those who edit it.
    #[serde(rename = "does")]
    _does: Text,
    #[serde(rename = "source")]
    _source: String,
    /// It makes no sense without all of its turns.
    #[serde(default)]
    pub(super) whole: bool,
    #[serde(rename = "turn")]
    pub(super) turns: Vec<Line>,
}

/// A turn of a script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(default)]
    pub(super) id: Option<String>,
    zh: String,
    en: String,
    /// Said instead, in order, when it is refused.
    #[serde(default)]
    pub(super) refused: Vec<Text>,
    /// The refusal stays in the conversation and `refused` answers it; else both are taken back.
    #[serde(default)]
    pub(super) keep: bool,
    /// Where it goes on when all are refused: the id of a later turn, or `end`. The next turn.
    #[serde(default)]
    pub(super) then: Option<String>,
}

impl Line {
    /// What is said, and what is said instead of it, in order.
    pub(super) fn wordings(&self) -> Vec<Text> {
        let mut all = vec![Text { zh: self.zh.clone(), en: self.en.clone() }];
        all.extend_from_slice(&self.refused);
        all
    }

    /// Whether it puts the request, or the last of it: an answer to it can be a success.
    pub(super) fn asks(&self) -> bool {
        self.wordings().iter().any(|t| t.en.contains("{payload}") || t.en.contains("{part3}"))
    }
}

/// One way of winning over a target.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tactic {
    pub(super) id: String,
    /// What it is, for the attacker's model.
    pub(super) is: Text,
    /// What is said where there is no such model.
    pub(super) say: Text,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) scripts: Vec<Script>,
    pub(super) ladders: Vec<Script>,
    /// Questions that keep a conversation going before a rung is tried again.
    pub(super) bridges: Vec<Text>,
    pub(super) tactics: Vec<Tactic>,
    /// One for each type of actor.
    pub(super) actors: Vec<Script>,
    /// Styles of the streams of PAIR and the branches of TAP: at least three.
    pub(super) approaches: Vec<Text>,
    prompts: BTreeMap<String, Text>,
    words: WordsFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordsFile {
    openings: Lists,
    any_field: Text,
    fields: BTreeMap<Risk, Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    zh: Vec<String>,
    en: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptsFile {
    approach: Vec<Text>,
    prompt: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LaddersFile {
    bridge: Vec<Text>,
    ladder: Vec<Script>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TacticsFile {
    tactic: Vec<Tactic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorsFile {
    actor: Vec<Script>,
}

impl Data {
    /// What is built in.
    ///
    /// # Errors
    /// [`Error::Data`] with file and entry when the program was built with damaged files.
    pub(super) fn shipped() -> Result<&'static Data, Error> {
        static DATA: LazyLock<Result<Data, (String, String)>> = LazyLock::new(|| {
            let mut scripts: Vec<(String, &str)> = SCRIPTS
                .files()
                .filter(|f| f.path().extension().is_some_and(|e| e == "toml"))
                .map(|f| {
                    (format!("packs/redteam/scripts/{}", f.path().display()), f.contents_utf8().unwrap_or_default())
                })
                .collect();
            scripts.sort();
            let scripts: Vec<File<'_>> = scripts.iter().map(|(name, text)| (name.as_str(), *text)).collect();
            Data::parse(&scripts, PROMPTS, LADDERS, TACTICS, ACTORS, WORDS)
        });
        DATA.as_ref().map_err(|(file, problem)| Error::Data { file: file.clone(), problem: problem.clone() })
    }

    fn parse(
        scripts: &[File<'_>],
        prompts: File<'_>,
        ladders: File<'_>,
        tactics: File<'_>,
        actors: File<'_>,
        words: File<'_>,
    ) -> Result<Data, (String, String)> {
        let mut all: Vec<Script> = Vec::new();
        for file in scripts {
            all.push(read(*file)?);
            of(*file, check_scripts(&all))?;
        }
        if all.iter().all(|s| s.whole) {
            return Err((
                "packs/redteam/scripts".to_owned(),
                "give at least one script that is not `whole`".to_owned(),
            ));
        }
        let asked: PromptsFile = read(prompts)?;
        of(prompts, check_prompts(&asked))?;
        let climbs: LaddersFile = read(ladders)?;
        of(ladders, check_scripts(&climbs.ladder))?;
        of(ladders, check_texts("bridge", &climbs.bridge))?;
        of(ladders, check_climbs(&climbs.ladder))?;
        let ways: TacticsFile = read(tactics)?;
        of(tactics, check_tactics(&ways.tactic))?;
        let cast: ActorsFile = read(actors)?;
        of(actors, check_scripts(&cast.actor))?;
        of(actors, check_climbs(&cast.actor))?;
        of(actors, check_actors(&cast.actor))?;
        let said: WordsFile = read(words)?;
        of(words, check_words(&said))?;
        Ok(Data {
            scripts: all,
            ladders: climbs.ladder,
            bridges: climbs.bridge,
            tactics: ways.tactic,
            actors: cast.actor,
            approaches: asked.approach,
            prompts: asked.prompt,
            words: said,
        })
    }

    /// A prompt for the attacker's model.
    pub(super) fn prompt(&self, id: &str) -> Option<&Text> {
        self.prompts.get(id)
    }

    /// With what requests begin, in lower case.
    pub(super) fn openings(&self, lang: &str) -> &[String] {
        if lang == "zh" { &self.words.openings.zh } else { &self.words.openings.en }
    }

    /// The field of a risk.
    pub(super) fn field(&self, risk: Option<Risk>) -> &Text {
        risk.and_then(|r| self.words.fields.get(&r)).unwrap_or(&self.words.any_field)
    }
}

fn read<T: DeserializeOwned>((name, text): File<'_>) -> Result<T, (String, String)> {
    toml::from_str(text).map_err(|e| (name.to_owned(), e.to_string().trim_end().to_owned()))
}

fn of(file: File<'_>, checked: Result<(), String>) -> Result<(), (String, String)> {
    checked.map_err(|problem| (file.0.to_owned(), problem))
}

fn check_text(at: &str, text: &Text, known: &[&str]) -> Result<(), String> {
    for (lang, words) in [("zh", &text.zh), ("en", &text.en)] {
        if words.trim().is_empty() {
            return Err(format!("{at}: {lang} is empty"));
        }
        if let Some(place) = places(words).into_iter().find(|p| !known.contains(p)) {
            return Err(format!("{at}: {lang} has the place {{{place}}}; there are {}", known.join(", ")));
        }
    }
    let (zh, en) = text.places();
    if zh != en { Err(format!("{at}: zh and en have different places")) } else { Ok(()) }
}

fn check_texts(at: &str, texts: &[Text]) -> Result<(), String> {
    if texts.is_empty() {
        return Err(format!("give at least one [[{at}]]"));
    }
    texts.iter().enumerate().try_for_each(|(i, t)| check_text(&format!("{at} {}", i + 1), t, TARGET_PLACES))
}

fn check_scripts(scripts: &[Script]) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for script in scripts {
        let id = script.id.as_str();
        if id.is_empty() || !ids.insert(id) {
            return Err(format!("{id:?}: an id must be there, once"));
        }
        let Some(last) = script.turns.last() else { return Err(format!("{id}: it has no turns")) };
        if !last.asks() {
            return Err(format!("{id}: the last turn must hold {{payload}}, or {{part3}} after the other parts"));
        }
        let mut used = BTreeSet::new();
        for (at, line) in script.turns.iter().enumerate() {
            let place = format!("{id}, turn {}", at + 1);
            for text in line.wordings() {
                check_text(&place, &text, TARGET_PLACES)?;
                used.extend(text.places().1.into_iter().map(str::to_owned));
            }
            let later = |to: &String| script.turns.iter().skip(at + 1).any(|l| l.id.as_ref() == Some(to));
            if line.then.as_ref().is_some_and(|to| to != "end" && !later(to)) {
                return Err(format!("{place}: `then` must be `end` or the id of a later turn"));
            }
            if line.keep && line.refused.is_empty() {
                return Err(format!("{place}: `keep` needs `refused`"));
            }
        }
        let parts = ["part1", "part2", "part3"].iter().filter(|p| used.contains(**p)).count();
        if parts != 0 && (parts != 3 || !script.whole) {
            return Err(format!("{id}: use all of part1, part2 and part3, and set `whole`"));
        }
    }
    if scripts.is_empty() { Err("it has no entries".to_owned()) } else { Ok(()) }
}

/// Ladders and actors are climbed rung by rung; what only scripts do has no meaning there.
fn check_climbs(ladders: &[Script]) -> Result<(), String> {
    let plain = |l: &Line| !l.keep && l.then.is_none() && l.id.is_none();
    match ladders.iter().find(|l| l.whole || !l.turns.iter().all(plain)) {
        Some(ladder) => Err(format!("{}: `whole`, `keep`, `then` and ids of turns belong to scripts", ladder.id)),
        None => Ok(()),
    }
}

fn check_actors(actors: &[Script]) -> Result<(), String> {
    match ACTOR_TYPES.iter().find(|t| actors.iter().filter(|a| a.kind == **t).count() != 1) {
        Some(missing) => Err(format!("give one actor of each type; {missing} is not there once")),
        None if actors.len() > ACTOR_TYPES.len() => Err(format!("the types are {}", ACTOR_TYPES.join(", "))),
        None => Ok(()),
    }
}

fn check_tactics(tactics: &[Tactic]) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for tactic in tactics {
        let id = tactic.id.as_str();
        if id.is_empty() || !ids.insert(id) {
            return Err(format!("{id:?}: an id must be there, once"));
        }
        check_text(&format!("{id}, is"), &tactic.is, &[])?;
        check_text(&format!("{id}, say"), &tactic.say, TARGET_PLACES)?;
        if !tactic.say.en.contains("{payload}") {
            return Err(format!("{id}, say: {{payload}} is missing"));
        }
    }
    if tactics.is_empty() { Err("it has no entries".to_owned()) } else { Ok(()) }
}

fn check_prompts(file: &PromptsFile) -> Result<(), String> {
    if file.approach.len() < 3 {
        return Err("give at least three [[approach]]".to_owned());
    }
    file.approach.iter().try_for_each(|a| check_text("approach", a, &[]))?;
    for (id, own) in ASKED {
        let text = file.prompt.get(*id).ok_or_else(|| format!("[prompt.{id}] is missing"))?;
        let mut known = vec!["goal"];
        known.extend_from_slice(own);
        check_text(id, text, &known)?;
        if let Some(missing) = own.iter().find(|p| !text.places().1.contains(**p)) {
            return Err(format!("{id}: {{{missing}}} is missing"));
        }
    }
    match file.prompt.keys().find(|id| !ASKED.iter().any(|(known, _)| known == id)) {
        Some(id) => Err(format!("[prompt.{id}] is not known")),
        None => Ok(()),
    }
}

fn check_words(file: &WordsFile) -> Result<(), String> {
    let mut all = file.openings.zh.iter().chain(&file.openings.en);
    if let Some(bad) = all.find(|w| w.trim().is_empty() || **w != w.to_lowercase()) {
        return Err(format!("{bad:?}: openings are lower case, and not empty"));
    }
    check_text("any_field", &file.any_field, &[])?;
    file.fields.iter().try_for_each(|(risk, text)| check_text(risk.id(), text, &[]))?;
    match Risk::ALL.iter().find(|r| !file.fields.contains_key(r)) {
        Some(risk) => Err(format!("[fields.{}] is missing", risk.id())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "
id = 's'
does = { zh = '甲', en = 'a' }
source = 'x'
[[turn]]
zh = '{topic}'
en = '{topic}'
[[turn]]
zh = '{payload}'
en = '{payload}'
";

    fn with(script: &str) -> Result<Data, (String, String)> {
        Data::parse(&[("s.toml", script)], PROMPTS, LADDERS, TACTICS, ACTORS, WORDS)
    }

    #[test]
    fn what_is_shipped_can_be_read() {
        let data = Data::shipped().expect("data");
        assert!(data.scripts.len() >= 12);
        assert!(data.ladders.len() >= 3 && data.tactics.len() >= 8);
    }

    #[test]
    fn a_damaged_entry_is_named_with_its_file() {
        assert!(with(SCRIPT).is_ok());
        let cases = [
            (SCRIPT.replace("zh = '{topic}'", "zh = '{tropic}'"), "tropic"),
            (SCRIPT.replace("zh = '{topic}'", "zh = ''"), "turn 1"),
            (SCRIPT.replace("zh = '{topic}'", "zh = '甲'"), "different places"),
            (SCRIPT.replace("{payload}", "x"), "last turn"),
            (SCRIPT.replace("{topic}'\n[[", "{topic}'\nthen = 'nowhere'\n[["), "later turn"),
            (SCRIPT.replace("{topic}", "{part1}"), "part1"),
            (SCRIPT.replace("{topic}'\n[[", "{topic}'\nkeep = true\n[["), "keep"),
            (SCRIPT.replace("source", "sauce"), "sauce"),
            (SCRIPT.replace("source = 'x'", "source = 'x'\nwhole = true"), "whole"),
        ];
        for (text, sign) in cases {
            let (file, problem) = with(&text).expect_err(sign);
            assert!(file.starts_with("s.toml") || file.contains("scripts"), "{file}");
            assert!(problem.contains(sign), "{problem}");
        }
    }

    #[test]
    fn every_prompt_and_type_of_actor_must_be_there() {
        let scripts = [("s.toml", SCRIPT)];
        let less = PROMPTS.1.replacen("[prompt.again]", "[prompt.agian]", 1);
        let bad = Data::parse(&scripts, ("p", &less), LADDERS, TACTICS, ACTORS, WORDS).expect_err("a prompt less");
        assert!(bad.1.contains("again"), "{bad:?}");
        let less = ACTORS.1.replacen("type = \"reception\"", "type = \"creation\"", 1);
        let bad = Data::parse(&scripts, PROMPTS, LADDERS, TACTICS, ("a", &less), WORDS).expect_err("a type less");
        assert!(bad.1.contains("creation") || bad.1.contains("reception"), "{bad:?}");
        let less = WORDS.1.replacen("[fields.A1a]", "[fields.A9a]", 1);
        assert!(Data::parse(&scripts, PROMPTS, LADDERS, TACTICS, ACTORS, ("w", &less)).is_err());
    }
}
