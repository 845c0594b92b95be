#!/usr/bin/env bash
# ffmpeg writes AIFF into a pipe without an error or a warning, with every size left at 0, and cannot read the result. (WAV in a pipe
# gets a size that says "unknown", and is read.) Exit: 0 as described, 1 the behaviour has changed.
set -uo pipefail

command -v ffmpeg >/dev/null || apt-get install -y -qq --no-install-recommends ffmpeg >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
ffmpeg -version | head -1
for kind in wav aiff; do
    said=$(ffmpeg -nostdin -v warning -f lavfi -i sine=440:duration=1 -f $kind pipe:1 2>&1 >piped.$kind)
    wrote=$?
    heard=$(ffmpeg -nostdin -v quiet -i piped.$kind -f s16le pipe:1 | wc -c)
    echo "$kind: writing exited with $wrote, said \"$said\", $(stat -c %s piped.$kind) bytes; reading them gives $heard bytes of sound"
    [ $wrote = 0 ] && [ -z "$said" ] || exit 1
    if [ $kind = wav ]; then [ "$heard" = 88200 ] || exit 1; else [ "$heard" = 0 ] || exit 1; fi
done
xxd -l 16 piped.aiff
