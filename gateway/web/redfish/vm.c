/* SPDX-License-Identifier: MIT */
/*
 * Reads REST's description of a VM: its state, keys of its configuration, the medium in its drive.
 * The functions of resources call it; it keeps nothing.
 */
#include "gateway/web/redfish/vm.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"

const char *redfish_vm_key(json_t *vm, const char *key)
{
	return redfish_text(json_object_get(json_object_get(vm, "config"), key), "value");
}

const char *redfish_vm_power(json_t *vm)
{
	const char *state = redfish_text(vm, "state");

	return !strcmp(state, "running") ? "On" : !strcmp(state, "paused") ? "Paused" : "Off";
}

json_t *redfish_vm_setting(const char *key, const char *value)
{
	return json_pack("{s:{s:s?}}", "config", key, *value ? value : NULL);
}

/*
 * Copies the next word of an entry of `disk`. Returns the text behind it, or NULL at the entry's
 * end.
 */
static const char *vm_word(const char *at, const char *end, char *word, size_t room)
{
	size_t length = 0;

	while (at < end && *at == ' ')
		at++;
	while (at + length < end && at[length] != ' ')
		length++;
	if (length == 0)
		return NULL;
	string_copy(word, length < room ? length + 1 : room, at);
	return at + length;
}

/* Returns whether an entry of the key `disk` is a CD; copies its name. */
static bool vm_is_cd(const char *at, const char *end, char *name, size_t room)
{
	char word[16];

	at = vm_word(at, end, name, room);
	while (at && (at = vm_word(at, end, word, sizeof(word)))) {
		if (!strcmp(word, "cdrom"))
			return true;
	}
	return false;
}

bool redfish_vm_medium(json_t *vm, char *name, size_t name_room, char *others, size_t others_room)
{
	const char *at = redfish_vm_key(vm, "disk");
	bool has = false;

	*name = *others = 0;
	while (*at) {
		const char *end = at + strcspn(at, ",");

		while (*at == ' ')
			at++;
		if (!has && vm_is_cd(at, end, name, name_room)) {
			has = true;
		} else {
			snprintf(others + strlen(others), others_room - strlen(others), "%s%.*s",
				 *others ? ", " : "", (int)(end - at), at);
		}
		at = *end ? end + 1 : end;
	}
	return has;
}
