"""Full-length tracks to measure on, made from a folder of short clips, for whoever has no library at hand that others can have too.

    python benches/full_length.py [--mp3 300] [--flac 200] [--seed 1] CLIPS OUT

A track is three to five minutes of clips of one folder, one after the other, at 44.1 kHz in stereo. An album is twelve tracks of the same
folder, tagged as such; every second album carries a cover in each of its files. MP3 files are of the five kinds in KINDS by turns, so that any
stretch of them is as mixed as the whole; FLAC files have 16 bits. Everything follows from the clips, the numbers and the seed, and files
that are there already are kept. Takes ffmpeg, one process at a time, and 180 KB of room for a second of clips while it works."""

import argparse
import random
import subprocess
import tempfile
from pathlib import Path

RATE = 44100
FRAME = 4  # bytes: two channels, 16 bits
SHORTEST, LONGEST = 180, 300  # s
ALBUM = 12  # tracks
SUFFIXES = {".mp3", ".flac", ".wav", ".ogg", ".opus", ".m4a"}
KINDS = {
    # What libraries are made of: constant rates, and LAME's V0 and V2. Quality 7 is LAME's quick search; the decoder's work is the same.
    "mp3": [["-c:a", "libmp3lame", "-compression_level", "7", *rate] for rate in
            (["-b:a", "128k"], ["-b:a", "192k"], ["-b:a", "320k"], ["-q:a", "0"], ["-q:a", "2"])],
    "flac": [["-c:a", "flac", "-compression_level", "5", "-sample_fmt", "s16"]],
}  # fmt: skip


def ffmpeg(*arguments, **options):
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", *map(str, arguments)]
    return subprocess.run(command, check=True, **options)


class Clips:
    """The clips by folder, each decoded when it is first asked for and kept until the end."""

    def __init__(self, folder, cache):
        self.cache, self.folders = cache, {}
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                self.folders.setdefault(file.parent, []).append(file)
        self.numbers = {file: number for number, file in enumerate(sum(self.folders.values(), []))}

    def samples(self, clip):
        decoded = self.cache / f"{self.numbers[clip]}.pcm"
        if not decoded.exists():
            ffmpeg("-i", clip, "-map", "0:a:0", "-f", "s16le", "-ac", 2, "-ar", RATE, decoded)
        return decoded.read_bytes()

    def folder(self, chance):
        """Big folders more often than small ones."""
        return chance.choices(list(self.folders), [len(clips) for clips in self.folders.values()])[0]

    def joined(self, folder, chance):
        """The samples of one track; clips come again only where the folder has too few."""
        wanted = int(chance.uniform(SHORTEST, LONGEST) * RATE) * FRAME
        track = bytearray()
        while len(track) < wanted:
            before = len(track)
            for clip in chance.sample(self.folders[folder], len(self.folders[folder])):
                track += self.samples(clip)
                if len(track) >= wanted:
                    break
            if len(track) == before:
                raise SystemExit(f"{folder}: no sound in any clip")
        return track[:wanted]


def cover(path, seed):
    """A picture of about 200 KB that no compression makes smaller."""
    picture = f"color=c=0x446688:s=600x600,noise=alls=60:allf=u:all_seed={seed % 2**31}"
    ffmpeg("-f", "lavfi", "-i", picture, "-frames:v", 1, "-pix_fmt", "yuvj420p", "-q:v", 4, path)


def album(clips, out, suffix, number, tracks, seed):
    chance = random.Random(f"{seed} {suffix} {number}")
    folder = clips.folder(chance)
    name = f"Album {number + 1:02}"
    (out / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=clips.cache) as scratch:
        picture = []
        if number % 2 == 0:
            cover(Path(scratch, "cover.jpg"), chance.getrandbits(31))
            picture = ["-i", Path(scratch, "cover.jpg"), "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"]
            picture += ["-metadata:s:v", "comment=Cover (front)"]
        for track in range(tracks):
            title = f"Track {track + 1:02}"
            made, file = Path(scratch, f"made.{suffix}"), out / name / f"{track + 1:02} {title}.{suffix}"
            kind = KINDS[suffix][(number * ALBUM + track) % len(KINDS[suffix])]
            tags = {"title": title, "artist": folder.name, "album": name, "track": f"{track + 1}/{tracks}", "date": 1970 + number}
            tags = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
            chance = random.Random(f"{seed} {suffix} {number} {track}")
            if not file.exists():
                sound = ["-f", "s16le", "-ac", 2, "-ar", RATE, "-i", "pipe:0"]
                ffmpeg(*sound, *picture, "-map", "0:a", *kind, *tags, made, input=clips.joined(folder, chance))
                made.rename(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips; those of one folder inside it are joined")
    parser.add_argument("out", type=Path, help="gets the folders mp3 and flac")
    parser.add_argument("--mp3", type=int, default=300, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--flac", type=int, default=200, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out, prefix=".decoded-") as cache:
        clips = Clips(args.clips, Path(cache))
        if not clips.folders:
            parser.error(f"{args.clips}: no clips")
        for suffix, wanted in (("mp3", args.mp3), ("flac", args.flac)):
            for number, first in enumerate(range(0, wanted, ALBUM)):
                album(clips, args.out / suffix, suffix, number, min(ALBUM, wanted - first), args.seed)
                print(f"{suffix}: {min(first + ALBUM, wanted)} of {wanted}", flush=True)


if __name__ == "__main__":
    main()
