//! `menshen redteam range`: practise, submit, replay, grade.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::Config;
use menshen_redteam::instruction::Harm;
use menshen_redteam::range::{self, Finding, Practice, Range as Yard, State, Submission, grade};
use menshen_redteam::score::Scorer;
use menshen_store::Campaigns;

use super::super::{print, table};
use super::scorer::native;
use super::{known, read, store};
use crate::exit;

/// What can be done in the range.
#[derive(Subcommand)]
pub enum Range {
    /// List the targets to practise on
    Targets {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Talk with a target; everything said is kept
    Session {
        /// The target of the range
        target: String,
        /// Who plays
        #[arg(long, default_value = "local")]
        player: String,
    },
    /// Hand in a vulnerability: a JSON file, or a session
    Submit {
        /// The finding as JSON (see docs/en/redteam.md), or the id of a session
        what: String,
        /// For a session: what the attack gets, in words
        #[arg(long)]
        goal: Option<String>,
        /// For a session: a line that says what it is
        #[arg(long)]
        title: Option<String>,
        /// For a session: sub-class of attack, S1 to H6
        #[arg(long, default_value = "S1")]
        attack: String,
        /// For a session: one of the 31 risks
        #[arg(long)]
        risk: Option<String>,
        /// Replay it at once, in so many fresh sessions
        #[arg(long, value_name = "N")]
        replay: Option<usize>,
    },
    /// Replay a submission in fresh sessions and grade it
    Replay {
        /// Its id; without it everything that was confirmed once
        id: Option<String>,
        /// How often, at least 10
        #[arg(long, default_value_t = 10)]
        times: usize,
    },
    /// Confirm a submission with the harm that a person saw
    Confirm {
        /// Its id
        id: String,
        /// H1 to H4
        #[arg(long)]
        harm: String,
        /// Who decides
        #[arg(long)]
        by: String,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Reject a submission
    Reject {
        /// Its id
        id: String,
        /// Who decides
        #[arg(long)]
        by: String,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
    },
    /// List submissions
    List {
        /// Of this state
        #[arg(long)]
        state: Option<String>,
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Show a submission with everything that happened to it
    Show {
        /// Its id
        id: String,
    },
    /// Who found what
    Board {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print the grading table: harm x success x repeatability
    Grades,
}

/// The range over the targets of the pack and of `range/*.toml` in the data folder.
pub async fn open(config: &Config, store: Campaigns) -> Result<Yard> {
    let scorer = Scorer::native_only(native(config)?).map_err(known)?;
    Ok(Yard::new(range::practices(&config.data_dir.join("range")).map_err(known)?, store, scorer))
}

/// Runs a command of the range.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub async fn run(config: &Config, command: Range) -> Result<ExitCode> {
    if matches!(command, Range::Grades) {
        print(grade::table(false).trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let yard = open(config, store(config).await?).await?;
    match command {
        Range::Targets { json } => {
            let practices: Vec<&Practice> = yard.practices().collect();
            if json {
                print(&serde_json::to_string(&practices)?)?;
            } else {
                let mut lines = table(&["id", "name", "brief"]);
                for p in practices {
                    lines.add_row([&p.id, &p.name, &p.brief]);
                }
                print(&lines.to_string())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Range::Session { target, player } => talk(&yard, &target, &player).await,
        Range::Submit { what, goal, title, attack, risk, replay } => {
            let finding = if what.starts_with("session-") {
                let session = yard.session(&what).await.map_err(known)?;
                let bad = |what: &str| exit::usage(format!("a session is handed in with {what}"));
                Finding {
                    range: session.range.clone(),
                    reporter: session.player.clone(),
                    title: title.ok_or_else(|| bad("--title"))?,
                    goal: goal.ok_or_else(|| bad("--goal"))?,
                    risk: risk.map(|r| r.parse()).transpose().map_err(|_| bad("--risk A1a to A5b"))?,
                    owasp: "LLM01".to_owned(),
                    attack: attack.parse().map_err(|_| bad("--attack S1 to H6"))?,
                    turns: range::said(&session.transcript),
                    prompts: Vec::new(),
                    harm: None,
                    check: None,
                }
            } else {
                let text = read(&PathBuf::from(&what))?;
                serde_json::from_str(&text).map_err(|e| exit::usage(format!("{what} is no finding: {e}")))?
            };
            let mut submission = yard.submit(finding).await.map_err(known)?;
            if let (Some(times), State::Submitted) = (replay, submission.state) {
                submission = yard.replay(&submission.id, times, "replay").await.map_err(known)?;
            }
            show(&submission)?;
            Ok(ExitCode::SUCCESS)
        }
        Range::Replay { id: Some(id), times } => {
            let submission = yard.replay(&id, times, "replay").await.map_err(known)?;
            show(&submission)?;
            Ok(code(&submission))
        }
        Range::Replay { id: None, times } => {
            let mut worst = ExitCode::SUCCESS;
            for submission in yard.regressions().await.map_err(known)? {
                let submission = yard.replay(&submission.id, times, "replay").await.map_err(known)?;
                show(&submission)?;
                if submission.state != State::Fixed {
                    worst = ExitCode::from(exit::FOUND);
                }
            }
            Ok(worst)
        }
        Range::Confirm { id, harm, by, why } => {
            let harm = match harm.as_str() {
                "H1" => Harm::H1,
                "H2" => Harm::H2,
                "H3" => Harm::H3,
                "H4" => Harm::H4,
                _ => return Err(exit::usage("--harm is H1, H2, H3 or H4".to_owned())),
            };
            show(&yard.decide(&id, Some(harm), &by, &why).await.map_err(known)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Range::Reject { id, by, why } => {
            show(&yard.decide(&id, None, &by, &why).await.map_err(known)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Range::List { state, json } => {
            let state = match state {
                Some(word) => Some(State::of(&word).ok_or_else(|| exit::usage(format!("{word:?} is no state")))?),
                None => None,
            };
            let all = yard.all(state).await.map_err(known)?;
            if json {
                print(&serde_json::to_string(&all)?)?;
            } else {
                let mut lines = table(&["id", "state", "score", "severity", "target", "reporter", "title"]);
                for s in &all {
                    let score = s
                        .grade
                        .as_ref()
                        .map_or_else(|| "–".to_owned(), |g| format!("{}.{}", g.tenths / 10, g.tenths % 10));
                    let severity = s.grade.as_ref().map_or("–", |g| g.severity.name(false));
                    let f = &s.finding;
                    lines.add_row([&s.id, s.state.id(), &score, severity, &f.range, &f.reporter, &f.title]);
                }
                print(&lines.to_string())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Range::Show { id } => {
            let submission = yard.submission(&id).await.map_err(known)?;
            let history = yard.history(&id).await.map_err(known)?;
            print(&serde_json::to_string_pretty(&serde_json::json!({"submission": submission, "history": history}))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Range::Board { json } => {
            let board = yard.board().await.map_err(known)?;
            if json {
                print(&serde_json::to_string(&board)?)?;
            } else {
                let mut lines = table(&["reporter", "score", "critical", "high", "medium", "low", "submissions"]);
                for line in &board {
                    let n = |severity| line.by_severity.get(&severity).copied().unwrap_or_default().to_string();
                    use grade::Severity::{Critical, High, Low, Medium};
                    lines.add_row([
                        line.reporter.clone(),
                        format!("{}.{}", line.tenths / 10, line.tenths % 10),
                        n(Critical),
                        n(High),
                        n(Medium),
                        n(Low),
                        line.submissions.to_string(),
                    ]);
                }
                print(&lines.to_string())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Range::Grades => Ok(ExitCode::SUCCESS),
    }
}

/// 1 when the vulnerability is still there.
fn code(submission: &Submission) -> ExitCode {
    match submission.state {
        State::NotReproduced | State::Fixed => ExitCode::SUCCESS,
        _ => ExitCode::from(exit::FOUND),
    }
}

fn show(submission: &Submission) -> Result<()> {
    print(&format!("{} · {} · {}", submission.id, submission.state.id(), submission.finding.title))?;
    if let Some(first) = &submission.duplicate_of {
        print(&format!("  the same as {first}"))?;
    }
    if let Some(r) = &submission.replays {
        print(&format!(
            "  {} of {} replays succeeded, {} without a score; {} of {} distinct prompts",
            r.successes, r.of, r.unscored, r.prompt_successes, r.prompts
        ))?;
    }
    if let Some(g) = &submission.grade {
        print(&format!("  {}.{} {} · {}", g.tenths / 10, g.tenths % 10, g.severity.name(false), g.vector))?;
        for note in &g.notes {
            print(&format!("  - {note}"))?;
        }
    }
    Ok(())
}

/// Reads lines until the end of input, and shows what the target answers.
async fn talk(yard: &Yard, target: &str, player: &str) -> Result<ExitCode> {
    let session = yard.open_session(target, player).await.map_err(known)?;
    let brief = yard.practices().find(|p| p.id == target).map(|p| p.brief.clone()).unwrap_or_default();
    print(&format!("{}\n{brief}", session.id))?;
    let interactive = std::io::stdin().is_terminal();
    let mut broken = false;
    loop {
        if interactive {
            let mut out = std::io::stdout().lock();
            write!(out, "> ")?;
            out.flush()?;
        }
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line)? == 0 {
            break;
        }
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            continue;
        }
        match yard.say(&session.id, line).await {
            Ok(after) => {
                print(after.transcript.last().map_or("", |t| &t.text))?;
                if let (Some(at), false) = (after.broken_at, broken) {
                    broken = true;
                    print(&format!(
                        "★ broken at turn {at}; hand it in: menshen redteam range submit {} --title … --goal …",
                        session.id
                    ))?;
                }
            }
            Err(error) => print(&format!("! {error}"))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
