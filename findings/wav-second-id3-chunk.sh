#!/usr/bin/env bash
# mutagen does not see an ID3 chunk behind the size that a RIFF or FORM declares, and saves a second one in front of it; title, artist
# and album are then gone for TagLib and exiftool, which had shown them. Exit: 0 as described, 1 the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mutagen==1.48.1 pytaglib==3.2.0
cd "$folder"
"$folder/venv/bin/python" - 2>/dev/null <<'EOF'
import struct, sys
import mutagen, mutagen.aiff, mutagen.id3, mutagen.wave, taglib
from importlib.metadata import version

print("mutagen", mutagen.version_string + ", pytaglib", version("pytaglib"))

def chunk(name, body, order):
    return name + struct.pack(order + "I", len(body)) + body + b"\0" * (len(body) % 2)

def frame(name, text):
    return name + struct.pack(">I", len(text) + 1) + b"\0\0\0" + text

frames = frame(b"TIT2", b"Title") + frame(b"TPE1", b"Artist") + frame(b"TALB", b"Album")
tag = b"ID3\3\0\0\0\0\0" + bytes([len(frames)]) + frames
wave = b"WAVE" + chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16), "<") + chunk(b"data", bytes(16000), "<")
common = struct.pack(">hIh", 1, 8000, 16) + bytes.fromhex("400bfa00000000000000")
aiff = b"AIFF" + chunk(b"COMM", common, ">") + chunk(b"SSND", bytes(16008), ">")

def shown(path):
    with taglib.File(path) as file:
        return {name: values[0] for name, values in sorted(file.tags.items())}

as_described = True
for path, kind, file in [
    ("a.wav", mutagen.wave.WAVE, chunk(b"RIFF", wave, "<") + chunk(b"id3 ", tag, "<")),
    ("a.aiff", mutagen.aiff.AIFF, chunk(b"FORM", aiff, ">") + chunk(b"ID3 ", tag, ">")),
]:
    # All chunks are whole; the outer size alone was not raised when the tag was appended.
    open(path, "wb").write(file)
    before = shown(path)
    song = kind(path)
    if song.tags is None:
        song.add_tags()
    song.tags.add(mutagen.id3.TCON(encoding=3, text="Rock"))
    song.save()
    after = shown(path)
    print(path, "to TagLib, before:", before)
    print(path, "to TagLib, after mutagen set the genre:", after)
    as_described &= len(before) == 3 and after == {"GENRE": "Rock"}
sys.exit(not as_described)
EOF
