/* SPDX-License-Identifier: MIT */
/*
 * Says which series are kept of each kind of thing, and how things are named. Histories, rules of
 * alerts and handlers call it; it looks at its arguments and nothing else.
 */
#include "gateway/core/history/history_form.h"

#include <string.h>

#include "gateway/core/history/history.h"
#include "gateway/core/host/host.h"

/* The order of the values that history_sample() gathers. */
const struct history_form history_forms[] = {
	{"host", 1, 2, {{"busy_percent", 100}, {"free_bytes", 1}}},
	{"vm",
	 64,
	 9,
	 {{"cpu_percent", 100},
	  {"steal_percent", 100},
	  {"halted_percent", 100},
	  {"exits_per_s", 10},
	  {"resident_bytes", 1},
	  {"disk_read_bytes_per_s", 1},
	  {"disk_written_bytes_per_s", 1},
	  {"net_received_bytes_per_s", 1},
	  {"net_sent_bytes_per_s", 1}}},
	{"disk",
	 32,
	 3,
	 {{"requests_per_s", 10}, {"read_bytes_per_s", 1}, {"written_bytes_per_s", 1}}},
	{"net", 32, 3, {{"frames_per_s", 10}, {"bytes_per_s", 1}, {"dropped_per_s", 10}}},
	{"store", HOST_STORES, 2, {{"free_bytes", 1}, {"used_bytes", 1}}},
};

const struct history_form *history_form_of_kind(const char *what)
{
	size_t length = strcspn(what, "/");

	for (size_t i = 0; i < HISTORY_FORMS; i++) {
		const struct history_form *form = &history_forms[i];

		if (strncmp(form->kind, what, length) != 0 || form->kind[length])
			continue;
		return (i == HISTORY_HOST) == !what[length] ? form : NULL;
	}
	return NULL;
}

const struct history_form *history_form(const char *what)
{
	const struct history_form *form = history_form_of_kind(what);
	const char *name = strchr(what, '/');

	if (!form || !name)
		return form;
	return name_of_disk(name + 1) &&
			       (form == &history_forms[HISTORY_DISK] || !strchr(name + 1, '/'))
		       ? form
		       : NULL;
}
