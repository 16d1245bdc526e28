/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/virt/virt.h"

#include "arch/x86_64/cpu/features.h"

const struct virt_ops *virt_probe(const char **reason)
{
	if (features.svm)
		return svm_probe(reason);
	if (features.vmx)
		return vmx_probe(reason);
	*reason = "this CPU has neither VMX (Intel) nor SVM (AMD), needed to run guests";
	return NULL;
}
