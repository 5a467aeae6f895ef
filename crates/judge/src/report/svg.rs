//! Shapes on paper: just enough of SVG for the plots. Colors are classes, so that the page's style sheet decides them.

use super::escape;

/// A drawing in the making.
#[derive(Debug)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    name: String,
    body: String,
}

/// A coordinate with one decimal; what is not a number lies at 0, so that a drawing is always valid.
fn at(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

impl Drawing {
    /// An empty drawing; the name is read to those who cannot see it.
    pub fn new(width: f64, height: f64, name: &str) -> Drawing {
        Drawing { width, height, name: name.to_owned(), body: String::new() }
    }

    /// A box: x, y, width, height.
    pub fn rect(&mut self, [x, y, w, h]: [f64; 4], class: &str) {
        let (x, y, w, h) = (at(x), at(y), at(w.max(0.0)), at(h.max(0.0)));
        self.body.push_str(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" class=\"{class}\"/>"));
    }

    /// A box that lets the paper through: `share` of 1 is the fullest.
    pub fn shade(&mut self, [x, y, w, h]: [f64; 4], share: f64) {
        // Never so full that the number on it cannot be read, on light paper or on dark.
        let opacity = if share.is_finite() { share.clamp(0.0, 1.0) * 0.6 } else { 0.0 };
        let (x, y, w, h) = (at(x), at(y), at(w), at(h));
        self.body.push_str(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" class=\"heat\" fill-opacity=\"{opacity:.2}\"/>"
        ));
    }

    /// A line: from x, y to x, y.
    pub fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], class: &str) {
        let (x1, y1, x2, y2) = (at(x1), at(y1), at(x2), at(y2));
        self.body.push_str(&format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>"));
    }

    /// A dot.
    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, class: &str) {
        let (x, y, r) = (at(x), at(y), at(radius));
        self.body.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" class=\"{class}\"/>"));
    }

    /// A line through points.
    pub fn path(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", at(*x), at(*y))).collect();
        self.body.push_str(&format!("<polyline points=\"{}\" class=\"{class}\"/>", points.join(" ")));
    }

    /// A text on its base line: class `e` ends at x, `m` has its middle there, others begin there.
    pub fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y, text) = (at(x), at(y), escape::html(text));
        self.body.push_str(&format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"));
    }

    /// The finished drawing, to stand in a page.
    pub fn finish(self) -> String {
        let (w, h, name) = (at(self.width), at(self.height), escape::html(&self.name));
        format!(
            "<svg viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{name}\">{}</svg>\n",
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_plain_svg_with_escaped_text() {
        let mut drawing = Drawing::new(10.0, 20.0, "a<b");
        drawing.rect([0.0, 1.25, 2.0, -3.0], "c0");
        drawing.text((1.0, 2.0), "e", "<&");
        assert_eq!(
            drawing.finish(),
            "<svg viewBox=\"0 0 10 20\" width=\"10\" height=\"20\" role=\"img\" aria-label=\"a&lt;b\">\
             <rect x=\"0\" y=\"1.2\" width=\"2\" height=\"0\" class=\"c0\"/>\
             <text x=\"1\" y=\"2\" class=\"e\">&lt;&amp;</text></svg>\n"
        );
    }

    #[test]
    fn what_is_not_a_number_still_draws() {
        let mut drawing = Drawing::new(10.0, 10.0, "");
        drawing.line([f64::NAN, f64::INFINITY, 1.0, 2.0], "axis");
        drawing.shade([0.0, 0.0, 1.0, 1.0], f64::NAN);
        let svg = drawing.finish();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
