/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/base/buffer.h"

/* Adds `text` so that it is text in an element or a quoted attribute of HTML, and nothing else. */
void html_text(struct buffer *page, const char *text);
/* Makes one page of a report: no script, nothing from elsewhere. The caller frees the buffer. */
struct buffer html_page(const json_t *report);
/* Writes the Content-Security-Policy (CSP) that the page needs, into `room` bytes. */
void html_policy(char *policy, size_t room);
