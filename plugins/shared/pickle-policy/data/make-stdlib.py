#!/usr/bin/env python3
"""Writes the facts about the standard library that the policy needs: stdlib.txt, walks.txt, reexports.txt, python2.txt.

Two steps. `make-stdlib.py dump FILE` is run once with every interpreter whose names count (CPython 3.8 and later) and
writes what that version's modules hold. `make-stdlib.py merge FILE...` (any interpreter) merges the dumps and writes the
tables beside this script. Names of versions that are not at hand come from the list LATER, read off their release notes.
"""
import io
import json
import os
import pkgutil
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))

# Importing these opens a window, a browser or a prompt, or runs tests.
SKIP = ("antigravity", "this", "test.", "lib2to3.tests", "idlelib", "distutils.tests", "unittest.test",
        "ctypes.test", "sqlite3.test", "tkinter.test")

# An object is worth a line if its home thinks worse of it than the module that hands it on.
RANK = {"warning": 1, "critical": 2}

# Modules of versions without an interpreter here: 3.14's release notes, and what Python 2.7 had.
LATER = """annotationlib _remote_debugging _interpreters _hmac _types _py_warnings _ast_unparse _zstd string.templatelib
concurrent.interpreters concurrent.futures.interpreter compression compression.zstd compression.bz2 compression.gzip
compression.lzma compression.zlib pathlib.types pathlib._os pathlib._local interpreters _colorize
__builtin__ cPickle commands popen2 imputil ihooks dircache bsddb mhlib mimetools MimeWriter multifile posixfile
rfc822 statvfs toaiff os2emxpath macpath htmllib sgmllib fpformat Bastion rexec""".split()


def modules():
    """Every module of this interpreter's library but tests."""
    found = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
    library = os.path.dirname(os.__file__)

    def walk(folder, prefix):
        for m in pkgutil.iter_modules([folder], prefix):
            last = m.name.split(".")[-1]
            if last in ("site-packages", "lib-dynload") or m.name == "test":
                continue
            if prefix and ("test" in last or last in ("conv",)):
                continue
            found.add(m.name)
            if m.ispkg:
                walk(os.path.join(folder, last), m.name + ".")

    walk(library, "")
    walk(os.path.join(library, "lib-dynload"), "")
    # `test` itself is a name of the library, what is below it is listed in dangerous.txt.
    return found | {"os.path", "test"}


def dump(path):
    """Writes modules, module attributes and re-exported objects of this interpreter."""
    names = modules()
    tops = {n.split(".")[0] for n in names}
    out = {"modules": sorted(names), "attributes": [], "others": [], "reexports": [], "python2": []}
    screen, sys.stdout = sys.stdout, io.StringIO()
    for name in sorted(names):
        if name.startswith(SKIP) or name.endswith("__main__") or name == "test":
            continue
        try:
            __import__(name)
        except BaseException:  # not of this system, or it insists on a terminal
            continue
        module = sys.modules[name]
        for attribute, value in sorted(vars(module).items()):
            if isinstance(value, types.ModuleType):
                if value.__name__.split(".")[0] in tops:
                    out["attributes"].append((name, attribute, value.__name__))
                continue
            if attribute.lstrip("_") in tops:
                out["others"].append((name, attribute))
            if not callable(value) or attribute.startswith("__"):
                continue
            home, inner = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
            if isinstance(home, str) and isinstance(inner, str) and home.split(".")[0] in tops:
                if (home, inner) != (name, attribute):
                    out["reexports"].append((name, attribute, home, inner))
    sys.stdout = screen
    import _compat_pickle
    out["python2"] = [(*a, *b) for a, b in _compat_pickle.NAME_MAPPING.items()]
    out["python2"] += [(a, "*", b, "*") for a, b in _compat_pickle.IMPORT_MAPPING.items()]
    with open(path, "w") as f:
        json.dump(out, f)


def table(name):
    """Lines of one of the hand-written tables as (section header, words)."""
    section = ""
    with open(os.path.join(HERE, name)) as f:
        for line in f:
            line = line.strip()
            if line.startswith("@"):
                section = line[1:]
            elif line and not line.startswith("#"):
                yield [part.strip() for part in section.split("|")], line.split()


def write(name, head, lines):
    with open(os.path.join(HERE, name), "w") as f:
        f.write("# Written by make-stdlib.py: " + head + "\n")
        for line in sorted(set(lines)):
            f.write(line + "\n")


def merge(paths):
    """Merges the dumps and writes the four tables."""
    dumps = []
    for path in paths:
        with open(path) as f:
            dumps.append(json.load(f))
    known = set(LATER).union(*(d["modules"] for d in dumps))
    tops = {m.split(".")[0] for m in known}
    rename = {w[0]: w[1] for section, w in table("aliases.txt") if section[0] == "module"}
    dangerous = {}
    for section, words in table("dangerous.txt"):
        for n in words[1:]:
            n = n.lstrip("+") if len(n) > 1 else n
            key = words[0] if n in ("*", "+*") else words[0] + "." + n
            dangerous[key] = section[1]

    safe = {words[0] + "." + n for _, words in table("safe.txt") for n in words[1:]}

    def canonical(module):
        for _ in range(4):
            parts = module.split(".")
            for cut in range(len(parts), 0, -1):
                to = rename.get(".".join(parts[:cut]))
                if to:
                    module = ".".join([to, *parts[cut:]])
                    break
            else:
                break
        return module

    def verdict(path):
        parts = path.split(".")
        for cut in range(len(parts), 0, -1):
            if ".".join(parts[:cut]) in dangerous:
                return dangerous[".".join(parts[:cut])]
        return None

    # What a walk meets: attributes that are modules under another name, and attributes that only look like one.
    attributes = {}
    for d in dumps:
        for module, attribute, target in d["attributes"]:
            attributes[(canonical(module), attribute)] = canonical(target)
    walks = []
    for (module, attribute), target in attributes.items():
        if module + "." + attribute in known and canonical(module + "." + attribute) == target:
            continue
        guess = canonical(attribute.lstrip("_")) if attribute.lstrip("_") in tops else None
        if canonical(attribute) == target or guess == target:
            continue
        walks.append(f"{module}.{attribute} {target}")
    for d in dumps:
        for module, attribute in d["others"]:
            if (canonical(module), attribute) not in attributes:
                walks.append(f"{canonical(module)}.{attribute} -")

    # Objects that a module got from another one: only those are kept that would escape their home's entry.
    reexports = []
    for d in dumps:
        for module, name, home, inner in d["reexports"]:
            module, home = canonical(module), canonical(home)
            if (module, name) == (home, inner) or (module, name) in attributes:
                continue
            if module + "." + name in safe:
                continue
            there, here = verdict(home + "." + inner), verdict(module + "." + name)
            if there is None and any(key.startswith(home + "." + inner + ".") for key in dangerous):
                there = "critical"  # the class is harmless, some of its methods are not
            if RANK.get(there, 0) > RANK.get(here, 0):
                reexports.append(f"{module}.{name} {home} {inner}")

    write("stdlib.txt", "modules of the standard library, CPython 2.7 and 3.8 to 3.14, without tests", known)
    write("walks.txt", "attributes of modules: `module.attribute target`, `-` is not a module though named like one", walks)
    write("reexports.txt", "dangerous objects under another module's name: `module.name home name`", reexports)
    write("python2.txt", "the renames of `_compat_pickle`: `module name new-module new-name`, `*` is every name",
          [" ".join(row) for d in dumps for row in d["python2"]])


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "dump":
        dump(sys.argv[2])
    elif len(sys.argv) > 2 and sys.argv[1] == "merge":
        merge(sys.argv[2:])
    else:
        sys.exit(__doc__)
