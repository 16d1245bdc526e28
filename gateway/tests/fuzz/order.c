/* SPDX-License-Identifier: MIT */
/*
 * Feeds the handler of new runs with a client's body: an order has only words that the init knows,
 * and a volume only from whoever may give one; each body has one answer, and each line that the
 * audit has of a volume its result.
 */
#include "gateway/base/buffer.c"
#include "gateway/base/bytes.c"
#include "gateway/base/fields.c"
#include "gateway/core/api/run.c"
#include "gateway/core/api/run_volume.c"
#include "gateway/core/common/name.c"
#include "gateway/core/common/number.c"
#include "gateway/core/live/run_wanted.c"
#include "gateway/web/flatten.c"

static struct request fuzz_request;
static unsigned fuzz_answers, fuzz_lines, fuzz_ended;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

void answer_problem(struct request *request, unsigned status, const char *code, const char *format,
		    ...)
{
	(void)request, (void)code, (void)format;
	if (status < 400)
		__builtin_trap();
	fuzz_answers++;
}

uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result)
{
	char name[TARGET_BYTES];

	(void)who, (void)action, (void)from;
	string_copy(name, sizeof(name), target);
	if (result || !strchr(name, '/') || !name_of_disk(name))
		__builtin_trap();
	return ++fuzz_lines;
}

void audit_end(uint64_t line, const char *result)
{
	(void)result;
	fuzz_ended += line != 0;
}

bool router_begin(struct request *request)
{
	(void)request;
	return true;
}

/* Returns how many words of the kind there are; each is one that the init knows from the host. */
static size_t fuzz_words(const struct buffer *words, const char *kinds)
{
	size_t found = 0;

	if (words->count && words->bytes[words->count - 1])
		__builtin_trap();
	for (size_t at = 0; at < words->count; at += strlen(words->bytes + at) + 1) {
		if (!strchr("aeoduvrt", words->bytes[at]) || !words->bytes[at])
			__builtin_trap();
		found += strchr(kinds, words->bytes[at]) != NULL;
	}
	return found;
}

/* Looks at the order that was read; there is no place for its run. */
bool run_begin(struct request *request, const struct run_order *order, unsigned wait_s)
{
	size_t volumes = fuzz_words(&order->words, "vr");

	(void)wait_s;
	if (order->words.count > API_RUN_WORDS ||
	    order->wanted.count != fuzz_words(&order->words, "o"))
		__builtin_trap();
	if (volumes != (order->volume[0] != 0) || volumes != (order->volume_audit != 0))
		__builtin_trap();
	if (volumes && (!(request->who.roles & ROLE_ADMIN) || strcmp(request->who.scope, "*")))
		__builtin_trap();
	answer_problem(request, 429, "busy", "too many");
	return false;
}

/* --- what knows of the host, and the handlers of runs that are there --- */

struct host_vm *host_find(const char *name)
{
	(void)name;
	return NULL;
}

bool scope_has(const char *scope, const char *name)
{
	(void)scope, (void)name;
	return true;
}

const char *run_publish_add(struct run_publish *publish, const char *text)
{
	(void)publish;
	return number_read(text, 1, 65535) > 0 ? NULL : "no port";
}

bool run_publish_may(struct request *request, const struct run_publish *publish)
{
	(void)request, (void)publish;
	return true;
}

void request_actor(const struct request *request, char *text, size_t size)
{
	(void)request;
	string_copy(text, size, "me");
}

const char *request_address(const struct request *request)
{
	(void)request;
	return "";
}

const char *request_query(const struct request *request, const char *name)
{
	(void)request, (void)name;
	return NULL;
}

unsigned request_wait_s(const struct request *request, unsigned missing)
{
	(void)request;
	return missing;
}

bool run_stream_wanted(const struct request *request)
{
	(void)request;
	return false;
}

void answer_json(struct request *request, unsigned status, json_t *body)
{
	(void)request, (void)status;
	json_decref(body);
	__builtin_trap();
}

struct run *run_find(uint64_t number)
{
	(void)number;
	return NULL;
}

struct run *run_next(const struct run *run)
{
	(void)run;
	return NULL;
}

json_t *run_json(const struct run *run, bool all)
{
	(void)run, (void)all;
	return NULL;
}

void run_answer_all(struct run *run, double now_s)
{
	(void)run, (void)now_s;
}

bool run_wait(struct run *run, struct request *request, unsigned wait_s)
{
	(void)run, (void)request, (void)wait_s;
	return false;
}

void run_stop(struct run *run, const char *result)
{
	(void)run, (void)result;
}

bool run_publish_answer(struct run *run, struct request *request)
{
	(void)run, (void)request;
	return false;
}

/* The first byte is who asks. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct buffer made = {0};

	if (count == 0)
		return 0;
	fuzz_request = (struct request){.who.roles = bytes[0] & 1 ? ROLE_ADMIN : ROLE_OPERATOR};
	string_copy(fuzz_request.who.scope, sizeof(fuzz_request.who.scope),
		    bytes[0] & 2 ? "*" : "vm*");
	fuzz_answers = fuzz_lines = fuzz_ended = 0;
	if (flatten((const char *)bytes + 1, count - 1, &made) &&
	    fields_read(&fuzz_request.fields, made.bytes, made.count)) {
		api_run_begin(&fuzz_request);
		/* one answer, and no line of the audit waits for ever */
		if (fuzz_answers != 1 || fuzz_lines != fuzz_ended)
			__builtin_trap();
	}
	buffer_free(&made);
	return 0;
}
