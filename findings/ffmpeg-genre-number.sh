#!/usr/bin/env bash
# ffprobe takes the digits at the start of an ID3v2 genre for a number of ID3v1's list: "8-Bit" is shown as "Jazz".
# Needs ffmpeg (Debian: ffmpeg), a Python with venv, and a network for pip. Exit: 0 as described, 1 it behaves otherwise now.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mutagen==1.48.1
ffmpeg -nostdin -v error -f lavfi -i sine=440:d=1 -b:a 64k sound.mp3
ffprobe -version | head -1
echo "mutagen 1.48.1"
status=0
while IFS='|' read -r genre expected; do
    venv/bin/python - "$genre" <<'PY'
import sys
from mutagen.id3 import ID3, TCON
tags = ID3("sound.mp3")
tags.setall("TCON", [TCON(encoding=3, text=[sys.argv[1]])])
tags.save()
PY
    shown=$(ffprobe -v error -show_entries format_tags=genre -of default=nw=1:nk=1 sound.mp3)
    again=$(venv/bin/python -c 'from mutagen.id3 import ID3; print(ID3("sound.mp3")["TCON"].text[0])')
    echo "written and read by mutagen: $again; shown by ffprobe: $shown"
    [ "$shown" = "$expected" ] || status=1
done <<'LIST'
8-Bit|Jazz
2-Step|Country
80s|Folk
20th Century|Alternative
Rock|Rock
LIST
[ $status = 0 ] || echo "this is no longer so" >&2
exit $status
