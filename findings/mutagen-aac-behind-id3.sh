#!/usr/bin/env bash
# mutagen.File() opens bare AAC (ADTS), and no longer does once TagLib has put an ID3v2 tag in front of it: it takes the file for an MP3
# without frames. mutagen.aac.AAC, which knows how to step over such a tag, is not asked. Exit: 0 as described, 1 the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mutagen==1.48.1 pytaglib==3.2.0
cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import sys
import mutagen, mutagen.aac, taglib
from importlib.metadata import version

print("mutagen", mutagen.version_string + ", pytaglib", version("pytaglib"))

# Silent frames of AAC-LC, one channel, 44.1 kHz.
frame = bytes.fromhex("fff15040017ffc00c80007")
with open("song.aac", "wb") as file:
    file.write(frame * 100)

def opened(open_it):
    try:
        return type(open_it("song.aac")).__name__
    except mutagen.MutagenError as error:
        return type(error).__name__ + ": " + str(error)

before = opened(mutagen.File)
print("without a tag, mutagen.File:", before)
song = taglib.File("song.aac")
song.tags["GENRE"] = ["Jazz"]
song.save()
print("TagLib wrote:", open("song.aac", "rb").read(3))
after = opened(mutagen.File)
print("behind it, mutagen.File:", after)
print("behind it, mutagen.aac.AAC:", opened(mutagen.aac.AAC))
print("behind it, TagLib:", taglib.File("song.aac").tags)
is_so = before == "AAC" and "AAC" not in after and opened(mutagen.aac.AAC) == "AAC"
sys.exit(0 if is_so else "this is no longer so")
EOF
