//! What can be wrong with a label, and by which clause.

use std::fmt;

use super::Member;

/// A deviation of what was read from what the standard and its guides say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// More than one label in the file; equal ones count.
    Several {
        /// How many.
        count: usize,
        /// Where they stand.
        places: Vec<String>,
    },
    /// It stands where no guide puts it for this format.
    Place(String),
    /// A member that may not be empty is empty or not there.
    Missing(Member),
    /// A member that may be empty is not there at all.
    Absent(Member),
    /// A member stands twice: readers differ in which they take.
    Twice(Member),
    /// `Label` is none of 1, 2, 3.
    Kind(String),
    /// A value that is not a string (such as the number 1).
    NotText(Member),
    /// A character that the standard bars.
    Character(Member, char),
    /// A member's name is spelled in another way.
    Spelling(Member, String),
    /// A member that the standard does not have.
    Unknown(String),
    /// The members are not in order.
    Order,
    /// JSON within a JSON string.
    Encoded,
    /// It is not a JSON object: glued to other text, written as lines or with single quotes.
    Form(&'static str),
    /// The value under the name AIGC cannot be read.
    Unreadable(String),
    /// The members of another scheme.
    Scheme(&'static str),
    /// A provider's code whose form or credit code is wrong.
    Code(Member, String),
    /// A provider is named by something else than its code.
    Name(Member, String),
    /// A signature by TC260-PG-202511A that does not hold.
    Signature(Member, String),
    /// Something in a reserved member that is read by none but its writer.
    Strange(Member),
}

/// Formats for which no guide that could be read names a place: a label there can stand in no wrong one.
const NO_GUIDE: [&str; 3] = ["html:", "epub:", "ofd:"];

impl Fault {
    /// The clause or guide that is not kept.
    #[must_use]
    pub fn clause(&self) -> &'static str {
        match self {
            Fault::Several { .. } => "GB 45438-2025 6.1 c)",
            Fault::Place(_) => "TC260-PG-20257A, 20258A, 20259A, 202510A",
            Fault::Character(..) => "GB 45438-2025 E.j",
            Fault::Code(..) | Fault::Name(..) => "服务提供者编码规则",
            Fault::Signature(..) | Fault::Strange(_) => "TC260-PG-202511A",
            _ => "GB 45438-2025 Annex E",
        }
    }

    /// Whether it makes a file noncompliant. What is not, is worth knowing: implementers and readers differ about it, or
    /// the standard allows it.
    #[must_use]
    pub fn is_breach(&self) -> bool {
        match self {
            Fault::Place(place) => !NO_GUIDE.iter().any(|format| place.starts_with(format)),
            Fault::Absent(_) | Fault::Order | Fault::Unknown(_) | Fault::Name(..) | Fault::Strange(_) => false,
            _ => true,
        }
    }

    /// In Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Fault::Several { count, places } => {
                format!("文件中有{count}个元数据隐式标识，只应有一个：{}", places.join("；"))
            }
            Fault::Place(place) => format!("标识的位置不是实践指南规定的位置：{place}"),
            Fault::Missing(member) => format!("{}为空或缺失", member.name()),
            Fault::Absent(member) => format!("缺少{}（可为空）", member.name()),
            Fault::Twice(member) => format!("{}出现不止一次", member.name()),
            Fault::Kind(value) => format!("Label的值为“{value}”，应为1、2或3"),
            Fault::NotText(member) => format!("{}的值不是字符串", member.name()),
            Fault::Character(member, c) => format!("{}含有不允许的字符{c:?}", member.name()),
            Fault::Spelling(member, name) => format!("{}写成了{name}", member.name()),
            Fault::Unknown(name) => format!("标准中没有的成员：{name}"),
            Fault::Order => "成员的顺序与标准不同".to_owned(),
            Fault::Encoded => "JSON被再次编码成了字符串".to_owned(),
            Fault::Form(form) => format!("标识不是JSON对象：{form}"),
            Fault::Unreadable(problem) => format!("AIGC字段的值无法读取：{problem}"),
            Fault::Scheme(scheme) => format!("采用的是其他方案的成员：{scheme}"),
            Fault::Code(member, problem) => format!("{}的服务提供者编码有误：{problem}", member.name()),
            Fault::Name(member, name) => format!("{}是名称“{name}”，不是服务提供者编码", member.name()),
            Fault::Signature(member, problem) => format!("{}中的数字签名无效：{problem}", member.name()),
            Fault::Strange(member) => format!("{}的内容只有写入方能读取，未作核验", member.name()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Several { count, places } => {
                write!(f, "the file has {count} labels, and may have one: {}", places.join("; "))
            }
            Fault::Place(place) => write!(f, "no practice guide puts the label there: {place}"),
            Fault::Missing(member) => write!(f, "{} is empty or not there", member.name()),
            Fault::Absent(member) => write!(f, "{} is not there (it may be empty)", member.name()),
            Fault::Twice(member) => write!(f, "{} stands more than once", member.name()),
            Fault::Kind(value) => write!(f, "Label is {value:?}; it can be 1, 2 or 3"),
            Fault::NotText(member) => write!(f, "the value of {} is not a string", member.name()),
            Fault::Character(member, c) => write!(f, "{} holds {c:?}, which is barred", member.name()),
            Fault::Spelling(member, name) => write!(f, "{} is spelled {name:?}", member.name()),
            Fault::Unknown(name) => write!(f, "the standard has no member {name:?}"),
            Fault::Order => f.write_str("the members are not in the order of the standard"),
            Fault::Encoded => f.write_str("the JSON is encoded once more, as a string"),
            Fault::Form(form) => write!(f, "the label is not a JSON object: {form}"),
            Fault::Unreadable(problem) => write!(f, "the value of the field AIGC cannot be read: {problem}"),
            Fault::Scheme(scheme) => write!(f, "these are the members of another scheme: {scheme}"),
            Fault::Code(member, problem) => write!(f, "{}: {problem}", member.name()),
            Fault::Name(member, name) => write!(f, "{} is the name {name:?}, not a provider code", member.name()),
            Fault::Signature(member, problem) => {
                write!(f, "the signature in {} does not hold: {problem}", member.name())
            }
            Fault::Strange(member) => {
                write!(f, "{} can be read by its writer alone; it was not verified", member.name())
            }
        }
    }
}
