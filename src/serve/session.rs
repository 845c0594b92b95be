//! The page's session: a cookie that only this process can have made, and the CSRF value that belongs to it. Nothing is
//! kept of either: both are made from a key that ends with the process.

use blake3::Hash;

use super::tokens::{hex, random};

/// The cookie's name.
pub const COOKIE: &str = "reclassd_session";

/// What makes and knows sessions.
pub struct Sessions {
    key: [u8; 32],
}

/// A session that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    cookie: String,
    /// The token that it was made with, by its word; none where none was needed.
    pub token: Option<String>,
}

impl Sessions {
    /// With a key of its own.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        Ok(Self { key: random()? })
    }

    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn begin(&self, token: Option<String>) -> Result<Session, getrandom::Error> {
        let said = format!("{}.{}", hex(&random::<16>()?), token.as_deref().unwrap_or_default());
        let cookie = format!("{said}.{}", self.sign("session", &said).to_hex());
        Ok(Session { cookie, token })
    }

    /// The session of a cookie, if it was made here.
    pub fn read(&self, cookie: &str) -> Option<Session> {
        let (said, signature) = cookie.rsplit_once('.')?;
        let signature = Hash::from_hex(signature).ok()?;
        // `Hash` compares in the same time whatever differs.
        if signature != self.sign("session", said) {
            return None;
        }
        let (_, token) = said.split_once('.')?;
        Some(Session { cookie: cookie.to_owned(), token: (!token.is_empty()).then(|| token.to_owned()) })
    }

    /// The CSRF value that belongs to a session.
    pub fn csrf(&self, session: &Session) -> String {
        self.sign("csrf", &session.cookie).to_hex().to_string()
    }

    /// Whether this is that value.
    pub fn is_csrf(&self, session: &Session, value: &str) -> bool {
        Hash::from_hex(value).is_ok_and(|value| value == self.sign("csrf", &session.cookie))
    }

    fn sign(&self, purpose: &str, text: &str) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose.as_bytes()).update(&[0]).update(text.as_bytes());
        hasher.finalize()
    }
}

impl Session {
    /// What sets it in a browser, below a path.
    pub fn set(&self, path: &str) -> String {
        format!("{COOKIE}={}; Path={path}; HttpOnly; SameSite=Strict", self.cookie)
    }

    /// What removes it there.
    pub fn unset(path: &str) -> String {
        format!("{COOKIE}=; Path={path}; HttpOnly; SameSite=Strict; Max-Age=0")
    }
}

/// A cookie of a name in a header's value.
pub fn cookie<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    header
        .split(';')
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_to_who_made_it_and_its_value_is_no_other_s() {
        let sessions = Sessions::new().unwrap();
        let session = sessions.begin(Some("abcd".into())).unwrap();
        let set = session.set("/x/");
        let found = cookie(set.split(';').next().unwrap(), COOKIE).unwrap();
        assert_eq!(sessions.read(found), Some(session.clone()));
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"));
        assert_eq!(Sessions::new().unwrap().read(found), None, "another process's");
        let changed = found.replacen("abcd", "abce", 1);
        assert_eq!(sessions.read(&changed), None);
        let csrf = sessions.csrf(&session);
        assert!(sessions.is_csrf(&session, &csrf));
        let other = sessions.begin(None).unwrap();
        assert!(!sessions.is_csrf(&other, &csrf) && other.token.is_none());
        assert_eq!(cookie("a=1; reclassd_session=x.y; b=2", COOKIE), Some("x.y"));
    }
}
