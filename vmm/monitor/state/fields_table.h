/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/state/fields.h"

/*
 * Macros that write the tables of a device's fields for `vm regs` and saved states. A field has the
 * name of the struct member that holds it.
 */
#define MEMBER(type, member) (((struct type *)0)->member)
#define FIELD(type, member, kind)                                                                  \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(MEMBER(type, member)), 1, kind,     \
			NULL                                                                       \
	}
#define ARRAY(type, member, kind)                                                                  \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(MEMBER(type, member)[0]),           \
			ARRAY_COUNT(MEMBER(type, member)), kind, NULL                              \
	}
#define ROWS(type, member) ARRAY(type, member, FIELD_BYTES)
#define INNER(type, member, of)                                                                    \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(MEMBER(type, member)), 1,           \
			FIELD_HEX, &fields_##of                                                    \
	}
#define INNERS(type, member, of)                                                                   \
	{                                                                                          \
#member, offsetof(struct type, member), sizeof(MEMBER(type, member)[0]),           \
			ARRAY_COUNT(MEMBER(type, member)), FIELD_HEX, &fields_##of                 \
	}
#define STRUCT(type)                                                                               \
	static const struct state_fields fields_##type = {of_##type, ARRAY_COUNT(of_##type),       \
							  sizeof(struct type)}
