//! Folders to look through whole, where noting single files would be too much: kept few, since one folder stands for
//! all in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders noted at the most; beyond it they give way to the ones above them.
const MOST: usize = 512;

/// A set of folders of which none lies in another.
#[derive(Debug, Default)]
pub(super) struct Rescans {
    folders: BTreeSet<PathBuf>,
}

impl Rescans {
    pub(super) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Notes a folder, unless one above it is noted; the ones in it are covered by it.
    pub(super) fn add(&mut self, folder: &Path) {
        if folder.ancestors().any(|above| self.folders.contains(above)) {
            return;
        }
        self.folders.retain(|noted| !noted.starts_with(folder));
        self.folders.insert(folder.to_owned());
        if self.folders.len() > MOST {
            let above: Vec<PathBuf> =
                self.folders.iter().filter_map(|folder| folder.parent().map(Path::to_owned)).collect();
            self.folders.clear();
            for folder in above {
                self.add(&folder);
            }
        }
    }

    pub(super) fn take(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.folders).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_all_in_it() {
        let mut rescans = Rescans::default();
        for folder in ["/m/a/1", "/m/a/2", "/m/b", "/m/a", "/m/a/3", "/m/a b"] {
            rescans.add(Path::new(folder));
        }
        assert_eq!(rescans.take(), ["/m/a", "/m/a b", "/m/b"].map(PathBuf::from));
        assert!(rescans.is_empty());
    }

    #[test]
    fn ever_so_many_folders_become_the_few_above_them() {
        let mut rescans = Rescans::default();
        for number in 0..100_000 {
            rescans.add(&PathBuf::from(format!("/m/{}/{number}", number % 7)));
        }
        let folders = rescans.take();
        assert!(folders.len() <= MOST);
        for number in 0..7 {
            let album = PathBuf::from(format!("/m/{number}/123"));
            assert!(folders.iter().any(|folder| album.starts_with(folder)), "{folders:?}");
        }
    }
}
