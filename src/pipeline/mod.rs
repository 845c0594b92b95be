//! The line itself: files are found, go down it once, and come out with a report. Stages are other folders'; their
//! order, the queues between them, the workers and the wish to stop are here. Three rooms of their own: `finding`
//! (which files are to be looked at), `asking` (what the models say of one) and `limits` (how much is done at
//! once); `by_hand` is the owner's way past the line.

mod album;
mod asking;
mod by_hand;
mod cancel;
mod decision;
mod describe;
mod file_or_album;
mod file_outcome;
mod finding;
mod fingerprints;
mod limits;
mod line;
mod panic_guard;
mod recorder;
mod recovery;
mod report;
mod scan;
mod settings;
mod stage_times;
mod stamped_file;

pub use album::AlbumVote;
pub use asking::{
    Analysis, AskModelError, AudioAnswers, LineError, Opinion, Opinions, Sound, Step, StoredAnswers, ask_model,
    ensemble_of, start_runtime,
};
pub use by_hand::{ByHand, HandError, HandReport, History};
pub use cancel::Cancel;
pub use finding::{Compared, Comparison, Difference, Found, Obstacle, Selection, Why};
pub use fingerprints::Fingerprints;
pub use line::{ExplainError, Explanation, Judgement, Line, ModelVersions, Worker};
pub use panic_guard::process_catching_panics;
pub use recorder::{Recorder, RecorderError};
pub use report::{Action, Fate, Known, Report, Summary, WaitsFor};
pub use scan::{Scan, ScanRequest, count_reports};
pub use settings::Settings;
pub use stage_times::{Stage, StageTimes};
