//! The models are asked about a recording, as far as the database does not know what they say, and their answers are
//! counted. What becomes of that in the file is the line's.

mod analysis;
mod analysis_error;
mod answer_gatherer;
mod clip_features;
mod ensemble_members;
mod model_answer;
mod one_model;
mod opinions;
mod stored_answers;

pub(super) use analysis::Analyst;
pub use analysis::{Analysis, Opinion, Sound, Step, start_runtime};
pub(super) use analysis_error::AnalysisError;
pub(super) use ensemble_members::digest;
pub use ensemble_members::{LineError, ensemble_of};
pub use one_model::{AskModelError, ask_model};
pub use opinions::Opinions;
pub(super) use opinions::differ;
pub use stored_answers::{AudioAnswers, StoredAnswers};
