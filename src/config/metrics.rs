//! `[metrics]`: whether the service shows its figures to a Prometheus, and where. Only this machine is served unless it
//! is plainly asked for otherwise.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// `[metrics]`: the page of figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// Where the page is served; empty: nowhere.
    pub listen: Listen,
    /// Whether the address may be one that other machines reach.
    pub allow_remote: bool,
}

impl Metrics {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let Listen(Some(address)) = self.listen else { return Ok(()) };
        // An IPv4 address may come in the clothes of an IPv6 one.
        super::require(self.allow_remote || address.ip().to_canonical().is_loopback(), "metrics.listen", || {
            let port = address.port();
            format!(
                "listen: other machines can reach {address}; use \"127.0.0.1:{port}\" or \"[::1]:{port}\", or set \
                 allow_remote = true if they should"
            )
        })
    }
}

/// An address and a port, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen(Option<SocketAddr>);

impl Listen {
    /// The address; `None` when nothing is served.
    pub fn address(self) -> Option<SocketAddr> {
        self.0
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|_| {
            format!("\"{text}\" is no address with a port: write \"127.0.0.1:9797\", \"[::1]:9797\", or \"\" for none")
        })?;
        Ok(Self(Some(address)))
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.0.map(|address| address.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Option<SocketAddr>, String> {
        let metrics: Metrics = toml::from_str(text).map_err(|error| error.to_string())?;
        metrics.check().map_err(|(_, what)| what)?;
        Ok(metrics.listen.address())
    }

    #[test]
    fn this_machine_is_served_by_both_kinds_of_address() {
        for address in ["127.0.0.1:9797", "127.1.2.3:80", "[::1]:9797", "[::ffff:127.0.0.1]:9797"] {
            assert_eq!(checked(&format!("listen = \"{address}\"")), Ok(Some(address.parse().unwrap())));
        }
        assert_eq!(checked("listen = \"\""), Ok(None));
    }

    #[test]
    fn other_machines_are_served_only_when_plainly_asked_for() {
        for address in ["0.0.0.0:9797", "192.168.1.5:9797", "[::]:9797", "[fe80::1]:9797", "[::ffff:10.0.0.1]:9797"] {
            let refused = checked(&format!("listen = \"{address}\"")).unwrap_err();
            assert!(refused.contains("127.0.0.1:9797") && refused.contains("allow_remote"), "{refused}");
            let asked_for = checked(&format!("listen = \"{address}\"\nallow_remote = true"));
            assert_eq!(asked_for, Ok(Some(address.parse().unwrap())));
        }
    }

    #[test]
    fn what_is_no_address_is_answered_with_one() {
        for text in ["9797", ":9797", "localhost", "127.0.0.1", "::1:9797:x"] {
            assert!(checked(&format!("listen = \"{text}\"")).is_err_and(|e| e.contains("127.0.0.1:9797")), "{text}");
        }
    }
}
