"""A bundle on every backend of this machine, as a table."""

from contract.bundle import Bundle
from contract.errors import BundleError, ConfigError
from runtime.engine import BATCH_SIZES
from runtime.engine_cache import engine_cache
from runtime.factory import BACKENDS, open_backend
from runtime.golden import compare
from runtime.graph import check_graph

HEAD = f"{'backend':<12} {'difference':>10} {'limit':>7} {'labels agree':>13} {'limit':>7}"


def check_bundle(bundle: Bundle) -> tuple[list[str], list[str]]:
    """Run the golden tiles everywhere.

    Returns:
        The table's lines, and the backends that broke a limit.

    Raises:
        BundleError: the graph or the golden tiles are refused.
        ConfigError: no backend is installed.
    """
    model = bundle.model.read_bytes()
    check_graph(model, bundle.card)
    lines, failed, ran = [HEAD], [], 0
    for name in BACKENDS:
        try:
            line, passed = _run(bundle, model, name)
        except ConfigError as error:
            lines.append(f"{name:<12} not run: {error}")
            continue
        ran += 1
        lines.append(line)
        if not passed:
            failed.append(name)
    if ran == 0:
        raise ConfigError('no inference backend is installed; pip install "stripsight[cpu]"')
    return lines, failed


def _run(bundle: Bundle, model: bytes, name: str) -> tuple[str, bool]:
    golden, limits = bundle.golden(), bundle.card.golden_limits
    try:
        backend = open_backend(
            name, model, bundle.card.precision, 0, engine_cache(bundle, None, BATCH_SIZES)
        )
        found = compare(backend.infer(golden.pixels)[0], golden.probabilities)
    except BundleError as error:
        return f"{name:<12} {error}", False
    passed = found.within(limits)
    line = (
        f"{name:<12} {found.max_probability_difference:>10.5f}"
        f" {limits.max_probability_difference:>7g} {found.label_agreement:>13.2%}"
        f" {limits.min_label_agreement:>7.2%}  {'passed' if passed else 'FAILED'}"
    )
    return line, passed
