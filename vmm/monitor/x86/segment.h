/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"

/* Type bits of a segment with S set (SDM vol. 3, table 3-1). */
enum segment_type {
	SEGMENT_TYPE_RW = 1 << 1,   /* a data segment is writable; a code segment is readable */
	SEGMENT_TYPE_DOWN = 1 << 2, /* a data segment expands down */
	SEGMENT_TYPE_CODE = 1 << 3,
};

/* Returns whether `size` bytes at the offset lie within the segment's limit: SDM vol. 3, 5.3. */
static inline bool segment_has(const struct vcpu_segment_state *segment, u64 offset, u32 size)
{
	u64 last = offset + size - 1;
	u64 top = segment->access & SEGMENT_DB ? 0xffffffff : 0xffff;

	if (segment->access & SEGMENT_TYPE_DOWN && !(segment->access & SEGMENT_TYPE_CODE))
		return offset > segment->limit && last <= top;
	return last <= segment->limit;
}
