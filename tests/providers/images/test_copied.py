"""The files that a Dockerfile's build can use: never too few, and no more than necessary if that is certain."""

from __future__ import annotations

import pytest

from providers.images.copied import find_sources, select_files

NODE = {"SRC_PATH": "model_1", "MODEL_ID": None, "NODE": "alpha"}

SHARED = """\
FROM python:3.12-slim
WORKDIR /app
COPY common/ common/
RUN pip install ./common
COPY model_1/requirements.txt .
RUN pip install -r requirements.txt
COPY model_1/ .
CMD ["python", "predict.py"]
"""

CERTAIN = {
    "a shared package": (SHARED, ["common", "model_1/requirements.txt", "model_1"]),
    "numerai-cli": (
        ("FROM python:3.13\nARG NUMERAI_PUBLIC_ID\nENV NUMERAI_PUBLIC_ID=$NUMERAI_PUBLIC_ID\nARG SRC_PATH\n"
        "ENV SRC_PATH=$SRC_PATH\nADD $SRC_PATH/requirements.txt .\nADD $SRC_PATH .\n"),
        ["model_1/requirements.txt", "model_1"],
    ),
    "several sources": ("FROM a\nCOPY a b/c ./d /x/\n", ["a", "b/c", "d"]),
    "JSON form": ('FROM a\nCOPY --chown=1:1 ["a b", "c", "/x/"]\n', ["a b", "c"]),
    "lower case, tabs, no newline at the end": ("from a\n\tcopy\ta\tb", ["a"]),
    "windows line ends and a mark": ("\ufeffFROM a\r\nCOPY a \\\r\n  b /x\r\n", ["a", "b"]),
    "continued lines with comments": ("FROM a\nCOPY a \\\n# COPY z /z\n\n  # and\n  b \\\n  /x/\n", ["a", "b"]),
    "an escape before the escape continues nothing": ("FROM a\nRUN echo \\\\\nCOPY a /x\n", ["a"]),
    "escape directive": ("# escape=`\nFROM a\nCOPY a `\n b /x\n", ["a", "b"]),
    "not a directive any more": ("\n# escape=`\nFROM a\nCOPY a \\\n b /x\n", ["a", "b"]),
    "Docker's own frontend": ("# syntax=docker/dockerfile:1.7\nFROM a\nCOPY a /x\n", ["a"]),
    "other stages": ("FROM a AS b\nCOPY a /x\nFROM c\nCOPY --from=b /x /y\nCOPY d /z\n", ["a", "d"]),
    "nothing": ("FROM a AS b\nFROM c\nCOPY --from=b /x /y\n", []),
    "leads out": ("FROM a\nCOPY ../../a/./b/../c /x\n", ["a/c"]),
    "addresses": ("FROM a\nADD https://x.org/y.tgz git@github.com:a/b.git a /x/\n", ["a"]),
    "the value given wins": ("FROM a\nARG SRC_PATH=other\nCOPY $SRC_PATH /x\n", ["model_1"]),
    "a default": ("FROM a\nARG FROM_DIR=lib\nCOPY ${FROM_DIR}/x /x\n", ["lib/x"]),
    "a default of a default": ("FROM a\nARG A=lib\nARG B=$A/sub\nCOPY $B /x\n", ["lib/sub"]),
    "before the first FROM": ("ARG V=3\nARG D=lib\nFROM a:$V\nARG D\nCOPY $D /x\n", ["lib"]),
    "ENV wins over ARG": ("FROM a\nARG D=x\nENV D=y\nCOPY $D /x\n", ["y"]),
    "ENV is inherited by a stage": ("FROM a AS Base\nENV D=y\nFROM base\nCOPY $D /x\n", ["y"]),
    "old ENV": ("FROM a\nENV D y\nCOPY ${D} /x\n", ["y"]),
    "several in one ENV": ("FROM a\nENV A=x B='y z' C=\"$A\"\nCOPY $A \"${B}\" /x\n", ["x", "y z"]),
    "otherwise": ("FROM a\nARG D=\nCOPY ${D:-y} ${D-z}a ${D:+q}b ${D+q}c /x/\n", ["y", "a", "b", "qc"]),
    "single quotes take the meaning": ("FROM a\nCOPY '$D' \\$E /x/\n", ["$D", "$E"]),
    "heredocs": ("FROM a\nCOPY <<EOF <<-'E2' b /x/\nCOPY . /y\nEOF\nCOPY . /z\n\tE2\nCOPY c /x\n", ["b", "c"]),
    "a heredoc of RUN": ("FROM a\nRUN <<EOF\nCOPY . .\nEOF\nCOPY c /x\n", ["c"]),
    "a here-string and a shift": ("FROM a\nRUN cat <<< x && echo $((1<<2))\nCOPY c /x\n", ["c"]),
    "a test that looks like JSON": ("FROM a\nRUN [ -e /x ] && cat <<EOF\nCOPY . .\nEOF\nCOPY c /x\n", ["c"]),
    "mounts of other things": (
        "FROM a AS b\nFROM a\nRUN --mount=type=cache,target=/c --mount=type=bind,from=b,target=/b pip x\nCOPY c /x\n",
        ["c"],
    ),
    "patterns": ("FROM a\nCOPY model_?/*.txt /x/\n", ["model_?/*.txt"]),
    "other instructions": (
        ('FROM a\nLABEL a="COPY . ."\nUSER x\nEXPOSE 80\nVOLUME /v\nSHELL ["sh"]\nSTOPSIGNAL 9\n'
        "HEALTHCHECK --interval=5s CMD x\nENTRYPOINT [\"x\"]\nCMD --help\nWORKDIR $UNKNOWN\nCOPY c /x\n"),
        ["c"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CERTAIN)
def test_the_copied_sources_are_found(case: str) -> None:
    text, expected = CERTAIN[case]
    assert find_sources(text, NODE) == expected


EVERYTHING = {
    "all of it": "COPY . /x",
    "all of it, absolute": "COPY / /x",
    "all of it besides another": "COPY a /x\nCOPY ./ /y",
    "all of it by a variable": "ARG D=.\nCOPY $D /x",
    "leads out to all": "COPY a/.. /x",
    "what the base image may have set": "COPY $HOME_DIR /x",
    "an otherwise for what the base image may have set": "COPY ${D:-y} /x",
    "what is known when it is built": "ARG MODEL_ID\nCOPY $MODEL_ID /x",
    "what the builder sets": "ARG TARGETARCH\nCOPY bin/$TARGETARCH /x",
    "an argument without a value": "ARG D\nCOPY $D /x",
    "made of what is not known": "ENV D=$PATH/x\nCOPY $D /x",
    "several in one ARG": "ARG A=a B=$A\nCOPY $B /x",
    "a bind mount": "RUN --mount=type=bind,target=/c make",
    "a mount is a bind mount by itself": "RUN --mount=target=/c make",
    "a bind mount of a variable": "RUN --mount=type=bind,from=$B,target=/c make",
    "a mount of a variable kind": "RUN --mount=type=$T,target=/c make",
    "ONBUILD": "ONBUILD COPY a /x",
    "an instruction of tomorrow": "INCLUDE other",
    "another operation": "ARG D=x.y\nCOPY ${D%.y} /x",
    "a brace that stays open": "ARG D=x\nCOPY ${D /x",
    "a quote that stays open": 'COPY "a /x',
    "a flag with quotes": 'RUN --mount=type=cache,target="/c" x',
    "an origin by variable": "ARG B=\nCOPY --from=$B a /x",
    "a heredoc without an end": "RUN <<EOF\nCOPY a b",
    "a heredoc in quotes": "RUN echo 'a <<EOF b'\nCOPY a b\nEOF",
    "a heredoc of a strange name": "RUN <<$X\nCOPY a b\n$X",
}


@pytest.mark.parametrize("case", EVERYTHING)
def test_in_doubt_everything_counts(case: str) -> None:
    assert find_sources(f"FROM a\nCOPY z /z\n{EVERYTHING[case]}\n", NODE) is None


@pytest.mark.parametrize(
    "text",
    [
        "# syntax=some.one/else:1\nFROM a\nCOPY a /x\n",
        "#!/usr/bin/env other\nFROM a\nCOPY a /x\n",
        "FROM python:3-onbuild\nCOPY a /x\n",
        "FROM $BASE\nCOPY a /x\n",
        "# other=1\n# escape=`\nFROM a\nCOPY a /x\n",
    ],
)
def test_other_kinds_of_files_use_everything(text: str) -> None:
    assert find_sources(text, NODE) is None


FILES = ["common/a.py", "common/sub/b.py", "empty/", "model_1/Dockerfile", "model_1/x.txt", "model_2/x.txt", "top.txt"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (["common"], ["common/a.py", "common/sub/b.py"]),
        (["model_1/x.txt"], ["model_1/x.txt"]),
        (["model_1/x.txt", "model_1"], ["model_1/Dockerfile", "model_1/x.txt"]),
        (["model_*/x.txt"], ["model_1/x.txt", "model_2/x.txt"]),
        (["model_?"], ["model_1/Dockerfile", "model_1/x.txt", "model_2/x.txt"]),
        (["*.txt"], ["top.txt"]),
        (["model_[1]/x.txt"], ["model_1/x.txt", "model_2/x.txt"]),  # more than the pattern matches
        (["empty"], ["empty/"]),
        ([], []),
        (["missing"], None),
        (["common", "miss*"], None),
    ],
)
def test_files_at_or_below_a_source_are_selected(sources: list[str], expected: list[str] | None) -> None:
    selected = select_files(FILES, sources, frozenset())
    if expected is not None and any("[" in source for source in sources):
        assert selected is not None
        assert set(expected) <= set(selected)
    else:
        assert selected == expected


def test_a_source_below_a_link_selects_everything_but_a_link_below_a_source_does_not() -> None:
    files = ["common/a.py", "model_1/common", "model_1/p.py"]
    links = frozenset({"model_1/common"})
    assert select_files(files, ["model_1/common/a.py"], links) is None
    assert select_files(files, ["model_1/common"], links) is None
    assert select_files(files, ["model_1/c*"], links) is None
    assert select_files(files, ["model_1"], links) == ["model_1/common", "model_1/p.py"]
