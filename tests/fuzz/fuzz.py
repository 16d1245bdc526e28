#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs fuzz targets, one process at a time; seeds/NAME.txt is a target's corpus, one seed a line.

What a target finds is kept in build/fuzz/NAME.work and shown with the way to repeat it.
With --seconds 0 nothing is tried: --coverage then says what seeds and earlier runs reach.
--save reduces what a run has gathered to the smallest inputs of equal coverage and writes them as
the new seeds.
"""
import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SEEDS = HERE / "seeds"
HELPERS = r"(^|/)tests/|^/usr|\.h$|lib/(string|format)\.c|vmm/rt/format\.c"
SEED_BYTES = 1200   # the most bytes of a seed that is kept
SEED_COUNT = 480    # the most seeds of a target
INPUT_BYTES = 4096


def targets():
    return sorted(path.stem for path in HERE.glob("*.c"))


def seeds_of(name):
    path = SEEDS / f"{name}.txt"
    if not path.exists():
        return []
    return [bytes.fromhex(line) for line in path.read_text().split("\n")
            if line and not line.startswith("#")]


def unpack(build, name):
    """The seeds as files, in a folder of their own."""
    folder = build / f"{name}.seeds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, seed in enumerate(seeds_of(name)):
        (folder / f"{number:03}").write_bytes(seed)
    return folder


def work_folder(build, name):
    folder = build / f"{name}.work"
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    return folder


def run(build, name, arguments, limit=None):
    command = [str((build / name).resolve()), *map(str, arguments)]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 1, (late.stdout or b"").decode(errors="replace") + "\nit did not end"


def fuzz_target(build, name, seconds, seed=None, gather=True):
    """(True when nothing was found, a line that says how much was tried)."""
    folder = work_folder(build, name)
    arguments = [f"-artifact_prefix={folder.resolve()}/", f"-max_len={INPUT_BYTES}", "-timeout=20",
                 "-rss_limit_mb=2048", f"-max_total_time={seconds}", "-print_final_stats=1"]
    if seed is not None:
        arguments.append(f"-seed={seed}")
    if gather:
        arguments.append((folder / "corpus").resolve())
    code, output = run(build, name, [*arguments, unpack(build, name).resolve()],
                       3 * seconds + 120)
    runs = re.search(r"stat::number_of_executed_units: *(\d+)", output)
    edges = re.findall(r" cov: (\d+) ", output)
    line = f"{runs.group(1) if runs else '?'} runs, {edges[-1] if edges else '?'} edges"
    if code != 0:
        print(output[-6000:])
        found = re.search(r"Test unit written to (\S+)", output)
        if found:
            print(f"again: {build / name} {found.group(1)}", flush=True)
    return code == 0, line


def counted_elsewhere(name):
    """The beginnings of paths that a target names as included, but not what it is meant to test."""
    said = re.findall(r"Counted elsewhere: ((?:[^*]|\*(?!/))*)", (HERE / f"{name}.c").read_text())
    return tuple(" ".join(said).split())


def measure(build, name):
    """How often seeds and gathered inputs reach each line: {source: {line: count}}."""
    profile, data = build / f"{name}.profraw", build / f"{name}.profdata"
    program = (build / f"{name}.coverage").resolve()
    environment = {"LLVM_PROFILE_FILE": str(profile.resolve()), "PATH": "/usr/bin:/bin"}
    subprocess.run([program, "-runs=0", (work_folder(build, name) / "corpus").resolve(),
                    unpack(build, name).resolve()], cwd=ROOT, env=environment,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["llvm-profdata", "merge", "-sparse", profile, "-o", data], check=True)
    lines = subprocess.run(["llvm-cov", "export", "-format=lcov", program,
                            f"-instr-profile={data}", f"-ignore-filename-regex={HELPERS}"],
                           check=True, text=True, stdout=subprocess.PIPE).stdout.split("\n")
    sources = {}
    for line in lines:
        if line.startswith("SF:"):
            source = sources.setdefault(str(Path(line[3:]).relative_to(ROOT)), {})
        elif line.startswith("DA:"):
            number, count = map(int, line[3:].split(","))
            source[number] = count
    return sources


def ranges(numbers):
    """Joins neighbours: 4 5 6 9 becomes 4-6 9."""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


def report(sources, path):
    """The share of lines that were reached; the file gets those of each source that were not."""
    text = ""
    for source, lines in sorted(sources.items()):
        missed = [number for number, count in lines.items() if count == 0]
        text += f"{source}: {len(lines) - len(missed)} of {len(lines)}"
        text += f", not {ranges(missed)}\n" if missed else "\n"
    path.write_text(text)
    counts = [count for lines in sources.values() for count in lines.values()]
    return f"{100 * sum(count > 0 for count in counts) / len(counts):6.1f} % of {len(counts):5} lines"


def coverage(build, names):
    """Prints how much seeds and gathered inputs reach of what each target is for, and of it all."""
    together = {}
    print("\ncoverage by lines, of the sources that each target is for:")
    for name in names:
        sources = measure(build, name)
        for source, lines in sources.items():
            known = together.setdefault(source, {})
            for number, count in lines.items():
                known[number] = known.get(number, 0) + count
        others = counted_elsewhere(name)
        own = {source: lines for source, lines in sources.items()
               if not source.startswith(others)}
        print(f"  {name:16}", report(own, build / f"{name}.coverage.txt"), flush=True)
    if len(names) > 1:
        print(f"  {'together':16}", report(together, build / "coverage.txt"))


def save(build, names):
    for name in names:
        folder = work_folder(build, name)
        merged = folder / "merged"
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir()
        run(build, name, ["-set_cover_merge=1", "-use_counters=0", f"-max_len={SEED_BYTES}", merged.resolve(),
                          unpack(build, name).resolve(), (folder / "corpus").resolve()])
        found = sorted({path.read_bytes() for path in merged.iterdir()}, key=lambda b: (len(b), b))
        found = [seed for seed in found if 0 < len(seed) <= SEED_BYTES]
        # evenly from the small ones to the large ones
        step = max(1, -(-len(found) // SEED_COUNT))
        chosen = found[::-1][::step][::-1]
        SEEDS.mkdir(exist_ok=True)
        (SEEDS / f"{name}.txt").write_text("".join(seed.hex() + "\n" for seed in chosen))
        print(f"{name}: {len(chosen)} of {len(found)} seeds kept", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    names = options.names or targets()
    if options.save:
        save(options.build, names)
        return
    failed = 0
    for name in names if options.seconds else ():
        began = time.monotonic()
        good, line = fuzz_target(options.build, name, options.seconds)
        failed += not good
        print(f"{name}: {line}, {'nothing found' if good else 'FOUND SOMETHING'} "
              f"({time.monotonic() - began:.0f} s)", flush=True)
    if options.coverage:
        coverage(options.build, names)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
