//! Learning from the owner: what the store knows of tracks whose genre somebody said becomes a model of this one
//! library, in its own names, or a reason why not.
//!
//! ```text
//! store ─► examples ─► scaling ─► folds of artists ─► softmax ─► ballots ─► adoption ─► generations
//!          (names)                                    (trial)    (weight, calibration)  (model.onnx, CARD.md)
//! ```
//!
//! Nothing is listened to: all numbers are those that the models left in the database. What comes out is an ordinary
//! model folder beside the database, which takes part in the vote like any other ([`crate::inference::Learned`]). How
//! it votes is `genre`'s, who asks for it `commands`' and `daemon`'s business.

mod adoption;
mod asking;
mod auto;
mod ballots;
mod card;
mod error;
mod examples;
mod figures;
mod folds;
mod generations;
mod in_use;
mod judging;
mod lbfgs;
mod learn;
mod logistic;
mod names;
mod neighbours;
mod places;
mod prior;
mod report;
mod scaling;
mod softmax;
mod suspects;
mod trial;

pub use asking::{Asked, give_turns, most_telling};
pub use auto::{learn_if_due, see_to_review};
pub use error::LearnError;
pub use examples::{Found, MAX_EXAMPLES};
pub use figures::{Figures, Gain, OfGenre};
pub use generations::{Generations, Locked};
pub use in_use::{NameInUse, names_in_use};
pub use judging::{Judged, Speed, judge};
pub use learn::{Learnt, REPORT_FILE, Request, adopt, learn};
pub use names::{Class, Enough, Rare};
pub use neighbours::{Answered, Neighbours};
pub use report::{Comparison, GenreReport, Outcome, Report};
pub use suspects::Suspect;
