//! `features --plot`: how the features of some files are distributed, all of them as a heat map, and the mean of each,
//! as pictures.

use std::path::{Path, PathBuf};

use anyhow::Context;
use reclassd::descriptors::Descriptors;
use reclassd::pictures::{Feature, distribution, heat_map, means};

use super::output::{display_path, write_whole};

/// Writes the three pictures into a folder.
pub(super) fn save(folder: &Path, rows: &[(&PathBuf, Descriptors)]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| display_path(folder))?;
    let mut features: Vec<Feature> = Vec::new();
    for (_, descriptors) in rows {
        // The number of a key is a name: it has no mean.
        let numbers = super::described::numbers(descriptors).filter(|(name, _)| *name != "key_number");
        for (at, (name, value)) in numbers.enumerate() {
            if features.len() <= at {
                features.push(Feature { name: name.to_owned(), values: Vec::new() });
            }
            features[at].values.push(Some(f64::from(value)).filter(|value| value.is_finite()));
        }
    }
    let name = |path: &Path| path.file_name().map(|name| display_path(Path::new(name))).unwrap_or_default();
    let names: Vec<String> = rows.iter().map(|(path, _)| name(path)).collect();
    for (file, picture) in [
        ("distribution.png", distribution(&features, rows.len())?),
        ("heat map.png", heat_map(&features, &names)?),
        ("means.png", means(&features, rows.len())?),
    ] {
        write_whole(&folder.join(file), &picture)?;
    }
    Ok(())
}
