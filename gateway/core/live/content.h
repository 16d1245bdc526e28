/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/request.h"

/*
 * What volumes hold, on its way from a client to Skerry or back. An upload goes into a volume
 * VOLUME.part, a piece at a time, each of which the disk has before the next begins; the last one
 * gives it its name. So nothing that was cut off, or has another digest, can be taken for whole.
 */
void content_line(json_t *line); /* bytes, credit or an end of a stream */
void content_data(struct request *request, const char *bytes, size_t count);
void content_consumed(struct request *request, size_t count);
void content_link_lost(void);

/* Returns how many bytes of an upload into STORE/VOLUME.part are there, or -1: none is known. */
int64_t content_uploaded(const char *part);

/* Handlers: an upload, a download, a digest. */
void content_put(struct request *request);
void content_get(struct request *request);
void content_digest(struct request *request);
