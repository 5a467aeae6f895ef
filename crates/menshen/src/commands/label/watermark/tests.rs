use super::*;

fn detection(spec: &Path, key: &Path, tokens: &Path) -> Detect {
    Detect {
        spec: spec.to_owned(),
        key: key.to_owned(),
        tokens: Some(tokens.to_owned()),
        endpoint: None,
        false_alarms: 1e-5,
        json: true,
        file: None,
    }
}

#[test]
fn a_key_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    make_key(&a).unwrap();
    make_key(&b).unwrap();
    let held = std::fs::read_to_string(&a).unwrap();
    assert_eq!(held.trim().len(), 2 * SECRET);
    assert_ne!(held, std::fs::read_to_string(&b).unwrap());
    assert!(Secret::from_hex(&held).is_ok());
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&a).unwrap().permissions()) & 0o777, 0o600);
    assert!(make_key(&a).unwrap_err().to_string().contains("never overwritten"));
    assert_eq!(std::fs::read_to_string(&a).unwrap(), held);
    assert!(make_key(&folder.path().join("no/such/folder")).is_err());
}

#[test]
fn invisible_marks_are_put_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("text"), folder.path().join("marked"));
    std::fs::write(&file, "春江潮水连海平，海上明月共潮生。 It is a long way home and nobody knows it. ").unwrap();
    for (scheme, id) in
        [(SchemeId::ZeroWidth, Scheme::ZeroWidth), (SchemeId::VariationSelector, Scheme::VariationSelector)]
    {
        let args = |payload: &str, file: &Path, out: &Path| Mark {
            scheme,
            payload: payload.to_owned(),
            interval: 20,
            out: out.to_owned(),
            file: file.to_owned(),
        };
        mark(&args("c0ffee", &file, &out)).unwrap();
        let found = invisible::detect(&std::fs::read_to_string(&out).unwrap());
        assert_eq!((found.marks[0].payload.as_slice(), found.marks[0].scheme), (&[0xc0, 0xff, 0xee][..], id));
        let other = folder.path().join("other");
        assert!(mark(&args("01", &out, &other)).is_err(), "a second mark");
        for payload in ["", "0", "zz", "00112233445566778899aabbccddeeff00"] {
            assert!(mark(&args(payload, &file, &other)).is_err(), "{payload}");
        }
        assert!(!other.exists());
        let find = |files: &[&PathBuf]| {
            find(&Find { json: true, files: files.iter().map(|file| (*file).clone()).collect() }).unwrap()
        };
        assert_eq!(find(&[&out]), ExitCode::SUCCESS);
        assert_eq!(find(&[&out, &file]), ExitCode::from(exit::FOUND));
    }
    std::fs::write(&file, "好").unwrap();
    let short = Mark { scheme: SchemeId::ZeroWidth, payload: "01".to_owned(), interval: 20, out, file };
    assert!(mark(&short).unwrap_err().to_string().contains("no place"));
}

#[test]
fn green_lists_are_found_by_their_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let list = GreenList::new("k1", "any");
    std::fs::write(path("spec"), serde_json::to_string(&list).unwrap()).unwrap();
    make_key(&path("key")).unwrap();
    let secret = Secret::from_hex(&std::fs::read_to_string(path("key")).unwrap()).unwrap();
    let mut tokens = vec![1_u32];
    for i in 2..80 {
        // The first green one that was not there yet.
        let mut logits = vec![0.0; 2_000];
        list.bias(&secret, &tokens, &mut logits);
        let next = (i..2_000).find(|id| logits[*id as usize] > 0.0 && !tokens.contains(id)).unwrap();
        tokens.push(next);
    }
    let run = |document: Value| {
        std::fs::write(path("tokens"), document.to_string()).unwrap();
        detect(&detection(&path("spec"), &path("key"), &path("tokens")))
    };
    assert_eq!(run(json!(tokens)).unwrap(), ExitCode::SUCCESS);
    assert_eq!(run(json!({"tokens": tokens, "more": 1})).unwrap(), ExitCode::SUCCESS);
    assert_eq!(run(json!((0..200).collect::<Vec<u32>>())).unwrap(), ExitCode::from(exit::FOUND));
    assert_eq!(run(json!(tokens[..20])).unwrap(), ExitCode::from(exit::FOUND), "too short");
    for wrong in [json!({}), json!([-1]), json!(["a"]), json!(7), json!({"tokens": 7})] {
        assert!(run(wrong.clone()).is_err(), "{wrong}");
    }
    let mut odd = detection(&path("spec"), &path("key"), &path("tokens"));
    odd.false_alarms = 1.0;
    assert!(detect(&odd).is_err());
    assert!(detect(&detection(&path("key"), &path("key"), &path("tokens"))).is_err());
}

#[test]
fn an_endpoint_must_be_an_address() {
    let ask = |base: &str| runtime(false).unwrap().block_on(tokenize(base, "text")).unwrap_err().to_string();
    for base in ["nothing", "ftp://a", "http://user:secret@127.0.0.1:1", "http://127.0.0.1:1?key=1"] {
        assert!(ask(base).contains("--endpoint"), "{base}");
    }
    assert!(ask("http://127.0.0.1:1").contains("does not tokenize"));
}
