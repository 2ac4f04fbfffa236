"""What a terminal would show: characters and their styles in cells, from the bytes the console writes.

Knows the sequences that Textual uses: cursor moves, erasing, styles, and the rest to be skipped.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b\[(?P<private>[?<>=]?)(?P<params>[0-9;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]",
    re.DOTALL,
)
# A sequence that is not whole yet stays until its rest comes; longer than this, it never was one.
_LONGEST = 1 << 20


class Screen:
    """`cells[row][column]` is (character, style); style is the SGR parameters in effect, as they came."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns = columns
        self.lines = lines
        self.row = 0
        self.column = 0
        self._style = ""
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.cells = [[(" ", "")] * columns for _ in range(lines)]

    def feed(self, data: bytes) -> None:
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _SEQUENCE.match(text, at)
                if found is None and len(text) - at < _LONGEST:
                    self._rest = text[at:]
                    return
                if found is not None:
                    self._obey(found)
                    at = found.end()
                    continue
            end = text.find("\x1b", at + 1)
            end = len(text) if end < 0 else end
            self._write(text[at:end])
            at = end

    def text(self) -> list[str]:
        """The lines as they can be read; the second half of a wide character is left out."""
        return ["".join(char for char, _ in row) for row in self.cells]

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.text())

    def where(self, text: str) -> tuple[int, int] | None:
        """Row and column of the first cell of `text`, or None."""
        for number, line in enumerate(self.text()):
            column = line.find(text)
            if column >= 0:
                return number, column
        return None

    def style(self, row: int, column: int) -> str:
        return self.cells[row][column][1]

    def _obey(self, found: re.Match[str]) -> None:
        final = found["final"]
        if final is None or found["private"]:
            return
        if final == "m":
            params = found["params"]
            fresh = params in ("", "0") or params.startswith("0;")
            self._style = params if fresh or not self._style else f"{self._style};{params}"
            return
        numbers = [int(n) if n.isdigit() else 0 for n in found["params"].split(";")]
        count = max(1, numbers[0])
        if final in "Hf":
            self.row = min(self.lines, max(1, numbers[0])) - 1
            self.column = min(self.columns, max(1, numbers[1] if len(numbers) > 1 else 1)) - 1
        elif final == "A":
            self.row = max(0, self.row - count)
        elif final == "B":
            self.row = min(self.lines - 1, self.row + count)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif final == "D":
            self.column = max(0, self.column - count)
        elif final == "G":
            self.column = min(self.columns, count) - 1
        elif final == "J":
            self._erase_screen(numbers[0])
        elif final == "K":
            self._erase_line(numbers[0])

    def _erase_screen(self, what: int) -> None:
        rows = range(self.row + 1, self.lines) if what == 0 else range(self.row) if what == 1 else range(self.lines)
        for row in rows:
            self.cells[row] = [(" ", self._style)] * self.columns
        if what in (0, 1):
            self._erase_line(what)

    def _erase_line(self, what: int) -> None:
        start = self.column if what == 0 else 0
        end = self.column + 1 if what == 1 else self.columns
        self.cells[self.row][start:end] = [(" ", self._style)] * (end - start)

    def _write(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self.row = min(self.lines - 1, self.row + 1)
            elif char == "\r":
                self.column = 0
            elif char == "\b":
                self.column = max(0, self.column - 1)
            elif char >= " " and unicodedata.combining(char) == 0:
                wide = unicodedata.east_asian_width(char) in "WF"
                if self.column < self.columns:
                    self.cells[self.row][self.column] = (char, self._style)
                if wide and self.column + 1 < self.columns:
                    self.cells[self.row][self.column + 1] = ("", self._style)
                self.column += 2 if wide else 1
