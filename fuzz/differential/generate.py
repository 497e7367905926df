"""Seeded pickles, valid and broken: what a seed gives is the same on every run with the same Python and fixtures.

Three sources: values put together by opcodes that leave the stack as a loader wants it, a soup of opcodes that does not, and
the repository's fixtures. Then framing, mutations and joins. No case is made by pickling something.
"""

import random
import struct

WORDS = ["os", "system", "builtins", "eval", "collections", "OrderedDict", "__main__", "a.b", "x", "é", "名", "a\\u0062", "\ud800"]
GLOBALS = [
    ("os", "system"),
    ("collections", "OrderedDict"),
    ("__builtin__", "eval"),
    ("copyreg", "add_extension"),
    ("copy_reg", "_reconstructor"),
    ("functools", "partial"),
    ("builtins", "getattr"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("numpy", "dtype"),
    ("a", "b.c"),
    ("", ""),
    ("é", "名"),
]
# Lines that Python's int() takes, that only one of the loaders takes, and that none does.
INTS = [b"1", b"0", b"00", b"01", b"-5", b"+3", b" 7", b"7 ", b"1_0", b"0x1f", b"0X1F", b"0o17", b"017", b"0b11", b"1\0zz", b"", b"1L", b"99999999999999999999", b"-", "٣".encode()]
FLOATS = [b"1.5", b"1e5", b"nan", b"-inf", b"1.5\0x", b"1_0.5", b" 2", b"", b"x"]
PADDING = [b"", b"", b"\0" * 4, b"\xff" * 3, b"\n", b" ", b"."]
# Codes of extensions, few enough to meet.
CODES = [1, 2, 240, 255]


class Generator:
    """An endless source of cases."""

    def __init__(self, seed, fixtures):
        """`fixtures`: contents of the files that are mutated, in an order that does not change."""
        self.random = random.Random(seed)
        self.fixtures = fixtures

    def case(self):
        """The next case."""
        r = self.random
        source = r.random()
        if source < 0.40:
            data = self.valid()
        elif source < 0.75:
            data = self.soup()
        elif source < 0.90:
            data = r.choice(self.fixtures)
        else:
            parts = [self.valid() if r.random() < 0.7 else r.choice(self.fixtures) for _ in range(r.randrange(2, 4))]
            data = b"".join(part + r.choice(PADDING) for part in parts)
        return self.mutated(data, r.choice([0, 0, 1, 1, 2, 4]))

    # -- sources

    def valid(self):
        """A pickle that every loader reads to its end, or nearly every one."""
        protocol = self.random.randrange(6)
        body = self.value(self.random.randrange(1, 5))
        if self.random.random() < 0.3:
            body = self.framed(body + b".")
        else:
            body += b"."
        return (bytes([0x80, protocol]) if self.random.random() < 0.7 else b"") + body

    def soup(self):
        """Opcodes as they come."""
        r = self.random
        body = b"".join(self.opcode() for _ in range(r.randrange(3, 40))) + b"."
        if r.random() < 0.2:
            body = self.framed(body)
        return (bytes([0x80, r.randrange(6)]) if r.random() < 0.6 else b"") + body

    # -- pieces

    def text(self, word=None):
        """Opcodes that push a string, by any of the opcodes for strings."""
        r = self.random
        word = r.choice(WORDS) if word is None else word
        raw = word.encode("utf-8", "surrogatepass")
        return r.choice(
            [
                lambda: b"\x8c" + bytes([len(raw)]) + raw,
                lambda: b"X" + struct.pack("<I", len(raw)) + raw,
                lambda: b"\x8d" + struct.pack("<Q", len(raw)) + raw,
                lambda: b"U" + bytes([len(raw)]) + raw,
                lambda: b"T" + struct.pack("<I", len(raw)) + raw,
                lambda: b"V" + word.encode("raw_unicode_escape", "surrogatepass") + b"\n",
                lambda: b"V" + b"".join(b"\\u%04x" % ord(letter) for letter in word) + b"\n",
                lambda: b"S'" + raw + b"'\n",
                lambda: b'S"' + b"".join(b"\\x%02x" % byte for byte in raw) + b'"\n',
                lambda: b"S'" + b"".join(b"\\%03o" % byte for byte in raw) + b"'" + r.choice([b"", b" ", b"\r"]) + b"\n",
            ]
        )()

    def atom(self):
        """Opcodes that push one constant."""
        r = self.random
        raw = r.choice(WORDS).encode("utf-8", "surrogatepass")
        return r.choice(
            [
                self.text,
                self.text,
                self.text,
                lambda: b"K" + r.randbytes(1),
                lambda: b"M" + r.randbytes(2),
                lambda: b"J" + r.randbytes(4),
                lambda: b"I" + r.choice(INTS) + b"\n",
                lambda: b"L" + r.choice(INTS) + r.choice([b"", b"L"]) + b"\n",
                lambda: b"F" + r.choice(FLOATS) + b"\n",
                lambda: b"G" + r.randbytes(8),
                lambda: b"\x8a" + bytes([n := r.randrange(12)]) + r.randbytes(n),
                lambda: b"\x8b" + struct.pack("<i", n := r.choice([0, 1, 5, -1])) + r.randbytes(max(n, 0)),
                lambda: b"C" + bytes([len(raw)]) + raw,
                lambda: b"B" + struct.pack("<I", len(raw)) + raw,
                lambda: b"\x8e" + struct.pack("<Q", len(raw)) + raw,
                lambda: b"\x96" + struct.pack("<Q", len(raw)) + raw,
                lambda: r.choice([b"N", b"\x88", b"\x89", b"]", b"}", b")", b"\x8f", b"\x97", b"\x97\x98"]),
            ]
        )()

    def name(self):
        """Opcodes that push a global."""
        r = self.random
        module, name = r.choice(GLOBALS) if r.random() < 0.8 else (r.choice(WORDS), r.choice(WORDS))
        line = lambda text: text.encode("utf-8", "surrogatepass") + b"\n"
        return r.choice(
            [
                lambda: b"c" + line(module) + line(name),
                lambda: self.text(module) + self.text(name) + b"\x93",
                lambda: self.text(module) + self.memo() + b"0" + self.text(name) + self.memo() + b"h\0h\1\x93",
                lambda: self.text(name) + b"\x94" + self.text(module) + b"h\0\x93",
                lambda: self.text(module) + b"2\x93",
                lambda: self.text(module) + self.noise() + self.text(name) + self.noise() + b"\x93",
            ]
        )()

    def extension(self):
        """Opcodes that push what the extension registry holds under a code, some with the call that registers it."""
        r = self.random
        code = r.choice(CODES)
        use = r.choice([b"\x82" + bytes([code]), b"\x83" + struct.pack("<H", code), b"\x84" + struct.pack("<i", r.choice([code, code, 0, -1]))])
        if r.random() < 0.4:
            return use
        number = r.choice([b"K" + bytes([code]), b"I%d\n" % code, b"L%dL\n" % code, b"M" + struct.pack("<H", code), b"\x8a\x02" + struct.pack("<H", code)])
        module, name = r.choice(GLOBALS)
        return b"ccopyreg\nadd_extension\n" + self.text(module) + self.text(name) + number + b"\x87R0" + use

    def index(self):
        return self.random.randrange(6)

    def memo(self):
        """An opcode that stores the top of the stack."""
        i = self.index()
        return self.random.choice([b"\x94", b"\x94", b"q%c" % i, b"p%d\n" % i, b"p0%d\n" % i, b"p 1_%d\n" % i, b"p%d\0\n" % i, b"r" + struct.pack("<I", i)])

    def fetch(self):
        """An opcode that pushes a memo entry, if it is there."""
        i = self.index()
        return self.random.choice([b"h%c" % i, b"g%d\n" % i, b"g+%d\n" % i, b"g%d \n" % i, b"j" + struct.pack("<I", i)])

    def noise(self):
        """Opcodes that leave the stack as it was."""
        r = self.random
        return r.choice([b"", b"", self.memo(), b"20", b"(0", b"(1", b"(" + self.atom() + b"1", self.atom() + b"0", b"\x80" + bytes([r.randrange(6)]), b"N0", b"\x95" + bytes(8)])

    def value(self, depth):
        """Opcodes that push one value and take none."""
        r = self.random
        if depth <= 0:
            return r.choice([self.atom, self.atom, self.name])() + self.noise()
        inner = lambda: self.value(depth - 1)
        some = lambda: b"".join(inner() for _ in range(r.randrange(4)))
        pairs = lambda: b"".join(self.text() + inner() for _ in range(r.randrange(3)))
        lines = lambda: b"\n".join(part.encode("utf-8", "surrogatepass") for part in r.choice(GLOBALS)) + b"\n"
        return (
            r.choice(
                [
                    self.atom,
                    self.name,
                    self.name,
                    self.extension,
                    lambda: b"(" + some() + r.choice([b"t", b"l"]),
                    lambda: b"(" + pairs() + b"d",
                    lambda: b"]" + self.memo() + b"(" + some() + b"e",
                    lambda: b"]" + inner() + b"a",
                    lambda: b"}" + self.memo() + b"(" + pairs() + b"u",
                    lambda: b"}" + self.text() + inner() + b"s",
                    lambda: b"\x8f(" + b"".join(self.text() for _ in range(r.randrange(3))) + b"\x90",
                    lambda: b"(" + b"".join(self.text() for _ in range(r.randrange(3))) + b"\x91",
                    lambda: inner() + b"\x85",
                    lambda: inner() + inner() + b"\x86",
                    lambda: inner() + inner() + inner() + b"\x87",
                    lambda: self.name() + b"(" + some() + b"tR",
                    lambda: self.name() + inner() + b"\x85R",
                    lambda: self.name() + b"(" + some() + b"t\x81",
                    lambda: self.name() + b")}\x92",
                    lambda: b"(" + self.name() + some() + b"o",
                    lambda: b"(" + some() + b"i" + lines(),
                    lambda: self.name() + b")\x81" + self.memo() + inner() + b"b",
                    lambda: self.name() + inner() + b"b",
                    lambda: inner() + b"Q",
                    lambda: b"P%d\n" % self.index(),
                    lambda: inner() + b"\x94h\0",
                ]
            )()
            + self.noise()
        )

    def opcode(self):
        """Any opcode, with an argument that fits it."""
        r = self.random
        pick = r.random()
        if pick < 0.40:
            return self.atom()
        if pick < 0.52:
            return self.name()
        if pick < 0.66:
            return r.choice([self.memo, self.fetch, self.fetch])()
        if pick < 0.70:
            return self.extension()
        return r.choice(
            [bytes([byte]) for byte in b"(012abesutld\x85\x86\x87R\x81\x92\x93\x93\x93\x94\x8f\x90\x91Qo.\x97\x98"]
            + [
                b"(i" + r.choice(WORDS).encode("utf-8", "surrogatepass") + b"\n" + r.choice(WORDS).encode("utf-8", "surrogatepass") + b"\n",
                b"\x80" + bytes([r.randrange(7)]),
                b"\x95" + struct.pack("<Q", r.choice([0, 1, 3, 5, 8, 12, 20, 30])),
                b"P1\n",
            ]
        )

    def framed(self, body):
        """The body in frames, one of which may be too short or too long by a few bytes."""
        r = self.random
        frames, cut = b"", 0
        while cut < len(body):
            size = r.randrange(1, len(body) + 1)
            part = body[cut : cut + size]
            length = len(part) + r.choice([0, 0, 0, -3, -1, 1, 2, 9])
            frames += b"\x95" + struct.pack("<Q", max(length, 0)) + part
            cut += size
        return frames

    # -- breaking

    def mutated(self, data, times):
        """The data with so many changes."""
        r = self.random
        data = bytearray(data)
        for _ in range(times):
            at = r.randrange(len(data) + 1)
            kind = r.randrange(9)
            if kind == 0 and at < len(data):
                data[at] = r.randrange(256)
            elif kind == 1 and at < len(data):
                data[at] ^= 1 << r.randrange(8)
            elif kind in (2, 3):
                data[at:at] = self.opcode()
            elif kind == 4:
                del data[at : at + r.choice([1, 1, 2, 5])]
            elif kind == 5:
                other = r.randrange(len(data) + 1)
                data[at:at] = data[other : other + r.randrange(12)]
            elif kind == 6:
                data[at:at] = b"\x95" + struct.pack("<Q", r.choice([0, 1, 2, 4, 7, 16, len(data) - at, 1 << 40]))
            elif kind == 7 and r.random() < 0.3:
                del data[at:]
            else:
                data[at:at] = self.name() + r.choice([b"", b"0", b")R", b")R0"])
        return bytes(data)
