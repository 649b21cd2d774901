#!/usr/bin/env python3
"""Writes a file as a C array that ends with a NUL: tools/embed.py NAME INPUT OUTPUT."""

import pathlib
import sys

BYTES_PER_LINE = 20


def main():
    name, source, target = sys.argv[1:]
    data = pathlib.Path(source).read_bytes() + b"\0"
    lines = [", ".join(map(str, data[i:i + BYTES_PER_LINE])) for i in range(0, len(data), BYTES_PER_LINE)]
    text = f"extern const char {name}[];\nconst char {name}[] = {{\n" + ",\n".join(lines) + "};\n"
    pathlib.Path(target).write_text(text)


if __name__ == "__main__":
    main()
