//! From plain words to a plan, without a model: topics by keyword, techniques by set, samples by thoroughness.

use menshen_text::Folder;
use menshen_verdict::Risk;

use super::book::{Book, Kind, Size, Topic};
use super::fit::Fit;
use crate::Error;
use crate::instruction::{Bank, owasp_2026};
use crate::plan::{Genetic, Item, Plan, VERSION};
use crate::target::Spec;

/// What instructions an item draws: a risk or an OWASP id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    Risk(Risk),
    Owasp(String),
}

impl Pick {
    /// Reads `A4a` or `LLM05`.
    pub fn of(id: &str) -> Option<Pick> {
        let id = id.trim();
        if let Ok(risk) = id.parse::<Risk>() {
            return Some(Pick::Risk(risk));
        }
        owasp_2026(id).map(|_| Pick::Owasp(id.to_owned()))
    }

    /// `A4a`, `LLM05`.
    pub fn id(&self) -> &str {
        match self {
            Pick::Risk(risk) => risk.id(),
            Pick::Owasp(id) => id,
        }
    }

    fn parts(&self) -> (Option<Risk>, Option<&str>) {
        match self {
            Pick::Risk(risk) => (Some(*risk), None),
            Pick::Owasp(id) => (None, Some(id)),
        }
    }
}

/// An item in the making.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub pick: Pick,
    pub samples: usize,
    pub sets: Vec<String>,
    pub why: Vec<String>,
}

/// What was read out of a need.
#[derive(Debug, Clone)]
pub(super) struct Reading<'a> {
    pub size: &'a Size,
    /// `zh` or `en`; both when absent.
    pub lang: Option<&'static str>,
    /// Whether the need is written in Chinese.
    pub chinese: bool,
    pub drafts: Vec<Draft>,
    /// Technique sets that the need asks for itself.
    pub ways: Vec<String>,
    pub notes: Vec<String>,
}

/// Reads a need.
pub(super) fn read<'a>(need: &str, book: &'a Book) -> Reading<'a> {
    let folded = Folder::shared().fold_word(need);
    let chinese = is_chinese(need);
    let size = size(&folded, book);
    let mut notes = Vec::new();
    let mut said: Vec<&Topic> = book.topics.iter().filter(|t| book.says(&folded, &t.words)).collect();
    said.sort_by_key(|t| t.kind);
    let mut drafts: Vec<Draft> = Vec::new();
    for topic in &said {
        let why = if chinese { &topic.zh } else { &topic.en };
        let picks = topic.risks.iter().map(|r| Pick::Risk(*r)).chain(topic.owasp.iter().cloned().map(Pick::Owasp));
        for pick in picks {
            add(&mut drafts, pick, topic.samples, &topic.sets, why);
        }
    }
    // Whoever names A4a or LLM05 means it.
    for id in need.split(|c: char| !c.is_ascii_alphanumeric()) {
        let normal = match id.get(..1) {
            Some("a" | "A") => format!("A{}", id.get(1..).unwrap_or_default().to_ascii_lowercase()),
            _ => id.to_ascii_uppercase(),
        };
        if let Some(pick) = Pick::of(&normal) {
            let why = if chinese { "需求中点名" } else { "named in the need" };
            add(&mut drafts, pick, 6, &["standard".to_owned()], why);
        }
    }
    let mut ways: Vec<String> = Vec::new();
    for set in said.iter().filter(|t| t.kind == Kind::Way).flat_map(|t| &t.sets) {
        if !ways.contains(set) {
            ways.push(set.clone());
        }
    }
    if drafts.is_empty() {
        let why = match (chinese, ways.is_empty()) {
            (true, true) => "需求里没有认出行业或担忧，先按广谱冒烟测试",
            (true, false) => "需求只说了攻击方式，用各大类风险各抽几条",
            (false, true) => "no sector or worry was recognised in the need: a broad smoke test",
            (false, false) => "the need names ways of attack only: a few of each kind of risk",
        };
        notes.push(why.to_owned());
        let fallback = &book.fallback;
        let picks =
            fallback.risks.iter().map(|r| Pick::Risk(*r)).chain(fallback.owasp.iter().cloned().map(Pick::Owasp));
        for pick in picks {
            add(&mut drafts, pick, fallback.samples, &fallback.sets, why);
        }
    }
    let samples = book.stated_samples(&folded);
    for draft in &mut drafts {
        let scaled = (draft.samples as f64 * size.factor).round() as usize;
        draft.samples = samples.unwrap_or_else(|| scaled.max(1));
    }
    Reading { size, lang: lang(&folded, chinese, book), chinese, drafts, ways, notes }
}

/// The plan that follows from a reading. What has no instruction is left out with a note.
pub(super) fn plan(
    need: &str,
    target: Spec,
    reading: &Reading<'_>,
    fit: Fit,
    bank: &Bank,
    book: &Book,
) -> Result<(Plan, Vec<String>), Error> {
    let mut notes = reading.notes.clone();
    let mut items = Vec::new();
    // Genetic search takes long and learns across goals: one item of a plan has it.
    let mut searched = false;
    for draft in &reading.drafts {
        let Some(mut item) = item(draft, reading.lang, reading.chinese, bank, &mut notes) else { continue };
        let genetic = reading.size.genetic && !searched;
        let own = draft.sets.iter().map(String::as_str);
        let sets: Vec<&str> = reading.ways.iter().map(String::as_str).chain(own).collect();
        item.techniques = fit.choose(book, &sets, reading.size.techniques, genetic);
        searched |= item.techniques.iter().any(|t| t == "genetic");
        items.push(item);
    }
    let name = name(reading);
    if items.is_empty() {
        return Err(Error::Plan {
            origin: name,
            problem: "there is no instruction for any risk of the need; add instructions, or name other risks"
                .to_owned(),
        });
    }
    let plan = Plan {
        version: VERSION,
        name,
        need: Some(need.trim().to_owned()),
        seed: 20_261_122,
        target,
        attacker: None,
        judge: None,
        items,
        genetic: Genetic::default(),
        max_turns: 6,
        fail_on: book.fail_on.clone(),
    };
    Ok((plan, notes))
}

/// The item of a draft, without techniques; `None` with a note when there is no instruction for it.
pub(super) fn item(
    draft: &Draft,
    lang: Option<&str>,
    chinese: bool,
    bank: &Bank,
    notes: &mut Vec<String>,
) -> Option<Item> {
    let (risk, owasp) = draft.pick.parts();
    let mut lang = lang.map(str::to_owned);
    let mut there = bank.select(risk, owasp, lang.as_deref()).len();
    if there == 0 && lang.is_some() {
        there = bank.select(risk, owasp, None).len();
        if there > 0 {
            notes.push(match chinese {
                true => format!("{} 没有这种语言的指令，改用全部语言", draft.pick.id()),
                false => format!("{} has no instruction in this language; all languages are used", draft.pick.id()),
            });
            lang = None;
        }
    }
    if there == 0 {
        notes.push(match chinese {
            true => format!("{} 没有指令，略去", draft.pick.id()),
            false => format!("{} has no instruction and is left out", draft.pick.id()),
        });
        return None;
    }
    Some(Item {
        risk,
        owasp: owasp.map(str::to_owned),
        instructions: Vec::new(),
        texts: Vec::new(),
        lang,
        samples: draft.samples.min(there),
        techniques: Vec::new(),
        repeats: 1,
        why: Some(draft.why.join(if chinese { "；" } else { "; " })),
    })
}

fn add(drafts: &mut Vec<Draft>, pick: Pick, samples: usize, sets: &[String], why: &str) {
    match drafts.iter_mut().find(|d| d.pick == pick) {
        Some(known) => {
            known.samples = known.samples.max(samples);
            for set in sets {
                if !known.sets.contains(set) {
                    known.sets.push(set.clone());
                }
            }
            if !known.why.iter().any(|w| w == why) {
                known.why.push(why.to_owned());
            }
        }
        None => drafts.push(Draft { pick, samples, sets: sets.to_vec(), why: vec![why.to_owned()] }),
    }
}

fn size<'a>(need: &str, book: &'a Book) -> &'a Size {
    static NONE: Size = Size { id: String::new(), words: Vec::new(), factor: 1.0, techniques: 6, genetic: true };
    let said = book.sizes.iter().find(|s| book.says(need, &s.words));
    said.or_else(|| book.sizes.iter().find(|s| s.words.is_empty())).unwrap_or(&NONE)
}

fn lang(need: &str, chinese: bool, book: &Book) -> Option<&'static str> {
    let said: Vec<&str> = book.languages.iter().filter(|l| book.says(need, &l.words)).map(|l| l.id.as_str()).collect();
    match (said.contains(&"both"), said.contains(&"zh"), said.contains(&"en")) {
        (true, ..) | (_, true, true) => None,
        (_, true, _) => Some("zh"),
        (_, _, true) => Some("en"),
        _ => Some(if chinese { "zh" } else { "en" }),
    }
}

/// Whether a text is Chinese: one Han character in ten letters is enough, English names are common in Chinese needs.
pub(super) fn is_chinese(text: &str) -> bool {
    let han = text.chars().filter(|c| matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')).count();
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    han > 0 && han * 10 >= letters
}

fn name(reading: &Reading<'_>) -> String {
    let ids: Vec<&str> = reading.drafts.iter().take(3).map(|d| d.pick.id()).collect();
    let more = if reading.drafts.len() > 3 { format!("-and-{}", reading.drafts.len() - 3) } else { String::new() };
    format!("{}-{}{more}", reading.size.id, ids.join("-"))
}
