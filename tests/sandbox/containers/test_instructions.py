"""The mounts that are added to a Dockerfile before an engine builds it."""

from __future__ import annotations

from sandbox.containers.instructions import with_mounts


def test_each_run_gets_the_mounts_and_nothing_else_changes() -> None:
    text = """\
# RUN in a comment
FROM a
RUN one \\
 && RUN two
run ["exec", "form"]
  RUN --mount=type=cache,target=/c three
RUN <<END
four
END
ENV RUN=5
CMD ["RUN"]
"""
    expected = text.replace("RUN one", "RUN M one").replace("run [", "run M [").replace("RUN --", "RUN M --")
    assert with_mounts(text, ["M"]) == expected.replace("RUN <<", "RUN M <<")
