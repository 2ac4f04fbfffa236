"""What scripts log, as JSON: plain numbers and text, what NumPy and torch make, and everything else as its repr.

No library is imported for it: arrays and scalars of other libraries are known by `item`, `tolist` and `numpy`.
"""

import itertools
import json
import math

MYPY = False
if MYPY:
    from typing import Any

# Bytes of JSON a value may take: the reader passes over lines of more than 8 MiB; the rest is for names.
LARGEST = 8 * 1024 * 1024 - 128 * 1024

# Nesting deeper than this is shown as a repr.
DEEPEST = 12

# Bits of an integer that is written out: newer Pythons refuse more than 4300 digits.
LONGEST_INTEGER = 14000

_INFINITY = float("inf")
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


def text_of(value: "Any") -> str:
    """Any value as text that can be encoded: bytes decoded, lone surrogates written out."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if not isinstance(value, str):
        value = described(value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return str(value)


def described(value: "Any") -> str:
    """`str(value)`, else its repr, else its type."""
    for form in (str, repr):
        try:
            return form(value)
        except Exception:  # a value that cannot describe itself still has a type
            continue
    return "<%s>" % type(value).__name__


def encode(kind: str, value: "Any") -> "tuple[str, str, str]":
    """(kind, JSON text, what was left out) of a value to log as `kind`; "any" finds the kind out."""
    if kind == "any":
        if type(value) is float and value - value == 0.0:
            return "scalar", float.__repr__(value), ""
        value = simplified(value)
        kind = _kind_of(value)
        value = "None" if value is None else value
    elif kind == "list":
        value = _listed(value)
    elif kind == "row":
        value = dict((text_of(name), simplified(one)) for name, one in value.items())
    elif kind == "table":
        value = _columns(value)
        if not isinstance(value, dict):
            kind = _kind_of(value)
    else:
        value = text_of(value)
    text, notice = _fitted(value, LARGEST)
    return kind, text, notice


def _kind_of(value: "Any") -> str:
    if isinstance(value, dict):
        return "row"
    if isinstance(value, list):
        return "list"
    return "text" if value is None or (isinstance(value, str) and value not in _NOT_FINITE) else "scalar"


def _listed(value: "Any") -> "list[Any]":
    """As many items as a record could hold, of anything that can be gone through."""
    if isinstance(value, (str, bytes)):
        return [text_of(value)]
    value = _array(value)
    try:
        return list(itertools.islice(iter(value), LARGEST // 2))
    except TypeError:
        return [value]


def _columns(value: "Any") -> "Any":
    """{column: [values]} of a mapping or a DataFrame; anything else as it is."""
    if hasattr(value, "columns") and hasattr(value, "__getitem__"):
        value = dict((name, value[name]) for name in value.columns)
    if not hasattr(value, "items"):
        return simplified(value)
    return dict((text_of(name), _listed(column)) for name, column in value.items())


def _array(value: "Any") -> "Any":
    """A NumPy, torch, TensorFlow or pandas value as Python's own; anything else as it is."""
    numpy = getattr(value, "numpy", None)
    if not hasattr(value, "tolist") and callable(numpy):
        value = numpy()
    tolist = getattr(value, "tolist", None)
    if not callable(tolist) or isinstance(value, type):
        return value
    plain = tolist()
    if type(plain) is type(value) and not isinstance(plain, list):
        # np.longdouble has no counterpart in Python.
        return float(plain)
    return plain


def simplified(value: "Any", depth: int = 0, above: "tuple[int, ...]" = ()) -> "Any":
    """What JSON can hold: None, bool, int, finite float, text, list, dict with text for keys.

    NaN and infinities become the strings that the wire has for them, an integer beyond the largest float becomes text.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return text_of(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, (bytes, bytearray)):
        return text_of(value)
    try:
        return _simplified(_array(value), depth, above)
    except Exception:  # whatever an object of another library does when it is looked at
        return text_of(described(value))


def _simplified(value: "Any", depth: int, above: "tuple[int, ...]") -> "Any":
    if value is None or isinstance(value, (bool, int, float, str, bytes, bytearray)):
        return simplified(value)
    if isinstance(value, type):
        return text_of(value)
    if hasattr(type(value), "__float__"):
        number = float(value)
        # A Decimal may be larger than the largest float.
        return _float(number) if abs(number) != _INFINITY or number == value else text_of(value)
    if hasattr(value, "isoformat"):
        return text_of(value.isoformat())
    if hasattr(value, "total_seconds"):
        return text_of(value)
    if id(value) in above or len(above) >= DEEPEST:
        return text_of(repr(value)[:1000])
    below = above + (id(value),)
    if hasattr(value, "items") and hasattr(value, "keys"):
        return dict((text_of(key), simplified(one, depth + 1, below)) for key, one in value.items())
    # Only what has a length: going through a generator or a file would take it from the script.
    if hasattr(value, "__len__") and hasattr(value, "__iter__"):
        return [simplified(one, depth + 1, below) for one in itertools.islice(value, LARGEST // 2)]
    return text_of(repr(value))


def _float(value: float) -> "Any":
    if value != value:
        return "NaN"
    if value in (_INFINITY, -_INFINITY):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _integer(value: int) -> "Any":
    value = int(value)
    if value.bit_length() <= 1023:
        return value
    if value.bit_length() <= LONGEST_INTEGER:
        return str(value)
    digits = math.log10(abs(value))
    return "%s%.6fe+%d" % ("-" if value < 0 else "", 10 ** (digits % 1), int(digits))


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=simplified)


def dumps(value: "Any") -> str:
    """JSON text in ASCII of anything."""
    try:
        text = _ENCODER.encode(value)
    except (ValueError, TypeError, RecursionError):
        return _ENCODER.encode(simplified(value))
    if "\\ud" in text:
        # Perhaps a lone surrogate, which no database takes.
        return _ENCODER.encode(simplified(value))
    return text


def _fitted(value: "Any", largest: int) -> "tuple[str, str]":
    """JSON of at most `largest` bytes, and what had to be left out for it."""
    text = dumps(value)
    if len(text) <= largest:
        return text, ""
    if isinstance(value, dict):
        return _fitted_columns(value, largest)
    while len(text) > largest and len(value) > 1:
        value = value[: max(1, int(len(value) * 0.97 * largest / len(text)))]
        text = dumps(value)
    unit = "characters" if isinstance(value, str) else "values"
    if len(text) > largest:
        inner, _ = _fitted(value[0], largest - 2)
        text = "[%s]" % inner
    return text, "only the first %d %s were kept" % (len(value), unit)


def _fitted_columns(columns: "dict[str, Any]", largest: int) -> "tuple[str, str]":
    """The same number of rows from every column; where that is not enough, fewer columns."""
    lists = [column for column in columns.values() if isinstance(column, list)]
    rows = max([len(column) for column in lists] or [0])
    text = dumps(columns)
    while len(text) > largest and rows > 1:
        rows = max(1, int(rows * 0.97 * largest / len(text)))
        columns = dict((name, one[:rows] if isinstance(one, list) else one) for name, one in columns.items())
        text = dumps(columns)
    notice = "only the first %d rows were kept" % rows
    if len(text) <= largest:
        return text, notice
    parts = []  # type: list[str]
    left = largest - 2
    for name, one in columns.items():
        key = json.dumps(name[:2000]) + ":"
        part, _ = _fitted(one, max(left // 2, 64)) if isinstance(one, (list, str)) else (dumps(one), "")
        left -= len(key) + len(part) + 1
        if left < 0:
            break
        parts.append(key + part)
    return "{%s}" % ",".join(parts), "only the first %d of %d columns were kept, cut" % (len(parts), len(columns))
