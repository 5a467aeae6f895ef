//! A table with one column a model, and its two forms: Markdown and HTML.

use menshen_verdict::{Attack, Risk};

use super::escape;

/// A name in both languages, after the id that scripts know it by, if it has one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Label {
    pub id: String,
    pub zh: String,
    pub en: String,
}

impl Label {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Label {
        Label { id: String::new(), zh: zh.into(), en: en.into() }
    }

    /// An id that says enough.
    pub fn of_id(id: impl Into<String>) -> Label {
        Label { id: id.into(), ..Label::default() }
    }

    /// A risk or a sub-class of attack, by its id.
    pub fn of_class(id: &str) -> Label {
        let names =
            id.parse::<Risk>().map(|r| (r.zh(), r.en())).or_else(|_| id.parse::<Attack>().map(|a| (a.zh(), a.en())));
        let (zh, en) = names.unwrap_or_default();
        Label { id: id.to_owned(), zh: zh.to_owned(), en: en.to_owned() }
    }

    /// For a terminal: the id with its Chinese name, or else the English name.
    pub fn text(&self) -> String {
        match (self.id.as_str(), self.zh.as_str()) {
            ("", _) => self.en.clone(),
            (id, "") => id.to_owned(),
            (id, zh) => format!("{id} {zh}"),
        }
    }

    /// Everything on one line.
    pub fn full(&self) -> String {
        let parts = [&self.id, &self.zh, &self.en].map(String::as_str);
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Everything, each language marked as such for fonts and screen readers.
    pub fn html(&self) -> String {
        let mut parts = Vec::new();
        if !self.id.is_empty() {
            parts.push(format!("<span class=\"id\">{}</span>", escape::html(&self.id)));
        }
        if !self.zh.is_empty() {
            parts.push(format!("<span lang=\"zh-Hans\">{}</span>", escape::html(&self.zh)));
        }
        if !self.en.is_empty() {
            parts.push(format!("<span lang=\"en\">{}</span>", escape::html(&self.en)));
        }
        parts.join(" ")
    }
}

/// A table: a title, perhaps a note, and for each row its label and a cell for each model.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    pub title: Label,
    pub note: Label,
    pub head: Vec<String>,
    pub rows: Vec<(Label, Vec<String>)>,
}

impl Grid {
    /// The table in Markdown, aligned for a terminal that draws Chinese characters two columns wide; nothing when it
    /// has no rows.
    pub fn markdown(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let first = std::iter::once(String::new()).chain(self.head.iter().map(|h| escape::markdown(h)));
        let mut lines: Vec<Vec<String>> = vec![first.collect()];
        lines.extend(self.rows.iter().map(|(label, cells)| {
            std::iter::once(label.text()).chain(cells.iter().cloned()).map(|c| escape::markdown(&c)).collect()
        }));
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        // A column of dashes has at least three in every dialect of Markdown.
        let widths: Vec<usize> = (0..columns)
            .map(|i| lines.iter().filter_map(|l| l.get(i)).map(|c| escape::width(c)).max().unwrap_or(0).max(3))
            .collect();
        let mut out = format!("## {}\n\n", self.title.en);
        if !self.note.en.is_empty() {
            out.push_str(&format!("{}\n\n", self.note.en));
        }
        for (i, line) in lines.iter().enumerate() {
            for (j, width) in widths.iter().enumerate() {
                let cell = line.get(j).map_or("", String::as_str);
                let blank = " ".repeat(width.saturating_sub(escape::width(cell)));
                out.push_str(&format!("| {cell}{blank} "));
            }
            out.push_str("|\n");
            if i == 0 {
                out.extend(widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))));
                out.push_str("|\n");
            }
        }
        out
    }

    /// The table in HTML, in a box that scrolls sideways by itself; nothing when it has no rows.
    pub fn html(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut out = format!("<h3>{}</h3>\n", self.title.html());
        if self.note != Label::default() {
            out.push_str(&format!("<p class=\"note\">{}</p>\n", self.note.html()));
        }
        let name = escape::html(&self.title.full());
        out.push_str(&format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\"><table>\n"));
        out.push_str("<thead><tr><td></td>");
        out.extend(self.head.iter().map(|h| format!("<th scope=\"col\">{}</th>", escape::html(h))));
        out.push_str("</tr></thead>\n<tbody>\n");
        for (label, cells) in &self.rows {
            out.push_str(&format!("<tr><th scope=\"row\">{}</th>", label.html()));
            out.extend(cells.iter().map(|c| format!("<td>{}</td>", escape::html(c))));
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Grid {
        Grid {
            title: Label::new("按风险", "By risk"),
            note: Label::default(),
            head: vec!["fast".to_owned(), "a<b".to_owned()],
            rows: vec![
                (Label::of_class("A2f"), vec!["F1 75".to_owned(), "–".to_owned()]),
                (Label::new("等级", "level"), vec!["1|2".to_owned()]),
            ],
        }
    }

    #[test]
    fn markdown_is_aligned_and_whole_even_where_a_cell_is_missing() {
        let expected = "## By risk\n\n\
            |              | fast  | a\\<b |\n\
            |--------------|-------|------|\n\
            | A2f 年龄歧视 | F1 75 | –    |\n\
            | level        | 1\\|2  |      |\n";
        assert_eq!(small().markdown(), expected);
    }

    #[test]
    fn html_names_both_languages_and_escapes_the_head() {
        let html = small().html();
        assert!(html.contains("<th scope=\"col\">a&lt;b</th>"));
        let row = "<span class=\"id\">A2f</span> <span lang=\"zh-Hans\">年龄歧视</span> \
            <span lang=\"en\">age discrimination</span>";
        assert!(html.contains(row), "{html}");
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        let empty = Grid { rows: Vec::new(), ..small() };
        assert_eq!((empty.markdown(), empty.html()), (String::new(), String::new()));
    }

    #[test]
    fn an_unknown_class_keeps_its_id() {
        assert_eq!(Label::of_class("Z9").text(), "Z9");
        assert_eq!(Label::of_class("E3").text(), "E3 隐形与同形字符");
    }
}
