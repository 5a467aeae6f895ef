//! Files of questions are read or refused; what is read is fit for a bank.
#![no_main]

use libfuzzer_sys::fuzz_target;
use menshen_assess::bank::{Bank, import};
use menshen_assess::question::{BankKind, Group};

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    // No workbooks: their reader's panics are caught, but a fuzzer counts them; property tests damage workbooks.
    let names = ["a.csv", "a.tsv", "a.jsonl"];
    let name = names[usize::from(which) % names.len()];
    let default = [None, Some(BankKind::Generated), Some(BankKind::Refuse), Some(BankKind::Answer)];
    let default = default[usize::from(which / 3) % default.len()];
    let Ok(found) = import(bytes, name, default, None, &Bank::default()) else { return };
    for question in &found.new {
        assert!(!question.text.trim().is_empty() && question.text.chars().count() <= 2_000);
        assert!(Group::of_bank(question.bank).contains(&question.group));
    }
});
