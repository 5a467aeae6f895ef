use super::*;

fn secret() -> Secret {
    Secret::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

/// Text of a model of 1000 tokens whose logits are normal with a spread of 2 (about 7 bits of entropy a token).
fn generate(list: Option<&GreenList>, length: usize, seed: u64) -> Vec<u32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut tokens = vec![rng.u32(..1000)];
    while tokens.len() < length {
        let mut logits: Vec<f32> = (0..1000)
            .map(|_| {
                let normal = (-2.0 * rng.f32().max(1e-9).ln()).sqrt() * (std::f32::consts::TAU * rng.f32()).cos();
                2.0 * normal
            })
            .collect();
        if let Some(list) = list {
            list.bias(&secret(), &tokens, &mut logits);
        }
        let weights: Vec<f32> = logits.iter().map(|logit| logit.exp()).collect();
        let mut at = rng.f32() * weights.iter().sum::<f32>();
        let chosen = weights.iter().position(|weight| {
            at -= weight;
            at <= 0.0
        });
        tokens.push(u32::try_from(chosen.unwrap_or(999)).unwrap());
    }
    tokens
}

#[test]
fn marked_text_is_found_and_unmarked_is_not() {
    let list = GreenList::new("k1", "test");
    for (length, least) in [(50, 0.6), (100, 0.95), (200, 1.0)] {
        let found =
            (0..20).filter(|seed| list.detect(&secret(), &generate(Some(&list), length, *seed)).is_marked(1e-4));
        let share = found.count() as f64 / 20.0;
        println!("{length} tokens, γ 0.25, δ 2: {share} found at a rate of false alarms of 1e-4");
        assert!(share >= least, "{length}: {share}");
    }
    let other = Secret::new(b"another secret of theirs").unwrap();
    let marked = generate(Some(&list), 200, 1);
    assert!(!list.detect(&other, &marked).is_marked(1e-4), "another key finds nothing");
    let p = list.detect(&secret(), &marked);
    println!("{p:?}");
}

#[test]
fn false_alarms_are_as_rare_as_they_should_be() {
    let list = GreenList::new("k1", "test");
    let mut rng = fastrand::Rng::with_seed(9);
    let mut alarms = [0_usize; 3];
    let runs = 4_000;
    for _ in 0..runs {
        let tokens: Vec<u32> = (0..101).map(|_| rng.u32(..50_000)).collect();
        let detection = list.detect(&secret(), &tokens);
        for (count, rate) in alarms.iter_mut().zip([1e-1, 1e-2, 1e-3]) {
            *count += usize::from(detection.is_marked(rate));
        }
    }
    println!("{alarms:?} alarms in {runs} texts at 0.1, 0.01, 0.001");
    let [tenth, hundredth, thousandth] = alarms;
    assert!((180..=440).contains(&tenth) && (12..=60).contains(&hundredth) && thousandth <= 12, "{alarms:?}");
}

#[test]
fn edits_weaken_the_mark() {
    let list = GreenList::new("k1", "test");
    for (share, least) in [(0.1, 1.0), (0.3, 0.9)] {
        let found = (0..10).filter(|seed| {
            let mut rng = fastrand::Rng::with_seed(*seed);
            let mut tokens = generate(Some(&list), 300, *seed);
            tokens.iter_mut().filter(|_| rng.f64() < share).for_each(|token| *token = *token % 500 + 250);
            list.detect(&secret(), &tokens).is_marked(1e-4)
        });
        let found = found.count() as f64 / 10.0;
        println!("300 tokens, {share} replaced: {found} found");
        assert!(found >= least, "{share}: {found}");
    }
}

#[test]
fn repeated_text_is_counted_once() {
    let list = GreenList::new("k1", "test");
    let (a, b) = (7, 8);
    let tokens: Vec<u32> = (0..1000).map(|i| if i % 2 == 0 { a } else { b }).collect();
    let detection = list.detect(&secret(), &tokens);
    assert_eq!(detection.scored, 2);
    assert!(!detection.enough && !detection.is_marked(1.0));
    assert_eq!(list.detect(&secret(), &[]).p, 1.0);
}

#[test]
fn the_share_of_green_tokens_is_gamma() {
    let list = GreenList { context: 4, ..GreenList::new("k1", "test") };
    let mut logits = vec![0.0; 50_000];
    list.bias(&secret(), &[1, 2, 3], &mut logits);
    assert!(logits.iter().all(|logit| *logit == 0.0), "too little before it");
    list.bias(&secret(), &[1, 2, 3, 4], &mut logits);
    let green = logits.iter().filter(|logit| **logit == 2.0).count();
    assert!((12_100..=12_900).contains(&green), "{green}");
    let mut same = vec![0.0; 50_000];
    list.bias(&secret(), &[9, 9, 1, 2, 3, 4], &mut same);
    assert_eq!(same, logits);
}

#[test]
fn the_tail_is_exact() {
    // P(X ≥ 8), X ~ Bin(10, 1/2) = 56/1024; P(X ≥ 3), X ~ Bin(5, 1/4) = 106/1024.
    assert!((tail(10, 8, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
    assert!((tail(5, 3, 0.25) - 106.0 / 1024.0).abs() < 1e-12);
    assert!((tail(10, 2, 0.5) - 1013.0 / 1024.0).abs() < 1e-12);
    assert!((tail(40, 40, 0.25) / 0.25_f64.powi(40) - 1.0).abs() < 1e-9);
    assert_eq!(tail(10, 0, 0.5), 1.0);
    assert!(tail(1_000_000, 260_000, 0.25) > 0.0 && tail(1_000_000, 260_000, 0.25) < 1e-100);
    assert!((tail(100_000, 25_000, 0.25) - 0.5).abs() < 0.01);
}

/// The test vectors of docs/watermark.md, a line of JSON each.
fn vectors() -> Vec<String> {
    const KEYS: [&str; 2] = [
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        // Longer than the block of SM3, so hashed before use.
        "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\
         5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00",
    ];
    let mut lines = Vec::new();
    for (key, gamma, context, vocabulary) in [
        (0, 0.25, &[0_u32][..], 1_000_usize),
        (0, 0.25, &[49_151], 49_152),
        (0, 0.5, &[7], 1_000),
        (1, 0.25, &[7], 151_936),
        (0, 0.25, &[1, 2, 3, 4], 151_936),
        (1, 0.1, &[151_935, 0, 4_294_967_295], 32_000),
    ] {
        let hex = KEYS[key];
        let list = GreenList { gamma, context: context.len(), ..GreenList::new("vectors", "any") };
        let Ok(secret) = Secret::from_hex(hex) else { return Vec::new() };
        let mut logits = vec![0.0; vocabulary];
        list.bias(&secret, context, &mut logits);
        let green: Vec<usize> = (0..vocabulary).filter(|id| logits[*id] == 2.0).collect();
        lines.push(
            serde_json::json!({"key": hex, "gamma": gamma, "context": context, "vocabulary": vocabulary,
                "green": green.len(), "first": green[..12], "last": green.last()})
            .to_string(),
        );
    }
    for (key, gamma, context, length) in [(0, 0.25, 1, 60), (0, 0.25, 4, 200), (1, 0.5, 2, 1_000)] {
        let hex = KEYS[key];
        let list = GreenList { gamma, context, ..GreenList::new("vectors", "any") };
        let Ok(secret) = Secret::from_hex(hex) else { return Vec::new() };
        let tokens: Vec<u32> = (0..length).map(|i| (31 * i * i + 7 * i) % 5_000).collect();
        let Detection { scored, green, z, p, enough } = list.detect(&secret, &tokens);
        // The logarithm's last digits are the machine's.
        let (z, p) = ((z * 1e9).round() / 1e9, (p * 1e9).round() / 1e9);
        lines.push(
            serde_json::json!({"key": hex, "gamma": gamma, "context_length": context, "tokens": length,
                "scored": scored, "green": green, "z": z, "p": p, "enough": enough})
            .to_string(),
        );
    }
    lines
}

#[test]
fn the_documents_hold_the_vectors() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 9);
    println!("{}", vectors.join("\n"));
    for document in ["watermark.md", "zh/watermark.md"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        let held: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"key\"")).collect();
        assert_eq!(held, vectors, "{document}: put the lines that this test prints into its block of vectors");
    }
}

#[test]
fn the_specification_is_json() {
    let list = GreenList::new("k1", "Qwen3");
    let text = serde_json::to_string(&list).unwrap();
    assert_eq!(
        text,
        r#"{"scheme":"kgw-sm3-siphash-1","gamma":0.25,"delta":2.0,"context":1,"key_id":"k1","tokenizer":"Qwen3"}"#
    );
    assert_eq!(GreenList::from_json(&text).unwrap(), list);
    for wrong in ["0.25", "2.0", "\"context\":1", "kgw-sm3-siphash-1"] {
        let altered = text.replace(wrong, if wrong.starts_with('"') { "\"context\":9" } else { "-1" });
        assert!(GreenList::from_json(&altered).is_err(), "{altered}");
    }
    assert!(GreenList::from_json("{}").is_err());
}

#[test]
#[ignore = "a figure, not a check"]
fn speed() {
    let list = GreenList::new("k1", "test");
    let mut logits = vec![0.0; 151_936];
    let start = std::time::Instant::now();
    for i in 0..100 {
        list.bias(&secret(), &[i], &mut logits);
    }
    println!("{:?} a token for a vocabulary of 151936", start.elapsed() / 100);
}
