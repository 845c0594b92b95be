//! The `[output]` of a manifest: what a graph gives, what its numbers are, and how those of several patches become one.

use serde::Deserialize;

use super::input::Fault;

/// What a graph gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The graph's output with one number for each label; with a head, the one that the head is fed with.
    pub name: String,
    /// What the numbers are: the graph's or, with a head, the head's.
    pub kind: OutputKind,
    /// The graph's output that describes the sound by itself, for other models to build on. With a head, what the head
    /// is fed with is that.
    pub embedding: Option<String>,
    /// What is averaged over the patches of a stretch of sound; `outputs` unless given.
    #[serde(default)]
    pub average: Average,
    /// A second graph that reads labels from the first one's output.
    pub head: Option<Head>,
}

/// A small graph that makes label scores of an embedding: shape (1, `inputs`) to (1, labels).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its file beside the manifest.
    pub file: String,
    /// The file's SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many numbers it takes. Where the graph gives several rows of so many (one for each moment), it takes their
    /// mean.
    pub inputs: usize,
    /// Its output with one number for each label.
    pub name: String,
}

/// What the numbers of an output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Unnormalised log-probabilities: softmax makes them probabilities.
    Logits,
    /// Probabilities, or shares of them that only need to be brought to sum 1.
    Probabilities,
    /// A probability for each label by itself: any number of them may apply.
    Tags,
    /// The same before the sigmoid.
    TagLogits,
}

/// What is averaged over the patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// What the graph gives; the mean is read as one answer.
    #[default]
    Outputs,
    /// The probabilities: each patch is read by itself.
    Probabilities,
}

impl Output {
    /// Whether the model describes the sound besides naming it.
    pub fn has_embedding(&self) -> bool {
        self.embedding.is_some() || self.head.is_some()
    }

    pub(super) fn fault(&self) -> Fault {
        if self.name.is_empty() {
            return Some(("output.name", "must name an output of the graph".into()));
        }
        let head = self.head.as_ref()?;
        if self.embedding.is_some() {
            return Some(("output.embedding", "has no place beside a head: what the head is fed with is it".into()));
        }
        if !super::manifest::is_model_name(&head.file) || head.file.starts_with('.') {
            return Some((
                "output.head.file",
                format!("must be the name of a file beside this one, found `{}`", head.file),
            ));
        }
        if !super::manifest::is_digest(&head.sha256) {
            return Some(("output.head.sha256", "must be 64 lower-case hexadecimal digits".into()));
        }
        if head.name.is_empty() {
            return Some(("output.head.name", "must name an output of the head".into()));
        }
        (!(1..=1 << 20).contains(&head.inputs))
            .then(|| ("output.head.inputs", format!("must be 1 to {}, found {}", 1 << 20, head.inputs)))
    }
}
