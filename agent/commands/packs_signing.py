"""``iocsweep packs keygen``, ``sign`` and ``verify``; and the keys that a sweep pins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..exit_codes import CLEAN, FAILED, CannotRun
from ..options import Options
from ..output.atomic import write_new
from ..output.plain import plain
from ..output.say import say, tell
from ..packs.built_in import EXCLUSIONS
from ..packs.document import MAX_PACK_BYTES, PackError, is_pack, read_yaml
from ..packs.loading import holds_rules, parse_exclusions, parse_pack
from ..packs.signature import (
    beside,
    is_signature,
    signature_of,
    signature_of_rules,
    verified,
)
from ..signing.keys import PrivateKey, PublicKey, new_key, read_private_key, read_public_keys
from ..sources.catalog import NAMES
from .replacing import why_not, write_or_replace

if TYPE_CHECKING:
    from ..engine.rule_files import Vouched

RULES = (".yar", ".yara")
"""How files of YARA rules end."""
PUBLIC = ".pub"
"""How the file of the public half of a new key ends."""


def pack_keys(options: Options) -> Sequence[PublicKey]:
    """Those of ``--pack-key``. Raises KeyFileError."""
    return () if options.pack_key is None else read_public_keys(options.pack_key)


def signed_rules(keys: Sequence[PublicKey]) -> Vouched | None:
    """What refuses each file of ``--rules`` that none of the keys signed, by a PackError; None: no
    key is pinned."""
    if not keys:
        return None

    def vouched(path: Path, data: bytes) -> None:
        verified(path, data, keys)

    return vouched


def about_signatures(options: Options) -> int:
    """The exit code. Raises KeyFileError."""
    if options.action == "keygen":
        assert options.out is not None
        return _make(options.out)
    if options.action == "sign":
        assert options.key is not None
        key = read_private_key(options.key)
        # All of them, whatever becomes of one.
        done = [_sign(Path(path), key, force=options.force) for path in options.paths]
        return CLEAN if all(done) else FAILED
    keys = [key for path in options.public_keys for key in read_public_keys(path)]
    done = [_verify(Path(path), keys) for path in options.paths]
    return CLEAN if all(done) else FAILED


def _make(path: Path) -> int:
    """Neither file replaces one; without the public one the other is of no use and goes."""
    key, public = new_key(), path.with_name(path.name + PUBLIC)
    written: list[Path] = []
    try:
        for file, text in ((path, key.pem()), (public, key.public.pem())):
            write_new(file, text.encode("ascii"))
            written.append(file)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        file = public if written else path
        there = isinstance(error, FileExistsError)
        say(f"{file}: {'is there already' if there else plain(error)}")
        return FAILED
    tell(f"key {key.public.id}: {path} signs, {public} verifies")
    return CLEAN


def _sign(path: Path, key: PrivateKey, *, force: bool) -> bool:
    """Only what a sweep would load."""
    sig = beside(path)
    try:
        data = read_yaml(path)
        if _is_rules(path, data):
            _check_rules(path, data)
            made = signature_of_rules(data, key)
        else:
            _check(path, data)
            made = signature_of(str(path), data, key)
        write_or_replace(sig, made, is_signature, replaces=force)
    except CannotRun as error:
        say(str(error))
    except FileExistsError:
        say(why_not(sig, is_signature, "signature of a pack"))
    except OSError as error:
        say(f"{sig}: could not be written: {plain(error)}")
    else:
        tell(f"{sig}: signed by the key {key.public.id}")
        return True
    return False


def _is_rules(path: Path, data: bytes) -> bool:
    if path.name == EXCLUSIONS or is_pack(data):
        return False
    return path.suffix.lower() in RULES or holds_rules(data)


def _check_rules(path: Path, data: bytes) -> None:
    """Raises PackError, RulesError: nothing in it runs, by itself or with what it includes."""
    from ..engine.rule_files import load_rules

    if len(data) > MAX_PACK_BYTES:
        raise PackError(f"{path}: larger than {MAX_PACK_BYTES} bytes; sign it in parts")
    loaded = load_rules([path])
    for rule in loaded.unfit:
        say(f"left out of every sweep: {rule.message}")
    if not loaded.rules:
        raise PackError(f"{path}: no rule in it can run")


def _check(path: Path, data: bytes) -> None:
    """Raises PackError: neither a pack nor exclusions."""
    if path.name == EXCLUSIONS:
        parse_exclusions(data, str(path), NAMES)
    else:
        parse_pack(data, str(path), sources=NAMES)


def _verify(path: Path, keys: Sequence[PublicKey]) -> bool:
    try:
        key = verified(path, read_yaml(path), keys)
    except PackError as error:
        say(str(error))
        return False
    tell(f"{path}: as it was signed by the key {key.id}")
    return True
