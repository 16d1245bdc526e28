/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The tables of the keys that a section of the configuration may have, and the functions that set,
 * check and show them.
 */
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
	VALUE_FLAGS, /* any number of the words in `words`, or none */
	VALUE_DISKS, /* the key may be given several times, and each adds a disk */
	VALUE_NETS,  /* the key may be given several times, and each adds a card */
	VALUE_PORTS,
	VALUE_BACKUP,	/* when backups are made, and how many are kept */
	VALUE_PEERS,	/* the guests to which the VM's guest may connect */
	VALUE_EGRESS,	/* what the VM's cards may send to */
	VALUE_PASSWORD, /* a password, which is never shown, not even in an error */
	VALUE_KEY,	/* a key of a cipher, which is never shown, not even in an error */
};

/* A key of a section: the form of its value, and where the value is stored. */
struct config_key {
	const char *name;
	enum config_value value;
	u32 offset;  /* offset of the field in the section's structure */
	u64 minimum; /* the least value of a number, or the least length of a VALUE_TEXT */
	u64 maximum;
	/*
	 * VALUE_CHOICE, VALUE_FLAGS: the words that a value may have, in order, separated by
	 * spaces; VALUE_DURATION: the word for 0, or NULL
	 */
	const char *words;
	const char *allowed; /* what values are allowed, in words, for error messages */
};

/* Reads the text of a state key into *key; returns false if the text is no key. */
bool config_parse_state_key(struct text text, struct state_key *key);

/* The keys that each kind of section may have; each table ends with a key without a name. */
extern const struct config_key config_host_keys[];
extern const struct config_key config_vm_keys[];
extern const struct config_key config_disk_keys[];
extern const struct config_key config_net_keys[];
extern const struct config_key config_channel_keys[];
extern const struct config_key config_service_keys[];
extern const struct config_key config_store_keys[];

/* Returns the key of that name, or NULL if there is none. */
const struct config_key *config_key_find(const struct config_key *keys, struct text name);
/* Returns the bit of that key in a section's `given`, or 0 if there is no key of that name. */
u64 config_key_bit(const struct config_key *keys, const char *name);

/*
 * Sets `key` in `target` (a section's structure; `given` is its member). For a mistake it returns
 * false and changes nothing; `problem` describes the mistake, and *in_value says whether it is in
 * the value. A key may be set once.
 */
bool config_set(const struct config_key *keys, void *target, u64 *given, struct text key,
		struct text value, char *problem, size_t size, bool *in_value);

/* Check a section whose keys are all known. They return false, with the mistake in `problem`. */
bool config_vm_check(const struct vm_config *vm, char *problem, size_t size);

bool config_disk_check(const struct disk_config *disk, char *problem, size_t size);
bool config_service_check(const struct service_config *service, char *problem, size_t size);
bool config_store_check(const struct store_config *store, char *problem, size_t size);

/* Writes the line of a configuration file with this key and value; returns `buffer`. */
const char *config_line_text(const struct config_key *key, const char *value, char *buffer,
			     size_t size);
#define CONFIG_LINE_BYTES (2 * CONFIG_CMDLINE_BYTES + 32)

/* Writes the value as in a configuration file, or "" if the key says nothing. */
void config_value_text(const struct config_key *key, const void *target, char *buffer, size_t size);
