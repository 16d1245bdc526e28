/* SPDX-License-Identifier: MIT */
/*
 * Decides which of a client's bytes the HTTP library gets, and how long a client may take for them.
 * The tunnel calls it with the bytes that it has decrypted; it keeps its state in its argument.
 */
#include "gateway/web/gate.h"

void gate_start(struct gate *gate, int64_t now_ms)
{
	*gate = (struct gate){.state = GATE_HEAD, .until_ms = now_ms + GATE_HEAD_MS};
}

static size_t gate_head(struct gate *gate, const char *bytes, size_t count, int64_t now_ms)
{
	size_t used;

	if (!gate->until_ms)
		gate->until_ms = now_ms + GATE_HEAD_MS;
	switch (head_take(&gate->head, bytes, count, &used)) {
	case HEAD_MORE:
		return used;
	case HEAD_ENDS:
		/* The head's time limit stays until the HTTP library, too, has read the head. */
		gate->state = GATE_WAIT;
		return used;
	case HEAD_BAD:
		gate->bad = true;
		break;
	}
	return 0;
}

static size_t gate_body(struct gate *gate, size_t count)
{
	if (count > gate->body_left)
		count = (size_t)gate->body_left;
	gate->body_left -= count;
	if (!gate->body_left)
		gate->state = GATE_WAIT;
	return count;
}

size_t gate_pass(struct gate *gate, const char *bytes, size_t count, int64_t now_ms)
{
	if (gate->bad || !count)
		return 0;
	switch (gate->state) {
	case GATE_HEAD:
		return gate_head(gate, bytes, count, now_ms);
	case GATE_WAIT:
	case GATE_SHUT:
		break;
	case GATE_BODY:
		return gate_body(gate, count);
	case GATE_OPEN:
		return count;
	}
	return 0;
}

void gate_request(struct gate *gate, uint64_t body, int64_t now_ms)
{
	gate->body_left = body;
	gate->until_ms = body ? now_ms + GATE_BODY_MS : 0;
	if (body)
		gate->state = body == UINT64_MAX ? GATE_OPEN : GATE_BODY;
}

void gate_complete(struct gate *gate)
{
	gate->until_ms = 0;
}

/*
 * Notes that an answer begins. Without a credential it has a time limit: a client that reads no
 * answer would otherwise use up a connection for good.
 */
void gate_answers(struct gate *gate, bool known, int64_t now_ms)
{
	gate->until_ms = known ? 0 : now_ms + GATE_ANSWER_MS;
}

/*
 * Notes that an answer has ended. If the server answered before the whole body was there, it reads
 * no more of the body and ends the connection: no byte passes any more.
 */
void gate_answered(struct gate *gate, bool known, int64_t now_ms)
{
	gate->until_ms = known ? 0 : now_ms + GATE_HEAD_MS;
	gate->state = gate->state == GATE_WAIT ? GATE_HEAD : GATE_SHUT;
}

void gate_open(struct gate *gate)
{
	gate->state = GATE_OPEN;
	gate->until_ms = 0;
}

void gate_shut(struct gate *gate)
{
	gate->state = GATE_SHUT;
}

bool gate_idle(const struct gate *gate)
{
	return gate->state == GATE_HEAD && !gate->head.count;
}
