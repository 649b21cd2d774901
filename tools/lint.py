#!/usr/bin/env python3
"""Checks what the compiler does not: layout, layering, habits. Ends with `N offences, N warnings`.

    tools/lint.py               the whole tree (clang-format included)
    tools/lint.py --tidy        and clang-tidy on every source, which takes minutes
    tools/lint.py FILE...       these files, clang-tidy included
    tools/lint.py --warnings    also prints warnings: long files and functions, sources without a test

Offences make it fail. clang-tidy reads build/compile_commands.json.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
TESTS = ROOT / "tests"

# A folder includes only folders before it.
FOLDERS = ["base", "data", "net", "store", "aws", "kube", "clm", "maestro", "frontend", "fleet",
           "pipeline", "recovery", "access", "local", "cmd"]
# They speak with each other over the wire, in every mode, so none includes another's headers.
PRODUCTS = {"clm", "maestro", "frontend"}

BANNED = {
    "strcpy": "arena_str or buf_add", "strcat": "buf_add", "stpcpy": "buf_add",
    "sprintf": "snprintf or buf_printf", "vsprintf": "vsnprintf or buf_vprintf",
    "gets": "fgets", "atoi": "str_to_int64", "atol": "str_to_int64", "atoll": "str_to_int64",
    "atof": "str_to_double", "strtok": "str_cut", "alloca": "arena_alloc", "rand": "id_random",
    "srand": "id_random", "random": "id_random", "tmpnam": "mkstemp", "mktemp": "mkstemp",
    "localtime": "clock_format", "gmtime": "gmtime_r", "ctime": "clock_format",
}

# Library code returns errors. These write the log they were given, of what no caller waits for:
# requests that were served, and a broker that comes and goes.
MAY_LOG = {"base/log.c", "base/log.h", "net/http_connection.c", "net/http_request.c",
           "net/http_server.c", "net/mqtt_network.c"}
FIRST_PRODUCT = FOLDERS.index("clm")

MARKS = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]))
MARKED_SUFFIXES = {".c", ".h", ".py", ".md", ".yaml", ".yml", ".sh", ".build"}

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80


class Report:
    def __init__(self):
        self.offences = set()
        self.warnings = set()

    def offence(self, path, line, text):
        self.offences.add((str(path.relative_to(ROOT)), line, text))

    def warning(self, path, line, text):
        self.warnings.add((str(path.relative_to(ROOT)), line, text))


def blank(match):
    """The matched text with everything but its newlines taken out."""
    return "\n" * match.group(0).count("\n")


def strip_comments(text):
    pattern = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, lambda m: m.group(0) if m.group(0)[0] in "\"'" else blank(m), text,
                  flags=re.S)


def strip_literals(text):
    return re.sub(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", "0", text)


class Source:
    """One C file: as it is, without comments, and without literals too."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.split("\n")
        self.uncommented = strip_comments(self.text)
        self.code = strip_literals(self.uncommented)
        self.includes = [(number, match.group(1)) for number, line
                         in enumerate(self.uncommented.split("\n"), 1)
                         if (match := re.match(r'\s*#\s*include\s+"([^"]+)"', line))]

    @property
    def folder(self):
        parts = self.path.relative_to(ROOT).parts
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def inside(self):
        """Its name under src/, as it is included."""
        return "/".join(self.path.relative_to(SRC).parts)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


# --- layering and cycles -----------------------------------------------------------------------

def check_layers(source, report):
    if source.folder not in FOLDERS:
        if source.folder:
            report.offence(source.path, 1, f"src/{source.folder} has no place in the order of folders")
        return
    for number, name in source.includes:
        target = name.split("/")[0]
        if target not in FOLDERS:
            report.offence(source.path, number, f'include "{name}" does not name its folder')
        elif FOLDERS.index(target) > FOLDERS.index(source.folder):
            report.offence(source.path, number,
                           f"{source.folder} may not include {target}, which comes later")
        elif target != source.folder and {target, source.folder} <= PRODUCTS:
            report.offence(source.path, number,
                           f"{source.folder} may not include {target}: they speak over the wire")


def knots(graph):
    """The strongly connected parts with more than one node (Tarjan, without recursion)."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, edges = work[-1]
            for target in edges:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(graph[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while not part or part[-1] != node:
                        part.append(stack.pop())
                        on_stack.discard(part[-1])
                    if len(part) > 1:
                        found.append(sorted(part))
    return found


def check_include_cycles(sources, report):
    by_name = {source.inside: source for source in sources}
    graph = {name: [target for _, target in source.includes if target in by_name]
             for name, source in by_name.items()}
    for part in knots(graph):
        report.offence(by_name[part[0]].path, 1, "includes go in a circle: " + ", ".join(part))


DEFINITION = re.compile(r"^(?!static|typedef|extern|else|return)[a-z][\w\s*]*?\b(\w+)\([^;{]*\)\s*\{",
                        re.M)
OBJECT = re.compile(r"^(?!static|typedef|extern|return)[a-z][\w\s*]*?\b(\w+)(?:\[\w*\])?\s*=", re.M)


def check_call_cycles(sources, report):
    """Two files need each other when each uses what the other defines."""
    defined = {}
    files = [source for source in sources if source.path.suffix == ".c"]
    for source in files:
        for pattern in (DEFINITION, OBJECT):
            for match in pattern.finditer(source.code):
                defined[match.group(1)] = source.inside
    graph, used = {}, {}
    for source in files:
        graph[source.inside] = []
        for word in set(re.findall(r"\b\w+\b", source.code)):
            target = defined.get(word)
            if target and target != source.inside:
                graph[source.inside].append(target)
                used.setdefault((source.inside, target), word)
    for part in knots(graph):
        hints = ["%s uses %s of %s" % (a, used[a, b], b) for a in part for b in part
                 if (a, b) in used]
        report.offence(SRC / part[0], 1, "files need each other: " + "; ".join(hints))


# --- one file ----------------------------------------------------------------------------------

def check_banned(source, report):
    for match in re.finditer(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED), source.code):
        report.offence(source.path, line_of(source.code, match.start()),
                       f"{match.group(1)} is banned: {BANNED[match.group(1)]} instead")
    for match in re.finditer(r"^typedef\s+(struct|union)\b[^*(;]*[{;]", source.code, re.M):
        report.offence(source.path, line_of(source.code, match.start()),
                       f"a {match.group(1)} is not hidden behind a typedef")


def check_shape(source, report):
    essay = re.match(r"/\*\n? \*? ?(\S+) ", source.text)
    if not essay or (source.folder and essay.group(1) != source.path.name):
        report.offence(source.path, 1, f"does not begin with the essay: /* {source.path.name} - ...")
    if source.path.suffix == ".h" and not re.search(r"^#ifndef REEVE_\w+_H\n#define REEVE_\w+_H$",
                                                    source.text, re.M):
        report.offence(source.path, 1, "has no guard REEVE_..._H")
    body = None
    for number, line in enumerate(source.code.split("\n"), 1):
        if re.match(r"[\w]", line) and body is None:
            body = number
        if body is not None and re.match(r"\s*#\s*include\b", line) and source.folder:
            report.offence(source.path, number, "an include after the first declaration")
    for number, line in enumerate(source.lines, 1):
        if line.endswith((" ", "\t")):
            report.offence(source.path, number, "white space at the end of the line")


def check_logging(source, report):
    if source.folder not in FOLDERS or FOLDERS.index(source.folder) >= FIRST_PRODUCT \
            or source.inside in MAY_LOG:
        return
    for match in re.finditer(r"\blog_(debug|info|warn|error|write)\s*\(", source.code):
        report.offence(source.path, line_of(source.code, match.start()),
                       "code below the products returns errors and does not log")


def warn_lengths(source, report):
    if len(source.lines) > FILE_LINES_MAX:
        report.warning(source.path, 1, f"{len(source.lines)} lines (aim at {FILE_LINES_MAX})")
    begin = None
    for number, line in enumerate(source.code.split("\n"), 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            if number - begin > FUNCTION_LINES_MAX:
                report.warning(source.path, begin, f"a function of {number - begin} lines")
            begin = None


def check_marks(report):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in listed:
        path = ROOT / name
        if path.suffix not in MARKED_SUFFIXES or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
            if match := MARKS.search(line):
                report.offence(path, number, f"{match.group(1)}: do it, or leave it out")


# --- tests -------------------------------------------------------------------------------------

def warn_missing_tests(report):
    for folder in FOLDERS:
        tests = {path.stem[len("test_"):] for path in (TESTS / "unit" / folder).glob("test_*.c")}
        sources = {path.stem for path in (SRC / folder).glob("*.[ch]")}
        for stem in sorted(tests):
            if not any(source == stem or source.startswith(stem) or stem.startswith(source + "_")
                       for source in sources):
                report.warning(TESTS / "unit" / folder / f"test_{stem}.c", 1,
                               "there is no such source to test")
        if folder == "cmd":
            continue
        for path in sorted((SRC / folder).glob("*.c")):
            if not any(path.stem.startswith(stem) for stem in tests):
                report.warning(path, 1, f"no test in tests/unit/{folder}")


# --- other programs ----------------------------------------------------------------------------

def check_format(paths, report):
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, paths)], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    seen = set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: error: ", result.stderr, re.M):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            report.offence(ROOT / match.group(1), int(match.group(2)),
                           "not formatted: clang-format -i")
    if result.returncode and not seen:
        sys.exit(result.stderr)


def check_tidy(paths, report):
    if not (ROOT / "build" / "compile_commands.json").exists():
        sys.exit("clang-tidy needs build/compile_commands.json: run make build first")

    def tidy(path):
        return subprocess.run(
            ["clang-tidy", "--quiet", "-p", str(ROOT / "build"),
             "--extra-arg=-Wno-unknown-warning-option", str(path)],
            cwd=ROOT, capture_output=True, text=True, check=False).stdout

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for output in pool.map(tidy, paths):
            for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$", output, re.M):
                path = pathlib.Path(match.group(1)).resolve()
                if path.is_relative_to(ROOT):
                    report.offence(path, int(match.group(2)), match.group(3))


# --- all together ------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tidy", action="store_true", help="run clang-tidy on every source")
    parser.add_argument("--warnings", action="store_true", help="print warnings too")
    parser.add_argument("files", nargs="*", type=lambda name: pathlib.Path(name).resolve())
    options = parser.parse_args()

    report = Report()
    tree = [Source(path) for path in sorted(SRC.glob("*/*.[ch]"))]
    tests = [Source(path) for path in sorted(TESTS.rglob("*.[ch]"))]
    for source in tree + tests:
        check_banned(source, report)
        check_shape(source, report)
    for source in tree:
        check_layers(source, report)
        check_logging(source, report)
        warn_lengths(source, report)
    check_include_cycles(tree, report)
    check_call_cycles(tree, report)
    check_marks(report)
    warn_missing_tests(report)

    chosen = [source.path for source in tree + tests]
    if options.files:
        chosen = options.files
        names = {str(path.relative_to(ROOT)) for path in chosen}
        report.offences = {found for found in report.offences if found[0] in names}
        report.warnings = {found for found in report.warnings if found[0] in names}
    check_format(chosen, report)
    if options.tidy or options.files:
        check_tidy([path for path in chosen if path.suffix == ".c"], report)

    for path, line, text in sorted(report.offences):
        print(f"{path}:{line}: {text}")
    if options.warnings:
        for path, line, text in sorted(report.warnings):
            print(f"{path}:{line}: warning: {text}")
    print(f"{len(report.offences)} offences, {len(report.warnings)} warnings")
    return 1 if report.offences else 0


if __name__ == "__main__":
    sys.exit(main())
