/* SPDX-License-Identifier: MIT */
/*
 * Handles a failed VM entry: fetches the dump of VMCS or VMCB and crashes the VM with the reason
 * that explain_vmx.c or explain_svm.c finds. Called by exits.c.
 */
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/exits/explain.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/syscall.h"

void exits_entry_failed(struct vcpu *vcpu)
{
	struct machine *machine = vcpu->machine;
	const struct vcpu_page *page = vcpu->page;
	char text[224] = "the control structure could not be read";

	if (sys_vcpu_get(vcpu->handle, VCPU_DUMP) == STATUS_OK) {
		if (vcpu_is_svm())
			explain_svm(page, text, sizeof(text));
		else
			explain_vmx(page, text, sizeof(text));
	}
	machine_log(machine, "VM entry failed at rip 0x%lx: %s", page->rip, text);
	machine_crash(machine, "VM entry failed: %s", text);
}
