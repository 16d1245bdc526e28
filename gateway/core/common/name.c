/* SPDX-License-Identifier: MIT */
/*
 * Which names Skerry takes for VMs, users, disks and snapshots. Handlers, the users' file and the
 * cache of the host ask here; the file looks at its argument and nothing else.
 */

#include "gateway/core/common/name.h"

#include <ctype.h>
#include <string.h>

bool name_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= NAME_BYTES || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return true;
}

bool name_of_disk(const char *name)
{
	const char *stroke = strchr(name, '/');
	char store[NAME_BYTES];

	if (!stroke)
		return name_valid(name);
	if ((size_t)(stroke - name) >= sizeof(store))
		return false;
	memcpy(store, name, (size_t)(stroke - name));
	store[stroke - name] = '\0';
	return name_valid(store) && name_valid(stroke + 1);
}
