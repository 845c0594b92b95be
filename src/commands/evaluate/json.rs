//! The results as one JSON object: every figure, and every file with what it is, what it was named and whether that is
//! right.

use std::collections::BTreeMap;

use reclassd::evaluation::Judged;
use reclassd::evaluation::metrics::BINS;
use serde_json::{Value, json};

use super::Results;
use crate::commands::output::{JsonPath, round};

/// `judged` belongs to the clips of the results, in their order.
pub fn value(results: &Results<'_>, judged: &[Judged]) -> Value {
    let Results { source, collection, figures, members, sets } = results;
    let models = collection.members().iter().map(|m| json!({"model": m.model, "weight": round(m.weight)}));
    let clips = collection.clips().iter().zip(judged).map(|(clip, judged)| {
        let mut object = json!({
            "labels": clip.labels,
            "genre": clip.named,
            "confidence": round(clip.confidence),
            "right": judged.is_right(),
            "group": clip.group,
            "set": clip.set,
        });
        add_path(&mut object, &clip.path);
        object
    });
    let left_out = collection.left_out().iter().map(|(path, reason)| {
        let mut object = json!({"reason": reason.to_string()});
        add_path(&mut object, path);
        object
    });
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in collection.left_out() {
        *kinds.entry(reason.kind()).or_default() += 1;
    }
    let members = members.iter().map(|m| {
        json!({
            "model": m.model,
            "weight": round(m.weight),
            "top1": m.top1,
            "top1_interval": m.top1_interval,
            "macro_f1": m.macro_f1,
        })
    });
    json!({
        "program": concat!("reclassd ", env!("CARGO_PKG_VERSION")),
        "truth": source.what,
        "grouped_by": source.group,
        "models": models.collect::<Vec<_>>(),
        "binning": format!("{BINS} bins of equal width over the confidence; the lower edge belongs to a bin"),
        "sets": sets,
        "figures": figures,
        "members": members.collect::<Vec<_>>(),
        "left_out": {"count": collection.left_out().len(), "reasons": kinds, "files": left_out.collect::<Vec<_>>()},
        "lines_of_other_splits": source.other_splits,
        "unknown_labels": collection.unknown(),
        "clips": clips.collect::<Vec<_>>(),
    })
}

fn add_path(object: &mut Value, path: &std::path::Path) {
    // A path always serialises; were it not to, the object lacks it and says so by that.
    if let (Value::Object(object), Ok(Value::Object(path))) = (object, serde_json::to_value(JsonPath::from(path))) {
        object.extend(path);
    }
}
