"""`MODEL_CARD.md`: the bundle for people."""

import shlex
from collections.abc import Mapping, Sequence

from contract.card import Metric, ModelCard, ScreenCard
from training.markdown import markdown_table
from training.networks.deployed import Views
from training.operating import OperatingPoint

TITLES = {"accuracy": "accuracy", "macro_f1": "macro F1", "gmean": "Gmean of recalls",
          "ece": "expected calibration error",
          "false_alarms": "clean tiles reported: false alarms",
          "defects_reported": "defects reported, under whatever name"}  # fmt: skip

_VIEWS: dict[Views, str] = {
    1: "",
    2: "* views: the mean over a tile and its mirror image\n",
    4: "* views: the mean over a tile and its three mirror images\n",
}
OPERATING = """\
The network learned from pictures in which defects are far more common than on the line, and some
mistakes cost more than others. Its output is therefore shifted, inside the graph, to the shares in
the table, and each defect is weighed by what missing it costs beside a false alarm; whatever defect
is the most probable class then is reported. So:

* The probabilities are those of the line where all costs are 1. A class with a higher (lower) cost
  shows a higher (lower) number than its true chance: it is the number to act on, not a frequency.
* The figures below were measured at the test pictures' own balance. A shift towards clean costs
  recall there and pays on the line, where most tiles are clean.
* If the shares or costs change, change `operating` in the settings and train again."""


def model_card(
    card: ModelCard, commands: Sequence[Sequence[str]], parts: Mapping[str, int],
    *, temperature: float, views: Views = 1, point: OperatingPoint | None = None,
    extra: Sequence[str] = (),
) -> str:  # fmt: skip
    """Markdown from the card; `commands` made the bundle, `parts` counts the images of each,
    `extra` are folders of migrated images that it also learned from, the rest is what the run built
    into the graph.
    """
    sections = [
        _what(card, temperature, views),
        _classes(card),
        *_operating(card, point),
        _figures(card),
        _parity(card),
        _data(card, parts, extra),
        _commands(commands),
        _limits_of_use(card),
        _tools(card),
    ]
    return "\n\n".join(sections) + "\n"


def _what(card: ModelCard, temperature: float, views: Views) -> str:
    scale = "not stated" if card.mm_per_px is None else f"{card.mm_per_px:g} mm per pixel"
    return (
        f"# {card.label}\n\n"
        "Names the defect on a tile of steel strip. A ResNet34 student, exported as one ONNX graph:"
        " raw 8-bit grey levels in, probabilities and an embedding out; normalisation, temperature"
        " and softmax are inside.\n\n"
        f"* precision: {card.precision}\n"
        f"* tile: {card.tile_px} px of the training pictures, scaled to {card.input_px} px\n"
        f"{_VIEWS[views]}"
        f"* temperature: {temperature:.3f}, found on the validation part; the logits are"
        " divided by it\n"
        f"* scale of the training pictures: {scale}, tolerance {card.scale_tolerance:.0%}\n"
        f"* made: {card.created:%Y-%m-%d %H:%M} UTC"
    )


def _classes(card: ModelCard) -> str:
    rows = [
        [name, "no defect" if name in card.classes.clean else f"{card.thresholds[name]:.3f}"]
        for name in card.classes.names
    ]
    note = f"Class list digest: `{card.class_digest}`"
    head = ["class", "reported from probability"]
    return f"## Classes\n\n{markdown_table(head, rows)}\n\n{note}"


def _operating(card: ModelCard, point: OperatingPoint | None) -> list[str]:
    if point is None:
        return []
    rows = []
    for name in card.classes.names:
        cost = point.missed_cost.get(name)
        missed = "-" if cost is None else f"{cost / point.false_alarm_cost:g}"
        trained, line = point.training_balance[name], point.line_frequencies[name]
        rows.append([name, f"{100 * trained:.3g}", f"{100 * line:.3g}", missed])
    head = ["class", "% in training", "% on the line", "a missed one costs (false alarms)"]
    return [f"## Operating point\n\n{OPERATING}\n\n{markdown_table(head, rows)}"]


def _figures(card: ModelCard) -> str:
    rows = [_figure(TITLES.get(name, name), metric) for name, metric in card.metrics.items()]
    rows += [_figure(f"recall of {name}", metric) for name, metric in card.recall.items()]
    head = ["figure", "%", "95 % interval", "images"]
    return f"## Figures\n\nMeasured on {card.metrics_on}.\n\n{markdown_table(head, rows)}"


def _figure(title: str, metric: Metric) -> list[str]:
    span = "-"
    if metric.low is not None and metric.high is not None:
        span = f"{100 * metric.low:.1f} to {100 * metric.high:.1f}"
    return [title, f"{100 * metric.value:.1f}", span, str(metric.images)]


def _parity(card: ModelCard) -> str:
    rows = [
        [
            result.backend,
            result.reference,
            f"{result.max_probability_difference:.2g}",
            f"{result.limits.max_probability_difference:g}",
            f"{result.label_agreement:.2%}",
            f"{result.limits.min_label_agreement:.2%}",
        ]
        for result in card.parity
    ]
    head = ["backend", "against", "largest difference", "limit", "labels agree", "limit"]
    golden = card.golden_limits
    return (
        f"## Parity\n\n{markdown_table(head, rows)}\n\nAt every load the golden tiles may differ by"
        f" {golden.max_probability_difference:g} at most, and"
        f" {golden.min_label_agreement:.0%} of their labels must agree."
    )


def _data(card: ModelCard, parts: Mapping[str, int], extra: Sequence[str]) -> str:
    counts = ", ".join(f"{count} {part}" for part, count in parts.items())
    text = f"## Data\n\n{counts} images. Digest: `{card.training_data_digest}`"
    if extra:
        folders = ", ".join(f"`{folder}`" for folder in extra)
        text += f"\n\nIt also learned from another line's defects, migrated: {folders}"
    return text


def _commands(commands: Sequence[Sequence[str]]) -> str:
    lines = "\n".join(shlex.join(command) for command in commands)
    return f"## Commands that made it\n\n```sh\n{lines}\n```"


def _limits_of_use(card: ModelCard) -> str:
    limits = [
        "It knows the classes above and nothing else: another defect is given the nearest name.",
        "Its figures hold for pictures like the training data (camera, light, steel, scale).",
        "Measure again on your own line before relying on it.",
    ]
    if not card.classes.clean:
        limits.append(
            "It has no class for clean strip, so it names a defect on every tile; the line refuses"
            " it unless `allow_no_clean_class` is set."
        )
    if card.mm_per_px is None:
        limits.append("The scale of its training pictures is not known, so nothing is rescaled.")
    return "## Limits of use\n\n" + "\n".join(f"* {limit}" for limit in limits)


def _tools(card: ModelCard) -> str:
    rows = [[*pair] for pair in card.tools.items()]
    return f"## Tools\n\n{markdown_table(['tool', 'version'], rows)}"


SCREEN = "## Screen"


def with_screen(text: str, screen: ScreenCard, command: Sequence[str]) -> str:
    """A card for people with the screen's section at its end, in the place of an earlier one."""
    before = text.partition(f"\n{SCREEN}\n")[0].rstrip("\n")
    clean, odds = screen.clean_screened, f"{screen.confidence:.0%}"
    rows = []
    for name, rate in screen.calibration.items():
        held = screen.held_out.get(name)
        checked = f"{held.missed} of {held.defects}" if held else "-"
        bound = f"{100 * rate.bound:.2f}"
        rows.append([name, f"{rate.missed} of {rate.defects}", bound, checked])
    head = ["class", "missed", f"at most, % ({odds})", "missed on held-out coils"]
    return (
        f"{before}\n\n{SCREEN}\n\n"
        f"With `inspect.screen: true` tiles whose suspicion is below {screen.threshold:.3f} are"
        " called clean without the network and counted as `screened`. On strip like that of the"
        f" calibration it keeps at most {100 * screen.wanted:g} % of the defects of each class from"
        f" the network: for each class by itself this is true with {odds} confidence. What the"
        " network then misses comes on top. The bound says nothing of other steel, light or"
        " cameras; calibrate again there.\n\n"
        f"{markdown_table(head, rows)}\n\n"
        "One defect of a class and coil counts, and it is missed when the tile that shows most of"
        f" it is screened. Of tiles without a defect {100 * clean.value:.1f} % are screened"
        f" ({clean.images} tiles of held-out coils). Calibrated {screen.created:%Y-%m-%d} on"
        f" {screen.data}, digest `{screen.data_digest}`:\n\n"
        f"```sh\n{shlex.join(command)}\n```\n"
    )
