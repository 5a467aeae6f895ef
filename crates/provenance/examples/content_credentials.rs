//! Content Credentials of a file, read, verified and signed from the command line, with the label that the file has.
//!
//! ```text
//! content_credentials read [--anchors ROOTS.pem] FILE
//! content_credentials sign --cert CHAIN.pem --key KEY.pem --alg es256 FILE -o OUT
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use menshen_provenance::c2pa::signed::{self, Algorithm, Claim, Credentials, Validation};
use menshen_provenance::c2pa::{self, Generator};
use menshen_provenance::carrier;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = Vec::new();
    let mut options: HashMap<String, String> = HashMap::new();
    let mut arguments = std::env::args().skip(1).skip_while(|word| word == "label" || word == "c2pa");
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--json" => {}
            option if option.starts_with('-') => {
                let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
                options.insert(word, value);
            }
            _ => words.push(word),
        }
    }
    let option = |name: &str| options.get(name).ok_or_else(|| format!("{name} is missing"));
    let text = |name: &str| -> Result<String, Box<dyn Error>> { Ok(fs::read_to_string(option(name)?)?) };
    let (verb, path) = match words.as_slice() {
        [verb, path] => (verb.as_str(), Path::new(path)),
        _ => return Err("read FILE, or sign FILE -o OUT".into()),
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut file = File::open(path)?;
    let answer = match verb {
        "read" => {
            let anchors = options.contains_key("--anchors").then(|| text("--anchors")).transpose()?;
            let found = c2pa::find(&mut file)?;
            let validation = signed::verify(&mut file, &ending, anchors.as_deref())?;
            json!({ "manifest": found.map(|it| manifest(&it)), "validation": validation.map(|it| shown(&it)) })
        }
        "sign" => {
            let algorithm = Algorithm::from_id(option("--alg")?).ok_or("the algorithm is not known")?;
            let credentials = Credentials { cert_chain_pem: text("--cert")?, key_pem: text("--key")?, algorithm };
            let mut head = Vec::new();
            (&mut file).take(carrier::HEAD as u64).read_to_end(&mut head)?;
            let labels = match carrier::of(&head, &ending) {
                Some(carrier) => (carrier.read)(&mut file)?,
                None => Vec::new(),
            };
            let claim = Claim {
                title: path.file_name().map(|name| name.to_string_lossy().into_owned()),
                generator: Generator { name: "Menshen".into(), version: Some(env!("CARGO_PKG_VERSION").into()) },
                digital_source_type: signed::GENERATED.into(),
                aigc: labels.into_iter().next().map(|label| label.value),
            };
            let mut out = File::options().read(true).write(true).create(true).truncate(true).open(option("-o")?)?;
            json!({ "validation": shown(&signed::sign(&mut file, &mut out, &ending, &credentials, &claim)?) })
        }
        other => return Err(format!("{other} is no verb: read, sign").into()),
    };
    writeln!(std::io::stdout(), "{answer:#}")?;
    Ok(())
}

fn generator(of: Option<&Generator>) -> Value {
    of.map_or(Value::Null, |it| json!({ "name": it.name, "version": it.version }))
}

fn label(of: Option<&String>) -> Value {
    of.and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default()
}

fn manifest(it: &c2pa::Manifest) -> Value {
    let actions =
        it.actions.iter().map(|action| json!({ "action": action.action, "source": action.digital_source_type }));
    json!({
        "label": it.label,
        "generator": generator(it.generator.as_ref()),
        "generated": it.generated,
        "aigc": label(it.aigc.as_ref()),
        "actions": actions.collect::<Vec<_>>(),
        "manifests": it.manifests,
        "unread": it.unread,
    })
}

fn shown(it: &Validation) -> Value {
    json!({
        "state": it.state.id(),
        "failures": it.failures().collect::<Vec<_>>(),
        "label": it.label,
        "generator": generator(it.generator.as_ref()),
        "generated": it.generated,
        "aigc": label(it.aigc.as_ref()),
        "issuer": it.issuer,
    })
}
