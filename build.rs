//! Compiles the files of the page into the program: a list of their names and bytes, made anew whenever one of them changes.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("src/serve/page");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.is_dir() {
        list(&folder, &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&folder)?.to_str().ok_or("a file of the page has a name that is not UTF-8")?;
        writeln!(code, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    code.push(']');
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("page_files.rs"), code)?;
    Ok(())
}

/// Every file in a folder and below it; what an editor hides beside them is left out.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() { list(&entry.path(), files)? } else { files.push(entry.path()) }
    }
    Ok(())
}
