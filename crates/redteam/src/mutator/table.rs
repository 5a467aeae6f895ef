//! The table of mutators for the documentation, and which of the peers' are among them: `docs/mutators.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Apply, Group, Reverse, all};
use crate::technique::{DIALOGUES, Technique};

const PEERS: &str = include_str!("../../../../packs/redteam/peers.toml");

/// A mutator as the documentation prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// The chapter.
    pub group: &'static str,
    /// The sub-class of attack: `S1` … `H6`.
    pub attack: &'static str,
    /// The sub-class in Chinese.
    pub attack_zh: &'static str,
    /// The sub-class in English.
    pub attack_en: &'static str,
    /// What it does, in Chinese.
    pub zh: &'static str,
    /// What it does, in English.
    pub en: &'static str,
    /// Where it is defined.
    pub source: &'static str,
    /// The same in peers.
    pub peers: &'static [&'static str],
    /// `text`, `template`, `model` (an attacker's model is needed) or `file` (a multimodal target is needed).
    pub kind: &'static str,
    /// Whether what was written can be read back by rule.
    pub reversible: bool,
}

/// All mutators, chapter by chapter.
pub fn rows() -> Vec<Row> {
    all()
        .map(|m| Row {
            id: m.id,
            group: chapter(m.group).0,
            attack: m.attack.id(),
            attack_zh: m.attack.zh(),
            attack_en: m.attack.en(),
            zh: m.zh,
            en: m.en,
            source: m.source,
            peers: m.peers,
            kind: match m.apply {
                Apply::Text(_) => "text",
                Apply::Template(_) => "template",
                Apply::Model(_) => "model",
                Apply::Carrier(_) => "file",
            },
            reversible: !matches!(m.reverse, Reverse::No),
        })
        .collect()
}

/// Id, Chinese and English name of a chapter.
const fn chapter(group: Group) -> (&'static str, &'static str, &'static str) {
    match group {
        Group::Encoding => ("encoding", "标准编码", "Encodings"),
        Group::Cipher => ("cipher", "密码与映射", "Ciphers"),
        Group::Invisible => ("invisible", "隐形字符", "Invisible characters"),
        Group::Script => ("script", "字母与字形", "Scripts and look-alikes"),
        Group::Chinese => ("chinese", "汉字特有", "Chinese writing"),
        Group::Word => ("word", "词形与噪声", "Words and noise"),
        Group::Split => ("split", "拆分与谜题", "Splits and puzzles"),
        Group::Formal => ("formal", "代码、数学与数据格式", "Code, maths and data formats"),
        Group::Framing => ("framing", "角色与场景", "Roles and scenes"),
        Group::Context => ("context", "上下文、注入与前缀", "Context, injection and prefixes"),
        Group::Model => ("model", "由模型改写", "Rewritten by a model"),
        Group::Carrier => ("carrier", "图片、文档与声音", "Pictures, documents and sound"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    peer: Vec<Peer>,
}

/// A list of one peer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    id: String,
    name: String,
    version: String,
    zh: String,
    en: String,
    names: Vec<String>,
    #[serde(default)]
    same: BTreeMap<String, String>,
    #[serde(default)]
    not: BTreeMap<String, [String; 2]>,
}

/// How a peer's entry stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing<'a> {
    /// These do the same.
    Here(Vec<&'a str>),
    /// It is not here, and why, in Chinese and English.
    Not(&'a [String; 2]),
    /// Nobody wrote a word about it.
    Open,
}

impl Peer {
    fn standing(&self, name: &str) -> Standing<'_> {
        let wanted = format!("{}:{name}", self.id);
        let mut here: Vec<&str> =
            all().filter(|m| m.peers.iter().any(|p| p.eq_ignore_ascii_case(&wanted))).map(|m| m.id).collect();
        if let Some(same) = self.same.get(name)
            && !here.contains(&same.as_str())
        {
            here.push(same);
        }
        match self.not.get(name) {
            _ if !here.is_empty() => Standing::Here(here),
            Some(why) => Standing::Not(why),
            None => Standing::Open,
        }
    }
}

fn peers() -> Result<&'static [Peer], String> {
    static ALL: OnceLock<Result<Vec<Peer>, String>> = OnceLock::new();
    ALL.get_or_init(|| parse(PEERS)).as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

fn parse(text: &str) -> Result<Vec<Peer>, String> {
    let document: Document = toml::from_str(text).map_err(|e| e.to_string())?;
    if document.version != 1 {
        return Err(format!("version {} is not known; this program reads version 1", document.version));
    }
    for peer in &document.peer {
        let place = format!("peer {:?} {:?}", peer.id, peer.en);
        if let Some(name) = peer.same.keys().chain(peer.not.keys()).find(|n| !peer.names.contains(n)) {
            return Err(format!("{place}: {name:?} is not in names; write it there or remove it"));
        }
        for (name, technique) in &peer.same {
            technique.parse::<Technique>().map_err(|e| format!("{place}: same of {name:?}: {e}"))?;
        }
    }
    Ok(document.peer)
}

/// The page `docs/mutators.md`, in Chinese and English side by side.
pub fn markdown() -> String {
    let rows = rows();
    let mut out = String::from("# 变异器 · Mutators\n\n");
    let _ = writeln!(
        out,
        "由 `menshen redteam mutators --markdown` 生成，请勿手改。共 {} 个变异器，可用 `+` 串联；另有 {} 种多轮攻击与遗传搜索。\n",
        rows.len(),
        DIALOGUES.len()
    );
    let _ = writeln!(
        out,
        "Generated by `menshen redteam mutators --markdown`; do not edit. {} mutators, chained with `+`; besides them {} \
         attacks of several turns, and genetic search.\n",
        rows.len(),
        DIALOGUES.len()
    );
    let _ = writeln!(
        out,
        "↺ 可按规则读回 · reads back by rule. ▣ 需要能收文件的目标 · needs a target that takes files. \
         ◆ 需要攻击模型 · needs a model in the attacker's place.\n"
    );
    let mut chapters: Vec<&str> = Vec::new();
    for row in &rows {
        if !chapters.contains(&row.group) {
            chapters.push(row.group);
        }
    }
    for id in chapters {
        let of: Vec<&Row> = rows.iter().filter(|r| r.group == id).collect();
        let (_, zh, en) = all().map(|m| chapter(m.group)).find(|c| c.0 == id).unwrap_or((id, id, id));
        let _ = writeln!(out, "## {zh} · {en} ({})\n", of.len());
        out.push_str(
            "| id | 攻击子类 Attack | 说明 | What it does | 出处 Source | 同类 Peers |\n|---|---|---|---|---|---|\n",
        );
        for row in of {
            let mut marks = String::new();
            marks.push_str(if row.reversible { " ↺" } else { "" });
            marks.push_str(match row.kind {
                "file" => " ▣",
                "model" => " ◆",
                _ => "",
            });
            let _ = writeln!(
                out,
                "| `{}`{marks} | {} {} | {} | {} | {} | {} |",
                row.id,
                row.attack,
                row.attack_zh,
                cell(row.zh),
                cell(row.en),
                cell(row.source),
                cell(&row.peers.join(", "))
            );
        }
        out.push('\n');
    }
    out.push_str(
        "## 多轮攻击 · Attacks of several turns\n\n| id | 攻击子类 Attack | 说明 | What it does |\n|---|---|---|---|\n",
    );
    for (id, attack, zh, en) in DIALOGUES {
        let _ = writeln!(out, "| `{id}` | {} {} | {} | {} |", attack.id(), attack.zh(), cell(zh), cell(en));
    }
    let _ = writeln!(out, "| `genetic` | H5 优化对抗串 | 在模板上做遗传搜索 | genetic search over templates |\n");
    coverage(&mut out);
    out
}

fn coverage(out: &mut String) {
    out.push_str("## 与同类工具的覆盖 · Coverage of peers\n\n");
    let peers = match peers() {
        Ok(peers) => peers,
        Err(problem) => {
            let _ = writeln!(out, "packs/redteam/peers.toml: {problem}");
            return;
        }
    };
    out.push_str("| 同类 Peer | 清单 List | 覆盖 Here | 没有 Not here |\n|---|---|---:|---:|\n");
    for peer in peers {
        let here = peer.names.iter().filter(|n| matches!(peer.standing(n), Standing::Here(_))).count();
        let _ = writeln!(
            out,
            "| {} {} | {} · {} | {here} / {} | {} |",
            cell(&peer.name),
            cell(&peer.version),
            cell(&peer.zh),
            cell(&peer.en),
            peer.names.len(),
            peer.names.len() - here
        );
    }
    out.push('\n');
    for peer in peers {
        let _ = writeln!(
            out,
            "### {} {}: {} · {}\n\n| {} | 这里 Here | 没有的理由 | Why not |\n|---|---|---|---|",
            cell(&peer.name),
            cell(&peer.version),
            cell(&peer.zh),
            cell(&peer.en),
            cell(&peer.name)
        );
        for name in &peer.names {
            let (here, [zh, en]) = match peer.standing(name) {
                Standing::Here(ids) => {
                    let more = ids.len().saturating_sub(4);
                    let mut listed: Vec<String> = ids.iter().take(4).map(|id| format!("`{id}`")).collect();
                    if more > 0 {
                        listed.push(format!("+{more}"));
                    }
                    (listed.join(", "), ["", ""])
                }
                Standing::Not([zh, en]) => ("–".to_owned(), [zh.as_str(), en.as_str()]),
                Standing::Open => ("–".to_owned(), ["尚未说明", "not said yet"]),
            };
            let _ = writeln!(out, "| `{}` | {here} | {} | {} |", cell(name), cell(zh), cell(en));
        }
        out.push('\n');
    }
}

/// A text in a table cell: one line, and no pipe of its own.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutator_has_a_row_and_every_row_stands_in_the_page() {
        let (rows, page) = (rows(), markdown());
        assert_eq!(rows.len(), all().count());
        for row in &rows {
            assert!(page.contains(&format!("| `{}`", row.id)), "{}", row.id);
            assert!(!row.zh.is_empty() && !row.en.is_empty(), "{}", row.id);
        }
    }

    #[test]
    fn no_entry_of_a_peer_is_left_without_a_word() {
        for peer in peers().expect("peers.toml") {
            let open: Vec<_> = peer.names.iter().filter(|n| peer.standing(n) == Standing::Open).collect();
            assert!(open.is_empty(), "{} {}: {open:?}", peer.id, peer.en);
        }
    }

    #[test]
    fn the_lists_of_peers_are_as_long_as_the_peers_say() {
        let lists: Vec<(String, usize)> =
            peers().expect("peers.toml").iter().map(|p| (format!("{} {}", p.id, p.en), p.names.len())).collect();
        let long = |name: &str| lists.iter().find(|(n, _)| n == name).map(|(_, long)| *long);
        assert_eq!(long("pyrit converters"), Some(95));
        assert_eq!(long("aig encodings"), Some(72));
        assert_eq!(long("aig single-turn operators"), Some(27));
    }

    #[test]
    fn a_list_that_names_what_is_not_there_is_refused_by_name() {
        let problem =
            parse(&PEERS.replacen("advNoise = \"char_noise\"", "advNoise = \"no_such\"", 1)).expect_err("no_such");
        assert!(problem.contains("advNoise") && problem.contains("no_such"), "{problem}");
        let problem =
            parse(&PEERS.replacen("[peer.not]\n", "[peer.not]\nNobody = [\"a\", \"b\"]\n", 1)).expect_err("Nobody");
        assert!(problem.contains("Nobody"), "{problem}");
    }

    #[test]
    fn a_table_stays_a_table() {
        for line in markdown().lines().filter(|l| l.starts_with('|')) {
            let pipes = line.replace("\\|", "").matches('|').count();
            assert!(matches!(pipes, 5 | 7), "{line}");
        }
    }
}
