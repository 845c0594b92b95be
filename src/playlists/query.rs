//! Which tracks are meant: conditions on fields, joined by `and`, `or`, `not` and parentheses.
//!
//! What is not known of a track is neither so nor otherwise: no condition on it holds, and none turned round by `not`
//! either. `bpm unknown` asks for it.

use std::cmp::Ordering;

use super::QueryError;
use super::fact::{Facts, Field, Value};
use super::parser;
use crate::genre::Taxonomy;

/// Which tracks are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub(super) root: Option<Node>,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is { field: &'static Field, test: Test },
}

/// What a field is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// Whether it is known.
    Known(bool),
    /// A text, or a word.
    Text { same: bool, text: String },
    /// A part of a text.
    Holds(String),
    /// A number from here to there, both included or not.
    Between { low: f64, high: f64, with_low: bool, with_high: bool, inside: bool },
}

impl Query {
    /// What a text means; an empty one means every track.
    ///
    /// # Errors
    /// [`QueryError`] with the place of what is not understood.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { root: parser::parse(text)?, text: text.trim().to_owned() })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks for what is only known of tracks whose sound was described.
    pub fn needs_descriptors(&self) -> bool {
        fn needs(node: &Node) -> bool {
            match node {
                Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(needs),
                Node::Not(node) => needs(node),
                Node::Is { field, .. } => field.needs_descriptors(),
            }
        }
        self.root.as_ref().is_some_and(needs)
    }

    pub(super) fn holds(&self, facts: &Facts<'_>, taxonomy: &Taxonomy) -> bool {
        self.root.as_ref().is_none_or(|root| root.holds(facts, taxonomy) == Some(true))
    }
}

impl Node {
    /// Whether it is so; none where it is not known.
    fn holds(&self, facts: &Facts<'_>, taxonomy: &Taxonomy) -> Option<bool> {
        // The first answer that settles it, else unknown where one was, else the other answer.
        let settle = |nodes: &[Node], by: bool| {
            let mut answer = Some(!by);
            for node in nodes {
                match node.holds(facts, taxonomy) {
                    Some(found) if found == by => return Some(by),
                    Some(_) => {}
                    None => answer = None,
                }
            }
            answer
        };
        match self {
            Node::All(nodes) => settle(nodes, false),
            Node::Any(nodes) => settle(nodes, true),
            Node::Not(node) => node.holds(facts, taxonomy).map(|holds| !holds),
            Node::Is { field, test } => test.holds(field, facts, taxonomy),
        }
    }
}

impl Test {
    fn holds(&self, field: &Field, facts: &Facts<'_>, taxonomy: &Taxonomy) -> Option<bool> {
        let value = field.value(facts);
        if let Test::Known(known) = self {
            return Some(value.is_some() == *known);
        }
        Some(match (self, value?) {
            (Test::Text { same, text }, Value::Text(value)) => {
                let is_same = match field.of {
                    super::fact::Of::Genre => taxonomy.is_kind_of(&value, text),
                    _ => value.to_lowercase() == text.to_lowercase(),
                };
                is_same == *same
            }
            (Test::Holds(part), Value::Text(value)) => value.to_lowercase().contains(&part.to_lowercase()),
            (Test::Between { low, high, with_low, with_high, inside }, Value::Number(value)) => {
                let above = value > *low || (*with_low && value == *low);
                let below = value < *high || (*with_high && value == *high);
                (above && below) == *inside
            }
            _ => false,
        })
    }
}

/// The order of two values; what is not known comes last.
pub(super) fn compare(a: Option<&Value>, b: Option<&Value>, reversed: bool) -> Ordering {
    let turned = |order: Ordering| if reversed { order.reverse() } else { order };
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => turned(a.total_cmp(b)),
        (Some(Value::Text(a)), Some(Value::Text(b))) => turned(a.to_lowercase().cmp(&b.to_lowercase())),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
