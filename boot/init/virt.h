/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"

/*
 * Returns the operations of the back end, VMX or SVM, that this CPU has. Returns NULL if this CPU
 * cannot run guests (no VMX or SVM, no nested paging, or locked off by the firmware): *reason then
 * is one plain sentence for the operator.
 */
const struct virt_ops *virt_probe(const char **reason);
const struct virt_ops *vmx_probe(const char **reason);
const struct virt_ops *svm_probe(const char **reason);

/*
 * Turns virtualization on, on the running CPU; `area` is a zeroed page for this CPU's VMXON region
 * or host save area.
 */
enum status virt_cpu_enable(void *area);
enum status vmx_cpu_enable(void *area, hpa_t area_hpa);
enum status svm_cpu_enable(hpa_t area_hpa);
