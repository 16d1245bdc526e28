/* SPDX-License-Identifier: MIT */
/*
 * Collects the text about a failed VM entry: reads fields of the dumped VMCS or VMCB and appends
 * failed checks. Called by explain_vmx.c and explain_svm.c; writes the caller's text only.
 */
#include "vmm/monitor/exits/explain.h"

#include "vmm/rt/format.h"

void explain_begin(struct explain *explain, const struct vcpu_page *page, char *text, size_t size)
{
	*explain = (struct explain){
		.fields = page->dump,
		.count = MIN(page->dump_count, (u32)ARRAY_COUNT(page->dump)),
		.text = text,
		.size = size,
	};
	if (size > 0)
		text[0] = '\0';
}

u64 explain_field(const struct explain *explain, u32 id)
{
	for (u32 i = 0; i < explain->count; i++)
		if (explain->fields[i].id == id)
			return explain->fields[i].value;
	return 0;
}

static void explain_append(struct explain *explain, const char *pattern, va_list arguments)
{
	size_t room = explain->size - explain->length;

	if (room == 0)
		return;
	if (explain->length > 0 && room > 2) {
		explain->text[explain->length++] = ';';
		explain->text[explain->length++] = ' ';
		room -= 2;
	}
	explain->length +=
		MIN(format_va(explain->text + explain->length, room, pattern, arguments), room - 1);
}

void explain_say(struct explain *explain, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	explain_append(explain, pattern, arguments);
	va_end(arguments);
}

void explain_check(struct explain *explain, bool holds, const char *pattern, ...)
{
	va_list arguments;

	if (holds || explain->failed_count >= EXPLAIN_CHECKS_MAX)
		return;
	explain->failed_count++;
	va_start(arguments, pattern);
	explain_append(explain, pattern, arguments);
	va_end(arguments);
}
