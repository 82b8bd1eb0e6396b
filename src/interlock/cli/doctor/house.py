"""The repository around the working directory: what of Interlock is set up, runs and is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlock.cli.doctor.findings import Check, Standing
from interlock.core.model import EnvironmentSpec, WorkflowSpec
from interlock.errors import InterlockError, NotFoundError
from interlock.ports.confinement import Level
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout, repository_root

__all__ = ["House", "look"]

_ORDER = list(Level)


@dataclass(slots=True)
class House:
    """What was found, as JSON and as checks."""

    document: dict[str, Any]
    checks: list[Check] = field(default_factory=list)


def look(start: Path, here: Level) -> House | None:
    """The house that ``start`` lies in; ``None`` outside of a repository.

    Args:
        here: the level that this machine reaches.
    """
    try:
        root = repository_root(start)
    except NotFoundError:
        return None
    house = House({"repository": str(root), "state": None, "server": None, "environment": None})
    try:
        layout = Layout.of(root)
        house.document["state"] = str(layout.root)
        house.checks += _private(layout)
        with closing(PeopleClient(f"unix:{layout.people_socket}")) as server:
            about = _about(layout, server)
            house.document["server"] = about
            house.checks += _server(about, here)
            from interlock.cli.at_head import load_at_head

            workflow = load_at_head(root).workflow
            in_use = Level(about["level"]) if about else here
            house.checks += _required(workflow, in_use)
            house.checks.append(
                _environment(house, layout, workflow.environment, server if about else None)
            )
    except InterlockError as error:
        says = f"{error.message.rstrip('.')}."
        found = Check(id="house", standing=Standing.FINDING, says=says, remedy=error.remedy)
        house.checks.append(found)
    except ModuleNotFoundError:
        pass  # said where the machine's packages are looked at
    return house


def _private(layout: Layout) -> Iterator[Check]:
    """Secrets that others can read are no secrets."""
    looked_at = (layout.keys, *sorted(layout.keys.glob("*")), layout.audit, layout.run)
    opened = [path for path in looked_at if path.exists() and path.stat().st_mode & 0o077]
    if opened:
        names = " ".join(map(str, opened))
        yield Check(
            id="state-is-private",
            standing=Standing.FINDING,
            says=f"Others can read {names}.",
            remedy=f"chmod go= {names}",
        )
    else:
        says = f"Keys and records in {layout.root} are for their owner alone."
        yield Check(id="state-is-private", standing=Standing.OK, says=says)


def _about(layout: Layout, server: PeopleClient) -> dict[str, Any] | None:
    """What the running server says of itself; ``None`` if none answers."""
    if not layout.people_socket.exists():
        return None
    try:
        about = server.about()
    except InterlockError:
        return None
    return {key: about[key] for key in ("level", "reasons", "notices")}


def _server(about: dict[str, Any] | None, here: Level) -> Iterator[Check]:
    if about is None:
        yield Check(
            id="server-runs",
            standing=Standing.NOTE,
            says="No server runs for this repository.",
            remedy="interlock up",
        )
        return
    level = Level(about["level"])
    if _ORDER.index(level) > _ORDER.index(here):
        yield Check(
            id="level-in-use",
            standing=Standing.FINDING,
            says=f"The server uses {level.value}, and this machine reaches {here.value}.",
            remedy="interlock down && interlock up",
        )
    else:
        says = f"A server runs; its sessions get {level.value}."
        yield Check(id="level-in-use", standing=Standing.OK, says=says)
    for notice in about["notices"]:
        yield Check(id="settings", standing=Standing.NOTE, says=f"{notice}.")


def _required(workflow: WorkflowSpec, in_use: Level) -> Iterator[Check]:
    wanted = Level(workflow.required_confinement)
    if _ORDER.index(in_use) > _ORDER.index(wanted):
        yield Check(
            id="required-level",
            standing=Standing.FINDING,
            says=f"The workflow asks for {wanted.value} and gets {in_use.value}: "
            "no task can start.",
            remedy="Do what is said above for the stronger level.",
        )


def _environment(
    house: House, layout: Layout, recipe: EnvironmentSpec | None, server: PeopleClient | None
) -> Check:
    """Whether gates that run tests can open."""
    from interlock.server.trustfile import is_trusted

    shut = "gates that run tests stay shut"
    if recipe is None:
        return Check(
            id="environment",
            standing=Standing.FINDING,
            says=f"The workflow does not say how the tests' environment is built: {shut}.",
            remedy="Add environment: to agent_workflow.yaml; interlock init proposes one.",
        )
    trusted: bool | None = is_trusted(layout, recipe) or None
    if server is not None and trusted is None:
        trusted = bool(server.trusted()["trusted"])
    built = len(list((layout.root / "env").glob("*/ready.json")))
    setup = list(recipe.setup)
    house.document["environment"] = {"setup": setup, "trusted": trusted, "built": built}
    if trusted:
        how = f"{built} built so far" if built else "it is built when a task needs it"
        says = f"The recipe of the tests' environment is trusted; {how}."
        return Check(id="environment", standing=Standing.OK, says=says)
    if trusted is None:
        return Check(
            id="environment",
            standing=Standing.NOTE,
            says="Only a running server knows whether the environment's recipe is trusted.",
            remedy="interlock up",
        )
    return Check(
        id="environment",
        standing=Standing.FINDING,
        says=f"Nobody has trusted the commands that build the tests' environment: {shut}.",
        remedy="interlock trust",
    )
