//! Sets `cfg(fuzzing)`, which `cargo fuzz` does by itself, for the examples and for lints as well.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    println!("cargo::rustc-cfg=fuzzing");
}
