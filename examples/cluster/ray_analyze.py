"""Analyses a list of sound files with Ray Data: one record a file, written as Parquet.

    python ray_analyze.py LIST OUT          # LIST: a path a line, seen under the same name on every node

Each task hands a batch of names to one process of reclassd; a task that dies is done again by Ray, whole.
"""
import json
import subprocess
import sys

import pandas as pd
import ray

COLUMNS = ["path", "path_hex", "audio", "codec", "duration", "program", "reason", "features", "scores", "verdict"]


def analyze(batch: pd.DataFrame) -> pd.DataFrame:
    command = ["reclassd", "analyze", "--jobs", "1", "--from-file", "-"]
    names = "".join(f"{name}\n" for name in batch["path"])
    lines = subprocess.run(command, input=names.encode(), stdout=subprocess.PIPE, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == len(batch), "one record a file"
    table = pd.DataFrame(records).reindex(columns=COLUMNS)
    table["record"] = [line.decode() for line in lines]  # what `reclassd import` reads
    for column in ("features", "scores", "verdict"):
        table[column] = table[column].map(lambda value: json.dumps(value) if value == value and value else None)
    return table


names = [line.rstrip("\n") for line in open(sys.argv[1])]
files = ray.data.from_items([{"path": name} for name in names], override_num_blocks=max(1, len(names) // 64))
files.map_batches(analyze, batch_size=64, batch_format="pandas", num_cpus=1).write_parquet(sys.argv[2])
