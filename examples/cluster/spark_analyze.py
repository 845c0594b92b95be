"""Analyses a list of sound files with Spark: one record a file, as lines that `reclassd import` reads.

    spark-submit spark_analyze.py LIST OUT      # LIST: a path a line, seen under the same name on every node

A partition of names goes through one process of reclassd; a task that dies is done again by Spark, whole.
"""
import subprocess
import sys

from pyspark.sql import SparkSession

PARTITION = 64


def analyze(names):
    names = "".join(f"{name}\n" for name in names)
    if not names:
        return []
    command = ["reclassd", "analyze", "--jobs", "1", "--from-file", "-"]
    lines = subprocess.run(command, input=names.encode(), stdout=subprocess.PIPE, check=True).stdout
    return lines.decode().splitlines()


context = SparkSession.builder.appName("reclassd analyze").getOrCreate().sparkContext
names = context.textFile(sys.argv[1])
partitions = max(names.getNumPartitions(), names.count() // PARTITION)
names.repartition(partitions).mapPartitions(analyze).saveAsTextFile(sys.argv[2])
