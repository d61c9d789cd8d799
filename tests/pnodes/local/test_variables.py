"""The variables with which packages and base images are downloaded."""

from pnodes.local.variables import for_installing

PROXIES = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "localhost"}


def test_downloads_use_the_user_s_environment() -> None:
    assert for_installing({**PROXIES, "HOME": "/h"}) == {**PROXIES, "HOME": "/h"}


def test_named_variables_are_omitted() -> None:
    left_out = {"PNODES_INSTALL_WITHOUT": "HTTPS_PROXY,NO_PROXY"}
    assert for_installing({**PROXIES, **left_out, "HOME": "/h"}) == {**left_out, "HOME": "/h"}
