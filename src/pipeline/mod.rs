//! The line itself: files are found, looked at once, and come out with a report. Stages are other folders'; their order, the
//! queues between them, the workers and the wish to stop are here.

mod analysis;
mod ask;
mod by_hand;
mod cancel;
mod discover;
mod ending;
mod hearing;
mod line;
mod looked;
mod recovery;
mod report;
mod scan;
mod settings;

pub use analysis::{Analysis, LineError, Opinion};
pub use ask::{AskError, ask};
pub use by_hand::{ByHand, HandError, HandReport};
pub use cancel::Cancel;
pub use discover::{Found, Obstacle, Selection};
pub use line::{ExplainError, Explanation, Line, Worker};
pub use report::{Action, Report, Summary};
pub use scan::{Scan, ScanRequest, count_reports};
pub use settings::Settings;
