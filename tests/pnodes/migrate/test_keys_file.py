"""How numerai-cli's keys are read, in the format of each version; no message contains them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pnodes.migrate import keys_file
from pnodes.migrate.nodes_json import WrongFile
from providers.numerai.keys import Keys

JSON = {"numerai": {"NUMERAI_PUBLIC_ID": "PUBLIC", "NUMERAI_SECRET_KEY": "HIDDEN"}, "aws": {"AWS_ACCESS_KEY_ID": "A"}}
INI = "[default]\nAWS_ACCESS_KEY_ID = A\nNUMERAI_PUBLIC_ID = PUBLIC\nNUMERAI_SECRET_KEY = HIDDEN%1\n"


def test_json_of_0_3_and_later(tmp_path: Path) -> None:
    (tmp_path / ".keys").write_text(json.dumps(JSON))
    found = keys_file.read(tmp_path / ".keys")
    assert found == Keys("PUBLIC", "HIDDEN")
    assert "HIDDEN" not in repr(found)


def test_the_ini_file_of_before(tmp_path: Path) -> None:
    (tmp_path / ".keys").write_text(INI)
    assert keys_file.read(tmp_path / ".keys") == Keys("PUBLIC", "HIDDEN%1")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{HIDDEN", "is neither JSON nor an INI file"),
        ("[default\nHIDDEN", "is neither JSON nor an INI file"),
        ("", "is neither JSON nor an INI file"),
        ("[1, 2]", "does not contain NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"),
        ("{}", "does not contain NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"),
        ('{"numerai": {"NUMERAI_PUBLIC_ID": "HIDDEN"}}', "does not contain NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"),
        ('{"numerai": "HIDDEN"}', "does not contain NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY"),
        (None, "There is no "),
    ],
)
def test_a_file_that_is_not_right(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / ".keys").write_text(text)
    with pytest.raises(WrongFile) as caught:
        keys_file.read(tmp_path / ".keys")
    assert sentence in str(caught.value)
    assert "HIDDEN" not in str(caught.value)
