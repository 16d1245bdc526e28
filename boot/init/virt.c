/* SPDX-License-Identifier: MIT */
/*
 * Chooses the virtualization back end, VMX or SVM, by the CPU's features. boot/init/machine.c calls
 * it: once for the choice, and on each CPU to turn virtualization on.
 */
#include "boot/init/virt.h"
#include "boot/init/init.h"
#include "mm/address.h"

const struct virt_ops *virt_probe(const char **reason)
{
	if (features.svm)
		return svm_probe(reason);
	if (features.vmx)
		return vmx_probe(reason);
	*reason = "this CPU has neither VMX (Intel) nor SVM (AMD), needed to run guests";
	return NULL;
}

enum status virt_cpu_enable(void *area)
{
	return features.svm ? svm_cpu_enable(pointer_to_hpa(area))
			    : vmx_cpu_enable(area, pointer_to_hpa(area));
}
