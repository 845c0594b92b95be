#!/bin/sh
# What a package holds besides the files of this repository: manual pages, completions, and the configuration of the system's service.
# usage: packaging/assets.sh BINARY FOLDER
set -eu
binary=$1 folder=$2
here=$(dirname "$0")/..
mkdir -p "$folder/completions"
"$binary" man "$folder/man"
"$binary" completions bash >"$folder/completions/reclassd"
"$binary" completions zsh >"$folder/completions/_reclassd"
"$binary" completions fish >"$folder/completions/reclassd.fish"
# The example with two places named, so that the service and the users' own commands share one database and one set of models.
sed -e 's|^path = ""$|path = "/var/lib/reclassd/reclassd.db"|' -e 's|^folder = ""$|folder = "/var/lib/reclassd/models"|' \
    "$here/config.example.toml" >"$folder/config.toml"
