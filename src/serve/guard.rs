//! Who may ask: the door before every route. It looks at the host that was asked for, at the page that a request comes
//! from, and at tokens, sessions and CSRF values; what is done behind the door is none of its business.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, COOKIE as COOKIES, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::IntoResponse;

use super::http::{Peer, Request, Response};
use super::problem::{Kind, Problem};
use super::session::{self, COOKIE, Session, Sessions};
use super::tokens::Tokens;

/// What is believed of a request that came through the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// Nobody in particular, of this machine.
    Anybody,
    /// A browser with a session.
    Page(Session),
    /// A program with a token.
    Program,
}

/// The door.
pub struct Guard {
    /// Whether it can be reached from elsewhere, so that a token is needed for everything.
    pub needs_token: bool,
    /// Names besides this machine's own.
    hosts: Vec<String>,
    /// Whether any address may be asked for: the socket is open to other machines.
    any_address: bool,
    /// The path below which it is.
    base: String,
    sessions: Sessions,
    tokens: Tokens,
    failures: Mutex<HashMap<Peer, Failures>>,
}

/// Wrong tokens of a visitor.
#[derive(Debug, Clone, Copy)]
struct Failures {
    number: u32,
    last: Instant,
}

/// Wrong tokens after which there is no more answer to them for a while.
const PATIENCE: u32 = 10;
/// How long wrong tokens are remembered.
const MEMORY: Duration = Duration::from_secs(600);
/// The longest delay of an answer to a wrong token.
const LONGEST: Duration = Duration::from_secs(4);
/// Visitors whose wrong tokens are remembered.
const REMEMBERED: usize = 10_000;

/// Of the header that carries the CSRF value.
pub const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

impl Guard {
    /// A door to a place that is open to other machines or not, for names besides this machine's.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(is_open: bool, hosts: &[String], base: &str, tokens: Tokens) -> Result<Self, getrandom::Error> {
        Ok(Self {
            needs_token: is_open || !hosts.is_empty(),
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            any_address: is_open,
            base: base.to_owned(),
            sessions: Sessions::new()?,
            tokens,
            failures: Mutex::default(),
        })
    }

    /// Begins a session. With a token, if one is needed.
    ///
    /// # Errors
    /// [`Problem`] for a wrong token.
    pub async fn sign_in(&self, peer: Peer, token: Option<&str>) -> Result<Session, Problem> {
        let token = match token {
            Some(token) => Some(self.check(peer, token).await?),
            None => None,
        };
        self.sessions.begin(token).map_err(no_random)
    }

    /// The CSRF value of a session.
    pub fn csrf(&self, session: &Session) -> String {
        self.sessions.csrf(session)
    }

    /// Whether a session is enough to be let in with.
    pub fn is_signed_in(&self, session: &Session) -> bool {
        match &session.token {
            Some(token) => self.tokens.still_has(token),
            None => !self.needs_token,
        }
    }

    /// The path of the cookie.
    pub fn cookie_path(&self) -> String {
        format!("{}/", self.base)
    }

    /// The session that a request brings along.
    pub fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let cookies = headers.get_all(COOKIES).iter().filter_map(|value| value.to_str().ok());
        cookies.filter_map(|header| session::cookie(header, COOKIE)).find_map(|cookie| self.sessions.read(cookie))
    }

    /// A token, checked; a wrong one is answered late, and later each time.
    async fn check(&self, peer: Peer, token: &str) -> Result<String, Problem> {
        let found = self.tokens.find(token).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
        if let Some(found) = found {
            return Ok(found);
        }
        let number = self.note_failure(peer);
        if number > PATIENCE {
            let often = Problem::new(Kind::TooMany, "too many wrong tokens");
            return Err(often.retry(MEMORY.as_secs()));
        }
        tokio::time::sleep(delay(number)).await;
        Err(Problem::new(Kind::Token, "this token is not among those of `reclassd serve token --list`"))
    }

    fn note_failure(&self, peer: Peer) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED {
            failures.retain(|_, failures| failures.last.elapsed() < MEMORY);
        }
        if failures.len() >= REMEMBERED && !failures.contains_key(&peer) {
            return PATIENCE + 1;
        }
        let now = Instant::now();
        let entry = failures.entry(peer).or_insert(Failures { number: 0, last: now });
        if entry.last.elapsed() >= MEMORY {
            entry.number = 0;
        }
        *entry = Failures { number: entry.number.saturating_add(1), last: now };
        entry.number
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<String, Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let name = host_of(&host).ok_or_else(|| Problem::new(Kind::Host, "the request names no host"))?;
        let is_ours = match name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            // Whoever asks for an address was not led here by a name that means another one by now.
            Ok(address) => self.any_address || address.to_canonical().is_loopback(),
            Err(_) => name == "localhost",
        };
        if is_ours || self.hosts.iter().any(|known| known == name) {
            return Ok(host);
        }
        let way_out = "ask for localhost, or add the name to [serve] hosts";
        Err(Problem::new(Kind::Host, format!("{name} is no name of this server; {way_out}")))
    }

    fn check_origin(&self, host: &str, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let foreign = |what: &str| Err(Problem::new(Kind::Origin, format!("this request comes from {what}")));
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_reading = matches!(*method, Method::GET | Method::HEAD);
        // What browsers say of where a request comes from; a person may follow a link to here.
        let is_link = is_reading && value("sec-fetch-mode") == Some("navigate");
        if let Some("cross-site" | "same-site") = value("sec-fetch-site")
            && !is_link
        {
            return foreign("another site");
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("null").to_ascii_lowercase();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let is_ours = authority.is_some_and(|authority| {
            authority == host || host_of(authority).is_some_and(|name| self.hosts.iter().any(|known| known == name))
        });
        if is_ours { Ok(()) } else { foreign(&origin) }
    }

    async fn visitor(&self, peer: Peer, headers: &HeaderMap) -> Result<Visitor, Problem> {
        // Another scheme is a proxy's own business.
        let given =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
        if let Some((_, token)) = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            self.check(peer, token.trim()).await?;
            return Ok(Visitor::Program);
        }
        Ok(self.session(headers).map_or(Visitor::Anybody, Visitor::Page))
    }

    async fn admit(&self, peer: Peer, method: &Method, path: &str, headers: &HeaderMap) -> Result<Visitor, Problem> {
        let host = self.check_host(headers)?;
        self.check_origin(&host, method, headers)?;
        let visitor = self.visitor(peer, headers).await?;
        let is_session = path == "/api/v1/session";
        let is_open = is_session || path == "/api/v1/health" || !path.starts_with("/api/");
        let is_let_in = match &visitor {
            Visitor::Program => true,
            Visitor::Anybody => !self.needs_token,
            Visitor::Page(session) => self.is_signed_in(session),
        };
        if !is_let_in && !is_open {
            return Err(Problem::new(Kind::Token, "make a token with `reclassd serve token`, and sign in with it"));
        }
        let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        // Signing in needs the token itself, or changes nothing.
        if !changes || visitor == Visitor::Program || is_session && method == Method::POST {
            return Ok(visitor);
        }
        let given = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match &visitor {
            Visitor::Page(session) if self.sessions.is_csrf(session, given) => Ok(visitor),
            _ => {
                let way_out = "send `Authorization: Bearer TOKEN`, or the value of GET /api/v1/session in X-CSRF-Token";
                Err(Problem::new(Kind::Csrf, way_out))
            }
        }
    }
}

/// How late a wrong token is answered.
fn delay(number: u32) -> Duration {
    Duration::from_millis(250).saturating_mul(1 << number.saturating_sub(1).min(8)).min(LONGEST)
}

/// The name or address in what a `Host` or an origin names, its port left out; none where it is neither.
fn host_of(authority: &str) -> Option<&str> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            (&authority[..end + 2], &rest[end + 1..])
        }
        None => authority.find(':').map_or((authority, ""), |colon| authority.split_at(colon)),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (!name.is_empty() && is_port && !name.contains(['@', '/', ' '])).then_some(name)
}

pub(super) fn no_random(error: getrandom::Error) -> Problem {
    Problem::new(Kind::Internal, format!("the system gives no random numbers: {error}"))
}

/// The door itself: lets a request through with what is believed of who sent it, and has every answer say how far it
/// may be trusted.
pub async fn door(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Unix);
    // Nested below a base path, the path that is left is the one that counts.
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let admitted = guard.admit(peer, &method, &path, request.headers()).await;
    let mut response = match admitted {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// What every answer says.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cache-control", "no-store"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn guard(is_open: bool, hosts: &[&str]) -> (tempfile::TempDir, Guard) {
        let folder = tempfile::tempdir().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let tokens = Tokens::of(&folder.path().join("reclassd.db"));
        let guard = Guard::new(is_open, &hosts, "", tokens).unwrap();
        (folder, guard)
    }

    #[test]
    fn a_name_that_was_led_here_by_somebody_else_is_refused() {
        let (_folder, local) = guard(false, &[]);
        let host = |guard: &Guard, host: &str| guard.check_host(&headers(&[("host", host)])).is_ok();
        for ours in ["localhost", "LOCALHOST:8518", "127.0.0.1:1", "127.1.2.3", "[::1]:8518", "[::ffff:127.0.0.1]"] {
            assert!(host(&local, ours), "{ours}");
        }
        let foreign = [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.168.1.2",
            "[fe80::1]",
            "",
            "localhost:x",
            "user@localhost",
            "localhost evil",
            "[::1",
            "127.1",
            "0x7f.1",
        ];
        for foreign in foreign {
            assert!(!host(&local, foreign), "{foreign}");
        }
        let (_folder, open) = guard(true, &["nas.example"]);
        assert!(host(&open, "192.168.1.2:8518") && host(&open, "NAS.example") && !host(&open, "evil.example"));
        assert!(local.check_host(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_change_from_another_page_is_refused_whatever_it_brings() {
        let (_folder, local) = guard(false, &[]);
        let origin = |pairs: &[(&'static str, &str)], method: &Method| {
            local.check_origin("localhost:8518", method, &headers(pairs)).is_ok()
        };
        let post = &Method::POST;
        assert!(origin(&[], post) && origin(&[("origin", "http://localhost:8518")], post));
        for foreign in
            ["http://localhost:3000", "http://evil.example", "null", "", "http://localhost:8518.evil.example"]
        {
            assert!(!origin(&[("origin", foreign)], post), "{foreign}");
        }
        assert!(!origin(&[("sec-fetch-site", "cross-site")], post));
        assert!(!origin(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], &Method::GET), "an image");
        assert!(origin(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], &Method::GET), "a link");
        assert!(origin(&[("sec-fetch-site", "same-origin")], post));
    }

    #[test]
    fn wrong_tokens_are_answered_later_each_time_and_then_not_at_all() {
        let (_folder, local) = guard(false, &[]);
        let numbers: Vec<u32> = (0..3).map(|_| local.note_failure(Peer::Unix)).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(local.note_failure(Peer::Network("10.0.0.1".parse().unwrap())), 1, "another's");
        let delays: Vec<Duration> = (1..=8).map(delay).collect();
        assert!(delays.is_sorted() && delays[0] >= Duration::from_millis(250) && delays[7] == LONGEST);
    }
}
