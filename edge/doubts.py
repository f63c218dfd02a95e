"""What a config may say, and its writer hardly meant."""

from collections.abc import Collection, Iterator, Mapping

from edge.config import Config
from edge.grading.reach import warnings_for
from edge.grading.rules import nearest
from edge.grading.rules_file import RulesFile


def doubts(config: Config, classes: Collection[str], rules: RulesFile | None) -> Iterator[str]:
    """One sentence each, with the key; `classes` are the bundle's defects."""
    block, server = config.deliver.plc_block, config.deliver.opcua_server
    yield from _strangers("class_codes", block.class_codes, "bundle has no class", classes)
    severities = rules.rules.severities if rules else ()
    yield from _strangers(
        "severity_codes", block.severity_codes, "rules have no severity", severities
    )
    if rules:
        coil_m = None if config.mill else config.coils.length_m
        for warning in warnings_for(rules.rules, config.coils.width_mm, coil_m):
            yield f"grading: {warning}"
    if server and server.trusted and not server.trusted.is_dir():
        yield (
            f"deliver.opcua_server.trusted: there is no folder {server.trusted}, so no client can"
            " connect securely; `stripsight-edge opcua trust` puts certificates there"
        )


def _strangers(
    key: str, codes: Mapping[str, int], lacks: str, known: Collection[str]
) -> Iterator[str]:
    """Words with a code that are never told, and those told without one."""
    where = f"deliver.plc_block.{key}"
    for name in codes:
        if name not in known:
            yield f"{where}: the {lacks} {name!r}{nearest(name, known) if known else ''}"
    if codes and (left := [name for name in known if name not in codes]):
        yield f"{where}: the PLC sees 0 for {', '.join(left)}"
