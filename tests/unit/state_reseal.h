/* SPDX-License-Identifier: MIT */
#pragma once

/* For whoever includes vmm/monitor/state/record.c. */
#include "vmm/monitor/state/record.h"
#include "vmm/monitor/state/section_types.h"

/* Gives a state that was changed by hand the checksums that fit, as far as records go. */
static UNUSED void state_reseal(void *bytes, size_t size)
{
	struct state_header *header = bytes;
	u8 *at = (u8 *)bytes + sizeof(*header);
	size_t left = size - sizeof(*header);

	if (size < sizeof(*header))
		return;
	header->check = state_header_check(*header);
	while (left >= sizeof(struct state_record)) {
		struct state_record *record = (void *)at;
		struct state_end *end = (void *)(record + 1);

		if (state_record_bytes(record->length) > left)
			return;
		if (record->type == STATE_END && record->length == sizeof(*end))
			end->check = crc32c(0, bytes, (size_t)(at - (u8 *)bytes));
		record->check = record_check(record, state_record_bytes(record->length));
		at += state_record_bytes(record->length);
		left -= state_record_bytes(record->length);
	}
}
