use std::io::Cursor;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rcgen::{KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};

use super::super::samples;
use super::*;
use crate::carrier;
use crate::carrier::media::check::{OTHER, VALUE};

/// Credentials and the certificate of their authority.
fn made(algorithm: Algorithm, change: impl Fn(&mut CertificateParams)) -> Result<(Credentials, String), rcgen::Error> {
    let kind: &'static SignatureAlgorithm = match algorithm {
        Algorithm::Es384 => &PKCS_ECDSA_P384_SHA384,
        Algorithm::Ed25519 => &PKCS_ED25519,
        _ => &PKCS_ECDSA_P256_SHA256,
    };
    let params = |name: &str| {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "A test");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        Ok::<_, rcgen::Error>(params)
    };
    let mut root = params("Root")?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_key = KeyPair::generate_for(kind)?;
    let anchor = root.self_signed(&root_key)?.pem();
    let mut leaf = params("Signer")?;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    change(&mut leaf);
    let key = KeyPair::generate_for(kind)?;
    let cert = leaf.signed_by(&key, &Issuer::new(root, root_key))?.pem();
    let credentials =
        Credentials { cert_chain_pem: format!("{cert}{anchor}"), key_pem: key.serialize_pem(), algorithm };
    Ok((credentials, anchor))
}

fn claim() -> Claim {
    Claim {
        title: Some("a.jpg".into()),
        generator: Generator { name: "Menshen".into(), version: Some("0.1.0".into()) },
        digital_source_type: GENERATED.into(),
        aigc: Some(VALUE.into()),
    }
}

fn signed(file: &[u8], mime: &str, credentials: &Credentials, claim: &Claim) -> Result<(Vec<u8>, Validation), Error> {
    let mut out = Cursor::new(Vec::new());
    let made = sign(&mut Cursor::new(file), &mut out, mime, credentials, claim)?;
    Ok((out.into_inner(), made))
}

fn state(file: &[u8], mime: &str) -> State {
    // A flipped byte may also make the file unreadable: that is no valid state either.
    let validation = verify(&mut Cursor::new(file), mime, None);
    validation.ok().flatten().map_or(State::Invalid, |validation| validation.state)
}

/// Where a run of the second half of `old` stands in `new`. Zeros may also be room that is kept in the manifest store.
fn content(old: &[u8], new: &[u8]) -> Option<usize> {
    let half = old.get(old.len() / 2..)?;
    half.windows(12).filter(|run| run.iter().all(|byte| *byte != 0)).find_map(|run| memchr::memmem::find(new, run))
}

#[test]
fn every_format_is_signed_behind_its_label() {
    let (credentials, _) = made(Algorithm::Es256, |_| {}).unwrap();
    for (ending, mime, file) in samples::all() {
        let carrier = carrier::of(&file, ending).unwrap();
        let mut labelled = Vec::new();
        (carrier.write)(&mut Cursor::new(&file), &mut labelled, VALUE).unwrap();
        let (out, validation) =
            signed(&labelled, mime, &credentials, &claim()).unwrap_or_else(|error| panic!("{ending}: {error}"));
        assert_eq!(validation.state, State::Valid, "{ending}");
        assert!(validation.generated);
        assert_eq!(validation.issuer.as_deref(), Some("A test"));
        // Read without the crate.
        let found = crate::c2pa::find(&mut Cursor::new(&out)).unwrap();
        let found = found.unwrap_or_else(|| panic!("{ending}: not found"));
        assert_eq!(found.label, validation.label, "{ending}");
        assert_eq!(found.generator, Some(claim().generator));
        assert_eq!(found.title.as_deref(), Some("a.jpg"));
        assert!(found.generated);
        assert_eq!(found.actions.len(), 1);
        assert_eq!(found.actions[0].action, "c2pa.created");
        let own: Value = serde_json::from_str(VALUE).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&found.aigc.unwrap()).unwrap(), own, "{ending}");
        // The label is where and what it was.
        let again = carrier::of(&out[..out.len().min(carrier::HEAD)], ending).unwrap();
        assert_eq!(again.id, carrier.id);
        let before = (carrier.read)(&mut Cursor::new(&labelled)).unwrap();
        let after = (carrier.read)(&mut Cursor::new(&out)).unwrap();
        assert_eq!(after.len(), 1, "{ending}: {after:?}");
        assert_eq!((&after[0].place, &after[0].value), (&before[0].place, &before[0].value), "{ending}");
        assert!(after[0].by_the_book, "{ending}");
        // A changed byte, of the content and of the label.
        let at = content(&labelled, &out).unwrap_or_else(|| panic!("{ending}: no content"));
        let label = after[0].offset.map(|at| at as usize);
        for at in [Some(at), label].into_iter().flatten() {
            let mut changed = out.clone();
            changed[at] ^= 1;
            assert_eq!(state(&changed, mime), State::Invalid, "{ending}: byte {at}");
        }
        assert_eq!(state(&out, mime), State::Valid);
        // Another label breaks the hash.
        let mut relabelled = Vec::new();
        (carrier.write)(&mut Cursor::new(&out), &mut relabelled, OTHER).unwrap();
        assert_eq!(state(&relabelled, mime), State::Invalid, "{ending}");
    }
}

#[test]
fn a_manifest_stays_as_the_parent() {
    let (credentials, _) = made(Algorithm::Es256, |_| {}).unwrap();
    for (_, mime, file) in
        samples::all().into_iter().filter(|(ending, ..)| ["jpg", "png", "mp4", "wav"].contains(ending))
    {
        let other = Claim { generator: Generator { name: "Painter".into(), version: None }, aigc: None, ..claim() };
        let (first, parent) = signed(&file, mime, &credentials, &other).unwrap();
        let carrier = carrier::of(&first, "").unwrap();
        let mut labelled = Vec::new();
        (carrier.write)(&mut Cursor::new(&first), &mut labelled, VALUE).unwrap();
        assert_eq!(state(&labelled, mime), State::Invalid, "{mime}");
        let captured = Claim { digital_source_type: "http://x/digitalCapture".into(), ..claim() };
        let (second, validation) = signed(&labelled, mime, &credentials, &captured).unwrap();
        assert_eq!(validation.state, State::Valid);
        let found = crate::c2pa::find(&mut Cursor::new(&second)).unwrap().unwrap();
        assert_eq!(found.manifests, 2);
        let said: Vec<_> = found.actions.iter().map(|it| (it.action.as_str(), it.manifest == parent.label)).collect();
        assert_eq!(said, [("c2pa.opened", false), ("c2pa.edited.metadata", false), ("c2pa.created", true)]);
        assert!(found.generated && validation.generated, "its parent says so");
    }
}

#[test]
fn anchors_make_trust() {
    let file = samples::flac();
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ed25519] {
        let (credentials, anchor) = made(algorithm, |_| {}).unwrap();
        let (out, validation) = signed(&file, "audio/flac", &credentials, &claim()).unwrap();
        assert_eq!(validation.state, State::Valid);
        assert_eq!(validation.failures().collect::<Vec<_>>(), ["signingCredential.untrusted"]);
        let verified = |anchor: &str| verify(&mut Cursor::new(&out), "flac", Some(anchor)).unwrap().unwrap();
        assert_eq!(verified(&anchor).state, State::Trusted, "{algorithm:?}");
        let (_, stranger) = made(algorithm, |_| {}).unwrap();
        assert_eq!(verified(&stranger).state, State::Valid);
        assert!(!format!("{credentials:?}").contains("PRIVATE"));
    }
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let (good, _) = made(Algorithm::Es256, |_| {}).unwrap();
    let (stranger, _) = made(Algorithm::Es256, |_| {}).unwrap();
    let file = samples::flac();
    let refused = |credentials: &Credentials, claim: &Claim, file: &[u8], mime: &str| {
        signed(file, mime, credentials, claim).map(|(_, made)| made).unwrap_err().to_string()
    };
    let with = |cert: &Credentials, key: &Credentials| Credentials { key_pem: key.key_pem.clone(), ..cert.clone() };
    // A key that is not the certificate's; a key of another form; a certificate outside the profile, or past its time.
    assert!(refused(&with(&good, &stranger), &claim(), &file, "flac").contains("not signed"));
    let form = Credentials { key_pem: "-----BEGIN EC PRIVATE KEY-----".into(), ..good.clone() };
    assert!(refused(&form, &claim(), &file, "flac").contains("PKCS #8"));
    let bare = made(Algorithm::Es256, |leaf| leaf.extended_key_usages.clear()).unwrap().0;
    assert!(refused(&bare, &claim(), &file, "flac").contains("not signed"));
    let old = made(Algorithm::Es256, |leaf| leaf.not_after = rcgen::date_time_ymd(2021, 1, 1)).unwrap().0;
    assert!(refused(&old, &claim(), &file, "flac").contains("not signed"));
    let mixed = Credentials { algorithm: Algorithm::Es384, ..good.clone() };
    assert!(refused(&mixed, &claim(), &file, "flac").contains("not signed"));
    // Labels that are none.
    for label in ["", "[1]", "{}", "{\"AIGC\":{}}"] {
        let wrong = Claim { aigc: Some(label.into()), ..claim() };
        assert!(refused(&good, &wrong, &file, "flac").contains("label is wrong"), "{label}");
    }
    // Formats.
    let pdf = samples::pdf(&[b"<</Type/Catalog>>".to_vec()]);
    assert!(!refused(&good, &claim(), &pdf, "application/pdf").is_empty());
    assert!(!refused(&good, &claim(), b"words", "text/plain").is_empty());
    assert!(!refused(&good, &claim(), &samples::all()[0].2[..30], "image/jpeg").is_empty());
    assert!(matches!(verify(&mut Cursor::new(b"words"), "text/plain", None), Err(Error::UnknownFormat)));
    assert_eq!(verify(&mut Cursor::new(&file), "flac", None).unwrap(), None);
    assert!(verify(&mut Cursor::new(&file), "flac", Some("no certificate")).is_err());
}

#[test]
fn algorithms_have_names() {
    for one in Algorithm::ALL {
        assert_eq!(Algorithm::from_id(one.id()), Some(one));
    }
    assert_eq!(Algorithm::from_id("sm2"), None);
}
