//! A document as one page of HTML that needs nothing beside it and runs nothing. Every text in it is escaped.

use menshen_policy::Lang;

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Title(String),
    Head(String),
    Text(String),
    Note(String),
    Item(String),
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
}

const STYLE: &str = "body{margin:0 auto;max-width:52rem;padding:2rem 1.25rem 4rem;color:#1c2430;background:#fff;\
    font:16px/1.75 'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Micro Hei',system-ui,sans-serif;overflow-wrap:anywhere}\
    h1{font-size:1.7rem;line-height:1.35;color:#1f3a5f}h2{font-size:1.2rem;margin:2em 0 .5em;color:#1f3a5f;break-after:avoid}\
    blockquote{margin:1em 0;padding:.4em 1em;border-left:4px solid #cfd6df;color:#5a6675}\
    table{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.5;margin:1rem 0}\
    th,td{border:1px solid #cfd6df;padding:.35rem .55rem;vertical-align:top;text-align:left}thead th{background:#e6ecf4}\
    thead{display:table-header-group}tr{break-inside:avoid}\
    @page{size:A4;margin:20mm 18mm}@media print{body{max-width:none;padding:0;font-size:10.5pt}}";

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Direction marks and other controls could make a line read as what it is not.
            c if c.is_control() && c != '\n' => {}
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// The little Markdown of our templates: headings, quotes, lists, paragraphs. Everything else is text.
pub(super) fn markdown(text: &str) -> Vec<Line> {
    let mut out = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        out.push(if let Some(rest) = line.strip_prefix("# ") {
            Line::Title(rest.to_owned())
        } else if let Some(rest) = line.strip_prefix("## ") {
            Line::Head(rest.to_owned())
        } else if let Some(rest) = line.strip_prefix("> ") {
            Line::Note(rest.to_owned())
        } else if let Some(rest) = line.strip_prefix("- ") {
            Line::Item(rest.to_owned())
        } else {
            Line::Text(line.to_owned())
        });
    }
    out
}

fn cells(tag: &str, cells: &[String]) -> String {
    cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escaped(c))).collect()
}

/// The page.
pub(super) fn document(lang: Lang, lines: &[Line]) -> String {
    let mut body = String::new();
    let mut listed = false;
    for line in lines {
        let item = matches!(line, Line::Item(_));
        if item != listed {
            body.push_str(if item { "<ul>\n" } else { "</ul>\n" });
            listed = item;
        }
        body.push_str(&match line {
            Line::Title(text) => format!("<h1>{}</h1>\n", escaped(text)),
            Line::Head(text) => format!("<h2>{}</h2>\n", escaped(text)),
            Line::Text(text) => format!("<p>{}</p>\n", escaped(text)),
            Line::Note(text) => format!("<blockquote>{}</blockquote>\n", escaped(text)),
            Line::Item(text) => format!("<li>{}</li>\n", escaped(text)),
            Line::Table { head, rows } => {
                let head = if head.is_empty() {
                    String::new()
                } else {
                    format!("<thead><tr>{}</tr></thead>", cells("th", head))
                };
                let rows: String = rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect();
                format!("<table>{head}<tbody>\n{rows}</tbody></table>\n")
            }
        });
    }
    if listed {
        body.push_str("</ul>\n");
    }
    let title = lines.iter().find_map(|l| if let Line::Title(t) = l { Some(escaped(t)) } else { None });
    let (code, title) = (if lang == Lang::Zh { "zh-CN" } else { "en" }, title.unwrap_or_default());
    format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_is_text_and_nothing_else() {
        let html = document(Lang::En, &markdown("# <script>alert(1)</script>\n\n- \"a\" \u{202e}b\n- c\n\ntext"));
        assert!(!html.contains("<script") && !html.contains('\u{202e}'));
        assert!(html.contains("<title>&lt;script&gt;"));
        assert!(html.contains("<ul>\n<li>&quot;a&quot; b</li>\n<li>c</li>\n</ul>\n<p>text</p>"));
    }
}
