//! What happens on the disk becomes work: events and walks are hints, hints wait until their files are still, and what
//! is ripe and not known already goes to whoever works.
//!
//! ```text
//!  inotify ─► Inbox ─► Settling ─► Candidates ─► workers (elsewhere)
//!  walks ────────┘        │  ▲          ▲
//!    ▲                    │  └ looks ───┼── the disk
//!    └─ folders to look through ◄───────┘
//! ```
//!
//! [`Settling`] is the heart: a value without clock, thread or disk, which tests drive by stories. [`Watcher`] gives it
//! all three. Nothing here opens a file or writes a tag; the line does.

mod candidates;
mod disk_and_store;
mod folders;
mod inbox;
mod listener;
mod plan;
mod rescans;
mod root_upkeep;
mod roots;
mod settling;
mod unfinished_names;
mod walk;
mod walker;
mod watch_loop;
mod watch_status;
mod watcher;

pub use candidates::{Candidate, Candidates, Depth, Next, Origin};
pub use plan::Plan;
pub use roots::{Change, Health, Root, Sight as RootSight};
pub use settling::{Hint, Settling, Sight, Surroundings, Work};
pub use watch_status::{RootStatus, SharedWatchStatus, WatchStatus};
pub use watcher::Watcher;
