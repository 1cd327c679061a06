"""Images of memory that were given, searched as bytes: texts of the packs, and command lines.

Evidence: raw images, LiME, crash dumps and minidumps of Windows, ELF cores of QEMU, read whole.
Each place of a text is a mention, with its byte and, where the form tells it, its address; around
it the text is carved as far as it goes, and one that names a program and what it is told is called
a command line. Since: any system. It decides no verdict by itself: nobody knows what a text in
memory belongs to.

Cannot tell: which processes there were, what they had loaded, and whom they talked to: that needs
the symbols of the very kernel (Volatility 3's are not part of this program). Pages that were paged
out, or that Windows compressed; text that is cut by pages that do not lie side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ...coverage import Ledger, Part
from ...formats.memory_image import CORE, CRASH, LIME, RAW
from ...matching.matcher import Matcher
from ...model.observation import Observation, Place
from ...reading.opening import reason_of
from ...targets import MemoryBytes, Target
from .carving import is_command_line, text_around
from .look import RAW as NOBODY_KNOWS
from .look import Named, RawLook, until
from .reading import in_pieces
from .stands import Stands

NONE_GIVEN = "no image of memory was given"
COMPRESSED = "pages that the system compressed in memory, or paged out, are not in the clear"
NO_PROCESSES = "searched as bytes; no list of processes, modules or connections is made of it"
OWN_RULES = "the operator's rules are not asked of raw bytes"
_OF_MACHINES = frozenset({RAW, LIME, CRASH, CORE})


class MemoryImagesSource:
    """Searches the images that a target has."""

    name = "memory_image"

    def __init__(
        self, *, progress: Callable[[str], None] = lambda _: None, kept: Path | None = None
    ) -> None:
        """``progress``: is told each image, again while it is read, and may raise to end it.
        ``kept``: a folder of our own for how far it came, for the next sweep."""
        self._progress = progress
        self._kept = kept

    def required(self, target: Target) -> bool:
        """Where there is nothing else of the host."""
        return target.is_memory_alone

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each place of each text."""
        if not target.memories:
            ledger.note(NONE_GIVEN)
        elif matcher.own_rules is not None:
            ledger.note(OWN_RULES)
        stands = Stands(self._kept, matcher.indicators, target.now)
        for image in target.memories:
            part = ledger.part(image.path)
            part.tells = True
            try:
                yield from self._image(image, RawLook(target, matcher, ledger), part, stands)
            except OSError as error:
                part.unread(f"memory image: {reason_of(error)}", image.path)
        if stands.problem:
            ledger.note(f"how far it came could not be kept: {stands.problem}")

    def _image(
        self, image: MemoryBytes, look: RawLook, part: Part, stands: Stands
    ) -> Iterator[Observation]:
        """Raises OSError."""
        self._progress(image.path)
        form = image.form
        part.note(NO_PROCESSES)
        for note in form.notes:
            part.note(note)
        for why in form.lacking:
            part.unread(why)
        if form.kind in _OF_MACHINES:
            part.unread(COMPRESSED)

        def address(byte: int) -> str:
            found = form.addresses.of(byte)
            return "" if found is None else f"{form.space} address {found:#x}"

        named = Named(
            self.name,
            "memory image",
            Place(text=image.name, path=image.name),
            (f"{form.kind}: {NOBODY_KNOWS}",),
            address,
            text_around,
            is_command_line,
        )
        standing = stands.of(image.path, (form.kind, image.path, image.state), image.size)
        pieces = in_pieces(
            image.read_at, image.size, part, lambda: self._progress(image.path), until(standing)
        )
        yield from look.searched(pieces, part, named, standing)
        part.examined()


__all__ = ["COMPRESSED", "NONE_GIVEN", "NO_PROCESSES", "MemoryImagesSource"]
