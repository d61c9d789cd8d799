"""Instructions are parsed as in BuildKit. `test_copied` tests more of the grammar."""

from __future__ import annotations

import pytest

from providers.images.dockerfile import Instruction, parse

TEXT = """\
# syntax=docker/dockerfile:1
# escape=`

FROM --platform=linux/amd64 a AS b
RUN --mount=type=cache,target=/c `
    # in between
    one `

 && two
copy --chown=1:1 <<EOF x `
  /x/
RUN no
EOF
CMD [ "python", "p q.py" ]
ENTRYPOINT ['sh']"""


def test_each_instruction_has_its_line_flags_and_form() -> None:
    file = parse(TEXT)
    assert [(instruction.line, instruction.name, instruction.flags) for instruction in file.instructions] == [
        (4, "FROM", ["--platform=linux/amd64"]),
        (5, "RUN", ["--mount=type=cache,target=/c"]),
        (10, "COPY", ["--chown=1:1"]),
        (14, "CMD", []),
        (15, "ENTRYPOINT", []),
    ]
    assert file.instructions[1].rest == "one  && two"
    assert (file.instructions[2].heredocs, file.instructions[2].sources()) == (["<<EOF"], ["x"])
    assert file.instructions[3].exec_form() == ["python", "p q.py"]
    assert file.instructions[4].exec_form() is None
    assert file.doubts == []


@pytest.mark.parametrize(
    ("line", "flags", "rest", "doubtful"),
    [
        ("RUN --a=b --c d --e", ["--a=b", "--c"], "d --e", False),
        ('RUN --mount=type=cache,target="/a b" x', ['--mount=type=cache,target="/a b"'], "x", True),
        ("RUN --mount=type=cache,target='/a x", [], "--mount=type=cache,target='/a x", True),
        ("RUN\t--a\tb\tc", ["--a"], "b\tc", False),
        ("RUN <<$X", [], "<<$X", True),
        ("RUN", [], "", False),
    ],
)
def test_doubtful_lines_are_parsed_and_reported(line: str, flags: list[str], rest: str, doubtful: bool) -> None:
    file = parse(f"FROM a\n{line}\n")
    assert file.instructions[1] == Instruction("RUN", flags, rest, [], 2)
    assert bool(file.doubts) is doubtful
