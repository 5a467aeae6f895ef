//! Evaluations as text tables and as one page with plots: one column a model, the same figures in both.
//!
//! Pure functions from [`Evaluation`]s to text. Nothing here measures, and nothing is left out because it is bad: a
//! label without texts is named as such, a figure that was not measured is a dash. The page is one file that fetches
//! nothing and runs nothing; whatever a model, a source or a failed text is called, it is shown and never interpreted.

use crate::evaluate::Evaluation;

pub mod escape;
mod grid;
mod page;
mod plots;
mod sections;
mod svg;

#[cfg(test)]
mod sample;

/// The evaluations as Markdown tables that are aligned for a terminal, too: one column a model, rates with their 95 %
/// intervals and the number of texts.
pub fn table(evaluations: &[Evaluation]) -> String {
    if evaluations.is_empty() {
        return "No evaluations.\n".to_owned();
    }
    let mut parts: Vec<String> = sections::all(evaluations).iter().map(grid::Grid::markdown).collect();
    if !sections::same_texts(evaluations) {
        parts.insert(0, "The models read different texts: compare with care.\n".to_owned());
    }
    parts.retain(|p| !p.is_empty());
    parts.join("\n")
}

/// The evaluations as one HTML page: no network, no script, light and dark, on a phone and on paper. Names stand in
/// Chinese and English.
pub fn html(evaluations: &[Evaluation], title: &str) -> String {
    page::page(evaluations, title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_say_what_was_measured() {
        let text = table(&sample::two());
        let (_, risks) = text.split_once("## By risk\n").unwrap();
        let (risks, _) = risks.split_once("\n## ").unwrap();
        let rows: Vec<&str> = risks.lines().filter(|l| l.starts_with("| A")).collect();
        let words: Vec<&str> = rows[0].split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "| A1a 煽动颠覆国家政权、推翻社会主义制度 | F1 84 · P 80 (66–89, n=45) · R 88 (74–95, n=41) \
             | F1 92 · P 90 (78–96, n=42) · R 93 (81–97, n=41) |"
        );
        assert!(text.contains("| risky, Chinese: recall at 1 % FPR "), "{text}");
        assert!(text.contains("| 51.1 % (47.3–54.9, n=673) "));
        assert!(text.contains("near miss, Chinese: passed"));
        assert!(text.contains("| 98.6 % (96.4–99.4, n=278)"));
        assert!(text.contains("No texts: A5b."));
        assert!(text.contains("| none 无风险 "));
        assert!(text.contains("91.0 % (83.8–95.2, n=100) · TP 45 FN 5 FP 4 TN 46"));
        assert!(text.contains("zero_width E3 隐形与同形字符"));
    }

    #[test]
    fn all_lines_of_a_table_are_equally_wide() {
        for part in table(&sample::two()).split("## ") {
            let widths: Vec<usize> = part.lines().filter(|l| l.starts_with('|')).map(escape::width).collect();
            assert!(widths.windows(2).all(|w| w[0] == w[1]), "{part}");
        }
    }

    #[test]
    fn the_page_has_every_plot_and_both_languages() {
        let page = html(&sample::two(), "Menshen <judge>");
        assert!(page.contains("<title>Menshen &lt;judge&gt;</title>"));
        for id in ["targets", "risks", "level", "calibration", "attacks", "answers", "robustness", "failures"] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
        let name = "<span lang=\"zh-Hans\">民族歧视</span> <span lang=\"en\">ethnic discrimination</span>";
        assert!(page.contains(name));
        assert!(page.contains("aria-label=\"ROC：风险·中文 ROC: risky, Chinese\""));
        assert!(page.contains("ECE 0.031"));
        // A look at it: the page that the tests made.
        if let Ok(path) = std::env::var("MENSHEN_REPORT_SAMPLE") {
            std::fs::write(path, page).unwrap();
        }
    }

    #[test]
    fn the_page_fetches_and_runs_nothing_and_a_text_stays_a_text() {
        let mut evaluations = sample::two();
        evaluations[0].model = "\"><script>x</script>".to_owned();
        evaluations[0].failures[0].text = "<img src=x onerror=y> \u{202e}".to_owned();
        let page = html(&evaluations, "t");
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("&lt;img src=x onerror=y&gt; ‹U+202E›"));
        for word in ["http://", "https://", "url(", "@import", "src="] {
            let page = page.replace("src=x", "");
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn an_evaluation_of_nothing_is_dashes_not_a_panic() {
        let nothing = [sample::nothing("rules only")];
        assert!(table(&nothing).contains("| –"));
        let page = html(&nothing, "");
        assert!(page.ends_with("</html>\n") && !page.contains("NaN"));
        assert_eq!(table(&[]), "No evaluations.\n");
        assert!(html(&[], "").contains("No evaluations."));
    }

    #[test]
    fn models_that_read_different_texts_are_called_so() {
        let mut evaluations = sample::two();
        assert!(!table(&evaluations).contains("different texts"));
        evaluations[1].data = "other".to_owned();
        assert!(table(&evaluations).starts_with("The models read different texts"));
        assert!(html(&evaluations, "").contains("The models read different texts"));
    }

    #[test]
    fn every_element_that_opens_closes() {
        let page = html(&sample::two(), "t");
        for name in
            ["section", "figure", "table", "tbody", "tr", "th", "td", "div", "svg", "span", "text", "ul", "li", "h3"]
        {
            let opened = page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
    }
}
