#!/usr/bin/env bash
# Whole scans as a user runs them: `benches/scan.sh FOLDER [FILES]` copies up to FILES (200) audio files of FOLDER into a temporary
# library and scans it with one and with two workers, then once more. Prints files/s, CPU seconds a file and peak memory.
# Your files are only read. Needs GNU time (Debian: `time`) and a release build.
set -euo pipefail
folder=${1:?usage: benches/scan.sh FOLDER [FILES]}
files=${2:-200}
here=$(cd "$(dirname "$0")/.." && pwd)
program=${RECLASSD:-${CARGO_TARGET_DIR:-$here/target}/release/reclassd}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '[tags]\nmin_confidence = 0.0\n[library]\nsettle_seconds = 0\n' >"$work/config.toml"

measure() { # LABEL JOBS
    /usr/bin/time -f '%e %U %S %M' -o "$work/time" \
        "$program" scan --config "$work/config.toml" --database "$work/$1.db" --jobs "$2" "$work/music" >"$work/out"
    read -r wall user system memory <"$work/time"
    grep ' files/s): ' "$work/out"
    awk -v l="$3" -v n="$count" -v w="$wall" -v u="$user" -v s="$system" -v m="$memory" 'BEGIN {
        printf "%-28s %7.2f files/s  %6.0f ms CPU a file  %6.2f files/s a core  peak %.0f MiB\n",
               l, n / w, 1000 * (u + s) / n, n / (u + s), m / 1024 }'
}

fill() {
    rm -rf "$work/music" && mkdir "$work/music"
    count=0
    while IFS= read -r -d '' file; do
        cp "$file" "$work/music/$(printf '%04d' "$count")-${file##*/}"
        count=$((count + 1))
    done < <(find "$folder" -type f \( -iname '*.mp3' -o -iname '*.flac' \) -print0 | sort -z | head -z -n "$files")
}

fill && measure one 1 "1 worker"
fill && measure two 2 "2 workers"
measure two 2 "2 workers, second scan"
