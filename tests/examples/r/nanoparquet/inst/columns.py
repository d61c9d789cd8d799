"""Print all columns of a Parquet file, or the given ones: a line with their types in R, then CSV."""

import sys

from pyarrow import csv, parquet

table = parquet.ParquetFile(sys.argv[1]).read(sys.argv[2:] or None)
kinds = [str(kind) for kind in table.schema.types]
print(*("character" if "string" in kind else "integer" if "int" in kind else "numeric" for kind in kinds), flush=True)
csv.write_csv(table, sys.stdout.buffer)
