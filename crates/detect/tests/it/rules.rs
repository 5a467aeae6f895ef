//! The rules that the tests share.

use menshen_detect::{Engine, Options, Source, SourceKind};

/// A keyword list or pattern file of no pack.
pub(crate) fn source(kind: SourceKind, body: &str) -> Source {
    Source { pack: "test".into(), path: "test".into(), body: body.into(), kind }
}

/// Compiles rules that are known to be good.
pub(crate) fn engine(options: &Options) -> Engine {
    let words = [
        "# id: kw.black\n# risk: A1h\n# sound: true\n违禁品\n违禁品交易\n坏词\nkill\nbad word\n法轮功\n买枪\tscore=0.7\tlevel=related\n",
        "# id: kw.grey\n# colour: grey\n# risk: A1d\n炸药\n",
        "# id: kw.white\n# colour: white\n违禁品交易管理办法\n炸药学报\n",
        "# id: kw.out\n# risk: A4a\n# sides: output\n输出词\n",
    ];
    let patterns = r#"
[[pattern]]
id = "pii.mobile"
family = "pii"
regex = '(?:\+?86[ -]?)?1[3-9]\d{9}'
validator = "cn_mobile"
context = ["手机", "电话"]
context_boost = 0.1
score = 0.8

[[pattern]]
id = "pii.qq"
family = "pii"
regex = '[1-9]\d{4,10}'
validator = "standalone"
context = ["qq", "扣扣"]
context_required = true
context_chars = 8

[[pattern]]
id = "secret.key"
family = "secret"
view = "raw"
regex = 'sk-[A-Za-z0-9]{8,}'

[[pattern]]
id = "secret.assigned"
family = "secret"
regex = '密码[:=]\s*(?P<value>[!-~]{6,20})'

[[pattern]]
id = "attack.ignore"
family = "attack"
attack = "H1"
regex = '忽略.{0,8}(指令|规则)'

[[pattern]]
id = "attack.two"
family = "attack"
attack = "S1"
regexes = ['从现在起', '没有任何限制']
within_chars = 40

[[pattern]]
id = "cue.first"
family = "cue"
topic = "money"
regex = '贷款\w*'
multi = false

[[pattern]]
id = "unsafe.script"
family = "unsafe_output"
sides = ["output"]
regex = '<script\b[^>]{0,40}>'
"#;
    let mut sources: Vec<Source> = words.iter().map(|w| source(SourceKind::Keywords, w)).collect();
    sources.push(source(SourceKind::Patterns, patterns));
    let (engine, diagnostics) = Engine::compile(&sources, options);
    assert_eq!(diagnostics, []);
    engine
}
