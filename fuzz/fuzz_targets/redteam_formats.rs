//! Files of other red teams are read or refused; what is read is usable and is written without failing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_redteam::formats::{Format, export, import};
use menshen_redteam::target::{Kind, Spec};
use menshen_redteam::turn::Turn;

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let formats = [Format::Pyrit, Format::Garak, Format::Promptfoo];
    let format = formats[usize::from(which) % formats.len()];
    let Ok(found) = import(format, "fuzz", text) else { return };
    assert!(found.templates.iter().all(|t| t.contains("{payload}")));
    assert!(found.instructions.iter().all(|i| !i.text.trim().is_empty() && !i.id.is_empty()));
    for attempt in &found.attempts {
        assert!(attempt.scores.iter().all(|s| (0.0..=1.0).contains(&s.value)));
    }
    let prompts: Vec<_> =
        found.instructions.iter().map(|i| (i.clone(), "plain".to_owned(), vec![Turn::user(i.text.clone())])).collect();
    let kind = Kind::Openai { url: "http://127.0.0.1:1".into(), model: "m".into(), stream: false, extra: Default::default() };
    let Ok(plan) = found.plan(Spec::new(kind)) else { return };
    for format in formats {
        if !prompts.is_empty() {
            assert!(export(format, &plan, &prompts).is_ok());
        }
    }
});
