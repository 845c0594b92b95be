#!/bin/sh
# Makes a Debian package in target/debian: builds the program, or takes one that is built already, generates what belongs to it, and
# packs (cargo install cargo-deb).
# usage: packaging/deb.sh [BINARY]
set -eu
[ $# -eq 0 ] || binary=$(realpath "$1")
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then
    cargo build --release --locked --bin reclassd
else
    install -D -m 755 "$binary" target/release/reclassd
fi
packaging/assets.sh target/release/reclassd target/package
packaging/licences.sh "$(rustc -vV | sed -n 's/^host: //p')" >target/package/LICENCES-OF-CRATES.txt
cargo deb --no-build --locked
