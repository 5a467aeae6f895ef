//! Asks a course of questions: some at once, within the budget, each answer on disk before the next is asked for.

use std::collections::VecDeque;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use menshen_judge::distill::config::Allowance;
use menshen_judge::distill::ledger::{Admission, Budget, Entry, Ledger, Request};
use menshen_judge::distill::questions::{Course, Next};
use tokio::task::JoinSet;

use super::teacher::{Endpoint, Failure, Shared, Source};
use super::work::{Records, Work, bad, replace};
use crate::exit;

/// How often progress is written.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Why asking ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Every question is settled.
    Complete,
    /// The budget is spent.
    Spent,
    /// The recording holds no answer to so many requests.
    NotRecorded(usize),
    /// So many open requests were written to a file.
    Listed(usize),
    /// The teacher cannot be reached, or so many requests failed for now.
    Failed(String),
}

/// Asks what is open. Whatever was answered stands in the ledger and on disk, however this ends.
///
/// # Errors
/// When the work folder cannot be written.
pub fn ask<T>(
    work: &Work,
    file: &str,
    course: &Course<'_, T>,
    source: Source,
    allowance: Allowance,
    concurrency: u16,
) -> Result<(Ledger, End)> {
    let (mut ledger, whole) = Ledger::read(file, &work.bytes(file)?).map_err(bad)?;
    let mut records = work.append(file, whole)?;
    let end = match source {
        Source::Recorded(recording) => {
            let mut missing = 0;
            for at in 0..course.len {
                while let Some(Next::Ask(request)) = course.next(at, &ledger) {
                    let Some(entry) = recording.get(&request.key) else {
                        missing += 1;
                        break;
                    };
                    records.add(entry)?;
                    ledger.add(entry.clone());
                }
            }
            if missing == 0 { End::Complete } else { End::NotRecorded(missing) }
        }
        Source::Listed(path) => {
            let mut lines = String::new();
            let mut open = 0;
            for at in 0..course.len {
                if let Some(Next::Ask(request)) = course.next(at, &ledger) {
                    lines.push_str(&format!("{}\n", request.batch_line()));
                    open += 1;
                }
            }
            replace(&path, &lines)?;
            End::Listed(open)
        }
        Source::Live(endpoint) => {
            let live = Live {
                endpoint: Arc::new(*endpoint),
                budget: Arc::new(Mutex::new(Budget::new(allowance))),
                concurrency: usize::from(concurrency),
                told: Instant::now(),
                failed: 0,
                in_a_row: 0,
                why: String::new(),
            };
            crate::commands::runtime(false)?.block_on(live.ask(course, &mut ledger, &mut records))?
        }
    };
    Ok((ledger, end))
}

struct Live {
    endpoint: Arc<Endpoint>,
    budget: Shared,
    concurrency: usize,
    told: Instant,
    /// Requests that failed for now.
    failed: usize,
    /// The same, without an answer between them.
    in_a_row: usize,
    /// What happened last.
    why: String,
}

type Answered = (usize, Request, Result<Entry, Failure>);

impl Live {
    async fn ask<T>(mut self, course: &Course<'_, T>, ledger: &mut Ledger, records: &mut Records) -> Result<End> {
        let mut open: VecDeque<usize> = (0..course.len).collect();
        let mut under_way: JoinSet<Answered> = JoinSet::new();
        let mut end = None;
        let mut settled = 0;
        loop {
            while end.is_none() && under_way.len() < self.concurrency {
                let Some(at) = open.pop_front() else { break };
                let Some(Next::Ask(request)) = course.next(at, ledger) else {
                    settled += 1;
                    continue;
                };
                match self.lock(|b| b.admit(&request)) {
                    Admission::Go => self.send(&mut under_way, at, request),
                    Admission::Wait => {
                        open.push_front(at);
                        break;
                    }
                    Admission::Spent => {
                        open.push_front(at);
                        // Requests under way may leave something over.
                        if under_way.is_empty() {
                            end = Some(End::Spent);
                        }
                        break;
                    }
                }
            }
            let Some(done) = under_way.join_next().await else { break };
            let (at, request, answer) = done?;
            self.take(at, &request, answer, &mut open, ledger, records, &mut end)?;
            self.tell(settled, course.len, ledger, false);
        }
        self.tell(settled, course.len, ledger, true);
        let failed = |live: &Live| {
            End::Failed(format!("{} requests failed for now, the last because {}", live.failed, live.why))
        };
        Ok(match end {
            Some(end) => end,
            None if self.failed > 0 => failed(&self),
            None => End::Complete,
        })
    }

    fn lock<R>(&self, act: impl FnOnce(&mut Budget) -> R) -> R {
        act(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send(&self, under_way: &mut JoinSet<Answered>, at: usize, request: Request) {
        let (endpoint, budget) = (Arc::clone(&self.endpoint), Arc::clone(&self.budget));
        under_way.spawn(async move {
            let answer = endpoint.ask(&request, &budget).await;
            (at, request, answer)
        });
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one loop")]
    fn take(
        &mut self,
        at: usize,
        request: &Request,
        answer: Result<Entry, Failure>,
        open: &mut VecDeque<usize>,
        ledger: &mut Ledger,
        records: &mut Records,
        end: &mut Option<End>,
    ) -> Result<()> {
        let unanswered = |requests: u64| Entry { key: request.key.clone(), requests, ..Entry::default() };
        let entry = match answer {
            Ok(entry) => {
                self.in_a_row = 0;
                // Settled, or to be drawn again.
                open.push_front(at);
                entry
            }
            Err(Failure::Later { why, requests }) => {
                self.failed += 1;
                self.in_a_row += 1;
                self.why = why;
                // A server that is down is not asked ten thousand times.
                if self.in_a_row >= self.concurrency.max(3) && end.is_none() {
                    *end = Some(End::Failed(self.why.clone()));
                }
                unanswered(requests)
            }
            Err(Failure::Never { why, requests }) => {
                *end = Some(End::Failed(why));
                unanswered(requests)
            }
        };
        self.lock(|b| b.settle(request, entry.tokens()));
        records.add(&entry)?;
        ledger.add(entry);
        Ok(())
    }

    fn tell(&mut self, settled: usize, all: usize, ledger: &Ledger, last: bool) {
        if !last && self.told.elapsed() < TELL_EVERY {
            return;
        }
        self.told = Instant::now();
        let (requests, tokens) = self.lock(|b| b.spent());
        let answers = ledger.totals().answers;
        say(&format!(
            "{settled}/{all} settled, {answers} answers, this run {requests} requests and {tokens} tokens, {} failed",
            self.failed
        ));
    }
}

/// Writes a line of progress; nobody is bound to read it.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "distill: {text}");
}

/// What is said and exited with when a step ends.
///
/// # Errors
/// When the teacher failed.
pub fn conclude(end: &End, summary: &str) -> Result<ExitCode> {
    match end {
        End::Complete => {}
        End::Spent => {
            say(&format!("the budget is spent: {summary}; the same command goes on where this one stopped"));
        }
        End::Listed(open) => {
            say(&format!("{open} requests have no answer yet; have them answered and give the file to --responses"));
        }
        End::NotRecorded(missing) => {
            say(&format!(
                "the recording holds no answer to {missing} requests ({summary}); --requests FILE.jsonl writes them down"
            ));
            return Ok(ExitCode::from(exit::FOUND));
        }
        End::Failed(why) => {
            return Err(exit::environment(format!(
                "the teacher failed: {why} ({summary}); what it answered is kept, and the same command goes on from \
                 there"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}
