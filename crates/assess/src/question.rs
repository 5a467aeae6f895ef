//! A question of a bank.

use std::fmt;
use std::str::FromStr;

use menshen_verdict::{Risk, RiskGroup};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The three banks of TC260-003 chapter 8 (the figures are the same in GB/T 45654-2025).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankKind {
    /// 生成内容测试题库: what the service makes of them is judged.
    Generated,
    /// 应拒答测试题库.
    Refuse,
    /// 非拒答测试题库.
    Answer,
}

impl BankKind {
    /// All.
    pub const ALL: [BankKind; 3] = [BankKind::Generated, BankKind::Refuse, BankKind::Answer];

    /// Its word, which is also its folder.
    pub const fn id(self) -> &'static str {
        match self {
            BankKind::Generated => "generated",
            BankKind::Refuse => "refuse",
            BankKind::Answer => "answer",
        }
    }

    /// Its Chinese name.
    pub const fn zh(self) -> &'static str {
        match self {
            BankKind::Generated => "生成内容测试题库",
            BankKind::Refuse => "应拒答测试题库",
            BankKind::Answer => "非拒答测试题库",
        }
    }

    /// Its English name.
    pub const fn en(self) -> &'static str {
        match self {
            BankKind::Generated => "generated-content bank",
            BankKind::Refuse => "should-refuse bank",
            BankKind::Answer => "should-not-refuse bank",
        }
    }

    /// The letter that its ids begin with.
    pub const fn letter(self) -> char {
        match self {
            BankKind::Generated => 'G',
            BankKind::Refuse => 'R',
            BankKind::Answer => 'N',
        }
    }
}

impl fmt::Display for BankKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for BankKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = BankKind::ALL.into_iter().find(|k| text.eq_ignore_ascii_case(k.id()) || text == k.zh());
        known.ok_or_else(|| format!("{text:?} is no bank; write generated, refuse or answer"))
    }
}

/// The 13 aspects of the should-not-refuse bank (TC260-003 8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// 我国制度.
    System,
    /// 信仰.
    Belief,
    /// 形象.
    Image,
    /// 文化.
    Culture,
    /// 习俗.
    Custom,
    /// 民族.
    Ethnicity,
    /// 地理.
    Geography,
    /// 历史.
    History,
    /// 英烈.
    Heroes,
    /// 性别.
    Gender,
    /// 年龄.
    Age,
    /// 职业.
    Occupation,
    /// 健康.
    Health,
}

impl Aspect {
    /// All, in the order of the standard.
    pub const ALL: [Aspect; 13] = [
        Aspect::System,
        Aspect::Belief,
        Aspect::Image,
        Aspect::Culture,
        Aspect::Custom,
        Aspect::Ethnicity,
        Aspect::Geography,
        Aspect::History,
        Aspect::Heroes,
        Aspect::Gender,
        Aspect::Age,
        Aspect::Occupation,
        Aspect::Health,
    ];

    /// Its word, Chinese and English name.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Aspect::System => ("system", "制度", "political system"),
            Aspect::Belief => ("belief", "信仰", "belief"),
            Aspect::Image => ("image", "形象", "national image"),
            Aspect::Culture => ("culture", "文化", "culture"),
            Aspect::Custom => ("custom", "习俗", "custom"),
            Aspect::Ethnicity => ("ethnicity", "民族", "ethnicity"),
            Aspect::Geography => ("geography", "地理", "geography"),
            Aspect::History => ("history", "历史", "history"),
            Aspect::Heroes => ("heroes", "英烈", "heroes and martyrs"),
            Aspect::Gender => ("gender", "性别", "gender"),
            Aspect::Age => ("age", "年龄", "age"),
            Aspect::Occupation => ("occupation", "职业", "occupation"),
            Aspect::Health => ("health", "健康", "health"),
        }
    }

    /// Its word.
    pub const fn id(self) -> &'static str {
        self.names().0
    }

    /// Its Chinese name.
    pub const fn zh(self) -> &'static str {
        self.names().1
    }

    /// Its English name.
    pub const fn en(self) -> &'static str {
        self.names().2
    }
}

impl FromStr for Aspect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Aspect::ALL.into_iter().find(|a| text.eq_ignore_ascii_case(a.id()) || text == a.zh());
        known.ok_or_else(|| {
            let all: Vec<&str> = Aspect::ALL.iter().map(|a| a.id()).collect();
            format!("{text:?} is no aspect; write one of {}", all.join(", "))
        })
    }
}

/// What the model is asked to make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Words.
    #[default]
    Text,
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A clip.
    Video,
}

impl Modality {
    /// All.
    pub const ALL: [Modality; 4] = [Modality::Text, Modality::Image, Modality::Audio, Modality::Video];

    /// Its word.
    pub const fn id(self) -> &'static str {
        match self {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Audio => "audio",
            Modality::Video => "video",
        }
    }

    /// Whether it is words: what is absent from a file.
    pub fn is_text(&self) -> bool {
        *self == Modality::Text
    }
}

impl FromStr for Modality {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Modality::ALL.into_iter().find(|m| text.eq_ignore_ascii_case(m.id()));
        known.ok_or_else(|| format!("{text:?} is no modality; write text, image, audio or video"))
    }
}

/// How a question is put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A plain question.
    #[default]
    Direct,
    /// With a premise that leads to a risky answer.
    Induced,
    /// Within a realistic situation.
    Scenario,
    /// Writing, translating, continuing, classifying, coding.
    Task,
    /// Within fiction.
    Roleplay,
    /// A choice or ranking.
    Compare,
    /// In words that go round a filter.
    Evasive,
}

impl Form {
    /// All.
    pub const ALL: [Form; 7] =
        [Form::Direct, Form::Induced, Form::Scenario, Form::Task, Form::Roleplay, Form::Compare, Form::Evasive];

    /// Its word.
    pub const fn id(self) -> &'static str {
        match self {
            Form::Direct => "direct",
            Form::Induced => "induced",
            Form::Scenario => "scenario",
            Form::Task => "task",
            Form::Roleplay => "roleplay",
            Form::Compare => "compare",
            Form::Evasive => "evasive",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Form::ALL.into_iter().find(|f| text.eq_ignore_ascii_case(f.id()));
        known.ok_or_else(|| {
            let all: Vec<&str> = Form::ALL.iter().map(|f| f.id()).collect();
            format!("{text:?} is no form; write one of {}", all.join(", "))
        })
    }
}

/// What a bank counts its questions by: a risk, or an aspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// One of the 31 risks.
    Risk(Risk),
    /// One of the 13 aspects.
    Aspect(Aspect),
}

impl Group {
    /// Its word: `A1a` or `system`. The stem of its file.
    pub fn id(self) -> &'static str {
        match self {
            Group::Risk(risk) => risk.id(),
            Group::Aspect(aspect) => aspect.id(),
        }
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        match self {
            Group::Risk(risk) => risk.zh(),
            Group::Aspect(aspect) => aspect.zh(),
        }
    }

    /// Its English name.
    pub fn en(self) -> &'static str {
        match self {
            Group::Risk(risk) => risk.en(),
            Group::Aspect(aspect) => aspect.en(),
        }
    }

    /// The risk, when it is one.
    pub const fn risk(self) -> Option<Risk> {
        match self {
            Group::Risk(risk) => Some(risk),
            Group::Aspect(_) => None,
        }
    }

    /// The groups that a bank may have: all 31 risks, the 17 of A.1 and A.2, the 13 aspects.
    pub fn of_bank(kind: BankKind) -> Vec<Group> {
        match kind {
            BankKind::Generated => Risk::ALL.iter().copied().map(Group::Risk).collect(),
            BankKind::Refuse => {
                let seventeen =
                    Risk::ALL.iter().copied().filter(|r| matches!(r.group(), RiskGroup::A1 | RiskGroup::A2));
                seventeen.map(Group::Risk).collect()
            }
            BankKind::Answer => Aspect::ALL.into_iter().map(Group::Aspect).collect(),
        }
    }

    /// The group of a bank by its word.
    ///
    /// # Errors
    /// A sentence that says which words there are.
    pub fn parse(kind: BankKind, text: &str) -> Result<Group, String> {
        let text = text.trim();
        let groups = Group::of_bank(kind);
        // `A.1 a)`, `A.1a` and `a1a` are the same risk.
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let known = groups.iter().find(|g| g.id().eq_ignore_ascii_case(&plain) || g.zh() == text || g.en() == text);
        known.copied().ok_or_else(|| {
            let all: Vec<&str> = groups.iter().map(|g| g.id()).collect();
            format!("{text:?} is no group of the {}; write one of {}", kind.en(), all.join(", "))
        })
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A question. Its id stays with its text for good: reports and manifests name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Such as `G-A1a-001`.
    pub id: String,
    /// Its bank.
    pub bank: BankKind,
    /// Its risk or aspect.
    pub group: Group,
    /// What is asked.
    pub text: String,
    /// `zh`, `en` or another BCP 47 tag.
    pub lang: String,
    /// How it is put.
    pub form: Form,
    /// What the model is asked to make.
    pub modality: Modality,
    /// Further risks that clearly apply.
    pub also: Vec<Risk>,
    /// When it came into the bank, `YYYY-MM-DD`.
    pub added: String,
    /// When it left, `YYYY-MM-DD`. It stays in the file, so that old manifests can be read.
    pub retired: Option<String>,
    /// Where it comes from; empty: written for this bank.
    pub source: String,
}

impl Question {
    /// SHA-256 of bank, group, language, modality and text: what an answer is an answer to.
    pub fn sha256(&self) -> String {
        let parts = [self.bank.id(), self.group.id(), &self.lang, self.modality.id(), &self.text];
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        data_encoding::HEXLOWER.encode(&hasher.finalize())
    }

    /// Whether it is asked: not retired.
    pub const fn is_current(&self) -> bool {
        self.retired.is_none()
    }
}

/// A question as a line of a bank's file writes it; bank and group are the folder and the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// See [`Question`].
    pub id: String,
    /// See [`Question`].
    pub text: String,
    /// See [`Question`].
    pub lang: String,
    /// See [`Question`].
    #[serde(default)]
    pub form: Form,
    /// See [`Question`].
    #[serde(default, skip_serializing_if = "Modality::is_text")]
    pub modality: Modality,
    /// See [`Question`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Risk>,
    /// See [`Question`].
    pub added: String,
    /// See [`Question`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<String>,
    /// See [`Question`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Line {
    /// The question of this line in this file.
    pub fn question(self, bank: BankKind, group: Group) -> Question {
        let Line { id, text, lang, form, modality, also, added, retired, source } = self;
        Question { id, bank, group, text, lang, form, modality, also, added, retired, source }
    }
}

impl From<&Question> for Line {
    fn from(q: &Question) -> Line {
        Line {
            id: q.id.clone(),
            text: q.text.clone(),
            lang: q.lang.clone(),
            form: q.form,
            modality: q.modality,
            also: q.also.clone(),
            added: q.added.clone(),
            retired: q.retired.clone(),
            source: q.source.clone(),
        }
    }
}
