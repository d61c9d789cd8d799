"""A file of the shape of Numerai's own training data, and the memory that training on it takes.

Numerai's v5.3/train.parquet has 2,746,268 rows of 574 eras and 3,599 columns, of which 3,555 are features with integers
from 0 to 4. The file here has all of these columns, with random values, and one of PART rows. What training
takes beyond its imports is multiplied by PART. This estimates too much rather than too little, because
some of it (a batch, a sample of the rows, the file's footer) does not grow with the rows. With PNODES_TRAINING_PART=1,
the file has all rows and 3.8 GB, and nothing is estimated; the figures in the example's README are from such files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.images import Image

ROWS, ERAS, FEATURES, TARGETS = 2_746_268, 574, 3555, 40
SETS = {"small": 42, "medium": 780, "all": FEATURES}
PART = int(os.environ.get("PNODES_TRAINING_PART", "24"))
GROUP = 1 << 20  # rows of a row group by default

# A few trees are enough: more take time, but no memory. A process that is started by a large one begins with that one's
# peak in getrusage, so this is Linux's own count.
TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, "")
from numerapi import NumerAPI
import model, train
if len(sys.argv) > 1:
    NumerAPI.download_dataset = lambda self, name, path: str(Path(sys.argv[1], Path(name).name))
    train.TREES = 5
    train.main()
print(Path("/proc/self/status").read_text())
"""


def write_data(folder: Path, rows: int) -> None:
    """Write features.json and train.parquet."""
    names = [f"feature_{place:04d}_of_a_realistic_length" for place in range(FEATURES)]
    sets = {name: names[:count] for name, count in SETS.items()}
    (folder / "features.json").write_text(json.dumps({"feature_sets": sets}))
    targets = ["target", *(f"target_{place}_20" for place in range(TARGETS - 1))]
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 5, min(rows, GROUP) + FEATURES, dtype=np.int8)
    writer = None
    for start in range(0, rows, GROUP):
        places = np.arange(start, min(start + GROUP, rows))
        columns: dict[str, pa.Array] = {
            "era": pa.array([f"{1 + place * ERAS // rows:04d}" for place in places]),
            "data_type": pa.array(["train"] * len(places)),
        }
        columns |= {name: pa.array(levels[shift : shift + len(places)]) for shift, name in enumerate(names)}
        target = pa.array((rng.integers(0, 5, len(places)) / 4).astype(np.float32))
        columns |= dict.fromkeys(targets, target)
        columns["id"] = pa.array([f"n{place:015x}" for place in places])
        table = pa.table(columns)
        # pandas' own description makes `id` the index, which pandas reads even if nobody asks for it
        described = pa.Schema.from_pandas(pd.DataFrame({"id": ["n0"], "era": ["0001"]}).set_index("id")).metadata
        table = table.replace_schema_metadata(described)
        writer = writer or pq.ParquetWriter(folder / "train.parquet", table.schema)
        writer.write_table(table, row_group_size=GROUP)
    assert writer is not None
    writer.close()


def measure(image: Image, *arguments: str) -> tuple[int, str]:
    """Run TRAIN in an image; return the most bytes of memory that it held, and its output."""
    done = subprocess.run(
        [str(image.environment / "bin" / "python"), "-c", TRAIN, *arguments],
        cwd=image.root / "app",
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "LOKY_MAX_CPU_COUNT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", done.stdout, re.MULTILINE)
    return int(kilobytes) * 1024, done.stdout
