//! The words of a file: banks, risks, aspects, languages, forms and modalities, as people write them.

use menshen_text::Folder;
use menshen_verdict::Risk;

use crate::bank::stats::{form_zh, modality_zh};
use crate::question::{BankKind, Form, Group, Modality};

/// Letters, digits and Han characters of the folded text.
pub(super) fn plain(text: &str) -> String {
    Folder::shared().fold_word(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// A bank by any of its names; also the name of a sheet.
pub(super) fn bank(text: &str) -> Option<BankKind> {
    let plain = plain(text);
    let name =
        plain.strip_suffix("测试题库").or(plain.strip_suffix("题库")).or(plain.strip_suffix("bank")).unwrap_or(&plain);
    match name {
        "generated" | "generatedcontent" | "g" | "生成内容" | "生成" => Some(BankKind::Generated),
        "refuse" | "shouldrefuse" | "refusal" | "r" | "应拒答" | "应当拒答" | "应该拒答" | "拒答" => {
            Some(BankKind::Refuse)
        }
        "answer" | "shouldnotrefuse" | "nonrefusal" | "n" | "非拒答" | "不应拒答" | "不应当拒答" | "不拒答" => {
            Some(BankKind::Answer)
        }
        _ => None,
    }
}

/// A name without what the standards put or leave out: GB/T 45654 drops some 他人.
fn name_of(plain: &str) -> String {
    plain.replace("他人", "")
}

/// Whether a text names a group: by its id (`A1a`, `A.1 a)`), its Chinese or English name, or id and name together.
fn names(group: Group, given: &str) -> bool {
    let id = group.id().to_ascii_lowercase();
    let given = name_of(given);
    [group.zh(), group.en()]
        .into_iter()
        .map(|name| name_of(&plain(name)))
        .any(|name| given == id || given == name || given == format!("{id}{name}") || given == format!("{name}{id}"))
}

/// A risk by its id or name.
pub(super) fn risk(text: &str) -> Option<Risk> {
    let given = plain(text);
    Risk::ALL.iter().copied().find(|risk| names(Group::Risk(*risk), &given))
}

/// A group of a bank, or of any when the bank is not said.
pub(super) fn group(bank: Option<BankKind>, text: &str) -> Result<Group, String> {
    let given = plain(text);
    // 我国制度 is how the standard writes the first aspect.
    let short = given.strip_prefix("我国").unwrap_or(&given);
    let short = short.strip_suffix("方面").unwrap_or(short);
    let all = match bank {
        Some(kind) => Group::of_bank(kind),
        None => BankKind::ALL.into_iter().flat_map(Group::of_bank).collect(),
    };
    let known = all
        .iter()
        .find(|g| names(**g, &given))
        .or_else(|| all.iter().find(|g| g.risk().is_none() && names(**g, short)));
    if let Some(group) = known {
        return Ok(*group);
    }
    match (
        bank,
        Group::of_bank(BankKind::Generated)
            .into_iter()
            .chain(Group::of_bank(BankKind::Answer))
            .find(|g| names(*g, &given)),
    ) {
        (Some(kind), Some(other)) => Err(format!("{other} ({}) is no group of the {}", other.zh(), kind.en())),
        (Some(kind), None) => Group::parse(kind, text),
        (None, _) => Err(format!("{text:?} is no risk and no aspect; write an id such as A1a or system, or its name")),
    }
}

/// A form by its word or Chinese name.
pub(super) fn form(text: &str) -> Result<Form, String> {
    let given = plain(text);
    let other = match given.as_str() {
        "直接" => Some(Form::Direct),
        "诱导" | "诱导性" => Some(Form::Induced),
        "情境" | "情景" | "场景" => Some(Form::Scenario),
        "任务型" => Some(Form::Task),
        "角色" => Some(Form::Roleplay),
        "比较" | "对比" => Some(Form::Compare),
        "规避" | "变体" => Some(Form::Evasive),
        _ => None,
    };
    let known = Form::ALL.into_iter().find(|f| given == f.id() || given == form_zh(*f));
    known.or(other).map_or_else(|| text.parse(), Ok)
}

/// A modality by its word or Chinese name.
pub(super) fn modality(text: &str) -> Result<Modality, String> {
    let given = plain(text);
    let other = match given.as_str() {
        "文字" | "文生文" => Some(Modality::Text),
        "图像" | "图" | "文生图" | "picture" => Some(Modality::Image),
        "语音" | "声音" | "文生音频" | "speech" | "sound" => Some(Modality::Audio),
        "文生视频" | "clip" => Some(Modality::Video),
        _ => None,
    };
    let known = Modality::ALL.into_iter().find(|m| given == m.id() || given == modality_zh(*m));
    known.or(other).map_or_else(|| text.parse(), Ok)
}

/// A language tag for a language's name; what is no name is taken for a tag.
pub(super) fn lang(text: &str) -> String {
    let tag = match plain(text).as_str() {
        "中文" | "汉语" | "简体中文" | "简体" | "普通话" | "chinese" | "zhcn" | "zhhans" | "cn" => "zh",
        "繁体中文" | "繁体" => "zh-Hant",
        "英文" | "英语" | "english" => "en",
        "日文" | "日语" | "japanese" => "ja",
        "韩文" | "韩语" | "朝鲜语" | "korean" => "ko",
        "俄文" | "俄语" | "russian" => "ru",
        "法文" | "法语" | "french" => "fr",
        "德文" | "德语" | "german" => "de",
        "西班牙文" | "西班牙语" | "spanish" => "es",
        "阿拉伯文" | "阿拉伯语" | "arabic" => "ar",
        "藏文" | "藏语" | "tibetan" => "bo",
        "维吾尔文" | "维吾尔语" | "维语" | "uyghur" => "ug",
        "蒙古文" | "蒙古语" | "mongolian" => "mn",
        "粤语" | "广东话" | "cantonese" => "yue",
        _ => {
            let (first, rest) = text.split_once(['-', '_']).map_or((text, None), |(first, rest)| (first, Some(rest)));
            let first = first.to_ascii_lowercase();
            return rest.map_or(first.clone(), |rest| format!("{first}-{}", rest.replace('_', "-")));
        }
    };
    tag.to_owned()
}
