/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/manager/text/json.h"

/* A vCPU's registers in words. All groups of struct vcpu_page have to be valid. */

struct bit_name {
	u8 bit;
	char name[20];
	const char *meaning;
};

/* Tables of the registers' bits and their names; each ends with an entry without a name. */
extern const struct bit_name cr0_bits[];
extern const struct bit_name cr4_bits[];
extern const struct bit_name efer_bits[];
extern const struct bit_name rflags_bits[];

/*
 * Writes the names of the bits that are set, separated by spaces; a bit without a name as "bit5".
 */
const char *cpu_state_bits_text(const struct bit_name *names, u64 value, char *buffer, size_t size);
/* Writes an object of all bits that have a name, each with true or false. */
void cpu_state_bits_json(struct json *json, const char *key, const struct bit_name *names,
			 u64 value);

/* Returns the vCPU's mode: real, virtual-8086, protected, compatibility or long. */
const char *cpu_mode(const struct vcpu_page *page);
/* Returns the vCPU's kind of paging: off, 32-bit, PAE, 4-level or 5-level. */
const char *cpu_paging(const struct vcpu_page *page);
/* Returns the meaning of CR0.CD and CR0.NW together (SDM vol. 3, table 12-5). */
const char *cpu_caching(u64 cr0);

/* Returns the name of a memory type: UC, WC, WT, WP, WB or UC-, or "?" for a reserved value. */
const char *cpu_state_memory_type(u64 type);

/* Returns whether the host has SVM; otherwise it has VMX. */
bool cpu_is_svm(void);
/*
 * Finds a word in the copy of the vCPU's control structure, by VMCS encoding or VMCB offset.
 * Returns false if it is not there.
 */
bool cpu_dump_word(const struct vcpu_page *page, u32 id, u64 *value);
