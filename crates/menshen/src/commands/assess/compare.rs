//! `menshen assess compare`, `guided` and `changed`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_assess::compare::{self, Campaign, Comparison};
use menshen_assess::conclude::Record;
use menshen_assess::guided;
use menshen_assess::question::BankKind;
use menshen_assess::result::Share;
use menshen_gateway::Config;

use super::super::{print, redteam, table};
use super::{Lang, Sources, census, judges, known, store, stored, versions};
use crate::exit;

/// Put models side by side.
#[derive(Args)]
pub struct Compare {
    /// Two runs or more, by the beginnings of their ids; the first is what the others are held against
    #[arg(required = true, num_args = 2..)]
    runs: Vec<String>,
    /// A red-team campaign on the model of a run: RUN=CAMPAIGN
    #[arg(long, value_name = "RUN=CAMPAIGN")]
    campaign: Vec<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Score guided answers.
#[derive(Args)]
pub struct Guided {
    /// The run without guidance, by the beginning of its id
    #[arg(long, value_name = "RUN")]
    plain: String,
    /// The run with it; the figures are kept with this one
    #[arg(long, value_name = "RUN")]
    guided: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Say what changed.
#[derive(Args)]
pub struct Changed {
    /// The run, by the beginning of its id
    id: String,
    /// Name and version of the model today, when it is another
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Puts runs side by side.
///
/// # Errors
/// When there is no such run or campaign.
pub async fn compare(config: &Config, args: &Compare) -> Result<ExitCode> {
    let store = store(config).await?;
    let mut records = Vec::with_capacity(args.runs.len());
    for id in &args.runs {
        records.push(Record::read(&store, id).await.map_err(known)?);
    }
    let mut campaigns = Vec::new();
    for pair in &args.campaign {
        let (run, campaign) =
            pair.split_once('=').ok_or_else(|| exit::usage(format!("{pair:?}: write RUN=CAMPAIGN")))?;
        let record = records
            .iter()
            .find(|r| r.info.id.starts_with(run))
            .ok_or_else(|| exit::usage(format!("{run} is none of the runs that are compared")))?;
        let total = redteam::total(config, campaign).await?;
        let resisted = Share::new(total.resisted as u64, (total.resisted + total.successes) as u64);
        campaigns.push(Campaign { run: record.info.id.clone(), resisted });
    }
    let comparison = compare::compare(&records, &campaigns).map_err(known)?;
    if args.json {
        print(&serde_json::to_string(&comparison)?)?;
    } else {
        print(&shown(&comparison, args.lang.chinese()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(comparison: &Comparison, chinese: bool) -> String {
    let names: Vec<String> = comparison.models.iter().map(|m| format!("{}\n{}", m.target, m.run)).collect();
    let mut header = vec![""];
    header.extend(names.iter().map(String::as_str));
    let mut lines = table(&header);
    for row in &comparison.rows {
        let cell = |i: usize| {
            let share = row.shares.get(i).copied().flatten();
            let figure = row.figures.get(i).copied().flatten();
            let p = row.p.get(i).copied().flatten();
            let mark = match p {
                Some(p) if p < 0.001 => " ***",
                Some(p) if p < 0.01 => " **",
                Some(p) if p < 0.05 => " *",
                _ => "",
            };
            match (share, figure) {
                (Some(s), _) => format!("{:.1}% ({:.1}–{:.1}){mark}", s.rate * 100.0, s.low * 100.0, s.high * 100.0),
                (None, Some(f)) => format!("{f:.1}"),
                (None, None) => "–".to_owned(),
            }
        };
        let mut cells = vec![row.name.get(chinese).to_owned()];
        cells.extend((0..comparison.models.len()).map(cell));
        lines.add_row(cells);
    }
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let mut out = format!(
        "{lines}\n{} {}; {}",
        say("共同的题：", "questions in common:"),
        comparison.shared,
        say(
            "* p<0.05，** p<0.01，*** p<0.001：与第一列按同题比较（McNemar 精确检验，Holm 校正）",
            "* p<0.05, ** p<0.01, *** p<0.001 against the first, question by question (McNemar's exact test, Holm's correction)"
        )
    );
    for note in &comparison.notes {
        out += &format!("\n{}", note.get(chinese));
    }
    out
}

/// Scores plain against guided answers and keeps the figures with the guided run.
///
/// # Errors
/// When there is no such run, or they share no question.
pub async fn guided(config: &Config, args: &Guided) -> Result<ExitCode> {
    let store = store(config).await?;
    let plain = Record::read(&store, &args.plain).await.map_err(known)?;
    let with = Record::read(&store, &args.guided).await.map_err(known)?;
    let rows = guided::compare(&plain, &with).map_err(known)?;
    let bytes = serde_json::to_vec(&rows)?;
    store.keep(&with.info.id, &[(guided::FILE.to_owned(), bytes)]).await.map_err(stored)?;
    if args.json {
        print(&serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["", "plain", "guided", "pairs", "better", "equal", "worse", "p"]);
    for row in &rows {
        let [better, equal, worse] = row.wins;
        lines.add_row([
            row.name.get(args.lang.chinese()).to_owned(),
            format!("{:.3}", row.plain),
            format!("{:.3}", row.guided),
            row.pairs.to_string(),
            better.to_string(),
            equal.to_string(),
            worse.to_string(),
            format!("{:.3}", row.p),
        ]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Says what must be assessed again.
///
/// # Errors
/// When there is no such run.
pub async fn changed(config: &Config, args: &Changed) -> Result<ExitCode> {
    let store = store(config).await?;
    let info = menshen_assess::run::info(&store, &args.id).await.map_err(known)?;
    let bank = args.sources.bank()?;
    let banks = BankKind::ALL.into_iter().map(|kind| (kind, bank.sha256(kind).to_owned())).collect();
    let judges = judges(config)?.names().map(str::to_owned);
    let words = census(config)?.total;
    let changes = compare::changes(&info, &versions(config)?, &judges, &banks, words, args.model.as_deref());
    if args.json {
        print(&serde_json::to_string(&changes)?)?;
    } else if changes.changed.is_empty() {
        print(if args.lang.chinese() { "没有变化" } else { "nothing has changed" })?;
    } else {
        let mut lines = table(&["", "before", "now"]);
        for (name, before, now) in &changes.details {
            lines.add_row([name, before, now]);
        }
        print(&lines.to_string())?;
        let mut again = table(&["", ""]);
        for (number, title) in &changes.clauses {
            again.add_row([number.as_str(), title.get(args.lang.chinese())]);
        }
        print(&again.to_string())?;
        print(&changes.tests.join(", "))?;
    }
    Ok(if changes.changed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) })
}
