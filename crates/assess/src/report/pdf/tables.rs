//! Tables: cells wrapped in their columns, rows over as many pages as they need, the head on each.

use super::super::document::{Align, Cell, Column, Table};
use super::faces::Set;
use super::flow::{BOTTOM, Color, Flow, HEAD, INK, LEFT, LINE, TINT, WIDTH, baseline, colors, lines};
use super::lines::wrap;

const SIZE: f32 = 8.8;
const LEADING: f32 = 13.0;
const PAD: (f32, f32) = (4.5, 3.5);

/// A row with its text in lines.
struct Row {
    cells: Vec<Vec<String>>,
    sets: Vec<(Set, Color, Option<Color>)>,
}

impl Row {
    fn most(&self) -> usize {
        self.cells.iter().map(Vec::len).max().unwrap_or(0)
    }
}

fn height(most: usize) -> f32 {
    lines(most.max(1)) * LEADING + 2.0 * PAD.1
}

impl Flow<'_> {
    pub(super) fn facts(&mut self, facts: &[(String, String)]) {
        let columns = [30, 70].map(|weight| Column { title: String::new(), weight, align: Align::Left });
        let rows =
            facts.iter().map(|(name, value)| vec![Cell::strong(name.clone()), Cell::new(value.clone())]).collect();
        self.table(&Table { columns: columns.into(), rows, side: true, ..Table::default() });
    }

    pub(super) fn table(&mut self, table: &Table) {
        let total: f32 = table.columns.iter().map(|c| f32::from(c.weight)).sum::<f32>().max(1.0);
        let widths: Vec<f32> = table.columns.iter().map(|c| WIDTH * f32::from(c.weight) / total).collect();
        let head: Option<Row> = table.head.then(|| {
            let cells = table.columns.iter().map(|c| Cell::strong(c.title.clone())).collect::<Vec<_>>();
            let mut row = self.row(&cells, &widths, false);
            for set in &mut row.sets {
                *set = (Set { size: SIZE, bold: true }, HEAD, Some(TINT));
            }
            row
        });
        let head_height = head.as_ref().map_or(0.0, |row| height(row.most()));
        let least = f32::from(table.tall.unwrap_or(0));
        if !table.caption.is_empty() {
            self.need(20.0 + head_height + 40.0);
            self.y -= 2.0;
            self.lines(&table.caption, Set { size: 9.5, bold: true }, 17.0, INK, 0.0, 0.0);
        }
        if let Some(head) = &head {
            self.need(head_height + 30.0);
            self.draw(head, 0, head.most(), 0.0, &widths, &table.columns);
        }
        for cells in &table.rows {
            let row = self.row(cells, &widths, table.side);
            let mut from = 0;
            loop {
                let left = row.most().max(1) - from;
                let whole = height(left).max(least);
                let mut take = left;
                if self.y - whole < BOTTOM {
                    let page = super::flow::PAGE.1 - 74.0 - BOTTOM - head_height;
                    if whole > page {
                        take = fitting(self.y - BOTTOM);
                    }
                    if whole <= page || take == 0 {
                        self.break_page();
                        if let Some(head) = &head {
                            self.draw(head, 0, head.most(), 0.0, &widths, &table.columns);
                        }
                        take = left.min(fitting(self.y - BOTTOM).max(1));
                    }
                    take = take.min(left);
                }
                self.draw(&row, from, take, least, &widths, &table.columns);
                from += take;
                if from >= row.most().max(1) {
                    break;
                }
            }
        }
        self.y -= 12.0;
    }

    fn row(&mut self, cells: &[Cell], widths: &[f32], side: bool) -> Row {
        let mut row = Row { cells: Vec::new(), sets: Vec::new() };
        for (n, (cell, width)) in cells.iter().zip(widths).enumerate() {
            row.cells.push(wrap(&cell.text, width - 2.0 * PAD.0, SIZE, 0.0, &mut self.faces));
            let (color, ground) = colors(cell.tone);
            let ground = if side && n == 0 { Some([0.955, 0.965, 0.98]) } else { ground };
            row.sets.push((Set { size: SIZE, bold: cell.strong }, color, ground));
        }
        row
    }

    /// Lines `from` and so many after it, with the frame of the row.
    fn draw(&mut self, row: &Row, from: usize, take: usize, least: f32, widths: &[f32], columns: &[Column]) {
        let tall = height(take).max(least);
        let (top, foot) = (self.y, self.y - tall);
        let mut x = LEFT;
        let room = (tall - height(take)) / 2.0;
        for (((text, (set, color, ground)), width), column) in row.cells.iter().zip(&row.sets).zip(widths).zip(columns)
        {
            if let Some(ground) = ground {
                self.fill(x, foot, *width, tall, *ground);
            }
            let mut y = top - PAD.1 - room;
            for line in text.iter().skip(from).take(take) {
                let over = width - 2.0 * PAD.0 - self.faces.width(line, set.size);
                let shift = match column.align {
                    Align::Left => 0.0,
                    Align::Center => over / 2.0,
                    Align::Right => over,
                };
                self.text(x + PAD.0 + shift.max(0.0), baseline(y, LEADING, set.size), line, *set, *color);
                y -= LEADING;
            }
            x += width;
        }
        let mut x = LEFT;
        for width in std::iter::once(&0.0).chain(widths) {
            x += width;
            self.stroke([(x, top), (x, foot)], 0.5, LINE);
        }
        self.stroke([(LEFT, top), (x, top)], 0.5, LINE);
        self.stroke([(LEFT, foot), (x, foot)], 0.5, LINE);
        self.y = foot;
    }
}

/// How many lines a row may have in so much height.
fn fitting(room: f32) -> usize {
    let mut n = 0;
    while n < 1000 && height(n + 1) <= room {
        n += 1;
    }
    n
}
