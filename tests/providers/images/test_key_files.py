"""Keys are found by file name and by content; harmless files pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from providers.images.key_files import find_key

PUBLIC, SECRET = "ABCDEFGHIJKLMNOP" * 2, "ABCDEFGHIJKLMN01" * 4
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        (".env", "", "a key file, by its name"),
        ("sub/.env.local", "", "a key file, by its name"),
        (".env.production", "", "a key file, by its name"),
        ("prod.env", "", "a key file, by its name"),
        ("conf/numerai.env", "", "a key file, by its name"),
        ("id_ed25519", "", "a key file, by its name"),
        ("application_default_credentials.json", "", "a key file, by its name"),
        (".numerai/nodes.json", "{}", "in .numerai, a folder for keys"),
        (".aws/credentials", "", "in .aws, a folder for keys"),
        ("tls/server.pem", PEM, "a private key"),
        ("server.key", f"text before\n{PEM}", "a private key"),
        (
            "sa.json",
            '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----"}',
            "the key of a Google service account",
        ),
        ("predict.py", f'napi = NumerAPI("{PUBLIC}", "{SECRET}")\n', "a Numerai API key"),
        ("predict.py", f"napi = NumerAPI('{PUBLIC}',\n  secret_key='{SECRET}')\n", "a Numerai API key"),
        ("run.sh", f"export NUMERAI_SECRET_KEY={SECRET}\n", "a Numerai API key"),
        ("config.yaml", f"numerai_secret: {SECRET}\n", "a Numerai API key"),
        ("notebook.ipynb", f'"source": ["secret_key = \\\\"{SECRET}\\\\""]', "a Numerai API key"),
        ("keys.py", f'SECRET_ID: str = "{SECRET}"\n', "a Numerai API key"),
        ("large.ipynb", f'"{"0" * 2**20}"\nsecret = "{SECRET}"\n', "a Numerai API key"),
        ("Dockerfile", f"ENV NUMERAI_SECRET_KEY={SECRET}\n", "a Numerai API key"),
    ],
)
def test_keys_are_found(tmp_path: Path, path: str, text: str, what: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    key = find_key(tmp_path, path)
    assert key is not None
    assert key.startswith(what)
    assert SECRET not in key


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".env.example", f"NUMERAI_SECRET_KEY={'X' * 10}"),
        (".env.template", ""),
        ("example.env", ""),
        ("node-sample.env", ""),
        (".envrc.md", ""),
        ("environment.env.py", ""),
        ("cacert.pem", "-----BEGIN CERTIFICATE-----\nMII\n"),
        ("keys.py", "secret_key = os.environ['NUMERAI_SECRET_KEY']\n"),
        ("credentials", "none"),
        ("nodes.json", "{}"),
        ("sa.json", '{"type": "service_account", "client_email": "x"}'),
        ("sums.txt", f"secret: {'0123456789ABCDEF' * 4}\n"),  # a checksum
        ("text.md", f"{'A' * 32} {SECRET}\n"),
        ("model.bin", f"secret_key={SECRET}"),
    ],
)
def test_harmless_files_pass(tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path).write_text(text)
    assert find_key(tmp_path, path) is None


def test_links_and_folders_are_not_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.pem").symlink_to("/nowhere")
    (tmp_path / "models").mkdir()
    assert find_key(tmp_path, "keys.pem") is None
    assert find_key(tmp_path, "models/") is None
