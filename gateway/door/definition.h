/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"
#include "gateway/door/uuid.h"
#include "gateway/door/xml_reader.h"

/* The keys of a VM's configuration that libvirt's XML can say. */
enum definition_key {
	DEFINITION_KERNEL,
	DEFINITION_INITRD,
	DEFINITION_CMDLINE,
	DEFINITION_BOOT,
	DEFINITION_FIRMWARE,
	DEFINITION_BOOT_ORDER,
	DEFINITION_BOOT_MENU,
	DEFINITION_UUID,
	DEFINITION_VENDOR,
	DEFINITION_PRODUCT,
	DEFINITION_SERIAL,
	DEFINITION_MEMORY,
	DEFINITION_VCPUS,
	DEFINITION_AFFINITY,
	DEFINITION_ON_CRASH,
	DEFINITION_HPET,
	DEFINITION_RNG,
	DEFINITION_BALLOON,
	DEFINITION_VSOCK,
	DEFINITION_CONSOLE,
	DEFINITION_DISK,
	DEFINITION_NET,
	DEFINITION_KEYS,
};

/* A VM as a description in XML defines it. */
struct definition {
	const char *name; /* points into the XML */
	bool has_uuid;
	uint8_t uuid[UUID_BYTES];
	/*
	 * the value of each key; empty: the description does not give it, so the key has its
	 * default
	 */
	struct buffer values[DEFINITION_KEYS];
	char problem[512]; /* why the description cannot be used, or "" */
};

/* Returns the name of a key. */
const char *definition_key(enum definition_key key);
/*
 * Reads a description. Returns false if a part of it has no counterpart in Skerry, or cannot be
 * read; `problem` then names that part by its path.
 */
bool definition_read(const struct xml_items *xml, struct definition *definition);
/* Returns the value of a key, or "" when it has its default. */
const char *definition_value(const struct definition *definition, enum definition_key key);
void definition_free(struct definition *definition);
