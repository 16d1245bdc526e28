/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/history/history_record.h"

/* The forms, which history_form() finds by a thing's name. */
enum history_kind {
	HISTORY_HOST,
	HISTORY_VM,
	HISTORY_DISK,
	HISTORY_NET,
	HISTORY_STORE,
	HISTORY_FORMS
};
extern const struct history_form history_forms[HISTORY_FORMS];
