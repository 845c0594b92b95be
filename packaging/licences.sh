#!/bin/sh
# The licences of all crates that are compiled into the program, each text once: what a binary has to be accompanied by. The sources are
# those that cargo has fetched; nothing is fetched.
# usage: packaging/licences.sh TARGET >FILE
set -eu
export LC_ALL=C
target=$1
cd "$(dirname "$0")/.."
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo tree --locked --offline -e normal --prefix none -f '{p}|{l}' --target "$target" >"$work/tree"
sed 's/ (proc-macro)//; s/ (\*)//' "$work/tree" | sort -u | grep -v '^reclassd ' >"$work/crates"

echo "The crates that are compiled into reclassd, and under which licences."
echo
sed 's/^\([^ ]*\) v\([^ |]*\)[^|]*|\(.*\)/  \1 \2: \3/' "$work/crates"
# A line a text: its hash, the crate, the file.
while IFS='|' read -r crate _; do
    name=${crate%% *} version=${crate#* v}
    version=${version%% *}
    for folder in "$sources"/*/"$name-$version"; do
        [ -d "$folder" ] || { echo "licences.sh: the sources of $name $version are not here: cargo fetch" >&2; exit 1; }
        find "$folder" -maxdepth 2 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'unlicense*' \
            -o -iname 'copyright*' -o -name UFL.txt -o -name OFL.txt \) ! -name '*.rs' ! -name '*.toml' | sort | while read -r file; do
            echo "$(sha256sum <"$file" | cut -c1-64) $name-$version/${file#"$folder"/} $file"
        done
    done
done <"$work/crates" >"$work/texts"
sort -s -k1,1 "$work/texts" | awk '
    $1 != last { if (last) show(); last = $1; file = $3; of = "" }
    { of = of "\n  " $2 }
    END { if (last) show() }
    function show() {
        print "\n" rule "\n" "Of" of "\n"
        while ((getline line < file) > 0) print line
        close(file)
    }
    BEGIN { rule = "--------------------------------------------------------------------------------" }'
