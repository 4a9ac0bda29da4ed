"""Whether an executed notebook shows what its committed outputs show: ./run --execute --compare."""

import base64
import re
import struct
import zlib

NUMBER = re.compile(r"(?<![\w.])[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
DURATION = re.compile(r"[\d.,]+ (?:ms|s|min)\b")
SVG = re.compile(r'src="data:image/svg\+xml;base64,([^"]+)"')
RELATIVE, LEAST_NUMBER = 0.01, 1e-5  # what is smaller is rounding
LEAST = 32  # pixels, and distinct bytes: a picture of one color has some five


def number(text):
    return float(text.replace(",", "").replace("−", "-"))


def unit(text):
    """What one more in the last place that is shown is worth."""
    digits, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def words(text):
    """The text with every number replaced, layout left out: a column is as wide as its widest number."""
    text = DURATION.sub("§", text)
    return re.sub(r"[\s#·\u2500-\u259f-]+", " ", NUMBER.sub("§", text)).split(), NUMBER.findall(text)


def unlike(old, new):
    """The first thing in which two texts differ, or None. Numbers may differ by 1 %, or by two in their last place."""
    (before, numbers), (after, others) = words(old), words(new)
    for one, other in zip(before, after):
        if one != other:
            return f"'{other}' where '{one}' stood"
    if len(before) != len(after) or len(numbers) != len(others):
        return f"{len(after)} words, {len(others)} numbers where there were {len(before)}, {len(numbers)}"
    for one, other in zip(numbers, others):
        away = abs(number(one) - number(other))
        places = 2 if "." in one or "e" in one else 1 if abs(number(one)) > 50 else 0  # counts up to 50 are exact
        if away > max(LEAST_NUMBER, RELATIVE * abs(number(one)), places * 1.001 * unit(one)):
            return f"{other} where {one} stood"
    return None


def pixels(png):
    """Width, height and the distinct bytes of a PNG's rows."""
    data, place = b"", 8
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("not a PNG")
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        data += png[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += 12 + length
    return *struct.unpack(">II", png[16:24]), len(set(zlib.decompress(data)))


def empty(data):
    """What is wrong with the pictures of an output, or None."""
    if "image/png" in data:
        width, height, distinct = pixels(base64.b64decode(data["image/png"]))
        if min(width, height) < LEAST or distinct < LEAST:
            return f"a picture of {width} by {height} with {distinct} distinct bytes"
    for source in SVG.findall(data.get("text/html", "")):
        svg = base64.b64decode(source).decode("utf-8")
        if svg.count("<text") < 2 or svg.count("<") < 10:
            return "a drawing with next to nothing in it"
    return None


def text(output):
    """What an output says."""
    if output.output_type == "stream":
        return output.text
    return output.get("data", {}).get("text/plain", "") if output.output_type != "error" else f"{output.ename} {output.evalue}"


def different(old, new):
    """The first difference between the outputs of a cell, or None."""
    if len(old.outputs) != len(new.outputs):
        return f"{len(new.outputs)} outputs where there were {len(old.outputs)}"
    for before, after in zip(old.outputs, new.outputs):
        kinds = set(before.get("data", {})) ^ set(after.get("data", {}))
        said = f"only one of the two has {', '.join(sorted(kinds))}" if kinds else empty(after.get("data", {})) or unlike(text(before), text(after))
        if said:
            return said
    return None


def differences(committed, executed):
    """For each cell whose outputs are others: what differs, and the cell."""
    found = []
    for index, (old, new) in enumerate(zip(committed.cells, executed.cells)):
        said = different(old, new) if old.cell_type == "code" else None
        if said:
            found.append(f"    cell {index}: {said}\n" + "\n".join("    | " + line for line in new.source.splitlines()))
    return found
