"""numerai-cli's API keys as secrets of the selected stack: everything is looked at first (`prepare`), then both are set
or neither. What is set already stays."""

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
    """What `run` will do: set these secrets, or only say why not. Its text shows no key."""

    what: str
    folder: Path
    settings: StackSettings | None = None
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    done: list[str] = field(default_factory=list)

    def wants(self, setting: str) -> bool:
        """Whether a person has to set this still, as far as is known."""
        try:
            return not (self.settings or StackSettings(self.folder)).has(setting)
        except UserError:
            return True

    def run(self) -> dict[str, str | bool]:
        """Set the secrets; all of them, or none."""
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
        """Remove what was set."""
        while self.done:
            assert self.settings is not None
            self.settings.remove(self.done.pop())


def prepare(file: Path, folder: Path, account: str | None, wanted: bool) -> Move:
    """Look at the keys in numerai-cli's file and at the stack that is selected in the project's folder."""
    place = project.shorten_path(file)
    if not wanted:
        what = f"left in {place}. With a stack of your own selected, `pnodes import --only-keys` moves them there."
        return Move(what, folder)
    try:
        found = keys_file.read(file)
    except WrongFile as error:
        raise UserError(f"{error} `--no-keys` goes on without them.", 2) from None
    try:
        settings = StackSettings(folder)
    except UserError as error:
        raise UserError(
            f"The API keys have nowhere to go: {error} Select a stack of your own (pulumi stack init live), or leave "
            "them where they are with --no-keys."
        ) from None
    called = name_keys(account)
    both = (called.public_id, called.secret)
    there = [name for name in both if settings.has(name)]
    if len(there) == 1:
        missing = next(name for name in both if name not in there)
        raise UserError(
            f"The stack {settings.stack} has {there[0]} but no {missing}, and halves of two pairs do not fit. Remove "
            f"it (pulumi config rm {there[0]}) and both come from {place}; or set the other one yourself (pulumi "
            f"config set --secret {missing}) and import with --no-keys."
        )
    if there:
        return Move(
            f"left in {place}: the stack {settings.stack} has {' and '.join(there)} already. To change them: "
            f"pulumi config set --secret {there[0]}.",
            folder,
            settings,
        )
    secrets = {called.public_id: found.keys.public_id, called.secret: found.keys.secret}
    what = (
        f"{called.public_id} and {called.secret} are encrypted in the configuration of the stack {settings.stack} now. "
        f"{place} still holds them, for numerai-cli: remove it with the last of its nodes."
    )
    return Move(what, folder, settings, secrets)
