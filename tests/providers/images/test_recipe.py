"""Recipes of typical Dockerfiles."""

from __future__ import annotations

import pytest

from providers.images.recipe import DockerfileError, Recipe, read


def list_installs(recipe: Recipe) -> list[list[str]]:
    return [step.arguments for step in recipe.steps if step.kind == "install"]


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("RUN pip install --no-cache-dir -r requirements.txt", ["-r", "requirements.txt"]),
        ("RUN pip3 install -U pip && pip3 install numerapi", ["pip", "numerapi"]),
        ("RUN --mount=type=cache,target=/var/cache/pip \\\n    pip install a==1", ["a==1"]),
        ('RUN ["pip", "install", "a"]', ["a"]),
        ("RUN uv pip install --system 'a; python_version > \"3\"'", ['a; python_version > "3"']),
        ("RUN /usr/local/bin/python3.12 -m pip install ./common", ["./common"]),
    ],
)
def test_installed_packages(line: str, arguments: list[str]) -> None:
    recipe = read(f"FROM python:3.12-slim\n{line}\n", {})
    assert [word for arguments in list_installs(recipe) for word in arguments] == arguments


def test_other_commands_are_returned_one_by_one() -> None:
    text = """FROM a
RUN apt-get update && apt-get install -y libgomp1; pip install b
RUN Rscript -e "options(a); install.packages('x')"
RUN echo it's
"""
    recipe = read(text, {})
    skipped = [step.arguments[0] for step in recipe.steps if step.kind == "skipped"]
    assert skipped[:2] == ["apt-get update", "apt-get install -y libgomp1"]
    assert "install.packages" in skipped[2]
    assert skipped[3] == "echo it's"
    assert list_installs(recipe) == [["b"]]


def test_platform_arguments_and_words() -> None:
    text = """ARG VERSION=3.12
FROM --platform=linux/amd64 python:${VERSION}-slim AS base
ARG SRC_PATH=nowhere
ENV LEVEL=info NAME="a b"
WORKDIR /srv
WORKDIR model
COPY --chown=1:1 $SRC_PATH .
ENTRYPOINT ["python"]
CMD ['predict.py']
"""
    recipe = read(text, {"SRC_PATH": "model_1"})
    assert (recipe.base, recipe.workdir) == ("python:3.12-slim", "/srv/model")
    assert recipe.env == {"LEVEL": "info", "NAME": "a b"}
    assert recipe.steps[0].arguments == ["model_1", "."]
    assert recipe.entrypoint == ["python"]
    assert recipe.command == ["/bin/sh", "-c", "['predict.py']"]  # not JSON, so Docker runs it in a shell


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FROM a\nFROM b\n", "line 2: a second FROM"),
        ("FROM a\nCOPY --from=x /a /b\n", "COPY --from"),
        ("FROM a\nRUN <<EOF\npip install b\nEOF\n", "line 2: a here-document"),
        ('FROM a\nENV A="b\n', "line 2: ENV cannot be read"),
    ],
)
def test_files_that_need_an_engine_or_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(DockerfileError, match=reason):
        read(text, {})


def test_an_argument_is_set_only_after_its_declaration() -> None:
    text = "ARG V=1\nFROM a:$V\nCOPY x$V /x/\nARG V\nCOPY y$V /y/\nENV W=${V:+w} U=${N-u}\nCOPY $W$U /z/\n"
    recipe = read(text, {"N": "n"})
    assert recipe.base == "a:1"
    assert [step.arguments for step in recipe.steps] == [["x", "/x/"], ["y1", "/y/"], ["wu", "/z/"]]


def test_a_run_line_keeps_expressions_that_only_its_shell_can_expand() -> None:
    recipe = read("FROM a\nARG P=numerapi\nRUN [ -e x ] && pip install $P==${V:-1} && echo $1 $(ls) ${P%i}\n", {})
    assert list_installs(recipe) == [["numerapi==1"]]
    assert [step.arguments[0] for step in recipe.steps if step.kind == "skipped"][1] == "echo $1 $(ls) ${P%i}"


def test_the_last_stage_is_read_with_its_inherited_values() -> None:
    text = """FROM a AS one
ENV A=1
COPY x /x
FROM b
COPY y /y
FROM one
COPY --from=b /y /y
COPY <<EOF /e
COPY no /no
EOF
ENV B=${A%.*}
COPY z$A /z
CMD run $A
"""
    recipe = read(text, {}, last_stage=True)
    assert (recipe.base, recipe.env) == ("a", {"A": "1"})
    assert [step.arguments for step in recipe.steps] == [["x", "/x"], ["z1", "/z"]]
    assert recipe.command == ["/bin/sh", "-c", "run $A"]
