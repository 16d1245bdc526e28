#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Runs in another release of Debian what may differ there: compilers, emulators, firmware and libraries. The
rest of the tests is the main bed's (run.py). The last line is the total.
"""
import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import pytest_run  # noqa: E402
import run  # noqa: E402

# Tiny guests on both emulators and bare; SVM and VMX, firmware, IOMMUs, disks, networks, snapshots,
# interrupts, a KVM as the host, the service VM, `make run`.
MACHINES = ("guest/test_guests.py", "system/test_bed.py", "system/test_boot.py", "system/test_models.py",
            "system/test_first_light.py::test_life[kernel-epyc]",
            "system/test_first_light.py::test_life[uefi-epyc]", "system/test_run.py::test_run",
            "system/test_run.py::test_data_disk", "system/test_iommu.py", "system/test_nvme.py",
            "system/test_ahci.py", "system/test_scsi.py", "system/test_net.py", "system/test_snapshot.py",
            "system/test_nmi.py", "system/test_under_kvm.py", "system/test_gateway.py")
# The gateway's packages are made by, and for, the release.
GATEWAY = HERE.parent / "gateway/tests/system/test_packages.py"


def run_machines(build, name):
    passed, wrong = pytest_run.run(HERE.parent, [HERE / path for path in MACHINES], (build / "tests/bed.xml").resolve(),
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
    options = parser.parse_args()
    passed = failed = 0
    for shelf, function in (
            ("unit", lambda: run.run_unit(options.clang, options.name)),
            ("guest and system", lambda: run_machines(options.build, options.name)),
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
