//! The interface described, as OpenAPI 3.1 and as a page for people: both made of the very declarations by which
//! requests are routed, parameters checked and answers written.

use std::fmt::Write;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};
use serde_json::{Map, Value, json};

use super::parameters::Parameter;
use super::schema::{Schemas, Shape};

/// Routes and their description, in the making.
pub struct Interface<S> {
    router: Router<S>,
    paths: Map<String, Value>,
    schemas: Schemas,
}

/// A media type, and what is of it.
type Content = (&'static str, fn(&mut Schemas) -> Value);

/// What a route does.
pub struct About {
    summary: &'static str,
    group: &'static str,
    parameters: Vec<Parameter>,
    body: Option<Content>,
    answers: Vec<Answer>,
    is_open: bool,
}

struct Answer {
    status: u16,
    about: &'static str,
    content: Option<Content>,
}

fn bytes(_: &mut Schemas) -> Value {
    json!({})
}

impl About {
    /// A route of a group.
    pub fn new(group: &'static str, summary: &'static str) -> Self {
        Self { summary, group, parameters: Vec::new(), body: None, answers: Vec::new(), is_open: false }
    }

    /// Which takes these parameters.
    pub fn takes(mut self, parameters: &[Parameter]) -> Self {
        self.parameters.extend_from_slice(parameters);
        self
    }

    /// And this JSON.
    pub fn body<T: Shape>(self) -> Self {
        Self { body: Some(("application/json", T::schema)), ..self }
    }

    /// And a file.
    pub fn file_body(self) -> Self {
        Self { body: Some(("application/octet-stream", bytes)), ..self }
    }

    /// And answers with this JSON.
    pub fn gives<T: Shape>(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push(Answer { status, about, content: Some(("application/json", T::schema)) });
        self
    }

    /// And answers with bytes of a media type.
    pub fn gives_bytes(mut self, status: u16, media_type: &'static str, about: &'static str) -> Self {
        self.answers.push(Answer { status, about, content: Some((media_type, bytes)) });
        self
    }

    /// And answers with nothing but a status.
    pub fn gives_nothing(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push(Answer { status, about, content: None });
        self
    }

    /// And takes no token from elsewhere.
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }
}

impl<S: Clone + Send + Sync + 'static> Interface<S> {
    /// Without any route.
    pub fn new() -> Self {
        Self { router: Router::new(), paths: Map::new(), schemas: Schemas::new() }
    }

    /// With another one.
    pub fn route<T: 'static>(
        mut self,
        method: &Method,
        path: &'static str,
        handler: impl Handler<T, S>,
        about: About,
    ) -> Self {
        let filter = match *method {
            Method::POST => MethodFilter::POST,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.router = self.router.route(path, on(filter, handler));
        let operation = self.described(method, path, &about);
        let entry = self.paths.entry(path).or_insert_with(|| json!({}));
        entry[method.as_str().to_lowercase()] = operation;
        self
    }

    fn described(&mut self, method: &Method, path: &str, about: &About) -> Value {
        let mut parameters: Vec<Value> = Vec::new();
        if path.contains("{id}") {
            let schema = json!({"type": "integer", "format": "int64", "minimum": 1});
            parameters.push(json!({"name": "id", "in": "path", "required": true, "schema": schema}));
        }
        parameters.extend(about.parameters.iter().map(Parameter::described));
        let mut responses = Map::new();
        for Answer { status, about, content } in &about.answers {
            let mut answer = responses.remove(&status.to_string()).unwrap_or_else(|| json!({"description": about}));
            if let Some((media_type, schema)) = content {
                answer["content"][*media_type] = json!({"schema": schema(&mut self.schemas)});
            }
            responses.insert(status.to_string(), answer);
        }
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        responses.insert(
            "default".to_owned(),
            json!({"description": "A problem.", "content": {"application/problem+json": problem}}),
        );
        let word = path.trim_start_matches("/api/v1/").replace(['{', '}'], "").replace(['/', '.', '-'], "_");
        let mut operation = json!({
            "operationId": format!("{}_{word}", method.as_str().to_lowercase()), "tags": [about.group], "summary": about.summary,
            "parameters": parameters, "responses": responses,
            "security": if about.is_open { json!([]) } else { json!([{"token": []}, {"session": []}]) }
        });
        if let Some((media_type, schema)) = about.body {
            let schema = schema(&mut self.schemas);
            operation["requestBody"] = json!({"required": true, "content": {media_type: {"schema": schema}}});
        }
        operation
    }

    /// The routes, and the document.
    pub fn done(self, base: &str) -> (Router<S>, Value) {
        let mut schemas: Map<String, Value> =
            self.schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        schemas.insert(
            "Problem".to_owned(),
            json!({
                "type": "object", "description": "Problem details (RFC 9457).",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string", "format": "uri"}, "title": {"type": "string"},
                    "status": {"type": "integer"}, "detail": {"type": "string"}
                }
            }),
        );
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "reclassd", "version": env!("CARGO_PKG_VERSION"),
                "description": "What waits in review, corrections and their undoing, the library in numbers. docs/api.md says it in words.",
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
            },
            "servers": [{"url": if base.is_empty() { "/" } else { base }}],
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "token": {"type": "http", "scheme": "bearer", "description": "Of `reclassd serve token`."},
                    "session": {
                        "type": "apiKey", "in": "header", "name": "X-CSRF-Token",
                        "description": "Of `GET /api/v1/session`, with its cookie; only what changes something needs it on this machine."
                    }
                }
            }
        });
        (self.router, document)
    }
}

/// A style for it, as a file of its own: the policy forbids any other.
pub const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
h2{border-top:1px solid;padding-top:1rem}code{font-size:.95em}h3{margin-bottom:.2rem}table{border-collapse:collapse}\
td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top}";

/// The document as a page for people.
pub fn page(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>reclassd: the interface</title><link rel=\"stylesheet\" href=\"reference.css\"></head><body><main>\
         <h1>The interface of reclassd</h1><p>As a document for programs: <a href=\"openapi.json\">openapi.json</a>. \
         Everything is JSON; what goes wrong is problem details (RFC 9457).</p>",
    );
    let empty = Map::new();
    let mut group = String::new();
    for (path, methods) in document["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in methods.as_object().unwrap_or(&empty) {
            let its = operation["tags"][0].as_str().unwrap_or_default();
            if group != its {
                group = its.to_owned();
                let _ = write!(page, "<h2>{}</h2>", escaped(&group));
            }
            let summary = operation["summary"].as_str().unwrap_or_default();
            let _ = write!(
                page,
                "<h3><code>{} {}</code></h3><p>{}</p>",
                method.to_uppercase(),
                escaped(path),
                escaped(summary)
            );
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            if !parameters.is_empty() {
                page.push_str("<table><tr><th>parameter</th><th>is</th><th></th></tr>");
                for parameter in parameters {
                    let name = parameter["name"].as_str().unwrap_or_default();
                    let about = parameter["description"].as_str().unwrap_or_default();
                    let _ = write!(
                        page,
                        "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                        escaped(name),
                        escaped(&kind(&parameter["schema"])),
                        escaped(about)
                    );
                }
                page.push_str("</table>");
            }
            if let Some(content) = operation["requestBody"]["content"].as_object() {
                for (media_type, body) in content {
                    let _ = write!(
                        page,
                        "<p>Takes {} <code>{}</code></p>",
                        escaped(&kind(&body["schema"])),
                        escaped(media_type)
                    );
                }
            }
            for (status, answer) in operation["responses"].as_object().unwrap_or(&empty) {
                let content = answer["content"].as_object().unwrap_or(&empty).iter();
                let kinds: Vec<String> =
                    content.map(|(media, body)| format!("{} {media}", kind(&body["schema"]))).collect();
                let about = answer["description"].as_str().unwrap_or_default();
                let _ =
                    write!(page, "<p>{}: {} {}</p>", escaped(status), escaped(about), escaped(kinds.join(", ").trim()));
            }
        }
    }
    page.push_str("<h2>Objects</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
        let about = schema["description"].as_str().unwrap_or_default();
        let _ = write!(page, "<h3 id=\"{0}\">{0}</h3><p>{1}</p><table>", escaped(name), escaped(about));
        for (field, schema) in schema["properties"].as_object().unwrap_or(&empty) {
            let about = schema["description"].as_str().unwrap_or_default();
            let _ = write!(
                page,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escaped(field),
                escaped(&kind(schema)),
                escaped(about)
            );
        }
        page.push_str("</table>");
    }
    page.push_str("</main></body></html>");
    page
}

/// What a schema is, in a few words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
