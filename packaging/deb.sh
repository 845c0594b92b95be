#!/bin/sh
# Makes a Debian package in target/debian: builds the program, generates what belongs to it, and packs (cargo install cargo-deb).
# usage: packaging/deb.sh [PROFILE], "release" unless given; with "dev" what `cargo test` has built is packed.
set -eu
cd "$(dirname "$0")/.."
profile=${1:-release}
case $profile in
    release) cargo build --release --locked --bin reclassd && built=target/release ;;
    dev) built=target/debug ;;
    *) echo "usage: $0 [release|dev]" >&2 && exit 2 ;;
esac
packaging/assets.sh "$built/reclassd" target/package
cargo deb --no-build --profile "$profile" --locked
