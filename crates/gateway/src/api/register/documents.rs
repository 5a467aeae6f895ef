//! Documents out of the register: user agreement and privacy policy, and everything about an application in one archive.

use std::collections::BTreeMap;
use std::io::Write as _;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, header};
use menshen_policy::Lang;
use menshen_policy::governance::{Filled, Template};
use menshen_store::{Asset, Registered};
use serde_json::{Value, json};

use super::page::{self, Line};
use super::{PATH, Params, asked, controls, filing, known, profile, reviews, title, titles};
use crate::api::admin::{now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::config::Explicit;
use crate::error::{Failure, GatewayError, invalid};
use crate::gateway::Gateway;

/// Today in UTC: `YYYY-MM-DD`.
pub(super) fn today() -> String {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// A time as documents say it, to the second.
fn moment(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |t| format!("{t:.0}"))
}

fn fact(entry: &Registered, name: &str) -> Option<String> {
    entry.facts.get(name).and_then(Value::as_str).map(str::to_owned).filter(|t| !t.trim().is_empty())
}

/// How labels are put, where nobody said it in words of their own.
fn label_method(gateway: &Gateway, entry: &Registered, lang: Lang) -> Option<String> {
    gateway.labels.as_ref()?;
    let config = &gateway.config;
    let app = entry.app.as_deref().and_then(|app| config.apps.get(app)).or_else(|| config.apps.get("default"));
    let place = app.and_then(|a| a.label.explicit).or(config.label.explicit).unwrap_or(Explicit::End);
    Some(match (place, lang) {
        (Explicit::None, Lang::Zh) => "由应用在界面上显示“AI生成”提示；文件的元数据中写有隐式标识".to_owned(),
        (Explicit::None, Lang::En) => {
            "the application shows it beside the content; files carry it in metadata".to_owned()
        }
        (Explicit::Start, Lang::Zh) => "文字开头有“AI生成”提示；文件的元数据中写有隐式标识".to_owned(),
        (Explicit::Start, Lang::En) => "a note before the text; files carry it in metadata".to_owned(),
        (_, Lang::Zh) => "文字末尾有“AI生成”提示；文件的元数据中写有隐式标识".to_owned(),
        (_, Lang::En) => "a note after the text; files carry it in metadata".to_owned(),
    })
}

/// What a template's placeholders stand for.
async fn values(
    gateway: &Gateway,
    entry: &Registered,
    lang: Lang,
) -> Result<BTreeMap<&'static str, String>, GatewayError> {
    let governed = gateway.governed();
    let (data, profile) = (&governed.data, profile(entry));
    let assets = stored(gateway.store.assets(Some(&entry.tenant)).await)?;
    let used: Vec<&Asset> = assets.iter().filter(|a| a.of.entries.contains(&entry.id)).collect();
    let list = |kind: &str| {
        let name = |a: &&Asset| format!("{} {}", a.of.name, a.of.version).trim().to_owned();
        let names: Vec<String> = used.iter().filter(|a| a.of.kind == kind).map(name).collect();
        names.join(if lang == Lang::Zh { "、" } else { ", " })
    };
    let own = &gateway.config.register;
    let or = |name: &str, house: &Option<String>| fact(entry, name).or_else(|| house.clone()).unwrap_or_default();
    let level = data.levels.iter().find(|l| l.id == entry.level);
    Ok(BTreeMap::from([
        ("name", entry.name.clone()),
        ("provider", or("provider", &own.provider)),
        ("contact", or("contact", &own.contact)),
        ("complaints", or("complaints", &own.complaints)),
        ("purpose", fact(entry, "purpose").unwrap_or_default()),
        ("filing", fact(entry, "filing").unwrap_or_default()),
        (
            "label_method",
            fact(entry, "label_method").or_else(|| label_method(gateway, entry, lang)).unwrap_or_default(),
        ),
        ("audience", titles(data, &profile, "audience", lang)),
        ("technique", titles(data, &profile, "technique", lang)),
        ("industry", titles(data, &profile, "industry", lang)),
        ("sensitivity", titles(data, &profile, "sensitivity", lang)),
        ("reach", titles(data, &profile, "reach", lang)),
        ("models", list("model")),
        ("data_sets", list("data_set")),
        ("plugins", list("plugin")),
        ("endpoints", list("endpoint")),
        ("retention_days", gateway.config.audit.retention_days.to_string()),
        ("level", title(level.map(|l| &l.title), &entry.level, lang)),
        ("launch", entry.launch.clone().unwrap_or_default()),
        ("date", today()),
    ]))
}

fn attachment(kind: &'static str, name: &str, body: Vec<u8>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Never shown within the console's origin: a document is saved, or opened from disk.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

pub(crate) async fn document(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    params: Params,
) -> Response {
    let result = async {
        let entry = known(&gateway, &caller, &id).await?;
        let asked = asked(params)?;
        let lang = asked.lang()?;
        let governed = gateway.governed();
        let template: Option<&Template> = governed.data.templates.iter().find(|t| t.id == asked.template);
        let template = template.ok_or_else(|| {
            let known: Vec<&str> = governed.data.templates.iter().map(|t| t.id.as_str()).collect();
            invalid("template", format!("'template' must be one of {}", known.join(", ")))
        })?;
        let filled = template.fill(lang, &values(&gateway, &entry, lang).await?);
        let name = format!("{}.{}", template.id, lang.id());
        match asked.format.as_str() {
            "" | "json" => Ok(Err(json!({ "text": filled.text, "open": filled.open }))),
            "md" => Ok(Ok(attachment("text/markdown; charset=utf-8", &format!("{name}.md"), filled.text.into_bytes()))),
            "html" => {
                let html = page::document(lang, &page::markdown(&filled.text));
                Ok(Ok(attachment("text/html; charset=utf-8", &format!("{name}.html"), html.into_bytes())))
            }
            _ => Err(invalid("format", "'format' must be json, md or html")),
        }
    };
    match result.await {
        Ok(Ok(file)) => file,
        Ok(Err(body)) => answer(PATH, Ok(body), &gateway).await,
        Err(error) => answer(PATH, Err(error), &gateway).await,
    }
}

/// The dossier of an application as lines: what it is, why it has its level, controls, reviews, filing, assets.
async fn dossier(gateway: &Gateway, entry: &Registered, lang: Lang) -> Result<Vec<Line>, GatewayError> {
    let zh = lang == Lang::Zh;
    let say = |chinese: &str, english: &str| (if zh { chinese } else { english }).to_owned();
    let governed = gateway.governed();
    let (data, profile, now) = (&governed.data, profile(entry), now_us());
    let level = |id: &str| title(data.levels.iter().find(|l| l.id == id).map(|l| &l.title), id, lang);
    let all = stored(gateway.store.ethics_reviews(Some(&entry.tenant), Some(&entry.id)).await)?;
    let mut out =
        vec![Line::Title(format!("{} · {}", entry.name, say("登记与备案材料", "register and filing material")))];
    let exported = say("导出时间", "exported");
    out.push(Line::Note(format!("{exported} {} · {}", moment(now), entry.id)));
    out.push(Line::Head(say("应用", "Application")));
    let values = values(gateway, entry, lang).await?;
    let names = [
        ("provider", say("提供者", "Provider")),
        ("purpose", say("用途", "Purpose")),
        ("industry", say("行业领域", "Industry")),
        ("sensitivity", say("数据敏感程度", "Sensitivity")),
        ("technique", say("技术", "Technique")),
        ("audience", say("服务对象", "Audience")),
        ("reach", say("规模与舆论属性", "Reach")),
        ("launch", say("上线日期", "Launch")),
        ("filing", say("备案信息", "Filing")),
        ("contact", say("联系方式", "Contact")),
    ];
    let mut rows = vec![vec![say("责任人", "Responsible"), entry.owner.clone()]];
    rows.extend(names.into_iter().map(|(id, name)| vec![name, values.get(id).cloned().unwrap_or_default()]));
    out.push(Line::Table { head: Vec::new(), rows });
    out.push(Line::Head(say("风险级别", "Level of risk")));
    out.push(Line::Text(level(&entry.level)));
    let grading = &entry.grading;
    let cell = grading["cell"].as_str().unwrap_or_default();
    out.push(Line::Text(format!(
        "{} ({}, {}) → {} [{}]",
        say("矩阵单元", "cell of the matrix"),
        grading["row"],
        grading["column"],
        level(cell),
        grading["source"].as_str().unwrap_or_default()
    )));
    for chosen in grading["chosen"].as_array().into_iter().flatten().filter(|c| c["decides"] == true) {
        let (factor, option) = (chosen["factor"].as_str().unwrap_or_default(), chosen["option"].as_str());
        let known = data.factors.iter().find(|f| f.id == factor);
        let of = known.and_then(|f| f.option.iter().find(|o| Some(o.id.as_str()) == option)).map(|o| &o.title);
        let name = title(known.map(|f| &f.title), factor, lang);
        let option = title(of, option.unwrap_or_default(), lang);
        out.push(Line::Item(format!("{name}: {option} = {} [{}]", chosen["grade"], text(chosen, "source"))));
    }
    for raised in grading["raised"].as_array().into_iter().flatten() {
        let words = text(&raised["title"], lang.id());
        out.push(Line::Item(format!("{words} ≥ {} [{}]", level(text(raised, "at_least")), text(raised, "source"))));
    }
    out.push(Line::Head(say("控制措施", "Controls")));
    let head = [say("措施", "Control"), say("状态", "State"), say("依据", "What shows it"), say("来源", "Source")];
    let rows = controls::of(gateway, entry, &profile, &all, now).await?.iter().map(|c| c.row(lang)).collect();
    out.push(Line::Table { head: head.into(), rows });
    out.push(Line::Head(say("伦理审查", "Ethics reviews")));
    if all.is_empty() {
        out.push(Line::Text(say("无。", "None.")));
    }
    for review in &all {
        let path = title(data.path(&review.path).map(|p| &p.title), &review.path, lang);
        let (standing, until) = (reviews::named(review.standing(now).0, lang), review.holds_until(now));
        let until = until.map_or_else(|| "–".to_owned(), moment);
        out.push(Line::Text(format!("{} · {path} · {standing} · {} → {until}", review.id, moment(review.opened_us))));
        for vote in &review.votes {
            let more = if vote.conditions.is_empty() { String::new() } else { format!(" ({})", vote.conditions) };
            let said = reviews::said(vote.vote, lang);
            out.push(Line::Item(format!("{}: {said} – {}{more}", vote.member, vote.reason)));
        }
    }
    let duties = filing::of(gateway, entry, &profile).await?;
    for duty in duties.as_array().into_iter().flatten() {
        out.push(Line::Head(text(&duty["title"], lang.id()).to_owned()));
        out.push(Line::Text(text(&duty["about"], lang.id()).to_owned()));
        out.push(Line::Note(text(duty, "source").to_owned()));
        let head = [
            say("材料", "Material"),
            say("状态", "State"),
            say("责任人", "Responsible"),
            say("期限", "Due"),
            say("文件", "File"),
        ];
        let row = |item: &Value| {
            let state = data.filing_states.iter().find(|s| s.id == text(item, "state"));
            vec![
                text(&item["title"], lang.id()).to_owned(),
                title(state.map(|s| &s.title), text(item, "state"), lang),
                text(item, "responsible").to_owned(),
                text(item, "due").to_owned(),
                format!("{} {}", text(item, "file_name"), text(item, "file_hash")).trim().to_owned(),
            ]
        };
        let rows = duty["items"].as_array().into_iter().flatten().map(row).collect();
        out.push(Line::Table { head: head.into(), rows });
    }
    out.push(Line::Head(say("资产", "Assets")));
    let assets = stored(gateway.store.assets(Some(&entry.tenant)).await)?;
    let head = [
        say("类别", "Kind"),
        say("名称", "Name"),
        say("版本", "Version"),
        say("阶段", "Stage"),
        say("来源", "Source"),
        say("许可", "Licence"),
        say("校验值", "Hash"),
    ];
    let row = |a: &Asset| {
        let kind = data.kinds.iter().find(|k| k.id == a.of.kind).map(|k| &k.title);
        let stage = data.stages.iter().find(|s| s.id == a.of.stage).map(|s| &s.title);
        let of = &a.of;
        let (kind, stage) = (title(kind, &of.kind, lang), title(stage, &of.stage, lang));
        vec![kind, of.name.clone(), of.version.clone(), stage, of.source.clone(), of.licence.clone(), of.hash.clone()]
    };
    let rows = assets.iter().filter(|a| a.of.entries.contains(&entry.id)).map(row).collect();
    out.push(Line::Table { head: head.into(), rows });
    Ok(out)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// An archive of texts. What stands in it is made anew; files that people keep elsewhere are named with their hash.
fn archive(files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, GatewayError> {
    let failed =
        |e: &dyn std::fmt::Display| GatewayError::new(Failure::Internal, "the archive could not be written").detail(e);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, body) in files {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).map_err(|e| failed(&e))?;
        zip.write_all(&body).map_err(|e| failed(&e))?;
    }
    Ok(zip.finish().map_err(|e| failed(&e))?.into_inner())
}

pub(crate) async fn export(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    params: Params,
) -> Response {
    let result = async {
        let entry = known(&gateway, &caller, &id).await?;
        let asked = asked(params)?;
        let lang = asked.lang()?;
        let html = page::document(lang, &dossier(&gateway, &entry, lang).await?);
        match asked.format.as_str() {
            "html" => {
                let name = format!("register.{}.html", lang.id());
                Ok(attachment("text/html; charset=utf-8", &name, html.into_bytes()))
            }
            "" | "zip" => {
                let mut files = vec![(format!("register.{}.html", lang.id()), html.into_bytes())];
                let values = values(&gateway, &entry, lang).await?;
                for template in &gateway.governed().data.templates {
                    let Filled { text, .. } = template.fill(lang, &values);
                    let name = format!("{}.{}", template.id, lang.id());
                    files.push((format!("{name}.html"), page::document(lang, &page::markdown(&text)).into_bytes()));
                    files.push((format!("{name}.md"), text.into_bytes()));
                }
                let record = json!({
                    "application": super::shown(&entry)?,
                    "ticks": super::shown(stored(gateway.store.ticks(&entry.id).await)?)?,
                    "filing": super::shown(stored(gateway.store.filing(&entry.id).await)?)?,
                    "reviews": super::shown(stored(gateway.store.ethics_reviews(Some(&entry.tenant), Some(&entry.id)).await)?)?,
                });
                files.push(("register.json".to_owned(), format!("{record:#}\n").into_bytes()));
                Ok(attachment("application/zip", &format!("{}.zip", entry.id), archive(files)?))
            }
            _ => Err(invalid("format", "'format' must be zip or html")),
        }
    };
    match result.await {
        Ok(file) => file,
        Err(error) => answer(PATH, Err(error), &gateway).await,
    }
}
