#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Runs in another release of Debian what may differ there: compilers, emulators, firmware and libraries. The
rest of the tests is the main bed's (run.py). The unit tests, by clang, are run with --long. The last line is the total.
"""
import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import pytest_run  # noqa: E402
import run  # noqa: E402

# Of each that an emulator, a firmware or a library may change: tiny guests on both emulators and bare, SVM and VMX,
# firmware, IOMMUs, disks, snapshots, CPU models, `make run`, a gateway.
MACHINES = ("guest/test_guests.py", "system/test_boot.py::test_no_module", "system/test_boot.py::test_no_module_bochs",
            "system/test_boot.py::test_reboot", "system/test_models.py",
            "system/test_first_light.py::test_life[kernel-epyc]", "system/test_run.py::test_run[iso]",
            "system/test_run.py::test_run[uefi]", "system/test_iommu.py::test_disk", "system/test_nvme.py::test_nvme",
            "system/test_ahci.py::test_offers", "system/test_snapshot.py::test_counter",
            "system/test_gateway.py::test_gateway")
# With LONG=1 also these, and these files whole.
LONG = ("system/test_under_kvm.py", "system/test_nmi.py", "system/test_bed.py",
        "system/test_first_light.py::test_life[uefi-epyc]", "system/test_scsi.py")
WHOLE = ("boot", "run", "iommu", "nvme", "ahci", "net", "snapshot", "gateway")
# The gateway's packages are made by, and for, the release.
GATEWAY = HERE.parent / "gateway/tests/system/test_packages.py"


def run_machines(build, name, long_run):
    whole = [f"system/test_{file}.py" for file in WHOLE] if long_run else []
    some = (*MACHINES, *LONG) if long_run else MACHINES
    where = [HERE / path for path in (*whole, *(path for path in some if path.split("::")[0] not in whole))]
    passed, wrong = pytest_run.run(HERE.parent, where, (build / "tests/bed.xml").resolve(),
                                   "--durations=25", "-rf", f"--build={build.resolve()}",
                                   *(["-k", name] if name else []))
    run.failures.extend((test, "") for test in wrong)
    return passed, len(wrong)


def run_gateway(build, name):
    passed, wrong = pytest_run.run(HERE.parent, [GATEWAY], (build / "tests/bed_gateway.xml").resolve(), "-rf",
                                   *(["-k", name] if name else []))
    run.failures.extend((test, "") for test in wrong)
    return passed, len(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--clang", type=Path, required=True, help="what clang has made")
    parser.add_argument("--name", default="")
    parser.add_argument("--long", action="store_true", help="more machines")
    options = parser.parse_args()
    passed = failed = 0
    for shelf, function in (
            ("proofs", lambda: run.run_proofs(options.build, options.name)),
            ("unit", lambda: run.run_unit(options.clang, options.name) if options.long else (0, 0)),
            ("guest and system", lambda: run_machines(options.build, options.name, options.long)),
            ("gateway", lambda: run_gateway(options.build, options.name))):
        began = time.monotonic()
        good, wrong = function()
        print(f"{shelf}: {good} passed, {wrong} failed ({time.monotonic() - began:.0f} s)", flush=True)
        passed += good
        failed += wrong
    for what, said in run.failures:
        print(f"failed: {what}\n{said[-run.SHOWN:]}".rstrip())
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
