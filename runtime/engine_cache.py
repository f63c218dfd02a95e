"""Where TensorRT engines lie: one folder for each bundle, device and set of library versions.

An engine is a network compiled for one GPU by one TensorRT; with any other it is refused or built
again, which takes minutes. So all of it is in the folder's name, and the folder is only used when
its seal says the same in full.
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from contract.bundle import Bundle

FOLDER = "engines"
SEAL = "engine.json"
_SHORT = 16


class MadeWith(NamedTuple):
    """What an engine depends on beside its bundle."""

    device: str
    capability: str
    """Compute capability, as 9.0."""
    onnxruntime: str
    tensorrt: str
    cuda: str
    """The newest CUDA that the driver knows."""


class EngineCache(NamedTuple):
    """The engines of one bundle."""

    root: Path
    bundle: Path
    digest: str
    """Of the bundle's manifest, SHA-256 in hex."""
    input_px: int
    sizes: tuple[int, ...]
    """Numbers of tiles that it is made for, ascending."""

    def folder(self, made_with: MadeWith) -> Path:
        """The engine's own folder below the root."""
        device, capability, *versions = (_plain(word) for word in made_with)
        libraries = (f"{n}{v}" for n, v in zip(("ort", "trt", "cuda"), versions, strict=True))
        tiles = "-".join(map(str, self.sizes))
        words = (self.digest[:_SHORT], device, f"sm{capability}", *libraries, f"n{tiles}")
        return self.root / "-".join(words)

    def is_built(self, made_with: MadeWith) -> bool:
        """Whether a sealed engine for exactly this lies there."""
        try:
            found = json.loads((self.folder(made_with) / SEAL).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(found == self._seal(made_with))

    @contextmanager
    def draft(self, made_with: MadeWith) -> Iterator[Path]:
        """A folder to build in, sealed and put into its place when the block ends well."""
        folder = self.folder(made_with)
        draft = folder.with_name(folder.name + ".partial")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            yield draft
            (draft / SEAL).write_text(json.dumps(self._seal(made_with), indent=1) + "\n", "utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
        finally:
            with suppress(OSError):
                shutil.rmtree(draft)

    def _seal(self, made_with: MadeWith) -> dict[str, object]:
        return {"digest": self.digest, "sizes": list(self.sizes), **made_with._asdict()}


def engine_cache(bundle: Bundle, root: Path | None, sizes: Sequence[int]) -> EngineCache:
    """The cache of a bundle; without a root it is the folder `engines` beside the bundle's."""
    return EngineCache(
        root=root or bundle.path.absolute().parent / FOLDER,
        bundle=bundle.path,
        digest=bundle.digest,
        input_px=bundle.card.input_px,
        sizes=tuple(sorted(set(sizes))),
    )


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", word.lower()).strip("_")
