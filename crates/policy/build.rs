//! Rebuilds when a file is added to or removed from the packs: `include_dir!` alone sees only changes to known files.

fn main() {
    println!("cargo::rerun-if-changed=../../packs");
    println!("cargo::rerun-if-changed=build.rs");
}
