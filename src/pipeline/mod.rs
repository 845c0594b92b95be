//! The line itself: files are found, looked at once, and come out with a report. Stages are other folders'; their order, the
//! queues between them, the workers and the wish to stop are here.

mod album;
mod alone;
mod analysis;
mod answer;
mod ask;
mod by_hand;
mod cancel;
mod comparison;
mod decision;
mod desks;
mod discover;
mod ending;
mod fingerprints;
mod guard;
mod hear;
mod hearing;
mod ignore_files;
mod line;
mod looked;
mod means;
mod members;
mod readers;
mod recovery;
mod report;
mod scan;
mod session;
mod settings;
mod stages;

pub use album::AlbumVote;
pub use analysis::{Analysis, Opinion, Sound, Step, start_runtime};
pub use ask::{AskError, ask};
pub use by_hand::{ByHand, HandError, HandReport, History};
pub use cancel::Cancel;
pub use comparison::{Compared, Comparison, Difference, Why};
pub use discover::{Found, Obstacle, Selection};
pub use fingerprints::Fingerprints;
pub use guard::take_down;
pub use line::{ExplainError, Explanation, Line, LineUp, Worker};
pub use members::{LineError, ensemble_of};
pub use report::{Action, Report, Summary, WaitsFor};
pub use scan::{Scan, ScanRequest, count_reports};
pub use settings::Settings;
pub use stages::{Stage, Stages};
