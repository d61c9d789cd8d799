"""Copies the API keys of numerai-cli to secrets of the selected stack: `prepare` checks everything, then `Move.run`
sets both keys or neither. Existing secrets stay unchanged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pnodes import project
from pnodes.deployed.stack_settings import StackSettings
from pnodes.errors import UserError
from pnodes.migrate import keys_file
from pnodes.migrate.nodes_json import WrongFile
from providers.numerai.keys import name_keys


@dataclass
class Move:
    """The secrets that `run` will set, if any, and a text about the result, which contains no key."""

    what: str
    folder: Path
    settings: StackSettings | None = None
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    done: list[str] = field(default_factory=list)

    def lacks(self, setting: str) -> bool:
        """Whether the stack lacks a setting, or cannot be read."""
        try:
            return not (self.settings or StackSettings(self.folder)).has(setting)
        except UserError:
            return True

    def run(self) -> dict[str, str | bool]:
        """Set all of the secrets, or none."""
        for name, value in self.secrets.items():
            assert self.settings is not None
            try:
                self.settings.set_secret(name, value)
            except BaseException:
                self.undo()
                raise
            self.done.append(name)
        return {"moved": bool(self.secrets), "what": self.what}

    def undo(self) -> None:
        """Remove the secrets that `run` has set."""
        while self.done:
            assert self.settings is not None
            self.settings.remove(self.done.pop())


def prepare(file: Path, folder: Path, account: str | None, wanted: bool) -> Move:
    """Check the keys in numerai-cli's file and the stack that is selected in the project folder. Raises UserError."""
    place = project.shorten_path(file)
    if not wanted:
        what = f"left in {place}. Select a stack of your own and run `pnodes import --only-keys` to copy them to it."
        return Move(what, folder)
    try:
        keys = keys_file.read(file)
    except WrongFile as error:
        raise UserError(f"{error} Use --no-keys to import without them.", 2) from None
    try:
        settings = StackSettings(folder)
    except UserError as error:
        raise UserError(
            f"The API keys cannot be stored: {error} Select a stack of your own (pulumi stack init live), or leave the "
            "keys where they are with --no-keys."
        ) from None
    pair = name_keys(account)
    both = (pair.public_id, pair.secret)
    existing = [name for name in both if settings.has(name)]
    if len(existing) == 1:
        missing = next(name for name in both if name not in existing)
        raise UserError(
            f"The stack {settings.stack} has {existing[0]} but no {missing}; the two must belong together. Remove "
            f"{existing[0]} (pulumi config rm {existing[0]}) to import both from {place}, or set {missing} yourself "
            f"(pulumi config set --secret {missing}) and import with --no-keys."
        )
    if existing:
        return Move(
            f"left in {place}: the stack {settings.stack} already has {' and '.join(existing)}. To change them: "
            f"pulumi config set --secret {existing[0]}.",
            folder,
            settings,
        )
    secrets = {pair.public_id: keys.public_id, pair.secret: keys.secret}
    what = (
        f"{pair.public_id} and {pair.secret} are now encrypted in the configuration of the stack {settings.stack}. "
        f"{place} still contains them for numerai-cli: remove it with the last of its nodes."
    )
    return Move(what, folder, settings, secrets)
