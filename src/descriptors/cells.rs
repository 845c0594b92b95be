//! Descriptors as a row of named cells: what tables, JSON and the terminal print.

use serde_json::{Map, Value as Json, json};

use super::{Absent, Descriptors};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, rounded to what means something; finite.
    Number(f64),
    /// A word.
    Word(String),
    /// Nothing, and why.
    Absent(Absent),
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The column.
    pub name: &'static str,
    /// Its content.
    pub value: Value,
}

impl Descriptors {
    /// The cells, always the same columns in the same order.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        let mut put = |name, value| cells.push(Cell { name, value });
        put("duration", number(&Ok(self.duration), 2));
        put("bpm", number(&self.tempo.map(|tempo| tempo.bpm), 2));
        put("bpm_confidence", number(&self.tempo.map(|tempo| tempo.confidence), 3));
        put("bpm_rival", number(&self.tempo.map(|tempo| tempo.rival), 2));
        put("bpm_rival_share", number(&self.tempo.map(|tempo| tempo.rival_share), 3));
        put("beat_strength", number(&self.beat_strength, 3));
        put("key", word(self.key.map(|key| key.to_string())));
        put("camelot", word(self.key.map(|key| key.camelot())));
        put("open_key", word(self.key.map(|key| key.open_key())));
        put("key_number", number(&self.key.map(|key| key.number() as f64), 0));
        put("key_confidence", number(&self.key.map(|key| key.confidence), 3));
        put("loudness", number(&self.loudness, 2));
        put("energy", number(&self.energy, 3));
        put("danceability", number(&self.danceability, 3));
        put("mood", word(self.mood.map(|mood| mood.quadrant.to_string())));
        put("mood_confidence", number(&self.mood.map(|mood| mood.confidence), 3));
        put("valence", number(&self.mood.map(|mood| mood.valence), 3));
        put("arousal", number(&self.mood.map(|mood| mood.arousal), 3));
        cells
    }

    /// One JSON object: what is absent is left out, and `absent` says why.
    pub fn to_json(&self) -> Json {
        let (mut object, mut absent) = (Map::new(), Map::new());
        for Cell { name, value } in self.cells() {
            match value {
                Value::Number(number) => object.insert(name.to_owned(), json!(number)),
                Value::Word(word) => object.insert(name.to_owned(), json!(word)),
                Value::Absent(reason) => absent.insert(name.to_owned(), json!(reason.to_string())),
            };
        }
        if !absent.is_empty() {
            object.insert("absent".to_owned(), Json::Object(absent));
        }
        Json::Object(object)
    }
}

/// A number with so many digits. What is not finite would be a bug; it is absent then.
fn number(value: &Result<f64, Absent>, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    match value {
        Ok(value) if value.is_finite() => Value::Number((value * scale).round() / scale),
        Ok(_) => Value::Absent(Absent::NoFeatures),
        Err(reason) => Value::Absent(*reason),
    }
}

fn word(value: Result<String, Absent>) -> Value {
    value.map_or_else(Value::Absent, Value::Word)
}
