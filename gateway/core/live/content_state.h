/* SPDX-License-Identifier: MIT */
#pragma once

#include <inttypes.h>
#include <jansson.h>

#include "gateway/base/buffer.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/request.h"

/* What the files of content.h share: the table of what is under way, and how each goes on. */
enum {
	CONTENTS = 4,		 /* Skerry moves no more at a time */
	CONTENT_WINDOW = 65536,	 /* bytes under way to a client */
	CONTENT_LINE = 5500,	 /* bytes in a line to Skerry, which takes 8192 in base 64 */
	CONTENT_PIECE = 8 << 20, /* bytes that the disk has before the next ones are sent */
	CONTENT_STEP = 4096,	 /* a piece begins at a multiple of it, and so does a size end */
	CONTENT_SHA256 = 64,
};
#define CONTENT_MOST (INT64_C(1) << 40) /* the size of Skerry's largest volume */

/* What is waited for. */
enum content_step {
	CONTENT_FREE,
	CONTENT_LOOKS, /* whether the volume is there */
	CONTENT_DROPS, /* what an earlier upload has left */
	CONTENT_MAKES,
	CONTENT_OPENS, /* a stream */
	CONTENT_MOVES, /* until the stream is closed */
	CONTENT_DIGESTS,
	CONTENT_NAMES,
};

struct content {
	enum content_step step;
	bool upload, digest;
	uint64_t number;  /* differs for each, so that a late answer finds none */
	uint32_t request; /* 0: the client has gone */
	char target[TARGET_BYTES], part[TARGET_BYTES];
	char sha256[CONTENT_SHA256 + 1]; /* "": nobody has said one */
	char actor[65];
	int64_t first, end, total; /* of the body, in the volume; the size of the whole image */
	int64_t size;		   /* of the volume */
	int64_t at;		   /* where the piece that is under way begins */
	int64_t piece;		   /* its length */
	int64_t sent;		   /* bytes of it that Skerry got */
	bool end_sent;
	bool told; /* the client may send, or has the head of its answer */
	int64_t stream;
	struct buffer input;
	size_t credit; /* bytes that Skerry takes */
	size_t given;  /* bytes that Skerry may send */
};

/*
 * Takes a free place for a request whose path names a volume. Returns NULL when the request was
 * answered.
 */
struct content *content_place(struct request *request);
struct content *content_of_request(const struct request *request);
/* Returns whether another upload goes into the same volume. */
bool content_is_uploaded(const struct content *content);
/* Lets go of the client, and returns its request, which is to be answered; NULL: it has gone. */
struct request *content_release(struct content *content);
void content_free(struct content *content);
/* Ends with a problem. A client that has a head already hears of a broken body. */
void content_fail(struct content *content, unsigned status, const char *code, const char *detail);
/* Asks Skerry, and waits for the answer in that step; `words` ends with NULL. */
void content_ask(struct content *content, enum content_step step, const char *command,
		 const char *const *words);
void content_ask_about(struct content *content, enum content_step step, const char *command,
		       const char *volume);

/* Uploads: opens the stream of the next piece; sends Skerry what it takes; a piece is there. */
void content_open_piece(struct content *content);
void content_push(struct content *content);
void content_piece_done(struct content *content);
void content_make(struct content *content);
void content_name(struct content *content);
void content_answer_upload(struct content *content);

/* Downloads: opens the stream, now that the volume's row is known; begins the answer; goes on. */
void content_open_read(struct content *content, json_t *row);
void content_begin_answer(struct content *content, struct request *request);
void content_output(struct content *content, json_t *line);
