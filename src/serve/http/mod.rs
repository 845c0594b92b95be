//! HTTP/1.1 on sockets of this machine: requests become [`Request`]s for a service, its [`Response`]s go out, and every
//! bound is kept on the way: on the size of a head, on how many talk at once, and on how long anybody may take. What a
//! request means is not known here.
//!
//! It is written out because the common server crate would build the inference engine anew (CONTRIBUTING.md says why
//! that is not done), and because the limits are the point of it.
//!
//! ```text
//! listener ─► seat ─► connection ─► head ─► Request ─► service ─► Response ─► written ─► the next request, or the end
//! ```

mod body;
mod connection;
mod head;
mod listener;
mod response;

pub use body::Channel;
pub use connection::{Limits, Peer};
pub use listener::{ListenError, Listener, serve};

use axum::body::Body;

/// A request as the routes see it.
pub type Request = axum::http::Request<Body>;
/// What the routes answer.
pub type Response = axum::http::Response<Body>;
