/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/http/request.h"

/*
 * The contents of volumes, on their way from a client to Skerry or back. An upload writes a volume
 * VOLUME.part, in pieces, each of which is on the disk before the next begins; after the last one
 * the volume gets its name. So an upload that was cut off, or has another digest, cannot be taken
 * for complete.
 */
/* handles Skerry's line about a transfer's stream: bytes, credit or the end */
void content_line(json_t *line);
void content_data(struct request *request, const char *bytes, size_t count);
void content_consumed(struct request *request, size_t count);
void content_link_lost(void);

/*
 * Returns how many bytes of an upload into STORE/VOLUME.part are on the disk, or -1 if no such
 * upload is known.
 */
int64_t content_uploaded(const char *part);

/* Handlers of the routes: an upload, a download, a digest. */
void content_put(struct request *request);
void content_get(struct request *request);
void content_digest(struct request *request);
