//! The closed label sets. Each is a table: id, Chinese name, English name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A label id that is not in its taxonomy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseLabelError {
    taxonomy: &'static str,
    given: String,
}

impl fmt::Display for ParseLabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a {} id", self.given, self.taxonomy)
    }
}

impl std::error::Error for ParseLabelError {}

macro_rules! taxonomy {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($variant:ident = $id:literal, $zh:literal, $en:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $id, "` ", $zh, " (", $en, ").")] $variant,)+
        }

        impl $name {
            /// All members, in the order of the taxonomy.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The stable id used in JSON, packs and the audit.
            pub const fn id(self) -> &'static str {
                match self { $($name::$variant => $id,)+ }
            }

            /// The Chinese name.
            pub const fn zh(self) -> &'static str {
                match self { $($name::$variant => $zh,)+ }
            }

            /// The English name.
            pub const fn en(self) -> &'static str {
                match self { $($name::$variant => $en,)+ }
            }

            /// The position in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.id())
            }
        }

        impl FromStr for $name {
            type Err = ParseLabelError;

            fn from_str(s: &str) -> Result<Self, ParseLabelError> {
                match s {
                    $($id => Ok($name::$variant),)+
                    _ => Err(ParseLabelError { taxonomy: $what, given: s.to_owned() }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.id())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = Cow::<'de, str>::deserialize(deserializer)?;
                id.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

taxonomy! {
    /// The 31 risks of TC260-003 / GB/T 45654-2025, Annex A.
    Risk, "risk", {
        A1a = "A1a", "煽动颠覆国家政权、推翻社会主义制度", "inciting subversion of state power";
        A1b = "A1b", "危害国家安全和利益、损害国家形象", "endangering national security and image";
        A1c = "A1c", "煽动分裂国家、破坏国家统一和社会稳定", "inciting separatism and unrest";
        A1d = "A1d", "宣扬恐怖主义、极端主义", "promoting terrorism or extremism";
        A1e = "A1e", "宣扬民族仇恨", "promoting ethnic hatred";
        A1f = "A1f", "宣扬暴力、淫秽色情", "promoting violence, obscenity or pornography";
        A1g = "A1g", "传播虚假有害信息", "spreading false and harmful information";
        A1h = "A1h", "其他法律、行政法规禁止的内容", "other content prohibited by law";
        A2a = "A2a", "民族歧视", "ethnic discrimination";
        A2b = "A2b", "信仰歧视", "religious discrimination";
        A2c = "A2c", "国别歧视", "discrimination by nationality";
        A2d = "A2d", "地域歧视", "regional discrimination";
        A2e = "A2e", "性别歧视", "gender discrimination";
        A2f = "A2f", "年龄歧视", "age discrimination";
        A2g = "A2g", "职业歧视", "occupational discrimination";
        A2h = "A2h", "健康歧视", "health discrimination";
        A2i = "A2i", "其他方面歧视", "other discrimination";
        A3a = "A3a", "侵犯他人知识产权", "infringing intellectual property";
        A3b = "A3b", "违反商业道德", "violating business ethics";
        A3c = "A3c", "泄露他人商业秘密", "disclosing trade secrets";
        A3d = "A3d", "利用算法、数据、平台等优势实施垄断和不正当竞争", "monopoly and unfair competition";
        A3e = "A3e", "其他商业违法违规行为", "other commercial violations";
        A4a = "A4a", "危害他人身心健康", "endangering physical or mental health";
        A4b = "A4b", "侵害他人肖像权", "infringing portrait rights";
        A4c = "A4c", "侵害他人名誉权", "infringing reputation";
        A4d = "A4d", "侵害他人荣誉权", "infringing honour";
        A4e = "A4e", "侵害他人隐私权", "infringing privacy";
        A4f = "A4f", "侵害他人个人信息权益", "infringing personal information rights";
        A4g = "A4g", "侵犯他人其他合法权益", "infringing other lawful rights";
        A5a = "A5a", "内容不准确", "inaccurate content";
        A5b = "A5b", "内容不可靠", "unreliable content";
    }
}

taxonomy! {
    /// The five groups of Annex A.
    RiskGroup, "risk group", {
        A1 = "A1", "违反社会主义核心价值观", "violating core socialist values";
        A2 = "A2", "歧视性内容", "discriminatory content";
        A3 = "A3", "商业违法违规", "commercial violations";
        A4 = "A4", "侵犯他人合法权益", "infringing the rights of others";
        A5 = "A5", "无法满足特定服务类型的安全需求", "not meeting the safety needs of a service type";
    }
}

impl Risk {
    /// The group of Annex A that the risk belongs to.
    pub const fn group(self) -> RiskGroup {
        match self.index() {
            0..=7 => RiskGroup::A1,
            8..=16 => RiskGroup::A2,
            17..=21 => RiskGroup::A3,
            22..=28 => RiskGroup::A4,
            _ => RiskGroup::A5,
        }
    }
}

taxonomy! {
    /// The three classes of prompt attack.
    AttackClass, "attack class", {
        Setting = "setting", "设定类", "setting (competing objectives)";
        Encoding = "encoding", "加密类", "encoding (mismatched generalization)";
        Hijacking = "hijacking", "劫持类", "hijacking (instruction hierarchy)";
    }
}

taxonomy! {
    /// The 19 sub-classes of prompt attack: S1–S6 setting, E1–E7 encoding, H1–H6 hijacking.
    ///
    /// Grounded in Wei et al. 2023 (arXiv 2307.02483), Liu et al. 2023 (2305.13860), Perez and Ribeiro 2022
    /// (2211.09527) and Greshake et al. 2023 (2302.12173); the names are the project's.
    Attack, "attack", {
        S1 = "S1", "角色扮演", "persona";
        S2 = "S2", "虚构与嵌套场景", "nested fiction";
        S3 = "S3", "特权与规则伪造", "false privilege";
        S4 = "S4", "权威与情感说服", "persuasion";
        S5 = "S5", "语义反转", "reframing";
        S6 = "S6", "多轮渐进", "escalation";
        E1 = "E1", "标准编码", "standard encoding";
        E2 = "E2", "密码与自定义映射", "cipher or custom mapping";
        E3 = "E3", "隐形与同形字符", "invisible and look-alike characters";
        E4 = "E4", "词形变异", "word-form variation";
        E5 = "E5", "语言迁移", "language shift";
        E6 = "E6", "拆分重组与谜题", "splitting and puzzles";
        E7 = "E7", "形式语言与跨模态封装", "formal language or cross-modal wrapping";
        H1 = "H1", "目标劫持", "goal hijacking";
        H2 = "H2", "间接注入", "indirect injection";
        H3 = "H3", "上下文与示例劫持", "context and example hijacking";
        H4 = "H4", "前缀注入与拒绝抑制", "prefix injection and refusal suppression";
        H5 = "H5", "优化对抗串", "optimised adversarial string";
        H6 = "H6", "提示词与数据窃取", "prompt and data theft";
    }
}

impl Attack {
    /// The class that the sub-class belongs to.
    pub const fn class(self) -> AttackClass {
        match self.index() {
            0..=5 => AttackClass::Setting,
            6..=12 => AttackClass::Encoding,
            _ => AttackClass::Hijacking,
        }
    }
}

taxonomy! {
    /// Why somebody asks.
    Intent, "intent", {
        Knowledge = "knowledge", "科普知识", "general knowledge";
        Professional = "professional", "专业问询", "professional inquiry";
        Help = "help", "寻求帮助", "seeking help";
        Other = "other", "其他问询", "other inquiry";
        Malicious = "malicious", "恶意", "malicious";
    }
}

taxonomy! {
    /// How the text stands to the risk: free of it, only about it, or an instance of it.
    Level, "level", {
        None = "none", "无风险", "no risk";
        Related = "related", "仅相关", "only related";
        Risky = "risky", "有风险", "risky";
    }
}

taxonomy! {
    /// The mood of the text.
    Sentiment, "sentiment", {
        Negative = "negative", "负面", "negative";
        Neutral = "neutral", "中性", "neutral";
        Positive = "positive", "正面", "positive";
    }
}

/// A general topic such as `health.medicine`: dotted, lower-case ASCII. The list is data (a pack's), not code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topic(Cow<'static, str>);

impl Topic {
    /// Wraps an id.
    pub fn new(id: impl Into<Cow<'static, str>>) -> Self {
        Topic(id.into())
    }

    /// The dotted id.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annex_a_has_8_9_5_7_2_risks() {
        let count = |g| Risk::ALL.iter().filter(|r| r.group() == g).count();
        let counts: Vec<_> = RiskGroup::ALL.iter().map(|g| count(*g)).collect();
        assert_eq!(counts, [8, 9, 5, 7, 2]);
    }

    #[test]
    fn a_risk_belongs_to_the_group_its_id_names() {
        for risk in Risk::ALL {
            assert!(risk.id().starts_with(risk.group().id()), "{risk}");
        }
    }

    #[test]
    fn attacks_are_6_7_6() {
        let count = |c| Attack::ALL.iter().filter(|a| a.class() == c).count();
        assert_eq!(AttackClass::ALL.iter().map(|c| count(*c)).collect::<Vec<_>>(), [6, 7, 6]);
    }

    #[test]
    fn ids_round_trip_and_strangers_are_named() {
        for risk in Risk::ALL {
            assert_eq!(risk.id().parse::<Risk>().as_ref(), Ok(risk));
        }
        let error = "A9z".parse::<Risk>().unwrap_err();
        assert_eq!(error.to_string(), "\"A9z\" is not a risk id");
        assert!(serde_json::from_str::<Attack>("\"S7\"").is_err());
    }
}
