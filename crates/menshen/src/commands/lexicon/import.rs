//! `menshen lexicon import`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_detect::lexicon::{self, Colour, Column, Encoding, Entry, Format, Head, Imported, Options, Word};
use menshen_gateway::Config;
use menshen_verdict::Risk;
use serde_json::{Value, json};

use crate::commands::{print, table};
use crate::exit;

use super::{cannot, enabled, note, settle, write_whole};

/// How many lists are named that hold words already.
const MOST_LISTS: usize = 10;

/// Arguments of `menshen lexicon import`.
#[derive(Args)]
pub struct Import {
    /// Lists: lines, CSV, JSON, base64 lines, with or without tags
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The risk that the words speak for, A1a to A5b; only a white list needs none
    #[arg(long, value_name = "ID")]
    risk: Option<Risk>,
    /// What the words do. Public lists hold ordinary words, so that grey is the right colour to begin with
    #[arg(long, default_value = "grey", value_parser = ["black", "grey", "white"])]
    colour: String,
    /// The list's id [default: kw.import.RISK]
    #[arg(long)]
    id: Option<String>,
    /// What people call it [default: the files' names]
    #[arg(long)]
    title: Option<String>,
    /// The score of a hit, 0 to 1 [default: that of the colour]
    #[arg(long)]
    score: Option<f32>,
    /// Match words of three characters and more by sound, too
    #[arg(long)]
    sound: bool,
    /// The layout
    #[arg(long, default_value = "auto")]
    format: Layout,
    /// Where in a row the word stands: its place, from 1, or its name (CSV header, JSON member)
    #[arg(long, value_name = "N|NAME")]
    column: Option<String>,
    /// The encoding
    #[arg(long, default_value = "auto")]
    encoding: Charset,
    /// Keep web and e-mail addresses
    #[arg(long)]
    keep_links: bool,
    /// Leave out words that the enabled packs hold already
    #[arg(long)]
    new_only: bool,
    /// The keyword file to write [default: standard output; the report goes to standard error]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// The report as one JSON document; without --out nothing is written
    #[arg(long)]
    json: bool,
}

/// [`Format`], as a flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    Auto,
    Lines,
    Base64,
    Csv,
    Json,
}

/// [`Encoding`], as a flag.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Charset {
    Auto,
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    #[value(alias = "gb18030")]
    Gbk,
}

/// Runs the command.
///
/// # Errors
/// When a file is not a list, or the keyword file is there already.
pub fn run(config: &Config, args: &Import) -> Result<ExitCode> {
    let head = head(args)?;
    if let Some(out) = args.out.as_ref().filter(|o| o.exists() && !args.force) {
        return Err(exit::usage(format!("{} is there already; --force writes over it", out.display())));
    }
    let (entries, diagnostics) = lexicon::entries(&enabled(config)?);
    settle(&diagnostics)?;
    let mut loaded: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in &entries {
        loaded.entry(&entry.folded).or_default().push(entry);
    }

    let mut files = Vec::new();
    for path in &args.files {
        files.push((path.display().to_string(), std::fs::read(path).map_err(|e| cannot("read", path, e))?));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    let imported = lexicon::import(&files, &options(args)).map_err(|e| {
        let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
        exit::usage(format!("{e}{cause}"))
    })?;

    let known = |word: &Word| loaded.get(word.folded.as_str());
    let taken: Vec<&Word> = imported.words.iter().filter(|w| !args.new_only || known(w).is_none()).collect();
    let texts: Vec<&str> = taken.iter().map(|w| w.text.as_str()).collect();
    let body = lexicon::write(&head, &texts);
    if let Some(out) = &args.out {
        write_whole(out, &body)?;
    }
    let report = Report { head: &head, imported: &imported, loaded: &loaded, written: taken.len(), args };
    if args.json {
        print(&serde_json::to_string_pretty(&report.json())?)?;
    } else if args.out.is_some() {
        print(&report.text())?;
    } else {
        note(&report.text())?;
        print(body.trim_end_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Import) -> Options {
    Options {
        format: match args.format {
            Layout::Auto => Format::Auto,
            Layout::Lines => Format::Lines,
            Layout::Base64 => Format::Base64,
            Layout::Csv => Format::Csv,
            Layout::Json => Format::Json,
        },
        column: args.column.as_ref().map(|c| c.parse().map_or_else(|_| Column::Name(c.clone()), Column::Place)),
        encoding: match args.encoding {
            Charset::Auto => Encoding::Auto,
            Charset::Utf8 => Encoding::Utf8,
            Charset::Gbk => Encoding::Gbk,
        },
        keep_links: args.keep_links,
    }
}

fn head(args: &Import) -> Result<Head> {
    let colour: Colour = args.colour.parse().map_err(exit::usage)?;
    if args.risk.is_none() && colour != Colour::White {
        return Err(exit::usage("say which risk the words speak for, such as --risk A1h"));
    }
    let id = args.id.clone().unwrap_or_else(|| {
        let what = args.risk.map_or("white", Risk::id).to_ascii_lowercase();
        format!("kw.import.{what}")
    });
    if !Head::is_id(&id) {
        return Err(exit::usage(format!("{id:?} is not a list id; use dotted lower-case ASCII such as kw.my.list")));
    }
    if args.score.is_some_and(|s| !(0.0..=1.0).contains(&s)) {
        return Err(exit::usage("--score is a number from 0 to 1"));
    }
    let names: Vec<String> = args.files.iter().map(|f| base_name(f)).collect();
    let title = args.title.clone().unwrap_or_else(|| names.join(", "));
    Ok(Head { id, title, colour, risk: args.risk, score: args.score, sound: args.sound, source: names.join(", ") })
}

fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What is said about an import.
struct Report<'a> {
    head: &'a Head,
    imported: &'a Imported,
    loaded: &'a HashMap<&'a str, Vec<&'a Entry>>,
    written: usize,
    args: &'a Import,
}

impl Report<'_> {
    /// Imported words that enabled packs hold, each with its entries there.
    fn known(&self) -> impl Iterator<Item = (&Word, &Vec<&Entry>)> {
        self.imported.words.iter().filter_map(|w| Some((w, self.loaded.get(w.folded.as_str())?)))
    }

    /// How many words each loaded list holds already, most first.
    fn known_by_list(&self) -> Vec<((&str, Colour), usize)> {
        let mut counts: BTreeMap<(&str, Colour), usize> = BTreeMap::new();
        for (_, entries) in self.known() {
            let mut lists: Vec<(&str, Colour)> = entries.iter().map(|e| (e.list.as_str(), e.colour)).collect();
            lists.sort_unstable();
            lists.dedup();
            for list in lists {
                *counts.entry(list).or_default() += 1;
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        counts
    }

    fn text(&self) -> String {
        let mut files = table(&["file", "encoding", "layout", "entries", "taken", "dropped"]);
        for file in &self.imported.files {
            let dropped: usize = file.dropped.values().sum();
            files.add_row([
                file.name.clone(),
                file.encoding.to_owned(),
                file.layout.to_owned(),
                file.read.to_string(),
                file.taken.to_string(),
                dropped.to_string(),
            ]);
        }
        let mut out = files.to_string();
        let dropped = self.imported.dropped();
        if !dropped.is_empty() {
            let mut reasons = table(&["dropped", "entries", "such as"]);
            for (reason, count) in &dropped {
                let samples = self.imported.samples.get(reason).map(|s| s.join(" · ")).unwrap_or_default();
                reasons.add_row([reason.title().to_owned(), count.to_string(), samples]);
            }
            out.push_str(&format!("\n{reasons}"));
        }
        let lists = self.known_by_list();
        if !lists.is_empty() {
            let mut known = table(&["loaded list", "colour", "holds already"]);
            for ((list, colour), count) in lists.iter().take(MOST_LISTS) {
                known.add_row([(*list).to_owned(), colour.id().to_owned(), count.to_string()]);
            }
            out.push_str(&format!("\n{known}"));
            if lists.len() > MOST_LISTS {
                out.push_str(&format!("\n… and {} more lists", lists.len() - MOST_LISTS));
            }
        }
        let total = self.imported.words.len();
        let known = self.known().count();
        out.push_str(&format!("\n{total} words, {known} of them in the enabled packs already; "));
        let place = self.args.out.as_ref().map_or_else(|| "standard output".to_owned(), |o| o.display().to_string());
        let (written, id, colour) = (self.written, &self.head.id, self.head.colour.id());
        out.push_str(&format!("{written} written to {place} as {id} ({colour})"));
        if self.head.colour == Colour::Black {
            out.push_str("\nA black word decides alone: run `menshen lexicon prune` on ordinary texts first.");
        }
        out
    }

    fn json(&self) -> Value {
        let reasons = |counts: &BTreeMap<lexicon::Reason, usize>| -> Value {
            counts.iter().map(|(r, n)| (r.id().to_owned(), Value::from(*n))).collect::<serde_json::Map<_, _>>().into()
        };
        let files: Vec<Value> = self
            .imported
            .files
            .iter()
            .map(|f| {
                json!({"file": f.name, "encoding": f.encoding, "layout": f.layout, "entries": f.read, "taken": f.taken,
                    "dropped": reasons(&f.dropped)})
            })
            .collect();
        let samples: serde_json::Map<String, Value> =
            self.imported.samples.iter().map(|(r, s)| (r.id().to_owned(), json!(s))).collect();
        let known: Vec<Value> = self
            .known()
            .flat_map(|(w, entries)| {
                entries.iter().map(|e| {
                    json!({"word": w.text, "list": e.list, "colour": e.colour.id(), "place": format!("{}:{}", e.path, e.line)})
                })
            })
            .collect();
        json!({
            "id": self.head.id, "colour": self.head.colour.id(), "risk": self.head.risk,
            "out": self.args.out.as_ref().map(|o| o.display().to_string()),
            "words": self.imported.words.len(), "known": self.known().count(), "written": self.written,
            "files": files, "dropped": reasons(&self.imported.dropped()), "samples": samples, "known_words": known,
        })
    }
}
