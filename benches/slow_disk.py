"""A folder seen through slow storage, so that one can measure how many readers in parallel help on hardware one does not own.

    python benches/slow_disk.py --kind spinning|network FOLDER MOUNTPOINT [--seek-ms 12] [--mib-per-s 150] [--round-trip-ms 20] [--patience-ms 1]

Mounts FOLDER read-only at MOUNTPOINT (FUSE; needs libfuse 3.12 or newer and `pip install mfusepy`) until interrupted or unmounted, and then
prints what was asked of it. The system's page cache is cold after each mount and works as usual from there.

spinning: one head. Requests are served one at a time, in the order in which they come; each byte takes its time, and reading on elsewhere
takes a seek first, as does opening a file for the first time. network: any number of requests at once; each takes a round trip, and then its
turn on the one wire.

It is a model, not a disk: each file lies in one piece and far from all others; listing and stat are free, and so is opening over the network.
How much a real disk makes of several readers depends on its queue and on the system's scheduler, which let the head go on where it is while
others wait: --patience-ms 500 is a generous one, the default next to none. What it gives are ratios, not times."""

import argparse
import dataclasses
import os
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import mfusepy

MIB = 1 << 20
# What lies this near ahead passes under the head sooner than a seek takes. What has just passed is in the drive's buffer, and a drive that has
# nothing else to do reads on into it.
NEAR = 512 * 1024
# Who asks again this soon has asked at once: it takes a request about so long to get here on a busy machine.
LATE = 0.001


@dataclasses.dataclass(eq=False)
class Request:
    file: object
    offset: int
    size: int
    arrived: float = dataclasses.field(default_factory=time.monotonic)
    until: Future = dataclasses.field(default_factory=Future)  # when it is served, on the monotonic clock


class Spinning:
    def __init__(self, seek, second_per_byte, patience):
        self.seek, self.second_per_byte, self.patience = seek, second_per_byte, patience
        self.file, self.start, self.head = None, 0, 0  # since the last seek it has read file[start:head]
        self.opened = set()
        self.waiting, self.changed = [], threading.Condition()
        self.busy_until = self.busy = self.seeks = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def open(self, file):
        with self.changed:
            known = file in self.opened
            self.opened.add(file)
        return None if known else self.read(("inode", file), 0, 0)

    def read(self, file, offset, size):
        request = Request(file, offset, size)
        with self.changed:
            self.waiting.append(request)
            self.changed.notify()
        return request.until

    def serve(self):
        while True:
            with self.changed:
                while not self.waiting:
                    self.changed.wait()
                oldest = self.waiting[0]
                first = max(self.start, self.head - NEAR)
                near = [r for r in self.waiting if r.file == self.file and first <= r.offset <= self.head + NEAR]
                if oldest.file != self.file:
                    near = [r for r in near if r.arrived <= oldest.arrived + self.patience]
                if near:
                    request = min(near, key=lambda r: r.offset)
                    self.waiting.remove(request)
            if near:
                passed = max(0, request.offset + request.size - self.head)
                self.head += passed
                request.until.set_result(self.move(request, passed * self.second_per_byte, NEAR * self.second_per_byte))
            else:
                self.seeks += 1
                self.move(oldest, self.seek, 0)
                with self.changed:  # what came meanwhile may begin a little before
                    self.file = oldest.file
                    there = (r.offset for r in self.waiting if r.file == self.file)
                    self.start = self.head = min(offset for offset in there if oldest.offset - NEAR <= offset <= oldest.offset)

    def move(self, request, seconds, ahead):
        self.busy += seconds
        self.busy_until = max(self.busy_until, request.arrived - max(LATE, ahead)) + seconds
        sleep_until(self.busy_until)
        return self.busy_until


class Network:
    seeks = 0

    def __init__(self, round_trip, second_per_byte):
        self.round_trip, self.second_per_byte = round_trip, second_per_byte
        self.turn = threading.Lock()
        self.busy_until = self.busy = 0

    def open(self, file):
        return None

    def read(self, file, offset, size):
        request = Request(file, offset, size)
        seconds = size * self.second_per_byte
        with self.turn:
            self.busy += seconds
            self.busy_until = max(self.busy_until, request.arrived + self.round_trip) + seconds
            request.until.set_result(self.busy_until)
        return request.until


class Slow(mfusepy.Operations):
    use_ns = True

    def __init__(self, folder, device):
        self.folder, self.device = str(folder), device
        self.turn = threading.Lock()
        self.requests = self.bytes = 0

    def init_with_config(self, connection, config):
        # Else the kernel holds back reads ahead when twelve are under way.
        connection.max_background, connection.congestion_threshold = 1024, 1024

    def getattr(self, path, fh=None):
        stat = os.lstat(self.folder + path)
        times = {f"st_{name}": getattr(stat, f"st_{name}_ns") for name in ("atime", "mtime", "ctime")}
        names = ("mode", "ino", "nlink", "uid", "gid", "rdev", "size", "blocks", "blksize")
        return times | {f"st_{name}": getattr(stat, f"st_{name}") for name in names}

    def readdir(self, path, fh):
        yield from (".", "..")
        with os.scandir(self.folder + path) as entries:
            for entry in entries:
                yield entry.name, {"st_ino": entry.inode(), "st_mode": entry.stat(follow_symlinks=False).st_mode}, 0

    def readlink(self, path):
        return os.readlink(self.folder + path)

    def open(self, path, flags):
        fd = os.open(self.folder + path, os.O_RDONLY)
        if until := self.device.open(path):
            sleep_until(until.result())
        return fd

    def read(self, path, size, offset, fd):
        size = max(0, min(size, os.fstat(fd).st_size - offset))
        with self.turn:
            self.requests += 1
            self.bytes += size
        until = self.device.read(path, offset, size)
        data = os.pread(fd, size, offset)
        sleep_until(until.result())
        return data

    def release(self, path, fd):
        os.close(fd)
        return 0


def sleep_until(deadline):
    # To a deadline that does not depend on when we got here: what Python spends in between is no part of the model.
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(left)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("mountpoint", type=Path)
    parser.add_argument("--kind", choices=("spinning", "network"), required=True)
    parser.add_argument("--seek-ms", type=float, default=12, help="spinning: to the track (8) and half a turn (4)")
    parser.add_argument("--patience-ms", type=float, default=1, help="spinning: so much older a request may be that waits while the head goes on")
    parser.add_argument("--round-trip-ms", type=float, default=20, help="network: for each request")
    parser.add_argument("--mib-per-s", type=float, help="of the head (150) or of the wire (110)")
    args = parser.parse_args()
    folder, mountpoint = args.folder.resolve(), args.mountpoint.resolve()
    if not (folder.is_dir() and mountpoint.is_dir()) or mountpoint.is_relative_to(folder):
        parser.error("FOLDER and MOUNTPOINT are two folders, MOUNTPOINT not in FOLDER")
    if args.kind == "spinning":
        device = Spinning(args.seek_ms / 1000, 1 / (MIB * (args.mib_per_s or 150)), args.patience_ms / 1000)
    else:
        device = Network(args.round_trip_ms / 1000, 1 / (MIB * (args.mib_per_s or 110)))
    slow = Slow(folder, device)
    # auto_cache: a file that has not changed keeps its pages when it is opened again, as on a disk.
    options = {"ro": True, "use_ino": True, "auto_cache": True, "max_threads": 256, "max_idle_threads": 256}
    try:
        mfusepy.FUSE(slow, str(mountpoint), foreground=True, fsname="slow_disk", **options)
    except RuntimeError as error:
        if error.args != (8,):  # 8: a signal ended it
            sys.exit(f"{mountpoint}: FUSE returned {error}")
    print(f"{slow.requests} requests, {device.seeks} seeks, {slow.bytes / MIB:.1f} MiB, busy for {device.busy:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
