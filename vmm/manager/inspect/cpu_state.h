/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/manager/text/json.h"

/* A vCPU's registers in words. All groups are valid in the page. */

struct bit_name {
	u8 bit;
	char name[20];
	const char *meaning;
};

/* Each ends with an entry without a name. */
extern const struct bit_name cr0_bits[];
extern const struct bit_name cr4_bits[];
extern const struct bit_name efer_bits[];
extern const struct bit_name rflags_bits[];

/* The names of the bits that are set, separated by spaces; unknown ones as "bit N". */
const char *cpu_state_bits_text(const struct bit_name *names, u64 value, char *buffer, size_t size);
/* An object of all bits that have a name, each with true or false. */
void cpu_state_bits_json(struct json *json, const char *key, const struct bit_name *names,
			 u64 value);

/* real, virtual-8086, protected, compatibility or long */
const char *cpu_mode(const struct vcpu_page *page);
/* off, 32-bit, PAE, 4-level or 5-level */
const char *cpu_paging(const struct vcpu_page *page);
/* What CR0.CD and CR0.NW say together (SDM vol. 3, table 12-5). */
const char *cpu_caching(u64 cr0);

/* UC, WC, WT, WP, WB or UC- */
const char *cpu_state_memory_type(u64 type);

/* Whether the host has SVM; else it has VMX. */
bool cpu_is_svm(void);
/* A word of the control structure's dump: VMCS encoding or VMCB offset; false: it is not there. */
bool cpu_dump_word(const struct vcpu_page *page, u32 id, u64 *value);
