//! `GET /openapi.json`: OpenAPI 3.1, made from [`super::ROUTES`] and the schemas beside this file.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{Access, App, ROUTES, json_response};

/// The schemas that routes name.
const SCHEMAS: &str = include_str!("schemas.json");

/// The document.
pub fn openapi() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
        let mut paths = Map::new();
        for route in ROUTES {
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            path[route.method.to_lowercase()] = operation(route);
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Menshen", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0"},
                "description": "A guardrail gateway in front of an OpenAI-compatible model, and the checks on their own.",
            },
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer"},
                    "session": {"type": "apiKey", "in": "cookie", "name": crate::auth::COOKIE},
                    "csrf": {"type": "apiKey", "in": "header", "name": crate::auth::CSRF},
                },
            },
        })
    })
}

/// The document with the paths of an annex.
pub fn with(paths: Option<&Value>) -> Value {
    let mut document = openapi().clone();
    if let (Some(all), Some(more)) =
        (document.get_mut("paths").and_then(Value::as_object_mut), paths.and_then(Value::as_object))
    {
        all.extend(more.iter().map(|(path, item)| (path.clone(), item.clone())));
    }
    document
}

fn operation(route: &super::Route) -> Value {
    let content = |name: &str| {
        let kind = match name {
            "Text" if route.path == "/metrics" => "application/openmetrics-text",
            "Text" => "text/plain",
            "Sound" => "audio/mpeg",
            "File" => "application/octet-stream",
            "EventStream" => "text/event-stream",
            _ => "application/json",
        };
        json!({kind: {"schema": {"$ref": format!("#/components/schemas/{name}")}}})
    };
    let mut responses = Map::new();
    if route.response == "Redirect" {
        let place = json!({"description": "Where to", "schema": {"$ref": "#/components/schemas/Redirect"}});
        let headers = json!({"Location": place});
        responses.insert("303".to_owned(), json!({"description": "Go on elsewhere", "headers": headers}));
    } else {
        responses.insert("200".to_owned(), json!({"description": "Done", "content": content(route.response)}));
    }
    if route.path == "/v1/labels/propagate" {
        responses.insert("204".to_owned(), json!({"description": "There is no ground to label it"}));
    }
    let may_fail = route.access != Access::Open
        || ["/console/api/", "/v1/complaints/"].iter().any(|open| route.path.starts_with(open));
    if may_fail {
        for (status, what) in [
            ("400", "The request is wrong, or its content is against the policy"),
            ("401", "A key is missing or not valid"),
            ("403", "Not allowed, or the end user is suspended"),
            ("404", "There is no such thing"),
            ("408", "The body came too slowly"),
            ("409", "It does not fit how things stand"),
            ("413", "The body is too large"),
            ("415", "The body is not plain JSON"),
            ("429", "Too much for now; see Retry-After"),
            ("502", "What stands behind, a model or a provider, gave no answer that can be used"),
            ("503", "A part is unavailable; policy says closed"),
            ("504", "What stands behind gave no answer in time"),
        ] {
            responses.insert(status.to_owned(), json!({"description": what, "content": content("Error")}));
        }
    }
    let name: String = route.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut operation = json!({
        "operationId": format!("{}{name}", route.method.to_lowercase()), "summary": route.summary,
        "responses": responses,
    });
    if let Some(request) = route.request {
        operation["requestBody"] = json!({"required": true, "content": content(request)});
    }
    if route.access != Access::Open {
        operation["security"] = json!([{"key": []}, {}]);
    }
    if let Access::Scope(_) = route.access {
        operation["security"] = json!([{"key": []}]);
    }
    if let Access::May(_) = route.access {
        let session = if route.method == "GET" { json!({"session": []}) } else { json!({"session": [], "csrf": []}) };
        operation["security"] = json!([{"key": []}, session]);
    }
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|p| p.strip_prefix('{').and_then(|p| p.strip_suffix('}')))
        .map(|p| json!({"name": p, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if route.path.starts_with("/v1/labels/") {
        parameters.extend(super::labels::PARAMETERS.iter().map(|(name, kind, about)| {
            json!({"name": name, "in": "query", "required": false, "description": about, "schema": {"type": kind}})
        }));
    }
    let tables = [
        super::observe::PARAMETERS,
        super::behaviour::PARAMETERS,
        super::cases::PARAMETERS,
        super::incidents::PARAMETERS,
        super::register::PARAMETERS,
        super::users::PARAMETERS,
        super::workbench::PARAMETERS,
    ];
    // Of the table's parameters those of one path are common to its methods where the path names one thing.
    let asked = tables.into_iter().flatten().filter(|(path, ..)| {
        *path == route.path
            && (route.method == "GET"
                || path.ends_with("/{user}")
                || (route.method == "DELETE" && path.starts_with("/admin/workbench/")))
    });
    parameters.extend(asked.map(|(_, name, kind, about)| {
        json!({"name": name, "in": "query", "required": false, "description": about, "schema": {"type": kind}})
    }));
    if !parameters.is_empty() {
        operation["parameters"] = Value::from(parameters);
    }
    operation
}

pub(crate) async fn document(State(gateway): App) -> Response {
    json_response(&gateway.openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_a_route_names_is_there_and_used() {
        let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap();
        let text = openapi().to_string();
        for route in ROUTES {
            for name in route.request.iter().chain([&route.response]) {
                assert!(schemas.contains_key(*name), "{} names {name}", route.path);
            }
        }
        for name in schemas.keys() {
            assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is not used");
        }
    }
}
