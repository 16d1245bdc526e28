/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/reply.h"
#include "vmm/manager/disk/store.h"

/* Functions that the commands `store` and `volume` share. */

#define VOLUME_USERS_BYTES 160u

/* Returns the store of that name; NULL, after an error, if there is none. */
struct store *command_store(struct reply *reply, const char *name);
/*
 * Finds STORE/VOLUME. Returns NULL, after an error, if there is no such store or, where `volume` is
 * not NULL, no such volume; `name` is then the part behind the slash.
 */
struct store *command_volume(struct reply *reply, const char *word, struct text *name,
			     struct store_volume *volume);
/*
 * Does the same, and also finds the volume of a scheduled backup, which commands that use
 * command_volume do not reach.
 */
struct store *command_volume_or_backup(struct reply *reply, const char *word, struct text *name,
				       struct store_volume *volume);
/* Finds a volume by its name alone. Returns false, after an error, if the store has none. */
bool command_volume_in(struct reply *reply, const struct store *store, const char *name,
		       struct store_volume *volume);
/* Reads a volume's size. Returns false, without an error, if a volume cannot have it. */
bool command_volume_size(const char *word, u64 *sectors);
/* Reads a new name of a volume. Returns false, after an error, if it is not valid. */
bool command_volume_name(struct reply *reply, const char *word, struct store_item *item);
/*
 * Gives a command to the store's driver, and lets the asker's command wait for the driver's answer.
 */
void command_store_ask(struct reply *reply, struct store *store, enum store_operation operation,
		       const struct store_item *item);
/* Does the same for the store of that name with a command that is about all of the store. */
void command_store_begin(struct reply *reply, const char *name, enum store_operation operation);
/* Writes that a store's command is done; `said` is the driver's text about it, or "". */
void command_store_show_done(struct reply *reply, const char *store, const char *said);
/* Writes about a volume: a line at the console, a JSON object on a machine channel. */
void command_volume_show(struct reply *reply, const struct store *store,
			 const struct store_volume *volume);
/* Writes the keys that all JSON objects of volumes have into the object that was begun. */
void command_volume_keys(struct reply *reply, const struct store *store,
			 const struct store_volume *volume, const char *users);
