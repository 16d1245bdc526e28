/* SPDX-License-Identifier: MIT */
#pragma once

#include <inttypes.h>
#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/request.h"

/* The table of transfers, and functions on one transfer: shared by the files content*.c. */
enum {
	CONTENTS = 4,		/* the most transfers at a time, which is Skerry's limit */
	CONTENT_WINDOW = 65536, /* the most bytes on their way to a client */
	/* the most bytes in a line to Skerry: a line has 8192 bytes at most, in base 64 */
	CONTENT_LINE = 5500,
	/* the most bytes of a piece, which is on the disk before the next is sent */
	CONTENT_PIECE = 8 << 20,
	/* pieces begin at multiples of this, and the size of a volume is a multiple of it */
	CONTENT_STEP = 4096,
	CONTENT_SHA256 = 64,
};
#define CONTENT_MOST (INT64_C(1) << 40) /* bytes of Skerry's largest volume */

/* The step of a transfer: the event for which it waits. */
enum content_step {
	CONTENT_FREE,
	CONTENT_LOOKS, /* the reply that tells whether the volume exists */
	CONTENT_DROPS, /* the removal of the volume that an earlier upload has left */
	CONTENT_MAKES,
	CONTENT_OPENS, /* the stream that was asked for */
	CONTENT_MOVES, /* the end of the stream that is open */
	CONTENT_DIGESTS,
	CONTENT_NAMES,
};

struct content {
	enum content_step step;
	bool upload, digest;
	uint64_t number;  /* a new number for each transfer, so that a late reply finds none */
	uint32_t request; /* id of the client's request; 0: the client has gone */
	char target[TARGET_BYTES], part[TARGET_BYTES];
	char sha256[CONTENT_SHA256 + 1]; /* the expected digest; "": the client has given none */
	char actor[65];
	/*
	 * offsets in the volume at which the body begins and ends; the size of the whole image in
	 * bytes
	 */
	int64_t first, end, total;
	int64_t size;  /* the volume's size */
	int64_t at;    /* offset in the volume at which the current piece begins */
	int64_t piece; /* the current piece's length */
	int64_t sent;  /* bytes of the piece that were sent to Skerry */
	bool end_sent;
	bool told; /* upload: the client may send; download: the head of the answer was sent */
	int64_t stream;
	struct buffer input;
	size_t credit; /* upload: bytes that Skerry takes now */
	size_t given;  /* download: bytes that Skerry may send now */
};

/*
 * Takes a free entry of the table for a request whose path names a volume. If there is none,
 * answers the request and returns NULL.
 */
struct content *content_place(struct request *request);
struct content *content_of_request(const struct request *request);
/* Returns whether another transfer uploads into the same volume. */
bool content_is_uploaded(const struct content *content);
/*
 * Separates a transfer from its request, and returns the request to be answered; NULL: the client
 * has gone.
 */
struct request *content_release(struct content *content);
void content_free(struct content *content);
/* Ends a transfer with a problem. A client that has the head of a download gets a broken body. */
void content_fail(struct content *content, unsigned status, const char *code, const char *detail);
/*
 * Sends Skerry a command; the transfer is in `step` until the reply comes. `words` ends with NULL.
 */
void content_ask(struct content *content, enum content_step step, const char *command,
		 const char *const *words);
void content_ask_about(struct content *content, enum content_step step, const char *command,
		       const char *volume);

/*
 * Uploads: content_open_piece() opens the stream of the next piece, content_push() sends bytes to
 * Skerry, content_piece_done() continues when a piece is on the disk.
 */
void content_open_piece(struct content *content);
void content_push(struct content *content);
void content_piece_done(struct content *content);
void content_make(struct content *content);
void content_name(struct content *content);
void content_answer_upload(struct content *content);

/*
 * Downloads: content_open_read() opens the stream of the volume in `row`, content_begin_answer()
 * sends the head of the answer, content_output() handles bytes from Skerry.
 */
void content_open_read(struct content *content, json_t *row);
void content_begin_answer(struct content *content, struct request *request);
void content_output(struct content *content, json_t *line);
