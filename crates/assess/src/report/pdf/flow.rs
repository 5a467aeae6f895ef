//! Blocks set one after another on pages.

use pdf_writer::{Content, Rect};

use super::super::document::{Block, Callout, Chart, Cover, Document, Style, Tone};
use super::super::plot;
use super::faces::{Faces, Set};
use super::lines::wrap;
use super::marks::Mark;

/// A4 in points.
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
pub(super) const LEFT: f32 = 62.64;
pub(super) const WIDTH: f32 = 470.0;
const TOP: f32 = PAGE.1 - 74.0;
pub(super) const BOTTOM: f32 = 66.0;

pub(super) type Color = [f32; 3];
pub(super) const INK: Color = [0.11, 0.14, 0.19];
pub(super) const SOFT: Color = [0.36, 0.41, 0.47];
pub(super) const HEAD: Color = [0.12, 0.23, 0.37];
pub(super) const LINE: Color = [0.74, 0.78, 0.83];
pub(super) const TINT: Color = [0.90, 0.925, 0.955];

/// The color of a word and the ground behind it.
pub(super) fn colors(tone: Tone) -> (Color, Option<Color>) {
    match tone {
        Tone::Plain => (INK, None),
        Tone::Good => ([0.11, 0.42, 0.25], Some([0.91, 0.96, 0.93])),
        Tone::Bad => ([0.64, 0.13, 0.11], Some([0.985, 0.92, 0.91])),
        Tone::Open => ([0.52, 0.34, 0.0], Some([0.995, 0.96, 0.88])),
    }
}

/// A page as it is drawn, with the places that lead to headings.
pub(super) struct Sheet {
    pub content: Content,
    pub links: Vec<(Rect, usize)>,
}

impl Sheet {
    fn new() -> Sheet {
        Sheet { content: Content::new(), links: Vec::new() }
    }
}

/// Pages as they fill.
pub(super) struct Flow<'a> {
    pub faces: Faces<'a>,
    /// Pages that are full.
    pub done: Vec<Sheet>,
    /// The page that is being filled.
    sheet: Sheet,
    pub marks: Vec<Mark>,
    pub y: f32,
}

/// The baseline of a line of text in its leading.
pub(super) fn baseline(top: f32, leading: f32, size: f32) -> f32 {
    top - leading / 2.0 - size * 0.35
}

impl<'a> Flow<'a> {
    pub(super) fn new(faces: Faces<'a>) -> Flow<'a> {
        Flow { faces, done: Vec::new(), sheet: Sheet::new(), marks: Vec::new(), y: TOP }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.y >= TOP
    }

    pub(super) fn break_page(&mut self) {
        self.done.push(std::mem::replace(&mut self.sheet, Sheet::new()));
        self.y = TOP;
    }

    /// Ends the last page, unless nothing is on it.
    pub(super) fn end(&mut self) {
        if !self.is_fresh() || self.done.is_empty() {
            self.break_page();
        }
    }

    /// A new page where less than so much is left.
    pub(super) fn need(&mut self, height: f32) {
        if self.y - height < BOTTOM && !self.is_fresh() {
            self.break_page();
        }
    }

    pub(super) fn text(&mut self, x: f32, y: f32, text: &str, set: Set, color: Color) {
        super::ink(&mut self.sheet.content, color);
        self.faces.show(&mut self.sheet.content, (x, y), text, set);
    }

    pub(super) fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, [r, g, b]: Color) {
        self.sheet.content.set_fill_rgb(r, g, b).rect(x, y, width, height).fill_nonzero();
    }

    pub(super) fn stroke(&mut self, points: [(f32, f32); 2], width: f32, [r, g, b]: Color) {
        let [(x0, y0), (x1, y1)] = points;
        let content = &mut self.sheet.content;
        content.set_stroke_rgb(r, g, b).set_line_width(width).move_to(x0, y0).line_to(x1, y1).stroke();
    }

    /// Lines of text from the left, page after page.
    pub(super) fn lines(&mut self, text: &str, set: Set, leading: f32, color: Color, left: f32, indent: f32) {
        let lines = wrap(text, WIDTH - left, set.size, indent, &mut self.faces);
        for (n, line) in lines.iter().enumerate() {
            self.need(leading);
            let x = LEFT + left + if n == 0 { indent } else { 0.0 };
            self.text(x, baseline(self.y, leading, set.size), line, set, color);
            self.y -= leading;
        }
    }

    fn centered(&mut self, text: &str, set: Set, leading: f32, color: Color) {
        for line in wrap(text, WIDTH, set.size, 0.0, &mut self.faces) {
            self.need(leading);
            let x = LEFT + (WIDTH - self.faces.width(&line, set.size)) / 2.0;
            self.text(x, baseline(self.y, leading, set.size), &line, set, color);
            self.y -= leading;
        }
    }

    pub(super) fn cover(&mut self, cover: &Cover) {
        self.fill(0.0, PAGE.1 - 16.0, PAGE.0, 16.0, HEAD);
        self.y = PAGE.1 - 96.0;
        self.centered(&cover.kicker, Set { size: 10.5, bold: false }, 17.0, SOFT);
        self.y -= 26.0;
        self.centered(&cover.title, Set { size: 25.0, bold: true }, 37.0, HEAD);
        self.y -= 8.0;
        self.centered(&cover.subtitle, Set { size: 15.0, bold: false }, 23.0, INK);
        self.y -= 34.0;
        self.callout(&cover.verdict);
        self.y -= 18.0;
        self.facts(&cover.facts);
        if self.y > BOTTOM + 20.0 {
            self.y = BOTTOM + 14.0;
        }
        self.centered(&cover.foot, Set { size: 8.0, bold: false }, 12.0, SOFT);
        self.break_page();
    }

    pub(super) fn blocks(&mut self, blocks: &[Block]) {
        for (n, block) in blocks.iter().enumerate() {
            match block {
                Block::Heading { level, number, text, .. } => {
                    // A heading stays with what it stands over.
                    let after = match blocks.get(n + 1) {
                        Some(Block::Callout(_)) => 170.0,
                        Some(Block::Heading { .. } | Block::Table(_)) => 120.0,
                        _ => 64.0,
                    };
                    self.heading(*level, number, text, after);
                }
                Block::Paragraph { text, style } => self.paragraph(text, *style),
                Block::List { ordered, items } => self.list(*ordered, items),
                Block::Callout(callout) => self.callout(callout),
                Block::Table(table) => self.table(table),
                Block::Chart(chart) => self.chart(chart),
            }
        }
    }

    fn heading(&mut self, level: u8, number: &str, text: &str, after: f32) {
        let (size, leading, before) = match level {
            1 => (16.5, 24.0, 24.0),
            2 => (12.5, 19.0, 13.0),
            _ => (11.0, 17.0, 9.0),
        };
        if !self.is_fresh() {
            self.y -= before;
        }
        self.need(leading + after);
        let title = if number.is_empty() { text.to_owned() } else { format!("{number}  {text}") };
        self.marks.push(Mark { level, title: title.clone(), page: self.done.len(), y: self.y + 6.0 });
        self.lines(&title, Set { size, bold: true }, leading, HEAD, 0.0, 0.0);
        if level == 1 {
            self.y -= 2.0;
            self.stroke([(LEFT, self.y), (LEFT + WIDTH, self.y)], 1.2, HEAD);
            self.y -= 4.0;
        }
        self.y -= 4.0;
    }

    fn paragraph(&mut self, text: &str, style: Style) {
        match style {
            Style::Title => {
                self.centered(text, Set { size: 21.0, bold: true }, 32.0, HEAD);
                self.y -= 12.0;
            }
            Style::Strong => {
                self.need(40.0);
                self.lines(text, Set { size: 10.5, bold: true }, 18.0, INK, 0.0, 0.0);
                self.y -= 2.0;
            }
            Style::Note => {
                self.lines(text, Set { size: 8.8, bold: false }, 14.0, SOFT, 0.0, 0.0);
                self.y -= 6.0;
            }
            Style::Body => {
                let wide = text.chars().next().is_some_and(|c| u32::from(c) >= 0x2E80 || c == '“');
                self.lines(text, Set { size: 10.5, bold: false }, 18.0, INK, 0.0, if wide { 21.0 } else { 0.0 });
                self.y -= 5.0;
            }
        }
    }

    fn list(&mut self, ordered: bool, items: &[String]) {
        let set = Set { size: 10.5, bold: false };
        for (n, item) in items.iter().enumerate() {
            self.need(18.0);
            let mark = if ordered { format!("{}.", n + 1) } else { "•".to_owned() };
            self.text(LEFT + 6.0, baseline(self.y, 17.0, set.size), &mark, set, INK);
            self.lines(item, set, 17.0, INK, 26.0, 0.0);
            self.y -= 2.0;
        }
        self.y -= 5.0;
    }

    fn callout(&mut self, callout: &Callout) {
        let (color, ground) = colors(callout.tone);
        let room = WIDTH - 40.0;
        let text = wrap(&callout.text, room, 10.5, 0.0, &mut self.faces);
        let title = wrap(&callout.title, room, 21.0, 0.0, &mut self.faces);
        let most = 24_usize;
        let height = 20.0 + 14.0 + 28.0 * lines(title.len()) + 17.0 * lines(text.len().min(most));
        self.need(height + 8.0);
        let foot = self.y - height;
        self.fill(LEFT, foot, WIDTH, height, ground.unwrap_or(TINT));
        self.fill(LEFT, foot, 6.0, height, color);
        self.y -= 10.0;
        self.text(LEFT + 22.0, baseline(self.y, 14.0, 9.0), &callout.label, Set { size: 9.0, bold: false }, SOFT);
        self.y -= 14.0;
        for line in &title {
            self.text(LEFT + 22.0, baseline(self.y, 28.0, 21.0), line, Set { size: 21.0, bold: true }, color);
            self.y -= 28.0;
        }
        for line in text.iter().take(most) {
            self.text(LEFT + 22.0, baseline(self.y, 17.0, 10.5), line, Set { size: 10.5, bold: false }, INK);
            self.y -= 17.0;
        }
        self.y = foot - 10.0;
        let rest: Vec<&str> = text.iter().skip(most).map(String::as_str).collect();
        if !rest.is_empty() {
            self.lines(&rest.join("\n"), Set { size: 10.5, bold: false }, 17.0, INK, 22.0, 0.0);
        }
    }

    fn chart(&mut self, chart: &Chart) {
        /// Bars that fit on a page with everything around them.
        const MOST: usize = 44;
        for part in chart.bars.chunks(MOST) {
            let one = Chart { bars: part.to_vec(), ..chart.clone() };
            let p = plot::plot(&one);
            self.need(points(p.height) + 46.0);
            self.y -= 4.0;
            self.lines(&chart.title, Set { size: 9.5, bold: true }, 16.0, INK, 0.0, 0.0);
            self.drawn(&p);
            self.lines(&chart.about, Set { size: 8.0, bold: false }, 12.0, SOFT, 0.0, 0.0);
            self.y -= 8.0;
        }
    }

    fn drawn(&mut self, p: &plot::Plot) {
        let top = self.y;
        let at = |x: f64, y: f64| (LEFT + points(x), top - points(y));
        let small = Set { size: 7.0, bold: false };
        let label = Set { size: points(plot::TEXT), bold: false };
        for tick in &p.ticks {
            self.stroke([at(tick.x, p.top), at(tick.x, p.bottom)], 0.4, LINE);
            let width = self.faces.width(&tick.text, small.size);
            let (x, y) = at(tick.x, p.bottom + 10.0);
            self.text(x - width / 2.0, y, &tick.text, small, SOFT);
        }
        for row in &p.rows {
            let name = self.fit(&row.full, points(p.left) - 8.0, label.size);
            let width = self.faces.width(&name, label.size);
            let (x, y) = at(p.left - 6.0, row.y + 3.0);
            self.text(x - width, y, &name, label, INK);
            if let Some([length, low, high]) = row.bar {
                let (x, y) = at(p.left, row.bar_top + row.bar_height);
                let color = if row.tone == Tone::Bad { [0.72, 0.25, 0.23] } else { [0.25, 0.43, 0.66] };
                self.fill(x, y, points(length).max(0.5), points(row.bar_height), color);
                self.stroke([at(low, row.y), at(high, row.y)], 0.8, INK);
                for end in [low, high] {
                    self.stroke([at(end, row.y - 2.5), at(end, row.y + 2.5)], 0.8, INK);
                }
            }
            let (x, y) = at(p.right + 5.0, row.y + 3.0);
            self.text(x, y, &row.text, label, INK);
        }
        if let Some(limit) = &p.limit {
            let content = &mut self.sheet.content;
            content.set_dash_pattern([3.0, 2.0], 0.0);
            self.stroke([at(limit.x, p.top), at(limit.x, p.bottom)], 0.9, colors(Tone::Bad).0);
            self.sheet.content.set_dash_pattern([], 0.0);
            let width = self.faces.width(&limit.text, small.size);
            let (x, y) = at(limit.x, p.top - 3.0);
            self.text(x - width / 2.0, y, &limit.text, small, colors(Tone::Bad).0);
        }
        self.y -= points(p.height);
    }

    /// The table of contents, on pages of its own before page `at`.
    pub(super) fn contents(&mut self, title: &str, at: usize) {
        const A_PAGE: usize = 34;
        let entries: Vec<usize> = (0..self.marks.len())
            .filter(|n| self.marks.get(*n).is_some_and(|m| m.page >= at && m.level <= 2))
            .collect();
        let pages = entries.len().div_ceil(A_PAGE).max(1);
        for mark in self.marks.iter_mut().filter(|m| m.page >= at) {
            mark.page += pages;
        }
        let body = self.done.split_off(at.min(self.done.len()));
        for n in 0..pages {
            self.y = TOP;
            if n == 0 {
                self.centered(title, Set { size: 16.5, bold: true }, 30.0, HEAD);
                self.y -= 8.0;
            }
            for entry in entries.iter().skip(n * A_PAGE).take(A_PAGE) {
                self.entry(*entry);
            }
            self.break_page();
        }
        self.done.extend(body);
    }

    fn entry(&mut self, index: usize) {
        let Some(mark) = self.marks.get(index) else { return };
        let (level, text, page) = (mark.level, mark.title.clone(), (mark.page + 1).to_string());
        let set = Set { size: if level == 1 { 11.0 } else { 10.0 }, bold: level == 1 };
        let left = if level == 1 { 0.0 } else { 18.0 };
        let leading = 19.0;
        let line = self.fit(&text, WIDTH - left - 60.0, set.size);
        let y = baseline(self.y, leading, set.size);
        self.text(LEFT + left, y, &line, set, INK);
        let end = LEFT + left + self.faces.width(&line, set.size) + 6.0;
        let width = self.faces.width(&page, set.size);
        self.text(LEFT + WIDTH - width, y, &page, Set { bold: false, ..set }, INK);
        self.sheet.content.set_dash_pattern([0.8, 2.4], 0.0);
        self.stroke([(end, y + 1.5), (LEFT + WIDTH - width - 6.0, y + 1.5)], 0.6, SOFT);
        self.sheet.content.set_dash_pattern([], 0.0);
        let rect = Rect::new(LEFT, self.y - leading, LEFT + WIDTH, self.y);
        self.sheet.links.push((rect, index));
        self.y -= leading;
    }

    /// Heads and feet of all pages but the cover.
    pub(super) fn furniture(&mut self, document: &Document, covered: bool) {
        let set = Set { size: 8.5, bold: false };
        let of = self.done.len();
        let [before, between, after] = &document.page_of;
        let head = self.fit(&document.running, WIDTH, set.size);
        for (n, sheet) in std::mem::take(&mut self.done).into_iter().enumerate() {
            self.sheet = sheet;
            if !(covered && n == 0) {
                self.text(LEFT, PAGE.1 - 48.0, &head, set, SOFT);
                self.stroke([(LEFT, PAGE.1 - 54.0), (LEFT + WIDTH, PAGE.1 - 54.0)], 0.5, LINE);
                let foot = format!("{before}{}{between}{of}{after}", n + 1);
                let x = LEFT + (WIDTH - self.faces.width(&foot, set.size)) / 2.0;
                self.text(x, 38.0, &foot, set, SOFT);
            }
            self.break_page();
        }
    }

    /// As much of a text as has room, with an ellipsis where something is left out.
    fn fit(&mut self, text: &str, room: f32, size: f32) -> String {
        if self.faces.width(text, size) <= room {
            return text.to_owned();
        }
        let mut left = room / size - self.faces.advance('…');
        let mut out = String::new();
        for c in text.chars() {
            left -= self.faces.advance(c);
            if left < 0.0 {
                break;
            }
            out.push(c);
        }
        out + "…"
    }
}

/// A number of lines as a factor.
pub(super) fn lines(n: usize) -> f32 {
    f32::from(u16::try_from(n).unwrap_or(u16::MAX))
}

/// Chart units are points.
#[expect(clippy::cast_possible_truncation, reason = "places on a page are small")]
fn points(v: f64) -> f32 {
    v as f32
}
