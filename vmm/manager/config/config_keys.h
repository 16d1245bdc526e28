/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

enum config_value {
	VALUE_TEXT,
	VALUE_SIZE,
	VALUE_NUMBER,
	VALUE_PERCENT,
	VALUE_DURATION,
	VALUE_CPUS,
	VALUE_RESERVE,
	VALUE_CHOICE,
	VALUE_FLAGS, /* any of the words, or none */
	VALUE_DISKS, /* may be given several times: each adds to it */
	VALUE_NETS,  /* likewise */
	VALUE_PORTS,
	VALUE_PASSWORD, /* shown nowhere, not even where it is wrong */
	VALUE_KEY,	/* likewise */
};

/* One key: what its value looks like and where it is stored. */
struct config_key {
	const char *name;
	enum config_value value;
	u32 offset;          /* of the field in struct host_config or struct vm_config */
	u64 minimum;         /* numbers; VALUE_TEXT: the field's size is the maximum */
	u64 maximum;
	const char *words;   /* VALUE_CHOICE, VALUE_FLAGS: in order, separated by spaces;
			      * VALUE_DURATION: what stands for 0, NULL: nothing does */
	const char *allowed; /* for the error text */
};

/* Of one key alone; false: it is none. */
bool config_parse_state_key(struct text text, struct state_key *key);

/* The tables end with a key without a name. */
extern const struct config_key config_host_keys[];
extern const struct config_key config_vm_keys[];
extern const struct config_key config_disk_keys[];
extern const struct config_key config_net_keys[];
extern const struct config_key config_channel_keys[];
extern const struct config_key config_service_keys[];

/* The key of that name; NULL: there is none. */
const struct config_key *config_key_find(const struct config_key *keys, struct text name);

/*
 * Sets `key` in `target` (struct host_config or struct vm_config, `given` its member). False, with
 * nothing changed, for a mistake: `problem` says it in words, *in_value whether it is in the
 * value. A key may be set once.
 */
bool config_set(const struct config_key *keys, void *target, u64 *given, struct text key,
		struct text value, char *problem, size_t size, bool *in_value);

/* What only shows when all keys of a VM are known. False: `problem` says what is wrong. */
bool config_vm_check(const struct vm_config *vm, char *problem, size_t size);

bool config_disk_check(const struct disk_config *disk, char *problem, size_t size);
bool config_service_check(const struct service_config *service, char *problem, size_t size);

/* A line of the file that says so: key = value. Returns `buffer`. */
const char *config_line_text(const struct config_key *key, const char *value, char *buffer,
			     size_t size);
#define CONFIG_LINE_BYTES (2 * CONFIG_CMDLINE_BYTES + 32)

/* The value as the configuration file would have it; "" for one that says nothing. */
void config_value_text(const struct config_key *key, const void *target, char *buffer, size_t size);
