use super::*;
use crate::label::{Kind, read};

/// GB/T 32918.5 A.2: the private key, and the signature of `message digest` by the default user.
const PRIVATE: &str = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8";
const PUBLIC: &str = "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
                      CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
const SIGNATURE: &str = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3\
                         B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";

fn signer() -> Signer {
    let bytes: [u8; 32] = key::bytes(PRIVATE).unwrap().try_into().unwrap();
    Signer::from_bytes(&bytes).unwrap()
}

fn label() -> Aigc {
    Aigc::generated("001191110102MACQD9K64010000", "id-1", Kind::Generated).unwrap()
}

#[test]
fn the_published_vector_holds() {
    let key = Key::parse(PUBLIC).unwrap();
    assert_eq!(signer().key(), key);
    let signature = key::bytes(SIGNATURE).unwrap();
    assert!(key.verifies(b"message digest", &signature));
    assert!(!key.verifies(b"message digesu", &signature));
    for i in 0..64 {
        let mut altered = signature.clone();
        altered[i] ^= 1;
        assert!(!key.verifies(b"message digest", &altered), "byte {i}");
    }
}

#[test]
fn sm3_is_that_of_the_standard() {
    use sm3::Digest as _;
    // GM/T 0004 A.1.
    let hash: Vec<u8> = sm3::Sm3::digest(b"abc").to_vec();
    assert_eq!(hash, key::bytes("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0").unwrap());
}

#[test]
fn a_signed_label_verifies_and_an_altered_one_does_not() {
    for slot in [Slot::Producer, Slot::Propagator] {
        let signed = sign(&label(), slot, &signer(), "k1").unwrap();
        assert_eq!(signed, sign(&label(), slot, &signer(), "k1").unwrap(), "the same each time");
        let value = signed.to_value();
        let outcome = check(&read(&value).unwrap(), slot, &[]);
        assert_eq!(outcome, Outcome::Valid { key: signer().key(), pinned: false, notes: vec![] });
        let pinned = check(&read(&value).unwrap(), slot, &[signer().key()]);
        assert!(matches!(pinned, Outcome::Valid { pinned: true, .. }));
        let altered = value.replace("id-1", "id-2");
        assert!(matches!(check(&read(&altered).unwrap(), slot, &[]), Outcome::Invalid { .. }));
        let altered = value.replace("\"Label\":\"1\"", "\"Label\":\"3\"");
        assert!(matches!(check(&read(&altered).unwrap(), slot, &[]), Outcome::Invalid { .. }));
    }
}

#[test]
fn what_is_signed_is_the_text_of_the_guide() {
    let message = Slot::Producer.message(|member| label().get(member).to_owned().leak());
    assert_eq!(message, r#""Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"id-1""#);
}

#[test]
fn a_propagated_label_keeps_the_producers_signature_alone() {
    let signed = sign(&label(), Slot::Producer, &signer(), "").unwrap();
    let signed = sign(&signed, Slot::Propagator, &signer(), "").unwrap();
    let spread = signed.propagated("001191440300708461136T2XGW3", "p-9").unwrap();
    let reading = read(&spread.to_value()).unwrap();
    assert!(matches!(check(&reading, Slot::Producer, &[]), Outcome::Valid { .. }));
    assert_eq!(check(&reading, Slot::Propagator, &[]), Outcome::Absent);
}

/// A label as it stands in the front matter of two public Markdown files, whose producer has that code.
fn found(id: &str, signatures: [&str; 2]) -> Reading {
    let data = signatures.map(|signature| {
        format!(
            "{{\"SecurityData\":{{\"Type\":\"TC260PG\",\"Version\":1,\"PubSD\":[{{\"Type\":\"DS\",\"AlgID\":\
             \"1.2.156.10197.1.501\",\"TBSData\":{{\"Type\":\"LabelMataData\"}},\"Signature\":\"{signature}\"}},\
             {{\"Type\":\"PubKey\",\"AlgID\":\"1.2.156.10197.1.501\",\"KeyValue\":\"3059301306072A8648CE3D020106082A811CCF\
             5501822D034200045728F08C58D9C72150A705693EF7337859F8FF216E802630041AFAE5C036F0A67CB1FDF8C57F5F8B623284AE09E4\
             E545464B7140B26BBDA51BAE965F854C57AA\"}}]}}}}"
        )
    });
    let [first, second] = data.map(|data| Value::from(data).to_string());
    let code = "001191310104MACE0YX63918020";
    read(&format!(
        r#"{{"Label":"1","ContentProducer":"{code}","ProduceID":"{id}","ReservedCode1":{first},"ContentPropagator":"{code}","PropagateID":"{id}","ReservedCode2":{second}}}"#
    ))
    .unwrap()
}

#[test]
fn labels_of_a_writer_with_another_message_are_unknown() {
    let one = found(
        "142569260085903360",
        [
            "3046022100AE6B84B3342128AE301A597596FCD9EECF3EA0FC2DB6C250BAF234E167298E9002210097223ABB647B786A90D0A1B93CB9382EA879563B2C7F025FA006BE16AE926C14",
            "3046022100CFB0BFFC83C97AA5B09493295A7A054C082BBBB0E007AC139ACAA3BCD23D62DF022100FFDF70599E0E5D7DC6727825C5717DE0A9726D9F3119611E5E303FADA8792A5C",
        ],
    );
    let two = found(
        "147392816552226816",
        [
            "3045022100E816A5872275AE5414E7E0FD3D9B2C30F7B7FD68609D6486A38DF7CFAA1417B902201A510FBBE50819BAFF1FCC7B8527FF23CD40447D41A6776E6BCF1F773AE0DBBC",
            "3046022100FEBE29497FA9E249C18918CF9D36A7F13E5AE2FFDEF184F7E5E1572CDD60C3370221009C21182427A0860A85F9BDBBFC92BF784DAB92DCA375EA692B91FAB71F1334D9",
        ],
    );
    for reading in [one, two] {
        for slot in [Slot::Producer, Slot::Propagator] {
            let outcome = check(&reading, slot, &[]);
            assert_eq!(outcome, Outcome::Unknown { scheme: "signed data of type LabelMataData".to_owned() });
        }
    }
}

/// The form of another writer, whose labels hold by the message of the guide (measured by others on four videos): the
/// spelling `LabelMataData`, no key id, an x coordinate with a zero before it.
#[test]
fn the_form_with_an_x_coordinate_verifies_with_notes() {
    let signature = signer().sign(br#""Label":"1","ContentProducer":"MiniMax","ProduceID":"42""#).unwrap();
    let code = json!({"SecurityData": {"Type": "TC260PG", "Version": 1, "PubSD": [
        {"Type": "DS", "AlgID": ALGORITHM, "TBSData": {"Type": "LabelMataData"}, "Signature": signature},
        {"Type": "DS", "AlgID": ALGORITHM, "TBSData": {"Type": "Bnd"}, "Signature": "00"},
        {"Type": "PubKey", "AlgID": ALGORITHM, "KeyValue": format!("00{}", &PUBLIC[2..66])},
    ], "Binding": [{"BType": 0}]}});
    let label = Aigc::generated("MiniMax", "42", Kind::Generated).unwrap();
    let label = label.with_reserved(Member::ReservedCode1, &code.to_string()).unwrap();
    let outcome = check(&read(&label.to_value()).unwrap(), Slot::Producer, &[signer().key()]);
    let Outcome::Valid { pinned: true, notes, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        notes,
        ["Bindings is spelled Binding", "the type Md is spelled LabelMataData", "the key is an x coordinate alone"]
    );
}

#[test]
fn a_key_as_openssl_writes_it_is_read() {
    // openssl genpkey -algorithm SM2
    let pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBG0wawIBAQQg+Mu8ptlzeO70f4Oi\n\
               Sv/6iVn8UyI2UpVYSWcRKACoiC6hRANCAARwpYV90dBs72B5xIxzYnziOkmFFlre\n\
               YXtsTrt+NLTxSQ/pg6pvGtJHIStzkSLkvfZyMcCM78LtmbtEF20h7kGd\n-----END PRIVATE KEY-----\n";
    let signer = Signer::from_pem(pem).unwrap();
    let signed = sign(&label(), Slot::Producer, &signer, "k").unwrap();
    assert!(matches!(check(&read(&signed.to_value()).unwrap(), Slot::Producer, &[]), Outcome::Valid { .. }));
}

#[test]
fn strangers_are_unknown_and_not_wrong() {
    for code in [
        "9f1c2aeb",
        r#"{"a":1}"#,
        r#"{"SecurityData":{"Type":"HONOR","PubSd":[]}}"#,
        r#"{"SecurityData":{"Type":"TC260PG"}}"#,
        r#"{"SecurityData":{"Type":"TC260PG","PubSd":[{"Type":"DS","AlgID":"1.2.840.113549.1.1.11","TBSData":{"Type":"Md"},"Signature":"00"}]}}"#,
        r#"{"SecurityData":{"Type":"TC260PG","PubSD":[{"Type":"DS","AlgID":"1.2.156.10197.1.501","TBSData":{"Type":"Md"},"Signature":"00"}]}}"#,
        r#"{"SecurityData":{"Type":"TC260PG","PubSD":[{"Type":"DS","AlgID":"1.2.156.10197.1.501","TBSData":{"Type":"Zz"},"Signature":"00"}]}}"#,
    ] {
        let label = label().with_reserved(Member::ReservedCode1, code).unwrap();
        let outcome = check(&read(&label.to_value()).unwrap(), Slot::Producer, &[]);
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{code}: {outcome:?}");
    }
}

#[test]
fn keys_come_in_several_forms() {
    let hex = PUBLIC.to_owned();
    let key = Key::parse(&hex).unwrap();
    assert_eq!(Key::parse(&hex[2..]).unwrap(), key);
    assert_eq!(Key::parse(&key.to_hex()).unwrap(), key);
    // y is odd: 03.
    assert_eq!(Key::parse(&format!("03{}", &hex[2..66])).unwrap(), key);
    assert!(Key::candidates(&hex[2..66]).contains(&key));
    assert!(Key::candidates(&format!("00{}", &hex[2..66])).contains(&key));
    assert!(Key::parse(&hex[2..66]).is_err(), "an x coordinate is two keys");
    for wrong in ["", "zz", "04", &hex[..128], &"00".repeat(65), &"é".repeat(65)] {
        assert!(Key::parse(wrong).is_err(), "{wrong}");
    }
    assert!(Signer::from_bytes(&[0; 32]).is_err());
    assert!(Signer::from_bytes(&[0xff; 32]).is_err());
    assert!(Signer::from_pem("-----BEGIN PRIVATE KEY-----").is_err());
}
