/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"

/* the most failed checks that the text names, as further ones rarely help */
#define EXPLAIN_CHECKS_MAX 4

/* The dump of a VMCS or VMCB (VCPU_DUMP), and the text about its wrong fields. */
struct explain {
	const struct vcpu_dump_field *fields;
	u32 count;
	u32 failed_count;
	char *text;
	size_t size;
	size_t length;
};

/*
 * Writes to text[size] why a VM entry failed (EXIT_ENTRY_FAILED): the checks that the dumped state
 * does not pass, the first few of them, in words. Always terminated, one line.
 */
void explain_vmx(const struct vcpu_page *page, char *text, size_t size);
void explain_svm(const struct vcpu_page *page, char *text, size_t size);

/* Functions that explain_vmx.c and explain_svm.c share. */
void explain_begin(struct explain *explain, const struct vcpu_page *page, char *text, size_t size);
/* Returns the value of the field `id` in the dump, 0 if the dump lacks it. */
u64 explain_field(const struct explain *explain, u32 id);
/* Appends a text to the explanation, after "; " unless it is the first. */
void explain_say(struct explain *explain, const char *pattern, ...) PRINTF_LIKE(2, 3);
/* Appends the text, which states a requirement of the CPU, unless `holds` is true. */
void explain_check(struct explain *explain, bool holds, const char *pattern, ...) PRINTF_LIKE(3, 4);
