# SPDX-License-Identifier: MIT
"""Every CPU model of the emulators ends at a prompt or in one sentence that says what is missing."""
import re
import subprocess

import pytest

import emulators
from machine import PROMPT, Bochs, Qemu, wait_for

# The style of the kernel's messages: the prefix, no capital but in a name, no full stop, a line of
# its own.
SENTENCE = r"(?:^|\n)skerry: ((?:[a-z]|SVM |VMX |EPT )[^\r\n]*[^.\r\n])\r*\n"
SVM = ",+svm,+npt"
NO_64_BIT = "no 64-bit mode"
NO_VIRTUALIZATION = "neither VMX"
NO_NESTED_PAGING = "no nested paging"
GENERATIONS = {
    "486": NO_64_BIT, "pentium": NO_64_BIT, "pentium3" + SVM: NO_64_BIT, "qemu32": NO_64_BIT,
    "base": NO_64_BIT, "EPYC,-nx": "non-executable", "kvm64": NO_VIRTUALIZATION,
    "Icelake-Server": NO_VIRTUALIZATION, "qemu64": NO_NESTED_PAGING,
    "Opteron_G1" + SVM: PROMPT, "Opteron_G2" + SVM: PROMPT, "Opteron_G3" + SVM: PROMPT,
    "Opteron_G4" + SVM: PROMPT, "Opteron_G5" + SVM: PROMPT, "phenom" + SVM: PROMPT,
    "EPYC-Milan" + SVM: PROMPT, "Conroe" + SVM: PROMPT, "Penryn" + SVM: PROMPT,
    "Nehalem" + SVM: PROMPT, "SandyBridge" + SVM: PROMPT, "Haswell" + SVM: PROMPT,
    "Skylake-Server" + SVM: PROMPT, "Icelake-Server" + SVM: PROMPT, "max": PROMPT,
}
BOCHS = {
    "p3_katmai": NO_64_BIT, "p4_prescott_celeron_336": NO_VIRTUALIZATION,
    "turion64_tyler": NO_NESTED_PAGING, "bx_generic": NO_NESTED_PAGING,
    "core2_penryn_t9600": NO_NESTED_PAGING, "corei5_lynnfield_750": "in real mode",
    "corei5_arrandale_m520": PROMPT, "corei7_haswell_4770": PROMPT, "tigerlake": PROMPT,
    "ryzen": PROMPT,
}
BOCHS_ALWAYS = "corei5_lynnfield_750"


def qemu_models():
    """Returns all CPU models but `host`, which needs KVM."""
    text = subprocess.run(["qemu-system-x86_64", "-cpu", "help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return [name for name in re.findall(r"^x86 (\S+)", text, re.MULTILINE) if name != "host"]


def verdict(machine):
    """Returns whether there is a prompt, or the sentence in its place."""
    before = machine.wait(f"{SENTENCE}|{PROMPT}")
    assert "skerry: " not in before, before
    return machine.match().group(1) or PROMPT


@pytest.mark.parametrize("cpu", GENERATIONS)
def test_generation(build, cpu):
    with Qemu(build, cpu=cpu) as machine:
        assert GENERATIONS[cpu] in verdict(machine)


@pytest.mark.long
@pytest.mark.parametrize("more", ["", SVM])
@pytest.mark.parametrize("model", qemu_models())
def test_all(build, model, more):
    """On each CPU model with SVM and nested paging nothing but 64-bit mode may be missing."""
    allowed = (NO_64_BIT,) if more else (NO_64_BIT, NO_VIRTUALIZATION, NO_NESTED_PAGING)
    with Qemu(build, cpu=model + more) as machine:
        said = verdict(machine)
    assert said == PROMPT or any(words in said for words in allowed), said


@pytest.mark.parametrize("model", [
    pytest.param(model, marks=() if model == BOCHS_ALWAYS else pytest.mark.long)
    for model in BOCHS if emulators.bochs_has(model)])
def test_bochs(build, model):
    with Bochs(build, model=model) as machine:
        assert BOCHS[model] in verdict(machine)


@pytest.mark.parametrize("lacks", ["smep=off", "xsave=off", "svm=off"])
def test_other_cpu_lacks(build, lacks):
    """A second CPU that lacks something that the first one has is named and left out, at once."""
    other = f"EPYC-x86_64-cpu,{lacks},socket-id=1,core-id=0,thread-id=0"
    smp = ("-smp", "1,maxcpus=2,sockets=2", "-device", other)
    with Qemu(build, cpu="EPYC", extra=smp) as machine:
        machine.wait(" 1 CPU, ")
        machine.wait_prompt()
        assert "CPU with APIC id 1 lacks a feature" in machine.command("log show -l error")
        assert machine.command("log show -l error").count("APIC id") == 1


UNITS = {"VT-d": "intel-iommu,intremap=on,eim=on,aw-bits=48", "AMD-Vi": "amd-iommu,intremap=on,xtsup=on"}

if emulators.qemu_has_x2apic():
    @pytest.mark.parametrize("unit", UNITS)
    def test_apic_id_above_255(build, unit):
        """A CPU that only an x2APIC can name runs, and the IOMMU remaps interrupts beside it."""
        other = "EPYC-x86_64-cpu,x2apic=on,socket-id=287,core-id=0,thread-id=0"
        extra = ("-smp", "1,maxcpus=288,sockets=288", "-device", other, "-device", UNITS[unit])
        with Qemu(build, cpu="EPYC,x2apic=on", extra=extra) as machine:
            machine.wait_prompt()
            said = machine.command("log show")
            assert "2 of 2 CPUs run" in said
            assert re.search(rf"IOMMU 0, {unit} .*raise their own interrupts alone", said), said
            # The demonstration's process may run on it, and an IPI reaches it.
            wait_for(lambda: machine.objects("cpu")[1]["interrupts"] > 0)


# The state of each leak on the boot CPU: the emulators' CPUs say different things of themselves.
OPEN = {
    "EPYC": "spectre-v2 return-stack retbleed inception ssb cache-disable bus-lock",
    "tigerlake": "its downfall bus-lock",
}


@pytest.mark.parametrize("model", OPEN)
def test_leaks(build, model):
    """`cpu` has a line for each leak, and the same in JSON, of the first CPU."""
    with (Qemu(build, cpu=model + SVM) if model == "EPYC" else Bochs(build, model=model)) as machine:
        machine.wait_prompt()
        text = machine.command("cpu") + "\n"
        row = machine.objects("cpu")[0]
    leaks = row["leaks"]
    assert row["speculation_open"] == OPEN[model]
    assert [leak["leak"] for leak in leaks if leak["state"] == "open"] == OPEN[model].split()
    for leak in leaks:
        assert f"\n{leak['leak']:17}{leak['state']:16}{leak['by']}\n" in text
    # Reads of what only the kernel can read: Bochs' CPU is immune, and open by its model.
    by = {leak["leak"]: leak["by"] for leak in leaks}
    assert by["meltdown"] == ("AMD" if model == "EPYC" else "RDCL_NO")
