"""What six readers see in files: `readers.py FILE...` prints one JSON object.

"absent" names the readers that are not installed; "files" has an object a file, in order, which maps each reader to what it
shows of nine fields: lists of strings, or null where it cannot read the file at all.
"""

import json
import shutil
import subprocess
import sys

FIELDS = ("title", "artist", "album", "date", "track", "comment", "genre", "own", "other")


def texts(value):
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in texts(one)]
    text = value.decode() if isinstance(value, bytes) else str(value)
    return [text] if text else []


def pick(tags, names):
    """The fields of a mapping whose keys may be written in any case."""
    tags = {key.lower(): value for key, value in tags.items()}
    return {field: texts(tags.get(name)) for field, name in zip(FIELDS, names)}


NAMES = ("title", "artist", "album", "date", "track", "comment", "genre", "reclassd_genre", "custom")


def run(*command):
    return subprocess.run(command, capture_output=True, check=False).stdout


def ffprobe(paths):
    for path in paths:
        shown = json.loads(run("ffprobe", "-v", "quiet", "-of", "json", "-show_format", "-show_streams", path) or "{}")
        if "format" not in shown:
            yield None
            continue
        tags = {}
        for part in (*shown.get("streams", []), shown["format"]):
            tags.update(part.get("tags", {}))
        shown = pick(tags, NAMES)
        # APEv2 calls it the year, and ffmpeg leaves it at that.
        shown["date"] = shown["date"] or pick(tags, ["year"] * len(FIELDS))["date"]
        yield shown


def taglib(paths):
    import taglib

    for path in paths:
        try:
            tags = taglib.File(path).tags
        except OSError:
            yield None
            continue
        yield pick(tags, [name if name != "track" else "tracknumber" for name in NAMES])


def mutagen(paths):
    import mutagen
    from mutagen.asf import ASFTags
    from mutagen.id3 import ID3
    from mutagen.mp4 import MP4Tags

    id3 = ("TIT2", "TPE1", "TALB", "TDRC", "TRCK", "COMM", "TCON", "TXXX:RECLASSD_GENRE", "TXXX:CUSTOM")
    freeform = "----:com.apple.iTunes:"
    mp4 = ("\xa9nam", "\xa9ART", "\xa9alb", "\xa9day", "trkn", "\xa9cmt", "\xa9gen", freeform + "RECLASSD_GENRE", freeform + "CUSTOM")
    asf = ("Title", "Author", "WM/AlbumTitle", "WM/Year", "WM/TrackNumber", "Description", "WM/Genre", "RECLASSD_GENRE", "CUSTOM")
    for path in paths:
        try:
            tags = mutagen.File(path)
        except mutagen.MutagenError:
            yield None
            continue
        if tags is None:
            yield None
            continue
        tags = tags.tags
        if tags is None:
            yield {field: [] for field in FIELDS}
        elif isinstance(tags, ID3):
            yield {f: [str(text) for frame in tags.getall(name) for text in frame.text] for f, name in zip(FIELDS, id3)}
        elif isinstance(tags, MP4Tags):
            yield {field: texts(list(tags.get(name) or [])) for field, name in zip(FIELDS, mp4)}
        elif isinstance(tags, ASFTags):
            yield {field: [str(value) for value in tags.get(name, [])] for field, name in zip(FIELDS, asf)}
        else:
            get = lambda key: texts(list(tags[key])) if key in tags else []
            shown = {field: get(name) for field, name in zip(FIELDS, NAMES)}
            shown["date"] = shown["date"] or get("year")
            shown["track"] = shown["track"] or get("tracknumber")
            yield shown


def exiftool(paths):
    shown = json.loads(run("exiftool", "-j", "-a", "-G1:4", *paths) or "[]")
    names = {
        "title": ("title", "name"),
        "artist": ("artist", "author"),
        "album": ("album", "product"),
        "date": ("year", "date", "datecreated", "recordingtime", "contentcreatedate"),
        "track": ("track", "tracknumber"),
        "comment": ("comment",),
        "genre": ("genre",),
    }
    for file in shown:
        found = {field: [] for field in FIELDS}
        for key, value in file.items():
            name = key.rpartition(":")[2].lower()
            for field, known in names.items():
                if name in known:
                    found[field] += texts(value)
            text = "|".join(texts(value))
            if name == "reclassd_genre" or "(RECLASSD_GENRE)" in text:
                found["own"].append(text.replace("(RECLASSD_GENRE) ", ""))
            if name == "custom" or "(CUSTOM)" in text:
                found["other"].append(text.replace("(CUSTOM) ", ""))
        yield found


def mediainfo(paths):
    for path in paths:
        shown = json.loads(run("mediainfo", "--Output=JSON", path) or "{}")
        tracks = (shown.get("media") or {}).get("track", [])
        general = next((track for track in tracks if track["@type"] == "General"), None)
        if general is None:
            yield None
            continue
        extra = general.get("extra")
        tags = {**(extra if isinstance(extra, dict) else {}), **general}
        names = ("title", "performer", "album", "recorded_date", "track_position", "comment", "genre", "reclassd_genre", "custom")
        yield pick(tags, names)


def tinytag(paths):
    from tinytag import TinyTag, TinyTagException

    for path in paths:
        try:
            tags = TinyTag.get(path).as_dict()
        except TinyTagException:
            yield None
            continue
        yield pick(tags, [name if name != "date" else "year" for name in NAMES])


READERS = {reader.__name__: reader for reader in (ffprobe, taglib, mutagen, exiftool, mediainfo, tinytag)}
PROGRAMS = {"ffprobe", "exiftool", "mediainfo"}


def main(paths):
    absent, files = [], [{} for _ in paths]
    for name, reader in READERS.items():
        if name in PROGRAMS and shutil.which(name) is None:
            absent.append(name)
            continue
        try:
            for file, shown in zip(files, reader(paths), strict=True):
                file[name] = shown
        except ImportError:
            absent.append(name)
    print(json.dumps({"absent": absent, "files": files}))


main(sys.argv[1:])
