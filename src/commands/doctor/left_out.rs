//! What is left out of every library, and why: the names that the configuration lists, hidden ones, and what folders
//! say of themselves.

use std::io::Write;

use console::style;
use reclassd::config::{LEFT_OUT, Library};
use serde_json::json;

/// What a configuration leaves out.
pub(super) struct LeftOut<'a> {
    library: &'a Library,
}

impl<'a> LeftOut<'a> {
    pub(super) fn of(library: &'a Library) -> Self {
        Self { library }
    }

    /// The patterns, each with whose it is where it is one of ours.
    fn names(&self) -> impl Iterator<Item = (&'a str, &'static str)> {
        let whose =
            |pattern: &str| LEFT_OUT.iter().find(|(known, _)| *known == pattern).map_or("yours", |(_, whose)| *whose);
        self.library.exclude_defaults.iter().map(move |pattern| (pattern.as_str(), whose(pattern)))
    }

    pub(super) fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "\n{}", style("left out of every library").bold())?;
        writeln!(out, "  {:<26}  hidden files and folders", ".*")?;
        for (pattern, whose) in self.names() {
            writeln!(out, "  {pattern:<26}  {whose}")?;
        }
        for pattern in &self.library.exclude {
            writeln!(out, "  {pattern:<26}  [library] exclude")?;
        }
        for name in &self.library.ignore_files {
            let what = if name.ends_with("ignore") { "or what it lists of it" } else { "and all below it" };
            writeln!(out, "  {:<26}  the folder that holds such a file, {what}", name)?;
        }
        Ok(())
    }

    pub(super) fn as_json(&self) -> serde_json::Value {
        json!({
            "exclude_defaults": self.library.exclude_defaults,
            "exclude": self.library.exclude,
            "ignore_files": self.library.ignore_files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_left_out_is_named() {
        let library = Library {
            exclude: vec!["**/Podcasts".to_owned()],
            exclude_defaults: vec!["@eaDir".to_owned(), "my bin".to_owned()],
            ..Library::default()
        };
        let mut out = Vec::new();
        LeftOut::of(&library).print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for said in ["@eaDir", "Synology", "my bin", "yours", "**/Podcasts", ".nomedia", ".ndignore", "hidden"] {
            assert!(text.contains(said), "{said} in {text}");
        }
        assert!(!text.contains("lost+found"), "{text}");
    }
}
