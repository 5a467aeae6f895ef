//! Whether words are a label: a clause that says of the text at hand that AI generated it, and nothing else; beside it
//! only clauses that tell readers to be careful.

/// What a word does in such a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Points to the text at hand.
    This,
    /// What was generated.
    Thing,
    /// Before the one who generated it: a name may follow.
    By,
    /// Holds the clause together.
    Joint,
    /// Artificial intelligence.
    Ai,
    /// What it is done with.
    Tool,
    /// Was generated.
    Generated,
    /// That it is a label.
    Notice,
}

use Role::{Ai, By, Generated, Joint, Notice, Thing, This, Tool};

/// Words of Chinese clauses, simplified and traditional. The two elements are those of clause 5.1; the others are what
/// stands around them in the labels of services. `生成式` is here so that it is not taken for the element.
const CHINESE: [(Role, &[&str]); 8] = [
    (
        This,
        &[
            "本", "此", "该", "該", "以上", "以下", "上述", "下列", "下述", "上文", "下文", "上方", "下方", "全文",
            "文中", "部分", "所有", "全部", "本次", "此次", "本篇", "本段", "此篇", "此段", "这篇", "這篇", "这段",
            "這段", "这份", "這份", "当前", "當前", "本站", "本页", "本頁",
        ],
    ),
    (
        Thing,
        &[
            "内容", "內容", "文本", "文字", "文章", "文", "文档", "文檔", "文件", "作品", "回答", "回复", "回覆",
            "答复", "答覆", "答案", "图片", "圖片", "图像", "圖像", "图文", "圖文", "图", "圖", "视频", "視頻", "音频",
            "音頻", "语音", "語音", "信息", "资讯", "資訊", "资料", "資料", "报告", "報告", "摘要", "总结", "總結",
            "翻译", "翻譯", "译文", "譯文", "评论", "評論", "稿件", "稿", "页面", "頁面", "结果", "結果", "代码",
            "代碼", "素材", "对话", "對話", "字幕", "标题", "標題", "插图", "插圖", "配图", "配圖", "封面", "故事",
            "小说", "小說", "诗歌", "詩歌", "邮件", "郵件", "文案", "音乐", "音樂", "声音", "聲音",
        ],
    ),
    (
        By,
        &[
            "由", "经", "經", "使用", "利用", "通过", "通過", "借助", "藉助", "依托", "依託", "采用", "採用", "基于",
            "基於", "运用", "運用",
        ],
    ),
    (
        Joint,
        &[
            "是",
            "系",
            "係",
            "为",
            "為",
            "属于",
            "屬於",
            "属",
            "屬",
            "均",
            "都",
            "皆",
            "全",
            "完全",
            "主要",
            "可能",
            "疑似",
            "或",
            "已",
            "的",
            "所",
            "并",
            "並",
            "和",
            "与",
            "與",
            "及",
            "以及",
            "含",
            "包含",
            "含有",
            "包括",
            "涉及",
            "中",
            "有",
            "自动",
            "自動",
            "辅助",
            "輔助",
            "参与",
            "參與",
            "协助",
            "協助",
            "生成式",
            "而成",
            "而来",
            "进行",
            "進行",
            "等",
        ],
    ),
    (Ai, &["人工智能", "人工智慧", "ai"]),
    (
        Tool,
        &[
            "技术",
            "技術",
            "模型",
            "大模型",
            "大语言模型",
            "大語言模型",
            "语言模型",
            "語言模型",
            "工具",
            "系统",
            "系統",
            "算法",
            "助手",
            "助理",
            "服务",
            "服務",
            "平台",
            "程序",
            "机器人",
            "機器人",
            "软件",
            "軟體",
            "应用",
            "應用",
            "智能体",
            "智能體",
        ],
    ),
    (Generated, &["生成", "合成"]),
    (Notice, &["标识", "標識", "标签", "標籤", "声明", "聲明", "提示", "说明", "說明", "注"]),
];

/// Words of English clauses.
const ENGLISH: [(Role, &[&str]); 7] = [
    (
        This,
        &[
            "this",
            "these",
            "the",
            "following",
            "above",
            "below",
            "all",
            "some",
            "parts",
            "part",
            "portions",
            "of",
            "in",
            "on",
            "its",
            "here",
        ],
    ),
    (
        Thing,
        &[
            "content",
            "contents",
            "text",
            "texts",
            "article",
            "answer",
            "answers",
            "response",
            "responses",
            "reply",
            "document",
            "file",
            "page",
            "report",
            "post",
            "message",
            "email",
            "summary",
            "translation",
            "output",
            "material",
            "image",
            "images",
            "picture",
            "pictures",
            "video",
            "audio",
            "voice",
            "story",
            "information",
            "media",
            "work",
            "code",
        ],
    ),
    (By, &["by", "with", "using", "via", "through", "from"]),
    (
        Joint,
        &[
            "was",
            "were",
            "is",
            "are",
            "has",
            "have",
            "been",
            "be",
            "may",
            "might",
            "can",
            "contain",
            "contains",
            "include",
            "includes",
            "containing",
            "including",
            "and",
            "or",
            "partly",
            "partially",
            "fully",
            "entirely",
            "wholly",
            "automatically",
            "a",
            "an",
            "help",
            "assistance",
            "generative",
            "possibly",
            "likely",
            "suspected",
            "as",
        ],
    ),
    (Ai, &["ai", "artificial intelligence"]),
    (
        Tool,
        &[
            "tool",
            "tools",
            "model",
            "models",
            "system",
            "systems",
            "assistant",
            "technology",
            "assisted",
            "powered",
            "service",
        ],
    ),
    (Generated, &["generated", "synthesized", "synthesised", "synthetic", "synthesis", "generation"]),
];

/// Words of the clauses that may stand beside: be careful, check, no advice, who and when.
const CAREFUL: &str = "参考 參考 甄别 甄別 鉴别 鑑別 辨别 辨別 识别 核实 核實 核对 核對 核查 谨慎 謹慎 慎重 注意 不代表 不构成 不構成 不承担 \
    不承擔 不作为 请 請 责任 責任 准确 準確 错误 錯誤 偏差 真实性 真實性 版权 版權 立场 立場 审核 審核 校对 校對 编辑 \
    編輯 声明 聲明 提示 免责 免責 verify check reference caution careful accura error \
    mistake please disclaimer notice reviewed";

/// Most characters between the AI element and the generation element.
const NEAR: usize = 16;
/// Longest name of a service, in characters.
const LONGEST_NAME: usize = 16;
/// Longest clause that may stand beside the label, in characters.
const LONGEST_CAREFUL: usize = 60;

/// Words of the Latin script.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a run of words is a label. Where it does not stand alone, but is a sentence among others, a mere tag such as
/// `AI生成` is not enough: it must say what was generated, or by what.
pub(super) fn is_prompt(text: &str, alone: bool) -> bool {
    let folded = folded(text);
    // A question about it, or a heading over it, is no label.
    if folded.contains('?')
        || folded.trim_end_matches(|c: char| !c.is_alphanumeric()).ends_with(['吗', '嗎', '么', '呢'])
    {
        return false;
    }
    let heading = text.trim_start().starts_with('#');
    let mut labels = 0;
    for clause in folded.split(separates) {
        let clause = clause.trim_matches(|c: char| !c.is_alphanumeric());
        if clause.is_empty() {
            continue;
        }
        match reading(clause) {
            Some(declares) if declares || (alone && !heading) => labels += 1,
            _ if is_notice(clause) => {}
            _ if clause.chars().count() <= LONGEST_CAREFUL && CAREFUL.split(' ').any(|word| clause.contains(word)) => {}
            _ => return false,
        }
    }
    labels > 0
}

/// Lower case, letters of half width, no characters that are not seen.
fn folded(text: &str) -> String {
    let seen = |c: &char| !matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{00AD}' | '\u{FE00}'..='\u{FE0F}');
    let half = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' | '\u{A0}' => ' ',
        other => other,
    };
    text.chars().filter(seen).map(half).flat_map(char::to_lowercase).collect()
}

fn separates(c: char) -> bool {
    matches!(
        c,
        ',' | '。'
            | '.'
            | ';'
            | '!'
            | ':'
            | '|'
            | '·'
            | '•'
            | '—'
            | '–'
            | '…'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '<'
            | '>'
    ) || matches!(
        c,
        '【' | '】'
            | '「'
            | '」'
            | '『'
            | '』'
            | '《'
            | '》'
            | '〈'
            | '〉'
            | '〔'
            | '〕'
            | '*'
            | '_'
            | '~'
            | '`'
            | '\n'
            | '\r'
    ) || matches!(c, '"' | '\u{201C}' | '\u{201D}' | '#' | '、')
}

fn is_notice(clause: &str) -> bool {
    CHINESE.iter().any(|(role, words)| *role == Notice && words.contains(&clause))
}

/// Whether a clause is the label, and then whether it declares (says what was generated or by what).
fn reading(clause: &str) -> Option<bool> {
    let chinese = clause.chars().any(|c| matches!(c, '\u{4E00}'..='\u{9FFF}'));
    let roles = if chinese { chinese_roles(clause)? } else { english_roles(clause)? };
    let at = |wanted: Role| roles.iter().position(|(role, _)| *role == wanted);
    let ai = at(Ai)?;
    let generated = at(Generated)?;
    let (first, last) = (ai.min(generated), ai.max(generated));
    let gap: usize = roles.get(first + 1..last)?.iter().map(|(_, length)| length).sum();
    if gap > NEAR || (chinese && generated < ai) {
        return None;
    }
    // Behind the element stands what was generated, not what becomes of it.
    let behind = roles.get(last + 1..)?;
    let tail_is_plain =
        behind.iter().all(|(role, _)| matches!(role, Generated | Joint | Thing | Notice | Ai | Tool | This));
    let declares = roles.get(..last)?.iter().any(|(role, _)| matches!(role, By | This | Thing));
    tail_is_plain.then_some(declares)
}

/// The words of a Chinese clause by their roles, when there are no others; but a name before the AI element may be any.
fn chinese_roles(clause: &str) -> Option<Vec<(Role, usize)>> {
    let text: String =
        clause.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '/' | '+' | '\u{2019}' | '\'')).collect();
    let mut roles = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let longest = CHINESE.iter().flat_map(|(role, words)| words.iter().map(move |word| (*role, *word)));
        let found = longest.filter(|(_, word)| rest.starts_with(word)).max_by_key(|(_, word)| word.len());
        match found {
            Some((role, word)) => {
                rest = rest.get(word.len()..)?;
                // "ai" in a longer word of the Latin script is no element.
                if word == "ai" && rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                    return None;
                }
                roles.push((role, word.chars().count()));
            }
            None => {
                // 由豆包AI生成, 经某某人工智能大模型生成.
                let named = roles.last().is_some_and(|(role, _)| *role == By);
                let end = ["人工智能", "人工智慧", "ai"].iter().filter_map(|word| rest.find(word)).min()?;
                let name = rest.get(..end)?;
                let latin = name.ends_with(|c: char| c.is_ascii_alphanumeric());
                if !named || latin && rest.get(end..)?.starts_with("ai") || name.chars().count() > LONGEST_NAME {
                    return None;
                }
                rest = rest.get(end..)?;
            }
        }
    }
    Some(roles)
}

/// The words of an English clause by their roles, when there are no others; but a name behind "by" may be any.
fn english_roles(clause: &str) -> Option<Vec<(Role, usize)>> {
    let text = clause.replace("artificial intelligence", "ai");
    let mut roles: Vec<(Role, usize)> = Vec::new();
    let mut names = 0;
    for word in words(&text) {
        let found = ENGLISH.iter().find(|(_, words)| words.contains(&word)).map(|(role, _)| *role);
        match found {
            Some(role) => roles.push((role, word.len() + 1)),
            None if names < 3 && roles.last().is_some_and(|(role, _)| *role == By) => names += 1,
            None => return None,
        }
    }
    // What the words of the Latin script do not cover is not understood.
    let known = |c: char| c.is_ascii() || !c.is_alphanumeric();
    clause.chars().all(known).then_some(roles)
}
