"""Make the buckets that are named and not there yet."""

import sys

import s3fs

store = s3fs.S3FileSystem()
there = set(store.ls(""))
for bucket in sys.argv[1:]:
    if bucket not in there:
        store.mkdir(bucket)
        sys.stdout.write(f"made bucket {bucket}\n")
