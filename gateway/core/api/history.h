/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/history/history.h"
#include "gateway/core/http/request.h"

/*
 * Returns the form of the thing `what`, or NULL after an answer: it is no thing, or the asker may
 * not see it.
 */
const struct history_form *history_thing(struct request *request, const char *what);
/*
 * Returns whether the thing is there, even if nothing is kept of it yet: the host, or a VM that
 * there is.
 */
bool history_thing_exists(const char *what);
/* Answers that nothing is kept of a thing of this form. */
void history_answer_missing(struct request *request, const struct history_form *form);
