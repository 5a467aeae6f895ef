//! What peers write for the same texts, in `golden/peers.tsv` (made by `bench/redteam/cross_check.py --golden`).

use fastrand::Rng;
use menshen_redteam::mutator::{Apply, by_id};

/// A difference that is meant: peers, the texts it applies to, why. The same list as in the script that makes the file.
type Known = (&'static [&'static str], fn(&str) -> bool, &'static str);

fn han(text: &str) -> bool {
    text.chars().any(|c| ('\u{3400}'..='\u{9FFF}').contains(&c))
}

const KNOWN: &[Known] = &[
    (
        &[
            "pyrit:ROT13",
            "pyrit:Atbash",
            "pyrit:Caesar",
            "pyrit:Vigenere",
            "pyrit:Morse",
            "pyrit:Nato",
            "pyrit:Braille",
            "pyrit:Superscript",
            "pyrit:AsciiSmuggler",
            "pyrit:AsciiSmuggler marked",
            "pyrit:Diacritic",
            "garak:rot13",
            "garak:atbash",
            "garak:morse",
            "garak:nato",
            "garak:braille",
            "garak:tag_characters",
        ],
        han,
        "Han: the peer leaves it, drops it or moves it out of its block, ours writes its pinyin",
    ),
    (&["pyrit:Caesar", "pyrit:Atbash"], |t| t.contains(|c: char| c.is_ascii_digit()), "the peer turns digits too"),
    (&["pyrit:BinAscii UUencode"], |t| t.contains(' '), "the peer encodes word by word"),
    (&["pyrit:Superscript"], |t| t.contains(['C', 'F', 'q']), "the peer's table lacks these"),
    (&["pyrit:Diacritic"], |t| t.contains(['A', 'E', 'I', 'O', 'U']), "the peer marks small vowels only"),
    (&["pyrit:Morse"], |t| t.contains([';', '%']), "the error signal for ; and a spelled-out %"),
    (&["pyrit:Nato"], |t| t.contains(|c: char| c.is_ascii_digit()), "the peer leaves digits"),
    (&["pyrit:Braille"], |t| t.contains(['(', ')']), "the peer writes both brackets alike"),
    (
        &["garak:morse"],
        |t| t.contains(|c: char| !c.is_ascii_alphanumeric() && c != ' '),
        "the peer has signs for letters and digits only",
    ),
    (&["garak:nato"], |t| t.contains(|c: char| !c.is_ascii_alphabetic()), "letters only, nothing between words"),
    (
        &["garak:braille"],
        |t| t.contains(|c: char| !c.is_ascii_alphabetic() && c != ' '),
        "a number sign before each digit, and signs that it lacks",
    ),
    (&["garak:variation_selectors"], |_| true, "the peer adds code points to U+E0100, ours writes bytes"),
    (&["garak:sneaky_bits"], |_| true, "the peer drops leading zeros, ours writes bytes"),
];

fn plain(cell: &str) -> String {
    let mut out = String::new();
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            other => out.extend(other),
        }
    }
    out
}

/// Without what only frames it: a key ahead, the quotes of JSON, the sign for zero of POSIX.
fn shaped(id: &str, text: &str) -> String {
    match id {
        "vigenere" => text.split_once("] ").map_or(text, |(_, body)| body).to_owned(),
        "json_string" => text.trim_matches('"').to_owned(),
        "uuencode" => text.replace('`', " "),
        "nato" => text.replace(" / ", " <space> "),
        _ => text.to_owned(),
    }
}

#[test]
fn what_peers_write_or_a_difference_that_is_meant() {
    let mut wrong = Vec::new();
    let mut equal = 0;
    let mut meant = [0; KNOWN.len()];
    for line in include_str!("golden/peers.tsv").lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<String> = line.split('\t').map(plain).collect();
        let [peer, id, input, output] = cells.as_slice() else { panic!("four cells: {line}") };
        let row = by_id(id).unwrap_or_else(|| panic!("no row {id}"));
        let Apply::Text(apply) = row.apply else { panic!("{id} does not write text") };
        let ours = apply(input, &mut Rng::with_seed(7)).map_or_else(|| input.clone(), |ours| shaped(id, &ours));
        let known = KNOWN.iter().position(|(peers, which, _)| peers.contains(&peer.as_str()) && which(input));
        if ours.trim_end_matches('\n') == output.trim_end_matches('\n') {
            equal += 1;
        } else if let Some(known) = known {
            meant[known] += 1;
        } else {
            wrong.push(format!("{id} against {peer} on {input:?}\n  theirs {output:?}\n  ours   {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A reason that no line needs is out of date.
    for ((peers, _, why), count) in KNOWN.iter().zip(meant) {
        assert!(count > 0, "no difference of {peers:?}: {why}");
    }
    assert!(equal > 2 * meant.iter().sum::<usize>(), "{equal} equal, {meant:?} different");
}
