//! Label lists as they come with models: plain text, the JSON beside a model of Essentia or of Hugging Face, AudioSet's
//! CSV.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The labels in a file of this name, in the order of the graph's output.
///
/// - `.json`: an object with the list `classes` (Essentia's metadata), or with `id2label`, numbers to labels (Hugging
///   Face's `config.json`);
/// - `.csv`: the column `display_name`, rows in order (AudioSet's `class_labels_indices.csv`);
/// - anything else: a label a line, blank lines left out.
///
/// An error says what is wrong with the file.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<String>, String> {
    match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => json(text).map_err(|reason| format!("names `{file}`, which {reason}")),
        Some("csv") => csv(text).map_err(|reason| format!("names `{file}`, which {reason}")),
        _ => Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()),
    }
}

/// What is looked for in a JSON file; whatever else is in it is nobody's business here.
#[derive(Deserialize)]
struct Json {
    classes: Option<Vec<String>>,
    id2label: Option<BTreeMap<String, String>>,
}

fn json(text: &str) -> Result<Vec<String>, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("is no such JSON: {error}"))?;
    match (json.classes, json.id2label) {
        (Some(classes), _) => Ok(classes),
        (None, Some(labels)) => {
            let label = |i: usize| labels.get(&i.to_string()).cloned().ok_or(format!("has no label number {i}"));
            (0..labels.len()).map(label).collect()
        }
        (None, None) => Err("has neither `classes` nor `id2label`".into()),
    }
}

fn csv(text: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| format!("is no CSV: {error}"))?;
    let column = headers.iter().position(|name| name == "display_name").ok_or("has no column `display_name`")?;
    let label = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|error| format!("is no CSV: {error}"))?;
        Ok(row.get(column).unwrap_or_default().to_owned())
    };
    reader.records().map(label).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_come() {
        for (file, text) in [
            ("labels.txt", "Blues, slow\n\n  Jazz \n"),
            ("effnet.json", r#"{"name": "x", "classes": ["Blues, slow", "Jazz"]}"#),
            ("config.json", r#"{"id2label": {"1": "Jazz", "0": "Blues, slow"}, "label2id": {}}"#),
            ("class_labels_indices.csv", "index,mid,display_name\n0,/m/1,\"Blues, slow\"\n1,/m/2,Jazz\n"),
        ] {
            assert_eq!(read(file, text).unwrap(), ["Blues, slow", "Jazz"], "{file}");
        }
    }

    #[test]
    fn a_file_without_labels_says_what_it_lacks() {
        for (file, text, word) in [
            ("a.json", "{}", "classes"),
            ("a.json", "[", "JSON"),
            ("a.json", r#"{"id2label": {"1": "Jazz"}}"#, "number 0"),
            ("a.csv", "index,mid\n", "display_name"),
        ] {
            let error = read(file, text).unwrap_err();
            assert!(error.contains(word) && error.contains(file), "{error}");
        }
    }
}
