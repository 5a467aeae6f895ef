//! `menshen label watermark`: marks in the content itself (Measures, article 5). They are put and found; none is removed:
//! article 10 forbids tools for that.

mod pictures;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use menshen_provenance::watermark::Secret;
use menshen_provenance::watermark::text::greenlist::{self, GreenList};
use menshen_provenance::watermark::text::invisible::{self, Marker, Scheme};
use serde_json::{Value, json};

use super::file::{cannot, named};
use crate::commands::{print, runtime, table};
use crate::exit;

/// The largest text, answer or list of tokens that is read.
const LARGEST: u64 = 64 << 20;
/// Bytes of a new secret.
const SECRET: usize = 32;

/// What is done with watermarks.
#[derive(Subcommand)]
pub enum WatermarkOf {
    /// Make a secret for watermarks: 32 random bytes in hexadecimal, readable by its owner alone
    Key(KeyFile),
    /// Print the specification that a server marks its texts by
    Spec(Spec),
    /// Put an invisible mark into a text: whoever cleans or retypes it removes it
    Mark(Mark),
    /// Look for invisible marks: 0 one in every file, 1 not, 2 usage
    Find(Find),
    /// Put 64 bits into the pixels of a picture: they survive JPEG 75, half size and a 20 % crop
    Embed(pictures::Embed),
    /// Look for the marks of pictures: 0 one in every file, 1 not, 2 usage
    Read(pictures::Read),
    /// Whether a text has the green-list watermark: 0 marked, 1 not, 2 usage, 3 the endpoint fails
    Detect(Detect),
}

/// Make a secret.
#[derive(Args)]
pub struct KeyFile {
    /// Where to write; a file that exists is never overwritten
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

/// Print a specification.
#[derive(Args)]
pub struct Spec {
    /// A name for the secret; the secret itself never stands in a specification
    #[arg(long, value_name = "ID")]
    key_id: String,
    /// The tokenizer that the ids are of
    #[arg(long, value_name = "NAME")]
    tokenizer: String,
    /// The share of tokens that are green
    #[arg(long, default_value_t = 0.25)]
    gamma: f64,
    /// What is added to the logits of green tokens: more marks stronger and writes worse
    #[arg(long, default_value_t = 2.0)]
    delta: f64,
    /// How many tokens before the one at hand choose the list, 1 to 8
    #[arg(long, default_value_t = 1)]
    context: usize,
}

/// Put an invisible mark.
#[derive(Args)]
pub struct Mark {
    /// Which characters carry it
    #[arg(long, value_enum, default_value_t = SchemeId::ZeroWidth)]
    scheme: SchemeId,
    /// What it says: 1 to 16 bytes in hexadecimal
    #[arg(long, value_name = "HEX")]
    payload: String,
    /// A mark about every so many characters, 8 at least
    #[arg(long, default_value_t = 200, value_name = "N")]
    interval: usize,
    /// Where to write the marked text
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// The text, UTF-8
    file: PathBuf,
}

/// zero-width or variation-selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemeId {
    /// U+200B, U+200C, U+200D, U+2060
    ZeroWidth,
    /// U+E0100 to U+E010F
    VariationSelector,
}

impl SchemeId {
    fn id(scheme: Scheme) -> &'static str {
        match scheme {
            Scheme::ZeroWidth => "zero-width",
            Scheme::VariationSelector => "variation-selector",
        }
    }
}

/// Look for invisible marks.
#[derive(Args)]
pub struct Find {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The texts, UTF-8
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Look for the green-list watermark.
#[derive(Args)]
pub struct Detect {
    /// The specification (JSON)
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// The secret (hexadecimal)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The token ids of the text: a JSON array, or an object with the member `tokens`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["endpoint", "file"], required_unless_present = "endpoint")]
    tokens: Option<PathBuf>,
    /// A server whose `POST /tokenize` with `{"text"}` answers `{"tokens"}`
    #[arg(long, value_name = "URL", requires = "file")]
    endpoint: Option<String>,
    /// How rarely a text without the mark may be called marked
    #[arg(long, default_value_t = 1e-5, value_name = "P")]
    false_alarms: f64,
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The text, UTF-8
    #[arg(requires = "endpoint")]
    file: Option<PathBuf>,
}

/// Runs a command on watermarks.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(command: &WatermarkOf) -> Result<ExitCode> {
    match command {
        WatermarkOf::Key(args) => {
            make_key(&args.out)?;
            print(&format!(
                "{}: a new secret; whoever has it can find, forge and remove the mark",
                args.out.display()
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        WatermarkOf::Spec(args) => {
            let list = GreenList {
                gamma: args.gamma,
                delta: args.delta,
                context: args.context,
                ..GreenList::new(&args.key_id, &args.tokenizer)
            };
            list.check().map_err(|e| exit::usage(e.to_string()))?;
            print(&serde_json::to_string(&list)?)?;
            Ok(ExitCode::SUCCESS)
        }
        WatermarkOf::Mark(args) => mark(args),
        WatermarkOf::Find(args) => find(args),
        WatermarkOf::Embed(args) => pictures::embed(args, &secret(&args.key)?),
        WatermarkOf::Read(args) => pictures::read(args, &secret(&args.key)?),
        WatermarkOf::Detect(args) => detect(args),
    }
}

fn text_of(path: &Path) -> Result<String> {
    // Asked before it is opened: a pipe would wait for somebody to write.
    if !std::fs::metadata(path).map_err(|e| cannot(path, e))?.is_file() {
        return Err(cannot(path, "it is no plain file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(|e| cannot(path, e))?;
    if bytes.len() as u64 > LARGEST {
        return Err(cannot(path, format!("it is larger than {} MiB; cut it into passages", LARGEST >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| cannot(path, "it is not UTF-8; convert it first"))
}

fn make_key(path: &Path) -> Result<()> {
    let mut secret = [0_u8; SECRET];
    getrandom::fill(&mut secret).map_err(|e| exit::environment(format!("the system gives no random bytes: {e}")))?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            cannot(path, "it exists; a secret is never overwritten, as the marks made with it would be lost")
        }
        _ => cannot(path, e),
    })?;
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = writeln!(file, "{digits}").and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a secret is none.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(|e| exit::environment(format!("{}: {e}", path.display())))
}

/// The secret of a key file.
pub(super) fn secret(path: &Path) -> Result<Secret> {
    Secret::from_hex(&text_of(path)?).map_err(|e| cannot(path, e))
}

fn payload_of(digits: &str) -> Result<Vec<u8>> {
    let wrong = || exit::usage("--payload is 1 to 16 bytes in hexadecimal, two digits each");
    let values: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or_else(wrong)?;
    let (pairs, []) = values.as_chunks::<2>() else { return Err(wrong()) };
    pairs.iter().map(|[high, low]| u8::try_from(high << 4 | low).map_err(|_| wrong())).collect()
}

fn mark(args: &Mark) -> Result<ExitCode> {
    let scheme = match args.scheme {
        SchemeId::ZeroWidth => Scheme::ZeroWidth,
        SchemeId::VariationSelector => Scheme::VariationSelector,
    };
    let mut marker = Marker::new(&payload_of(&args.payload)?, scheme, args.interval)
        .map_err(|e| exit::usage(format!("--payload: {e}")))?;
    let text = text_of(&args.file)?;
    if !invisible::detect(&text).marks.is_empty() {
        return Err(cannot(&args.file, "it carries an invisible mark already; two would contradict each other"));
    }
    let marked = marker.push(&text);
    if marker.marks() == 0 {
        return Err(cannot(&args.file, "there is no place for a mark: the text is too short, or all of it is code"));
    }
    // The file is written beside and put in place in one step.
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = args.out.file_name().and_then(|name| name.to_str()).unwrap_or("text");
    let fresh = folder.join(format!(".{name}.{}.mark", std::process::id()));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&fresh)?;
        file.write_all(marked.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &args.out)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    written.map_err(|e| cannot(&args.out, e))?;
    print(&format!("{}: {} marks", args.out.display(), marker.marks()))?;
    Ok(ExitCode::SUCCESS)
}

fn find(args: &Find) -> Result<ExitCode> {
    let mut documents = Vec::new();
    let mut lines = table(&["file", "scheme", "payload", "copies"]);
    let mut bare = false;
    for path in &args.files {
        let found = invisible::detect(&text_of(path)?);
        bare |= found.marks.is_empty();
        let file = path.display().to_string();
        let mut marks = Vec::new();
        for mark in &found.marks {
            let payload: String = mark.payload.iter().map(|byte| format!("{byte:02x}")).collect();
            let scheme = SchemeId::id(mark.scheme);
            lines.add_row([named(path).as_str(), scheme, &payload, &mark.copies.to_string()]);
            marks.push(json!({"scheme": scheme, "payload": payload, "copies": mark.copies}));
        }
        if found.marks.is_empty() {
            let what =
                if found.broken > 0 { format!("none whole, {} broken", found.broken) } else { "none".to_owned() };
            lines.add_row([named(path).as_str(), &what, "", ""]);
        }
        documents.push(json!({"file": file, "marks": marks, "broken": found.broken}));
    }
    print(&if args.json { serde_json::to_string(&documents)? } else { lines.to_string() })?;
    Ok(if bare { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

fn detect(args: &Detect) -> Result<ExitCode> {
    if !(args.false_alarms > 0.0 && args.false_alarms < 1.0) {
        return Err(exit::usage("--false-alarms lies between 0 and 1"));
    }
    let list = GreenList::from_json(&text_of(&args.spec)?).map_err(|e| cannot(&args.spec, e))?;
    let secret = secret(&args.key)?;
    let tokens = match (&args.tokens, &args.endpoint, &args.file) {
        (Some(path), _, _) => {
            let document = serde_json::from_str(&text_of(path)?).map_err(|e| cannot(path, e))?;
            tokens_in(document).map_err(|problem| cannot(path, problem))?
        }
        (None, Some(url), Some(file)) => {
            let text = text_of(file)?;
            runtime(false)?.block_on(tokenize(url, &text))?
        }
        _ => return Err(exit::usage("give --tokens FILE, or --endpoint URL and a text")),
    };
    let found = list.detect(&secret, &tokens);
    let marked = found.is_marked(args.false_alarms);
    if args.json {
        let document = json!({"scored": found.scored, "green": found.green, "z": found.z, "p": found.p,
            "enough": found.enough, "marked": marked, "key_id": list.key_id});
        print(&document.to_string())?;
    } else {
        let verdict = match (marked, found.enough) {
            (true, _) => format!("marked with {}", list.key_id),
            (false, true) => "not marked, or reworded since".to_owned(),
            (false, false) => format!("too short to say: {} tokens are needed", greenlist::MINIMUM),
        };
        print(&format!(
            "{verdict} ({} of {} green where {:.0} are expected, z {:.2}, p {:.1e})",
            found.green,
            found.scored,
            list.gamma * found.scored as f64,
            found.z,
            found.p
        ))?;
    }
    Ok(if marked { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) })
}

/// The ids in a document, or what is wrong with it.
fn tokens_in(mut document: Value) -> Result<Vec<u32>, String> {
    let list = document.get_mut("tokens").map_or_else(|| None, |tokens| Some(tokens.take())).unwrap_or(document);
    serde_json::from_value(list).map_err(|e| format!("these are no token ids: {e}"))
}

async fn tokenize(base: &str, text: &str) -> Result<Vec<u32>> {
    let mut url = reqwest::Url::parse(base).map_err(|e| exit::usage(format!("--endpoint is not a URL: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(exit::usage("--endpoint begins with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(exit::usage("--endpoint holds credentials or a query; give the address alone"));
    }
    url.set_path(&format!("{}/tokenize", url.path().trim_end_matches('/')));
    let fails =
        |e: reqwest::Error| exit::environment(format!("{base} does not tokenize: {:#}", anyhow::Error::from(e)));
    menshen_gateway::install_crypto();
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(120))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(fails)?;
    let mut answer = client.post(url).json(&json!({"text": text})).send().await.map_err(fails)?;
    if !answer.status().is_success() {
        return Err(exit::environment(format!("{base} does not tokenize: it answers {}", answer.status())));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(fails)? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > LARGEST {
            return Err(exit::environment(format!("{base} answers more than {} MiB", LARGEST >> 20)));
        }
    }
    let document = serde_json::from_slice(&body).map_err(|e| e.to_string());
    document.and_then(tokens_in).map_err(|problem| exit::environment(format!("{base} does not tokenize: {problem}")))
}

#[cfg(test)]
mod tests;
