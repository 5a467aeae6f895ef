//! What a decision, a standard answer and a restored stream cost, on the packs of this repository.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use menshen_policy::redact::{Restorer, Vault};
use menshen_policy::{PackSet, Policy, Question, Settings, Subject, embedded};
use menshen_verdict::{
    Attack, Conversation, Family, Finding, Intent, Level, Redaction, Risk, Role, Scored, Side, Span, Topic, Verdict,
};

/// 2026-11-21.
const NOW: i64 = 1_795_219_200;

fn policy() -> Policy {
    let (packs, _) = PackSet::load(&[embedded()], &[]);
    packs.policy(&Settings::default())
}

fn labelled() -> Verdict {
    let mut verdict = Verdict::default();
    verdict.labels.note_risk(Risk::A4f, 0.8);
    verdict.labels.note_attack(Attack::H1, 0.3);
    verdict.labels.level = Some(Scored::new(Level::Related, 0.9));
    verdict.labels.intent = Some(Scored::new(Intent::Help, 0.8));
    verdict.labels.topic = Some(Scored::new(Topic::new("health.medicine"), 0.9));
    verdict.findings.push(Finding::new("pii.cn.mobile", "mobile", Family::Pii, Span::new(6, 17), 1.0));
    verdict
}

fn decisions(c: &mut Criterion) {
    let policy = policy();
    let conversation = Conversation::of_text(Role::User, "电话13800138000，请问头疼怎么办");
    let subject = Subject::default();
    let (quiet, busy) = (Verdict::default(), labelled());
    let mut group = c.benchmark_group("decide");
    for (name, verdict) in [("nothing found", &quiet), ("labels and a finding", &busy)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let question = Question::new(Side::Input, &conversation, verdict, &subject);
                black_box(policy.decide(black_box(&question)))
            });
        });
    }
    group.finish();
}

fn answers(c: &mut Criterion) {
    let policy = policy();
    let subject = Subject::default();
    let mut group = c.benchmark_group("answer");
    for (name, question) in [
        ("exact", "台湾是中国的一部分吗"),
        ("paraphrase", "请问台湾到底是不是中国的一部分呀"),
        ("unrelated", "帮我看看这段代码为什么编译不过去"),
    ] {
        group.bench_function(name, |b| b.iter(|| black_box(policy.answer(black_box(question), &subject, NOW))));
    }
    group.finish();
}

fn restoring(c: &mut Criterion) {
    let conversation = Conversation::of_text(Role::User, "电话13800138000");
    let redaction = Redaction {
        segment: 0,
        span: Span::new(6, 17),
        label: "mobile".into(),
        replacement: "[手机号#1]".to_owned(),
        restore: true,
    };
    let vault = Arc::new(Vault::new(&conversation, &[redaction]));
    let text = "您好，[手机号#1] 已登记，列表见 [附件] 与 a[0]。".repeat(200);
    let chunks: Vec<String> = text.chars().collect::<Vec<_>>().chunks(4).map(|c| c.iter().collect()).collect();
    let mut group = c.benchmark_group("restore");
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(0)));
    group.bench_function("stream in chunks of 4 characters", |b| {
        b.iter(|| {
            let mut restorer = Restorer::new(Arc::clone(&vault));
            let mut length = 0;
            for chunk in &chunks {
                length += restorer.write(chunk).len();
            }
            black_box(length + restorer.end().len())
        });
    });
    group.finish();
}

criterion_group!(benches, decisions, answers, restoring);
criterion_main!(benches);
