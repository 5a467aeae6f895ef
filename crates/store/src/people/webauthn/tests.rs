//! The ceremonies on their own, with an authenticator in software that can lie.

use ciborium::Value;
use proptest::prelude::*;

use super::*;
use soft_key::{Handed, SoftKey, TOUCHED, cbor};

// The same as the store's tests use, which see this crate from outside.
#[path = "../../../tests/store/soft_key.rs"]
mod soft_key;

const CHALLENGE: Challenge = [7; 32];
const ORIGIN: &str = "https://console.example";

fn site() -> Site {
    Site { host: "console.example".to_owned(), origins: vec![ORIGIN.to_owned()] }
}

fn key() -> SoftKey {
    SoftKey::es256("console.example", ORIGIN)
}

fn registered(key: &SoftKey) -> Result<Registered, Fault> {
    register(&site(), &CHALLENGE, key.create(&CHALLENGE).new_key())
}

fn known<'a>(key: &'a SoftKey, cose: &'a [u8]) -> Known<'a> {
    Known { credential: &key.id, public_key: cose, backup_eligible: false, user: b"psn_1" }
}

fn answered(key: &SoftKey, handed: &Handed) -> Result<Answered, Fault> {
    let cose = key.cose();
    answer(&CHALLENGE, known(key, &cose), handed.assertion(&site()))
}

#[test]
fn a_key_registers_and_answers() {
    for mut key in [key(), SoftKey::ed25519("console.example", ORIGIN)] {
        let made = registered(&key).unwrap();
        assert_eq!((made.credential, made.public_key, made.verified), (key.id.clone(), key.cose(), true));
        let handed = key.get(&CHALLENGE);
        assert_eq!(answered(&key, &handed), Ok(Answered { counter: 1, backed_up: false, verified: true }));
        let own = Handed { user: Some(b"psn_1".to_vec()), ..handed.clone() };
        assert!(answered(&key, &own).is_ok());
        // One bit of anything that is signed, or of the signature.
        for part in 0..3 {
            let mut bent = handed.clone();
            let bytes = [&mut bent.said, &mut bent.signature, &mut bent.client_data].into_iter().nth(part).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            assert!(answered(&key, &bent).is_err(), "{part}");
        }
    }
}

/// Made by OpenSSL, of a key that exists nowhere else: ring makes none.
const RSA_MODULUS: &[&str] = &[
    "9734cf030b3df9199f97ab1ed0fff51ec11d0d6ad73f0d87e1080e654b2e0790f414928c7ece41f04cd7c4589a6851bd2431a0e383ab9569",
    "45c3b6970204ec6f035d8d043bd387141e3f03b0f5f368847ecdbf3b06e82ef3f00bfa90617d82acf136b247a1a7144c691f70dad9f43f3e",
    "c67478420b6fefb788803897153924eb190147cb31ad235ec5cdc41dd3ef3d71a61ea28a202c2a695f5d51fe464fda016ac7366750efd5e6",
    "a1cf9035bce9992c3e5b49c59ea5d0dfc902e7fe23d5365012341dad4f8d51084138ac79983885b71f4cf7c7ef9e57e8150f228ccb5979d4",
    "b841173b09a5681ec15407bf18f001a10d0fabc1b6b2d9ee79335fc447d65e59",
];
const RSA_SIGNATURE: &[&str] = &[
    "74f8cb83ac452a2ba951c77d9d40b32718bb17f26dee80119f7cdb3399d2f1b26b9cbbd623b908de5ac881bee4612a4929fbe75a4497215d",
    "29c6ea3254b2fefe1a3a38617c91814e48f78003423cd3512bf04be4eed230233fc7390d548994887e3c11f2f018cf487da229426bb3772e",
    "025ded64cd0f90b9e98cab09bd05dafb0322b6a5ee6c7680cf1f6564aedd7e1b3f5f15ac6b860719f9faaa93626f0cefc3b700a68d755823",
    "24a1dbd4b9cd6d82ce25bd9604dcbb04556e945f88b96cc30d3d0b6ea83576fa1f7d5ecf82f433d00e7822782da044dc10cd06307d8bc812",
    "f412f0765278549df71675ab3fa6dfe967de7207869e076625949054f598b054",
];

#[test]
fn rsa_keys_are_read_and_bounded() {
    let rsa = |n: Vec<u8>, e: Vec<u8>| {
        let int = |n: i64| Value::Integer(n.into());
        cbor(&Value::Map(vec![
            (int(1), int(3)),
            (int(3), int(-257)),
            (int(-1), Value::Bytes(n)),
            (int(-2), Value::Bytes(e)),
        ]))
    };
    let modulus = |bytes: usize| vec![0xff; bytes];
    assert_eq!(PublicKey::read(&rsa(modulus(256), vec![1, 0, 1])).unwrap().algorithm(), -257);
    let bytes = |hex: &[&str]| data_encoding::HEXLOWER.decode(hex.concat().as_bytes()).unwrap();
    let real = PublicKey::read(&rsa(bytes(RSA_MODULUS), vec![1, 0, 1])).unwrap();
    assert!(real.signed(b"what was signed", &bytes(RSA_SIGNATURE)));
    assert!(!real.signed(b"what was not", &bytes(RSA_SIGNATURE)));
    assert!(!PublicKey::read(&rsa(modulus(256), vec![1, 0, 1])).unwrap().signed(b"m", &[1; 256]));
    for (n, e) in [
        (modulus(128), vec![1, 0, 1]),
        (modulus(513), vec![1, 0, 1]),
        ([&[0][..], &modulus(255)].concat(), vec![1, 0, 1]),
        ([&modulus(255)[..], &[2]].concat(), vec![1, 0, 1]),
        (modulus(256), vec![3]),
        (modulus(256), vec![1, 0, 0]),
    ] {
        assert!(PublicKey::read(&rsa(n, e)).is_err());
    }
}

#[test]
fn what_was_asked_elsewhere_otherwise_or_before_is_refused() {
    type Lie = fn(&mut SoftKey);
    let lies: [(Lie, Fault); 12] = [
        (|k| k.origin = "https://console.example.evil.example".into(), Fault::Origin),
        (|k| k.origin = "http://console.example".into(), Fault::Origin),
        (|k| k.origin = "https://console.example:444".into(), Fault::Origin),
        (|k| k.origin = "https://console.example/".into(), Fault::Origin),
        (|k| k.origin = "https://CONSOLE.example".into(), Fault::Origin),
        (|k| k.more = r#","crossOrigin":true"#.into(), Fault::Embedded),
        (|k| k.more = r#","topOrigin":"https://evil.example""#.into(), Fault::Embedded),
        (|k| k.host = "evil.example".into(), Fault::Host),
        (|k| k.flags = 0b100, Fault::NotPresent),
        (|k| k.flags = TOUCHED | 0b1_0000, Fault::Impossible),
        (|k| k.flags = TOUCHED | 0b1000_0000, Fault::Unreadable),
        (|k| k.more = r#","challenge":"""#.into(), Fault::Unreadable),
    ];
    for (at, (lie, fault)) in lies.into_iter().enumerate() {
        let mut key = key();
        lie(&mut key);
        assert_eq!(registered(&key), Err(fault), "registration {at}");
        let handed = key.get(&CHALLENGE);
        assert_eq!(answered(&key, &handed), Err(fault), "sign-in {at}");
    }
    let mut key = key();
    // The one ceremony for the other.
    let swapped = Handed { client_data: key.client_data("webauthn.get", &CHALLENGE), ..key.create(&CHALLENGE) };
    assert_eq!(register(&site(), &CHALLENGE, swapped.new_key()), Err(Fault::Kind));
    let swapped = Handed { client_data: key.client_data("webauthn.create", &CHALLENGE), ..key.get(&CHALLENGE) };
    assert_eq!(answered(&key, &swapped), Err(Fault::Kind));
    for other in [&[8; 32][..], &[7; 31], &[7; 33], &[]] {
        assert_eq!(register(&site(), &CHALLENGE, key.create(other).new_key()), Err(Fault::Challenge));
        let handed = key.get(other);
        assert_eq!(answered(&key, &handed), Err(Fault::Challenge));
    }
    let own = key.get(&CHALLENGE);
    let other = Handed { id: vec![1], ..own.clone() };
    assert_eq!(answered(&key, &other), Err(Fault::OtherKey));
    let other = Handed { user: Some(b"psn_2".to_vec()), ..own.clone() };
    assert_eq!(answered(&key, &other), Err(Fault::OtherKey));
    let stranger = SoftKey::es256("console.example", ORIGIN).cose();
    assert_eq!(answer(&CHALLENGE, known(&key, &stranger), own.assertion(&site())), Err(Fault::Signature));
    let eligible = Known { backup_eligible: true, ..known(&key, &stranger) };
    assert_eq!(answer(&CHALLENGE, eligible, own.assertion(&site())), Err(Fault::Impossible));
}

#[test]
fn what_an_authenticator_cannot_have_made_is_refused() {
    let key = key();
    let whole = key.made_data();
    let handed = |said: Vec<u8>| Handed { said, ..key.create(&CHALLENGE) };
    let refused = |said: Vec<u8>| register(&site(), &CHALLENGE, handed(said).new_key()).unwrap_err();
    for end in 0..whole.len() {
        refused(key.attestation(whole[..end].to_vec()));
    }
    refused(key.attestation([whole.as_slice(), &[0]].concat()));
    refused([key.attestation(whole.clone()), vec![0]].concat());
    // Without a key, with an id that is too long, with another id, with no id.
    assert_eq!(refused(key.attestation(key.get_as_it_is(&CHALLENGE).said)), Fault::Impossible);
    let long = SoftKey { id: vec![1; 1024], ..self::key() };
    assert_eq!(registered(&long), Err(Fault::Impossible));
    assert!(registered(&SoftKey { id: vec![1; 1023], ..self::key() }).is_ok());
    assert!(registered(&SoftKey { id: Vec::new(), ..self::key() }).is_err());
    let other = Handed { id: vec![1; 32], ..key.create(&CHALLENGE) };
    assert_eq!(register(&site(), &CHALLENGE, other.new_key()), Err(Fault::OtherKey));
    // Another format's statement is not read; that of none must be empty.
    assert!(registered(&SoftKey { format: "packed", ..self::key() }).is_ok());
    let text = |t: &str| Value::Text(t.into());
    let stated = vec![(text("x"), text("y"))];
    let object = |entries: Vec<(Value, Value)>| cbor(&Value::Map(entries));
    let data = || (text("authData"), Value::Bytes(whole.clone()));
    let none = || (text("fmt"), text("none"));
    assert_eq!(refused(object(vec![none(), (text("attStmt"), Value::Map(stated)), data()])), Fault::Unreadable);
    // A member twice.
    let empty = || (text("attStmt"), Value::Map(Vec::new()));
    assert_eq!(refused(object(vec![none(), empty(), data(), data()])), Fault::Unreadable);
    // Nested without end, and lengths that nothing follows.
    refused(vec![0x81; 10_000]);
    refused(vec![0xa1; 10_000]);
    refused(vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    refused(vec![0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    refused(vec![0x40; LONGEST + 1]);
}

#[test]
fn keys_that_are_none_are_refused() {
    let int = |n: i64| Value::Integer(n.into());
    let ec = |crv: i64, alg: i64, x: Vec<u8>, y: Vec<u8>| {
        cbor(&Value::Map(vec![
            (int(1), int(2)),
            (int(3), int(alg)),
            (int(-1), int(crv)),
            (int(-2), Value::Bytes(x)),
            (int(-3), Value::Bytes(y)),
        ]))
    };
    for (cose, fault) in [
        (ec(1, -7, vec![1; 32], vec![1; 32]), Fault::Impossible),
        (ec(1, -7, vec![0; 32], vec![0; 32]), Fault::Impossible),
        (ec(1, -7, vec![1; 31], vec![1; 32]), Fault::Impossible),
        (ec(2, -7, vec![1; 32], vec![1; 32]), Fault::Algorithm),
        (ec(1, -35, vec![1; 32], vec![1; 32]), Fault::Algorithm),
        (ec(6, -8, vec![1; 32], vec![1; 32]), Fault::Algorithm),
        (cbor(&Value::Map(Vec::new())), Fault::Unreadable),
        (cbor(&Value::Null), Fault::Unreadable),
        (Vec::new(), Fault::Unreadable),
    ] {
        assert_eq!(PublicKey::read(&cose).unwrap_err(), fault);
    }
}

#[test]
fn counters_grow_or_stand_at_nothing() {
    for (counter, last, good) in [(0, 0, true), (1, 0, true), (6, 5, true), (5, 5, false), (4, 5, false), (0, 5, false)]
    {
        assert_eq!(follows(counter, last), good, "{counter} after {last}");
    }
    assert!(follows(u32::MAX, u32::MAX - 1) && !follows(0, u32::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever comes in, it is refused in words.
    #[test]
    fn no_bytes_panic(
        id in prop::collection::vec(any::<u8>(), 0..40),
        client in prop::collection::vec(any::<u8>(), 0..200),
        said in prop::collection::vec(any::<u8>(), 0..300),
        signed in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let site = site();
        let new = NewSecurityKey { id: &id, client_data: &client, attestation: &said, transports: &[] };
        prop_assert!(register(&site, &CHALLENGE, new).is_err());
        let known = Known { credential: &id, public_key: &said, backup_eligible: false, user: b"psn_1" };
        let given = Assertion {
            site: &site, id: &id, client_data: &client, authenticator_data: &said, signature: &signed, user: None,
        };
        prop_assert!(answer(&CHALLENGE, known, given).is_err());
        let _ = (AuthenticatorData::read(&said), PublicKey::read(&said), challenge_of(&client), cbor::only(&said));
    }

    /// Nor do answers that are right but for some bytes: and of an assertion none such is taken.
    #[test]
    fn no_bent_answer_panics_or_opens(at in any::<prop::sample::Index>(), xor in 1..=255_u8, cut in any::<prop::sample::Index>()) {
        let key = key();
        let mut handed = key.create(&CHALLENGE);
        let place = at.index(handed.said.len());
        handed.said[place] ^= xor;
        let _ = register(&site(), &CHALLENGE, handed.new_key());
        handed.said.truncate(cut.index(handed.said.len()));
        prop_assert!(register(&site(), &CHALLENGE, handed.new_key()).is_err());
        let mut handed = key.get_as_it_is(&CHALLENGE);
        let place = at.index(handed.said.len());
        handed.said[place] ^= xor;
        prop_assert!(answered(&key, &handed).is_err());
    }
}
