"""How long new files take when the database knows many others, so that one can see whether time is linear in the number of files.

    python benches/large_store.py --reclassd target/release/reclassd [--rows 0 100000 1000000] [--files 48] [--rounds 3] FOLDER

A dry run over the files of FOLDER fills a database; what it says of the first file is then repeated for made-up paths and made-up sound,
the 518 and the embeddings of every tenth, so that a million rows take two GB. Then the same files are analysed again beside each of
those databases, in turns. Needs room in the temporary folder ($TMPDIR). Your files are only read."""

import argparse
import os
import resource
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

TABLES_BY_SOUND = {"feature": 10, "score": 1, "verdict": 1}  # a row for every so many


def scan(program, database, files, *more):
    command = [program, "scan", "--dry-run", *more, "--database", database, *files]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def columns(connection, table):
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def insert(connection, table, rows):
    marks = ", ".join("?" * len(columns(connection, table)))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def fill(database, rows):
    """Adds rows that look like those that are there."""
    connection = sqlite3.connect(database)
    first = {table: max(connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0], 0) + 1 for table in ("audio", "track")}

    def like(table, row, **changes):
        changed = dict(zip(columns(connection, table), row))
        changed.update(changes)
        return tuple(changed.values())

    audio = connection.execute("SELECT * FROM audio").fetchone()
    insert(connection, "audio", [like("audio", audio, id=first["audio"] + i, audio_id=b"made" + i.to_bytes(12, "big")) for i in range(rows)])
    track = connection.execute("SELECT * FROM track").fetchone()
    path = "/music/Some Artist {}/Some Album {}/{} A Title of Some Length.mp3"
    insert(connection, "track", (
        like("track", track, id=first["track"] + i, audio=first["audio"] + i, path=path.format(i // 120, i // 12, i).encode())
        for i in range(rows)))
    for table, every in TABLES_BY_SOUND.items():
        pattern = connection.execute(f"SELECT * FROM {table} WHERE audio = ?", [audio[0]]).fetchall()
        insert(connection, table, (
            like(table, row, audio=first["audio"] + i) for i in range(0, rows, every) for row in pattern))
    connection.commit()
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reclassd", required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 100_000, 1_000_000])
    parser.add_argument("--files", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    audio = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav")
    files = sorted(file for file in arguments.folder.rglob("*") if file.suffix.lower() in audio)[: arguments.files]
    with tempfile.TemporaryDirectory() as work:
        databases = {}
        for rows in arguments.rows:
            databases[rows] = os.path.join(work, f"{rows}.db")
            scan(arguments.reclassd, databases[rows], files)
            fill(databases[rows], rows)
        best = {}
        for _ in range(arguments.rounds):
            for rows, database in databases.items():
                wall, cpu = scan(arguments.reclassd, database, files, "--force")
                best[rows] = min(best.get(rows, (wall, cpu)), (wall, cpu))
        print("| rows in the database | its size | new files/s | CPU a file |\n|---|---|---|---|")
        for rows, (wall, cpu) in best.items():
            mib = os.path.getsize(databases[rows]) / 2**20
            print(f"| {rows:,} | {mib:,.0f} MiB | {len(files) / wall:.1f} | {1000 * cpu / len(files):.0f} ms |")


if __name__ == "__main__":
    main()
